/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/secondary_tlb.h - a device that walks the CPU's own tables
 *
 * A stand-in (secondary_tlb.c), for tests of how and when it is flushed.
 */
#ifndef TESTS_MM_NOTIFIER_SECONDARY_TLB_H
#define TESTS_MM_NOTIFIER_SECONDARY_TLB_H

#include "tests/mm/lib/sandbox.h"
#include "notifier_fixture.h"

#define PAGES 256UL

static_assert(IS_ALIGNED(BASE, PMD_SIZE) && PAGES < PTRS_PER_TABLE,
	      "all pages of the tests are in one table");

/**
 * struct secondary - the stand-in
 * @lock: a walk, or an invalidation
 * @off: the address space is gone
 * @entry: by page from BASE: what the walk found, or 0
 * @table: the way to the table of all of them, or 0
 * @told: calls of invalidate_range
 * @start: bounds of the last
 * @end: of the last
 * @seen: the entry of @start at the last call
 * @locked: was the lock of the table held then?
 * @flushes: of all CPUs together, when it was called
 * @pending: changers that had not flushed yet, at the last call
 * @lost: frames and tables found free while it still had them
 * @nap: do what may sleep when called
 * @log: if set, gets 't'
 */
struct secondary {
	struct mmu_notifier sub;
	struct mm_struct *mm;
	struct spinlock lock;
	bool off;
	pte_t entry[PAGES];
	pmd_t table;
	unsigned int told;
	vaddr_t start;
	vaddr_t end;
	pte_t seen;
	bool locked;
	u64 flushes;
	int pending;
	unsigned int lost;
	bool nap;
	struct call_log *log;
};

/* An address space, the device on it, pages mapped from AT(0). */
bool secondary_open(struct secondary **devp, struct sandbox *box,
		    struct ktest *test, unsigned long pages);
void secondary_close(struct secondary *dev, struct sandbox *box);

/* A device that is not registered yet; NULL, with the test failed, without memory. */
struct secondary *secondary_new(struct sandbox *box);

/* The device touches a page. True if the CPU's tables let it. */
bool secondary_walk(struct secondary *dev, unsigned long i);

/* It touches pages [0, nr). Return: how many the tables let it. */
unsigned int secondary_walk_all(struct secondary *dev, unsigned long nr);

/* How many entries it remembers. */
unsigned int secondary_kept(const struct secondary *dev);

/*
 * Pages [@from, @to) against the tables, entry by entry. mmap_lock is held, and
 * nobody else is changing these pages.
 */
void secondary_check_pages(struct secondary *dev, struct ktest *test,
			   unsigned long from, unsigned long to);

/* All that it keeps, while nobody changes anything; and all that it has met. */
void secondary_check(struct secondary *dev, struct ktest *test);

/* The way to the last table, and the entry, as the tables are just now; or 0. */
pmd_t secondary_upper(struct mm_struct *mm, vaddr_t addr);
pte_t secondary_entry(struct mm_struct *mm, vaddr_t addr);

/* The CPU writes to pages [0, nr). */
void secondary_poke_all(struct sandbox *box, unsigned long nr);

/* It was flushed @times times, the last time over [@from, @to). */
#define EXPECT_TOLD(dev, times, from, to)                 \
	do {                                              \
		EXPECT_EQ((dev)->told, (times));          \
		EXPECT_EQ((dev)->start, (vaddr_t)(from)); \
		EXPECT_EQ((dev)->end, (vaddr_t)(to));     \
	} while (0)

/* A subscriber that follows the values of entries: 's', 'c', 'e'. */
struct follower {
	struct mmu_notifier sub;
	struct call_log *log;
	unsigned int calls;
	unsigned long addr;
	unsigned long value;
	pte_t seen; /* the entry in the callback for the new value */
	bool locked;
};

extern const struct mmu_notifier_ops follower_ops;

#endif
