// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/warnings_heard.c - the words of warnings, read from a console
 *
 * Problem.  A test of a report wants its words, and that there was no other.
 *
 * Idea.  A console keeps what the kernel prints. A console cannot be taken away, so
 * it stays, and listens only while a test wants it to.
 *
 * Locks: none; one test runs at a time. Not here: the tests (mmu_notifier_checks_test.c,
 * mmu_notifier_misuse_test.c).
 */
#include "warnings_heard.h"
#include <lib/assert.h>
#include <lib/printk.h>

static char heard[8192];
static size_t heard_len;
static bool listening;
static unsigned int warned;

static void hear(struct console *con, const char *buf, size_t len)
{
	if (!READ_ONCE(listening))
		return;
	len = min(len, sizeof(heard) - 1 - heard_len);
	memcpy(heard + heard_len, buf, len);
	heard_len += len;
}

static struct console ear = {.name = "checks", .write = hear};

void expect_warnings(void)
{
	static bool registered;

	if (!registered)
		register_console(&ear);
	registered = true;
	console_flush();
	heard_len = 0;
	memset(heard, 0, sizeof(heard));
	warned = warn_count();
	WRITE_ONCE(listening, true);
}

void expect_words(struct ktest *test, const char *words)
{
	if (!was_heard(words))
		ktest_note("not heard: %s", words);
	EXPECT(was_heard(words));
}

unsigned int warnings_heard(void)
{
	console_flush();
	WRITE_ONCE(listening, false);
	return warn_count() - warned;
}

bool was_heard(const char *words)
{
	return strstr(heard, words);
}

void expect_rest(struct ktest *test, struct mm_struct *mm)
{
	struct mmu_notifier_stats stats = stats_of(mm);

	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT(mmu_notifier_verify(mm));
}
