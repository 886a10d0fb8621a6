// SPDX-License-Identifier: MIT
/*
 * block/disk.c - disks and their names
 *
 * Problem.  Which disk is which? The order in which they are found changes with each slot
 * of the machine.
 *
 * Idea.  A disk is named by its serial number, which the device tells. It is input like
 * any other: up to 20 bytes, without an end, perhaps the same for two disks. Where it is
 * no name, the name is `disk` and a number; a serial number that looks like such a name is
 * none either.
 *
 * Disks are made at boot and never freed, so pointers to them need no reference. The table
 * only grows: a reader sees the count, and all that lies below it.
 *
 *	field		read with		write with
 *	disks[i]	i < nr_disks		one driver at a time, at boot
 *	nr_disks	acquire			release, the same
 *
 * Not here: requests (request.c), time limits and resets (watch.c).
 */
#include <kernel/workqueue.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <lib/string.h>

#include "internal.h"

#define NUMBERED "disk"

static struct block_disk *disks[BLOCK_DISKS];
static unsigned int nr_disks;

static_assert(BLOCK_SERIAL_BYTES < BLOCK_NAME_BYTES,
	      "a serial number and the 0 behind it");

int block_disk_init(struct block_disk *disk, const struct block_disk_ops *ops,
		    const struct block_limits *limits)
{
	memset(disk, 0, sizeof(*disk));
	disk->ops = ops;
	disk->limits = *limits;
	disk->limit_ns = BLOCK_LIMIT_NS;
	strscpy(disk->name, "a new disk", sizeof(disk->name));
	spin_lock_init(&disk->lock);
	INIT_LIST_HEAD(&disk->waiting);
	INIT_LIST_HEAD(&disk->held);
	INIT_DELAYED_WORK(&disk->watch, block_watch);
	INIT_WORK(&disk->lie, block_lie);
	disk->watcher = alloc_workqueue("block", 1);
	return disk->watcher ? 0 : -ENOMEM;
}

void block_disk_destroy(struct block_disk *disk)
{
	unsigned long flags;

	ASSERT(!disk->nr_held && list_empty(&disk->waiting));
	spin_lock_irqsave(&disk->lock, flags);
	WRITE_ONCE(disk->state, BLOCK_DEAD); /* an interrupt queues no work */
	spin_unlock_irqrestore(&disk->lock, flags);
	cancel_work_sync(&disk->lie);
	cancel_delayed_work_sync(&disk->watch);
	destroy_workqueue(disk->watcher);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Its length up to the first 0; 0 if it is no name. */
static size_t serial_length(const char *serial)
{
	size_t length;

	for (length = 0; length < BLOCK_SERIAL_BYTES && serial[length]; length++) {
		if (serial[length] <= ' ' || serial[length] > '~')
			return 0;
	}
	if (length > strlen(NUMBERED) &&
	    !strncmp(serial, NUMBERED, strlen(NUMBERED)) &&
	    is_digit(serial[strlen(NUMBERED)]))
		return 0;
	return length;
}

void block_choose_name(char *name, const char *serial, unsigned int number)
{
	size_t length = serial_length(serial);

	memcpy(name, serial, length);
	name[length] = '\0';
	if (!length || block_find(name))
		scnprintf(name, BLOCK_NAME_BYTES, NUMBERED "%u", number);
}

int block_disk_register(struct block_disk *disk, const char *serial)
{
	if (nr_disks == BLOCK_DISKS)
		return -ENOSPC;
	block_choose_name(disk->name, serial, nr_disks);
	disks[nr_disks] = disk;
	/* Pairs with the acquire in block_count(). */
	smp_store_release(&nr_disks, nr_disks + 1);
	return 0;
}

unsigned int block_count(void)
{
	return smp_load_acquire(&nr_disks);
}

struct block_disk *block_get(unsigned int index)
{
	return index < block_count() ? disks[index] : NULL;
}

struct block_disk *block_find(const char *name)
{
	unsigned int i, count = block_count();

	for (i = 0; i < count; i++) {
		if (!strcmp(disks[i]->name, name))
			return disks[i];
	}
	return NULL;
}

const char *block_name(const struct block_disk *disk)
{
	return disk->name;
}

const struct block_limits *block_limits(const struct block_disk *disk)
{
	return &disk->limits;
}

bool block_alive(const struct block_disk *disk)
{
	return READ_ONCE(disk->state) != BLOCK_DEAD;
}

void block_read_counters(struct block_disk *disk, struct block_counters *to)
{
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	*to = disk->counters;
	spin_unlock_irqrestore(&disk->lock, flags);
}

u64 block_set_limit(struct block_disk *disk, u64 ns)
{
	unsigned long flags;
	u64 before;

	spin_lock_irqsave(&disk->lock, flags);
	before = disk->limit_ns;
	disk->limit_ns = ns;
	spin_unlock_irqrestore(&disk->lock, flags);
	return before;
}
