// SPDX-License-Identifier: MIT
/*
 * mm/space/brk.c - the heap: one mapping that a program makes longer and shorter
 *
 * Problem.  An allocator in a program wants memory that goes on where it ended, and gives the
 * end back when it can. It knows one number, the end of its heap, to the byte.
 *
 * Idea.  The address space keeps that number, mm->brk. The pages that it touches are ordinary
 * private memory from the page of mm->start_brk on, so brk() is a mapping or an
 * unmapping of what lies between the old number and the new, rounded up to pages:
 *
 *	            start_brk        brk
 *	              |               |
 *	pages	  [   0   ][   1   ][   2   ]
 *
 *	new brk		pages		so
 *	in page 2	the same	mm->brk alone
 *	above		more		they are mapped, if all of the place is free
 *					(mm/space/mmap.c)
 *	below		fewer		they are unmapped, with one UNMAP
 *					(mm/space/munmap.c)
 *
 * The heap is no region of its own: it becomes one with a neighbour that is alike, and the
 * program may unmap or protect parts of it. A brk() that makes it shorter unmaps whatever
 * lies there, as munmap() does.
 *
 * A page above the heap stays free, or more below a stack (mm/space/stack.c), so that a store past its end does not hit another mapping.
 *
 *	data			guarded by
 *	mm->brk			mmap_lock; written with it for writing
 *	mm->start_brk		written by the owner, before sharing
 *
 * Not here: the limits that a longer heap has to keep to (mm/space/limits.c); the program's
 * loader, which would choose the start.
 */
#include <mm/space/brk.h>
#include <mm/space/counters.h>
#include <mm/space/mlock.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/populate.h>
#include <mm/space/stack.h>

#include "mm/space/internal.h"

/* Pages in [@start, @end) come to the heap. */
static int heap_grow(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	const struct vm_area_struct *next;
	struct map_request region = {.addr = start,
				     .len = end - start,
				     .place = MAP_FIXED_NOREPLACE,
				     .vm_flags = VM_SOFTDIRTY | VM_MAYACCESS |
						 VM_READ | VM_WRITE |
						 mm->def_flags};
	long result;

	next = find_vma(mm, start);
	if (next && end + PAGE_SIZE > vma_start_gap(next))
		return -ENOMEM;
	result = map_region(mm, &region);
	limits_settle(mm);
	return result < 0 ? (int)result : 0;
}

/* @grown is set to where pages have come to the heap, if there are any. */
static int brk_locked(struct mm_struct *mm, vaddr_t brk, vaddr_t *grown)
	__must_hold(&mm->mmap_lock)
{
	vaddr_t old = ALIGN(mm->brk, PAGE_SIZE);
	vaddr_t new = ALIGN(brk, PAGE_SIZE);
	int err = 0;

	if (new > old) {
		err = heap_grow(mm, old, new);
		if (!err)
			*grown = old;
	} else if (new < old) {
		err = do_munmap_locked(mm, new, old - new);
	}
	if (err)
		return err;
	mm->brk = brk;
	this_cpu_inc(space_counters.brks);
	return 0;
}

static long brk_call(struct mm_struct *mm, vaddr_t brk)
{
	vaddr_t end = ALIGN(brk, PAGE_SIZE);
	vaddr_t grown = end;
	bool locked;
	int err = mmap_write_lock_killable(mm);

	if (err)
		return err;
	err = brk_locked(mm, brk, &grown);
	locked = mlock_touches(mm->def_flags);
	mmap_write_unlock(mm);
	if (locked && grown < end)
		(void)populate(mm, grown, end, POPULATE_ALLOWED);
	return err ? err : (long)brk;
}

static long brk_now(struct mm_struct *mm)
{
	long brk = mmap_read_lock_killable(mm);

	if (brk)
		return brk;
	brk = (long)mm->brk;
	mmap_read_unlock(mm);
	return brk;
}

long do_brk(struct mm_struct *mm, vaddr_t brk)
{
	long result;

	if (!brk)
		return brk_now(mm);
	if (!mm->start_brk || brk < mm->start_brk || brk > USER_END - PAGE_SIZE)
		return -ENOMEM;
	OBSERVE(mm_call, mm, "brk", mm->start_brk, brk);
	result = brk_call(mm, brk);
	OBSERVE(mm_return, mm, "brk", result);
	return result;
}

void mm_set_heap(struct mm_struct *mm, vaddr_t start)
{
	ASSERT(start >= USER_START && start <= USER_END - PAGE_SIZE);
	mm->start_brk = start;
	mm->brk = start;
}
