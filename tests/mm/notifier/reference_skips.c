// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/reference_skips.c - tests that the reference notifier need not pass
 *
 * Problem.  Some tests state what the usual notifier spares, or look at how it does
 * it. The reference notifier (mm/notifier/reference/) does neither.
 *
 * Idea.  This is the list of them, each with its reason. Whole files that are about
 * parts that it does not have are left out by options.mk.
 *
 * Locks: none. Not here: a test of behaviour; the reference notifier passes those.
 */
#include "notifier_fixture.h"

/* It counts none: each end wakes whoever waits. */
unsigned int counted_waiters(const struct mm_struct *mm)
{
	return 0;
}

/* The readers of a new interval wait for ranges that overlap it, and for no other. */
KTEST_SKIP(mmu_interval,
	   the_first_section_waits_once_for_what_was_open_at_the_insertion,
	   "its reader does not wait: the range does not overlap the interval");
KTEST_SKIP(mmu_interval,
	   an_insertion_while_another_settles_waits_one_period_longer,
	   "there are no grace periods");

/* No insertion is deferred, and no removal makes a start wait. */
KTEST_SKIP(mmu_interval, insert_during_a_walk_is_deferred_until_the_walk_ends,
	   "an insertion is not deferred");
KTEST_SKIP(mmu_interval, a_reader_of_a_deferred_insertion_waits_for_the_walk,
	   "an insertion is not deferred");
KTEST_SKIP(mmu_interval,
	   a_start_that_gave_way_to_an_insertion_goes_on_when_that_leaves,
	   "a start gives way to nothing");
KTEST_SKIP(mmu_interval, a_start_gives_way_to_a_removal_that_waits,
	   "a start gives way to nothing");

/* A subscriber that leaves waits for its own callbacks, not for a walk. */
KTEST_SKIP(mmu_notifier_paths, a_walk_survives_the_unlinking_of_where_it_stands,
	   "a subscriber that is not being called leaves at once");

/* The list has every open range, not only those that overlap an interval. */
KTEST_SKIP(mmu_notifier_checks,
	   a_start_in_the_place_of_a_forgotten_range_names_it,
	   "every start in the place of a forgotten range is refused");

/* The cost of an operation. */
KTEST_SKIP(mmu_interval, with_intervals_only_no_plain_list_is_walked,
	   "cost: both lists are walked");
KTEST_SKIP(mmu_notifier_locks, with_plain_subscribers_a_pair_takes_none,
	   "cost: each callback takes the lock");
KTEST_SKIP(mmu_notifier_locks,
	   a_pair_that_overlaps_nothing_takes_one_on_any_number_of_cpus,
	   "cost: start and end take the lock");
KTEST_SKIP(mmu_notifier_locks,
	   a_pair_that_overlaps_takes_two_on_any_number_of_cpus,
	   "cost: each callback takes the lock");
