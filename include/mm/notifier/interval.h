/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/interval.h - be told of changes that touch one interval
 *
 * For a driver whose device keeps translations of its own. The loop of a device
 * fault is in mm/notifier/rounds.h.
 *
 * Declared in every configuration (R6.1).
 */
#ifndef MM_NOTIFIER_INTERVAL_H
#define MM_NOTIFIER_INTERVAL_H

#include <mm/notifier/range.h>
#include <mm/notifier/interval_tree.h>
#include <mm/notifier/member.h>

struct mmu_interval_notifier;
struct mmu_notifier_figures;
struct mmu_notifier_subscriptions;

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
 * @member: the reference notifier's, in the place of the three; its state is @state
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
	union {
		struct {
			u64 settle;
			struct mmu_interval_notifier *deferred;
			unsigned int state;
		};
		struct mmu_notifier_member member;
	};
	struct mmu_notifier_figures *figures;
};

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
static inline void mmu_interval_set_seq(struct mmu_interval_notifier *interval_sub,
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
static inline bool
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
static inline bool
mmu_interval_check_retry(struct mmu_interval_notifier *interval_sub,
			 unsigned long seq)
{
	return READ_ONCE(interval_sub->invalidate_seq) != seq;
}

#endif
