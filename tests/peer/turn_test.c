// SPDX-License-Identifier: MIT
/*
 * tests/peer/turn_test.c - the device is one agent at each word
 *
 * Two contexts map one page. A read-modify-write with a wide window in the one,
 * and any other store of the device in the other: none may fall between the
 * load and the store.
 *
 *	worker 1, context SLOW		worker 2, context QUICK
 *	load 5
 *					store 9		(must wait)
 *	store 6
 */
#include <string.h>

#include "guest.h"
#include "tap.h"

#define SLOW  1
#define QUICK 2
#define VA    0x30000000ull

static const struct peer_wire_work add = {
	.op = PEER_OP_FETCH_ADD,
	.ctx = SLOW,
	.va = VA,
	.operand = 1,
	.width = 8,
	.count = 1,
	.repeat = 400,
};

/* Both contexts have pages 0 and 2; SLOW has a window of @window_ns. */
static void boot(struct guest *g, uint64_t window_ns)
{
	guest_boot(g, "--workers=2");
	for (uint32_t ctx = SLOW; ctx <= QUICK; ctx++) {
		EXPECT_EQ(simple(g, PEER_CMD_CTX_CREATE, ctx), PEER_S_OK);
		for (unsigned int i = 0; i < 2; i++)
			EXPECT_EQ(map(g, ctx, VA + i * 0x1000,
				      guest_page(2 * i) | MAP_RWA),
				  PEER_S_OK);
	}
	EXPECT_EQ(option(g, SLOW, PEER_OPT_RMW_WINDOW_NS, window_ns), PEER_S_OK);
}

static void split_and_atomic_adds_to_one_word_lose_none(void)
{
	struct peer_wire_work quick = add;
	struct peer_wire_work_done done;
	struct guest g;
	int slot[2];

	boot(&g, 20000);
	EXPECT_EQ(option(&g, QUICK, PEER_OPT_RMW_ATOMIC, 1), PEER_S_OK);
	quick.ctx = QUICK;
	for (unsigned int i = 1; i <= 10; i++) {
		slot[0] = work_post(&g, &add);
		slot[1] = work_post(&g, &quick);
		for (unsigned int j = 0; j < 2; j++)
			EXPECT_EQ(work_wait(&g, slot[j], &done, NULL, 0),
				  PEER_S_OK);
		EXPECT_EQ(guest_read(&g, guest_page(0)), 2 * 400 * i);
	}
	guest_shutdown(&g);
}

/*
 *	byte	0  1  2  3  4  5  6  7
 *		[ 8: add 1            ]	split, with a window
 *		      [2 ]  [4: + 256 ]
 *		            [1]
 *
 * No part overflows into the next, so the word is the sum of all adds.
 */
static void elements_of_all_widths_in_one_word_lose_none(void)
{
	static const struct {
		uint64_t offset;
		uint32_t width;
		uint64_t operand;
		uint64_t repeat;
	} part[] = {{4, 4, 256, 20000},
		    {2, 2, 1, 20000},
		    {4, 1, 1, 250},
		    {0, 8, 1, 400}};
	struct peer_wire_work_done done;
	struct guest g;
	int slot[4];

	boot(&g, 20000);
	for (unsigned int atomic = 0; atomic < 2; atomic++) {
		EXPECT_EQ(option(&g, QUICK, PEER_OPT_RMW_ATOMIC, atomic),
			  PEER_S_OK);
		guest_write(&g, guest_page(0), 0);
		for (unsigned int i = 0; i < 4; i++) {
			struct peer_wire_work w = add;

			w.ctx = part[i].width == 8 ? SLOW : QUICK;
			w.va += part[i].offset;
			w.width = part[i].width;
			w.operand = part[i].operand;
			w.repeat = part[i].repeat;
			slot[i] = work_post(&g, &w);
		}
		for (unsigned int i = 0; i < 4; i++)
			EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0),
				  PEER_S_OK);
		EXPECT_EQ(guest_read(&g, guest_page(0)),
			  400 + (20000ull << 16) + (250ull << 32) +
				  (20000ull << 40));
	}
	guest_shutdown(&g);
}

/* Bytes of 0x80 arrive amid adds of 1, and stay: adds come on top of them. */
static void stores_between_adds_stay(uint32_t op, uint64_t offset, uint64_t len)
{
	struct peer_wire_work bytes = {
		.op = op,
		.ctx = QUICK,
		.va = VA + offset,
		.operand = op == PEER_OP_COPY ? VA + 0x1000 : 0x80,
		.width = op == PEER_OP_STORE ? 1 : 0,
		.count = len,
		.stride = op == PEER_OP_STORE ? 1 : 0,
		/* So many that both workers take part. */
		.repeat = op == PEER_OP_STORE ? 2000 : 1,
	};
	struct peer_wire_work_done done;
	struct guest g;
	uint64_t kept;
	int slot;

	boot(&g, 50000);
	memset(guest_at(&g, guest_page(2)), 0x80, 0x1000);
	/* The last byte of the word is always among those stored. */
	for (unsigned int i = 0; i < 8; i++) {
		guest_write(&g, guest_page(0), 0);
		slot = work_post(&g, &add);
		AWAIT(guest_read(&g, guest_page(0)) > 10);
		EXPECT_EQ(work(&g, &bytes, &done), PEER_S_OK);
		EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_OK);
		kept = guest_read(&g, guest_page(0));
		EXPECT_EQ(kept >> 56, 0x80);
	}
	guest_shutdown(&g);
}

static void fill_and_copy_do_not_fall_into_a_window(void)
{
	stores_between_adds_stay(PEER_OP_FILL, 0, 0x1000);
	stores_between_adds_stay(PEER_OP_COPY, 0, 0x1000);
	stores_between_adds_stay(PEER_OP_FILL, 5, 3);
	stores_between_adds_stay(PEER_OP_COPY, 7, 9);
}

static void a_store_does_not_fall_into_a_window(void)
{
	stores_between_adds_stay(PEER_OP_STORE, 7, 1);
}

#define ORDERS 100

/*
 * A CPU that looks at a word while the device fills and copies it sees it of one
 * kind: its 8 bytes arrive by one store.
 */
static void fill_and_copy_write_each_word_at_once(void)
{
	struct peer_wire_work_done done;
	unsigned int torn = 0;
	struct guest g;
	int slot[ORDERS];

	boot(&g, 0);
	memset(guest_at(&g, guest_page(2)), 0xff, 0x1000);
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int i = 0; i < ORDERS; i++) {
			const struct peer_wire_work w = {
				.op = i % 4 == 3 ? PEER_OP_COPY : PEER_OP_FILL,
				.ctx = SLOW,
				.va = VA + 5,
				.operand = i % 4 == 3   ? VA + 0x1000 + 1
					   : i % 4 == 1 ? 0xff
							: 0,
				.count = 19,
				.repeat = 1,
			};

			slot[i] = work_post(&g, &w);
		}
		while (!queue_finished(&g, PEER_QUEUE_WORK, slot[ORDERS - 1]))
			for (unsigned int i = 0; i < 1000; i++) {
				uint64_t word = guest_read(&g, guest_page(0) + 8);

				torn += word && word != ~0ull;
			}
		for (unsigned int i = 0; i < ORDERS; i++)
			EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0),
				  PEER_S_OK);
	}
	EXPECT_EQ(torn, 0);
	guest_shutdown(&g);
}

/*
 * SLOW goes from one window of 10 ms straight into the next, for 4 seconds.
 * QUICK asks for one turn, and must get it before SLOW is through.
 */
static void a_turn_comes_after_one_window_of_each_worker(void)
{
	struct peer_wire_work quick = add;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	boot(&g, PEER_MAX_RMW_WINDOW_NS);
	quick.ctx = QUICK;
	quick.repeat = 1;
	slot = work_post(&g, &add);
	AWAIT(guest_read(&g, guest_page(0)) > 0);
	EXPECT_EQ(work(&g, &quick, &done), PEER_S_OK);
	EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
	/* An invalidation waits no longer than that either. */
	quick.repeat = 400;
	work_post(&g, &quick);
	AWAIT(STAT(&g, work_requests) == 3);
	EXPECT_EQ(invalidate(&g, QUICK, VA, VA + 0x1000), PEER_S_OK);
	EXPECT(!queue_finished(&g, PEER_QUEUE_WORK, slot));
	EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_OK);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_CANCELED);
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(turn, T(split_and_atomic_adds_to_one_word_lose_none),
	  T(elements_of_all_widths_in_one_word_lose_none),
	  T(fill_and_copy_do_not_fall_into_a_window),
	  T(a_store_does_not_fall_into_a_window),
	  T(fill_and_copy_write_each_word_at_once),
	  T(a_turn_comes_after_one_window_of_each_worker));
