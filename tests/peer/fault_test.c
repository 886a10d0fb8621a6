// SPDX-License-Identifier: MIT
/*
 * tests/peer/fault_test.c - page requests, their responses, and progress
 */
#include <string.h>

#include "guest.h"
#include "tap.h"

#define CTX 1
#define VA  0x10000000ull

static const struct peer_wire_work add = {
	.op = PEER_OP_FETCH_ADD,
	.ctx = CTX,
	.va = VA,
	.operand = 5,
	.width = 8,
	.count = 1,
	.repeat = 1,
};

static void boot(struct guest *g, const char *args, unsigned int buffers)
{
	guest_boot(g, args);
	EXPECT_EQ(simple(g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	offer_buffers(g, buffers);
}

static void each_access_is_asked_for_and_replayed(void)
{
	static const struct {
		uint32_t op;
		uint32_t access;
		uint64_t rights;
	} cases[] = {
		{PEER_OP_LOAD, PEER_ACCESS_READ, MAP_R},
		{PEER_OP_STORE, PEER_ACCESS_WRITE, MAP_RW},
		{PEER_OP_FETCH_ADD, PEER_ACCESS_ATOMIC, MAP_RWA},
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_work w = add;
	uint64_t tag = 0;
	struct guest g;

	boot(&g, "", 8);
	/* Each access is one right more than the page has then. */
	for (unsigned int i = 0; i < 3; i++) {
		int slot;

		w.op = cases[i].op;
		w.va = VA + 8 * i;
		slot = work_post(&g, &w);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		EXPECT_EQ(fault.ctx, CTX);
		EXPECT_EQ(fault.va, VA);
		EXPECT_EQ(fault.access, cases[i].access);
		EXPECT_EQ(fault.session, g.session);
		EXPECT(fault.tag > tag);
		tag = fault.tag;
		EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK,
				  guest_page(0) | cases[i].rights),
			  PEER_S_OK);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
		EXPECT_EQ(done.page_requests, 1);
	}
	EXPECT_EQ(guest_read(&g, guest_page(0) + 8), 5);
	EXPECT_EQ(guest_read(&g, guest_page(0) + 16), 5);
	EXPECT_EQ(query(&g, CTX, VA), guest_page(0) | MAP_RWA);
	guest_shutdown(&g);
}

static void misses_of_one_page_share_a_request(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot[20];

	boot(&g, "--workers=4", 8);
	for (unsigned int i = 0; i < 20; i++)
		slot[i] = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	AWAIT(STAT(&g, misses) == 20);
	EXPECT(!next_fault(&g, &fault, 50));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	/* The answer came after the last replay. */
	EXPECT_EQ(guest_read(&g, guest_page(0)), 100);
	for (unsigned int i = 0; i < 20; i++)
		EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(STAT(&g, page_requests), 1);
	guest_shutdown(&g);
}

static void without_a_buffer_a_request_waits_and_is_not_lost(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	boot(&g, "", 0);
	slot = work_post(&g, &add);
	AWAIT(STAT(&g, page_request_waits) == 1);
	EXPECT_EQ(STAT(&g, page_requests), 0);
	/* A buffer too small is given back; the next one is taken. */
	queue_post(&g, PEER_QUEUE_PAGE_REQUEST, NULL, 0,
		   sizeof(struct peer_wire_page_request) - 1);
	AWAIT(STAT(&g, malformed) == 1);
	EXPECT_EQ(queue_wait(&g, PEER_QUEUE_PAGE_REQUEST, 0), 0);
	offer_buffers(&g, 1);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	guest_shutdown(&g);
}

static void a_denied_access_fails_with_exact_counts(void)
{
	struct peer_wire_work w = add;
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	boot(&g, "", 4);
	EXPECT_EQ(map(&g, CTX, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	w.va = VA + 0x1000 - 24;
	w.stride = 8;
	w.count = 10;
	slot = work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(fault.va, VA + 0x1000);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_DENY, 0), PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_FAULT);
	EXPECT_EQ(done.done, 3);
	EXPECT_EQ(done.fault_va, VA + 0x1000);
	EXPECT_EQ(guest_read(&g, guest_page(0) + 0x1000 - 8), 5);
	guest_shutdown(&g);
}

/*
 * The end of a failed request names the element that was denied, or the first
 * byte, and has the old values of the elements done before it, and only those.
 */
static void a_failed_request_says_what_it_did_and_where_it_failed(void)
{
	static const struct {
		uint32_t op, width;
		uint64_t count, stride, va, operand; /* offsets from VA */
		uint64_t done, fault_va;
		uint32_t access;
	} cases[] = {
		{PEER_OP_FETCH_ADD, 4, 10, 20, 0xfd0, 5, 3, 0x100c,
		 PEER_ACCESS_ATOMIC},
		{PEER_OP_LOAD, 8, 2, 8, 0x1008, 0, 0, 0x1008, PEER_ACCESS_READ},
		{PEER_OP_STORE, 2, 3, 0x800, 0x806, 9, 1, 0x1006,
		 PEER_ACCESS_WRITE},
		{PEER_OP_FILL, 0, 100, 0, 0xfff, 7, 1, 0x1000, PEER_ACCESS_WRITE},
		{PEER_OP_FILL, 0, 100, 0, 0x1005, 7, 0, 0x1005, PEER_ACCESS_WRITE},
		/* The source ends first, then the target does. */
		{PEER_OP_COPY, 0, 100, 0, 0x100, 0xff1, 15, 0x1000,
		 PEER_ACCESS_READ},
		{PEER_OP_COPY, 0, 100, 0, 0xff3, 0x100, 13, 0x1000,
		 PEER_ACCESS_WRITE},
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	uint64_t results[4];
	struct guest g;

	boot(&g, "", 2 * sizeof(cases) / sizeof(cases[0]));
	EXPECT_EQ(map(&g, CTX, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_wire_work w = {
			.op = cases[i].op,
			.ctx = CTX,
			.va = VA + cases[i].va,
			.operand = cases[i].op == PEER_OP_COPY
					   ? VA + cases[i].operand
					   : cases[i].operand,
			.width = cases[i].width,
			.flags = cases[i].width ? PEER_WORK_RESULTS : 0,
			.count = cases[i].count,
			.stride = cases[i].stride,
			.repeat = 1,
		};
		uint32_t used;
		int slot;

		for (unsigned int word = 0; word < 0x1000; word += 8)
			guest_write(&g, guest_page(0) + word,
				    0x0101010101010101ull);
		slot = work_post(&g, &w);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		EXPECT_EQ(fault.va, VA + 0x1000);
		EXPECT_EQ(fault.access, cases[i].access);
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_DENY, 0), PEER_S_OK);
		used = queue_wait(&g, PEER_QUEUE_WORK, slot);
		memcpy(&done, slot_answer(&g, PEER_QUEUE_WORK, slot),
		       sizeof(done));
		memcpy(results,
		       (char *)slot_answer(&g, PEER_QUEUE_WORK, slot) +
			       sizeof(done),
		       sizeof(results));
		EXPECT_EQ(done.status, PEER_S_FAULT);
		EXPECT_EQ(done.done, cases[i].done);
		EXPECT_EQ(done.fault_va, VA + cases[i].fault_va);
		EXPECT_EQ(done.page_requests, 1);
		EXPECT_EQ(used,
			  sizeof(done) + (cases[i].width ? 8 * done.done : 0));
		/* STORE has no old values. */
		EXPECT_EQ(done.value,
			  cases[i].op == PEER_OP_FETCH_ADD ? 0x01010101 : 0);
		for (unsigned int r = 0; cases[i].width && r < done.done; r++)
			EXPECT_EQ(results[r], done.value);
	}
	guest_shutdown(&g);
}

static void responses_to_nothing_are_refused(void)
{
	struct peer_wire_page_request fault, wrong;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	boot(&g, "", 4);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 2), PEER_S_OK);
	slot = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	wrong = fault;
	wrong.tag++;
	EXPECT_EQ(respond(&g, &wrong, PEER_FAULT_OK, 0), PEER_S_NO_TAG);
	wrong = fault;
	wrong.ctx = 2;
	EXPECT_EQ(respond(&g, &wrong, PEER_FAULT_OK, 0), PEER_S_NO_TAG);
	wrong.ctx = 3;
	EXPECT_EQ(respond(&g, &wrong, PEER_FAULT_OK, 0), PEER_S_NO_CONTEXT);
	EXPECT_EQ(respond(&g, &fault, 2, 0), PEER_S_BAD_REQUEST);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_DENY, guest_page(0) | MAP_RWA),
		  PEER_S_BAD_REQUEST);
	/* A refused translation leaves the request open. */
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0)),
		  PEER_S_BAD_REQUEST);
	EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0), PEER_S_NO_TAG);
	guest_shutdown(&g);
}

/*
 * The response is complete only after the access: a driver that sees it complete
 * sees the new value, every time.
 */
static void an_atomic_response_completes_after_the_replay(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;

	boot(&g, "--rmw-window=20000", 4);
	for (unsigned int i = 1; i <= 100; i++) {
		int slot = work_post(&g, &add);

		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK,
				  guest_page(0) | MAP_RWA),
			  PEER_S_OK);
		EXPECT_EQ(guest_read(&g, guest_page(0)), 5 * i);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
		EXPECT_EQ(invalidate(&g, CTX, VA, VA + 0x1000), PEER_S_OK);
		offer_buffers(&g, 1);
	}
	EXPECT_EQ(STAT(&g, replays), 100);
	guest_shutdown(&g);
}

/* With the promise broken on purpose the test above could not pass. */
static void an_early_grant_is_caught(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	unsigned int early = 0;
	struct guest g;

	boot(&g, "--rmw-window=5000000 --allow-test-options", 4);
	EXPECT_EQ(option(&g, CTX, PEER_OPT_TEST_EARLY_GRANT, 1), PEER_S_OK);
	for (unsigned int i = 1; i <= 20; i++) {
		int slot = work_post(&g, &add);

		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK,
				  guest_page(0) | MAP_RWA),
			  PEER_S_OK);
		early += guest_read(&g, guest_page(0)) != 5 * i;
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
		EXPECT_EQ(invalidate(&g, CTX, VA, VA + 0x1000), PEER_S_OK);
		offer_buffers(&g, 1);
	}
	EXPECT(early > 0);
	guest_shutdown(&g);
}

static void a_grant_without_translation_is_revoked_and_asked_again(void)
{
	struct peer_wire_page_request fault, again;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	boot(&g, "", 4);
	slot = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	/* MAP, INVALIDATE, then the response: it is gone by then. */
	EXPECT_EQ(map(&g, CTX, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	EXPECT_EQ(invalidate(&g, CTX, VA, VA + 0x1000), PEER_S_OK);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0), PEER_S_REVOKED);
	REQUIRE(next_fault(&g, &again, GUEST_TIMEOUT_MS));
	EXPECT(again.tag != fault.tag);
	EXPECT_EQ(respond(&g, &again, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(done.page_requests, 2);
	EXPECT_EQ(STAT(&g, revoked), 1);
	guest_shutdown(&g);
}

/*
 * Two accesses wait for one page. ASK_AGAIN makes the device miss the page with
 * the first of them, or with both, though it is there.
 */
static void a_grant_is_worth_the_accesses_that_were_made(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot[2];

	boot(&g, "--allow-test-options --workers=1", 8);
	for (unsigned int missed = 0; missed <= 2; missed++) {
		const uint32_t made = 2 - missed;

		guest_write(&g, guest_page(0), 0);
		for (unsigned int i = 0; i < 2; i++)
			slot[i] = work_post(&g, &add);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		AWAIT(STAT(&g, misses) ==
		      2 + 2 * missed + missed * (missed - 1) / 2);
		EXPECT_EQ(option(&g, CTX, PEER_OPT_TEST_ASK_AGAIN, missed),
			  PEER_S_OK);
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK,
				  guest_page(0) | MAP_RWA),
			  made ? PEER_S_OK : PEER_S_REVOKED);
		EXPECT_EQ(guest_read(&g, guest_page(0)), 5 * made);
		if (missed) {
			REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
			EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0),
				  PEER_S_OK);
		}
		for (unsigned int i = 0; i < 2; i++)
			EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0),
				  PEER_S_OK);
		EXPECT_EQ(guest_read(&g, guest_page(0)), 10);
		EXPECT_EQ(invalidate(&g, CTX, VA, VA + 0x1000), PEER_S_OK);
	}
	guest_shutdown(&g);
}

/* Work waits for the answer to its tag, even if its page is mapped meanwhile. */
static void a_map_from_elsewhere_wakes_no_work(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	boot(&g, "--workers=1", 4);
	slot = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(map(&g, CTX, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	/* Work that comes now finds the page. */
	EXPECT_EQ(work(&g, &add, &done), PEER_S_OK);
	EXPECT_EQ(done.page_requests, 0);
	EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
	EXPECT_EQ(query(&g, CTX, VA), guest_page(0) | MAP_RWA);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0), PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(guest_read(&g, guest_page(0)), 10);
	guest_shutdown(&g);
}

static void a_tag_is_used_once_in_an_instance(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	uint64_t tag = 0;
	struct guest g;
	int slot;

	guest_boot(&g, "");
	for (unsigned int session = 0; session < 3; session++) {
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
		offer_buffers(&g, 1);
		slot = work_post(&g, &add);
		REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
		EXPECT(fault.tag > tag);
		EXPECT_EQ(fault.session, g.session);
		tag = fault.tag;
		EXPECT_EQ(hello(&g, &(struct peer_wire_hello_answer){0}),
			  PEER_S_OK);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_CANCELED);
	}
	guest_shutdown(&g);
}

static void a_destroyed_context_cancels_what_it_was_granted(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot[3];

	boot(&g, "", 4);
	for (unsigned int i = 0; i < 3; i++)
		slot[i] = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	AWAIT(STAT(&g, work_requests) == 3);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, CTX), PEER_S_OK);
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0),
			  PEER_S_CANCELED);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0), PEER_S_NO_CONTEXT);
	/* The same number again is another context: old tags stay dead. */
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0), PEER_S_NO_TAG);
	guest_shutdown(&g);
}

/* Work of one context waits for ever; everything else goes on. */
static void a_stalled_fault_stalls_no_other_work(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_work w = add;
	struct guest g;
	int stalled[30];

	boot(&g, "", 40);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 2), PEER_S_OK);
	EXPECT_EQ(map(&g, 2, VA, guest_page(2) | MAP_RWA), PEER_S_OK);
	EXPECT_EQ(map(&g, CTX, VA + 0x8000, guest_page(4) | MAP_RWA), PEER_S_OK);
	for (unsigned int i = 0; i < 30; i++) {
		w.va = VA + i % 8 * 0x1000;
		stalled[i] = work_post(&g, &w);
	}
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	for (unsigned int i = 0; i < 100; i++) {
		w.ctx = 2;
		w.va = VA;
		EXPECT_EQ(work(&g, &w, &done), PEER_S_OK);
		w.ctx = CTX;
		w.va = VA + 0x8000;
		EXPECT_EQ(work(&g, &w, &done), PEER_S_OK);
		EXPECT_EQ(invalidate(&g, CTX, VA, VA + 0x8000), PEER_S_OK);
	}
	for (unsigned int i = 0; i < 30; i++)
		EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, stalled[i]));
	EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_OK);
	for (unsigned int i = 0; i < 30; i++)
		EXPECT_EQ(work_wait(&g, stalled[i], &done, NULL, 0),
			  PEER_S_CANCELED);
	guest_shutdown(&g);
}

static void no_more_requests_than_promised_are_outstanding(void)
{
	struct peer_wire_page_request fault[100];
	struct peer_wire_work_done done;
	struct peer_wire_work w = add;
	unsigned int n = 0;
	struct guest g;
	int slot[100];

	boot(&g, "", 110);
	w.op = PEER_OP_LOAD;
	for (unsigned int i = 0; i < 100; i++) {
		w.va = VA + i * 0x1000;
		slot[i] = work_post(&g, &w);
	}
	while (next_fault(&g, &fault[n], 100))
		n++;
	EXPECT_EQ(n, g.limits.max_page_requests);
	for (unsigned int i = 0; i < 100; i++) {
		if (i >= n)
			REQUIRE(next_fault(&g, &fault[n++], GUEST_TIMEOUT_MS));
		EXPECT_EQ(respond(&g, &fault[i], PEER_FAULT_OK,
				  guest_page(i) | MAP_R),
			  PEER_S_OK);
	}
	for (unsigned int i = 0; i < 100; i++)
		EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0), PEER_S_OK);
	guest_shutdown(&g);
}

static void a_copy_waits_for_each_of_its_pages_alone(void)
{
	const struct peer_wire_work copy = {
		.op = PEER_OP_COPY,
		.ctx = CTX,
		.va = VA + 0x10000 + 100,
		.operand = VA + 4000,
		.count = 200,
		.repeat = 1,
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	unsigned int n = 0;
	struct guest g;
	int slot;

	boot(&g, "", 8);
	for (unsigned int i = 0; i < 25; i++)
		guest_write(&g,
			    guest_page(i < 12 ? 0 : 2) + (4000 + 8 * i) % 0x1000,
			    i);
	slot = work_post(&g, &copy);
	while (!queue_finished(&g, PEER_QUEUE_WORK, slot)) {
		if (!next_fault(&g, &fault, 20))
			continue;
		n++;
		EXPECT_EQ(fault.access, fault.va >= VA + 0x10000
						? PEER_ACCESS_WRITE
						: PEER_ACCESS_READ);
		EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK,
				  fault.va == VA ? guest_page(0) | MAP_R
				  : fault.va == VA + 0x1000
					  ? guest_page(2) | MAP_R
					  : guest_page(4) | MAP_RW),
			  PEER_S_OK);
	}
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(n, 3);
	EXPECT_EQ(done.page_requests, 3);
	for (unsigned int i = 0; i < 25; i++) {
		uint64_t word;

		memcpy(&word, (char *)guest_at(&g, guest_page(4)) + 100 + 8 * i,
		       8);
		EXPECT_EQ(word, i);
	}
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(fault, T(each_access_is_asked_for_and_replayed),
	  T(misses_of_one_page_share_a_request),
	  T(without_a_buffer_a_request_waits_and_is_not_lost),
	  T(a_denied_access_fails_with_exact_counts),
	  T(responses_to_nothing_are_refused),
	  T(an_atomic_response_completes_after_the_replay),
	  T(an_early_grant_is_caught),
	  T(a_grant_without_translation_is_revoked_and_asked_again),
	  T(a_failed_request_says_what_it_did_and_where_it_failed),
	  T(a_grant_is_worth_the_accesses_that_were_made),
	  T(a_map_from_elsewhere_wakes_no_work),
	  T(a_tag_is_used_once_in_an_instance),
	  T(a_destroyed_context_cancels_what_it_was_granted),
	  T(a_stalled_fault_stalls_no_other_work),
	  T(no_more_requests_than_promised_are_outstanding),
	  T(a_copy_waits_for_each_of_its_pages_alone));
