// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_interval_test.c - intervals come, are told, read and go as R4 says
 *
 * Every test makes an address space of its own and raises ranges by hand, as
 * the operations of mm/ do. Drawings count pages.
 *
 * Over 600 lines because one test file goes with one source, and every rule of
 * its sections has its test here. Beside it: mmu_interval_passes_test.c (two
 * passes, refusals), mmu_interval_device_test.c (devices and adversaries).
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

KTEST_F(mmu_interval, without_memory_insert_is_ENOMEM_and_leaves_nothing,
	KT_NEEDS_DEBUG)
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
