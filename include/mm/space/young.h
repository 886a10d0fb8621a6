/* SPDX-License-Identifier: MIT */
/*
 * mm/space/young.h - which pages of a range were used?
 */
#ifndef MM_SPACE_YOUNG_H
#define MM_SPACE_YOUNG_H

#include <mm/table/young.h>

/**
 * mm_young() - find the pages of a range that were used, by CPUs or devices
 * @mm: the address space
 * @addr: first address, page aligned
 * @len: bytes; rounded up to pages; 0 does nothing
 * @how: what becomes of the marks of use
 * @used: a byte for each page: 1, it was used since its marks were cleared last; 0, it was
 *	not, or no page is there; or NULL
 *
 * With YOUNG_CLEAR_FLUSH the CPUs are flushed once for the pages of a table, before the
 * subscribers are asked. Starts no range (R1.16). A page that others share has marks in each
 * address space: this asks for the marks of one.
 *
 * Context: takes mmap_lock for reading; may sleep.
 * Return: how many pages were used; -EINVAL (unaligned, outside user space); -EINTR (killed:
 *	   some marks may be cleared). @used is written only on success for pages that were
 *	   looked at. Rules R2.2 - R2.5.
 */
long mm_young(struct mm_struct *mm, vaddr_t addr, size_t len,
	      enum young_how how, unsigned char *used);

#endif
