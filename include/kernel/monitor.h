/* SPDX-License-Identifier: MIT */
/*
 * kernel/monitor.h - commands of the small shell on the serial line
 *
 * A layer that has something to show registers a command beside the code that
 * shows it; the monitor (demo/monitor.c) reads lines and calls it.
 */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

#include <lib/types.h>
#include <lib/compiler.h>

/**
 * struct monitor_cmd - a registered command
 * @name: the first word of the line
 * @args: the other words as the help shows them, one blank between two: "" for
 *	  none, "MM" for one that must be there, "[N]" for one that may be
 * @help: one line on what it does
 * @fn: called with the words of the line, argv[0] being @name, and as many as
 *	@args allows; runs in the monitor's thread, may sleep; returns 0 or a
 *	negative errno and has said what went wrong, except for -EINVAL, for
 *	which the monitor prints how the command is used
 */
struct monitor_cmd {
	const char *name;
	const char *args;
	const char *help;
	int (*fn)(int argc, char **argv);
};

/** MONITOR_CMD() - register a command; @name_ is a bare word */
#define MONITOR_CMD(name_, args_, help_, fn_)                     \
	static const struct monitor_cmd __used __aligned(8)       \
		__section(".monitor." #name_) monitor_##name_ = { \
			.name = #name_,                           \
			.args = (args_),                          \
			.help = (help_),                          \
			.fn = (fn_),                              \
	}

/** monitor_print() - write to the user at the line; thread context */
void monitor_print(const char *fmt, ...) __printf(1, 2);

/**
 * monitor_execute() - carry out one line
 * @line: is cut into words in place
 *
 * Context: thread context, may sleep.
 * Return: what the command returned; -ENOENT when there is none of that name;
 *	   0 for an empty line.
 */
int monitor_execute(char *line);

/**
 * monitor_divert() - keep what commands print, for tests
 * @buf: gets the text, always terminated; NULL: print again
 * @size: bytes at @buf; what is beyond is dropped
 *
 * Context: the thread that calls monitor_execute().
 */
void monitor_divert(char *buf, size_t size);

#endif /* KERNEL_MONITOR_H */
