// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/memblock_test.c - lists of ranges, against a map with a bit a page
 *
 * The lists are tested as data structures: the machine's own are constant by
 * the time tests run.  Drawn ranges are in units of a page.
 */
#include <arch/page.h>
#include <mm/alloc/alloc.h>
#include <kernel/ktest.h>
#include <lib/string.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>

#define SHADOW_PAGES 512

static paddr_t at(unsigned long page)
{
	return page << PAGE_SHIFT;
}

static bool same_as_shadow(const struct memblock_list *list, const u8 *shadow)
{
	u64 pages = 0;

	for (unsigned long i = 0; i < SHADOW_PAGES; i++) {
		if (memblock_list_overlaps(list, at(i), at(i + 1)) !=
		    (shadow[i] != 0))
			return false;
		pages += shadow[i];
	}
	return memblock_list_bytes(list) == at(pages);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8
 *	have	[---]   [---]
 *	add	    [---]		touches both: one range
 *	result	[-----------]
 */
KTEST(memblock, a_range_that_touches_two_makes_them_one)
{
	struct memblock_list *list = kzalloc(sizeof(*list), GFP_KERNEL);

	REQUIRE(list);
	EXPECT_EQ(memblock_list_add(list, at(0), at(2)), 0);
	EXPECT_EQ(memblock_list_add(list, at(4), at(6)), 0);
	EXPECT_EQ(list->nr, 2);
	EXPECT_EQ(memblock_list_add(list, at(2), at(4)), 0);
	EXPECT_EQ(list->nr, 1);
	EXPECT_EQ(list->range[0].start, at(0));
	EXPECT_EQ(list->range[0].end, at(6));
	kfree(list);
}

/*
 *	have	[---------------]
 *	remove	    [-----]
 *	result	[---]     [-----]
 */
KTEST(memblock, removing_from_the_middle_splits)
{
	struct memblock_list *list = kzalloc(sizeof(*list), GFP_KERNEL);

	REQUIRE(list);
	EXPECT_EQ(memblock_list_add(list, at(0), at(8)), 0);
	EXPECT_EQ(memblock_list_remove(list, at(2), at(5)), 0);
	EXPECT_EQ(list->nr, 2);
	EXPECT_EQ(list->range[0].end, at(2));
	EXPECT_EQ(list->range[1].start, at(5));
	EXPECT(!memblock_list_overlaps(list, at(2), at(5)));
	EXPECT(memblock_list_overlaps(list, at(4), at(6)));
	EXPECT(!memblock_list_overlaps(list, at(4), at(4)));
	kfree(list);
}

KTEST(memblock, random_ranges_agree_with_a_bitmap)
{
	struct memblock_list *list = kzalloc(sizeof(*list), GFP_KERNEL);
	u8 *shadow = kzalloc(SHADOW_PAGES, GFP_KERNEL);
	struct rng *rng = ktest_rng(test);

	for (unsigned int i = 0; list && shadow && i < 600; i++) {
		unsigned long start = rng_below(rng, SHADOW_PAGES);
		unsigned long end = start + rng_below(rng, 24);
		bool add = rng_below(rng, 2);

		end = min(end, (unsigned long)SHADOW_PAGES);
		if (add)
			EXPECT_EQ(memblock_list_add(list, at(start), at(end)), 0);
		else
			EXPECT_EQ(memblock_list_remove(list, at(start), at(end)),
				  0);
		memset(shadow + start, add, end - start);
		EXPECT(memblock_list_verify(list));
		if (i % 16 == 0)
			EXPECT(same_as_shadow(list, shadow));
	}
	EXPECT(list && shadow);
	kfree(list);
	kfree(shadow);
}

KTEST(memblock, a_full_list_refuses_and_stays_as_it_was)
{
	struct memblock_list *list = kzalloc(sizeof(*list), GFP_KERNEL);
	u64 bytes;

	REQUIRE(list);
	for (unsigned long i = 0; i < MEMBLOCK_MAX_RANGES; i++)
		EXPECT_EQ(memblock_list_add(list, at(4 * i), at(4 * i + 3)), 0);
	bytes = memblock_list_bytes(list);
	EXPECT_EQ(memblock_list_add(list, at(99999), at(100000)), -ENOSPC);
	EXPECT_EQ(memblock_list_remove(list, at(1), at(2)), -ENOSPC);
	EXPECT_EQ(memblock_list_bytes(list), bytes);
	EXPECT(memblock_list_verify(list));
	/* An addition that needs no new range still works. */
	EXPECT_EQ(memblock_list_add(list, at(3), at(4)), 0);
	EXPECT_EQ(list->nr, MEMBLOCK_MAX_RANGES - 1);
	kfree(list);
}

KTEST(memblock, the_image_and_the_first_mebibyte_were_set_aside)
{
	EXPECT(memblock_list_verify(memblock_memory()));
	EXPECT(memblock_list_verify(memblock_taken()));
	EXPECT(memblock_list_overlaps(memblock_taken(), 0, PAGE_SIZE));
	EXPECT(memblock_list_overlaps(memblock_taken(),
				      image_to_phys(__text_start),
				      image_to_phys(__text_start) + 1));
	EXPECT(memblock_list_overlaps(memblock_taken(),
				      image_to_phys(__image_end) - 1,
				      image_to_phys(__image_end)));
	EXPECT(memblock_is_ram(image_to_phys(__text_start)));
	EXPECT(!memblock_is_ram(memblock_end()));
}
