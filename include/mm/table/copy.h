/* SPDX-License-Identifier: MIT */
/*
 * mm/table/copy.h - give a child the entries of its parent
 */
#ifndef MM_TABLE_COPY_H
#define MM_TABLE_COPY_H

#include <mm/space/mm_types.h>

struct mmu_gather;
struct page;

/**
 * struct copy - the entries of one region on their way from parent to child
 * @src: the parent's region, private
 * @dst: the child's, with the same bounds and offsets
 * @tlb: gathers what the parent's CPUs must forget
 * @page: in: a page that the caller has locked, or NULL; out: with -EBUSY the page whose
 *	lock is in the way, referenced
 */
struct copy {
	struct vm_area_struct *src;
	struct vm_area_struct *dst;
	struct mmu_gather *tlb;
	struct page *page;
};

/**
 * copy_entries() - share the pages of [start, end) with the child
 * @copy: all set
 * @start: where to begin, in both regions
 * @end: where to stop
 *
 * Both mms have the page in the end, read-only, and the page belongs to neither alone.
 * A page that is pinned belongs to the parent and stays writable; the child has a copy.
 * A device-exclusive entry is restored first, with a range of its own (R7.13).
 *
 * Context: mmap_lock of both for writing; in a range of the parent that covers
 *	    [@start, @end); may sleep.
 * Return: 0; -ENOMEM; -EBUSY (a driver holds the lock of an exclusive page). On error some
 *	   entries are shared already, which the parent does not notice once the child
 *	   is gone.
 */
int copy_entries(struct copy *copy, vaddr_t start, vaddr_t end);

#endif
