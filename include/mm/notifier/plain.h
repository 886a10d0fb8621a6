/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/plain.h - be told of every change of an address space
 *
 * For a hypervisor, and for a device that walks the CPU's own page tables.
 *
 * Declared in every configuration (R6.1).
 */
#ifndef MM_NOTIFIER_PLAIN_H
#define MM_NOTIFIER_PLAIN_H

#include <mm/notifier/member.h>
#include <mm/notifier/range.h>

struct mmu_notifier;
struct mmu_notifier_figures;

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
 * @gp: (s) the grace period it waits for
 * @run: (c) called once, by who leaves last, whatever lock that holds but not
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
 * @ops: (c) what to call; set by the subscriber before registering
 * @mm: (c) the address space; set by registering
 * @next: (o) the one registered before it, or NULL
 * @prev: (s) what points at this one
 * @start: (c) its invalidate_range_start, or one that answers 0
 * @member: the reference notifier's, in the place of the three
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
	u64 settled;
	struct mmu_notifier_figures *figures;
	struct mmu_notifier_deferred deferred;
	long ticket;
};

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

#if MMU_NOTIFIER_OPTION
/**
 * mmu_notifier_synchronize() - wait for the freeing of what was put
 *
 * When this returns free_notifier has returned for every put that was last and
 * returned before (R2.35).
 *
 * Context: may sleep; not from a callback.
 */
void mmu_notifier_synchronize(void);
#endif

#endif
