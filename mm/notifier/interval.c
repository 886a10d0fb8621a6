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
 * more: for all ranges that were open when it was inserted (->settle).
 * mm/notifier/rounds.c bounds how often a reader begins again.
 *
 *	walkers	tree		insert		remove
 *	0	may change	at once		at once
 *	>0	frozen		deferred	deferred; the remover sleeps
 *
 *	field			read with		written with
 *	->tree			->lock, or as walker	->lock, no walker
 *	->nr_intervals		alone			->lock
 *	->open_hits is NULL?	acquire, after sub->seq	->lock, release
 *	->walkers		atomic			atomic, up: ->lock
 *	->deferred		->lock; NULL? last walker ->lock
 *	sub->invalidate_seq	driver lock, or ONCE	driver lock, in callback
 *	sub->settle		->lock; acquire, for 0	->lock, release
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
 *	open_hits is not NULL: sleep		entry not cleared yet
 *						end, wakes
 *	read_begin() returns 7: all later
 *	    read_begin_waits_while_a_range_that_hits_is_open
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
 *	    who_takes_others_out_wakes_them
 *
 * Lifetime.  A subscription holds the mm struct (mm_count) from insert to remove.
 * Not here:
 * the walk that calls subscriptions (mm/notifier/range.c), the tree itself.
 */
#include "internal.h"

/* Waiting for walkers: see interval_sub->settle. */
#define SETTLE_NEVER (~(u64)0)

/* --- the tree changes when no walker is in it --------------------------------- */

static noinline u64 settle_later(struct mmu_notifier_subscriptions *subs)
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
static inline void link_interval(struct mmu_notifier_subscriptions *subs,
				 struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	u64 settle = 0;

	WRITE_ONCE(subs->nr_intervals, subs->nr_intervals + 1);
	/* Pairs with the atomic in mmu_notifier_range_open(). */
	smp_mb();
	if (unlikely(notifier_gate_word_occupied(&subs->mm->notifier_ranges)))
		settle = settle_later(subs);
	/* Store once: the owner of a deferred insertion reads it without the lock. */
	smp_store_release(&sub->settle, settle);
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

void notifier_last_walk_ended(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	if (!atomic_read_acquire(&subs->walkers) && subs->deferred)
		apply_deferred(subs);
	spin_unlock(&subs->lock);
	wake_up_all(&subs->waiters);
}

/* Defer an insert or remove until no walker is left; do it now if there is none. */
static noinline void put_off(struct mmu_notifier_subscriptions *subs,
			     struct mmu_interval_notifier *sub,
			     enum interval_state state) __must_hold(subs->lock)
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

/* --- interval subscriptions: readers --------------------------------------- */

/*
 * Does an open range overlap @sub? Ranges numbered after @newest do not count; pass
 * subs->invalidate_seq to mean any open range.
 */
static bool is_open(struct mmu_notifier_subscriptions *subs,
		    const struct mmu_interval_notifier *sub,
		    unsigned long newest) __must_hold(subs->lock)
{
	const struct mmu_notifier_range *range;

	for (range = subs->open_hits; range; range = range->core.next) {
		/* A difference, not an order: numbers may wrap (R4.25). */
		if ((long)(range->core.seq - newest) <= 0 &&
		    interval_tree_meets(&sub->interval_tree, range->start,
					range->end))
			return true;
	}
	return false;
}

static bool has_settled(struct mmu_notifier_subscriptions *subs,
			struct mmu_interval_notifier *sub) __must_hold(subs->lock)
{
	if (sub->settle && sub->settle <= subs->ranges.completed &&
	    sub->settle != SETTLE_NEVER)
		smp_store_release(&sub->settle, 0);
	return !sub->settle;
}

static bool reader_may_go(struct mmu_notifier_subscriptions *subs,
			  struct mmu_interval_notifier *sub, unsigned long newest)
{
	bool may;

	spin_lock(&subs->lock);
	may = has_settled(subs, sub) && !is_open(subs, sub, newest);
	spin_unlock(&subs->lock);
	return may;
}

/*
 * Wait for the ranges that are open at the call. If no newer one is open then, the
 * number read after the wait is right. Else return the number from before the wait:
 * the newer range has changed it or will, so the reader retries.
 */
static noinline unsigned long
read_begin_slow(struct mmu_notifier_subscriptions *subs,
		struct mmu_interval_notifier *sub)
{
	unsigned long seq, newest;

	spin_lock(&subs->lock);
	seq = READ_ONCE(sub->invalidate_seq);
	newest = subs->invalidate_seq;
	if (!has_settled(subs, sub) || is_open(subs, sub, newest)) {
		subs->nr_waiting++;
		spin_unlock(&subs->lock);
		notifier_observe_wait(subs, sub);
		wait_event_reporting(
			&subs->waiters, reader_may_go(subs, sub, newest),
			notifier_report_open(subs->mm, "a reader waits long"));
		spin_lock(&subs->lock);
		subs->nr_waiting--;
		if (!is_open(subs, sub, subs->invalidate_seq))
			seq = smp_load_acquire(&sub->invalidate_seq);
	}
	spin_unlock(&subs->lock);
	return seq;
}

unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = sub->subscriptions;
	unsigned long seq;

	might_sleep();
	mmu_notifier_might_invalidate();
	/*
	 * The number first, then the list. A reader that sees a range's number
	 * also sees, after it, that the range is open or has ended. In the other
	 * order a range could begin in between and stay unseen. Pairs with the
	 * release in mmu_interval_set_seq(); "not open" pairs with that in
	 * close_hit(): litmus.read_begin.
	 */
	seq = smp_load_acquire(&sub->invalidate_seq);
	if (unlikely(smp_load_acquire(&subs->open_hits) ||
		     smp_load_acquire(&sub->settle)))
		return read_begin_slow(subs, sub);
	return seq;
}

/* --- interval subscriptions: coming and going ------------------------------ */

int notifier_interval_join(struct mmu_notifier_subscriptions *subs,
			   struct mmu_interval_notifier *sub)
{
	spin_lock(&subs->lock);
	sub->invalidate_seq = subs->invalidate_seq;
	if (likely(!atomic_read_acquire(&subs->walkers))) {
		link_interval(subs, sub);
	} else {
		sub->settle = SETTLE_NEVER;
		subs->stats.deferred_adds++;
		put_off(subs, sub, INTERVAL_ADDING);
	}
	spin_unlock(&subs->lock);
	return 0;
}

static void drop_from_deferred(struct mmu_notifier_subscriptions *subs,
			       struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	struct mmu_interval_notifier **link = &subs->deferred;

	while (*link != sub)
		link = &(*link)->deferred;
	WRITE_ONCE(*link, sub->deferred);
	WRITE_ONCE(sub->state, INTERVAL_OUT);
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
		drop_from_deferred(subs, sub);
		/* A start may be giving way to a list that is empty now. */
		wake = subs->nr_waiting;
	} else if (atomic_read_acquire(&subs->walkers) || subs->deferred) {
		subs->stats.deferred_removes++;
		put_off(subs, sub, INTERVAL_REMOVING);
		wait = true;
	} else {
		unlink_interval(subs, sub);
	}
	spin_unlock(&subs->lock);
	if (unlikely(wake))
		wake_up_all(&subs->waiters);
	if (unlikely(wait))
		wait_until_out(subs, sub);
	notifier_interval_left(sub);
}
