// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_interval_insert_test.c - intervals that come while ranges are open
 *
 * A range that searched before an insertion cannot tell the newcomer. So the
 * newcomer's first reader sleeps until such ranges have ended (R4.9 to R4.11);
 * each test here without figures and with them.
 */
#include "interval_fixture.h"
#include "../../mm/notifier_internal.h"

static void while_idle(struct ktest *test)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(seq & 1);
	EXPECT(!must_retry(&w, seq));
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.waits, 0UL);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, insert_while_idle_lets_a_reader_begin_at_once)
{
	figures_off_and_on(test, while_idle);
}

/*
 *	range (begun before, unseen)	watcher
 *	start
 *					insert
 *					read_begin: sleeps
 *	end
 *					goes on
 */
static void while_open(struct ktest *test)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct reader r;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	start_of(&range, mm, 0, 8);
	EXPECT_EQ(watch(&w, mm, 2, 4), 0);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(READ_ONCE(r.seq), 0UL);
	end_of(&range);
	kthread_join(r.task);
	EXPECT(r.seq & 1);
	EXPECT_EQ(w.calls, 0U);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, insert_while_a_range_is_open_makes_the_first_reader_wait)
{
	figures_off_and_on(test, while_open);
}

/*
 *	range				inserter
 *	start: callback of A runs
 *					insert B: put off
 *	callback returns: B goes in
 *	end
 *	another range: A and B are told
 */
static void during_a_walk(struct ktest *test)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct ktest_step step;
	struct watcher a, b;
	struct changer c;

	REQUIRE(mm);
	step_init(&step, test);
	watcher_init(&a, test);
	watcher_init(&b, test);
	a.step = &step;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	changer_run(&c, mm, 0, 4, NULL);
	step_wait(&step, 1);
	EXPECT_EQ(watch(&b, mm, 0, 4), 0);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.deferred_adds, 1UL);
	EXPECT_EQ(b.sub.state, (unsigned int)INTERVAL_ADDING);
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(b.calls, 0U);
	EXPECT_EQ(b.sub.state, (unsigned int)INTERVAL_IN);
	EXPECT(mmu_interval_read_begin(&b.sub) & 1);
	change(mm, 0, 1);
	EXPECT_EQ(a.calls, 2U);
	EXPECT_EQ(b.calls, 1U);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

KTEST(mmu_interval, insert_during_a_walk_is_put_off_until_the_walk_ends)
{
	figures_off_and_on(test, during_a_walk);
}
