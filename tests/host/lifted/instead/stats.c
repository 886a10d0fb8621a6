// SPDX-License-Identifier: MIT
/*
 * tests/host/lifted/instead/stats.c - the core without statistics
 *
 * A kernel that does not want them takes this file instead of
 * mm/notifier/stats.c. The core notes what happens by these calls, and only
 * where statistics are on; here they never are. Calls that show statistics are
 * not defined, so their use does not link.
 */
#include "internal.h"

bool notifier_observe_on;

void notifier_observe_start(struct mmu_notifier_subscriptions *subs,
			    struct mmu_notifier_range *range)
{
}

void notifier_observe_started(struct mmu_notifier_subscriptions *subs,
			      const struct mmu_notifier_range *range, int ret)
{
}

void notifier_observe_ending(struct mmu_notifier_subscriptions *subs,
			     struct mmu_notifier_range *range)
{
}

void notifier_observe_end(const struct mmu_notifier_range *range)
{
}

void notifier_observe_call(struct mmu_notifier_subscriptions *subs,
			   const struct mmu_notifier_range *range,
			   struct mmu_notifier_sub_stats **figures,
			   const void *sub, unsigned long since, int ret)
{
}

void notifier_observe_finish(struct mmu_notifier_subscriptions *subs,
			     const struct mmu_notifier_range *range,
			     struct mmu_interval_notifier *sub,
			     unsigned long since)
{
}

void notifier_observe_call_end(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range,
			       struct mmu_notifier *sub, unsigned long since)
{
}

void notifier_observe_callback(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier *sub, const char *what,
			       unsigned long start, unsigned long end, int ret,
			       unsigned long since)
{
}

void __notifier_observe_insert(const void *sub, const struct mm_struct *mm,
			       unsigned long start, unsigned long last,
			       const void *ops, const char *kind)
{
}

void __notifier_observe_remove(const void *sub)
{
}

unsigned long __notifier_observe_read(const struct mmu_interval_notifier *sub,
				      unsigned long seq)
{
	return seq;
}

void __notifier_observe_round(const struct mmu_interval_notifier *sub,
			      unsigned int round, bool exclusive)
{
}

void notifier_observe_wait(struct mmu_notifier_subscriptions *subs,
			   struct mmu_interval_notifier *sub)
{
}

void notifier_count_exclusive_round(struct mmu_notifier_subscriptions *subs)
{
}

void __mmu_interval_read_collided(struct mmu_interval_notifier *interval_sub)
{
}

void __mmu_interval_read_kept(const struct mmu_interval_notifier *interval_sub)
{
}
