// SPDX-License-Identifier: MIT
/*
 * tests/lib/without_debug_test.c - a kernel without DEBUG
 *
 * Assertions are compiled and not made; what would destroy memory still ends the
 * kernel (the case `bug` in tests/panic), what is survivable is still counted.
 */
#include <lib/assert.h>
#include <kernel/ktest.h>
#include <mm/alloc/debug.h>

static bool __maybe_unused looked(unsigned int *looks)
{
	++*looks;
	return false;
}

KTEST(without_debug, an_assertion_is_not_even_evaluated, KT_RULES("R5.9"))
{
	unsigned int looks = 0;

	ASSERT(looked(&looks));
	ASSERT_EQ(looked(&looks), true);
	EXPECT_EQ(looks, 0U);
}
