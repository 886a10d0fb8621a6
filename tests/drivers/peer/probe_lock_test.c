// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/probe_lock_test.c - the probe of `lock`, with a device that can add
 * and with devices that cannot be probed
 *
 * The device is pretended (pretend.h).
 */
#include <arch/page.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>

#include "tests/ktest/team.h"
#include "pretend.h"

/* The CPU must have added as often, or a right sum shows nothing (probe_lock.c). */
#define CPU_LEAST 1000UL

/**
 * struct probed - a device that knows the page it was given
 * @device: its rings
 * @refuse: the command that it refuses, or 0
 * @word: what MAP named; NULL before
 * @lost: additions that it reports and did not make
 */
struct probed {
	struct pretended *device;
	u32 refuse;
	u64 *word;
	u64 lost;
};

static u32 take_part(struct pretended *device,
		     struct peer_wire_request *request, void *answer)
{
	const struct peer_wire_map *map = (const void *)request;
	struct probed *probed = device->arg;
	u32 length = pretended_obey(device, request, answer);

	if (request->command == probed->refuse)
		((struct peer_wire_answer *)answer)->status = PEER_S_LIMIT;
	else if (request->command == PEER_CMD_MAP)
		WRITE_ONCE(probed->word,
			   phys_to_virt(map->entry[0].target & PEER_PAGE_MASK));
	return length;
}

static u32 refuse_work(struct pretended *device, struct peer_wire_work *work,
		       struct peer_wire_work_done *answer)
{
	*answer = (struct peer_wire_work_done){.status = PEER_S_BAD_REQUEST};
	return sizeof(*answer);
}

static u32 keep_work(struct pretended *device, struct peer_wire_work *work,
		     struct peer_wire_work_done *answer)
{
	return PRETEND_KEEP;
}

static struct pretended *probed_new(struct ktest *test, struct probed *probed)
{
	struct pretended *device = pretended_new(test);

	probed->device = device;
	if (!device)
		return NULL;
	device->arg = probed;
	device->command = take_part;
	device->work = keep_work;
	return device;
}

/* Adds when the CPU is at it. */
static void add(struct team_worker *me)
{
	struct probed *probed = me->arg;
	struct peer_work_slot *slot = &probed->device->peer->work_slots[0];
	struct ktest *test = me->test;

	KTEST_WAIT_FOR(test, READ_ONCE(slot->flight));
	KTEST_WAIT_FOR(test, READ_ONCE(*probed->word) >= CPU_LEAST);
	atomic64_add((s64)(slot->request->repeat - probed->lost),
		     (struct atomic64 *)probed->word);
	pretended_do(probed->device, slot->request, slot->answer);
	pretended_answer(probed->device, PEER_QUEUE_WORK, slot,
			 sizeof(*slot->answer));
}

static void expect_probe(struct ktest *test, u64 lost, bool wanted)
{
	struct probed *probed = ktest_alloc(test, sizeof(*probed));
	struct pretended *device = probed_new(test, probed);
	struct team *team = team_new(test);
	bool atomic = !wanted;

	REQUIRE(device);
	probed->lost = lost;
	team_add(team, 1, 1, add, probed);
	team_go(team);
	EXPECT_EQ(peer_probe_lock(device->peer, &atomic), 0);
	team_wait(team);
	EXPECT_EQ(atomic, wanted);
	EXPECT_EQ(device->commands[PEER_CMD_CTX_DESTROY], 1U);
}

KTEST(peer_probe_lock, a_sum_that_is_right_while_both_add_means_atomic)
{
	expect_probe(test, 0, true);
}

KTEST(peer_probe_lock, a_sum_that_lacks_one_addition_means_not_atomic)
{
	expect_probe(test, 1, false);
}

KTEST(peer_probe_lock, a_refusal_at_any_step_ends_the_probe_and_its_context)
{
	static const u32 steps[] = {PEER_CMD_CTX_CREATE, PEER_CMD_SET_OPTION,
				    PEER_CMD_MAP};
	struct probed probed = {.word = NULL};
	struct pretended *device = probed_new(test, &probed);
	bool atomic = false;
	unsigned int i;

	REQUIRE(device);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		probed.refuse = steps[i];
		EXPECT_EQ(peer_probe_lock(device->peer, &atomic), -ENOSPC,
			  "step %u", i);
		EXPECT_EQ(device->commands[PEER_CMD_CTX_DESTROY], i + 1);
	}
	probed.refuse = 0;
	device->work = refuse_work;
	EXPECT_EQ(peer_probe_lock(device->peer, &atomic), -EINVAL);
	EXPECT(!atomic);
	EXPECT(peer_alive(device->peer));
}

KTEST(peer_probe_lock, without_a_page_the_device_is_not_asked,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct probed probed = {.word = NULL};
	struct pretended *device = probed_new(test, &probed);
	bool atomic = false;

	REQUIRE(device);
	alloc_fail_nth(1);
	EXPECT_EQ(peer_probe_lock(device->peer, &atomic), -ENOMEM);
	alloc_fail_end();
	EXPECT_EQ(device->commands[PEER_CMD_CTX_CREATE], 0U);
}
