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

static int alone_begin(struct contest_round *round)
{
	return 0;
}

/* The round is over when the CPUs have come as far as a device should have. */
static int alone_play(struct contest_round *round)
{
	while ((u64)atomic64_read(&round->cpu_operations) < round->goal &&
	       !atomic_read(&round->error))
		msleep(10);
	return 0;
}

static void alone_end(struct contest_round *round)
{
}

static void alone_leave(struct contest_round *round)
{
}

const struct contest_player contest_stand_in = {
	.name = "nobody",
	.adds = false,
	.begin = alone_begin,
	.play = alone_play,
	.end = alone_end,
	.leave = alone_leave,
};
