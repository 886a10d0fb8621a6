// SPDX-License-Identifier: MIT
/*
 * block/request.c - from the user to the device and back
 *
 * Problem.  Requests come from threads and interrupts, in any number. A device takes a
 * few at a time, ends them in any order, and only while it is well. Users must not see
 * any of that: no full queue, no allocation, and never memory that a device still writes.
 *
 * Idea.  A request is a struct of its user and is in exactly one list. All moves happen
 * under the disk's lock; done() is called without it.
 *
 *	where			list		whose are request and memory
 *	the user's		-		the user's
 *	waiting			disk->waiting	the layer's
 *	held			disk->held	the device's
 *	finished		a local one	the layer's, until done() is called
 *
 *	block_submit()		user -> waiting; a wrong request: -> finished
 *	block_dispatch_locked()	waiting -> held, while the device has room
 *	block_collect_locked()	held -> finished, what the device has done
 *	block_hand_back()	finished -> user: done()
 *	watch.c			held -> finished or waiting, after a reset
 *
 * A request leaves `held` in two ways: the device has given it back, or the device was
 * stopped and writes no memory any more (watch.c). So done() means in every case that the
 * memory is the user's alone.
 *
 * Batch.  block_submit() takes a list: the lock is taken once, and the device is told once.
 * The same happens when room comes back: all that fits is given, then the device is told.
 *
 * Flush.  The device promises only that a flush covers the writes that it had *ended* when
 * the flush came to it. The user wants the writes that were *submitted* before. So a flush
 * at the head of `waiting` stays there while the device has a write, and all behind it
 * stays, too:
 *
 *	waiting: F W2		held: W1	F waits for W1
 *	waiting: -		held: F W2	W1 is done; now both may go
 *
 * The cost is that reads behind the flush wait for W1 as well, and not for the flush. A disk
 * without a cache needs no word of the device then: the flush is finished at once.
 *
 *	field				guarded by
 *	disk->state, lists, counts	disk->lock
 *	limits, ops			constant
 *
 * The race of a submitter and the interrupt needs no care, because both give the device
 * requests under the lock: the last of the two finds what the other left
 * (block.requests_that_find_no_room_follow_when_one_comes_back).
 *
 * Not here: time limits and resets (watch.c), names (disk.c), the way to a device
 * (drivers/block/).
 */
#include <arch/page.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <lib/errno.h>

#include "internal.h"

DEFINE_TRACE_EVENT(block_submit, "disk request op sector bytes",
		   "disk %p: request %p is submitted, op %lu, sector %lu, %lu bytes");
DEFINE_TRACE_EVENT(
	block_give, "disk request held writes",
	"disk %p: request %p goes to the device, which has %lu, writes %lu");
DEFINE_TRACE_EVENT(block_done, "disk request op ret",
		   "disk %p: request %p is done, op %lu, ret %ld");

static bool has_sectors(enum block_op op)
{
	return op == BLOCK_READ || op == BLOCK_WRITE;
}

/* The bytes of all segments; 0 where one is not right for the disk. */
static u64 bytes_of(const struct block_limits *limits,
		    const struct block_request *req)
{
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < req->nr_segments; i++) {
		u32 part = req->segments[i].bytes;

		if (!part || part % limits->block_bytes ||
		    part > limits->segment_bytes)
			return 0;
		bytes += part;
	}
	return bytes;
}

static int check_sectors(const struct block_limits *limits,
			 struct block_request *req)
{
	u64 count;

	if (!req->nr_segments || req->nr_segments > limits->segments)
		return -EINVAL;
	req->bytes = bytes_of(limits, req);
	if (!req->bytes ||
	    req->sector % (limits->block_bytes / BLOCK_SECTOR_BYTES))
		return -EINVAL;
	if (req->op == BLOCK_WRITE && limits->read_only)
		return -EROFS;
	count = req->bytes / BLOCK_SECTOR_BYTES;
	if (count > limits->sectors || req->sector > limits->sectors - count)
		return -EIO;
	return 0;
}

static int check(const struct block_disk *disk, struct block_request *req)
{
	req->bytes = 0;
	if (has_sectors(req->op))
		return check_sectors(&disk->limits, req);
	if (req->op == BLOCK_FLUSH)
		return req->nr_segments ? -EINVAL : 0;
	if (req->op != BLOCK_SERIAL || req->nr_segments != 1 ||
	    req->segments[0].bytes != BLOCK_SERIAL_BYTES)
		return -EINVAL;
	req->bytes = BLOCK_SERIAL_BYTES;
	return 0;
}

static void count_end(struct block_disk *disk, const struct block_request *req,
		      int error)
{
	struct block_counters *counters = &disk->counters;

	counters->failed += error != 0;
	counters->timed_out += error == -ETIMEDOUT;
	if (req->op >= BLOCK_OPS)
		return;
	counters->ops[req->op]++;
	if (has_sectors(req->op) && !error)
		counters->sectors[req->op] += req->bytes / BLOCK_SECTOR_BYTES;
}

/* The device has @req no longer; it stays in `held` for the caller to move. */
static void no_longer_held(struct block_disk *disk,
			   const struct block_request *req)
{
	disk->nr_held--;
	disk->writes_held -= req->op == BLOCK_WRITE;
}

static bool is_held(const struct block_request *req)
{
	return req->deadline != 0;
}

void block_end_locked(struct block_disk *disk, struct block_request *req,
		      int error, struct list_head *finished)
{
	lockdep_assert_held(&disk->lock);
	if (is_held(req))
		no_longer_held(disk, req);
	count_end(disk, req, error);
	req->error = error;
	list_move_tail(&req->link, finished);
}

void block_take_back_locked(struct block_disk *disk, struct block_request *req)
{
	lockdep_assert_held(&disk->lock);
	no_longer_held(disk, req);
	req->deadline = 0;
	list_move(&req->link, &disk->waiting);
}

void block_hand_back(struct block_disk *disk, struct list_head *finished)
{
	struct block_request *req;

	while ((req = list_first_entry_or_null(finished, struct block_request,
					       link))) {
		list_del(&req->link);
		OBSERVE(block_done, disk, req, req->op, req->error);
		req->done(req);
	}
}

void block_collect_locked(struct block_disk *disk, struct list_head *finished)
{
	struct block_request *req;
	int error;

	lockdep_assert_held(&disk->lock);
	while ((req = disk->ops->take(disk, &error))) {
		if (IS_ERR(req))
			break;
		disk->counters.lies += error == -EPROTO;
		block_end_locked(disk, req, error == -EPROTO ? -EIO : error,
				 finished);
	}
	if (!req || disk->lied || disk->state != BLOCK_LIVE)
		return;
	disk->counters.lies++;
	disk->lied = true;
	queue_work(disk->watcher, &disk->lie);
}

/* Must the first that waits go on waiting? Else it is held, or finished. */
static bool give_first(struct block_disk *disk, struct list_head *finished,
		       bool *given) __must_hold(&disk->lock)
{
	struct block_request *req =
		list_first_entry(&disk->waiting, struct block_request, link);

	if (req->op == BLOCK_FLUSH && disk->writes_held) {
		disk->counters.held_back++;
		return false;
	}
	if (req->op == BLOCK_FLUSH && !disk->limits.cached) {
		block_end_locked(disk, req, 0, finished);
		return true;
	}
	if (disk->ops->give(disk, req)) {
		disk->counters.full++;
		return false;
	}
	req->deadline = deadline_ns(disk->limit_ns);
	list_move_tail(&req->link, &disk->held);
	disk->nr_held++;
	disk->writes_held += req->op == BLOCK_WRITE;
	*given = true;
	OBSERVE(block_give, disk, req, disk->nr_held, disk->writes_held);
	return true;
}

void block_dispatch_locked(struct block_disk *disk, struct list_head *finished)
{
	bool given = false;

	lockdep_assert_held(&disk->lock);
	while (disk->state == BLOCK_LIVE && !disk->lied &&
	       !list_empty(&disk->waiting)) {
		if (!give_first(disk, finished, &given))
			break;
	}
	if (!given)
		return;
	disk->counters.notified++;
	disk->ops->notify(disk);
	block_watch_locked(disk);
}

void block_submit(struct block_disk *disk, struct list_head *requests)
{
	struct block_request *req, *tmp;
	LIST_HEAD(finished);
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	list_for_each_entry_safe(req, tmp, requests, link) {
		int error = check(disk, req);

		OBSERVE(block_submit, disk, req, req->op, req->sector,
			req->bytes);
		req->deadline = 0;
		disk->counters.refused += error != 0;
		if (!error && disk->state == BLOCK_DEAD)
			error = -EIO;
		if (error)
			block_end_locked(disk, req, error, &finished);
		else
			list_move_tail(&req->link, &disk->waiting);
	}
	block_dispatch_locked(disk, &finished);
	spin_unlock_irqrestore(&disk->lock, flags);
	block_hand_back(disk, &finished);
}

void block_submit_one(struct block_disk *disk, struct block_request *req)
{
	LIST_HEAD(requests);

	list_add_tail(&req->link, &requests);
	block_submit(disk, &requests);
}

void block_interrupt(struct block_disk *disk)
{
	LIST_HEAD(finished);
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	if (disk->state != BLOCK_DEAD) {
		block_collect_locked(disk, &finished);
		block_dispatch_locked(disk, &finished);
	}
	spin_unlock_irqrestore(&disk->lock, flags);
	block_hand_back(disk, &finished);
}

bool block_verify(struct block_disk *disk)
{
	unsigned int held = 0, writes = 0, strays = 0;
	struct block_request *req;
	unsigned long flags;
	bool right;

	spin_lock_irqsave(&disk->lock, flags);
	list_for_each_entry(req, &disk->held, link) {
		held++;
		writes += req->op == BLOCK_WRITE;
		strays += !is_held(req);
	}
	list_for_each_entry(req, &disk->waiting, link)
		strays += is_held(req);
	right = held == disk->nr_held && writes == disk->writes_held &&
		!strays && (held ? disk->watching : true);
	spin_unlock_irqrestore(&disk->lock, flags);
	return right;
}
