// SPDX-License-Identifier: MIT
/*
 * demo/monitor_line.c - edit one line
 *
 * Problem.  The input is a person's typing or a pipe's bytes, and is never
 * trusted.
 *
 * Idea.  One character at a time changes the line and the terminal.
 *
 *	character		effect
 *	printable		appended; dropped if the line is full, and then
 *				the whole line is invalid
 *	Backspace, Delete	removes the last one
 *	Ctrl-U, Ctrl-C		empties the line
 *	Enter			completes it
 *	escape sequences	ignored: cursor keys, function keys
 *	all others		ignored
 *
 * A key that is no character comes as ESC [ ... with a letter or a tilde at its
 * end, or as ESC O and one character.
 *
 * Not here: where characters come from, what a line means (monitor.c).
 */
#include "monitor.h"

#define CTRL_C    3
#define BACKSPACE 8
#define CTRL_U    21
#define ESC       27
#define DELETE    127

void monitor_line_begin(struct monitor_line *line,
			void (*show)(const char *text, size_t len))
{
	line->len = 0;
	line->too_long = false;
	line->escape = ESCAPE_NONE;
	line->show = show;
}

static void erase(struct monitor_line *line, size_t count)
{
	line->len -= count;
	while (count--)
		line->show("\b \b", 3);
}

/* Is @c part of an escape sequence? Enter ends a sequence that is cut short. */
static bool escape_takes(struct monitor_line *line, char c)
{
	if (c == '\r' || c == '\n') {
		line->escape = ESCAPE_NONE;
		return false;
	}
	if (c == ESC) {
		line->escape = ESCAPE_BEGUN;
		return true;
	}
	switch (line->escape) {
	case ESCAPE_NONE:
		return false;
	case ESCAPE_BEGUN:
		line->escape = c == '['   ? ESCAPE_LONG
			       : c == 'O' ? ESCAPE_SINGLE
					  : ESCAPE_NONE;
		return line->escape != ESCAPE_NONE;
	case ESCAPE_SINGLE:
		line->escape = ESCAPE_NONE;
		return true;
	case ESCAPE_LONG:
		if (c >= '@' && c <= '~')
			line->escape = ESCAPE_NONE;
		return true;
	}
	return false;
}

bool monitor_line_put(struct monitor_line *line, char c)
{
	if (escape_takes(line, c))
		return false;
	if (c == '\r' || c == '\n') {
		line->show("\n", 1);
		line->text[line->len] = '\0';
		return true;
	}
	if ((c == BACKSPACE || c == DELETE) && line->len) {
		erase(line, 1);
	} else if (c == CTRL_U || c == CTRL_C) {
		erase(line, line->len);
		line->too_long = false;
	} else if (c >= ' ' && c < DELETE) {
		if (line->len == MONITOR_LINE_MAX - 1) {
			line->too_long = true;
			return false;
		}
		line->text[line->len++] = c;
		line->show(&c, 1);
	}
	return false;
}
