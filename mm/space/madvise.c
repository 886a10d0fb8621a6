// SPDX-License-Identifier: MIT
/*
 * mm/space/madvise.c - what a program says of a range, and what is done about it
 *
 * Problem.  A program knows what will become of its memory: that contents are not needed
 * any more, that a child shall not have them, that all of them will be touched soon. The
 * advices differ in everything but their arguments.
 *
 * Idea.  A table: which regions an advice is refused for, and one of three ways to carry
 * it out.
 *
 *	way			mmap_lock	changes
 *	advise_contents()	read		entries, in a CLEAR of each region's part
 *	advise_flags()		write		flags of regions (mm/space/cut.c)
 *	advise_populate()	by populate()	entries that are empty, as a touch does
 *						(mm/space/populate.c)
 *
 * Each looks at all regions before it changes anything, so an advice that is refused has
 * done nothing. A hole is no refusal: the rest is done, and -ENOMEM says that there was one.
 * MADV_COLLAPSE has a fourth (mm/space/collapse.c).
 *
 * DONTNEED and FREE change entries under mmap_lock held for reading: faults,
 * exclusive access and other calls of this kind run at the same time on the
 * same pages.  The table's lock decides which comes first at each entry, and the
 * start of a range invalidates devices before any of it.
 *
 * Two of them on one page are the race that must be won: the one that finds the
 * entry empty may not return while a CPU can still use the page that the other
 * took out.  mm/table/tlb.c draws it and names its test; the same with a maker
 * of exclusive entries (tests/mm/device/exclusive_test.c,
 * dontneed_during_a_batched_flush_flushes_for_itself).
 *
 * Where no entry is filled no range is started and nothing walked (R1.13): the
 * thread that emptied them started a range, and that start is over.  An entry
 * filled after that look belongs to a fault that ran after this call.
 */
#include <mm/notifier/start.h>
#include <mm/space/counters.h>
#include <mm/space/cut.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/populate.h>
#include <mm/table/lazyfree.h>
#include <mm/table/pgtable.h>
#include <mm/table/tlb.h>

#include "mm/space/internal.h"

/**
 * struct advice - a line of the table
 * @advice: MADV_*
 * @name: for records
 * @apply: the way to carry it out, over pages of [start, end)
 * @refused: a region with one of these flags is -EINVAL
 * @change: advise_contents(): what is done to the entries
 * @set: advise_flags(): flags that the regions have then
 * @clear: likewise, that they lack then
 * @touch: advise_populate(): the kind of touch
 */
struct advice {
	int advice;
	const char *name;
	int (*apply)(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		     const struct advice *advice);
	unsigned long refused;
	void (*change)(struct mmu_gather *tlb, vaddr_t start, vaddr_t end);
	unsigned long set;
	unsigned long clear;
	enum populate_touch touch;
};

/* 0; -ENOMEM: there is a hole; -EINVAL: there is a region that refuses. */
static int look_at_regions(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   unsigned long refused)
{
	struct vm_area_struct *vma;
	vaddr_t covered = start;
	int err = 0;

	for_each_vma_range(vma, mm, start, end) {
		if (vma->vm_flags & refused)
			return -EINVAL;
		if (vma->vm_start > covered)
			err = -ENOMEM;
		covered = vma->vm_end;
	}
	return covered < end ? -ENOMEM : err;
}

static void discard_vma(struct vm_area_struct *vma, vaddr_t start, vaddr_t end,
			const struct advice *advice)
{
	struct mm_struct *mm = vma->vm_mm;
	vaddr_t used = pgtable_next_used(mm, start, end);
	struct mmu_notifier_range range;
	struct mmu_gather tlb;

	if (used == end) {
		if (tlb_flush_is_pending(mm))
			flush_tlb_mm_range(mm, start, end);
		return;
	}
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, mm, used, end);
	mmu_notifier_invalidate_range_start(&range);
	/* From start, not used: what lies below may be another's, unflushed. */
	tlb_gather_mmu(&tlb, mm, start, end);
	advice->change(&tlb, used, end);
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
}

static int contents_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   const struct advice *advice)
{
	int found = look_at_regions(mm, start, end, advice->refused);
	struct vm_area_struct *vma;

	if (found == -EINVAL)
		return found;
	for_each_vma_range(vma, mm, start, end) {
		discard_vma(vma, max(vma->vm_start, start),
			    min(vma->vm_end, end), advice);
	}
	return found;
}

static int advise_contents(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   const struct advice *advice)
{
	int err = mmap_read_lock_killable(mm);

	if (err)
		return err;
	err = contents_locked(mm, start, end, advice);
	mmap_read_unlock(mm);
	return err;
}

static int advise_flags(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			const struct advice *advice)
{
	int err = mmap_write_lock_killable(mm);

	if (err)
		return err;
	err = look_at_regions(mm, start, end, advice->refused);
	if (err != -EINVAL &&
	    vma_change_flags(mm, start, end, advice->set, advice->clear))
		err = -EAGAIN;
	mmap_write_unlock(mm);
	return err;
}

static int advise_populate(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   const struct advice *advice)
{
	return populate(mm, start, end, advice->touch);
}

static int advise_collapse(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   const struct advice *advice)
{
	int err = mmap_write_lock_killable(mm);

	if (err)
		return err;
	err = look_at_regions(mm, start, end, advice->refused);
	if (err != -EINVAL) {
		int collapsed = collapse_range(mm, start, end);

		err = err ? err : collapsed;
	}
	mmap_write_unlock(mm);
	return err;
}

static const struct advice advices[] = {
	{MADV_DONTNEED, "dontneed", advise_contents,
	 .refused = VM_LOCKED | VM_PFNMAP, .change = zap_range},
	{MADV_DONTNEED_LOCKED, "dontneed", advise_contents,
	 .refused = VM_PFNMAP, .change = zap_range},
	{MADV_FREE, "free", advise_contents, .refused = VM_LOCKED | VM_SHARED,
	 .change = lazyfree_range},
	{MADV_DONTFORK, "dontfork", advise_flags, .set = VM_DONTCOPY},
	{MADV_DOFORK, "dofork", advise_flags, .clear = VM_DONTCOPY},
	{MADV_WIPEONFORK, "wipeonfork", advise_flags, .refused = VM_SHARED,
	 .set = VM_WIPEONFORK},
	{MADV_KEEPONFORK, "keeponfork", advise_flags, .clear = VM_WIPEONFORK},
	{MADV_HUGEPAGE, "hugepage", advise_flags, .refused = VM_PFNMAP,
	 .set = VM_HUGEPAGE, .clear = VM_NOHUGEPAGE},
	{MADV_NOHUGEPAGE, "nohugepage", advise_flags, .set = VM_NOHUGEPAGE,
	 .clear = VM_HUGEPAGE},
	{MADV_COLLAPSE, "collapse", advise_collapse, .refused = VM_PFNMAP},
	{MADV_POPULATE_READ, "populate read", advise_populate,
	 .touch = POPULATE_READ},
	{MADV_POPULATE_WRITE, "populate write", advise_populate,
	 .touch = POPULATE_WRITE},
};

static const struct advice *find_advice(int number)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		if (advices[i].advice == number)
			return &advices[i];
	}
	return NULL;
}

int do_madvise(struct mm_struct *mm, vaddr_t addr, size_t len, int advice)
{
	const struct advice *found = find_advice(advice);
	int err;

	if (!found || !IS_ALIGNED(addr, PAGE_SIZE) || len > USER_END)
		return -EINVAL;
	len = ALIGN(len, PAGE_SIZE);
	if (addr > USER_END - len)
		return -EINVAL;
	if (!len)
		return 0;
	this_cpu_inc(space_counters.advices);
	OBSERVE(mm_call, mm, found->name, addr, addr + len);
	err = found->apply(mm, addr, addr + len, found);
	OBSERVE(mm_return, mm, found->name, err);
	return err;
}
