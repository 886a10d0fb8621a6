// SPDX-License-Identifier: MIT
/*
 * tests/peer/stats_test.c - what each counter of STATS counts
 *
 * A driver's tests compare counters with what they posted, so a counter must
 * mean the same on each device. Each test takes the counters before and after
 * one event and looks at all that the event should, and should not, count in.
 */
#include "guest.h"
#include "tap.h"

#define VA 0x40000000ull

static const struct peer_wire_work add = {
	.op = PEER_OP_FETCH_ADD,
	.ctx = 1,
	.va = VA,
	.operand = 1,
	.width = 8,
	.count = 1,
	.repeat = 1,
};

/* The counts since the last look. */
static struct peer_wire_stats_answer since(struct guest *g,
					   struct peer_wire_stats_answer *last)
{
	struct peer_wire_stats_answer now, change;
	const peer_le64 *is = &now.control_requests;
	const peer_le64 *was = &last->control_requests;
	peer_le64 *to = &change.control_requests;

	stats(g, &now);
	change.head = now.head;
	for (unsigned int i = 0; i < 19; i++)
		to[i] = is[i] - was[i];
	*last = now;
	return change;
}

#define EXPECT_WORK(c, done_, failed, canceled, bad)    \
	do {                                            \
		EXPECT_EQ((c).work_done, done_);        \
		EXPECT_EQ((c).work_failed, failed);     \
		EXPECT_EQ((c).work_canceled, canceled); \
		EXPECT_EQ((c).malformed, bad);          \
	} while (0)

static void each_end_of_work_has_one_counter(void)
{
	struct peer_wire_stats_answer last, change;
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_work w = add;
	struct guest g;
	int slot;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	stats(&g, &last);
	EXPECT_EQ(work(&g, &w, &done), PEER_S_OK);
	change = since(&g, &last);
	EXPECT_WORK(change, 1, 0, 0, 0);
	EXPECT_EQ(change.work_requests, 1);

	w.ctx = 2; /* refused before it began */
	EXPECT_EQ(work(&g, &w, &done), PEER_S_NO_CONTEXT);
	change = since(&g, &last);
	EXPECT_WORK(change, 1, 1, 0, 1);
	EXPECT_EQ(change.work_requests, 1);

	w = add;
	w.va = VA + 0x1000;
	offer_buffers(&g, 1);
	slot = work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_DENY, 0), PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_FAULT);
	change = since(&g, &last);
	EXPECT_WORK(change, 1, 1, 0, 0);

	slot = work_post(&g, &w);
	AWAIT(STAT(&g, misses) == last.misses + 1);
	EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_CANCELED);
	change = since(&g, &last);
	EXPECT_WORK(change, 1, 0, 1, 0);

	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	work_post(&g, &w);
	AWAIT(STAT(&g, misses) == last.misses + 1);
	guest_reset(&g); /* dropped without an answer */
	change = since(&g, &last);
	EXPECT_WORK(change, 1, 0, 1, 0);
	guest_shutdown(&g);
}

static void a_command_refused_counts_as_a_request(void)
{
	const struct peer_wire_request wrong = {99, 0};
	struct peer_wire_stats_answer last, change;
	struct peer_wire_answer answer;
	struct guest g;

	guest_boot(&g, "");
	stats(&g, &last);
	change = since(&g, &last);
	EXPECT_EQ(change.control_requests, 1); /* STATS itself */
	EXPECT_EQ(control(&g, &wrong, sizeof(wrong), &answer, sizeof(answer)),
		  PEER_S_BAD_COMMAND);
	change = since(&g, &last);
	EXPECT_EQ(change.control_requests, 2);
	EXPECT_EQ(change.malformed, 1);
	/* A state that does not allow it is no fault of the request. */
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 5), PEER_S_NO_CONTEXT);
	change = since(&g, &last);
	EXPECT_EQ(change.control_requests, 2);
	EXPECT_EQ(change.malformed, 0);
	guest_shutdown(&g);
}

static void only_a_response_accepted_is_counted(void)
{
	struct peer_wire_page_request fault, wrong;
	struct peer_wire_stats_answer last, change;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	offer_buffers(&g, 2);
	slot = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	stats(&g, &last);
	wrong = fault;
	wrong.tag++;
	EXPECT_EQ(respond(&g, &wrong, PEER_FAULT_OK, 0), PEER_S_NO_TAG);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, ~0xfffull | MAP_R),
		  PEER_S_BAD_ADDRESS);
	change = since(&g, &last);
	EXPECT_EQ(change.fault_responses, 0);
	EXPECT_EQ(change.malformed, 0);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0)),
		  PEER_S_BAD_REQUEST);
	change = since(&g, &last);
	EXPECT_EQ(change.fault_responses, 0);
	EXPECT_EQ(change.malformed, 1);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	change = since(&g, &last);
	EXPECT_EQ(change.fault_responses, 1);
	EXPECT_EQ(change.replays, 1);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	guest_shutdown(&g);
}

/* A response that is answered early, or never, has reported no replay. */
static void only_a_replay_reported_is_counted(void)
{
	static const uint32_t options[] = {PEER_OPT_TEST_EARLY_GRANT,
					   PEER_OPT_TEST_LOSE_REPLAYS};
	struct peer_wire_page_request fault;
	struct peer_wire_stats_answer last, change;
	struct peer_wire_work_done done;
	struct guest g;

	guest_boot(&g, "--allow-test-options");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	stats(&g, &last);
	for (unsigned int i = 0; i < 2; i++) {
		int slot;

		EXPECT_EQ(option(&g, 1, options[i], 1), PEER_S_OK);
		offer_buffers(&g, 1);
		slot = work_post(&g, &add);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		respond_post(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
		change = since(&g, &last);
		EXPECT_EQ(change.fault_responses, 1);
		EXPECT_EQ(change.replays, 0);
		EXPECT_EQ(change.revoked, 0);
		EXPECT_EQ(option(&g, 1, options[i], 0), PEER_S_OK);
		EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
		stats(&g, &last);
	}
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(stats, T(each_end_of_work_has_one_counter),
	  T(a_command_refused_counts_as_a_request),
	  T(only_a_response_accepted_is_counted),
	  T(only_a_replay_reported_is_counted));
