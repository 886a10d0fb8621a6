// SPDX-License-Identifier: MIT
/*
 * kernel/sched/sched.c - which task runs where
 *
 * Idea.  Each CPU has a queue of runnable tasks, ordered by virtual runtime:
 * the time a task has had.  The one that had least runs next, until it has
 * had GRANULE more than the first in the queue.  A task that slept comes back
 * at most SLEEP_CREDIT before the others: soon, but it cannot save up.
 *
 * States of a task (state, on_queue, on_cpu):
 *
 *	RUNNING	yes	yes	runs; not in the heap, its CPU's rq->curr
 *	RUNNING	yes	no	waits in the heap of rq(task->cpu)
 *	asleep	yes	yes	has announced a sleep, still runs
 *	asleep	no	yes	is being switched out; rq->lock is held
 *	asleep	no	no	sleeps
 *	NEW	no	no	never ran
 *	DEAD	no	no	never runs again; may be freed
 *
 *	field			read with		write with
 *	rq->*			rq->lock		rq->lock
 *	rq->nr_running, ->curr	also without, as a hint
 *	task->on_queue, ->cpu	rq(task->cpu)->lock	the same
 *	task->state		see the race		the task; a waker with
 *							wake_lock, to RUNNING;
 *							DEAD: with wake_lock
 *	task->on_cpu		rq->lock; a hint without its CPU, with rq->lock
 *
 * Order: task->wake_lock, then one rq->lock.  A second rq->lock is only ever
 * tried.  All are raw: the validator needs current, which is theirs.
 *
 * The race it must win, lost wake-ups (tests/kernel/sched/sched_test.c,
 * a_wakeup_between_check_and_sleep_is_not_lost):
 *
 *	sleeper				waker
 *	state = asleep; full barrier
 *	condition? no
 *					condition = true; full barrier
 *					state asleep? yes: takes rq->lock,
 *					on_queue: state = RUNNING
 *	schedule(): takes rq->lock,
 *	state RUNNING: stays queued
 *
 * When the sleeper comes first to rq->lock it is off the queue, and the waker puts
 * it on one.  A waker never meets a task whose registers are not saved yet: a
 * switch holds rq->lock from choosing the next task until that one stands on its
 * own stack (finish_switch()), and the waker looks at on_queue with that lock.
 * tests/model/wakeup.pml searches both.
 *
 * A second one, between a late waker and the end of a thread.  The waker looks
 * at the state once and stores RUNNING later; the thread may have found its
 * condition true by itself in between.  One that goes on, or sleeps again, is
 * only woken for nothing, which every sleep must bear.  DEAD must not be
 * overwritten, so it is stored with wake_lock held
 * (a_late_wakeup_does_not_revive_a_dead_thread):
 *
 *	thread				waker (kthread_stop(), task_kill())
 *	state = asleep
 *					takes wake_lock; state asleep? yes
 *	condition? yes: state = RUNNING
 *	returns; waits for wake_lock
 *					state = RUNNING; lets wake_lock go
 *	state = DEAD; switched out
 *	nobody stores the state again
 *
 * Another CPU is asked to reschedule by an interrupt; nobody but the CPU
 * writes its preempt_word.  Idle CPUs halt; `sti; hlt` leaves no gap for the
 * interrupt to fall into.
 *
 * Lifetime: kernel/sched/kthread.c.  Not here: which CPU a task runs on
 * (kernel/sched/place.c), timed sleeps (kernel/sched/sleep.c), address spaces, beyond
 * telling the MMU which one comes next.
 */
#include <lib/assert.h>
#include <lib/errno.h>
#include <kernel/rcu.h>
#include <kernel/sched/sched.h>
#include <kernel/switch.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <kernel/timer.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <arch/upcall.h>

#include "internal.h"

#define GRANULE       (3 * NSEC_PER_MSEC)
#define WAKE_GRANULE  (1 * NSEC_PER_MSEC)
#define SLEEP_CREDIT  (3 * NSEC_PER_MSEC)
#define BALANCE_TICKS 8

enum why {
	WHY_SLEEP,   /* the task wants to leave, or not mind */
	WHY_PREEMPT, /* its state does not count */
	WHY_YIELD,   /* another task first, if there is one */
};

DEFINE_TRACE_EVENT(sched_switch, "prev next state", "from %lu to %lu, state %lx");
DEFINE_TRACE_EVENT(sched_wake, "task cpu", "task %lu on cpu%lu");

DEFINE_PER_CPU_ALIGNED(struct rq, runqueue);
struct cpumask idle_mask;

void (*sched_late_waker_hook)(struct task *task);

static struct task *run_node_task(struct heap_node *node)
{
	return container_of(node, struct task, run_node);
}

/* Charge the running task, and let the queue's time go on. */
static void account(struct rq *rq)
{
	struct task *curr = rq->curr;
	u64 now = clock_ns();
	u64 ran = now - curr->exec_start;
	u64 least;

	curr->exec_start = now;
	if (curr == rq->idle || (s64)ran < 0)
		return;
	curr->exec_sum += ran;
	curr->vruntime += ran;
	least = curr->vruntime;
	if (!heap_empty(&rq->queue) &&
	    (s64)(heap_first(&rq->queue)->key - least) < 0)
		least = heap_first(&rq->queue)->key;
	if ((s64)(least - rq->min_vruntime) > 0)
		rq->min_vruntime = least;
}

static void resched(struct rq *rq)
{
	if (rq->cpu == smp_processor_id())
		set_need_resched();
	else
		smp_send_reschedule(rq->cpu);
}

static void check_preempt(struct rq *rq, struct task *task)
{
	if (rq->curr == rq->idle ||
	    (s64)(rq->curr->vruntime - task->vruntime) > (s64)WAKE_GRANULE)
		resched(rq);
}

/* @task is off every queue and CPU, and the caller's alone. */
static void activate(struct rq *rq, struct task *task)
{
	u64 earliest;

	if (task->cpu != rq->cpu)
		task->vruntime += rq->min_vruntime -
				  READ_ONCE(cpu_rq(task->cpu)->min_vruntime);
	earliest = rq->min_vruntime - SLEEP_CREDIT;
	if ((s64)(task->vruntime - earliest) < 0)
		task->vruntime = earliest;
	WRITE_ONCE(task->cpu, rq->cpu);
	task->on_queue = true;
	queue_task(rq, task);
	WRITE_ONCE(rq->nr_running, rq->nr_running + 1);
	check_preempt(rq, task);
}

static struct rq *lock_task_rq(struct task *task)
{
	for (;;) {
		unsigned int cpu = READ_ONCE(task->cpu);
		struct rq *rq = cpu_rq(cpu);

		raw_spin_acquire(&rq->lock);
		if (likely(READ_ONCE(task->cpu) == cpu))
			return rq;
		raw_spin_release(&rq->lock);
	}
}

/* ---- the switch -------------------------------------------------------- */

/* First thing on the next task's stack: the previous one is wholly saved. */
static void finish_switch(void)
{
	struct rq *rq = this_rq();
	struct task *prev = rq->prev;
	bool dead = prev->state == TASK_DEAD;

	WRITE_ONCE(prev->on_cpu, false);
	raw_spin_release(&rq->lock);
	if (unlikely(dead))
		complete(&prev->exited);
}

void sched_task_entered(void)
{
	finish_switch();
	local_irq_enable();
	preempt_enable();
}

static bool wants_to_leave(struct task *task)
{
	if (likely(task->state == TASK_RUNNING))
		return false;
	if ((task->state & (TASK_KILLABLE | TASK_INTERRUPTIBLE)) &&
	    fatal_signal_pending(task)) {
		task->state = TASK_RUNNING;
		return false;
	}
	return true;
}

/* Take the next task off the queue.  rq->lock held. */
static struct task *pick_next(struct rq *rq)
{
	struct task *next;

	if (heap_empty(&rq->queue))
		sched_pull(rq);
	if (heap_empty(&rq->queue))
		return rq->idle;
	next = run_node_task(heap_first(&rq->queue));
	unqueue_task(rq, next);
	return next;
}

/* Take any task off the queue, which has more than @n.  rq->lock held. */
static struct task *pick_nth(struct rq *rq, unsigned int n)
{
	struct task *next;

	list_for_each_entry(next, &rq->queued, run_entry)
		if (!n--)
			break;
	unqueue_task(rq, next);
	return next;
}

/* Choose the task after @prev; @prev is back on the queue if it may run. */
static struct task *choose(struct rq *rq, struct task *prev, enum why why)
{
	struct task *next;
	unsigned int n;

	if (prev == rq->idle)
		return pick_next(rq);
	if (why != WHY_PREEMPT && wants_to_leave(prev)) {
		prev->on_queue = false;
		WRITE_ONCE(rq->nr_running, rq->nr_running - 1);
		return pick_next(rq);
	}
	/* The queue has all that run here but @prev. */
	if (switch_chooses(rq->nr_running - 1, &n)) {
		next = pick_nth(rq, n);
		queue_task(rq, prev);
		return next;
	}
	if (heap_empty(&rq->queue))
		return prev;
	if (why != WHY_YIELD) {
		queue_task(rq, prev);
		return pick_next(rq);
	}
	next = pick_next(rq);
	if ((s64)(next->vruntime - prev->vruntime) > 0)
		prev->vruntime = next->vruntime;
	queue_task(rq, prev);
	return next;
}

/*
 * A waker that claimed this CPU has cleared its bit already.  A CPU that finds
 * nothing to run after all, because another took the task, sets it again.
 */
static void note_idle(struct rq *rq, struct task *next)
{
	bool idle = next == rq->idle;

	if (cpumask_test_cpu(rq->cpu, &idle_mask) == idle)
		return;
	if (idle)
		cpumask_set_cpu(rq->cpu, &idle_mask);
	else
		cpumask_clear_cpu(rq->cpu, &idle_mask);
}

/*
 * Leave the running task for the one that is due.  Interrupts are off and
 * preempt_count() is exactly 1, before and after.
 */
static void switch_tasks(enum why why)
{
	struct task *prev = current;
	struct rq *rq = this_rq();
	struct task *next;

	/* May wake a task, so before the queue is locked. */
	rcu_note_qs();
	raw_spin_acquire(&rq->lock);
	clear_need_resched();
	account(rq);
	next = choose(rq, prev, why);
	next->exec_start = prev->exec_start;
	note_idle(rq, next);
	if (next == prev) {
		raw_spin_release(&rq->lock);
		return;
	}
	rq->curr = next;
	rq->prev = prev;
	next->switches++;
	WRITE_ONCE(next->on_cpu, true);
	OBSERVE(sched_switch, prev->pid, next->pid, READ_ONCE(prev->state));
	if (prev->active_ctx != next->active_ctx)
		arch_switch_mm(next->active_ctx);
	this_cpu_write(current_task, next);
	arch_task_switch(&prev->arch, &next->arch);
	/* Another CPU maybe; prev is the task that ran here before us. */
	finish_switch();
}

static void schedule_why(enum why why)
{
	do {
		preempt_disable();
		local_irq_disable();
		switch_tasks(why);
		local_irq_enable();
		preempt_enable_no_resched();
		why = WHY_PREEMPT;
	} while (need_resched());
}

void schedule(void)
{
	lockdep_note_schedule();
	ASSERT(preempt_count() == 0 && !irqs_disabled());
	schedule_why(WHY_SLEEP);
}

void yield(void)
{
	might_sleep();
	schedule_why(WHY_YIELD);
}

void preempt_schedule(void)
{
	if (preempt_count() || irqs_disabled())
		return;
	schedule_why(WHY_PREEMPT);
}

void cond_resched_slow(void)
{
	preempt_schedule();
}

void upcall_preempt_irq(void)
{
	while (need_resched() && !preempt_count()) {
		preempt_disable();
		switch_tasks(WHY_PREEMPT);
		preempt_enable_no_resched();
	}
}

void sched_task_leave(void)
{
	preempt_disable();
	local_irq_disable();
	/* A waker that found us asleep has stored RUNNING before this is ours. */
	raw_spin_acquire(&current->wake_lock);
	WRITE_ONCE(current->state, TASK_DEAD);
	raw_spin_release(&current->wake_lock);
	switch_tasks(WHY_SLEEP);
	panic("sched: a dead task runs");
}

/* ---- waking ------------------------------------------------------------ */

void sched_late_waker_call(struct task *task)
{
	void (*hook)(struct task *) = READ_ONCE(sched_late_waker_hook);

	if (hook)
		hook(task);
}

/* wake_lock held, interrupts off.  Return: false when there is no need to. */
static bool wake_locked(struct task *task, unsigned int states)
{
	bool is_new = task->state == TASK_NEW;
	struct rq *rq;

	/* Taking wake_lock was the full barrier before this look. */
	if (!(READ_ONCE(task->state) & states))
		return false;
	sched_test_late_waker(task);
	rq = lock_task_rq(task);
	if (task->on_queue) {
		WRITE_ONCE(task->state, TASK_RUNNING);
		raw_spin_release(&rq->lock);
		return true;
	}
	/* Its switch held this lock until its registers were saved. */
	ASSERT(!task->on_cpu);
	raw_spin_release(&rq->lock);
	WRITE_ONCE(task->state, TASK_RUNNING);
	rq = cpu_rq(sched_place(task, is_new ? PLACE_NEW : PLACE_WOKEN));
	raw_spin_acquire(&rq->lock);
	OBSERVE(sched_wake, task->pid, rq->cpu);
	activate(rq, task);
	raw_spin_release(&rq->lock);
	return true;
}

bool wake_up_state(struct task *task, unsigned int states) __no_thread_safety
{
	unsigned long flags;
	bool woken;

	raw_spin_lock_irqsave(&task->wake_lock, flags);
	woken = wake_locked(task, states);
	raw_spin_unlock_irqrestore(&task->wake_lock, flags);
	return woken;
}

bool wake_up_process(struct task *task)
{
	return wake_up_state(task, TASK_NORMAL | TASK_NEW);
}

void task_kill(struct task *task)
{
	atomic_or(TASK_FLAG_KILLED, &task->flags);
	wake_up_state(task, TASK_KILLABLE | TASK_INTERRUPTIBLE);
}

bool task_is_sleeping(struct task *task)
{
	unsigned long flags;
	struct rq *rq;
	bool asleep;

	local_irq_save(flags);
	preempt_disable();
	rq = lock_task_rq(task);
	asleep = !task->on_queue && !READ_ONCE(task->on_cpu) &&
		 (task->state & TASK_NORMAL);
	raw_spin_release(&rq->lock);
	local_irq_restore(flags);
	preempt_enable();
	return asleep;
}

/* ---- time -------------------------------------------------------------- */

void scheduler_tick(void)
{
	struct rq *rq = this_rq();

	raw_spin_acquire(&rq->lock);
	account(rq);
	if (rq->curr == rq->idle || ++rq->ticks % BALANCE_TICKS == 0)
		sched_pull(rq);
	if (!heap_empty(&rq->queue) &&
	    (rq->curr == rq->idle ||
	     (s64)(rq->curr->vruntime - heap_first(&rq->queue)->key) >
		     (s64)GRANULE))
		set_need_resched();
	raw_spin_release(&rq->lock);
}

void upcall_timer_tick(void)
{
	timers_run();
	scheduler_tick();
}

/* ---- beginning --------------------------------------------------------- */

static void __noreturn idle_loop(void)
{
	for (;;) {
		local_irq_disable();
		while (!need_resched()) {
			arch_safe_halt();
			local_irq_disable();
		}
		switch_tasks(WHY_SLEEP);
	}
}

static void rq_init(unsigned int cpu, struct task *idle)
{
	struct rq *rq = cpu_rq(cpu);

	rq->cpu = cpu;
	rq->idle = idle;
	rq->curr = idle;
	INIT_LIST_HEAD(&rq->queued);
	atomic_or(TASK_FLAG_IDLE, &idle->flags);
	idle->cpu = cpu;
	idle->on_cpu = true;
	idle->on_queue = true;
	idle->exec_start = clock_ns();
	per_cpu(current_task, cpu) = idle;
}

void sched_init(void)
{
	task_init(&boot_task, "idle/0", 0);
	rq_init(0, &boot_task);
}

void sched_start(void)
{
	WRITE_ONCE(sched_is_running, true);
	set_need_resched();
	idle_loop();
}

void *sched_idle_stack(unsigned int cpu)
{
	char name[TASK_NAME_LEN];
	struct task *idle;

	snprintf(name, sizeof(name), "idle/%u", cpu);
	idle = kthread_create(NULL, NULL, "%s", name);
	if (IS_ERR(idle))
		return NULL;
	kernel_stack_set_kind(idle->stack, STACK_IDLE);
	idle->state = TASK_RUNNING;
	idle->allowed = cpumask_of(cpu);
	rq_init(cpu, idle);
	return idle->stack;
}

void upcall_secondary_cpu(void)
{
	cpumask_set_cpu(smp_processor_id(), &idle_mask);
	idle_loop();
}
