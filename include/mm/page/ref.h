/* SPDX-License-Identifier: MIT */
/*
 * include/mm/page/ref.h - references: a frame stays as long as anything needs it
 *
 * Include <mm/page/page.h>.
 *
 * Problem.  A frame is used by many at once: by entries of page tables, by a driver that
 * looked it up, by a fault that waits for its lock. It may be freed when the last of them
 * has no use for it any more, and not before. Besides, a thread may walk over all frames
 * (reclaim, compaction, the tracking of idle pages). It has no entry and no lock to begin
 * from: a frame number is all it knows.
 *
 * Idea.  page->refcount counts the reasons to keep the frame:
 *
 *	a reference is held by		from			to
 *	the allocation itself		alloc_page()		its put_page()
 *	each entry that maps it		the fault (the		the flush after the
 *	  (a swap entry that names	  allocation's own)	entry is emptied
 *	  it, too)						(mm/table/tlb.c)
 *	get_user_pages_remote(),	the look at the entry,	the caller's put_page()
 *	a fault that waits for the	under its table's
 *	lock				lock
 *	a walker of frames		get_page_unless_zero()	put_page()
 *
 * page->mapcount is another number: entries alone. Where they differ, the page has users
 * that are no entry:
 *
 *	mapcount	refcount	the page
 *	0		1		just allocated; or held, and unmapped since
 *	1		1		mapped once; nothing else knows it
 *	1		2		mapped once, and looked up or walked over just now
 *	n		>= n		mapped by n entries
 *
 * The pages of a huge page have one count, that of its first page (mm/page/huge.h). All
 * functions below but get_page_unless_zero() and the freezing take any of them.
 *
 * So "count 1" is right whenever it is seen under a lock that keeps others from getting
 * references, and "more than 1" may be a walker that passes by: take it for a reason to
 * be careful (copy, try again later), never for an error.
 *
 *	refcount	PG_free		state		leads there
 *	0		1		free		the last put_page()
 *	> 0		0		in use		alloc_page()
 *	0		0		frozen		page_ref_freeze()
 *
 * Freed only by the last.  An allocator that wants to give a page back does not know
 * whether it has the only reference. So it drops its own, and the thread whose
 * put_page() takes the count to 0 frees the page, whichever that is. A block of many
 * pages is counted in its first page; in the others the count is 0, and no walker gets
 * a reference to them.
 *
 *	owner				walker of frames
 *					get_page_unless_zero(): 2
 *	put_page(): 1
 *					put_page(): 0, frees
 *
 *	(ref_test.c, the_last_reference_frees_a_block_though_a_walker_has_it)
 *
 * Looked at again.  Between a walker's first look and its reference the frame may be freed
 * and allocated anew. Its reference is harmless then: it keeps whatever the frame is now.
 * So a walker takes the reference first, and only then asks what the page is; what it
 * knew before is a guess. A fact that a lock guards (mapping, index) is asked with the
 * lock held.
 *
 *	owner				walker of frames
 *					frame 7: anonymous
 *	put_page(): freed
 *	alloc_page(): a page table
 *					get_page_unless_zero(7): true
 *					anonymous? no longer: put_page()
 *
 *	(walkers_take_any_frame_while_all_of_mm_runs)
 *
 * Alone.  Code that takes a page apart (migration, split, reuse of a page that was shared)
 * must know that there are no other users, and that none comes while it works. It locks
 * the page, empties the entries or holds their locks, counts the references that it can
 * explain, and exchanges exactly that number for 0:
 *
 *	freezer				walker of frames
 *	count is 2: both are mine
 *					get_page_unless_zero(): 3
 *	page_ref_freeze(2): false
 *	  leave the page as it was
 *					put_page(): 2
 *	page_ref_freeze(2): true
 *					get_page_unless_zero(): false, passes on
 *	page_ref_unfreeze(2)
 *
 *	(a_page_is_frozen_only_by_the_holder_of_all_references)
 *
 * Making a page exclusive for a device does not freeze it: it takes the page from CPUs,
 * not from holders of references, and lasts longer than anything should be frozen (R8.15).
 *
 *	field		read with		written with
 *	refcount	atomic			atomic; from and to 0: the allocator,
 *						with PG_free; page_ref_freeze()
 */
#ifndef MM_PAGE_REF_H
#define MM_PAGE_REF_H

#include <lib/assert.h>
#include <lib/atomic.h>
#include <mm/page/page.h>

static __always_inline int page_ref_count(const struct page *page)
{
	return atomic_read(&page_head(page)->refcount);
}

/* Panics: a reference was taken or dropped where there was none. */
void page_bad_ref(const struct page *page, const char *what) __noreturn __cold;

/* Free a page whose last reference is gone; for put_page() and batches. */
void __put_page(struct page *page);

/**
 * get_page() - take another reference
 * @page: a page the caller has a reference to
 *
 * Context: any.
 */
static __always_inline void get_page(struct page *page)
{
	page = page_head(page);
	if (IS_ENABLED(CONFIG_DEBUG) && unlikely(page_ref_count(page) <= 0))
		page_bad_ref(page, "taken");
	atomic_inc(&page->refcount);
}

/**
 * get_page_unless_zero() - take a reference to a page that may be free
 * @page: any page of vmemmap whose frame number is valid (pfn_valid())
 *
 * The caller then asks what the page is: it may have been freed, and allocated for
 * another purpose, at any time before.
 *
 * Context: any.
 * Return: true with a reference taken; false if the page is free, frozen, or inside a
 *	   block.
 */
static __always_inline bool get_page_unless_zero(struct page *page)
{
	return atomic_inc_not_zero(&page->refcount);
}

/**
 * put_page_testzero() - drop a reference, and leave the freeing to the caller
 * @page: a page the caller has a reference to; of a huge page the first
 *
 * Context: any.
 * Return: true if it was the last; the caller frees the page by __put_page().
 */
static __always_inline bool put_page_testzero(struct page *page)
{
	if (IS_ENABLED(CONFIG_DEBUG) && unlikely(page_ref_count(page) <= 0))
		page_bad_ref(page, "dropped");
	return atomic_dec_and_test(&page->refcount);
}

/**
 * PAGE_PIN_BIAS - how many references a pin takes
 *
 * A pin is a reference of a holder that lets a device read or write the page for as long as
 * it likes (FOLL_PIN). So the address space must keep the page, whatever fork() does. A pin
 * counts as many references, because the page has no other room for the number of pins.
 */
#define PAGE_PIN_BIAS 1024

/**
 * page_maybe_pinned() - may a holder of a pin use the page?
 * @page: a page the caller has a reference to
 *
 * Also true for a page with a thousand other references, such as entries of a thousand
 * children: its caller then copies a page early, which is right.
 *
 * Context: any; exact only under a lock that keeps others from pinning.
 */
static __always_inline bool page_maybe_pinned(const struct page *page)
{
	return page_ref_count(page) >= PAGE_PIN_BIAS;
}

/* One pin more, and one less; get_user_pages_remote() and unpin_user_page() call them. */
static __always_inline void pin_page(struct page *page)
{
	atomic_add(PAGE_PIN_BIAS, &page_head(page)->refcount);
}

static __always_inline void unpin_page(struct page *page)
{
	page = page_head(page);
	if (atomic_add_return(-PAGE_PIN_BIAS, &page->refcount) == 0)
		__put_page(page);
}

/**
 * put_page() - drop a reference, free the page with the last
 * @page: a page the caller has a reference to, or the first of a block
 *
 * Context: any but NMI.
 */
static __always_inline void put_page(struct page *page)
{
	page = page_head(page);
	if (put_page_testzero(page))
		__put_page(page);
}

/**
 * page_ref_freeze() - be alone with a page, until page_ref_unfreeze()
 * @page: a page, all references of which the caller knows; of a huge page the first
 * @count: how many those are, at least 1
 *
 * While a page is frozen no thread gets a reference, and the caller drops none.
 *
 * Context: any. The caller keeps others from copying a reference: it holds the lock of
 *	    the page, and those of the entries that still map it. Do not sleep until
 *	    the page is unfrozen: a walker passes a frozen page by.
 * Return: true: the count is 0. false: there are other references; nothing changed.
 */
static __always_inline bool __must_check page_ref_freeze(struct page *page,
							 int count)
{
	ASSERT(count > 0);
	return atomic_cmpxchg(&page->refcount, count, 0) == count;
}

/**
 * page_ref_unfreeze() - let others have references again
 * @page: frozen by the caller
 * @count: how many there are now
 *
 * What was written to the page meanwhile is seen by each who gets a reference.
 *
 * Context: any.
 */
static __always_inline void page_ref_unfreeze(struct page *page, int count)
{
	ASSERT(count > 0 && page_ref_count(page) == 0 && !PageFree(page));
	/* Pairs with get_page_unless_zero(). */
	atomic_set_release(&page->refcount, count);
}

#endif
