// SPDX-License-Identifier: MIT
/*
 * kernel/rcu.c - grace periods
 *
 * Problem.  A reader marks nothing but its own CPU's preempt count, so the
 * remover of an object cannot ask which readers still look at it.
 *
 * Idea.  It asks every CPU instead: "be outside of a reader once".  A CPU is
 * outside whenever it switches tasks, because readers keep preemption off.  So
 * a grace period sets each CPU's rcu_need_qs and interrupts it with the wish
 * to reschedule; it obeys at once where preemption is on or it idles, else
 * when its reader ends.  A grace period so takes as long as the longest reader
 * plus an interrupt, not a tick.
 *
 *	thread rcu				other CPU
 *	takes the callbacks
 *	full barrier
 *	need_qs = 1; interrupt
 *						rcu_read_unlock()
 *						schedule(): need_qs = 0, --left
 *	left == 0: calls them
 *
 * A reader that began before the grace period is inside when the CPU is
 * asked, and the CPU cannot switch before it has ended.  One that begins
 * after is after the full barrier of the switch, or on a CPU whose interrupt
 * came later than the removal: it cannot find what was removed before.
 *
 * A callback that no thread waits for lets the thread sleep a millisecond first, so
 * that one grace period, and one switch to the thread, serves all that come meanwhile:
 * each munmap() that frees a table queues one.
 *
 *	field			read with		write with
 *	queue, queued, urgent	rcu_lock		rcu_lock
 *	rcu_need_qs		its CPU			thread rcu sets, CPU clears
 *	cpus_left		atomic			atomic
 *
 * Limit.  The CPUs are asked one after the other, each by an interrupt, and all
 * callbacks wait for one grace period at a time.
 *
 * With one CPU a thread that waits is itself the switch: nothing to ask.
 * Not here: readers that sleep (kernel/srcu.c).
 */
#include <lib/assert.h>
#include <kernel/sched/completion.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <kernel/rcu.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/sched/wait.h>
#include <arch/smp.h>

static DEFINE_SPINLOCK(rcu_lock);
/* How long a callback waits for others, and how many do not wait. */
#define RCU_BATCH_NS   1000000u
#define RCU_BATCH_MOST 256u

static struct rcu_head *queue, **queue_tail = &queue;
static unsigned int queued; /* and not yet called */
static bool urgent; /* a thread waits, or many wait: no more waiting for others */
static DECLARE_WAIT_QUEUE_HEAD(rcu_work);
static DECLARE_WAIT_QUEUE_HEAD(rcu_quiet);
static atomic_t cpus_left;

DEFINE_PER_CPU(u8, rcu_need_qs);

void rcu_report_qs(void)
{
	this_cpu_write(rcu_need_qs, 0);
	if (atomic_dec_and_test(&cpus_left))
		wake_up(&rcu_quiet);
}

static void ask(void *unused)
{
	this_cpu_write(rcu_need_qs, 1);
	set_need_resched();
}

/* Every CPU passes outside of a reader.  Thread rcu only. */
static void grace_period(void)
{
	unsigned int cpu;

	/* One for ourselves, until all were asked. */
	atomic_set(&cpus_left, 1);
	smp_mb();
	for_each_online_cpu(cpu) {
		atomic_inc(&cpus_left);
		if (smp_call_function_single(cpu, ask, NULL, SMP_NOWAIT))
			atomic_dec(&cpus_left);
	}
	if (!atomic_dec_and_test(&cpus_left))
		wait_event(&rcu_quiet, atomic_read(&cpus_left) == 0);
	smp_mb();
}

static struct rcu_head *take_queue(void)
{
	struct rcu_head *taken;
	unsigned long flags;

	spin_lock_irqsave(&rcu_lock, flags);
	taken = queue;
	queue = NULL;
	queue_tail = &queue;
	urgent = false;
	spin_unlock_irqrestore(&rcu_lock, flags);
	return taken;
}

static void count_called(unsigned int n)
{
	unsigned long flags;

	spin_lock_irqsave(&rcu_lock, flags);
	queued -= n;
	spin_unlock_irqrestore(&rcu_lock, flags);
}

static int rcu_thread(void *unused)
{
	for (;;) {
		struct rcu_head *head;

		wait_event(&rcu_work, READ_ONCE(queue) != NULL);
		wait_event_timeout_ns(&rcu_work, READ_ONCE(urgent), RCU_BATCH_NS);
		head = take_queue();
		grace_period();
		while (head) {
			struct rcu_head *next = head->next;

			count_called(1);
			head->fn(head);
			head = next;
			cond_resched();
		}
	}
	return 0;
}

enum callback_kind {
	CALLBACK_CAN_WAIT,
	CALLBACK_IS_WAITED_FOR,
};

static void queue_callback(struct rcu_head *head, enum callback_kind kind)
{
	unsigned long flags;
	bool wake;

	head->next = NULL;
	spin_lock_irqsave(&rcu_lock, flags);
	wake = !queue;
	*queue_tail = head;
	queue_tail = &head->next;
	queued++;
	if (!urgent &&
	    (kind == CALLBACK_IS_WAITED_FOR || queued >= RCU_BATCH_MOST)) {
		urgent = true;
		wake = true;
	}
	spin_unlock_irqrestore(&rcu_lock, flags);
	if (wake)
		wake_up(&rcu_work);
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	head->fn = fn;
	queue_callback(head, CALLBACK_CAN_WAIT);
}

struct rcu_waiter {
	struct rcu_head head;
	struct completion done;
};

static void waiter_done(struct rcu_head *head)
{
	complete(&container_of(head, struct rcu_waiter, head)->done);
}

void rcu_barrier(void)
{
	struct rcu_waiter waiter;

	might_sleep();
	init_completion(&waiter.done);
	waiter.head.fn = waiter_done;
	queue_callback(&waiter.head, CALLBACK_IS_WAITED_FOR);
	wait_for_completion(&waiter.done);
}

void synchronize_rcu(void)
{
	might_sleep();
	/* We stand outside of a reader, and nobody else runs. */
	if (!sched_running() || num_online_cpus() == 1) {
		smp_mb();
		return;
	}
	rcu_barrier();
}

unsigned int rcu_pending(void)
{
	return READ_ONCE(queued);
}

static int rcu_init(void)
{
	struct task *thread = kthread_run(rcu_thread, NULL, "rcu");

	if (IS_ERR(thread))
		panic("rcu: no memory for its thread");
	return 0;
}
INITCALL(INIT_CORE, rcu_init);
