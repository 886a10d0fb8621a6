// SPDX-License-Identifier: MIT
/*
 * tests/peer/ring_test.c - rings as they should be and as they should not
 *
 * A malformed chain costs itself: it comes back with length 0 and the next one
 * is served. A ring whose indices lie is given up; the others go on, and a
 * reset brings it back. The last test throws random descriptors at the peer.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "guest.h"
#include "tap.h"

#define CONTROL PEER_QUEUE_CONTROL

/* The peer still answers. */
static void expect_alive(struct guest *g)
{
	const struct peer_wire_request request = {PEER_CMD_HEARTBEAT, 0};
	struct peer_wire_heartbeat_answer beat;

	EXPECT_EQ(control(g, &request, sizeof(request), &beat, sizeof(beat)),
		  PEER_S_OK);
}

static void direct_and_indirect_chains_are_both_served(void)
{
	struct guest g;

	guest_boot(&g, "");
	g.direct = true;
	for (unsigned int i = 0; i < 1000; i++)
		expect_alive(&g);
	g.direct = false;
	for (unsigned int i = 0; i < 1000; i++)
		expect_alive(&g);
	EXPECT_EQ(STAT(&g, malformed), 0);
	guest_shutdown(&g);
}

/* More than 65536 requests, so that the indices wrap; some while it sleeps. */
static void indices_wrap_and_no_kick_is_lost(void)
{
	const struct peer_wire_request request = {PEER_CMD_RESET, 0};
	struct guest g;

	guest_boot(&g, "--spin=0");
	for (unsigned int i = 0; i < 700; i++) {
		int slot[100];

		for (unsigned int j = 0; j < 100; j++)
			slot[j] = control_post(&g, &request, sizeof(request));
		for (unsigned int j = 0; j < 100; j++)
			EXPECT_EQ(control_wait(&g, slot[j]), PEER_S_OK);
	}
	EXPECT_EQ(STAT(&g, rings_broken), 0);
	guest_shutdown(&g);
}

/* Posts @n descriptors at the slot's table as one indirect chain. */
static uint32_t try_indirect(struct guest *g, const struct guest_desc *desc,
			     unsigned int n)
{
	struct guest_queue *q = &g->queue[CONTROL];

	memcpy(guest_at(g, slot_table_gpa(CONTROL, 0)), desc, n * sizeof(*desc));
	q->desc[0] = (struct guest_desc){slot_table_gpa(CONTROL, 0),
					 n * (uint32_t)sizeof(*desc),
					 DESC_INDIRECT, 0};
	q->busy[0] = true;
	q->finished[0] = false;
	queue_expose(g, CONTROL, 0);
	return queue_wait(g, CONTROL, 0);
}

/* The same with descriptors in the ring itself, from descriptor 0 on. */
static uint32_t try_direct(struct guest *g, const struct guest_desc *desc,
			   unsigned int n)
{
	struct guest_queue *q = &g->queue[CONTROL];

	memcpy(q->desc, desc, n * sizeof(*desc));
	q->busy[0] = true;
	q->finished[0] = false;
	queue_expose(g, CONTROL, 0);
	return queue_wait(g, CONTROL, 0);
}

static void malformed_chains_come_back_empty(void)
{
	const uint64_t in = slot_request_gpa(CONTROL, 0);
	const uint64_t out = in + 0x1000;
	const struct guest_desc bad[][3] = {
		/* Past the end of RAM, in a hole, wrapping. */
		{{GUEST_REGION - 4, 8, DESC_NEXT, 1}, {out, 40, DESC_WRITE, 0}},
		{{GUEST_REGION, 8, DESC_NEXT, 1}, {out, 40, DESC_WRITE, 0}},
		{{GUEST_HIGH - 4, 8, DESC_NEXT, 1}, {out, 40, DESC_WRITE, 0}},
		{{~3ull, 8, DESC_NEXT, 1}, {out, 40, DESC_WRITE, 0}},
		{{in, 0xffffffff, DESC_NEXT, 1}, {out, 40, DESC_WRITE, 0}},
		{{in, 8, DESC_NEXT, 1}, {~0ull, 40, DESC_WRITE, 0}},
		{{in, 8, DESC_NEXT, 1}, {out, 0xfffffff0, DESC_WRITE, 0}},
		/* Readable after writable. */
		{{out, 40, DESC_WRITE | DESC_NEXT, 1}, {in, 8, 0, 0}},
		/* Loops, of one and of two. */
		{{in, 8, DESC_NEXT, 0}},
		{{in, 8, DESC_NEXT, 1}, {out, 40, DESC_WRITE | DESC_NEXT, 0}},
		{{in, 0, DESC_NEXT, 1}, {in, 0, DESC_NEXT, 0}},
		/* Links beyond the table. */
		{{in, 8, DESC_NEXT, GUEST_RING_SIZE}},
		{{in, 8, DESC_NEXT, 0xffff}},
	};
	struct guest g;

	guest_boot(&g, "--verbose");
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(try_direct(&g, bad[i], 3), 0);
		EXPECT_EQ(try_indirect(&g, bad[i], 3), 0);
		expect_alive(&g);
	}
	EXPECT_EQ(STAT(&g, malformed), 2 * sizeof(bad) / sizeof(bad[0]));
	guest_shutdown(&g);
}

static void malformed_indirect_tables_come_back_empty(void)
{
	const uint64_t table = slot_table_gpa(CONTROL, 1);
	const uint64_t in = slot_request_gpa(CONTROL, 0);
	const struct guest_desc bad[] = {
		{table, 0, DESC_INDIRECT, 0},
		{table, 15, DESC_INDIRECT, 0},
		{table, 17, DESC_INDIRECT, 0},
		{table + 1, 16, DESC_INDIRECT, 0},
		{table, 16, DESC_INDIRECT | DESC_NEXT, 1},
		{GUEST_REGION - 8, 16, DESC_INDIRECT, 0},
		{~15ull, 32, DESC_INDIRECT, 0},
		{table, 0xfffffff0, DESC_INDIRECT, 0},
		{0, 16 * 40000, DESC_INDIRECT, 0},
	};
	const struct guest_desc nested = {table, 16, DESC_INDIRECT, 0};
	struct guest_desc many[PEER_MAX_SEGMENTS + 1];
	struct guest g;

	guest_boot(&g, "");
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(try_direct(&g, &bad[i], 1), 0);
		expect_alive(&g);
	}
	EXPECT_EQ(try_indirect(&g, &nested, 1), 0);

	/* One segment too many; one fewer is a request, if a poor one. */
	for (unsigned int i = 0; i <= PEER_MAX_SEGMENTS; i++)
		many[i] =
			(struct guest_desc){in, 1, DESC_NEXT, (uint16_t)(i + 1)};
	many[PEER_MAX_SEGMENTS].flags = DESC_WRITE;
	many[PEER_MAX_SEGMENTS].len = 8;
	EXPECT_EQ(try_indirect(&g, many, PEER_MAX_SEGMENTS + 1), 0);
	many[PEER_MAX_SEGMENTS - 1] =
		(struct guest_desc){in + 0x1000, 8, DESC_WRITE, 0};
	EXPECT_EQ(try_indirect(&g, many, PEER_MAX_SEGMENTS), 8);
	guest_shutdown(&g);
}

static void an_answer_may_be_scattered(void)
{
	const uint64_t in = slot_request_gpa(CONTROL, 0);
	const struct peer_wire_request request = {PEER_CMD_HEARTBEAT, 0};
	struct peer_wire_heartbeat_answer beat;
	struct guest_desc desc[12];
	unsigned int n = 0;
	struct guest g;

	guest_boot(&g, "");
	memcpy(guest_at(&g, in), &request, sizeof(request));
	for (unsigned int i = 0; i < 4; i++, n++)
		desc[n] = (struct guest_desc){in + 2 * i, 2, DESC_NEXT,
					      (uint16_t)(n + 1)};
	for (unsigned int i = 0; i < 8; i++, n++)
		desc[n] = (struct guest_desc){in + 0x1000 + 16 * i, 5,
					      DESC_WRITE | DESC_NEXT,
					      (uint16_t)(n + 1)};
	desc[n - 1].flags = DESC_WRITE;
	EXPECT_EQ(try_indirect(&g, desc, n), sizeof(beat));
	for (unsigned int i = 0; i < 8; i++)
		memcpy((char *)&beat + 5 * i,
		       guest_at(&g, in + 0x1000 + 16 * i), 5);
	EXPECT_EQ(beat.head.status, PEER_S_OK);
	EXPECT_EQ(beat.instance, g.instance);
	EXPECT_EQ(beat.beats, 1);
	guest_shutdown(&g);
}

static void a_head_beyond_the_ring_breaks_that_ring_only(void)
{
	struct guest g;

	guest_boot(&g, "");
	queue_expose(&g, PEER_QUEUE_WORK, GUEST_RING_SIZE);
	AWAIT(STAT(&g, rings_broken) == 1);
	queue_expose(&g, PEER_QUEUE_WORK, 0);
	expect_alive(&g);
	EXPECT_EQ(STAT(&g, rings_broken), 1);
	/* The error eventfd said so, and a reset brings it back. */
	eventfd_t events = 0;

	EXPECT(!eventfd_read(g.queue[PEER_QUEUE_WORK].err, &events));
	EXPECT_EQ(events, 1);
	guest_reset(&g);
	EXPECT_EQ(hello(&g, &(struct peer_wire_hello_answer){0}), PEER_S_OK);
	const struct peer_wire_work bad = {.op = 99};
	struct peer_wire_work_done done;

	EXPECT_EQ(work(&g, &bad, &done), PEER_S_BAD_COMMAND);
	guest_shutdown(&g);
}

static void an_index_too_far_ahead_breaks_the_ring(void)
{
	static const uint16_t leaps[] = {GUEST_RING_SIZE + 1, 0x7fff, 0xffff};

	for (unsigned int i = 0; i < sizeof(leaps) / sizeof(leaps[0]); i++) {
		struct guest g;
		struct guest_queue *q = &g.queue[PEER_QUEUE_WORK];

		guest_boot(&g, "");
		__atomic_store_n(&q->avail[1],
				 (uint16_t)(q->next_avail + leaps[i]),
				 __ATOMIC_SEQ_CST);
		EXPECT(!eventfd_write(q->kick, 1));
		AWAIT(STAT(&g, rings_broken) == 1);
		expect_alive(&g);
		guest_shutdown(&g);
	}
}

static void a_head_offered_again_and_again_is_bounded(void)
{
	const struct peer_wire_work parked = {
		.op = PEER_OP_LOAD,
		.ctx = 1,
		.va = 0x1000,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	work_post(&g, &parked);
	for (unsigned int i = 1; i < 3 * GUEST_RING_SIZE; i++) {
		queue_expose(&g, PEER_QUEUE_WORK, 0);
		if (i % 100 == 0)
			expect_alive(&g);
	}
	AWAIT(STAT(&g, rings_broken) == 1);
	EXPECT(STAT(&g, work_requests) <= GUEST_RING_SIZE);
	guest_shutdown(&g);
}

static uint64_t random_address(void)
{
	switch (tap_random() % 6) {
	case 0:
		return tap_random();
	case 1:
		return GUEST_REGION - tap_random() % 64;
	case 2:
		return GUEST_HIGH + tap_random() % (2 * GUEST_REGION);
	default:
		/* Buffers and tables of the control queue, mostly. */
		return slot_table_gpa(CONTROL, 0) + tap_random() % 0x20000;
	}
}

static struct guest_desc random_desc(void)
{
	static const uint32_t lengths[] = {0, 1, 8, 16, 24, 32, 40, 64, 4096};

	return (struct guest_desc){
		.addr = random_address(),
		.len = tap_random() % 8 ? lengths[tap_random() % 9]
					: (uint32_t)tap_random(),
		.flags = tap_random() % 8 ? tap_random() % 4
					  : (uint16_t)tap_random(),
		.next = tap_random() % 8 ? tap_random() % 16
					 : (uint16_t)tap_random(),
	};
}

/* Rubbish in rings, tables and requests of all queues. */
static void random_rubbish_never_kills_it(void)
{
	struct peer_wire_hello_answer answer;
	struct guest g;

	guest_boot(&g, "--allow-test-options");
	for (unsigned int round = 0; round < 60; round++) {
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, 0, guest_page(0) | MAP_RWA), PEER_S_OK);
		for (unsigned int i = 0; i < 300; i++) {
			uint32_t *words = guest_at(
				&g, slot_table_gpa(CONTROL, tap_random() % 4));
			unsigned int at = tap_random() % 0x1000;
			unsigned int q = tap_random() % GUEST_QUEUES;

			/* A command or work that is nearly right. */
			words[at] = tap_random() % 16;
			if (words[at] == PEER_CMD_SET_OPTION)
				words[at] = PEER_CMD_MAP;
			words[at + 1] = tap_random() % 3;
			for (unsigned int j = 2; j < 16; j++)
				words[at + j] = tap_random() % 3
							? tap_random() % 64
							: tap_random();
			for (unsigned int j = 0; j < 16; j++)
				g.queue[q].desc[j] = random_desc();
			queue_expose(&g, q, tap_random() % 16);
		}
		guest_reset(&g);
		EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
		EXPECT_EQ(answer.magic, PEER_MAGIC);
	}
	EXPECT(STAT(&g, malformed) > 100);
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(ring, T(direct_and_indirect_chains_are_both_served),
	  T(indices_wrap_and_no_kick_is_lost),
	  T(malformed_chains_come_back_empty),
	  T(malformed_indirect_tables_come_back_empty),
	  T(an_answer_may_be_scattered),
	  T(a_head_beyond_the_ring_breaks_that_ring_only),
	  T(an_index_too_far_ahead_breaks_the_ring),
	  T(a_head_offered_again_and_again_is_bounded),
	  T(random_rubbish_never_kills_it));
