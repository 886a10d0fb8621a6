/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier_internal.h - what the sources of the notifiers share
 *
 * mm/mmu_notifier.c begins and ends ranges and has the interval subscriptions;
 * mm/mmu_notifier_plain.c has the plain ones; mm/mmu_notifier_rounds.c bounds a
 * driver's loop; mm/mmu_notifier_all.c lists the address spaces that have any;
 * mm/mmu_notifier_report.c and mm/mmu_notifier_checks.c report mistakes;
 * mm/mmu_notifier_stats.c shows all of it to people.
 */
#ifndef MM_NOTIFIER_INTERNAL_H
#define MM_NOTIFIER_INTERNAL_H

#include <mm/notifier/env.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/notifier/gate.h>

/** What an interval subscription is doing; interval_sub->state. */
enum interval_state {
	INTERVAL_OUT,      /* not linked anywhere */
	INTERVAL_IN,       /* in the tree */
	INTERVAL_ADDING,   /* goes in when nobody walks the tree */
	INTERVAL_REMOVING, /* in the tree, goes out likewise */
};

/*
 * What a start or an end has to look at: mm->notifier_mode, by which it finds
 * its way in the tables of mm/mmu_notifier.c. A range that is counted before it
 * reads the mode is seen by whoever changes it.
 */
#define MODE_TREE  1u /* the interval tree is not empty */
#define MODE_PLAIN 2u /* there are plain subscriptions */
#define MODE_LOOK  4u /* statistics and traces are on */
#define MODE_BUSY  8u /* somebody waits for ranges to end */
#define MODES      16u

/*
 * The ranges that hit an interval last, so that a read section in vain can be
 * told what came between: in slot seq / 2 % NOTIFIER_HITS, until as many have hit
 * after it, stands the number times NOTIFIER_HIT_EVENTS plus the event. In one
 * word, because its readers hold the driver's lock and must not take ours.
 */
#define NOTIFIER_HITS       16u
#define NOTIFIER_HIT_EVENTS 8u
_Static_assert(NR_MMU_NOTIFY_EVENTS <= NOTIFIER_HIT_EVENTS,
	       "an event fits beside its number");

/**
 * struct mmu_notifier_subscriptions - all subscriptions of one mm
 * @lock: (l) see the table in mm/mmu_notifier.c
 * @mm: (c) whose; its notifier_mode is written under @lock
 * @tree: (s) interval subscriptions
 * @newest: (o) plain subscriptions, newest first; with an acquire, inside @calls
 * @tail: (c) the end of their list: born before all and told of nothing, so
 *	that a walk needs no test for an empty list, and knows at its end, by
 *	where that is, whose list it was
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
 * @nr_tlbs: (o) plain subscriptions in the list that have invalidate_range
 * @nr_followers: (o) those that have change_pte
 * @nr_plain: (s) plain subscriptions that have not left yet, those that were
 *	taken off the list at exit among them
 * @all_next, @all_prev: link in notifier_all, under its lock
 * @stats: (s) what happened, for people
 * @retries: (a) read sections in vain, by event; the last, of one not known
 * @hits: (o) the last ranges that hit, while statistics are on
 *
 * Keys: (a) atomic or single accesses, (c) constant, (l) the lock itself, (o)
 * written under @lock, read alone, (s) under @lock.
 */
struct mmu_notifier_subscriptions {
	struct spinlock lock;
	struct mm_struct *mm;
	struct interval_tree tree;
	struct mmu_notifier *newest;
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
	unsigned long nr_plain;
	struct wait_queue_head waiters;
	struct mmu_notifier tail;
	struct mmu_notifier_subscriptions *all_next;
	struct mmu_notifier_subscriptions **all_prev;
	struct mmu_notifier_stats stats;
	struct atomic64 retries[NR_MMU_NOTIFY_EVENTS + 1];
	unsigned long hits[NOTIFIER_HITS];
};

/* Those of an mm that has some; what its maker wrote is seen. */
static __always_inline struct mmu_notifier_subscriptions *
subscriptions_of(struct mm_struct *mm)
{
	/* Pairs with the cmpxchg in notifier_make_subscriptions(). */
	return smp_load_acquire(&mm->notifier_subscriptions);
}

static __always_inline void set_mode(struct mmu_notifier_subscriptions *subs,
				     unsigned int set)
{
	WRITE_ONCE(subs->mm->notifier_mode, subs->mm->notifier_mode | set);
}

static __always_inline void clear_mode(struct mmu_notifier_subscriptions *subs,
				       unsigned int clear)
{
	WRITE_ONCE(subs->mm->notifier_mode, subs->mm->notifier_mode & ~clear);
}

static __always_inline bool
being_looked_at(const struct mmu_notifier_subscriptions *subs)
{
	return unlikely(READ_ONCE(subs->mm->notifier_mode) & MODE_LOOK);
}

int notifier_make_subscriptions(struct mm_struct *mm);

/* The word says it last: the object is published by then. */
static __always_inline bool has_subscriptions(struct mm_struct *mm)
{
	return atomic64_read(&mm->notifier_ranges) < 0;
}

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
	if (likely(has_subscriptions(mm)))
		return 0;
	return notifier_make_subscriptions(mm);
}

/* A start that failed is over: not counted, not to be ended. */
int notifier_start_failed(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier_range *range, int ret);

/* A range that hit intervals is over for them. */
void notifier_close_hit(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range);

/*
 * With plain subscriptions alone a failure is cleaned up after; beside
 * intervals, or observed, that is left to the caller.
 */
int notifier_plain_start(struct mmu_notifier_range *range, struct mm_struct *mm);
int notifier_plain_start_beside(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier_range *range, bool observe);
void notifier_plain_end(struct mmu_notifier_range *range, struct mm_struct *mm);
void notifier_plain_end_beside(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range, bool observe);
/* Prepares the list. */
void notifier_plain_init(struct mmu_notifier_subscriptions *subs);
void notifier_plain_release(struct mmu_notifier_subscriptions *subs,
			    struct mm_struct *mm);

/* Of mmu_notifier_all.c: the objects of all address spaces, under the lock. */
extern struct spinlock notifier_all_lock;
extern struct mmu_notifier_subscriptions *notifier_all;
void notifier_all_join(struct mmu_notifier_subscriptions *subs);
void notifier_all_leave(struct mmu_notifier_subscriptions *subs);

/*
 * Of mmu_notifier_checks.c, in debug builds. Each check returns whether the call
 * may go on, and has reported it if not. notifier_name_open() reports each open
 * range of @mm with @what, and returns how many.
 */
void notifier_check_failed(struct mmu_notifier_range *range);
unsigned int notifier_name_open(const struct mm_struct *mm, const char *what);
bool notifier_check_register(const struct mmu_notifier *sub);
bool notifier_check_unregister(const struct mmu_notifier *sub,
			       struct mm_struct *mm);
bool notifier_check_insert(const struct mmu_interval_notifier *sub);
bool notifier_check_remove(const struct mmu_interval_notifier *sub);

/**
 * notifier_report_open() - report that ranges of @mm are open, and which
 * @mm: whose
 * @what: the place: "exit", or a wait that takes long
 *
 * Debug builds know each range and its caller, others only how many there are.
 */
void notifier_report_open(const struct mm_struct *mm, const char *what);
/* A wait takes long: for ranges to end, for callbacks. */
void notifier_ranges_late(struct notifier_gate *gate);
void notifier_calls_late(struct notifier_gate *gate);

/*
 * Of mmu_notifier_stats.c: who is looked at, and what a range leaves behind.
 * observe_join is called under notifier_all_lock. observe_start says when it
 * began; the others are told how long it took.
 */
void notifier_observe_join(struct mmu_notifier_subscriptions *subs);
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
void notifier_observe_told(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier *sub, const char *what,
			   unsigned long start, unsigned long end, int answer,
			   unsigned long ticks);
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
