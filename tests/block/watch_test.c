// SPDX-License-Identifier: MIT
/*
 * tests/block/watch_test.c - a device that keeps a request too long, or lies, is reset
 *
 * The limit of a disk is a nanosecond where a request has to be late: the watcher then looks
 * at once. done() notes how often the device had been stopped: 0 would mean that memory was
 * given back which the device could still write.
 */
#include <kernel/sched/sched.h>

#include "tests/block/lib/staged.h"

#define AT_ONCE 1

KTEST(block,
      a_request_that_is_kept_too_long_comes_back_when_the_device_was_stopped)
{
	struct staged_disk *disk = staged_new(test, 4);
	struct asked *read;

	REQUIRE(disk);
	block_set_limit(&disk->disk, AT_ONCE);
	read = asked_new(test, disk, BLOCK_READ, 0);
	submit_all(disk, &read, 1);
	REQUIRE_EQ(step_wait(&read->came, 1), 0);
	EXPECT_EQ(read->req.error, -ETIMEDOUT);
	EXPECT_EQ(read->stops, 1U);
	EXPECT(block_alive(&disk->disk));
	EXPECT_EQ(disk->disk.counters.timed_out, 1);
	block_set_limit(&disk->disk, BLOCK_LIMIT_NS);
	read = asked_new(test, disk, BLOCK_READ, 1);
	submit_all(disk, &read, 1);
	staged_end(disk, read, 0);
	EXPECT_EQ(read->req.error, 0);
}

/*
 *	has		R0 W1 W2 R3 in time, R4 too late; waits: F R5
 *	after the reset	R0 W1 W2 R3		as before, R4 has come back
 */
KTEST(block, requests_in_time_are_repeated_after_a_reset_in_their_order)
{
	struct staged_disk *disk = staged_new(test, 5);
	struct asked *all[7];
	unsigned int i;

	REQUIRE(disk);
	asked_array(test, disk, BLOCK_READ, all, 7);
	all[1]->req.op = BLOCK_WRITE;
	all[2]->req.op = BLOCK_WRITE;
	all[5] = asked_new(test, disk, BLOCK_FLUSH, 0);
	submit_all(disk, all, 4);
	block_set_limit(&disk->disk, AT_ONCE);
	submit_all(disk, all + 4, 1);
	block_set_limit(&disk->disk, BLOCK_LIMIT_NS);
	submit_all(disk, all + 5, 2);
	REQUIRE_EQ(step_wait(&all[4]->came, 1), 0);
	EXPECT_EQ(all[4]->req.error, -ETIMEDOUT);
	EXPECT_EQ(disk->nr_has, 4U);
	for (i = 0; i < 4; i++) {
		EXPECT(disk->has[i] == &all[i]->req, "place %u", i);
		EXPECT_EQ(all[i]->done, 0U);
	}
	EXPECT(block_verify(&disk->disk));
	staged_end(disk, all[1], 0);
	staged_end(disk, all[2], 0);
	EXPECT(staged_has(disk, all[5]));
	EXPECT(staged_has(disk, all[6]));
}

static struct asked *answered_late;

static void answer_at_stop(struct staged_disk *disk)
{
	staged_answer(disk, answered_late, 0);
}

KTEST(block, an_answer_that_comes_with_the_reset_counts)
{
	struct staged_disk *disk = staged_new(test, 4);
	struct asked *write;

	REQUIRE(disk);
	write = asked_new(test, disk, BLOCK_WRITE, 0);
	answered_late = write;
	disk->at_stop = answer_at_stop;
	block_set_limit(&disk->disk, AT_ONCE);
	submit_all(disk, &write, 1);
	REQUIRE_EQ(step_wait(&write->came, 1), 0);
	EXPECT_EQ(write->req.error, 0);
	flush_work(&disk->disk.watch.work);
	EXPECT_EQ(write->done, 1U);
	EXPECT_EQ(disk->stops, 1U);
	EXPECT(block_verify(&disk->disk));
}

static void expect_dead(struct ktest *test, struct staged_disk *disk)
{
	struct asked *all[3];

	asked_array(test, disk, BLOCK_READ, all, 3);
	submit_all(disk, all, 1);
	block_set_limit(&disk->disk, AT_ONCE);
	submit_all(disk, all + 1, 2); /* one finds room, the other waits */
	REQUIRE_EQ(step_wait(&all[2]->came, 1), 0);
	REQUIRE_EQ(step_wait(&all[1]->came, 1), 0);
	REQUIRE_EQ(step_wait(&all[0]->came, 1), 0);
	EXPECT_EQ(all[0]->req.error, -EIO);
	EXPECT_EQ(all[1]->req.error, -ETIMEDOUT);
	EXPECT_EQ(all[2]->req.error, -EIO);
	EXPECT_EQ(all[0]->stops, 1U);
	EXPECT(!block_alive(&disk->disk));
	EXPECT(block_verify(&disk->disk));
	all[0] = asked_new(test, disk, BLOCK_READ, 0);
	submit_all(disk, all, 1);
	EXPECT_EQ(all[0]->done, 1U);
	EXPECT_EQ(all[0]->req.error, -EIO);
	EXPECT_EQ(disk->nr_has, 0U);
}

KTEST(block, a_device_that_cannot_be_stopped_is_dead_and_each_request_comes_back)
{
	struct staged_disk *disk = staged_new(test, 2);

	REQUIRE(disk);
	disk->stop_error = -ETIMEDOUT;
	expect_dead(test, disk);
}

KTEST(block, a_device_that_does_not_start_again_is_dead)
{
	struct staged_disk *disk = staged_new(test, 2);

	REQUIRE(disk);
	disk->restart_error = -EOPNOTSUPP;
	expect_dead(test, disk);
}

/* has: R0 R1; waits: R2. The lie costs the two that the liar has. */
KTEST(block, a_lie_ends_what_the_device_has_and_no_more)
{
	struct staged_disk *disk = staged_new(test, 2);
	struct asked *all[3];
	unsigned int i;

	REQUIRE(disk);
	asked_array(test, disk, BLOCK_READ, all, 3);
	submit_all(disk, all, 3);
	staged_lie(disk);
	for (i = 0; i < 2; i++) {
		REQUIRE_EQ(step_wait(&all[i]->came, 1), 0);
		EXPECT_EQ(all[i]->req.error, -EIO);
		EXPECT_EQ(all[i]->stops, 1U);
	}
	flush_work(&disk->disk.lie);
	EXPECT_EQ(all[2]->done, 0U);
	EXPECT(staged_has(disk, all[2]));
	EXPECT(block_alive(&disk->disk));
	EXPECT_EQ(disk->disk.counters.lies, 1);
	EXPECT_EQ(disk->disk.counters.resets, 1);
}

KTEST(block, an_answer_whose_interrupt_is_lost_is_found_by_looking)
{
	struct staged_disk *disk = staged_new(test, 2);
	struct asked *read;

	REQUIRE(disk);
	read = asked_new(test, disk, BLOCK_READ, 0);
	submit_all(disk, &read, 1);
	staged_answer(disk, read, 0);
	REQUIRE_EQ(step_wait(&read->came, 1), 0);
	EXPECT_EQ(read->req.error, 0);
	EXPECT_EQ(disk->stops, 0U);
}

struct waiter {
	struct staged_disk *disk;
	int error;
};

static int wait_thread(void *arg)
{
	struct waiter *waiter = arg;

	waiter->error = block_flush(&waiter->disk->disk);
	return 0;
}

KTEST(block, a_thread_that_waits_gets_the_result)
{
	struct staged_disk *disk = staged_new(test, 2);
	struct waiter *waiter = ktest_alloc(test, sizeof(*waiter));
	struct task *thread;
	unsigned long flags;

	REQUIRE(disk);
	waiter->disk = disk;
	thread = kthread_run(wait_thread, waiter, "waits for a flush");
	REQUIRE(!IS_ERR(thread));
	EXPECT_EQ(ktest_wait_blocked(test, thread), 0);
	spin_lock_irqsave(&disk->disk.lock, flags);
	disk->answers[0] = disk->has[0];
	disk->errors[0] = -EIO;
	disk->nr_answers = disk->nr_has;
	disk->nr_has = 0;
	spin_unlock_irqrestore(&disk->disk.lock, flags);
	block_interrupt(&disk->disk);
	kthread_join(thread);
	EXPECT_EQ(waiter->error, -EIO);
}
