// SPDX-License-Identifier: MIT
/*
 * tests/peer/main.c - runs the tests of the peer, prints TAP
 *
 *	peer_test [--seed=N] [--test=GLOB] [PEER]
 *
 * Each test starts a peer of its own and leaves nothing behind. A failed
 * REQUIRE leaves the test by a jump; its peer is then killed. PEER is the
 * program to test; without it, the one built next to this. The seed may come
 * from the environment, too. An alarm ends a run that hangs.
 */
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

#define RUN_LIMIT_S 240

static const struct tap_group *const groups[] = {
	&front_group,   &program_group, &descriptor_group, &ring_group,
	&control_group, &option_group,  &map_group,        &work_group,
	&turn_group,    &fault_group,   &invalidate_group, &trouble_group,
	&stats_group,   &trace_group,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static jmp_buf leave;
static unsigned int failures; /* of the test that runs */
static uint64_t random_state;

void tap_fail(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
	printf("# FAIL %s:%d expected %s\n#   %#llx, %#llx\n", file, line, what,
	       (unsigned long long)a, (unsigned long long)b);
	failures++;
}

void tap_giveup(const char *file, int line, const char *what)
{
	tap_fail(file, line, what, 0, 1);
	longjmp(leave, 1);
}

uint64_t tap_random(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static bool run_test(const struct tap_group *group, const struct tap_test *test,
		     unsigned int number)
{
	uint64_t started = clock_ns();

	failures = 0;
	if (!setjmp(leave))
		test->run();
	else
		guest_abandon();
	printf("%sok %u - %s.%s # %llu ms\n", failures ? "not " : "", number,
	       group->name, test->name,
	       (unsigned long long)(clock_ns() - started) / 1000000);
	return !failures;
}

static bool wanted(const char *glob, const struct tap_group *group,
		   const struct tap_test *test)
{
	char name[160];

	snprintf(name, sizeof(name), "%s.%s", group->name, test->name);
	return !glob || !fnmatch(glob, name, 0);
}

static unsigned int each_test(const char *glob, bool run, bool *fine)
{
	unsigned int number = 0;

	for (unsigned int i = 0; i < GROUPS; i++) {
		for (unsigned int j = 0; j < groups[i]->tests; j++) {
			const struct tap_test *test = &groups[i]->test[j];

			if (!wanted(glob, groups[i], test))
				continue;
			number++;
			if (run && !run_test(groups[i], test, number))
				*fine = false;
		}
	}
	return number;
}

static void find_peer(void)
{
	static char path[PATH_MAX + 32];
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		len = 0;
	self[len] = '\0';
	snprintf(path, sizeof(path), "%s/concord-peer", dirname(self));
	peer_program = path;
}

int main(int argc, char **argv)
{
	const char *seed = getenv("SEED");
	const char *glob = NULL;
	bool fine = true;

	find_peer();
	random_state =
		seed && *seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--test=", 7))
			glob = argv[i] + 7;
		else if (!strncmp(argv[i], "--seed=", 7))
			random_state = strtoull(argv[i] + 7, NULL, 0);
		else
			peer_program = argv[i];
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(RUN_LIMIT_S);
	printf("TAP version 14\n# seed %llu\n", (unsigned long long)random_state);
	printf("1..%u\n", each_test(glob, false, &fine));
	each_test(glob, true, &fine);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
