/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/interval.h - be notified of changes that overlap one interval
 *
 * For a driver whose device keeps translations of its own. The driver
 *
 *	1. inserts a subscription over the addresses that its device uses;
 *	2. serves a device fault by the loop of mm/notifier/rounds.h, which calls
 *	   mmu_interval_read_begin() and mmu_interval_read_retry();
 *	3. drops translations in its invalidate callback, or in two passes: the first
 *	   (invalidate_start) starts the device's work, and when all devices have
 *	   started, the second (invalidate_finish) waits for it. A finish node carries
 *	   the second pass;
 *	4. removes the subscription.
 *
 * The driver has a lock of its own, of any kind. It takes that lock in the callback,
 * and in a device fault around mmu_interval_read_retry() and the installation. So
 * one of two things happens. If the callback comes first, the fault sees a new number
 * and retries. If the fault comes first, the callback drops what it has installed.
 *
 * All of this is declared with and without the option. Without it a driver compiles
 * and does not link (R6.1).
 */
#ifndef MM_NOTIFIER_INTERVAL_H
#define MM_NOTIFIER_INTERVAL_H

#include <mm/notifier/range.h>
#include <mm/notifier/interval_tree.h>
#include <mm/notifier/member.h>

struct mmu_interval_notifier;
struct mmu_notifier_sub_stats;
struct mmu_notifier_subscriptions;

/**
 * struct mmu_interval_notifier_finish - the second pass of one subscription
 * @next: the core's own
 * @interval_sub: the subscription whose first pass returned this node; set by the
 *	core
 *
 * A driver embeds a node in the object that its invalidate_finish() needs. The core
 * has the node from the return of invalidate_start() until invalidate_finish().
 * Ranges overlap, so several second passes of a subscription may be open at once.
 * A driver has a node for each of them. Or it has one node, and a first pass that
 * finds it in use completes the work itself and returns NULL.
 */
struct mmu_interval_notifier_finish {
	struct mmu_interval_notifier_finish *next;
	struct mmu_interval_notifier *interval_sub;
};

/**
 * struct mmu_interval_notifier_ops - the callbacks of an interval subscription
 *
 * A driver sets @invalidate, or both of the others. They run on the invalidator's
 * thread, inside its locks. They may sleep if the range is blockable. They may not
 *
 *	take mmap_lock or a reverse-map lock,
 *	make an allocation that may start reclaim (GFP_KERNEL),
 *	start a range, begin a read section, insert, remove, register, unregister,
 *	wait for a thread that may do one of these (R5.7).
 *
 * The lock validator reports most of these as a lock that is taken while
 * mmu_notifier_invalidate_range_start is held. That is no real lock: it is the
 * validator's name for "callbacks may run here" (mm/notifier/start.h).
 */
struct mmu_interval_notifier_ops {
	/**
	 * @invalidate: drop the device's translations of the range.
	 *
	 * Under the driver's lock: call mmu_interval_set_seq() with @cur_seq,
	 * drop the translations, wait until the device uses none of them. Call
	 * SetPageDirty() for each page that the device could write (R8.14).
	 * A range that the driver ignores changes nothing, the number included
	 * (R1.23, R1.24).
	 *
	 * Return: true; or false if the range is not blockable and the callback
	 * would have to sleep. A callback that returns false has changed nothing,
	 * the number included (R4.20, R4.22).
	 */
	bool (*invalidate)(struct mmu_interval_notifier *interval_sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq);
	/**
	 * @invalidate_start: as @invalidate, but the device may go on working.
	 *
	 * *@finish is NULL at the call. A driver that leaves its device at work
	 * sets it to a node. Then the core calls @invalidate_finish, after the
	 * first pass of every subscription that the range overlaps (R4.31).
	 */
	bool (*invalidate_start)(struct mmu_interval_notifier *interval_sub,
				 const struct mmu_notifier_range *range,
				 unsigned long cur_seq,
				 struct mmu_interval_notifier_finish **finish);
	/**
	 * @invalidate_finish: wait until the device has completed the work that
	 * @invalidate_start left. It is called once for each node, also if a
	 * later subscription refuses the range (R3.6).
	 */
	void (*invalidate_finish)(struct mmu_interval_notifier_finish *finish);
};

/**
 * struct mmu_interval_notifier - an interval subscription
 * @interval_tree: (s) its bounds, and its node in the tree
 * @ops: (c) the callbacks
 * @mm: (c) the address space
 * @subscriptions: (c) the subscriptions of @mm
 * @invalidate_seq: (d) number of the last range whose callback stored it, at first
 *	the mm's last number; always odd
 * @settle_gp: (s) the grace period after which no range is open that began before the
 *	insertion; 0 if that is over
 * @deferred: (s) the next in the list of deferred insertions and removals
 * @state: (s) the core's own, see mm/notifier/interval.c; debug builds also read
 *	it without the lock
 * @member: the reference notifier's, in place of the three before it; its state is
 *	@state
 * @stats: (a) its statistics; NULL until there is something to count
 *
 * Keys: (c) constant while inserted; (s) under the subscriptions' lock; (d) written
 * under the driver's lock, read under it or by a single access; (a) single accesses;
 * the statistics themselves under the subscriptions' lock, but collisions, which are
 * atomic.
 */
struct mmu_interval_notifier {
	struct interval_tree_node interval_tree;
	const struct mmu_interval_notifier_ops *ops;
	struct mm_struct *mm;
	struct mmu_notifier_subscriptions *subscriptions;
	unsigned long invalidate_seq;
	union {
		struct {
			u64 settle_gp;
			struct mmu_interval_notifier *deferred;
			unsigned int state;
		};
		struct mmu_notifier_member member;
	};
	struct mmu_notifier_sub_stats *stats;
};

/**
 * mmu_interval_notifier_insert() - subscribe to changes that overlap an interval
 * @interval_sub: the caller's object, not inserted
 * @mm: the address space; the caller holds a reference in mm_users
 * @start: first address, in bytes of any alignment
 * @length: bytes, at least one
 * @ops: the callbacks
 *
 * Ranges that are open at the call do not call the subscription. Until they have
 * ended, each of its readers waits for them (R4.10). If callbacks run, the insertion
 * is deferred until none does; the caller does not wait for that (R4.11). The
 * subscription holds a reference in mm_count (R4.7).
 *
 * Context: may sleep; the caller holds neither mmap_lock nor a lock that is taken
 *	    inside it (R5.4).
 * Return: 0; -EOVERFLOW if @length is 0, if the end is beyond the space, or if the
 *	   interval is the last byte of the space alone, which no range can name;
 *	   -EINVAL if @mm has no user or @ops is incomplete; -ENOMEM; in debug
 *	   builds -EEXIST if the object is inserted already, in any mm. On error
 *	   nothing has changed (R4.5 to R4.12).
 */
int mmu_interval_notifier_insert(struct mmu_interval_notifier *interval_sub,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops);

/**
 * mmu_interval_notifier_insert_locked() - the same, for a caller with mmap_lock
 *
 * Context: may sleep; mmap_lock held for writing (R4.5, R5.4).
 * Return: as mmu_interval_notifier_insert().
 */
int mmu_interval_notifier_insert_locked(
	struct mmu_interval_notifier *interval_sub, struct mm_struct *mm,
	unsigned long start, unsigned long length,
	const struct mmu_interval_notifier_ops *ops);

/**
 * mmu_interval_notifier_remove() - end a subscription
 * @interval_sub: inserted; the caller's again when this returns
 *
 * Waits while interval callbacks of the mm run, and not for ranges to end. After it
 * returns no callback of the subscription runs or will run. It works before, during
 * and after exit (R4.13 to R4.16).
 *
 * Before the call the driver forbids new installs, drops all translations under its
 * lock, and waits for its look-ups to end. After the call no callback protects a
 * translation. A look-up uses the subscription until mmu_interval_round_unlock().
 *
 * Context: may sleep; not from a callback, no lock held that a callback takes
 *	    (R5.2).
 */
void mmu_interval_notifier_remove(struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_read_begin() - begin a collision-retry read section
 * @interval_sub: an inserted subscription
 *
 * Waits for the ranges that overlap the interval and are open at the call, and for
 * no other (R4.17, R4.26). Until a subscription has settled, its readers wait for
 * more: for all ranges of the mm that were open when it entered the tree, and perhaps
 * for some that began before the last of those ended (R4.10, R4.11).
 *
 * This does not bound how often a section collides. The rounds do (R4.24).
 *
 * The caller holds a reference in mm_users until the section ends, so that the tables
 * it walks are not freed. It holds mmap_lock, in either mode, over the look-up. It may
 * take that lock before or after this call, because no callback takes it.
 *
 * Context: may sleep; no range open, no lock held that a callback takes (R5.2).
 * Return: the number to pass to mmu_interval_read_retry(); always odd.
 */
unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_set_seq() - store the number of a range, in its callback
 * @interval_sub: the subscription
 * @cur_seq: as given to the callback
 *
 * Context: invalidate() or invalidate_start(), under the driver's lock (R4.20).
 */
static inline void mmu_interval_set_seq(struct mmu_interval_notifier *interval_sub,
					unsigned long cur_seq)
{
	/* Release: a reader that sees this number sees that its range is open. */
	smp_store_release(&interval_sub->invalidate_seq, cur_seq);
}

/* Count a collision, with the event that caused it. */
void __mmu_interval_read_collided(struct mmu_interval_notifier *interval_sub);

/* Record the other end of a section, while statistics are on. */
extern bool notifier_observe_on;
void __mmu_interval_read_kept(const struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_read_retry() - end a read section: did it collide?
 * @interval_sub: the subscription
 * @seq: the number that mmu_interval_read_begin() returned
 *
 * Context: under the driver's lock, of any kind; takes no lock (R4.18, R4.21).
 * Return: false: what was looked up may be installed before that lock is dropped.
 *	   true: it may be stale; drop the lock and retry.
 */
static inline bool
mmu_interval_read_retry(struct mmu_interval_notifier *interval_sub,
			unsigned long seq)
{
	if (likely(interval_sub->invalidate_seq == seq)) {
		if (MMU_NOTIFIER_OPTION &&
		    unlikely(READ_ONCE(notifier_observe_on)))
			__mmu_interval_read_kept(interval_sub);
		return false;
	}
	if (MMU_NOTIFIER_OPTION)
		__mmu_interval_read_collided(interval_sub);
	return true;
}

/**
 * mmu_interval_check_retry() - will mmu_interval_read_retry() certainly return true?
 * @interval_sub: the subscription
 * @seq: the number that mmu_interval_read_begin() returned
 *
 * For a look-up of several steps, which may stop early.
 *
 * Context: any; the driver's lock is not needed (R4.19).
 * Return: true: it will. false: it may or may not.
 */
static inline bool
mmu_interval_check_retry(struct mmu_interval_notifier *interval_sub,
			 unsigned long seq)
{
	return READ_ONCE(interval_sub->invalidate_seq) != seq;
}

#endif
