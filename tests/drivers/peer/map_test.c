// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/map_test.c - the device's side of a map
 *
 *	pages     0 1 2 3 4 5 6 7 | 8
 *	mapped    [-------------) | nothing
 */
#include <kernel/monitor.h>
#include <lib/printk.h>
#include <lib/string.h>

#include "arena.h"

/* Is there a row of @side that begins with @letters at the arena's base? */
static bool row_begins(struct peer_arena *arena, const char *text,
		       const char *side, const char *letters)
{
	unsigned int page = (arena->base >> PAGE_SHIFT) % 64;
	const char *line = strstr(text, side);

	return line && strlen(line) > strlen(side) + page &&
	       strncmp(line + strlen(side) + page, letters, strlen(letters)) == 0;
}

static void expect_rows(struct peer_arena *arena, const char *cpu,
			const char *device)
{
	struct ktest *test = arena->test;
	char text[600], line[24], side[20];

	snprintf(line, sizeof(line), "map %u", arena->mm->id);
	monitor_divert(text, sizeof(text));
	EXPECT_EQ(monitor_execute(line), 0);
	monitor_divert(NULL, 0);
	snprintf(side, sizeof(side), "%012lx ",
		 ALIGN_DOWN(arena->base, 64 * PAGE_SIZE));
	EXPECT(row_begins(arena, text, side, cpu), "%s", text);
	EXPECT(row_begins(arena, text, "  peer0/ctx1 ", device), "%s", text);
}

KTEST(peer_map, a_map_shows_what_the_device_has_of_each_page,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 value, done;

	if (!arena)
		return;
	EXPECT_EQ(device_load(arena->ctx, arena_page(arena, 0), &value), 0);
	EXPECT_EQ(device_store(arena->ctx, arena_page(arena, 1), 1), 0);
	EXPECT_EQ(device_add(arena->ctx, arena_page(arena, 2), 1, &done), 0);
	cpu_write(arena, arena_page(arena, 3), 1);
	expect_rows(arena, "zWXW....", "rwX.....");
	/* The CPU restores the exclusive page: the device has nothing of it. */
	cpu_write(arena, arena_page(arena, 2), 1);
	expect_rows(arena, "zWWW....", "rw......");
	peer_context_policy(arena->ctx, PEER_ATOMIC_PLAIN);
	EXPECT_EQ(device_add(arena->ctx, arena_page(arena, 2), 1, &done), 0);
	expect_rows(arena, "zWWW....", "rwA.....");
}

KTEST(peer_map, translations_of_a_context_that_is_not_there_are_none,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	struct mm_struct *other = mm_alloc();

	if (!arena || !other)
		return;
	EXPECT_EQ(peer_translations_of(arena->peer, 0, arena->mm, NULL), -ENOENT);
	EXPECT_EQ(peer_translations_of(arena->peer, PEER_CONTEXTS + 1,
				       arena->mm, NULL),
		  -ENOENT);
	EXPECT_EQ(peer_translations_of(arena->peer, PEER_CONTEXTS, arena->mm,
				       NULL),
		  -ENOENT);
	EXPECT_EQ(peer_translations_of(arena->peer, 1, other, NULL), -ENOENT);
	mmput(other);
}
