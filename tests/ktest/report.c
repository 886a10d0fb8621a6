// SPDX-License-Identifier: MIT
/*
 * tests/ktest/report.c - the lock validator said what it should, and no more
 *
 * Problem.  A test that breaks a rule on purpose wants one report of it, with
 * the right locks and both places; a second report for the same mistake, or one
 * that names another lock, is as wrong as none.
 *
 * Idea.  Between lockdep_expect_begin() and one of these, reports are kept and
 * not printed; the text of the last is searched for the words.
 *
 * One expectation at a time (the validator's own rule), so one buffer.
 */
#include <kernel/lock/lockdep.h>
#include <lib/string.h>

#include "ktest_private.h"

static char text[2048];

/* Longer than a note may be: line by line. */
static void show_text(void)
{
	char *line = text, *end;

	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		ktest_note("  %s", line);
		line = end + 1;
	}
}

void ktest_one_report(struct ktest *test, const char *const *words)
{
	unsigned int n = lockdep_expect_end(text, sizeof(text));
	bool good = n == 1;

	if (!good)
		ktest_fail(test, "%u reports, not one; the last:", n);
	for (; *words; words++) {
		if (strstr(text, *words))
			continue;
		ktest_fail(test, "'%s' is not in the report:", *words);
		good = false;
	}
	if (!good)
		show_text();
}

void ktest_no_report(struct ktest *test)
{
	unsigned int n = lockdep_expect_end(text, sizeof(text));

	if (!n)
		return;
	ktest_fail(test, "%u reports, not none; the last:", n);
	show_text();
}
