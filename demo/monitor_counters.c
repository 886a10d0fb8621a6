// SPDX-License-Identifier: MIT
/*
 * demo/monitor_counters.c - what memory management has done since boot
 *
 * The counters are each CPU's own, and the command prints their sums: of the faults, of the
 * walks of the reverse map, and of the calls on address spaces.
 *
 * Not here: counters of subscriptions (`subs`), of the device (`peer`).
 */
#include <kernel/monitor.h>
#include <mm/fault/fault.h>
#include <mm/rmap/walk.h>
#include <mm/space/counters.h>

static void print_faults(void)
{
	struct fault_counters c;

	fault_read_counters(&c);
	monitor_print(
		"  faults   zero page %lu  fresh page %lu  zero page replaced %lu\n"
		"           reused %lu  copied %lu  restored %lu  restore lost %lu\n"
		"           waited %lu  spurious %lu\n"
		"           of objects %lu  made writable %lu\n",
		c.zero_page, c.fresh_page, c.zero_replaced, c.reused, c.copied,
		c.restored, c.restore_lost, c.waited, c.spurious, c.object_page,
		c.object_write);
}

static void print_walks(void)
{
	struct rmap_counters c;

	rmap_read_counters(&c);
	monitor_print(
		"  walks    of pages %lu  regions looked at %lu  entries found %lu  left out %lu\n",
		c.walks, c.regions, c.found, c.busy);
}

static void print_calls(void)
{
	struct space_counters c;

	space_read_counters(&c);
	monitor_print(
		"  calls    advices %lu  pages freed lazily %lu  populated %lu\n"
		"           found used %lu  write marks cleared %lu\n"
		"           mappings resized or moved %lu  breaks moved %lu  stacks grown %lu\n"
		"           refused by a limit on pages %lu\n",
		c.advices, c.lazyfreed, c.populated, c.young, c.cleared,
		c.remaps, c.brks, c.grown, c.refused);
}

static int counters_command(int argc, char **argv)
{
	print_faults();
	print_walks();
	print_calls();
	return 0;
}
MONITOR_CMD(counters, "", "faults, walks and calls since boot", counters_command);
