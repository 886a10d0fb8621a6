// SPDX-License-Identifier: MIT
/*
 * tests/host/lifted/instead/plain.c - the core without plain subscriptions
 *
 * A kernel whose drivers watch intervals takes this file instead of
 * mm/mmu_notifier_plain.c. The list of plain subscriptions is always empty: walks
 * end at its tail, and helpers that ask all subscribers hear no. Registering is not
 * defined, so its use does not link.
 */
#include "notifier_internal.h"

void notifier_plain_init(struct mmu_notifier_subscriptions *subs)
{
	subs->newest = &subs->tail;
	subs->tail.next = &subs->tail;
	subs->tail.prev = &subs->newest;
}

int notifier_plain_start(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	return 0;
}

int notifier_plain_start_beside(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier_range *range, bool observe)
{
	return 0;
}

void notifier_plain_end(struct mmu_notifier_range *range, struct mm_struct *mm)
{
}

void notifier_plain_end_beside(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range, bool observe)
{
}

void notifier_plain_release(struct mmu_notifier_subscriptions *subs,
			    struct mm_struct *mm)
{
}

bool __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				      unsigned long end)
{
	return false;
}

bool __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
				unsigned long end)
{
	return false;
}

bool __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address)
{
	return false;
}

void __mmu_notifier_change_pte(struct mm_struct *mm, unsigned long address,
			       unsigned long entry)
{
}

void __mmu_notifier_invalidate_range(struct mm_struct *mm, unsigned long start,
				     unsigned long end)
{
}
