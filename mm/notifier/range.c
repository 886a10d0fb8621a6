// SPDX-License-Identifier: MIT
/*
 * mm/notifier/range.c - start and end: notify devices before a mapping changes
 *
 * Problem.  A device caches translations. If the CPU side changes a mapping and
 * frees the frame first, the device writes to a page that is someone else's by then.
 * Every change of every address space passes here, and most address spaces have no
 * device.
 *
 * Idea.  An invalidator, the code that changes a mapping, brackets its change by a
 * start and an end. In between the range is counted in one word of the mm,
 * mm->notifier_ranges, whether the mm has subscribers or not. In an mm that has had a
 * subscriber, start does this:
 *
 *	1. count the range			(include/mm/notifier/start.h)
 *	2. a grace period of ranges runs?	count it where no thread waits for it
 *						(mm/notifier/gate.c)
 *	3. there are intervals?			call those that it overlaps
 *						(mm/notifier/interval.c)
 *	4. there are plain subscriptions?	call them all, newest first
 *						(mm/notifier/plain.c)
 *	5. one refused?				close the range again, as end would;
 *						return the error
 *
 * The end counts the range down, closes it for the intervals, and calls the plain
 * subscriptions that start called. Only a start that may not sleep can fail. If an
 * interval refuses, no plain subscription is called. If a plain one refuses, the
 * intervals have been called already, so start closes the range for them before it
 * returns the error (failed_plain_start_closes_the_interval_range).
 *
 * Registration.  A new subscription must not install a translation that a range,
 * begun before it, then changes without a callback. Linux takes every lock under which
 * a range may be open. Here the new subscription waits for the ranges that are counted
 * at that moment: a plain one sleeps in its registration; an interval one returns, and
 * its readers sleep until it has settled.
 *
 *	range				new subscription
 *	count itself (full barrier)	publish itself
 *	look for subscriptions		full barrier, read the count
 *
 * One of the two sees the other: the range calls the subscription, or the subscription
 * waits for the range. Each side stores and then loads, and only a full barrier keeps
 * these in order (litmus.range_count; without the barrier, litmus.range_count_seq_cst
 * and litmus.range_count_no_barrier). docs/adr/0007-registration-without-a-sweep.md
 * has the argument.
 *
 * Both or neither.  Each plain subscription has a birth number. Start notes the newest
 * birth that it calls in the range; end calls none that is newer (R2.20). If a start
 * could read the list before its count is visible, a new subscription could be missing
 * from that list, and yet find the count at 0 and not wait. It would be called neither
 * at start nor at end, and miss the change. The full barrier of the count forbids that
 * (litmus.births).
 *
 *	field			read with		written with
 *	mm->notifier_ranges	atomic			atomic; SELECT, BUSY: and ->lock
 *	->nr_intervals		no lock, range counted	->lock
 *	->newest is NULL?	no lock, range counted	->lock
 *	range->core		its invalidator; seq,	the same; list links: ->lock
 *				next: also ->lock
 *
 * ->lock is a spinlock below every other lock of the mm, page-table locks included.
 * Inside it only wait queues and freeing_lock (mm/notifier/get.c) are taken.
 *
 * The race it must win (insert_while_a_range_is_open_makes_the_first_reader_wait):
 *
 *	munmap					device
 *	counted; finds no subscription
 *						insert: requests a grace period
 *						read_begin(): sleeps (must sleep)
 *	entry cleared, frame freed; end
 *						looks up, installs: not stale
 *
 * Lifetime.  The first subscription makes the object of the mm, which lives as long as
 * the mm struct. A range needs the mm alive between its two calls, and stays where it
 * is, because lists lead through it.
 *
 * Not here: how either kind is called, statistics (mm/notifier/stats.c), page tables,
 * architectures. R-numbers are rules of docs/semantics.md; litmus.x is
 * tests/model/litmus/x.litmus.
 */
#include "internal.h"

static void undo_start(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier_range *range);

/* --- start and end -------------------------------------------------------- */

/* While one runs, a start and an end take the slow path of the gate ->ranges. */
static bool grace_period_runs(const struct mm_struct *mm)
{
	return atomic64_read(&mm->notifier_ranges) & NOTIFIER_GATE_BUSY;
}

int __mmu_notifier_range_start(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(range->mm);
	int ret = 0;

	/*
	 * mmu_notifier_range_open() has counted the range in epoch 0. While a grace
	 * period runs that may be the old epoch: this undoes it and counts the range
	 * in the current one. End subtracts the ticket that it returns.
	 */
	if (unlikely(grace_period_runs(range->mm)))
		range->core.ticket = notifier_gate_enter_slow(&subs->ranges);
	if (notifier_observing())
		notifier_observe_start(subs, range);
	if (READ_ONCE(subs->nr_intervals))
		ret = notifier_interval_start(subs, range);
	if (!ret && READ_ONCE(subs->newest))
		ret = notifier_plain_start(subs, range);
	if (notifier_observing())
		notifier_observe_started(subs, range, ret);
	if (ret)
		undo_start(subs, range);
	return ret;
}

/*
 * mmu_notifier_invalidate_range_end() has counted the range down. The change is made,
 * so a new subscription that waits for the range may go on while these callbacks run.
 * Use what start recorded in the range: subscriptions may have come and gone since.
 */
void __mmu_notifier_range_end(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(range->mm);

	if (notifier_observing())
		notifier_observe_ending(subs, range);
	if (unlikely(grace_period_runs(range->mm)))
		notifier_gate_leave_slow(&subs->ranges);
	if (range->core.seq)
		notifier_interval_end(subs, range);
	if (range->core.newest_birth)
		notifier_plain_end(subs, range);
	if (notifier_observing())
		notifier_observe_end(range);
}

/*
 * After a failed start the caller does not call end. Close the range for the intervals
 * and drop its count (R3.6, R3.7). If the plain subscriptions were called, all of them
 * were: call the end of each that has one (R3.3).
 */
static void undo_start(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier_range *range)
{
	long ticket = range->core.ticket;

	if (range->core.seq)
		notifier_interval_end(subs, range);
	if (range->core.newest_birth)
		notifier_plain_end(subs, range);
	range->core.ticket = 0;
	notifier_start_failed(subs, range);
	notifier_gate_leave(&subs->ranges, ticket);
}

/*
 * The RELEASE of exit is not counted as an open range, and has no end. Readers wait
 * for it only while its callbacks run. Subscriptions stay in the tree until they are
 * removed (R4.16).
 */
void notifier_interval_release(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range)
{
	notifier_interval_start(subs, range);
	notifier_observe_started(subs, range, 0);
	if (range->core.seq)
		notifier_interval_end(subs, range);
}

/* --- the object of an mm -------------------------------------------------- */

/* A wait for the open ranges takes long. */
static void ranges_late(struct notifier_gate *gate)
{
	notifier_report_open(
		container_of(gate, struct mmu_notifier_subscriptions, ranges)->mm,
		"a long wait for ranges to end");
}

/* A wait for walks takes long: a callback of an open range sleeps, or of exit. */
static void calls_late(struct notifier_gate *gate)
{
	notifier_report_open(
		container_of(gate, struct mmu_notifier_subscriptions, calls)->mm,
		"a long wait for callbacks");
}

void notifier_subscriptions_init(struct mmu_notifier_subscriptions *subs)
{
	interval_tree_init(&subs->tree);
	notifier_gate_init(&subs->ranges, &subs->mm->notifier_ranges,
			   &subs->lock, &subs->waiters);
	/* SLOW of this word also says that the mm has had a subscriber. */
	subs->ranges.always_slow = true;
	subs->ranges.late = ranges_late;
	notifier_gate_init(&subs->calls, &subs->call_word, &subs->lock,
			   &subs->waiters);
	subs->calls.late = calls_late;
}
