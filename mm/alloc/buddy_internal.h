/* SPDX-License-Identifier: MIT */
/*
 * mm/alloc/buddy_internal.h - blocks of free frames, for mm/alloc/page_alloc.c
 *
 * The lists of the CPUs take from here and give back here (mm/alloc/buddy.c).
 */
#ifndef MM_ALLOC_BUDDY_INTERNAL_H
#define MM_ALLOC_BUDDY_INTERNAL_H

#include <mm/alloc/page_alloc.h>

/*
 * buddy_alloc() - take one block
 * @gfp: __GFP_RESERVE may go below the min mark
 * @order: 0 to MAX_ORDER
 *
 * Context: any but NMI; takes buddy.lock.
 * Return: the first page, all pages still marked free; or NULL.
 */
struct page *buddy_alloc(gfp_t gfp, unsigned int order);

/*
 * buddy_alloc_batch() - take a block for a CPU's list
 * @order: the largest wanted; gets what it is
 *
 * Nothing while memory is tight.  Context and Return: as buddy_alloc().
 */
struct page *buddy_alloc_batch(unsigned int *order);

/* Give one block back; its pages are marked free. */
void buddy_free(struct page *page, unsigned int order);

/* Give back the first @nr single pages of a chain. Return: the rest of it. */
struct page *buddy_free_chain(struct page *page, unsigned int nr);

/*
 * buddy_is_tight() - is so little left that CPUs may hoard none?
 *
 * From below the low mark until at the high mark again.
 */
bool buddy_is_tight(void);

/* Pages in all blocks. */
unsigned long buddy_nr_free(void);

/* Boot: no blocks; the marks to keep from now on. */
void buddy_init(void);
void buddy_set_marks(const struct page_limits *limits);

#endif
