// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer_misbehaviour_test.c - a device that loses, lies or dies
 *
 * The peer does so on request, if it was started with its test options.  What
 * must hold each time: whoever waits gets an error, nothing else is harmed, and
 * the next device (or the same one, begun anew) works.
 */
#include <drivers/peer.h>
#include <kernel/sched.h>

#include "peer_arena.h"

/* Set an option; a test that cannot is skipped, with the arena closed. */
static bool option(struct peer_arena *arena, struct peer_context *ctx, u32 name,
		   u64 value)
{
	if (!peer_set_option(arena->peer, ctx, name, value))
		return true;
	ktest_skip(arena->test, "the peer takes no test options");
	arena_close(arena);
	return false;
}

KTEST_F(peer_misbehaviour, lost_page_request_costs_its_waiter_the_time_limit,
	KT_NEEDS_PEER)
{
	struct peer_work work;
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena) ||
	    !option(&arena, arena.ctx, PEER_OPT_TEST_LOSE_PAGE_REQUESTS, 1))
		return;
	device_add_order(&work, arena.base, 1);
	EXPECT_EQ(peer_work_run(arena.ctx, &work, 50 * NSEC_PER_MSEC),
		  -ETIMEDOUT);
	/* The other pages are as good as before. */
	EXPECT_EQ(device_add(arena.ctx, arena_page(&arena, 1), 1, &done), 0);
	EXPECT(peer_alive(arena.peer));
	arena_close(&arena);
}

KTEST_F(peer_misbehaviour, destroyed_context_cancels_its_work, KT_NEEDS_PEER)
{
	struct peer_work work;
	struct peer_arena arena;

	if (!arena_open(test, &arena) ||
	    !option(&arena, arena.ctx, PEER_OPT_TEST_LOSE_PAGE_REQUESTS, 1))
		return;
	device_add_order(&work, arena.base, 1);
	EXPECT_EQ(peer_work_submit(arena.ctx, &work), 0);
	arena_close(&arena);
	EXPECT_EQ(peer_work_wait(&work, ARENA_NS), -ECANCELED);
}

KTEST_F(peer_misbehaviour, page_request_that_makes_no_sense_is_denied,
	KT_NEEDS_PEER)
{
	static const u64 lies[] = {PEER_LIE_PAGE_ADDRESS, PEER_LIE_PAGE_ACCESS};
	struct peer_arena arena;
	unsigned int i;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		if (!option(&arena, NULL, PEER_OPT_TEST_LIE, lies[i]))
			return;
		EXPECT_EQ(device_add(arena.ctx, arena_page(&arena, i), 1, &done),
			  -EFAULT);
		EXPECT_EQ(device_add(arena.ctx, arena_page(&arena, i), 1, &done),
			  0);
	}
	EXPECT(peer_alive(arena.peer));
	arena_close(&arena);
}

KTEST_F(peer_misbehaviour, page_request_for_an_unknown_context_is_refused,
	KT_NEEDS_PEER)
{
	struct peer_work work;
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena) ||
	    !option(&arena, NULL, PEER_OPT_TEST_LIE, PEER_LIE_PAGE_CONTEXT))
		return;
	device_add_order(&work, arena.base, 1);
	EXPECT_EQ(peer_work_run(arena.ctx, &work, 50 * NSEC_PER_MSEC),
		  -ETIMEDOUT);
	EXPECT_EQ(device_add(arena.ctx, arena_page(&arena, 1), 1, &done), 0);
	arena_close(&arena);
}

KTEST_F(peer_misbehaviour, answer_with_an_impossible_status_is_refused,
	KT_NEEDS_PEER)
{
	struct peer_arena arena;
	u64 value;

	if (!arena_open(test, &arena) ||
	    !option(&arena, NULL, PEER_OPT_TEST_LIE, PEER_LIE_STATUS))
		return;
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), -EPROTO);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	arena_close(&arena);
}

/* A lie on a ring costs the device its life, and a restart gives it back. */
static void lie_and_restart(struct ktest *test, u64 lie)
{
	struct peer_context *ctx;
	struct peer_arena arena;
	u64 value;
	int err;

	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena.base, 3);
	EXPECT_EQ(device_store(arena.ctx, arena_page(&arena, 1), 1), 0);
	if (!option(&arena, NULL, PEER_OPT_TEST_LIE, lie))
		return;
	err = device_load(arena.ctx, arena.base, &value);
	EXPECT(err == -EIO || err == 0);
	KTEST_WAIT_FOR(test, !peer_alive(arena.peer));
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), -EIO);
	EXPECT_EQ(peer_context_create(arena.peer, arena.mm, &ctx), -EIO);
	EXPECT_EQ(peer_restart(arena.peer), -EBUSY);
	/* The address space lives on, and its changes wait for nobody. */
	EXPECT_EQ(do_munmap(arena.mm, arena_page(&arena, 1), PAGE_SIZE), 0);
	EXPECT_EQ(cpu_read(&arena, arena.base), 3u);
	arena_close(&arena);

	EXPECT_EQ(peer_restart(peer_get(0)), 0);
	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena.base, 4);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	EXPECT_EQ(value, 4u);
	arena_close(&arena);
}

KTEST_F(peer_misbehaviour, used_id_beyond_the_ring_is_survived, KT_NEEDS_PEER)
{
	lie_and_restart(test, PEER_LIE_USED_ID);
}

KTEST_F(peer_misbehaviour, used_length_beyond_the_buffer_is_survived,
	KT_NEEDS_PEER)
{
	lie_and_restart(test, PEER_LIE_USED_LEN);
}

KTEST_F(peer_misbehaviour, same_order_finished_twice_is_survived, KT_NEEDS_PEER)
{
	lie_and_restart(test, PEER_LIE_USED_REPEAT);
}

KTEST_F(peer_misbehaviour, used_index_far_ahead_is_survived, KT_NEEDS_PEER)
{
	lie_and_restart(test, PEER_LIE_USED_INDEX);
}

/*
 * Only by its whole name, since no peer is left after it: the process ends in
 * the middle of the work.  Death is noticed within the stated time, waiters get
 * -EIO, and the address space is as usable as before.
 */
KTEST_F(peer_misbehaviour, death_is_noticed_in_time_and_costs_only_its_work,
	KT_NEEDS_PEER | KT_BY_NAME_ONLY)
{
	struct peer_arena arena;
	u64 began, value, done;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_add(arena.ctx, arena.base, 5, &done), 0);
	if (!option(&arena, NULL, PEER_OPT_TEST_DIE_AFTER, 0))
		return;
	began = clock_ns();
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), -EIO);
	EXPECT_LT(clock_ns() - began, PEER_DEATH_NS + NSEC_PER_SEC);
	EXPECT(!peer_alive(arena.peer));
	EXPECT_EQ(cpu_read(&arena, arena.base), 5u);
	EXPECT_EQ(do_munmap(arena.mm, arena.base, PAGE_SIZE), 0);
	arena_close(&arena);
}
