// SPDX-License-Identifier: MIT
/*
 * mm/alloc/buddy.c - free frames in blocks of a power of two, and the last of them
 *
 * Idea.  A block is aligned to its size.  Freeing one looks at the block it was
 * once split from, whose number differs in one bit, and merges as long as that one
 * is free and whole.  The struct pages of a whole MAX_ORDER block always exist,
 * even where a part of it is not RAM, so the look is safe.
 *
 * Marks.  The free pages decide which callers get any, and whether CPUs may keep
 * lists:
 *
 *	free frames
 *	  |	lists are filled a batch at a time
 *	high	----- tight until here again
 *	  |	tight, or not yet tight
 *	low	----- tight below: lists take nothing, and give back all
 *	  |	anybody is served, page by page, from here
 *	min	----- below: only callers with __GFP_RESERVE (GFP_ATOMIC)
 *	  0
 *
 * A batch is smaller than low - min, so a list never holds frames of the reserve.
 * A caller that asks for its CPU's list asks first whether memory is tight: what a
 * list was filled with before is not handed out past the marks either.
 *
 *	field			guarded by
 *	buddy.*			buddy.lock, taken with IRQs off
 *	buddy.tight, free	read by anybody as a hint
 *	page->order, lru	buddy.lock while PG_buddy
 *
 * Limits.  One lock for all frames.  It is held over one block, or over a batch of
 * single frames, never over a whole list.  Fine for some tens of CPUs that go
 * through their lists; a machine that allocates blocks on all of them at once wants
 * one buddy for each node.
 *
 * Not here: the lists, and what a page in use looks like (mm/alloc/page_alloc.c).
 */
#include <lib/list.h>
#include <lib/printk.h>
#include <kernel/lock/spinlock.h>
#include <mm/alloc/page_alloc.h>

#include "buddy_internal.h"

static struct {
	struct spinlock lock;
	bool tight;
	unsigned long free; /* pages in all blocks */
	unsigned long min, low, high;
	struct list_head blocks[MAX_ORDER + 1];
	unsigned long nr[MAX_ORDER + 1];
} buddy;

static void block_insert(struct page *page, unsigned int order)
{
	page->flags |= BIT(PG_buddy);
	page->order = order;
	list_add(&page->lru, &buddy.blocks[order]);
	buddy.nr[order]++;
}

static void block_remove(struct page *page, unsigned int order)
{
	page->flags &= ~BIT(PG_buddy);
	list_del(&page->lru);
	buddy.nr[order]--;
}

static bool block_is_free(const struct page *page, unsigned int order)
{
	return (page->flags & BIT(PG_buddy)) && page->order == order;
}

static void set_free(unsigned long free) __must_hold(buddy.lock)
{
	WRITE_ONCE(buddy.free, free);
	if (free < buddy.low)
		WRITE_ONCE(buddy.tight, true);
	else if (free >= buddy.high)
		WRITE_ONCE(buddy.tight, false);
}

static void free_block(struct page *page, unsigned int order)
	__must_hold(buddy.lock)
{
	pfn_t pfn = page_to_pfn(page);

	set_free(buddy.free + (1ul << order));
	while (order < MAX_ORDER) {
		pfn_t other = pfn ^ (1ul << order);

		if (!block_is_free(pfn_to_page(other), order))
			break;
		block_remove(pfn_to_page(other), order);
		pfn &= other;
		order++;
	}
	block_insert(pfn_to_page(pfn), order);
}

/* All pages of the block still carry PG_free. */
static struct page *alloc_block(gfp_t gfp, unsigned int order)
	__must_hold(buddy.lock)
{
	unsigned long keep = gfp & __GFP_RESERVE ? 0 : buddy.min;
	unsigned int have = order;
	struct page *page;

	if (buddy.free < keep + (1ul << order))
		return NULL;
	while (have <= MAX_ORDER && list_empty(&buddy.blocks[have]))
		have++;
	if (have > MAX_ORDER)
		return NULL;
	page = list_first_entry(&buddy.blocks[have], struct page, lru);
	block_remove(page, have);
	while (have > order) {
		have--;
		block_insert(page + (1ul << have), have);
	}
	set_free(buddy.free - (1ul << order));
	return page;
}

struct page *buddy_alloc(gfp_t gfp, unsigned int order)
{
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	page = alloc_block(gfp, order);
	spin_unlock_irqrestore(&buddy.lock, flags);
	return page;
}

/* A batch in one piece when there is one: splitting it costs nothing. */
struct page *buddy_alloc_batch(unsigned int *order)
{
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	if (!buddy.tight) {
		while (!(page = alloc_block(0, *order)) && *order)
			--*order;
	}
	spin_unlock_irqrestore(&buddy.lock, flags);
	return page;
}

void buddy_free(struct page *page, unsigned int order)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	free_block(page, order);
	spin_unlock_irqrestore(&buddy.lock, flags);
}

struct page *buddy_free_chain(struct page *page, unsigned int nr)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	while (nr--) {
		struct page *next = page->next;

		free_block(page, 0);
		page = next;
	}
	spin_unlock_irqrestore(&buddy.lock, flags);
	return page;
}

bool buddy_is_tight(void)
{
	return READ_ONCE(buddy.tight);
}

unsigned long buddy_nr_free(void)
{
	return READ_ONCE(buddy.free);
}

static bool block_verify(const struct page *page, unsigned int order)
{
	pfn_t pfn = page_to_pfn(page);
	pfn_t other = pfn ^ (1ul << order);

	if (!IS_ALIGNED(pfn, 1ul << order) || !block_is_free(page, order))
		return false;
	if (order < MAX_ORDER && block_is_free(pfn_to_page(other), order))
		return false;
	for (unsigned long i = 0; i < 1ul << order; i++)
		if (!PageFree(page + i) || page_ref_count(page + i) ||
		    (i && (page[i].flags & BIT(PG_buddy))))
			return false;
	return true;
}

bool page_alloc_verify(void)
{
	const struct page *page;
	const struct page *bad = NULL;
	unsigned long flags, sum = 0;
	bool ok;

	spin_lock_irqsave(&buddy.lock, flags);
	for (unsigned int order = 0; order <= MAX_ORDER; order++) {
		unsigned long nr = 0;

		list_for_each_entry(page, &buddy.blocks[order], lru) {
			nr++;
			if (!bad && !block_verify(page, order))
				bad = page;
		}
		sum += nr << order;
		if (nr != buddy.nr[order])
			sum = ~0ul;
	}
	ok = sum == buddy.free && !bad;
	spin_unlock_irqrestore(&buddy.lock, flags);
	if (bad)
		page_dump(bad, "broken free block");
	if (!ok)
		pr_err("page_alloc: blocks hold %lu pages, counted %lu\n", sum,
		       buddy.free);
	return ok;
}

void buddy_set_marks(const struct page_limits *limits)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	buddy.min = limits->min;
	buddy.low = limits->low;
	buddy.high = limits->high;
	set_free(buddy.free);
	spin_unlock_irqrestore(&buddy.lock, flags);
}

void buddy_init(void)
{
	spin_lock_init(&buddy.lock);
	for (unsigned int order = 0; order <= MAX_ORDER; order++)
		INIT_LIST_HEAD(&buddy.blocks[order]);
}
