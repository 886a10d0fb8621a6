// SPDX-License-Identifier: MIT
/*
 * tests/explore/race_gate.c - the race of mm/notifier/gate.c
 *
 * Threads inside use an object that a waiter takes away and frees. The waiter must wait
 * for those that may have seen the object, and a wait must end.
 */
#include <mm/notifier/gate.h>

#include "explore.h"

static struct spinlock lock;
static struct wait_queue_head waiters;
static struct atomic64 word;
static struct notifier_gate gate;
static unsigned long *object[2];

static void inside(void *arg)
{
	unsigned long **place = arg;
	long ticket = notifier_gate_enter(&gate);
	unsigned long *seen = READ_ONCE(*place);

	if (seen) {
		explore_point("uses the object");
		++*seen;
	}
	notifier_gate_leave(&gate, ticket);
}

/* Another object takes its place. It is freed when no thread inside can use it. */
static void replace(unsigned long **place, unsigned long *new)
{
	unsigned long *old = *place;
	u64 gp;

	WRITE_ONCE(*place, new);
	spin_lock(&lock);
	gp = notifier_gate_request(&gate);
	spin_unlock(&lock);
	notifier_gate_wait(&gate, gp);
	explore_free(old);
}

/* Twice: the second wait may find a thread inside that is left over from the first. */
static void wait_twice(void *arg)
{
	replace(arg, explore_alloc(sizeof(unsigned long)));
	replace(arg, NULL);
}

static void wait_and_free(void *arg)
{
	replace(arg, NULL);
}

static void new_gate(void)
{
	lock = (struct spinlock)SPINLOCK_INIT(lock);
	init_waitqueue_head(&waiters);
	atomic64_set(&word, 0);
	notifier_gate_init(&gate, &word, &lock, &waiters);
	object[0] = explore_alloc(sizeof(unsigned long));
	explore_thread("inside", inside, &object[0]);
}

static void setup(void)
{
	new_gate();
	explore_thread("inside", inside, &object[0]);
	explore_thread("waiter", wait_twice, &object[0]);
}

static void finish(void)
{
	explore_check(!notifier_gate_inside(&gate),
		      "%lu threads are still inside",
		      notifier_gate_inside(&gate));
	explore_check(!gate.running && !gate.deferred, "the gate does not rest");
	explore_check(atomic64_read(&word) == 0, "flags are left in the word");
}

SCENARIO(a_period_waits_for_a_reader_that_entered_before_and_for_no_later_one,
	 setup, finish);

/*
 * Two waiters: the second may come while the first one's grace period runs, which does
 * not wait for a thread that has entered since it began.
 */
static void setup_two_waiters(void)
{
	new_gate();
	object[1] = explore_alloc(sizeof(unsigned long));
	explore_thread("inside", inside, &object[1]);
	explore_thread("waiter", wait_and_free, &object[0]);
	explore_thread("another waiter", wait_and_free, &object[1]);
}

SCENARIO(a_waiter_during_a_grace_period_takes_the_next, setup_two_waiters,
	 finish);
