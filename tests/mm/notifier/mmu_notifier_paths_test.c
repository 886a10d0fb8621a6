// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_paths_test.c - a range in each mix of subscribers
 *
 * Each test here tries combinations of plain and interval subscriptions, and
 * subscriptions that come or go between a start and its end.
 */
#include <lib/assert.h>

#include "notifier_fixture.h"

/* {no, one, two, three} plain subscriptions beside {no, one} interval. */
KTEST(mmu_notifier_paths, subscribers_are_notified_in_order_in_each_combination)
{
	unsigned int nr, watched, i;

	for (nr = 0; nr <= 3; nr++) {
		for (watched = 0; watched <= 1; watched++) {
			struct call_log log = {ATOMIC_INIT(0), {0}};
			char expected[8] = {0}, *at = expected;
			struct mm_struct *mm = mm_alloc();
			struct listener l[3];
			struct watcher w;
			int logged;

			REQUIRE(mm);
			watcher_init(&w, test);
			w.log = &log;
			w.name = 'i';
			if (watched) {
				EXPECT_EQ(watch(&w, mm, 0, 4), 0);
				*at++ = 'i';
			}
			for (i = 0; i < nr; i++) {
				EXPECT_EQ(listen(&l[i], mm), 0);
				l[i].log = &log;
				l[i].name = 'a' + i;
			}
			for (i = 0; i < 2 * nr; i++)
				*at++ = (i < nr ? 'a' : 'A') + nr - 1 - i % nr;
			change(mm, 1, 2);
			EXPECT_STREQ(log.who, expected);
			EXPECT(mmu_notifier_verify(mm));
			for (i = 0; i < nr; i++)
				unlisten(&l[i], mm);
			if (watched)
				unwatch(&w);
			logged = atomic_read(&log.nr);
			change(mm, 1, 2);
			EXPECT_EQ(atomic_read(&log.nr), logged);
			EXPECT(mmu_notifier_verify(mm));
			mmput(mm);
		}
	}
}

/* The failing one is the oldest, the middle and the newest of three. */
KTEST(mmu_notifier_paths, a_start_that_fails_notifies_all_and_ends_for_all)
{
	unsigned int at, i;

	for (at = 0; at < 3; at++) {
		struct mm_struct *mm = mm_alloc();
		struct mmu_notifier_range range;
		struct mmu_notifier_stats stats;
		struct listener l[3];

		REQUIRE(mm);
		for (i = 0; i < 3; i++) {
			EXPECT_EQ(listen_as(&l[i], mm,
					    i == at ? &start_ops : &pair_ops),
				  0);
			l[i].answer = i == at ? -EAGAIN : 0;
		}
		EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
		for (i = 0; i < 3; i++) {
			EXPECT_EQ(l[i].starts, 1U);
			EXPECT_EQ(l[i].ends, i == at ? 0U : 1U);
		}
		mmu_notifier_read_stats(mm, &stats);
		EXPECT_EQ(stats.open_ranges, 0UL);
		EXPECT_EQ(stats.failed_starts, 1UL);
		for (i = 0; i < 3; i++)
			unlisten(&l[i], mm);
		mmput(mm);
	}
}

static int leaver_body(void *arg)
{
	struct listener *l = arg;

	unlisten(l, l->sub.mm);
	return 0;
}

/*
 *	newest -> c -> b -> a
 *
 *	start, standing at c		unregister c: c leaves the list, waits
 *	  (its callback sleeps)		unregister b, unregister a: the same
 *	goes on to b, and to a: still there, and called
 *	leaves				all three return, and not before
 */
KTEST(mmu_notifier_paths, a_walk_survives_the_unlinking_of_where_it_stands,
      KT_RULES("R2.13"))
{
	struct mm_struct *mm = mm_alloc();
	struct task *leaver[3];
	struct ktest_step step;
	struct listener l[3];
	struct changer c;
	int i;

	REQUIRE(mm);
	step_init(&step, test);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(listen(&l[i], mm), 0);
	l[2].start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	for (i = 2; i >= 0; i--) {
		leaver[i] = kthread_run(leaver_body, &l[i], "leaver");
		EXPECT_EQ(ktest_wait_blocked(test, leaver[i]), 0);
		EXPECT(mmu_notifier_verify(mm));
	}
	step_signal(&step, 2);
	for (i = 0; i < 3; i++) {
		kthread_join(leaver[i]);
		EXPECT_EQ(l[i].starts, 1U);
		EXPECT_EQ(l[i].releases, 1U);
		EXPECT_EQ(l[i].ends, 0U);
	}
	kthread_join(c.task);
	mmput(mm);
}

/*
 *	start: overlaps the interval, calls the plain one
 *	the interval is removed: only plain ones are left
 *	end: the range is over for the interval's part all the same
 */
KTEST(mmu_notifier_paths, an_interval_removed_in_between_leaves_nothing_open,
      KT_RULES("R3.7"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct watcher w;
	struct listener l;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	EXPECT_EQ(listen(&l, mm), 0);
	start_of(&range, mm, 0, 1);
	unwatch(&w);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_overlaps, 1UL);
	end_of(&range);
	EXPECT_EQ(l.ends, 1U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	unlisten(&l, mm);
	mmput(mm);
}

/*
 *	one range object	subscribers
 *	start, end		a
 *	start, end		-	what was noted of a is still in it
 *	start, end		b
 */
KTEST(mmu_notifier_paths, a_range_object_may_be_used_again)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener a, b;

	REQUIRE(mm);
	EXPECT_EQ(listen(&a, mm), 0);
	range_of(&range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	unlisten(&a, mm);
	EXPECT_EQ(a.ends, 1U);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_EQ(listen(&b, mm), 0);
	EXPECT_EQ(b.ends, 0U);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_EQ(a.starts, 1U);
	EXPECT_EQ(a.ends, 1U);
	EXPECT_EQ(b.starts, 1U);
	EXPECT_EQ(b.ends, 1U);
	unlisten(&b, mm);
	mmput(mm);
}

/*
 *	one range object	subscriber a
 *	start, end of [0, 1)	both called; what was noted of it is still there
 *	start of [0, 0)		refused: not called
 *	end			not called
 */
KTEST(mmu_notifier_paths, a_range_that_is_refused_forgets_whom_it_told_before,
      KT_FLAGS(KT_EXPECT_REPORT | KT_NEEDS_DEBUG), KT_RULES("R1.6 R3.5"))
{
	unsigned int warned = warn_count();
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener a;

	REQUIRE(mm);
	EXPECT_EQ(listen(&a, mm), 0);
	range_of(&range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	range.end = range.start;
	mmu_notifier_invalidate_range_start(&range);
	EXPECT_EQ(warn_count() - warned, 1U);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_EQ(a.starts, 1U);
	EXPECT_EQ(a.ends, 1U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	unlisten(&a, mm);
	mmput(mm);
}

static int release_body(void *arg)
{
	struct registrar *r = arg;

	mmu_notifier_release(r->mm);
	atomic_set(&r->done, 1);
	return 0;
}

/*
 *	range			exit
 *	start: callback runs
 *				release; hide; sleeps
 *	callback returns
 *				goes on: may free pages
 */
KTEST(mmu_notifier, exit_waits_for_a_start_callback_that_runs, KT_RULES("R2.23"))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct mm_struct *mm = mm_alloc();
	struct registrar r;
	struct listener l;
	struct changer c;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	l.start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	registrar_run(&r, release_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(l.releases, 1U);
	EXPECT_EQ(atomic_read(&r.done), 0);
	step_signal(&step, 2);
	kthread_join(r.task);
	kthread_join(c.task);
	mmput(mm);
	unlisten(&l, mm);
}
