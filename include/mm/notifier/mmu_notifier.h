/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/mmu_notifier.h - be told before a mapping changes
 *
 * A driver whose device keeps translations outside the CPU's page tables
 * subscribes here, in one of two ways:
 *
 *	plain		struct mmu_notifier: told of every change in the mm
 *	interval	struct mmu_interval_notifier: told of changes that touch
 *			one interval, with a collision-retry read section for
 *			device faults that run in parallel
 *
 * An invalidator, code that changes a mapping, brackets the change:
 *
 *	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, vma, mm, s, e);
 *	mmu_notifier_invalidate_range_start(&range);
 *	... change page tables, flush the CPU TLBs ...
 *	mmu_notifier_invalidate_range_end(&range);
 *
 * with mmap_lock or an rmap lock held over the pair and no page-table lock
 * held at either call. When start has returned nobody has a translation of
 * the range, and nobody makes one before end. The range object stays where it
 * is from start to end.
 *
 * mm/notifier/range.c tells how; docs/semantics.md lists every rule (R...) with
 * its test. The last part is what stands in when the option is off (R6.1 to R6.5):
 * subscribing is declared and does not link, changing mappings costs nothing.
 *
 * Over 600 lines because it is the whole contract, more than half of it what each
 * call promises, and because what a kernel has and what stands in for it must be
 * read side by side.
 */
#ifndef MM_NOTIFIER_MMU_NOTIFIER_H
#define MM_NOTIFIER_MMU_NOTIFIER_H

#include <mm/notifier/types.h>
#include <mm/notifier/interval_tree.h>

#ifndef MMU_NOTIFIER_OPTION
#error "MMU_NOTIFIER_OPTION: <mm/notifier/types.h> says 1 or 0"
#endif

struct mmu_notifier;
struct mmu_notifier_range;
struct mmu_interval_notifier;
struct mmu_interval_notifier_finish;
struct mmu_notifier_subscriptions;
struct mmu_notifier_figures;

/**
 * enum mmu_notifier_event - why a mapping changes (R1.2, R1.17 to R1.25)
 * @MMU_NOTIFY_UNMAP: the addresses go away. Zero, so that an unset event is
 *	the one that permits least
 * @MMU_NOTIFY_CLEAR: entries are dropped or will point elsewhere; the region
 *	stays and may be faulted in again
 * @MMU_NOTIFY_PROTECTION_VMA: the region's protection changes, and is stored
 *	in the region before start
 * @MMU_NOTIFY_PROTECTION_PAGE: some entries lose write access; only the
 *	entries tell which, at end
 * @MMU_NOTIFY_SOFT_DIRTY: write tracking begins anew
 * @MMU_NOTIFY_RELEASE: the address space is going; interval subscriptions only
 * @MMU_NOTIFY_MIGRATE: pages move into or out of device memory; @owner names
 *	the device that asked
 * @MMU_NOTIFY_EXCLUSIVE: a device takes pages exclusively; @owner names it
 * @NR_MMU_NOTIFY_EVENTS: how many there are
 *
 * A listener that ignores the event and drops the range is always right.
 */
enum mmu_notifier_event {
	MMU_NOTIFY_UNMAP = 0,
	MMU_NOTIFY_CLEAR,
	MMU_NOTIFY_PROTECTION_VMA,
	MMU_NOTIFY_PROTECTION_PAGE,
	MMU_NOTIFY_SOFT_DIRTY,
	MMU_NOTIFY_RELEASE,
	MMU_NOTIFY_MIGRATE,
	MMU_NOTIFY_EXCLUSIVE,
	NR_MMU_NOTIFY_EVENTS,
};

/* Flags of a range. */
/** Callbacks may sleep; set and cleared by the start call (R1.3). */
#define MMU_NOTIFIER_RANGE_BLOCKABLE (1u << 0)

/**
 * struct mmu_notifier_ops - what a plain subscriber wants to be told
 *
 * Every one may be NULL. Callbacks may sleep where it says so, but may not
 * take mmap_lock or an rmap lock, allocate memory that has to be reclaimed,
 * wait for anybody who does, or call register, unregister or start (R5.7).
 */
struct mmu_notifier_ops {
	/**
	 * @release: the address space is going, or the subscriber left. Drop
	 * every translation and make no more. May sleep; may run beside other
	 * callbacks. Runs once in a subscription's life (R2.1, R2.24).
	 */
	void (*release)(struct mmu_notifier *subscription, struct mm_struct *mm);
	/**
	 * @clear_flush_young: test and clear the accessed mark of [start, end)
	 * and forget cached translations. Under a page-table lock: may not
	 * sleep. Return: was it used (R2.2)?
	 */
	bool (*clear_flush_young)(struct mmu_notifier *subscription,
				  struct mm_struct *mm, unsigned long start,
				  unsigned long end);
	/** @clear_young: the same, cached translations may stay (R2.3) */
	bool (*clear_young)(struct mmu_notifier *subscription,
			    struct mm_struct *mm, unsigned long start,
			    unsigned long end);
	/** @test_young: was the page at @address used? Clears nothing (R2.4) */
	bool (*test_young)(struct mmu_notifier *subscription,
			   struct mm_struct *mm, unsigned long address);
	/**
	 * @change_pte: the entry of @address, cleared and flushed, becomes
	 * @entry (its raw value) now. Under a page-table lock: may not sleep;
	 * always between a start and its end (R2.6). Whoever dropped the page
	 * at start makes no translation of this: other ranges may be open.
	 */
	void (*change_pte)(struct mmu_notifier *subscription,
			   struct mm_struct *mm, unsigned long address,
			   unsigned long entry);
	/**
	 * @invalidate_range_start: drop every translation of the range and
	 * make none before the end. May sleep if the range is blockable.
	 * Return: 0; or -EAGAIN if the range is not blockable and it would
	 * have to sleep. A subscriber that may fail has no
	 * @invalidate_range_end (R2.7, R3.4).
	 */
	int (*invalidate_range_start)(struct mmu_notifier *subscription,
				      const struct mmu_notifier_range *range);
	/** @invalidate_range_end: the change is made (R2.8) */
	void (*invalidate_range_end)(struct mmu_notifier *subscription,
				     const struct mmu_notifier_range *range);
	/**
	 * @invalidate_range: the CPUs have forgotten their translations of
	 * [start, end); forget yours, and wait for walks of the tables that are
	 * under way: the pages and tables that were there are free, or another
	 * page is there, when this returns (R2.10, R2.12). [0, ~0) is all. For
	 * devices that walk the CPU's own tables; excludes the two above
	 * (R2.11). Inside ranges and outside, perhaps under a page-table lock:
	 * may not sleep. Rights that a page gains are not told.
	 */
	void (*invalidate_range)(struct mmu_notifier *subscription,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long end);
	/** @alloc_notifier: make one for mmu_notifier_get(); may sleep */
	struct mmu_notifier *(*alloc_notifier)(struct mm_struct *mm);
	/**
	 * @free_notifier: the last put is done and no callback runs or will
	 * run. Under a page-table lock if the last that ran was called so: may
	 * not sleep.
	 */
	void (*free_notifier)(struct mmu_notifier *subscription);
};

/**
 * struct mmu_notifier_deferred - something to do when nobody can see it
 * @next: (s) in the subscriptions' list
 * @pass: (s) the grace period it waits for
 * @run: (c) called once, by who leaves last, whatever lock that holds but not
 *	the subscriptions'; may not sleep
 *
 * Keys: (c) constant, (s) under the subscriptions' lock.
 */
struct mmu_notifier_deferred {
	struct mmu_notifier_deferred *next;
	u64 pass;
	void (*run)(struct mmu_notifier_deferred *deferred);
};

/**
 * struct mmu_notifier - a plain subscription
 * @ops: (c) what to call; set by the subscriber before registering
 * @mm: (c) the address space; set by registering
 * @next: (o) the one registered before it, or NULL
 * @prev: (s) what points at this one
 * @start: (c) its invalidate_range_start, or one that answers 0
 * @end: (c) its invalidate_range_end, or one that does nothing
 * @birth: (c) in the order of registration, from 1
 * @users: (s) gets not yet put; from above 1 it also goes down alone
 * @state: (s) the core's own, see mm/notifier/plain.c
 * @settled: (s) the period after which every open range has been told to it
 * @figures: (a) NULL until statistics are on and have something to note
 * @deferred: the freeing after the last put
 * @ticket: (s) of the freeing, in the gate that synchronize() waits at
 *
 * Keys: (c) constant while registered, (s) under the subscriptions' lock,
 * (o) written under it, followed by walks, (a) single accesses, the object under
 * the subscriptions' lock.
 */
struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
	struct mm_struct *mm;
	struct mmu_notifier *next;
	struct mmu_notifier **prev;
	int (*start)(struct mmu_notifier *subscription,
		     const struct mmu_notifier_range *range);
	void (*end)(struct mmu_notifier *subscription,
		    const struct mmu_notifier_range *range);
	u64 birth;
	unsigned int users;
	unsigned int state;
	u64 settled;
	struct mmu_notifier_figures *figures;
	struct mmu_notifier_deferred deferred;
	long ticket;
};

/**
 * struct mmu_interval_notifier_finish - the second pass of one subscription
 * @next: the core's own
 * @interval_sub: set by the core: whose first pass handed it back
 *
 * Embedded by the driver in what invalidate_finish() needs; belongs to the
 * core from the return of invalidate_start() until invalidate_finish(). Ranges
 * overlap, so a subscription may have several under way: one node for each, or
 * NULL and the work done at once while the only one is out.
 */
struct mmu_interval_notifier_finish {
	struct mmu_interval_notifier_finish *next;
	struct mmu_interval_notifier *interval_sub;
};

/**
 * struct mmu_interval_notifier_ops - what an interval subscriber is told
 *
 * Either @invalidate, or both of the others.
 */
struct mmu_interval_notifier_ops {
	/**
	 * @invalidate: drop what you have of the range. Under your own lock
	 * (the one read_retry() is called under): mmu_interval_set_seq() with
	 * @cur_seq, then drop. Return: true; or false if the range is not
	 * blockable and it would have to sleep (R4.20, R4.22).
	 */
	bool (*invalidate)(struct mmu_interval_notifier *interval_sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq);
	/**
	 * @invalidate_start: as @invalidate, but the device may be left at
	 * work: *@finish is then set to a node of the driver's, and
	 * @invalidate_finish waits for it, after every subscription of the
	 * range was started (R4.31).
	 */
	bool (*invalidate_start)(struct mmu_interval_notifier *interval_sub,
				 const struct mmu_notifier_range *range,
				 unsigned long cur_seq,
				 struct mmu_interval_notifier_finish **finish);
	/** @invalidate_finish: wait for what @invalidate_start left running */
	void (*invalidate_finish)(struct mmu_interval_notifier_finish *finish);
};

/**
 * struct mmu_interval_notifier - an interval subscription
 * @interval_tree: (s) its bounds and its place
 * @ops: (c) what to call
 * @mm: (c) the address space
 * @subscriptions: (c) those of @mm
 * @invalidate_seq: (d) the invalidation seen last; always odd
 * @settle: (s) not 0 while ranges may be open that never heard of it
 * @deferred: (s) link in the list of insertions and removals to be done
 * @state: (s) the core's own, see mm/notifier/interval.c; checks of debug
 *	builds also read it alone
 * @figures: (a) NULL until statistics are on and have something to note
 *
 * Keys: (c) constant while inserted; (s) under the subscriptions' lock; (d)
 * under the driver's own lock; (a) single accesses, the object under the
 * subscriptions' lock but for its counts of retries, which are atomic.
 */
struct mmu_interval_notifier {
	struct interval_tree_node interval_tree;
	const struct mmu_interval_notifier_ops *ops;
	struct mm_struct *mm;
	struct mmu_notifier_subscriptions *subscriptions;
	unsigned long invalidate_seq;
	u64 settle;
	struct mmu_interval_notifier *deferred;
	unsigned int state;
	struct mmu_notifier_figures *figures;
};

/* --- for subscribers; declared in every configuration (R6.1) ------------ */

/**
 * mmu_notifier_register() - subscribe to every change of an address space
 * @subscription: with @ops set; the caller's until unregistered
 * @mm: of which the caller holds a user (mmget() or current's own); panics if the
 *	mm has none
 *
 * A pair of start and end calls either both or neither reaches the new
 * subscription, and when this returns every range that it was not told of
 * has ended (R2.15 to R2.20; docs/adr/0007).
 *
 * Context: may sleep; takes mmap_lock for writing. The caller has no range of
 *	    @mm open and holds no lock that a range may be waiting for.
 * Return: 0; -ENOMEM; -EINVAL when @ops has invalidate_range beside start or
 *	   end; -EINTR when the caller is being killed; -EEXIST, in debug
 *	   builds, when it is registered anywhere already (others do not look).
 *	   On error nothing is held and @subscription->mm is untouched.
 */
int mmu_notifier_register(struct mmu_notifier *subscription,
			  struct mm_struct *mm);

/** __mmu_notifier_register() - the same, mmap_lock already held for writing */
int __mmu_notifier_register(struct mmu_notifier *subscription,
			    struct mm_struct *mm);

/**
 * mmu_notifier_unregister() - end a subscription
 * @subscription: registered, not got by mmu_notifier_get()
 * @mm: what it was registered with, even if that has exited meanwhile
 *
 * Calls release unless that has run already. After it returns no callback
 * runs or will run, not even the end of a range whose start was delivered
 * (R2.21, R2.22, R2.25).
 *
 * Context: may sleep; not from a callback, no lock held that a callback takes.
 */
void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm);

/**
 * mmu_notifier_get() - the subscription of @ops on @mm, made if there is none
 * @ops: identity and callbacks; alloc_notifier and free_notifier must be set
 * @mm: of which the caller holds a user
 *
 * Context: may sleep; takes mmap_lock for writing.
 * Return: the subscription, with one more user (R2.28 to R2.30); or ERR_PTR of
 *	   -EOVERFLOW (too many users), what alloc_notifier said, or as
 *	   mmu_notifier_register().
 */
struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm);

/** mmu_notifier_get_locked() - the same, mmap_lock already held for writing */
struct mmu_notifier *mmu_notifier_get_locked(const struct mmu_notifier_ops *ops,
					     struct mm_struct *mm);

/**
 * mmu_notifier_put() - give back what mmu_notifier_get() returned
 * @subscription: got; its translations are already gone, release is not called
 *
 * The last put frees it by free_notifier, at once or when the last callback
 * that may see it has returned (R2.31 to R2.34).
 *
 * Context: any that may take a spinlock, callbacks included.
 */
void mmu_notifier_put(struct mmu_notifier *subscription);

/**
 * mmu_interval_notifier_insert() - watch an interval
 * @interval_sub: the caller's object, in no use
 * @mm: of which the caller holds a user
 * @start: first address
 * @length: bytes, at least one
 * @ops: what to call
 *
 * Context: may sleep; where mmap_lock may be taken, though it is not (R5.4).
 * Return: 0; -EOVERFLOW when @length is 0, the end is beyond the space, or the
 *	   interval is the last byte of the space alone, which no range can name;
 *	   -EINVAL when @mm has no user or @ops is incomplete; -ENOMEM; -EEXIST,
 *	   in debug builds, when it is inserted anywhere already (others do not
 *	   look). On error nothing is held (R4.5 to R4.12).
 */
int mmu_interval_notifier_insert(struct mmu_interval_notifier *interval_sub,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops);

/** mmu_interval_notifier_insert_locked() - mmap_lock is held for writing */
int mmu_interval_notifier_insert_locked(
	struct mmu_interval_notifier *interval_sub, struct mm_struct *mm,
	unsigned long start, unsigned long length,
	const struct mmu_interval_notifier_ops *ops);

/**
 * mmu_interval_notifier_remove() - stop watching
 * @interval_sub: inserted; the caller's again when this returns
 *
 * After it returns no callback runs or will run. Works after exit too (R4.13
 * to R4.16).
 *
 * Context: may sleep; not from a callback, no lock held that a callback takes.
 */
void mmu_interval_notifier_remove(struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_read_begin() - begin a collision-retry read section
 * @interval_sub: an inserted subscription
 *
 * Waits for the ranges that touch the interval and were open at the call, and
 * for no other (R4.26); the first section after an insertion also for all that
 * were open in the mm then, whatever they touch, and perhaps for some that began
 * before the last of those ended (R4.10). How often a section is in vain this
 * does not bound; the rounds below do (R4.24).
 *
 * The caller is a user of the mm until the section ends, or the tables that it
 * walks are freed under it; and it looks the page up with mmap_lock held, for
 * reading, or by the rounds, which take it.
 *
 * Context: may sleep; no lock held that the callback takes. Rules R4.17, R5.2.
 * Return: what to hand to mmu_interval_read_retry(); always odd.
 */
unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_set_seq() - note an invalidation, from its callback
 * @interval_sub: the subscription
 * @cur_seq: as given to the callback
 *
 * Context: under the driver's own lock (R4.20).
 */
static __always_inline void
mmu_interval_set_seq(struct mmu_interval_notifier *interval_sub,
		     unsigned long cur_seq)
{
	/* Release: who reads this number sees that its range is open. */
	smp_store_release(&interval_sub->invalidate_seq, cur_seq);
}

/* Notes, for people, that a section was in vain, and why. */
void __mmu_interval_read_lost(struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_read_retry() - end a read section: did a change come between?
 * @interval_sub: the subscription
 * @seq: what mmu_interval_read_begin() returned
 *
 * Context: under the driver's own lock (R4.18, R4.21), which may be of any kind:
 *	    nothing is locked here.
 * Return: false: what was read may be installed before the lock is dropped.
 *	   true: it is stale; begin again.
 */
static __always_inline bool
mmu_interval_read_retry(struct mmu_interval_notifier *interval_sub,
			unsigned long seq)
{
	if (likely(interval_sub->invalidate_seq == seq))
		return false;
	if (MMU_NOTIFIER_OPTION)
		__mmu_interval_read_lost(interval_sub);
	return true;
}

/**
 * mmu_interval_check_retry() - is it already certain that retry will say so?
 * @interval_sub: the subscription
 * @seq: what mmu_interval_read_begin() returned
 *
 * Context: any, without the driver's lock (R4.19).
 * Return: true: mmu_interval_read_retry() will be true. false: a hint.
 */
static __always_inline bool
mmu_interval_check_retry(struct mmu_interval_notifier *interval_sub,
			 unsigned long seq)
{
	return READ_ONCE(interval_sub->invalidate_seq) != seq;
}

/*
 * The rounds of one look-up (R4.24). A driver that wants a bound on how often a
 * look-up begins again writes its loop with these:
 *
 *	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&sub);
 *
 *	do {
 *		ret = mmu_interval_round_lock(&rounds);
 *		if (ret)
 *			return ret;
 *		fault the page in			may raise ranges
 *		mmu_interval_round_begin(&rounds);
 *		look the page up			mmap_lock is held
 *		mmu_interval_round_looked_up(&rounds);
 *		lock the driver's lock
 *		again = mmu_interval_round_retry(&rounds);
 *		if (!again)
 *			install
 *		unlock the driver's lock
 *		mmu_interval_round_unlock(&rounds);
 *	} while (again);
 *
 * A driver makes the changes of its look-up (an empty entry, the zero page, an
 * exclusive entry) before the section: get_user_pages_remote() without FOLL_GET. A
 * change inside is a change like any other's, and the round is lost.
 */

/** MMU_INTERVAL_ROUNDS_BESIDE - rounds that run beside changes */
#define MMU_INTERVAL_ROUNDS_BESIDE 8
/** MMU_INTERVAL_ROUNDS_ALONE - rounds after those, with changes kept out */
#define MMU_INTERVAL_ROUNDS_ALONE 2
/** MMU_INTERVAL_ROUNDS_ALL - the bound: a look-up is done in as many rounds */
#define MMU_INTERVAL_ROUNDS_ALL \
	(MMU_INTERVAL_ROUNDS_BESIDE + MMU_INTERVAL_ROUNDS_ALONE)

/**
 * struct mmu_interval_rounds - one look-up, on its thread's stack
 * @interval_sub: an inserted subscription of an mm that the caller is a user of
 * @seq: of the round's read section
 * @nr: rounds begun
 * @alone: this round holds mmap_lock for writing
 * @locked: mmap_lock is held
 * @lost: this round's retry said true
 */
struct mmu_interval_rounds {
	struct mmu_interval_notifier *interval_sub;
	unsigned long seq;
	unsigned int nr;
	bool alone;
	bool locked;
	bool lost;
};

/** MMU_INTERVAL_ROUNDS_INIT() - rounds of which none was begun */
#define MMU_INTERVAL_ROUNDS_INIT(sub)  \
	{                              \
		.interval_sub = (sub), \
	}

/**
 * mmu_interval_round_lock() - begin a round: take mmap_lock
 * @rounds: begun less than MMU_INTERVAL_ROUNDS_ALL times, or it says so
 *
 * For reading; and from round MMU_INTERVAL_ROUNDS_BESIDE + 1 on for writing, so
 * that no change comes between. It may be held already, from the round before.
 *
 * Context: may sleep; no lock held that is taken below mmap_lock, a page's
 *	    included; no range open.
 * Return: 0 with mmap_lock held; -EINTR: the task was killed; -EBUSY: the
 *	   rounds are used up, which takes a range raised without mmap_lock, or a
 *	   look-up that raises one in every round that the driver does not
 *	   ignore. On error nothing is held.
 */
int mmu_interval_round_lock(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_begin() - mmu_interval_read_begin() of this round
 * @rounds: locked
 *
 * Holding mmap_lock it waits only for ranges whose raiser holds it too.
 */
void mmu_interval_round_begin(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_looked_up() - mmap_lock is not needed any more
 * @rounds: begun
 *
 * Drops mmap_lock unless it is what keeps changes out. The driver's lock may be
 * waited for after this; while the device is told, the mm is not held up.
 */
void mmu_interval_round_looked_up(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_retry() - mmu_interval_read_retry() of this round
 * @rounds: begun
 *
 * Context: under the driver's own lock.
 */
static __always_inline bool
mmu_interval_round_retry(struct mmu_interval_rounds *rounds)
{
	rounds->lost = mmu_interval_read_retry(rounds->interval_sub, rounds->seq);
	return rounds->lost;
}

/**
 * mmu_interval_round_unlock() - end a round
 * @rounds: locked, however far it came
 *
 * Drops mmap_lock if it is still held; but after a round alone whose retry said
 * true it stays held for the next, so that no other thread undoes what this
 * round changed. A driver that does not go on to mmu_interval_round_lock() then
 * calls this once more. The driver sleeps for nothing in between.
 */
void mmu_interval_round_unlock(struct mmu_interval_rounds *rounds);

/**
 * mmu_notifier_event_name() - the name of an event, for traces and people
 * @event: any number
 *
 * Return: "UNMAP", "CLEAR", ...; "?" for what is no event.
 */
const char *mmu_notifier_event_name(unsigned int event);

/* --- figures, for tests and for people ----------------------------------- */

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

/* --- for who changes mappings; below, what stands in without the option --- */

#if MMU_NOTIFIER_OPTION

/**
 * struct mmu_notifier_range_core - what the core keeps in a range
 * @ticket: how it is counted in mm->notifier_ranges
 * @told: birth of the newest plain subscription that start called, 0 if none
 * @seq: the number that interval callbacks got, 0 when the range overlaps none
 * @next: link in the list of open ranges that overlap an interval
 * @prev: what points at this range
 * @finish: second passes that are still to come
 * @finish_tail: where the next one is hung
 * @since: when start or end began, while statistics are on
 * @record: debug builds' note that it is open; mm/notifier/checks.c
 */
struct mmu_notifier_range_core {
	long ticket;
	u64 told;
	unsigned long seq;
	struct mmu_notifier_range *next;
	struct mmu_notifier_range **prev;
	struct mmu_interval_notifier_finish *finish;
	struct mmu_interval_notifier_finish **finish_tail;
	unsigned long since;
	unsigned int record;
};

/**
 * struct mmu_notifier_range - one change of a mapping
 * @mm: whose mapping
 * @start: first address
 * @end: first address after it; above @start
 * @flags: MMU_NOTIFIER_RANGE_*
 * @event: why
 * @owner: for MIGRATE and EXCLUSIVE, who asked; NULL otherwise (R1.5)
 * @vma: the region, or NULL
 * @core: the core's own
 *
 * A callback sees it const and must not keep the pointer (R1.7).
 */
struct mmu_notifier_range {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	unsigned int flags;
	enum mmu_notifier_event event;
	void *owner;
	struct vm_area_struct *vma;
	struct mmu_notifier_range_core core;
};

/** MMU_NOTIFIER_TICKET_PLAIN - of a range counted the usual way */
#define MMU_NOTIFIER_TICKET_PLAIN 1

int __mmu_notifier_range_start(struct mmu_notifier_range *range);
void __mmu_notifier_range_end(struct mmu_notifier_range *range);
/* Of mm/notifier/checks.c, in debug builds: may the call go on? */
bool mmu_notifier_check_start(struct mmu_notifier_range *range);
bool mmu_notifier_check_end(struct mmu_notifier_range *range);
void mmu_notifier_check_freed(const struct mm_struct *mm);
bool __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				      unsigned long end);
bool __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
				unsigned long end);
bool __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address);
void __mmu_notifier_change_pte(struct mm_struct *mm, unsigned long address,
			       unsigned long entry);
void __mmu_notifier_invalidate_range(struct mm_struct *mm, unsigned long start,
				     unsigned long end);
void __mmu_notifier_release(struct mm_struct *mm);
void __mmu_notifier_subscriptions_destroy(struct mm_struct *mm);

/*
 * The "fake lock" (R5.1): held, for the lock validator, by whoever may make
 * callbacks run or wait for them. So the validator learns what may not be
 * held or taken there without a callback ever having to be hit.
 */
DECLARE_LOCKDEP_MAP(mmu_notifier_invalidate_range_start_map);
#define mmu_notifier_map_acquire() \
	lock_map_acquire(&mmu_notifier_invalidate_range_start_map)
#define mmu_notifier_map_release() \
	lock_map_release(&mmu_notifier_invalidate_range_start_map)

/** mmu_notifier_might_invalidate() - "here callbacks may run, or be awaited" */
static __always_inline void mmu_notifier_might_invalidate(void)
{
	mmu_notifier_map_acquire();
	mmu_notifier_map_release();
}

/**
 * mm_has_notifiers() - has anybody ever subscribed to @mm?
 *
 * Context: the caller keeps @mm alive.
 */
static __always_inline bool mm_has_notifiers(struct mm_struct *mm)
{
	return unlikely(READ_ONCE(mm->notifier_subscriptions) != NULL);
}

/** mmu_notifier_subscriptions_init() - of a new mm: nobody subscribes (R2.26) */
static inline void mmu_notifier_subscriptions_init(struct mm_struct *mm)
{
	mm->notifier_subscriptions = NULL;
	atomic64_set(&mm->notifier_ranges, 0);
}

/**
 * mmu_notifier_subscriptions_destroy() - when the mm struct is being freed
 *
 * By then every subscription has left; panics otherwise (R2.27).
 */
static inline void mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_subscriptions_destroy(mm);
	if (IS_ENABLED(CONFIG_DEBUG))
		mmu_notifier_check_freed(mm);
}

/**
 * mmu_notifier_check_exit() - report ranges of an emptied mm that are still open
 *
 * A range that was started and forgotten makes each later registration sleep for
 * good. A debug build names it: its event, its bounds and who started it.
 *
 * Context: may not sleep; the mm has no user and no page, and mmap_lock is held
 *	    for writing, so that no range can be open.
 */
void mmu_notifier_check_exit(struct mm_struct *mm);

/**
 * mmu_notifier_release() - the last user left: tell every subscriber
 *
 * Interval subscriptions get one RELEASE over the whole space, then each
 * plain one its release; when this returns all of them have finished and no
 * plain one will be called again (R2.23, R4.27). To be called before the
 * first page is taken away.
 *
 * Context: may sleep; no locks held.
 */
static inline void mmu_notifier_release(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_release(mm);
}

/**
 * mmu_notifier_range_init() - prepare a range
 * @range: the caller's, usually on its stack
 * @event: why
 * @flags: 0
 * @vma: the region, or NULL
 * @mm: whose mapping
 * @start: first address
 * @end: first address after it
 *
 * The owner is NULL (R1.5).
 */
static __always_inline void
mmu_notifier_range_init(struct mmu_notifier_range *range,
			enum mmu_notifier_event event, unsigned int flags,
			struct vm_area_struct *vma, struct mm_struct *mm,
			unsigned long start, unsigned long end)
{
	range->event = event;
	range->flags = flags;
	range->vma = vma;
	range->mm = mm;
	range->start = start;
	range->end = end;
	range->owner = NULL;
	range->core.told = 0;
	range->core.seq = 0;
	if (IS_ENABLED(CONFIG_DEBUG))
		range->core.record = 0;
}

/** mmu_notifier_range_init_owner() - the same, with who asked for it */
static __always_inline void mmu_notifier_range_init_owner(
	struct mmu_notifier_range *range, enum mmu_notifier_event event,
	unsigned int flags, struct vm_area_struct *vma, struct mm_struct *mm,
	unsigned long start, unsigned long end, void *owner)
{
	mmu_notifier_range_init(range, event, flags, vma, mm, start, end);
	range->owner = owner;
}

/** mmu_notifier_range_blockable() - may callbacks of this range sleep? */
static __always_inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return range->flags & MMU_NOTIFIER_RANGE_BLOCKABLE;
}

bool mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range);

/*
 * Counts the range as open. Every range is counted, told to somebody or not,
 * so that a subscription can wait for those that began before it. The word
 * turns negative for good when somebody subscribes to the mm: two
 * instructions and one test are all that an mm without subscribers pays.
 *
 * The count is a store, and what follows it looks for subscribers by loads: the
 * full barrier after the read-modify-write keeps them in that order. A newcomer
 * publishes itself and then reads the count. See litmus.range_count.
 */
static __always_inline int mmu_notifier_range_open(struct mmu_notifier_range *range)
{
	struct mm_struct *mm = range->mm;
	bool told;

	if (IS_ENABLED(CONFIG_DEBUG) && !mmu_notifier_check_start(range))
		return -EINVAL;
	range->core.ticket = MMU_NOTIFIER_TICKET_PLAIN;
	told = atomic64_add_negative(MMU_NOTIFIER_TICKET_PLAIN,
				     &mm->notifier_ranges);
	if (likely(!told))
		return 0;
	return __mmu_notifier_range_start(range);
}

/**
 * mmu_notifier_invalidate_range_start() - before a change
 * @range: prepared; stays in place until the end call
 *
 * When this returns every subscriber has let go of the range. A range that is
 * empty or ends before it begins is the caller's mistake: a debug kernel warns,
 * tells nobody and does not open it; others take it as any range, told to plain
 * subscribers and to intervals that have it strictly inside, which costs them a
 * retry and leaves nothing open. Ending it is right in both. A debug kernel also
 * refuses the start of a range that is open, or that lies where one was
 * forgotten, and names who started that one.
 *
 * Context: may sleep; mmap_lock or an rmap lock held, no page-table lock. Rules
 *	    R1.9 to R1.12, R5.1, R5.5.
 */
static __always_inline void
mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
	mmu_notifier_map_acquire();
	/* Inside, so that a report names the map (R5.8 f). */
	might_sleep();
	range->flags |= MMU_NOTIFIER_RANGE_BLOCKABLE;
	(void)mmu_notifier_range_open(range);
	mmu_notifier_map_release();
}

/**
 * mmu_notifier_invalidate_range_start_nonblock() - the same, without sleeping
 * @range: prepared; stays in place until the end call
 *
 * Context: as above, but may not sleep.
 * Return: 0; or -EAGAIN (or what else a callback answered): a subscriber could
 *	   not let go. Then nothing may be changed and end is not called; who
 *	   was told has been told the end (R3.1 to R3.8).
 */
static __always_inline int __must_check
mmu_notifier_invalidate_range_start_nonblock(struct mmu_notifier_range *range)
{
	int ret;

	mmu_notifier_map_acquire();
	range->flags &= ~MMU_NOTIFIER_RANGE_BLOCKABLE;
	ret = mmu_notifier_range_open(range);
	mmu_notifier_map_release();
	return ret;
}

/**
 * mmu_notifier_invalidate_range_end() - after a change
 * @range: the very object that start was given
 *
 * The entries are changed and the CPU TLBs flushed (R1.10). A debug build reports
 * the end of a range that is not open, with its caller, and ignores it.
 *
 * Context: as start; may sleep only if the range is blockable.
 */
static __always_inline void
mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
	struct mm_struct *mm = range->mm;

	if (mmu_notifier_range_blockable(range))
		might_sleep();
	if (IS_ENABLED(CONFIG_DEBUG) && !mmu_notifier_check_end(range))
		return;
	if (likely(!atomic64_sub_negative(range->core.ticket,
					  &mm->notifier_ranges)))
		return;
	mmu_notifier_map_acquire();
	__mmu_notifier_range_end(range);
	mmu_notifier_map_release();
}

/**
 * mmu_notifier_clear_flush_young() - did a device use [start, end)?
 *
 * Clears the marks, forgets cached translations. Every subscriber is asked.
 * Context: after the CPU's own mark was cleared; page-table lock held (R2.2).
 */
static __always_inline bool mmu_notifier_clear_flush_young(struct mm_struct *mm,
							   unsigned long start,
							   unsigned long end)
{
	return mm_has_notifiers(mm) &&
	       __mmu_notifier_clear_flush_young(mm, start, end);
}

/** mmu_notifier_clear_young() - the same, cached translations may stay */
static __always_inline bool mmu_notifier_clear_young(struct mm_struct *mm,
						     unsigned long start,
						     unsigned long end)
{
	return mm_has_notifiers(mm) && __mmu_notifier_clear_young(mm, start, end);
}

/** mmu_notifier_test_young() - did a device use the page? Clears nothing */
static __always_inline bool mmu_notifier_test_young(struct mm_struct *mm,
						    unsigned long address)
{
	return mm_has_notifiers(mm) && __mmu_notifier_test_young(mm, address);
}

/** mmu_notifier_change_pte() - a cleared, flushed entry gets a new value */
static __always_inline void mmu_notifier_change_pte(struct mm_struct *mm,
						    unsigned long address,
						    unsigned long entry)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_change_pte(mm, address, entry);
}

/**
 * mmu_notifier_invalidate_range() - secondary TLBs: forget [start, end)
 *
 * Called where the CPUs' TLBs are flushed, after them (R2.10): in mm by
 * flush_tlb_mm_range().
 *
 * Context: inside a range, or with mmap_lock held, however: a registration takes
 *	    mmap_lock for writing and waits for open ranges, and nothing else
 *	    orders it with a flush (litmus.secondary_tlb). A page-table lock may
 *	    be held.
 */
static __always_inline void mmu_notifier_invalidate_range(struct mm_struct *mm,
							  unsigned long start,
							  unsigned long end)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_invalidate_range(mm, start, end);
}

/** mmu_notifier_arch_invalidate_secondary_tlbs() - its newer name (R2.10) */
static __always_inline void mmu_notifier_arch_invalidate_secondary_tlbs(
	struct mm_struct *mm, unsigned long start, unsigned long end)
{
	mmu_notifier_invalidate_range(mm, start, end);
}

/**
 * mmu_notifier_synchronize() - wait for the freeing of what was put
 *
 * When this returns free_notifier has returned for every put that was last and
 * returned before (R2.35).
 *
 * Context: may sleep; not from a callback.
 */
void mmu_notifier_synchronize(void);

#else /* !MMU_NOTIFIER_OPTION */

/*
 * The file does not link with a core: mm/notifier/off.c. The section is not
 * loaded, so this costs a kernel without the notifiers nothing.
 */
__asm__(".pushsection .mmu_notifier_option,\"\"\n\t"
	".quad without_mmu_notifier\n\t"
	".popsection");
extern const char without_mmu_notifier;

/* R6.2: only the bounds are left. */
struct mmu_notifier_range {
	unsigned long start;
	unsigned long end;
};

static __always_inline void
_mmu_notifier_range_init(struct mmu_notifier_range *range, unsigned long start,
			 unsigned long end)
{
	range->start = start;
	range->end = end;
}

/* Never called: gives the arguments that nobody evaluates their types. */
static __always_inline void
_mmu_notifier_range_unused(enum mmu_notifier_event event, unsigned int flags,
			   const struct vm_area_struct *vma,
			   const struct mm_struct *mm, const void *owner)
{
}

/*
 * Macros, so that of the arguments only range, start and end are evaluated, once
 * each. The others may cost something, or not be there to be looked at; the
 * compiler still reads them, so that they do not rot and are not "unused".
 */
#define mmu_notifier_range_init_owner(range, event, flags, vma, mm, start, \
				      end, owner)                          \
	do {                                                               \
		_mmu_notifier_range_init(range, start, end);               \
		if (0)                                                     \
			_mmu_notifier_range_unused(event, flags, vma, mm,  \
						   owner);                 \
	} while (0)
#define mmu_notifier_range_init(range, event, flags, vma, mm, start, end)  \
	mmu_notifier_range_init_owner(range, event, flags, vma, mm, start, \
				      end, NULL)

static __always_inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return true;
}

static __always_inline bool
mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range)
{
	return false;
}

static __always_inline void mmu_notifier_might_invalidate(void)
{
}

static __always_inline bool mm_has_notifiers(struct mm_struct *mm)
{
	return false;
}

static __always_inline void mmu_notifier_subscriptions_init(struct mm_struct *mm)
{
}

static __always_inline void mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
}

static __always_inline void mmu_notifier_check_exit(struct mm_struct *mm)
{
}

static __always_inline void mmu_notifier_release(struct mm_struct *mm)
{
}

static __always_inline void
mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
}

static __always_inline int __must_check
mmu_notifier_invalidate_range_start_nonblock(struct mmu_notifier_range *range)
{
	return 0;
}

static __always_inline void
mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
}

static __always_inline bool mmu_notifier_clear_flush_young(struct mm_struct *mm,
							   unsigned long start,
							   unsigned long end)
{
	return false;
}

static __always_inline bool mmu_notifier_clear_young(struct mm_struct *mm,
						     unsigned long start,
						     unsigned long end)
{
	return false;
}

static __always_inline bool mmu_notifier_test_young(struct mm_struct *mm,
						    unsigned long address)
{
	return false;
}

static __always_inline void mmu_notifier_change_pte(struct mm_struct *mm,
						    unsigned long address,
						    unsigned long entry)
{
}

static __always_inline void mmu_notifier_invalidate_range(struct mm_struct *mm,
							  unsigned long start,
							  unsigned long end)
{
}

static __always_inline void mmu_notifier_arch_invalidate_secondary_tlbs(
	struct mm_struct *mm, unsigned long start, unsigned long end)
{
}

static __always_inline void mmu_notifier_synchronize(void)
{
}

#endif /* MMU_NOTIFIER_OPTION */

#endif
