/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/stats.h - figures, for tests and for people
 *
 * For nothing that a kernel has to do: a monitor, tests, leak checks.
 */
#ifndef MM_NOTIFIER_STATS_H
#define MM_NOTIFIER_STATS_H

#include <mm/notifier/event.h>

struct mmu_interval_notifier;
struct mmu_notifier;

/**
 * struct mmu_notifier_figures - of one subscription, while statistics are on
 * @events: ranges it was told of, by event
 * @callbacks: callbacks made for them: starts, second passes, ends; and
 *	those about entries and flushes, and release
 * @longest: the longest callback, in clock ticks
 * @waits: read sections that had to wait
 * @retries: read sections in vain, by the event that came between
 * @retries_other: the same, when the event is not remembered
 */
struct mmu_notifier_figures {
	unsigned long events[NR_MMU_NOTIFY_EVENTS];
	unsigned long callbacks;
	unsigned long longest;
	unsigned long waits;
	unsigned long retries[NR_MMU_NOTIFY_EVENTS];
	unsigned long retries_other;
};

/**
 * struct mmu_notifier_stats - what happened in one mm
 * @plain: plain subscriptions
 * @intervals: interval subscriptions, waiting ones included
 * @open_ranges: ranges open now, all of them
 * @open_hits: ranges open now that hit an interval
 * @events: starts, by event, while statistics are on
 * @callbacks: callbacks made, likewise
 * @longest: the longest of them, in clock ticks
 * @retries: read sections in vain, by the event that came between, likewise
 * @retries_other: read sections in vain whose event is not known, ever
 * @failed_starts: non-blocking starts that failed, ever
 * @waits: read sections that had to wait, ever
 * @alone: rounds of look-ups that kept changes out, ever
 * @tree_locks: searches of the interval tree, while statistics are on
 * @walks: walks over the plain subscriptions, likewise
 * @deferred_adds: insertions that had to be put off, ever
 * @deferred_removes: removals that had to be put off, ever
 * @gave_way: starts that first let the tree be changed, ever
 * @turns: periods for which ranges or walks were waited for, ever
 * @invalidate_seq: the number of the last range that hit an interval
 */
struct mmu_notifier_stats {
	unsigned long plain;
	unsigned long intervals;
	unsigned long open_ranges;
	unsigned long open_hits;
	unsigned long events[NR_MMU_NOTIFY_EVENTS];
	unsigned long callbacks;
	unsigned long longest;
	unsigned long retries[NR_MMU_NOTIFY_EVENTS];
	unsigned long retries_other;
	unsigned long failed_starts;
	unsigned long waits;
	unsigned long alone;
	unsigned long tree_locks;
	unsigned long walks;
	unsigned long deferred_adds;
	unsigned long deferred_removes;
	unsigned long gave_way;
	unsigned long turns;
	unsigned long invalidate_seq;
};

/**
 * mmu_notifier_observe() - switch statistics and traces of callbacks on or off
 * @on: off in a release kernel until somebody asks, on in test kernels
 */
void mmu_notifier_observe(bool on);

/** mmu_notifier_observing() - are they on? */
bool mmu_notifier_observing(void);

/**
 * mmu_notifier_read_stats() - the figures of one mm
 * @mm: kept alive by the caller
 * @stats: filled; all zero when nobody ever subscribed
 */
void mmu_notifier_read_stats(struct mm_struct *mm,
			     struct mmu_notifier_stats *stats);

/**
 * struct mmu_notifier_sub_info - one subscription, for people
 * @plain: the plain subscription, or NULL
 * @interval: the interval subscription, or NULL
 * @start: first address of the interval
 * @last: last address of the interval
 * @users: gets of a plain one
 * @figures: all zero when nothing was noted
 */
struct mmu_notifier_sub_info {
	const struct mmu_notifier *plain;
	const struct mmu_interval_notifier *interval;
	unsigned long start;
	unsigned long last;
	unsigned int users;
	struct mmu_notifier_figures figures;
};

/**
 * mmu_notifier_for_each_sub() - show the subscriptions that changes are told to
 * @mm: kept alive by the caller
 * @fn: called with a spinlock held, must not sleep; false ends the walk
 * @arg: handed to @fn
 *
 * Insertions that wait for walks to end are counted in the stats, not shown.
 *
 * Return: how many were shown.
 */
unsigned long mmu_notifier_for_each_sub(
	struct mm_struct *mm,
	bool (*fn)(const struct mmu_notifier_sub_info *info, void *arg),
	void *arg);

/**
 * mmu_notifier_verify() - check the invariants of one mm, for tests
 * @mm: kept alive and at rest by the caller
 *
 * The tree's own, odd sequence numbers, counts against lists.
 *
 * Return: true when all hold.
 */
bool mmu_notifier_verify(struct mm_struct *mm);

/** mmu_notifier_nr_subscriptions() - in all address spaces, for leak checks */
unsigned long mmu_notifier_nr_subscriptions(void);

/** mmu_notifier_nr_pending() - last puts whose freeing is still to come */
unsigned long mmu_notifier_nr_pending(void);

#endif
