/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/sleep_fixture.h - what the tests of who may sleep share
 *
 * A range whose start and end reports name, and a subscription to be got that is
 * one object, so that a report is of its free or of nobody's.
 */
#ifndef TESTS_MM_NOTIFIER_SLEEP_FIXTURE_H
#define TESTS_MM_NOTIFIER_SLEEP_FIXTURE_H

#include "notifier_fixture.h"
#include "report_words.h"
#include <kernel/lock/lockdep.h>

/* Out of line, that reports name them. */
static noinline void begin_range(struct mmu_notifier_range *range,
				 struct mm_struct *mm)
{
	start_of(range, mm, 0, 1);
}

static noinline int begin_nonblock(struct mmu_notifier_range *range,
				   struct mm_struct *mm)
{
	return start_nonblock_of(range, mm, 0, 1);
}

static noinline void finish_range(struct mmu_notifier_range *range)
{
	end_of(range);
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
