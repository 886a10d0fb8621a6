/* SPDX-License-Identifier: MIT */
/*
 * include/mm/page/huge.h - 512 pages that come, are counted and are locked as one
 *
 * Include <mm/page/page.h>. The words: a huge page is 2 MiB of memory; a huge entry is an
 * entry of the level above the last that maps one. A huge page may also be mapped by
 * entries of the last level, each of which maps a part of it.
 *
 *	asked of any of the 512		answered by
 *	references, pins		the first page: refcount
 *	the lock, PG_anon, mapping	the first page
 *	its page offset			the first page's index, and the distance to it
 *	how many entries map it		the first page's whole_mapcount, huge entries;
 *					and its own mapcount, entries of the last level
 *	does it belong to one mm?	a huge entry: the first page's PG_anon_exclusive
 *					an entry of the last level: the page's own
 *
 * Each entry of either kind holds one reference.
 */
#ifndef MM_PAGE_HUGE_H
#define MM_PAGE_HUGE_H

#include <mm/alloc/gfp.h>
#include <mm/page/page.h>

/**
 * alloc_huge_page() - allocate 512 pages as one
 * @gfp: GFP_*
 *
 * Context: as alloc_page().
 * Return: the first page, with one reference; NULL without 2 MiB side by side, which is
 *	   no event to report.
 */
struct page *alloc_huge_page(gfp_t gfp);

/**
 * try_split_huge_page() - make 512 small pages of a huge one
 * @head: its first page
 * @entries: of the last level that map a part of it and that the caller has locked
 *
 * Splits if those entries hold all references there are. Each page then has as many as
 * entries map it; a page that none maps is freed.
 *
 * Context: the lock of the table with the entries, or the table is not hooked yet.
 * Return: true if the pages are small now; false, and nothing has changed, if the page is
 *	   locked or another reference exists: a huge entry, a pin, a walker of frames.
 */
bool try_split_huge_page(struct page *head, unsigned int entries);

/* Boot: make huge_zero_page, if the machine has memory to spare. */
void huge_zero_page_init(void);

#endif
