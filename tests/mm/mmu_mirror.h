/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/mmu_mirror.h - a device that does the least that each event asks for
 */
#ifndef TESTS_MM_MMU_MIRROR_H
#define TESTS_MM_MMU_MIRROR_H

#include <kernel/alloc.h>
#include <kernel/mutex.h>
#include "mm_test.h"

#define AT(page)   (BASE + (page)*PAGE_SIZE)
#define LEN(pages) ((size_t)(pages)*PAGE_SIZE)
#define RW         (PROT_READ | PROT_WRITE)

/* What a mirror can know of: AT(0) to AT(PAGES). */
#define PAGES 16

/** What the device knows of one page. */
struct mirrored {
	bool present;
	bool write;
	bool exclusive;
	bool tracked; /* the driver's object for the address */
	pfn_t pfn;
};

/**
 * struct mirror - a device that does the least it may, or the most
 * @sub: over all pages of the test
 * @lock: the driver's, over all that follows
 * @drops_always: whatever the event is
 * @dead: RELEASE has come
 * @calls: callbacks
 * @page: see above
 */
struct mirror {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	struct sandbox *box;
	bool drops_always;
	bool dead;
	unsigned int calls;
	struct mirrored page[PAGES];
};

/* Subscribe; the sandbox is the CPU's side. */
void mirror_open_at(struct mirror *m, struct sandbox *box, vaddr_t start,
		    size_t length);

/* Over all pages. */
static inline void mirror_open(struct mirror *m, struct sandbox *box)
{
	mirror_open_at(m, box, AT(0), LEN(PAGES));
}

void mirror_close(struct mirror *m);

/* Forget the translation of a page, as in a callback. */
void mirror_drop(struct mirrored *page);

/* Have the CPU's entry filled: 1, or an error. */
long mirror_fault_in(struct mirror *m, unsigned int i, bool write);

/* A device fault, by the protocol: 0, or why there is no translation. */
int mirror_touch(struct mirror *m, unsigned int i, bool write);

/* The same for exclusive access. */
int mirror_take_exclusive(struct mirror *m, unsigned int i);

/* Write a word as the device, into the frame that it knows. */
void mirror_write(struct mirror *m, unsigned int i, u64 value);

/* The device knows nothing that is not so; else the test fails. */
void mirror_verify(struct mirror *m);

/* --- what the tree does not have, by hand ------------------------------------ */

/* The parent's side of a fork: its private pages lose write access (R1.20). */
void fork_by_hand(struct sandbox *box, unsigned int from, unsigned int nr);

/* From here on writes are to be seen: the whole space in one range (R1.6). */
void clear_write_marks_by_hand(struct sandbox *box);

/* Page @i goes to another frame; others of [from, to) stay where they are. */
void migrate_by_hand(struct sandbox *box, unsigned int from, unsigned int to,
		     unsigned int i, void *owner);

/* Pages go to another address; the region that they leave stays (R1.14). */
void move_by_hand(struct sandbox *box, unsigned int from, unsigned int to,
		  unsigned int nr);

#endif
