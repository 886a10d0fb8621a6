// SPDX-License-Identifier: MIT
/*
 * tests/ktest/cleanup.c - undo what a test has set up, also when it failed
 *
 * Problem.  REQUIRE_x returns from the middle of a body.  All that the body
 * had opened stays open: the next tests see leaked address spaces, running
 * threads and held locks, and the true failure drowns among theirs.
 *
 * Idea.  A body registers the undoing of each thing right after the doing.
 * The runner makes these calls when the body has ended, however it ended, the
 * newest first:
 *
 *	body				runner, afterwards
 *	a = open_a(), register close_a
 *	b = open_b(a), register close_b
 *	REQUIRE(...) fails: return
 *					close_b(b)
 *					close_a(a)
 *					compare what is in use (state.c)
 *
 * The calls run in the thread of the body, before that thread's own context is
 * checked and before the test's deadline is cancelled.  A clean-up that hangs
 * is a hang of the test.
 *
 *	field			read and written by
 *	test->cleanup		the thread of the body alone
 *	test->nr_cleanups	the same
 *
 * Lifetime: the body's stack frame is gone when clean-ups run.  Their arguments
 * are static or come from ktest_alloc(), whose memory is itself a clean-up and
 * so outlives all that was registered after it.
 */
#include <mm/alloc/alloc.h>
#include <lib/panic.h>
#include <mm/alloc/fail.h>

#include "ktest_private.h"

void ktest_cleanup(struct ktest *test, void (*fn)(void *arg), void *arg)
{
	if (test->nr_cleanups == KTEST_CLEANUPS)
		panic("ktest: %s.%s registers more than %u clean-ups",
		      test->tcase->suite, test->tcase->name, KTEST_CLEANUPS);
	test->cleanup[test->nr_cleanups++] =
		(struct ktest_cleanup){.fn = fn, .arg = arg};
}

/* Remove clean-up @i from the stack, then make its call. */
static void make_call(struct ktest *test, unsigned int i)
{
	struct ktest_cleanup cleanup = test->cleanup[i];

	for (test->nr_cleanups--; i < test->nr_cleanups; i++)
		test->cleanup[i] = test->cleanup[i + 1];
	cleanup.fn(cleanup.arg);
}

void ktest_cleanup_now(struct ktest *test, const void *arg)
{
	unsigned int i = test->nr_cleanups;

	while (i--) {
		if (test->cleanup[i].arg == arg) {
			make_call(test, i);
			return;
		}
	}
	ktest_fail(test, "no clean-up was registered for %p", arg);
}

void ktest_cleanup_all(struct ktest *test)
{
	/* A clean-up is not to fail because the body wanted failures. */
	alloc_fail_end();
	while (test->nr_cleanups)
		make_call(test, test->nr_cleanups - 1);
}

static void free_memory(void *memory)
{
	kfree(memory);
}

void *ktest_alloc(struct ktest *test, size_t size)
{
	void *memory = kzalloc(size, GFP_KERNEL | __GFP_NOFAIL);

	ktest_cleanup(test, free_memory, memory);
	return memory;
}
