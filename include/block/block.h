/* SPDX-License-Identifier: MIT */
/*
 * block/block.h - requests to disks
 *
 * A request is a struct of its user. block_submit() hands it over, never waits and never
 * fails; done() hands it back, with the result, mostly in an interrupt. Between the two
 * the request, its segments and the memory that they name belong to the layer and to the
 * device. done() is called once, and never before the device has let go of the memory.
 *
 *	struct block_request req = {
 *		.op = BLOCK_WRITE, .sector = 8,
 *		.segments = pages, .nr_segments = 4,
 *		.done = mine_is_done,
 *	};
 *	block_submit_one(disk, &req);
 *
 * Nothing on the way allocates memory or waits for it: a user that frees memory by
 * writing it to a disk can rely on that.
 *
 * A disk that is full is not seen: its requests wait, in the order in which they were
 * submitted. A disk that is slow or dead costs its own requests only.
 *
 * Order.  Reads and writes are not ordered: the device may do them in any order, and two
 * that overlap are the mistake of their user. A flush is: see BLOCK_FLUSH.
 *
 * Key letters: (u) set by the user before block_submit(), constant until done()
 *              (r) the result, valid from the call of done() on
 *              (l) the layer's, under the disk's lock, until done()
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <lib/list.h>
#include <lib/types.h>

/* The unit of positions, whatever the device's own block is. */
#define BLOCK_SECTOR_BYTES 512u

/* Bytes that a disk's serial number has at most. */
#define BLOCK_SERIAL_BYTES 20u

/* A serial number, or `disk` and a number, and the 0 behind it. */
#define BLOCK_NAME_BYTES 24

/* A disk that keeps a request longer than this is reset. */
#define BLOCK_LIMIT_NS (30 * 1000 * 1000 * 1000ULL)

struct block_disk;

/**
 * enum block_op - what a request asks for
 * @BLOCK_READ: the disk to the segments
 * @BLOCK_WRITE: the segments to the disk, perhaps into a cache that does not outlive the
 *		 power
 * @BLOCK_FLUSH: to outlive the power, all writes that were submitted to this disk before.
 *		 The layer keeps the flush, and what is submitted after it, from the device
 *		 until the device has done those writes. No segments. The result speaks of
 *		 the flush alone: a write that failed has said so itself
 * @BLOCK_SERIAL: its serial number into one segment of BLOCK_SERIAL_BYTES; for drivers
 */
enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_SERIAL,
	BLOCK_OPS,
};

/**
 * struct block_segment - memory that is contiguous for a device
 * @addr: physical address, of memory that stays where it is
 * @bytes: a multiple of the disk's block
 */
struct block_segment {
	paddr_t addr;
	u32 bytes;
};

/**
 * struct block_request - see the head of this file
 * @op: (u)
 * @sector: first sector (u)
 * @segments: the memory, in the order of the disk (u)
 * @nr_segments: how many (u)
 * @done: called once, in an interrupt or in a thread: that which submits, before
 *	  block_submit() returns, or the watcher of the disk. It does not sleep, and takes
 *	  locks as an interrupt does. The request may be gone or be submitted again when
 *	  it returns (u)
 * @error: 0; -EINVAL (not a request that this disk can take: its length, alignment, number
 *	   or length of segments), -EROFS (a write to a disk that is read-only), -EIO (the
 *	   device failed, has lied or is dead; or sectors beyond the end), -EOPNOTSUPP (the
 *	   device does not know the operation), -ETIMEDOUT (the device kept it too long and was
 *	   reset). After an error the sectors of a write, and the memory of a read, have
 *	   any content (r)
 * @link: in one of the disk's lists, or the caller's for block_submit() (l)
 * @bytes: of all segments (l)
 * @deadline: when the device has had it for too long (l)
 * @slot: the driver's (l)
 */
struct block_request {
	enum block_op op;
	u64 sector;
	const struct block_segment *segments;
	unsigned int nr_segments;
	void (*done)(struct block_request *req);
	int error;
	struct list_head link;
	u64 bytes;
	u64 deadline;
	void *slot;
};

/**
 * struct block_limits - what a disk takes; constant
 * @sectors: how many it has
 * @block_bytes: requests begin and end at multiples of it, and so do segments; a power of
 *		 two from BLOCK_SECTOR_BYTES to PAGE_SIZE
 * @segments: most segments of a request, at least 1
 * @segment_bytes: most bytes of a segment, at least PAGE_SIZE
 * @cached: it has a cache that loses writes with the power; else a flush is done when
 *	    the writes before it are
 * @read_only: writes are refused
 */
struct block_limits {
	u64 sectors;
	u32 block_bytes;
	unsigned int segments;
	u32 segment_bytes;
	bool cached;
	bool read_only;
};

/**
 * struct block_counters - counts of a disk since boot
 * @ops: requests that came back, by enum block_op
 * @sectors: sectors that were read, written, by the first two of enum block_op
 * @failed: requests that came back with an error of any kind
 * @refused: of these, requests that the layer did not take
 * @timed_out: of these, requests that the device kept too long
 * @lies: answers that no device may give
 * @resets: resets of the device, for lies or time-outs
 * @notified: times that the device was told of new requests
 * @full: times that a request waited because the device had no room
 * @held_back: times that a flush waited for the writes before it
 */
struct block_counters {
	u64 ops[BLOCK_OPS];
	u64 sectors[2];
	u64 failed;
	u64 refused;
	u64 timed_out;
	u64 lies;
	u64 resets;
	u64 notified;
	u64 full;
	u64 held_back;
};

/**
 * block_submit() - hand requests over
 * @disk: a disk
 * @requests: a list by their link, in the order in which they are to be given to the
 *	      device; empty afterwards
 *
 * A batch: the device is told of all of them at once.
 *
 * Context: any but NMI; holds no lock that a done() takes, since a request that is
 *	    refused ends before the return.
 */
void block_submit(struct block_disk *disk, struct list_head *requests);

/** block_submit_one() - a batch of one */
void block_submit_one(struct block_disk *disk, struct block_request *req);

/**
 * block_wait() - submit a request and wait until it is done
 * @disk: a disk
 * @req: op, sector and segments are set, done is not
 *
 * Context: thread, may sleep.
 * Return: the error of struct block_request.
 */
int block_wait(struct block_disk *disk, struct block_request *req);

/**
 * block_flush() - make all writes submitted before outlive the power, and wait for that
 * @disk: a disk
 *
 * Context: thread, may sleep.
 * Return: as block_wait().
 */
int block_flush(struct block_disk *disk);

/**
 * block_find() - the disk of a name
 * @name: a serial number, or `disk` and a number where the disk has none of its own
 *
 * A disk is found once its driver has registered it, and stays for ever.
 *
 * Context: any.  Return: the disk or NULL.
 */
struct block_disk *block_find(const char *name);

/** block_count() - how many disks there are */
unsigned int block_count(void);

/** block_get() - disk number @index, or NULL where there is none */
struct block_disk *block_get(unsigned int index);

/** block_name() - what block_find() finds it by */
const char *block_name(const struct block_disk *disk);

/** block_limits() - what it takes */
const struct block_limits *block_limits(const struct block_disk *disk);

/** block_alive() - is it not declared dead?  A dead disk's requests end with -EIO */
bool block_alive(const struct block_disk *disk);

/** block_read_counters() - copy the counts of a disk; any context */
void block_read_counters(struct block_disk *disk, struct block_counters *to);

/**
 * block_set_limit() - how long the device may keep a request
 * @disk: a disk
 * @ns: nanoseconds; for requests that are given to the device from now on
 *
 * Context: any.
 * Return: the limit before.
 */
u64 block_set_limit(struct block_disk *disk, u64 ns);

#endif
