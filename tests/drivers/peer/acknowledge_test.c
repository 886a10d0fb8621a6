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

/* Two threads that change one page of a device that is in an access of it. */
struct two_changes {
	struct peer_arena *arena;
	vaddr_t va;
	u64 *word;
	u64 seen;
	atomic_t go;
};

static u64 word_after_change(struct two_changes *two)
{
	madvise_dontneed(two->arena->mm, two->va, PAGE_SIZE);
	return READ_ONCE(*two->word);
}

static int second_change_thread(void *arg)
{
	struct two_changes *two = arg;

	KTEST_WAIT_FOR(two->arena->test, atomic_read(&two->go));
	two->seen = word_after_change(two);
	return 0;
}

static void change_twice(struct ktest *test, struct two_changes *two,
			 struct page *frame)
{
	struct task *thread;
	struct peer_work work;
	u64 first, before = arena_stats(two->arena).replays;

	two->word = page_address(frame);
	thread = kthread_run(second_change_thread, two, "test/second");
	device_add_work(&work, two->va, 1000000);
	EXPECT_EQ(peer_work_submit(two->arena->ctx, &work), 0);
	KTEST_WAIT_FOR(test, arena_stats(two->arena).replays > before);
	atomic_set(&two->go, 1);
	first = word_after_change(two);
	if (!IS_ERR(thread))
		kthread_join(thread);
	EXPECT_EQ(two->seen, first);
	/* Each access from here on goes to another frame. */
	EXPECT_EQ(do_munmap(two->arena->mm, two->va, PAGE_SIZE), 0);
	EXPECT_EQ(arena_wait(two->arena, &work), -EFAULT);
	EXPECT_EQ(READ_ONCE(*two->word), first);
}

/*
 *	device		one thread		the other
 *	in an access
 *			DONTNEED: INVALIDATE
 *						DONTNEED: nothing in the
 *						table; still has to wait
 *	store
 *	acknowledges
 *						returns: the frame is at rest
 *
 * An access may end between the two; five pages make that rare five times over.
 */
KTEST(peer, second_change_waits_for_the_first_ones_acknowledgement,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	unsigned int round;

	if (!arena || !arena_option(arena, arena->ctx, PEER_OPT_TEST_STALL_NS,
				    8 * NSEC_PER_MSEC))
		return;
	for (round = 0; round < 5; round++) {
		struct two_changes two = {
			.arena = arena,
			.va = arena_page(arena, round),
		};
		struct page *frame;

		cpu_write(arena, two.va, 0);
		mmap_read_lock(arena->mm);
		frame = follow_page(arena->mm, two.va);
		mmap_read_unlock(arena->mm);
		REQUIRE(frame);
		change_twice(test, &two, frame);
		put_page(frame);
	}
}
