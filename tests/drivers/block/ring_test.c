// SPDX-License-Identifier: MIT
/*
 * tests/drivers/block/ring_test.c - requests in a queue whose device the test is
 *
 * The queue is plain memory, as in tests/drivers/virtio/virtqueue_test.c. A request is
 * looked at as the device sees it: header, data, status; then it is answered, rightly and
 * not.
 */
#include <arch/page.h>
#include <kernel/ktest.h>
#include <mm/alloc/alloc.h>

#include "drivers/block/internal.h"

#define SIZE 16u

/* A disk with a queue and no device. */
struct ring {
	struct virtio_blk blk;
	struct virtio_queue queue;
	u16 seen;
	u16 used;
};

static void no_notify(struct virtqueue *vq, void *arg)
{
}

static void ring_destroy(void *arg)
{
	struct ring *ring = arg;

	virtqueue_destroy(&ring->queue.vq);
	kfree(ring->blk.slots);
}

static struct ring *ring_new(struct ktest *test, unsigned int features)
{
	struct ring *ring = ktest_alloc(test, sizeof(*ring));

	ring->blk.slots = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!ring->blk.slots)
		return NULL;
	spin_lock_init(&ring->blk.disk.lock);
	virtio_blk_slots_init(&ring->blk);
	ring->blk.queue = &ring->queue;
	EXPECT_EQ(virtqueue_create(&ring->queue.vq, "ring", SIZE,
				   VIRTIO_BLK_SEGMENTS + VIRTIO_BLK_AROUND,
				   features, no_notify, NULL),
		  0);
	ktest_cleanup(test, ring_destroy, ring);
	return ring;
}

static int give(struct ring *ring, struct block_request *req)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&ring->blk.disk.lock, flags);
	err = virtio_blk_give(&ring->blk.disk, req);
	spin_unlock_irqrestore(&ring->blk.disk.lock, flags);
	return err;
}

static struct block_request *take(struct ring *ring, int *error)
{
	struct block_request *req;
	unsigned long flags;

	spin_lock_irqsave(&ring->blk.disk.lock, flags);
	req = virtio_blk_take(&ring->blk.disk, error);
	spin_unlock_irqrestore(&ring->blk.disk.lock, flags);
	return req;
}

/* Descriptor @n of the chain that was offered next to last; direct chains only. */
static struct virtq_desc *descriptor(struct ring *ring, u16 head, unsigned int n)
{
	struct virtq_desc *desc = &ring->queue.vq.desc[head];

	while (n-- && desc->flags & VIRTQ_DESC_F_NEXT)
		desc = &ring->queue.vq.desc[desc->next];
	return desc;
}

static u16 offered(struct ring *ring)
{
	return ring->queue.vq.avail->ring[ring->seen++ % SIZE];
}

static void answer(struct ring *ring, u16 head, u8 status, u32 written)
{
	struct virtq_used *used = ring->queue.vq.used;

	*(u8 *)phys_to_virt(descriptor(ring, head, SIZE)->addr) = status;
	used->ring[ring->used % SIZE].id = head;
	used->ring[ring->used % SIZE].len = written;
	used->idx = ++ring->used;
}

static const struct block_segment two[] = {{0x1000, 1024}, {0x8000, 512}};

static struct block_request request(enum block_op op)
{
	return (struct block_request){.op = op,
				      .sector = 5,
				      .segments = two,
				      .nr_segments = op == BLOCK_FLUSH ? 0 : 2,
				      .bytes = op == BLOCK_FLUSH ? 0 : 1536};
}

/*	read:	header -> [data data status] <-		*/
KTEST(virtio_blk,
      a_read_is_a_header_that_is_read_and_data_and_status_that_are_written)
{
	struct block_request read = request(BLOCK_READ);
	struct ring *ring = ring_new(test, 0);
	struct virtio_blk_header *header;
	u16 head;

	REQUIRE(ring);
	REQUIRE_EQ(give(ring, &read), 0);
	head = offered(ring);
	header = phys_to_virt(descriptor(ring, head, 0)->addr);
	EXPECT_EQ(descriptor(ring, head, 0)->len, 16U);
	EXPECT(!(descriptor(ring, head, 0)->flags & VIRTQ_DESC_F_WRITE));
	EXPECT_EQ(header->type, (u32)VIRTIO_BLK_T_IN);
	EXPECT_EQ(header->sector, 5);
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EQ(descriptor(ring, head, i + 1)->addr, two[i].addr);
		EXPECT_EQ(descriptor(ring, head, i + 1)->len, two[i].bytes);
		EXPECT(descriptor(ring, head, i + 1)->flags & VIRTQ_DESC_F_WRITE);
	}
	EXPECT_EQ(descriptor(ring, head, 3)->len, 1U);
	EXPECT(descriptor(ring, head, 3)->flags & VIRTQ_DESC_F_WRITE);
	EXPECT(!(descriptor(ring, head, 3)->flags & VIRTQ_DESC_F_NEXT));
	EXPECT_EQ(*(u8 *)phys_to_virt(descriptor(ring, head, 3)->addr),
		  VIRTIO_BLK_S_NONE);
}

KTEST(virtio_blk, a_write_has_data_that_is_read_and_a_flush_has_none)
{
	struct block_request write = request(BLOCK_WRITE);
	struct block_request flush = request(BLOCK_FLUSH);
	struct ring *ring = ring_new(test, 0);
	struct virtio_blk_header *header;
	u16 head;

	REQUIRE(ring);
	REQUIRE_EQ(give(ring, &write), 0);
	head = offered(ring);
	EXPECT(!(descriptor(ring, head, 2)->flags & VIRTQ_DESC_F_WRITE));
	EXPECT(descriptor(ring, head, 3)->flags & VIRTQ_DESC_F_WRITE);
	REQUIRE_EQ(give(ring, &flush), 0);
	head = offered(ring);
	header = phys_to_virt(descriptor(ring, head, 0)->addr);
	EXPECT_EQ(header->type, (u32)VIRTIO_BLK_T_FLUSH);
	EXPECT_EQ(header->sector, 0);
	EXPECT_EQ(descriptor(ring, head, 1)->len, 1U);
}

KTEST(virtio_blk, an_answer_comes_back_with_its_request)
{
	struct block_request read = request(BLOCK_READ);
	struct block_request write = request(BLOCK_WRITE);
	struct ring *ring = ring_new(test, 0);
	u16 first, second;
	int error = 1;

	REQUIRE(ring);
	REQUIRE_EQ(give(ring, &read), 0);
	REQUIRE_EQ(give(ring, &write), 0);
	first = offered(ring);
	second = offered(ring);
	EXPECT(!take(ring, &error));
	answer(ring, second, VIRTIO_BLK_S_IOERR, 1);
	answer(ring, first, VIRTIO_BLK_S_OK, 1537);
	EXPECT(take(ring, &error) == &write);
	EXPECT_EQ(error, -EIO);
	EXPECT(take(ring, &error) == &read);
	EXPECT_EQ(error, 0);
	EXPECT(!take(ring, &error));
	EXPECT_EQ(ring->blk.nr_free, (unsigned int)VIRTIO_BLK_ENTRIES);
}

/* The used event lies behind the available ring. */
KTEST(virtio_blk, the_next_interrupt_is_asked_for_when_nothing_is_left)
{
	struct block_request read = request(BLOCK_READ);
	struct ring *ring = ring_new(test, VIRTQUEUE_EVENT_IDX);
	int error;

	REQUIRE(ring);
	REQUIRE_EQ(give(ring, &read), 0);
	answer(ring, offered(ring), VIRTIO_BLK_S_OK, 1537);
	EXPECT(take(ring, &error) == &read);
	EXPECT_EQ(ring->queue.vq.avail->ring[SIZE], 0);
	EXPECT(!take(ring, &error));
	EXPECT_EQ(ring->queue.vq.avail->ring[SIZE], 1);
}

KTEST(virtio_blk, a_chain_without_a_status_is_no_answer)
{
	struct block_request read = request(BLOCK_READ);
	struct ring *ring = ring_new(test, 0);
	int error = 1;

	REQUIRE(ring);
	REQUIRE_EQ(give(ring, &read), 0);
	answer(ring, offered(ring), VIRTIO_BLK_S_NONE, 1537);
	EXPECT(take(ring, &error) == &read);
	EXPECT_EQ(error, -EPROTO);
}

/* The ring holds SIZE descriptors; with tables each request takes one. */
KTEST(virtio_blk, a_full_ring_takes_no_more_until_a_request_comes_back)
{
	struct ring *ring = ring_new(test, VIRTQUEUE_INDIRECT);
	struct block_request *all = ktest_alloc(test, (SIZE + 1) * sizeof(*all));
	unsigned int i;
	int error;

	REQUIRE(ring);
	for (i = 0; i <= SIZE; i++) {
		all[i] = request(BLOCK_FLUSH);
		EXPECT_EQ(give(ring, &all[i]), i < SIZE ? 0 : -ENOSPC);
	}
	EXPECT_EQ(ring->blk.nr_free, VIRTIO_BLK_ENTRIES - SIZE);
	ring->queue.vq.used->ring[0].id = offered(ring);
	ring->queue.vq.used->ring[0].len = 1;
	ring->queue.vq.used->idx = 1;
	EXPECT(take(ring, &error) == &all[0]);
	EXPECT_EQ(give(ring, &all[SIZE]), 0);
}

KTEST(virtio_blk,
      a_lie_about_the_ring_is_told_each_time_and_forgotten_when_cleared)
{
	struct block_request read = request(BLOCK_READ);
	struct ring *ring = ring_new(test, 0);
	int error;

	REQUIRE(ring);
	REQUIRE_EQ(give(ring, &read), 0);
	ring->queue.vq.used->idx = 7;
	EXPECT(take(ring, &error) == ERR_PTR(-EPROTO));
	EXPECT(take(ring, &error) == ERR_PTR(-EPROTO));
	EXPECT_EQ(give(ring, &read), -ENOSPC);
	virtqueue_clear(&ring->queue.vq);
	virtio_blk_slots_init(&ring->blk);
	EXPECT(virtqueue_verify(&ring->queue.vq));
	ring->seen = 0;
	EXPECT(!take(ring, &error));
	REQUIRE_EQ(give(ring, &read), 0);
	answer(ring, offered(ring), VIRTIO_BLK_S_OK, 1537);
	EXPECT(take(ring, &error) == &read);
	EXPECT_EQ(error, 0);
}
