/* SPDX-License-Identifier: MIT */
/*
 * mm/alloc/might_alloc.h - what an allocation that may wait says of itself
 *
 * An allocation that may sleep may reclaim pages, and reclaim unmaps them: it
 * calls the notifiers. Reclaim is rare, and this kernel has none yet, but a
 * driver must not deadlock when it comes. So the validator learns of each such
 * allocation (R5.3). Two mistakes are found in every run, R5.8:
 *
 *	(b)	a callback allocates and may wait
 *	(c)	a lock that a callback takes is held over an allocation that may
 *		wait
 */
#ifndef MM_ALLOC_MIGHT_ALLOC_H
#define MM_ALLOC_MIGHT_ALLOC_H

#include <kernel/lock/lockdep.h>
#include <mm/alloc/gfp.h>

#ifdef CONFIG_MMU_NOTIFIER
/* The map of <mm/notifier/start.h>: a hook (docs/hooks.md). */
DECLARE_LOCKDEP_MAP(mmu_notifier_invalidate_range_start_map);

/* mmu_notifier_might_invalidate(), said for the caller at @ip. */
static __always_inline void might_invalidate_at(unsigned long ip)
{
	lock_acquire_at(&mmu_notifier_invalidate_range_start_map, 0, LOCK_PLAIN,
			ip);
	lock_map_release(&mmu_notifier_invalidate_range_start_map);
}
#else
static __always_inline void might_invalidate_at(unsigned long ip)
{
}
#endif

/**
 * might_alloc() - say that an allocation of this kind may be made here
 * @gfp: the kind; nothing is said of one that does not wait
 * @caller: the place that asks, for reports
 *
 * Stands where an allocator is entered, not where it happens to run short: a
 * CPU's list that holds an object today may be empty tomorrow.
 */
static __always_inline void might_alloc(gfp_t gfp, unsigned long caller)
{
	if (!gfp_may_sleep(gfp))
		return;
	might_sleep();
	might_invalidate_at(caller);
}

#endif
