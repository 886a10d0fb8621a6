/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/range.h - one change of a mapping, as callbacks see it
 *
 * For drivers of both kinds, whose callbacks are given a range, and for invalidators,
 * which start and end one (mm/notifier/start.h). A range has seven public fields.
 * @core is the core's state while the range is open; only the core reads it.
 *
 * Where the option is off a range has two fields: mm/notifier/off.h.
 */
#ifndef MM_NOTIFIER_RANGE_H
#define MM_NOTIFIER_RANGE_H

#include <mm/notifier/event.h>

/** MMU_NOTIFIER_RANGE_BLOCKABLE - callbacks may sleep; set by the start call (R1.3) */
#define MMU_NOTIFIER_RANGE_BLOCKABLE (1u << 0)

#if MMU_NOTIFIER_OPTION

struct mmu_interval_notifier_finish;
struct mmu_notifier_range;

/**
 * struct mmu_notifier_range_core - the core's state of an open range
 * @ticket: what start added to mm->notifier_ranges and end subtracts; 0 after a
 *	start that failed
 * @newest_birth: the birth number of the newest plain subscription that start
 *	called; 0 if it called none
 * @seq: the number that interval callbacks are given; 0 if the range overlaps no
 *	interval
 * @next: the next in the list of open ranges that overlap an interval
 * @prev: the pointer that leads to this range, in that list
 * @finish: second passes that are still to be called
 * @finish_tail: where the next of them is linked
 * @since: when start or end began, in clock ticks, while statistics are on
 * @record: in debug builds, the record of an open range (mm/notifier/checks.c)
 *
 * The reference notifier uses @ticket, @newest_birth and @next in its own way.
 */
struct mmu_notifier_range_core {
	long ticket;
	u64 newest_birth;
	unsigned long seq;
	struct mmu_notifier_range *next;
	struct mmu_notifier_range **prev;
	struct mmu_interval_notifier_finish *finish;
	struct mmu_interval_notifier_finish **finish_tail;
	unsigned long since;
	unsigned int record;
};

/**
 * struct mmu_notifier_range - one change of a mapping (R1.1)
 * @mm: the address space
 * @start: first address, in bytes of any alignment: a driver that keeps pages drops each
 *	page that the range touches
 * @end: first address after the range, above @start; ~0 for the whole space
 * @flags: MMU_NOTIFIER_RANGE_*
 * @event: why the mapping changes
 * @owner: for MIGRATE and EXCLUSIVE the driver's context that asked, a pointer that the
 *	driver chooses; else NULL (R1.5)
 * @vma: a region of the range, the first if there are several; or NULL
 * @core: the core's state
 *
 * A callback sees the range const, and must not keep the pointer (R1.7). The range
 * may be larger than what changes, never smaller (R1.8).
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

/**
 * mmu_notifier_range_blockable() - may callbacks of this range sleep?
 * @range: started, as a callback is given it
 *
 * Context: any. Rules R1.3, R1.4.
 */
static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return range->flags & MMU_NOTIFIER_RANGE_BLOCKABLE;
}

/**
 * mmu_notifier_range_update_to_read_only() - is dropping write access enough?
 * @range: as a callback is given it
 *
 * Context: in a callback; the region is there as long as that runs. Rule R1.19.
 * Return: true if the range changes the protection of a region that may still be
 *	   read: then a subscriber may keep its translations, for reading only.
 */
bool mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range);

#else
#include <mm/notifier/off.h>
#endif

#endif
