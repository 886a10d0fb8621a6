// SPDX-License-Identifier: MIT
/*
 * kernel/lock/lockdep_sleep.c - may this task sleep here?
 *
 * Problem.  A path that sleeps where it must not seldom does: the page is there, the
 * lock is free.  On the day it sleeps, the CPU's other tasks wait for a spinlock
 * that nobody releases.
 *
 * Idea.  Each path that may sleep says so first, with might_sleep(), whether or not it
 * will; schedule() says it as well.  Both are reported
 *
 *	in an interrupt, and with interrupts off
 *	with preemption off: under a spinlock, in an RCU section
 *	in a non-block section: a callback of a range that may not block
 *
 * Before the scheduler runs nothing can sleep, and nothing is reported.
 *
 *	field				guarded by
 *	task->lockdep.non_block, .sleep_told
 *					the task alone
 *
 * Not here: a sleeping lock taken in an interrupt (lockdep.c).
 */
#include <lib/preempt.h>
#include <kernel/sched/sched.h>
#include <arch/cpu.h>

#include "kernel/lock/internal.h"

static void report_sleep(const char *what, const char *file, int line,
			 unsigned long ip)
{
	struct lockdep_task *ld = &current->lockdep;
	bool irqs_off = irqs_disabled();
	u32 count = preempt_count();
	unsigned long flags;

	local_irq_save(flags);
	lockdep_report_begin(what);
	lockdep_report_add(" %s:%d in %pS\n preempt count %#x, interrupts %s, "
			   "non-block depth %u\n",
			   file, line, (void *)ip, count,
			   irqs_off ? "off" : "on", ld->non_block);
	if (ld->non_block)
		lockdep_report_add("  in the non-block section opened at %pS\n",
				   (void *)ld->non_block_ip);
	lockdep_report_held(current);
	lockdep_report_end();
	local_irq_restore(flags);
}

static bool may_not_sleep(void)
{
	return sched_running() && !lockdep_rests() &&
	       unlikely(preempt_count() || current->lockdep.non_block ||
			irqs_disabled());
}

/*
 * One report for one mistake: a task that was reported is not reported again, for the
 * wait that it announced or for the next, until it has slept where it may.
 */
static void check_sleep(const char *what, const char *file, int line,
			unsigned long ip)
{
	struct lockdep_task *ld = &current->lockdep;
	bool wrong = may_not_sleep();

	if (unlikely(wrong) && !ld->sleep_told)
		report_sleep(what, file, line, ip);
	ld->sleep_told = wrong;
}

void lockdep_might_sleep(const char *file, int line)
{
	check_sleep("sleeping where one must not", file, line,
		    (unsigned long)__builtin_return_address(0));
}

void lockdep_note_schedule(void)
{
	check_sleep("scheduling where one must not", __FILE__, __LINE__,
		    (unsigned long)__builtin_return_address(0));
}

void non_block_start(void)
{
	struct lockdep_task *ld = &current->lockdep;

	if (ld->non_block++)
		return;
	ld->non_block_ip = (unsigned long)__builtin_return_address(0);
	ld->sleep_told = false;
}

void non_block_end(void)
{
	struct lockdep_task *ld = &current->lockdep;

	if (ld->non_block)
		ld->non_block--;
	else
		lockdep_assert_failed("a non-block section is open", __FILE__,
				      __LINE__);
}
