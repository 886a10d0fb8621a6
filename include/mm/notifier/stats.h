/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/stats.h - statistics and self-checks
 *
 * For a monitor, for tests and for leak checks. No driver and no invalidator needs
 * them.
 */
#ifndef MM_NOTIFIER_STATS_H
#define MM_NOTIFIER_STATS_H

#include <mm/notifier/event.h>

struct mmu_interval_notifier;
struct mmu_notifier;

/**
 * struct mmu_notifier_sub_stats - statistics of one subscription
 * @events: ranges that it was called for, by event
 * @callbacks: callbacks of all kinds: starts, second passes, ends, release, and those
 *	about entries and flushes
 * @longest: the longest callback, in clock ticks
 * @waits: read sections that waited
 * @retries: read sections that collided, by the event they collided with
 * @retries_other: the same, where the event is not remembered
 *
 * All are counted while statistics are on.
 */
struct mmu_notifier_sub_stats {
	unsigned long events[NR_MMU_NOTIFY_EVENTS];
	unsigned long callbacks;
	unsigned long longest;
	unsigned long waits;
	unsigned long retries[NR_MMU_NOTIFY_EVENTS];
	unsigned long retries_other;
};

/**
 * struct mmu_notifier_stats - statistics of one mm
 * @plain: (n) plain subscriptions
 * @intervals: (n) interval subscriptions, deferred insertions among them
 * @open_ranges: (n) open ranges
 * @open_overlaps: (n) open ranges that overlap an interval
 * @events: (o) starts, by event
 * @callbacks: (o) callbacks
 * @longest: (o) the longest of them, in clock ticks
 * @retries: read sections that collided, by the event they collided with
 * @retries_other: the same, where the event is not remembered
 * @failed_starts: starts that may not sleep and failed
 * @waits: read sections that waited
 * @exclusive_rounds: rounds of look-ups that held mmap_lock for writing
 * @tree_locks: searches of the interval tree
 * @walks: (o) walks over the plain subscriptions by starts and ends
 * @deferred_adds: insertions that were deferred
 * @deferred_removes: removals that were deferred
 * @yielded: starts that first waited for deferred insertions and removals
 * @grace_periods: grace periods that are over, of open ranges and of walks
 * @last_seq: (n) the number of the last range that overlapped an interval
 *
 * Keys: (n) as it is now; (o) counted while statistics are on. The rest is counted
 * always, since the first subscriber came.
 */
struct mmu_notifier_stats {
	unsigned long plain;
	unsigned long intervals;
	unsigned long open_ranges;
	unsigned long open_overlaps;
	unsigned long events[NR_MMU_NOTIFY_EVENTS];
	unsigned long callbacks;
	unsigned long longest;
	unsigned long retries[NR_MMU_NOTIFY_EVENTS];
	unsigned long retries_other;
	unsigned long failed_starts;
	unsigned long waits;
	unsigned long exclusive_rounds;
	unsigned long tree_locks;
	unsigned long walks;
	unsigned long deferred_adds;
	unsigned long deferred_removes;
	unsigned long yielded;
	unsigned long grace_periods;
	unsigned long last_seq;
};

/**
 * mmu_notifier_observe() - switch statistics and traces of callbacks on or off
 * @on: at boot they are on in a kernel with tests, and off in others
 *
 * Context: any.
 */
void mmu_notifier_observe(bool on);

/** mmu_notifier_observing() - are they on? Context: any */
bool mmu_notifier_observing(void);

/**
 * mmu_notifier_read_stats() - read the statistics of one mm
 * @mm: the caller holds a reference on the struct
 * @stats: filled; all zero if @mm has never had a subscriber
 *
 * Context: any where a spinlock may be taken.
 */
void mmu_notifier_read_stats(struct mm_struct *mm,
			     struct mmu_notifier_stats *stats);

/**
 * struct mmu_notifier_sub_info - one subscription, as it is shown
 * @plain: the plain subscription, or NULL
 * @interval: the interval subscription, or NULL
 * @start: first address of the interval; 0 of a plain one
 * @last: last address of the interval; ~0 of a plain one
 * @users: references of a plain one
 * @stats: its statistics; all zero if nothing was counted
 */
struct mmu_notifier_sub_info {
	const struct mmu_notifier *plain;
	const struct mmu_interval_notifier *interval;
	unsigned long start;
	unsigned long last;
	unsigned int users;
	struct mmu_notifier_sub_stats stats;
};

/**
 * mmu_notifier_for_each_sub() - show the subscriptions that ranges call
 * @mm: the caller holds a reference on the struct
 * @fn: called for each with a spinlock held, may not sleep; false ends the walk
 * @arg: passed to @fn
 *
 * Deferred insertions are counted in the statistics and not shown.
 *
 * Context: any where a spinlock may be taken.
 * Return: the number shown.
 */
unsigned long mmu_notifier_for_each_sub(
	struct mm_struct *mm,
	bool (*fn)(const struct mmu_notifier_sub_info *info, void *arg),
	void *arg);

/**
 * mmu_notifier_verify() - check the invariants of one mm, for tests
 * @mm: the caller holds a reference on the struct, and no other thread uses it
 *
 * Checks the tree and the list, counts against both, and that numbers are odd.
 *
 * Context: any where a spinlock may be taken.
 * Return: true if all hold.
 */
bool mmu_notifier_verify(struct mm_struct *mm);

/** mmu_notifier_nr_subscriptions() - count them in all mms. Takes spinlocks */
unsigned long mmu_notifier_nr_subscriptions(void);

/** mmu_notifier_nr_pending() - last puts whose free is still to come. Context: any */
unsigned long mmu_notifier_nr_pending(void);

#endif
