/* SPDX-License-Identifier: MIT */
/*
 * drivers/block/internal.h - virtio-blk: its wire, and the files of this directory
 *
 * Key letters: (c) constant after the probe
 *              (l) under disk.lock
 *              (d) written by the device, checked when it is read
 */
#ifndef DRIVERS_BLOCK_INTERNAL_H
#define DRIVERS_BLOCK_INTERNAL_H

#include <block/disk.h>
#include <drivers/virtio.h>

#define VIRTIO_BLK_F_SIZE_MAX 1
#define VIRTIO_BLK_F_SEG_MAX  2
#define VIRTIO_BLK_F_RO       5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH    9

/* What this driver takes of that which a device offers. */
#define VIRTIO_BLK_WANTED                                               \
	(1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX | \
	 1ull << VIRTIO_BLK_F_RO | 1ull << VIRTIO_BLK_F_BLK_SIZE |      \
	 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_F_INDIRECT_DESC |  \
	 1ull << VIRTIO_F_EVENT_IDX)

/* Entries of the queue, and most data segments of a request. */
#define VIRTIO_BLK_ENTRIES  64
#define VIRTIO_BLK_SEGMENTS 32u

/* Most bytes of a segment: all of a request fit into the length of a used chain. */
#define VIRTIO_BLK_SEGMENT_BYTES (1u << 20)

/* Header and status stand around the data. */
#define VIRTIO_BLK_AROUND   2u

#define VIRTIO_BLK_T_IN     0
#define VIRTIO_BLK_T_OUT    1
#define VIRTIO_BLK_T_FLUSH  4
#define VIRTIO_BLK_T_GET_ID 8

#define VIRTIO_BLK_S_OK     0
#define VIRTIO_BLK_S_IOERR  1
#define VIRTIO_BLK_S_UNSUPP 2
/* No status of the specification: set before a request, so that none counts as none. */
#define VIRTIO_BLK_S_NONE 0xff

/* struct virtio_blk_header - what the device reads first; numbers are little-endian */
struct virtio_blk_header {
	u32 type;
	u32 reserved;
	u64 sector;
};

/**
 * struct virtio_blk_slot - what stands around the data of a request in flight
 * @header: what the device reads (l)
 * @status: what it writes (d)
 */
struct virtio_blk_slot {
	struct virtio_blk_header header;
	u8 status;
};

/**
 * struct virtio_blk_config - the device's own configuration, as it says it
 * @features: negotiated; they say which of the others mean something
 * @sectors: of 512 bytes
 * @segment_bytes: SIZE_MAX
 * @segments: SEG_MAX
 * @block_bytes: BLK_SIZE
 */
struct virtio_blk_config {
	u64 features;
	u64 sectors;
	u32 segment_bytes;
	u32 segments;
	u32 block_bytes;
};

/**
 * struct virtio_blk - one device
 * @disk: what the layer has of it
 * @vdev: (c)
 * @queue: (c), its rings (l)
 * @slots: VIRTIO_BLK_ENTRIES of them, in one page (c)
 * @free: a stack of free slots (l)
 * @nr_free: how many (l)
 * @buffers: of the request that is being given (l)
 */
struct virtio_blk {
	struct block_disk disk;
	struct virtio_device vdev;
	struct virtio_queue *queue;
	struct virtio_blk_slot *slots;
	struct virtio_blk_slot *free[VIRTIO_BLK_ENTRIES];
	unsigned int nr_free;
	struct virtqueue_buffer buffers[VIRTIO_BLK_SEGMENTS + VIRTIO_BLK_AROUND];
};

/* Decisions about what a device says, pure functions: config.c. */

/**
 * virtio_blk_refusal() - why a device cannot be driven
 * @config: what it says
 * @entries: of its queue
 *
 * Return: a sentence, or NULL and @limits.
 */
const char *virtio_blk_refusal(const struct virtio_blk_config *config,
			       unsigned int entries, struct block_limits *limits);

/**
 * virtio_blk_answer() - what an answer means
 * @op: of the request
 * @bytes: that it reads
 * @status: what the device wrote
 * @written: bytes that the device says it wrote
 *
 * Return: 0, -EIO, -EOPNOTSUPP; -EPROTO: it is no answer to such a request.
 */
int virtio_blk_answer(enum block_op op, u64 bytes, u8 status, u32 written);

/* Requests in the rings: request.c. */

extern const struct block_disk_ops virtio_blk_ops;

/* All slots are free. */
void virtio_blk_slots_init(struct virtio_blk *blk);

int virtio_blk_give(struct block_disk *disk, struct block_request *req);
struct block_request *virtio_blk_take(struct block_disk *disk, int *error);

#endif
