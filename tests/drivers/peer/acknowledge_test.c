// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/acknowledge_test.c - a change waits until the device has let go
 */
#include <kernel/sched/sched.h>
#include <mm/fault/gup.h>
#include <mm/page/page.h>

#include "arena.h"

/*
 * The device holds each access for a while. Permission is taken away while one
 * is in flight; when that has returned, the frame must not change any more.
 *
 *	device				this thread
 *	access: translation found
 *					mprotect: INVALIDATE ...
 *	access: store
 *					... acknowledged; look at the word
 *					work fails; look again: the same
 */
KTEST(peer, acknowledged_invalidation_means_no_access_in_flight,
      KT_FLAGS(KT_NEEDS_PEER))
{
	const u64 stall_ns = 5 * NSEC_PER_MSEC;
	unsigned int round, moved = 0;
	struct peer_arena arena;
	struct peer_work work;

	if (!arena_open(test, &arena))
		return;
	if (peer_set_option(arena.peer, arena.ctx, PEER_OPT_TEST_STALL_NS,
			    stall_ns)) {
		ktest_skip(test, "the peer takes no test options");
		arena_close(&arena);
		return;
	}
	for (round = 0; round < 5; round++) {
		vaddr_t va = arena_page(&arena, round);
		u64 before, after, done = 0;

		cpu_write(&arena, va, 0);
		device_add_work(&work, va, 1000000);
		EXPECT_EQ(peer_work_submit(arena.ctx, &work), 0);
		/* From the first on, nearly all its time is inside of one. */
		KTEST_WAIT_FOR(test, arena_stats(&arena).replays > round);
		EXPECT_EQ(do_mprotect(arena.mm, va, PAGE_SIZE, PROT_READ), 0);
		before = cpu_read(&arena, va);
		EXPECT_EQ(arena_wait(&arena, &work), -EFAULT);
		after = cpu_read(&arena, va);
		done = work.done;
		moved += before != after;
		EXPECT_EQ(after, done);
	}
	EXPECT_EQ(moved, 0u);
	arena_close(&arena);
}

/* A change of one page that a second thread makes. */
struct second_change {
	struct peer_arena *arena;
	u64 seen;
	u64 *word;
};

static int second_change_thread(void *arg)
{
	struct second_change *change = arg;
	struct peer_arena *arena = change->arena;

	madvise_dontneed(arena->mm, arena->base, PAGE_SIZE);
	change->seen = READ_ONCE(*change->word);
	return 0;
}

/*
 *	device		this thread		second thread
 *	in an access
 *			DONTNEED: INVALIDATE
 *						DONTNEED: nothing in the
 *						table; still has to wait
 *	store
 *	acknowledges
 *						returns: the frame is at rest
 */
KTEST(peer, second_change_waits_for_the_first_ones_acknowledgement,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct second_change change = {0};
	struct peer_arena arena;
	struct peer_work work;
	struct task *thread;
	struct page *frame;
	u64 first;

	if (!arena_open(test, &arena))
		return;
	if (peer_set_option(arena.peer, arena.ctx, PEER_OPT_TEST_STALL_NS,
			    8 * NSEC_PER_MSEC)) {
		ktest_skip(test, "the peer takes no test options");
		arena_close(&arena);
		return;
	}
	cpu_write(&arena, arena.base, 0);
	mmap_read_lock(arena.mm);
	frame = follow_page(arena.mm, arena.base);
	mmap_read_unlock(arena.mm);
	if (frame) {
		change.arena = &arena;
		change.word = page_address(frame);
		device_add_work(&work, arena.base, 1000000);
		EXPECT_EQ(peer_work_submit(arena.ctx, &work), 0);
		KTEST_WAIT_FOR(test, arena_stats(&arena).replays > 0);
		thread = kthread_run(second_change_thread, &change,
				     "test/second");
		madvise_dontneed(arena.mm, arena.base, PAGE_SIZE);
		first = READ_ONCE(*change.word);
		if (!IS_ERR(thread))
			kthread_join(thread);
		EXPECT_EQ(change.seen, first);
		/* Each access from here on goes to another frame. */
		EXPECT_EQ(do_munmap(arena.mm, arena.base, PAGE_SIZE), 0);
		EXPECT_EQ(arena_wait(&arena, &work), -EFAULT);
		EXPECT_EQ(READ_ONCE(*change.word), first);
		put_page(frame);
	} else {
		ktest_fail(test, "no frame was mapped");
	}
	arena_close(&arena);
}
