// SPDX-License-Identifier: MIT
/*
 * tests/ktest/hang.c - a test that does not end ends the run, with a reason
 *
 * Problem.  A test that hangs holds locks and threads; nothing that ran after
 * it would mean anything.  Silence until the host gives up says nothing.
 *
 * Idea.  A kernel timer is armed for each test, on every CPU, for the CPU that
 * hangs with interrupts off may be any.  The first that fires prints the stack
 * of every CPU (by NMI, so that a CPU that spins with interrupts off answers
 * too) and of every task, the test is `not ok`, the run bails out and the
 * machine leaves with EXIT_FAIL.  A panic, too, is the test's that ran.
 *
 * When no CPU takes interrupts, the host's own limit (scripts/run-qemu) ends
 * the run, with an NMI that brings the stacks.
 *
 * The host runs the remaining tests in a new boot (scripts/meant.py).
 *
 * A wait that reports that it takes long (wait_event_reporting()) looks at its
 * condition again then, and so survives a lost wake-up. While a test runs, no wait
 * takes long before the deadline: a lost wake-up is a hang. A test of these reports
 * sets wait_long_ns for itself.
 *
 *	field		written by		read by
 *	current_test	runner, timer not armed	timer, panic
 *	current_number	the same		the same
 *	limit_ns	runner, before the run	any
 *	usual_long_ns	runner			runner
 *	given_up	one timer, by exchange	the timers
 */
#include <lib/cpumask.h>
#include <lib/panic.h>
#include <lib/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/sched/wait.h>
#include <kernel/timer.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/stacktrace.h>

#include "ktest_private.h"

static DEFINE_PER_CPU(struct timer, deadline_timer);
static atomic_t given_up;
static struct ktest *current_test;
static unsigned int current_number;
static u64 usual_long_ns; /* wait_long_ns outside of tests */
static u64 limit_ns = KTEST_SECONDS * KTEST_SLOWER * NSEC_PER_SEC;

void ktest_limit_set(u64 seconds)
{
	limit_ns = seconds * KTEST_SLOWER * NSEC_PER_SEC;
}

u64 ktest_deadline_ns(const struct ktest_case *tcase)
{
	return (tcase->flags & KT_SLOW ? KTEST_SLOW_FACTOR : 1) * limit_ns;
}

u64 ktest_grace_ns(void)
{
	return limit_ns / 2;
}

u64 ktest_wait_ns(const struct ktest *test)
{
	return limit_ns / (atomic_read(&test->failures) ? 20 : 2);
}

static void print_not_ok(const char *why)
{
	const struct ktest_case *tcase = current_test->tcase;

	ktest_print("not ok %u %s.%s # %s\n", current_number, tcase->suite,
		    tcase->name, why);
}

static void panicked(void)
{
	print_not_ok("the kernel panicked");
}

static void deadline_passed(struct timer *timer)
{
	const struct ktest_case *tcase = current_test->tcase;

	if (atomic_xchg(&given_up, 1))
		return;
	ktest_print("# FAIL %s.%s hung: not done after %lu s\n", tcase->suite,
		    tcase->name,
		    (ktest_deadline_ns(tcase) + ktest_grace_ns()) / NSEC_PER_SEC);
	stack_trace_print(NULL);
	smp_backtrace_others();
	sched_print_tasks();
	ktest_trace_print(current_test);
	panic_tell(NULL);
	print_not_ok("hung");
	ktest_print("Bail out! %s.%s hung\n", tcase->suite, tcase->name);
	machine_exit(EXIT_FAIL);
}

static void arm_here(void *delta_ns)
{
	struct timer *timer = this_cpu_ptr(&deadline_timer);

	timer_init(timer, deadline_passed);
	timer_arm_ns(timer, *(u64 *)delta_ns);
}

void ktest_deadline_arm(struct ktest *test, unsigned int number)
{
	u64 delta_ns = ktest_deadline_ns(test->tcase) + ktest_grace_ns();

	current_test = test;
	current_number = number;
	usual_long_ns = wait_long_ns;
	WRITE_ONCE(wait_long_ns, 2 * delta_ns);
	panic_tell(panicked);
	on_each_cpu(arm_here, &delta_ns, SMP_WAIT);
}

void ktest_deadline_cancel(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		timer_cancel_sync(&per_cpu(deadline_timer, cpu));
	WRITE_ONCE(wait_long_ns, usual_long_ns);
	panic_tell(NULL);
}
