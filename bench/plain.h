/* SPDX-License-Identifier: MIT */
/*
 * bench/plain.h - a plain subscriber whose callbacks do nothing
 */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include <mm/notifier/env.h>
#include <mm/notifier/mmu_notifier.h>

static int plain_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	return 0;
}

static void plain_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
}

static const struct mmu_notifier_ops plain_ops = {
	.invalidate_range_start = plain_start,
	.invalidate_range_end = plain_end,
};

static inline void plain_register(struct mmu_notifier *sub, struct mm_struct *mm)
{
	sub->ops = &plain_ops;
	if (mmu_notifier_register(sub, mm))
		panic("bench: register failed");
}

#endif
