/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/sleep_fixture.h - what the tests of who may sleep share
 *
 * A range whose start and end reports name, and a subscription to be got that is
 * one object, so that a report is of its free or of nobody's.
 */
#ifndef TESTS_MM_SLEEP_FIXTURE_H
#define TESTS_MM_SLEEP_FIXTURE_H

#include "notifier_fixture.h"
#include "report_words.h"
#include <kernel/lockdep.h>

/*
 * Out of line, and with something after the call, that reports name them. They
 * call the notifiers themselves: a helper between the two is named in their place
 * by a compiler that does not inline it (clang, gcc -Og).
 */
static noinline void begin_range(struct mmu_notifier_range *range,
				 struct mm_struct *mm)
{
	range_of(range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(range);
	barrier();
}

static noinline int begin_nonblock(struct mmu_notifier_range *range,
				   struct mm_struct *mm)
{
	int ret;

	range_of(range, mm, 0, 1);
	ret = mmu_notifier_invalidate_range_start_nonblock(range);
	barrier();
	return ret;
}

static noinline void finish_range(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
	barrier();
}

static struct mmu_notifier got;
static unsigned int got_freed; /* since it was made */

static struct mmu_notifier *got_alloc(struct mm_struct *mm)
{
	memset(&got, 0, sizeof(got));
	got_freed = 0;
	return &got;
}

#endif
