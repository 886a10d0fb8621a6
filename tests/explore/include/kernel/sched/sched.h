/* SPDX-License-Identifier: MIT */
/*
 * kernel/sched/sched.h under the explorer: a task is a thread of the scenario
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include <lib/errno.h>
#include <lib/list.h>
#include <kernel/lock/spinlock.h>

struct mm_struct;

#define TASK_RUNNING         0x00U
#define TASK_UNINTERRUPTIBLE 0x02U
#define TASK_KILLABLE        0x04U

struct task {
	unsigned int state;
	struct mm_struct *mm;
	unsigned int pagefault_disabled;
};

struct task *explore_task(void);
#define current explore_task()

/* A step behind the store, as in the kernel a full barrier is. */
#define set_current_state(value)                   \
	do {                                       \
		WRITE_ONCE(current->state, value); \
		smp_mb();                          \
	} while (0)
#define __set_current_state(value) ((void)(current->state = (value)))

/* Sleeps until wake_up_process() has made the state RUNNING. */
void schedule(void);
bool wake_up_process(struct task *task);

static inline bool fatal_signal_pending(const struct task *task)
{
	return false;
}

#endif
