// SPDX-License-Identifier: MIT
/*
 * tests/explore/search.c - which schedules to run
 *
 * Problem.  Three threads of fifty steps have more orders than can ever be run.
 *
 * Idea.  Most races need few preemptions: a thread loses its CPU at one bad moment, or
 * at two. So all schedules with at most 0, 1, 2 ... preemptions are run, up to a bound.
 * Where the thread that runs cannot go on, any other may be next, and that costs
 * nothing. A first failure then has the fewest preemptions that it can have.
 *
 * A search is a depth-first walk, by running again: the path is the list of decisions
 * of the last schedule. The next schedule makes the same decisions up to the last one
 * that has another alternative, takes that, and then the usual ones.
 *
 *	path	decision	alternatives	taken
 *	0	3		2		1
 *	1	17		3		0	the next schedule: 1
 *	2	25		2		1	no other is left: dropped
 *
 * A store may be delayed (tests/explore/buffer.c); that is a decision as well. It costs
 * no preemption, and a schedule has one at most, with the stores behind it. Of each
 * number of preemptions the schedules without a delayed store are run first.
 *
 * Beyond the bound schedules are drawn at random, by priorities: each thread has one,
 * the highest that can go on does, and at a few random decisions the thread that runs
 * gets the lowest. So a schedule has few preemptions but at any places, and a race
 * that needs few is met with a probability that does not shrink with the threads' speed.
 *
 * A schedule is named by its deviations (tests/explore/internal.h), "17B 42d": thread B
 * goes on at decision 17, and the store of decision 42 is delayed. That is what a replay
 * takes. A deviation that cannot be made is left out, so a schedule can be shortened by
 * dropping deviations and looking whether it still fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_PATH   (2 * MAX_STEPS)
#define MAX_DELAYS 1

static void deviate(int choice)
{
	unsigned int nr = outcome->nr_deviations;

	if (nr == MAX_DEVIATIONS)
		explore_fail("more than %d deviations", MAX_DEVIATIONS);
	outcome->deviation[nr] = (struct deviation){decision_number(), choice};
	outcome->nr_deviations = nr + 1;
}

/* --- all up to a bound ------------------------------------------------------ */

static struct {
	unsigned int at, nr, taken;
} path[MAX_PATH];
static unsigned int path_length, path_position;
static int bound, preemptions;
static int most_delays, delays;

static unsigned int follow_path(unsigned int nr)
{
	unsigned int i = path_position++;

	if (i == MAX_PATH)
		explore_fail("more than %d decisions", MAX_PATH);
	if (i >= path_length) {
		path[i].at = decision_number();
		path[i].nr = nr;
		path[i].taken = 0;
		path_length = i + 1;
	}
	if (path[i].at != decision_number() || path[i].nr != nr)
		explore_fail("the explorer: decision %u of the path is another one",
			     i);
	return path[i].taken;
}

static unsigned int search_choose(const int *option, unsigned int nr,
				  bool preempts)
{
	unsigned int pick;

	if (preempts && preemptions == bound)
		return 0;
	pick = follow_path(nr);
	if (pick) {
		preemptions += preempts;
		deviate(option[pick]);
	}
	return pick;
}

static bool search_delay(void)
{
	if (delays == most_delays || !follow_path(2))
		return false;
	delays++;
	deviate(DELAY);
	return true;
}

static const struct policy searching = {search_choose, search_delay, false};

static bool next_path(void)
{
	while (path_length &&
	       path[path_length - 1].taken + 1 == path[path_length - 1].nr)
		path_length--;
	if (!path_length)
		return false;
	path[path_length - 1].taken++;
	return true;
}

/* Return: were all schedules of the bound run? */
static bool search_bound(const struct scenario *scenario, unsigned long most)
{
	path_length = 0;
	while (outcome->schedules[bound] < most) {
		path_position = 0;
		preemptions = 0;
		delays = 0;
		run_schedule(scenario, &searching);
		outcome->schedules[bound]++;
		if (memory_sharing_grew())
			path_length = 0; /* there are more decisions: begin anew */
		else if (!next_path())
			return true;
	}
	return false;
}

/* --- at random --------------------------------------------------------------- */

#define CHANGES 4

static uint64_t random_state;
static int priority[MAX_THREADS];
static unsigned int change_at[CHANGES];
static unsigned int choices, most_choices = 1;

static unsigned int draw(unsigned int below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)(random_state >> 16) % below;
}

static unsigned int random_choose(const int *option, unsigned int nr,
				  bool preempts)
{
	unsigned int i, pick = 0;

	choices++;
	for (i = 0; i < CHANGES; i++) {
		if (change_at[i] == choices)
			priority[option[0]] = -(int)(i + 1);
	}
	for (i = 1; i < nr; i++) {
		if (priority[option[i]] > priority[option[pick]])
			pick = i;
	}
	/* A thread that yields for ever must not be the first for ever. */
	if (!preempts && !draw(8))
		pick = draw(nr);
	if (pick && outcome->nr_deviations == MAX_DEVIATIONS)
		pick = 0;
	if (pick)
		deviate(option[pick]);
	return pick;
}

static bool random_delay(void)
{
	if (draw(8) || outcome->nr_deviations == MAX_DEVIATIONS)
		return false;
	deviate(DELAY);
	return true;
}

static const struct policy randomly = {random_choose, random_delay, false};

static void draw_schedule(const struct scenario *scenario, uint64_t seed)
{
	unsigned int i, other;
	int swapped;

	random_state = (seed + 1) * 0x9e3779b97f4a7c15ul;
	choices = 0;
	for (i = 0; i < MAX_THREADS; i++)
		priority[i] = (int)i;
	for (i = MAX_THREADS - 1; i; i--) {
		other = draw(i + 1);
		swapped = priority[i];
		priority[i] = priority[other];
		priority[other] = swapped;
	}
	for (i = 0; i < CHANGES; i++)
		change_at[i] = 1 + draw(most_choices);
	run_schedule(scenario, &randomly);
	if (most_choices < choices)
		most_choices = choices;
}

static void search_bounds(const struct scenario *scenario,
			  const struct asked *asked)
{
	outcome->exhausted = -1;
	for (bound = 0; bound <= asked->bound; bound++) {
		outcome->bound = bound;
		for (most_delays = 0; most_delays <= MAX_DELAYS; most_delays++) {
			if (!search_bound(scenario, asked->most))
				return;
		}
		outcome->exhausted = bound;
	}
}

void search(const struct scenario *scenario, const struct asked *asked)
{
	unsigned long i;

	search_bounds(scenario, asked);
	for (i = 0; i < asked->at_random; i++) {
		draw_schedule(scenario, asked->seed + i);
		outcome->at_random++;
	}
}

/* --- one again --------------------------------------------------------------- */

static const struct deviation *wanted;
static unsigned int nr_wanted, next_wanted;

static bool wants_now(int *choice)
{
	while (next_wanted < nr_wanted &&
	       wanted[next_wanted].at < decision_number())
		next_wanted++;
	if (next_wanted == nr_wanted ||
	    wanted[next_wanted].at != decision_number())
		return false;
	*choice = wanted[next_wanted].choice;
	return true;
}

static unsigned int replay_choose(const int *option, unsigned int nr,
				  bool preempts)
{
	unsigned int i;
	int choice;

	if (!wants_now(&choice))
		return 0;
	for (i = 1; i < nr; i++) {
		if (option[i] == choice) {
			deviate(choice);
			return i;
		}
	}
	return 0;
}

static bool replay_delay(void)
{
	int choice;

	if (!wants_now(&choice) || choice != DELAY)
		return false;
	deviate(DELAY);
	return true;
}

static const struct policy replaying = {replay_choose, replay_delay, true};

void replay(const struct scenario *scenario, const struct deviation *deviation,
	    unsigned int nr)
{
	wanted = deviation;
	nr_wanted = nr;
	next_wanted = 0;
	run_schedule(scenario, &replaying);
}
