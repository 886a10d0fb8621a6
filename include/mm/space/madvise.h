/* SPDX-License-Identifier: MIT */
/*
 * mm/space/madvise.h - tell the kernel what will become of a range
 */
#ifndef MM_SPACE_MADVISE_H
#define MM_SPACE_MADVISE_H

#include <lib/types.h>

struct mm_struct;

/* The advices, by the numbers of the system call. */
#define MADV_DONTNEED        4
#define MADV_FREE            8
#define MADV_DONTFORK        10
#define MADV_DOFORK          11
#define MADV_HUGEPAGE        14
#define MADV_NOHUGEPAGE      15
#define MADV_WIPEONFORK      18
#define MADV_KEEPONFORK      19
#define MADV_POPULATE_READ   22
#define MADV_POPULATE_WRITE  23
#define MADV_DONTNEED_LOCKED 24
#define MADV_COLLAPSE        25

/**
 * do_madvise() - carry out one advice for the pages of a range
 * @mm: the address space
 * @addr: first address, page aligned
 * @len: bytes; rounded up to pages; 0 does nothing
 * @advice: MADV_*
 *
 *	DONTNEED	the pages go, the regions stay: the next touch finds zeroes. CLEAR
 *			for each region's part, from the first filled entry on (R1.18)
 *	DONTNEED_LOCKED	the same, of locked regions too
 *	FREE		the contents may go, until the next write: a read finds the old
 *			contents or zeroes. CLEAR as above. Pages that others share,
 *			device-exclusive ones and those of huge entries are left alone
 *	DONTFORK, DOFORK, WIPEONFORK, KEEPONFORK
 *			what a child gets of the regions: nothing, or a copy; zeroes, or
 *			a copy (mm_fork())
 *	HUGEPAGE, NOHUGEPAGE
 *			faults map huge pages, or never do (mm/fault/huge.h); what is mapped
 *			stays as it is
 *	COLLAPSE	each aligned 2 MiB that lie in the range and in one region get a huge
 *			page with the same contents, whatever thp= says. CLEAR over each
 *			before the first change, also where it then fails. A huge page is
 *			left as it is
 *	POPULATE_READ, POPULATE_WRITE
 *			the pages are touched, as by a read or a write of each
 *
 * A hole in the range is no reason to stop, except for POPULATE: the rest is done, and
 * the call says so. What a region forbids is found before anything changes.
 *
 * Context: takes mmap_lock, for writing where regions change, and drops it now and then
 *	    to populate; may sleep; no page lock held.
 * Return: 0;
 *	   -EINVAL (unknown advice; unaligned or outside user space; DONTNEED or POPULATE of a
 *	   region with VM_PFNMAP; DONTNEED or FREE of a
 *	   locked region, FREE or WIPEONFORK of a shared one; POPULATE of a region that
 *	   does not allow the touch);
 *	   -ENOMEM (a hole in the range; POPULATE: no memory);
 *	   -EAGAIN (the regions would be too many, or no memory for one; nothing changed);
 *	   -EFAULT, -EHWPOISON (POPULATE: the page cannot be had);
 *	   of COLLAPSE the error of the last 2 MiB that failed, the others being done: -EAGAIN
 *	   (a page is shared, pinned, locked, looked at or exclusive to a device), -EINVAL (no
 *	   page was ever written there, NOHUGEPAGE, an object's region), -ENOMEM (no memory
 *	   for a huge page);
 *	   -EINTR (killed: POPULATE may have done a part, all others nothing).
 */
int do_madvise(struct mm_struct *mm, vaddr_t addr, size_t len, int advice);

/** madvise_dontneed() - do_madvise() with MADV_DONTNEED */
static inline int madvise_dontneed(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	return do_madvise(mm, addr, len, MADV_DONTNEED);
}

/** madvise_collapse() - do_madvise() with MADV_COLLAPSE */
static inline int madvise_collapse(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	return do_madvise(mm, addr, len, MADV_COLLAPSE);
}

#endif
