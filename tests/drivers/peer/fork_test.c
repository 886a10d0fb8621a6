// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/fork_test.c - a process forks while a device works in it
 *
 * The device stays with the parent. What it wrote before the fork is in both, and what it
 * writes later is in the parent alone.
 */
#include "tests/mm/lib/relatives.h"
#include "held.h"

static struct mm_struct *fork_arena(struct peer_arena *arena)
{
	struct ktest *test = arena->test;
	struct mm_struct *child = NULL;

	EXPECT_EQ(mm_fork(arena->mm, &child), 0);
	return child;
}

/* A word of the child; the test's thread is in it for one access. */
static u64 child_read(struct peer_arena *arena, struct mm_struct *child,
		      vaddr_t va)
{
	struct sandbox parent = {.test = arena->test, .mm = arena->mm};

	return read_in(&parent, child, va);
}

static void child_write(struct peer_arena *arena, struct mm_struct *child,
			vaddr_t va, u64 value)
{
	struct sandbox parent = {.test = arena->test, .mm = arena->mm};
	struct ktest *test = arena->test;

	EXPECT_EQ(poke_in(&parent, child, va, value), 0);
}

/*
 * Elsewhere a fork copied an exclusive entry, or failed because its page was locked
 * (Linux up to 7.2). Here the page is restored in the parent, and then shared like any other.
 */
KTEST(peer_fork, a_page_that_the_device_has_is_restored_and_then_shared,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R7.13"))
{
	struct peer_translation found = {0};
	struct mm_struct *child;
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena.base, 40);
	EXPECT_EQ(device_add(arena.ctx, arena.base, 2, &done), 0);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), 0);
	EXPECT(found.exclusive);
	child = fork_arena(&arena);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), -ENOENT);
	EXPECT_EQ(arena_stats(&arena).exclusive_dropped, 1u);
	if (child) {
		EXPECT_EQ(child_read(&arena, child, arena.base), 42u);
		EXPECT_EQ(device_add(arena.ctx, arena.base, 3, &done), 0);
		EXPECT_EQ(cpu_read(&arena, arena.base), 45u);
		EXPECT_EQ(child_read(&arena, child, arena.base), 42u);
		mmput(child);
	}
	arena_close(&arena);
}

/* Elsewhere a child inherited a notifier (reports of KVM and RDMA users). */
KTEST(peer_fork, the_device_does_not_follow_the_child, KT_FLAGS(KT_NEEDS_PEER),
      KT_RULES("R2.26"))
{
	struct peer_context_stats before, after;
	struct mm_struct *child;
	struct peer_arena arena;
	u64 value = 0;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 7), 0);
	child = fork_arena(&arena);
	if (child) {
		EXPECT(!mm_has_notifiers(child));
		before = arena_stats(&arena);
		child_write(&arena, child, arena.base, 8);
		EXPECT_EQ(do_munmap(child, arena.base, PAGE_SIZE), 0);
		mmput(child);
		after = arena_stats(&arena);
		EXPECT_EQ(after.callbacks, before.callbacks);
		EXPECT_EQ(after.invalidations, before.invalidations);
	}
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	EXPECT_EQ(value, 7u);
	arena_close(&arena);
}

/*
 * Elsewhere a fault of the parent's device that ran beside the fork missed the write protection,
 * and the device wrote to a page that was the child's as well by then.
 *
 *	page request, to write		this thread
 *	read_begin, look-up: frame A
 *					fork: A is shared, read-only
 *	read_retry: true, again: B,
 *	a copy of A
 *	device writes to B		(the child reads A)
 */
KTEST(peer_fork, a_page_looked_up_before_a_fork_is_not_installed,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R1.20"))
{
	struct held_request held;
	struct mm_struct *child;
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	held_request_start(&held, &arena, arena.base);
	child = fork_arena(&arena);
	held_request_end(&held);
	if (child) {
		EXPECT_EQ(child_read(&arena, child, arena.base),
			  (u64)HELD_BEFORE);
		mmput(child);
	}
	arena_close(&arena);
}
