// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_remove_test.c - intervals that go while callbacks run
 *
 * When remove has returned no callback runs or will, so the object is poisoned
 * or gone then (R4.13 to R4.16); each test here without statistics and with them.
 */
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

KTEST(mmu_interval, remove_of_a_deferred_insertion_does_not_wait,
      KT_RULES("R4.13 R4.14 R4.15"))
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
 *	pages     0 1 2 3 4 5 6 7 8
 *	watch a   [-------]		its callback sleeps
 *	watch b           [-------]
 *	watch s                   [-]	deferred
 *
 *	walk of [0,4)		driver of s		start of [4,8)
 *	callback of a
 *				insert: deferred
 *							gives way, sleeps
 *				remove: was not in
 *							goes on beside the walk
 *	callback returns		(must: the list is empty, and no walk
 *					that ends wakes anybody)
 */
KTEST(mmu_interval,
      a_start_that_gave_way_to_an_insertion_goes_on_when_that_leaves,
      KT_RULES("R4.13 R4.14 R4.15"))
{
	struct mm_struct *mm = mm_alloc();
	struct changer first, second;
	struct watcher a, b, s;
	struct ktest_step step;

	REQUIRE(mm);
	step_init(&step, test);
	watcher_init(&a, test);
	watcher_init(&b, test);
	watcher_init(&s, test);
	a.step = &step;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	EXPECT_EQ(watch(&b, mm, 4, 8), 0);
	changer_run(&first, mm, 0, 4, NULL);
	step_wait(&step, 1);
	EXPECT_EQ(watch(&s, mm, 8, 9), 0);
	changer_run(&second, mm, 4, 8, NULL);
	EXPECT_EQ(ktest_wait_blocked(test, second.task), 0);
	EXPECT_EQ(READ_ONCE(b.calls), 0U);
	unwatch(&s);
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(b.calls) == 1));
	EXPECT(!step_reached(&step, 2));
	step_signal(&step, 2);
	kthread_join(first.task);
	kthread_join(second.task);
	EXPECT_EQ(stats_of(mm).yielded, 1UL);
	EXPECT_EQ(s.calls, 0U);
	EXPECT_EQ(counted_waiters(mm), 0U);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

/*
 *	range				remover
 *	start: callback of A runs
 *					remove A: deferred, sleeps
 *	callback returns: A goes out
 *					returns, A may be freed
 */
KTEST(mmu_interval, remove_waits_for_the_walk_and_sees_it_under_the_lock,
      KT_RULES("R4.13 R4.14 R4.15"))
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

/* No callback runs between the walk and the end, so there is no need to wait. */
KTEST(mmu_interval, remove_between_start_and_end_does_not_wait,
      KT_RULES("R4.13 R4.14 R4.15"))
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
KTEST(mmu_interval, a_start_gives_way_to_a_removal_that_waits,
      KT_RULES("R4.13 R4.14 R4.15"))
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

KTEST(mmu_interval, remove_works_after_exit, KT_RULES("R4.7 R4.16"))
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

static int exiter_body(void *arg)
{
	mmput(arg);
	return 0;
}

/*
 * Reading, the test holds mmap_lock, so that exit comes no further than to its
 * UNMAP before the object is poisoned.
 *
 *	exit				remover of a
 *	RELEASE: callback of a
 *					deferred, sleeps
 *	callback returns: a out
 *					returns; a is poisoned
 *	UNMAP: b is notified, a is not
 */
KTEST(mmu_interval, a_removal_amid_RELEASE_waits_for_it_and_hears_no_UNMAP,
      KT_RULES("R4.16"))
{
	struct mm_struct *mm = mm_alloc();
	struct task *exiter, *remover;
	struct ktest_step step;
	struct watcher a, b;

	REQUIRE(mm);
	step_init(&step, test);
	watcher_init(&a, test);
	watcher_init(&b, test);
	a.step = &step;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	EXPECT_EQ(watch(&b, mm, 4, 8), 0);
	mmgrab(mm);
	mmap_read_lock(mm);
	exiter = kthread_run(exiter_body, mm, "exiter");
	step_wait(&step, 1);
	EXPECT_EQ(a.event, MMU_NOTIFY_RELEASE);
	remover = kthread_run(remover_body, &a, "remover");
	EXPECT_EQ(ktest_wait_blocked(test, remover), 0);
	EXPECT_EQ(a.sub.state, (unsigned int)INTERVAL_REMOVING);
	step_signal(&step, 2);
	kthread_join(remover);
	memset(&a.sub, 0x6b, sizeof(a.sub));
	EXPECT_EQ(ktest_wait_blocked(test, exiter), 0);
	EXPECT_EQ(b.event, MMU_NOTIFY_RELEASE);
	mmap_read_unlock(mm);
	kthread_join(exiter);
	EXPECT_EQ(a.calls, 1U);
	EXPECT_EQ(b.calls, 2U);
	EXPECT_EQ(b.event, MMU_NOTIFY_UNMAP);
	EXPECT_EQ(stats_of(mm).deferred_removes, 1UL);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&b);
	mmdrop(mm);
}
