// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/cow_test.c - writes to a page that others share
 */
#include <mm/fault/fault.h>
#include "tests/mm/lib/relatives.h"

#define ROUNDS 100
#define PAGES  16

static void count(struct fault_counters *now)
{
	fault_read_counters(now);
}

KTEST(cow, each_way_of_a_write_is_counted)
{
	struct fault_counters before, after;
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	child = sandbox_fork(&box);
	count(&before);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	count(&after);
	EXPECT_EQ(after.copied - before.copied, 1UL);
	EXPECT_EQ(after.reused, before.reused);
	if (child) {
		EXPECT_EQ(poke_in(&box, child, AT(0), 3), 0);
		count(&after);
		EXPECT_EQ(after.copied - before.copied, 1UL);
		EXPECT_EQ(after.reused - before.reused, 1UL);
		mmput(child);
	}
	sandbox_close(&box);
}

/* A reference that is no entry's costs a copy: its holder may be reading the page. */
KTEST(cow, a_page_that_somebody_looks_at_is_copied)
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	child = sandbox_fork(&box);
	if (child)
		mmput(child);
	page = page_in(box.mm, AT(0));
	get_page(page);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_NE(page_in(box.mm, AT(0)), page);
	EXPECT_EQ(*(u64 *)page_address(page), 1UL);
	EXPECT_EQ(page_ref_count(page), 1);
	put_page(page);
	sandbox_close(&box);
}

struct sharer {
	struct mm_struct *child;
	struct atomic round;
	struct atomic done;
};

static void write_in_child(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	struct sharer *sharer = self->arg;
	unsigned int i;

	kthread_unuse_mm(self->box->mm);
	kthread_use_mm(sharer->child);
	while (!atomic_read(&sharer->round))
		yield();
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(user_poke(AT(i), 1000 + i), 0);
	kthread_unuse_mm(sharer->child);
	kthread_use_mm(self->box->mm);
}

KTEST(cow, both_sharers_write_and_one_keeps_the_page, KT_FLAGS(KT_NEEDS_SMP))
{
	unsigned int round, i;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), PAGES);
	for (round = 0; round < ROUNDS && !ktest_failed(test); round++) {
		struct sharer sharer = {.child = NULL};
		struct sandbox_thread thread;

		for (i = 0; i < PAGES; i++)
			EXPECT_EQ(user_poke(AT(i), i), 0);
		sharer.child = sandbox_fork(&box);
		if (!sharer.child)
			break;
		sandbox_thread_start(&thread, &box, another_cpu(),
				     write_in_child, &sharer);
		atomic_set(&sharer.round, 1);
		for (i = PAGES; i-- > 0;)
			EXPECT_EQ(user_poke(AT(i), 2000 + i), 0);
		sandbox_thread_join(&thread);
		for (i = 0; i < PAGES; i++) {
			EXPECT_EQ(sandbox_read(&box, AT(i)), 2000UL + i);
			EXPECT_EQ(read_in(&box, sharer.child, AT(i)), 1000UL + i);
		}
		verify_in(&box, sharer.child);
		mmput(sharer.child);
	}
	sandbox_close(&box);
}
