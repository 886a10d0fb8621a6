// SPDX-License-Identifier: MIT
/*
 * mm/notifier/range.c - begin and end a range: tell devices before a mapping changes
 *
 * Problem.  A device caches translations. If the CPU side changes a mapping and
 * frees the frame first, the device writes to someone else's page. Every change of
 * every address space passes here, and most address spaces have no device.
 *
 * Idea.  An invalidator brackets its change by a start and an end. The range in
 * between is counted in one word of the mm, whether anybody subscribes or not. In
 * an mm that has subscribers, start does this:
 *
 *	1. count the range			(include/mm/notifier/mmu_notifier.h)
 *	2. a thread waits for ranges to end?	count it in the other epoch
 *	3. there are intervals?			search the tree; call those that overlap
 *	4. there are plain subscribers?		call them all, newest first
 *	5. one refused?				end all that; return the error
 *
 * The end counts the range down, closes it for the intervals, and calls the plain
 * subscribers that start called.
 *
 * A range that overlaps an interval gets a number of its own: the sequence, which
 * only grows, by 2, and is always odd. Its callbacks store it in the subscriptions.
 * While the range is open it stands in ->open_overlaps. Readers compare numbers and
 * look at that list (mm/notifier/interval.c).
 *
 * The walk over the tree counts itself in ->walkers from its search to its last
 * callback, and not until the range ends. While there is a walker the tree does not
 * change: insertions and removals go on a list, and the last walker works it off. A
 * start that may sleep first lets that list empty, so a stream of starts does not
 * starve a removal.
 *
 * Registration.  A newcomer must not install a translation that a range, begun
 * before it, then changes without a callback. Linux takes every lock under which a
 * range may be open. Here the newcomer waits for the ranges that are counted at
 * that moment: a plain one sleeps in its registration, an interval one lets its
 * first reader sleep.
 *
 *	range				newcomer
 *	count itself (full barrier)	publish itself
 *	look for subscriptions		full barrier, read the count
 *
 * One of the two sees the other: the range calls the newcomer, or the newcomer
 * waits for the range. Each side stores and then loads, which only a full barrier
 * keeps in order (litmus.range_count; without the barrier,
 * litmus.range_count_seq_cst and litmus.range_count_no_barrier).
 * docs/adr/0007-registration-without-a-sweep.md has the argument.
 *
 * Both or neither.  Each plain subscription has a birth number. Start notes the
 * highest one it called in the range; end calls nobody born later (R2.20). A start
 * that read the list too early would note nobody, for a newcomer that does not
 * wait: the barrier after the count forbids it (litmus.births).
 *
 *	field			read with		written with
 *	->nr_intervals		alone, range counted	->lock
 *	->newest		acquire, in gate calls	->lock, release
 *	->tree			->lock, or as walker	->lock, no walker
 *	->invalidate_seq	->lock			->lock
 *	->open_overlaps		->lock			->lock
 *	->walkers		atomic			atomic, up: ->lock
 *	range->core		its invalidator		the same; links: ->lock
 *
 * ->lock is a spinlock below every other lock of the mm, page-table locks included.
 * Only wait queues and the lock of the gate `freeing' are taken inside it.
 *
 * The races it must win, each forced by the test named:
 *
 *	munmap					device
 *	counted; finds no subscriber
 *						insert: asks for the count's end
 *						read_begin(): sleeps (must sleep)
 *	entry cleared, frame freed; end
 *						looks up, installs: not stale
 *	    insert_while_a_range_is_open_makes_the_first_reader_wait
 *
 *	start that may not sleep: the intervals let go, a plain one cannot
 *	    -> the range is closed before the error is returned
 *	    failed_plain_start_closes_the_interval_range
 *
 *	start (in its walk)		put
 *	sub = newest
 *	sub->start()			hide it; a walk is inside: defer the free
 *	leave: last, runs the free
 *	    put_frees_after_the_last_callback_has_returned
 *
 *	start, at B, which sleeps	unregister B: C->next = A; waits
 *					unregister A: C->next = NULL; waits
 *	sub = B->next: still A
 *	sub->start(): A is still there
 *	leave: last, wakes both
 *	    a_walk_survives_the_unlinking_of_where_it_stands
 *
 * Lifetime.  The first subscriber makes the object of the mm, which lives as long
 * as the mm struct. A range needs the mm alive between its two calls, and stays
 * where it is.
 *
 * Not here: who subscribes, and with what arguments (mm/notifier/subscribe.c,
 * mm/notifier/register.c), interval subscriptions (mm/notifier/interval.c),
 * plain ones (mm/notifier/plain.c), the gate (mm/notifier/gate.c), the tree
 * (mm/notifier/interval_tree.c), a driver's loop (mm/notifier/rounds.c), statistics
 * (mm/notifier/stats.c), page tables, architectures.
 */
#include "internal.h"

static void undo_start(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier_range *range);

/* --- start and end -------------------------------------------------------- */

/* Does a thread wait for the open ranges of @mm to end? */
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
 * The range is not counted any more: the change is made, and a newcomer that
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
 * range off ->open_overlaps, whoever failed (R3.6, R3.7). Plain subscribers were all
 * called, so all that have an end are owed it (R3.3).
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
