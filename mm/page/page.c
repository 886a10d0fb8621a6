// SPDX-License-Identifier: MIT
/*
 * mm/page/page.c - boot: the zero page, and what tools know of struct page
 *
 * Reads of memory that nobody has written all map one page of zeroes, read-only.  It is
 * reserved, so its references are counted and never free it, and it has no reverse
 * mapping.
 *
 * Not here: the array of all pages (mm/alloc/kernel_map.c), waiting for a page
 * (mm/page/wait.c).
 */
#include <lib/layout.h>
#include <mm/alloc/page_alloc.h>
#include <mm/page/huge.h>

struct page *empty_zero_page;

LAYOUT_ADDRESS(empty_zero_page);
LAYOUT_SIZE(page);
LAYOUT_OFFSET(page, flags);
LAYOUT_OFFSET(page, pt_mm);
LAYOUT_ENTRY("PG_table", PG_table);
LAYOUT_ENTRY("vmemmap", VMEMMAP_START);
LAYOUT_ENTRY("direct_map", PAGE_OFFSET);

void page_init(void)
{
	page_wait_init();
	empty_zero_page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL);
	SetPageReserved(empty_zero_page);
	huge_zero_page_init();
}
