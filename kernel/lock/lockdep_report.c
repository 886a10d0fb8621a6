// SPDX-License-Identifier: MIT
/*
 * kernel/lock/lockdep_report.c - the reports of the lock validator
 *
 * Problem.  The validator finds a mistake in the middle of a lock, with interrupts off,
 * and maybe on several CPUs at a time; printing takes a while and may take locks that
 * the validator watches.
 *
 * Idea.  A report is put together in one buffer, under a raw lock, and printed
 * after that lock is released.  A CPU that finds another one printing counts its
 * report and goes on.  A test that breaks a rule on purpose has reports kept
 * instead of printed, and reads the last.
 *
 *	report is		counted		printed		kept
 *	expected by a test	no		no		the last
 *	one of PRINTED_LIMIT	yes		yes		no
 *	a later one		yes		no		no
 *
 *	field			guarded by
 *	report_text, expected	report_lock, interrupts off
 *	printing_busy		set under report_lock; cleared by its setter
 *
 * report_lock is raw and a leaf: the validator does not watch it.  Not here: what is
 * reported (lockdep_check.c, lockdep.c, lockdep_sleep.c).
 */
#include <lib/atomic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/sched/sched.h>
#include <lib/stack.h>

#include "kernel/lock/internal.h"

#define REPORT_SIZE   2048
#define PRINTED_LIMIT 50U

static struct raw_spinlock report_lock = RAW_SPINLOCK_INIT;
static char report_text[REPORT_SIZE];
static size_t report_len;
static bool expecting;
static unsigned int expected;
static char expected_text[REPORT_SIZE];
static atomic_t report_count;

void lockdep_report_add(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_len += (size_t)vscnprintf(report_text + report_len,
					 REPORT_SIZE - report_len, fmt, args);
	va_end(args);
}

void lockdep_report_begin(const char *what)
{
	raw_spin_acquire(&report_lock);
	report_len = 0;
	lockdep_report_add("LOCKDEP: %s\n", what);
	lockdep_report_add(" task %s (%u) on CPU %u\n", current->name,
			   current->pid, smp_processor_id());
}

static void print_lines(char *text)
{
	while (*text) {
		char *end = strchr(text, '\n');

		if (end)
			*end = '\0';
		pr_err("%s", text);
		if (!end)
			break;
		text = end + 1;
	}
}

/* Interrupts are off, and stay so until the text is out of the buffer. */
void lockdep_report_end(void)
{
	static char printing[REPORT_SIZE];
	static bool printing_busy;
	bool print = false;

	if (expecting) {
		expected++;
		memcpy(expected_text, report_text, report_len + 1);
	} else if (atomic_inc_return(&report_count) <= (int)PRINTED_LIMIT &&
		   !printing_busy) {
		memcpy(printing, report_text, report_len + 1);
		printing_busy = true;
		print = true;
	}
	raw_spin_release(&report_lock);
	if (!print)
		return;
	print_lines(printing);
	print_stack(LOG_ERR, 2);
	WRITE_ONCE(printing_busy, false);
}

unsigned int lockdep_report_count(void)
{
	return (unsigned int)atomic_read(&report_count);
}

void lockdep_reports_keep(void) __no_thread_safety
{
	unsigned long flags;

	raw_spin_lock_irqsave(&report_lock, flags);
	expecting = true;
	expected = 0;
	expected_text[0] = '\0';
	raw_spin_unlock_irqrestore(&report_lock, flags);
}

unsigned int lockdep_reports_kept(char *buf, size_t size) __no_thread_safety
{
	unsigned long flags;
	unsigned int n;

	raw_spin_lock_irqsave(&report_lock, flags);
	expecting = false;
	n = expected;
	if (buf)
		strscpy(buf, expected_text, size);
	raw_spin_unlock_irqrestore(&report_lock, flags);
	return n;
}
