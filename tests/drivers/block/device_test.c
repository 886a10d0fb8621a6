// SPDX-License-Identifier: MIT
/*
 * tests/drivers/block/device_test.c - a disk of QEMU's
 *
 * The disk is KTEST_DISK, whose content is the test's. A page of words is written and read
 * back: each word says its disk sector and its place, so that a word of another request or
 * of another time is seen.
 *
 * Tests whose flag is KT_BY_NAME_ONLY want disks that fail or are slow. scripts/diskboots.py
 * makes those, and boots for these tests alone.
 */
#include <arch/page.h>
#include <kernel/ktest.h>
#include <kernel/sched/completion.h>
#include <kernel/time.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>

#include "drivers/block/internal.h"

#define PAGE_SECTORS (PAGE_SIZE / BLOCK_SECTOR_BYTES)
#define PAGE_WORDS   (PAGE_SIZE / sizeof(u64))

/*
 * Some requests of a page each, and a wait for all of them. Between two of them is room on
 * the disk: QEMU makes one request of neighbours.
 */
struct crowd {
	unsigned int nr;
	unsigned int apart;
	struct one {
		struct block_request req;
		struct block_segment segment;
		struct crowd *crowd;
		void *page;
	} * ones;
	atomic_t left;
	struct completion all;
};

static void one_done(struct block_request *req)
{
	struct crowd *crowd = container_of(req, struct one, req)->crowd;

	if (atomic_dec_and_test(&crowd->left))
		complete(&crowd->all);
}

static void crowd_free(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned int i = 0; i < crowd->nr; i++) {
		if (crowd->ones[i].page)
			put_page(virt_to_page(crowd->ones[i].page));
	}
}

static struct crowd *crowd_new(struct ktest *test, unsigned int nr)
{
	struct crowd *crowd = ktest_alloc(test, sizeof(*crowd));

	crowd->nr = nr;
	crowd->apart = 2 * PAGE_SECTORS;
	crowd->ones = ktest_alloc(test, nr * sizeof(*crowd->ones));
	ktest_cleanup(test, crowd_free, crowd);
	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page) {
			ktest_fail(test, "no memory for a page");
			return NULL;
		}
		crowd->ones[i].page = page_address(page);
		crowd->ones[i].crowd = crowd;
		crowd->ones[i].segment = (struct block_segment){
			virt_to_phys(crowd->ones[i].page), PAGE_SIZE};
	}
	return crowd;
}

static u64 word_of(unsigned int i, unsigned int word, u64 salt)
{
	return salt << 32 | i << 12 | word;
}

static void fill(struct one *one, unsigned int i, u64 salt)
{
	for (unsigned int word = 0; word < PAGE_WORDS; word++)
		((u64 *)one->page)[word] = word_of(i, word, salt);
}

static unsigned int wrong_words(const struct one *one, unsigned int i, u64 salt)
{
	unsigned int wrong = 0;

	for (unsigned int word = 0; word < PAGE_WORDS; word++)
		wrong += ((u64 *)one->page)[word] != word_of(i, word, salt);
	return wrong;
}

static void crowd_prepare(struct crowd *crowd, enum block_op op,
			  struct list_head *requests)
{
	atomic_set(&crowd->left, (int)crowd->nr);
	init_completion(&crowd->all);
	for (unsigned int i = 0; i < crowd->nr; i++) {
		struct one *one = &crowd->ones[i];

		one->req = (struct block_request){.op = op,
						  .sector = i * crowd->apart,
						  .segments = &one->segment,
						  .nr_segments = 1,
						  .done = one_done};
		list_add_tail(&one->req.link, requests);
	}
}

/* Returns how many failed. */
static unsigned int crowd_do(struct block_disk *disk, struct crowd *crowd,
			     enum block_op op)
{
	unsigned int failed = 0;
	LIST_HEAD(requests);

	crowd_prepare(crowd, op, &requests);
	block_submit(disk, &requests);
	wait_for_completion(&crowd->all);
	for (unsigned int i = 0; i < crowd->nr; i++)
		failed += crowd->ones[i].req.error != 0;
	return failed;
}

static void write_and_read_back(struct ktest *test, struct block_disk *disk,
				struct crowd *crowd, u64 salt)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		fill(&crowd->ones[i], i, salt);
	EXPECT_EQ(crowd_do(disk, crowd, BLOCK_WRITE), 0U);
	EXPECT_EQ(block_flush(disk), 0);
	for (i = 0; i < crowd->nr; i++)
		memset(crowd->ones[i].page, 0, PAGE_SIZE);
	EXPECT_EQ(crowd_do(disk, crowd, BLOCK_READ), 0U);
	for (i = 0; i < crowd->nr; i++)
		EXPECT_EQ(wrong_words(&crowd->ones[i], i, salt), 0U, "page %u",
			  i);
}

/* Three times what the queue holds: most of them wait. */
KTEST(virtio_blk, a_batch_larger_than_the_queue_is_written_and_read_back,
      KT_FLAGS(KT_NEEDS_DISK))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	struct block_counters before, after;
	struct crowd *crowd = crowd_new(test, 3 * VIRTIO_BLK_ENTRIES);

	REQUIRE(crowd);
	block_read_counters(disk, &before);
	write_and_read_back(test, disk, crowd, rng_next(ktest_rng(test)));
	block_read_counters(disk, &after);
	EXPECT_LT(before.full, after.full);
	EXPECT_EQ(after.ops[BLOCK_WRITE] - before.ops[BLOCK_WRITE], crowd->nr);
	EXPECT_EQ(after.sectors[BLOCK_READ] - before.sectors[BLOCK_READ],
		  crowd->nr * PAGE_SECTORS);
	EXPECT_EQ(after.lies, before.lies);
	EXPECT_EQ(after.resets, before.resets);
	EXPECT(block_verify(disk));
}

/* The pages lie anywhere, and are neighbours on the disk. */
KTEST(virtio_blk, one_request_of_many_segments_is_the_same_as_many_requests,
      KT_FLAGS(KT_NEEDS_DISK))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	unsigned int nr = min(block_limits(disk)->segments, VIRTIO_BLK_SEGMENTS),
		     i;
	struct crowd *crowd = crowd_new(test, nr);
	struct block_segment *segments =
		ktest_alloc(test, nr * sizeof(*segments));
	struct block_request write = {
		.op = BLOCK_WRITE, .segments = segments, .nr_segments = nr};
	u64 salt = rng_next(ktest_rng(test));

	REQUIRE(crowd);
	crowd->apart = PAGE_SECTORS;
	for (i = 0; i < nr; i++) {
		fill(&crowd->ones[i], i, salt);
		segments[i] = crowd->ones[i].segment;
	}
	EXPECT_EQ(block_wait(disk, &write), 0);
	for (i = 0; i < nr; i++)
		memset(crowd->ones[i].page, 0, PAGE_SIZE);
	EXPECT_EQ(crowd_do(disk, crowd, BLOCK_READ), 0U);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(wrong_words(&crowd->ones[i], i, salt), 0U, "page %u",
			  i);
}

/*
 * A used index that the device never wrote: the layer believes the ring no longer, resets
 * the real device, and goes on with it.
 */
KTEST(virtio_blk, a_disk_works_on_after_a_reset, KT_FLAGS(KT_NEEDS_DISK))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	struct virtio_blk *blk = container_of(disk, struct virtio_blk, disk);
	struct crowd *crowd = crowd_new(test, VIRTIO_BLK_ENTRIES);
	struct block_counters before, after;

	REQUIRE(crowd);
	write_and_read_back(test, disk, crowd, 1);
	block_read_counters(disk, &before);
	blk->queue->vq.used->idx = (u16)(blk->queue->vq.used->idx + 1000);
	block_interrupt(disk);
	flush_work(&disk->lie);
	block_read_counters(disk, &after);
	EXPECT_EQ(after.resets - before.resets, 1);
	EXPECT_EQ(after.lies - before.lies, 1);
	EXPECT(block_alive(disk));
	EXPECT_EQ(crowd_do(disk, crowd, BLOCK_READ), 0U);
	EXPECT_EQ(wrong_words(&crowd->ones[5], 5, 1), 0U);
	write_and_read_back(test, disk, crowd, 2);
	EXPECT(virtqueue_verify(&blk->queue->vq));
}

KTEST(virtio_blk, a_disk_says_its_serial_number_again, KT_FLAGS(KT_NEEDS_DISK))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	struct crowd *crowd = crowd_new(test, 1);
	struct block_request req = {.op = BLOCK_SERIAL, .nr_segments = 1};

	REQUIRE(crowd);
	crowd->ones[0].segment.bytes = BLOCK_SERIAL_BYTES;
	req.segments = &crowd->ones[0].segment;
	memset(crowd->ones[0].page, 0, PAGE_SIZE);
	EXPECT_EQ(block_wait(disk, &req), 0);
	EXPECT_STREQ((char *)crowd->ones[0].page, KTEST_DISK);
}

KTEST(virtio_blk, the_second_disk_of_a_serial_number_is_named_by_its_number,
      KT_FLAGS(KT_NEEDS_DISK))
{
	static const char serial[BLOCK_SERIAL_BYTES] = KTEST_DISK;
	char name[BLOCK_NAME_BYTES];

	block_choose_name(name, serial, 3);
	EXPECT_STREQ(name, "disk3");
}

/* ---- disks of scripts/diskboots.py -------------------------------------------- */

/* As the rules for blkdebug there have them. */
#define BAD_READ  4096u
#define BAD_WRITE 8192u

static int sector_io(struct block_disk *disk, enum block_op op, u64 sector,
		     struct one *one)
{
	struct block_request req = {.op = op,
				    .sector = sector,
				    .segments = &one->segment,
				    .nr_segments = 1};

	return block_wait(disk, &req);
}

KTEST(virtio_blk, a_named_sector_fails_and_no_other,
      KT_FLAGS(KT_NEEDS_DISK | KT_BY_NAME_ONLY))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	struct crowd *crowd = crowd_new(test, 1);
	struct one *one;

	REQUIRE(crowd);
	one = &crowd->ones[0];
	fill(one, 0, 3);
	EXPECT_EQ(sector_io(disk, BLOCK_WRITE, BAD_READ, one), 0);
	EXPECT_EQ(sector_io(disk, BLOCK_READ, BAD_READ, one), -EIO);
	EXPECT_EQ(sector_io(disk, BLOCK_READ, BAD_READ - 7, one), -EIO);
	EXPECT_EQ(sector_io(disk, BLOCK_READ, BAD_READ - 8, one), 0);
	EXPECT_EQ(sector_io(disk, BLOCK_READ, BAD_READ + 1, one), 0);
	EXPECT_EQ(sector_io(disk, BLOCK_WRITE, BAD_WRITE, one), -EIO);
	EXPECT_EQ(sector_io(disk, BLOCK_READ, BAD_WRITE, one), 0);
	EXPECT_EQ(sector_io(disk, BLOCK_WRITE, BAD_WRITE + 8, one), 0);
	EXPECT_EQ(block_flush(disk), 0);
	EXPECT(block_alive(disk));
	EXPECT_EQ(disk->counters.resets, 0);
}

KTEST(virtio_blk, a_flush_that_fails_says_so_each_time,
      KT_FLAGS(KT_NEEDS_DISK | KT_BY_NAME_ONLY))
{
	struct block_disk *disk = block_find("no-flush");
	struct crowd *crowd = crowd_new(test, 1);

	REQUIRE(disk);
	REQUIRE(crowd);
	EXPECT_EQ(sector_io(disk, BLOCK_WRITE, 0, &crowd->ones[0]), 0);
	EXPECT_EQ(block_flush(disk), -EIO);
	EXPECT_EQ(block_flush(disk), -EIO);
	EXPECT_EQ(sector_io(disk, BLOCK_READ, 0, &crowd->ones[0]), 0);
}

#define ROUNDS 150u

/*
 * One in a thousand fails. A page whose write failed has any words; each other page has
 * those of its last write.
 */
KTEST(virtio_blk, a_disk_that_fails_now_and_then_loses_only_what_it_says,
      KT_FLAGS(KT_NEEDS_DISK | KT_BY_NAME_ONLY | KT_SLOW))
{
	struct block_disk *disk = block_find(KTEST_DISK);
	struct crowd *crowd = crowd_new(test, VIRTIO_BLK_ENTRIES);
	u8 *lost = ktest_alloc(test, VIRTIO_BLK_ENTRIES);
	unsigned int round, i, failed = 0, seen = 0;

	REQUIRE(crowd);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < crowd->nr; i++)
			fill(&crowd->ones[i], i, round);
		failed += crowd_do(disk, crowd, BLOCK_WRITE);
		for (i = 0; i < crowd->nr; i++)
			lost[i] = crowd->ones[i].req.error != 0;
		for (i = 0; i < crowd->nr; i++)
			memset(crowd->ones[i].page, 0, PAGE_SIZE);
		failed += crowd_do(disk, crowd, BLOCK_READ);
		for (i = 0; i < crowd->nr; i++) {
			if (lost[i] || crowd->ones[i].req.error)
				continue;
			seen++;
			EXPECT_EQ(wrong_words(&crowd->ones[i], i, round), 0U);
		}
	}
	ktest_note("%u of %u requests failed", failed, 2 * ROUNDS * crowd->nr);
	EXPECT_LT(0U, failed);
	EXPECT_LT(ROUNDS * crowd->nr / 2, seen);
	EXPECT(block_alive(disk));
	EXPECT_EQ(disk->counters.resets, 0);
	EXPECT_EQ(disk->counters.lies, 0);
}

#define SLOW_WRITES 24u

/*
 *	the slow disk				KTEST_DISK
 *	has SLOW_WRITES writes, a few a second
 *						does all that it is asked
 *	not done yet
 *	its limit is over: reset
 *	each write comes back
 */
KTEST(virtio_blk, a_slow_disk_costs_its_own_requests,
      KT_FLAGS(KT_NEEDS_DISK | KT_BY_NAME_ONLY | KT_SLOW))
{
	struct block_disk *disk = block_find(KTEST_DISK),
			  *slow = block_find("slow");
	struct crowd *many = crowd_new(test, VIRTIO_BLK_ENTRIES);
	struct crowd *writes = crowd_new(test, SLOW_WRITES);
	unsigned int i, failed = 0;
	LIST_HEAD(requests);

	REQUIRE(slow);
	REQUIRE(many);
	REQUIRE(writes);
	block_set_limit(slow, 5 * NSEC_PER_SEC * KTEST_SLOWER);
	crowd_prepare(writes, BLOCK_WRITE, &requests);
	block_submit(slow, &requests);
	write_and_read_back(test, disk, many, 4);
	EXPECT_LT(0, atomic_read(&writes->left));
	wait_for_completion(&writes->all);
	EXPECT_LT(0, slow->counters.resets);
	for (i = 0; i < SLOW_WRITES; i++)
		failed += writes->ones[i].req.error != 0;
	EXPECT_EQ(failed, slow->counters.timed_out);
	EXPECT(block_alive(slow));
	EXPECT_EQ(disk->counters.resets, 0);
	EXPECT_EQ(sector_io(slow, BLOCK_READ, 0, &many->ones[0]), 0);
	EXPECT(block_verify(slow));
}
