// SPDX-License-Identifier: MIT
/*
 * tests/ktest/team.c - several threads that work against each other for a test
 *
 * Problem.  Tests of races need threads that begin together, draw their own
 * numbers, and end.  A test that makes them by hand forgets one of these: its
 * failure cannot be replayed, or a worker that never ends hangs the run, or a
 * REQUIRE that fails leaves threads running into the next test.
 *
 * Idea.  A worker goes through these states:
 *
 *	added		has its function, its bound and its numbers
 *	gathering	has a thread, waits at the gate
 *	running		asks team_goes_on() before each round
 *	ended		its function has returned; its thread is not yet joined
 *
 * team_wait() has two waits with one deadline each:
 *
 *	wait for			then
 *	workers with a bound		stopping = 1
 *	all workers			join each
 *
 * A wait that is not over by its deadline fails the test with the number, the
 * function and the round of each worker that still runs, and goes on.  So the
 * join may wait for ever, for a worker that is stuck in the code under test:
 * that is what KTEST_RESCUE() and the test's own deadline are for.
 *
 *	field			read with	written with
 *	worker->rng, round	its own thread	the same; round also by reports
 *	worker->ended		atomic		atomic, by its own thread
 *	worker->task		the body	the body
 *	stopping, *left		atomic		atomic
 *
 * Lifetime: a worker's last use of the team is complete_all(); the body joins
 * its thread before the team is used again or freed.
 */
#include <mm/alloc/alloc.h>
#include <lib/cpumask.h>
#include <lib/panic.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <mm/alloc/fail.h>
#include <mm/space/mm.h>

#include "ktest_private.h"
#include "team.h"

/* One less than round 0. */
#define BEFORE_THE_FIRST (~0UL)

static void free_team(void *arg)
{
	team_stop(arg);
	kfree(arg);
}

struct team *team_new(struct ktest *test)
{
	struct team *team = kzalloc(sizeof(*team), GFP_KERNEL | __GFP_NOFAIL);

	team->test = test;
	team->deadline_ns = ktest_deadline_ns(test->tcase) / 4 * 3;
	ktest_cleanup(test, free_team, team);
	return team;
}

void team_add(struct team *team, unsigned int n, unsigned long rounds,
	      void (*fn)(struct team_worker *me), void *arg)
{
	BUG_ON(team->nr + n > TEAM_MAX);
	while (n--) {
		team->worker[team->nr] = (struct team_worker){
			.team = team,
			.test = team->test,
			.number = team->nr,
			.rng = rng_init(rng_next(ktest_rng(team->test))),
			.arg = arg,
			.round = BEFORE_THE_FIRST,
			.rounds = rounds,
			.fn = fn,
		};
		team->nr++;
	}
}

/* Which attempts fail follows from the worker's numbers, as all it does. */
static void work(struct team_worker *me)
{
	struct team *team = me->team;
	struct alloc_fail_counts counts;

	if (team->fail_one_in)
		alloc_fail_one_in(team->fail_one_in, rng_next(&me->rng));
	me->fn(me);
	counts = alloc_fail_end();
	atomic64_add((s64)counts.attempts, &team->allocs_tried);
	atomic64_add((s64)counts.failed, &team->allocs_failed);
}

static int worker_main(void *arg)
{
	struct team_worker *me = arg;
	struct team *team = me->team;

	if (team->mm)
		kthread_use_mm(team->mm);
	atomic_inc(&team->arrived);
	step_wait(&team->gate, 1);
	work(me);
	if (team->mm)
		kthread_unuse_mm(team->mm);
	atomic_set(&me->ended, 1);
	if (me->rounds != TEAM_UNTIL_STOP &&
	    atomic_dec_and_test(&team->bounded_left))
		complete_all(&team->bounded_done);
	if (atomic_dec_and_test(&team->left))
		complete_all(&team->done);
	return 0;
}

/* One to a CPU, then round again. */
static unsigned int cpu_of(unsigned int number)
{
	unsigned int nth = number % num_online_cpus();
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (!nth--)
			return cpu;
	}
	return cpumask_first(&cpu_online_mask);
}

/* Without a thread there is no worker, and none after it. */
static void start_worker(struct team_worker *worker)
{
	struct task *task;

	task = kthread_run_on(cpu_of(worker->number), worker_main, worker,
			      "team/%u", worker->number);
	if (IS_ERR(task))
		panic("ktest: no memory for worker %u", worker->number);
	worker->task = task;
}

void team_go(struct team *team)
{
	unsigned int i, bounded = 0;

	for (i = 0; i < team->nr; i++)
		bounded += team->worker[i].rounds != TEAM_UNTIL_STOP;
	step_init(&team->gate, team->test);
	init_completion(&team->bounded_done);
	init_completion(&team->done);
	atomic_set(&team->stopping, 0);
	atomic_set(&team->arrived, 0);
	atomic_set(&team->bounded_left, (int)bounded);
	atomic_set(&team->left, (int)team->nr);
	for (i = 0; i < team->nr; i++)
		start_worker(&team->worker[i]);
	KTEST_WAIT_FOR(team->test, atomic_read(&team->arrived) == (int)team->nr);
	step_signal(&team->gate, 1);
}

bool team_goes_on(struct team_worker *me)
{
	if (atomic_read(&me->team->stopping) || ktest_failed(me->test) ||
	    (me->rounds != TEAM_UNTIL_STOP && me->round + 1 == me->rounds))
		return false;
	cond_resched();
	WRITE_ONCE(me->round, me->round + 1);
	return true;
}

/* False, with the test failed, when the deadline came first. */
static bool ended_in_time(struct team *team, struct completion *over,
			  bool with_unbounded)
{
	unsigned int i;

	if (wait_for_completion_timeout_ns(over, team->deadline_ns))
		return true;
	for (i = 0; i < team->nr; i++) {
		struct team_worker *worker = &team->worker[i];

		if (atomic_read(&worker->ended) ||
		    (worker->rounds == TEAM_UNTIL_STOP && !with_unbounded))
			continue;
		ktest_fail(
			team->test,
			"worker %u (%pS) has not ended in %lu ms, after %lu rounds",
			i, (void *)worker->fn, team->deadline_ns / NSEC_PER_MSEC,
			READ_ONCE(worker->round) + 1);
	}
	return false;
}

static bool is_running(const struct team *team)
{
	return team->nr && team->worker[0].task;
}

void team_stop(struct team *team)
{
	unsigned int i;

	if (is_running(team)) {
		atomic_set(&team->stopping, 1);
		ended_in_time(team, &team->done, true);
		for (i = 0; i < team->nr; i++)
			kthread_join(team->worker[i].task);
	}
	team->nr = 0;
}

void team_wait(struct team *team)
{
	if (is_running(team) && atomic_read(&team->bounded_left))
		ended_in_time(team, &team->bounded_done, false);
	team_stop(team);
}

void team_run(struct ktest *test, unsigned int n, unsigned long rounds,
	      void (*fn)(struct team_worker *me), void *arg)
{
	struct team *team = team_new(test);

	team_add(team, n, rounds, fn, arg);
	team_go(team);
	team_wait(team);
	ktest_cleanup_now(test, team);
}
