// SPDX-License-Identifier: MIT
/*
 * mm/notifier/interval.c - interval subscriptions: call those that a range overlaps
 *
 * Problem.  A range must call each subscription whose interval it overlaps, out of up
 * to a million. Callbacks may sleep, so they run without the lock. Meanwhile other
 * ranges start, subscriptions are inserted and removed, and a removed one is freed.
 *
 * Idea.  The subscriptions stand in an interval tree. A walk counts itself in ->walkers
 * from its search to its last callback; it does not stay counted until the range ends.
 * While there is a walker the tree does not change: insertions and removals go on the
 * list ->deferred, and the last walker applies them. A start that may sleep first waits
 * until that list is empty, so a stream of starts does not starve a removal.
 *
 *	walkers	the tree	insert		remove
 *	0	may change	at once		at once; with the deferred changes, if
 *						there are still any
 *	>0	frozen		deferred	deferred; the remover sleeps
 *
 * Numbers.  A range that overlaps an interval gets a number of its own,
 * range->core.seq: the next value of ->last_seq. Its callbacks store it in the
 * subscriptions (sub->invalidate_seq). While the range is open it stands on
 * ->open_overlaps. A reader, which is a device fault that looks a page up, compares
 * numbers and looks at that list (mm/notifier/read.c). Numbers are odd and grow by 2.
 * So none is ever 0, which means that the range overlaps nothing, even after the
 * counter has wrapped.
 *
 * Settling.  A range that was open when a subscription entered the tree does not call
 * it. Until all such ranges have ended (->settle_gp), the readers of the subscription
 * wait for them.
 *
 *	field			read with		written with
 *	->tree			->lock, or as walker	->lock, no walker
 *	->nr_intervals		no lock, range counted	->lock
 *	->last_seq		->lock			->lock
 *	->open_overlaps		->lock; see read.c	->lock, release
 *	->walkers		atomic			atomic; up: ->lock
 *	->deferred		->lock; is it NULL?:	->lock
 *				the last walker
 *	sub->state		->lock			->lock
 *	sub->settle_gp		->lock; see read.c	->lock, release
 *
 * The races it must win, each forced by the test named:
 *
 *	remove					start, in its walk
 *	walkers is 1: defer, sleep
 *						last callback; applies the removal;
 *						wakes
 *	sees, under ->lock, that it is out
 *	returns; the driver frees it
 *	    remove_waits_for_the_walk_and_sees_it_under_the_lock
 *
 *	remove A		start			remove B
 *	deferred, sleeps
 *				walkers is 0 now
 *							applies A and B
 *				nothing is deferred
 *	must be woken: by the remover of B
 *	    a_removal_that_applies_others_wakes_their_removers
 *
 * Lifetime.  A subscription holds a reference in mm_count from insert to remove. Not
 * here: the arguments of both (mm/notifier/subscribe.c), readers (mm/notifier/read.c),
 * the tree (mm/notifier/interval_tree.c).
 */
#include "internal.h"

static int start_overlapping(struct mmu_notifier_subscriptions *subs,
			     struct mmu_notifier_range *range,
			     struct interval_tree_node *node)
	__releases(subs->lock);
static void apply_deferred(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock);

/* --- a range starts and ends ---------------------------------------------- */

int notifier_interval_start(struct mmu_notifier_subscriptions *subs,
			    struct mmu_notifier_range *range)
{
	struct interval_tree_node *node;

	spin_lock(&subs->lock);
	subs->stats.tree_locks++;
	node = interval_tree_first(&subs->tree, range->start, range->end);
	if (node)
		return start_overlapping(subs, range, node);
	spin_unlock(&subs->lock);
	return 0;
}

/* Is no change deferred any more? */
static bool walk_may_begin(struct mmu_notifier_subscriptions *subs)
{
	bool may;

	spin_lock(&subs->lock);
	may = !subs->deferred;
	spin_unlock(&subs->lock);
	return may;
}

/*
 * A deferred insert or remove waits until no walker is left. Wait for it before
 * starting another walk, or a stream of starts would starve it. Returns with the lock
 * held, and with the result of a new search.
 */
static struct interval_tree_node *
yield_to_deferred(struct mmu_notifier_subscriptions *subs,
		  const struct mmu_notifier_range *range) __must_hold(subs->lock)
{
	subs->stats.yielded++;
	while (subs->deferred) {
		subs->nr_waiting++;
		spin_unlock(&subs->lock);
		wait_event_reporting(
			&subs->waiters, walk_may_begin(subs),
			notifier_report_open(subs->mm, "a start waits long"));
		spin_lock(&subs->lock);
		subs->nr_waiting--;
	}
	return interval_tree_first(&subs->tree, range->start, range->end);
}

/* Give @range its number, put it on ->open_overlaps, and begin a walk. */
static void link_open(struct mmu_notifier_subscriptions *subs,
		      struct mmu_notifier_range *range) __must_hold(subs->lock)
{
	struct mmu_notifier_range *head = subs->open_overlaps;

	subs->last_seq += 2;
	range->core.seq = subs->last_seq;
	range->core.next = head;
	range->core.prev = &subs->open_overlaps;
	if (head)
		head->core.prev = &range->core.next;
	/* Before the first callback stores the number: see read.c. */
	WRITE_ONCE(subs->open_overlaps, range);
	atomic_inc(&subs->walkers);
	notifier_remember_event(subs, range);
}

static bool call_interval(struct mmu_notifier_subscriptions *subs,
			  struct mmu_interval_notifier *sub,
			  struct mmu_notifier_range *range)
{
	if (sub->ops->invalidate)
		return sub->ops->invalidate(sub, range, range->core.seq);
	return notifier_first_pass(subs, sub, range);
}

/*
 * Call @node's subscription and all after it that the range overlaps; then the second
 * passes. Return: the error of an interval that refused, after which none is called.
 */
static int walk_intervals(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier_range *range,
			  struct interval_tree_node *node)
{
	/* 0 while statistics are off, and then nothing is measured. */
	unsigned long since = notifier_observe_begin();
	struct mmu_interval_notifier *sub;
	int ret = 0;
	bool ok;

	range->core.finish = NULL;
	range->core.finish_tail = &range->core.finish;
	notifier_calls_begin(range);
	do {
		sub = container_of(node, struct mmu_interval_notifier,
				   interval_tree);
		ok = call_interval(subs, sub, range);
		if (!ok || since) {
			ret = notifier_interval_returned(subs, range, sub, ok,
							 since);
			if (ret)
				break;
			since = notifier_observe_begin();
		}
		node = interval_tree_next(node, range->start, range->end);
	} while (node);
	if (range->core.finish != NULL)
		notifier_finish_intervals(subs, range);
	notifier_calls_end(range);
	return ret;
}

/* Another walk may have started since: then that one applies the changes. */
static void last_walk_ended(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	if (!atomic_read_acquire(&subs->walkers) && subs->deferred)
		apply_deferred(subs);
	spin_unlock(&subs->lock);
	wake_up_all(&subs->waiters);
}

/*
 * The decrement is a full barrier, for two reasons. First, this walk reads the tree
 * before it: a thread that changes the tree reads ->walkers with an acquire, and sees
 * the decrement first (litmus.walk_end_tree). Second, this thread reads ->deferred after
 * it: a thread that defers a change stores it and then reads ->walkers. Each of the two
 * stores and then loads, so at least one sees the other's store, and the change is not
 * forgotten (litmus.walk_end).
 */
static void end_walk(struct mmu_notifier_subscriptions *subs)
{
	if (atomic_dec_and_test(&subs->walkers) &&
	    READ_ONCE(subs->deferred) != NULL)
		last_walk_ended(subs);
}

/*
 * @node is the first interval that the range overlaps. ->lock is held, and dropped
 * here. On return the range is on ->open_overlaps, even if a callback refused; it is
 * not if no interval overlaps any more after a yield. Not inlined: a range that
 * overlaps nothing, the usual one, saves no registers for this.
 */
static noinline int start_overlapping(struct mmu_notifier_subscriptions *subs,
				      struct mmu_notifier_range *range,
				      struct interval_tree_node *node)
	__releases(subs->lock)
{
	int ret;

	if (subs->deferred && mmu_notifier_range_blockable(range))
		node = yield_to_deferred(subs, range);
	if (!node) {
		spin_unlock(&subs->lock);
		return 0;
	}
	link_open(subs, range);
	spin_unlock(&subs->lock);
	ret = walk_intervals(subs, range, node);
	end_walk(subs);
	return ret;
}

/* The range is no longer open: readers that wait for it may go on. */
void notifier_interval_end(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range)
{
	unsigned int waiting;

	spin_lock(&subs->lock);
	/* A reader that sees the list without it also sees the changed entries. */
	smp_store_release(range->core.prev, range->core.next);
	if (range->core.next)
		range->core.next->core.prev = range->core.prev;
	waiting = subs->nr_waiting;
	spin_unlock(&subs->lock);
	range->core.seq = 0;
	if (waiting)
		wake_up_all(&subs->waiters);
}

/* --- the tree changes while no walker is in it ---------------------------- */

/*
 * Ranges are open. Return: the grace period after which all of them have ended; 0 if
 * that is over already. Not inlined: most insertions find no open range.
 */
static noinline u64 open_ranges_gp(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	u64 gp = notifier_gate_request(&subs->ranges);

	return gp > subs->ranges.completed ? gp : 0;
}

/*
 * Put @sub where ranges find it. A range that is open already has not found it, so
 * its readers wait for such ranges. A range counts itself before it looks for
 * intervals; this adds the interval before it reads the count. So either the range
 * sees the interval, or its count is seen here.
 */
static void link_interval(struct mmu_notifier_subscriptions *subs,
			  struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	u64 settle_gp = 0;

	WRITE_ONCE(subs->nr_intervals, subs->nr_intervals + 1);
	/* Pairs with the atomic in mmu_notifier_range_open(). */
	smp_mb();
	if (notifier_gate_word_occupied(&subs->mm->notifier_ranges))
		settle_gp = open_ranges_gp(subs);
	/*
	 * One store: a reader of a deferred insertion may look at it without the
	 * lock, and must not find a 0 that is not final.
	 */
	smp_store_release(&sub->settle_gp, settle_gp);
	WRITE_ONCE(sub->state, INTERVAL_IN);
	interval_tree_insert(&sub->interval_tree, &subs->tree);
}

static void unlink_interval(struct mmu_notifier_subscriptions *subs,
			    struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	interval_tree_remove(&sub->interval_tree, &subs->tree);
	WRITE_ONCE(subs->nr_intervals, subs->nr_intervals - 1);
	WRITE_ONCE(sub->state, INTERVAL_OUT);
}

/* No walker is left: make the deferred changes. */
static void apply_deferred(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	struct mmu_interval_notifier *sub;

	/* The owner of a removed one frees it, but not before ->lock is free. */
	for (sub = subs->deferred; sub; sub = sub->deferred) {
		if (sub->state == INTERVAL_ADDING)
			link_interval(subs, sub);
		else
			unlink_interval(subs, sub);
	}
	WRITE_ONCE(subs->deferred, NULL);
}

/*
 * Defer an insert or remove until no walker is left; make it now if there is none. Not
 * inlined, as wait_until_out() is not: an insert or remove rarely meets a walk.
 */
static noinline void defer_change(struct mmu_notifier_subscriptions *subs,
				  struct mmu_interval_notifier *sub,
				  enum interval_state state)
	__must_hold(subs->lock)
{
	WRITE_ONCE(sub->state, state);
	sub->deferred = subs->deferred;
	WRITE_ONCE(subs->deferred, sub);
	/* Pairs with the atomic in end_walk(). */
	smp_mb();
	if (!atomic_read_acquire(&subs->walkers)) {
		apply_deferred(subs);
		/* The last walker will find an empty list and wake no thread. */
		wake_up_all(&subs->waiters);
	}
}

/* An insertion that is still deferred is removed. */
static void cancel_deferred(struct mmu_notifier_subscriptions *subs,
			    struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	struct mmu_interval_notifier **link = &subs->deferred;

	while (*link != sub)
		link = &(*link)->deferred;
	WRITE_ONCE(*link, sub->deferred);
	WRITE_ONCE(sub->state, INTERVAL_OUT);
}

/* --- insert and remove ---------------------------------------------------- */

void notifier_interval_join(struct mmu_notifier_subscriptions *subs,
			    struct mmu_interval_notifier *sub)
{
	spin_lock(&subs->lock);
	sub->invalidate_seq = subs->last_seq;
	if (!atomic_read_acquire(&subs->walkers)) {
		link_interval(subs, sub);
	} else {
		sub->settle_gp = SETTLE_NEVER;
		subs->stats.deferred_adds++;
		defer_change(subs, sub, INTERVAL_ADDING);
	}
	spin_unlock(&subs->lock);
}

/*
 * Look under the lock: the thread that takes @sub out does so with the lock held, and
 * may still be using it (R4.14).
 */
static bool is_out(struct mmu_notifier_subscriptions *subs,
		   const struct mmu_interval_notifier *sub)
{
	bool out;

	spin_lock(&subs->lock);
	out = sub->state == INTERVAL_OUT;
	spin_unlock(&subs->lock);
	return out;
}

static noinline void wait_until_out(struct mmu_notifier_subscriptions *subs,
				    struct mmu_interval_notifier *sub)
{
	wait_event_reporting(
		&subs->waiters, is_out(subs, sub),
		notifier_report_open(subs->mm, "a removal waits long"));
}

void notifier_interval_leave(struct mmu_notifier_subscriptions *subs,
			     struct mmu_interval_notifier *sub)
{
	bool wait = false, wake = false;

	spin_lock(&subs->lock);
	if (sub->state == INTERVAL_ADDING) {
		cancel_deferred(subs, sub);
		/* A start may be waiting for a list that is empty now. */
		wake = subs->nr_waiting;
	} else if (atomic_read_acquire(&subs->walkers) || subs->deferred) {
		/* No walker, but deferred changes: this one is applied with them. */
		subs->stats.deferred_removes++;
		defer_change(subs, sub, INTERVAL_REMOVING);
		wait = true;
	} else {
		unlink_interval(subs, sub);
	}
	spin_unlock(&subs->lock);
	if (wake)
		wake_up_all(&subs->waiters);
	if (wait)
		wait_until_out(subs, sub);
	notifier_interval_left(sub);
}
