// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/request_test.c - page requests that no device should send, and
 * denials that it does not take
 *
 * The device is pretended (pretend.h). No heartbeat runs, so a test plays its thread.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/space/mm.h>

#include "pretend.h"

#define WHOLE sizeof(struct peer_wire_page_request)

static bool has_refused(struct pretended *device)
{
	struct peer *peer = device->peer;
	unsigned long flags;
	bool has;

	spin_lock_irqsave(&peer->lock, flags);
	has = !list_empty(&peer->refused);
	spin_unlock_irqrestore(&peer->lock, flags);
	return has;
}

static unsigned int denials(struct pretended *device)
{
	return READ_ONCE(device->commands[PEER_CMD_FAULT_RESPONSE]);
}

/* Has the device every buffer? */
static bool all_posted(struct pretended *device)
{
	struct virtqueue *vq = &device->peer->pages->vq;

	return vq->nr_free == PRETEND_ENTRIES - PEER_REQUESTS &&
	       virtqueue_verify(vq);
}

/*
 * A tag that is not wholly there names nothing that could be denied, so the buffer is all
 * that goes back.
 */
KTEST(peer_request, a_request_that_is_too_short_is_counted_and_not_denied)
{
	struct pretended *device = pretended_new(test);
	struct peer_wire_page_request request = {
		.tag = 9, .ctx = 1, .access = PEER_ACCESS_READ, .session = 7};

	REQUIRE(device);
	EXPECT(pretended_ask(device, &request, WHOLE - 1));
	KTEST_WAIT_FOR(test, has_refused(device));
	EXPECT_EQ(device->peer->counters.bad_requests, 1UL);
	peer_request_deny_refused(device->peer);
	EXPECT(!has_refused(device));
	EXPECT_EQ(denials(device), 0U);
	EXPECT(all_posted(device));
	/* With nothing refused it does nothing. */
	peer_request_deny_refused(device->peer);
	EXPECT_EQ(denials(device), 0U);
}

KTEST(peer_request, a_request_for_a_context_that_is_not_there_is_denied_by_its_tag)
{
	struct pretended *device = pretended_new(test);
	struct peer_wire_page_request request = {
		.tag = 9, .ctx = 3, .access = PEER_ACCESS_READ, .session = 7};

	REQUIRE(device);
	EXPECT(pretended_ask(device, &request, WHOLE));
	KTEST_WAIT_FOR(test, has_refused(device));
	peer_request_deny_refused(device->peer);
	EXPECT_EQ(denials(device), 1U);
	EXPECT(all_posted(device));
	EXPECT(peer_alive(device->peer));
}

KTEST(peer_request, a_broken_request_queue_ends_the_device_and_takes_no_buffer)
{
	struct pretended *device = pretended_new(test);
	struct peer_wire_page_request request = {.tag = 0};

	REQUIRE(device);
	EXPECT(pretended_ask(device, &request, WHOLE));
	KTEST_WAIT_FOR(test, has_refused(device));
	pretended_break(device, PEER_QUEUE_PAGE_REQUEST);
	peer_request_interrupt(device->peer);
	EXPECT_STREQ(device->peer->dead, "it broke the page request queue");
	/* The refused one is taken from the list, and its buffer stays here. */
	peer_request_deny_refused(device->peer);
	EXPECT(!has_refused(device));
	EXPECT(!all_posted(device));
}

/* Known to be broken; no interrupt has said so yet. */
KTEST(peer_request, a_denial_that_cannot_be_sent_gives_its_slot_back)
{
	struct pretended *device = pretended_new(test);
	struct peer_wire_page_request request = {
		.tag = 9, .ctx = 3, .access = PEER_ACCESS_READ, .session = 7};

	REQUIRE(device);
	EXPECT(pretended_ask(device, &request, WHOLE));
	KTEST_WAIT_FOR(test, has_refused(device));
	device->peer->control->vq.broken = true;
	device->peer->pages->vq.broken = true;
	peer_request_deny_refused(device->peer);
	EXPECT(peer_control_idle(device->peer));
	EXPECT_EQ(denials(device), 0U);
}

/* A death between the request and its denial: no slot is to be had. */
KTEST(peer_request, a_dead_device_is_denied_nothing)
{
	struct pretended *device = pretended_new(test);
	struct peer_wire_page_request request = {
		.tag = 9, .ctx = 3, .access = PEER_ACCESS_READ, .session = 7};

	REQUIRE(device);
	EXPECT(pretended_ask(device, &request, WHOLE));
	KTEST_WAIT_FOR(test, has_refused(device));
	peer_die(device->peer, "a test says so");
	peer_request_deny_refused(device->peer);
	EXPECT(!has_refused(device));
	EXPECT_EQ(denials(device), 0U);
}

/* The device asks once more while its context is taken away. */
static u32 ask_as_it_goes(struct pretended *device,
			  struct peer_wire_request *request, void *answer)
{
	struct peer_wire_page_request last = {
		.tag = 9,
		.ctx = request->ctx,
		.access = PEER_ACCESS_READ,
		.va = device->base,
		.session = device->peer->hello.session,
	};

	if (request->command == PEER_CMD_CTX_DESTROY)
		pretended_ask_locked(device, &last, WHOLE);
	return pretended_obey(device, request, answer);
}

/*
 *	destroy				device
 *	thread ends
 *	CTX_DESTROY
 *					asks for a page
 *					answers
 *	number given back
 *	the buffer goes back		(unanswered; else there were ever fewer)
 */
KTEST(peer_request,
      a_request_that_comes_while_its_context_goes_gives_its_buffer_back)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->command = ask_as_it_goes;
	if (!pretended_enter(device))
		return;
	ktest_cleanup_now(test, device);
	EXPECT_EQ(device->peer->counters.requests, 1UL);
	EXPECT_EQ(device->peer->counters.bad_requests, 0UL);
	EXPECT_EQ(denials(device), 0U);
	EXPECT(all_posted(device));
}
