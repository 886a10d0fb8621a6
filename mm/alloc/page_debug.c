// SPDX-License-Identifier: MIT
/*
 * mm/alloc/page_debug.c - the allocator of a page, writes to a free page
 *
 * Problem.  A frame that is written to after it was freed breaks a stranger's
 * data, far from the mistake.
 *
 * Idea.  Debug builds pay for answers:
 *
 *	owner	each page remembers the return address of the call that
 *		allocated it (32 bits: all text lies in the top 2 GiB)
 *	epoch	and the number of the last snapshot before that
 *		(mm/alloc/leak.c)
 *	poison	a free page is filled with PAGE_POISON and looked through when
 *		it is allocated again
 *
 * Every allocator stamps its pieces in this way, so the epoch and its comparison
 * are here as well; this file calls none of them.
 *
 *	field		guarded by
 *	alloc_epoch	written by one snapshot at a time, read by all
 *	page->owner, ->epoch, ->poisoned
 *			the page's owner: no other thread has the page
 *
 * Reports of a page that is in a wrong state are here too, in every build; the
 * allocator and <mm/page/page.h> find the state.
 */
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/page/page.h>

u16 alloc_epoch = 1;

/* In numbers that wrap. */
bool alloc_is_since(u16 stamp, u16 epoch)
{
	return stamp && (s16)(stamp - epoch) >= 0;
}

static void poison_check(struct page *page)
{
	const u8 *bytes = page_address(page);
	const u8 *bad = memchr_inv(bytes, PAGE_POISON, PAGE_SIZE);

	if (!bad)
		return;
	page_dump(page, "written to after it was freed");
	panic("page_alloc: page %#lx written to after free, offset=%#lx "
	      "value=%#x, last allocated by %pS",
	      page_to_pfn(page), (unsigned long)(bad - bytes), *bad,
	      caller_unpack(page->owner));
}

void __page_debug_alloc(struct page *page, unsigned int order,
			unsigned long caller)
{
	for (unsigned long i = 0; i < 1ul << order; i++) {
		if (page[i].poisoned)
			poison_check(page + i);
		page[i].poisoned = 0;
		page[i].owner = caller_pack(caller);
		page[i].epoch = alloc_epoch;
	}
}

/* The owner stays: a later report names it. */
void __page_debug_free(struct page *page, unsigned int order)
{
	for (unsigned long i = 0; i < 1ul << order; i++) {
		memset(page_address(page + i), PAGE_POISON, PAGE_SIZE);
		page[i].poisoned = 1;
	}
}

void page_dump(const struct page *page, const char *why)
{
	pr_err("page %#lx: %s: flags=%#lx count=%d mapcount=%d mapping=%p "
	       "index=%#lx private=%#lx order=%u owner=%pS\n",
	       page_to_pfn(page), why, page->flags, page_ref_count(page),
	       page_mapcount(page), page->mapping, page->index, page->private,
	       page->order, caller_unpack(page->owner));
}

void page_bad_ref(const struct page *page, const char *what)
{
	page_dump(page, "bad reference");
	panic("page: reference of %s page %#lx %s, last allocated by %pS",
	      PageFree(page) ? "free" : "unreferenced", page_to_pfn(page), what,
	      caller_unpack(page->owner));
}
