// SPDX-License-Identifier: MIT
/*
 * bench/rmap.c - what it costs to find the entries that map a page
 *
 * Problem.  A walk of the reverse map looks at each relative that has a region at the page's
 * offset (mm/rmap/family.c). How much is a look, and how much a relative that the page has
 * nothing to do with?
 *
 * Idea.  A parent and N children, in two states:
 *
 *	shared		nobody has written: the page is in all, and all are found
 *	own		each has written, so each has a page of its own. The page of the last
 *			in the tree is looked for: all others are in the way
 *
 * The visitor takes the lock of the entry and gives it back, as any visitor does. Linux counted
 * whole operations on such pages (reclaim, migration), so nothing is compared here.
 */
#include <mm/fault/gup.h>
#include <mm/page/page.h>
#include <mm/rmap/walk.h>

#include "bench_mm.h"

#define ROUNDS   51
#define CHILDREN 1000

static bool look(struct rmap_walk *walk, struct page *page,
		 struct vm_area_struct *vma, vaddr_t addr) __no_thread_safety
{
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	return true;
}

static struct page *page_of(struct mm_struct *mm, vaddr_t addr)
{
	struct page *page;
	long got;

	mmap_read_lock(mm);
	got = get_user_pages_remote(mm, addr, 1, FOLL_GET, &page);
	mmap_read_unlock(mm);
	BUG_ON(got != 1);
	return page;
}

/* The median of walks for the page, which is found @found times. */
static void walk_rounds(struct bench *b, struct page *page, unsigned int found)
{
	struct rmap_walk walk = {.visit = look, .purpose = RMAP_LOOK};
	unsigned int i;

	lock_page(page);
	for (i = 0; i < ROUNDS; i++)
		BENCH_SAMPLE(b, rmap_walk(page, &walk));
	unlock_page(page);
	BUG_ON(walk.found != found);
}

static void write_in(struct mm_struct *mm, vaddr_t addr)
{
	kthread_use_mm(mm);
	bench_touch_write(addr);
	kthread_unuse_mm(mm);
}

static void with_children(struct bench *b, struct mm_struct **child,
			  unsigned int nr)
{
	struct mm_struct *mm = mm_alloc();
	struct page *page;
	unsigned int i;
	vaddr_t addr;

	BUG_ON(!mm);
	addr = bench_map(mm, 4);
	write_in(mm, addr);
	for (i = 0; i < nr; i++)
		BUG_ON(mm_fork(mm, &child[i]));
	page = page_of(mm, addr);
	walk_rounds(b, page, 1 + nr);
	bench_report(b, "rmap_walk_shared_with_%u_children", nr);
	put_page(page);
	for (i = 0; i < nr; i++)
		write_in(child[i], addr);
	page = page_of(nr ? child[nr - 1] : mm, addr);
	walk_rounds(b, page, 1);
	bench_report(b, "rmap_walk_own_page_among_%u_children", nr);
	put_page(page);
	for (i = 0; i < nr; i++)
		mmput(child[i]);
	mmput(mm);
}

BENCH(rmap)
{
	static const unsigned int counts[] = {0, 1, 10, CHILDREN};
	struct mm_struct **child = bench_alloc(CHILDREN * sizeof(*child));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		with_children(b, child, counts[i]);
	bench_free(child);
}
