/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/mirror.h - a device without hardware: it mirrors a part of an mm
 *
 * A mirror has translations of any number of pages, has them by the protocol
 * (R4.21, R8.23), and touches memory by them through the direct map.  Several
 * threads may use one mirror, and several mirrors one mm.
 */
#ifndef TESTS_MM_LIB_MIRROR_H
#define TESTS_MM_LIB_MIRROR_H

#include <kernel/sched/mutex.h>

#include "sandbox.h"

/**
 * struct mirrored - what a mirror knows of one page
 * @present: there is a translation
 * @write: the device may write
 * @exclusive: no CPU has the page
 * @tracked: the driver's own object for the address
 * @owned: the mirror's own EXCLUSIVE was here, and no event since that drops
 * @pfn: the frame, if @present
 */
struct mirrored {
	bool present;
	bool write;
	bool exclusive;
	bool tracked;
	bool owned;
	pfn_t pfn;
};

/**
 * struct mirror - a device that does the least it may, or the most
 * @sub: over all its pages
 * @lock: the driver's, over all that follows
 * @box: the CPU's side
 * @start: address of the first page
 * @nr: pages
 * @drops_always: whatever the event is
 * @dead: RELEASE has come
 * @calls: callbacks
 * @most_rounds: the rounds that the longest look-up took
 * @before_install: NULL, or called between each look-up and its installation,
 *		    without the mirror's lock; may sleep
 * @arg: for @before_install
 * @page: see above
 */
struct mirror {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	struct sandbox *box;
	vaddr_t start;
	unsigned long nr;
	bool drops_always;
	bool dead;
	unsigned int calls;
	unsigned int most_rounds;
	void (*before_install)(void *arg);
	void *arg;
	struct mirrored *page;
};

/**
 * mirror_open() - subscribe to @nr pages from @start on
 *
 * Without memory or subscription the test fails, and the mirror has no pages.
 * Context: may sleep; mmap_lock not held.
 */
void mirror_open(struct mirror *m, struct sandbox *box, vaddr_t start,
		 unsigned long nr);

/** mirror_try_open() - the same; 0, or -ENOMEM with nothing done */
int mirror_try_open(struct mirror *m, struct sandbox *box, vaddr_t start,
		    unsigned long nr);

/** mirror_close() - unsubscribe and forget; no thread uses the mirror */
void mirror_close(struct mirror *m);

/** mirror_new() - an opened mirror that a clean-up of the test closes */
struct mirror *mirror_new(struct sandbox *box, vaddr_t start, unsigned long nr);

/** mirror_drop() - forget the translation of a page, as in a callback */
void mirror_drop(struct mirrored *page);

/** mirror_answer() - drop of a page what the event of a range over it takes away */
void mirror_answer(struct mirrored *page, const struct mmu_notifier_range *range);

/*
 * Each of the following takes a page of the mirror by its number, may sleep, and
 * wants mmap_lock and the mirror's lock free.  It returns 0, -EFAULT (no region,
 * or it does not allow the access, or RELEASE has come), -ENOMEM, -EINTR, or
 * -EBUSY (R4.24: the rounds are used up).
 */

/** mirror_touch() - have a translation for reading or writing */
int mirror_touch(struct mirror *m, unsigned long i, bool write);

/** mirror_take_exclusive() - have the page without any CPU, anew in any case */
int mirror_take_exclusive(struct mirror *m, unsigned long i);

/** mirror_read_word() - read a word of a page, of 512 */
int mirror_read_word(struct mirror *m, unsigned long i, unsigned int word,
		     u64 *value);

/** mirror_write_word() - write a word of a page */
int mirror_write_word(struct mirror *m, unsigned long i, unsigned int word,
		      u64 value);

/** mirror_swap_word() - exchange a word, by a load and a store, as mirror_add() */
int mirror_swap_word(struct mirror *m, unsigned long i, unsigned int word,
		     u64 value, u64 *old);

/** mirror_read() - read the first word of a page */
int mirror_read(struct mirror *m, unsigned long i, u64 *value);

/** mirror_write() - write its first word */
int mirror_write(struct mirror *m, unsigned long i, u64 value);

/**
 * mirror_add() - add to the first word of a page, by a load and a store
 *
 * The device's bus has no atomics: it adds to a page that it has exclusively,
 * and takes it so if need be.  No update is lost if the protocol holds.
 */
int mirror_add(struct mirror *m, unsigned long i, u64 add);

/**
 * mirror_fault_in() - have the CPU's entry filled, without a translation
 *
 * An exclusive page is restored.  Return: 0, -EFAULT, -ENOMEM, -EINTR.
 */
int mirror_fault_in(struct mirror *m, unsigned long i, bool write);

/**
 * mirror_agrees() - compare what the mirror knows of a page with the page tables
 *
 * A translation has the frame of the entry and no right that the entry lacks; a
 * page that the device has exclusively is not mapped for any CPU; an exclusive
 * entry that another device made has no translation here; the driver's object
 * has a region.
 *
 * Context: may sleep; no thread changes the mm or uses the mirror.
 */
bool mirror_agrees(struct mirror *m, unsigned long i);

/** mirror_verify() - fail the test for each page of which that is not so */
void mirror_verify(struct mirror *m);

#endif
