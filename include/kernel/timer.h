/* SPDX-License-Identifier: MIT */
/*
 * timer.h - call a function later
 *
 * A timer is queued on the CPU that arms it and its function runs there, in
 * the timer interrupt, not before its time and soon after.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include <lib/heap.h>
#include <lib/compiler.h>

/**
 * struct timer
 * @node: place in a CPU's heap; its key is the time of expiry
 * @cpu: whose heap; all are guarded by that CPU's timer lock
 * @armed: in the heap
 */
struct timer {
	struct heap_node node;
	unsigned int cpu;
	bool armed;
	void (*fn)(struct timer *timer);
};

/** timer_init() - @fn runs in hard interrupt context, interrupts off */
void timer_init(struct timer *timer, void (*fn)(struct timer *timer));

/**
 * timer_arm_ns() - have the function called @delta_ns from now
 * @timer: an initialised timer
 * @delta_ns: nanoseconds; above TIMEOUT_MAX_NS (146 years) counts as that
 *
 * An armed timer is moved.  The function itself may arm its timer again.
 *
 * Context: any but NMI.
 * Return: true when it was armed before.
 */
bool timer_arm_ns(struct timer *timer, u64 delta_ns);

/**
 * timer_cancel() - take it back; its function may still be running
 *
 * Return: true when it was armed.
 */
bool timer_cancel(struct timer *timer);

/**
 * timer_cancel_sync() - take it back and wait until its function is done
 *
 * The caller sees to it that nobody arms it again, the function included.
 *
 * Context: thread; holds no lock that the function takes.
 * Return: true when it was armed.
 */
bool timer_cancel_sync(struct timer *timer);

static inline bool timer_pending(const struct timer *timer)
{
	return READ_ONCE(timer->armed);
}

/** timers_run() - call what is due on this CPU; from the timer interrupt */
void timers_run(void);

#endif
