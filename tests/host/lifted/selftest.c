// SPDX-License-Identifier: MIT
/*
 * tests/host/lifted/selftest.c - the core's self-tests in another kernel
 *
 * Problem.  docs/lifting.md says that the core can be taken whole, with the checks
 * of a debug build, or with neither statistics nor plain subscriptions. Each of
 * these must link and run.
 *
 * Idea.  One program, linked three ways, that gives Tiny's tasks to the self-tests.
 * They run in a task themselves: outside of every task there is nobody to wait for.
 *
 * Where plain subscriptions are left out their self-test is left out too: its
 * symbol is weak here. Not here: what is tried (tests/mm/notifier/notifier_selftest.c).
 */
#include <stdio.h>
#include <mm/notifier/env.h>
#include "notifier_selftest.h"
#include "tiny_test.h"

#define JOBS 16

unsigned int notifier_selftest_plain(const struct notifier_selftest *env)
	__attribute__((weak));

struct job {
	void (*entry)(void *arg);
	void *arg;
	bool done;
};

static struct job jobs[JOBS];
static int nr_jobs, freed;
static unsigned int interval_failures, plain_failures;

static struct mm_struct *mm_alloc(void)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));

	BUG_ON(!mm);
	mm->mm_users.counter = 1;
	mm->mm_count.counter = 1;
	mmu_notifier_subscriptions_init(mm);
	return mm;
}

static void mm_exit(struct mm_struct *mm)
{
	atomic_dec_and_test(&mm->mm_users);
	mmu_notifier_release(mm);
	mmu_notifier_check_exit(mm);
	mmdrop(mm);
}

void tiny_mm_free(struct mm_struct *gone)
{
	mmu_notifier_subscriptions_destroy(gone);
	free(gone);
	freed++;
}

static void run_job(void *arg)
{
	struct job *job = arg;

	job->entry(job->arg);
	job->done = true;
}

static void *spawn(void (*entry)(void *arg), void *arg)
{
	struct job *job = &jobs[nr_jobs++];

	BUG_ON(nr_jobs > JOBS);
	*job = (struct job){.entry = entry, .arg = arg};
	tiny_spawn(run_job, job);
	return job;
}

static void join(void *thread)
{
	struct job *job = thread;

	while (!job->done)
		tiny_yield();
}

static void failed(const char *test, const char *what, int line)
{
	printf("# FAIL %s:%d %s\n", test, line, what);
}

static const struct notifier_selftest env = {
	.mm_alloc = mm_alloc,
	.mm_exit = mm_exit,
	.spawn = spawn,
	.join = join,
	.relax = tiny_yield,
	.failed = failed,
	.rounds = 10000,
};

static void run_all(void *unused)
{
	interval_failures = notifier_selftest_intervals(&env);
	if (notifier_selftest_plain)
		plain_failures = notifier_selftest_plain(&env);
}

static int results, wrong;

static void result(bool ok, const char *name)
{
	results++;
	wrong += !ok;
	printf("%s %d %s\n", ok ? "ok" : "not ok", results, name);
}

int main(void)
{
	printf("TAP version 13\n1..%d\n", notifier_selftest_plain ? 4 : 3);
	tiny_spawn(run_all, NULL);
	tiny_run();
	result(!interval_failures, "intervals");
	if (notifier_selftest_plain)
		result(!plain_failures, "plain");
	result(freed == (notifier_selftest_plain ? 2 : 1),
	       "each_mm_is_freed_in_the_end");
	result(!tiny_warnings(), "nobody_warned");
	return wrong != 0;
}
