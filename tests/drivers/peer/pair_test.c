// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/pair_test.c - two devices in one address space
 *
 * Skipped unless two peers are plugged in (scripts/run-qemu --peers 2).
 */
#include "arena.h"

/* A context of the second device in @arena's mm, or NULL with the test over. */
static struct peer_context *second_context(struct ktest *test,
					   struct peer_arena *arena)
{
	struct peer_context *ctx;

	if (peer_count() < 2) {
		ktest_skip(test, "there is only one peer");
		return NULL;
	}
	if (!arena_open(test, arena))
		return NULL;
	if (!peer_context_create(peer_get(1), arena->mm, &ctx))
		return ctx;
	ktest_fail(test, "no context on the second peer");
	arena_close(arena);
	return NULL;
}

KTEST(peer_pair, devices_take_an_exclusive_page_from_each_other,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.26"))
{
	struct peer_translation found;
	struct peer_context *other;
	struct peer_arena arena;
	unsigned int i;
	u64 done;

	other = second_context(test, &arena);
	if (!other)
		return;
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(device_add(arena.ctx, arena.base, 5, &done), 0);
		EXPECT_EQ(peer_query(other, arena.base, &found), -ENOENT);
		EXPECT_EQ(device_add(other, arena.base, 6, &done), 0);
		EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), -ENOENT);
	}
	EXPECT_EQ(cpu_read(&arena, arena.base), 110u);
	peer_context_destroy(other);
	arena_close(&arena);
}

KTEST(peer_pair, two_devices_and_a_cpu_lose_nothing, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_context *other;
	struct peer_work one, two;
	struct peer_arena arena;
	unsigned int i;

	other = second_context(test, &arena);
	if (!other)
		return;
	device_add_work(&one, arena.base, 5000);
	device_add_work(&two, arena.base, 5000);
	EXPECT_EQ(peer_work_submit(arena.ctx, &one), 0);
	EXPECT_EQ(peer_work_submit(other, &two), 0);
	for (i = 0; i < 50; i++)
		cpu_read(&arena, arena.base);
	EXPECT_EQ(peer_work_wait(&one, 4 * ARENA_NS), 0);
	EXPECT_EQ(peer_work_wait(&two, 4 * ARENA_NS), 0);
	EXPECT_EQ(cpu_read(&arena, arena.base), 10000u);
	peer_context_destroy(other);
	arena_close(&arena);
}
