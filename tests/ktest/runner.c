// SPDX-License-Identifier: MIT
/*
 * tests/ktest/runner.c - choose the tests, run each alone, print KTAP
 *
 * Problem.  Hundreds of tests share one kernel.  Each must be judged by what
 * it did, replay by itself from a printed seed, and not bring down the others
 * when it fails.
 *
 * Idea.  Every test runs in a kernel thread of its own while the runner waits.
 * The thread checks on its way out that it left no lock held, interrupts on
 * and the preemption count at zero; the runner then compares what reports were
 * printed and what memory and tasks there are (state.c).  Output is KTAP:
 *
 *	KTAP version 1
 *	# seed 42, CPUs 4, devices 1
 *	1..2
 *	# start list.added_entries_are_walked_in_order
 *	ok 1 list.added_entries_are_walked_in_order # 0.1 ms
 *	# start list.a_deleted_entry_is_not_walked
 *	not ok 2 list.a_deleted_entry_is_not_walked # 0.1 ms
 *
 * The host knows from the image which tests were meant, and from the line
 * `# start` which test ran when a boot ended early. It then boots again with
 * `resume=N`: the first N tests of the selection are left out.
 *
 * A failed test is followed by the trace records made since it began.
 *
 * A test may print reports only when flagged KT_EXPECT_REPORT; the line
 * `# report expected: NAME` tells the host's scripts so.
 *
 *	result of a test	when
 *	not ok			an expectation, a figure or a count is wrong; it
 *				had to be rescued from a wait (KTEST_RESCUE)
 *	ok ... # SKIP why	it said so itself, or needs what is not there
 *	ok			otherwise
 *	not ok, Bail out!	it hung (hang.c)
 *	Bail out!		memory is no longer whole; a device died
 *
 * Only one run at a time: the monitor and the run mode share the thread that
 * boots, and nothing else calls ktest_run().
 */
#include <lib/cmdline.h>
#include <kernel/sched/completion.h>
#include <lib/cpumask.h>
#include <lib/init.h>
#include <kernel/lock/lockdep.h>
#include <lib/panic.h>
#include <lib/assert.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <kernel/reports.h>
#include <kernel/sched/sched.h>
#include <kernel/switch.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <arch/cpu.h>
#include <block/block.h>
#include <drivers/peer.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/stack_depth.h>
#include <mm/alloc/slab.h>

#include "ktest_private.h"

#define NAME_MAX 160

CMDLINE_KEY("test", "tests to run: a pattern for suite.name (mode=test)");
CMDLINE_KEY("repeat", "how often the selected tests run (mode=test)");
CMDLINE_KEY("seed", "of random tests; one run's output names it (mode=test)");
CMDLINE_KEY("resume", "tests that an earlier boot has run (mode=test)");
CMDLINE_KEY("deadline", "seconds that a test may take (mode=test)");

/* Of one failed test. */
#define TRACE_RECORDS 48

/* Of the orders of tasks; 0: none was asked for. */
static u64 order_seed;

DEFINE_TRACE_EVENT(ktest_start, "suite test", "%s.%s");

struct ktest_totals {
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
};

static void full_name(const struct ktest_case *tcase, char *buf)
{
	scnprintf(buf, NAME_MAX, "%s.%s", tcase->suite, tcase->name);
}

/* Is @name itself, without a wildcard, one of the patterns? */
static bool named(const char *name, const char *globs)
{
	size_t len = strlen(name);
	const char *p;

	for (p = globs; (p = strstr(p, name)); p++)
		if ((p == globs || p[-1] == ',') &&
		    (p[len] == '\0' || p[len] == ','))
			return true;
	return false;
}

static bool selected(const struct ktest_case *tcase, const char *globs)
{
	char name[NAME_MAX];

	full_name(tcase, name);
	if ((tcase->flags & KT_BY_NAME_ONLY) && !named(name, globs))
		return false;
	return glob_match(globs, name);
}

/* So that a test draws the same numbers alone and in the crowd. */
static u64 seed_of(const struct ktest_case *tcase, u64 seed)
{
	char name[NAME_MAX];
	const char *c;

	full_name(tcase, name);
	for (c = name; *c; c++)
		seed = (seed ^ (u8)*c) * 0x100000001b3UL;
	return seed;
}

static const char *reason_to_skip(const struct ktest_case *tcase)
{
	const struct ktest_skip *skip;
	char name[NAME_MAX];

	full_name(tcase, name);
	for (skip = __ktest_skip_start; skip < __ktest_skip_end; skip++) {
		if (!strcmp(skip->name, name))
			return skip->reason;
	}
	if ((tcase->flags & KT_NEEDS_PEER) && !peer_present())
		return "no peer device";
	if ((tcase->flags & KT_NEEDS_DISK) && !block_find(KTEST_DISK))
		return "no disk";
	if ((tcase->flags & KT_NEEDS_SMP) && num_online_cpus() < 2)
		return "only one CPU";
	if ((tcase->flags & KT_NEEDS_NOTIFIER) && !IS_ENABLED(CONFIG_MMU_NOTIFIER))
		return "a kernel without MMU_NOTIFIER";
	if ((tcase->flags & KT_NEEDS_DEBUG) && !IS_ENABLED(CONFIG_DEBUG))
		return "a kernel without DEBUG";
	if ((tcase->flags & KT_NEEDS_LOCKDEP) && !IS_ENABLED(CONFIG_LOCKDEP))
		return "a kernel without LOCKDEP";
	if ((tcase->flags & KT_NEEDS_DEVICE_PRIVATE) &&
	    !IS_ENABLED(CONFIG_DEVICE_PRIVATE))
		return "a kernel without DEVICE_PRIVATE";
	return NULL;
}

/* The thread that ran the body must leave none of this behind. */
static void check_context(struct ktest *test)
{
	unsigned int held = lockdep_task_held_count();

	if (irqs_disabled()) {
		local_irq_enable();
		ktest_fail(test, "ended with interrupts off");
	}
	if (preempt_count() != 0)
		ktest_fail(test, "ended with preemption count %#x",
			   preempt_count());
	if (held)
		ktest_fail(test, "ended with %u locks held", held);
	if (current->mm)
		ktest_fail(test, "ended with an address space in use");
}

/* A test and whether its thread has done with it. */
struct ktest_thread {
	struct ktest *test;
	struct completion done;
};

static int test_thread(void *arg)
{
	struct ktest_thread *thread = arg;

	thread->test->tcase->fn(thread->test);
	ktest_cleanup_all(thread->test);
	check_context(thread->test);
	complete(&thread->done);
	return 0;
}

/* It waits, but not in a step: see KTEST_RESCUE(). */
static void rescue(struct ktest_thread *thread)
{
	void (*const *fn)(void);

	ktest_fail(thread->test,
		   "not done in %lu s (DEADLINE= changes that): its waits are cut short",
		   ktest_deadline_ns(thread->test->tcase) / NSEC_PER_SEC);
	do {
		for (fn = __ktest_rescue_start; fn < __ktest_rescue_end; fn++)
			(*fn)();
	} while (!wait_for_completion_timeout_ns(&thread->done, KTEST_RESCUE_NS));
}

static void run_in_thread(struct ktest *test)
{
	struct ktest_thread thread = {.test = test};
	struct task *task;

	init_completion(&thread.done);
	task = kthread_run(test_thread, &thread, "ktest/%s", test->tcase->suite);
	if (IS_ERR(task)) {
		ktest_fail(test, "no thread for it: %pE", (void *)task);
		return;
	}
	if (!wait_for_completion_timeout_ns(&thread.done,
					    ktest_deadline_ns(test->tcase)))
		rescue(&thread);
	kthread_join(task);
}

/* As run_in_thread(); where switch= was given, in an order that it chose. */
static void run_in_order(struct ktest *test)
{
	struct switch_counts counts;

	if (!order_seed || !switch_begin(seed_of(test->tcase, order_seed))) {
		run_in_thread(test);
		return;
	}
	run_in_thread(test);
	switch_end(&counts);
	ktest_note("switch=%lu: %lu switches, %lu delays, order %016lx",
		   order_seed, counts.switches, counts.delays, counts.order);
}

static void check_reports(struct ktest *test, unsigned long printed)
{
	if (test->tcase->flags & KT_EXPECT_REPORT) {
		if (!printed && !test->skip_reason)
			ktest_fail(test, "the report it expects never came");
	} else if (printed) {
		ktest_fail(test, "%lu reports were printed", printed);
	}
}

void ktest_trace_print(const struct ktest *test)
{
	trace_dump_since(test->began, TRACE_RECORDS,
			 "# trace of this test, its last records:\n", "#   ");
}

static void print_result(struct ktest *test, unsigned int number, u64 took,
			 struct ktest_totals *totals)
{
	const struct ktest_case *tcase = test->tcase;
	u64 micros = took / 1000;

	if (ktest_failed(test)) {
		totals->failed++;
		ktest_print("not ok %u %s.%s # %lu.%03lu ms\n", number,
			    tcase->suite, tcase->name, micros / 1000,
			    micros % 1000);
	} else if (test->skip_reason) {
		totals->skipped++;
		ktest_print("ok %u %s.%s # SKIP %s\n", number, tcase->suite,
			    tcase->name, test->skip_reason);
	} else {
		totals->passed++;
		ktest_print("ok %u %s.%s # %lu.%03lu ms\n", number, tcase->suite,
			    tcase->name, micros / 1000, micros % 1000);
	}
}

static void run_one(const struct ktest_case *tcase, unsigned int number,
		    u64 seed, struct ktest_totals *totals)
{
	struct ktest test = {.tcase = tcase};
	unsigned long printed;
	u64 began, took = 0;

	test.seed = seed_of(tcase, seed);
	test.rng = rng_init(test.seed);
	test.skip_reason = reason_to_skip(tcase);
	if (!test.skip_reason) {
		ktest_note("start %s.%s", tcase->suite, tcase->name);
		test.began = rdtsc();
		TRACE(ktest_start, tcase->suite, tcase->name);
		if (tcase->flags & KT_EXPECT_REPORT)
			ktest_note("report expected: %s.%s", tcase->suite,
				   tcase->name);
		ktest_state_mark();
		printed = reports_printed();
		ktest_deadline_arm(&test, number);
		began = clock_ns();
		run_in_order(&test);
		took = clock_ns() - began;
		check_reports(&test, reports_printed() - printed);
		/* Looking at its leftovers may hang or panic: still this test. */
		ktest_state_compare(&test);
		ktest_devices_compare(&test);
		ktest_deadline_cancel();
		if (ktest_failed(&test)) {
			ktest_trace_print(&test);
			ktest_note("seed of this round: %lu", seed);
			if (tcase->rules)
				ktest_note("states %s", tcase->rules);
		}
	}
	print_result(&test, number, took, totals);
}

unsigned long ktest_count(const char *globs)
{
	const struct ktest_case *tcase;
	unsigned long count = 0;

	for_each_ktest(tcase)
		count += selected(tcase, globs);
	return count;
}

/* One time through the selection; ends early, with an error, without a device. */
static int run_round(const char *globs, unsigned long *skip, u64 seed,
		     unsigned int *number, struct ktest_totals *totals)
{
	const struct ktest_case *tcase;

	for_each_ktest(tcase) {
		if (!selected(tcase, globs))
			continue;
		if (*skip) {
			--*skip;
			continue;
		}
		run_one(tcase, ++*number, seed, totals);
		if (ktest_devices_lost()) {
			ktest_print("Bail out! a device died, noticed after "
				    "%s.%s\n",
				    tcase->suite, tcase->name);
			return -EIO;
		}
	}
	return 0;
}

int ktest_run(const char *globs, unsigned long repeat, u64 seed,
	      unsigned long done)
{
	struct ktest_totals totals = {0};
	bool whole = !done;
	unsigned long count, round;
	unsigned int number = 0;

	if (!globs || !*globs)
		globs = "*";
	if (!repeat)
		repeat = 1;
	count = ktest_count(globs) * repeat;
	done = min(done, count);
	ktest_devices_begin();
	ktest_print("KTAP version 1\n# seed %lu, CPUs %u, devices %u\n1..%lu\n",
		    seed, num_online_cpus(), ktest_devices(), count - done);
	for (round = 0; round < repeat; round++)
		if (run_round(globs, &done, seed + round, &number, &totals))
			return -EIO;
	ktest_note("%u passed, %u failed, %u skipped", totals.passed,
		   totals.failed, totals.skipped);
	kernel_stack_measure_live();
	stack_depth_print();
	ktest_devices_ping();
	if (ktest_devices_lost()) {
		ktest_print("Bail out! a device died, noticed after the last "
			    "test\n");
		return -EIO;
	}
	if (!page_alloc_verify() || !slab_verify()) {
		ktest_print("Bail out! memory is no longer whole\n");
		return -EIO;
	}
	if (!number)
		return -ENOENT;
	/* After an early end, all tests that are left may be skipped ones. */
	return totals.failed || (whole && !totals.passed) ? -EIO : 0;
}

static int test_mode(void)
{
	u64 repeat, seed, done, seconds;

	if (cmdline_get_u64("repeat", 1, &repeat) ||
	    cmdline_get_u64("seed", 1, &seed) ||
	    cmdline_get_u64("resume", 0, &done) ||
	    cmdline_get_u64("deadline", KTEST_SECONDS, &seconds) || !seconds ||
	    seconds > KTEST_SECONDS_MAX || switch_seed(&order_seed)) {
		ktest_print("Bail out! repeat=, seed=, resume=, deadline= and "
			    "switch= are numbers\n");
		return EXIT_FAIL;
	}
	ktest_limit_set(seconds);
	return ktest_run(cmdline_get("test"), repeat, seed, done) ? EXIT_FAIL
								  : EXIT_PASS;
}
RUN_MODE("test", test_mode);
