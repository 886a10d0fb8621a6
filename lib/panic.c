// SPDX-License-Identifier: MIT
/*
 * lib/panic.c - the end, and what nearly was
 *
 * The first CPU to panic owns the end; another that panics meanwhile halts and
 * is shown like the rest.  The order is chosen so that what matters comes out
 * even if a later step fails: the words, our registers and stack, the locks
 * we hold, the other CPUs' stacks, the tasks, the last trace records.  From the
 * locks on these are reports: functions that the validator, the scheduler and the
 * trace register with PANIC_REPORT(), called in the order of enum panic_step.  A
 * panic inside a panic prints its words and leaves at once.
 *
 * A WARN is a printk with a stack; it is counted and the count is what makes
 * a test run fail, so it says so even when nobody reads the log.
 */
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/stack.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/stacktrace.h>

#define NOBODY        (-1)
#define STACK_ENTRIES 24

static int panic_cpu = NOBODY;
static void (*last_words)(void);
static atomic_t warns;

bool panic_in_progress(void)
{
	return READ_ONCE(panic_cpu) != NOBODY;
}

static void __printf(1, 2) say(const char *fmt, ...)
{
	/* Only the one panicking CPU comes here. */
	static char line[256];
	va_list args;

	va_start(args, fmt);
	console_raw_write(line,
			  (size_t)vscnprintf(line, sizeof(line), fmt, args));
	va_end(args);
}

static void stop_other_cpus(void)
{
	smp_backtrace_others();
	smp_stop_all();
}
PANIC_REPORT(PANIC_CPUS, stop_other_cpus);

static void __noreturn __printf(2, 0)
	panic_now(struct trap_regs *regs, const char *fmt, va_list args)
{
	static char words[192];
	panic_report_t const *report;
	struct task *task;
	int me, first;

	local_irq_disable();
	me = (int)smp_processor_id();
	first = cmpxchg(&panic_cpu, NOBODY, me);
	if (first != NOBODY && first != me)
		arch_halt_forever();
	console_panic();
	vscnprintf(words, sizeof(words), fmt, args);
	if (first == me) {
		say("panic in panic: %s\n", words);
		machine_exit(EXIT_PANIC);
	}

	task = this_cpu_read(current_task);
	say("\nKERNEL PANIC: %s\n", words);
	say("CPU %d, task %s (%u), preempt count %#x\n", me,
	    task ? task->name : "none", task ? task->pid : 0, preempt_count());
	if (regs)
		dump_regs(regs);
	stack_trace_print(regs);
	for (report = __panic_report_start; report < __panic_report_end; report++)
		(*report)();
	if (READ_ONCE(last_words))
		READ_ONCE(last_words)();
	say("end of panic: %s\n", words);
	machine_exit(EXIT_PANIC);
}

void panic_tell(void (*fn)(void))
{
	WRITE_ONCE(last_words, fn);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	panic_now(NULL, fmt, args);
}

void panic_with_regs(struct trap_regs *regs, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	panic_now(regs, fmt, args);
}

void assert_failed(const char *expr, const char *file, int line, const char *func)
{
	panic("assertion %s failed at %s:%d in %s()", expr, file, line, func);
}

void assert_eq_failed(const char *a, const char *b, unsigned long va,
		      unsigned long vb, const char *file, int line)
{
	panic("assertion %s == %s failed at %s:%d: %#lx is not %#lx", a, b,
	      file, line, va, vb);
}

void print_stack(enum log_level level, unsigned int skip)
{
	unsigned long entries[STACK_ENTRIES];
	unsigned int n, i;

	n = stack_trace_save(entries, STACK_ENTRIES, skip + 1);
	for (i = 0; i < n; i++)
		printk(level, "  %pS", (void *)entries[i]);
}

void warn_report(const char *file, int line, const char *func, const char *fmt,
		 ...)
{
	char words[160];
	va_list args;

	atomic_inc(&warns);
	va_start(args, fmt);
	vscnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	pr_err("WARNING: %s (%s:%d in %s(), CPU %u)", words, file, line, func,
	       smp_processor_id());
	print_stack(LOG_ERR, 1);
}

unsigned int warn_count(void)
{
	return (unsigned int)atomic_read(&warns);
}
