/* SPDX-License-Identifier: MIT */
/*
 * tests/ktest/team.h - several threads that work against each other for a test
 *
 *	struct team *team = team_new(test);
 *
 *	team->mm = mm;				each worker adopts it
 *	team_add(team, 2, 300, change_pages, s);	300 rounds each
 *	team_add(team, 1, TEAM_UNTIL_STOP, act_as_device, s);
 *	team_go(team);
 *	...
 *	team_wait(team);
 *
 * A worker asks before each round whether it should go on, and draws from its
 * own numbers, which follow from the test's seed and the order of team_add():
 *
 *	static void change_pages(struct team_worker *me)
 *	{
 *		while (team_goes_on(me))
 *			change(me->arg, rng_below(&me->rng, PAGES));
 *	}
 *
 * A team is a clean-up of its test: team_new() calls ktest_cleanup() with the team
 * as the argument, by which ktest_cleanup_now(test, team) finds it.  A REQUIRE that
 * fails leaves no worker running.  So what workers use must outlive the body, unless
 * the body waits for them before it can return.
 */
#ifndef TESTS_KTEST_TEAM_H
#define TESTS_KTEST_TEAM_H

#include <kernel/sched/completion.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>

struct mm_struct;
struct team;

/* One for each CPU there can be. */
#define TEAM_MAX NR_CPUS

/* For team_add(): rounds without a bound. */
#define TEAM_UNTIL_STOP 0UL

/**
 * struct team_worker - one thread of a team
 * @team: its team
 * @test: the team's test
 * @number: 0, 1, ... in the order of team_add(); the CPU is the worker's number
 *	    modulo the number of CPUs that are online
 * @rng: its own numbers
 * @arg: as given to team_add()
 * @round: the round under way, from 0
 * @rounds: its bound, or TEAM_UNTIL_STOP
 * @fn: as given to team_add()
 * @task: its thread, of team_go(); NULL before and after
 * @ended: set when @fn has returned
 */
struct team_worker {
	struct team *team;
	struct ktest *test;
	unsigned int number;
	struct rng rng;
	void *arg;
	unsigned long round;
	unsigned long rounds;
	void (*fn)(struct team_worker *me);
	struct task *task;
	atomic_t ended;
};

/**
 * struct team - the workers and what they wait for
 * @test: failed by a worker that misses the deadline
 * @mm: NULL, or each worker adopts it; set before team_go()
 * @fail_one_in: 0, or one in so many of the workers' allocations fails (only in
 *		 kernels with DEBUG); set before team_go()
 * @allocs_tried: of all runs with @fail_one_in: attempts that could have failed
 * @allocs_failed: of all runs: attempts that did fail
 * @deadline_ns: how long a wait for workers may take: three quarters of the
 *		 test's own deadline, unless the test sets another
 * @gate: where workers gather
 * @stopping: workers end before their next round
 * @arrived: workers at the gate
 * @bounded_left: workers with a bound that have not ended
 * @left: workers that have not ended
 * @bounded_done: @bounded_left is 0
 * @done: @left is 0
 * @nr: workers
 * @worker: they
 */
struct team {
	struct ktest *test;
	struct mm_struct *mm;
	unsigned long fail_one_in;
	atomic64_t allocs_tried;
	atomic64_t allocs_failed;
	u64 deadline_ns;
	struct ktest_step gate;
	atomic_t stopping;
	atomic_t arrived;
	atomic_t bounded_left;
	atomic_t left;
	struct completion bounded_done;
	struct completion done;
	unsigned int nr;
	struct team_worker worker[TEAM_MAX];
};

/**
 * team_new() - a team without workers
 * @test: the running test, whose clean-up stops and frees the team
 *
 * Context: the thread of the body; may sleep.
 * Return: the team, never NULL.
 */
struct team *team_new(struct ktest *test);

/**
 * team_add() - add workers that do the same
 * @team: a team before its team_go(), or after its team_wait() or team_stop()
 * @n: how many
 * @rounds: after so many team_goes_on() says no; TEAM_UNTIL_STOP: not by itself
 * @fn: what each does
 * @arg: for @fn
 *
 * Context: the thread of the body.
 */
void team_add(struct team *team, unsigned int n, unsigned long rounds,
	      void (*fn)(struct team_worker *me), void *arg);

/**
 * team_go() - start the workers, and let them begin together
 * @team: the team
 *
 * After team_wait() or team_stop() a team has no workers: a second run begins with
 * team_add().
 *
 * Context: may sleep.
 */
void team_go(struct team *team);

/**
 * team_goes_on() - should the worker do another round?
 * @me: the worker
 *
 * No when its rounds are done, the team is stopping, or the test has failed:
 * what follows a failure is noise.
 *
 * Context: the worker, may sleep.
 */
bool team_goes_on(struct team_worker *me);

/**
 * team_wait() - wait for all workers that have a bound, then stop the others
 * @team: after team_go()
 *
 * A worker that has not ended after @team->deadline_ns fails the test by its
 * number and function; then the team is stopped.  On return the team has no
 * workers, and new ones may be added for another run.
 *
 * Context: may sleep.
 */
void team_wait(struct team *team);

/**
 * team_stop() - end all workers before their next round, and join them
 * @team: running or not
 *
 * With the deadline of team_wait(), counted from this call.
 * Context: may sleep.
 */
void team_stop(struct team *team);

/** team_size() - two threads to a CPU, so that there is preemption too */
static inline unsigned int team_size(void)
{
	return clamp(2 * num_online_cpus(), 3U, 16U);
}

/** team_run() - a team of @n workers that do the same, from begin to end */
void team_run(struct ktest *test, unsigned int n, unsigned long rounds,
	      void (*fn)(struct team_worker *me), void *arg);

#endif
