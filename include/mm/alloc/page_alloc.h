/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/page_alloc.h - whole frames, one or a power of two at a time
 *
 * A freshly allocated page has one reference, no flag, no mapping.  Single
 * pages come from lists of the CPU that asks; see mm/alloc/page_alloc.c.
 */
#ifndef MM_ALLOC_PAGE_ALLOC_H
#define MM_ALLOC_PAGE_ALLOC_H

#include <mm/alloc/gfp.h>
#include <mm/page/page.h>

/* The largest block: 2^MAX_ORDER pages, 4 MiB. */
#define MAX_ORDER 10

/**
 * alloc_page() - allocate one page
 * @gfp: GFP_*
 *
 * Context: any but NMI; may sleep with __GFP_MAYSLEEP.
 * Return: the page with one reference, or NULL without memory.
 */
struct page *alloc_page(gfp_t gfp);

/**
 * alloc_pages() - allocate 2^order pages side by side, aligned to their size
 * @gfp: GFP_*
 * @order: 0 to MAX_ORDER; more gives NULL
 *
 * Above order 0 the block is one thing: only its first page is counted, and the
 * put_page() that drops the last reference of that one frees all.
 *
 * Context: any but NMI; may sleep with __GFP_MAYSLEEP.
 * Return: the first page, or NULL.
 */
struct page *alloc_pages(gfp_t gfp, unsigned int order);

/**
 * get_zeroed_page() - allocate one zeroed page, by address
 * @gfp: GFP_*
 *
 * Context: as alloc_page().
 * Return: its address in the direct map, or NULL. Goes back with
 *	   free_page_at().
 */
static __always_inline void *get_zeroed_page(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	return page ? page_address(page) : NULL;
}

/**
 * free_page_at() - put_page() by an address in the direct map
 * @kaddr: from get_zeroed_page() or page_address()
 *
 * Context: any but NMI. Never sleeps.
 */
static __always_inline void free_page_at(void *kaddr)
{
	put_page(virt_to_page(kaddr));
}

/**
 * alloc_pages_bulk() - allocate many single pages
 * @gfp: GFP_*
 * @nr: how many
 * @pages: filled from the front
 *
 * Context: as alloc_page().
 * Return: how many were allocated; less than @nr only without memory.
 */
unsigned long alloc_pages_bulk(gfp_t gfp, unsigned long nr, struct page **pages);

/**
 * release_pages() - drop a reference of each of many pages
 * @pages: single pages and first pages of blocks, to each of which the caller has a
 *	   reference
 * @nr: how many
 *
 * The last step of an unmapping, after the TLB flush.
 *
 * Context: any but NMI. Never sleeps.
 */
void release_pages(struct page **pages, unsigned long nr);

/**
 * nr_free_pages() - pages the allocator has, the CPUs' lists among them
 *
 * Context: any.
 * Return: exact while nobody allocates or frees.
 */
unsigned long nr_free_pages(void);

/**
 * nr_total_pages() - pages that were ever the allocator's to give
 *
 * Context: any.
 * Return: the number; it does not change after boot.
 */
unsigned long nr_total_pages(void);

/**
 * drain_all_pages() - return the pages on all CPUs' lists to the buddy
 *
 * So that blocks can merge.  A CPU that is just then using its list keeps it.
 *
 * Context: any but NMI. Never sleeps.
 */
void drain_all_pages(void);

/**
 * struct page_limits - how many free pages are kept for which callers
 * @min: below this many in blocks, only callers with __GFP_RESERVE are served
 * @low: below this memory is tight: CPUs keep no lists
 * @high: from here on it is not tight any more
 * @list: pages that one CPU's list may hold
 * @batch_order: the list is filled with blocks of 2^batch_order pages at most
 */
struct page_limits {
	unsigned long min, low, high;
	u32 list;
	unsigned int batch_order;
};

/**
 * page_limits_of() - the limits of a machine
 * @total: pages the allocator has to give
 * @cpus: CPUs that share them
 *
 * All lists together hold a 16th of @total at most, or four pages for each CPU.
 *
 * Context: any; a pure function.
 * Return: the limits.
 */
struct page_limits page_limits_of(unsigned long total, unsigned int cpus);

/**
 * page_alloc_verify() - walk all free lists and every struct page
 *
 * Checks that blocks are aligned, marked, disjoint, merged with their buddy
 * where both are free, and that the counts are the sums.
 *
 * Context: thread context; others may allocate meanwhile, but then only the
 *	    blocks in the buddy are checked.
 * Return: true if all is well; else prints what is not.
 */
bool page_alloc_verify(void);

/**
 * page_alloc_init() - boot: empty lists
 *
 * Context: boot CPU.
 */
void page_alloc_init(void);

/**
 * page_alloc_add_range() - boot: the allocator's from now on
 * @start: first byte, page aligned
 * @end: one past the last
 *
 * Context: boot CPU.
 */
void page_alloc_add_range(paddr_t start, paddr_t end);

/* --- owners of memory --------------------------------------------------- */

/* All that was allocated at some moment; alloc_leak_check() compares. */
struct alloc_snapshot {
	unsigned long pages;   /* in use, bookkeeping of the allocators aside */
	unsigned long objects; /* live slab objects */
	unsigned long areas;   /* live vmalloc areas */
	unsigned long stacks;  /* live kernel stacks */
	u16 epoch;
};

/**
 * alloc_leak_snapshot() - remember what is allocated now
 * @snapshot: filled
 *
 * Context: thread context, may sleep; what others allocate or free meanwhile
 *	    counts on either side.
 */
void alloc_leak_snapshot(struct alloc_snapshot *snapshot);

/**
 * alloc_leak_check() - is more allocated than at the snapshot?
 * @snapshot: from alloc_leak_snapshot()
 *
 * In debug builds each place that allocated something after the snapshot
 * which still lives is printed with how many pieces it left.
 *
 * Context: thread context, may sleep.
 * Return: pages + objects + areas + stacks that are there now and were not
 *	   then; 0 when nothing leaked.
 */
unsigned long alloc_leak_check(const struct alloc_snapshot *snapshot);

#endif
