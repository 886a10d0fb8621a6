/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/start.h - begin and end a change of a mapping
 *
 * For invalidators, which are mm code, and for the life of an mm. A driver calls
 * nothing of this.
 *
 *	life of an mm		mmu_notifier_subscriptions_init(),
 *				mmu_notifier_release(), mmu_notifier_check_exit(),
 *				mmu_notifier_subscriptions_destroy()
 *	a change		mmu_notifier_range_init(), a start, an end
 *	a flush of CPU TLBs	mmu_notifier_invalidate_range()
 *	accessed marks		mmu_notifier_clear_flush_young(), _clear_young(),
 *				_test_young()
 *	an entry gets a value	mmu_notifier_change_pte()
 *
 * Every range is counted in mm->notifier_ranges, so that a new subscription can wait
 * for the ranges that began before it. That word turns negative for good when the
 * first subscriber of the mm comes. In an mm without subscribers a start and an end
 * each count by one atomic instruction and test its result; they do no more.
 *
 * The count is step 1 of a start. It is here, inline; mm/notifier/range.c has the
 * other steps.
 *
 * Where the option is off all of this costs nothing: mm/notifier/off.h.
 */
#ifndef MM_NOTIFIER_START_H
#define MM_NOTIFIER_START_H

#include <mm/notifier/range.h>

/*
 * One thread in epoch 0 of a gate (mm/notifier/gate.h). A start adds it to
 * mm->notifier_ranges, which is the word of a gate.
 */
#define NOTIFIER_GATE_TICKET_0 1l

#if MMU_NOTIFIER_OPTION

/* Of the core, where the mm has subscribers. */
int __mmu_notifier_range_start(struct mmu_notifier_range *range);
void __mmu_notifier_range_end(struct mmu_notifier_range *range);
/* Of mm/notifier/checks.c, in debug builds: may the start or the end go on? */
bool mmu_notifier_check_start(struct mmu_notifier_range *range);
bool mmu_notifier_check_end(struct mmu_notifier_range *range);
/* Has this thread a range of @mm open that covers [start, end)? */
bool mmu_notifier_check_covered(const struct mm_struct *mm, unsigned long start,
				unsigned long end);
/* Forget the ranges of @mm that were never ended: its struct is freed. */
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
 * A map of the lock validator (R5.1), a lock in name only. A thread that may run
 * callbacks, or wait for them, acquires it. So the validator reports a lock order
 * that could deadlock with a callback, even if no callback runs.
 */
DECLARE_LOCKDEP_MAP(mmu_notifier_invalidate_range_start_map);
#define mmu_notifier_map_acquire() \
	lock_map_acquire(&mmu_notifier_invalidate_range_start_map)
#define mmu_notifier_map_release() \
	lock_map_release(&mmu_notifier_invalidate_range_start_map)

/*
 * Here, and for starts and ends below, __always_inline: a debug build reports a
 * mistake by return address, which must lie in the caller at any -O.
 */
/**
 * mmu_notifier_might_invalidate() - tell the validator: callbacks may run here
 *
 * Or: this thread may wait for some (R5.2).
 */
static __always_inline void mmu_notifier_might_invalidate(void)
{
	mmu_notifier_map_acquire();
	mmu_notifier_map_release();
}

/**
 * mm_has_notifiers() - has @mm ever had a subscriber?
 * @mm: the address space
 *
 * Context: the caller holds a reference on the struct, of either count.
 */
static inline bool mm_has_notifiers(struct mm_struct *mm)
{
	return unlikely(READ_ONCE(mm->notifier_subscriptions) != NULL);
}

/**
 * mmu_notifier_subscriptions_init() - a new mm has no subscriber and no range (R2.26)
 * @mm: new; fork calls this after it has copied the struct
 *
 * This prepares two words of the mm. notifier_subscriptions_init(), of the core,
 * prepares the object that the first subscription makes.
 *
 * Context: any; no other thread has @mm.
 */
static inline void mmu_notifier_subscriptions_init(struct mm_struct *mm)
{
	mm->notifier_subscriptions = NULL;
	atomic64_set(&mm->notifier_ranges, 0);
}

/**
 * mmu_notifier_subscriptions_destroy() - the mm struct is freed
 * @mm: its last reference was dropped
 *
 * Panics if a subscription is left, or if a range is open that overlapped an
 * interval (R2.27).
 *
 * Context: may not sleep; no lock held that waking a thread takes.
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
 * @mm: exited: no user, no page
 *
 * A range that was started and never ended makes each later registration sleep for
 * ever. A debug build names it: its event, its bounds and the code that started it.
 * Other builds say how many there are (R1.11).
 *
 * Context: may not sleep; mmap_lock held for writing, so that no range may be open.
 */
void mmu_notifier_check_exit(struct mm_struct *mm);

/**
 * mmu_notifier_release() - the address space exits: notify every subscriber
 * @mm: the last user has left; all pages are still there
 *
 * Each interval gets one RELEASE over the whole space. Then the release of each plain
 * subscription is called. When this returns all of them have returned, and no plain
 * subscription will be called again (R2.23, R4.27).
 *
 * Context: may sleep; no lock held.
 */
static inline void mmu_notifier_release(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_release(mm);
}

/**
 * mmu_notifier_range_init() - prepare a range
 * @range: the caller's, usually on its stack
 * @event: why the mapping changes
 * @flags: 0; the start call sets them
 * @vma: a region of the range, the first if there are several; or NULL
 * @mm: the address space
 * @start: first address, in bytes
 * @end: first address after the range
 *
 * The owner is NULL (R1.5).
 *
 * Context: any; the range is not open.
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
	range->core.newest_birth = 0;
	range->core.seq = 0;
	if (IS_ENABLED(CONFIG_DEBUG))
		range->core.record = 0;
}

/**
 * mmu_notifier_range_init_owner() - the same, for MIGRATE and EXCLUSIVE
 * @owner: a pointer that the driver chooses and compares in its callback
 */
static inline void mmu_notifier_range_init_owner(
	struct mmu_notifier_range *range, enum mmu_notifier_event event,
	unsigned int flags, struct vm_area_struct *vma, struct mm_struct *mm,
	unsigned long start, unsigned long end, void *owner)
{
	mmu_notifier_range_init(range, event, flags, vma, mm, start, end);
	range->owner = owner;
}

/*
 * Count the range as open; call subscribers if the mm has any.
 *
 * The count is a store, and the look for subscribers that follows is a load. The full
 * barrier after the read-modify-write keeps them in that order. A new subscription
 * publishes itself and then reads the count, so one of the two sees the other
 * (litmus.range_count).
 */
static __always_inline int mmu_notifier_range_open(struct mmu_notifier_range *range)
{
	struct mm_struct *mm = range->mm;
	bool subscribed;

	if (IS_ENABLED(CONFIG_DEBUG) && !mmu_notifier_check_start(range))
		return -EINVAL;
	range->core.ticket = NOTIFIER_GATE_TICKET_0;
	subscribed = atomic64_add_negative(NOTIFIER_GATE_TICKET_0,
					   &mm->notifier_ranges);
	if (likely(!subscribed))
		return 0;
	return __mmu_notifier_range_start(range);
}

/**
 * mmu_notifier_invalidate_range_start() - before a change
 * @range: prepared; stays in place until the end call
 *
 * When this returns, every subscriber with a start callback or an overlapping interval
 * has dropped what the event takes away. Secondary TLBs and the CPUs still have
 * theirs.
 *
 * A debug build reports three mistakes, with the code that made them:
 *
 *	a range with @start >= @end		not opened; its end does nothing
 *	a range that is open already		stays open until its first end
 *	a range that lies where another was	opened; refused if the core still has
 *	  started and never ended		that other one on a list
 *
 * Other builds take an empty range as any other: it calls plain subscribers, and
 * intervals that have it inside.
 *
 * Context: may sleep; mmap_lock held in either mode, no page-table lock. Rules
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
 * For an invalidator that must not wait for a device, such as an out-of-memory
 * killer.
 *
 * Context: as mmu_notifier_invalidate_range_start(), but may not sleep.
 * Return: 0; -EAGAIN if a subscriber would have to sleep, or any other error that a
 *	   callback returned; in debug builds also -EINVAL for a range that is
 *	   not opened. On error change nothing and call no end. If the starts of plain
 *	   subscribers were called, so were their ends (R3.1 to R3.8).
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
 * @range: the object that start was given
 *
 * The entries have changed, and the CPUs' TLBs are flushed (R1.10). A debug build
 * reports the end of a range that is not open, with its caller, and ignores it.
 *
 * Context: as its start; may sleep if the range is blockable (R5.5).
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
 * mmu_notifier_clear_flush_young() - was a device's translation of the range young?
 * @mm: the address space
 * @start: first address, in bytes
 * @end: first address after the range
 *
 * Every subscriber is called, clears its accessed marks and drops the translations
 * that its device has cached.
 *
 * Context: page-table lock held; the CPU's own mark was cleared before.
 * Return: true if one of them was young (R2.2, R2.5).
 */
static inline bool mmu_notifier_clear_flush_young(struct mm_struct *mm,
						  unsigned long start,
						  unsigned long end)
{
	return mm_has_notifiers(mm) &&
	       __mmu_notifier_clear_flush_young(mm, start, end);
}

/** mmu_notifier_clear_young() - the same, but cached translations may stay (R2.3) */
static inline bool mmu_notifier_clear_young(struct mm_struct *mm,
					    unsigned long start,
					    unsigned long end)
{
	return mm_has_notifiers(mm) && __mmu_notifier_clear_young(mm, start, end);
}

/**
 * mmu_notifier_test_young() - is a device's translation of the page young?
 * @mm: the address space
 * @address: in the page
 *
 * Clears nothing, and stops at the first subscriber that says yes (R2.4).
 *
 * Context: page-table lock held.
 */
static inline bool mmu_notifier_test_young(struct mm_struct *mm,
					   unsigned long address)
{
	return mm_has_notifiers(mm) && __mmu_notifier_test_young(mm, address);
}

/**
 * mmu_notifier_change_pte() - a cleared and flushed entry is about to get a new value
 * @mm: the address space
 * @address: of the page
 * @entry: the raw value
 *
 * Context: page-table lock held; between start and end of a range (R2.6).
 */
static inline void mmu_notifier_change_pte(struct mm_struct *mm,
					   unsigned long address,
					   unsigned long entry)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_change_pte(mm, address, entry);
}

/**
 * mmu_notifier_invalidate_range() - flush secondary TLBs
 * @mm: the address space
 * @start: first address, in bytes; 0 with @end ~0 for the whole space
 * @end: first address after the range
 *
 * To be called after each flush of CPU TLBs, with the same bounds, and before a page
 * or a table is freed (R2.10, R2.12). In this tree flush_tlb_mm_range() calls it.
 *
 * Context: may not sleep; a page-table lock may be held. The caller is inside a range,
 *	    or holds mmap_lock in either mode. A registration takes mmap_lock for
 *	    writing and waits for open ranges, and nothing else orders it with a flush
 *	    (litmus.secondary_tlb).
 */
static inline void mmu_notifier_invalidate_range(struct mm_struct *mm,
						 unsigned long start,
						 unsigned long end)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_invalidate_range(mm, start, end);
}

/** mmu_notifier_arch_invalidate_secondary_tlbs() - the newer name of it (R2.10) */
static inline void mmu_notifier_arch_invalidate_secondary_tlbs(
	struct mm_struct *mm, unsigned long start, unsigned long end)
{
	mmu_notifier_invalidate_range(mm, start, end);
}

#endif /* MMU_NOTIFIER_OPTION */

#endif
