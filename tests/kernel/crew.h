/* SPDX-License-Identifier: MIT */
/*
 * tests/kernel/crew.h - several threads that do the same thing at once
 *
 * struct crew gathers them at a gate, one to a CPU and then round again, and
 * lets them go together; crew_run() returns when all have ended.
 */
#ifndef TESTS_KERNEL_CREW_H
#define TESTS_KERNEL_CREW_H

#include <kernel/cpumask.h>
#include <kernel/errno.h>
#include <kernel/ktest.h>
#include <kernel/sched.h>

#define CREW_MAX 16

struct crew {
	struct ktest *test;
	void (*fn)(struct crew *crew, unsigned int me);
	void *arg;
	struct ktest_step gate;
	atomic_t arrived;
	atomic_t next;
};

static inline int crew_member(void *arg)
{
	struct crew *crew = arg;
	unsigned int me = (unsigned int)atomic_fetch_add(1, &crew->next);

	atomic_inc(&crew->arrived);
	step_wait(&crew->gate, 1);
	crew->fn(crew, me);
	return 0;
}

/* Runs @n threads through @fn; @n is 1 at least and CREW_MAX at most. */
static inline void crew_run(struct ktest *test, unsigned int n, void *arg,
			    void (*fn)(struct crew *crew, unsigned int me))
{
	struct crew crew = {.test = test, .fn = fn, .arg = arg};
	struct task *task[CREW_MAX];
	int cpu = -1;

	step_init(&crew.gate, test);
	for (unsigned int i = 0; i < n; i++) {
		cpu = (int)cpumask_next(cpu, &cpu_online_mask);
		if (cpu == NR_CPUS)
			cpu = (int)cpumask_first(&cpu_online_mask);
		task[i] = kthread_run_on((unsigned int)cpu, crew_member, &crew,
					 "crew/%u", i);
		if (IS_ERR(task[i])) {
			ktest_fail(test, "no memory for thread %u", i);
			n = i;
		}
	}
	KTEST_WAIT_FOR(test, atomic_read(&crew.arrived) == (int)n);
	step_signal(&crew.gate, 1);
	for (unsigned int i = 0; i < n; i++)
		kthread_join(task[i]);
}

/* Two threads to a CPU, so that there is preemption too. */
static inline unsigned int crew_size(void)
{
	return clamp(2 * num_online_cpus(), 3U, (unsigned int)CREW_MAX);
}

#endif
