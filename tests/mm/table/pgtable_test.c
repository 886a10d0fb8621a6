// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/pgtable_test.c - tables come when needed and go when not
 */
#include <lib/cpumask.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include "tests/mm/lib/sandbox.h"

static long tables(struct sandbox *box)
{
	return atomic64_read(&box->mm->nr_ptes);
}

KTEST(pgtable, the_first_page_needs_three_tables_and_its_neighbour_none)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1024);
	EXPECT_EQ(tables(&box), 0L);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(tables(&box), 3L);
	EXPECT_EQ(sandbox_read(&box, AT(511)), 0UL);
	EXPECT_EQ(tables(&box), 3L);
	EXPECT_EQ(sandbox_read(&box, AT(512)), 0UL);
	EXPECT_EQ(tables(&box), 4L);
	sandbox_close(&box);
}

/*
 *	2 MiB	|     table 0     |     table 1     |
 *	pages	[ a ]         [ b        ]	     [ c ]
 */
KTEST(pgtable, a_table_goes_with_the_last_region_that_it_serves)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(400), 200);
	sandbox_map(&box, AT(1000), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(400), 1), 0);
	EXPECT_EQ(user_poke(AT(599), 1), 0);
	EXPECT_EQ(user_poke(AT(1000), 1), 0);
	EXPECT_EQ(tables(&box), 4L);
	EXPECT_EQ(do_munmap(box.mm, AT(400), LEN(200)), 0);
	EXPECT_EQ(tables(&box), 4L);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(1000)), 1UL);
	EXPECT_EQ(do_munmap(box.mm, AT(1000), LEN(2)), 0);
	EXPECT_EQ(tables(&box), 3L);
	/* A part of a region leaves the table to the rest of it. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(tables(&box), 3L);
	EXPECT_EQ(do_munmap(box.mm, AT(1), LEN(1)), 0);
	EXPECT_EQ(tables(&box), 0L);
	sandbox_close(&box);
}

KTEST(pgtable, regions_at_both_ends_of_user_space_are_torn_down_whole)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, USER_START, 1);
	sandbox_map(&box, USER_END - PAGE_SIZE, 1);
	EXPECT_EQ(user_poke(USER_START, 1), 0);
	EXPECT_EQ(user_poke(USER_END - 8, 1), 0);
	EXPECT_EQ(tables(&box), 6L);
	sandbox_verify(&box);
	EXPECT_EQ(do_munmap(box.mm, USER_END - PAGE_SIZE, LEN(1)), 0);
	EXPECT_EQ(tables(&box), 3L);
	EXPECT_EQ(do_munmap(box.mm, USER_START, LEN(1)), 0);
	EXPECT_EQ(tables(&box), 0L);
	sandbox_close(&box);
}

KTEST(pgtable, walks_step_over_what_has_no_tables)
{
	struct sandbox box;
	vaddr_t far = BASE + 40 * PGDIR_SIZE + 7 * PMD_SIZE;
	pmd_t *pmdp;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(3), 1);
	sandbox_map(&box, far, 1);
	EXPECT_EQ(user_poke(AT(3), 1), 0);
	EXPECT_EQ(user_poke(far, 1), 0);
	mmap_read_lock(box.mm);
	EXPECT_EQ(pgtable_next_table(box.mm, USER_START, USER_END, &pmdp), AT(0));
	EXPECT_EQ(pgtable_next_table(box.mm, AT(2), AT(3), &pmdp), AT(2));
	EXPECT_EQ(pgtable_next_table(box.mm, AT(512), USER_END, &pmdp), far);
	EXPECT_EQ(pgtable_next_table(box.mm, AT(512), far, &pmdp), far);
	EXPECT_EQ(pgtable_next_table(box.mm, far + PMD_SIZE, USER_END, &pmdp),
		  USER_END);
	EXPECT_EQ(pgtable_next_used(box.mm, USER_START, USER_END), AT(3));
	EXPECT_EQ(pgtable_next_used(box.mm, AT(4), USER_END), far);
	EXPECT_EQ(pgtable_next_used(box.mm, far + PAGE_SIZE, USER_END), USER_END);
	mmap_read_unlock(box.mm);
	sandbox_close(&box);
}

static void touch_far_pages(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	unsigned long i;

	for (i = 0; i < 32; i++)
		EXPECT_EQ(user_poke(BASE + i * PUD_SIZE + 8 * self->number, i + 1),
			  0);
}

/* Both need the same tables at the same time; one each must be installed. */
KTEST(pgtable, threads_that_race_for_a_table_share_one)
{
	struct sandbox_thread thread[4];
	struct sandbox box;
	unsigned int cpu = 0;
	unsigned long i, t;

	REQUIRE(sandbox_open(&box, test));
	sandbox_promise_any(&box);
	sandbox_map(&box, BASE, 32 * PUD_SIZE / PAGE_SIZE);
	for (t = 0; t < 4; t++) {
		thread[t].number = t;
		sandbox_thread_start(&thread[t], &box, cpu, touch_far_pages,
				     NULL);
		cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
	for (t = 0; t < 4; t++)
		sandbox_thread_join(&thread[t]);
	for (i = 0; i < 32; i++) {
		for (t = 0; t < 4; t++)
			EXPECT_EQ(sandbox_read(&box, BASE + i * PUD_SIZE + 8 * t),
				  i + 1);
	}
	EXPECT_EQ(tables(&box), 1L + 32 + 32);
	sandbox_close(&box);
}

KTEST(pgtable, pages_are_described_in_words)
{
	struct sandbox box;
	char buf[128];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	pte_describe(box.mm, AT(9), buf, sizeof(buf));
	EXPECT_STREQ(buf, "not mapped");
	pte_describe(box.mm, AT(0), buf, sizeof(buf));
	EXPECT_STREQ(buf, "never touched (no table)");
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	pte_describe(box.mm, AT(0), buf, sizeof(buf));
	EXPECT_STREQ(buf, "zero page");
	pte_describe(box.mm, AT(1), buf, sizeof(buf));
	EXPECT_STREQ(buf, "never touched");
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	pte_describe(box.mm, AT(1), buf, sizeof(buf));
	EXPECT_EQ(strncmp(buf, "pfn 0x", 6), 0);
	EXPECT_EQ(pte_describe(box.mm, AT(1), buf, 5), 4);
	EXPECT_STREQ(buf, "pfn ");
	sandbox_close(&box);
}
