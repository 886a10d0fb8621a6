// SPDX-License-Identifier: MIT
/*
 * tests/explore/main.c - explore one scenario, and show what failed
 *
 *	explore					names the scenarios
 *	explore SCENARIO [BOUND=n MOST=n RANDOM=n SEED=n]
 *	explore SCENARIO REPLAY='17B 42d'	that schedule alone, as columns
 *
 * A search runs in a process of its own, which the first failure ends: an assertion, a
 * check of the scenario, a report of AddressSanitizer, a signal. Then each deviation of
 * the schedule is left out in turn, in a process of its own again, and stays out if the
 * schedule fails still. The shortened schedule is run once more, traced, and printed.
 *
 * The last line is for tests/explore/run:
 *
 *	result OUTCOME schedules=N bound=N exhausted=N random=N replay=SCHEDULE
 *
 * OUTCOME is passed or failed. All schedules of the exhausted number of preemptions were
 * run, and perhaps some of the bound. The status is 0, and 1 for wrong arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

extern const struct scenario __start_scenarios[], __stop_scenarios[];

/* AddressSanitizer's own words would be longer than the schedule. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0:print_legend=0";
}

/* --- schedules as text ------------------------------------------------------- */

static void print_schedule(FILE *out, const struct deviation *deviation,
			   unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		fprintf(out, "%s%u", i ? " " : "", deviation[i].at);
		if (deviation[i].choice == DELAY)
			fputc('d', out);
		else
			fputc('A' + deviation[i].choice, out);
	}
}

/* Return: the number of deviations, -1 if @text is none. */
static int parse_schedule(const char *text, struct deviation *deviation)
{
	int nr = 0;
	char *end;

	while (*text) {
		deviation[nr].at = (unsigned int)strtoul(text, &end, 10);
		if (end == text || nr == MAX_DEVIATIONS - 1 ||
		    (*end != 'd' && (*end < 'A' || *end >= 'A' + MAX_THREADS)))
			return -1;
		deviation[nr++].choice = *end == 'd' ? DELAY : *end - 'A';
		text = end + 1;
		while (*text == ' ' || *text == ',')
			text++;
	}
	return nr;
}

/* --- processes --------------------------------------------------------------- */

/* The words of AddressSanitizer or UBSan, if it was one of these that ended it. */
static char *sanitizer_words(FILE *said, char *line, int size)
{
	char *words;

	rewind(said);
	while (fgets(line, size, said)) {
		line[strcspn(line, "\n")] = 0;
		words = strstr(line, "Sanitizer: ");
		if (words)
			return words + strlen("Sanitizer: ");
		words = strstr(line, "runtime error: ");
		if (words)
			return words + strlen("runtime error: ");
	}
	return NULL;
}

/* "use-after-poison on address 0x... at pc 0x...": the place is a step of its own. */
static void note_place(char *words)
{
	char *pc = strstr(words, " at pc ");
	char *address = strstr(words, " on address ");

	if (!pc || !address || outcome->nr_trace == MAX_TRACE)
		return;
	outcome->trace[outcome->nr_trace++] = (struct trace_entry){
		.thread = outcome->running < 0 ? 0 : outcome->running,
		.kind = STEP_FAILS,
		.pc = (const void *)strtoul(pc + strlen(" at pc "), NULL, 16),
	};
	*address = 0;
}

static void note_end(int status, FILE *said)
{
	char line[300], *words;

	if (outcome->message[0])
		return;
	words = sanitizer_words(said, line, sizeof(line));
	if (!words) {
		snprintf(outcome->message, sizeof(outcome->message),
			 "the process ended with status %#x",
			 (unsigned int)status);
		return;
	}
	note_place(words);
	snprintf(outcome->message, sizeof(outcome->message), "sanitizer: %s",
		 words);
}

struct run {
	const struct scenario *scenario;
	const struct asked *asked; /* NULL: a replay */
	const struct deviation *deviation;
	unsigned int nr;
};

/* Return: did all schedules pass? Else outcome->message says why not. */
static bool run_in_child(const struct run *run)
{
	FILE *said = tmpfile();
	int status;
	pid_t child;

	if (!said) {
		perror("explore: tmpfile");
		exit(1);
	}
	memset(outcome, 0, sizeof(*outcome));
	fflush(NULL);
	child = fork();
	if (child < 0) {
		perror("explore: fork");
		exit(1);
	}
	if (!child) {
		dup2(fileno(said), STDERR_FILENO);
		if (run->asked)
			search(run->scenario, run->asked);
		else
			replay(run->scenario, run->deviation, run->nr);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child) {
		perror("explore: waitpid");
		exit(1);
	}
	if (status)
		note_end(status, said);
	fclose(said);
	return !status;
}

/* --- a schedule that failed --------------------------------------------------- */

static unsigned int without(struct deviation *out, const struct deviation *in,
			    unsigned int nr, unsigned int left_out)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		if (i != left_out)
			out[n++] = in[i];
	}
	return n;
}

/* Leave deviations out while it fails. Return: how many are left. */
static unsigned int shorten(const struct scenario *scenario,
			    struct deviation *deviation, unsigned int nr)
{
	struct deviation fewer[MAX_DEVIATIONS];
	struct run run = {.scenario = scenario, .deviation = fewer};
	bool shorter = true;
	unsigned int i;

	while (shorter) {
		shorter = false;
		for (i = nr; i-- && !shorter;) {
			run.nr = without(fewer, deviation, nr, i);
			if (run_in_child(&run) || outcome->nr_deviations >= nr)
				continue;
			nr = outcome->nr_deviations;
			memcpy(deviation, outcome->deviation,
			       nr * sizeof(*deviation));
			shorter = true;
		}
	}
	return nr;
}

static bool show_replay(const struct scenario *scenario,
			const struct deviation *deviation, unsigned int nr)
{
	struct run run = {.scenario = scenario, .deviation = deviation, .nr = nr};
	bool passed;

	tracing = true;
	passed = run_in_child(&run);
	printf("# %s: %s\n", scenario->name,
	       passed ? "passed" : outcome->message);
	printf("# schedule: ");
	print_schedule(stdout, deviation, nr);
	printf("\n#\n");
	report_columns();
	return passed;
}

/* --- options ----------------------------------------------------------------- */

static unsigned long option(int argc, char **argv, const char *name,
			    unsigned long otherwise)
{
	size_t length = strlen(name);
	int i;

	for (i = 2; i < argc; i++) {
		if (!strncmp(argv[i], name, length) && argv[i][length] == '=')
			return strtoul(argv[i] + length + 1, NULL, 0);
	}
	return otherwise;
}

static const char *replay_option(int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++) {
		if (!strncmp(argv[i], "REPLAY=", 7))
			return argv[i] + 7;
	}
	return NULL;
}

static unsigned long total_schedules(void)
{
	unsigned long sum = 0;
	size_t i;

	for (i = 0;
	     i < sizeof(outcome->schedules) / sizeof(outcome->schedules[0]); i++)
		sum += outcome->schedules[i];
	return sum;
}

static int explore(const struct scenario *scenario, int argc, char **argv)
{
	struct asked asked = {
		.bound = (int)option(argc, argv, "BOUND", 2),
		.most = option(argc, argv, "MOST", 200000),
		.at_random = option(argc, argv, "RANDOM", 0),
		.seed = option(argc, argv, "SEED", 1),
	};
	struct run run = {.scenario = scenario, .asked = &asked};
	struct deviation deviation[MAX_DEVIATIONS];
	unsigned long schedules, at_random;
	unsigned int nr;
	bool passed;
	int bound, exhausted;

	passed = run_in_child(&run);
	schedules = total_schedules();
	at_random = outcome->at_random;
	exhausted = outcome->exhausted;
	bound = outcome->bound;
	nr = outcome->nr_deviations;
	if (!passed) {
		memcpy(deviation, outcome->deviation, nr * sizeof(deviation[0]));
		nr = shorten(scenario, deviation, nr);
		show_replay(scenario, deviation, nr);
	}
	printf("result %s schedules=%lu bound=%d exhausted=%d random=%lu replay=",
	       passed ? "passed" : "failed", schedules, bound, exhausted,
	       at_random);
	if (!passed)
		print_schedule(stdout, deviation, nr);
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	const struct scenario *scenario;
	struct deviation deviation[MAX_DEVIATIONS];
	const char *text;
	int nr;

	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED) {
		perror("explore: mmap");
		return 1;
	}
	kernel_boot();
	for (scenario = __start_scenarios; scenario < __stop_scenarios;
	     scenario++) {
		if (argc < 2) {
			printf("%s\n", scenario->name);
			continue;
		}
		if (strcmp(scenario->name, argv[1]))
			continue;
		text = replay_option(argc, argv);
		if (!text)
			return explore(scenario, argc, argv);
		nr = parse_schedule(text, deviation);
		if (nr < 0) {
			fprintf(stderr, "explore: REPLAY=%s is no schedule\n",
				text);
			return 1;
		}
		show_replay(scenario, deviation, (unsigned int)nr);
		return 0;
	}
	if (argc > 1)
		fprintf(stderr, "explore: there is no scenario %s\n", argv[1]);
	return argc > 1;
}
