// SPDX-License-Identifier: MIT
/*
 * mm/space/munmap.c - unmap a range
 *
 * Problem.  A call names a range; the address space has regions.  The range may
 * begin inside one, end inside another and have holes between, and a device
 * must have let go of all of it before the first page is freed.  A call that
 * fails must fail before anything has changed.
 *
 * Idea.  Look, count and allocate first; from the start event on nothing can
 * fail.  An unmapping has these steps, in this order:
 *
 *	1. find the regions, count what would be left, allocate the one region
 *	   that a hole in the middle of another makes necessary
 *	2. start(UNMAP) for the whole range, once for all regions in it
 *	3. empty the entries				(mm/table/zap.c)
 *	4. resize, split or remove the regions
 *	5. unhook the tables				(mm/table/pgtable.c)
 *	6. flush every CPU				(mm/table/tlb.c)
 *	7. end: nobody can reach the range any more
 *	8. free pages, tables and regions
 *
 * Step 4 comes before step 5, so that a walk of the reverse map, which holds no
 * mmap_lock, does not look for a table that is free (mm/rmap/family.c). A subscriber may
 * read the first region until end has returned (R1.19), so a region is freed after that.
 *
 *	       start              end
 *	regions  |[ a ]   [  b  ]  |		a, b removed
 *	regions [|  c  ]       [ d | ]		c shortened, d begins at end
 *	regions [|        e        | ]		e split: the upper part is new
 *
 * A mapping over an old one (mm/space/mmap.c) and a move (mm/space/mremap.c) have these
 * steps inside their own.
 *
 * Locks: mmap_lock for writing all the time, so neither a fault nor another
 * walker sees the steps between.
 *
 * docs/semantics.md says what a subscriber may assume (R1.9), and why a callback
 * may not take mmap_lock (R1.17).
 *
 * Not here: the tree (mm/space/vma.c), the end of all mappings (mm/space/exit.c).
 */
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/table/pgtable.h>

#include "mm/space/internal.h"

/* One past everything a user table can map; no region comes near it. */
#define USER_TABLES_END (USER_PGD_PTRS * PGDIR_SIZE)

void plan_unmap(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		struct unmap_plan *plan)
{
	struct vm_area_struct *vma;

	*plan = (struct unmap_plan){.start = start, .end = end};
	plan->first = find_vma_intersection(mm, start, end);
	for (vma = plan->first; vma && vma->vm_start < end; vma = vma->vm_next) {
		vaddr_t low = max(vma->vm_start, start);
		vaddr_t high = min(vma->vm_end, end);

		vm_change_add(&plan->gone, vma->vm_flags,
			      -(long)((high - low) >> PAGE_SHIFT));
		if (low == vma->vm_start && high == vma->vm_end)
			plan->removed++;
		if (low > vma->vm_start && high < vma->vm_end)
			plan->splits = true;
	}
}

/*
 * Step 4. @spare is used if and only if the plan said that it splits.
 * Return: the regions that were removed, chained by vm_next.
 */
static struct vm_area_struct *unmap_regions(struct mm_struct *mm,
					    const struct unmap_plan *plan,
					    struct vm_area_struct *spare)
{
	struct vm_area_struct *vma = plan->first;
	struct vm_area_struct *removed = NULL;

	if (plan->splits) {
		vma_split(mm, vma, plan->end, spare);
		vma_set_range(mm, vma, vma->vm_start, plan->start);
		return NULL;
	}
	while (vma && vma->vm_start < plan->end) {
		struct vm_area_struct *next = vma->vm_next;

		if (vma->vm_start < plan->start) {
			vma_set_range(mm, vma, vma->vm_start, plan->start);
		} else if (vma->vm_end > plan->end) {
			vma_set_range(mm, vma, plan->end, vma->vm_end);
		} else {
			vma_unlink(mm, vma);
			vma->vm_next = removed;
			removed = vma;
		}
		vma = next;
	}
	return removed;
}

void unmap_free_tables(struct mmu_gather *tlb, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *below;
	struct vm_area_struct *above = find_vma_prev(tlb->mm, start, &below);

	pgtable_free_range(tlb, start, end, below ? below->vm_end : 0,
			   above ? above->vm_start : USER_TABLES_END);
}

void unmap_begin(struct mm_struct *mm, const struct unmap_plan *plan,
		 struct unmapping *unmapping)
{
	unmapping->removed = NULL;
	tlb_gather_mmu(&unmapping->tlb, mm, plan->start, plan->end);
	mmu_notifier_range_init(&unmapping->range, MMU_NOTIFY_UNMAP, 0,
				plan->first, mm, plan->start, plan->end);
	mmu_notifier_invalidate_range_start(&unmapping->range);
}

void unmap_remove(struct mm_struct *mm, const struct unmap_plan *plan,
		  struct vm_area_struct *spare, struct unmapping *unmapping)
{
	zap_range(&unmapping->tlb, plan->start, plan->end);
	unmapping->removed = unmap_regions(mm, plan, spare);
	if (!plan->keeps_tables)
		unmap_free_tables(&unmapping->tlb, plan->start, plan->end);
}

void unmap_end(struct unmapping *unmapping)
{
	tlb_flush_mmu(&unmapping->tlb);
	mmu_notifier_invalidate_range_end(&unmapping->range);
	tlb_finish_mmu(&unmapping->tlb);
	vma_free_chain(unmapping->removed);
}

void unmap_planned(struct mm_struct *mm, const struct unmap_plan *plan,
		   struct vm_area_struct *spare)
{
	struct unmapping unmapping;

	unmap_begin(mm, plan, &unmapping);
	unmap_remove(mm, plan, spare, &unmapping);
	unmap_end(&unmapping);
}

vaddr_t user_range_end(vaddr_t addr, size_t len)
{
	vaddr_t end = addr + ALIGN(len, PAGE_SIZE);

	if (!IS_ALIGNED(addr, PAGE_SIZE) || len > USER_END || !len)
		return 0;
	return addr > USER_END || end > USER_END ? 0 : end;
}

int do_munmap_locked(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	struct vm_area_struct *spare = NULL;
	vaddr_t end = user_range_end(addr, len);
	struct unmap_plan plan;

	mmap_assert_write_locked(mm);
	if (!end)
		return -EINVAL;
	plan_unmap(mm, addr, end, &plan);
	if (!plan.first)
		return 0;
	if (plan.splits) {
		if (mm->map_count >= mm->map_limit)
			return -ENOMEM;
		spare = vma_alloc(mm);
		if (!spare)
			return -ENOMEM;
	}
	unmap_planned(mm, &plan, spare);
	limits_settle(mm);
	return 0;
}

int do_munmap(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	int err;

	OBSERVE(mm_call, mm, "munmap", addr, addr + len);
	err = mmap_write_lock_killable(mm);
	if (!err) {
		err = do_munmap_locked(mm, addr, len);
		mmap_write_unlock(mm);
	}
	OBSERVE(mm_return, mm, "munmap", err);
	return err;
}
