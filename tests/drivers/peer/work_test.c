// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/work_test.c - work that is answered wrongly, late or not
 *
 * The device is pretended (pretend.h): it does no work, and answers as a test wants.
 */
#include <lib/errno.h>
#include <lib/string.h>

#include "pretend.h"

static const struct peer_work eight_loads = {
	.op = PEER_OP_LOAD, .width = 8, .count = 8, .stride = 8, .repeat = 1};

/* Work without a context, as the boot probe's. */
static int send(struct pretended *device, struct peer_work *work)
{
	u64 left = NSEC_PER_SEC;

	return peer_work_send(device->peer, NULL, 1, work, &left);
}

static int send_and_wait(struct pretended *device, struct peer_work *work)
{
	return send(device, work) ?: peer_work_wait(work, NSEC_PER_SEC);
}

static u32 keep(struct pretended *device, struct peer_wire_work *work,
		struct peer_wire_work_done *answer)
{
	return PRETEND_KEEP;
}

/* Of the length in ->arg. */
static u32 answer_shortly(struct pretended *device, struct peer_wire_work *work,
			  struct peer_wire_work_done *answer)
{
	pretended_do(device, work, answer);
	return *(u32 *)device->arg;
}

KTEST(peer_work, an_answer_that_is_too_short_is_refused_and_counted)
{
	u32 length = sizeof(struct peer_wire_work_done) - 1;
	struct pretended *device = pretended_new(test);
	struct peer_work work = eight_loads;

	REQUIRE(device);
	device->work = answer_shortly;
	device->arg = &length;
	EXPECT_EQ(send_and_wait(device, &work), -EPROTO);
	EXPECT_EQ(work.done, 0UL);
	EXPECT_EQ(device->peer->counters.bad_answers, 1UL);
	length++;
	EXPECT_EQ(send_and_wait(device, &work), 0);
	EXPECT_EQ(work.done, 8UL);
	EXPECT(peer_alive(device->peer));
	EXPECT(peer_work_idle(device->peer));
}

KTEST(peer_work,
      work_that_cannot_be_sent_is_done_with_an_error_and_its_slot_is_free)
{
	struct pretended *device = pretended_new(test);
	struct peer_work work = eight_loads;

	REQUIRE(device);
	device->peer->work->vq.broken = true;
	EXPECT_EQ(send(device, &work), -EIO);
	EXPECT_EQ(peer_work_wait(&work, 0), -EIO);
	EXPECT(!work.slot);
	EXPECT(peer_work_idle(device->peer));
	EXPECT(!device->peer->work_slots[0].flight);
}

KTEST(peer_work, a_broken_work_queue_ends_the_device_and_each_wait)
{
	struct pretended *device = pretended_new(test);
	struct peer_work work = eight_loads, next = eight_loads;

	REQUIRE(device);
	device->work = keep;
	EXPECT_EQ(send(device, &work), 0);
	pretended_break(device, PEER_QUEUE_WORK);
	peer_work_interrupt(device->peer);
	EXPECT_STREQ(device->peer->dead, "it broke the work queue");
	EXPECT_EQ(peer_work_wait(&work, NSEC_PER_SEC), -EIO);
	EXPECT_EQ(send(device, &next), -EIO);
}

/* Five values of eight, because the work failed at the sixth element. */
static u32 fail_at_the_sixth(struct pretended *device,
			     struct peer_wire_work *work,
			     struct peer_wire_work_done *answer)
{
	u64 *values = device->arg;

	memset(values, 0x11, 8 * sizeof(*values));
	*answer = (struct peer_wire_work_done){
		.status = PEER_S_FAULT, .done = 5, .fault_va = 40};
	return sizeof(*answer) + 5 * sizeof(*values);
}

KTEST(peer_work, of_work_that_failed_only_the_values_that_were_done_are_copied)
{
	struct pretended *device = pretended_new(test);
	struct peer_work work = eight_loads;
	u64 results[8] = {0};

	REQUIRE(device);
	work.results = results;
	device->work = fail_at_the_sixth;
	/* Slots are taken in order, so the first one's page is the work's. */
	device->arg = device->peer->work_slots[0].values;
	EXPECT_EQ(send_and_wait(device, &work), -EFAULT);
	EXPECT_EQ(work.done, 5UL);
	EXPECT_EQ(work.fault_va, 40UL);
	EXPECT_EQ(results[4], 0x1111111111111111UL);
	EXPECT_EQ(results[5], 0UL);
}

/*
 *	caller				device
 *	submits, waits
 *	abandons; returns: the work is gone
 *					answers
 *					(must write nothing to the work)
 */
KTEST(peer_work, the_answer_to_abandoned_work_frees_its_slot_and_nothing_else)
{
	const u32 length = sizeof(struct peer_wire_work_done);
	struct pretended *device = pretended_new(test);
	struct peer_context ctx = {0};
	struct peer_work work = eight_loads;
	struct peer_work_slot *slot;

	REQUIRE(device);
	ctx.peer = device->peer;
	device->work = keep;
	EXPECT_EQ(send(device, &work), 0);
	slot = work.slot;
	REQUIRE(slot);
	EXPECT_EQ(peer_work_wait(&work, 0), -ETIMEDOUT);
	peer_work_abandon(&ctx, &work);
	pretended_do(device, slot->request, slot->answer);
	pretended_answer(device, PEER_QUEUE_WORK, slot, length);
	KTEST_WAIT_FOR(test, READ_ONCE(device->peer->counters.works) == 1);
	EXPECT(!slot->flight);
	EXPECT_EQ(work.done, 0UL);
	EXPECT(!completion_done(&work.completion));
	EXPECT(peer_work_idle(device->peer));
}

/* As many old values as the device's limit, and no more. */
KTEST(peer_work, more_old_values_than_the_device_returns_are_refused)
{
	struct pretended *device = pretended_new(test);
	struct peer_work work = eight_loads;
	u64 *results;

	REQUIRE(device);
	results = ktest_alloc(test, PEER_MIN_RESULTS * sizeof(*results));
	work.results = results;
	work.count = PEER_MIN_RESULTS / 2;
	work.repeat = 2;
	EXPECT_EQ(send_and_wait(device, &work), 0);
	EXPECT_EQ(work.done, (u64)PEER_MIN_RESULTS);
	work.count++;
	EXPECT_EQ(send(device, &work), -EINVAL);
	work.results = NULL;
	EXPECT_EQ(send_and_wait(device, &work), 0);
	work.count = 8;
	work.repeat = 0;
	EXPECT_EQ(send(device, &work), -EINVAL);
	work.count = ~0UL;
	work.repeat = 2;
	EXPECT_EQ(send(device, &work), -EINVAL);
}

/* The device answers commands, and keeps the work of a context that goes. */
KTEST(peer_work, work_that_outlives_its_context_is_canceled_after_a_while)
{
	struct pretended *device = pretended_new(test);
	struct peer_work work = eight_loads, other = eight_loads;

	REQUIRE(device);
	device->work = keep;
	if (!pretended_enter(device))
		return;
	EXPECT_EQ(peer_work_submit(device->ctx, &work), 0);
	EXPECT_EQ(send(device, &other), 0);
	ktest_cleanup_now(test, device);
	EXPECT_EQ(peer_work_wait(&work, 0), -ECANCELED);
	EXPECT(peer_alive(device->peer));
	/* That of another is not its business, and a slot stays with the device. */
	EXPECT_EQ(peer_work_wait(&other, 0), -ETIMEDOUT);
	EXPECT(device->peer->work_slots[0].flight);
	peer_die(device->peer, "a test says so");
	EXPECT_EQ(peer_work_wait(&other, 0), -EIO);
}
