/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/start.h - begin and end a change of a mapping
 *
 * For code that changes mappings, and for nobody else: a driver calls nothing of
 * this.
 */
#ifndef MM_NOTIFIER_START_H
#define MM_NOTIFIER_START_H

#include <mm/notifier/range.h>

#if MMU_NOTIFIER_OPTION

/** MMU_NOTIFIER_TICKET_PLAIN - of a range counted the usual way */
#define MMU_NOTIFIER_TICKET_PLAIN 1

int __mmu_notifier_range_start(struct mmu_notifier_range *range);
void __mmu_notifier_range_end(struct mmu_notifier_range *range);
/* Of mm/notifier/checks.c, in debug builds: may the call go on? */
bool mmu_notifier_check_start(struct mmu_notifier_range *range);
bool mmu_notifier_check_end(struct mmu_notifier_range *range);
void mmu_notifier_check_freed(const struct mm_struct *mm);
bool __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				      unsigned long end);
bool __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
				unsigned long end);
bool __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address);
void __mmu_notifier_change_pte(struct mm_struct *mm, unsigned long address,
			       unsigned long entry);
void __mmu_notifier_invalidate_range(struct mm_struct *mm, unsigned long start,
				     unsigned long end);
void __mmu_notifier_release(struct mm_struct *mm);
void __mmu_notifier_subscriptions_destroy(struct mm_struct *mm);

/*
 * The "fake lock" (R5.1): held, for the lock validator, by whoever may make
 * callbacks run or wait for them. So the validator learns what may not be
 * held or taken there without a callback ever having to be hit.
 */
DECLARE_LOCKDEP_MAP(mmu_notifier_invalidate_range_start_map);
#define mmu_notifier_map_acquire() \
	lock_map_acquire(&mmu_notifier_invalidate_range_start_map)
#define mmu_notifier_map_release() \
	lock_map_release(&mmu_notifier_invalidate_range_start_map)

/*
 * Here, and for starts and ends below, __always_inline: a debug build reports a
 * mistake with its return address, which must be in the caller, at any -O.
 */
/** mmu_notifier_might_invalidate() - "here callbacks may run, or be awaited" */
static __always_inline void mmu_notifier_might_invalidate(void)
{
	mmu_notifier_map_acquire();
	mmu_notifier_map_release();
}

/**
 * mm_has_notifiers() - has anybody ever subscribed to @mm?
 *
 * Context: the caller keeps @mm alive.
 */
static inline bool mm_has_notifiers(struct mm_struct *mm)
{
	return unlikely(READ_ONCE(mm->notifier_subscriptions) != NULL);
}

/** mmu_notifier_subscriptions_init() - of a new mm: nobody subscribes (R2.26) */
static inline void mmu_notifier_subscriptions_init(struct mm_struct *mm)
{
	mm->notifier_subscriptions = NULL;
	atomic64_set(&mm->notifier_ranges, 0);
}

/**
 * mmu_notifier_subscriptions_destroy() - when the mm struct is being freed
 *
 * By then every subscription has left; panics otherwise (R2.27).
 */
static inline void mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_subscriptions_destroy(mm);
	if (IS_ENABLED(CONFIG_DEBUG))
		mmu_notifier_check_freed(mm);
}

/**
 * mmu_notifier_check_exit() - report ranges of an emptied mm that are still open
 *
 * A range that was started and forgotten makes each later registration sleep for
 * good. A debug build names it: its event, its bounds and who started it.
 *
 * Context: may not sleep; the mm has no user and no page, and mmap_lock is held
 *	    for writing, so that no range can be open.
 */
void mmu_notifier_check_exit(struct mm_struct *mm);

/**
 * mmu_notifier_release() - the last user left: tell every subscriber
 *
 * Interval subscriptions get one RELEASE over the whole space, then each
 * plain one its release; when this returns all of them have finished and no
 * plain one will be called again (R2.23, R4.27). To be called before the
 * first page is taken away.
 *
 * Context: may sleep; no locks held.
 */
static inline void mmu_notifier_release(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_release(mm);
}

/**
 * mmu_notifier_range_init() - prepare a range
 * @range: the caller's, usually on its stack
 * @event: why
 * @flags: 0
 * @vma: the region, or NULL
 * @mm: whose mapping
 * @start: first address
 * @end: first address after it
 *
 * The owner is NULL (R1.5).
 */
static inline void
mmu_notifier_range_init(struct mmu_notifier_range *range,
			enum mmu_notifier_event event, unsigned int flags,
			struct vm_area_struct *vma, struct mm_struct *mm,
			unsigned long start, unsigned long end)
{
	range->event = event;
	range->flags = flags;
	range->vma = vma;
	range->mm = mm;
	range->start = start;
	range->end = end;
	range->owner = NULL;
	range->core.told = 0;
	range->core.seq = 0;
	if (IS_ENABLED(CONFIG_DEBUG))
		range->core.record = 0;
}

/** mmu_notifier_range_init_owner() - the same, with who asked for it */
static inline void mmu_notifier_range_init_owner(
	struct mmu_notifier_range *range, enum mmu_notifier_event event,
	unsigned int flags, struct vm_area_struct *vma, struct mm_struct *mm,
	unsigned long start, unsigned long end, void *owner)
{
	mmu_notifier_range_init(range, event, flags, vma, mm, start, end);
	range->owner = owner;
}

/*
 * Counts the range as open. Every range is counted, told to somebody or not,
 * so that a subscription can wait for those that began before it. The word
 * turns negative for good when somebody subscribes to the mm: two
 * instructions and one test are all that an mm without subscribers pays.
 *
 * The count is a store, and what follows it looks for subscribers by loads: the
 * full barrier after the read-modify-write keeps them in that order. A newcomer
 * publishes itself and then reads the count. See litmus.range_count.
 */
static __always_inline int mmu_notifier_range_open(struct mmu_notifier_range *range)
{
	struct mm_struct *mm = range->mm;
	bool told;

	if (IS_ENABLED(CONFIG_DEBUG) && !mmu_notifier_check_start(range))
		return -EINVAL;
	range->core.ticket = MMU_NOTIFIER_TICKET_PLAIN;
	told = atomic64_add_negative(MMU_NOTIFIER_TICKET_PLAIN,
				     &mm->notifier_ranges);
	if (likely(!told))
		return 0;
	return __mmu_notifier_range_start(range);
}

/**
 * mmu_notifier_invalidate_range_start() - before a change
 * @range: prepared; stays in place until the end call
 *
 * When this returns every subscriber has let go of the range. A range that is
 * empty or ends before it begins is the caller's mistake: a debug kernel warns,
 * tells nobody and does not open it; others take it as any range, told to plain
 * subscribers and to intervals that have it strictly inside, which costs them a
 * retry and leaves nothing open. Ending it is right in both. A debug kernel also
 * refuses the start of a range that is open, or that lies where one was
 * forgotten, and names who started that one.
 *
 * Context: may sleep; mmap_lock or an rmap lock held, no page-table lock. Rules
 *	    R1.9 to R1.12, R5.1, R5.5.
 */
static __always_inline void
mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
	mmu_notifier_map_acquire();
	/* Inside, so that a report names the map (R5.8 f). */
	might_sleep();
	range->flags |= MMU_NOTIFIER_RANGE_BLOCKABLE;
	(void)mmu_notifier_range_open(range);
	mmu_notifier_map_release();
}

/**
 * mmu_notifier_invalidate_range_start_nonblock() - the same, without sleeping
 * @range: prepared; stays in place until the end call
 *
 * Context: as above, but may not sleep.
 * Return: 0; or -EAGAIN (or what else a callback answered): a subscriber could
 *	   not let go. Then nothing may be changed and end is not called; who
 *	   was told has been told the end (R3.1 to R3.8).
 */
static __always_inline int __must_check
mmu_notifier_invalidate_range_start_nonblock(struct mmu_notifier_range *range)
{
	int ret;

	mmu_notifier_map_acquire();
	range->flags &= ~MMU_NOTIFIER_RANGE_BLOCKABLE;
	ret = mmu_notifier_range_open(range);
	mmu_notifier_map_release();
	return ret;
}

/**
 * mmu_notifier_invalidate_range_end() - after a change
 * @range: the very object that start was given
 *
 * The entries are changed and the CPU TLBs flushed (R1.10). A debug build reports
 * the end of a range that is not open, with its caller, and ignores it.
 *
 * Context: as start; may sleep only if the range is blockable.
 */
static __always_inline void
mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
	struct mm_struct *mm = range->mm;

	if (mmu_notifier_range_blockable(range))
		might_sleep();
	if (IS_ENABLED(CONFIG_DEBUG) && !mmu_notifier_check_end(range))
		return;
	if (likely(!atomic64_sub_negative(range->core.ticket,
					  &mm->notifier_ranges)))
		return;
	mmu_notifier_map_acquire();
	__mmu_notifier_range_end(range);
	mmu_notifier_map_release();
}

/**
 * mmu_notifier_clear_flush_young() - did a device use [start, end)?
 *
 * Clears the marks, forgets cached translations. Every subscriber is asked.
 * Context: after the CPU's own mark was cleared; page-table lock held (R2.2).
 */
static inline bool mmu_notifier_clear_flush_young(struct mm_struct *mm,
						  unsigned long start,
						  unsigned long end)
{
	return mm_has_notifiers(mm) &&
	       __mmu_notifier_clear_flush_young(mm, start, end);
}

/** mmu_notifier_clear_young() - the same, cached translations may stay */
static inline bool mmu_notifier_clear_young(struct mm_struct *mm,
					    unsigned long start,
					    unsigned long end)
{
	return mm_has_notifiers(mm) && __mmu_notifier_clear_young(mm, start, end);
}

/** mmu_notifier_test_young() - did a device use the page? Clears nothing */
static inline bool mmu_notifier_test_young(struct mm_struct *mm,
					   unsigned long address)
{
	return mm_has_notifiers(mm) && __mmu_notifier_test_young(mm, address);
}

/** mmu_notifier_change_pte() - a cleared, flushed entry gets a new value */
static inline void mmu_notifier_change_pte(struct mm_struct *mm,
					   unsigned long address,
					   unsigned long entry)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_change_pte(mm, address, entry);
}

/**
 * mmu_notifier_invalidate_range() - secondary TLBs: forget [start, end)
 *
 * Called where the CPUs' TLBs are flushed, after them (R2.10): in mm by
 * flush_tlb_mm_range().
 *
 * Context: inside a range, or with mmap_lock held, however: a registration takes
 *	    mmap_lock for writing and waits for open ranges, and nothing else
 *	    orders it with a flush (litmus.secondary_tlb). A page-table lock may
 *	    be held.
 */
static inline void mmu_notifier_invalidate_range(struct mm_struct *mm,
						 unsigned long start,
						 unsigned long end)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_invalidate_range(mm, start, end);
}

/** mmu_notifier_arch_invalidate_secondary_tlbs() - its newer name (R2.10) */
static inline void mmu_notifier_arch_invalidate_secondary_tlbs(
	struct mm_struct *mm, unsigned long start, unsigned long end)
{
	mmu_notifier_invalidate_range(mm, start, end);
}

#endif /* MMU_NOTIFIER_OPTION */

#endif
