// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_read_test.c - read sections: what begin waits for, and
 * when a look-up collided
 *
 * R4.17 to R4.26; each test here without statistics and with them.
 */
#include "notifier_fixture.h"
#include <kernel/sched/wait.h>
#include "mm/notifier/internal.h"

/*
 *	range			reader
 *	start
 *				read_begin: sleeps
 *	end: wakes
 *				goes on with the range's number: no retry
 */
KTEST(mmu_interval, read_begin_waits_while_an_overlapping_range_is_open,
      KT_RULES("R4.17"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct reader r;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&range, mm, 3, 5);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(READ_ONCE(r.seq), 0UL);
	end_of(&range);
	kthread_join(r.task);
	EXPECT_EQ(r.seq, w.seq);
	EXPECT(!must_retry(&w, r.seq));
	/* Later ends have nobody to wake. */
	EXPECT_EQ(counted_waiters(mm), 0U);
	unwatch(&w);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	watch     [---]   [---]
 *	open              [-]		stays open
 */
KTEST(mmu_interval, read_begin_does_not_wait_for_a_range_that_touches_others,
      KT_RULES("R4.3 R4.24 R4.26"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct watcher a, b;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 2), 0);
	EXPECT_EQ(watch(&b, mm, 4, 6), 0);
	start_of(&range, mm, 4, 5);
	seq = mmu_interval_read_begin(&a.sub);
	EXPECT(!must_retry(&a, seq));
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.waits, 0UL);
	EXPECT_EQ(stats.open_overlaps, 1UL);
	end_of(&range);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7 8 9
 *	below     [-------]
 *	watch             [-------]
 *	above                     [---]
 *	open              [-------]	stays open
 *
 * In threads: a reader that waits for the neighbour fails the test by name.
 */
KTEST(mmu_interval,
      read_begin_does_not_wait_for_a_range_that_ends_or_begins_beside_it,
      KT_RULES("R4.24 R4.26"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher below, watched, above;
	struct mmu_notifier_range range;
	struct reader first, second;

	REQUIRE(mm);
	watcher_init(&below, test);
	watcher_init(&watched, test);
	watcher_init(&above, test);
	EXPECT_EQ(watch(&below, mm, 0, 4), 0);
	EXPECT_EQ(watch(&watched, mm, 4, 8), 0);
	EXPECT_EQ(watch(&above, mm, 8, 10), 0);
	start_of(&range, mm, 4, 8);
	reader_run(&first, &below);
	reader_run(&second, &above);
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(first.seq)));
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(second.seq)));
	EXPECT_EQ(stats_of(mm).waits, 0UL);
	end_of(&range);
	kthread_join(first.task);
	kthread_join(second.task);
	unwatch(&below);
	unwatch(&watched);
	unwatch(&above);
	mmput(mm);
}

/*
 *	range 1		range 2			reader
 *	start
 *						read_begin: sleeps
 *			start
 *	end
 *						goes on, though 2 is open,
 *						with the number from before
 *			end
 *						retry: must, 2 overlaps
 */
KTEST(mmu_interval, read_begin_waits_only_for_ranges_open_at_its_call,
      KT_RULES("R4.24 R4.26"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct reader r;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&one, mm, 0, 1);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	start_of(&two, mm, 0, 1);
	end_of(&one);
	kthread_join(r.task);
	EXPECT(must_retry(&w, r.seq));
	end_of(&two);
	EXPECT_EQ(mmu_interval_read_begin(&w.sub), w.seq);
	unwatch(&w);
	mmput(mm);
}

/*
 *	range 1		range 2			reader
 *	start
 *						read_begin: sleeps
 *			start; end
 *	end
 *						goes on with the number of 2: the one
 *						from before would make it retry
 */
KTEST(mmu_interval,
      a_reader_that_waited_takes_the_number_of_a_range_that_came_and_went,
      KT_RULES("R4.24"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one;
	struct reader r;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&one, mm, 0, 1);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	change(mm, 0, 1);
	end_of(&one);
	kthread_join(r.task);
	EXPECT_EQ(r.seq, w.seq);
	EXPECT(!must_retry(&w, r.seq));
	unwatch(&w);
	mmput(mm);
}

/*
 *	device fault				munmap
 *	seq = read_begin()
 *						start: invalidate()
 *	pfn = look the page up
 *						entry cleared; end
 *	lock(driver); read_retry() -> true	must be true: pfn is stale
 */
KTEST(mmu_interval, fault_that_raced_an_unmap_retries,
      KT_RULES("R1.12 R4.18 R4.19 R4.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!mmu_interval_check_retry(&w.sub, seq));
	start_of(&range, mm, 1, 2);
	EXPECT(mmu_interval_check_retry(&w.sub, seq));
	end_of(&range);
	EXPECT(mmu_interval_check_retry(&w.sub, seq));
	EXPECT(must_retry(&w, seq));
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!must_retry(&w, seq));
	unwatch(&w);
	mmput(mm);
}

/* One's own EXCLUSIVE or MIGRATE: no number noted, so no retry (R1.23, R1.24). */
KTEST(mmu_interval, an_event_that_the_driver_ignores_forces_no_retry,
      KT_RULES("R1.24"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	w.ignore = true;
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	mmu_notifier_range_init_owner(&range, MMU_NOTIFY_EXCLUSIVE, 0, NULL, mm,
				      PG(0), PG(1), &w);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_EQ(w.calls, 1U);
	EXPECT(!must_retry(&w, seq));
	unwatch(&w);
	mmput(mm);
}

/* The number is three steps from its wrap; readers and waits go on. */
KTEST(mmu_interval, the_sequence_may_wrap, KT_RULES("R4.25"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct watcher a, w;
	struct reader r;
	unsigned long seq;
	int i;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&a, mm, 8, 9), 0);
	mm->notifier_subscriptions->last_seq = -5ul;
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	for (i = 0; i < 5; i++) {
		seq = mmu_interval_read_begin(&w.sub);
		start_of(&range, mm, 0, 1);
		EXPECT(w.seq & 1);
		reader_run(&r, &w);
		EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
		end_of(&range);
		kthread_join(r.task);
		EXPECT(must_retry(&w, seq));
		EXPECT(!must_retry(&w, r.seq));
	}
	unwatch(&a);
	unwatch(&w);
	mmput(mm);
}

/*
 *	range 1		range 2		reader
 *	start: -1
 *					read_begin: sleeps, newest is -1
 *			start: 1
 *	end
 *					goes on: 1 is later than -1
 */
KTEST(mmu_interval, across_the_wrap_a_later_range_is_still_a_later_one,
      KT_RULES("R4.25"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct watcher w;
	struct reader r;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	mm->notifier_subscriptions->last_seq = -3ul;
	start_of(&one, mm, 0, 1);
	EXPECT_EQ(w.seq, -1ul);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	start_of(&two, mm, 0, 1);
	EXPECT_EQ(w.seq, 1UL);
	end_of(&one);
	kthread_join(r.task);
	EXPECT(must_retry(&w, r.seq));
	end_of(&two);
	unwatch(&w);
	mmput(mm);
}

static DECLARE_WAIT_QUEUE_HEAD(never);

struct holder {
	struct mm_struct *mm;
	struct ktest_step open;
};

/* The wait for a step has a limit, after which the range would end. */
static int hold_open(void *arg)
{
	struct holder *holder = arg;
	struct mmu_notifier_range range;

	start_of(&range, holder->mm, 3, 5);
	step_signal(&holder->open, 1);
	wait_event(&never, kthread_should_stop());
	end_of(&range);
	return 0;
}

/*
 *	holder				reader
 *	start
 *	sleeps for ever
 *					read_begin: waits for ever
 *
 * boots.a_hang_in_an_open_range_names_its_holder looks from outside when both sleep, and
 * ends the machine. Without it the rescue ends the reader's wait.
 */
KTEST(mmu_interval, must_fail_by_a_hang_in_an_open_range,
      KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct holder holder = {.mm = mm_alloc(), .open = KTEST_STEP_INIT(test)};
	struct watcher w;
	struct reader r;

	REQUIRE(holder.mm);
	watcher_init(&w, test);
	REQUIRE(watch(&w, holder.mm, 0, 4) == 0);
	REQUIRE(!IS_ERR(kthread_run(hold_open, &holder, "holder")));
	step_wait(&holder.open, 1);
	reader_run(&r, &w);
	REQUIRE(ktest_wait_blocked(test, r.task) == 0);
	ktest_note("a thread sleeps in an open range, and a reader waits for it");
	kthread_join(r.task);
	EXPECT_EQ(r.seq, 0UL, "the reader went on");
}
