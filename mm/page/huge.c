// SPDX-License-Identifier: MIT
/*
 * mm/page/huge.c - a huge page is made, and becomes small pages again
 *
 * Problem.  Two megabytes that are mapped by one entry must be one thing: to count and to
 * lock 512 pages one by one would cost what the one entry saves. But a part of them may be
 * unmapped or given to a device, and then they must be 512 things.
 *
 * Idea.  The first page has the one reference count and the one lock; PG_tail in the others
 * says where to look (page_head()). To split is to give each page a count of its own. That
 * is right only while no thread can turn a pointer to one of the pages into a reference,
 * since that thread would look for the first page and count there:
 *
 *	splitter			get_page(p), p the seventh page
 *					PG_tail: the first page is h
 *	clears PG_tail of p
 *					h's count goes up	(must be p's)
 *
 * A thread may call get_page() if it has a reference, or holds the lock of an entry that maps
 * the page. So the splitter holds the lock of all entries, which are entries of one table, and
 * knows how many there are. It exchanges exactly that number for 0. If another reference
 * exists the exchange fails and the page stays huge, which costs memory and harms nothing:
 * entries of the last level map parts of a huge page as well as small pages.
 *
 *	tests/mm/page/huge_test.c, a_huge_page_with_another_reference_is_not_split
 *
 * A walker of frames asks get_page_unless_zero() of a page itself. The count of all but the
 * first page is 0 until the page is small in every other respect.
 *
 * The lock.  A holder of the page's lock has a reference, as a rule. The splitter tries the
 * lock all the same and does not rely on that: the holder of the lock of a huge page goes on
 * holding it.
 *
 *	field			read with		written with
 *	PG_head, PG_tail	a reference, or the	the maker, before anybody has the
 *				lock of an entry	page; the splitter, frozen
 *
 * Not here: entries (mm/table/huge.c), faults (mm/fault/huge.c).
 */
#include <mm/alloc/page_alloc.h>
#include <mm/page/huge.h>

struct page *huge_zero_page;

/* A machine with fewer pages gives none of them away for a page of zeroes. */
#define LEAST_FOR_HUGE_ZERO (64 * HPAGE_PMD_NR)

struct page *alloc_huge_page(gfp_t gfp)
{
	struct page *head = alloc_pages(gfp | __GFP_NOWARN, HPAGE_PMD_ORDER);
	unsigned long i;

	if (!head)
		return NULL;
	atomic_set(&head->whole_mapcount, 0);
	/* No walker of frames has one of these: their counts are 0. */
	for (i = 1; i < HPAGE_PMD_NR; i++)
		WRITE_ONCE(head[i].flags, BIT(PG_tail));
	SetPageHead(head);
	return head;
}

/* What a small page keeps of what was known of all. */
static unsigned long small_flags(const struct page *head)
{
	return BIT(PG_anon) |
	       (head->flags & (BIT(PG_dirty) | BIT(PG_referenced)));
}

/* One of the other 511. While its count is 0 no other thread has it, nor its flags. */
static void split_tail(struct page *head, struct page *page, unsigned long flags)
{
	int entries = atomic_read(&page->mapcount);

	page->mapping = head->mapping;
	page->index = head->index + (unsigned long)(page - head);
	page->order = 0;
	WRITE_ONCE(page->flags, flags | (page->flags & BIT(PG_anon_exclusive)));
	if (entries)
		page_ref_unfreeze(page, entries);
	else
		__put_page(page);
}

bool try_split_huge_page(struct page *head, unsigned int entries)
{
	unsigned long i, flags;
	int left;

	ASSERT(PageHead(head) && entries > 0);
	if (!trylock_page(head))
		return false;
	if (!page_ref_freeze(head, (int)entries)) {
		unlock_page(head);
		return false;
	}
	flags = small_flags(head);
	for (i = 1; i < HPAGE_PMD_NR; i++)
		split_tail(head, head + i, flags);
	left = atomic_read(&head->mapcount);
	head->order = 0;
	ClearPageHead(head);
	/* No thread waits for the lock: it would have a reference. */
	unlock_page(head);
	if (left)
		page_ref_unfreeze(head, left);
	else
		__put_page(head);
	return true;
}

void huge_zero_page_init(void)
{
	if (nr_total_pages() < LEAST_FOR_HUGE_ZERO)
		return;
	huge_zero_page = alloc_huge_page(GFP_KERNEL | __GFP_ZERO);
	if (huge_zero_page)
		SetPageReserved(huge_zero_page);
}
