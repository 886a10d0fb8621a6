// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/device_test.c - a device that is found, started and started again
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>

#include "arena.h"

/*
 * Each allocation of a restart fails in turn. The device is dead then, can be asked
 * about, and the next restart takes it back.
 */
KTEST(peer_device, a_restart_without_memory_leaves_the_device_dead_until_the_next,
      KT_FLAGS(KT_NEEDS_PEER | KT_NEEDS_DEBUG))
{
	enum { MOST = 60 };
	struct peer *peer = peer_get(0);
	struct peer_context *ctx;
	struct peer_arena *arena;
	bool done = false;
	char text[512];
	u64 value;
	int err;

	for (unsigned long nth = 1; !done && nth < MOST; nth++) {
		alloc_fail_nth(nth);
		err = peer_restart(peer);
		done = !alloc_fail_hit();
		alloc_fail_end();
		EXPECT_EQ(err, done ? 0 : -ENOMEM, "at allocation %lu", nth);
		EXPECT_EQ(peer_alive(peer), done);
		EXPECT_GT(peer_describe(peer, text, sizeof(text)), 0);
		EXPECT_EQ(strstr(text, "dead: it could not be restarted") != NULL,
			  !done);
		if (!done)
			EXPECT_EQ(peer_context_create(peer, NULL, &ctx), -EIO);
	}
	EXPECT(done);
	arena = arena_new(test);
	REQUIRE(arena);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
}
