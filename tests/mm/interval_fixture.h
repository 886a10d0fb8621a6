/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/interval_fixture.h - interval tests on both of their ways
 *
 * With intervals alone and figures off a start goes start_intervals() and
 * start_hit_alone(), an end end_intervals(); with figures on, as test kernels
 * are, both go the slow way. What is forced here is forced on either.
 */
#ifndef TESTS_MM_INTERVAL_FIXTURE_H
#define TESTS_MM_INTERVAL_FIXTURE_H

#include "notifier_fixture.h"

/** Run a test's body without figures, then with them, as they are at first. */
static inline void figures_off_and_on(struct ktest *test,
				      void (*body)(struct ktest *test))
{
	mmu_notifier_observe(false);
	body(test);
	mmu_notifier_observe(true);
	body(test);
}

static inline struct mmu_notifier_stats stats_of(struct mm_struct *mm)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_read_stats(mm, &stats);
	return stats;
}

#endif
