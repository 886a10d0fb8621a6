// SPDX-License-Identifier: MIT
/*
 * demo/monitor_kernel.c - monitor commands that show the kernel and the device
 *
 * Each command prints what a subsystem reports and computes little. In a build
 * without the subsystem (tests in a release build, the lock validator) it says so.
 *
 * Not here: address spaces (monitor_mm.c), the contest (contest.c).
 */
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <kernel/lock/lockdep.h>
#include <kernel/monitor.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <arch/cpu.h>
#include <drivers/peer.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/huge.h>

#include "contest.h"

#define TRACE_DEFAULT 32

static int locks_command(int argc, char **argv)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP)) {
		monitor_print(
			"this build has no lock validator; BUILD=test has\n");
		return 0;
	}
	monitor_print("NAME/N is the lock class NAME at nesting level N, which is 0 "
		      "but for a lock\ntaken inside another of its class; then "
		      "its kind, its first use, and the classes\nthat may be "
		      "taken while it is held\n");
	lockdep_dump();
	return 0;
}
MONITOR_CMD(locks, "", "lock classes and the order in which they are taken",
	    locks_command);

static int trace_command(int argc, char **argv)
{
	unsigned long count = TRACE_DEFAULT;

	if (argc > 1 && (kstrtoul(argv[1], 0, &count) || !count))
		return -EINVAL;
	trace_dump_last((unsigned int)min(count, 0xfffffffful));
	return 0;
}
MONITOR_CMD(trace, "[N]", "the last records of all CPUs", trace_command);

static int tasks_command(int argc, char **argv)
{
	sched_print_tasks();
	return 0;
}
MONITOR_CMD(tasks, "", "all tasks and where they wait", tasks_command);

static unsigned long frames_to_mib(unsigned long frames)
{
	return frames / (1024 * 1024 / PAGE_SIZE);
}

static void print_huge(void)
{
	struct huge_counters huge;

	huge_read_counters(&huge);
	monitor_print("  pages of 2 MiB since boot: %lu faulted in, %lu reads of "
		      "zeroes, %lu fallbacks to small pages, %lu made writable\n",
		      huge.faulted, huge.zero_page, huge.fallback, huge.reused);
	monitor_print("  their entries: %lu split, the page too %lu times, not %lu "
		      "times; collapses: %lu done, %lu refused\n",
		      huge.split, huge.page_split, huge.page_kept,
		      huge.collapsed, huge.collapse_failed);
}

static int memory_command(int argc, char **argv)
{
	unsigned long free = nr_free_pages();
	unsigned long total = nr_total_pages();

	monitor_print("  frames of 4 KiB: %lu free (%lu MiB), %lu used (%lu MiB), "
		      "of %lu that the kernel manages\n",
		      free, frames_to_mib(free), total - free,
		      frames_to_mib(total - free), total);
	print_huge();
	return 0;
}
MONITOR_CMD(memory, "", "how much of the RAM is free, and huge pages",
	    memory_command);

static int peer_command(int argc, char **argv)
{
	unsigned int i;
	char text[512];

	if (!IS_ENABLED(CONFIG_PEER)) {
		monitor_print("this build has no driver for the device\n");
		return 0;
	}
	if (!peer_count())
		monitor_print("  no peer: started with PEER=none?\n");
	for (i = 0; i < peer_count(); i++) {
		peer_describe(peer_get(i), text, sizeof(text));
		monitor_print("%s", text);
	}
	return 0;
}
MONITOR_CMD(peer, "", "the devices and what they have done", peer_command);

/* Tests restart the device, so first see whether any test would run. */
static int test_command(int argc, char **argv)
{
	if (!IS_ENABLED(CONFIG_KTEST)) {
		monitor_print("this build has no tests; BUILD=test has\n");
		return 0;
	}
	if (!ktest_count(argv[1])) {
		monitor_print("no test matches '%s'\n", argv[1]);
		return -ENOENT;
	}
	if (contest_forget())
		monitor_print("the contest's address space ends: tests restart "
			      "the device\n");
	return ktest_run(argv[1], 1, rdtsc(), 0);
}
MONITOR_CMD(test, "GLOB",
	    "run the tests whose suite.name matches; ends the contest's mm",
	    test_command);
