// SPDX-License-Identifier: MIT
/*
 * mm/space/mmap.c - map and unmap ranges
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
 * Locks: mmap_lock for writing all the time, so neither a fault nor another
 * walker sees the steps between.  A mapping over an old one (MAP_FIXED) is both
 * calls under one hold.
 *
 * docs/semantics.md says what a subscriber may assume (R1.9), and why a callback
 * may not take mmap_lock (R1.17).
 *
 * Not here: the tree (mm/space/vma.c); file and shared memory, which do not exist.
 */
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/notifier/start.h>
#include <mm/table/pgtable.h>
#include <mm/table/tlb.h>

#define MAP_WANTED (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAP_KNOWN  (MAP_WANTED | MAP_FIXED | MAP_FIXED_NOREPLACE)

static_assert(PROT_READ == VM_READ && PROT_WRITE == VM_WRITE &&
		      PROT_EXEC == VM_EXEC,
	      "a protection is the low bits of a region's flags");

/* One past everything a user table can map; no region comes near it. */
#define USER_TABLES_END (USER_PGD_PTRS * PGDIR_SIZE)

/* The plan of an unmapping, made before it begins. */
struct unmap_plan {
	vaddr_t start;
	vaddr_t end;
	struct vm_area_struct *first; /* lowest region touched, or NULL */
	unsigned long pages;          /* pages of regions that will go */
	unsigned int removed;         /* regions that will go whole */
	bool splits;                  /* a region keeps both of its ends */
};

static void plan_unmap(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		       struct unmap_plan *plan)
{
	struct vm_area_struct *vma;

	*plan = (struct unmap_plan){.start = start, .end = end};
	plan->first = find_vma_intersection(mm, start, end);
	for (vma = plan->first; vma && vma->vm_start < end; vma = vma->vm_next) {
		vaddr_t low = max(vma->vm_start, start);
		vaddr_t high = min(vma->vm_end, end);

		plan->pages += (high - low) >> PAGE_SHIFT;
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

/* Steps 2 to 8. @spare as for unmap_regions(). */
static void unmap_planned(struct mm_struct *mm, const struct unmap_plan *plan,
			  struct vm_area_struct *spare)
{
	struct vm_area_struct *removed;
	struct mmu_gather tlb;
	struct vm_area_struct *first = plan->first;
	struct vm_area_struct *above = find_vma(mm, plan->end);
	struct mmu_notifier_range range;
	vaddr_t floor = 0;
	vaddr_t ceiling = USER_TABLES_END;

	if (first->vm_start < plan->start)
		floor = plan->start;
	else if (first->vm_prev)
		floor = first->vm_prev->vm_end;
	if (above)
		ceiling = max(above->vm_start, plan->end);

	tlb_gather_mmu(&tlb, mm, plan->start, plan->end);
	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, first, mm,
				plan->start, plan->end);
	mmu_notifier_invalidate_range_start(&range);
	zap_range(&tlb, plan->start, plan->end);
	removed = unmap_regions(mm, plan, spare);
	pgtable_free_range(&tlb, plan->start, plan->end, floor, ceiling);
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
	vma_free_chain(removed);
}

/* The page-aligned end of a range in user space, or 0 if it is not one. */
static vaddr_t user_range_end(vaddr_t addr, size_t len)
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

/* Grow a neighbour over the place of @vma if it is alike; true if one was. */
static bool mmap_extend(struct mm_struct *mm, const struct vm_area_struct *vma)
{
	struct vm_area_struct *next = find_vma(mm, vma->vm_start);
	struct vm_area_struct *prev;

	if (next) {
		prev = next->vm_prev;
	} else {
		struct rb_node *last = rb_last(&mm->mm_rb);

		prev = last ? rb_entry(last, struct vm_area_struct, vm_rb) : NULL;
	}
	if (prev && vma_alike(prev, vma)) {
		vma_set_range(mm, prev, prev->vm_start, vma->vm_end);
		vma_merge(mm, prev);
		return true;
	}
	if (next && vma_alike(vma, next)) {
		vma_set_range(mm, next, vma->vm_start, next->vm_end);
		return true;
	}
	return false;
}

/*
 * Where the mapping shall go: an address, or an error. A wish that cannot be
 * had is no error.
 */
static long mmap_place(struct mm_struct *mm, vaddr_t addr, size_t len, int flags)
{
	bool fits = addr >= USER_START && addr <= USER_END - len;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!IS_ALIGNED(addr, PAGE_SIZE))
			return -EINVAL;
		if (!fits)
			return -ENOMEM;
		if ((flags & MAP_FIXED_NOREPLACE) &&
		    find_vma_intersection(mm, addr, addr + len))
			return -EEXIST;
		return addr;
	}
	addr &= PAGE_MASK;
	if (addr >= USER_START && fits &&
	    !find_vma_intersection(mm, addr, addr + len))
		return addr;
	return vma_find_gap(mm, len);
}

/*
 * Map @vma where the plan has made sure of room. It is linked, or freed after a
 * neighbour has grown over its place.
 */
static int mmap_planned(struct mm_struct *mm, struct vm_area_struct *vma,
			const struct unmap_plan *plan)
{
	struct vm_area_struct *spare = NULL;

	if (!plan->first && mmap_extend(mm, vma)) {
		vma_free(vma);
		return 0;
	}
	if (mm->map_count - plan->removed + plan->splits + 1 > mm->map_limit)
		return -ENOMEM;
	if (plan->splits) {
		spare = vma_alloc(mm);
		if (!spare)
			return -ENOMEM;
	}
	if (plan->first)
		unmap_planned(mm, plan, spare);
	vma_link(mm, vma);
	vma_merge(mm, vma);
	return 0;
}

static long mmap_locked(struct mm_struct *mm, vaddr_t addr, size_t len,
			unsigned long vm_flags, int flags)
{
	struct vm_area_struct *vma;
	struct unmap_plan plan;
	long start = mmap_place(mm, addr, len, flags);
	int err;

	if (start < 0)
		return start;
	plan_unmap(mm, start, start + len, &plan);
	if (mm->total_vm - plan.pages + (len >> PAGE_SHIFT) > mm->as_limit)
		return -ENOMEM;
	vma = vma_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma_init(vma, start, start + len, vm_flags);
	err = mmap_planned(mm, vma, &plan);
	if (!err)
		return start;
	vma_free(vma);
	return err;
}

long do_mmap(struct mm_struct *mm, vaddr_t addr, size_t len, int prot, int flags)
{
	unsigned long vm_flags = VM_MAYACCESS | (unsigned long)prot;
	long result;

	if (!len || (prot & ~PROT_ALL) || (flags & ~MAP_KNOWN) ||
	    (flags & MAP_WANTED) != MAP_WANTED)
		return -EINVAL;
	if (len > USER_END - USER_START)
		return -ENOMEM;
	len = ALIGN(len, PAGE_SIZE);

	OBSERVE(mm_call, mm, "mmap", addr, addr + len, prot);
	result = mmap_write_lock_killable(mm);
	if (!result) {
		result = mmap_locked(mm, addr, len, vm_flags, flags);
		mmap_write_unlock(mm);
	}
	OBSERVE(mm_return, mm, "mmap", result);
	return result;
}
