// SPDX-License-Identifier: MIT
/*
 * mm/notifier/plain.c - plain subscriptions: call them at every change
 *
 * Problem.  A hypervisor, or a device that walks the CPU's own tables, must be notified
 * of every change of an mm, at whatever address. There are few such subscriptions, they
 * come and go rarely, and each start and end calls all of them. Callbacks may sleep. A
 * subscription that has left must never be called again, nor be freed while a callback
 * of it runs.
 *
 * Idea.  One list for each mm, newest first (R2.14), of the subscriptions themselves, so
 * that joining and leaving allocates nothing. A walk enters the gate ->calls. A new
 * subscription becomes visible at the head. One that leaves is unlinked, and keeps its
 * own link for walks that stand at it. They go on to older ones, and none of those is
 * freed before these walks have left the gate.
 *
 *	newest -> C -> B -> A -> NULL
 *
 * States of a subscription. One thread claims its release() by setting RELEASED:
 *
 *	state		in the list	release()
 *	0		no		was not called, and will not be
 *	LIVE		yes		was not called yet
 *	LIVE|RELEASED	yes		runs, inside ->calls, or has returned
 *	RELEASED	no		has returned; or still runs, if a put came from it
 *
 * Neither unregister nor exit takes a subscription off the list while its release()
 * runs: until then its device may hold translations, and must be notified. A put may,
 * because its caller has dropped them.
 *
 *	field		read with			written with
 *	->newest	acquire, inside ->calls		->lock, store-release
 *	sub->next	acquire, inside ->calls		->lock, store-release
 *	sub->prev	->lock				->lock
 *	sub->state	->lock				->lock
 *
 * The races it must win, each forced by the test named:
 *
 *	start, at B, which sleeps	unregister B: C->next = A; waits
 *					unregister A: C->next = NULL; waits
 *	sub = B->next: still A
 *	sub->start(): A is still there
 *	leave: the last; wakes both
 *	    a_walk_survives_the_unlinking_of_where_it_stands
 *
 *	exit				unregister
 *	lock; LIVE -> +RELEASED
 *	release() runs			lock; RELEASED already: exit has claimed it
 *					wait for ->calls to empty; meanwhile the
 *					subscription is still notified of changes
 *	release() returns; leave
 *	hide				hide it, if exit has not; wait for ->calls
 *					again; free
 *	    release_runs_exactly_once_when_unregister_races_exit
 *	    a_subscriber_that_leaves_is_notified_until_exits_release_ends
 *
 *	exit				unregister
 *					inside ->calls; LIVE -> +RELEASED
 *	lock; RELEASED already
 *	wait for ->calls to empty	release() runs
 *					release() returns; leave
 *	hide; wait again
 *	go on, free pages
 *	    exit_waits_for_a_release_that_unregister_runs
 *
 * Lifetime.  A registered subscription holds a reference in mm_count; the list holds
 * none. Not here: arguments (mm/notifier/register.c), a subscription that several
 * objects share (mm/notifier/get.c), other callbacks (mm/notifier/entries.c).
 */
#include "internal.h"

#define PLAIN_LIVE     1u /* in the list */
#define PLAIN_RELEASED 2u /* a thread has claimed its release() */

/* Which thread calls release()? Only one gets MINE. */
enum claim {
	CLAIM_MINE,
	CLAIM_TAKEN, /* another thread calls it, inside ->calls */
	CLAIM_NONE,  /* it has returned, or will not be called */
};

static void link_newest(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier *sub) __must_hold(subs->lock);
static enum claim claim_release(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier *sub);
static void wait_for_calls(struct mmu_notifier_subscriptions *subs);

/* --- a range starts and ends ---------------------------------------------- */

/* All are called, even after one has refused (R3.3). */
int notifier_plain_start(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier_range *range)
{
	long ticket = notifier_gate_enter(&subs->calls);
	struct mmu_notifier *sub = notifier_newest(subs);
	/* 0 while statistics are off, and then nothing is measured. */
	unsigned long since = notifier_observe_begin();
	int err, ret = 0;

	range->core.newest_birth = sub ? sub->birth : 0;
	notifier_calls_begin(range);
	for (; sub; sub = notifier_next(sub)) {
		err = sub->start(sub, range);
		if (!err && !since)
			continue;
		err = notifier_start_returned(subs, range, sub, err, since);
		if (err)
			ret = err;
		since = notifier_observe_begin();
	}
	notifier_calls_end(range);
	notifier_gate_leave(&subs->calls, ticket);
	return ret;
}

/*
 * Call the ends of those whose start was called, newest first. A subscription that is
 * newer than those has not been called.
 */
void notifier_plain_end(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range)
{
	long ticket = notifier_gate_enter(&subs->calls);
	struct mmu_notifier *sub = notifier_newest(subs);
	unsigned long since = notifier_observe_begin();

	while (sub && sub->birth > range->core.newest_birth)
		sub = notifier_next(sub);
	notifier_calls_begin(range);
	for (; sub; sub = notifier_next(sub)) {
		sub->end(sub, range);
		if (!since)
			continue;
		if (sub->ops->invalidate_range_end)
			notifier_observe_call_end(subs, range, sub, since);
		since = notifier_observe_begin();
	}
	notifier_calls_end(range);
	notifier_gate_leave(&subs->calls, ticket);
	range->core.newest_birth = 0;
}

/* --- register, unregister and exit ---------------------------------------- */

void notifier_plain_join(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub)
{
	u64 gp;

	sub->state = PLAIN_LIVE;
	spin_lock(&subs->lock);
	link_newest(subs, sub);
	/* The request is the full barrier between publishing and reading the count. */
	gp = notifier_gate_request(&subs->ranges);
	sub->settle_gp = gp;
	spin_unlock(&subs->lock);
	notifier_gate_wait(&subs->ranges, gp);
}

void notifier_plain_leave(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier *sub)
{
	enum claim claim;
	long ticket;
	u64 gp;

	if (sub->ops->release) {
		ticket = notifier_gate_enter(&subs->calls);
		claim = claim_release(subs, sub);
		if (claim == CLAIM_MINE)
			notifier_call_release(subs, sub);
		notifier_gate_leave(&subs->calls, ticket);
		if (claim == CLAIM_TAKEN)
			wait_for_calls(subs);
	}
	spin_lock(&subs->lock);
	notifier_plain_hide(subs, sub);
	subs->nr_plain--;
	gp = notifier_gate_request(&subs->calls);
	spin_unlock(&subs->lock);
	notifier_gate_wait(&subs->calls, gp);
}

/*
 * The mm exits (R2.23). Call each release(), newest first. Wait for those that a
 * concurrent unregister calls. Then empty the list, and wait for the walks that still
 * see it.
 */
void notifier_plain_release(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_notifier *sub;
	bool elsewhere = false;
	enum claim claim;
	long ticket;

	ticket = notifier_gate_enter(&subs->calls);
	for_each_plain(sub, subs)
	{
		claim = claim_release(subs, sub);
		if (claim == CLAIM_MINE && sub->ops->release)
			notifier_call_release(subs, sub);
		elsewhere |= claim == CLAIM_TAKEN;
	}
	notifier_gate_leave(&subs->calls, ticket);
	if (elsewhere)
		wait_for_calls(subs);
	spin_lock(&subs->lock);
	while (subs->newest)
		notifier_plain_hide(subs, subs->newest);
	spin_unlock(&subs->lock);
	wait_for_calls(subs);
}

/*
 * Call this inside ->calls. A thread that finds the release() claimed by another waits
 * until the gate has emptied: the other is inside until its release() has returned.
 */
static enum claim claim_release(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier *sub)
{
	enum claim claim = CLAIM_NONE;

	spin_lock(&subs->lock);
	if (sub->state & PLAIN_LIVE)
		claim = sub->state & PLAIN_RELEASED ? CLAIM_TAKEN : CLAIM_MINE;
	if (claim == CLAIM_MINE)
		sub->state |= PLAIN_RELEASED;
	spin_unlock(&subs->lock);
	return claim;
}

static void wait_for_calls(struct mmu_notifier_subscriptions *subs)
{
	u64 gp;

	spin_lock(&subs->lock);
	gp = notifier_gate_request(&subs->calls);
	spin_unlock(&subs->lock);
	notifier_gate_wait(&subs->calls, gp);
}

/* --- the list ------------------------------------------------------------- */

static int start_nothing(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	return 0;
}

static void end_nothing(struct mmu_notifier *sub,
			const struct mmu_notifier_range *range)
{
}

/*
 * Count the subscriptions that have a rare callback. Where the count is 0, a flush or a
 * write fault walks no list.
 */
static void count_rare_callbacks(struct mmu_notifier_subscriptions *subs,
				 const struct mmu_notifier_ops *ops, int add)
	__must_hold(subs->lock)
{
	if (ops->invalidate_range)
		WRITE_ONCE(subs->nr_invalidate_range,
			   subs->nr_invalidate_range + add);
	if (ops->change_pte)
		WRITE_ONCE(subs->nr_change_pte, subs->nr_change_pte + add);
}

static void link_newest(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier *sub) __must_hold(subs->lock)
{
	const struct mmu_notifier_ops *ops = sub->ops;

	sub->start = ops->invalidate_range_start ? ops->invalidate_range_start
						 : start_nothing;
	sub->end = ops->invalidate_range_end ? ops->invalidate_range_end
					     : end_nothing;
	sub->birth = ++subs->births;
	sub->next = subs->newest;
	sub->prev = &subs->newest;
	if (sub->next)
		sub->next->prev = &sub->next;
	smp_store_release(&subs->newest, sub);
	count_rare_callbacks(subs, ops, 1);
	subs->nr_plain++;
}

/* No new walk finds @sub; its own link stays for walks that stand at it. */
void notifier_plain_hide(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub) __must_hold(subs->lock)
{
	struct mmu_notifier **prev = sub->prev;

	if (!(sub->state & PLAIN_LIVE))
		return;
	sub->state &= ~PLAIN_LIVE;
	smp_store_release(prev, sub->next);
	if (sub->next)
		sub->next->prev = prev;
	count_rare_callbacks(subs, sub->ops, -1);
}
