/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/env.h - the names of the kernel that the notifiers' sources use
 *
 * The sources of mm/notifier/ include this file and the notifiers' headers, and
 * nothing else. interval_tree.c needs no more than mm/notifier/types.h.
 *
 * Another kernel that takes the core gives the same names: docs/lifting.md says what
 * each must promise, and include/host/notifier_host.h gives them by pthreads.
 *
 *	memory		kzalloc kfree GFP_KERNEL GFP_NOWAIT, memset memcpy
 *	locks		struct spinlock, spin_lock spin_unlock spin_lock_init
 *			DEFINE_SPINLOCK
 *	sleeping	struct wait_queue_head, wait_event_reporting wake_up_all
 *			init_waitqueue_head DECLARE_WAIT_QUEUE_HEAD
 *	atomics		struct atomic, atomic_*; struct atomic64, atomic64_*;
 *			cmpxchg try_cmpxchg, READ_ONCE WRITE_ONCE,
 *			smp_load_acquire smp_store_release smp_mb
 *	the mm		mmgrab mmdrop, down_write_killable mmap_write_unlock,
 *			down_read_killable mmap_read_unlock;
 *			fields mm_users, mm_count, mmap_lock,
 *			notifier_subscriptions, notifier_ranges
 *	regions		struct vm_area_struct, vm_flags, VM_READ
 *	reports		WARN BUG_ON panic
 *	validator	DEFINE_LOCKDEP_MAP DECLARE_LOCKDEP_MAP lock_map_acquire
 *			lock_map_release might_sleep might_lock non_block_start
 *			non_block_end lockdep_assert_held_write
 *	statistics	rdtsc TRACE DEFINE_TRACE_EVENT
 *	threads		notifier_thread(), if threads can be told apart
 *	errors		ERR_PTR IS_ERR PTR_ERR, EINTR EAGAIN ENOMEM EBUSY EEXIST
 *			EINVAL EOVERFLOW
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
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <kernel/sched/wait.h>
#include <mm/space/mm.h>

#define notifier_thread() ((const void *)current)

#endif
