// SPDX-License-Identifier: MIT
/*
 * tests/ktest/team_test.c - teams begin together, draw again, stop and are joined
 *
 * Not here: a worker that misses the deadline.  It must fail its test, so it
 * has a boot of its own (must_fail_by_a_worker_that_misses_the_deadline).
 */
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/time.h>

#include "team.h"

#define WORKERS 4
#define DRAWS   8

struct notes {
	atomic_t begun;
	atomic_t stopped;
	u64 drawn[WORKERS][DRAWS];
};

static void draw(struct team_worker *me)
{
	struct notes *notes = me->arg;

	while (team_goes_on(me))
		notes->drawn[me->number][me->round] = rng_next(&me->rng);
}

/* The numbers that the workers of a test draw, given its seed. */
static void draw_as(struct ktest *test, u64 seed, struct notes *notes)
{
	struct rng of_the_test = test->rng;

	test->rng = rng_init(seed);
	team_run(test, WORKERS, DRAWS, draw, notes);
	test->rng = of_the_test;
}

KTEST(ktest_team, workers_draw_the_same_again_and_each_its_own)
{
	struct notes *once = ktest_alloc(test, sizeof(*once));
	struct notes *again = ktest_alloc(test, sizeof(*again));
	struct notes *other = ktest_alloc(test, sizeof(*other));
	unsigned int i, j;

	draw_as(test, 1, once);
	draw_as(test, 1, again);
	draw_as(test, 2, other);
	EXPECT_EQ(memcmp(once->drawn, again->drawn, sizeof(once->drawn)), 0);
	for (i = 0; i < WORKERS; i++) {
		EXPECT_NE(once->drawn[i][DRAWS - 1], 0UL);
		EXPECT_NE(once->drawn[i][0], other->drawn[i][0]);
		for (j = 0; j < i; j++)
			EXPECT_NE(once->drawn[i][0], once->drawn[j][0]);
	}
}

static void until_stopped(struct team_worker *me)
{
	struct notes *notes = me->arg;

	atomic_inc(&notes->begun);
	while (team_goes_on(me))
		yield();
	atomic_inc(&notes->stopped);
}

/* At the gate a worker can wait only for the others, so all have begun. */
static void expect_all_begun(struct team_worker *me)
{
	struct notes *notes = me->arg;

	atomic_inc(&notes->begun);
	KTEST_WAIT_FOR(me->test, atomic_read(&notes->begun) == WORKERS);
}

KTEST(ktest_team, workers_run_at_the_same_time_and_not_before_go)
{
	struct notes *notes = ktest_alloc(test, sizeof(*notes));
	struct team *team = team_new(test);

	team_add(team, WORKERS, 1, expect_all_begun, notes);
	EXPECT_EQ(atomic_read(&notes->begun), 0);
	team_go(team);
	team_wait(team);
	EXPECT_EQ(atomic_read(&notes->begun), WORKERS);
}

KTEST(ktest_team, the_last_bounded_worker_stops_the_unbounded)
{
	struct notes *notes = ktest_alloc(test, sizeof(*notes));
	struct team *team = team_new(test);
	unsigned int before = nr_tasks();

	team_add(team, 2, DRAWS, draw, notes);
	team_add(team, 2, TEAM_UNTIL_STOP, until_stopped, notes);
	team_go(team);
	team_wait(team);
	EXPECT_NE(notes->drawn[0][DRAWS - 1], 0UL);
	EXPECT_NE(notes->drawn[1][DRAWS - 1], 0UL);
	EXPECT_EQ(atomic_read(&notes->stopped), 2);
	EXPECT_EQ(nr_tasks(), before);
}

KTEST(ktest_team, stop_joins_all_and_the_team_can_go_again)
{
	struct notes *notes = ktest_alloc(test, sizeof(*notes));
	struct team *team = team_new(test);
	unsigned int before = nr_tasks();
	int run;

	for (run = 1; run <= 3; run++) {
		team_add(team, WORKERS, TEAM_UNTIL_STOP, until_stopped, notes);
		team_go(team);
		EXPECT_EQ(nr_tasks(), before + WORKERS);
		team_stop(team);
		EXPECT_EQ(nr_tasks(), before);
		EXPECT_EQ(atomic_read(&notes->stopped), run * WORKERS);
	}
}

/* The body ends as by a failed REQUIRE; without the clean-up tasks are left. */
KTEST(ktest_team, the_runner_stops_a_team_that_a_body_left_running)
{
	struct notes *notes = ktest_alloc(test, sizeof(*notes));
	struct team *team = team_new(test);

	team_add(team, WORKERS, TEAM_UNTIL_STOP, until_stopped, notes);
	team_go(team);
	EXPECT_EQ(atomic_read(&notes->stopped), 0);
}

/* Has a bound and does not ask; ends when it sees that its team stops. */
static void miss_the_deadline(struct team_worker *me)
{
	while (!atomic_read(&me->team->stopping))
		yield();
	ktest_note("the team was stopped");
}

KTEST(ktest, must_fail_by_a_worker_that_misses_the_deadline,
      KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct team *team = team_new(test);

	team_add(team, 1, 1, miss_the_deadline, NULL);
	team->deadline_ns = 50 * NSEC_PER_MSEC;
	team_go(team);
	team_wait(team);
}
