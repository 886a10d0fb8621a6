/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier_internal.h - what the sources of the notifiers share
 *
 * mm/mmu_notifier.c begins and ends ranges and has the interval subscriptions;
 * mm/mmu_notifier_plain.c has the plain ones; mm/mmu_notifier_rounds.c bounds a
 * driver's loop; mm/mmu_notifier_stats.c shows all of it to people.
 */
#ifndef MM_NOTIFIER_INTERNAL_H
#define MM_NOTIFIER_INTERNAL_H

#include <mm/notifier_env.h>
#include <mm/mmu_notifier.h>
#include <mm/notifier_gate.h>

/**
 * struct plain_slot - one plain subscription, laid out for the walks
 * @sub: (c) the subscription; not to be followed when @dead
 * @start: (o) its invalidate_range_start, or one that answers 0
 * @end: (o) its invalidate_range_end, or one that does nothing
 * @birth: (c) in the order of registration, from 1
 * @dead: (o) it left
 *
 * Who leaves is only silenced here; the slot goes when the table is copied.
 */
struct plain_slot {
	struct mmu_notifier *sub;
	int (*start)(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range);
	void (*end)(struct mmu_notifier *sub,
		    const struct mmu_notifier_range *range);
	u64 birth;
	bool dead;
};

/**
 * struct plain_table - the plain subscriptions, oldest first
 * @freeing: how it goes when nobody walks it any more
 * @nr: (o) slots in use, dead ones too; only grows
 * @cap: (c) slots there are
 * @live: (s) slots not dead
 * @slots: see above; below @nr they do not move
 */
struct plain_table {
	struct mmu_notifier_deferred freeing;
	unsigned int nr;
	unsigned int cap;
	unsigned int live;
	struct plain_slot slots[];
};

/** What an interval subscription is doing; interval_sub->state. */
enum interval_state {
	INTERVAL_OUT,      /* not linked anywhere */
	INTERVAL_IN,       /* in the tree */
	INTERVAL_ADDING,   /* goes in when nobody walks the tree */
	INTERVAL_REMOVING, /* in the tree, goes out likewise */
};

/*
 * What a start or an end has to look at, in one word; see subs->mode. A range
 * that is counted before it reads the word is seen by whoever changes it.
 */
#define MODE_TREE  1u /* the interval tree is not empty */
#define MODE_PLAIN 2u /* there is a table of plain subscriptions */
#define MODE_LOOK  4u /* statistics and traces are on */
#define MODE_BUSY  8u /* somebody waits for ranges to end */

/*
 * A range that hit an interval, so that a read section in vain can be told what
 * came between: the event of number @seq is in slot seq / 2 % NOTIFIER_HITS,
 * until as many ranges have hit after it.
 */
#define NOTIFIER_HITS 16u
struct notifier_hit {
	unsigned long seq;
	enum mmu_notifier_event event;
};

/**
 * struct mmu_notifier_subscriptions - all subscriptions of one mm
 * @lock: (l) see the table in mm/mmu_notifier.c
 * @mode: (o) MODE_*, also read alone by ranges
 * @tree: (s) interval subscriptions
 * @table: (o) plain subscriptions, NULL when there are none
 * @invalidate_seq: (s) number of the last range that hit an interval; odd
 * @walkers: (a) ranges whose callbacks follow the tree's links right now; goes
 *	up under @lock only
 * @open_hits: (s) open ranges that hit an interval; its being NULL also alone
 * @deferred: (s) interval subscriptions that wait for @walkers to be 0
 * @nr_waiting: (s) sleepers in @waiters that want to hear of ends and walks
 * @waiters: who waits for an end, a walk or a period
 * @ranges: counts open ranges (in mm->notifier_ranges)
 * @calls: counts walks over plain subscriptions
 * @call_word: (a) the word of @calls
 * @births: (s) plain registrations so far
 * @nr_tlbs: (o) plain subscriptions in the table that have invalidate_range
 * @nr_followers: (o) those that have change_pte
 * @all_next, @all_prev: link in the list of all, under its lock
 * @stats: (s) what happened, for people
 * @hits: (s) the last ranges that hit, while statistics are on
 *
 * Keys: (a) atomic or single accesses, (c) constant, (l) the lock itself, (o)
 * written under @lock, read with READ_ONCE or an acquire inside @calls, (s)
 * under @lock.
 */
struct mmu_notifier_subscriptions {
	struct spinlock lock;
	unsigned int mode;
	struct interval_tree tree;
	struct plain_table *table;
	unsigned long invalidate_seq;
	struct mmu_notifier_range *open_hits;
	struct atomic walkers;
	struct mmu_interval_notifier *deferred;
	unsigned int nr_waiting;
	struct notifier_gate ranges;
	struct notifier_gate calls;
	struct atomic64 call_word;
	u64 births;
	unsigned int nr_tlbs;
	unsigned int nr_followers;
	struct wait_queue_head waiters;
	struct mmu_notifier_subscriptions *all_next;
	struct mmu_notifier_subscriptions **all_prev;
	struct mmu_notifier_stats stats;
	struct notifier_hit hits[NOTIFIER_HITS];
};

/* Subscriptions in all address spaces. */
extern struct atomic64 mmu_notifier_total;

/* Those of an mm that has some; what its maker wrote is seen. */
static __always_inline struct mmu_notifier_subscriptions *
subscriptions_of(struct mm_struct *mm)
{
	/* Pairs with the cmpxchg in mmu_notifier_ensure_subscriptions(). */
	return smp_load_acquire(&mm->notifier_subscriptions);
}

static __always_inline void set_mode(struct mmu_notifier_subscriptions *subs,
				     unsigned int set)
{
	WRITE_ONCE(subs->mode, subs->mode | set);
}

static __always_inline void clear_mode(struct mmu_notifier_subscriptions *subs,
				       unsigned int clear)
{
	WRITE_ONCE(subs->mode, subs->mode & ~clear);
}

static __always_inline bool
being_looked_at(const struct mmu_notifier_subscriptions *subs)
{
	return unlikely(READ_ONCE(subs->mode) & MODE_LOOK);
}

int notifier_make_subscriptions(struct mm_struct *mm);

/**
 * ensure_subscriptions() - make the object of @mm, once
 *
 * Ranges see it from the moment the word turns negative; those that counted
 * themselves before are still in the count.
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
static __always_inline int ensure_subscriptions(struct mm_struct *mm)
{
	/* The word says it last: it is published by then. */
	if (likely(atomic64_read(&mm->notifier_ranges) < 0))
		return 0;
	return notifier_make_subscriptions(mm);
}

/* A start that failed is over: not counted, not to be ended. */
int notifier_start_failed(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier_range *range, int ret);

/*
 * Alone and unobserved, a failure is cleaned up after; beside intervals, or
 * observed, that is left to the caller.
 */
int notifier_plain_start(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier_range *range);
int notifier_plain_start_beside(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier_range *range, bool observe);
void notifier_plain_end(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range);
void notifier_plain_end_beside(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range, bool observe);
void notifier_plain_release(struct mmu_notifier_subscriptions *subs,
			    struct mm_struct *mm);

/*
 * Of mmu_notifier_stats.c: who is looked at, and what a range leaves behind.
 * observe_start says when it began; the others are told how long it took.
 */
void notifier_observe_join(struct mmu_notifier_subscriptions *subs);
void notifier_observe_leave(struct mmu_notifier_subscriptions *subs);
unsigned long notifier_observe_start(struct mmu_notifier_subscriptions *subs,
				     const struct mmu_notifier_range *range);
void notifier_observe_hit(struct mmu_notifier_subscriptions *subs,
			  const struct mmu_notifier_range *range)
	__must_hold(subs->lock);
void notifier_observe_started(const struct mmu_notifier_range *range, int ret,
			      unsigned long ticks);
void notifier_observe_end(const struct mmu_notifier_range *range,
			  unsigned long ticks);
void notifier_observe_call(struct mmu_notifier_subscriptions *subs,
			   const struct mmu_notifier_range *range,
			   struct mmu_notifier_figures **figures,
			   const void *sub, unsigned long ticks, int answer);
void notifier_observe_finish(struct mmu_notifier_subscriptions *subs,
			     const struct mmu_notifier_range *range,
			     struct mmu_interval_notifier *sub,
			     unsigned long ticks);
void notifier_observe_call_end(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range,
			       struct mmu_notifier *sub, unsigned long ticks);
void notifier_observe_wait(struct mmu_notifier_subscriptions *subs,
			   struct mmu_interval_notifier *sub);
void notifier_count_alone(struct mmu_notifier_subscriptions *subs);

/* Of a subscription that nobody sees any more. */
static __always_inline void notifier_forget(struct mmu_notifier_figures *figures)
{
	if (unlikely(figures != NULL))
		kfree(figures);
}

/*
 * Around callbacks of a range that may not sleep (R5.6): the validator then
 * reports a callback that might.
 */
static __always_inline void
notifier_calls_begin(const struct mmu_notifier_range *range)
{
	if (!mmu_notifier_range_blockable(range))
		non_block_start();
}

static __always_inline void
notifier_calls_end(const struct mmu_notifier_range *range)
{
	if (!mmu_notifier_range_blockable(range))
		non_block_end();
}

#endif
