// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_selftest_test.c - the self-tests of the core, in this kernel
 *
 * Problem.  tests/mm/notifier/notifier_selftest.c goes with the core into other kernels; it
 * is only worth something if it passes, and means something, in the first one.
 *
 * Idea.  Give it our threads and address spaces. Not here: what is tried.
 */
#include "notifier_fixture.h"
#include "notifier_selftest.h"

#define ROUNDS 2000

struct job {
	struct task *task;
	void (*entry)(void *arg);
	void *arg;
};

static struct ktest *running;

static int job_body(void *arg)
{
	struct job *job = arg;

	job->entry(job->arg);
	return 0;
}

static void *spawn(void (*entry)(void *arg), void *arg)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return NULL;
	job->entry = entry;
	job->arg = arg;
	job->task = kthread_run(job_body, job, "selftest");
	return job;
}

static void join(void *thread)
{
	struct job *job = thread;

	kthread_join(job->task);
	kfree(job);
}

static void failed(const char *test, const char *what, int line)
{
	ktest_fail(running, "%s:%d %s", test, line, what);
}

static const struct notifier_selftest env = {
	.mm_alloc = mm_alloc,
	.mm_exit = mmput,
	.spawn = spawn,
	.join = join,
	.relax = yield,
	.failed = failed,
	.rounds = ROUNDS,
};

KTEST(mmu_selftest, interval_subscriptions_pass_the_self_test_for_other_kernels)
{
	running = test;
	EXPECT_EQ(notifier_selftest_intervals(&env), 0U);
}

KTEST(mmu_selftest, plain_subscriptions_pass_the_self_test_for_other_kernels)
{
	running = test;
	EXPECT_EQ(notifier_selftest_plain(&env), 0U);
}
