// SPDX-License-Identifier: MIT
/*
 * demo/contest_alone.c - the contest's device side, in a kernel without one
 *
 * Without MMU_NOTIFIER no driver can be notified that a mapping changes, and without
 * DEVICE_PRIVATE no page can be taken from the CPUs: no device may share an address
 * space (options.mk). The device's side does nothing; the CPUs and the thread that
 * changes the neighbouring pages do the same as ever.
 */
#include <kernel/sched/sched.h>

#include "contest.h"

static int alone_begin(struct contest_round *round)
{
	return 0;
}

/* The round ends when the CPUs have done as much as a device should. */
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
