// SPDX-License-Identifier: MIT
/*
 * mm/notifier/plain.c - subscribers that are notified of every change
 *
 * Problem.  A hypervisor or a device that walks the CPU's own tables wants
 * every change of an mm, whatever its address. There are few of them, they
 * come and go rarely, and each start and end calls all of them. Callbacks may
 * sleep. A subscription that has left must never be called again, nor be freed
 * while a callback still runs.
 *
 * Idea.  One list a mm, newest first (R2.14), of the subscriptions themselves, so
 * that nothing has to be allocated to come or to go. A walk counts itself in the
 * gate `calls'. A new subscription becomes visible at the head. One that leaves is
 * unlinked and keeps its own link for the walks that stand at it: they go on to older
 * ones, none of which is freed before these walks are over.
 *
 *	newest -> C -> B -> A -> NULL
 *
 * docs/adr/0014-one-path-for-start-and-end.md has the measurements.
 *
 * States of a subscription:
 *
 *	state		in the list	release
 *	0		no		was not called and will not be
 *	LIVE		yes		not yet
 *	LIVE|RELEASED	yes		runs, or has run: the thread that set the
 *					bit runs it, inside `calls'
 *	RELEASED	no		is over (of one that was put: perhaps not)
 *
 * An unregister or an exit leaves the subscription on the list until its release is
 * over, so that changes still call it: until then its device may hold translations. A
 * last put does not wait.
 *
 *	field		read with		written with
 *	->newest	acquire, inside ->calls	->lock, release
 *	sub->next	acquire, same		->lock, release
 *	sub->prev	->lock			->lock
 *	sub->state	->lock			->lock
 *
 * The races it must win:
 *
 *	exit				unregister
 *	lock; LIVE -> +RELEASED
 *	release() runs			lock; RELEASED already: not mine
 *					request a grace period; sleep;
 *					changes still call it
 *	release() returns; leave `calls'
 *					unlink; request; sleep; frees
 *	    release_runs_exactly_once_when_unregister_races_exit
 *	    a_subscriber_that_leaves_is_notified_until_exits_release_ends
 *
 *	exit				unregister
 *					inside `calls'; LIVE -> +RELEASED
 *	lock; RELEASED already
 *	request; sleep			release() runs
 *	unlink; request; sleep		release() returns; leave `calls'
 *	goes on, frees pages
 *	    exit_waits_for_a_release_that_unregister_runs
 *
 *	start, at B, which sleeps	unregister B: C->next = A; waits
 *					unregister A: C->next = NULL; waits
 *	sub = B->next: still A
 *	sub->start(): A is still there
 *	leave: last, wakes both
 *	    a_walk_survives_the_unlinking_of_where_it_stands
 *
 * Lifetime.  A registered subscription holds the mm struct; the list holds
 * nothing. Not here: ranges, which call the subscriptions (mm/notifier/range.c), and
 * subscriptions that several users share (mm/notifier/get.c).
 */
#include "internal.h"

#define PLAIN_LIVE     1u /* in the list */
#define PLAIN_RELEASED 2u /* its release runs or has run */

/* Which thread calls release? Only one caller gets MINE. */
enum claim {
	CLAIM_MINE,
	CLAIM_TAKEN, /* another thread, inside `calls' until it is over */
	CLAIM_NONE,  /* over, or never to be */
};

static void link_newest(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier *sub) __must_hold(subs->lock);
static enum claim claim_release(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier *sub);
static void wait_for_calls(struct mmu_notifier_subscriptions *subs);

/* --- a range starts and ends ---------------------------------------------- */

int notifier_plain_start(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier_range *range)
{
	long ticket = notifier_gate_enter(&subs->calls);
	struct mmu_notifier *sub = notifier_newest(subs);
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
 * The ends of those whose start was called, newest first. A subscription that was
 * born later has not been called.
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
	/* The request has the full barrier of "publish, then count". */
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
 * The mm is going (R2.23). Call each release, newest first. Wait for those that an
 * unregister runs. Then unlink all and wait for the walks.
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
 * Called inside `calls'. A caller that finds the release claimed waits for all threads
 * inside `calls', and so for it.
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

/* A flush or a write fault walks the list only if a subscription has the callback. */
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

/* Take @sub out of every walk to come; its own link stays for those under way. */
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
