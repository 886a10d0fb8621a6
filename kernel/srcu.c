// SPDX-License-Identifier: MIT
/*
 * kernel/srcu.c - grace periods for readers that sleep
 *
 * Problem.  A reader may sleep for long, so CPUs cannot be asked; readers must
 * be counted.  With one count, new readers could keep it above zero for ever.
 *
 * Idea.  Two counts, and an index that says which one new readers use.  A
 * grace period waits until the unused count is zero (readers that loaded the
 * index long ago and were slow to count themselves), flips the index, and
 * waits for the other count, which nobody new uses.
 *
 *	phase		waits for			then
 *	IDLE		callbacks			DRAIN_SPARE
 *	DRAIN_SPARE	readers[!idx] == 0		flips idx, DRAIN_USED
 *	DRAIN_USED	readers[!idx] == 0		calls them; IDLE
 *
 * Why it is right.  Call R a reader and U an update before call_srcu():
 *
 *	R: readers[i] += 2 (full barrier); reads the structure
 *	U: changes the structure; full barrier; reads readers[i]
 *
 * If U's look at readers[i] comes before R's add, then, both sides having a
 * full barrier in between, R reads the changed structure: R is not one to wait
 * for.  Otherwise U's look sees R until R has ended.  So it suffices that
 * after U each count is seen to be zero once; flipping is only needed for that
 * to happen soon.  Two looks at two words do for a reader too, for it stays
 * in one word.  Hence the short way of synchronize_srcu(): both zero, done.
 *
 * Nobody polls.  The period marks the count it waits for with bit 0; the
 * reader whose leaving makes it zero clears the mark in the same exchange, so
 * exactly one reader does, and that one queues the work that goes on.  It may
 * touch the domain then, because the period cannot end without it; a reader
 * that leaves without finding the mark touches nothing afterwards, so an
 * object can go as soon as synchronize_srcu() has returned.  (Race forced in
 * tests/kernel/srcu_test.c, last_reader_out_finishes_the_period.)
 *
 *	field			read with		write with
 *	readers			atomic			atomic
 *	idx			any time		the work
 *	phase, waiting		the work		the work
 *	arrived, running,
 *	pending			s->lock			s->lock
 *
 * The counts are shared words: readers of one domain on many CPUs pull one
 * cache line around.  That is the price for a domain of a few words which is
 * made for every address space.
 *
 * Lifetime.  cleanup_srcu_struct() waits until the work is through.  A
 * callback may free what it was queued for, not the domain.
 */
#include <lib/assert.h>
#include <kernel/sched/completion.h>
#include <lib/init.h>
#include <kernel/sched/sched.h>
#include <kernel/srcu.h>

#define SRCU_WORKERS 2

enum srcu_phase {
	SRCU_IDLE,
	SRCU_DRAIN_SPARE,
	SRCU_DRAIN_USED,
};

static struct workqueue_struct *srcu_wq;
static atomic_t pending_total;

/* Is readers[i] zero?  If not, its last reader will queue the work. */
static bool drained(struct srcu_struct *s, unsigned int i)
{
	s64 seen = atomic64_read(&s->readers[i]);

	while (seen) {
		ASSERT(!(seen & SRCU_WAITED));
		if (atomic64_try_cmpxchg(&s->readers[i], &seen,
					 seen | SRCU_WAITED))
			return false;
	}
	return true;
}

void srcu_readers_gone(struct srcu_struct *s)
{
	queue_work(srcu_wq, &s->work);
}

/* Take what has arrived; without any the machine stops. */
static bool take_arrived(struct srcu_struct *s)
{
	unsigned long flags;

	spin_lock_irqsave(&s->lock, flags);
	s->waiting = s->arrived;
	s->arrived = NULL;
	s->arrived_tail = &s->arrived;
	s->running = s->waiting != NULL;
	spin_unlock_irqrestore(&s->lock, flags);
	return s->waiting != NULL;
}

static void call_waiting(struct srcu_struct *s)
{
	struct rcu_head *head = s->waiting;

	s->waiting = NULL;
	while (head) {
		struct rcu_head *next = head->next;
		unsigned long flags;

		spin_lock_irqsave(&s->lock, flags);
		s->pending--;
		spin_unlock_irqrestore(&s->lock, flags);
		atomic_dec(&pending_total);
		head->fn(head);
		head = next;
	}
}

/* One step.  Return: false when there is nothing to do until woken. */
static bool step(struct srcu_struct *s)
{
	switch (s->phase) {
	case SRCU_IDLE:
		if (!take_arrived(s))
			return false;
		/* The update is before our looks: see the head. */
		smp_mb();
		s->phase = SRCU_DRAIN_SPARE;
		return true;
	case SRCU_DRAIN_SPARE:
		if (!drained(s, !(s->idx & 1)))
			return false;
		WRITE_ONCE(s->idx, s->idx + 1);
		smp_mb();
		s->phase = SRCU_DRAIN_USED;
		return true;
	case SRCU_DRAIN_USED:
		if (!drained(s, !(s->idx & 1)))
			return false;
		/* All that the readers did is before the callbacks. */
		smp_mb();
		s->periods++;
		s->phase = SRCU_IDLE;
		call_waiting(s);
		return true;
	default:
		panic("srcu: no such phase, phase=%u", s->phase);
	}
}

static void srcu_work(struct work_struct *work)
{
	struct srcu_struct *s = container_of(work, struct srcu_struct, work);

	while (step(s))
		;
}

void srcu_init_fields(struct srcu_struct *s)
{
	atomic64_set(&s->readers[0], 0);
	atomic64_set(&s->readers[1], 0);
	s->idx = 0;
	s->phase = SRCU_IDLE;
	s->running = false;
	s->pending = 0;
	s->arrived = NULL;
	s->arrived_tail = &s->arrived;
	s->waiting = NULL;
	s->periods = 0;
	INIT_WORK(&s->work, srcu_work);
}

void call_srcu(struct srcu_struct *s, struct rcu_head *head,
	       void (*fn)(struct rcu_head *head))
{
	unsigned long flags;
	bool start;

	head->fn = fn;
	head->next = NULL;
	atomic_inc(&pending_total);
	spin_lock_irqsave(&s->lock, flags);
	*s->arrived_tail = head;
	s->arrived_tail = &head->next;
	s->pending++;
	start = !s->running;
	s->running = true;
	if (start)
		queue_work(srcu_wq, &s->work);
	spin_unlock_irqrestore(&s->lock, flags);
}

struct srcu_waiter {
	struct rcu_head head;
	struct completion done;
};

static void waiter_done(struct rcu_head *head)
{
	complete(&container_of(head, struct srcu_waiter, head)->done);
}

static void wait_for_period(struct srcu_struct *s)
{
	struct srcu_waiter waiter;

	init_completion(&waiter.done);
	call_srcu(s, &waiter.head, waiter_done);
	wait_for_completion(&waiter.done);
}

/* Waiting for readers is like taking a lock that they hold. */
static void annotate_wait(struct srcu_struct *s)
{
	might_sleep();
	lock_map_acquire(&s->dep);
	lock_map_release(&s->dep);
}

void synchronize_srcu(struct srcu_struct *s)
{
	annotate_wait(s);
	smp_mb();
	if (likely(!atomic64_read(&s->readers[0]) &&
		   !atomic64_read(&s->readers[1]))) {
		smp_mb();
		return;
	}
	wait_for_period(s);
}

void srcu_barrier(struct srcu_struct *s)
{
	annotate_wait(s);
	/* Callbacks run in order, so one more behind them all will do. */
	if (READ_ONCE(s->pending) || READ_ONCE(s->running))
		wait_for_period(s);
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
	srcu_barrier(s);
	WARN(srcu_read_lock_held(s), "srcu: a domain ends with readers inside");
	flush_work(&s->work);
}

unsigned int srcu_pending_total(void)
{
	return (unsigned int)atomic_read(&pending_total);
}

static int srcu_init(void)
{
	srcu_wq = alloc_workqueue("srcu", SRCU_WORKERS);
	if (!srcu_wq)
		panic("srcu: no memory for its workers");
	return 0;
}
INITCALL(INIT_CORE, srcu_init);
