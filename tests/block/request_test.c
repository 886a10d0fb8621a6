// SPDX-License-Identifier: MIT
/*
 * tests/block/request_test.c - requests go to the device and come back
 *
 * The disk is tests/block/lib/staged.h: the test is the device. A row of letters is what
 * the device has: W a write, R a read, F a flush.
 */
#include <arch/page.h>
#include <lib/string.h>

#include "tests/block/lib/staged.h"

KTEST(block, a_request_goes_to_the_device_and_comes_back_once)
{
	struct staged_disk *disk = staged_new(test, 4);
	struct asked *read;

	REQUIRE(disk);
	read = asked_new(test, disk, BLOCK_READ, 7);
	submit_all(disk, &read, 1);
	EXPECT(staged_has(disk, read));
	EXPECT_EQ(read->done, 0U);
	EXPECT(block_verify(&disk->disk));
	staged_end(disk, read, 0);
	EXPECT_EQ(read->done, 1U);
	EXPECT_EQ(read->req.error, 0);
	block_interrupt(&disk->disk); /* one without a reason */
	EXPECT_EQ(read->done, 1U);
	EXPECT(block_verify(&disk->disk));
}

/*
 *	room		0 1
 *	submitted	W W W W W
 *	has		W W		then each answer lets the next in
 */
KTEST(block, requests_that_find_no_room_follow_when_one_comes_back)
{
	struct staged_disk *disk = staged_new(test, 2);
	struct asked *writes[5];
	unsigned int i;

	REQUIRE(disk);
	asked_array(test, disk, BLOCK_WRITE, writes, 5);
	submit_all(disk, writes, 5);
	EXPECT_EQ(disk->given, 2U);
	EXPECT_LT(0, disk->disk.counters.full);
	for (i = 0; i < 3; i++) {
		EXPECT(!staged_has(disk, writes[i + 2]));
		staged_end(disk, writes[i], 0);
		EXPECT(staged_has(disk, writes[i + 2]));
		EXPECT_EQ(disk->nr_has, 2U);
		EXPECT(block_verify(&disk->disk));
	}
	EXPECT_EQ(writes[3]->done + writes[4]->done, 0U);
}

KTEST(block, the_device_is_told_of_a_batch_once)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct asked *writes[8];

	REQUIRE(disk);
	asked_array(test, disk, BLOCK_WRITE, writes, 8);
	submit_all(disk, writes, 8);
	EXPECT_EQ(disk->given, 8U);
	EXPECT_EQ(disk->disk.counters.notified, 1);
}

/*
 *	submitted	W0 W1 F R
 *	has		W0 W1		F waits for both, R behind it
 *	W1 ends		W0
 *	W0 ends		F R		and R does not wait for F
 */
KTEST(block, a_flush_waits_for_the_writes_before_it_and_holds_what_follows)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct asked *all[4];

	REQUIRE(disk);
	asked_array(test, disk, BLOCK_WRITE, all, 2);
	all[2] = asked_new(test, disk, BLOCK_FLUSH, 0);
	all[3] = asked_new(test, disk, BLOCK_READ, 9);
	submit_all(disk, all, 4);
	EXPECT_EQ(disk->given, 2U);
	staged_end(disk, all[1], 0);
	EXPECT(!staged_has(disk, all[2]));
	EXPECT(!staged_has(disk, all[3]));
	staged_end(disk, all[0], -EIO); /* has an end, too */
	EXPECT(staged_has(disk, all[2]));
	EXPECT(staged_has(disk, all[3]));
	staged_end(disk, all[2], 0);
	EXPECT_EQ(all[2]->req.error, 0);
	EXPECT_LT(0, disk->disk.counters.held_back);
}

/* A flush behind reads alone goes at once: they have nothing to lose. */
KTEST(block, a_flush_does_not_wait_for_reads)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct asked *all[2];

	REQUIRE(disk);
	all[0] = asked_new(test, disk, BLOCK_READ, 0);
	all[1] = asked_new(test, disk, BLOCK_FLUSH, 0);
	submit_all(disk, all, 2);
	EXPECT(staged_has(disk, all[1]));
}

KTEST(block, a_flush_without_a_cache_ends_with_the_writes_before_it)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct asked *all[2];

	REQUIRE(disk);
	disk->disk.limits.cached = false;
	all[0] = asked_new(test, disk, BLOCK_WRITE, 0);
	all[1] = asked_new(test, disk, BLOCK_FLUSH, 0);
	submit_all(disk, all, 2);
	EXPECT_EQ(all[1]->done, 0U);
	staged_end(disk, all[0], 0);
	EXPECT_EQ(all[1]->done, 1U);
	EXPECT_EQ(all[1]->req.error, 0);
	EXPECT_EQ(disk->given, 1U);
}

struct bad {
	const char *what;
	enum block_op op;
	u64 sector;
	unsigned int segments;
	u32 bytes;
	int error;
};

/* Of a disk with blocks of 1024 bytes. */
static const struct bad bad[] = {
	{"no segment", BLOCK_READ, 0, 0, 1024, -EINVAL},
	{"a segment too many", BLOCK_READ, 0, STAGED_SEGMENTS + 1, 1024, -EINVAL},
	{"an empty segment", BLOCK_READ, 0, 1, 0, -EINVAL},
	{"half a block", BLOCK_WRITE, 0, 1, 512, -EINVAL},
	{"a long segment", BLOCK_READ, 0, 1, 5120, -EINVAL},
	{"the middle of a block", BLOCK_READ, 1, 1, 1024, -EINVAL},
	{"one sector beyond the end", BLOCK_READ, STAGED_SECTORS - 2, 2, 1024,
	 -EIO},
	{"far beyond the end", BLOCK_READ, ~1ull, 1, 1024, -EIO},
	{"a flush of memory", BLOCK_FLUSH, 0, 1, 1024, -EINVAL},
	{"a serial number of another size", BLOCK_SERIAL, 0, 1, 1024, -EINVAL},
	{"no operation", BLOCK_OPS, 0, 1, 1024, -EINVAL},
	{"a write to what is read-only", BLOCK_WRITE, 0, 1, 1024, -EROFS},
};

KTEST(block, a_request_that_is_none_is_refused_and_never_given)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct block_segment segments[STAGED_SEGMENTS + 1];
	unsigned int i, j;

	REQUIRE(disk);
	disk->disk.limits.block_bytes = 1024;
	disk->disk.limits.read_only = true;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct asked *asked = asked_new(test, disk, bad[i].op, 0);

		for (j = 0; j < ARRAY_SIZE(segments); j++)
			segments[j] =
				(struct block_segment){PAGE_SIZE, bad[i].bytes};
		asked->req.sector = bad[i].sector;
		asked->req.segments = segments;
		asked->req.nr_segments = bad[i].segments;
		submit_all(disk, &asked, 1);
		EXPECT_EQ(asked->done, 1U, "%s", bad[i].what);
		EXPECT_EQ(asked->req.error, bad[i].error, "%s", bad[i].what);
	}
	EXPECT_EQ(disk->given, 0U);
	EXPECT_EQ(disk->disk.counters.refused, ARRAY_SIZE(bad));
}

KTEST(block, the_last_sectors_of_a_disk_are_read)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct asked *last;

	REQUIRE(disk);
	last = asked_new(test, disk, BLOCK_READ, STAGED_SECTORS - 1);
	submit_all(disk, &last, 1);
	EXPECT(staged_has(disk, last));
}

KTEST(block, a_request_larger_than_the_disk_is_beyond_its_end)
{
	struct staged_disk *disk = staged_new(test, 8);
	struct block_segment two[2];
	struct asked *read;

	REQUIRE(disk);
	disk->disk.limits.sectors = 1;
	read = asked_new(test, disk, BLOCK_READ, 0);
	two[0] = read->segment;
	two[1] = read->segment;
	read->req.segments = two;
	read->req.nr_segments = 2;
	submit_all(disk, &read, 1);
	EXPECT_EQ(read->done, 1U);
	EXPECT_EQ(read->req.error, -EIO);
}

KTEST(block, an_error_of_the_device_is_that_of_its_request)
{
	static const int says[] = {-EIO, -EOPNOTSUPP, -EPROTO, 0};
	static const int means[] = {-EIO, -EOPNOTSUPP, -EIO, 0};
	struct staged_disk *disk = staged_new(test, 8);
	struct asked *reads[4];
	unsigned int i;

	REQUIRE(disk);
	asked_array(test, disk, BLOCK_READ, reads, 4);
	submit_all(disk, reads, 4);
	for (i = 0; i < 4; i++)
		staged_answer(disk, reads[i], says[i]);
	block_interrupt(&disk->disk);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(reads[i]->done, 1U);
		EXPECT_EQ(reads[i]->req.error, means[i]);
	}
	EXPECT_EQ(disk->disk.counters.lies, 1);
	EXPECT_EQ(disk->disk.counters.failed, 3);
	EXPECT_EQ(disk->disk.counters.sectors[BLOCK_READ], 1);
	EXPECT_EQ(disk->stops, 0U);
}

/* Two rounds: done() of the first submits the second. */
struct again {
	struct block_request req;
	struct block_segment segment;
	struct staged_disk *disk;
	unsigned int done;
};

static void submit_again(struct block_request *req)
{
	struct again *again = container_of(req, struct again, req);

	if (!again->done++)
		block_submit_one(&again->disk->disk, req);
}

KTEST(block, done_may_submit_its_request_again)
{
	struct again *again = ktest_alloc(test, sizeof(*again));
	struct staged_disk *disk = staged_new(test, 1);
	int round;

	REQUIRE(disk);
	again->disk = disk;
	again->segment = (struct block_segment){PAGE_SIZE, BLOCK_SECTOR_BYTES};
	again->req = (struct block_request){.op = BLOCK_READ,
					    .segments = &again->segment,
					    .nr_segments = 1,
					    .done = submit_again};
	block_submit_one(&disk->disk, &again->req);
	for (round = 1; round <= 2; round++) {
		unsigned long flags;

		EXPECT_EQ(disk->nr_has, 1U);
		spin_lock_irqsave(&disk->disk.lock, flags);
		disk->answers[0] = disk->has[0];
		disk->errors[0] = 0;
		disk->nr_answers = 1;
		disk->nr_has = 0;
		spin_unlock_irqrestore(&disk->disk.lock, flags);
		block_interrupt(&disk->disk);
		EXPECT_EQ(again->done, (unsigned int)round);
	}
	EXPECT(block_verify(&disk->disk));
}

/* ---- random operations beside a shadow -------------------------------------- */

#define RANDOM_REQUESTS 300U

/* Is a write that was submitted before @flush not done yet? */
static bool writes_open(struct asked **all, unsigned int flush)
{
	for (unsigned int i = 0; i < flush; i++) {
		if (all[i]->req.op == BLOCK_WRITE && !all[i]->done)
			return true;
	}
	return false;
}

static enum block_op random_op(struct rng *rng)
{
	u64 drawn = rng_next(rng) % 8;

	return drawn ? (drawn < 4 ? BLOCK_READ : BLOCK_WRITE) : BLOCK_FLUSH;
}

static void random_answer(struct staged_disk *disk, struct rng *rng)
{
	struct asked *asked;

	if (!disk->nr_has)
		return;
	asked = container_of(disk->has[rng_next(rng) % disk->nr_has],
			     struct asked, req);
	staged_end(disk, asked, rng_next(rng) % 16 ? 0 : -EIO);
}

KTEST(block, random_answers_end_each_request_once_and_keep_flushes_behind_writes)
{
	struct asked **all = ktest_alloc(test, RANDOM_REQUESTS * sizeof(*all));
	struct asked *pool = ktest_alloc(test, RANDOM_REQUESTS * sizeof(*pool));
	struct staged_disk *disk = staged_new(test, 5);
	struct rng *rng = ktest_rng(test);
	unsigned int submitted = 0, i;
	struct asked *model;

	REQUIRE(disk);
	model = asked_new(test, disk, BLOCK_READ, 0);
	for (i = 0; i < RANDOM_REQUESTS; i++) {
		all[i] = &pool[i];
		pool[i] = *model;
		pool[i].req.op = random_op(rng);
		pool[i].req.sector = i;
		pool[i].req.segments = &pool[i].segment;
		pool[i].req.nr_segments = pool[i].req.op != BLOCK_FLUSH;
	}
	while (submitted < RANDOM_REQUESTS || disk->nr_has) {
		if (submitted < RANDOM_REQUESTS && rng_next(rng) % 2) {
			unsigned int nr =
				min(1 + (unsigned int)(rng_next(rng) % 4),
				    RANDOM_REQUESTS - submitted);

			submit_all(disk, all + submitted, nr);
			submitted += nr;
		} else {
			random_answer(disk, rng);
		}
		for (i = 0; i < submitted; i++) {
			if (all[i]->req.op == BLOCK_FLUSH &&
			    staged_has(disk, all[i]))
				EXPECT(!writes_open(all, i), "flush %u", i);
		}
		REQUIRE(block_verify(&disk->disk));
	}
	for (i = 0; i < RANDOM_REQUESTS; i++)
		EXPECT_EQ(all[i]->done, 1U, "request %u", i);
}
