/* SPDX-License-Identifier: MIT */
/*
 * kernel/sched/wait.h under the explorer: sleepers and wake-ups
 *
 * Each wake-up is a new generation. A sleeper reads the generation before it looks at
 * its condition, and sleeps until there is another one: so no wake-up is lost that
 * comes behind the look.
 */
#ifndef KERNEL_SCHED_WAIT_H
#define KERNEL_SCHED_WAIT_H

#include <kernel/sched/sched.h>

struct wait_queue_head {
	unsigned long generation;
};

#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name = {0}
#define init_waitqueue_head(wq)       ((void)((wq)->generation = 0))
#define wake_up_all(wq)               explore_wake(&(wq)->generation)

#define wait_event(wq, cond)                                               \
	do {                                                               \
		unsigned long wait_gen_ = explore_look(&(wq)->generation); \
		if (cond)                                                  \
			break;                                             \
		explore_sleep(&(wq)->generation, wait_gen_);               \
	} while (1)
/* No time passes here: no wait takes long. */
#define wait_event_reporting(wq, cond, report) \
	do {                                   \
		if (0)                         \
			report;                \
		wait_event(wq, cond);          \
	} while (0)

#endif
