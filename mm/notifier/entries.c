// SPDX-License-Identifier: MIT
/*
 * mm/notifier/entries.c - callbacks about entries, marks and secondary TLBs
 *
 * Problem.  Reclaim looks whether a device has used a page. A new entry is handed on. A
 * CPU's flush is handed on to the devices that walk the CPU's own tables. All of it
 * comes from the middle of a change, most of it with a page-table lock held.
 *
 * Idea.  For each of the five callbacks one walk over the plain subscriptions calls
 * those that have it. Young means that the accessed mark of a translation is set. It is
 * the same for both notifiers (docs/adr/0016).
 *
 * Locks: the caller's; the callbacks never sleep (R5.6). The last walk to leave may
 * free a subscription (notifier_gate_leave()), so free_notifier() may run with a
 * page-table lock held. subs->lock is taken inside that lock. Lifetime: the walk keeps
 * a subscription that it calls. Not here: start and end (mm/notifier/plain.c),
 * release().
 */
#include "internal.h"

static void call_ended(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier *sub, const char *what,
		       unsigned long start, unsigned long end, int ret,
		       unsigned long since)
{
	if (since)
		notifier_observe_callback(subs, sub, what, start, end, ret,
					  since);
}

/* Call one clear_young() or clear_flush_young(). Return: was the mark set? */
static bool
call_clear(struct mmu_notifier_subscriptions *subs, struct mmu_notifier *sub,
	   bool (*clear)(struct mmu_notifier *sub, struct mm_struct *mm,
			 unsigned long start, unsigned long end),
	   const char *what, unsigned long start, unsigned long end)
{
	unsigned long since = notifier_observe_begin();
	bool young = clear(sub, subs->mm, start, end);

	call_ended(subs, sub, what, start, end, young, since);
	return young;
}

bool __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				      unsigned long end)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	long ticket = notifier_walk_begin(subs);
	struct mmu_notifier *sub;
	bool young = false;

	for_each_plain(sub, subs)
	{
		if (sub->ops->clear_flush_young)
			young |= call_clear(subs, sub,
					    sub->ops->clear_flush_young,
					    "clear_flush_young", start, end);
	}
	notifier_walk_end(subs, ticket);
	return young;
}

bool __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
				unsigned long end)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	long ticket = notifier_walk_begin(subs);
	struct mmu_notifier *sub;
	bool young = false;

	for_each_plain(sub, subs)
	{
		if (sub->ops->clear_young)
			young |= call_clear(subs, sub, sub->ops->clear_young,
					    "clear_young", start, end);
	}
	notifier_walk_end(subs, ticket);
	return young;
}

bool __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	long ticket = notifier_walk_begin(subs);
	struct mmu_notifier *sub;
	bool young = false;

	for_each_plain(sub, subs)
	{
		unsigned long since = notifier_observe_begin();

		/* A walk is not left in its middle. */
		if (young || !sub->ops->test_young)
			continue;
		young = sub->ops->test_young(sub, mm, address);
		call_ended(subs, sub, "test_young", address, address + 1, young,
			   since);
	}
	notifier_walk_end(subs, ticket);
	return young;
}

void __mmu_notifier_change_pte(struct mm_struct *mm, unsigned long address,
			       unsigned long entry)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier *sub;
	long ticket;

	if (!notifier_has_change_pte(subs))
		return;
	ticket = notifier_walk_begin(subs);
	for_each_plain(sub, subs)
	{
		unsigned long since = notifier_observe_begin();

		if (!sub->ops->change_pte)
			continue;
		sub->ops->change_pte(sub, mm, address, entry);
		call_ended(subs, sub, "change_pte", address, address + 1, 0,
			   since);
	}
	notifier_walk_end(subs, ticket);
}

void __mmu_notifier_invalidate_range(struct mm_struct *mm, unsigned long start,
				     unsigned long end)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier *sub;
	long ticket;

	if (!notifier_has_invalidate_range(subs))
		return;
	ticket = notifier_walk_begin(subs);
	for_each_plain(sub, subs)
	{
		unsigned long since = notifier_observe_begin();

		if (!sub->ops->invalidate_range)
			continue;
		sub->ops->invalidate_range(sub, mm, start, end);
		call_ended(subs, sub, "invalidate_range", start, end, 0, since);
	}
	notifier_walk_end(subs, ticket);
}
