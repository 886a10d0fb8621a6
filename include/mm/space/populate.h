/* SPDX-License-Identifier: MIT */
/*
 * mm/space/populate.h - touch each page of a range before the program does
 */
#ifndef MM_SPACE_POPULATE_H
#define MM_SPACE_POPULATE_H

#include <mm/space/mm_types.h>

/**
 * enum populate_touch - what the pages are touched by
 * @POPULATE_READ: a read
 * @POPULATE_WRITE: a write, which changes no contents
 * @POPULATE_ALLOWED: a write where the region allows one, else a read
 */
enum populate_touch {
	POPULATE_READ,
	POPULATE_WRITE,
	POPULATE_ALLOWED,
};

/**
 * populate() - have each page of a range there, as by a touch of each
 * @mm: the address space, with a user
 * @start: page aligned
 * @end: page aligned, above @start
 * @touch: the kind of touch
 *
 * Nothing keeps the pages there: another thread may throw them away at once.
 *
 * Context: takes mmap_lock for reading, and drops it after so many pages, so that changes
 *	    of the mapping get in between; may sleep; no page lock held.
 * Return: 0; or, with the pages below the one that failed there: -ENOMEM (a hole, no
 *	   memory), -EINVAL (a region that does not allow the touch, or has VM_PFNMAP), -EFAULT, -EHWPOISON
 *	   (the page cannot be had), -EINTR (killed).
 */
int populate(struct mm_struct *mm, vaddr_t start, vaddr_t end,
	     enum populate_touch touch);

#endif
