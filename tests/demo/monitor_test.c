// SPDX-License-Identifier: MIT
/*
 * tests/demo/monitor_test.c - how the monitor reads a line and carries it out
 */
#include <kernel/ktest.h>
#include <kernel/monitor.h>
#include <lib/string.h>

#include <lib/printk.h>

#include "demo/contest.h"
#include "demo/monitor.h"
#include "tests/mm/lib/sandbox.h"

static char text[2048];

/* What @words, typed, are answered with. */
static const char *answer(const char *words, int *err)
{
	char line[MONITOR_LINE_MAX];

	strscpy(line, words, sizeof(line));
	monitor_divert(text, sizeof(text));
	*err = monitor_execute(line);
	monitor_divert(NULL, 0);
	return text;
}

static void no_show(const char *shown, size_t len)
{
}

/* The line that @keys make, of which the last is Enter. */
static const char *typed(struct monitor_line *line, const char *keys)
{
	monitor_line_begin(line, no_show);
	while (*keys && !monitor_line_put(line, *keys))
		keys++;
	return line->text;
}

KTEST(monitor, a_line_is_edited_while_it_is_typed)
{
	struct monitor_line line;

	EXPECT_STREQ(typed(&line, "mm\r"), "mm");
	EXPECT_STREQ(typed(&line, "ma\bm\r"), "mm");
	EXPECT_STREQ(typed(&line, "\b\x7fmm\n"), "mm");
	EXPECT_STREQ(typed(&line, "vmas\x15mm\r"), "mm");
	EXPECT_STREQ(typed(&line, "vmas\x03mm\r"), "mm");
	EXPECT_STREQ(typed(&line, "m\x01\tm\xffm\r"), "mmm");
}

KTEST(monitor, keys_that_are_no_characters_leave_the_line_as_it_was)
{
	struct monitor_line line;

	/* Cursor keys in both forms, F5, Ctrl-Right. */
	EXPECT_STREQ(typed(&line, "m\x1b[Am\r"), "mm");
	EXPECT_STREQ(typed(&line, "\x1bOAmm\r"), "mm");
	EXPECT_STREQ(typed(&line, "m\x1b[15~m\r"), "mm");
	EXPECT_STREQ(typed(&line, "m\x1b[1;5Cm\r"), "mm");
	/* The Escape key alone, and a sequence that is cut short. */
	EXPECT_STREQ(typed(&line, "m\x1bm\r"), "mm");
	EXPECT_STREQ(typed(&line, "mm\x1b[\r"), "mm");
	EXPECT_STREQ(typed(&line, "mm\x1b\x1b[A\r"), "mm");
}

KTEST(monitor, a_line_too_long_is_invalid_until_it_is_emptied)
{
	struct monitor_line line;
	unsigned int i;

	monitor_line_begin(&line, no_show);
	for (i = 0; i < MONITOR_LINE_MAX - 1; i++)
		EXPECT(!monitor_line_put(&line, 'x'));
	EXPECT(!line.too_long);
	EXPECT(!monitor_line_put(&line, 'x'));
	EXPECT(line.too_long);
	EXPECT_EQ(line.len, MONITOR_LINE_MAX - 1ul);
	EXPECT(!monitor_line_put(&line, 0x15));
	EXPECT(!line.too_long);
	EXPECT(monitor_line_put(&line, '\r'));
	EXPECT_STREQ(line.text, "");
}

KTEST(monitor, a_failure_is_said_once)
{
	int err;

	EXPECT_STREQ(answer("vmas 4000000000", &err),
		     "no address space 4000000000\n");
	EXPECT_EQ(err, -ENOENT);
	EXPECT_STREQ(answer("nonsense", &err),
		     "no command 'nonsense'; try help\n");
	EXPECT_EQ(err, -ENOENT);
	EXPECT_STREQ(answer("trace 0", &err), "usage: trace [N]\n");
	EXPECT_EQ(err, -EINVAL);
}

KTEST(monitor, words_too_many_or_too_few_are_refused)
{
	int err;

	EXPECT_STREQ(answer("help foo", &err),
		     "one word too many: 'foo'; usage: help\n");
	EXPECT_EQ(err, -EINVAL);
	EXPECT_STREQ(answer("peer 3", &err),
		     "one word too many: '3'; usage: peer\n");
	EXPECT_STREQ(answer("vmas 1 2 3", &err),
		     "one word too many: '2'; usage: vmas [MM]\n");
	EXPECT_STREQ(answer("test list.* foo", &err),
		     "one word too many: 'foo'; usage: test GLOB\n");
	EXPECT_STREQ(answer("pte", &err), "usage: pte [MM] ADDR\n");
	EXPECT_EQ(err, -EINVAL);
	EXPECT_STREQ(answer("test", &err), "usage: test GLOB\n");
	EXPECT_EQ(err, -EINVAL);
}

KTEST(monitor, a_question_mark_asks_for_help)
{
	int err;

	EXPECT(strstr(answer("?", &err), "  help               this list"));
	EXPECT_EQ(err, 0);
}

static unsigned int left;

static void leave(struct contest_round *round)
{
	left++;
}

static const struct contest_player left_behind = {.leave = leave};

KTEST(monitor, a_pattern_that_matches_no_test_leaves_the_contest_alone)
{
	const struct contest_round nothing = {.mm = NULL};
	int err;

	contest_keep(&nothing, &left_behind);
	left = 0;
	EXPECT_STREQ(answer("test no_such_suite.*", &err),
		     "no test matches 'no_such_suite.*'\n");
	EXPECT_EQ(err, -ENOENT);
	EXPECT_EQ(left, 0u);
	EXPECT(!contest_forget());
	EXPECT_EQ(left, 1u);
}

/* One line each of faults, walks and calls, whose numbers go on. */
KTEST(monitor, counters_shows_what_memory_management_has_done)
{
	struct fault_counters faults;
	struct sandbox box;
	char want[64];
	int err;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	EXPECT_EQ(do_madvise(box.mm, BASE, PAGE_SIZE, MADV_FREE), 0);
	fault_read_counters(&faults);
	snprintf(want, sizeof(want), "fresh page %lu ", faults.fresh_page);
	EXPECT(strstr(answer("counters", &err), want));
	EXPECT_EQ(err, 0);
	EXPECT(strstr(text, "walks    of pages "));
	EXPECT(strstr(text, "calls    advices "));
	EXPECT(!strstr(text, "freed lazily 0 "));
	sandbox_close(&box);
}
