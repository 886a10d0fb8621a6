// SPDX-License-Identifier: MIT
/*
 * kernel/sched/place.c - which CPU a runnable task runs on
 *
 * Problem.  No CPU should idle while a task waits on another.  A waker knows of
 * idle CPUs by idle_mask alone, and an idle CPU leaves that mask only when it
 * switches: two wake-ups in a row could both choose the same one.
 *
 * Idea.  A waker claims: it takes the CPU out of idle_mask by one atomic
 * instruction, and only the waker that cleared the bit queues there.
 *
 *	waker 1				waker 2
 *	sees CPU 3 idle			sees CPU 3 idle
 *	clears bit 3: was set
 *					clears bit 3: was clear already
 *	queues on CPU 3			takes the next idle CPU
 *
 * (tests/kernel/sched/place_test.c, wakeups_in_a_row_claim_different_cpus)
 *
 * A CPU without work takes a waiting task: when it runs out of work, and at each
 * tick while it idles.  The second look is for a task that was queued on a busy
 * CPU just before this one became idle; such a task waits one tick at most.  A busy
 * CPU looks every BALANCE_TICKS.  The longest queue is asked first; if all that
 * wait there may not run here, the next longest is asked.
 *
 *	field		read with		write with
 *	idle_mask	atomic, as a hint	atomic: its CPU, and one waker
 *	rq->nr_running	as a hint		rq->lock
 *	queues		both rq->locks		both rq->locks
 *
 * A second rq->lock is only tried: a CPU that fails looks again later.
 *
 * Limits.  The choice walks all CPUs and the tasks of a queue, one by one.  That
 * is right for 64 CPUs and queues of some tens of tasks.
 */
#include <kernel/sched/sched.h>

#include "internal.h"

bool sched_claim_cpu(struct cpumask *idle, u64 allowed, unsigned int best,
		     unsigned int *cpu)
{
	struct cpumask left = {READ_ONCE(idle->bits) & allowed};

	while (!cpumask_empty(&left)) {
		*cpu = cpumask_test_cpu(best, &left) ? best
						     : cpumask_first(&left);
		if (cpumask_test_and_clear_cpu(*cpu, idle))
			return true;
		left.bits &= ~(1ULL << *cpu);
	}
	return false;
}

static unsigned int shortest_queue(u64 allowed)
{
	struct cpumask mask = {allowed};
	unsigned int cpu, best = cpumask_first(&mask);

	for_each_cpu(cpu, &mask)
		if (READ_ONCE(cpu_rq(cpu)->nr_running) <
		    READ_ONCE(cpu_rq(best)->nr_running))
			best = cpu;
	return best;
}

unsigned int sched_place(struct task *task, enum placing placing)
{
	u64 allowed = task->allowed.bits & READ_ONCE(cpu_online_mask.bits);
	unsigned int last = task->cpu;
	unsigned int cpu;

	if (unlikely(!allowed))
		return last;
	if (sched_claim_cpu(&idle_mask, allowed, last, &cpu))
		return cpu;
	if (placing == PLACE_NEW || !((allowed >> last) & 1))
		return shortest_queue(allowed);
	return last;
}

/* The longest of the queues in @left that are worth taking from. */
static struct rq *busiest_of(const struct cpumask *left, const struct rq *rq)
{
	struct rq *busiest = NULL;
	unsigned int cpu;

	for_each_cpu(cpu, left) {
		struct rq *other = cpu_rq(cpu);
		unsigned int nr = READ_ONCE(other->nr_running);

		if (nr >= rq->nr_running + 2 &&
		    (!busiest || nr > READ_ONCE(busiest->nr_running)))
			busiest = other;
	}
	return busiest;
}

static struct task *first_that_may_run_on(unsigned int cpu, struct rq *from)
{
	struct task *task;

	list_for_each_entry(task, &from->queued, run_entry)
		if (cpumask_test_cpu(cpu, &task->allowed))
			return task;
	return NULL;
}

/* Both locks held. */
static void move_task(struct task *task, struct rq *from, struct rq *to)
{
	unqueue_task(from, task);
	WRITE_ONCE(from->nr_running, from->nr_running - 1);
	task->vruntime += to->min_vruntime - from->min_vruntime;
	WRITE_ONCE(task->cpu, to->cpu);
	queue_task(to, task);
	WRITE_ONCE(to->nr_running, to->nr_running + 1);
}

void sched_pull(struct rq *rq)
{
	struct cpumask left = {READ_ONCE(cpu_online_mask.bits)};
	struct task *task = NULL;
	struct rq *from;

	left.bits &= ~(1ULL << rq->cpu);
	while (!task && (from = busiest_of(&left, rq))) {
		left.bits &= ~(1ULL << from->cpu);
		if (!raw_spin_try_acquire(&from->lock))
			continue;
		task = first_that_may_run_on(rq->cpu, from);
		if (task)
			move_task(task, from, rq);
		raw_spin_release(&from->lock);
	}
}
