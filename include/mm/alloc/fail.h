/* SPDX-License-Identifier: MIT */
/*
 * mm/alloc/fail.h - let allocations fail, so that a test sees what follows
 *
 * A thread asks for failures of its own allocations, and of nobody else's;
 * several threads may do so at the same time.  Kernels without DEBUG have none
 * of this: the calls do nothing, and nothing fails.
 *
 * Each attempt counts: pages, slab objects and virtual areas, also those that
 * one makes for another.  Not counted, and never failed: what may not fail
 * (__GFP_NOFAIL), and what has another plan (GFP_NOWAIT), since whether that
 * is asked for must not change what a test counts.
 */
#ifndef MM_ALLOC_FAIL_H
#define MM_ALLOC_FAIL_H

#include <lib/types.h>

/** struct alloc_fail_counts - what one thread's allocations came to */
struct alloc_fail_counts {
	unsigned long attempts;
	unsigned long failed;
};

#ifdef CONFIG_DEBUG

/**
 * alloc_fail_nth() - let one allocation of this thread fail
 * @nth: 1 for the next one, 2 for the one after, ...
 *
 * In place of what this thread asked for before.
 * Context: thread context; alloc_fail_end() follows.
 */
void alloc_fail_nth(unsigned long nth);

/**
 * alloc_fail_one_in() - let allocations of this thread fail, each by chance
 * @n: one of so many, on average; at least 1
 * @seed: the same seed lets the same attempts fail
 *
 * In place of what this thread asked for before.
 * Context: thread context; alloc_fail_end() follows.
 */
void alloc_fail_one_in(unsigned long n, u64 seed);

/**
 * alloc_fail_hit() - has an allocation of this thread been failed?
 *
 * Context: between a call of the two above and alloc_fail_end().
 */
bool alloc_fail_hit(void);

/**
 * alloc_fail_end() - let no more allocations of this thread fail
 *
 * Context: thread context.
 * Return: the counts since this thread asked for failures; zeroes, if it did
 *	   not.
 */
struct alloc_fail_counts alloc_fail_end(void);

/** alloc_fail_threads() - threads that asked for failures and have not ended */
unsigned int alloc_fail_threads(void);

#else

static inline void alloc_fail_nth(unsigned long nth)
{
}

static inline void alloc_fail_one_in(unsigned long n, u64 seed)
{
}

static inline bool alloc_fail_hit(void)
{
	return false;
}

static inline struct alloc_fail_counts alloc_fail_end(void)
{
	return (struct alloc_fail_counts){0};
}

static inline unsigned int alloc_fail_threads(void)
{
	return 0;
}

#endif

#endif
