// SPDX-License-Identifier: MIT
/*
 * tests/mm/kasan/kasan_skips.c - tests that do on purpose what the checker reports
 *
 * Problem.  A test of the allocators' own checks breaks the rules of memory to see them
 * report it.  The memory checker reports it first, and its report fails the test.
 *
 * Idea.  This is the list of them, each with the test of the checker that does the same.
 *
 * Locks: none. Not here: a report that nobody wanted; that is a fault.
 */
#include <kernel/ktest.h>

KTEST_SKIP(slab, a_write_past_the_end_is_seen,
	   "kasan.a_write_behind_an_object_is_reported does the same");
