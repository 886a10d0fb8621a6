// SPDX-License-Identifier: MIT
/*
 * tests/drivers/block/config_test.c - what a disk says of itself, made up
 *
 * No QEMU says most of this. Each row changes one thing of a disk that is right.
 */
#include <kernel/ktest.h>
#include <lib/string.h>

#include "drivers/block/internal.h"

#define ALL (VIRTIO_BLK_WANTED)

static const struct virtio_blk_config usual = {
	.features = ALL,
	.sectors = 2048,
	.segment_bytes = 65536,
	.segments = 16,
	.block_bytes = 512,
};

KTEST(virtio_blk, a_usual_disk_has_the_limits_that_it_says)
{
	struct block_limits limits;

	EXPECT(!virtio_blk_refusal(&usual, 64, &limits));
	EXPECT_EQ(limits.sectors, 2048);
	EXPECT_EQ(limits.segment_bytes, 65536U);
	EXPECT_EQ(limits.segments, 16U);
	EXPECT_EQ(limits.block_bytes, 512U);
	EXPECT(limits.cached);
	EXPECT(limits.read_only);
}

KTEST(virtio_blk, a_disk_that_offers_nothing_has_one_segment_and_no_cache)
{
	const struct virtio_blk_config bare = {
		.features = 0, .sectors = 1, .segment_bytes = 7, .block_bytes = 3};
	struct block_limits limits;

	EXPECT(!virtio_blk_refusal(&bare, 64, &limits));
	EXPECT_EQ(limits.segments, 1U);
	EXPECT_EQ(limits.segment_bytes, VIRTIO_BLK_SEGMENT_BYTES);
	EXPECT_EQ(limits.block_bytes, BLOCK_SECTOR_BYTES);
	EXPECT(!limits.cached);
	EXPECT(!limits.read_only);
}

struct refused {
	const char *words;
	struct virtio_blk_config config;
	unsigned int entries;
};

static const struct refused refused[] = {
	{"size is no size", {ALL, (1ull << 54) + 1, 65536, 16, 512}, 64},
	{"size is no size", {ALL, ~0ull, 65536, 16, 512}, 64},
	{"block is no power", {ALL, 8, 65536, 16, 0}, 64},
	{"block is no power", {ALL, 8, 65536, 16, 256}, 64},
	{"block is no power", {ALL, 8, 65536, 16, 1536}, 64},
	{"block is no power", {ALL, 8, 65536, 16, 8192}, 64},
	{"no segment of a page", {ALL, 8, 4095, 16, 512}, 64},
	{"no segment of a page", {ALL, 8, 0, 16, 512}, 64},
	{"no request of one segment", {ALL, 8, 4096, 0, 512}, 64},
	{"no request of one segment",
	 {ALL & ~(1ull << VIRTIO_F_INDIRECT_DESC), 8, 4096, 16, 512},
	 2},
	{"no request of one segment",
	 {ALL & ~(1ull << VIRTIO_F_INDIRECT_DESC), 8, 4096, 16, 512},
	 0},
};

KTEST(virtio_blk, a_disk_that_says_nonsense_is_refused_with_the_reason)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
		struct block_limits limits = {.sectors = 77};
		const char *why = virtio_blk_refusal(
			&refused[i].config, refused[i].entries, &limits);

		REQUIRE(why, "row %u", i);
		EXPECT(strstr(why, refused[i].words), "row %u: %s", i, why);
		EXPECT_EQ(limits.sectors, 77, "row %u", i);
	}
}

/* Header, status and each segment take an entry where there are no tables. */
KTEST(virtio_blk, a_small_queue_without_tables_limits_the_segments)
{
	struct virtio_blk_config config = usual;
	struct block_limits limits;

	config.features &= ~(1ull << VIRTIO_F_INDIRECT_DESC);
	EXPECT(!virtio_blk_refusal(&config, 8, &limits));
	EXPECT_EQ(limits.segments, 6U);
	config.segments = 1000;
	EXPECT(!virtio_blk_refusal(&config, 256, &limits));
	EXPECT_EQ(limits.segments, VIRTIO_BLK_SEGMENTS);
}

struct answer {
	enum block_op op;
	u64 bytes;
	u8 status;
	u32 written;
	int means;
};

static const struct answer answers[] = {
	{BLOCK_READ, 1024, 0, 1025, 0},
	{BLOCK_READ, 1024, 0, 1024, -EPROTO}, /* a byte is missing */
	{BLOCK_READ, 1024, 0, 1, -EPROTO},
	{BLOCK_READ, 1024, 1, 1, -EIO},
	{BLOCK_READ, 1024, 1, 1025, -EIO},
	{BLOCK_READ, 1024, 2, 1, -EOPNOTSUPP},
	{BLOCK_READ, 1024, 3, 1025, -EPROTO},
	{BLOCK_READ, 1024, VIRTIO_BLK_S_NONE, 1025, -EPROTO},
	{BLOCK_WRITE, 1024, 0, 1, 0},
	{BLOCK_WRITE, 1024, 0, 0, -EPROTO}, /* not even a status */
	{BLOCK_FLUSH, 0, 0, 1, 0},
	{BLOCK_FLUSH, 0, 1, 1, -EIO},
	{BLOCK_SERIAL, 20, 0, 8, 0}, /* a short one */
};

KTEST(virtio_blk, an_answer_means_what_status_and_length_say)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *a = &answers[i];

		EXPECT_EQ(virtio_blk_answer(a->op, a->bytes, a->status,
					    a->written),
			  a->means, "row %u", i);
	}
}
