// SPDX-License-Identifier: MIT
/*
 * mm/notifier/callbacks.c - what follows a callback: its result, a second pass, a free
 *
 * Problem.  A callback may refuse a range that may not sleep, and no other. An interval
 * may leave its device at work in a first pass, and needs a second one to wait for it.
 * release() and free_notifier() are called on several ways, and each time something
 * goes with them.
 *
 * Idea.  Each of these is one function, called by the walks of range starts and ends,
 * by exit, unregister and put. The second passes that a start owes are a list in the
 * range, in the order of the first passes (R4.31).
 *
 *	field			read with		written with
 *	range->core.finish	its invalidator		its invalidator
 *
 * Here stands also the map of the lock validator under which all callbacks run (R5.1).
 *
 * Locks: none of the notifiers' is held over a callback. Lifetime: the walk of the
 * start keeps a subscription until its second pass is over. Not here: the walks
 * (mm/notifier/interval.c, mm/notifier/plain.c, mm/notifier/entries.c).
 */
#include "internal.h"

DEFINE_LOCKDEP_MAP(mmu_notifier_invalidate_range_start_map,
		   "mmu_notifier_invalidate_range_start");

/* --- intervals ------------------------------------------------------------ */

bool notifier_first_pass(struct mmu_notifier_subscriptions *subs,
			 struct mmu_interval_notifier *sub,
			 struct mmu_notifier_range *range)
{
	struct mmu_interval_notifier_finish *finish = NULL;

	if (!sub->ops->invalidate_start(sub, range, range->core.seq, &finish))
		return false;
	if (finish) {
		finish->interval_sub = sub;
		finish->next = NULL;
		*range->core.finish_tail = finish;
		range->core.finish_tail = &finish->next;
		notifier_count_pass(subs, sub, 1);
	}
	return true;
}

void notifier_finish_intervals(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range)
{
	struct mmu_interval_notifier_finish *finish, *next;
	unsigned long since = notifier_observe_begin();
	struct mmu_interval_notifier *sub;

	for (finish = range->core.finish; finish; finish = next) {
		next = finish->next;
		sub = finish->interval_sub;
		sub->ops->invalidate_finish(finish);
		if (since)
			notifier_observe_finish(subs, range, sub, since);
		notifier_count_pass(subs, sub, -1);
		since = notifier_observe_begin();
	}
}

int notifier_interval_returned(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range,
			       struct mmu_interval_notifier *sub, bool ok,
			       unsigned long since)
{
	if (since)
		notifier_observe_call(subs, range, &sub->stats, sub, since,
				      ok ? 0 : -EAGAIN);
	if (ok)
		return 0;
	if (!mmu_notifier_range_blockable(range)) {
		if (IS_ENABLED(CONFIG_DEBUG))
			notifier_check_refusal(sub, range);
		return -EAGAIN;
	}
	WARN(true, "interval %p would block in blockable %s", (void *)sub,
	     mmu_notifier_event_name(range->event));
	return 0;
}

/* --- plain subscriptions -------------------------------------------------- */

/*
 * A subscription refused a start. A refusal is an error only if the range may not sleep;
 * else it is a bug of the driver, which is reported and ignored. Return: the error of the
 * start, or 0.
 */
static int check_refusal(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range, int err)
{
	bool blockable = mmu_notifier_range_blockable(range);

	WARN(blockable || err != -EAGAIN, "%pS returned %d to %s %s",
	     (void *)sub->ops->invalidate_range_start, err,
	     blockable ? "blockable" : "non-blocking",
	     mmu_notifier_event_name(range->event));
	if (blockable)
		return 0;
	WARN(sub->ops->invalidate_range_end != NULL,
	     "%pS may fail and has an end",
	     (void *)sub->ops->invalidate_range_start);
	return err;
}

int notifier_start_returned(struct mmu_notifier_subscriptions *subs,
			    const struct mmu_notifier_range *range,
			    struct mmu_notifier *sub, int err,
			    unsigned long since)
{
	if (since && sub->ops->invalidate_range_start)
		notifier_observe_call(subs, range, &sub->stats, sub, since, err);
	return err ? check_refusal(sub, range, err) : 0;
}

void notifier_start_failed(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		notifier_check_failed(range);
	spin_lock(&subs->lock);
	subs->stats.failed_starts++;
	spin_unlock(&subs->lock);
}

/* Under the map, as every callback: a thread that exits or unregisters waits for it. */
void notifier_call_release(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier *sub)
{
	unsigned long since = notifier_observe_begin();

	mmu_notifier_map_acquire();
	sub->ops->release(sub, subs->mm);
	mmu_notifier_map_release();
	if (since)
		notifier_observe_callback(subs, sub, "release", 0, ~0ul, 0,
					  since);
}

/* No walk can see @sub any more: free it, and drop its reference in mm_count. */
void notifier_put_free(struct mmu_notifier *sub)
{
	struct mm_struct *mm = sub->mm;

	notifier_observe_remove(sub);
	notifier_forget(sub->stats);
	non_block_start();
	sub->ops->free_notifier(sub);
	non_block_end();
	mmdrop(mm);
}
