/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/space/events_fixture.h - write down which ranges an operation starts
 *
 * Two subscribers write down what they are called for: an interval subscription each
 * start, a plain one each end. What they write is compared as text:
 *
 *	CLEAR 1-4 { }		one pair over pages 1 to 3, counted from BASE
 *	owner			its owner is not NULL
 *	nonblock, unlocked	its callbacks may not sleep; mmap_lock is not held (R1.9)
 *	all			[0, ~0)
 *
 * Each row begins with the same address space:
 *
 *	pages	0 1 2 3 4 5 6
 *	regions	[     ]   [ ]	both may be written
 *	filled	  w w z	  w	w: written to, z: the zero page
 */
#ifndef TESTS_MM_SPACE_EVENTS_FIXTURE_H
#define TESTS_MM_SPACE_EVENTS_FIXTURE_H

#include <lib/string.h>
#include <mm/space/madvise.h>
#include "tests/mm/lib/relatives.h"

#define RW   (PROT_READ | PROT_WRITE)
#define TEXT 256

/**
 * struct recorder - the sandbox of one row, and what was said in it
 * @text: since the last forget(): a row may have to prepare more
 */
struct recorder {
	struct mmu_interval_notifier interval;
	struct mmu_notifier plain;
	struct sandbox *box;
	struct spinlock lock;
	char text[TEXT];
	size_t at;
};

struct row {
	const char *operation;
	void (*run)(struct recorder *rec);
	const char *ranges;
};

static inline __printf(2, 3) void say(struct recorder *rec, const char *format,
				      ...)
{
	va_list args;

	va_start(args, format);
	spin_lock(&rec->lock);
	rec->at += vscnprintf(rec->text + rec->at, TEXT - rec->at, format, args);
	spin_unlock(&rec->lock);
	va_end(args);
}

static inline void forget(struct recorder *rec)
{
	rec->at = 0;
	rec->text[0] = '\0';
}

static inline void say_bounds(struct recorder *rec,
			      const struct mmu_notifier_range *range)
{
	if (range->start == 0 && range->end == ~0UL)
		say(rec, " all");
	else
		say(rec, " %lu-%lu", (range->start - BASE) / PAGE_SIZE,
		    (range->end - BASE) / PAGE_SIZE);
}

static inline bool recorder_invalidate(struct mmu_interval_notifier *sub,
				       const struct mmu_notifier_range *range,
				       unsigned long cur_seq)
{
	struct recorder *rec = container_of(sub, struct recorder, interval);

	mmu_interval_set_seq(sub, cur_seq);
	say(rec, "%s%s", rec->at ? " " : "",
	    mmu_notifier_event_name(range->event));
	say_bounds(rec, range);
	if (range->event == MMU_NOTIFY_RELEASE)
		return true;
	say(rec, "%s%s%s {", range->owner ? " owner" : "",
	    mmu_notifier_range_blockable(range) ? "" : " nonblock",
	    holds_mmap_lock(range->mm) ? "" : " unlocked");
	return true;
}

static inline int recorder_start(struct mmu_notifier *sub,
				 const struct mmu_notifier_range *range)
{
	return 0;
}

static inline void recorder_end(struct mmu_notifier *sub,
				const struct mmu_notifier_range *range)
{
	say(container_of(sub, struct recorder, plain), " }");
}

static const struct mmu_interval_notifier_ops interval_ops __maybe_unused = {
	.invalidate = recorder_invalidate,
};

static const struct mmu_notifier_ops plain_ops __maybe_unused = {
	.invalidate_range_start = recorder_start,
	.invalidate_range_end = recorder_end,
};

/* The address space that is drawn above. */
static inline void prepare(struct ktest *test, struct sandbox *box)
{
	sandbox_map(box, AT(0), 4);
	sandbox_map(box, AT(5), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(sandbox_read(box, AT(3)), 0UL);
	EXPECT_EQ(user_poke(AT(5), 5), 0);
}

static inline void run_row(struct ktest *test, const struct row *row)
{
	struct recorder rec = {.plain.ops = &plain_ops};
	struct sandbox box;

	REQUIRE(sandbox_open_as(&box, test, SANDBOX_UNOBSERVED));
	spin_lock_init(&rec.lock);
	rec.box = &box;
	prepare(test, &box);
	EXPECT_EQ(mmu_notifier_register(&rec.plain, box.mm), 0);
	EXPECT_EQ(mmu_interval_notifier_insert(&rec.interval, box.mm, 0,
					       ~0UL & PAGE_MASK, &interval_ops),
		  0);
	row->run(&rec);
	EXPECT_STREQ(rec.text, row->ranges, "%s", row->operation);
	/* RELEASE empties the list of plain subscribers: none sees the end of UNMAP. */
	forget(&rec);
	sandbox_close(&box);
	EXPECT_STREQ(rec.text, "RELEASE all UNMAP all {");
	mmu_interval_notifier_remove(&rec.interval);
	mmu_notifier_unregister(&rec.plain, box.mm);
}

static inline void run_rows(struct ktest *test, const struct row *rows,
			    unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		run_row(test, &rows[i]);
}

/* --- operations that several rows have ------------------------------------- */

static inline void map_at(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mmap(rec->box->mm, AT(page), LEN(nr), RW,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(page));
}

static inline void protect(struct recorder *rec, unsigned int page,
			   unsigned int nr, int prot)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mprotect(rec->box->mm, AT(page), LEN(nr), prot), 0);
}

static inline void unmap(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_munmap(rec->box->mm, AT(page), LEN(nr)), 0);
}

static inline void discard(struct recorder *rec, unsigned int page,
			   unsigned int nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(madvise_dontneed(rec->box->mm, AT(page), LEN(nr)), 0);
}

static inline void write_to(struct recorder *rec, unsigned int page)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(user_poke(AT(page), 9), 0);
}

static inline void advise(struct recorder *rec, unsigned int from,
			  unsigned int nr, int advice)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_madvise(rec->box->mm, AT(from), LEN(nr), advice), 0);
}

static inline void fork_all(struct recorder *rec)
{
	struct mm_struct *child = sandbox_fork(rec->box);

	if (child)
		mmput(child);
}

/* Page 8 is shared memory, looked at if it is to be filled. */
static inline void map_shared(struct recorder *rec, bool filled)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mmap(rec->box->mm, AT(8), LEN(1), RW,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(8));
	if (filled)
		(void)sandbox_read(rec->box, AT(8));
	forget(rec);
}

#endif
