// SPDX-License-Identifier: MIT
/*
 * tests/host/lifted/instead/plain.c - the core without plain subscriptions
 *
 * A kernel whose drivers watch intervals takes this file instead of
 * mm/notifier/plain.c, mm/notifier/get.c, mm/notifier/register.c and
 * mm/notifier/entries.c. The list of plain subscriptions is always empty, and helpers
 * that ask all subscribers answer no. Registering is not defined, so its use does not
 * link.
 */
#include "internal.h"

int notifier_plain_start(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier_range *range)
{
	return 0;
}

void notifier_plain_end(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range)
{
}

void notifier_plain_release(struct mmu_notifier_subscriptions *subs)
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
