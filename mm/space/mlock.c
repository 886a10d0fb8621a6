// SPDX-License-Identifier: MIT
/*
 * mm/space/mlock.c - pages that are there and stay
 *
 * Problem.  A program that must answer in time can wait for no page. Others must not be
 * starved by it: memory that is locked serves nobody else.
 *
 * Idea.  To be locked is a flag of the region, and a limit for each address space counts the
 * pages of such regions, whether they are there or not. The call has two halves:
 *
 *	1. mmap_lock for writing: is all of it mapped, is there room under the limit? Cut the
 *	   regions and set the flag (mm/space/cut.c)
 *	2. without it: touch each page			(mm/space/populate.c)
 *
 * With MLOCK_ONFAULT half 2 is left out, and the region is VM_LOCKONFAULT as well: a large
 * table of which a program touches few pages has those few locked.
 *
 * Half 1 does all or nothing. Half 2 may fail at any page; the regions stay locked then, as
 * POSIX has it, and a later touch brings the page.
 *
 *	what			how VM_LOCKED gets there
 *	do_mlock2()		set over the range
 *	MCL_CURRENT		set over all regions
 *	MCL_FUTURE		mm->def_flags: each do_mmap() and do_brk() has it
 *	MAP_LOCKED		this do_mmap() has it
 *	a fork			the child's regions have not (mm/space/fork.c)
 *
 * A locked region refuses DONTNEED (mm/space/madvise.c), and is a reason for reclaim to leave
 * a page where it is (page_referenced()). munmap() and exit take it like any other.
 *
 *	field			read with	written with
 *	mm->locked_vm		mmap_lock	mmap_lock for writing, with the regions that it
 *						counts (mm/space/vma.c)
 *	mm->def_flags		mmap_lock	mmap_lock for writing
 *	mm->lock_limit		any		the owner, before sharing
 *
 * Not here: the account of locked pages (mm/space/vma.c).
 */
#include <mm/space/cut.h>
#include <mm/space/mlock.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/populate.h>

/* The end of the range's last page; 0: there is none, since the range wraps. */
static vaddr_t mlock_end(vaddr_t addr, size_t len)
{
	vaddr_t end = addr + len;

	return end < addr || end > ~0UL - PAGE_SIZE ? 0 : ALIGN(end, PAGE_SIZE);
}

/* Pages of a range whose regions are locked already. */
static unsigned long locked_pages(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *vma;
	unsigned long pages = 0;

	for_each_vma_range(vma, mm, start, end) {
		if (vma->vm_flags & VM_LOCKED)
			pages += (min(vma->vm_end, end) -
				  max(vma->vm_start, start)) >>
				 PAGE_SHIFT;
	}
	return pages;
}

/* How regions are locked; each call says so for both flags. */
static unsigned long locked_flags(bool onfault)
{
	return onfault ? VM_LOCKED_MASK : VM_LOCKED;
}

static int mlock_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			bool onfault)
{
	unsigned long pages = (end - start) >> PAGE_SHIFT;

	if (!vma_covers(mm, start, end))
		return -ENOMEM;
	pages -= locked_pages(mm, start, end);
	if (!mlock_allows(mm, VM_LOCKED, pages))
		return -ENOMEM;
	return vma_change_flags(mm, start, end, locked_flags(onfault),
				VM_LOCKED_MASK);
}

/* Half 1. */
static int mlock_regions(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			 bool onfault)
{
	int err = mmap_write_lock_killable(mm);

	if (err)
		return err;
	err = mlock_locked(mm, start, end, onfault);
	mmap_write_unlock(mm);
	return err;
}

/* Half 2, with the errors that POSIX has for it. */
static int mlock_pages(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	int err = populate(mm, start, end, POPULATE_ALLOWED);

	if (err == -ENOMEM)
		return -EAGAIN;
	return err && err != -EINTR ? -ENOMEM : err;
}

int do_mlock2(struct mm_struct *mm, vaddr_t addr, size_t len, int flags)
{
	bool onfault = flags & MLOCK_ONFAULT;
	vaddr_t start = addr & PAGE_MASK;
	vaddr_t end = mlock_end(addr, len);
	int err;

	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	if (!mm->lock_limit)
		return -EPERM;
	if (!end)
		return -EINVAL;
	if (!len)
		return 0;
	OBSERVE(mm_call, mm, "mlock", start, end, flags);
	err = mlock_regions(mm, start, end, onfault);
	if (!err && !onfault)
		err = mlock_pages(mm, start, end);
	OBSERVE(mm_return, mm, "mlock", err);
	return err;
}

static int munlock_regions(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	int err = mmap_write_lock_killable(mm);

	if (err)
		return err;
	err = -ENOMEM;
	if (vma_covers(mm, start, end))
		err = vma_change_flags(mm, start, end, 0, VM_LOCKED_MASK);
	mmap_write_unlock(mm);
	return err;
}

int do_munlock(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	vaddr_t start = addr & PAGE_MASK;
	vaddr_t end = mlock_end(addr, len);
	int err;

	if (!end)
		return -EINVAL;
	if (!len)
		return 0;
	OBSERVE(mm_call, mm, "munlock", start, end);
	err = munlock_regions(mm, start, end);
	OBSERVE(mm_return, mm, "munlock", err);
	return err;
}

/* No region is cut, so the change needs no spare and cannot fail. */
static void change_all(struct mm_struct *mm, unsigned long set,
		       unsigned long clear)
{
	int err = vma_change_flags(mm, 0, USER_END, set, clear);

	ASSERT(!err);
}

static int mlockall_regions(struct mm_struct *mm, int flags)
{
	unsigned long how = locked_flags(flags & MCL_ONFAULT);
	int err = mmap_write_lock_killable(mm);

	if (err)
		return err;
	if ((flags & MCL_CURRENT) && mm->total_vm > mm->lock_limit) {
		mmap_write_unlock(mm);
		return -ENOMEM;
	}
	mm->def_flags = flags & MCL_FUTURE ? how : 0;
	if (flags & MCL_CURRENT)
		change_all(mm, how, VM_LOCKED_MASK);
	mmap_write_unlock(mm);
	return 0;
}

/* The next region from @addr on, as it is now; or -ENOENT, or -EINTR. */
static int next_region(struct mm_struct *mm, vaddr_t addr, vaddr_t *start,
		       vaddr_t *end)
{
	int err = mmap_read_lock_killable(mm);
	struct vm_area_struct *vma;

	if (err)
		return err;
	vma = find_vma(mm, addr);
	if (vma) {
		*start = max(vma->vm_start, addr);
		*end = vma->vm_end;
	} else {
		err = -ENOENT;
	}
	mmap_read_unlock(mm);
	return err;
}

/* Each region by itself: one that cannot be touched keeps none of the others from it. */
static int populate_all(struct mm_struct *mm)
{
	vaddr_t start, end = 0;
	int err;

	while (!(err = next_region(mm, end, &start, &end))) {
		err = populate(mm, start, end, POPULATE_ALLOWED);
		if (err == -EINTR)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

int do_mlockall(struct mm_struct *mm, int flags)
{
	int err;

	if (!(flags & (MCL_CURRENT | MCL_FUTURE)) ||
	    (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	if (!mm->lock_limit)
		return -EPERM;
	OBSERVE(mm_call, mm, "mlockall", 0, USER_END, flags);
	err = mlockall_regions(mm, flags);
	if (!err && (flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
		err = populate_all(mm);
	OBSERVE(mm_return, mm, "mlockall", err);
	return err;
}

int do_munlockall(struct mm_struct *mm)
{
	int err;

	OBSERVE(mm_call, mm, "munlockall", 0, USER_END);
	err = mmap_write_lock_killable(mm);
	if (!err) {
		mm->def_flags = 0;
		change_all(mm, 0, VM_LOCKED_MASK);
		mmap_write_unlock(mm);
	}
	OBSERVE(mm_return, mm, "munlockall", err);
	return err;
}
