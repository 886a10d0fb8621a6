// SPDX-License-Identifier: MIT
/*
 * tests/lib/symbols_test.c - names of addresses, and what has none
 */
#include <kernel/ktest.h>
#include <lib/string.h>
#include <lib/symbols.h>

KTEST(symbols, a_code_address_has_a_name_and_an_offset)
{
	unsigned long at = (unsigned long)symbol_lookup, offset = 99;

	EXPECT_STREQ(symbol_lookup(at, &offset), "symbol_lookup");
	EXPECT_EQ(offset, 0);
	EXPECT_STREQ(symbol_lookup(at + 3, &offset), "symbol_lookup");
	EXPECT_EQ(offset, 3);
}

KTEST(symbols, what_is_not_code_has_no_name)
{
	unsigned long offset = 99;
	static int data;

	EXPECT_EQ(symbol_lookup(0, &offset), NULL);
	EXPECT_EQ(symbol_lookup(~0UL, &offset), NULL);
	EXPECT_EQ(symbol_lookup((unsigned long)&data, &offset), NULL);
	EXPECT_EQ(offset, 99);
}
