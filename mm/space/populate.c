// SPDX-License-Identifier: MIT
/*
 * mm/space/populate.c - touch each page of a range before the program does
 *
 * Problem.  A program wants no page faults later, or wants to know now that there is no
 * memory. To touch a page from the kernel is to look it up as a driver does, and to drop
 * what was found.
 *
 * Idea.  get_user_pages_remote() without references, for the pages of one table at a time. It
 * faults in what does not serve, and waits for a page that a device uses without mmap_lock.
 * Between two tables mmap_lock is free, so a range of gigabytes keeps no munmap() waiting,
 * and a killed task stops.
 *
 *	for each table
 *		mmap_lock for reading
 *		no region, or one that does not allow the touch: stop
 *		touch the pages of the table that lie in the region
 *		unlock
 *
 * The regions are looked up anew for each: they may have changed. So the promise is of
 * each page at one moment, and not of all at the same.
 *
 *	data			guarded by
 *	regions			mmap_lock for reading
 *	an entry		its table's lock, in the fault
 *
 * Not here: the look-up (mm/fault/gup.c).
 */
#include <kernel/sched/sched.h>
#include <mm/fault/gup.h>
#include <mm/space/counters.h>
#include <mm/space/mm.h>
#include <mm/space/populate.h>

/* The touch that a region gets: FOLL_WRITE, 0 for a read, or an errno. */
static int touch_of(const struct vm_area_struct *vma, enum populate_touch touch)
{
	if (vma->vm_flags & VM_PFNMAP)
		return -EINVAL;
	if (touch != POPULATE_READ && (vma->vm_flags & VM_WRITE))
		return FOLL_WRITE;
	return touch != POPULATE_WRITE && (vma->vm_flags & VM_READ) ? 0 : -EINVAL;
}

/* From @addr on, up to the end of its region and its table. Return: pages, or an errno. */
static long populate_locked(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			    enum populate_touch touch)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	int write;

	if (!vma)
		return -ENOMEM;
	write = touch_of(vma, touch);
	if (write < 0)
		return write;
	end = pmd_addr_end(addr, min(end, vma->vm_end));
	return get_user_pages_remote(mm, addr, (end - addr) >> PAGE_SHIFT,
				     FOLL_UNLOCKABLE | write, NULL);
}

int populate(struct mm_struct *mm, vaddr_t start, vaddr_t end,
	     enum populate_touch touch)
{
	vaddr_t addr = start;

	while (addr < end) {
		long got;

		if (fatal_signal_pending(current) || mmap_read_lock_killable(mm))
			return -EINTR;
		got = populate_locked(mm, addr, end, touch);
		mmap_read_unlock(mm);
		if (got < 0)
			return (int)got;
		this_cpu_add(space_counters.populated, got);
		addr += (vaddr_t)got << PAGE_SHIFT;
	}
	return 0;
}
