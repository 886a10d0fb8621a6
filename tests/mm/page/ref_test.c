// SPDX-License-Identifier: MIT
/*
 * tests/mm/page/ref_test.c - references: the last frees, a walker may have any
 */
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/vmalloc.h>
#include <mm/page/rmap.h>

#include "tests/ktest/team.h"
#include "tests/mm/lib/sandbox.h"

#define ORDER 3

/*
 *	owner (this)			walker (this, too)
 *	allocates a block: 1
 *					reference: 2
 *	put_page(): 1			still in use
 *					put_page(): 0	all pages are free
 */
KTEST(page_ref, the_last_reference_frees_a_block_though_a_walker_has_it)
{
	struct page *block = alloc_pages(GFP_KERNEL, ORDER);

	REQUIRE(block);
	EXPECT(get_page_unless_zero(block));
	put_page(block);
	for (unsigned int i = 0; i < 1u << ORDER; i++)
		EXPECT(!PageFree(block + i));
	EXPECT_EQ(page_ref_count(block), 1);
	put_page(block);
	for (unsigned int i = 0; i < 1u << ORDER; i++)
		EXPECT(PageFree(block + i));
	EXPECT(page_alloc_verify());
}

KTEST(page_ref, neither_a_free_page_nor_one_inside_a_block_can_be_referenced)
{
	struct page *block = alloc_pages(GFP_KERNEL, ORDER);

	REQUIRE(block);
	for (unsigned int i = 1; i < 1u << ORDER; i++)
		EXPECT(!get_page_unless_zero(block + i));
	put_page(block);
	EXPECT(!get_page_unless_zero(block));
}

/* A table, a slab and a large object are given back while a walker has their frame. */
KTEST(page_ref, an_owner_gives_back_a_page_that_a_walker_has)
{
	void *object = kmalloc(PAGE_SIZE << ORDER, GFP_KERNEL);
	void *area = vmalloc(PAGE_SIZE);
	struct page *large, *page;

	REQUIRE(object && area);
	large = virt_to_page(object);
	EXPECT(get_page_unless_zero(large));
	kfree(object);
	EXPECT(!PageLarge(large) && !PageFree(large));
	put_page(large);
	EXPECT(PageFree(large));

	page = vmalloc_to_page(area);
	EXPECT(get_page_unless_zero(page));
	vfree(area);
	vmalloc_purge();
	EXPECT(!PageFree(page));
	EXPECT_EQ(page_ref_count(page), 1);
	put_page(page);
	EXPECT(PageFree(page));
}

KTEST(page_ref, a_page_is_frozen_only_by_the_holder_of_all_references)
{
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	get_page(page);
	EXPECT(get_page_unless_zero(page));
	EXPECT(!page_ref_freeze(page, 2));
	EXPECT_EQ(page_ref_count(page), 3);
	put_page(page);
	EXPECT(page_ref_freeze(page, 2));
	EXPECT_EQ(page_ref_count(page), 0);
	EXPECT(!PageFree(page));
	EXPECT(!get_page_unless_zero(page));
	page_ref_unfreeze(page, 1);
	EXPECT(get_page_unless_zero(page));
	EXPECT_EQ(page_ref_count(page), 2);
	put_page(page);
	put_page(page);
	EXPECT(PageFree(page));
}

/* --- races ---------------------------------------------------------------- */

struct marked {
	struct page *page;
	struct vm_area_struct *vma;
	atomic_t lost;
};

static void lock_as_a_walker(struct team_worker *me)
{
	struct marked *m = me->arg;

	while (team_goes_on(me)) {
		for (unsigned int i = 0; i < 200; i++) {
			if (!trylock_page(m->page))
				continue;
			if (PageLocked(m->page))
				unlock_page(m->page);
			else
				atomic_inc(&m->lost);
		}
	}
}

static void mark_as_its_owner(struct team_worker *me)
{
	struct marked *m = me->arg;

	while (team_goes_on(me)) {
		for (unsigned int i = 0; i < 200; i++) {
			page_add_new_anon_rmap(m->page, m->vma, BASE);
			if (!PageAnon(m->page) || !PageAnonExclusive(m->page))
				atomic_inc(&m->lost);
			ClearPageAnonExclusive(m->page);
			ClearPageAnon(m->page);
			SetPageTable(m->page);
			ClearPageTable(m->page);
		}
	}
}

/* The race is drawn in mm/page/page.h. The lock and the marks are bits of one word. */
KTEST(page_ref, a_page_is_marked_while_a_walker_has_its_lock)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct marked m = {.page = alloc_page(GFP_KERNEL)};
	struct team *team = team_new(test);

	REQUIRE(m.page);
	sandbox_map(box, BASE, 1);
	m.vma = box->mm->mm_first;
	team_add(team, 1, 100, mark_as_its_owner, &m);
	team_add(team, 1, TEAM_UNTIL_STOP, lock_as_a_walker, &m);
	team_go(team);
	team_wait(team);
	EXPECT_EQ(atomic_read(&m.lost), 0);
	EXPECT_EQ(m.page->flags & ~BIT(PG_waiters), 0);
	page_undo_new_anon_rmap(m.page);
	put_page(m.page);
}

/* What walkers have met, and what the owners of frames have done meanwhile. */
struct walk {
	atomic_t anon, table, slab, other; /* pages of each kind */
	atomic_t wrong;                    /* free, with a reference */
	struct mm_struct *mm;
};

static void meet(struct walk *walk, struct page *page)
{
	/* Locked now and then, as reclaim does to ask whose the page is. */
	bool locked = page_to_pfn(page) % 4 == 0 && trylock_page(page);

	if (PageFree(page))
		atomic_inc(&walk->wrong);
	else if (PageAnon(page))
		atomic_inc(&walk->anon);
	else if (PageTable(page))
		atomic_inc(&walk->table);
	else if (PageSlab(page))
		atomic_inc(&walk->slab);
	else
		atomic_inc(&walk->other);
	if (locked)
		unlock_page(page);
}

static void walk_all_frames(struct team_worker *me)
{
	struct walk *walk = me->arg;

	while (team_goes_on(me)) {
		pfn_t pfn = rng_below(&me->rng, max_pfn);

		for (unsigned int i = 0; i < 512; i++, pfn++) {
			struct page *page;

			if (pfn == max_pfn)
				pfn = 0;
			page = pfn_to_page(pfn);
			if (!pfn_valid(pfn) || !get_page_unless_zero(page))
				continue;
			meet(walk, page);
			put_page(page);
		}
	}
}

#define PAGES 24

static int no_work(void *arg)
{
	return 0;
}

/* Frames of all kinds come into use and go out of it. */
static void use_frames(struct team_worker *me)
{
	struct walk *walk = me->arg;
	vaddr_t base = BASE + me->number * PMD_SIZE * 2;
	struct ktest *test = me->test;
	struct task *task;
	void *object;
	void *area;

	while (team_goes_on(me)) {
		if (do_mmap(walk->mm, base, PAGES * PAGE_SIZE,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) < 0)
			continue;
		for (unsigned int i = 0; i < PAGES; i++)
			EXPECT_EQ(user_poke(base + i * PAGE_SIZE, i), 0);
		madvise_dontneed(walk->mm, base, PAGES / 2 * PAGE_SIZE);
		object = kmalloc(PAGE_SIZE << rng_below(&me->rng, 4), GFP_KERNEL);
		area = vmalloc(PAGE_SIZE * 3);
		task = kthread_run(no_work, NULL, "none");
		if (!IS_ERR(task))
			kthread_join(task);
		kfree(object);
		vfree(area);
		put_page(alloc_pages(GFP_KERNEL | __GFP_NOFAIL, ORDER));
		do_munmap(walk->mm, base, PAGES * PAGE_SIZE);
	}
}

KTEST(page_ref, walkers_take_any_frame_while_all_of_mm_runs)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct team *team = team_new(test);
	struct walk walk = {.mm = box->mm};

	team->mm = box->mm;
	team_add(team, num_online_cpus(), 16, use_frames, &walk);
	team_add(team, 2, TEAM_UNTIL_STOP, walk_all_frames, &walk);
	team_go(team);
	team_wait(team);
	EXPECT_EQ(atomic_read(&walk.wrong), 0);
	EXPECT_GT(atomic_read(&walk.anon), 0);
	EXPECT_GT(atomic_read(&walk.table), 0);
	EXPECT_GT(atomic_read(&walk.slab), 0);
	EXPECT_GT(atomic_read(&walk.other), 0);
	sandbox_verify(box);
	drain_all_pages();
	EXPECT(page_alloc_verify());
}
