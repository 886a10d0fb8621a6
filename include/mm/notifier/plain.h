/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/plain.h - be notified of every change of an address space
 *
 * For a hypervisor, and for a device that walks the CPU's own page tables. The driver
 * registers a subscription and unregisters it; or, where several of its objects
 * share one, each gets the subscription and puts it.
 *
 * All of this is declared with and without the option, but mmu_notifier_synchronize(),
 * of which mm/notifier/off.h has a body. Without the option a driver compiles and does
 * not link (R6.1).
 *
 * Young means that the accessed mark of a translation is set. A device that keeps such
 * marks has the three callbacks that read and clear them.
 */
#ifndef MM_NOTIFIER_PLAIN_H
#define MM_NOTIFIER_PLAIN_H

#include <mm/notifier/member.h>
#include <mm/notifier/range.h>

struct mmu_notifier;
struct mmu_notifier_sub_stats;

/**
 * struct mmu_notifier_ops - the callbacks of a plain subscription
 *
 * Each may be NULL, but mmu_notifier_get() needs @alloc_notifier and @free_notifier.
 * A callback that drops a device's own translation for writing calls SetPageDirty() for
 * the page (R8.14).
 * Where it says so a callback may sleep. No callback may
 *
 *	take mmap_lock or a reverse-map lock,
 *	make an allocation that may start reclaim (GFP_KERNEL); @alloc_notifier may,
 *	start a range, register, unregister, insert or remove,
 *	wait for a thread that may do one of these (R5.7).
 */
struct mmu_notifier_ops {
	/**
	 * @release: the address space exits, or the subscription is unregistered.
	 * Drop every translation and make no more. May sleep; may run
	 * concurrently with other callbacks. Runs at most once: at exit or at
	 * unregister, whichever comes first. It never runs for a subscription
	 * whose last put comes before exit (R2.1, R2.24, R2.32).
	 */
	void (*release)(struct mmu_notifier *subscription, struct mm_struct *mm);
	/**
	 * @clear_flush_young: clear the accessed marks of [@start, @end) and drop
	 * the translations that the device has cached. Called with a page-table
	 * lock held: may not sleep.
	 * Return: was one of them young (R2.2)?
	 */
	bool (*clear_flush_young)(struct mmu_notifier *subscription,
				  struct mm_struct *mm, unsigned long start,
				  unsigned long end);
	/** @clear_young: the same, but cached translations may stay (R2.3) */
	bool (*clear_young)(struct mmu_notifier *subscription,
			    struct mm_struct *mm, unsigned long start,
			    unsigned long end);
	/** @test_young: is the page at @address young? Clears nothing (R2.4) */
	bool (*test_young)(struct mmu_notifier *subscription,
			   struct mm_struct *mm, unsigned long address);
	/**
	 * @change_pte: the entry of @address, cleared and flushed, now becomes
	 * @entry, its raw value. Called with a page-table lock held: may not
	 * sleep. It always comes between a start and its end (R2.6). A subscriber
	 * that dropped the page at start makes no translation of @entry, because
	 * other ranges may be open.
	 */
	void (*change_pte)(struct mmu_notifier *subscription,
			   struct mm_struct *mm, unsigned long address,
			   unsigned long entry);
	/**
	 * @invalidate_range_start: drop every translation of the range, and make
	 * none before its end. May sleep if the range is blockable.
	 * Return: 0; or -EAGAIN if the range is not blockable and the callback
	 * would have to sleep. A subscriber that may return -EAGAIN has no
	 * @invalidate_range_end (R2.7, R3.4).
	 */
	int (*invalidate_range_start)(struct mmu_notifier *subscription,
				      const struct mmu_notifier_range *range);
	/**
	 * @invalidate_range_end: the mapping has changed (R2.8). May sleep if the
	 * range is blockable.
	 */
	void (*invalidate_range_end)(struct mmu_notifier *subscription,
				     const struct mmu_notifier_range *range);
	/**
	 * @invalidate_range: for a device that walks the CPU's own tables. The
	 * CPUs' TLBs have been flushed for [@start, @end); [0, ~0) is the whole
	 * space. Drop the device's cached translations of it, and wait for its
	 * page-table walks in flight. As soon as this returns the old pages and
	 * tables may be freed or replaced (R2.10, R2.12).
	 *
	 * It is called inside ranges and outside, perhaps with a page-table lock
	 * held: may not sleep. It is not called where a page only gains rights. A
	 * subscriber that has it has neither of the two above (R2.11).
	 */
	void (*invalidate_range)(struct mmu_notifier *subscription,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long end);
	/**
	 * @alloc_notifier: make a subscription for mmu_notifier_get(). Called with
	 * mmap_lock held for writing; may sleep.
	 * Return: the subscription, or ERR_PTR of an error (R2.29).
	 */
	struct mmu_notifier *(*alloc_notifier)(struct mm_struct *mm);
	/**
	 * @free_notifier: the last put was made, and no callback runs or will run.
	 * It may be called with a page-table lock held: may not sleep (R2.31).
	 */
	void (*free_notifier)(struct mmu_notifier *subscription);
};

/**
 * struct mmu_notifier_deferred - work that waits for a grace period
 * @next: (s) the next in the gate's list
 * @gp: (s) the grace period that it waits for
 * @run: (c) called once when that is over, by the thread that finds it so: one that
 *	leaves the gate, or enters it on the slow path. That thread may hold any lock but
 *	the subscriptions'; may not sleep
 *
 * Keys: (c) constant, (s) under the subscriptions' lock.
 */
struct mmu_notifier_deferred {
	struct mmu_notifier_deferred *next;
	u64 gp;
	void (*run)(struct mmu_notifier_deferred *deferred);
};

/**
 * struct mmu_notifier - a plain subscription
 * @ops: (c) the callbacks; set by the subscriber before it registers
 * @mm: (c) the address space; set by the registration
 * @next: (o) the next older subscription, or NULL
 * @prev: (s) the pointer that leads to this one
 * @start: (c) its invalidate_range_start, or a function that returns 0
 * @member: the reference notifier's, in place of the three before it
 * @end: (c) its invalidate_range_end, or a function that does nothing
 * @birth: (c) its number in the order of registration, from 1
 * @users: (s) references; while above 1 also decremented without the lock
 * @state: (s) the core's own, see mm/notifier/plain.c
 * @settle_gp: (s) the grace period after which no range is open that began before the
 *	registration
 * @stats: (a) its statistics; NULL until there is something to count
 * @free_later: the free after the last put, if it has to wait
 * @free_ticket: (s) of that free, in the gate where mmu_notifier_synchronize() waits
 *
 * Keys: (c) constant while registered; (s) under the subscriptions' lock; (o)
 * written under it, followed by walks; (a) single accesses, the statistics
 * themselves under the subscriptions' lock.
 */
struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
	struct mm_struct *mm;
	union {
		struct {
			struct mmu_notifier *next;
			struct mmu_notifier **prev;
			int (*start)(struct mmu_notifier *subscription,
				     const struct mmu_notifier_range *range);
		};
		struct mmu_notifier_member member;
	};
	void (*end)(struct mmu_notifier *subscription,
		    const struct mmu_notifier_range *range);
	u64 birth;
	unsigned int users;
	unsigned int state;
	u64 settle_gp;
	struct mmu_notifier_sub_stats *stats;
	struct mmu_notifier_deferred free_later;
	long free_ticket;
};

/**
 * mmu_notifier_register() - subscribe to every change of an address space
 * @subscription: with @ops set; the caller's again after unregistering
 * @mm: the address space; the caller holds a reference in mm_users (mmget(), or as
 *	a thread of it). Panics if @mm has no user
 *
 * A pair of start and end calls both callbacks of the new subscription, or neither.
 * When this returns, every range whose start did not call it has ended (R2.15 to
 * R2.20; docs/adr/0007). The subscription holds a reference in mm_count.
 *
 * Context: may sleep; takes mmap_lock for writing, and waits for the open ranges of
 *	    @mm. The caller has none of them open, and holds no lock that the end of
 *	    one may be waiting for.
 * Return: 0; -ENOMEM; -EINVAL if @ops has invalidate_range together with start or
 *	   end; -EINTR if the caller is being killed; in debug builds -EEXIST if the
 *	   object is registered already, in any mm. On error nothing has changed,
 *	   and @subscription->mm is untouched.
 */
int mmu_notifier_register(struct mmu_notifier *subscription,
			  struct mm_struct *mm);

/**
 * __mmu_notifier_register() - the same, for a caller with mmap_lock
 *
 * Context: may sleep; mmap_lock held for writing; else as mmu_notifier_register().
 * Return: as mmu_notifier_register(), but never -EINTR (R2.15).
 */
int __mmu_notifier_register(struct mmu_notifier *subscription,
			    struct mm_struct *mm);

/**
 * mmu_notifier_unregister() - end a subscription
 * @subscription: registered, and not by mmu_notifier_get()
 * @mm: the mm that it was registered with, even if that has exited
 *
 * Calls release unless that has run. After this returns no callback runs or will
 * run, not even the end of a range whose start was called (R2.21, R2.22, R2.25).
 *
 * Context: may sleep; not from a callback, no lock held that a callback takes.
 */
void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm);

/**
 * mmu_notifier_get() - the subscription of @ops on @mm; made if there is none
 * @ops: identity and callbacks; alloc_notifier and free_notifier are set
 * @mm: the address space; the caller holds a reference in mm_users
 *
 * Context: may sleep; takes mmap_lock for writing unless it finds a subscription that
 *	    has settled (R2.28). Else as mmu_notifier_register().
 * Return: the subscription, with one more reference (R2.28 to R2.30); or ERR_PTR of
 *	   -EOVERFLOW if it has too many, of the error of alloc_notifier, or of one
 *	   of mmu_notifier_register().
 */
struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm);

/**
 * mmu_notifier_get_locked() - the same, for a caller with mmap_lock
 *
 * Context: may sleep; mmap_lock held for writing.
 * Return: as mmu_notifier_get().
 */
struct mmu_notifier *mmu_notifier_get_locked(const struct mmu_notifier_ops *ops,
					     struct mm_struct *mm);

/**
 * mmu_notifier_put() - drop a reference that mmu_notifier_get() returned
 * @subscription: the caller has dropped its translations; release is not called
 *
 * The last put ends the subscription. It frees it by free_notifier, at once or when
 * the last callback that may see it has returned (R2.31 to R2.34).
 *
 * Context: any where a spinlock may be taken, callbacks included.
 */
void mmu_notifier_put(struct mmu_notifier *subscription);

#if MMU_NOTIFIER_OPTION
/**
 * mmu_notifier_synchronize() - wait for the frees of subscriptions that were put
 *
 * When this returns, free_notifier has returned for every last put that returned
 * before the call (R2.35). A driver calls it before its code is unloaded.
 *
 * Context: may sleep; not from a callback, no lock held that a callback takes.
 */
void mmu_notifier_synchronize(void);
#endif

#endif
