/* SPDX-License-Identifier: MIT */
/*
 * demo/monitor.h - the line that the monitor's user types, and which mm it means
 */
#ifndef DEMO_MONITOR_H
#define DEMO_MONITOR_H

#include <lib/types.h>

#define MONITOR_LINE_MAX 160

/** enum monitor_escape - how much of a key's escape sequence has come */
enum monitor_escape {
	ESCAPE_NONE,
	ESCAPE_BEGUN,  /* ESC */
	ESCAPE_SINGLE, /* ESC O: one more character */
	ESCAPE_LONG,   /* ESC [: up to a letter or a tilde */
};

/**
 * struct monitor_line - a line while it is typed
 * @text: ends with 0 once the line is complete
 * @len: characters so far
 * @too_long: characters were dropped
 * @escape: inside an escape sequence, which is ignored
 * @show: prints @len characters of @text on the terminal
 */
struct monitor_line {
	char text[MONITOR_LINE_MAX];
	size_t len;
	bool too_long;
	enum monitor_escape escape;
	void (*show)(const char *text, size_t len);
};

/** monitor_line_begin() - an empty line */
void monitor_line_begin(struct monitor_line *line,
			void (*show)(const char *text, size_t len));

/**
 * monitor_line_put() - one more character from the user
 * @line: begun, not complete
 * @c: the character
 *
 * Return: true if the line is complete; @line->too_long says whether it is
 *	   valid.
 */
bool monitor_line_put(struct monitor_line *line, char c);

struct mm_struct;

/**
 * monitor_find_mm() - the address space that a word names
 * @word: its number; NULL: the first that has users
 * @out: set, with a user reference that the caller puts
 *
 * Context: thread context, may sleep.
 * Return: 0; -EINVAL: @word is no number; -ENOENT, which it has said.
 */
int monitor_find_mm(const char *word, struct mm_struct **out);

#endif
