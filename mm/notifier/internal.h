/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/internal.h - what the sources of the notifiers share
 *
 * Files call downwards only. Those marked + serve the notifier to be read as well
 * (mm/notifier/reference/, docs/adr/0016), which takes the place of the others:
 *
 *	+ register.c	register, unregister and get; calls subscribe.c
 *	+ subscribe.c	the object of an mm; insert, remove and exit
 *	  range.c	start and end
 *	+ rounds.c	a driver's loop; calls read.c
 *	  interval.c	interval subscriptions; the tree that finds them
 *	  read.c	a device fault's read section
 *	  get.c		users of a plain subscription; calls plain.c
 *	  plain.c	the list of plain subscriptions
 *	+ entries.c	callbacks about entries and secondary TLBs
 *	+ callbacks.c	results of callbacks, second passes, release and free
 *	  gate.c	wait for the threads that are inside now
 *	+ report.c, checks.c, stats.c, all.c, event.c
 *			mistakes and what happened, of all address spaces
 *	  show.c	the lists, for those five
 *	  interval_tree.c
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
	INTERVAL_ADDING,   /* goes in when no walker is left */
	INTERVAL_REMOVING, /* in the tree, goes out likewise */
};

/* interval_sub->settle_gp of an insertion that waits for walkers. */
#define SETTLE_NEVER (~(u64)0)

/*
 * The ranges that overlapped an interval last, so that a reader that collided can
 * name the event that came between. Slot seq / 2 % NOTIFIER_RECENT holds the number
 * times NOTIFIER_EVENTS_MAX plus the event, until NOTIFIER_RECENT more have
 * overlapped one. In one word, because its readers hold the driver's lock and must
 * not take ours.
 */
#define NOTIFIER_RECENT     16u
#define NOTIFIER_EVENTS_MAX 8u
_Static_assert(NR_MMU_NOTIFY_EVENTS <= NOTIFIER_EVENTS_MAX,
	       "an event and its number fit in one word");

#if IS_ENABLED(CONFIG_NOTIFIER_REFERENCE)
#include "reference/reference.h"
#else
/**
 * struct mmu_notifier_subscriptions - all subscriptions of one mm
 * @lock: (l) guards the fields (s); below every other lock of the mm, page-table locks
 *	included. Only wait queues and the lock of the gate `freeing' are taken inside
 * @mm: (c) whose
 * @tree: (s) interval subscriptions
 * @nr_intervals: (o) subscriptions in @tree
 * @newest: (o) plain subscriptions, newest first; with an acquire, inside @calls
 * @last_seq: (s) number of the last range that overlapped an interval; odd
 * @walkers: (a) ranges whose callbacks follow the tree's links right now; goes
 *	up under @lock only
 * @open_overlaps: (s) open ranges that overlap an interval; "is it NULL" also
 *	without @lock, with an acquire
 * @deferred: (s) interval subscriptions that wait for @walkers to be 0
 * @nr_waiting: (s) sleepers in @waiters that wait for an end or for @walkers
 * @waiters: threads that wait for an end, for @walkers or for a grace period
 * @ranges: counts open ranges (in mm->notifier_ranges)
 * @calls: counts walks over plain subscriptions
 * @call_word: (a) the word of @calls
 * @births: (s) plain registrations so far
 * @nr_invalidate_range: (o) plain subscriptions in the list that have invalidate_range
 * @nr_change_pte: (o) those that have change_pte
 * @nr_plain: (s) plain subscriptions that have not left yet, those that were
 *	taken off the list at exit among them
 * @all_next, @all_prev: link in notifier_all, under its lock
 * @stats: (s) what happened, for people
 * @retries: (a) read sections that collided, by event; the last, of one not known
 * @recent: (o) the last ranges that overlapped an interval, while statistics are on
 *
 * Keys: (a) atomic or single accesses, (c) constant, (l) the lock itself, (o)
 * written under @lock, read without it, (s) under @lock.
 */
struct mmu_notifier_subscriptions {
	struct spinlock lock;
	struct mm_struct *mm;
	struct interval_tree tree;
	unsigned long nr_intervals;
	struct mmu_notifier *newest;
	unsigned long last_seq;
	struct mmu_notifier_range *open_overlaps;
	struct atomic walkers;
	struct mmu_interval_notifier *deferred;
	unsigned int nr_waiting;
	struct notifier_gate ranges;
	struct notifier_gate calls;
	struct atomic64 call_word;
	u64 births;
	unsigned int nr_invalidate_range;
	unsigned int nr_change_pte;
	unsigned long nr_plain;
	struct wait_queue_head waiters;
	struct mmu_notifier_subscriptions *all_next;
	struct mmu_notifier_subscriptions **all_prev;
	struct mmu_notifier_stats stats;
	struct atomic64 retries[NR_MMU_NOTIFY_EVENTS + 1];
	unsigned long recent[NOTIFIER_RECENT];
};

/* Inside the gate or under ->lock. Pairs with the release of link_newest(). */
static inline struct mmu_notifier *
notifier_newest(struct mmu_notifier_subscriptions *subs)
{
	return smp_load_acquire(&subs->newest);
}

static inline struct mmu_notifier *notifier_next(struct mmu_notifier *sub)
{
	return smp_load_acquire(&sub->next);
}

/* Plain subscriptions, newest first. */
#define for_each_plain(sub, subs) \
	for ((sub) = notifier_newest(subs); (sub); (sub) = notifier_next(sub))

void notifier_subscriptions_init(struct mmu_notifier_subscriptions *subs);

/* Of show.c: the invariants of tree and list. */
bool notifier_lists_valid(struct mmu_notifier_subscriptions *subs);

/* Grace periods that were waited for. */
static inline u64
notifier_grace_periods(const struct mmu_notifier_subscriptions *subs)
{
	return subs->ranges.completed + subs->calls.completed;
}

/* A flush or a write fault walks the list only if a subscription has the callback. */
static inline bool
notifier_has_invalidate_range(struct mmu_notifier_subscriptions *subs)
{
	return READ_ONCE(subs->nr_invalidate_range);
}

static inline bool notifier_has_change_pte(struct mmu_notifier_subscriptions *subs)
{
	return READ_ONCE(subs->nr_change_pte);
}

/* Round a walk over the plain subscriptions whose callbacks may not sleep. */
static inline long notifier_walk_begin(struct mmu_notifier_subscriptions *subs)
{
	long ticket = notifier_gate_enter(&subs->calls);

	non_block_start();
	return ticket;
}

static inline void notifier_walk_end(struct mmu_notifier_subscriptions *subs,
				     long ticket)
{
	non_block_end();
	notifier_gate_leave(&subs->calls, ticket);
}

/* A walk keeps all that it meets until its end, second passes included. */
static inline void notifier_count_pass(struct mmu_notifier_subscriptions *subs,
				       struct mmu_interval_notifier *sub, int add)
{
}
#endif

/* The object of an mm that has one; all that its maker wrote is seen. */
static inline struct mmu_notifier_subscriptions *
subscriptions_of(const struct mm_struct *mm)
{
	/* Pairs with the cmpxchg in notifier_make_subscriptions(). */
	return smp_load_acquire(&mm->notifier_subscriptions);
}

static inline unsigned long *
notifier_recent_slot(struct mmu_notifier_subscriptions *subs, unsigned long seq)
{
	return &subs->recent[(seq >> 1) % NOTIFIER_RECENT];
}

/* So that a reader which collides can name the event. */
static inline void notifier_remember_event(struct mmu_notifier_subscriptions *subs,
					   const struct mmu_notifier_range *range)
	__must_hold(subs->lock)
{
	unsigned long seq = range->core.seq;

	WRITE_ONCE(*notifier_recent_slot(subs, seq),
		   seq * NOTIFIER_EVENTS_MAX + range->event);
}

extern bool notifier_observe_on;

/** notifier_observing() - are statistics and traces of callbacks on? */
static inline bool notifier_observing(void)
{
	return unlikely(READ_ONCE(notifier_observe_on));
}

/* For durations. Never 0, even if the clock stands still. */
static inline unsigned long notifier_now(void)
{
	return rdtsc() | 1;
}

/** notifier_observe_begin() - the time before a step; 0 while statistics are off */
static inline unsigned long notifier_observe_begin(void)
{
	return notifier_observing() ? notifier_now() : 0;
}

int notifier_make_subscriptions(struct mm_struct *mm);

/*
 * The sign of ->notifier_ranges is set after the object is published, so a caller that
 * sees it finds the object.
 */
static inline bool has_subscriptions(const struct mm_struct *mm)
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
static inline int ensure_subscriptions(struct mm_struct *mm)
{
	if (has_subscriptions(mm))
		return 0;
	return notifier_make_subscriptions(mm);
}

/*
 * Of interval.c and plain.c: their part of a start and of an end. Each end closes what
 * its start opened, also after a start that failed.
 */
int notifier_interval_start(struct mmu_notifier_subscriptions *subs,
			    struct mmu_notifier_range *range);
void notifier_interval_end(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range);
int notifier_plain_start(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier_range *range);
void notifier_plain_end(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range);

/* Of plain.c: no new walk finds @sub; its link stays for the others. */
void notifier_plain_hide(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub) __must_hold(subs->lock);

/*
 * Each notifier has these for subscribe.c and register.c. get: a subscription that has
 * settled, with one more user; NULL if there is none, or an error. leave: when it
 * returns no callback runs or will. plain_release: of all, at exit.
 */
void notifier_plain_join(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub);
void notifier_plain_leave(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier *sub);
struct mmu_notifier *notifier_plain_get(struct mmu_notifier_subscriptions *subs,
					const struct mmu_notifier_ops *ops);
void notifier_plain_release(struct mmu_notifier_subscriptions *subs);
void notifier_interval_join(struct mmu_notifier_subscriptions *subs,
			    struct mmu_interval_notifier *sub);
void notifier_interval_leave(struct mmu_notifier_subscriptions *subs,
			     struct mmu_interval_notifier *sub);
void notifier_interval_release(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range);

/* Of callbacks.c: what all of them call alike. */
void notifier_call_release(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier *sub);
void notifier_put_free(struct mmu_notifier *sub);

/*
 * Of callbacks.c, for a start: after a callback that refused, or while
 * statistics are on, what the start is to return for it; the first pass of a
 * subscription that has two; all second passes that are owed then.
 */
int notifier_interval_returned(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range,
			       struct mmu_interval_notifier *sub, bool ok,
			       unsigned long since);
int notifier_start_returned(struct mmu_notifier_subscriptions *subs,
			    const struct mmu_notifier_range *range,
			    struct mmu_notifier *sub, int err,
			    unsigned long since);
bool notifier_first_pass(struct mmu_notifier_subscriptions *subs,
			 struct mmu_interval_notifier *sub,
			 struct mmu_notifier_range *range);
void notifier_finish_intervals(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range);
void notifier_start_failed(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range);

/*
 * What each notifier shows to statistics, reports and checks, under ->lock. The
 * first of a list is the one after NULL.
 */
unsigned long notifier_open_ranges(const struct mm_struct *mm);
const struct mmu_notifier_range *
notifier_open_next(struct mmu_notifier_subscriptions *subs,
		   const struct mmu_notifier_range *range);
struct mmu_notifier *notifier_plain_next(struct mmu_notifier_subscriptions *subs,
					 struct mmu_notifier *sub);
struct mmu_interval_notifier *
notifier_interval_next(struct mmu_notifier_subscriptions *subs,
		       struct mmu_interval_notifier *sub);

/* Of all.c: the objects of all address spaces, under the lock. */
extern struct spinlock notifier_all_lock;
extern struct mmu_notifier_subscriptions *notifier_all;
void notifier_all_join(struct mmu_notifier_subscriptions *subs);
void notifier_all_leave(struct mmu_notifier_subscriptions *subs);

/*
 * Of checks.c, in debug builds. A check that returns bool says whether the call may go
 * on, and has reported it if not. notifier_name_open() reports each open range of @mm
 * with @what, and returns how many.
 */
void notifier_check_failed(struct mmu_notifier_range *range);
unsigned int notifier_name_open(const struct mm_struct *mm, const char *what);
bool notifier_check_register(const struct mmu_notifier *sub);
bool notifier_check_unregister(const struct mmu_notifier *sub,
			       struct mm_struct *mm);
bool notifier_check_insert(const struct mmu_interval_notifier *sub);
bool notifier_check_remove(const struct mmu_interval_notifier *sub);
void notifier_check_refusal(const struct mmu_interval_notifier *sub,
			    const struct mmu_notifier_range *range);
void notifier_check_round(const struct mm_struct *mm, const void *by);

/**
 * notifier_report_open() - report that ranges of @mm are open, and which
 * @mm: whose
 * @what: the place: "exit", or a wait that takes long
 *
 * Debug builds know each range and its caller, others only how many there are.
 */
void notifier_report_open(const struct mm_struct *mm, const char *what);

/*
 * Of stats.c: what a range leaves behind while statistics are on.
 * Each is called after a step; @since is the time before it.
 */
void notifier_observe_start(struct mmu_notifier_subscriptions *subs,
			    struct mmu_notifier_range *range);
void notifier_observe_started(struct mmu_notifier_subscriptions *subs,
			      const struct mmu_notifier_range *range, int ret);
void notifier_observe_ending(struct mmu_notifier_subscriptions *subs,
			     struct mmu_notifier_range *range);
void notifier_observe_end(const struct mmu_notifier_range *range);
void notifier_observe_call(struct mmu_notifier_subscriptions *subs,
			   const struct mmu_notifier_range *range,
			   struct mmu_notifier_sub_stats **stats,
			   const void *sub, unsigned long since, int ret);
void notifier_observe_finish(struct mmu_notifier_subscriptions *subs,
			     const struct mmu_notifier_range *range,
			     struct mmu_interval_notifier *sub,
			     unsigned long since);
void notifier_observe_call_end(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range,
			       struct mmu_notifier *sub, unsigned long since);
void notifier_observe_callback(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier *sub, const char *what,
			       unsigned long start, unsigned long end, int ret,
			       unsigned long since);
void notifier_observe_wait(struct mmu_notifier_subscriptions *subs,
			   struct mmu_interval_notifier *sub);
void notifier_count_exclusive_round(struct mmu_notifier_subscriptions *subs);

/* Free the statistics of a subscription that no other thread sees any more. */
static inline void notifier_forget(struct mmu_notifier_sub_stats *stats)
{
	if (stats != NULL)
		kfree(stats);
}

/* Of an interval that has left, at the end of notifier_interval_leave(). */
static inline void notifier_interval_left(struct mmu_interval_notifier *sub)
{
	notifier_forget(sub->stats);
	mmdrop(sub->mm);
}

/*
 * Around callbacks of a range that may not sleep (R5.6): the validator then
 * reports a callback that might.
 */
static inline void notifier_calls_begin(const struct mmu_notifier_range *range)
{
	if (!mmu_notifier_range_blockable(range))
		non_block_start();
}

static inline void notifier_calls_end(const struct mmu_notifier_range *range)
{
	if (!mmu_notifier_range_blockable(range))
		non_block_end();
}

#endif
