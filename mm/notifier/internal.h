/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/internal.h - what the sources of the notifiers share
 *
 * Each file calls only files that stand below it. Those marked + serve the notifier to
 * be read as well (mm/notifier/reference/, docs/adr/0016), which takes the place of the
 * others.
 *
 *	file			calls
 *	+ register.c		subscribe get plain callbacks checks
 *	+ subscribe.c		range interval plain callbacks report stats checks all show
 *	+ rounds.c		read stats checks
 *	  range.c		interval plain gate interval_tree callbacks report stats
 *	  interval.c		interval_tree gate callbacks report stats
 *	  read.c		callbacks report stats
 *	  get.c			plain gate callbacks
 *	  plain.c		gate callbacks stats
 *	+ entries.c		gate stats
 *	+ callbacks.c		stats checks event
 *	+ report.c		checks show
 *	+ stats.c, checks.c	all show event
 *	  show.c		interval_tree
 *	  gate.c
 *	  interval_tree.c
 *	+ all.c, event.c
 *	+ layout.c
 *
 * So a call goes down. Callbacks are called by interval.c, plain.c, entries.c and
 * callbacks.c; register.c calls alloc_notifier(), and free_notifier() if the registration
 * fails. off.c takes the place of all in a kernel without the notifiers.
 */
#ifndef MM_NOTIFIER_INTERNAL_H
#define MM_NOTIFIER_INTERNAL_H

#include <mm/notifier/env.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/notifier/gate.h>

/* Which thread runs; env.h may define it. Without it every range is every thread's. */
#ifndef notifier_thread
#define notifier_thread() ((const void *)NULL)
#endif

/** enum interval_state - where an interval subscription stands */
enum interval_state {
	INTERVAL_OUT,      /* nowhere */
	INTERVAL_IN,       /* in the tree */
	INTERVAL_ADDING,   /* a deferred insertion */
	INTERVAL_REMOVING, /* in the tree; its removal is deferred */
};

/* interval_sub->settle_gp of a deferred insertion: no grace period is enough yet. */
#define SETTLE_NEVER (~(u64)0)

/*
 * The mm remembers the events of the last NOTIFIER_RECENT ranges that overlapped an
 * interval, so that a reader that collided can name the event. Slot
 * seq / 2 % NOTIFIER_RECENT holds seq * NOTIFIER_EVENTS_MAX + event. That is one word,
 * because the reader holds its driver's lock and so takes no lock of the core.
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
 * @lock: (l) below every other lock of the mm, see mm/notifier/range.c
 * @mm: (c) the address space
 * @tree: (s) interval subscriptions; also read by walkers
 * @nr_intervals: (o) subscriptions in @tree
 * @newest: (o) plain subscriptions, newest first; read with an acquire, inside @calls
 * @last_seq: (s) the number of the last range that overlapped an interval; odd
 * @open_overlaps: (s) open ranges that overlap an interval; (o) is it NULL?
 * @walkers: (a) starts that walk over @tree now; incremented under @lock
 * @deferred: (s) insertions and removals that wait until @walkers is 0
 * @nr_waiting: (s) sleepers in @waiters that an end or the last walker must wake
 * @ranges: the gate of open ranges; its word is mm->notifier_ranges
 * @calls: the gate of walks over plain subscriptions
 * @call_word: (a) the word of @calls
 * @births: (s) plain registrations so far
 * @nr_invalidate_range: (o) plain subscriptions in the list that have that callback
 * @nr_change_pte: (o) plain subscriptions in the list that have that callback
 * @nr_plain: (s) plain subscriptions that were not yet unregistered or put; those that
 *	exit took off the list are among them
 * @waiters: sleepers that wait for an end, a walk or a grace period
 * @all_next, @all_prev: links of notifier_all, under its lock
 * @stats: (s) statistics
 * @retries: (a) read sections that collided, by event; the last is of unknown ones
 * @recent: (o) the events of the last ranges that overlapped an interval
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

/* For layout.c: the list of open ranges; are those on it counted in the mm's word? */
#define NOTIFIER_OPEN_LIST          open_overlaps
#define NOTIFIER_LISTED_ARE_COUNTED 1

/* Inside the gate ->calls, or under ->lock. Pairs with the release in link_newest(). */
static inline struct mmu_notifier *
notifier_newest(struct mmu_notifier_subscriptions *subs)
{
	return smp_load_acquire(&subs->newest);
}

static inline struct mmu_notifier *notifier_next(struct mmu_notifier *sub)
{
	return smp_load_acquire(&sub->next);
}

/* Newest first. */
#define for_each_plain(sub, subs) \
	for ((sub) = notifier_newest(subs); (sub); (sub) = notifier_next(sub))

/*
 * Of range.c: prepare the core's own part of a new object.
 * mmu_notifier_subscriptions_init() prepares two words of a new mm.
 */
void notifier_subscriptions_init(struct mmu_notifier_subscriptions *subs);

/* Of show.c: do the invariants of the tree and the lists hold? */
bool notifier_lists_valid(struct mmu_notifier_subscriptions *subs);

/* Grace periods that are over, of both gates. */
static inline u64
notifier_grace_periods(const struct mmu_notifier_subscriptions *subs)
{
	return subs->ranges.completed + subs->calls.completed;
}

/* Where a callback is rare, its callers test before they walk the list. */
static inline bool
notifier_has_invalidate_range(struct mmu_notifier_subscriptions *subs)
{
	return READ_ONCE(subs->nr_invalidate_range);
}

static inline bool notifier_has_change_pte(struct mmu_notifier_subscriptions *subs)
{
	return READ_ONCE(subs->nr_change_pte);
}

/* Around a walk whose callbacks may not sleep. */
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

/* For the reference: a walk of this core keeps its subscriptions until its end. */
static inline void notifier_count_pass(struct mmu_notifier_subscriptions *subs,
				       struct mmu_interval_notifier *sub, int add)
{
}
#endif

/* The object of @mm, fully initialised; NULL if @mm has never had a subscriber. */
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

/* Remember the event of @range, for readers that collide with it. */
static inline void notifier_remember_event(struct mmu_notifier_subscriptions *subs,
					   const struct mmu_notifier_range *range)
	__must_hold(subs->lock)
{
	unsigned long seq = range->core.seq;

	WRITE_ONCE(*notifier_recent_slot(subs, seq),
		   seq * NOTIFIER_EVENTS_MAX + range->event);
}

/** notifier_observing() - are statistics and traces of callbacks on? */
static inline bool notifier_observing(void)
{
	return unlikely(READ_ONCE(notifier_observe_on));
}

/* The time, for durations. Never 0, even if the clock stands still. */
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

/* The word turns negative last: the object is published by then. */
static inline bool has_subscriptions(const struct mm_struct *mm)
{
	return atomic64_read(&mm->notifier_ranges) < 0;
}

/**
 * ensure_subscriptions() - make the object of @mm, once
 *
 * Ranges look for it from the moment the word turns negative. Those that counted
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

/* Of plain.c: no new walk finds @sub; its own link stays for walks that stand at it. */
void notifier_plain_hide(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub) __must_hold(subs->lock);

/*
 * The notifier's part of the calls of register.c and subscribe.c. join: put it where
 * ranges find it; a plain one sleeps until it has settled. leave: when it returns, no
 * callback of it runs or will run. plain_get: a subscription of @ops that has settled,
 * with one more reference; NULL if there is none, or an error. release: exit.
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

/* Of callbacks.c: call release(); call free_notifier() and drop the mm. */
void notifier_call_release(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier *sub);
void notifier_put_free(struct mmu_notifier *sub);

/*
 * Of callbacks.c, for a start. _returned: to be called after a callback that refused,
 * and after each while statistics are on; return the error of the start, or 0.
 * first_pass: call the first pass. finish_intervals: call the second passes that are
 * owed. start_failed: note that the start has failed.
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
 * What a notifier shows to statistics, reports and checks. Under ->lock, but for
 * notifier_open_ranges(), which is a hint. Each _next returns the one after its last
 * argument; the first if that is NULL.
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

/* Of all.c: the list of the objects of all address spaces, under its lock. */
extern struct spinlock notifier_all_lock;
extern struct mmu_notifier_subscriptions *notifier_all;
/* Make @subs that of its mm, and a member. Return: false if another thread was first. */
bool notifier_all_publish(struct mmu_notifier_subscriptions *subs);
void notifier_all_leave(struct mmu_notifier_subscriptions *subs);

/*
 * Of checks.c, in debug builds. A check that returns bool says whether the call may go
 * on; if not it has reported why. check_failed: the start of @range has failed.
 * name_open: report each open range of @mm, with @what; return their number.
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
 * notifier_report_open() - report the open ranges of an mm
 * @mm: the address space
 * @what: where that is a mistake: "exit", or a wait that takes long
 *
 * A debug build names each range and the code that started it, others their number.
 */
void notifier_report_open(const struct mm_struct *mm, const char *what);

/*
 * Of stats.c: count and trace, while statistics are on. Each is called after a step;
 * @since is the time before it.
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
void __notifier_observe_insert(const void *sub, const struct mm_struct *mm,
			       unsigned long start, unsigned long last,
			       const void *ops, const char *kind);
void __notifier_observe_remove(const void *sub);
unsigned long __notifier_observe_read(const struct mmu_interval_notifier *sub,
				      unsigned long seq);
void __notifier_observe_round(const struct mmu_interval_notifier *sub,
			      unsigned int round, bool exclusive);
void notifier_observe_wait(struct mmu_notifier_subscriptions *subs,
			   struct mmu_interval_notifier *sub);
void notifier_count_exclusive_round(struct mmu_notifier_subscriptions *subs);

/* The test alone where it is paid often; what follows it is a call. */
static inline void notifier_observe_insert(const void *sub,
					   const struct mm_struct *mm,
					   unsigned long start,
					   unsigned long last, const void *ops,
					   const char *kind)
{
	if (notifier_observing())
		__notifier_observe_insert(sub, mm, start, last, ops, kind);
}

static inline void notifier_observe_remove(const void *sub)
{
	if (notifier_observing())
		__notifier_observe_remove(sub);
}

/* A section begins with @seq, which is returned. */
static inline unsigned long
notifier_observe_read(const struct mmu_interval_notifier *sub, unsigned long seq)
{
	return notifier_observing() ? __notifier_observe_read(sub, seq) : seq;
}

static inline void notifier_observe_round(const struct mmu_interval_notifier *sub,
					  unsigned int round, bool exclusive)
{
	if (notifier_observing())
		__notifier_observe_round(sub, round, exclusive);
}

/* Free the statistics of a subscription that no thread sees any more. */
static inline void notifier_forget(struct mmu_notifier_sub_stats *stats)
{
	if (stats != NULL)
		kfree(stats);
}

/* The last step of notifier_interval_leave(). */
static inline void notifier_interval_left(struct mmu_interval_notifier *sub)
{
	notifier_observe_remove(sub);
	notifier_forget(sub->stats);
	mmdrop(sub->mm);
}

/*
 * Around the callbacks of a range. If that may not sleep, the validator reports a
 * callback that might (R5.6).
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
