// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/locks_test.c - which locks of others a fault takes, and how often
 *
 * docs/locking.md lists the words that each fault writes and other CPUs write too. Here two of its
 * promises are counted: mmap_lock is never wanted for writing, and the lock of all free
 * frames is taken once in many faults.
 */
#include <mm/alloc/page_alloc.h>
#include <mm/fault/fault.h>

#include "mm/alloc/buddy_internal.h"
#include "tests/mm/lib/relatives.h"

#define PAGES 1024U

struct toucher {
	struct fault_counters before;
	struct fault_counters after;
	struct atomic done;
};

/* A first write, a first read, a write over the zero page, a copy, a reuse. */
static void touch_each_way(struct sandbox_thread *self)
{
	struct toucher *toucher = self->arg;
	struct ktest *test = self->box->test;

	fault_read_counters(&toucher->before);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	EXPECT_EQ(sandbox_read(self->box, AT(3)), 0UL);
	EXPECT_EQ(user_poke(AT(3), 1), 0);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	fault_read_counters(&toucher->after);
	atomic_set(&toucher->done, 1);
}

/*
 *	this thread			another CPU
 *	mmap_lock for reading
 *					a fault of each kind
 *	(all are over)
 *	unlock
 *
 * A fault that wanted mmap_lock for writing would wait until the end of the test's time.
 */
KTEST(fault_locks, no_kind_of_fault_waits_for_a_reader_of_mmap_lock,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct toucher toucher = {.done = {0}};
	struct sandbox_thread thread;
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(do_munmap(child, AT(1), LEN(1)), 0);
		mmap_read_lock(box.mm);
		sandbox_thread_start(&thread, &box, another_cpu(),
				     touch_each_way, &toucher);
		KTEST_WAIT_FOR(test, atomic_read(&toucher.done));
		mmap_read_unlock(box.mm);
		sandbox_thread_join(&thread);
		EXPECT_GE(toucher.after.fresh_page,
			  toucher.before.fresh_page + 1);
		EXPECT_GE(toucher.after.zero_page, toucher.before.zero_page + 1);
		EXPECT_GE(toucher.after.zero_replaced,
			  toucher.before.zero_replaced + 1);
		EXPECT_GE(toucher.after.copied, toucher.before.copied + 1);
		EXPECT_GE(toucher.after.reused, toucher.before.reused + 1);
		mmput(child);
	}
	sandbox_close(&box);
}

/*
 * Frames that are free and on no CPU's list: their number changes only under buddy.lock. A
 * machine with little memory has small batches, so there a refill is due more often.
 */
KTEST(fault_locks, first_writes_take_the_lock_of_all_frames_once_in_32)
{
	struct page_limits limits = page_limits_of(
		nr_total_pages(), cpumask_weight(&cpu_possible_mask));
	unsigned int most = PAGES / (1U << limits.batch_order >> 1);
	unsigned int taken = 0;
	unsigned long before;
	struct sandbox box;
	unsigned int i;

	/* From 128 MiB on, a batch of 64. */
	EXPECT_GE(page_limits_of(1UL << 15, 4).batch_order, 6U);
	REQUIRE(sandbox_open_as(&box, test, SANDBOX_UNOBSERVED));
	sandbox_map(&box, AT(0), PAGES);
	before = buddy_nr_free();
	for (i = 0; i < PAGES; i++) {
		unsigned long now;

		EXPECT_EQ(user_poke(AT(i), i), 0);
		now = buddy_nr_free();
		taken += now != before;
		before = now;
	}
	EXPECT_GE(taken, 1U);
	EXPECT_LE(taken, most);
	sandbox_close(&box);
}
