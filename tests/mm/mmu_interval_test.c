// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_interval_test.c - interval subscriptions do what R4 says
 *
 * Every test makes an address space of its own and raises ranges by hand, as
 * the operations of mm/ do. Drawings count pages.
 *
 * Over 600 lines because one test file goes with one source, and every rule of
 * its sections has its test here.
 */
#include "notifier_fixture.h"
#include "../kernel/crew.h"
#include "../../mm/notifier_internal.h"

/*
 *	pages     0 1 2 3 4 5 6 7
 *	watch         [-------]
 *	change              [---]	overlaps one page
 */
KTEST(mmu_interval, overlap_by_one_page_invalidates_and_forces_retry)
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
KTEST(mmu_interval, ranges_beside_the_interval_are_not_told)
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

KTEST(mmu_interval, each_range_that_hits_gets_an_odd_number_of_its_own)
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

KTEST(mmu_interval, a_range_that_hits_nobody_changes_no_number)
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
	EXPECT_EQ(before.invalidate_seq, after.invalidate_seq);
	EXPECT_EQ(after.open_ranges, 0UL);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_interval, bad_lengths_are_refused_and_leave_nothing)
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

KTEST(mmu_interval, without_memory_insert_is_ENOMEM_and_leaves_nothing)
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
		alloc_fail_nth(0);
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

KTEST(mmu_interval, insert_locked_is_insert_under_mmap_lock)
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

KTEST_F(mmu_interval, a_dead_mm_is_refused, KT_EXPECT_REPORT)
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

KTEST(mmu_interval, the_whole_space_may_be_watched)
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
KTEST(mmu_interval, identical_and_overlapping_intervals_are_each_told)
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

KTEST(mmu_interval, insert_while_idle_lets_a_reader_begin_at_once)
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

/*
 *	range (begun before, unseen)	watcher
 *	start
 *					insert
 *					read_begin: sleeps
 *	end
 *					goes on
 */
KTEST(mmu_interval, insert_while_a_range_is_open_makes_the_first_reader_wait)
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

/*
 *	range				inserter
 *	start: callback of A runs
 *					insert B: put off
 *	callback returns: B goes in
 *	end
 *	another range: A and B are told
 */
KTEST(mmu_interval, insert_during_a_walk_is_put_off_until_the_walk_ends)
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

KTEST(mmu_interval, remove_of_an_insertion_that_was_put_off_does_not_wait)
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
	unwatch(&b);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.deferred_removes, 0UL);
	EXPECT_EQ(stats.intervals, 1UL);
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(b.calls, 0U);
	unwatch(&a);
	mmput(mm);
}

/*
 *	range				remover
 *	start: callback of A runs
 *					remove A: put off, sleeps
 *	callback returns: A goes out
 *					returns, A may be freed
 */
KTEST(mmu_interval, remove_waits_for_the_walk_and_sees_it_under_the_lock)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct ktest_step step;
	struct task *remover;
	struct watcher a;
	struct changer c;

	REQUIRE(mm);
	step_init(&step, test);
	watcher_init(&a, test);
	a.step = &step;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	changer_run(&c, mm, 0, 4, NULL);
	step_wait(&step, 1);
	remover = kthread_run(remover_body, &a, "remover");
	EXPECT_EQ(ktest_wait_blocked(test, remover), 0);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.deferred_removes, 1UL);
	EXPECT_EQ(a.sub.state, (unsigned int)INTERVAL_REMOVING);
	step_signal(&step, 2);
	kthread_join(remover);
	EXPECT_EQ(a.sub.state, (unsigned int)INTERVAL_OUT);
	memset(&a.sub, 0x6b, sizeof(a.sub));
	kthread_join(c.task);
	change(mm, 0, 4);
	EXPECT_EQ(a.calls, 1U);
	mmput(mm);
}

/*
 * The test plays the walk: it counts itself, and later looks what was put off.
 *
 *	walk			remover of A		remover of B
 *	walkers = 1
 *				put off; sleeps
 *	walkers = 0
 *							takes A and B out
 *	nothing is put off
 *				returns (must be true: nobody else wakes it)
 */
KTEST(mmu_interval, who_takes_others_out_wakes_them)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_subscriptions *subs;
	struct task *remover;
	struct watcher a, b;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	EXPECT_EQ(watch(&b, mm, 4, 8), 0);
	subs = subscriptions_of(mm);
	atomic_inc(&subs->walkers);
	remover = kthread_run(remover_body, &a, "remover");
	EXPECT_EQ(ktest_wait_blocked(test, remover), 0);
	EXPECT(atomic_dec_and_test(&subs->walkers));
	unwatch(&b);
	EXPECT_EQ(a.sub.state, (unsigned int)INTERVAL_OUT);
	EXPECT_EQ(subs->deferred, NULL);
	kthread_join(remover);
	EXPECT(mmu_notifier_verify(mm));
	mmput(mm);
}

/* No callback runs between the walk and the end, so there is no need to wait. */
KTEST(mmu_interval, remove_between_start_and_end_does_not_wait)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&range, mm, 0, 4);
	EXPECT_EQ(w.calls, 1U);
	unwatch(&w);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.deferred_removes, 0UL);
	EXPECT_EQ(stats.intervals, 0UL);
	memset(&w.sub, 0x6b, sizeof(w.sub));
	end_of(&range);
	EXPECT(mmu_notifier_verify(mm));
	mmput(mm);
}

/*
 *	range 1			remover		range 2
 *	start: A runs
 *				remove A: sleeps
 *						start: gives way, sleeps
 *	callback returns
 *				returns
 *						walks: A is not there
 */
KTEST(mmu_interval, a_start_gives_way_to_a_removal_that_waits)
{
	struct mm_struct *mm = mm_alloc();
	struct changer first, second;
	struct ktest_step step;
	struct task *remover;
	struct watcher a, b;

	REQUIRE(mm);
	step_init(&step, test);
	watcher_init(&a, test);
	watcher_init(&b, test);
	a.step = &step;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	EXPECT_EQ(watch(&b, mm, 4, 8), 0);
	changer_run(&first, mm, 0, 4, NULL);
	step_wait(&step, 1);
	remover = kthread_run(remover_body, &a, "remover");
	EXPECT_EQ(ktest_wait_blocked(test, remover), 0);
	changer_run(&second, mm, 0, 8, NULL);
	EXPECT_EQ(ktest_wait_blocked(test, second.task), 0);
	EXPECT_EQ(b.calls, 0U);
	step_signal(&step, 2);
	kthread_join(remover);
	kthread_join(first.task);
	kthread_join(second.task);
	EXPECT_EQ(a.calls, 1U);
	EXPECT_EQ(b.calls, 1U);
	unwatch(&b);
	mmput(mm);
}

KTEST(mmu_interval, remove_works_after_exit)
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	mmput(mm);
	EXPECT_GE(w.calls, 1U);
	unwatch(&w);
}

/*
 *	range			reader
 *	start
 *				read_begin: sleeps
 *	end: wakes
 *				goes on with the range's number: no retry
 */
KTEST(mmu_interval, read_begin_waits_while_a_range_that_hits_is_open)
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
	unwatch(&w);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	watch     [---]   [---]
 *	open              [-]		stays open
 */
KTEST(mmu_interval, read_begin_does_not_wait_for_a_range_that_touches_others)
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
	EXPECT_EQ(stats.open_hits, 1UL);
	end_of(&range);
	unwatch(&a);
	unwatch(&b);
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
 *						retry: must, 2 hit it
 */
KTEST(mmu_interval, read_begin_waits_only_for_ranges_open_at_its_call)
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
 *	device fault				munmap
 *	seq = read_begin()
 *						start: invalidate()
 *	pfn = look the page up
 *						entry cleared; end
 *	lock(driver); read_retry() -> true	must be true: pfn is stale
 */
KTEST(mmu_interval, fault_that_raced_an_unmap_retries)
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
KTEST(mmu_interval, an_event_that_the_driver_ignores_forces_no_retry)
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
KTEST(mmu_interval, the_sequence_may_wrap)
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
	mm->notifier_subscriptions->invalidate_seq = -5ul;
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
KTEST(mmu_interval, across_the_wrap_a_later_range_is_still_a_later_one)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct watcher w;
	struct reader r;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	mm->notifier_subscriptions->invalidate_seq = -3ul;
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

KTEST(mmu_interval, exit_tells_RELEASE_and_then_UNMAP)
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
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(stats.intervals, 1UL);
	mmput(mm);
	mmu_notifier_read_stats(w.sub.mm, &stats);
	EXPECT_EQ(stats.events[MMU_NOTIFY_RELEASE], 2UL);
	EXPECT_EQ(w.event, MMU_NOTIFY_UNMAP);
	unwatch(&w);
}

/* RELEASE may sleep, so nobody may refuse it; and exit must go on (R4.27). */
KTEST_F(mmu_interval, a_refusal_of_RELEASE_is_reported_and_exit_goes_on,
	KT_EXPECT_REPORT)
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
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	unwatch(&a);
	unwatch(&b);
}

KTEST(mmu_interval, an_mm_that_nobody_watches_pays_a_count_and_nothing_else)
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

KTEST(mmu_interval, with_intervals_only_no_plain_list_is_walked)
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

KTEST(mmu_interval, with_plain_subscribers_only_no_tree_is_searched)
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
	struct watcher w[CREW_MAX];
	atomic_t changed;
};

/* One half of the crew subscribes, the other changes meanwhile. */
static void first_subscriber(struct crew *crew, unsigned int me)
{
	struct first_round *round = crew->arg;
	struct ktest *test = crew->test;
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
 * Many are the first at once, while ranges run that have just found nobody:
 * one object comes of it, whole for whoever sees it, and all are in it (R2.16,
 * R2.19).
 */
KTEST(mmu_interval, many_first_subscribers_make_one_object_beside_changes)
{
	struct mmu_notifier_stats stats;
	struct first_round *round;
	unsigned int i, n, crew;

	round = kzalloc(sizeof(*round), GFP_KERNEL);
	REQUIRE(round);
	for (n = 0; n < FIRST_ROUNDS && !ktest_failed(test); n++) {
		crew = crew_size();
		round->mm = mm_alloc();
		if (!round->mm) {
			ktest_fail(test, "no memory for an mm");
			break;
		}
		for (i = 0; i < crew; i++)
			watcher_init(&round->w[i], test);
		crew_run(test, crew, round, first_subscriber);
		mmu_notifier_read_stats(round->mm, &stats);
		EXPECT_EQ(stats.intervals, (unsigned long)(crew + 1) / 2);
		EXPECT_EQ(stats.open_ranges, 0UL);
		EXPECT(mmu_notifier_verify(round->mm));
		for (i = 0; i < crew; i += 2) {
			round->w[i].calls = 0;
			change(round->mm, i, i + 1);
			EXPECT_EQ(round->w[i].calls, 1U);
			unwatch(&round->w[i]);
		}
		mmput(round->mm);
	}
	kfree(round);
}

/* --- two passes ------------------------------------------------------------------ */

struct two_pass {
	struct mmu_interval_notifier sub;
	struct mmu_interval_notifier_finish finish;
	struct call_log *log;
	char name;
	bool refuse;
	bool done_at_once;
};

static bool two_pass_start(struct mmu_interval_notifier *sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq,
			   struct mmu_interval_notifier_finish **finish)
{
	struct two_pass *t = container_of(sub, struct two_pass, sub);

	log_call(t->log, t->name);
	if (t->refuse)
		return false;
	mmu_interval_set_seq(sub, cur_seq);
	if (!t->done_at_once)
		*finish = &t->finish;
	return true;
}

static void two_pass_finish(struct mmu_interval_notifier_finish *finish)
{
	struct two_pass *t = container_of(finish, struct two_pass, finish);

	log_call(t->log, t->name + ('A' - 'a'));
}

static const struct mmu_interval_notifier_ops two_pass_ops = {
	.invalidate_start = two_pass_start,
	.invalidate_finish = two_pass_finish,
};

static int two_pass_insert(struct two_pass *t, struct mm_struct *mm,
			   unsigned long page, struct call_log *log, char name)
{
	memset(t, 0, sizeof(*t));
	t->log = log;
	t->name = name;
	return mmu_interval_notifier_insert(&t->sub, mm, PG(page), PG(1),
					    &two_pass_ops);
}

/* Three devices are started, then the two that are still at work finished. */
KTEST(mmu_interval, finishes_run_after_every_start_and_in_their_order)
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct two_pass t[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(two_pass_insert(&t[i], mm, i, &log, 'a' + i), 0);
	t[1].done_at_once = true;
	change(mm, 0, 3);
	EXPECT_STREQ(log.who, "abcAC");
	for (i = 0; i < 3; i++)
		mmu_interval_notifier_remove(&t[i].sub);
	mmput(mm);
}

KTEST(mmu_interval, a_refusal_still_finishes_those_that_were_started)
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct two_pass t[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(two_pass_insert(&t[i], mm, i, &log, 'a' + i), 0);
	t[1].refuse = true;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 3), -EAGAIN);
	EXPECT_STREQ(log.who, "abA");
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	for (i = 0; i < 3; i++)
		mmu_interval_notifier_remove(&t[i].sub);
	mmput(mm);
}

KTEST_F(mmu_interval, a_start_pass_without_a_finish_is_refused, KT_EXPECT_REPORT)
{
	static const struct mmu_interval_notifier_ops half_ops = {
		.invalidate_start = two_pass_start,
	};
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_notifier sub;

	REQUIRE(mm);
	EXPECT_EQ(mmu_interval_notifier_insert(&sub, mm, 0, PG(1), &half_ops),
		  -EINVAL);
	mmput(mm);
}

/* --- starts that may not block ----------------------------------------------------- */

KTEST(mmu_interval, a_refusal_is_EAGAIN_and_plain_subscribers_are_not_called)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	w.refuse = true;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(l.ends, 0U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(stats.failed_starts, 1UL);
	EXPECT(mmu_interval_read_begin(&w.sub) & 1);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST_F(mmu_interval, a_refusal_of_a_blockable_range_is_reported_and_ignored,
	KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct watcher a, b;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 1), 0);
	EXPECT_EQ(watch(&b, mm, 1, 2), 0);
	a.refuse = true;
	change(mm, 0, 2);
	EXPECT_EQ(b.calls, 1U);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

static int nonblock_body(void *arg)
{
	struct changer *c = arg;
	struct mmu_notifier_range range;
	int ret = start_nonblock_of(&range, c->mm, c->from, c->to);

	if (!ret)
		end_of(&range);
	return ret;
}

/* What a callback does if its driver is at work: refuse, not wait (R4.22). */
KTEST(mmu_interval, a_driver_whose_lock_is_taken_refuses_and_nothing_changes)
{
	struct changer c = {.mm = mm_alloc(), .from = 0, .to = 1};
	struct task *task;
	struct watcher w;
	unsigned long seq;

	REQUIRE(c.mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, c.mm, 0, 4), 0);
	task = kthread_create(nonblock_body, &c, "nonblock");
	REQUIRE(!IS_ERR(task));
	seq = mmu_interval_read_begin(&w.sub);
	mutex_lock(&w.lock);
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), -EAGAIN);
	EXPECT(!mmu_interval_read_retry(&w.sub, seq));
	mutex_unlock(&w.lock);
	EXPECT_EQ(w.calls, 0U);
	EXPECT_EQ(nonblock_body(&c), 0);
	EXPECT(!w.blockable);
	EXPECT_EQ(w.calls, 1U);
	unwatch(&w);
	mmput(c.mm);
}

/* --- a driver, and another thread that is against it --------------------------------- */

#define SHADOW_PAGES 8

/** A device of which the CPU side is a number per page. */
struct shadow {
	struct watcher w;
	struct mm_struct *mm;
	atomic_t stop;
	struct mutex page_lock;
	unsigned long page[SHADOW_PAGES];
	unsigned long device[SHADOW_PAGES]; /* w.lock; 0: none */
	unsigned long installed;
	u64 seed;
};

static bool shadow_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct watcher *w = container_of(sub, struct watcher, sub);
	struct shadow *s = container_of(w, struct shadow, w);
	unsigned long p;

	mutex_lock(&w->lock);
	mmu_interval_set_seq(sub, cur_seq);
	for (p = 0; p < SHADOW_PAGES; p++) {
		if (PG(p) >= range->start && PG(p) < range->end)
			s->device[p] = 0;
	}
	mutex_unlock(&w->lock);
	return true;
}

static const struct mmu_interval_notifier_ops shadow_ops = {
	.invalidate = shadow_invalidate,
};

/* The driver's loop, without a pause, until told to stop. */
static int shadow_device(void *arg)
{
	struct shadow *s = arg;
	struct rng rng = rng_init(s->seed);
	unsigned long p, seq, found;

	while (!atomic_read(&s->stop)) {
		p = rng_below(&rng, SHADOW_PAGES);
		seq = mmu_interval_read_begin(&s->w.sub);
		mutex_lock(&s->page_lock);
		found = s->page[p];
		mutex_unlock(&s->page_lock);
		if (rng_below(&rng, 4) == 0)
			yield();
		mutex_lock(&s->w.lock);
		if (!mmu_interval_read_retry(&s->w.sub, seq)) {
			s->device[p] = found;
			s->installed++;
		}
		mutex_unlock(&s->w.lock);
		cond_resched();
	}
	return 0;
}

/*
 * While changes run against it, a device that follows the protocol never has
 * a translation of a page that was changed (R4.21, R4.22).
 */
KTEST(mmu_interval, a_device_that_follows_the_protocol_has_no_stale_translation)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct task *device;
	struct shadow *s;
	unsigned long i, p;
	bool dropped, current_only;

	REQUIRE(mm);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	REQUIRE(s);
	watcher_init(&s->w, test);
	mutex_init(&s->page_lock);
	s->mm = mm;
	s->seed = rng_next(ktest_rng(test));
	for (p = 0; p < SHADOW_PAGES; p++)
		s->page[p] = 1;
	EXPECT_EQ(mmu_interval_notifier_insert(&s->w.sub, mm, 0,
					       PG(SHADOW_PAGES), &shadow_ops),
		  0);
	device = kthread_run(shadow_device, s, "shadow device");
	for (i = 0; i < 2000 && !ktest_failed(test); i++) {
		p = rng_below(ktest_rng(test), SHADOW_PAGES);
		start_of(&range, mm, p, p + 1);
		mutex_lock(&s->page_lock);
		s->page[p]++;
		mutex_unlock(&s->page_lock);
		mutex_lock(&s->w.lock);
		dropped = !s->device[p];
		mutex_unlock(&s->w.lock);
		EXPECT(dropped);
		end_of(&range);
		if (i % 3 == 0)
			yield();
		mutex_lock(&s->page_lock);
		mutex_lock(&s->w.lock);
		current_only = !s->device[p] || s->device[p] == s->page[p];
		mutex_unlock(&s->w.lock);
		mutex_unlock(&s->page_lock);
		EXPECT(current_only);
	}
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(s->installed) > 0));
	atomic_set(&s->stop, 1);
	kthread_join(device);
	mmu_interval_notifier_remove(&s->w.sub);
	kfree(s);
	mmput(mm);
}

/* --- one page of a device, and a change between any two steps of a fault ------------- */

/*
 * The steps of a fault, with room for the adversary before each:
 *
 *	0	begin
 *	1	look the page up
 *	2	take the driver's lock
 *	3	ask for a retry
 *	4	install
 *	5	let the lock go
 *	6
 */
#define FAULT_STEPS 7

struct adversary {
	struct shadow s;
	struct ktest *test;
	struct ktest_step go;
	struct task *task;
};

/* Gives the page another value, as an unmapping and a new fault would. */
static int adversary_body(void *arg)
{
	struct adversary *a = arg;
	struct mmu_notifier_range range;

	step_wait(&a->go, 1);
	start_of(&range, a->s.mm, 0, 1);
	mutex_lock(&a->s.page_lock);
	a->s.page[0]++;
	mutex_unlock(&a->s.page_lock);
	end_of(&range);
	step_signal(&a->go, 2);
	return 0;
}

/* Let it run as far as it gets: to its end, or to the driver's lock. */
static void adversary_strikes(struct adversary *a, bool lock_is_held)
{
	struct ktest *test = a->test;

	step_signal(&a->go, 1);
	if (lock_is_held)
		EXPECT_EQ(ktest_wait_blocked(test, a->task), 0);
	else
		EXPECT_EQ(step_wait(&a->go, 2), 0);
}

/* One fault with the adversary at @at; says whether it installed. */
static bool fault_with_adversary(struct adversary *a, int at)
{
	struct watcher *w = &a->s.w;
	unsigned long seq, found;
	bool retry;

	step_init(&a->go, a->test);
	a->task = kthread_run(adversary_body, a, "adversary");
	if (IS_ERR(a->task)) {
		ktest_fail(a->test, "no memory for a thread");
		return false;
	}
	if (at == 0)
		adversary_strikes(a, false);
	seq = mmu_interval_read_begin(&w->sub);
	if (at == 1)
		adversary_strikes(a, false);
	mutex_lock(&a->s.page_lock);
	found = a->s.page[0];
	mutex_unlock(&a->s.page_lock);
	if (at == 2)
		adversary_strikes(a, false);
	mutex_lock(&w->lock);
	if (at == 3)
		adversary_strikes(a, true);
	retry = mmu_interval_read_retry(&w->sub, seq);
	if (at == 4)
		adversary_strikes(a, true);
	if (!retry)
		a->s.device[0] = found;
	if (at == 5)
		adversary_strikes(a, true);
	mutex_unlock(&w->lock);
	if (at == 6)
		adversary_strikes(a, false);
	kthread_join(a->task);
	return !retry;
}

/*
 * Wherever the change comes, afterwards the device has nothing, or the value
 * that is there; and it need not have begun again unless the change came
 * between begin and the lock. Its lock is one that sleeps, on both sides
 * (R4.21, R4.22, R4.23).
 */
KTEST(mmu_interval, a_change_between_any_two_steps_of_a_fault_leaves_nothing_stale)
{
	struct mm_struct *mm = mm_alloc();
	struct adversary *a;
	int at;

	REQUIRE(mm);
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	REQUIRE(a);
	a->test = test;
	a->s.mm = mm;
	a->s.page[0] = 1;
	watcher_init(&a->s.w, test);
	mutex_init(&a->s.page_lock);
	EXPECT_EQ(mmu_interval_notifier_insert(&a->s.w.sub, mm, 0, PG(1),
					       &shadow_ops),
		  0);
	for (at = 0; at < FAULT_STEPS; at++) {
		bool installed = fault_with_adversary(a, at);

		EXPECT_EQ(installed, at != 1 && at != 2);
		EXPECT(!a->s.device[0] || a->s.device[0] == a->s.page[0]);
		/* The change came after the value was installed: it is gone. */
		EXPECT_EQ(a->s.device[0], at == 0 ? a->s.page[0] : 0UL);
	}
	mmu_interval_notifier_remove(&a->s.w.sub);
	kfree(a);
	mmput(mm);
}

#define ADVERSARIES 3

struct many_adversaries {
	struct shadow s;
	struct atomic left;
};

/* Changes of all sizes, overlapping, nested, some that may not sleep. */
static void one_of_many(struct crew *crew, unsigned int me)
{
	struct many_adversaries *m = crew->arg;
	struct ktest *test = crew->test;
	struct rng rng = rng_init(m->s.seed + me);
	struct mmu_notifier_range outer, inner;
	unsigned long from, to, p, i;
	bool stale;

	for (i = 0; i < 300 && !ktest_failed(test); i++) {
		from = rng_below(&rng, SHADOW_PAGES);
		to = from + 1 + rng_below(&rng, SHADOW_PAGES - from);
		start_of(&outer, m->s.mm, from, to);
		start_of(&inner, m->s.mm, from, from + 1);
		mutex_lock(&m->s.page_lock);
		for (p = from; p < to; p++)
			m->s.page[p]++;
		mutex_unlock(&m->s.page_lock);
		end_of(&inner);
		if (rng_below(&rng, 3) == 0)
			yield();
		mutex_lock(&m->s.w.lock);
		for (p = from, stale = false; p < to; p++)
			stale |= m->s.device[p] != 0;
		mutex_unlock(&m->s.w.lock);
		/* Open until the outer one ends, whatever ends inside (R1.11). */
		EXPECT(!stale);
		end_of(&outer);
	}
	if (atomic_dec_and_test(&m->left))
		atomic_set(&m->s.stop, 1);
}

static void device_or_adversary(struct crew *crew, unsigned int me)
{
	struct many_adversaries *m = crew->arg;

	if (me < ADVERSARIES)
		one_of_many(crew, me);
	else
		(void)shadow_device(&m->s);
}

KTEST(mmu_interval, several_adversaries_and_devices_leave_nothing_stale)
{
	struct mm_struct *mm = mm_alloc();
	struct many_adversaries *m;
	unsigned long p;

	REQUIRE(mm);
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	REQUIRE(m);
	m->s.mm = mm;
	m->s.seed = rng_next(ktest_rng(test));
	atomic_set(&m->left, ADVERSARIES);
	watcher_init(&m->s.w, test);
	mutex_init(&m->s.page_lock);
	for (p = 0; p < SHADOW_PAGES; p++)
		m->s.page[p] = 1;
	EXPECT_EQ(mmu_interval_notifier_insert(&m->s.w.sub, mm, 0,
					       PG(SHADOW_PAGES), &shadow_ops),
		  0);
	crew_run(test, ADVERSARIES + 2, m, device_or_adversary);
	for (p = 0; p < SHADOW_PAGES; p++)
		EXPECT(!m->s.device[p] || m->s.device[p] == m->s.page[p]);
	mmu_interval_notifier_remove(&m->s.w.sub);
	kfree(m);
	mmput(mm);
}
