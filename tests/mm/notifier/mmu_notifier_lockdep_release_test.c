// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_lockdep_release_test.c - release is a callback (R5.8)
 *
 * Exit and unregister each wait for a release that the other runs. So the rules
 * of start and end hold for it:
 *
 *	the release			another thread
 *	takes mmap_lock			starts a range with it held
 *	allocates and may wait		reclaims, and so waits for it
 *	takes L				unregisters with L held
 *
 * Each is tried with both that have it run; the last the other way round too,
 * where the release comes second.
 */
#include "bad_driver.h"

/* The call that runs the release. */
enum runner {
	BY_UNREGISTER,
	BY_EXIT,
	NR_RUNNERS,
};

/* A driver of no interval, whose release does @what. */
static bool releasing_begin(struct ktest *test, struct bad_driver *bad,
			    void (*what)(struct bad_driver *bad))
{
	if (!bad_begin(test, bad))
		return false;
	mmu_interval_notifier_remove(&bad->sub);
	bad->in_release = what;
	return true;
}

/* The second call finds the release over. Then the driver is gone, and its mm. */
static void run_release(struct bad_driver *bad, enum runner by)
{
	if (by == BY_EXIT)
		mmput(bad->mm);
	mmu_notifier_unregister(&bad->plain, bad->mm);
	if (by == BY_UNREGISTER)
		mmput(bad->mm);
}

KTEST(mmu_notifier_lockdep, a_release_that_takes_mmap_lock_is_reported,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;
	int by;

	for (by = 0; by < NR_RUNNERS; by++) {
		if (!releasing_begin(test, &bad, take_mmap_lock))
			return;
		lockdep_expect_begin();
		run_release(&bad, by);
		EXPECT_ONE_REPORT(
			"opposite order", TAKES(MMAP_LOCK, "take_mmap_lock"),
			WHILE_HOLDING(MAP_NAME, "notifier_call_release"),
			MAP_IS_TAKEN_UNDER_MMAP_LOCK);
	}
}

static noinline void get_memory(struct bad_driver *bad)
{
	kfree(kmalloc(64, GFP_KERNEL));
}

KTEST(mmu_notifier_lockdep, a_release_that_allocates_and_may_wait_is_reported,
      KT_RULES("R5.3 R5.7"))
{
	struct bad_driver bad;
	int by;

	for (by = 0; by < NR_RUNNERS; by++) {
		if (!releasing_begin(test, &bad, get_memory))
			return;
		lockdep_expect_begin();
		run_release(&bad, by);
		EXPECT_ONE_REPORT(
			"same class", TAKES(MAP_NAME, "get_memory"),
			WHILE_HOLDING(MAP_NAME, "notifier_call_release"));
	}
}

/* --- a lock that is held where one waits for releases ------------------------- */

static DEFINE_MUTEX(held_at_unregister);

static noinline void take_held_at_unregister(struct bad_driver *bad)
{
	mutex_lock(&held_at_unregister);
	mutex_unlock(&held_at_unregister);
}

/*
 *	exit				unregister, of another
 *	release() takes the lock
 *					with the lock held
 */
KTEST(mmu_notifier_lockdep, unregister_under_a_lock_of_release_is_reported,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;

	if (!releasing_begin(test, &bad, take_held_at_unregister))
		return;
	lockdep_expect_begin();
	run_release(&bad, BY_EXIT);
	EXPECT_NO_REPORT();
	if (!releasing_begin(test, &bad, NULL))
		return;
	lockdep_expect_begin();
	mutex_lock(&held_at_unregister);
	mmu_notifier_unregister(&bad.plain, bad.mm);
	mutex_unlock(&held_at_unregister);
	EXPECT_ONE_REPORT(
		"opposite order", TAKES(MAP_NAME, "mmu_notifier_unregister"),
		WHILE_TEST_HOLDS("held_at_unregister"),
		WAS_TAKEN("held_at_unregister", "take_held_at_unregister"),
		UNDER(MAP_NAME, "notifier_call_release"));
	mmput(bad.mm);
}

static DEFINE_MUTEX(held_while_leaving);

static noinline void take_held_while_leaving(struct bad_driver *bad)
{
	mutex_lock(&held_while_leaving);
	mutex_unlock(&held_while_leaving);
}

static noinline void leave_with_it_held(struct bad_driver *bad)
{
	mutex_lock(&held_while_leaving);
	mmu_notifier_unregister(&bad->plain, bad->mm);
	mutex_unlock(&held_while_leaving);
}

/*
 *	unregister			exit, or unregister, of another
 *	with the lock held
 *					release() takes the lock
 */
KTEST(mmu_notifier_lockdep,
      a_release_that_takes_a_lock_held_at_unregister_is_reported,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;
	int by;

	if (!releasing_begin(test, &bad, NULL))
		return;
	lockdep_expect_begin();
	leave_with_it_held(&bad);
	mmput(bad.mm);
	EXPECT_NO_REPORT();
	for (by = 0; by < NR_RUNNERS; by++) {
		if (!releasing_begin(test, &bad, take_held_while_leaving))
			return;
		lockdep_expect_begin();
		run_release(&bad, by);
		EXPECT_ONE_REPORT(
			"opposite order",
			TAKES("held_while_leaving", "take_held_while_leaving"),
			WHILE_HOLDING(MAP_NAME, "notifier_call_release"),
			WAS_TAKEN(MAP_NAME, "mmu_notifier_unregister"),
			UNDER("held_while_leaving", "leave_with_it_held"));
	}
}

/* --- the good one --------------------------------------------------------------- */

static DEFINE_MUTEX(only_for_callbacks);
static unsigned int good_releases;

/* May sleep: the one allocation that it may not make is one that waits. */
static void release_well(struct bad_driver *bad)
{
	might_sleep();
	mutex_lock(&only_for_callbacks);
	kfree(kmalloc(64, GFP_NOWAIT));
	good_releases++;
	mutex_unlock(&only_for_callbacks);
}

/* Other code holds the lock too, but not where it waits for the release. */
KTEST(mmu_notifier_lockdep, a_release_that_takes_a_lock_of_its_own_is_good,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;
	int by;

	good_releases = 0;
	for (by = 0; by < NR_RUNNERS; by++) {
		if (!releasing_begin(test, &bad, release_well))
			return;
		lockdep_expect_begin();
		mutex_lock(&only_for_callbacks);
		EXPECT_EQ(good_releases, (unsigned int)by);
		mutex_unlock(&only_for_callbacks);
		run_release(&bad, by);
		EXPECT_NO_REPORT();
	}
	EXPECT_EQ(good_releases, (unsigned int)NR_RUNNERS);
}
