// SPDX-License-Identifier: MIT
/*
 * mm/space/mremap.c - a mapping grows, shrinks, or has another address
 *
 * Problem.  A program's array has become too small. To map a larger one, copy, and unmap
 * costs time and, for a moment, twice the memory. The pages are good where they are: only
 * their addresses must change, for CPUs, for devices, and for the reverse map.
 *
 * Idea.  One of five ways:
 *
 *	old length 0, of shared memory, MAYMOVE	it is mapped once more	(mm/space/mmap.c)
 *
 *	new length	flags			so
 *	not above old	none of the next two	the end is unmapped	(mm/space/munmap.c)
 *	above		likewise; room above	the region grows where it is
 *	above		likewise; MAYMOVE	it moves to a hole
 *	any		FIXED, DONTUNMAP	it moves
 *
 * A move is an unmapping of the old range that has the entries taken elsewhere before it
 * empties the rest. Everything is allocated first, page tables too, so from step 4 on
 * nothing can fail:
 *
 *	1. look at the old region and at the new place, count what there will be
 *	2. allocate the new region, and one for each region that is cut in two
 *	3. allocate the tables of the new place
 *	4. unmap what is there, with an UNMAP of its own, and keep the tables
 *	5. link the new region, empty
 *	6. start(UNMAP) over the old range, once
 *	7. move the entries, flush			(mm/table/move.c)
 *	8. empty what is left, remove the old region or cut it, free its tables
 *	9. flush, end, free
 *
 *	before	[  a  |  old  |  b  ]		     [ there ]
 *	after	[  a  ]       [  b  ]		[  new       ]
 *
 * A mirror, of the old length 0, takes nothing from the old range, which has no page: it
 * shows the same object at a second address, as a mapping that is new. Private memory
 * has no such thing, since its pages belong to one address.
 *
 * With DONTUNMAP step 8 is left out: the old region stays and is empty. A subscriber has
 * the UNMAP all the same (R1.14): pages at another address are other memory for it.
 *
 * Page offsets.  The new region has the object of the old one and its offsets, so a walk of
 * the reverse map computes the new address of a page (mm/rmap/family.c). If private memory
 * has no entry in the old range no page depends on an offset. It then gets those of its new
 * place, and becomes one with a neighbour there.
 *
 * Step 7 holds the lock of the reverse map for writing. A walk finds each page in the old
 * place or in the new, and cannot miss it:
 *
 *	walk				mover
 *	new region: empty
 *					moves the entry
 *	old region: empty		(must not be: page not found)
 *
 *	(tests/mm/rmap/move_test.c, a_page_is_found_while_it_moves_to_and_fro)
 *
 * It lets go of that lock after the flush. A walk flushes the address where it found the page:
 *
 *	mover				walk, to unmap page p
 *	old entry emptied
 *	new entry leads to p
 *					empties the new entry, flushes the new
 *					address, frees p
 *	flush of the old address	(p must still be here: a CPU may
 *					write to it by the old address)
 *
 *	(tests/mm/rmap/move_test.c, a_walk_waits_until_a_moved_page_is_flushed)
 *
 * Locks: mmap_lock for writing all the time, so no fault and no look-up sees the steps
 * between. One that waits for mmap_lock looks the region up when it has the lock.
 *
 * Not here: the steps of an unmapping (mm/space/munmap.c), entries (mm/table/move.c).
 */
#include <mm/rmap/family.h>
#include <mm/space/counters.h>
#include <mm/space/mlock.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/populate.h>
#include <mm/space/stack.h>
#include <mm/table/move.h>
#include <mm/table/pgtable.h>

#include "mm/space/internal.h"

#define MREMAP_PLACES (MREMAP_FIXED | MREMAP_DONTUNMAP)
#define MREMAP_KNOWN  (MREMAP_MAYMOVE | MREMAP_PLACES)

/**
 * struct mremap - one call
 * @mm: the address space
 * @vma: the region of the old range; stale once what was at @new is unmapped
 * @old: first address of the old range
 * @old_end: first address after it
 * @new: first address of the new range
 * @new_len: bytes
 * @flags: MREMAP_*
 * @touches: what the region gains is touched: mlock_touches()
 * @there: of a move: what must go at @new
 * @here: of a move: what will go of the old range
 */
struct mremap {
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	vaddr_t old;
	vaddr_t old_end;
	vaddr_t new;
	size_t new_len;
	int flags;
	bool touches;
	struct unmap_plan there;
	struct unmap_plan here;
};

/* The regions that a move takes, allocated before it begins. */
struct mremap_spares {
	struct vm_area_struct *dst;
	struct vm_area_struct *there;
	struct vm_area_struct *here;
};

/* --- a move ----------------------------------------------------------------- */

/*
 * The old range goes after what is at the new place, which may be in the same region. So
 * look at the region as it will be then.
 */
static void plan_old(struct mremap *call)
{
	vaddr_t low = call->vma->vm_start;
	vaddr_t high = call->vma->vm_end;

	plan_unmap(call->mm, call->old, call->old_end, &call->here);
	if (call->there.end <= call->old)
		low = max(low, call->there.end);
	else
		high = min(high, call->there.start);
	call->here.removed = low == call->old && high == call->old_end;
	call->here.splits = low < call->old && call->old_end < high;
	if (call->flags & MREMAP_DONTUNMAP) {
		call->here.removed = 0;
		call->here.splits = false;
		call->here.gone = (struct vm_change){0};
	}
}

static bool move_fits(const struct mremap *call)
{
	const struct mm_struct *mm = call->mm;
	const struct unmap_plan *there = &call->there;
	const struct unmap_plan *here = &call->here;

	return mm->map_count - there->removed + there->splits - here->removed +
		       here->splits + 1 <=
	       mm->map_limit;
}

/* The pages of the new place come, those that are there go, and the old ones may. */
static int move_charge(const struct mremap *call)
{
	const struct vm_change *here = &call->here.gone;
	struct vm_change change = call->there.gone;

	vm_change_add(&change, call->vma->vm_flags,
		      (long)(call->new_len >> PAGE_SHIFT));
	change.pages += here->pages;
	change.data += here->data;
	change.charged += here->charged;
	return limits_reserve(call->mm, &change);
}

static void free_spares(struct mremap_spares *spares)
{
	if (spares->dst)
		vma_free(spares->dst);
	if (spares->there)
		vma_free(spares->there);
	if (spares->here)
		vma_free(spares->here);
}

/* Undo step 3: tables below no region go. Not inlined: a gather is large. */
static noinline void free_new_tables(const struct mremap *call)
{
	vaddr_t end = call->new + call->new_len;
	struct vm_area_struct *above;
	struct mmu_gather tlb;
	vaddr_t addr;

	tlb_gather_mmu(&tlb, call->mm, call->new, end);
	for (addr = call->new; addr < end; addr = above ? above->vm_end : end) {
		above = find_vma(call->mm, addr);
		if (!above || addr < above->vm_start)
			unmap_free_tables(&tlb, addr,
					  above ? min(above->vm_start, end)
						: end);
	}
	tlb_flush_mmu(&tlb);
	tlb_finish_mmu(&tlb);
}

/* How much of the old range moves. */
static vaddr_t moved_end(const struct mremap *call)
{
	return call->old + min(call->old_end - call->old, call->new_len);
}

/* Steps 2 and 3. */
static int move_reserve(const struct mremap *call, struct mremap_spares *spares)
{
	struct mm_struct *mm = call->mm;

	*spares = (struct mremap_spares){.dst = vma_alloc(mm)};
	if (call->there.splits)
		spares->there = vma_alloc(mm);
	if (call->here.splits)
		spares->here = vma_alloc(mm);
	if (!spares->dst || (call->there.splits && !spares->there) ||
	    (call->here.splits && !spares->here))
		goto out_spares;
	if (move_alloc_tables(mm, call->old, moved_end(call), call->new))
		goto out_tables;
	return 0;

out_tables:
	free_new_tables(call);
out_spares:
	free_spares(spares);
	return -ENOMEM;
}

static void init_new_region(const struct mremap *call, struct vm_area_struct *dst)
{
	const struct vm_area_struct *src = call->vma;

	vma_init(dst, call->new, call->new + call->new_len,
		 src->vm_flags | VM_SOFTDIRTY);
	if (src->vm_object)
		vma_set_object(dst, src->vm_object, vma_pgoff_of(src, call->old));
	else if (pgtable_next_used(call->mm, call->old, call->old_end) <
		 call->old_end)
		dst->vm_pgoff = vma_pgoff_of(src, call->old);
}

/* Step 7. */
static void move_contents(const struct mremap *call, struct vm_area_struct *dst,
			  struct mmu_gather *tlb)
{
	rmap_lock_region(dst);
	move_entries(tlb, call->old, moved_end(call), call->new);
	tlb_flush_and_free(tlb);
	rmap_unlock_region(dst);
}

/* Steps 4 to 9. Not inlined: a gather is large. */
static noinline void move_planned(struct mremap *call,
				  struct mremap_spares *spares)
{
	struct mm_struct *mm = call->mm;
	struct vm_area_struct *dst = spares->dst;
	struct unmapping unmapping;

	init_new_region(call, dst);
	if (call->there.first) {
		call->there.keeps_tables = true;
		unmap_planned(mm, &call->there, spares->there);
	}
	/* The old range may be in another region now. */
	plan_unmap(mm, call->old, call->old_end, &call->here);
	vma_link(mm, dst);
	unmap_begin(mm, &call->here, &unmapping);
	move_contents(call, dst, &unmapping.tlb);
	if (!(call->flags & MREMAP_DONTUNMAP))
		unmap_remove(mm, &call->here, spares->here, &unmapping);
	unmap_end(&unmapping);
	vma_merge(mm, dst);
}

static long mremap_move(struct mremap *call)
{
	struct mremap_spares spares;

	plan_unmap(call->mm, call->new, call->new + call->new_len, &call->there);
	plan_old(call);
	if (!move_fits(call) || move_charge(call) || move_reserve(call, &spares))
		return -ENOMEM;
	move_planned(call, &spares);
	return call->new;
}

/* --- a mirror --------------------------------------------------------------- */

/* The object of the region is shown a second time, from the page of @old on. */
static long mremap_mirror(const struct mremap *call, unsigned long pgoff)
{
	bool fixed = call->flags & MREMAP_FIXED;
	struct map_request region = {.addr = fixed ? call->new : 0,
				     .len = call->new_len,
				     .place = fixed ? MAP_FIXED : 0,
				     .vm_flags =
					     call->vma->vm_flags | VM_SOFTDIRTY,
				     .object = call->vma->vm_object,
				     .pgoff = pgoff};

	return map_region(call->mm, &region);
}

/* --- the other ways --------------------------------------------------------- */

/* clang does not see that call->mm is the mm whose lock is held. */
static long mremap_shrink(const struct mremap *call) __no_thread_safety
{
	vaddr_t end = call->old + call->new_len;
	int err = 0;

	if (end < call->old_end)
		err = do_munmap_locked(call->mm, end, call->old_end - end);
	return err ? err : (long)call->old;
}

/* Is nothing in the way of the old range, up to its new length? */
static bool may_grow_here(const struct mremap *call)
{
	const struct vm_area_struct *next = call->vma->vm_next;

	return call->vma->vm_end == call->old_end &&
	       call->new_len <= USER_END - call->old &&
	       (!next || call->old + call->new_len <= vma_start_gap(next));
}

static long mremap_grow(const struct mremap *call)
{
	struct vm_area_struct *vma = call->vma;
	struct vm_change change = {0};

	vm_change_add(&change, vma->vm_flags,
		      (long)((call->old + call->new_len - call->old_end) >>
			     PAGE_SHIFT));
	if (limits_reserve(call->mm, &change))
		return -ENOMEM;
	vma_set_flags(vma, vma->vm_flags | VM_SOFTDIRTY);
	vma_set_range(call->mm, vma, vma->vm_start, call->old + call->new_len);
	vma_merge(call->mm, vma);
	return call->old;
}

/* A hole, or the wish if it is one. */
static long find_new_place(const struct mremap *call)
{
	vaddr_t end = call->new + call->new_len;

	if ((call->flags & MREMAP_DONTUNMAP) && call->new >= USER_START &&
	    vma_is_free(call->mm, call->new, end))
		return call->new;
	return vma_find_gap(call->mm, call->new_len);
}

/* How many pages there will be more; with DONTUNMAP the old ones stay. */
static unsigned long gained_pages(const struct mremap *call)
{
	size_t kept =
		call->flags & MREMAP_DONTUNMAP ? 0 : call->old_end - call->old;

	return (max(call->new_len, kept) - kept) >> PAGE_SHIFT;
}

static long mremap_locked(struct mremap *call)
{
	size_t old_len = call->old_end - call->old;
	struct mm_struct *mm = call->mm;
	unsigned long pgoff;
	long place;

	call->vma = vma_lookup(mm, call->old);
	if (!call->vma || call->old_end > call->vma->vm_end)
		return -EFAULT;
	call->touches = mlock_touches(call->vma->vm_flags);
	pgoff = vma_pgoff_of(call->vma, call->old);
	if ((!old_len && !call->vma->vm_object) ||
	    ((call->flags & MREMAP_DONTUNMAP) && call->vma->vm_object) ||
	    pgoff + (call->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (!old_len)
		return call->flags & MREMAP_MAYMOVE ? mremap_mirror(call, pgoff)
						    : -ENOMEM;
	if (!(call->flags & MREMAP_PLACES) && call->new_len <= old_len)
		return mremap_shrink(call);
	if (!mlock_allows(mm, call->vma->vm_flags, gained_pages(call)))
		return -EAGAIN;
	if (!(call->flags & MREMAP_PLACES) && may_grow_here(call))
		return mremap_grow(call);
	if (!(call->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (!(call->flags & MREMAP_FIXED)) {
		place = find_new_place(call);
		if (place < 0)
			return place;
		call->new = place;
	}
	return mremap_move(call);
}

/* What can be said without a look at the regions: 0 or an errno. */
static int check_arguments(const struct mremap *call, size_t old_len)
{
	bool ends_below = call->new_len <= USER_END &&
			  call->new <= USER_END - call->new_len;

	if ((call->flags & ~MREMAP_KNOWN) || !call->new_len ||
	    !IS_ALIGNED(call->old, PAGE_SIZE))
		return -EINVAL;
	if (!(call->flags & MREMAP_PLACES))
		return 0;
	if (!(call->flags & MREMAP_MAYMOVE) ||
	    !IS_ALIGNED(call->new, PAGE_SIZE) || !ends_below)
		return -EINVAL;
	if ((call->flags & MREMAP_DONTUNMAP) && old_len != call->new_len)
		return -EINVAL;
	if ((call->flags & MREMAP_FIXED) &&
	    (call->new < USER_START || (call->new < call->old + old_len &&
					call->old < call->new + call->new_len)))
		return -EINVAL;
	return 0;
}

long do_mremap(struct mm_struct *mm, vaddr_t old, size_t old_len,
	       size_t new_len, int flags, vaddr_t new)
{
	struct mremap call = {.mm = mm,
			      .old = old,
			      .new = new,
			      .new_len = new_len,
			      .flags = flags};
	long result = check_arguments(&call, old_len);

	if (result)
		return result;
	if (old >= USER_END || old_len > USER_END - old)
		return -EFAULT;
	if (new_len > USER_END - USER_START)
		return -ENOMEM;
	call.old_end = old + ALIGN(old_len, PAGE_SIZE);
	call.new_len = ALIGN(new_len, PAGE_SIZE);
	this_cpu_inc(space_counters.remaps);
	OBSERVE(mm_call, mm, "mremap", old, call.old_end, call.new_len);
	result = mmap_write_lock_killable(mm);
	if (!result) {
		result = mremap_locked(&call);
		limits_settle(mm);
		mmap_write_unlock(mm);
	}
	if (result > 0 && call.touches && call.old_end - old < call.new_len)
		(void)populate(mm, result + (call.old_end - old),
			       result + call.new_len, POPULATE_ALLOWED);
	OBSERVE(mm_return, mm, "mremap", result);
	return result;
}
