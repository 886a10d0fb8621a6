// SPDX-License-Identifier: MIT
/*
 * mm/notifier/entries.c - what plain subscribers are called for besides ranges
 *
 * Problem.  Reclaim asks whether a device has used a page; a new entry is handed on;
 * a CPU's flush goes to the devices that walk the CPU's tables. All of it comes from
 * the middle of a change, most of it under the lock of a page table.
 *
 * Idea.  A walk over the plain subscriptions, for each of the five callbacks, calls
 * those that have it. It is the same for both notifiers (docs/adr/0016).
 *
 * Locks: the caller's. The callbacks never sleep (R5.6). The last walk to leave may free
 * a subscription; a page-table lock may be held then. Lock order: page-table lock, then
 * subs->lock.
 * Lifetime: a subscription that is called is kept by its walk. Not here: start, end
 * and release.
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

/* Call one subscriber, which clears its mark and says what it was. */
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
