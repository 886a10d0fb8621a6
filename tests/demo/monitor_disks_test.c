// SPDX-License-Identifier: MIT
/*
 * tests/demo/monitor_disks_test.c - what the monitor says of disks
 */
#include <block/block.h>
#include <kernel/ktest.h>
#include <kernel/monitor.h>
#include <lib/printk.h>
#include <lib/string.h>

static char text[4096];

static const char *disks(void)
{
	char line[] = "disks";

	monitor_divert(text, sizeof(text));
	monitor_execute(line);
	monitor_divert(NULL, 0);
	return text;
}

KTEST(monitor_disks, a_disk_is_shown_by_its_name_with_what_it_has_done,
      KT_FLAGS(KT_NEEDS_DISK))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	struct block_counters counters;
	char wanted[64];

	EXPECT_EQ(block_flush(disk), 0);
	block_read_counters(disk, &counters);
	EXPECT(strstr(disks(), KTEST_DISK ": alive, "));
	scnprintf(wanted, sizeof(wanted), "flushes %lu\n",
		  counters.ops[BLOCK_FLUSH]);
	EXPECT(strstr(text, wanted));
}

KTEST(monitor_disks, without_a_disk_it_says_how_to_give_one)
{
	if (block_count()) {
		ktest_skip(test, "there are disks");
		return;
	}
	EXPECT(strstr(disks(), "run-qemu --disk"));
}
