/* SPDX-License-Identifier: MIT */
/*
 * block/disk.h - what a driver of disks has to do
 *
 * A driver embeds a struct block_disk, fills a table of functions, and calls
 * block_interrupt() when its device may have done something. The layer has the lists, the
 * lock, the time limits and the decisions; the driver has the device.
 *
 * Key letters: (c) constant after block_disk_init()
 *              (l) under lock
 *              (w) written by the watcher, the one thread of the disk
 *              (o) as (l), and read without it
 */
#ifndef BLOCK_DISK_H
#define BLOCK_DISK_H

#include <block/block.h>
#include <kernel/lock/spinlock.h>
#include <kernel/workqueue.h>

/* Disks that can be registered. */
#define BLOCK_DISKS 16

/* How often a disk is looked at while it has requests. */
#define BLOCK_LOOK_NS (250 * 1000 * 1000ULL)

/**
 * struct block_disk_ops - a driver
 * @give: give the device a request that is within the limits, and do not tell it yet.
 *	  Return: 0; -ENOSPC: no room until a request comes back. A device that holds
 *	  nothing has room for any request. Context: disk->lock
 * @notify: tell the device what it was given. Context: disk->lock
 * @take: the next request that the device has done, and its result: 0, -EIO,
 *	  -EOPNOTSUPP, -EPROTO (the answer is no answer). NULL: none; an interrupt comes for the
 *	  next. ERR_PTR(-EPROTO): the device lies in such a way that nothing more of it can
 *	  be believed until it is reset. Context: disk->lock
 * @look: ring the device's bell and look for its answers without an interrupt, since one
 *	  of either can be lost. Ends in block_interrupt(). Context: thread
 * @stop: reset the device. On return it writes no memory, in every case: a driver that
 *	  cannot reset it takes its right to. What it did before can still be taken. Return: 0,
 *	  or an errno: the disk is dead. Context: thread, may sleep, allocates nothing
 * @restart: forget what the device was given, and start it. Return: 0, or an errno: the disk
 *	     is dead, and writes no memory. Context: as @stop
 */
struct block_disk_ops {
	int (*give)(struct block_disk *disk, struct block_request *req);
	void (*notify)(struct block_disk *disk);
	struct block_request *(*take)(struct block_disk *disk, int *error);
	void (*look)(struct block_disk *disk);
	int (*stop)(struct block_disk *disk);
	int (*restart)(struct block_disk *disk);
};

/**
 * enum block_state - may the device be given requests?
 * @BLOCK_LIVE: yes
 * @BLOCK_STOPPED: not now: it is being reset
 * @BLOCK_DEAD: never again; requests end with -EIO
 */
enum block_state {
	BLOCK_LIVE,
	BLOCK_STOPPED,
	BLOCK_DEAD,
};

/**
 * struct block_disk - one disk
 * @ops: its driver (c)
 * @limits: (c)
 * @name: set by block_disk_register(), constant from then on
 * @lock: taken by interrupts
 * @state: (o)
 * @lied: the device is to be reset for a lie (l)
 * @watching: the watcher will look (l)
 * @limit_ns: how long the device may keep a request (l)
 * @waiting: requests that the device has not, in the order of submission (l)
 * @held: requests that the device has, in the order in which it was given them (l)
 * @nr_held: how many (l)
 * @writes_held: how many of them are writes (l)
 * @counters: (l)
 * @watcher: runs @watch and @lie, one at a time (c)
 * @watch: looks at the disk while it has requests
 * @lie: resets it for a lie
 */
struct block_disk {
	const struct block_disk_ops *ops;
	struct block_limits limits;
	char name[BLOCK_NAME_BYTES];
	struct spinlock lock;
	enum block_state state;
	bool lied;
	bool watching;
	u64 limit_ns;
	struct list_head waiting;
	struct list_head held;
	unsigned int nr_held;
	unsigned int writes_held;
	struct block_counters counters;
	struct workqueue_struct *watcher;
	struct delayed_work watch;
	struct work_struct lie;
};

/**
 * block_disk_init() - make a disk usable, for its driver alone
 * @disk: filled
 * @ops: the driver
 * @limits: copied
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM.
 */
int block_disk_init(struct block_disk *disk, const struct block_disk_ops *ops,
		    const struct block_limits *limits);

/**
 * block_disk_destroy() - the opposite
 * @disk: a disk that was never registered, and has no request
 *
 * Context: thread, may sleep.
 */
void block_disk_destroy(struct block_disk *disk);

/**
 * block_disk_register() - let it be found, for ever
 * @disk: a disk that works
 * @serial: BLOCK_SERIAL_BYTES, what the device says: checked; all 0 where it says nothing
 *
 * Its name is the serial number up to the first 0, if all of it is printable without
 * blanks and no other disk has that name; else `disk` and the number of the disk.
 *
 * Context: INIT_DRIVER: drivers start one after the other.
 * Return: 0, -ENOSPC (there are BLOCK_DISKS).
 */
int block_disk_register(struct block_disk *disk, const char *serial);

/**
 * block_choose_name() - the name of a new disk
 * @name: BLOCK_NAME_BYTES
 * @serial: BLOCK_SERIAL_BYTES, any bytes
 * @number: of the disk
 *
 * Context: any; block_find() says which names are taken.
 */
void block_choose_name(char *name, const char *serial, unsigned int number);

/**
 * block_interrupt() - take what the device has done, and give it what waits
 * @disk: a disk
 *
 * Context: an interrupt, or a thread that looks without one.
 */
void block_interrupt(struct block_disk *disk);

/**
 * block_verify() - compute the counts of a disk in another way, and compare
 *
 * Context: any.
 */
bool block_verify(struct block_disk *disk);

#endif
