// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_deferred_test.c - what is deferred while a walk is in the tree
 *
 * Of the tree's own list, which another notifier need not have (options.mk); what a
 * driver sees of it is in mmu_interval_insert_test.c and mmu_interval_remove_test.c.
 */
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

unsigned int counted_waiters(const struct mm_struct *mm)
{
	return subscriptions_of(mm)->nr_waiting;
}

/*
 * The test plays the walk: it counts itself, and later looks at the list.
 *
 *	walk			remover of A		remover of B
 *	walkers = 1
 *				deferred; sleeps
 *	walkers = 0
 *							takes A and B out
 *	nothing is deferred
 *				returns (must be true: no other thread wakes it)
 */
KTEST(mmu_interval, a_removal_that_applies_others_wakes_their_removers,
      KT_RULES("R4.13 R4.14 R4.15"))
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

static bool seen(const struct mmu_notifier_sub_info *info, void *arg)
{
	*(const void **)arg = info->interval;
	return true;
}

/* Of the list that the monitor prints: B is no subscription before the walk is over. */
KTEST(mmu_interval, an_insertion_that_is_deferred_is_not_shown_before_it_is_done)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_subscriptions *subs;
	const void *last = NULL;
	struct watcher a, b;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	subs = subscriptions_of(mm);
	atomic_inc(&subs->walkers);
	EXPECT_EQ(watch(&b, mm, 4, 8), 0);
	EXPECT_EQ(b.sub.state, (unsigned int)INTERVAL_ADDING);
	EXPECT_EQ(mmu_notifier_for_each_sub(mm, seen, &last), 1UL);
	EXPECT_EQ(last, &a.sub);
	EXPECT(atomic_dec_and_test(&subs->walkers));
	unwatch(&b);
	EXPECT_EQ(mmu_notifier_for_each_sub(mm, seen, &last), 1UL);
	unwatch(&a);
	EXPECT_EQ(mmu_notifier_for_each_sub(mm, seen, &last), 0UL);
	EXPECT(mmu_notifier_verify(mm));
	mmput(mm);
}
