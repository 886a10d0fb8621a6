/* SPDX-License-Identifier: MIT */
/* mm/notifier/reference/reference.h - what the reference notifier keeps of an mm */
#include "mm/notifier/internal.h" /* which includes this where it wants it */
#ifndef MM_NOTIFIER_REFERENCE_H
#define MM_NOTIFIER_REFERENCE_H

/** struct mmu_notifier_subscriptions - all subscriptions of one mm */
struct mmu_notifier_subscriptions {
	struct spinlock lock;            /* guards all that follows */
	struct wait_queue_head waiters;  /* for a range or callback to end */
	struct mm_struct *mm;            /* whose; constant */
	struct mmu_notifier_range *open; /* begun and not ended */
	unsigned long nr_open;           /* how many */
	bool all_listed;                 /* none is open and not on @open */
	struct mmu_notifier_member *intervals; /* oldest first */
	struct mmu_notifier_member *plain;     /* newest first */
	u64 births;                            /* subscriptions so far */
	unsigned long nr_plain; /* that their owners still have */
	unsigned long last_seq; /* of the last overlap; odd */
	struct mmu_notifier_subscriptions *all_next; /* from here on: shared */
	struct mmu_notifier_subscriptions **all_prev;
	struct mmu_notifier_stats stats;
	struct atomic64 retries[NR_MMU_NOTIFY_EVENTS + 1];
	unsigned long recent[NOTIFIER_RECENT];
};

/* Each plain subscription that @range concerns, held; all, if that is NULL. */
struct mmu_notifier *reference_next(struct mmu_notifier_subscriptions *subs,
				    struct mmu_notifier *last,
				    const struct mmu_notifier_range *range);
#define for_each_held(sub, subs, range)                        \
	for ((sub) = reference_next(subs, NULL, range); (sub); \
	     (sub) = reference_next(subs, sub, range))
#define for_each_plain(sub, subs) for_each_held(sub, subs, NULL)

/* A start owes @sub a second pass (1), which holds it, or has made it (-1). */
void notifier_count_pass(struct mmu_notifier_subscriptions *subs,
			 struct mmu_interval_notifier *sub, int add);

/* For layout.c: each range is on the list, and then not counted in the mm's word. */
#define NOTIFIER_OPEN_LIST          open
#define NOTIFIER_LISTED_ARE_COUNTED 0

/* What the usual notifier has, and this does without. */
#define notifier_walk_begin(subs)           (non_block_start(), 0)
#define notifier_walk_end(subs, ticket)     ((void)(ticket), non_block_end())
#define notifier_has_invalidate_range(subs) true
#define notifier_has_change_pte(subs)       true
#define notifier_subscriptions_init(subs)   ((void)(subs))
#define notifier_grace_periods(subs)        0
#define notifier_lists_valid(subs)          true

#endif
