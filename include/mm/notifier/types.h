/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/types.h - what the notifiers' public headers want of their kernel
 *
 * mm/notifier/mmu_notifier.h, interval_tree.h and gate.h include this and
 * nothing else, so that a file that changes mappings sees only names of the
 * notifiers and of its own kernel. mm/notifier/env.h has what the sources want
 * besides. Another kernel writes both anew; docs/lifting.md lists the names.
 *
 *	integers	bool u64 s64
 *	compiler	READ_ONCE WRITE_ONCE likely unlikely __always_inline
 *			__must_check container_of IS_ENABLED
 *	atomics		struct atomic64 atomic64_*, smp_load_acquire
 *			smp_store_release smp_mb
 *	the mm		struct mm_struct with the notifiers' three fields,
 *			struct vm_area_struct
 *	checks		might_sleep lock_map_acquire lock_map_release ...
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
 * Defined here, and not on a command line, so that no file can be compiled
 * without it: mm/notifier/mmu_notifier.h does not compile then.
 */
#define MMU_NOTIFIER_OPTION IS_ENABLED(CONFIG_MMU_NOTIFIER)

#endif
