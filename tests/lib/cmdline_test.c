// SPDX-License-Identifier: MIT
/*
 * cmdline_test.c - a command line cut into words
 */
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/string.h>

static char line[256];
static struct cmdline_word words[4];

static int split(const char *text)
{
	strscpy(line, text, sizeof(line));
	return cmdline_split(line, words, ARRAY_SIZE(words));
}

KTEST(cmdline, words_are_keys_and_values)
{
	REQUIRE_EQ(split("mode=test  seed=7 \t quiet "), 3);
	EXPECT_STREQ(words[0].key, "mode");
	EXPECT_STREQ(words[0].value, "test");
	EXPECT_STREQ(words[1].key, "seed");
	EXPECT_STREQ(words[1].value, "7");
	EXPECT_STREQ(words[2].key, "quiet");
	EXPECT_STREQ(words[2].value, "");
}

KTEST(cmdline, an_empty_line_has_no_words)
{
	EXPECT_EQ(split(""), 0);
	EXPECT_EQ(split("   \t "), 0);
}

KTEST(cmdline, quotes_keep_blanks_in_a_value)
{
	REQUIRE_EQ(split("test=\"mmu_*, rcu.*\" \"a b=c d\""), 2);
	EXPECT_STREQ(words[0].value, "mmu_*, rcu.*");
	EXPECT_STREQ(words[1].key, "a b");
	EXPECT_STREQ(words[1].value, "c d");
}

KTEST(cmdline, only_the_first_equals_sign_separates)
{
	REQUIRE_EQ(split("a=b=c =d e="), 3);
	EXPECT_STREQ(words[0].key, "a");
	EXPECT_STREQ(words[0].value, "b=c");
	EXPECT_STREQ(words[1].key, "");
	EXPECT_STREQ(words[1].value, "d");
	EXPECT_STREQ(words[2].value, "");
}

KTEST(cmdline, an_open_quote_is_an_error)
{
	EXPECT_EQ(split("test=\"mmu_*"), -EINVAL);
	EXPECT_EQ(split("\""), -EINVAL);
}

KTEST(cmdline, more_words_than_there_is_room_is_an_error)
{
	EXPECT_EQ(split("a b c d"), 4);
	EXPECT_EQ(split("a b c d e"), -E2BIG);
}
