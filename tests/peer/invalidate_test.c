// SPDX-License-Identifier: MIT
/*
 * tests/peer/invalidate_test.c - an acknowledged page is the driver's alone
 *
 * The promise: when INVALIDATE is acknowledged, no access with the old
 * translation is in flight and none will follow. Checked by taking the page
 * back and looking whether anything still changes in it; and checked again
 * with the device breaking the promise on purpose, which must be seen.
 */
#include <pthread.h>
#include <string.h>

#include "guest.h"
#include "tap.h"

#define VA 0x20000000ull

static const struct peer_wire_work storm = {
	.op = PEER_OP_FETCH_ADD,
	.ctx = 1,
	.va = VA,
	.operand = 1,
	.width = 8,
	.count = 8,
	.stride = 512,
	.repeat = 100000,
};

/* Wait for the device to be at work in the page, or through with it. */
static void await_change(struct guest *g, uint64_t gpa, int slot)
{
	uint64_t was = guest_read(g, gpa);

	AWAIT(guest_read(g, gpa) != was ||
	      queue_finished(g, PEER_QUEUE_WORK, slot));
}

/*
 * The page request of the storm. It may have come to its end instead, at the
 * very access that the last ack waited for; its answer comes after that ack.
 */
static void next_fault_of_storm(struct guest *g, int *slot,
				struct peer_wire_page_request *fault)
{
	const uint64_t end = clock_ns() + GUEST_TIMEOUT_MS * 1000000ull;
	struct peer_wire_work_done done;

	while (!next_fault(g, fault, 1)) {
		REQUIRE(clock_ns() < end);
		if (!queue_finished(g, PEER_QUEUE_WORK, *slot))
			continue;
		EXPECT_EQ(work_wait(g, *slot, &done, NULL, 0), PEER_S_OK);
		*slot = work_post(g, &storm);
	}
}

/*
 * Rounds of: the device works in a page; invalidate; after the ack the page is
 * filled with a pattern that must stay. Returns in how many it did not. A seeded
 * fault is looked for until it shows: on a busy host the device may not get to
 * run in a given round.
 */
static unsigned int violations(const char *args, uint32_t seeded,
			       unsigned int rounds)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	const uint64_t look_ns = seeded ? 5000000 : 200000;
	unsigned int bad = 0;
	struct guest g;
	int slot;

	guest_boot(&g, args);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	if (seeded)
		EXPECT_EQ(option(&g, 1, seeded, 1), PEER_S_OK);
	offer_buffers(&g, 8);
	slot = work_post(&g, &storm);
	for (unsigned int i = 0; i < rounds && !(seeded && bad); i++) {
		const uint64_t page = guest_page(i % 2);
		bool intact = true;

		if (queue_finished(&g, PEER_QUEUE_WORK, slot)) {
			EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
			slot = work_post(&g, &storm);
		}
		/* A mapping kept in spite of the ack asks for nothing. */
		if (!query(&g, 1, VA)) {
			next_fault_of_storm(&g, &slot, &fault);
			EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK,
					  page | MAP_RWA),
				  PEER_S_OK);
			offer_buffers(&g, 1);
			await_change(&g, page + tap_random() % 8 * 512, slot);
		}
		EXPECT_EQ(invalidate(&g, 1, VA, VA + 0x1000), PEER_S_OK);
		for (unsigned int w = 0; w < 8; w++)
			guest_write(&g, page + w * 512, ~0ull);
		for (uint64_t end = clock_ns() + look_ns; clock_ns() < end;)
			for (unsigned int w = 0; w < 8; w++)
				if (guest_read(&g, page + w * 512) != ~0ull)
					intact = false;
		bad += !intact;
	}
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 1), PEER_S_OK);
	work_wait(&g, slot, &done, NULL, 0);
	guest_shutdown(&g);
	return bad;
}

static void nothing_changes_after_the_ack(void)
{
	EXPECT_EQ(violations("--rmw-window=5000", 0, 300), 0);
	EXPECT_EQ(violations("--rmw-window=0 --spin=0", 0, 300), 0);
}

static void early_ack_is_caught(void)
{
	EXPECT(violations("--rmw-window=100000 --allow-test-options",
			  PEER_OPT_TEST_EARLY_ACK, 1000) > 0);
}

static void a_kept_mapping_is_caught(void)
{
	EXPECT(violations("--rmw-window=5000 --allow-test-options",
			  PEER_OPT_TEST_KEEP_MAPPING, 1000) > 0);
}

/* One access holds the page for 10 ms; the ack comes after it, not before. */
static void the_ack_waits_for_the_access_in_flight_only(void)
{
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = 1,
		.va = VA,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct peer_wire_work_done done;
	struct peer_wire_work add = load;
	unsigned int waited = 0;
	struct guest g;

	add.op = PEER_OP_FETCH_ADD;
	add.operand = 1;
	guest_boot(&g, "--allow-test-options");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_STALL_NS, 10000000), PEER_S_OK);
	for (unsigned int i = 0; i < 1000 && !waited; i++) {
		uint64_t before = STAT(&g, invalidations_waited);
		uint64_t value;
		int w, other;
		bool first;

		EXPECT_EQ(map(&g, 1, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, VA + 0x1000, guest_page(1) | MAP_RWA),
			  PEER_S_OK);
		value = guest_read(&g, guest_page(0));
		w = work_post(&g, &add);
		AWAIT(STAT(&g, work_requests) == i + 1);
		for (uint64_t t = clock_ns(); clock_ns() < t + 1000000;)
			;
		/* The neighbour is not in use: acknowledged at once. */
		other = invalidate_post(&g, 1, VA, VA + 0x1000);
		EXPECT_EQ(invalidate(&g, 1, VA + 0x1000, VA + 0x2000), PEER_S_OK);
		first = !queue_finished(&g, 0, other);
		EXPECT_EQ(control_wait(&g, other), PEER_S_OK);
		if (STAT(&g, invalidations_waited) > before) {
			/* It was in flight: ended, and before the ack. */
			EXPECT_EQ(guest_read(&g, guest_page(0)), value + 1);
			waited += first;
		}
		if (!queue_finished(&g, PEER_QUEUE_WORK, w)) {
			struct peer_wire_page_request fault;

			offer_buffers(&g, 1);
			if (next_fault(&g, &fault, 100))
				respond(&g, &fault, PEER_FAULT_OK,
					guest_page(0) | MAP_RWA);
		}
		EXPECT_EQ(work_wait(&g, w, &done, NULL, 0), PEER_S_OK);
		EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
	}
	EXPECT(waited > 0);
	guest_shutdown(&g);
}

/* The device answers while the command that made it hard still waits. */
static void control_goes_on_while_an_ack_waits(void)
{
	struct peer_wire_work_done done;
	struct peer_wire_work w = storm;
	struct guest g;
	int slot, ack;

	w.repeat = 1;
	w.count = 1;
	guest_boot(&g, "--allow-test-options --rmw-window=10000000");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_STALL_NS, 10000000), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	for (unsigned int i = 0; i < 1000; i++) {
		slot = work_post(&g, &w);
		for (uint64_t t = clock_ns(); clock_ns() < t + 2000000;)
			;
		ack = invalidate_post(&g, 1, VA, VA + 0x1000);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 2), PEER_S_OK);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 2), PEER_S_OK);
		if (!queue_finished(&g, 0, ack)) {
			EXPECT_EQ(control_wait(&g, ack), PEER_S_OK);
			EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
			guest_shutdown(&g);
			return;
		}
		control_wait(&g, ack);
		EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_OK);
		work_wait(&g, slot, &done, NULL, 0);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_STALL_NS, 10000000),
			  PEER_S_OK);
		EXPECT_EQ(map(&g, 1, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
	}
	EXPECT(!"an invalidation ever waited");
	guest_shutdown(&g);
}

static void destroy_waits_for_running_work_and_cancels_it(void)
{
	struct peer_wire_work_done done;
	struct guest g;

	guest_boot(&g, "--rmw-window=10000");
	for (unsigned int i = 0; i < 50; i++) {
		uint64_t after;
		int slot;

		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
		slot = work_post(&g, &storm);
		await_change(&g, guest_page(0), slot);
		EXPECT_EQ(simple(&g, i % 2 ? PEER_CMD_RESET : PEER_CMD_CTX_DESTROY,
				 i % 2 ? 0 : 1),
			  PEER_S_OK);
		after = guest_read(&g, guest_page(0));
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_CANCELED);
		EXPECT_EQ(guest_read(&g, guest_page(0)), after);
	}
	guest_shutdown(&g);
}

/* How a context ends, for the test below. */
static int end_context(struct guest *g, uint32_t how)
{
	const struct peer_wire_hello hello = {
		.head.command = PEER_CMD_HELLO,
		.magic = PEER_MAGIC,
		.version_min = PEER_VERSION,
		.version_max = PEER_VERSION,
		.features = PEER_F_KNOWN,
	};
	const struct peer_wire_request plain = {
		.command = how,
		.ctx = how == PEER_CMD_CTX_DESTROY ? 1 : 0,
	};

	if (how == PEER_CMD_HELLO)
		return queue_post(g, PEER_QUEUE_CONTROL, &hello, sizeof(hello),
				  sizeof(struct peer_wire_hello_answer));
	return control_post(g, &plain, sizeof(plain));
}

/*
 *	device				driver
 *	access begins (held 100 ms)
 *					CTX_DESTROY, RESET or HELLO
 *	number is free
 *					INVALIDATE; CTX_DESTROY again
 *	store; access ends
 *	answers: OK, NO_CONTEXT, NO_CONTEXT
 *					the page is at rest
 *
 * A round in which the end fell between two accesses shows nothing.
 */
static void no_context_waits_for_what_was_destroyed(void)
{
	static const uint32_t ends[] = {PEER_CMD_CTX_DESTROY, PEER_CMD_RESET,
					PEER_CMD_HELLO};
	unsigned int shown = 0;
	struct guest g;

	guest_boot(&g, "--allow-test-options --workers=1");
	for (unsigned int i = 0; i < 100 && shown < 3; i++) {
		const struct peer_wire_request again = {PEER_CMD_CTX_DESTROY, 1};
		uint64_t before = STAT(&g, invalidations_waited);
		uint64_t value[2];
		struct peer_wire_work_done done;
		int slot, end, asked[2];
		bool waited;

		guest_write(&g, guest_page(0), 0);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_STALL_NS, 100000000),
			  PEER_S_OK);
		EXPECT_EQ(map(&g, 1, VA, guest_page(0) | MAP_RWA), PEER_S_OK);
		slot = work_post(&g, &storm);
		AWAIT(guest_read(&g, guest_page(0)) > 0);
		end = end_context(&g, ends[shown]);
		asked[0] = invalidate_post(&g, 1, VA, VA + 0x1000);
		asked[1] = control_post(&g, &again, sizeof(again));
		/* Each of the three found the access in flight. */
		waited = STAT(&g, invalidations_waited) == before + 3;
		for (unsigned int a = 0; a < 2; a++) {
			EXPECT_EQ(control_wait(&g, asked[a]), PEER_S_NO_CONTEXT);
			value[a] = guest_read(&g, guest_page(0));
		}
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_CANCELED);
		queue_wait(&g, PEER_QUEUE_CONTROL, end);
		EXPECT_EQ(value[0], guest_read(&g, guest_page(0)));
		EXPECT_EQ(value[1], value[0]);
		shown += waited;
	}
	EXPECT_EQ(shown, 3);
	guest_shutdown(&g);
}

/*
 * The protocol the kernel uses, played by a test: the owner of the page adds to
 * it, with plain adds on both sides, and the sum is exact.
 *
 *	CPU: invalidate, wait for the ack, add 1 some times
 *	each of two contexts: ATOMIC request; the page is the device's until
 *	its grant completes and another context wants it
 */
struct hands {
	uint64_t grants;
	uint64_t cpu_adds;
};

/* Both contexts do their work; the CPU takes the page in between. */
static void change_hands(struct guest *g, const struct peer_wire_work *w,
			 struct hands *hands)
{
	const uint64_t page = guest_page(0);
	uint64_t *word = guest_at(g, page);
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	int slot[2];

	for (unsigned int i = 0; i < 2; i++)
		slot[i] = work_post(g, &w[i]);
	while (!queue_finished(g, PEER_QUEUE_WORK, slot[0]) ||
	       !queue_finished(g, PEER_QUEUE_WORK, slot[1])) {
		if (next_fault(g, &fault, 1)) {
			/* The page has one owner: the other context loses it. */
			EXPECT_EQ(invalidate(g, 3 - fault.ctx, VA, VA + 0x1000),
				  PEER_S_OK);
			EXPECT_EQ(respond(g, &fault, PEER_FAULT_OK,
					  page | MAP_RWA),
				  PEER_S_OK);
			hands->grants++;
			offer_buffers(g, 1);
		}
		if (tap_random() % 4)
			continue;
		EXPECT_EQ(invalidate(g, 1, VA, VA + 0x1000), PEER_S_OK);
		EXPECT_EQ(invalidate(g, 2, VA, VA + 0x1000), PEER_S_OK);
		for (unsigned int i = 0; i < 100; i++) {
			uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

			__atomic_store_n(word, old + 1, __ATOMIC_RELAXED);
			hands->cpu_adds++;
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		EXPECT_EQ(work_wait(g, slot[i], &done, NULL, 0), PEER_S_OK);
}

static void the_exclusive_protocol_loses_no_update(void)
{
	struct peer_wire_work w[2] = {storm, storm};
	struct hands hands = {0};
	unsigned int rounds = 0;
	struct guest g;

	for (unsigned int i = 0; i < 2; i++) {
		w[i].ctx = i + 1;
		w[i].count = 1;
		w[i].repeat = 20000;
	}
	guest_boot(&g, "--rmw-window=1000 --workers=3");
	offer_buffers(&g, 16);
	for (unsigned int i = 0; i < 2; i++)
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, i + 1), PEER_S_OK);
	/* On a busy host the work may be done in one turn: it proves nothing. */
	while (rounds < 100 && (hands.grants <= 10 || hands.cpu_adds <= 100)) {
		change_hands(&g, w, &hands);
		rounds++;
	}
	EXPECT(hands.grants > 10);
	EXPECT(hands.cpu_adds > 100);
	EXPECT_EQ(guest_read(&g, guest_page(0)),
		  hands.cpu_adds + 2 * 20000 * (uint64_t)rounds);
	guest_shutdown(&g);
}

/* Two contexts, much work, random maps and revocations; all of it ends. */
static void work_and_invalidations_hammer_each_other(void)
{
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct peer_wire_stats_answer s;
	int slot[24];
	struct guest g;
	uint64_t sum = 0, want = 0;

	guest_boot(&g, "--workers=4 --spin=5");
	offer_buffers(&g, 64);
	for (unsigned int c = 1; c <= 2; c++)
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, c), PEER_S_OK);
	/* Each work has a word of its own in each of eight pages. */
	for (unsigned int i = 0; i < 24; i++) {
		const struct peer_wire_work w = {
			.op = PEER_OP_FETCH_ADD,
			.ctx = 1 + i % 2,
			.va = VA + 8 * i,
			.operand = i + 1,
			.width = 8,
			.count = 8,
			.stride = 0x1000,
			.repeat = 200,
		};

		slot[i] = work_post(&g, &w);
		want += 8 * 200 * (i + 1);
	}
	for (unsigned int done_count = 0; done_count < 24;) {
		const uint64_t page = tap_random() % 8;

		while (next_fault(&g, &fault, 0)) {
			uint32_t n = (fault.va - VA) / 0x1000;
			uint32_t status = respond(&g, &fault, PEER_FAULT_OK,
						  guest_page(n) | MAP_RWA);

			EXPECT(status == PEER_S_OK || status == PEER_S_REVOKED);
			offer_buffers(&g, 1);
		}
		EXPECT_EQ(invalidate(&g, 1 + tap_random() % 2, VA + page * 0x1000,
				     VA + (page + 1 + tap_random() % 8) * 0x1000),
			  PEER_S_OK);
		done_count = 0;
		for (unsigned int i = 0; i < 24; i++)
			done_count +=
				queue_finished(&g, PEER_QUEUE_WORK, slot[i]);
	}
	for (unsigned int i = 0; i < 24; i++)
		EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0), PEER_S_OK);
	for (unsigned int p = 0; p < 8; p++)
		for (unsigned int i = 0; i < 24; i++)
			sum += guest_read(&g, guest_page(p) + 8 * i);
	EXPECT_EQ(sum, want);
	stats(&g, &s);
	EXPECT_EQ(s.rmw, 24 * 8 * 200);
	EXPECT(s.page_requests > 0);
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(invalidate, T(nothing_changes_after_the_ack), T(early_ack_is_caught),
	  T(a_kept_mapping_is_caught),
	  T(the_ack_waits_for_the_access_in_flight_only),
	  T(control_goes_on_while_an_ack_waits),
	  T(destroy_waits_for_running_work_and_cancels_it),
	  T(no_context_waits_for_what_was_destroyed),
	  T(the_exclusive_protocol_loses_no_update),
	  T(work_and_invalidations_hammer_each_other));
