// SPDX-License-Identifier: MIT
/*
 * tests/ktest/heard.c - what the kernel prints during a part of a test
 *
 * Problem.  A test of a message wants its words.
 *
 * Idea.  A console keeps what the kernel prints. A console cannot be taken away, so it
 * stays, and listens only while a test wants it to.
 *
 * Locks: none; one test runs at a time. Not here: warnings, which are counted as well
 * (tests/mm/notifier/warnings_heard.c).
 */
#include <lib/printk.h>
#include <lib/string.h>

#include "heard.h"

static char text[8192];
static size_t length;
static bool listening;

static void hear(struct console *con, const char *buf, size_t len)
{
	if (!READ_ONCE(listening))
		return;
	len = min(len, sizeof(text) - 1 - length);
	memcpy(text + length, buf, len);
	length += len;
	text[length] = '\0';
}

static struct console ear = {.name = "heard", .write = hear};

void hear_begin(void)
{
	static bool registered;

	if (!registered)
		register_console(&ear);
	registered = true;
	console_flush();
	length = 0;
	text[0] = '\0';
	WRITE_ONCE(listening, true);
}

void hear_end(void)
{
	console_flush();
	WRITE_ONCE(listening, false);
}

const char *heard(const char *words)
{
	return strstr(text, words);
}
