// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/arena.c - an address space with a peer in it, for tests
 *
 * The test's thread adopts the address space, so that it touches the same
 * virtual addresses as the device, with real faults. A shadow (tests/mm/lib/shadow.h)
 * subscribes beside the device. It goes after the last user, so that it sees the exit.
 */
#include <lib/string.h>

#include "tests/mm/lib/sandbox.h"
#include "tests/mm/lib/shadow.h"
#include "arena.h"

static bool map_pages(struct peer_arena *arena)
{
	long at = do_mmap(arena->mm, 0, ARENA_PAGES * PAGE_SIZE,
			  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	arena->base = (vaddr_t)at;
	return at > 0;
}

bool arena_open(struct ktest *test, struct peer_arena *arena)
{
	int err;

	memset(arena, 0, sizeof(*arena));
	arena->test = test;
	arena->peer = peer_get(0);
	arena->mm = mm_alloc();
	if (!arena->mm) {
		ktest_fail(test, "no memory for an address space");
		return false;
	}
	if (!map_pages(arena)) {
		ktest_fail(test, "the arena could not be mapped");
		mmput(arena->mm);
		return false;
	}
	err = shadow_attach(test, arena->mm, arena->mm);
	if (err) {
		ktest_fail(test, "no shadow: %s", errno_name(err));
		mmput(arena->mm);
		return false;
	}
	err = peer_context_create(arena->peer, arena->mm, &arena->ctx);
	if (err) {
		ktest_fail(test, "no context: %s", errno_name(err));
		mmput(arena->mm);
		arena_forget(arena);
		return false;
	}
	kthread_use_mm(arena->mm);
	return true;
}

void arena_close(struct peer_arena *arena)
{
	shadow_stop(arena->mm);
	kthread_unuse_mm(arena->mm);
	peer_context_destroy(arena->ctx);
	mmput(arena->mm);
	arena_forget(arena);
}

void arena_forget(struct peer_arena *arena)
{
	shadow_detach(arena->mm, SHADOWS_ALL);
}

static void close_arena(void *arg)
{
	arena_close(arg);
}

struct peer_arena *arena_new(struct ktest *test)
{
	struct peer_arena *arena = ktest_alloc(test, sizeof(*arena));

	if (!arena_open(test, arena))
		return NULL;
	ktest_cleanup(test, close_arena, arena);
	return arena;
}

bool arena_option(struct peer_arena *arena, struct peer_context *ctx,
		  u32 option, u64 value)
{
	if (!peer_set_option(arena->peer, ctx, option, value))
		return true;
	ktest_skip(arena->test, "the peer takes no test options");
	return false;
}

bool arena_slower_than_a_grant(struct peer_arena *arena, struct peer_context *ctx)
{
	u64 ns = PEER_REPLAY_NS + PEER_REPLAY_NS / 4;

	static_assert(PEER_REPLAY_NS + PEER_REPLAY_NS / 4 < PEER_DEATH_NS / 2,
		      "slow is not dead");
	return arena_option(arena, ctx, PEER_OPT_TEST_STALL_NS, ns);
}

u64 cpu_read(struct peer_arena *arena, vaddr_t va)
{
	u64 value = 0;

	if (user_peek(va, &value))
		ktest_fail(arena->test, "the CPU cannot read %#lx", va);
	return value;
}

void cpu_write(struct peer_arena *arena, vaddr_t va, u64 value)
{
	if (user_poke(va, value))
		ktest_fail(arena->test, "the CPU cannot write %#lx", va);
}

int device_load(struct peer_context *ctx, vaddr_t va, u64 *value)
{
	struct peer_work work = {
		.op = PEER_OP_LOAD, .width = 8, .va = va, .count = 1, .repeat = 1};
	int err = peer_work_run(ctx, &work, ARENA_NS);

	*value = work.value;
	return err;
}

int device_store(struct peer_context *ctx, vaddr_t va, u64 value)
{
	struct peer_work work = {.op = PEER_OP_STORE,
				 .width = 8,
				 .va = va,
				 .operand = value,
				 .count = 1,
				 .repeat = 1};

	return peer_work_run(ctx, &work, ARENA_NS);
}

void device_add_work(struct peer_work *work, vaddr_t va, u64 repeat)
{
	*work = (struct peer_work){.op = PEER_OP_FETCH_ADD,
				   .width = 8,
				   .va = va,
				   .operand = 1,
				   .count = 1,
				   .repeat = repeat};
}

int device_add(struct peer_context *ctx, vaddr_t va, u64 repeat, u64 *done)
{
	struct peer_work work;
	int err;

	device_add_work(&work, va, repeat);
	err = peer_work_run(ctx, &work, ARENA_NS);
	*done = work.done;
	return err;
}

int arena_wait(struct peer_arena *arena, struct peer_work *work)
{
	int err = peer_work_wait(work, ARENA_NS);

	if (err == -ETIMEDOUT)
		peer_work_abandon(arena->ctx, work);
	return err;
}

struct peer_context_stats arena_stats(struct peer_arena *arena)
{
	struct peer_context_stats stats;

	peer_context_stats(arena->ctx, &stats);
	return stats;
}
