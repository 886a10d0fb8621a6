// SPDX-License-Identifier: MIT
/*
 * demo/monitor.c - a small shell on the serial line
 *
 * Problem.  The user of a booted kernel wants to look around: which address spaces
 * there are, what maps an address, which subscriptions there are, what the device
 * did last.
 *
 * Idea.  A thread reads a line (monitor_line.c), cuts it into words and calls the
 * command of that name. A command is registered with MONITOR_CMD() in the file that
 * implements it; the linker gathers them sorted by name.
 *
 * A command that fails says so once. The monitor does it for a command that it does
 * not find, for too few or too many words, and for -EINVAL. For all else the command
 * does it, since only it knows the reason.
 *
 * `first=COMMAND` on the kernel's command line is carried out before the first
 * prompt: `make run` on a terminal boots with first=contest.
 *
 * Lifetime: the thread that boots, until `halt`. One line, one thread: no lock.
 */
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <kernel/monitor.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <drivers/serial.h>

#include "monitor.h"

#define WORDS_MAX 8
#define PRINT_MAX 512

CMDLINE_KEY("first", "monitor command to begin with (mode=monitor)");

extern const struct monitor_cmd __monitor_start[], __monitor_end[];

/* Where printed text goes instead of the console, if anywhere. */
static struct {
	char *buf;
	size_t size;
} diverted;

void monitor_divert(char *buf, size_t size)
{
	diverted.buf = buf;
	diverted.size = size;
	if (size)
		*buf = '\0';
}

void monitor_print(const char *fmt, ...)
{
	char text[PRINT_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!diverted.buf) {
		console_raw_write(text, len);
		return;
	}
	len = scnprintf(diverted.buf, diverted.size, "%s", text);
	diverted.buf += len;
	diverted.size -= (size_t)len;
}

/* Other names that users try. */
static const struct {
	const char *name;
	const char *command;
} aliases[] = {{"?", "help"}, {"exit", "halt"}, {"quit", "halt"}};

static const struct monitor_cmd *find_command(const char *name)
{
	const struct monitor_cmd *cmd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			name = aliases[i].command;
	for (cmd = __monitor_start; cmd < __monitor_end; cmd++)
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	return NULL;
}

static int split_words(char *line, char **words)
{
	int count = 0;

	while (*line) {
		while (*line == ' ' || *line == '\t')
			*line++ = '\0';
		if (!*line)
			break;
		if (count == WORDS_MAX)
			return -E2BIG;
		words[count++] = line;
		while (*line && *line != ' ' && *line != '\t')
			line++;
	}
	return count;
}

/* "vmas [MM]"; no blank after the name of a command that takes no word. */
static void print_usage(const struct monitor_cmd *cmd)
{
	monitor_print("usage: %s%s%s\n", cmd->name, *cmd->args ? " " : "",
		      cmd->args);
}

/* How many words @cmd takes, and how many it needs: those without brackets. */
static void count_args(const struct monitor_cmd *cmd, int *least, int *most)
{
	const char *c;

	*least = *most = 0;
	for (c = cmd->args; *c; c++) {
		if (c != cmd->args && c[-1] != ' ')
			continue;
		++*most;
		*least += *c != '[';
	}
}

int monitor_execute(char *line)
{
	const struct monitor_cmd *cmd;
	char *words[WORDS_MAX];
	int count = split_words(line, words);
	int least, most, err = -EINVAL;

	if (count < 0) {
		monitor_print("more than %d words\n", WORDS_MAX);
		return count;
	}
	if (!count)
		return 0;
	cmd = find_command(words[0]);
	if (!cmd) {
		monitor_print("no command '%s'; try help\n", words[0]);
		return -ENOENT;
	}
	count_args(cmd, &least, &most);
	if (count - 1 > most)
		monitor_print("one word too many: '%s'; ", words[most + 1]);
	else if (count - 1 >= least)
		err = cmd->fn(count, words);
	if (err == -EINVAL)
		print_usage(cmd);
	return err;
}

static void show(const char *text, size_t len)
{
	console_raw_write(text, len);
}

/* 0, or -ENODEV where there is no serial port. */
static int read_line(struct monitor_line *line)
{
	int c;

	monitor_line_begin(line, show);
	do {
		c = serial_getc();
		if (c < 0)
			return c;
	} while (!monitor_line_put(line, (char)c));
	return 0;
}

static void execute_first(void)
{
	const char *first = cmdline_get("first");
	char line[MONITOR_LINE_MAX];

	if (!first || !*first)
		return;
	if (strscpy(line, first, sizeof(line)) < 0)
		monitor_print("first=: the command is too long\n");
	else
		monitor_execute(line);
}

static int monitor_mode(void)
{
	static struct monitor_line line;
	int err;

	execute_first();
	monitor_print("\nThe monitor: `help` lists what there is, `halt` leaves "
		      "(Ctrl-A X ends QEMU).\n");
	for (;;) {
		monitor_print("> ");
		err = read_line(&line);
		if (err)
			break;
		if (line.too_long)
			monitor_print("a line has at most %d characters\n",
				      MONITOR_LINE_MAX - 1);
		else
			monitor_execute(line.text);
	}
	pr_err("monitor: nobody to listen to: %s\n", errno_name(err));
	return EXIT_FAIL;
}
RUN_MODE("monitor", monitor_mode);

static int help_command(int argc, char **argv)
{
	const struct monitor_cmd *cmd;

	for (cmd = __monitor_start; cmd < __monitor_end; cmd++) {
		char usage[48];

		snprintf(usage, sizeof(usage), "%s %s", cmd->name, cmd->args);
		monitor_print("  %-18s %s\n", usage, cmd->help);
	}
	return 0;
}
MONITOR_CMD(help, "", "this list (also: ?)", help_command);

static int halt_command(int argc, char **argv)
{
	monitor_print("leaving\n");
	machine_exit(EXIT_PASS);
}
MONITOR_CMD(halt, "", "end the machine, as passed (also: exit, quit)",
	    halt_command);
