// SPDX-License-Identifier: MIT
/*
 * mm/notifier/interval.c - call intervals; change the tree when no walker is in it
 *
 * Problem.  A start calls each interval subscription that its range overlaps. Callbacks
 * sleep, and subscriptions come and go meanwhile.
 *
 * Idea.  A start needs ->lock only to begin its walk: to find the first interval that
 * its range overlaps, and to count itself in ->walkers. Then it follows the links of the
 * tree without a lock, from callback to callback. While ->walkers is above 0 the tree is
 * frozen: an insertion or removal goes on ->deferred, and the last walker applies it. A
 * start that may sleep first lets ->deferred empty, so a stream of starts does not
 * starve a removal.
 *
 *	walkers	tree		insert		remove
 *	0	may change	at once		at once
 *	>0	frozen		deferred	deferred; the remover sleeps
 *
 * A range that overlaps an interval gets a number of its own, the next odd one of the
 * mm. Its callbacks store it in the subscriptions. The range is in ->open_overlaps from
 * before its first callback until its end, but it is a walker only until its last
 * callback has returned.
 *
 * A range that was open when a subscription entered the tree does not call it. Until all
 * such ranges have ended (->settle_gp), each reader of the subscription waits for them.
 *
 *	field			read with		written with
 *	->tree			->lock, or as walker	->lock, no walker
 *	->nr_intervals		no lock, range counted	->lock
 *	->walkers		atomic			atomic; up: ->lock
 *	->deferred		->lock; NULL?: no lock,	->lock
 *				counted out of ->walkers
 *	->last_seq		->lock			->lock
 *	->open_overlaps		->lock; read.c: acquire	->lock; at an end: release
 *	sub->state		->lock			->lock
 *	sub->settle_gp		read.c			->lock, release
 *
 * The races it must win, each forced by the test named:
 *
 *	remove					start, in its walk
 *	->walkers is 1: defer, sleep
 *						last callback returns; unlink; wake
 *	sees, under ->lock, that it is out
 *	returns; the driver frees it
 *	    remove_waits_for_the_walk_and_sees_it_under_the_lock
 *
 *	remove A		start			remove B
 *	defer, sleep
 *				->walkers is 0 now
 *							unlinks A and B
 *				nothing is deferred
 *	is woken: by the other remover
 *	    a_removal_that_applies_others_wakes_their_removers
 *
 * Lifetime.  A subscription holds the mm struct (mm_count) from insert to remove. A range
 * stays where it is from start to end, because ->open_overlaps links it.
 *
 * Not here: plain subscriptions (mm/notifier/plain.c), readers (mm/notifier/read.c), the
 * tree itself (mm/notifier/interval_tree.c).
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

static bool walk_may_begin(struct mmu_notifier_subscriptions *subs)
{
	bool may;

	spin_lock(&subs->lock);
	may = !subs->deferred;
	spin_unlock(&subs->lock);
	return may;
}

/*
 * Insertions or removals wait for ->walkers to be 0: sleep until they are done, before
 * adding a walker. Return: the search repeated, with the lock held.
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
	/* Before the first callback stores the number: mmu_interval_read_begin(). */
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

/* Call @node's subscription and all after it that the range overlaps. */
static int walk_intervals(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier_range *range,
			  struct interval_tree_node *node)
{
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

static void last_walk_ended(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	if (!atomic_read_acquire(&subs->walkers) && subs->deferred)
		apply_deferred(subs);
	spin_unlock(&subs->lock);
	wake_up_all(&subs->waiters);
}

/*
 * Two threads race here. This one counts itself out of ->walkers and then looks at
 * ->deferred. A thread that defers links its change and then looks at ->walkers. Both
 * have a full barrier in between, so at least one sees the other and applies the change
 * (litmus.walk_end).
 *
 * A thread that changes the tree reads ->walkers with an acquire. The full barrier before
 * the decrement keeps this walk's reads of the tree before it (litmus.walk_end_tree).
 */
static void end_walk(struct mmu_notifier_subscriptions *subs)
{
	if (atomic_dec_and_test(&subs->walkers) &&
	    READ_ONCE(subs->deferred) != NULL)
		last_walk_ended(subs);
}

/*
 * @node is the first interval that the range overlaps; ->lock is held and dropped. On
 * return the range is on ->open_overlaps, even if a callback refused; unless the last
 * interval that it overlaps left while it yielded. Out of line, so that a range that
 * overlaps nothing pays nothing for it.
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

/* The range is not open any more: readers of the intervals it overlaps may go on. */
void notifier_interval_end(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range)
{
	unsigned int waiting;

	spin_lock(&subs->lock);
	/* Release: a reader that finds no range open sees the changed mapping. */
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

static noinline u64 open_ranges_gp(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	u64 gp = notifier_gate_request(&subs->ranges);

	return gp > subs->ranges.completed ? gp : 0;
}

/*
 * Put @sub where ranges find it. Ranges that are open already do not call it, so until
 * it has settled, each of its readers waits for them. A range counts itself before it
 * looks for intervals; this adds the interval before it reads the count. Either the range
 * sees the interval, or this sees the range.
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
	/* Store once: the owner of a deferred insertion reads it without the lock. */
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

/* No walker is left: apply the deferred insertions and removals. */
static void apply_deferred(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	struct mmu_interval_notifier *sub, *next;

	for (sub = subs->deferred; sub; sub = next) {
		/* Its owner may free a removed one once the lock is free. */
		next = sub->deferred;
		if (sub->state == INTERVAL_ADDING)
			link_interval(subs, sub);
		else
			unlink_interval(subs, sub);
	}
	WRITE_ONCE(subs->deferred, NULL);
}

/* Defer an insert or remove until no walker is left; do it now if there is none. */
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

/* Look under the lock: without it the walker might still be at @sub (R4.14). */
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
		/* A start may be yielding to a list that is empty now. */
		wake = subs->nr_waiting;
	} else if (atomic_read_acquire(&subs->walkers) || subs->deferred) {
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
