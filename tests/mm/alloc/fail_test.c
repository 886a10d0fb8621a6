// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/fail_test.c - failures come as asked for, to the task that asked
 */
#include <kernel/sched/sched.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>

#include "tests/ktest/team.h"

static u64 read_threads_that_fail(void)
{
	return alloc_fail_threads();
}

KTEST_STATE(alloc_fail_threads) = {
	.name = "threads whose allocations fail on purpose",
	.read = read_threads_that_fail,
};

/* One attempt: an object would be two where its slab is new. */
static bool fails_once(gfp_t gfp)
{
	struct page *page = alloc_page(gfp);

	if (page)
		put_page(page);
	return !page;
}

KTEST(alloc_fail, the_nth_attempt_fails_and_no_other, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct alloc_fail_counts counts;
	unsigned int nth, i;

	for (nth = 1; nth <= 3; nth++) {
		alloc_fail_nth(nth);
		for (i = 1; i <= 4; i++) {
			EXPECT_EQ(alloc_fail_hit(), i > nth);
			EXPECT_EQ(fails_once(GFP_KERNEL), i == nth);
		}
		counts = alloc_fail_end();
		EXPECT_EQ(counts.attempts, 4UL);
		EXPECT_EQ(counts.failed, 1UL);
	}
	EXPECT(!fails_once(GFP_KERNEL));
	EXPECT(!alloc_fail_hit());
}

KTEST(alloc_fail, what_must_not_or_need_not_succeed_is_not_counted,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	alloc_fail_one_in(1, 0);
	EXPECT(fails_once(GFP_KERNEL));
	EXPECT(fails_once(GFP_ATOMIC));
	EXPECT(!fails_once(GFP_KERNEL | __GFP_NOFAIL));
	EXPECT(!fails_once(GFP_NOWAIT));
	EXPECT_EQ(alloc_fail_end().attempts, 2UL);
}

/* Bit i: the i-th of 64 attempts fails. */
static u64 pattern_of(u64 seed)
{
	u64 pattern = 0;
	unsigned int i;

	alloc_fail_one_in(4, seed);
	for (i = 0; i < 64; i++)
		pattern |= (u64)fails_once(GFP_KERNEL) << i;
	alloc_fail_end();
	return pattern;
}

KTEST(alloc_fail, a_seed_lets_the_same_attempts_fail_again,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	u64 seed = rng_next(ktest_rng(test));

	EXPECT_EQ(pattern_of(seed), pattern_of(seed));
	EXPECT_NE(pattern_of(seed), pattern_of(seed + 1));
	EXPECT_NE(pattern_of(seed), 0UL);
	EXPECT_NE(pattern_of(seed), ~0UL);
}

#define WORKERS  4
#define ATTEMPTS 2000
#define ONE_IN   8

struct tally {
	atomic64_t failed;
	atomic_t spared_failed;
};

static void allocate(struct team_worker *me)
{
	struct tally *tally = me->arg;

	while (team_goes_on(me)) {
		if (fails_once(GFP_KERNEL))
			atomic64_inc(&tally->failed);
	}
}

/* Ends its own failures first; those of the others are not its. */
static void allocate_spared(struct team_worker *me)
{
	struct tally *tally = me->arg;

	alloc_fail_end();
	while (team_goes_on(me)) {
		if (fails_once(GFP_KERNEL))
			atomic_inc(&tally->spared_failed);
	}
}

KTEST(alloc_fail, one_in_n_of_each_thread_fails_and_every_one_is_counted,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct tally *tally = ktest_alloc(test, sizeof(*tally));
	struct team *team = team_new(test);
	long expected = WORKERS * ATTEMPTS / ONE_IN;
	long failed;

	team->fail_one_in = ONE_IN;
	team_add(team, WORKERS, ATTEMPTS, allocate, tally);
	team_add(team, 1, ATTEMPTS, allocate_spared, tally);
	team_go(team);
	team_wait(team);
	failed = atomic64_read(&tally->failed);
	EXPECT_EQ(atomic64_read(&team->allocs_tried), WORKERS * ATTEMPTS);
	EXPECT_EQ(atomic64_read(&team->allocs_failed), failed);
	EXPECT_EQ(atomic_read(&tally->spared_failed), 0);
	/* Seven standard deviations of 8,000 draws are 207. */
	EXPECT_GT(failed, expected - 210);
	EXPECT_LT(failed, expected + 210);
	EXPECT_EQ(alloc_fail_threads(), 0U);
}
