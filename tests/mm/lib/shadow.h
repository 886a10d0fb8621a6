/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/shadow.h - two subscribers that find a range that nobody started
 *
 * A shadow holds translations of an address space, like a device, once as a plain
 * subscriber and once as an interval subscriber. It learns of changes from the
 * notifiers alone. At a stop it compares what it holds with the page tables: a
 * translation that they do not allow is a change without a range, or a range that says
 * too little. Fixtures attach one to each mm that they make (sandbox.h, relatives.h).
 *
 * In a kernel without MMU_NOTIFIER there is no shadow.
 */
#ifndef TESTS_MM_LIB_SHADOW_H
#define TESTS_MM_LIB_SHADOW_H

#include <kernel/ktest.h>
#include <mm/space/mm.h>

struct shadow;

/** enum shadow_kind - which of its two subscriptions holds a translation */
enum shadow_kind {
	SHADOW_PLAIN,
	SHADOW_INTERVAL,
	SHADOW_KINDS,
};

/** enum shadow_holds - what a translation is good for */
enum shadow_holds {
	SHADOW_HOLDS_NOTHING,
	SHADOW_HOLDS_READ,
	SHADOW_HOLDS_WRITE,
};

/** enum shadows - which shadows of an owner to detach */
enum shadows {
	SHADOWS_OF_THE_DEAD, /* those whose mm has been released */
	SHADOWS_ALL,
};

/**
 * typedef shadow_complaint - told of a translation that the page tables do not allow
 * @kind: of which subscription
 * @addr: of the page
 *
 * Called under the shadow's spinlock. The translation is dropped, so it comes once.
 */
typedef void shadow_complaint(struct shadow *shadow, enum shadow_kind kind,
			      vaddr_t addr);

#ifdef CONFIG_MMU_NOTIFIER

/**
 * shadow_attach() - subscribe to an mm, both ways
 * @test: fails at each complaint
 * @mm: the caller is its user
 * @owner: to compare: who will detach it
 *
 * Context: may sleep; takes mmap_lock for writing.
 * Return: 0; -ENOMEM, -EINTR: nothing is attached.
 */
int shadow_attach(struct ktest *test, struct mm_struct *mm, const void *owner);

/**
 * shadow_detach() - end the subscriptions of an owner's shadows, and free them
 *
 * Context: may sleep; takes mmap_lock; no thread stops at one of them.
 */
void shadow_detach(const void *owner, enum shadows which);

/**
 * shadow_stop() - compare with the page tables; then take over all that they map
 * @mm: the address space; without a shadow nothing happens
 *
 * Does nothing either where mmap_lock is not free: a change may be going on, or the
 * caller is in the middle of one.
 *
 * Context: any; sleeps only for as long as the shadow's spinlock is held.
 */
void shadow_stop(struct mm_struct *mm);

/**
 * shadow_touched() - the same for the page of one address
 *
 * Costs the same however many pages there are, so that a test may touch many in a loop.
 */
void shadow_touched(struct mm_struct *mm, vaddr_t addr);

/** shadow_forget() - a fixture is about to change the entry behind all subscribers */
void shadow_forget(struct mm_struct *mm, vaddr_t addr);

/** shadow_holds() - what one subscription holds of the page at an address */
enum shadow_holds shadow_holds(struct mm_struct *mm, enum shadow_kind kind,
			       vaddr_t addr);

/** shadow_complain_to() - tests of the shadow: call @complaint, do not fail */
void shadow_complain_to(struct mm_struct *mm, shadow_complaint *complaint);

#else

static inline int shadow_attach(struct ktest *test, struct mm_struct *mm,
				const void *owner)
{
	return 0;
}
static inline void shadow_detach(const void *owner, enum shadows which)
{
}
static inline void shadow_stop(struct mm_struct *mm)
{
}
static inline void shadow_touched(struct mm_struct *mm, vaddr_t addr)
{
}
static inline void shadow_forget(struct mm_struct *mm, vaddr_t addr)
{
}

#endif

#endif
