// SPDX-License-Identifier: MIT
/*
 * demo/monitor.c - a small shell on the serial line
 *
 * Problem.  Someone who has booted the kernel wants to look around: which
 * address spaces there are, what maps an address, who is subscribed, what the
 * device did last.
 *
 * Idea.  A thread reads characters, edits one line (backspace, Ctrl-U, Ctrl-C),
 * cuts it into words and calls the command of that name.  Commands are
 * registered with MONITOR_CMD() beside what they show; the linker gathers
 * them sorted by name.
 *
 * What comes in is a person's typing or a pipe's bytes and is never trusted: a
 * line too long is refused whole, unknown bytes are dropped, a bad command is
 * answered with what would have been right.
 *
 * `first=COMMAND` on the kernel's command line is carried out before the first
 * prompt: `make run` on a terminal boots with first=contest.
 *
 * Lifetime: the thread that boots, until `halt`.  One line, one thread: no lock.
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

#define LINE_MAX  160
#define WORDS_MAX 8
#define PRINT_MAX 512

#define CTRL_C    3
#define BACKSPACE 8
#define CTRL_U    21
#define DELETE    127

CMDLINE_KEY("first", "monitor command to begin with (mode=monitor)");

extern const struct monitor_cmd __monitor_start[], __monitor_end[];

/* Where the text goes instead, if anywhere. */
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

static const struct monitor_cmd *find_command(const char *name)
{
	const struct monitor_cmd *cmd;

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

int monitor_execute(char *line)
{
	const struct monitor_cmd *cmd;
	char *words[WORDS_MAX];
	int count = split_words(line, words);
	int err;

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
	err = cmd->fn(count, words);
	if (err == -EINVAL)
		monitor_print("usage: %s %s\n", cmd->name, cmd->args);
	else if (err)
		monitor_print("%s: %s\n", cmd->name, errno_name(err));
	return err;
}

static void echo(char c)
{
	console_raw_write(&c, 1);
}

static void erase(size_t count)
{
	while (count--)
		console_raw_write("\b \b", 3);
}

/* The length of the line; -E2BIG when it did not fit, -ENODEV without a port. */
static int read_line(char *line)
{
	bool too_long = false;
	size_t len = 0;

	for (;;) {
		int c = serial_getc();

		if (c < 0)
			return c;
		if (c == '\r' || c == '\n') {
			echo('\n');
			line[len] = '\0';
			return too_long ? -E2BIG : (int)len;
		}
		if ((c == BACKSPACE || c == DELETE) && len) {
			erase(1);
			len--;
		} else if (c == CTRL_U || c == CTRL_C) {
			erase(len);
			len = 0;
			too_long = false;
		} else if (c >= ' ' && c < DELETE) {
			if (len == LINE_MAX - 1) {
				too_long = true;
				continue;
			}
			line[len++] = (char)c;
			echo((char)c);
		}
	}
}

static int monitor_mode(void)
{
	static char line[LINE_MAX];
	const char *first = cmdline_get("first");

	if (first && *first) {
		if (strscpy(line, first, sizeof(line)) < 0)
			monitor_print("first=: the command is too long\n");
		else
			monitor_execute(line);
	}
	monitor_print("\nThe monitor: `help` lists what there is, `halt` leaves "
		      "(Ctrl-A X ends QEMU).\n");
	for (;;) {
		int len;

		monitor_print("> ");
		len = read_line(line);
		if (len >= 0) {
			monitor_execute(line);
		} else if (len == -E2BIG) {
			monitor_print("a line has at most %d characters\n",
				      LINE_MAX - 1);
		} else {
			pr_err("monitor: nobody to listen to: %s\n",
			       errno_name(len));
			return EXIT_FAIL;
		}
	}
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
MONITOR_CMD(help, "", "this list", help_command);

static int halt_command(int argc, char **argv)
{
	monitor_print("leaving\n");
	machine_exit(EXIT_PASS);
}
MONITOR_CMD(halt, "", "end the machine, as passed", halt_command);
