// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/collapse_test.c - small pages become a huge one while a device uses them
 *
 * Elsewhere a collapse freed page tables, and no subscriber knew (khugepaged, Linux 6.1). A device
 * went on with what it had found in them.
 */
#include <mm/space/madvise.h>

#include "held.h"

/* 2 MiB that a huge page may map. */
static vaddr_t map_2mib(struct peer_arena *arena)
{
	long addr = do_mmap(arena->mm, 0, 2 * PMD_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS);
	struct ktest *test = arena->test;

	EXPECT_GT(addr, 0L);
	return ALIGN((vaddr_t)addr, PMD_SIZE);
}

/* The device's pages go, and it asks for them again: one whole page is in their place. */
KTEST(peer_collapse,
      the_device_drops_each_page_and_finds_its_words_in_the_huge_one,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R1.10 R1.18"))
{
	struct peer_translation found;
	struct peer_arena arena;
	u64 value = 0;
	vaddr_t va;

	if (!arena_open(test, &arena))
		return;
	va = map_2mib(&arena);
	EXPECT_EQ(device_store(arena.ctx, va, 5), 0);
	EXPECT_EQ(device_store(arena.ctx, va + 300 * PAGE_SIZE, 6), 0);
	EXPECT_EQ(madvise_collapse(arena.mm, va, PMD_SIZE), 0);
	EXPECT_EQ(peer_query(arena.ctx, va, &found), -ENOENT);
	EXPECT_EQ(peer_query(arena.ctx, va + 300 * PAGE_SIZE, &found), -ENOENT);
	EXPECT_EQ(cpu_read(&arena, va), 5u);
	EXPECT_EQ(device_load(arena.ctx, va + 300 * PAGE_SIZE, &value), 0);
	EXPECT_EQ(value, 6u);
	EXPECT_EQ(device_store(arena.ctx, va + 300 * PAGE_SIZE, 7), 0);
	EXPECT_EQ(cpu_read(&arena, va + 300 * PAGE_SIZE), 7u);
	arena_close(&arena);
}

/*
 *	page request			this thread
 *	read_begin, look-up: frame A,
 *	with a reference
 *					collapse: CLEAR; A has another user: -EAGAIN
 *	read_retry: true, again: A
 *					collapse: A goes
 *	(the device has A no more)
 */
KTEST(peer_collapse, a_page_looked_up_before_a_collapse_is_in_its_way,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R1.10"))
{
	struct peer_translation found;
	struct held_request held;
	struct peer_arena arena;
	vaddr_t va;

	if (!arena_open(test, &arena))
		return;
	va = map_2mib(&arena);
	held_request_start(&held, &arena, va);
	EXPECT_EQ(madvise_collapse(arena.mm, va, PMD_SIZE), -EAGAIN);
	held_request_end(&held);
	EXPECT_EQ(madvise_collapse(arena.mm, va, PMD_SIZE), 0);
	EXPECT_EQ(peer_query(arena.ctx, va, &found), -ENOENT);
	EXPECT_EQ(cpu_read(&arena, va), (u64)HELD_STORED);
	arena_close(&arena);
}
