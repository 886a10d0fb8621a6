// SPDX-License-Identifier: MIT
/*
 * tests/explore/race_interval.c - races of interval subscriptions
 *
 * Each is drawn in mm/notifier/range.c, all.c, interval.c or read.c, with the same name
 * below.
 */
#include "mirror.h"

static struct mirror *mirror;

/* --- range.c: a change that began before the subscription --------------------- */

static void insert_and_fault(void *arg)
{
	mirror_insert(mirror);
	mirror_fault(mirror);
	mirror_use(mirror);
}

static void setup_insert(void)
{
	new_mapping();
	mirror = new_mirror();
	explore_thread("munmap", change_mapping, NULL);
	explore_thread("device", insert_and_fault, NULL);
}

static void finish_mirror(void)
{
	mirror_end(mirror);
	end_mapping();
}

SCENARIO(insert_while_a_range_is_open_makes_the_first_reader_wait, setup_insert,
	 finish_mirror);

/* --- all.c: two first subscribers ---------------------------------------------- */

static struct mirror *second;

static void insert_and_count(void *arg)
{
	mirror_insert(arg);
	explore_check(mmu_notifier_nr_subscriptions(),
		      "a subscription exists and is not counted");
}

static void setup_first(void)
{
	new_mapping();
	mirror = new_mirror();
	second = new_mirror();
	explore_thread("first subscriber", insert_and_count, mirror);
	explore_thread("second subscriber", insert_and_count, second);
}

static void finish_first(void)
{
	mirror_end(second);
	finish_mirror();
}

SCENARIO(a_subscription_that_exists_is_counted, setup_first, finish_first);

/* --- interval.c: a removal and walks ------------------------------------------ */

static void remove_and_free(void *arg)
{
	struct mirror *leaves = arg;

	mmu_interval_notifier_remove(&leaves->sub);
	explore_free(leaves);
}

static void setup_remove(void)
{
	new_mapping();
	mirror = new_mirror();
	mirror_insert(mirror);
	explore_thread("remove", remove_and_free, mirror);
	explore_thread("start", change_mapping, NULL);
	explore_thread("start", change_mapping, NULL);
}

SCENARIO(remove_waits_for_the_walk_and_sees_it_under_the_lock, setup_remove,
	 end_mapping);

static void setup_two_removals(void)
{
	struct mirror *other = new_mirror();

	new_mapping();
	mirror = new_mirror();
	mirror_insert(mirror);
	mirror_insert(other);
	explore_thread("remove A", remove_and_free, mirror);
	explore_thread("start", change_mapping, NULL);
	explore_thread("remove B", remove_and_free, other);
}

SCENARIO(a_removal_that_applies_others_wakes_their_removers, setup_two_removals,
	 end_mapping);

/*
 * A start that may sleep waits until no change is deferred, which callbacks hold up, and
 * open ranges do not. It must be woken also where the deferred insertion is not made but
 * cancelled, by its removal. So the first range stays open until the other has started.
 */
static bool other_started;

static bool has_other_started(void *arg)
{
	return other_started;
}

static void stay_open(void *arg)
{
	struct mmu_notifier_range range;

	start_range(&range);
	explore_until("waits for the other start", has_other_started, NULL);
	mmu_notifier_invalidate_range_end(&range);
}

static void start_and_end(void *arg)
{
	struct mmu_notifier_range range;

	start_range(&range);
	other_started = true;
	mmu_notifier_invalidate_range_end(&range);
}

static void insert_and_remove(void *arg)
{
	mirror_insert(arg);
	remove_and_free(arg);
}

static void setup_cancel(void)
{
	new_mapping();
	mirror = new_mirror();
	mirror_insert(mirror);
	other_started = false;
	explore_thread("start", stay_open, NULL);
	explore_thread("insert, remove", insert_and_remove, new_mirror());
	explore_thread("another start", start_and_end, NULL);
}

SCENARIO(a_cancelled_insertion_wakes_the_start_that_waits_for_it, setup_cancel,
	 finish_mirror);

/* --- read.c: a look-up and a change --------------------------------------------- */

static void fault_and_use(void *arg)
{
	mirror_fault(mirror);
	mirror_use(mirror);
}

static void setup_look_up(void)
{
	new_mapping();
	mirror = new_mirror();
	mirror_insert(mirror);
	explore_thread("device fault", fault_and_use, NULL);
	explore_thread("munmap", change_mapping, NULL);
}

SCENARIO(fault_that_raced_an_unmap_retries, setup_look_up, finish_mirror);

/*
 * With a range that changes nothing, a reader may wait for one range and wake up while
 * a newer one is open, whose callback has stored its number.
 */
static void setup_open_range(void)
{
	setup_look_up();
	explore_thread("range without a change", notify_only, NULL);
}

SCENARIO(read_begin_waits_while_an_overlapping_range_is_open, setup_open_range,
	 finish_mirror);
