// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/silence_test.c - a device that never answers, wherever one waits
 *
 * Each wait of the driver has a limit, of seconds. So the cases wait side by side, each
 * for a pretended device of its own (pretend.h), and each in a thread of its own.
 *
 *	wait for			ends with
 *	the answer to a command		death
 *	a slot, all in use		death
 *	the answer to a denial		death
 *	the answer to a plain response	death: there is no replay to wait for
 *	an acknowledgement		death: a change waits for it
 *	the lock probe			death
 *	a slot, at a restart		-EBUSY: its holder may still write there
 *	a slot for work, at a restart	-EBUSY
 */
#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/space/mm.h>

#include "tests/ktest/team.h"
#include "pretend.h"

static u32 keep(struct pretended *device, struct peer_wire_request *request,
		void *answer)
{
	return PRETEND_KEEP;
}

static void wait_for_a_command(struct pretended *device)
{
	struct peer_wire_request request = {.command = PEER_CMD_STATS};
	struct peer_wire_answer answer;
	struct ktest *test = device->test;

	device->command = keep;
	EXPECT_EQ(peer_command(device->peer, &request, sizeof(request), &answer,
			       sizeof(answer)),
		  -EIO);
}

static void wait_for_a_slot(struct pretended *device)
{
	struct peer_slot *slot[PEER_SLOTS_BEAT];
	struct ktest *test = device->test;

	slot[0] = peer_slot_get(device->peer, PEER_SLOT_BEAT);
	EXPECT_EQ(peer_ping(device->peer), -EIO);
	if (slot[0])
		peer_slot_put(device->peer, slot[0]);
}

static u32 keep_responses(struct pretended *device,
			  struct peer_wire_request *request, void *answer)
{
	if (request->command == PEER_CMD_FAULT_RESPONSE)
		return PRETEND_KEEP;
	return pretended_obey(device, request, answer);
}

static bool ask(struct pretended *device, struct peer_wire_page_request request)
{
	return pretended_ask(device, &request, sizeof(request));
}

static void wait_for_a_denial(struct pretended *device)
{
	/* No context has that number. */
	const struct peer_wire_page_request request = {
		.tag = 9, .ctx = 3, .access = PEER_ACCESS_READ, .session = 7};
	struct ktest *test = device->test;

	device->command = keep_responses;
	EXPECT(ask(device, request));
	KTEST_WAIT_FOR(test, READ_ONCE(device->peer->counters.bad_requests) == 1);
	peer_request_deny_refused(device->peer);
}

static void wait_for_a_response(struct pretended *device)
{
	struct ktest *test = device->test;
	struct peer_context_stats stats;

	device->command = keep_responses;
	EXPECT(ask(device, pretended_request(device, 1, PEER_ACCESS_READ)));
	KTEST_WAIT_FOR(test, !peer_alive(device->peer));
	peer_context_stats(device->ctx, &stats);
	EXPECT_EQ(stats.replay_timeouts, 0UL);
}

static u32 keep_invalidations(struct pretended *device,
			      struct peer_wire_request *request, void *answer)
{
	if (request->command == PEER_CMD_INVALIDATE)
		return PRETEND_KEEP;
	return pretended_obey(device, request, answer);
}

static void wait_for_an_acknowledgement(struct pretended *device)
{
	struct ktest *test = device->test;

	device->command = keep_invalidations;
	EXPECT(ask(device, pretended_request(device, 1, PEER_ACCESS_WRITE)));
	KTEST_WAIT_FOR(test,
		       peer_context_translations(device->ctx, NULL, 0) == 1);
	EXPECT_EQ(do_munmap(device->mm, device->base, PAGE_SIZE), 0);
	EXPECT_EQ(peer_context_translations(device->ctx, NULL, 0), 0U);
}

static u32 note_page(struct pretended *device,
		     struct peer_wire_request *request, void *answer)
{
	const struct peer_wire_map *map = (const void *)request;

	if (request->command == PEER_CMD_MAP)
		device->arg = phys_to_virt(map->entry[0].target & PEER_PAGE_MASK);
	return pretended_obey(device, request, answer);
}

static u32 keep_work(struct pretended *device, struct peer_wire_work *work,
		     struct peer_wire_work_done *answer)
{
	return PRETEND_KEEP;
}

/* The driver never frees the page, since the device may still write there. */
static void wait_for_the_lock_probe(struct pretended *device)
{
	struct ktest *test = device->test;
	bool atomic = false;

	device->command = note_page;
	device->work = keep_work;
	EXPECT_EQ(peer_probe_lock(device->peer, &atomic), -EIO);
	EXPECT(!atomic);
	if (device->arg)
		free_page_at(device->arg);
}

static void restart_with_a_slot_held(struct pretended *device)
{
	struct peer_slot *slot = peer_slot_get(device->peer, PEER_SLOT_ANY);
	struct ktest *test = device->test;

	EXPECT_EQ(peer_restart(device->peer), -EBUSY);
	if (slot)
		peer_slot_put(device->peer, slot);
}

/* As by a submitter that fills it. */
static void restart_with_a_work_slot_held(struct pretended *device)
{
	struct list_head *link = &device->peer->work_slots[0].link;
	struct ktest *test = device->test;

	list_del(link);
	EXPECT_EQ(peer_restart(device->peer), -EBUSY);
	list_add_tail(link, &device->peer->free_work_slots);
}

/**
 * struct silence - one wait
 * @wait: waits, and returns when its limit is over
 * @enters: it needs a context
 * @why: what the driver says of the device
 */
struct silence {
	void (*wait)(struct pretended *device);
	bool enters;
	const char *why;
};

static const struct silence silences[] = {
	{wait_for_a_command, false, "it does not answer a command"},
	{wait_for_a_slot, false, "it leaves too many commands unanswered"},
	{wait_for_a_denial, false, "it does not answer a denial"},
	{wait_for_a_response, true, "it does not answer a response"},
	{wait_for_an_acknowledgement, true, "it does not let go of pages in time"},
	{wait_for_the_lock_probe, false, "it does not finish the lock probe"},
	{restart_with_a_slot_held, false, "it is being restarted"},
	{restart_with_a_work_slot_held, false, "it is being restarted"},
};

static void wait_by_worker(struct team_worker *me)
{
	const struct silence *silence = &silences[me->number];
	struct pretended *device = me->arg;
	struct ktest *test = me->test;

	silence->wait(device);
	EXPECT_STREQ(device->peer->dead ?: "alive", silence->why);
	EXPECT(peer_control_idle(device->peer), "after: %s", silence->why);
}

KTEST(peer_misbehaviour, each_wait_for_a_silent_device_ends_and_says_why)
{
	struct pretended *device[ARRAY_SIZE(silences)];
	struct team *team = team_new(test);
	u64 began = clock_ns();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(silences); i++) {
		device[i] = pretended_new(test);
		REQUIRE(device[i]);
		if (silences[i].enters && !pretended_enter(device[i]))
			return;
		team_add(team, 1, 1, wait_by_worker, device[i]);
	}
	team_go(team);
	team_wait(team);
	EXPECT_GE(clock_ns() - began, PEER_DEATH_NS);
	EXPECT_LT(clock_ns() - began, 3 * PEER_DEATH_NS);
}
