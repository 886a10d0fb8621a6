// SPDX-License-Identifier: MIT
/*
 * block/watch.c - a device that keeps a request too long, or lies, is reset
 *
 * Problem.  A device may never answer. Its user must get the request back, with an error.
 * But the device may still write the memory of a read, a minute later, when it has long
 * become someone else's page. An error alone would turn a slow disk into corrupted memory.
 *
 * Idea.  The request is given back only after the *device* was stopped: a reset device has
 * no requests. A device that cannot be reset is taken the right to write memory, and is
 * dead. Each disk has a thread for that, the watcher, so a disk that is slow to reset holds
 * up no other.
 *
 *	state	requests wait	the device has	what ends it
 *	LIVE	for room	up to its room	a time limit, a lie
 *	STOPPED	for the restart	none after stop	restart(), well or not
 *	DEAD	no: -EIO	none		-
 *
 * A reset, in this order:
 *
 *	state = STOPPED			nothing is given to the device
 *	ops->stop()			from here on it writes no memory
 *	block_interrupt()		its last answers count: those requests are done
 *	ops->restart()			it has forgotten all
 *	the requests that it had:
 *		too long there		-ETIMEDOUT
 *		the device had lied	-EIO
 *		the others		wait again, in their old order: they are repeated
 *	state = LIVE; dispatch
 *
 * To repeat is right: no user was told anything, a write of the same words twice is one
 * write, and a user that overlaps its requests has no order to lose. A flush that is
 * repeated comes before each write that was submitted after it, as it did. Each reset of a
 * device that has requests ends at least one, so a disk that must be reset again and again
 * ends all of them.
 *
 * The watcher runs while the disk has requests, every BLOCK_LOOK_NS, and first looks at
 * the device: an interrupt or a bell may be lost (drivers/virtio/virtqueue.c says when).
 * The time counts from when the device got the request; time in `waiting` is not the
 * device's fault. A request is late by one look at most.
 *
 *	the device			the watcher
 *	ends R, writes its memory
 *					R is too long there: reset
 *	interrupt: R -> finished	stop() returns
 *					block_interrupt() finds nothing, or R
 *					looks through `held`: R is not there
 *
 *	(must hold: R is ended once; block.an_answer_that_comes_with_the_reset_counts)
 *
 * Locks: disk->lock; stop() and restart() are called without it, by the watcher alone.
 * Nothing here allocates memory, which may be waiting for this very disk.
 *
 * Not here: how a device is reset (drivers/block/device.c, drivers/virtio/pci.c).
 */
#include <kernel/time.h>
#include <kernel/trace.h>
#include <lib/errno.h>
#include <lib/printk.h>

#include "internal.h"

DEFINE_TRACE_EVENT(block_reset, "disk held lied",
		   "disk %p is reset, the device has %lu requests, lied %lu");
DEFINE_TRACE_EVENT(block_restarted, "disk ret ended",
		   "disk %p was reset, ret %ld, requests ended %lu");

void block_watch_locked(struct block_disk *disk)
{
	lockdep_assert_held(&disk->lock);
	if (disk->watching)
		return;
	disk->watching = true;
	queue_delayed_work(disk->watcher, &disk->watch,
			   min(disk->limit_ns, (u64)BLOCK_LOOK_NS));
}

static bool overdue(const struct block_request *req, u64 now)
{
	return !time_after_ns(req->deadline, now);
}

/* End the requests that a stopped device had; @err: it is dead. Return: how many. */
static unsigned int end_held(struct block_disk *disk, u64 now, int err,
			     struct list_head *finished) __must_hold(&disk->lock)
{
	struct block_request *req;
	LIST_HEAD(again);
	unsigned int ended = 0;

	lockdep_assert_held(&disk->lock);
	while ((req = list_first_entry_or_null(&disk->held,
					       struct block_request, link))) {
		if (!err && !disk->lied && !overdue(req, now)) {
			list_move(&req->link, &again);
			continue;
		}
		ended++;
		block_end_locked(disk, req,
				 overdue(req, now) ? -ETIMEDOUT : -EIO, finished);
	}
	/* The last one first, each to the front. */
	while ((req = list_first_entry_or_null(&again, struct block_request,
					       link)))
		block_take_back_locked(disk, req);
	return ended;
}

static void end_waiting(struct block_disk *disk, struct list_head *finished)
	__must_hold(&disk->lock)
{
	struct block_request *req;

	lockdep_assert_held(&disk->lock);
	while ((req = list_first_entry_or_null(&disk->waiting,
					       struct block_request, link)))
		block_end_locked(disk, req, -EIO, finished);
}

static bool begin_reset(struct block_disk *disk)
{
	unsigned long flags;
	bool live;

	spin_lock_irqsave(&disk->lock, flags);
	live = disk->state == BLOCK_LIVE;
	if (live) {
		WRITE_ONCE(disk->state, BLOCK_STOPPED);
		disk->counters.resets++;
		TRACE(block_reset, disk, disk->nr_held, disk->lied);
	}
	spin_unlock_irqrestore(&disk->lock, flags);
	return live;
}

static void end_reset(struct block_disk *disk, u64 now, int err)
{
	LIST_HEAD(finished);
	unsigned long flags;
	unsigned int ended;

	spin_lock_irqsave(&disk->lock, flags);
	ended = end_held(disk, now, err, &finished);
	if (err)
		end_waiting(disk, &finished);
	disk->lied = false;
	WRITE_ONCE(disk->state, err ? BLOCK_DEAD : BLOCK_LIVE);
	block_dispatch_locked(disk, &finished);
	TRACE(block_restarted, disk, err, ended);
	spin_unlock_irqrestore(&disk->lock, flags);
	if (err)
		pr_err("block: %s cannot be reset and is dead: %s; %u requests ended\n",
		       disk->name, errno_name(err), ended);
	else
		pr_warn("block: %s was reset, %u requests ended\n", disk->name,
			ended);
	block_hand_back(disk, &finished);
}

static void reset(struct block_disk *disk, u64 now)
{
	int err;

	if (!begin_reset(disk))
		return;
	err = disk->ops->stop(disk);
	block_interrupt(disk);
	if (!err)
		err = disk->ops->restart(disk);
	end_reset(disk, now, err);
}

static bool any_overdue(struct block_disk *disk, u64 now) __must_hold(&disk->lock)
{
	struct block_request *req;

	lockdep_assert_held(&disk->lock);
	list_for_each_entry(req, &disk->held, link) {
		if (overdue(req, now))
			return true;
	}
	return false;
}

/* Watch on while the device has a request. */
static void watch_again(struct block_disk *disk)
{
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	disk->watching = false;
	if (disk->nr_held)
		block_watch_locked(disk);
	spin_unlock_irqrestore(&disk->lock, flags);
}

void block_watch(struct work_struct *work)
{
	struct block_disk *disk =
		container_of(work, struct block_disk, watch.work);
	unsigned long flags;
	bool late;
	u64 now;

	disk->ops->look(disk);
	now = clock_ns();
	spin_lock_irqsave(&disk->lock, flags);
	late = any_overdue(disk, now);
	spin_unlock_irqrestore(&disk->lock, flags);
	if (late)
		reset(disk, now);
	watch_again(disk);
}

void block_lie(struct work_struct *work)
{
	struct block_disk *disk = container_of(work, struct block_disk, lie);
	unsigned long flags;
	bool lied;

	spin_lock_irqsave(&disk->lock, flags);
	lied = disk->lied; /* unless a reset for a time limit came first */
	spin_unlock_irqrestore(&disk->lock, flags);
	if (lied)
		reset(disk, clock_ns());
}
