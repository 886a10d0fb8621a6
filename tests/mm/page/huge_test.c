// SPDX-License-Identifier: MIT
/*
 * tests/mm/page/huge_test.c - 512 pages as one, and 512 pages again
 *
 * The entries that map the pages are counted and do not exist: what splits a page asks
 * only for their number.
 */
#include <kernel/ktest.h>
#include <mm/alloc/page_alloc.h>
#include <mm/page/huge.h>

#include "tests/ktest/team.h"

#define LAST (HPAGE_PMD_NR - 1)

/* As if entries of the last level mapped the first @nr pages, and the maker has gone. */
static struct page *mapped_huge_page(unsigned int nr)
{
	struct page *head = alloc_huge_page(GFP_KERNEL);
	unsigned int i;

	if (!head)
		return NULL;
	SetPageAnon(head);
	head->mapping = NULL;
	head->index = 1000;
	for (i = 0; i < nr; i++)
		atomic_set(&head[i].mapcount, 1);
	for (i = 1; i < nr; i++)
		get_page(head);
	return head;
}

/* The entries of a page go, and its references with them. */
static void unmap_small(struct page *page)
{
	atomic_set(&page->mapcount, 0);
	put_page(page);
}

KTEST(huge_page, each_part_names_the_one_count_and_the_one_lock)
{
	struct page *head = alloc_huge_page(GFP_KERNEL);

	REQUIRE(head);
	EXPECT(IS_ALIGNED(page_to_pfn(head), HPAGE_PMD_NR));
	EXPECT_EQ(page_head(head), head);
	EXPECT_EQ(page_head(head + LAST), head);
	get_page(head + 7);
	EXPECT_EQ(page_ref_count(head), 2);
	EXPECT_EQ(page_ref_count(head + LAST), 2);
	pin_page(head + LAST);
	EXPECT(page_maybe_pinned(head + 1));
	unpin_page(head + 3);
	EXPECT(!page_maybe_pinned(head));

	EXPECT(trylock_page(head + 7));
	EXPECT(PageLocked(head) && PageLocked(head + LAST));
	EXPECT(!trylock_page(head + 8));
	unlock_page(head + 9);
	EXPECT(!PageLocked(head + 7));
	put_page(head + 1);
	put_page(head);
}

KTEST(huge_page, the_last_reference_frees_all_of_it)
{
	struct page *head = alloc_huge_page(GFP_KERNEL);
	unsigned long i;

	REQUIRE(head);
	for (i = 1; i < HPAGE_PMD_NR; i++)
		EXPECT(!get_page_unless_zero(head + i));
	get_page(head + LAST);
	put_page(head);
	EXPECT(!PageFree(head));
	put_page(head + 5);
	for (i = 0; i < HPAGE_PMD_NR; i++)
		EXPECT(PageFree(head + i) && !PageHuge(head + i));
	EXPECT(page_alloc_verify());
}

KTEST(huge_page, a_batch_frees_a_huge_page_among_small_ones)
{
	struct page *pages[3] = {alloc_page(GFP_KERNEL),
				 alloc_huge_page(GFP_KERNEL),
				 alloc_page(GFP_KERNEL)};

	REQUIRE(pages[0] && pages[1] && pages[2]);
	release_pages(pages, 3);
	EXPECT(PageFree(pages[1]) && PageFree(pages[1] + LAST));
	EXPECT(page_alloc_verify());
}

/*
 *	mapped		[ 0 1 2 ][ 3 .. 511 ]
 *	after		counts 1	free
 */
KTEST(huge_page, a_split_gives_each_page_its_entries_and_frees_the_rest)
{
	struct page *head = mapped_huge_page(3);
	unsigned long i;

	REQUIRE(head);
	SetPageDirty(head);
	SetPageAnonExclusive(head + 1);
	EXPECT_EQ(page_ref_count(head + 2), 3);
	REQUIRE(try_split_huge_page(head, 3));
	for (i = 0; i < 3; i++) {
		EXPECT(!PageHuge(head + i) && !PageLocked(head + i));
		EXPECT_EQ(page_head(head + i), head + i);
		EXPECT_EQ(page_ref_count(head + i), 1);
		EXPECT_EQ(head[i].index, 1000 + i);
		EXPECT(PageAnon(head + i) && PageDirty(head + i));
		EXPECT_EQ(PageAnonExclusive(head + i), i == 1);
	}
	for (; i < HPAGE_PMD_NR; i++)
		EXPECT(PageFree(head + i));
	for (i = 0; i < 3; i++)
		unmap_small(head + i);
	EXPECT(page_alloc_verify());
}

/* The first page may be the one that nothing maps. */
KTEST(huge_page, a_split_frees_the_first_page_as_any_other)
{
	struct page *head = mapped_huge_page(2);

	REQUIRE(head);
	unmap_small(head);
	REQUIRE(try_split_huge_page(head, 1));
	EXPECT(PageFree(head));
	EXPECT_EQ(page_ref_count(head + 1), 1);
	unmap_small(head + 1);
}

/*
 *	splitter (this)			another (this, too)
 *					reference: 4
 *	3 entries: does not split
 *					put_page(): 3
 *	splits
 */
KTEST(huge_page, a_huge_page_with_another_reference_is_not_split)
{
	struct page *head = mapped_huge_page(3);

	REQUIRE(head);
	EXPECT(get_page_unless_zero(head));
	EXPECT(!try_split_huge_page(head, 3));
	EXPECT_EQ(page_head(head + LAST), head);
	EXPECT_EQ(page_ref_count(head), 4);
	EXPECT(!PageLocked(head));
	put_page(head);
	REQUIRE(try_split_huge_page(head, 3));
	for (unsigned long i = 0; i < 3; i++)
		unmap_small(head + i);
}

KTEST(huge_page, a_locked_huge_page_is_not_split)
{
	struct page *head = mapped_huge_page(1);

	REQUIRE(head);
	EXPECT(trylock_page(head + 1));
	EXPECT(!try_split_huge_page(head, 1));
	EXPECT(PageLocked(head) && PageHuge(head));
	EXPECT_EQ(page_ref_count(head), 1);
	unlock_page(head + 1);
	unmap_small(head);
}

/* --- races ---------------------------------------------------------------- */

struct frames {
	struct page *head; /* the frames that the pages were in, once */
	atomic_t splits;
};

static void take_any_frame(struct team_worker *me)
{
	struct frames *frames = me->arg;
	struct ktest *test = me->test;

	while (team_goes_on(me)) {
		struct page *page = READ_ONCE(frames->head);

		if (!page)
			continue;
		page += rng_below(&me->rng, HPAGE_PMD_NR);
		if (!get_page_unless_zero(page))
			continue;
		EXPECT(!PageFree(page));
		put_page(page);
	}
}

static void split_and_free(struct team_worker *me)
{
	struct frames *frames = me->arg;
	struct ktest *test = me->test;

	while (team_goes_on(me)) {
		struct page *head = mapped_huge_page(HPAGE_PMD_NR);
		bool split;

		if (!head)
			continue;
		WRITE_ONCE(frames->head, head);
		split = try_split_huge_page(head, HPAGE_PMD_NR);
		EXPECT_EQ(PageHuge(head + LAST), !split);
		if (split)
			atomic_inc(&frames->splits);
		for (unsigned long i = HPAGE_PMD_NR; i-- > 0;)
			unmap_small(head + i);
	}
}

/* A walker's reference is to a huge page or to a small one, and goes to the same. */
KTEST(huge_page, walkers_take_any_frame_while_pages_are_split)
{
	struct frames frames = {.head = NULL};
	struct team *team = team_new(test);

	team_add(team, 1, TEAM_UNTIL_STOP, take_any_frame, &frames);
	team_add(team, 1, 30, split_and_free, &frames);
	team_go(team);
	team_wait(team);
	EXPECT_GT(atomic_read(&frames.splits), 0);
	EXPECT(page_alloc_verify());
}
