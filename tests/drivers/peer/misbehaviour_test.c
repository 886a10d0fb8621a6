// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/misbehaviour_test.c - a device that loses, lies or dies
 *
 * The peer does so on request, if it was started with its test options. Each time
 * the waiters get an error, nothing else is harmed, and the next device (or the same
 * one after a restart) works.
 */
#include <drivers/peer.h>
#include <kernel/sched/sched.h>

#include "drivers/peer/internal.h"
#include "arena.h"

/* With two pieces of work each they are more than the slots for commands. */
#define CROWD (PEER_SLOTS / 2 + 2)

KTEST(peer_misbehaviour, lost_page_request_costs_its_waiter_the_time_limit,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work work;
	struct peer_arena *arena = arena_new(test);
	u64 done;

	if (!arena || !arena_option(arena, arena->ctx,
				    PEER_OPT_TEST_LOSE_PAGE_REQUESTS, 1))
		return;
	device_add_work(&work, arena->base, 1);
	EXPECT_EQ(peer_work_run(arena->ctx, &work, 50 * NSEC_PER_MSEC),
		  -ETIMEDOUT);
	/* The other pages are as good as before. */
	EXPECT_EQ(device_add(arena->ctx, arena_page(arena, 1), 1, &done), 0);
	EXPECT(peer_alive(arena->peer));
}

KTEST(peer_misbehaviour, destroyed_context_cancels_its_work,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work work;
	struct peer_arena *arena = arena_new(test);

	if (!arena || !arena_option(arena, arena->ctx,
				    PEER_OPT_TEST_LOSE_PAGE_REQUESTS, 1))
		return;
	device_add_work(&work, arena->base, 1);
	EXPECT_EQ(peer_work_submit(arena->ctx, &work), 0);
	ktest_cleanup_now(test, arena);
	EXPECT_EQ(peer_work_wait(&work, ARENA_NS), -ECANCELED);
}

KTEST(peer_misbehaviour, invalid_page_request_is_denied, KT_FLAGS(KT_NEEDS_PEER))
{
	static const u64 lies[] = {PEER_LIE_PAGE_ADDRESS, PEER_LIE_PAGE_ACCESS};
	struct peer_arena *arena = arena_new(test);
	unsigned int i;
	u64 done;

	REQUIRE(arena);
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		if (!arena_option(arena, NULL, PEER_OPT_TEST_LIE, lies[i]))
			return;
		EXPECT_EQ(device_add(arena->ctx, arena_page(arena, i), 1, &done),
			  -EFAULT);
		EXPECT_EQ(device_add(arena->ctx, arena_page(arena, i), 1, &done),
			  0);
	}
	EXPECT(peer_alive(arena->peer));
}

KTEST(peer_misbehaviour, page_request_for_an_unknown_context_is_refused,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work work;
	struct peer_arena *arena = arena_new(test);
	u64 done;

	if (!arena ||
	    !arena_option(arena, NULL, PEER_OPT_TEST_LIE, PEER_LIE_PAGE_CONTEXT))
		return;
	device_add_work(&work, arena->base, 1);
	EXPECT_EQ(peer_work_run(arena->ctx, &work, 50 * NSEC_PER_MSEC),
		  -ETIMEDOUT);
	EXPECT_EQ(device_add(arena->ctx, arena_page(arena, 1), 1, &done), 0);
}

KTEST(peer_misbehaviour, answer_with_an_impossible_status_is_refused,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 value;

	if (!arena ||
	    !arena_option(arena, NULL, PEER_OPT_TEST_LIE, PEER_LIE_STATUS))
		return;
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), -EPROTO);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
}

/* A lie on a ring costs the device its life, and a restart gives it back. */
static void lie_and_restart(struct ktest *test, u64 lie)
{
	struct peer_context *ctx;
	struct peer_arena *arena = arena_new(test);
	u64 value;
	int err;

	REQUIRE(arena);
	cpu_write(arena, arena->base, 3);
	EXPECT_EQ(device_store(arena->ctx, arena_page(arena, 1), 1), 0);
	if (!arena_option(arena, NULL, PEER_OPT_TEST_LIE, lie))
		return;
	err = device_load(arena->ctx, arena->base, &value);
	EXPECT(err == -EIO || err == 0);
	KTEST_WAIT_FOR(test, !peer_alive(arena->peer));
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), -EIO);
	EXPECT_EQ(peer_context_create(arena->peer, arena->mm, &ctx), -EIO);
	EXPECT_EQ(peer_restart(arena->peer), -EBUSY);
	/* The address space lives on, and its changes wait for no device. */
	EXPECT_EQ(do_munmap(arena->mm, arena_page(arena, 1), PAGE_SIZE), 0);
	EXPECT_EQ(cpu_read(arena, arena->base), 3u);
	ktest_cleanup_now(test, arena);

	EXPECT_EQ(peer_restart(peer_get(0)), 0);
	arena = arena_new(test);
	REQUIRE(arena);
	cpu_write(arena, arena->base, 4);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
	EXPECT_EQ(value, 4u);
}

KTEST(peer_misbehaviour, used_id_beyond_the_ring_is_survived,
      KT_FLAGS(KT_NEEDS_PEER))
{
	lie_and_restart(test, PEER_LIE_USED_ID);
}

KTEST(peer_misbehaviour, used_length_beyond_the_buffer_is_survived,
      KT_FLAGS(KT_NEEDS_PEER))
{
	lie_and_restart(test, PEER_LIE_USED_LEN);
}

KTEST(peer_misbehaviour, same_work_answered_twice_is_survived,
      KT_FLAGS(KT_NEEDS_PEER))
{
	lie_and_restart(test, PEER_LIE_USED_REPEAT);
}

KTEST(peer_misbehaviour, used_index_far_ahead_is_survived,
      KT_FLAGS(KT_NEEDS_PEER))
{
	lie_and_restart(test, PEER_LIE_USED_INDEX);
}

KTEST(peer_misbehaviour, refused_response_ends_in_a_denial,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_translation found;
	struct peer_arena *arena = arena_new(test);
	u64 value, done;

	if (!arena || !arena_option(arena, NULL, PEER_OPT_TEST_LIE,
				    PEER_LIE_RESPONSE_REFUSED))
		return;
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), -EFAULT);
	EXPECT_EQ(peer_context_translations(arena->ctx, &found, 1), 0u);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
	if (!arena_option(arena, NULL, PEER_OPT_TEST_LIE,
			  PEER_LIE_RESPONSE_REFUSED))
		return;
	EXPECT_EQ(device_add(arena->ctx, arena_page(arena, 1), 1, &done),
		  -EFAULT);
	EXPECT_EQ(cpu_read(arena, arena_page(arena, 1)), 0u);
	EXPECT_EQ(device_add(arena->ctx, arena_page(arena, 1), 1, &done), 0);
	EXPECT(peer_alive(arena->peer));
}

/* The device is asked about nothing: it made the context all the same. */
KTEST(peer_misbehaviour, garbled_creation_leaves_no_context_behind,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_context *ctx = NULL;
	struct peer_arena *arena = arena_new(test);
	u64 value;

	if (!arena || !arena_option(arena, NULL, PEER_OPT_TEST_LIE,
				    PEER_LIE_CREATE_GARBLED))
		return;
	EXPECT_EQ(peer_context_create(arena->peer, arena->mm, &ctx), -EIO);
	EXPECT(!ctx);
	EXPECT(peer_alive(arena->peer));
	/* The same number again, which the device does not know any more. */
	EXPECT_EQ(peer_context_create(arena->peer, arena->mm, &ctx), 0);
	if (ctx) {
		EXPECT_EQ(device_load(ctx, arena->base, &value), 0);
		peer_context_destroy(ctx);
	}
}

static void expect_restart(struct ktest *test)
{
	struct peer_arena *arena;
	u64 value;

	EXPECT_EQ(peer_restart(peer_get(0)), 0);
	arena = arena_new(test);
	REQUIRE(arena);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
}

KTEST(peer_misbehaviour, device_that_keeps_a_context_is_declared_dead,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);

	REQUIRE(arena);
	EXPECT_EQ(device_store(arena->ctx, arena->base, 1), 0);
	if (!arena_option(arena, NULL, PEER_OPT_TEST_LIE,
			  PEER_LIE_DESTROY_REFUSED))
		return;
	ktest_cleanup_now(test, arena);
	EXPECT(!peer_alive(peer_get(0)));
	expect_restart(test);
}

KTEST(peer_misbehaviour, work_never_answered_delays_a_submitter_for_its_limit,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work work;
	struct peer_arena *arena = arena_new(test);
	unsigned int i;
	u64 began, value;

	if (!arena || !arena_option(arena, arena->ctx,
				    PEER_OPT_TEST_LOSE_PAGE_REQUESTS, 1))
		return;
	/* They all wait for the one page request that was lost. */
	for (i = 0; i < PEER_WORK_SLOTS; i++) {
		device_add_work(&work, arena->base, 1);
		EXPECT_EQ(peer_work_run(arena->ctx, &work, NSEC_PER_MSEC),
			  -ETIMEDOUT);
	}
	began = clock_ns();
	device_add_work(&work, arena_page(arena, 1), 1);
	EXPECT_EQ(peer_work_run(arena->ctx, &work, 50 * NSEC_PER_MSEC), -EBUSY);
	EXPECT_LT(clock_ns() - began, NSEC_PER_SEC);
	EXPECT(peer_alive(arena->peer));
	ktest_cleanup_now(test, arena);
	/* With their context they are canceled, and come back. */
	arena = arena_new(test);
	REQUIRE(arena);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
}

/*
 * The page that is asked for again is exclusive already.  The second grant is
 * one like the first; a third whose replay is late costs the time limit, and
 * costs the device nothing before PEER_DEATH_NS.
 */
KTEST(peer_misbehaviour, request_for_what_is_there_is_a_grant_like_any_other,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.24"))
{
	struct peer_arena *arena = arena_new(test);
	u64 done;

	REQUIRE(arena);
	EXPECT_EQ(device_add(arena->ctx, arena->base, 1, &done), 0);
	if (!arena_option(arena, arena->ctx, PEER_OPT_TEST_ASK_AGAIN, 1))
		return;
	EXPECT_EQ(device_add(arena->ctx, arena->base, 1, &done), 0);
	KTEST_WAIT_FOR(test, arena_stats(arena).replays == 2);
	EXPECT_EQ(arena_stats(arena).grants, 2u);
	EXPECT_EQ(arena_stats(arena).mapped, 1u);
	if (!arena_option(arena, arena->ctx, PEER_OPT_TEST_ASK_AGAIN, 1) ||
	    !arena_option(arena, arena->ctx, PEER_OPT_TEST_LOSE_REPLAYS, 1))
		return;
	EXPECT_EQ(device_add(arena->ctx, arena->base, 1, &done), 0);
	KTEST_WAIT_FOR(test, arena_stats(arena).replay_timeouts == 1);
	EXPECT(peer_alive(arena->peer));
	EXPECT_EQ(cpu_read(arena, arena->base), 3u);
	ktest_cleanup_now(test, arena);
	expect_restart(test);
}

/*
 * The device answers heartbeats and makes its accesses, and never reports a replay;
 * there are more grants than slots. The heartbeat goes on, the device is declared
 * dead within the stated time, and every waiter returns. A kernel may be so slow that
 * the time is up before all slots are taken.
 */
KTEST(peer_misbehaviour, device_that_never_reports_a_replay_is_declared_dead,
      KT_FLAGS(KT_NEEDS_PEER))
{
	static struct peer_context *ctx[CROWD];
	static struct peer_work work[2 * CROWD];
	unsigned int i, made = 0, submitted = 0;
	struct peer_arena *arena = arena_new(test);
	long at;
	u64 began;

	if (!arena ||
	    !arena_option(arena, arena->ctx, PEER_OPT_TEST_LOSE_REPLAYS, 0))
		return;
	at = do_mmap(arena->mm, 0, ARRAY_SIZE(work) * PAGE_SIZE,
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	EXPECT_GT(at, 0);
	for (i = 0; i < CROWD; i++, made++) {
		if (peer_context_create(arena->peer, arena->mm, &ctx[i]))
			break;
		EXPECT_EQ(peer_set_option(arena->peer, ctx[i],
					  PEER_OPT_TEST_LOSE_REPLAYS, 2),
			  0);
	}
	EXPECT_EQ(made, CROWD);
	began = clock_ns();
	for (i = 0; i < 2 * made; i++, submitted++) {
		device_add_work(&work[i], (vaddr_t)at + i * PAGE_SIZE, 1);
		if (peer_work_submit(ctx[i % made], &work[i]))
			break;
	}
	if (clock_ns() - began < PEER_DEATH_NS)
		EXPECT_EQ(submitted, 2 * CROWD);
	/* All slots are gone, but not that of the heartbeat. */
	KTEST_WAIT_FOR(test, list_empty(&arena->peer->free_slots[PEER_SLOT_ANY]) ||
				     !peer_alive(arena->peer));
	if (clock_ns() - began < PEER_DEATH_NS)
		EXPECT_EQ(peer_ping(arena->peer), 0);
	KTEST_WAIT_FOR(test, !peer_alive(arena->peer));
	EXPECT_LT(clock_ns() - began,
		  PEER_DEATH_NS + KTEST_SLOWER * 2 * NSEC_PER_SEC);
	for (i = 0; i < submitted; i++)
		peer_work_wait(&work[i], ARENA_NS);
	for (i = 0; i < made; i++)
		peer_context_destroy(ctx[i]);
	ktest_cleanup_now(test, arena);
	expect_restart(test);
}

/* A refused request every few moments, for longer than a beat. */
KTEST(peer_misbehaviour, heartbeat_goes_on_while_requests_are_refused,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 began, beats, done;

	REQUIRE(arena);
	beats = READ_ONCE(arena->peer->counters.beats);
	began = clock_ns();
	while (clock_ns() - began < 4 * PEER_HEARTBEAT_NS) {
		if (!arena_option(arena, NULL, PEER_OPT_TEST_LIE,
				  PEER_LIE_PAGE_ACCESS))
			return;
		EXPECT_EQ(device_add(arena->ctx, arena->base, 1, &done), -EFAULT);
	}
	EXPECT_GE(READ_ONCE(arena->peer->counters.beats), beats + 2);
}

/*
 * Only by its whole name, since no peer is left after it: the process ends in
 * the middle of the work. Death is noticed within the stated time, waiters get
 * -EIO, and the address space is as usable as before.
 */
KTEST(peer_misbehaviour, death_is_noticed_in_time_and_costs_only_its_work,
      KT_FLAGS(KT_NEEDS_PEER | KT_BY_NAME_ONLY | KT_ENDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 began, value, done;

	REQUIRE(arena);
	EXPECT_EQ(device_add(arena->ctx, arena->base, 5, &done), 0);
	if (!arena_option(arena, NULL, PEER_OPT_TEST_DIE_AFTER, 0))
		return;
	began = clock_ns();
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), -EIO);
	EXPECT_LT(clock_ns() - began,
		  PEER_DEATH_NS + KTEST_SLOWER * NSEC_PER_SEC);
	EXPECT(!peer_alive(arena->peer));
	EXPECT_EQ(cpu_read(arena, arena->base), 5u);
	EXPECT_EQ(do_munmap(arena->mm, arena->base, PAGE_SIZE), 0);
}
