/* SPDX-License-Identifier: MIT */
/*
 * mm/rmap/referenced.h - was a page used, by any CPU or device, at any of its addresses?
 */
#ifndef MM_RMAP_REFERENCED_H
#define MM_RMAP_REFERENCED_H

#include <mm/table/young.h>

struct page;

/**
 * page_referenced() - count the entries by which a page was used
 * @page: a page, locked, with a reference of the caller
 * @how: what becomes of the marks of use
 * @vm_flags: set to the flags that any region has which maps the page: VM_LOCKED among
 *	them keeps the page where it is; or NULL
 *
 * Asks all: a use at one address does not hide that others have marks to clear. Starts no
 * range (R1.16).
 *
 * Context: as rmap_walk(); may sleep.
 * Return: how many of its entries were used since the marks were cleared last, counting a
 *	   use by a device as one of the entry; 0 for a page that nothing maps. Rules R2.2 -
 *	   R2.5.
 */
unsigned int page_referenced(struct page *page, enum young_how how,
			     unsigned long *vm_flags);

#endif
