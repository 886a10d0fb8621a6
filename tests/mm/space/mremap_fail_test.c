// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mremap_fail_test.c - a move that cannot be made changes nothing
 *
 * Pictures are as in mremap_fixture.h.
 */
#include <mm/alloc/fail.h>
#include "mremap_fixture.h"

KTEST(mremap, limits_on_regions_and_pages_are_kept_exactly)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	sandbox_map(&box, AT(8), 3);
	sandbox_fill(&box, 0, 4, 1);
	sandbox_fill(&box, 8, 3, 1);
	box.mm->map_limit = 2;
	/* A whole region may move; a part of one makes another. */
	EXPECT_EQ(remap(&box, 0, 4, 4, FIXED, 20), (long)AT(20));
	EXPECT_EQ(remap(&box, 20, 2, 2, FIXED, 0), (long)-ENOMEM);
	box.mm->map_limit = 3;
	/* The middle makes two; the middle of what is replaced, another. */
	EXPECT_EQ(remap(&box, 21, 1, 1, FIXED, 0), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 20, 1, 1, FIXED, 9), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 20, 4, 1, FIXED, 9), (long)AT(9));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "8 - 1 rw 1 rw 1 rw");
	/* A shrink splits at the limit: the end of the range is not the region's. */
	EXPECT_EQ(do_munmap(box.mm, AT(8), LEN(3)), 0);
	sandbox_map(&box, AT(0), 4);
	box.mm->map_limit = 1;
	EXPECT_EQ(remap(&box, 0, 3, 1, 0, 0), (long)-ENOMEM);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "4 rw");
	box.mm->map_limit = DEFAULT_MAX_MAP_COUNT;
	box.mm->as_limit = 5;
	EXPECT_EQ(remap(&box, 0, 4, 6, 0, 0), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 0, 4, 6, FIXED, 20), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 0, 2, 2, DONTUNMAP, 20), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 0, 4, 5, 0, 0), (long)AT(0));
	EXPECT_EQ(remap(&box, 0, 5, 5, FIXED, 20), (long)AT(20));
	sandbox_close(&box);
}

/*
 *	pages	508 509 510 511 | 512 513 514 515
 *	old	 [  A   B   C   |  D  ]			each end is kept
 *	there	 0 [r]  [ rw ]				at BASE
 */
KTEST(mremap, a_call_that_finds_no_memory_changes_nothing,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;
	unsigned long nth;
	char before[96];
	char after[96];
	long result = 0;
	long tables;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(508), 6);
	sandbox_fill(&box, 508, 6, 1);
	EXPECT_EQ(do_mmap(box.mm, AT(2048), LEN(600), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(2048));
	tables = atomic64_read(&box.mm->nr_ptes);
	sandbox_draw(&box, before, sizeof(before));
	for (nth = 1; nth < 50 && result <= 0; nth++) {
		sandbox_forget(&box);
		alloc_fail_nth(nth);
		result = remap(&box, 509, 4, 4, FIXED, 2558);
		EXPECT_EQ(result,
			  alloc_fail_hit() ? (long)-ENOMEM : (long)AT(2558));
		alloc_fail_end();
		if (result > 0)
			break;
		EXPECT_EQ(box.nr, 0U);
		/* An empty table below the region at the new place may stay. */
		EXPECT_LE(atomic64_read(&box.mm->nr_ptes), tables + 1);
		EXPECT_STREQ(sandbox_draw(&box, after, sizeof(after)), before);
		sandbox_expect_filled(&box, 508, 6, 1);
		sandbox_verify(&box);
	}
	/* Three regions and a table. */
	EXPECT_GE(nth, 5UL);
	sandbox_expect_filled(&box, 2558, 4, 2);
	sandbox_close(&box);
}

/* Likewise where nothing was: the tables that were made go again. */
KTEST(mremap, a_failed_move_to_a_hole_leaves_no_tables, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;
	unsigned long nth;
	long result = 0;
	long tables;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(508), 6);
	sandbox_fill(&box, 508, 6, 1);
	tables = atomic64_read(&box.mm->nr_ptes);
	for (nth = 1; nth < 50 && result <= 0; nth++) {
		alloc_fail_nth(nth);
		/* 1 GiB further: a middle table, and two of the last level. */
		result = remap(&box, 508, 6, 6, FIXED, 262144 + 508);
		alloc_fail_end();
		if (result <= 0) {
			EXPECT_EQ(result, (long)-ENOMEM);
			EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), tables);
		}
	}
	EXPECT_GE(nth, 5UL);
	sandbox_expect_filled(&box, 262144 + 508, 6, 1);
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), tables);
	sandbox_close(&box);
}
