// SPDX-License-Identifier: MIT
/*
 * tests/explore/report.c - a schedule as columns
 *
 * Problem.  A failed schedule is a list of some hundred steps of several threads. A
 * reader must see who did what, where in the source, and in which order.
 *
 * Idea.  A column a thread, a line a step, as the races are drawn in the sources. A line
 * has the place and the text of the source there. The place of a step that stands in a
 * header is that of the function that used it: addr2line knows the calls that were
 * inlined. Steps to words that no other thread uses are left out, so are barriers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define MAX_PLACE 200
#define WIDTH_ALL 132

struct place {
	char file[MAX_PLACE];
	unsigned int line;
};

static struct place places[MAX_TRACE];

/* --- where in the source ------------------------------------------------------ */

static bool is_header(const char *line)
{
	return strstr(line, ".h:");
}

static void take_place(struct place *place, const char *line)
{
	const char *colon = strrchr(line, ':');
	size_t length;

	if (!colon)
		return;
	length = (size_t)(colon - line);
	if (length >= MAX_PLACE)
		length = MAX_PLACE - 1;
	memcpy(place->file, line, length);
	place->file[length] = 0;
	place->line = (unsigned int)strtoul(colon + 1, NULL, 10);
}

/* One call of addr2line for all: -a prints a line 0x... before those of each address. */
static void find_places(unsigned int first, unsigned int last)
{
	static char command[64 + MAX_TRACE * 20];
	char line[600], self[300];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t used;
	unsigned int i;
	int at = (int)first - 1;
	bool settled = false;
	FILE *out;

	if (length < 0)
		return;
	self[length] = 0;
	used = (size_t)snprintf(command, sizeof(command),
				"addr2line -a -i -e '%s'", self);
	for (i = first; i < last; i++)
		used += (size_t)snprintf(command + used, sizeof(command) - used,
					 " %#lx",
					 (unsigned long)outcome->trace[i].pc - 1);
	out = popen(command, "r");
	while (out && fgets(line, sizeof(line), out)) {
		if (!strncmp(line, "0x", 2)) {
			at++;
			settled = false;
		} else if (at >= (int)first && at < (int)last && !settled) {
			take_place(&places[at], line);
			settled = !is_header(line);
		}
	}
	if (out)
		pclose(out);
}

/* The line of the source, without its indentation. */
static void source_text(const struct place *place, char *text, size_t size)
{
	FILE *source = fopen(place->file, "r");
	char line[190] = "";
	unsigned int i;
	size_t skip;

	for (i = 0; source && i < place->line; i++) {
		if (!fgets(line, sizeof(line), source))
			break;
	}
	if (source)
		fclose(source);
	skip = strspn(line, " \t");
	line[strcspn(line, "\n")] = 0;
	snprintf(text, size, "%s", line + (skip < strlen(line) ? skip : 0));
}

/* --- columns ------------------------------------------------------------------ */

/* Several threads use the word, and one changes it. */
static bool is_shared(const struct trace_entry *step)
{
	bool several = false, written = false;
	unsigned int i;

	if (!step->addr || step->waits)
		return step->kind != STEP_BARRIER;
	for (i = 0; i < outcome->nr_trace; i++) {
		if (outcome->trace[i].addr != step->addr)
			continue;
		several |= outcome->trace[i].thread != step->thread;
		written |= outcome->trace[i].writes;
	}
	return several && written;
}

static const char *remark(const struct trace_entry *step)
{
	if (step->kind == STEP_FAILS)
		return "fails: ";
	if (step->waits)
		return "(waits) ";
	if (step->delayed)
		return "(others see it later) ";
	return step->late ? "(sees the old value) " : "";
}

static void describe(const struct trace_entry *step, const struct place *place,
		     char *text, size_t size)
{
	const char *name = strrchr(place->file, '/');
	char source[200];

	if (step->kind == STEP_POINT) {
		snprintf(text, size, "- %s%s", step->what,
			 step->waits ? ": not yet" : "");
		return;
	}
	source_text(place, source, sizeof(source));
	snprintf(text, size, "%s%s:%u %s", remark(step),
		 name ? name + 1 : place->file, place->line, source);
}

static void print_line(int thread, unsigned int width, const char *text)
{
	int indent = thread * (int)width;
	int room = (int)width - 2;

	/* The last column may be longer. */
	if (thread == outcome->nr_threads - 1)
		room += 20;
	printf("# %*s%.*s\n", indent, "", room, text);
}

static void print_heads(unsigned int width)
{
	int thread;

	printf("#");
	for (thread = 0; thread < outcome->nr_threads; thread++)
		printf("%*s%c: %s",
		       thread ? (int)(width - 3 -
				      strlen(outcome->thread_name[thread - 1]))
			      : 1,
		       "", 'A' + thread, outcome->thread_name[thread]);
	printf("\n");
}

void report_columns(void)
{
	unsigned int width, i, chunk;
	char text[400], last[400] = "";
	int before = -1;

	if (!outcome->nr_threads || !outcome->nr_trace)
		return;
	width = WIDTH_ALL / (unsigned int)outcome->nr_threads;
	for (i = 0; i < outcome->nr_trace; i += chunk) {
		chunk = outcome->nr_trace - i < 500 ? outcome->nr_trace - i : 500;
		find_places(i, i + chunk);
	}
	print_heads(width);
	for (i = 0; i < outcome->nr_trace; i++) {
		const struct trace_entry *step = &outcome->trace[i];

		if (!is_shared(step))
			continue;
		describe(step, &places[i], text, sizeof(text));
		/* A line of the source may be several steps. */
		if (step->thread == before && !strcmp(text, last))
			continue;
		print_line(step->thread, width, text);
		before = step->thread;
		snprintf(last, sizeof(last), "%s", text);
	}
	if (outcome->message[0] && outcome->trace[i - 1].kind != STEP_FAILS)
		print_line(outcome->running < 0 ? 0 : outcome->running, width,
			   outcome->running < 0 ? "(at the end it fails)"
						: "(here it fails)");
	printf("#\n");
}
