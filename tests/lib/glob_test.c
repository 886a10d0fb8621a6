// SPDX-License-Identifier: MIT
/*
 * tests/lib/glob_test.c - shell patterns
 */
#include <kernel/ktest.h>
#include <lib/string.h>

KTEST(glob, patterns_match_the_whole_text)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"*", "", true},
		{"*", "anything", true},
		{"a*", "a", true},
		{"*.c", "sched.c", true},
		{"*.c", "sched.cc", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b-d", false},
		{"**a", "bba", true},
		{"?", "", false},
		{"??", "ab", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[!a-c]x", "ax", false},
		{"[]]", "]", true},
		{"[a-]", "-", true},
		{"[", "[", true},
		{"[ab", "[ab", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"a,b", "b", true},
		{"a,b", "a,b", false},
		{"a\\,b", "a,b", true},
		{"mmu_*.*,srcu.*", "srcu.callbacks", true},
		{"mmu_*,-mmu_stats.*", "mmu_gather.flushes", true},
		{"mmu_*,-mmu_stats.*", "mmu_stats.count", false},
		{"-mmu_stats.*,mmu_*", "mmu_stats.count", false},
		{"mmu_*,-mmu_stats.*", "srcu.callbacks", false},
		{"-mmu_*", "mmu_stats.count", false},
		{"-mmu_*", "srcu.callbacks", true},
		{"-mmu_*,-srcu.*", "srcu.callbacks", false},
		{"a-b", "a-b", true},
		{"\\-a", "-a", true},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (glob_match(cases[i].pattern, cases[i].text) != cases[i].match)
			ktest_fail(test, "'%s' against '%s'", cases[i].pattern,
				   cases[i].text);
}

/* With plain backtracking this would take longer than the universe has. */
KTEST(glob, many_stars_do_not_explode)
{
	EXPECT(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
			   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}
