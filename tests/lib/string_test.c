// SPDX-License-Identifier: MIT
/*
 * tests/lib/string_test.c - memory, strings and numbers from text
 */
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/string.h>

KTEST(string, moving_overlapping_memory_keeps_every_byte)
{
	struct rng *rng = ktest_rng(test);
	u8 real[64], model[64], was[64];
	unsigned int round, i;

	for (round = 0; round < 500; round++) {
		size_t from = rng_below(rng, 32), to = rng_below(rng, 32);
		size_t n = rng_below(rng, 32);

		for (i = 0; i < sizeof(real); i++)
			real[i] = was[i] = model[i] = (u8)rng_next(rng);
		for (i = 0; i < n; i++)
			model[to + i] = was[from + i];
		memmove(real + to, real + from, n);
		REQUIRE_EQ(memcmp(real, model, sizeof(real)), 0);
	}
}

KTEST(string, setting_memory_touches_only_what_was_asked)
{
	u8 buf[40];
	size_t at, n;

	for (at = 0; at < 9; at++) {
		for (n = 0; n < 24; n++) {
			memset(buf, 0xaa, sizeof(buf));
			memset(buf + at, 0x55, n);
			EXPECT(!memchr_inv(buf, 0xaa, at));
			EXPECT(!memchr_inv(buf + at, 0x55, n));
			EXPECT(!memchr_inv(buf + at + n, 0xaa,
					   sizeof(buf) - at - n));
		}
	}
	EXPECT_EQ(memchr_inv(memset(buf, 1, 8), 2, 8), (void *)buf);
}

KTEST(string, comparing_orders_by_unsigned_bytes)
{
	EXPECT_EQ(strcmp("same", "same"), 0);
	EXPECT_LT(strcmp("a", "b"), 0);
	EXPECT_GT(strcmp("\xff", "a"), 0);
	EXPECT_GT(strcmp("longer", "long"), 0);
	EXPECT_EQ(strncmp("prefix-a", "prefix-b", 7), 0);
	EXPECT_EQ(strncmp("x", "y", 0), 0);
	EXPECT_LT(memcmp("ab", "ac", 2), 0);
}

KTEST(string, searching_finds_first_last_and_the_end)
{
	const char *text = "one two one";

	EXPECT_EQ(strchr(text, 'o'), text);
	EXPECT_EQ(strrchr(text, 'o'), text + 8);
	EXPECT_EQ(strchr(text, 0), text + 11);
	EXPECT_EQ(strchr(text, 'x'), NULL);
	EXPECT_EQ(strstr(text, "two"), text + 4);
	EXPECT_EQ(strstr(text, "three"), NULL);
	EXPECT_EQ(strstr(text, ""), text);
	EXPECT_EQ(strnlen(text, 4), 4);
	EXPECT_EQ(strnlen(text, 40), 11);
}

KTEST(string, copying_cuts_and_says_so)
{
	char buf[5] = "####";

	EXPECT_EQ(strscpy(buf, "four", sizeof(buf)), 4);
	EXPECT_STREQ(buf, "four");
	EXPECT_EQ(strscpy(buf, "five!", sizeof(buf)), -E2BIG);
	EXPECT_STREQ(buf, "five");
	EXPECT_EQ(strscpy(buf, "", sizeof(buf)), 0);
	EXPECT_STREQ(buf, "");
	EXPECT_EQ(strscpy(buf, "x", 0), -E2BIG);
}

KTEST(string, numbers_are_whole_or_refused)
{
	static const struct {
		const char *text;
		unsigned int base;
		int err;
		unsigned long value;
	} cases[] = {
		{"0", 0, 0, 0},
		{"42", 0, 0, 42},
		{"0x2a", 0, 0, 42},
		{"0X2A", 16, 0, 42},
		{"052", 0, 0, 42},
		{"101010", 2, 0, 42},
		{"zz", 36, 0, 1295},
		{"18446744073709551615", 10, 0, ~0UL},
		{"18446744073709551616", 10, -ERANGE, 0},
		{"0x10000000000000000", 0, -ERANGE, 0},
		{"", 0, -EINVAL, 0},
		{"0x", 0, -EINVAL, 0},
		{"12a", 10, -EINVAL, 0},
		{"-1", 10, -EINVAL, 0},
		{" 1", 10, -EINVAL, 0},
		{"1", 1, -EINVAL, 0},
		{"1", 37, -EINVAL, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long value = 0x7777;
		int err = kstrtoul(cases[i].text, cases[i].base, &value);

		EXPECT_EQ(err, cases[i].err);
		EXPECT_EQ(value, err ? 0x7777UL : cases[i].value);
	}
}

KTEST(string, errors_have_their_names)
{
	EXPECT_STREQ(errno_name(-EINVAL), "EINVAL");
	EXPECT_STREQ(errno_name(ENOMEM), "ENOMEM");
	EXPECT_STREQ(errno_name(0), "0");
	EXPECT_STREQ(errno_name(-4000), "E?");
	EXPECT(IS_ERR(ERR_PTR(-EINVAL)));
	EXPECT(!IS_ERR(NULL) && IS_ERR_OR_NULL(NULL));
	EXPECT_EQ(PTR_ERR(ERR_PTR(-ENOMEM)), -ENOMEM);
	EXPECT(!IS_ERR(test));
}
