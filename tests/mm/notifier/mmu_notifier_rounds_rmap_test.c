// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_rounds_rmap_test.c - walks of the reverse map, and readers
 *
 * A walk comes to an entry from its page, without mmap_lock. The walks here take the page
 * out of its entry, as reclaim will. The contents are lost, which nobody misses.
 */
#include <mm/page/lock.h>
#include <mm/page/rmap.h>
#include <mm/rmap/walk.h>
#include <mm/table/entry.h>
#include <mm/table/tlb.h>

#include "lookup_fixture.h"
#include "tests/mm/lib/relatives.h"

/* --- a walk that unmaps ------------------------------------------------------ */

/* A range is open. Return: did the entry map the page? */
static bool empty_entry(struct page *page, struct vm_area_struct *vma,
			vaddr_t addr) __no_thread_safety
{
	struct mm_struct *mm = vma->vm_mm;
	struct rmap_entry entry;
	bool found;

	atomic_inc(&mm->tlb_flush_pending);
	found = rmap_lock_entry(page, vma, addr, &entry);
	if (found) {
		ptep_clear_at(mm, addr, entry.pte);
		page_remove_rmap(page);
		spin_unlock(entry.ptl);
		flush_tlb_mm_range(mm, addr, addr + PAGE_SIZE);
		atomic64_dec(&mm->anon_rss);
		put_page(page);
	}
	atomic_dec(&mm->tlb_flush_pending);
	return found;
}

static bool unmap_visit(struct rmap_walk *walk, struct page *page,
			struct vm_area_struct *vma, vaddr_t addr)
{
	struct mmu_notifier_range range;
	bool found;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, vma->vm_mm,
				addr, addr + PAGE_SIZE);
	if (!rmap_start_range(walk, vma->vm_mm, &range))
		return false;
	found = empty_entry(page, vma, addr);
	rmap_end_range(vma->vm_mm, &range);
	return found;
}

/** A thread of no address space that walks once. */
struct walker {
	struct page *page;
	struct rmap_walk walk;
};

static int walker_body(void *arg)
{
	struct walker *w = arg;

	lock_page(w->page);
	rmap_walk(w->page, &w->walk);
	unlock_page(w->page);
	return 0;
}

static void walk_in_a_thread(struct ktest *test, struct walker *w,
			     struct page *page)
{
	struct task *task;

	w->page = page;
	w->walk = (struct rmap_walk){.visit = unmap_visit, .purpose = RMAP_UNMAP};
	task = kthread_run(walker_body, w, "walker");
	if (IS_ERR(task))
		ktest_fail(test, "no memory for a walker");
	else
		kthread_join(task);
}

/* The page at BASE, with a reference. The caller may hold mmap_lock. */
static struct page *page_of(struct sandbox *box)
{
	pte_t pte = sandbox_pte_locked(box, BASE);
	struct page *page = pte_present(pte) ? pfn_to_page(pte_pfn(pte)) : NULL;

	if (page)
		get_page(page);
	return page;
}

/* --- beside a reader ------------------------------------------------------------ */

struct beside {
	struct sandbox box;
	struct lookup l;
	unsigned int unmapped;
	unsigned int busy;
};

/* Between look-up and retry of every round a walk wants the page. */
static void walk_between(struct lookup *l, unsigned int round)
{
	struct beside *b = container_of(l, struct beside, l);
	struct page *page = page_of(&b->box);
	struct walker w;

	if (!page) {
		ktest_fail(l->w.test, "round %u has looked up no page", round);
		return;
	}
	walk_in_a_thread(l->w.test, &w, page);
	put_page(page);
	b->unmapped += w.walk.found;
	b->busy += w.walk.busy;
}

/*
 *	reader				walk of the reverse map
 *	1 to 8: look up
 *					mmap_lock tried: start; unmapped; end
 *		retry: true
 *	9: mmap_lock, write; look up
 *					mmap_lock tried: busy
 *		retry: false; installs	(must be false: nothing was unmapped)
 *	unlock
 *					walks again: start; unmapped; end
 */
KTEST(mmu_notifier_rounds, a_walk_of_the_reverse_map_leaves_a_reader_alone,
      KT_RULES("R1.9 R4.24"))
{
	struct beside *b = ktest_alloc(test, sizeof(*b));
	struct page *page;
	struct walker w;

	REQUIRE(sandbox_open(&b->box, test));
	sandbox_map(&b->box, BASE, 1);
	lookup_init(&b->l, &b->box);
	b->l.between = walk_between;
	EXPECT_EQ(lookup_insert(&b->l), 0);
	EXPECT_EQ(look_up(&b->l), 0);
	EXPECT_EQ(b->l.nr, MMU_INTERVAL_ROUNDS_SHARED + 1);
	EXPECT_EQ(b->l.lost, MMU_INTERVAL_ROUNDS_SHARED);
	EXPECT_EQ(b->unmapped, (unsigned int)MMU_INTERVAL_ROUNDS_SHARED);
	EXPECT_EQ(b->busy, 1U);
	page = page_of(&b->box);
	EXPECT(page && b->l.installed == page_to_pfn(page));
	if (page) {
		walk_in_a_thread(test, &w, page);
		EXPECT_EQ(w.walk.found, 1U);
		EXPECT_EQ(w.walk.busy, 0U);
		put_page(page);
	}
	EXPECT_EQ(b->l.installed, 0UL);
	mmu_interval_notifier_remove(&b->l.w.sub);
	sandbox_close(&b->box);
}

/* --- of several address spaces ----------------------------------------------------- */

/*
 *	parent, mmap_lock for writing	left out: its entry stays
 *	child				unmapped
 *
 * Only one of the two is busy, and a second walk finds it free.
 */
KTEST(mmu_notifier_rounds,
      a_walk_leaves_out_one_address_space_and_not_its_relative, KT_RULES("R1.9"))
{
	struct rmap_counters before, after;
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;
	struct walker w;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 7), 0);
	page = page_of(&box);
	child = sandbox_fork(&box);
	sandbox_forget(&box);
	rmap_read_counters(&before);
	mmap_write_lock(box.mm);
	walk_in_a_thread(test, &w, page);
	mmap_write_unlock(box.mm);
	rmap_read_counters(&after);
	EXPECT_EQ(w.walk.found, 1U);
	EXPECT_EQ(w.walk.busy, 1U);
	EXPECT_EQ(after.busy - before.busy, 1UL);
	EXPECT_EQ(page_mapcount(page), 1);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(page_in(box.mm, BASE), page);
	walk_in_a_thread(test, &w, page);
	EXPECT_EQ(w.walk.found, 1U);
	EXPECT_EQ(page_mapcount(page), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, BASE, BASE + PAGE_SIZE);
	put_page(page);
	if (child)
		mmput(child);
	sandbox_close(&box);
}
