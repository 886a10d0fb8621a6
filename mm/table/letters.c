// SPDX-License-Identifier: MIT
/*
 * mm/table/letters.c - the states of an entry, as rows of a table
 *
 * Problem.  A map of an address space shows each page as a letter. The monitor prints
 * maps, and a script of the host makes them of the guest's memory. Both must agree on
 * every letter.
 *
 * Idea.  The states are data: a row says which bits of an entry count, and between
 * which values they lie. Both sides search the same rows.
 *
 *	letter	a CPU that touches the page
 *	.	has a page given to it
 *	n	gets an error: there is a page, and the region forbids access
 *	z Z	reads zeroes; a write is given a page, or a huge one
 *	r w	reads; reads and writes
 *	R W	likewise, and the page was written to before
 *	x X	restores the page, which a device has exclusively
 *	p P	has the page brought back from device memory
 *	m M	waits until the page has moved
 *	s	has the page read back in
 *	h	learns that memory is broken
 *	k e	sees a marker; gets an error
 *
 * A capital other than Z says that the page was written to, or that the entry will be
 * writable again. A page of a huge entry has the letter that it would have in a small one. Which
 * frames are the zero pages is known when the system boots; their rows are
 * completed then, before there is an address space.
 *
 *	field			read with	written with
 *	pte_letters		nothing		nothing: at boot, by one CPU
 *
 * Lifetime: for good. Not here: what a device sees (drivers/peer/table.c), the map
 * itself (demo/monitor_map.c).
 */
#include <lib/init.h>
#include <lib/layout.h>
#include <mm/page/page.h>
#include <mm/table/letters.h>
#include <mm/table/swapops.h>

/* Rows of swap types are behind those of present entries, so the type is enough. */
#define SWAP_TYPES(first, last, letter_, what_)               \
	{                                                     \
		.mask = 31ul << SWP_ARCH_TYPE_SHIFT,          \
		.least = (u64)(first) << SWP_ARCH_TYPE_SHIFT, \
		.most = (u64)(last) << SWP_ARCH_TYPE_SHIFT,   \
		.letter = (letter_), .what = (what_)          \
	}
#define BITS(mask_, bits, letter_, what_)                         \
	{                                                         \
		.mask = (mask_), .least = (bits), .most = (bits), \
		.letter = (letter_), .what = (what_)              \
	}

#define ZERO_ROW      3
#define HUGE_ZERO_ROW 4

struct page_letter pte_letters[] = {
	PAGE_LETTER_NO_REGION,
	BITS(~0ul, 0, '.', "no page"),
	BITS(_PAGE_PRESENT | _PAGE_PROTNONE, _PAGE_PROTNONE, 'n', "no access"),
	[ZERO_ROW] = BITS(_PAGE_PRESENT | _PAGE_PFN_MASK, 0, 'z', "zero page"),
	[HUGE_ZERO_ROW] =
		BITS(_PAGE_PRESENT | _PAGE_PFN_MASK, 0, 'Z', "huge zero page"),
	BITS(_PAGE_PRESENT | _PAGE_RW | _PAGE_DIRTY,
	     _PAGE_PRESENT | _PAGE_RW | _PAGE_DIRTY, 'W', "writable, written to"),
	BITS(_PAGE_PRESENT | _PAGE_RW, _PAGE_PRESENT | _PAGE_RW, 'w', "writable"),
	BITS(_PAGE_PRESENT | _PAGE_DIRTY, _PAGE_PRESENT | _PAGE_DIRTY, 'R',
	     "read-only, written to before"),
	BITS(_PAGE_PRESENT, _PAGE_PRESENT, 'r', "read-only"),
	SWAP_TYPES(0, MAX_SWAPFILES - 1, 's', "swapped out"),
	SWAP_TYPES(SWP_HWPOISON, SWP_HWPOISON, 'h', "broken memory"),
	SWAP_TYPES(SWP_MIGRATION_READ, SWP_MIGRATION_READ_EXCLUSIVE, 'm',
		   "moves, read-only"),
	SWAP_TYPES(SWP_MIGRATION_WRITE, SWP_MIGRATION_WRITE, 'M',
		   "moves, writable"),
	SWAP_TYPES(SWP_PTE_MARKER, SWP_PTE_MARKER, 'k', "marker"),
	SWAP_TYPES(SWP_SWAPIN_ERROR, SWP_SWAPIN_ERROR, 'e', "error"),
	/* What is left are the types of devices, if there are any. */
	SWAP_TYPES(SWP_DEVICE_BASE, SWP_DEVICE_BASE, 'P',
		   "in device memory, writable"),
	SWAP_TYPES(SWP_DEVICE_BASE + 1, SWP_DEVICE_BASE + 1, 'p',
		   "in device memory, read-only"),
	SWAP_TYPES(SWP_DEVICE_BASE + 2, SWP_DEVICE_BASE + 2, 'X',
		   "exclusive to a device, writable"),
	{.most = ~0ul, .letter = 'x', .what = "exclusive to a device, read-only"},
};

LAYOUT_ADDRESS(pte_letters);
LAYOUT_ENTRY("pte_letters.rows", ARRAY_SIZE(pte_letters));
LAYOUT_ENTRY("page_letters.row", PAGE_LETTERS_ROW);

static int find_zero_page(void)
{
	u64 zero = page_to_phys(empty_zero_page) | _PAGE_PRESENT;
	u64 huge = zero;

	/* Not the second row, where there is no such page. */
	if (huge_zero_page)
		huge = page_to_phys(huge_zero_page) | _PAGE_PRESENT;
	pte_letters[ZERO_ROW].least = pte_letters[ZERO_ROW].most = zero;
	pte_letters[HUGE_ZERO_ROW].least = pte_letters[HUGE_ZERO_ROW].most = huge;
	return 0;
}
INITCALL(INIT_CORE, find_zero_page);

char page_letter_of(const struct page_letter *table, u64 word)
{
	while ((word & table->mask) < table->least ||
	       (word & table->mask) > table->most)
		table++;
	return table->letter;
}
