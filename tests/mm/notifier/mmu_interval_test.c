// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_test.c - which ranges notify an interval, refused
 * arguments, exit, and costs (R4)
 *
 * Every test makes an address space of its own and starts ranges by hand, as
 * the operations of mm/ do. Drawings count pages. Beside it:
 *
 *	mmu_interval_insert_test.c	insertions while ranges are open
 *	mmu_interval_remove_test.c	removals, and starts that give way
 *	mmu_interval_read_test.c	read sections: begin, retry
 *	mmu_interval_passes_test.c	two passes, refusals
 *	mmu_interval_device_test.c	devices and adversaries
 */
#include <mm/alloc/fail.h>
#include "notifier_fixture.h"
#include "tests/ktest/team.h"

/*
 *	pages     0 1 2 3 4 5 6 7
 *	watch         [-------]
 *	change              [---]	overlaps one page
 */
KTEST(mmu_interval, overlap_by_one_page_invalidates_and_forces_retry,
      KT_RULES("R4.18 R4.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 2, 6), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change(mm, 5, 7);
	EXPECT_EQ(w.calls, 1U);
	EXPECT(must_retry(&w, seq));
	unwatch(&w);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	watch         [-------]
 *	change    [---]       [---]	touch, and do not overlap
 */
KTEST(mmu_interval, ranges_outside_the_interval_do_not_notify_it,
      KT_RULES("R4.18 R4.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 2, 6), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change(mm, 0, 2);
	change(mm, 6, 8);
	EXPECT_EQ(w.calls, 0U);
	EXPECT(!must_retry(&w, seq));
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, each_overlapping_range_gets_an_odd_number_of_its_own,
      KT_RULES("R4.1 R4.2 R4.12 R4.20"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range a, b;
	struct watcher w;
	unsigned long first;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	EXPECT(w.sub.invalidate_seq & 1);
	start_of(&a, mm, 0, 1);
	first = w.seq;
	start_of(&b, mm, 1, 2);
	EXPECT(first & 1);
	EXPECT(w.seq & 1);
	EXPECT_NE(first, w.seq);
	EXPECT_EQ(w.sub.invalidate_seq, w.seq);
	end_of(&a);
	end_of(&b);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, a_range_that_overlaps_nothing_changes_no_number,
      KT_RULES("R4.4"))
{
	struct mmu_notifier_stats before, after;
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	mmu_notifier_read_stats(mm, &before);
	change(mm, 8, 12);
	mmu_notifier_read_stats(mm, &after);
	EXPECT_EQ(before.last_seq, after.last_seq);
	EXPECT_EQ(after.open_ranges, 0UL);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, bad_lengths_are_refused_and_leave_nothing,
      KT_RULES("R4.6 R4.7"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;
	int count;

	REQUIRE(mm);
	watcher_init(&w, test);
	count = atomic_read(&mm->mm_count);
	EXPECT_EQ(mmu_interval_notifier_insert(&w.sub, mm, PG(1), 0, &watcher_ops),
		  -EOVERFLOW);
	EXPECT_EQ(mmu_interval_notifier_insert(&w.sub, mm, PG(1), ~0ul,
					       &watcher_ops),
		  -EOVERFLOW);
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	EXPECT_EQ(atomic_read(&mm->mm_count), count + 1);
	unwatch(&w);
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	mmput(mm);
}

KTEST(mmu_interval, without_memory_insert_is_ENOMEM_and_leaves_nothing,
      KT_FLAGS(KT_NEEDS_DEBUG), KT_RULES("R4.6"))
{
	struct mm_struct *mm = mm_alloc();
	unsigned long nth, before;
	struct watcher w;
	int ret, count;
	bool hit;

	REQUIRE(mm);
	watcher_init(&w, test);
	count = atomic_read(&mm->mm_count);
	before = mmu_notifier_nr_subscriptions();
	for (nth = 1;; nth++) {
		alloc_fail_nth(nth);
		ret = watch(&w, mm, 0, 4);
		hit = alloc_fail_hit();
		alloc_fail_end();
		if (!hit)
			break;
		EXPECT_EQ(ret, -ENOMEM);
		EXPECT(!mm_has_notifiers(mm));
		EXPECT_EQ(atomic_read(&mm->mm_count), count);
		EXPECT_EQ(mmu_notifier_nr_subscriptions(), before);
	}
	EXPECT_GE(nth, 2UL);
	EXPECT_EQ(ret, 0);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, insert_locked_is_insert_under_mmap_lock, KT_RULES("R4.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;
	int count;

	REQUIRE(mm);
	watcher_init(&w, test);
	count = atomic_read(&mm->mm_count);
	mmap_write_lock(mm);
	EXPECT_EQ(mmu_interval_notifier_insert_locked(&w.sub, mm, PG(1), 0,
						      &watcher_ops),
		  -EOVERFLOW);
	EXPECT_EQ(mmu_interval_notifier_insert_locked(&w.sub, mm, PG(1), PG(2),
						      &watcher_ops),
		  0);
	mmap_write_unlock(mm);
	EXPECT_EQ(atomic_read(&mm->mm_count), count + 1);
	change(mm, 0, 1);
	change(mm, 2, 3);
	EXPECT_EQ(w.calls, 1U);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, a_dead_mm_is_refused, KT_FLAGS(KT_EXPECT_REPORT),
      KT_RULES("R4.6"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	mmgrab(mm);
	mmput(mm);
	EXPECT_EQ(watch(&w, mm, 0, 1), -EINVAL);
	mmdrop(mm);
}

KTEST(mmu_interval, the_whole_space_may_be_watched, KT_RULES("R4.6"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(mmu_interval_notifier_insert(&w.sub, mm, 0, ~0ul, &watcher_ops),
		  0);
	change(mm, 0, 1);
	change(mm, 1ul << 40, (1ul << 40) + 1);
	EXPECT_EQ(w.calls, 2U);
	unwatch(&w);
	EXPECT_EQ(mmu_interval_notifier_insert(&w.sub, mm, PG(1),
					       ~0ul - PG(1) + 1, &watcher_ops),
		  0);
	change(mm, 0, 1);
	EXPECT_EQ(w.calls, 2U);
	unwatch(&w);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5
 *	watch     [---]
 *	watch     [---]
 *	watch       [---]
 *	change      [-]		is in all three
 */
KTEST(mmu_interval, identical_and_overlapping_intervals_are_each_notified,
      KT_RULES("R4.8"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++) {
		watcher_init(&w[i], test);
		EXPECT_EQ(watch(&w[i], mm, i / 2, i / 2 + 2), 0);
	}
	change(mm, 1, 2);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(w[i].calls, 1U);
	EXPECT(mmu_notifier_verify(mm));
	for (i = 0; i < 3; i++)
		unwatch(&w[i]);
	mmput(mm);
}

KTEST(mmu_interval, exit_tells_RELEASE_and_then_UNMAP, KT_RULES("R1.22 R4.27"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	__mmu_notifier_release(mm);
	EXPECT_EQ(w.calls, 1U);
	EXPECT_EQ(w.event, MMU_NOTIFY_RELEASE);
	EXPECT(w.blockable);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.intervals, 1UL);
	mmput(mm);
	mmu_notifier_read_stats(w.sub.mm, &stats);
	EXPECT_EQ(stats.events[MMU_NOTIFY_RELEASE], 2UL);
	EXPECT_EQ(w.event, MMU_NOTIFY_UNMAP);
	unwatch(&w);
}

/* RELEASE may sleep, so nobody may refuse it; and exit must go on (R4.27). */
KTEST(mmu_interval, a_refusal_of_RELEASE_is_reported_and_exit_goes_on,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.27"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct watcher a, b;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 1), 0);
	EXPECT_EQ(watch(&b, mm, 1, 2), 0);
	a.refuse = true;
	mmput(mm);
	EXPECT_EQ(a.calls, 0U);
	EXPECT_EQ(b.calls, 2U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	unwatch(&a);
	unwatch(&b);
}

KTEST(mmu_interval, an_mm_that_nobody_watches_pays_a_count_and_nothing_else,
      KT_RULES("R4.28"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;

	REQUIRE(mm);
	start_of(&range, mm, 0, 4);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT_EQ(atomic64_read(&mm->notifier_ranges), 1L);
	end_of(&range);
	EXPECT_EQ(atomic64_read(&mm->notifier_ranges), 0L);
	mmput(mm);
}

KTEST(mmu_interval, with_intervals_only_no_plain_list_is_walked,
      KT_RULES("R4.29"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	change(mm, 0, 1);
	change(mm, 8, 9);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.walks, 0UL);
	EXPECT_EQ(stats.tree_locks, 2UL);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, with_plain_subscribers_only_no_tree_is_searched,
      KT_RULES("R4.30"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	change(mm, 0, 1);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.tree_locks, 0UL);
	EXPECT_EQ(stats.walks, 2UL);
	unlisten(&l, mm);
	mmput(mm);
}

/* --- the first subscribers of an mm ------------------------------------------------ */

#define FIRST_ROUNDS 10

struct first_round {
	struct mm_struct *mm;
	struct watcher w[TEAM_MAX];
	atomic_t changed;
};

/* One half of the team subscribes, the other changes meanwhile. */
static void first_subscriber(struct team_worker *worker)
{
	struct first_round *round = worker->arg;
	struct ktest *test = worker->test;
	unsigned int me = worker->number;
	unsigned long seq;
	unsigned int i;

	if (me % 2) {
		for (i = 0; i < 20; i++)
			change(round->mm, 0, 2);
		atomic_inc(&round->changed);
		return;
	}
	EXPECT_EQ(watch(&round->w[me], round->mm, me, me + 1), 0);
	seq = mmu_interval_read_begin(&round->w[me].sub);
	EXPECT(seq & 1);
}

/*
 * Many subscribers are the first at once, while ranges run that have just found
 * none. They make one object; each thread that sees it sees it whole, and all
 * subscriptions are in it (R2.16, R2.19).
 */
KTEST(mmu_interval, many_first_subscribers_make_one_object_beside_changes,
      KT_RULES("R2.16 R2.19"))
{
	struct mmu_notifier_stats stats;
	struct first_round *round;
	unsigned int i, n, size;

	round = kzalloc(sizeof(*round), GFP_KERNEL);
	REQUIRE(round);
	for (n = 0; n < FIRST_ROUNDS && !ktest_failed(test); n++) {
		size = team_size();
		round->mm = mm_alloc();
		if (!round->mm) {
			ktest_fail(test, "no memory for an mm");
			break;
		}
		for (i = 0; i < size; i++)
			watcher_init(&round->w[i], test);
		team_run(test, size, 1, first_subscriber, round);
		mmu_notifier_read_stats(round->mm, &stats);
		EXPECT_EQ(stats.intervals, (unsigned long)(size + 1) / 2);
		EXPECT_EQ(stats.open_ranges, 0UL);
		EXPECT(mmu_notifier_verify(round->mm));
		for (i = 0; i < size; i += 2) {
			round->w[i].calls = 0;
			change(round->mm, i, i + 1);
			EXPECT_EQ(round->w[i].calls, 1U);
			unwatch(&round->w[i]);
		}
		mmput(round->mm);
	}
	kfree(round);
}
