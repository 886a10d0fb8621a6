/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/range.h - one change of a mapping, as callbacks see it
 *
 * For drivers of both kinds, and for code that changes mappings, which begins and
 * ends a range by mm/notifier/start.h.
 */
#ifndef MM_NOTIFIER_RANGE_H
#define MM_NOTIFIER_RANGE_H

#include <mm/notifier/event.h>

/* Flags of a range. */
/** Callbacks may sleep; set and cleared by the start call (R1.3). */
#define MMU_NOTIFIER_RANGE_BLOCKABLE (1u << 0)

#if MMU_NOTIFIER_OPTION

struct mmu_interval_notifier_finish;
struct mmu_notifier_range;

/**
 * struct mmu_notifier_range_core - what the core keeps in a range
 * @ticket: how it is counted in mm->notifier_ranges
 * @told: birth of the newest plain subscription that start called, 0 if none
 * @seq: the number that interval callbacks got, 0 when the range overlaps none
 * @next: link in the list of open ranges that overlap an interval
 * @prev: what points at this range
 * @finish: second passes that are still to come
 * @finish_tail: where the next one is hung
 * @since: when start or end began, while statistics are on
 * @record: debug builds' note that it is open; mm/notifier/checks.c
 */
struct mmu_notifier_range_core {
	long ticket;
	u64 told;
	unsigned long seq;
	struct mmu_notifier_range *next;
	struct mmu_notifier_range **prev;
	struct mmu_interval_notifier_finish *finish;
	struct mmu_interval_notifier_finish **finish_tail;
	unsigned long since;
	unsigned int record;
};

/**
 * struct mmu_notifier_range - one change of a mapping
 * @mm: whose mapping
 * @start: first address
 * @end: first address after it; above @start
 * @flags: MMU_NOTIFIER_RANGE_*
 * @event: why
 * @owner: for MIGRATE and EXCLUSIVE, who asked; NULL otherwise (R1.5)
 * @vma: the region, or NULL
 * @core: the core's own
 *
 * A callback sees it const and must not keep the pointer (R1.7).
 */
struct mmu_notifier_range {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	unsigned int flags;
	enum mmu_notifier_event event;
	void *owner;
	struct vm_area_struct *vma;
	struct mmu_notifier_range_core core;
};

/** mmu_notifier_range_blockable() - may callbacks of this range sleep? */
static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return range->flags & MMU_NOTIFIER_RANGE_BLOCKABLE;
}

bool mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range);

#else
#include <mm/notifier/off.h>
#endif

#endif
