// SPDX-License-Identifier: MIT
/*
 * kernel/sched/sleep.c - sleep until woken or until a time has come
 *
 * A timed sleep is a sleep with a timer that wakes the sleeper.  Timer and
 * sleeper stand in the sleeper's stack frame, so the frame is not left before
 * timer_cancel_sync() has said that the timer's function is done with them.
 *
 * A timeout that is cut to TIMEOUT_MAX_NS (deadline_ns()) leaves at most that
 * many nanoseconds, so a caller that goes on with the rest never wraps either.
 *
 * Not here: the wake-up itself (kernel/sched/sched.c), conditions (kernel/sched/wait.c).
 */
#include <lib/assert.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/timer.h>

struct sleeper {
	struct timer timer;
	struct task *task;
};

static void sleeper_wake(struct timer *timer)
{
	wake_up_process(container_of(timer, struct sleeper, timer)->task);
}

u64 schedule_timeout_ns(u64 ns)
{
	struct sleeper sleeper = {.task = current};
	u64 deadline = deadline_ns(ns);
	s64 left;

	timer_init(&sleeper.timer, sleeper_wake);
	timer_arm_ns(&sleeper.timer, ns);
	schedule();
	timer_cancel_sync(&sleeper.timer);
	left = (s64)(deadline - clock_ns());
	return left > 0 ? (u64)left : 0;
}

static void sleep_ns(u64 ns)
{
	might_sleep();
	do {
		set_current_state(TASK_UNINTERRUPTIBLE);
		ns = schedule_timeout_ns(ns);
	} while (ns);
}

void msleep(unsigned int ms)
{
	sleep_ns(ms * NSEC_PER_MSEC);
}

void usleep_range(unsigned long min_us, unsigned long max_us)
{
	ASSERT(min_us <= max_us);
	sleep_ns(usec_to_ns(min_us));
}
