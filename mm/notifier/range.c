// SPDX-License-Identifier: MIT
/*
 * mm/notifier/range.c - begin and end a range: tell devices before a mapping changes
 *
 * Problem.  A device caches translations. If the CPU side changes a mapping and
 * frees the frame first, the device writes to someone else's page. Every change of
 * every address space passes here, and most address spaces have no device.
 *
 * Idea.  An invalidator brackets its change by a start and an end. The range in
 * between is counted in one word of the mm, whether a driver subscribes or not. In
 * an mm that has subscribers, start does this:
 *
 *	1. count the range		mmu_notifier_range_open(), in
 *					include/mm/notifier/start.h; only then is
 *					this file called
 *	2. a grace period of the gate	count it in the epoch that does not have to
 *	   `ranges' runs?		become empty
 *	3. there are intervals?		search the tree; call those that overlap
 *	4. there are plain subscribers?	call them all, newest first
 *	5. one refused?			end all that; return the error
 *
 * The end counts the range down, closes it for the intervals, and calls the plain
 * subscribers that start called.
 *
 * Registration.  A new subscriber must not install a translation that a range, begun
 * before it, then changes without a callback. Linux takes every lock under which a
 * range may be open. Here the new subscriber waits for the ranges that are counted at
 * that moment: a plain one sleeps in its registration, an interval returns and each of
 * its readers waits.
 *
 *	range				new subscriber
 *	count itself (full barrier)	publish itself
 *	look for subscriptions		full barrier, read the count
 *
 * One of the two sees the other: the range calls the new subscriber, or the new
 * subscriber waits for the range. Each side stores and then loads, which only a full
 * barrier keeps in order (litmus.range_count; without the barrier,
 * litmus.range_count_seq_cst and litmus.range_count_no_barrier).
 * docs/adr/0007-registration-without-a-sweep.md has the argument.
 *
 * Both or neither.  Each plain subscription has a birth number. Start notes the highest
 * one that it called in the range; end calls no subscription born later (R2.20). If a
 * start read ->newest before it counted itself, a subscriber could register in between:
 * it sees no count and does not wait, and the start does not see it either. The barrier
 * after the count forbids it (litmus.births).
 *
 *	field			read with		written with
 *	mm->notifier_ranges	atomic			atomic
 *	->nr_intervals		no lock, range counted	->lock
 *	->newest is NULL?	no lock, range counted	->lock, release
 *	range->core		its invalidator		the same; links: ->lock
 *
 * The races it must win, each forced by the test named:
 *
 *	munmap					device
 *	counted; finds no subscriber
 *						insert: requests a grace period
 *						read_begin(): sleeps (must sleep)
 *	entry cleared, frame freed; end
 *						looks up, installs: not stale
 *	    insert_while_a_range_is_open_makes_the_first_reader_wait
 *
 *	start that may not sleep: the intervals drop theirs, a plain one cannot
 *	    -> the range is closed before the error is returned
 *	    failed_plain_start_closes_the_interval_range
 *
 * Lifetime.  The first subscriber makes the object of the mm, which lives as long
 * as the mm struct. A range needs the mm alive between its two calls, and stays
 * where it is.
 *
 * Not here: arguments and references of subscribers (mm/notifier/subscribe.c,
 * mm/notifier/register.c), interval subscriptions (mm/notifier/interval.c),
 * plain ones (mm/notifier/plain.c), the gate (mm/notifier/gate.c), the tree
 * (mm/notifier/interval_tree.c), a driver's loop (mm/notifier/rounds.c), statistics
 * (mm/notifier/stats.c), page tables, architectures.
 */
#include "internal.h"

static void undo_start(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier_range *range);

/* --- start and end -------------------------------------------------------- */

/* Does a grace period of the gate `ranges' of @mm run? */
static bool grace_period_runs(const struct mm_struct *mm)
{
	return atomic64_read(&mm->notifier_ranges) & NOTIFIER_GATE_BUSY;
}

int __mmu_notifier_range_start(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(range->mm);
	int ret = 0;

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
 * The range is not counted any more: the change is made, and a new subscriber that
 * waits for it may go on while these callbacks run. Use what start recorded in
 * the range; subscriptions may have come and gone since.
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
 * After a failed start the caller does not call end. Undo the count and take the
 * range off ->open_overlaps, whichever callback failed (R3.6, R3.7). Plain subscribers
 * were all called, so all that have an end are owed it (R3.3).
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

void notifier_interval_release(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range)
{
	notifier_interval_start(subs, range);
	notifier_observe_started(subs, range, 0);
	if (range->core.seq)
		notifier_interval_end(subs, range);
}

/* --- the object of an mm -------------------------------------------------- */

/* A wait for ranges to end takes long. */
static void ranges_late(struct notifier_gate *gate)
{
	notifier_report_open(
		container_of(gate, struct mmu_notifier_subscriptions, ranges)->mm,
		"a long wait for ranges to end");
}

/* A wait for callbacks takes long: of ranges, if not of exit. */
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
	subs->ranges.always_slow = true;
	subs->ranges.late = ranges_late;
	notifier_gate_init(&subs->calls, &subs->call_word, &subs->lock,
			   &subs->waiters);
	subs->calls.late = calls_late;
}
