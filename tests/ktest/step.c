// SPDX-License-Identifier: MIT
/*
 * tests/ktest/step.c - force an interleaving
 *
 * Problem.  A race that is left to chance is tested by chance.  A sleep makes
 * the wanted order likely on one machine and wrong on the next.
 *
 * Idea.  A step is a number that only grows.  Each side of the race signals
 * how far it is and waits for how far the other must be:
 *
 *	fault				munmap
 *	seq = read_begin()
 *	step_signal(&s, 1)
 *					step_wait(&s, 1)
 *					unmap
 *					step_signal(&s, 2)
 *	step_wait(&s, 2)
 *	read_retry() must be true
 *
 * Waiting polls and gives way: no wait queue, so the locks under test see no
 * lock of the harness beside them, and a step works where nothing may sleep.
 * Ten seconds (half of a test's limit) without the signal fail the test, and
 * the waiter goes on, so that both sides come to an end and the failure is
 * printed with its name. A test that has failed waits one second only: all its
 * waits together have to fit its deadline.
 *
 *	field		read with		written with
 *	reached		acquire			a cmpxchg that only raises it
 *
 * Lifetime: the step outlives both sides; it usually lies on the stack of the
 * test, which joins its threads.
 */
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <arch/cpu.h>

#include "ktest_private.h"

/* A student who breaks the kernel on purpose waits for this failure. */
#define HINT " (a wait has half of DEADLINE=)"

DEFINE_TRACE_EVENT(ktest_step, "step n", "step %p comes to %lu");
DEFINE_TRACE_EVENT(ktest_came, "step n",
		   "the wait for %p to come to %lu is over");

void step_init(struct ktest_step *step, struct ktest *test)
{
	step->test = test;
	atomic_set(&step->reached, 0);
}

void step_signal(struct ktest_step *step, int n)
{
	int seen = atomic_read(&step->reached);

	/* Before the other side can go on, so that its records are younger. */
	OBSERVE(ktest_step, step, n);
	/* A full barrier; pairs with the one in came_to(). */
	while (seen < n) {
		int found = atomic_cmpxchg(&step->reached, seen, n);

		if (found == seen)
			break;
		seen = found;
	}
}

static bool came_to(struct ktest_step *step, int n)
{
	if (!step_reached(step, n))
		return false;
	/* Pairs with step_signal(): what it announces is seen after this. */
	smp_mb();
	OBSERVE(ktest_came, step, n);
	return true;
}

/* When to give up waiting. */
static u64 patience(struct ktest *test)
{
	return clock_ns() + ktest_wait_ns(test);
}

static int timed_out(struct ktest_step *step, int n)
{
	ktest_fail(step->test, "no side came to step %d in time, only to %d" HINT,
		   n, atomic_read(&step->reached));
	return -ETIMEDOUT;
}

int step_wait(struct ktest_step *step, int n)
{
	u64 deadline = patience(step->test);

	while (!came_to(step, n)) {
		if (clock_ns() > deadline)
			return timed_out(step, n);
		yield();
	}
	return 0;
}

int step_spin(struct ktest_step *step, int n)
{
	u64 deadline = patience(step->test);

	while (!came_to(step, n)) {
		if (clock_ns() > deadline)
			return timed_out(step, n);
		cpu_relax();
	}
	return 0;
}

int ktest_wait_blocked(struct ktest *test, struct task *task)
{
	u64 deadline = patience(test);

	while (!task_is_sleeping(task)) {
		if (READ_ONCE(task->state) == TASK_DEAD) {
			ktest_fail(test,
				   "task %s has ended; it should have gone to sleep",
				   task->name);
			return -ESRCH;
		}
		if (clock_ns() > deadline) {
			ktest_fail(test,
				   "task %s did not go to sleep in time" HINT,
				   task->name);
			return -ETIMEDOUT;
		}
		yield();
	}
	return 0;
}

bool ktest_poll_again(struct ktest *test, u64 *deadline,
		      const struct ktest_site *site)
{
	if (!*deadline) {
		*deadline = patience(test);
	} else if (clock_ns() > *deadline) {
		atomic_inc(&test->failures);
		ktest_print("# FAIL %s:%u never in time: %s" HINT "\n",
			    site->file, site->line, site->left);
		return false;
	}
	yield();
	return true;
}
