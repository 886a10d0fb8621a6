/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/observed.h - what a thread's records say, in which order
 */
#ifndef TESTS_MM_LIB_OBSERVED_H
#define TESTS_MM_LIB_OBSERVED_H

#include <kernel/ktest.h>

/* Observe from here to the end of the test; what was recorded before is left out. */
void observed_begin(struct ktest *test);

/* Did a line of this pattern come? For KTEST_WAIT_FOR(): threads record when they can. */
bool observed(const char *pattern);

/*
 * Patterns (glob_match()) of lines that came in this order since observed_begin(), by
 * any thread; other records may lie between. Else the test fails with the first that is
 * missing.
 */
void observed_expect(struct ktest *test, const char *const *patterns,
		     unsigned int nr);

#define EXPECT_OBSERVED(...)                                      \
	observed_expect(test, (const char *const[]){__VA_ARGS__}, \
			ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

#endif
