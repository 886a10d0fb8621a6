/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/env.h - all that the notifier core wants from its kernel
 *
 * The sources of mm/notifier/ include this and their own headers, which want mm/notifier/types.h. Another
 * kernel that takes the core over gives the same names; include/host/
 * notifier_host.h does it with pthreads. docs/lifting.md lists each with what it
 * must promise.
 *
 *	memory		kzalloc kfree GFP_KERNEL GFP_NOWAIT
 *	locks		struct spinlock spin_lock spin_unlock spin_lock_init
 *			DEFINE_SPINLOCK
 *	waiting		struct wait_queue_head init_waitqueue_head wait_event
 *			wake_up_all DECLARE_WAIT_QUEUE_HEAD
 *	atomics		struct atomic atomic_*, struct atomic64 atomic64_*,
 *			cmpxchg try_cmpxchg, READ_ONCE WRITE_ONCE
 *			smp_load_acquire smp_store_release smp_mb
 *	the mm		mmgrab mmdrop down_write_killable
 *			mmap_write_unlock down_read_killable mmap_read_unlock,
 *			fields mm_users, mm_count, mmap_lock,
 *			notifier_subscriptions, notifier_ranges
 *	regions		struct vm_area_struct, vm_flags, VM_READ
 *	checks		WARN BUG_ON panic might_sleep lock_map_acquire ...
 *	people		rdtsc TRACE DEFINE_TRACE_EVENT
 */
#ifndef MM_NOTIFIER_ENV_H
#define MM_NOTIFIER_ENV_H

#include <arch/cpu.h>
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <kernel/lock/lockdep.h>
#include <lib/panic.h>
#include <kernel/sched/rwsem.h>
#include <kernel/lock/spinlock.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <kernel/sched/wait.h>
#include <mm/space/mm.h>

#endif
