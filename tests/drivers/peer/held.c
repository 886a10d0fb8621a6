// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/held.c - a page request that stops before its page is installed
 *
 * A hook of the driver holds the first request alone: the rounds that follow, because the
 * test changed the page, go through.
 */
#include "held.h"

static void hold_first_request(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct held_request *held = arg;

	if (held->came)
		return;
	held->came = true;
	step_signal(&held->step, 1);
	step_wait(&held->step, 2);
}

void held_request_start(struct held_request *held, struct peer_arena *arena,
			vaddr_t va)
{
	struct ktest *test = arena->test;

	*held = (struct held_request){
		.arena = arena,
		.hooks = {.before_install = hold_first_request, .arg = held},
		.work = {.op = PEER_OP_STORE,
			 .width = 8,
			 .va = va,
			 .operand = HELD_STORED,
			 .count = 1,
			 .repeat = 1},
	};
	step_init(&held->step, test);
	cpu_write(arena, va, HELD_BEFORE);
	peer_context_hooks(arena->ctx, &held->hooks);
	EXPECT_EQ(peer_work_submit(arena->ctx, &held->work), 0);
	step_wait(&held->step, 1);
}

void held_request_end(struct held_request *held)
{
	struct peer_arena *arena = held->arena;
	struct ktest *test = arena->test;

	step_signal(&held->step, 2);
	EXPECT_EQ(arena_wait(arena, &held->work), 0);
	EXPECT_GE(arena_stats(arena).retries_collision, 1u);
	EXPECT_EQ(cpu_read(arena, held->work.va), (u64)HELD_STORED);
	peer_context_hooks(arena->ctx, NULL);
}
