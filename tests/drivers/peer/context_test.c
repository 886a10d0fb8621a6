// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/context_test.c - a device enters address spaces and leaves
 */
#include <mm/alloc/alloc.h>
#include <mm/alloc/fail.h>

#include "arena.h"

KTEST(peer_context, end_of_the_address_space_closes_the_context,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_translation found;
	struct peer_arena arena;
	u64 value;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	kthread_unuse_mm(arena.mm);
	mmput(arena.mm);
	/* The context's thread may be the last to leave the address space. */
	KTEST_WAIT_FOR(test,
		       peer_query(arena.ctx, arena.base, &found) == -ENOENT);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), -EFAULT);
	peer_context_destroy(arena.ctx);
	arena_forget(&arena);
}

KTEST(peer_context, context_goes_before_its_address_space,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 5), 0);
	peer_context_destroy(arena.ctx);
	EXPECT_EQ(cpu_read(&arena, arena.base), 5u);
	EXPECT_EQ(do_munmap(arena.mm, arena.base, PAGE_SIZE), 0);
	kthread_unuse_mm(arena.mm);
	mmput(arena.mm);
	arena_forget(&arena);
}

KTEST(peer_context, contexts_do_not_see_each_other, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena one;
	struct peer_context *other;
	struct mm_struct *mm;
	u64 value;
	long at;

	if (!arena_open(test, &one))
		return;
	mm = mm_alloc();
	at = mm ? do_mmap(mm, one.base, PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
		: -ENOMEM;
	EXPECT_EQ(at, (long)one.base);
	if (at > 0 && !peer_context_create(one.peer, mm, &other)) {
		EXPECT_EQ(device_store(one.ctx, one.base, 1), 0);
		EXPECT_EQ(device_store(other, one.base, 2), 0);
		EXPECT_EQ(device_load(one.ctx, one.base, &value), 0);
		EXPECT_EQ(value, 1u);
		peer_context_destroy(other);
	} else {
		ktest_fail(test, "no second context");
	}
	if (mm)
		mmput(mm);
	arena_close(&one);
}

KTEST(peer_context, contexts_are_given_out_until_there_are_no_more,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_context **extra;
	unsigned int count = 0, most = 300;
	struct peer_arena arena;
	int err = 0;

	extra = kcalloc(most, sizeof(*extra), GFP_KERNEL);
	REQUIRE(extra);
	if (arena_open(test, &arena)) {
		while (count < most && !err) {
			err = peer_context_create(arena.peer, arena.mm,
						  &extra[count]);
			count += !err;
		}
		EXPECT_EQ(err, -ENOSPC);
		EXPECT_GE(count, 1u);
		if (count)
			EXPECT_EQ(device_store(extra[count - 1], arena.base, 3),
				  0);
		while (count)
			peer_context_destroy(extra[--count]);
		arena_close(&arena);
	}
	kfree(extra);
}

KTEST(peer_context, one_that_cannot_be_made_leaves_the_device_as_it_was,
      KT_FLAGS(KT_NEEDS_PEER | KT_NEEDS_DEBUG))
{
	enum { MOST = 60 };
	struct peer_context *extra;
	struct peer_arena arena;
	bool done = false;
	int err;

	if (!arena_open(test, &arena))
		return;
	for (unsigned long nth = 1; !done && nth < MOST; nth++) {
		alloc_fail_nth(nth);
		err = peer_context_create(arena.peer, arena.mm, &extra);
		done = !alloc_fail_hit();
		alloc_fail_end();
		EXPECT_EQ(err, done ? 0 : -ENOMEM, "at allocation %lu", nth);
		if (!err)
			peer_context_destroy(extra);
		EXPECT_EQ(device_store(arena.ctx, arena.base, nth), 0);
		EXPECT_EQ(cpu_read(&arena, arena.base), nth);
	}
	EXPECT(done);
	arena_close(&arena);
}
