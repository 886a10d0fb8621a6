// SPDX-License-Identifier: MIT
/*
 * mm/space/stack.c - a stack grows when a page below it is touched
 *
 * Problem.  Nobody knows how deep a program will call. Its stack is mapped small, and has to
 * become larger without a call that says so. The first touch below is a page fault, and the
 * fault holds mmap_lock for reading, under which no region may change.
 *
 * Idea.  A region with VM_GROWSDOWN (MAP_GROWSDOWN) grows down to the page of the fault. The
 * fault drops mmap_lock, the growth takes it for writing as any other call does, and the fault
 * takes it for reading again and looks its region up as if it had just come:
 *
 *	fault					mmap_lock
 *	no region; a stack above, which
 *	would allow the touch			read
 *	stack_grow()				write
 *	look the region up; handle the touch	read
 *
 * Between two of these lines other threads may do anything, so each line looks for itself:
 *
 *	fault				another
 *	a stack above
 *					fault on the same page: grows it
 *	finds the page in a region	(must grow nothing; stack_test.c,
 *					two_touches_of_one_page_grow_it_once)
 *
 *	fault				another
 *	a stack above
 *					unmaps the stack
 *	finds no stack			(must be a bad address; stack_test.c,
 *					a_stack_that_is_unmapped_meanwhile_does_not_grow)
 *
 * A stack that grew into its neighbour would overwrite it without a fault. So it stays some
 * pages away from it, and so does what is mapped later:
 *
 *	[ neighbour ]      256 pages free       [ stack <-- ]
 *
 *	what is below or comes			the gap is
 *	a region that may be accessed		kept, by growth
 *	another stack, or no rights at all	not kept: no store passes it unseen
 *	a mapping to a hole, or to a wish	kept (vma_start_gap())
 *	brk, mremap that grows where it is	kept
 *	MAP_FIXED				not kept: the caller knows
 *
 * A call that skips the gap is the compiler's to prevent: it touches each page in turn.
 *
 *	limit				over it
 *	mm->stack_limit			of this stack, whole, as it would be
 *	mm->lock_limit			of a locked one
 *	mm->as_limit, the machine's	as for any mapping (mm/space/limits.c)
 *
 * The fault is one of a bad address then. A stack does not count for mm->data_limit.
 *
 * Only a touch by a CPU grows a stack. A driver's look-up (mm/fault/gup.c) and a device's
 * access below it find no region: they hold mmap_lock and may not let go of it.
 *
 * Not here: regions that grow upwards.
 */
#include <mm/space/counters.h>
#include <mm/space/limits.h>
#include <mm/space/mlock.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/populate.h>
#include <mm/space/stack.h>

/* Is the gap kept? What is below ends at or below @start. */
static bool stack_has_room(const struct vm_area_struct *vma, vaddr_t start)
{
	const struct vm_area_struct *prev = vma->vm_prev;

	if (start < USER_START)
		return false;
	if (!prev || (prev->vm_flags & VM_GROWSDOWN) ||
	    !(prev->vm_flags & VM_ACCESS))
		return true;
	return start - prev->vm_end >= STACK_GUARD_PAGES << PAGE_SHIFT;
}

static int stack_extend(struct vm_area_struct *vma, vaddr_t start)
{
	unsigned long pages = (vma->vm_start - start) >> PAGE_SHIFT;
	struct mm_struct *mm = vma->vm_mm;
	struct vm_change change = {0};
	int err;

	/* A stack that was moved upwards may run out of page offsets. */
	if (!stack_has_room(vma, start) || pages > vma->vm_pgoff ||
	    vma_pages(vma) + pages > mm->stack_limit ||
	    !mlock_allows(mm, vma->vm_flags, pages))
		return -ENOMEM;
	vm_change_add(&change, vma->vm_flags, (long)pages);
	err = limits_reserve(mm, &change);
	if (err)
		return err;
	vma_set_flags(vma, vma->vm_flags | VM_SOFTDIRTY);
	vma_set_range(mm, vma, start, vma->vm_end);
	vma_merge(mm, vma);
	limits_settle(mm);
	this_cpu_inc(space_counters.grown);
	return 0;
}

/* @touched: set to the end of the pages that have come, if they are to be touched. */
static int stack_grow_locked(struct mm_struct *mm, vaddr_t start, vaddr_t *touched)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	vaddr_t old;
	bool touches;
	int err;

	if (!vma)
		return -EFAULT;
	if (vma->vm_start <= start)
		return 0;
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return -EFAULT;
	old = vma->vm_start;
	touches = mlock_touches(vma->vm_flags);
	err = stack_extend(vma, start);
	if (!err && touches)
		*touched = old;
	return err;
}

int stack_grow(struct mm_struct *mm, vaddr_t addr)
{
	vaddr_t start = addr & PAGE_MASK;
	vaddr_t touched = start;
	int err;

	OBSERVE(mm_call, mm, "grow stack", start, start + PAGE_SIZE);
	err = mmap_write_lock_killable(mm);
	if (!err) {
		err = stack_grow_locked(mm, start, &touched);
		mmap_write_unlock(mm);
	}
	if (touched > start)
		(void)populate(mm, start, touched, POPULATE_ALLOWED);
	OBSERVE(mm_return, mm, "grow stack", err);
	return err;
}
