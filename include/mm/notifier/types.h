/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/types.h - the names of the kernel that the public headers use
 *
 * The public headers (mm/notifier/mmu_notifier.h names them) and interval_tree.h
 * include this file and each other, and nothing else. So an invalidator sees only
 * names of the notifiers and of its own kernel. mm/notifier/env.h has the names that
 * the sources use besides.
 *
 * Another kernel writes both files anew; docs/lifting.md says what each name must
 * promise.
 *
 *	integers	bool u64 s64
 *	compiler	READ_ONCE likely unlikely __always_inline __must_check
 *			IS_ENABLED
 *	errors		EINVAL
 *	atomics		struct atomic64, atomic64_set atomic64_add_negative
 *			atomic64_sub_negative, smp_store_release
 *	the mm		struct mm_struct with the notifiers' two fields,
 *			notifier_subscriptions and notifier_ranges;
 *			struct vm_area_struct
 *	checks		might_sleep DECLARE_LOCKDEP_MAP lock_map_acquire
 *			lock_map_release
 */
#ifndef MM_NOTIFIER_TYPES_H
#define MM_NOTIFIER_TYPES_H

#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <kernel/lock/lockdep.h>
#include <mm/space/mm_types.h>

/**
 * MMU_NOTIFIER_OPTION - 1: this kernel has the notifiers; 0: the stand-ins
 *
 * It is defined here, and not on a command line, so that no file can be compiled
 * without it: mm/notifier/event.h, which all others include, does not compile then.
 */
#define MMU_NOTIFIER_OPTION IS_ENABLED(CONFIG_MMU_NOTIFIER)

#endif
