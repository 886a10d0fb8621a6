// SPDX-License-Identifier: MIT
/*
 * mm/notifier/read.c - begin the read section of a device fault
 *
 * Problem.  A device fault looks a page up while other threads change the mapping. By
 * the time it installs what it found, that may be stale.
 *
 * Idea.  The device fault, called the reader here, takes no lock against changes. It
 * reads the number in its subscription, looks the page up, takes the driver's own
 * lock, and compares. If an invalidation has stored another number, it retries
 * (collide and retry).
 *
 *	at begin			read_begin()
 *	no open range overlaps		returns at once; takes no lock if no open range
 *					overlaps any interval
 *	an open range overlaps		sleeps until the ranges that were open at its
 *					call have ended; a later one will show as a
 *					changed number
 *
 *	at retry: number	open range that	the reader, under the driver's lock
 *				overlaps
 *	unchanged		none		installs
 *	unchanged		callback not	installs: when the callback runs, it
 *				run yet		drops what was installed
 *	changed			any		retries
 *
 * So a reader waits for no range that does not overlap its interval, and for none that
 * began after its call. The exception is a subscription that has not settled yet. Its
 * readers wait for all ranges that were open in the mm when it entered the tree, and
 * perhaps for some that began before the last of those ended: for one or two grace
 * periods of the gate ->ranges (sub->settle_gp). mm/notifier/rounds.c bounds how often
 * a reader retries.
 *
 *	field			read with		written with
 *	sub->invalidate_seq	driver lock; acquire;	driver lock, release
 *				check_retry():
 *				READ_ONCE
 *	->open_overlaps is	acquire, after		->lock; at an end: release
 *	NULL?			sub->invalidate_seq
 *	->open_overlaps		->lock			->lock
 *	sub->settle_gp		->lock; acquire, for 0	->lock, release
 *
 * The races it must win, each forced by the test named:
 *
 *	device fault				munmap
 *	seq = read_begin()
 *						start: callback stores 7
 *	pfn = look the page up
 *						entry cleared, frame freed; end
 *	lock(driver); read_retry() -> true	(must be true: pfn is stale)
 *	    fault_that_raced_an_unmap_retries
 *
 *	device fault				munmap
 *						start: callback stores 7
 *	reads 7 as its number
 *	->open_overlaps is not NULL: sleep	entry not cleared yet
 *						end, wakes
 *	read_begin() returns 7; the look-up
 *	that follows sees the changed entry
 *	    read_begin_waits_while_an_overlapping_range_is_open
 *
 * Lifetime.  The subscription holds mm_count, so the object of its mm stays. The reader
 * holds mm_users, so the page tables that it walks stay. Not here: the callbacks and
 * the list of open ranges (mm/notifier/interval.c).
 */
#include "internal.h"

static unsigned long read_begin_slow(struct mmu_notifier_subscriptions *subs,
				     struct mmu_interval_notifier *sub);
static bool may_read(struct mmu_notifier_subscriptions *subs,
		     struct mmu_interval_notifier *sub, unsigned long newest);
static bool has_settled(struct mmu_notifier_subscriptions *subs,
			struct mmu_interval_notifier *sub)
	__must_hold(subs->lock);
static bool overlaps_open(struct mmu_notifier_subscriptions *subs,
			  const struct mmu_interval_notifier *sub,
			  unsigned long newest) __must_hold(subs->lock);

unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = sub->subscriptions;
	unsigned long seq;

	might_sleep();
	mmu_notifier_might_invalidate();
	/*
	 * The number first, then the list. A reader that sees a range's number also
	 * sees, after it, that the range is open or has ended. In the other order a
	 * range could start in between and stay unseen. The number pairs with the
	 * release in mmu_interval_set_seq(), the list with the one in
	 * notifier_interval_end() (litmus.read_begin).
	 */
	seq = smp_load_acquire(&sub->invalidate_seq);
	if (unlikely(smp_load_acquire(&subs->open_overlaps) ||
		     smp_load_acquire(&sub->settle_gp)))
		return read_begin_slow(subs, sub);
	return notifier_observe_read(sub, seq);
}

/*
 * Wait for the ranges that are open at the call. If no range overlaps after that, the
 * number read then is right. If a newer range overlaps, its callback may have stored its
 * number already, and that number will still be there while its change is under way:
 * returning it would let a stale page pass. So return the number from before the wait.
 * If the newer callback has run, the reader retries; if it has not, it will drop what
 * the reader installs. Not inlined: most sections begin without waiting.
 */
static noinline unsigned long
read_begin_slow(struct mmu_notifier_subscriptions *subs,
		struct mmu_interval_notifier *sub)
{
	unsigned long seq, newest;

	spin_lock(&subs->lock);
	seq = READ_ONCE(sub->invalidate_seq);
	newest = subs->last_seq;
	if (!has_settled(subs, sub) || overlaps_open(subs, sub, newest)) {
		subs->nr_waiting++;
		spin_unlock(&subs->lock);
		notifier_observe_wait(subs, sub);
		wait_event_reporting(
			&subs->waiters, may_read(subs, sub, newest),
			notifier_report_open(subs->mm, "a reader waits long"));
		spin_lock(&subs->lock);
		subs->nr_waiting--;
		if (!overlaps_open(subs, sub, subs->last_seq))
			seq = smp_load_acquire(&sub->invalidate_seq);
	}
	spin_unlock(&subs->lock);
	return notifier_observe_read(sub, seq);
}

static bool may_read(struct mmu_notifier_subscriptions *subs,
		     struct mmu_interval_notifier *sub, unsigned long newest)
{
	bool may;

	spin_lock(&subs->lock);
	may = has_settled(subs, sub) && !overlaps_open(subs, sub, newest);
	spin_unlock(&subs->lock);
	return may;
}

/* Also clears ->settle_gp once that is over, so that later readers need no lock. */
static bool has_settled(struct mmu_notifier_subscriptions *subs,
			struct mmu_interval_notifier *sub) __must_hold(subs->lock)
{
	if (sub->settle_gp && sub->settle_gp <= subs->ranges.completed)
		smp_store_release(&sub->settle_gp, 0);
	return !sub->settle_gp;
}

/*
 * Does an open range overlap @sub? Ranges with a number after @newest are left out;
 * pass subs->last_seq to mean any open range.
 */
static bool overlaps_open(struct mmu_notifier_subscriptions *subs,
			  const struct mmu_interval_notifier *sub,
			  unsigned long newest) __must_hold(subs->lock)
{
	const struct mmu_notifier_range *range;

	for (range = subs->open_overlaps; range; range = range->core.next) {
		/* A difference, not an order: numbers may wrap (R4.25). */
		if ((long)(range->core.seq - newest) <= 0 &&
		    interval_tree_overlaps(&sub->interval_tree, range->start,
					   range->end))
			return true;
	}
	return false;
}
