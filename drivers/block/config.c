// SPDX-License-Identifier: MIT
/*
 * drivers/block/config.c - is what a disk says possible?
 *
 * Problem.  A virtio-blk device tells its size and its limits, and ends each request with
 * a byte and a length. All of that may be nonsense, by a mistake or on purpose.
 *
 * Idea.  Pure functions: from what a device says to a decision. Tests make up what no QEMU
 * says.
 *
 *	what it says		refused if			without the feature
 *	capacity		its bytes need over 63 bits	-
 *	SIZE_MAX		less than a page		1 MiB, and never more
 *	SEG_MAX			0				1
 *	BLK_SIZE		no power of two, less than a	512
 *				sector, more than a page
 *	entries of the queue	no room for one page		-
 *
 * A request of the largest size must fit into an empty queue: with indirect tables it takes
 * one entry, without them one for each segment, and two for header and status.
 *
 *	status	bytes written		means
 *	OK	all, and the status	0
 *	OK	less			no answer: the read is not whole
 *	IOERR	any			-EIO
 *	UNSUPP	any			-EOPNOTSUPP
 *	other	any			no answer
 *
 * More bytes than there are, the virtqueue refuses. A serial number may be shorter than the
 * room for it.
 *
 * Locks: none.
 */
#include <arch/page.h>
#include <lib/compiler.h>
#include <lib/errno.h>

#include "internal.h"

#define MOST_SECTORS (1ull << 54)

static bool has(const struct virtio_blk_config *config, unsigned int feature)
{
	return config->features & (1ull << feature);
}

static bool block_possible(u32 bytes)
{
	return bytes >= BLOCK_SECTOR_BYTES && bytes <= PAGE_SIZE &&
	       !(bytes & (bytes - 1));
}

/* The most segments that a request may have; 0 if it has room for none. */
static unsigned int most_segments(const struct virtio_blk_config *config,
				  unsigned int entries)
{
	unsigned int most =
		has(config, VIRTIO_BLK_F_SEG_MAX) ? config->segments : 1;

	most = min(most, VIRTIO_BLK_SEGMENTS);
	if (has(config, VIRTIO_F_INDIRECT_DESC))
		return most;
	return entries > VIRTIO_BLK_AROUND
		       ? min(most, entries - VIRTIO_BLK_AROUND)
		       : 0;
}

const char *virtio_blk_refusal(const struct virtio_blk_config *config,
			       unsigned int entries, struct block_limits *limits)
{
	u32 block = has(config, VIRTIO_BLK_F_BLK_SIZE) ? config->block_bytes
						       : BLOCK_SECTOR_BYTES;
	u32 segment =
		has(config, VIRTIO_BLK_F_SIZE_MAX)
			? min(config->segment_bytes, VIRTIO_BLK_SEGMENT_BYTES)
			: VIRTIO_BLK_SEGMENT_BYTES;
	unsigned int segments = most_segments(config, entries);

	if (config->sectors > MOST_SECTORS)
		return "its size is no size";
	if (!block_possible(block))
		return "its block is no power of two from a sector to a page";
	if (segment < PAGE_SIZE)
		return "it takes no segment of a page";
	if (!segments)
		return "it takes no request of one segment";
	*limits = (struct block_limits){
		.sectors = config->sectors,
		.block_bytes = block,
		.segments = segments,
		.segment_bytes = segment,
		.cached = has(config, VIRTIO_BLK_F_FLUSH),
		.read_only = has(config, VIRTIO_BLK_F_RO),
	};
	return NULL;
}

int virtio_blk_answer(enum block_op op, u64 bytes, u8 status, u32 written)
{
	if (status == VIRTIO_BLK_S_IOERR)
		return -EIO;
	if (status == VIRTIO_BLK_S_UNSUPP)
		return -EOPNOTSUPP;
	if (status != VIRTIO_BLK_S_OK || !written)
		return -EPROTO;
	return op == BLOCK_READ && written != bytes + 1 ? -EPROTO : 0;
}
