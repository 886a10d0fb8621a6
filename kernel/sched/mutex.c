// SPDX-License-Identifier: MIT
/*
 * kernel/sched/mutex.c - the mutex when it is contended
 *
 * States of @owner:
 *
 *	0			free, nobody queues
 *	task			held
 *	task | WAITERS		held, and wait_lock's list is not empty, or was
 *
 * A release with waiters makes the first of them the owner, so the word is
 * never 0 while a task queues and nobody can slip in: no starvation, at the
 * price of a switch for each hand-over.
 *
 *	field		read with		write with
 *	owner		atomic			atomic; slow paths wait_lock too
 *	waiters, waiter	wait_lock		wait_lock
 *
 * The race (tests/kernel/sched/mutex_test.c, unlock_while_a_waiter_queues_wakes_it):
 *
 *	taker				holder
 *	owner is holder
 *					unlock: owner -> 0 succeeds
 *	owner |= WAITERS fails, is 0:
 *	takes it
 *
 * or, had the taker set WAITERS first, the holder's exchange fails, it goes
 * the slow way and finds the taker, for which it waits on wait_lock.
 *
 * Lifetime.  The next owner may free the mutex, so a release must not touch
 * it after that.  A waiter looks whether it was granted with wait_lock held,
 * which is the last thing the granter lets go of.  And 0 is stored with
 * wait_lock not held: when the only waiter gave up before the slow release had
 * the lock, nothing is handed over, and the mark is clear again (with wait_lock
 * free it says exactly whether the list is empty); the release lets wait_lock
 * go and tries the fast way anew, whose exchange is its last touch:
 *
 *	holder			waiter			third
 *	fast way fails: mark
 *				gives up: mark cleared
 *	wait_lock; nobody;
 *	lets it go
 *	owner -> 0
 *							locks, unlocks, frees
 *	touches nothing any more
 */
#include <lib/assert.h>
#include <lib/errno.h>
#include <kernel/sched/mutex.h>

struct mutex_waiter {
	struct list_head entry;
	struct task *task;
	bool granted;
};

/* wait_lock held.  Return: true when the mutex became ours. */
static bool grab_or_announce(struct mutex *m)
{
	unsigned long seen = READ_ONCE(m->owner);

	for (;;) {
		unsigned long want =
			seen ? seen | MUTEX_WAITERS : (unsigned long)current;

		if (try_cmpxchg(&m->owner, &seen, want))
			return want == (unsigned long)current;
	}
}

/* wait_lock held; @waiter gives up. */
static int give_up(struct mutex *m, struct mutex_waiter *waiter)
{
	list_del(&waiter->entry);
	if (list_empty(&m->waiters))
		(void)xadd(&m->owner, 0UL - MUTEX_WAITERS);
	return -EINTR;
}

int mutex_lock_slow(struct mutex *m, unsigned int state)
{
	struct mutex_waiter waiter = {.task = current};
	int err = 0;

	raw_spin_lock(&m->wait_lock);
	if (grab_or_announce(m)) {
		raw_spin_unlock(&m->wait_lock);
		return 0;
	}
	list_add_tail(&waiter.entry, &m->waiters);
	while (!waiter.granted && !err) {
		if (state == TASK_KILLABLE && fatal_signal_pending(current)) {
			err = give_up(m, &waiter);
			break;
		}
		set_current_state(state);
		raw_spin_unlock(&m->wait_lock);
		schedule();
		raw_spin_lock(&m->wait_lock);
	}
	__set_current_state(TASK_RUNNING);
	raw_spin_unlock(&m->wait_lock);
	return err;
}

/* Return: false when nobody waits any more; the mutex is still ours then. */
static bool hand_over(struct mutex *m)
{
	struct mutex_waiter *waiter;
	unsigned long next;

	raw_spin_lock(&m->wait_lock);
	waiter = list_first_entry_or_null(&m->waiters, struct mutex_waiter,
					  entry);
	if (!waiter) {
		ASSERT_EQ(READ_ONCE(m->owner), (unsigned long)current);
		raw_spin_unlock(&m->wait_lock);
		return false;
	}
	list_del(&waiter->entry);
	next = (unsigned long)waiter->task;
	if (!list_empty(&m->waiters))
		next |= MUTEX_WAITERS;
	smp_store_release(&m->owner, next);
	waiter->granted = true;
	wake_up_process(waiter->task);
	raw_spin_unlock(&m->wait_lock);
	return true;
}

void mutex_unlock_slow(struct mutex *m)
{
	unsigned long me;

	do {
		if (hand_over(m))
			return;
		me = (unsigned long)current;
		/* Fails when a task has queued since. */
	} while (!try_cmpxchg(&m->owner, &me, 0UL));
}
