// SPDX-License-Identifier: MIT
/*
 * demo/monitor_disks.c - which disks there are, and what they have done
 *
 * Not here: reading or writing a disk by hand.
 */
#include <block/block.h>
#include <kernel/monitor.h>

static void print_disk(struct block_disk *disk)
{
	const struct block_limits *limits = block_limits(disk);
	struct block_counters c;

	block_read_counters(disk, &c);
	monitor_print(
		"  %s: %s, %lu sectors, blocks of %u bytes, %u segments%s%s\n",
		block_name(disk), block_alive(disk) ? "alive" : "dead",
		(unsigned long)limits->sectors, limits->block_bytes,
		limits->segments, limits->cached ? ", cached" : "",
		limits->read_only ? ", read-only" : "");
	monitor_print(
		"    done     reads %lu (%lu sectors)  writes %lu (%lu sectors)  "
		"flushes %lu\n",
		c.ops[BLOCK_READ], c.sectors[BLOCK_READ], c.ops[BLOCK_WRITE],
		c.sectors[BLOCK_WRITE], c.ops[BLOCK_FLUSH]);
	monitor_print("    failed   %lu  refused %lu  timed out %lu  lies %lu  resets "
		      "%lu\n",
		      c.failed, c.refused, c.timed_out, c.lies, c.resets);
	monitor_print("    notified %lu  full %lu  flushes held back %lu\n",
		      c.notified, c.full, c.held_back);
}

static int disks_command(int argc, char **argv)
{
	unsigned int i;

	if (!block_count())
		monitor_print(
			"  no disk: run-qemu --disk 16M,serial=NAME gives one\n");
	for (i = 0; i < block_count(); i++)
		print_disk(block_get(i));
	return 0;
}
MONITOR_CMD(disks, "", "the disks and what they have done", disks_command);
