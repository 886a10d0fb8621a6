/* SPDX-License-Identifier: MIT */
/*
 * kernel/sched/internal.h - the run queues, for sched.c and place.c
 *
 * kernel/sched/sched.c has the states of a task and the table of what guards what.
 * Interrupts are off wherever one of these is called.
 */
#ifndef KERNEL_SCHED_INTERNAL_H
#define KERNEL_SCHED_INTERNAL_H

#include <lib/cpumask.h>
#include <lib/heap.h>
#include <lib/list.h>
#include <lib/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>

/** struct rq - what one CPU has to run */
struct rq {
	struct raw_spinlock lock;
	unsigned int cpu;
	unsigned int nr_running; /* curr, unless idle, and the queued */
	struct task *curr;
	struct task *idle;
	struct task *prev; /* during a switch: the task being left */
	struct heap queue;
	struct list_head queued; /* the same tasks, to look through */
	u64 min_vruntime;
	unsigned int ticks;
};

DECLARE_PER_CPU_ALIGNED(struct rq, runqueue);

/* CPUs that run their idle task and that no waker has claimed.  Atomic. */
extern struct cpumask idle_mask;

static inline struct rq *cpu_rq(unsigned int cpu)
{
	return per_cpu_ptr(&runqueue, cpu);
}

static inline struct rq *this_rq(void)
{
	return this_cpu_ptr(&runqueue);
}

/* rq->lock held, as for all that changes a queue. */
static inline void queue_task(struct rq *rq, struct task *task)
{
	heap_add(&rq->queue, &task->run_node, task->vruntime);
	list_add_tail(&task->run_entry, &rq->queued);
}

static inline void unqueue_task(struct rq *rq, struct task *task)
{
	heap_del(&rq->queue, &task->run_node);
	list_del(&task->run_entry);
}

enum placing {
	PLACE_WOKEN, /* best where it ran last */
	PLACE_NEW,   /* it ran nowhere yet */
};

/*
 * Which CPU shall run @task, which becomes runnable?  Claims an idle CPU, so the
 * caller must queue the task there.  task->wake_lock held.
 */
unsigned int sched_place(struct task *task, enum placing placing);

/* Take a waiting task from another CPU's queue.  rq->lock held. */
void sched_pull(struct rq *rq);

#endif
