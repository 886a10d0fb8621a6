// SPDX-License-Identifier: MIT
/*
 * tests/lib/printf_test.c - every conversion, cut short, and by name
 */
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/string.h>

/* The format is a literal at each use, so the compiler checks it too. */
#define SAYS(want, ...)                                                      \
	do {                                                                 \
		char says_buf_[64];                                          \
		int says_len_ =                                              \
			snprintf(says_buf_, sizeof(says_buf_), __VA_ARGS__); \
		EXPECT_STREQ(says_buf_, want);                               \
		EXPECT_EQ(says_len_, (int)strlen(want));                     \
	} while (0)

KTEST(printf, integers_of_every_length_and_sign)
{
	SAYS("0 -1 42", "%d %d %d", 0, -1, 42);
	SAYS("4294967295", "%u", ~0U);
	SAYS("-9223372036854775808", "%ld", INT64_MIN);
	SAYS("18446744073709551615", "%lu", ~0UL);
	SAYS("ff ffff", "%hhx %hx", (u8)0xff, (u16)0xffff);
	SAYS("-1 -2", "%hhd %hd", (s8)-1, (s16)-2);
	SAYS("deadbeef DEADBEEF", "%x %X", 0xdeadbeef, 0xdeadbeef);
	SAYS("777", "%o", 0777);
	SAYS("12 34", "%zu %td", (size_t)12, (ptrdiff_t)34);
	SAYS("5000000000", "%llu", 5000000000ULL);
}

KTEST(printf, width_precision_and_flags)
{
	SAYS("[   42]", "[%5d]", 42);
	SAYS("[42   ]", "[%-5d]", 42);
	SAYS("[00042]", "[%05d]", 42);
	SAYS("[-0042]", "[%05d]", -42);
	SAYS("[  042]", "[%5.3d]", 42);
	SAYS("[+42]", "[%+d]", 42);
	SAYS("[ 42]", "[% d]", 42);
	SAYS("[0x2a]", "[%#x]", 42);
	SAYS("[0x002a]", "[%#06x]", 42);
	SAYS("[0]", "[%#x]", 0);
	SAYS("[052]", "[%#o]", 42);
	SAYS("[]", "[%.0d]", 0);
	SAYS("[  7]", "[%*d]", 3, 7);
	SAYS("[7  ]", "[%*d]", -3, 7);
	SAYS("[007]", "[%.*d]", 3, 7);
}

KTEST(printf, strings_characters_and_percent)
{
	SAYS("[abc]", "[%s]", "abc");
	SAYS("[  abc]", "[%5s]", "abc");
	SAYS("[abc  ]", "[%-5s]", "abc");
	SAYS("[ab]", "[%.2s]", "abc");
	SAYS("[x]", "[%c]", 'x');
	SAYS("[  x]", "[%3c]", 'x');
	SAYS("100%", "%d%%", 100);
}

KTEST(printf, pointers_symbols_and_errors)
{
	char buf[64];
	unsigned long code = (unsigned long)snprintf;

	SAYS("0x1234", "%p", (void *)0x1234);
	SAYS("(null)", "%p", (void *)NULL);
	SAYS("EINVAL", "%pE", (void *)(long)-EINVAL);
	snprintf(buf, sizeof(buf), "%pS", (void *)(code + 1));
	EXPECT_STREQ(buf, "snprintf+0x1");
	SAYS("0x1000", "%pS", (void *)0x1000);
}

KTEST(printf, too_small_a_buffer_is_cut_and_the_length_is_whole)
{
	char buf[8];
	size_t size;

	for (size = 0; size <= sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		EXPECT_EQ(snprintf(buf, size, "%s", "0123456789"), 10);
		if (size)
			EXPECT_EQ(strlen(buf), size - 1);
		EXPECT(!memchr_inv(buf + size, '#', sizeof(buf) - size));
	}
	EXPECT_EQ(snprintf(NULL, 0, "%d", 12345), 5);
	EXPECT_EQ(scnprintf(buf, sizeof(buf), "%s", "0123456789"), 7);
	EXPECT_EQ(scnprintf(buf, 0, "%s", "0123456789"), 0);
}
