// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/notifier_rescue.c - end every wait of the notifiers
 *
 * Problem.  Where the core forgets to close a range, or to wake a thread, a
 * test sleeps in read_begin, remove, register or unregister for good, and its
 * name would never be printed as the one that failed.
 *
 * Idea.  The runner calls this when a test is not done in time (KTEST_RESCUE).
 * In every address space that has subscriptions it makes true what the sleepers
 * wait for, as if by magic: no range is open, deferred changes are made, all
 * grace periods are over.  The test has failed by then; this only brings it to
 * its end.  The pretence may be wrong, and the next thing may be a
 * panic, which names the test too.
 *
 *	sleeper			waits for		which becomes
 *	read_begin		open_overlaps, settle_gp	none; all asked have passed
 *	remove			its state		out of the tree
 *	start giving way	deferred		none
 *	register, unregister,	passed			what is wanted
 *	synchronize
 *
 * Locks: the list of all address spaces, then each one's own.  Not here: the
 * waits of the tests themselves, which have time limits (tests/ktest/step.c).
 */
#include <kernel/ktest.h>
#include <mm/space/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include "mm/notifier/internal.h"

#define RESCUED_MAX 16

struct rescued {
	struct mm_struct *mm[RESCUED_MAX];
	unsigned int nr;
};

/* No range overlaps, no grace period is awaited, each removal is done. */
static void pretend_all_is_over(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_interval_notifier *sub;

	spin_lock(&subs->lock);
	WRITE_ONCE(subs->open_overlaps, NULL);
	for (sub = subs->deferred; sub; sub = sub->deferred) {
		if (sub->state == INTERVAL_REMOVING) {
			interval_tree_remove(&sub->interval_tree, &subs->tree);
			WRITE_ONCE(subs->nr_intervals, subs->nr_intervals - 1);
		}
		sub->state = INTERVAL_OUT;
		WRITE_ONCE(sub->settle_gp, 0);
	}
	WRITE_ONCE(subs->deferred, NULL);
	WRITE_ONCE(subs->ranges.completed, subs->ranges.requested);
	WRITE_ONCE(subs->calls.completed, subs->calls.requested);
	spin_unlock(&subs->lock);
	wake_up_all(&subs->waiters);
}

/* Held, since what is on the list may be going. */
static int collect(struct mm_struct *mm, void *arg)
{
	struct rescued *rescued = arg;

	if (mm_has_notifiers(mm) && rescued->nr < RESCUED_MAX &&
	    atomic_inc_not_zero(&mm->mm_count))
		rescued->mm[rescued->nr++] = mm;
	return 0;
}

static void end_all_notifier_waits(void)
{
	struct rescued rescued = {.nr = 0};
	struct mmu_notifier_subscriptions *subs;
	unsigned int i;

	mm_for_each(collect, &rescued);
	for (i = 0; i < rescued.nr; i++) {
		subs = subscriptions_of(rescued.mm[i]);
		pretend_all_is_over(subs);
		/* Frees that waited for the period run from here. */
		notifier_gate_leave_slow(&subs->calls);
		notifier_gate_leave_slow(&subs->ranges);
		mmdrop(rescued.mm[i]);
	}
}
KTEST_RESCUE(end_all_notifier_waits);
