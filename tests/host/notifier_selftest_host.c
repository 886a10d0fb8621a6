// SPDX-License-Identifier: MIT
/*
 * tests/host/notifier_selftest_host.c - the self-tests of the core, by pthreads
 *
 * Problem.  tests/mm/notifier/notifier_selftest.c is for kernels that have taken the core
 * over. It must be right itself, on several CPUs, before anybody relies on it.
 *
 * Idea.  Run it under the sanitizers, which see races of its own as well. Options:
 * ROUNDS=n changes for each thread of the stress. Not here: what is tried.
 */
#include <sched.h>
#include "host.h"
#include "tests/mm/notifier/notifier_selftest.h"

struct job {
	pthread_t thread;
	void (*entry)(void *arg);
	void *arg;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->entry(job->arg);
	return NULL;
}

static void *spawn(void (*entry)(void *arg), void *arg)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		return NULL;
	*job = (struct job){.entry = entry, .arg = arg};
	if (!pthread_create(&job->thread, NULL, run_job, job))
		return job;
	free(job);
	return NULL;
}

static void join(void *thread)
{
	struct job *job = thread;

	pthread_join(job->thread, NULL);
	free(job);
}

static void relax(void)
{
	sched_yield();
}

static void mm_exit(struct mm_struct *mm)
{
	host_mm_exit(mm);
	mmdrop(mm);
}

static void failed(const char *test, const char *what, int line)
{
	printf("# FAIL %s:%d %s\n", test, line, what);
}

int main(int argc, char **argv)
{
	const struct notifier_selftest env = {
		.mm_alloc = host_mm_alloc,
		.mm_exit = mm_exit,
		.spawn = spawn,
		.join = join,
		.relax = relax,
		.failed = failed,
		.rounds = host_option(argc, argv, "ROUNDS", 10000),
	};

	host_plan(3);
	host_result(!notifier_selftest_intervals(&env), "intervals");
	host_result(!notifier_selftest_plain(&env), "plain");
	host_result(!warn_count() && !mmu_notifier_nr_subscriptions(),
		    "nothing_is_left_and_nobody_warned");
	return host_verdict();
}
