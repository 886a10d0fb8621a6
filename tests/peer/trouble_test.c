// SPDX-License-Identifier: MIT
/*
 * tests/peer/trouble_test.c - the faults the device makes when asked to
 *
 * The kernel's tests rely on a device that lies, hangs and dies on request. That
 * it does so, once and as described, is tested here.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

#define OPTIONS "--allow-test-options"

static const struct peer_wire_work load = {
	.op = PEER_OP_LOAD,
	.ctx = 1,
	.va = 0x1000,
	.width = 8,
	.count = 1,
	.repeat = 1,
};

static void boot(struct guest *g, const char *args)
{
	guest_boot(g, args);
	EXPECT_EQ(simple(g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(g, 1, 0x1000, guest_page(0) | MAP_R), PEER_S_OK);
}

/* The next used element of the work queue, as it was written. */
static void raw_used(struct guest *g, uint32_t *id, uint32_t *len)
{
	struct guest_queue *q = &g->queue[PEER_QUEUE_WORK];
	const uint32_t *element;

	AWAIT(__atomic_load_n(&q->used[1], __ATOMIC_ACQUIRE) != q->next_used);
	element = (uint32_t *)&q->used[2 + 4 * (q->next_used % GUEST_RING_SIZE)];
	*id = element[0];
	*len = element[1];
	q->next_used++;
}

static void each_lie_about_work_is_told_once(void)
{
	struct peer_wire_work_done done;
	uint32_t id, len;
	struct guest g;
	struct guest_queue *q = &g.queue[PEER_QUEUE_WORK];
	uint16_t was;
	int slot;

	boot(&g, OPTIONS);
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_USED_ID), PEER_S_OK);
	slot = work_post(&g, &load);
	raw_used(&g, &id, &len);
	EXPECT(id >= GUEST_RING_SIZE);
	q->busy[slot] = false;

	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_USED_LEN), PEER_S_OK);
	slot = work_post(&g, &load);
	raw_used(&g, &id, &len);
	EXPECT_EQ(id, 2 * slot);
	EXPECT_EQ(len, 0x7fffffff);
	q->busy[slot] = false;

	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_USED_REPEAT),
		  PEER_S_OK);
	slot = work_post(&g, &load);
	raw_used(&g, &id, &len);
	EXPECT_EQ(id, 2 * slot);
	raw_used(&g, &id, &len);
	EXPECT_EQ(id, 2 * slot);
	q->busy[slot] = false;

	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_STATUS), PEER_S_OK);
	EXPECT(work(&g, &load, &done) >= PEER_S_COUNT);
	/* Once, not twice. */
	EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);

	was = q->next_used;
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_USED_INDEX),
		  PEER_S_OK);
	work_post(&g, &load);
	AWAIT(__atomic_load_n(&q->used[1], __ATOMIC_ACQUIRE) != was);
	EXPECT_EQ((uint16_t)(q->used[1] - was), GUEST_RING_SIZE + 1);
	/* The device goes on from the truth, not from the lie. */
	work_post(&g, &load);
	AWAIT(__atomic_load_n(&q->used[1], __ATOMIC_ACQUIRE) ==
	      (uint16_t)(was + 2));
	guest_shutdown(&g);
}

static void each_lie_about_a_page_comes_once(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_work w = load;
	struct guest g;
	int slot;

	boot(&g, OPTIONS);
	offer_buffers(&g, 8);
	for (uint32_t lie = PEER_LIE_PAGE_CONTEXT; lie <= PEER_LIE_PAGE_ACCESS;
	     lie++) {
		EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, lie), PEER_S_OK);
		w.va += 0x1000;
		slot = work_post(&g, &w);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		EXPECT_EQ(fault.ctx != 1, lie == PEER_LIE_PAGE_CONTEXT);
		EXPECT_EQ(fault.va != w.va, lie == PEER_LIE_PAGE_ADDRESS);
		EXPECT_EQ(fault.access != PEER_ACCESS_READ,
			  lie == PEER_LIE_PAGE_ACCESS);
		/* In place of the true request: its work waits for this tag. */
		EXPECT_EQ(STAT(&g, page_requests),
			  lie - PEER_LIE_PAGE_CONTEXT + 1);
		EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
		fault.ctx = 1;
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_DENY, 0), PEER_S_OK);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_FAULT);
	}
	w.va += 0x1000;
	work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(fault.va, w.va);
	guest_shutdown(&g);
}

static void lost_page_requests_are_never_sent(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work w = load;
	struct guest g;

	boot(&g, OPTIONS);
	offer_buffers(&g, 4);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_LOSE_PAGE_REQUESTS, 2), PEER_S_OK);
	for (unsigned int i = 0; i < 3; i++) {
		w.va += 0x1000;
		work_post(&g, &w);
		AWAIT(STAT(&g, page_requests) == i + 1);
	}
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(fault.va, w.va);
	EXPECT(!next_fault(&g, &fault, 20));
	guest_shutdown(&g);
}

static void each_lie_about_a_command_comes_once(void)
{
	const struct peer_wire_request create = {PEER_CMD_CTX_CREATE, 2};
	struct peer_wire_page_request fault, nothing;
	struct peer_wire_work w = load;
	struct guest g;
	int slot;

	boot(&g, OPTIONS);
	offer_buffers(&g, 4);
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_RESPONSE_REFUSED),
		  PEER_S_OK);
	w.va += 0x1000;
	work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(1) | MAP_R),
		  PEER_S_LIMIT);
	EXPECT_EQ(query(&g, 1, w.va), 0);
	/* The tag is not looked at: a response to nothing is refused by it. */
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_RESPONSE_REFUSED),
		  PEER_S_OK);
	nothing = fault;
	nothing.tag += 1000;
	EXPECT_EQ(respond(&g, &nothing, PEER_FAULT_OK, 0), PEER_S_LIMIT);
	EXPECT_EQ(respond(&g, &nothing, PEER_FAULT_OK, 0), PEER_S_NO_TAG);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(1) | MAP_R),
		  PEER_S_OK);

	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_CREATE_GARBLED),
		  PEER_S_OK);
	slot = control_post(&g, &create, sizeof(create));
	EXPECT_EQ(queue_wait(&g, PEER_QUEUE_CONTROL, slot), 4);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 2), PEER_S_EXISTS);

	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_DESTROY_REFUSED),
		  PEER_S_OK);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 3), PEER_S_NO_CONTEXT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 2), PEER_S_LIMIT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 2), PEER_S_OK);
	guest_shutdown(&g);
}

/* The access is made, the answer to its grant never comes, control goes on. */
static void lost_replays_are_never_reported(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_work w = load;
	struct guest g;
	int slot, response;

	boot(&g, OPTIONS);
	offer_buffers(&g, 4);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_LOSE_REPLAYS, 1), PEER_S_OK);
	w.op = PEER_OP_FETCH_ADD;
	slot = work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	response =
		respond_post(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(STAT(&g, work_done), 1);
	EXPECT(!queue_finished(&g, PEER_QUEUE_CONTROL, response));
	/* With the option set, a page that is there is asked for again. */
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_ASK_AGAIN, 1), PEER_S_OK);
	slot = work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	guest_shutdown(&g);
}

/*
 * LOSE_REPLAYS set while a replay is held: that response is the next to be
 * completed, though it came before the option. A round in which the replay was
 * over too soon shows nothing.
 */
static void the_next_replay_to_end_is_lost(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_work add = load;
	unsigned int lost = 0;
	struct guest g;

	add.op = PEER_OP_FETCH_ADD;
	boot(&g, OPTIONS);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_STALL_NS, 50000000), PEER_S_OK);
	for (unsigned int i = 0; i < 20 && !lost; i++) {
		int slot, response;

		EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
		offer_buffers(&g, 1);
		slot = work_post(&g, &add);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		response = respond_post(&g, &fault, PEER_FAULT_OK,
					guest_page(0) | MAP_RWA);
		EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_LOSE_REPLAYS, 1),
			  PEER_S_OK);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
		/* Answers to later commands come after one that was sent. */
		EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_LOSE_REPLAYS, 0),
			  PEER_S_OK);
		lost += !queue_finished(&g, PEER_QUEUE_CONTROL, response);
		if (!lost)
			EXPECT_EQ(control_wait(&g, response), PEER_S_OK);
	}
	EXPECT_EQ(lost, 1);
	guest_shutdown(&g);
}

/* Hung: the socket still works, so QEMU does not freeze; a reset heals it. */
/* A beat sent now has no answer after 50 ms. */
static bool beat_stays_unanswered(struct guest *g)
{
	static const struct peer_wire_request beat = {PEER_CMD_HEARTBEAT, 0};
	int slot = queue_post(g, 0, &beat, sizeof(beat), 40);

	usleep(50000);
	return !queue_finished(g, 0, slot);
}

/*
 * A device on a busy host takes the request at which it hangs when it gets there,
 * and answers beats until then: so beats are sent until one stays unanswered.
 */
static void a_hung_device_answers_nothing_until_reset(void)
{
	struct peer_wire_hello_answer answer;
	struct peer_wire_work_done done;
	struct guest g;

	for (unsigned int by_option = 0; by_option < 2; by_option++) {
		boot(&g, by_option ? OPTIONS : "--hang-after=3");
		if (by_option)
			EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_HANG_AFTER, 3),
				  PEER_S_OK);
		for (unsigned int i = 0; i < 3; i++)
			EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
		/* The one at which it hangs may or may not be answered. */
		work_post(&g, &load);
		AWAIT(beat_stays_unanswered(&g));
		guest_reset(&g);
		EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		guest_shutdown(&g);
	}
}

static void a_dying_device_dies_after_its_last_answer(void)
{
	struct peer_wire_work_done done;
	int status, slot;
	siginfo_t info;
	struct guest g;

	for (unsigned int by_option = 0; by_option < 2; by_option++) {
		boot(&g, by_option ? OPTIONS : "--die-after=3");
		if (by_option)
			EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_DIE_AFTER, 3),
				  PEER_S_OK);
		for (unsigned int i = 0; i < 3; i++)
			EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
		slot = work_post(&g, &load);
		EXPECT(!waitid(P_PID, (id_t)g.peer, &info, WEXITED | WNOWAIT));
		EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
		/* A death removes nothing: the next start finds it left over. */
		EXPECT(!access(g.socket_path, F_OK));
		status = guest_reap(&g);
		EXPECT(WIFEXITED(status));
		EXPECT_EQ(WEXITSTATUS(status), 70);
		guest_disconnect(&g);
	}
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(trouble, T(each_lie_about_work_is_told_once),
	  T(each_lie_about_a_page_comes_once),
	  T(lost_page_requests_are_never_sent),
	  T(each_lie_about_a_command_comes_once),
	  T(lost_replays_are_never_reported), T(the_next_replay_to_end_is_lost),
	  T(a_hung_device_answers_nothing_until_reset),
	  T(a_dying_device_dies_after_its_last_answer));
