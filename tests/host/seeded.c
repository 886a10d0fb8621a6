// SPDX-License-Identifier: MIT
/*
 * tests/host/seeded.c - faults for the sanitizers to find
 *
 * Problem.  A sanitizer that is silent may be off: flags lost, reports disabled by
 * the environment.
 *
 * Idea.  The same flags and the same library as the other host programs have, and
 * one fault each, by its name: `seeded race`. tests/host/seeded_test.py wants the
 * report and a status that is not 0.
 *
 * Not here: the words of the reports.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;
static volatile int result; /* what nobody uses is not done either */

static void *add(void *unused)
{
	for (int i = 0; i < 1000; i++)
		shared++;
	return unused;
}

static int race(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, add, NULL))
		return 0;
	add(NULL);
	pthread_join(thread, NULL);
	return shared;
}

static int use_after_free(void)
{
	static int *volatile word; /* so that gcc does not find it first */

	word = malloc(sizeof(*word));
	free(word);
	return *word;
}

static int overflow(void)
{
	volatile int most = INT_MAX;

	return most + 1;
}

int main(int argc, char **argv)
{
	const char *fault = argc == 2 ? argv[1] : "";

	if (!strcmp(fault, "race"))
		result = race();
	else if (!strcmp(fault, "use_after_free"))
		result = use_after_free();
	else if (!strcmp(fault, "overflow"))
		result = overflow();
	else
		return 2;
	return 0;
}
