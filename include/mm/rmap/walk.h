/* SPDX-License-Identifier: MIT */
/*
 * mm/rmap/walk.h - visit every entry that maps a page
 */
#ifndef MM_RMAP_WALK_H
#define MM_RMAP_WALK_H

#include <kernel/lock/spinlock.h>
#include <lib/percpu.h>
#include <mm/space/mm.h>

struct page;

/**
 * enum rmap_purpose - what a walk does to the entries that it finds
 * @RMAP_LOOK: leaves them: the walk ends once it has found as many as map the page
 * @RMAP_UNMAP: takes them away: the walk ends once nothing maps the page
 */
enum rmap_purpose {
	RMAP_LOOK,
	RMAP_UNMAP,
};

/**
 * struct rmap_walk - one walk
 * @visit: called for each region that may map the page, at the address where it
 *	would; true if an entry there did. May sleep; starts ranges by
 *	rmap_start_range()
 * @purpose: what @visit does
 * @arg: for @visit
 * @regions: out: regions looked at
 * @found: out: those where @visit answered true
 * @busy: out: ranges that could not be started because mmap_lock was not free
 */
struct rmap_walk {
	bool (*visit)(struct rmap_walk *walk, struct page *page,
		      struct vm_area_struct *vma, vaddr_t addr);
	enum rmap_purpose purpose;
	void *arg;
	unsigned int regions;
	unsigned int found;
	unsigned int busy;
};

/**
 * rmap_walk() - visit the regions that may map a page
 * @page: a page of anonymous memory or of an object, locked, with a reference of the
 *	caller; of a huge page any: the walk is for that part
 * @walk: @visit, @purpose and @arg set
 *
 * An mm that is forked, and an entry that is moved, are found before or after, and
 * never missed. An entry that is emptied meanwhile may be found or not.
 *
 * Context: may sleep. No lock held but page locks, or mmap_lock of any mm for reading.
 */
void rmap_walk(struct page *page, struct rmap_walk *walk);

/**
 * struct rmap_entry - an entry that maps a page, locked
 * @pte: an entry of the last level; NULL: the entry is huge
 * @pmd: the huge entry; NULL: it is not
 * @ptl: the lock of the entry
 */
struct rmap_entry {
	pte_t *pte;
	pmd_t *pmd;
	struct spinlock *ptl;
};

/**
 * rmap_lock_entry() - the entry that maps a page at an address, locked
 * @page: the page, which may be a part of a huge one
 * @vma: the region that rmap_walk() gave
 * @addr: the address that it gave
 * @entry: filled on success
 *
 * An entry maps the page if it is present, or a kind that keeps the map count:
 * device-exclusive (ADR 0001). A huge entry maps all parts of its page.
 *
 * Context: within @visit of a walk. Takes a spinlock on success: entry->ptl.
 * Return: true; or false (nothing locked) if no entry there maps @page.
 */
bool rmap_lock_entry(const struct page *page, struct vm_area_struct *vma,
		     vaddr_t addr, struct rmap_entry *entry);

/* Of rmap_start_range(): count and record that the lock was not free. */
void rmap_note_busy(struct rmap_walk *walk, const struct mm_struct *mm);

/**
 * rmap_start_range() - begin a change of an entry that a walk has come to
 * @walk: the walk
 * @mm: of the region that rmap_walk() gave
 * @range: prepared, of @mm
 *
 * A walk has the lock of the reverse map, and every range needs mmap_lock (R1.9), which
 * comes before that lock. So this tries mmap_lock for reading. If a thread has it for
 * writing, or waits to, the visitor leaves the entry as it is and answers false. The
 * caller of the walk sees that in @walk->busy: it takes another page, or waits for the
 * mm with no lock held and walks again (docs/adr/0013).
 *
 * Always inline, so that a report about @range names the visitor.
 *
 * Context: within @visit; may sleep; no page-table lock held.
 * Return: true, and the range is open, until rmap_end_range(); false: nothing is held.
 */
static __always_inline bool
rmap_start_range(struct rmap_walk *walk, struct mm_struct *mm,
		 struct mmu_notifier_range *range) __no_thread_safety
{
	if (!mmap_read_trylock(mm)) {
		rmap_note_busy(walk, mm);
		return false;
	}
	mmu_notifier_invalidate_range_start(range);
	return true;
}

/** rmap_end_range() - the entry is changed and the CPUs flushed: end, and unlock */
static __always_inline void
rmap_end_range(struct mm_struct *mm,
	       struct mmu_notifier_range *range) __no_thread_safety
{
	mmu_notifier_invalidate_range_end(range);
	mmap_read_unlock(mm);
}

/**
 * struct rmap_counters - walks since boot, by CPU
 * @walks: of a page that was mapped
 * @regions: looked at
 * @found: entries found
 * @busy: ranges that could not be started because mmap_lock was not free
 */
struct rmap_counters {
	unsigned long walks;
	unsigned long regions;
	unsigned long found;
	unsigned long busy;
};

DECLARE_PER_CPU(struct rmap_counters, rmap_counters);

/**
 * rmap_read_counters() - sum the counters of all CPUs
 * @out: filled
 *
 * Context: any.
 */
void rmap_read_counters(struct rmap_counters *out);

#endif
