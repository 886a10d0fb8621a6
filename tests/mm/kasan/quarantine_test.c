// SPDX-License-Identifier: MIT
/*
 * tests/mm/kasan/quarantine_test.c - what waits, and what becomes of its cache
 */
#include <kernel/ktest.h>
#include <lib/kasan.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>
#include "tests/ktest/team.h"

/*
 *	page	| first's |  freed  | ...		the others come from elsewhere
 *	use		       ^ reported, though a hundred pages were in use since
 */
KTEST(kasan, a_late_use_of_a_freed_page_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	struct page *first = alloc_page(GFP_KERNEL);
	struct page *other;

	REQUIRE(first);
	put_page(first);
	for (unsigned int i = 0; i < 100; i++) {
		other = alloc_page(GFP_KERNEL);
		REQUIRE(other);
		EXPECT_NE(other, first);
		put_page(other);
	}
	EXPECT_EQ(kasan_report_count(), before);
	(void)*(volatile u8 *)page_address(first);
	EXPECT_EQ(kasan_report_count(), before + 1);
	EXPECT(kasan_last_report_says("is in a freed page"));
}

KTEST(kasan, pages_that_wait_are_free_and_can_be_had)
{
	unsigned long free = nr_free_pages();
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	put_page(page);
	EXPECT_GE(kasan_quarantine_pages(), 1);
	EXPECT_GE(nr_free_pages(), free);
	drain_all_pages();
	EXPECT_LE(kasan_quarantine_pages(), 64);
}

/*
 *	free ->  [ newest ............ oldest ]  -> slab
 *		   objects of short-lived caches
 */
static void make_and_end_caches(struct team_worker *me)
{
	struct ktest *test = me->test;

	while (team_goes_on(me)) {
		struct kmem_cache *cache =
			kmem_cache_create("short-lived", 64, 0, 0, NULL);
		void *object[16];

		REQUIRE(cache);
		for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
			object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
			kmem_cache_free(cache, object[i]);
		kmem_cache_destroy(cache);
	}
}

static void empty_the_quarantine(struct team_worker *me)
{
	while (team_goes_on(me))
		kasan_quarantine_drain();
}

/* A cache of which an object is out stays, and its struct with it. */
KTEST(kasan, a_cache_ends_while_others_empty_the_quarantine,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct team *team = team_new(test);

	team_add(team, 2, 200, make_and_end_caches, NULL);
	team_add(team, 2, TEAM_UNTIL_STOP, empty_the_quarantine, NULL);
	team_go(team);
	team_wait(team);
}

KTEST(kasan, the_quarantine_is_bounded_and_drained)
{
	for (unsigned int i = 0; i < 4000; i++) {
		void *object = kmalloc(2048, GFP_KERNEL);

		REQUIRE(object);
		kfree(object);
	}
	EXPECT_GT(kasan_quarantine_bytes(), 1ul << 20);
	EXPECT_LE(kasan_quarantine_bytes(), 2ul << 20);
	slab_shrink();
	EXPECT_LE(kasan_quarantine_objects(), 64);
}

KTEST(kasan, a_freed_object_is_not_the_next_one)
{
	void *first = kmalloc(64, GFP_KERNEL);
	void *second;

	REQUIRE(first);
	kfree(first);
	for (unsigned int i = 0; i < 100; i++) {
		second = kmalloc(64, GFP_KERNEL);
		EXPECT_NE(second, first);
		kfree(second);
	}
}
