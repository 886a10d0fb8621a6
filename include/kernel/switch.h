/* SPDX-License-Identifier: MIT */
/*
 * switch.h - the order of the tasks, chosen by a seed
 *
 * A kernel with RACE can leave the running task at any marked access, for a task that a
 * seed chooses.  kernel/race/switch.c does; in a kernel without RACE nothing of it is
 * there.
 */
#ifndef KERNEL_SWITCH_H
#define KERNEL_SWITCH_H

#include <lib/types.h>

/**
 * struct switch_counts - what a seed did
 * @switches: tasks that were left for another one
 * @delays: tasks that were held up
 * @order: a hash of when, where and for which task; the same orders have the same
 */
struct switch_counts {
	unsigned long switches;
	unsigned long delays;
	u64 order;
};

#ifdef CONFIG_RACE

/**
 * switch_seed() - the seed that was asked for
 * @seed: the number behind switch= on the command line, or 0
 *
 * Context: any, after kernel_main() parsed the line.
 * Return: 0; -EINVAL or -ERANGE when it is no number.
 */
int switch_seed(u64 *seed);

/**
 * switch_active() - does a seed choose?
 *
 * For tests of the order that the clock gives.
 *
 * Context: any.
 */
bool switch_active(void);

/**
 * switch_begin() - from now on the seed chooses
 * @seed: each number is another order
 *
 * Context: thread.
 * Return: false, and nothing is done, when another seed chooses already.
 */
bool switch_begin(u64 seed);

/**
 * switch_end() - no longer
 * @counts: what happened since switch_begin()
 *
 * Context: thread.
 */
void switch_end(struct switch_counts *counts);

/**
 * switch_chooses() - has the seed said which task comes next?
 * @waiting: how many wait for this CPU
 * @which: the one that is chosen, counted from 0
 *
 * Context: the scheduler, with interrupts off.
 * Return: false when the scheduler chooses itself.
 */
bool switch_chooses(unsigned int waiting, unsigned int *which);

#else

static inline int switch_seed(u64 *seed)
{
	*seed = 0;
	return 0;
}

static inline bool switch_active(void)
{
	return false;
}

static inline bool switch_begin(u64 seed)
{
	return false;
}

static inline void switch_end(struct switch_counts *counts)
{
	*counts = (struct switch_counts){0};
}

static inline bool switch_chooses(unsigned int waiting, unsigned int *which)
{
	return false;
}

#endif
#endif
