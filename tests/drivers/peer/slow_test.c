// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/slow_test.c - a device that is slow, and alive
 *
 * The driver has two limits: PEER_REPLAY_NS for a grant, whose page is unlocked
 * then, and PEER_DEATH_NS for the device. Between the two a device is late and
 * otherwise as good as any.
 */
#include <arch/uaccess.h>
#include <drivers/peer.h>

#include "drivers/peer/internal.h"
#include "arena.h"

/*
 *	device				driver			CPU
 *	access begins			page locked
 *	  (slow)			limit: page unlocked
 *					heartbeats go on
 *								fault: CLEAR,
 *					INVALIDATE ...		waits
 *	load, add, store
 *	access ends
 *					... acknowledged
 *								add: must see
 *								the device's
 */
KTEST(peer_slow, device_slower_than_its_grant_lives_and_loses_no_update,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 beats, old, done;
	struct peer_work work;

	REQUIRE(arena);
	if (!arena_slower_than_a_grant(arena, arena->ctx))
		return;
	beats = READ_ONCE(arena->peer->counters.beats);
	device_add_work(&work, arena->base, 1);
	REQUIRE_EQ(peer_work_submit(arena->ctx, &work), 0);
	KTEST_WAIT_FOR(test, arena_stats(arena).replay_timeouts == 1);
	EXPECT_EQ(arena_stats(arena).replays, 0u);
	EXPECT_EQ(user_xadd64((u64 __user *)arena->base, 1, &old), 0);
	EXPECT_EQ(old, 1u);
	EXPECT_EQ(peer_work_wait(&work, ARENA_NS), 0);
	EXPECT_EQ(work.done, 1u);
	EXPECT_EQ(cpu_read(arena, arena->base), 2u);
	EXPECT_GT(READ_ONCE(arena->peer->counters.beats), beats);
	EXPECT(peer_alive(arena->peer));
	/* The late answer is taken as late; the next grant is like any other. */
	if (!arena_option(arena, arena->ctx, PEER_OPT_TEST_STALL_NS, 0))
		return;
	EXPECT_EQ(device_add(arena->ctx, arena->base, 3, &done), 0);
	KTEST_WAIT_FOR(test, arena_stats(arena).replays == 1);
	EXPECT_EQ(arena_stats(arena).replay_timeouts, 1u);
	EXPECT_EQ(cpu_read(arena, arena->base), 5u);
}

/* A slow access of one context holds up neither another's nor a command. */
KTEST(peer_slow, slow_context_delays_no_other, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *slow = arena_new(test);
	struct peer_context *quick;
	struct peer_work work;
	unsigned int i;
	u64 done;

	REQUIRE(slow);
	if (!arena_slower_than_a_grant(slow, slow->ctx))
		return;
	REQUIRE_EQ(peer_context_create(slow->peer, slow->mm, &quick), 0);
	device_add_work(&work, slow->base, 1);
	EXPECT_EQ(peer_work_submit(slow->ctx, &work), 0);
	KTEST_WAIT_FOR(test, arena_stats(slow).grants == 1);
	for (i = 1; i < ARENA_PAGES; i++)
		EXPECT_EQ(device_add(quick, arena_page(slow, i), 1, &done), 0);
	EXPECT_EQ(peer_ping(slow->peer), 0);
	/* All of that while the one access was under way. */
	EXPECT_EQ(arena_stats(slow).replays, 0u);
	EXPECT_EQ(peer_work_wait(&work, ARENA_NS), 0);
	peer_context_destroy(quick);
	EXPECT_EQ(cpu_read(slow, slow->base), 1u);
}

/*
 * The control of peer.acknowledged_invalidation_means_no_access_in_flight: a
 * device that acknowledges before its access has ended changes the frame after
 * that, and that test would see it.
 */
KTEST(peer_slow, acknowledgement_before_the_access_ended_shows_in_the_frame,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	unsigned int round, moved = 0;
	struct peer_work work;

	REQUIRE(arena);
	if (!arena_option(arena, arena->ctx, PEER_OPT_TEST_STALL_NS,
			  20 * NSEC_PER_MSEC) ||
	    !arena_option(arena, arena->ctx, PEER_OPT_TEST_EARLY_ACK, 1))
		return;
	for (round = 0; round < 3; round++) {
		vaddr_t va = arena_page(arena, round);
		u64 before;

		cpu_write(arena, va, 0);
		device_add_work(&work, va, 1000000);
		REQUIRE_EQ(peer_work_submit(arena->ctx, &work), 0);
		KTEST_WAIT_FOR(test, arena_stats(arena).replays > round);
		EXPECT_EQ(do_mprotect(arena->mm, va, PAGE_SIZE, PROT_READ), 0);
		before = cpu_read(arena, va);
		EXPECT_EQ(peer_work_wait(&work, ARENA_NS), -EFAULT);
		moved += before != cpu_read(arena, va);
	}
	EXPECT_GT(moved, 0u);
}
