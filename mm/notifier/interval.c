// SPDX-License-Identifier: MIT
/*
 * mm/notifier/interval.c - watch an interval: insert, remove, read
 *
 * Problem.  A device fault looks a page up while other threads change the mapping.
 * By the time it installs what it found, that may be stale. And a subscription
 * comes and goes while walks over the tree are under way.
 *
 * Idea.  A device fault takes no lock against changes. It reads the number in its
 * subscription, looks the page up, takes the driver's own lock, and compares. If
 * an invalidation has come between, it begins again (collide and retry).
 *
 *	sub->seq	an open range	a reader, under the driver's lock
 *	as at begin	none overlaps	may install
 *	as at begin	overlaps	may install: the callback has not run yet;
 *					when it runs, it drops what was installed
 *	changed		any		begins again
 *
 *	read_begin()	none overlaps	goes on at once; without a lock if no open
 *					range overlaps any interval
 *	read_begin()	overlaps	sleeps until the ranges that were open at
 *					its call have ended; a later one will show
 *					as a changed number
 *
 * So a reader waits for no range that does not touch its interval, and for none
 * that began after its call. Only the first section of a subscription may wait for
 * more: for all ranges that were open when it was inserted (->settle_gp).
 * mm/notifier/rounds.c bounds how often a reader begins again.
 *
 *	walkers	tree		insert		remove
 *	0	may change	at once		at once
 *	>0	frozen		deferred	deferred; the remover sleeps
 *
 *	field			read with		written with
 *	->tree			->lock, or as walker	->lock, no walker
 *	->nr_intervals		alone			->lock
 *	->open_overlaps is NULL?	acquire, after sub->seq	->lock, release
 *	->walkers		atomic			atomic, up: ->lock
 *	->deferred		->lock; NULL? last walker ->lock
 *	sub->invalidate_seq	driver lock, or ONCE	driver lock, in callback
 *	sub->settle_gp		->lock; acquire, for 0	->lock, release
 *
 * The races it must win, each forced by the test named:
 *
 *	device fault				munmap
 *	seq = read_begin()
 *						start: callback, sub->seq = 7
 *	pfn = look the page up
 *						entry cleared, frame freed; end
 *	lock(driver); read_retry() -> true	(must be true: pfn is stale)
 *	    fault_that_raced_an_unmap_retries
 *
 *	device fault				munmap
 *						start: callback, sub->seq = 7
 *	seq = sub->seq, is 7
 *	open_overlaps is not NULL: sleep		entry not cleared yet
 *						end, wakes
 *	read_begin() returns 7: all later
 *	    read_begin_waits_while_an_overlapping_range_is_open
 *
 *	remove					start, on its way through callbacks
 *	walkers is 1: defer, sleep
 *						last callback; takes it out; wakes
 *	sees, under ->lock, that it is out
 *	returns; the driver frees it
 *	    remove_waits_for_the_walk_and_sees_it_under_the_lock
 *
 *	remove A		start			remove B
 *	deferred, sleeps
 *				walkers is 0 now
 *							takes out A and B
 *				nothing is deferred
 *	is woken: by the other remover
 *	    a_removal_that_applies_others_wakes_their_removers
 *
 * Lifetime.  A subscription holds the mm struct (mm_count) from insert to remove.
 * Not here:
 * the walk that calls subscriptions (mm/notifier/range.c), the tree itself.
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
 * Somebody waits for the walks to end: let them, before beginning another.
 * Comes back with the lock held and the search done again.
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
	/* Before the first callback stores the number: see read_begin. */
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
 * Whoever changes the tree reads the walkers with an acquire: all that this
 * walk read of the tree was read before. Without the lock: whoever puts
 * something off looks at the walkers again after it has done so, and so
 * either sees that this was the last or is seen. The decrement is a store before
 * a load: it needs the full barrier after it (litmus.walk_end) and, for the reads
 * of the tree, the one before it (litmus.walk_end_tree).
 */
static void end_walk(struct mmu_notifier_subscriptions *subs)
{
	if (atomic_dec_and_test(&subs->walkers) &&
	    READ_ONCE(subs->deferred) != NULL)
		last_walk_ended(subs);
}

/*
 * @node is the first interval that the range overlaps; ->lock is held and
 * dropped. On return the range is on ->open_overlaps, even if a callback refused. Out
 * of line, so that a range that overlaps nothing pays nothing for it.
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

/* Not open any more: readers of what it hit may go on. */
void notifier_interval_end(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range)
{
	unsigned int waiting;

	spin_lock(&subs->lock);
	/* Release: who finds none open finds what the change has left. */
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
 * Put @sub where ranges find it. Ranges that are open already do not know of it,
 * so its first reader waits for them. A range counts itself before it looks for
 * intervals; we add the interval before we read the count. Either the range sees
 * the interval, or we see the range.
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

/* The last walker has gone: do what had to wait. */
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
		/* The last walker will find an empty list and wake nobody. */
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
		/* A start may be giving way to a list that is empty now. */
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
