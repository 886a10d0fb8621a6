// SPDX-License-Identifier: MIT
/*
 * lib/glob.c - lists of shell patterns, for choosing tests by name
 *
 * A list is "mmu_*,-mmu_notifier_stats.*": a name is chosen when a pattern
 * matches it and no exclusion does. Exclusions alone choose all other names.
 * The order of the list does not matter.
 *
 * A star is tried with the shortest run first; on a mismatch the text after
 * the last star is taken up one character later.  Only the last star needs
 * remembering: if an earlier one had to grow, the later could have matched
 * that much further on.  So the work is at most |pattern| * |text|, without
 * recursion, whatever the pattern.
 */
#include <lib/string.h>

/*
 * Match one character against the element at *@pp, and step over it.  An
 * unclosed class is a plain '['.
 */
static bool match_one(const char **pp, const char *end, char c)
{
	const char *p = *pp;
	const char *close;
	bool invert, hit = false;

	if (*p == '?') {
		*pp = p + 1;
		return true;
	}
	if (*p == '\\' && p + 1 < end) {
		*pp = p + 2;
		return p[1] == c;
	}
	if (*p != '[') {
		*pp = p + 1;
		return *p == c;
	}
	invert = p + 1 < end && p[1] == '!';
	p += invert ? 2 : 1;
	/* A bracket right at the start stands for itself. */
	for (close = p + 1; close < end && *close != ']'; close++)
		;
	if (close >= end) {
		*pp += 1;
		return c == '[';
	}
	while (p < close) {
		if (p + 2 < close && p[1] == '-') {
			hit |= (u8)c >= (u8)p[0] && (u8)c <= (u8)p[2];
			p += 3;
		} else {
			hit |= c == *p++;
		}
	}
	*pp = close + 1;
	return hit != invert;
}

static bool match_pattern(const char *p, const char *end, const char *str)
{
	const char *star = NULL, *resume = NULL;

	while (*str) {
		if (p < end && *p == '*') {
			star = ++p;
			resume = str;
			continue;
		}
		if (p < end && match_one(&p, end, *str)) {
			str++;
			continue;
		}
		if (!star)
			return false;
		p = star;
		str = ++resume;
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

bool glob_match(const char *patterns, const char *str)
{
	const char *p = patterns, *end;
	bool only_exclusions = true, matched = false;

	for (;; p = end + 1) {
		bool exclude = *p == '-';

		for (end = p; *end && *end != ','; end++)
			if (*end == '\\' && end[1])
				end++;
		if (match_pattern(p + exclude, end, str)) {
			if (exclude)
				return false;
			matched = true;
		}
		only_exclusions &= exclude;
		if (!*end)
			return matched || only_exclusions;
	}
}
