// SPDX-License-Identifier: MIT
/*
 * mm/notifier/show.c - show the lists of the core to statistics, reports and checks
 *
 * Problem.  Statistics, reports and the checks of debug builds serve two notifiers
 * (docs/adr/0016), and each keeps its ranges and subscriptions in its own way.
 *
 * Idea.  Both show them by the same few calls. Here the core shows its tree, its
 * deferred changes, its list of plain subscriptions and its open ranges.
 *
 * Locks: subs->lock is held. notifier_open_ranges() needs none; it is a hint. Lifetime:
 * what is shown stays while the lock is held. Not here: the code that changes any of
 * it.
 */
#include "internal.h"

unsigned long notifier_open_ranges(const struct mm_struct *mm)
{
	return notifier_gate_word_inside(&mm->notifier_ranges);
}

const struct mmu_notifier_range *
notifier_open_next(struct mmu_notifier_subscriptions *subs,
		   const struct mmu_notifier_range *range)
{
	return range ? range->core.next : subs->open_overlaps;
}

/* --- subscriptions -------------------------------------------------------- */

struct mmu_notifier *notifier_plain_next(struct mmu_notifier_subscriptions *subs,
					 struct mmu_notifier *sub)
{
	return sub ? sub->next : subs->newest;
}

static struct mmu_interval_notifier *first_adding(struct mmu_interval_notifier *sub)
{
	while (sub && sub->state != INTERVAL_ADDING)
		sub = sub->deferred;
	return sub;
}

/* Those in the tree first, then the deferred insertions. */
struct mmu_interval_notifier *
notifier_interval_next(struct mmu_notifier_subscriptions *subs,
		       struct mmu_interval_notifier *sub)
{
	struct interval_tree_node *node;

	if (sub && sub->state == INTERVAL_ADDING)
		return first_adding(sub->deferred);
	node = sub ? interval_tree_next(&sub->interval_tree, 0, ~0ul)
		   : interval_tree_lowest(&subs->tree);
	return node ? container_of(node, struct mmu_interval_notifier,
				   interval_tree)
		    : first_adding(subs->deferred);
}

/* --- invariants ----------------------------------------------------------- */

static bool intervals_valid(struct mmu_notifier_subscriptions *subs)
{
	const struct mmu_interval_notifier *sub;
	struct interval_tree_node *node;
	long count = 0;

	for (node = interval_tree_lowest(&subs->tree); node;
	     node = interval_tree_next(node, 0, ~0ul)) {
		sub = container_of(node, struct mmu_interval_notifier,
				   interval_tree);
		if (sub->state != INTERVAL_IN && sub->state != INTERVAL_REMOVING)
			return false;
		count++;
	}
	return count == interval_tree_verify(&subs->tree) &&
	       count == (long)subs->nr_intervals;
}

static bool plain_valid(const struct mmu_notifier_subscriptions *subs)
{
	struct mmu_notifier *const *link = &subs->newest;
	const struct mmu_notifier *sub;
	u64 birth = subs->births + 1;
	unsigned int tlbs = 0, followers = 0;

	for (sub = *link; sub; sub = *link) {
		if (sub->prev != link || sub->birth >= birth)
			return false;
		birth = sub->birth;
		link = &sub->next;
		tlbs += !!sub->ops->invalidate_range;
		followers += !!sub->ops->change_pte;
	}
	return tlbs == subs->nr_invalidate_range &&
	       followers == subs->nr_change_pte;
}

bool notifier_lists_valid(struct mmu_notifier_subscriptions *subs)
{
	return intervals_valid(subs) && plain_valid(subs) &&
	       (!subs->deferred || atomic_read(&subs->walkers));
}
