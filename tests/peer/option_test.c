// SPDX-License-Identifier: MIT
/*
 * tests/peer/option_test.c - SET_OPTION: where each belongs, and its bounds
 */
#include "guest.h"
#include "tap.h"

static void options_are_bounded_and_test_options_locked(void)
{
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	for (uint32_t ctx = 0; ctx < 2; ctx++) {
		EXPECT_EQ(option(&g, ctx, PEER_OPT_RMW_WINDOW_NS,
				 PEER_MAX_RMW_WINDOW_NS),
			  PEER_S_OK);
		EXPECT_EQ(option(&g, ctx, PEER_OPT_RMW_WINDOW_NS,
				 PEER_MAX_RMW_WINDOW_NS + 1),
			  PEER_S_BAD_REQUEST);
		/* Any device can do it; the feature says how it begins. */
		EXPECT_EQ(option(&g, ctx, PEER_OPT_RMW_ATOMIC, 1), PEER_S_OK);
		EXPECT_EQ(option(&g, ctx, PEER_OPT_RMW_ATOMIC, 2),
			  PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, ctx, 0, 0), PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, ctx, 3, 0), PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, ctx, 0xff, 0), PEER_S_BAD_REQUEST);
		/* All numbers from the first test option on, known or not. */
		for (uint32_t o = PEER_OPT_TEST_EARLY_ACK; o < 0x190; o++)
			EXPECT_EQ(option(&g, ctx, o, 1), PEER_S_NOT_PERMITTED);
		EXPECT_EQ(option(&g, ctx, 0xffffffff, 0), PEER_S_NOT_PERMITTED);
	}
	EXPECT_EQ(option(&g, 2, PEER_OPT_RMW_ATOMIC, 1), PEER_S_NO_CONTEXT);
	/* In this order: permission, bounds, context, place. */
	EXPECT_EQ(option(&g, 2, PEER_OPT_TEST_LIE, ~0ull), PEER_S_NOT_PERMITTED);
	EXPECT_EQ(option(&g, 2, PEER_OPT_RMW_ATOMIC, 2), PEER_S_BAD_REQUEST);
	guest_shutdown(&g);
}

static void test_options_have_their_place_and_bounds(void)
{
	static const struct {
		uint32_t option;
		uint64_t most;
		bool of_device;
	} options[] = {
		{PEER_OPT_TEST_EARLY_ACK, 1, false},
		{PEER_OPT_TEST_KEEP_MAPPING, 1, false},
		{PEER_OPT_TEST_STALL_NS, PEER_MAX_STALL_NS, false},
		{PEER_OPT_TEST_LOSE_PAGE_REQUESTS, INT64_MAX, false},
		{PEER_OPT_TEST_EARLY_GRANT, 1, false},
		{PEER_OPT_TEST_LOSE_REPLAYS, INT64_MAX, false},
		{PEER_OPT_TEST_ASK_AGAIN, INT64_MAX, false},
		{PEER_OPT_TEST_HANG_AFTER, INT64_MAX, true},
		{PEER_OPT_TEST_DIE_AFTER, INT64_MAX, true},
		{PEER_OPT_TEST_LIE, PEER_LIE_COUNT - 1, true},
	};
	struct guest g;

	guest_boot(&g, "--allow-test-options");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	for (unsigned int i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const uint32_t number = options[i].option;
		const uint64_t most = options[i].most;
		const uint32_t right = options[i].of_device ? 0 : 1;

		EXPECT_EQ(option(&g, right, number, most), PEER_S_OK);
		EXPECT_EQ(option(&g, right, number, most + 1),
			  PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, 1 - right, number, most),
			  PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, 2, number, most), PEER_S_NO_CONTEXT);
	}
	/* No such option: refused with any value, and before the context. */
	for (uint32_t ctx = 0; ctx < 3; ctx++) {
		EXPECT_EQ(option(&g, ctx, 0x183, 0), PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, ctx, 0x107, 0), PEER_S_BAD_REQUEST);
		EXPECT_EQ(option(&g, ctx, 3, 0), PEER_S_BAD_REQUEST);
	}
	guest_shutdown(&g);
}

/* A new session begins with the command line's options. */
static void hello_resets_every_option(void)
{
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = 1,
		.va = 0x1000,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct peer_wire_hello_answer answer;
	struct peer_wire_work_done done;
	struct guest g;

	guest_boot(&g, "--allow-test-options --die-after=2");
	/* Each session has two answers before it dies: HELLO resets what was set. */
	for (unsigned int i = 0; i < 3; i++) {
		EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_STATUS),
			  PEER_S_OK);
		EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_DIE_AFTER, 0), PEER_S_OK);
		EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_HANG_AFTER, 0), PEER_S_OK);
		EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_R), PEER_S_OK);
		EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
		EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
	}
	work_post(&g, &load);
	EXPECT_EQ(guest_reap(&g), 70 << 8);
	guest_disconnect(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(option, T(options_are_bounded_and_test_options_locked),
	  T(test_options_have_their_place_and_bounds),
	  T(hello_resets_every_option));
