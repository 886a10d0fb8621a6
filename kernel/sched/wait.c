// SPDX-License-Identifier: MIT
/*
 * kernel/sched/wait.c - wait queues and completions
 *
 * The race every wait must win (tests/kernel/sched/wait_test.c,
 * a_wakeup_between_check_and_sleep_is_not_lost):
 *
 *	waiter				waker
 *	queued, state set; full barrier
 *					cond = true
 *	cond? still false
 *					takes the queue's lock: full barrier
 *					finds the waiter: wake_up_process()
 *	schedule(): returns at once
 *
 * Had the waker looked at the queue before the waiter was on it, then cond
 * was true before that and the waiter's look sees it.
 *
 *	field			guarded by
 *	wq->waiters, entry	wq->lock
 *	completion->done	completion->wait.lock
 *
 * Lifetime.  A waker touches an entry, and the queue, only with the lock held,
 * and a waiter leaves by taking that lock (finish_wait(), the loops of
 * wait_for_completion()).  So a woken waiter may free the queue, and the
 * stack frame with its entry is not left while a waker looks at it.
 */
#include <lib/assert.h>
#include <lib/layout.h>
#include <kernel/sched/completion.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/sched/wait.h>

LAYOUT_OFFSET(wait_queue_head, waiters);
LAYOUT_OFFSET(wait_queue_entry, entry);
LAYOUT_OFFSET(wait_queue_entry, task);

void init_wait(struct wait_queue_entry *wait, enum wait_flag flags)
{
	*wait = (struct wait_queue_entry){.task = current, .flags = flags};
	INIT_LIST_HEAD(&wait->entry);
}

/* Shared waiters first, exclusive ones behind them in their order. */
static void enqueue(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	if (!list_empty(&wait->entry))
		return;
	if (wait->flags & WAIT_EXCLUSIVE)
		list_add_tail(&wait->entry, &wq->waiters);
	else
		list_add(&wait->entry, &wq->waiters);
}

void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait,
		     unsigned int state)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	enqueue(wq, wait);
	set_current_state(state);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	unsigned long flags;

	__set_current_state(TASK_RUNNING);
	spin_lock_irqsave(&wq->lock, flags);
	list_del_init(&wait->entry);
	spin_unlock_irqrestore(&wq->lock, flags);
}

static bool wake_entry(struct wait_queue_entry *wait, unsigned long key)
{
	if (wait->wake && !wait->wake(wait, key))
		return false;
	list_del_init(&wait->entry);
	wake_up_process(wait->task);
	return true;
}

unsigned int wake_up_locked(struct wait_queue_head *wq, unsigned int nr,
			    unsigned long key)
{
	struct wait_queue_entry *wait, *next;
	unsigned int woken = 0;

	lockdep_assert_held(&wq->lock);
	list_for_each_entry_safe(wait, next, &wq->waiters, entry) {
		bool exclusive = wait->flags & WAIT_EXCLUSIVE;

		if (!wake_entry(wait, key))
			continue;
		woken++;
		if (exclusive && nr && !--nr)
			break;
	}
	return woken;
}

unsigned int wake_up_key(struct wait_queue_head *wq, unsigned int nr,
			 unsigned long key)
{
	unsigned long flags;
	unsigned int woken;

	spin_lock_irqsave(&wq->lock, flags);
	woken = wake_up_locked(wq, nr, key);
	spin_unlock_irqrestore(&wq->lock, flags);
	return woken;
}

bool wait_round_killed(unsigned int state)
{
	return (state & (TASK_KILLABLE | TASK_INTERRUPTIBLE)) &&
	       fatal_signal_pending(current);
}

/* Far above any wait of a healthy system, also of a loaded one. */
u64 wait_long_ns = 10 * NSEC_PER_SEC;

void wait_schedule(void)
{
	schedule();
}

u64 wait_schedule_timeout(u64 ns)
{
	return schedule_timeout_ns(ns);
}

static_assert(TASK_UNINTERRUPTIBLE == 2 && TASK_KILLABLE == 4,
	      "wait.h spells the states, it cannot include sched.h");

void complete(struct completion *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->wait.lock, flags);
	if (c->done < COMPLETION_ALL)
		c->done++;
	wake_up_locked(&c->wait, 1, 0);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

void complete_all(struct completion *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->wait.lock, flags);
	c->done = COMPLETION_ALL;
	wake_up_locked(&c->wait, 0, 0);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

/* c->wait.lock held. */
static bool take_done(struct completion *c)
{
	if (!c->done)
		return false;
	if (c->done != COMPLETION_ALL)
		c->done--;
	return true;
}

/*
 * Wait in @state for at most @ns (~0: no limit).  Return: ns left, at least
 * 1; 0 when the time was up; -EINTR when killed.
 */
static s64 wait_common(struct completion *c, unsigned int state, u64 ns)
{
	struct wait_queue_entry wait;
	s64 ret;

	might_sleep();
	init_wait(&wait, WAIT_EXCLUSIVE);
	spin_lock_irq(&c->wait.lock);
	for (;;) {
		ret = ns == ~0ULL ? 1 : (s64)max(ns, (u64)1);
		if (take_done(c))
			break;
		ret = wait_round_killed(state) ? -EINTR : 0;
		if (ret || !ns)
			break;
		enqueue(&c->wait, &wait);
		set_current_state(state);
		spin_unlock_irq(&c->wait.lock);
		if (ns == ~0ULL)
			schedule();
		else
			ns = schedule_timeout_ns(ns);
		spin_lock_irq(&c->wait.lock);
	}
	list_del_init(&wait.entry);
	__set_current_state(TASK_RUNNING);
	spin_unlock_irq(&c->wait.lock);
	return ret;
}

/* Said in the functions that others call: reports shall name those. */
static __always_inline void may_wait_for(struct completion *c)
{
	lock_acquire_at(&c->dep, 0, LOCK_PLAIN,
			(unsigned long)__builtin_return_address(0));
	lock_release(&c->dep);
}

void wait_for_completion(struct completion *c)
{
	may_wait_for(c);
	(void)wait_common(c, TASK_UNINTERRUPTIBLE, ~0ULL);
}

u64 wait_for_completion_timeout_ns(struct completion *c, u64 ns)
{
	may_wait_for(c);
	return (u64)wait_common(c, TASK_UNINTERRUPTIBLE,
				min(ns, (u64)TIMEOUT_MAX_NS));
}

int wait_for_completion_killable(struct completion *c)
{
	may_wait_for(c);
	return wait_common(c, TASK_KILLABLE, ~0ULL) < 0 ? -EINTR : 0;
}

bool try_wait_for_completion(struct completion *c)
{
	unsigned long flags;
	bool passed;

	spin_lock_irqsave(&c->wait.lock, flags);
	passed = take_done(c);
	spin_unlock_irqrestore(&c->wait.lock, flags);
	return passed;
}

bool completion_done(struct completion *c)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(&c->wait.lock, flags);
	done = c->done != 0;
	spin_unlock_irqrestore(&c->wait.lock, flags);
	return done;
}
