// SPDX-License-Identifier: MIT
/*
 * demo/contest_alone.c - the contest's device side, when there can be none
 *
 * In a kernel without MMU_NOTIFIER nobody can be told that a mapping changes,
 * and without DEVICE_PRIVATE no page can be taken from the CPUs: no device may
 * share an address space.  Nobody plays; the CPUs and the thread that changes
 * the neighbouring pages do what they always do (options.mk).
 */
#include <kernel/sched/sched.h>

#include "contest.h"

static int nobody_begins(struct contest_round *round)
{
	return 0;
}

/* The round is over when the CPUs have come as far as a device should have. */
static int nobody_plays(struct contest_round *round)
{
	while ((u64)atomic64_read(&round->cpu_operations) < round->goal &&
	       !atomic_read(&round->error))
		msleep(10);
	return 0;
}

static void nobody_ends(struct contest_round *round)
{
}

static void nobody_leaves(struct contest_round *round)
{
}

const struct contest_player contest_stand_in = {
	.name = "nobody",
	.adds = false,
	.begin = nobody_begins,
	.play = nobody_plays,
	.end = nobody_ends,
	.leave = nobody_leaves,
};
