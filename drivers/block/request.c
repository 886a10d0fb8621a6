// SPDX-License-Identifier: MIT
/*
 * drivers/block/request.c - requests in the rings of virtio-blk
 *
 * A request is a chain: a header that the device reads, the data, a status byte that it
 * writes. Header and status are in a slot, one for each entry of the queue, made at boot:
 * no request allocates. The driver never reads the header back, and believes nothing of the
 * device but the status: which request a chain is, the virtqueue knows (its cookie), and the
 * request knows its slot.
 *
 * The status is set to a value that is no status before the device gets the chain, and is
 * read once, after the used entry (smp_load_acquire() in drivers/virtio/virtqueue.c).
 *
 * Interrupts.  take() asks for the next interrupt when it finds nothing more, and looks
 * again, since a chain that came in between brings none.
 *
 * Locks: disk.lock, held by the layer.
 * Not here: what an answer means (config.c), the device itself (device.c).
 */
#include <arch/page.h>
#include <lib/compiler.h>
#include <lib/errno.h>

#include "internal.h"

static_assert(sizeof(struct virtio_blk_header) == 16, "what the device reads");
static_assert(VIRTIO_BLK_ENTRIES * sizeof(struct virtio_blk_slot) <= PAGE_SIZE,
	      "the slots are one page, contiguous for the device");

static const u32 types[] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN,
	[BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
	[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
	[BLOCK_SERIAL] = VIRTIO_BLK_T_GET_ID,
};
static_assert(ARRAY_SIZE(types) == BLOCK_OPS, "a type for each operation");

static struct virtio_blk *blk_of(struct block_disk *disk)
{
	return container_of(disk, struct virtio_blk, disk);
}

void virtio_blk_slots_init(struct virtio_blk *blk)
{
	for (unsigned int i = 0; i < VIRTIO_BLK_ENTRIES; i++) {
		blk->free[i] = &blk->slots[i];
	}
	blk->nr_free = VIRTIO_BLK_ENTRIES;
}

static void fill_slot(struct virtio_blk_slot *slot,
		      const struct block_request *req)
{
	slot->header.type = types[req->op];
	slot->header.reserved = 0;
	slot->header.sector = req->op == BLOCK_READ || req->op == BLOCK_WRITE
				      ? req->sector
				      : 0;
	WRITE_ONCE(slot->status, VIRTIO_BLK_S_NONE);
}

static void fill_buffers(struct virtqueue_buffer *buffers,
			 struct virtio_blk_slot *slot,
			 const struct block_request *req)
{
	unsigned int i;

	*buffers++ = (struct virtqueue_buffer){virt_to_phys(&slot->header),
					       sizeof(slot->header)};
	for (i = 0; i < req->nr_segments; i++)
		*buffers++ = (struct virtqueue_buffer){req->segments[i].addr,
						       req->segments[i].bytes};
	*buffers = (struct virtqueue_buffer){virt_to_phys(&slot->status),
					     sizeof(slot->status)};
}

static void free_slot(struct virtio_blk *blk, struct virtio_blk_slot *slot)
{
	blk->free[blk->nr_free++] = slot;
}

int virtio_blk_give(struct block_disk *disk, struct block_request *req)
{
	struct virtio_blk *blk = blk_of(disk);
	unsigned int data = req->nr_segments;
	struct virtio_blk_slot *slot;
	unsigned int out, in;
	int err;

	lockdep_assert_held(&disk->lock);
	if (!blk->nr_free)
		return -ENOSPC;
	slot = blk->free[--blk->nr_free];
	fill_slot(slot, req);
	fill_buffers(blk->buffers, slot, req);
	out = req->op == BLOCK_WRITE ? data + 1 : 1;
	in = data + VIRTIO_BLK_AROUND - out;
	err = virtqueue_add(&blk->queue->vq, blk->buffers, out, in, req);
	if (err) {
		free_slot(blk, slot);
		return -ENOSPC;
	}
	req->slot = slot;
	return 0;
}

static struct block_request *next_used(struct virtqueue *vq, u32 *written)
{
	struct block_request *req;

	do {
		req = virtqueue_take(vq, written);
	} while (!req && !virtqueue_interrupt_on(vq));
	return req;
}

struct block_request *virtio_blk_take(struct block_disk *disk, int *error)
{
	struct virtio_blk *blk = blk_of(disk);
	struct virtqueue *vq = &blk->queue->vq;
	struct virtio_blk_slot *slot;
	struct block_request *req;
	u32 written;

	lockdep_assert_held(&disk->lock);
	req = next_used(vq, &written);
	if (!req)
		return vq->broken ? ERR_PTR(-EPROTO) : NULL;
	slot = req->slot;
	*error = virtio_blk_answer(req->op, req->bytes, READ_ONCE(slot->status),
				   written);
	free_slot(blk, slot);
	return req;
}
