/* SPDX-License-Identifier: MIT */
/*
 * mm/space/pagemap.h - what is mapped where, for programs
 *
 * A word of 64 bits for each page:
 *
 *	bit	name				the page of this address
 *	63	PAGEMAP_PRESENT			is mapped; bits 0 to 54 are its frame
 *	62	PAGEMAP_SWAP			has an entry that is not present: bits 0 to 4 are
 *						its type, 5 to 54 its offset
 *						(mm/table/swapops.h)
 *	61	PAGEMAP_SHARED			is of an object, not private
 *	60	PAGEMAP_DEVICE_EXCLUSIVE	is a device's alone: with PAGEMAP_SWAP, and the
 *						offset is the frame
 *	57	PAGEMAP_UFFD_WP			is write-protected for a handler
 *	56	PAGEMAP_EXCLUSIVE		is mapped here and nowhere else
 *	55	PAGEMAP_SOFT_DIRTY		was written to, or is new, since
 *						mm_clear_soft_dirty()
 *
 * The other bits are 0. Where no region is the word is 0. The zero page is present, and
 * neither exclusive nor shared.
 */
#ifndef MM_SPACE_PAGEMAP_H
#define MM_SPACE_PAGEMAP_H

#include <lib/bitops.h>
#include <mm/space/mm_types.h>

#define PAGEMAP_FRAME            (BIT(55) - 1)
#define PAGEMAP_SOFT_DIRTY       BIT(55)
#define PAGEMAP_EXCLUSIVE        BIT(56)
#define PAGEMAP_UFFD_WP          BIT(57)
#define PAGEMAP_DEVICE_EXCLUSIVE BIT(60)
#define PAGEMAP_SHARED           BIT(61)
#define PAGEMAP_SWAP             BIT(62)
#define PAGEMAP_PRESENT          BIT(63)
/* With PAGEMAP_SWAP: the offset begins here, and the type is below. */
#define PAGEMAP_SWAP_SHIFT 5

/**
 * pagemap_read() - a word for each page of a range
 * @mm: the address space
 * @addr: first address, page aligned
 * @words: filled
 * @nr: how many pages
 *
 * A snapshot of each page, not of all at one moment: mmap_lock is dropped between tables.
 * No page is faulted in.
 *
 * Context: takes mmap_lock for reading; may sleep.
 * Return: 0; -EINVAL (unaligned, outside user space: no word is written); -EINTR (killed:
 *	   some words are).
 */
int pagemap_read(struct mm_struct *mm, vaddr_t addr, u64 *words, size_t nr);

/**
 * do_mincore() - which pages of a range are in memory
 * @mm: the address space
 * @addr: first address, page aligned
 * @len: bytes; rounded up to pages; 0 does nothing
 * @present: a byte for each page: 1, a touch waits for no disk; 0, there is no page yet
 *
 * The zero page is one. So is a page that has an entry of another kind than swap: one that
 * a device has exclusively, too (R7.15).
 *
 * Context: takes mmap_lock for reading; may sleep.
 * Return: 0; -EINVAL (unaligned); -ENOMEM (a hole in the range, outside user space);
 *	   -EINTR (killed). On error @present is untouched.
 */
int do_mincore(struct mm_struct *mm, vaddr_t addr, size_t len,
	       unsigned char *present);

#endif
