// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/events_test.c - which ranges each operation starts, in order
 *
 * docs/events.md has the same rows, with the locks of each and the tests that say more.
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
 *
 * Not here: what a subscriber may keep (tests/mm/notifier/mmu_event_test.c).
 */
#include <lib/string.h>
#include <mm/fault/gup.h>
#include "tests/mm/lib/relatives.h"

#define AT(page)   (BASE + (page)*PAGE_SIZE)
#define LEN(pages) ((size_t)(pages)*PAGE_SIZE)
#define RW         (PROT_READ | PROT_WRITE)
#define TEXT       256

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

static __printf(2, 3) void say(struct recorder *rec, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	spin_lock(&rec->lock);
	rec->at += vscnprintf(rec->text + rec->at, TEXT - rec->at, format, args);
	spin_unlock(&rec->lock);
	va_end(args);
}

static void forget(struct recorder *rec)
{
	rec->at = 0;
	rec->text[0] = '\0';
}

static void say_bounds(struct recorder *rec,
		       const struct mmu_notifier_range *range)
{
	if (range->start == 0 && range->end == ~0UL)
		say(rec, " all");
	else
		say(rec, " %lu-%lu", (range->start - BASE) / PAGE_SIZE,
		    (range->end - BASE) / PAGE_SIZE);
}

static bool recorder_invalidate(struct mmu_interval_notifier *sub,
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

static int recorder_start(struct mmu_notifier *sub,
			  const struct mmu_notifier_range *range)
{
	return 0;
}

static void recorder_end(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	say(container_of(sub, struct recorder, plain), " }");
}

static const struct mmu_interval_notifier_ops interval_ops = {
	.invalidate = recorder_invalidate,
};

static const struct mmu_notifier_ops plain_ops = {
	.invalidate_range_start = recorder_start,
	.invalidate_range_end = recorder_end,
};

/* The address space that is drawn above. */
static void prepare(struct ktest *test, struct sandbox *box)
{
	sandbox_map(box, AT(0), 4);
	sandbox_map(box, AT(5), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(sandbox_read(box, AT(3)), 0UL);
	EXPECT_EQ(user_poke(AT(5), 5), 0);
}

static void run_row(struct ktest *test, const struct row *row)
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

static void run_rows(struct ktest *test, const struct row *rows, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		run_row(test, &rows[i]);
}

/* --- the operations -------------------------------------------------------- */

static void map_at(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mmap(rec->box->mm, AT(page), LEN(nr), RW,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(page));
}

static void protect(struct recorder *rec, unsigned int page, unsigned int nr,
		    int prot)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mprotect(rec->box->mm, AT(page), LEN(nr), prot), 0);
}

static void unmap(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_munmap(rec->box->mm, AT(page), LEN(nr)), 0);
}

static void discard(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(madvise_dontneed(rec->box->mm, AT(page), LEN(nr)), 0);
}

static void write_to(struct recorder *rec, unsigned int page)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(user_poke(AT(page), 9), 0);
}

static void map_where_nothing_was(struct recorder *rec)
{
	map_at(rec, 4, 1);
}

static void map_over_two_regions(struct recorder *rec)
{
	map_at(rec, 2, 4);
}

static void unmap_parts_and_a_hole(struct recorder *rec)
{
	unmap(rec, 1, 5);
}

static void unmap_an_untouched_page(struct recorder *rec)
{
	unmap(rec, 0, 1);
}

static void unmap_a_hole(struct recorder *rec)
{
	unmap(rec, 4, 1);
}

static void protect_a_region(struct recorder *rec)
{
	protect(rec, 0, 4, PROT_READ);
}

static void give_rights_back(struct recorder *rec)
{
	protect(rec, 0, 4, PROT_READ);
	forget(rec);
	protect(rec, 0, 4, RW);
}

/* [  0 1  ][   2 3   ]: one pair for each region of the range. */
static void protect_two_regions(struct recorder *rec)
{
	protect(rec, 2, 2, PROT_READ);
	forget(rec);
	protect(rec, 0, 4, PROT_NONE);
}

static void protect_an_untouched_page(struct recorder *rec)
{
	protect(rec, 0, 1, PROT_READ);
}

static void protect_with_the_rights_it_has(struct recorder *rec)
{
	protect(rec, 0, 4, RW);
}

static void discard_a_region(struct recorder *rec)
{
	discard(rec, 0, 4);
}

static void discard_an_untouched_page(struct recorder *rec)
{
	discard(rec, 0, 1);
}

static void advise(struct recorder *rec, unsigned int from, unsigned int nr,
		   int advice)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_madvise(rec->box->mm, AT(from), LEN(nr), advice), 0);
}

static void free_a_region(struct recorder *rec)
{
	advise(rec, 0, 4, MADV_FREE);
}

static void free_an_untouched_page(struct recorder *rec)
{
	advise(rec, 0, 1, MADV_FREE);
}

static void populate_untouched_pages(struct recorder *rec)
{
	advise(rec, 0, 1, MADV_POPULATE_READ);
	advise(rec, 5, 1, MADV_POPULATE_WRITE);
}

static void keep_a_region_from_children(struct recorder *rec)
{
	advise(rec, 1, 2, MADV_DONTFORK);
}

static void populate_to_read(struct recorder *rec)
{
	advise(rec, 0, 4, MADV_POPULATE_READ);
}

static void populate_to_write(struct recorder *rec)
{
	advise(rec, 0, 4, MADV_POPULATE_WRITE);
}

/* Two pages. */
static void move(struct recorder *rec, unsigned int from, unsigned int to,
		 unsigned int flags)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mremap(rec->box->mm, AT(from), LEN(2), LEN(2),
			    MREMAP_MAYMOVE | flags, AT(to)),
		  (long)AT(to));
}

static void move_to_a_free_place(struct recorder *rec)
{
	move(rec, 1, 8, MREMAP_FIXED);
}

static void move_over_a_region(struct recorder *rec)
{
	move(rec, 1, 5, MREMAP_FIXED);
}

static void move_and_keep_the_region(struct recorder *rec)
{
	move(rec, 1, 8, MREMAP_DONTUNMAP);
}

static void resize(struct recorder *rec, unsigned int page, unsigned int nr,
		   unsigned int new_nr)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mremap(rec->box->mm, AT(page), LEN(nr), LEN(new_nr), 0, 0),
		  (long)AT(page));
}

static void shrink(struct recorder *rec)
{
	resize(rec, 0, 4, 2);
}

static void grow_where_it_is(struct recorder *rec)
{
	resize(rec, 5, 2, 3);
}

static void read_an_untouched_page(struct recorder *rec)
{
	(void)sandbox_read(rec->box, AT(0));
}

static void write_an_untouched_page(struct recorder *rec)
{
	write_to(rec, 0);
}

static void write_a_page_of_ones_own(struct recorder *rec)
{
	write_to(rec, 1);
}

static void write_over_the_zero_page(struct recorder *rec)
{
	write_to(rec, 3);
}

/* What comes after a fork, with the child there; the fork itself is forgotten. */
static struct mm_struct *forked(struct recorder *rec)
{
	struct mm_struct *child = sandbox_fork(rec->box);

	forget(rec);
	return child;
}

static void fork_all(struct recorder *rec)
{
	struct mm_struct *child = sandbox_fork(rec->box);

	if (child)
		mmput(child);
}

static void write_a_shared_page(struct recorder *rec)
{
	struct mm_struct *child = forked(rec);

	write_to(rec, 1);
	if (child)
		mmput(child);
}

static void write_when_the_child_has_gone(struct recorder *rec)
{
	struct mm_struct *child = forked(rec);

	if (child)
		mmput(child);
	write_to(rec, 1);
}

/* A pin for reading makes the page this address space's own first. */
static void pin_a_shared_page(struct recorder *rec)
{
	struct mm_struct *child = forked(rec), *mm = rec->box->mm;
	struct ktest *test = rec->box->test;
	struct page *page = NULL;

	mmap_read_lock(mm);
	EXPECT_EQ(get_user_pages_remote(mm, AT(1), 1, FOLL_PIN, &page), 1L);
	mmap_read_unlock(mm);
	if (page)
		unpin_user_page(page);
	if (child)
		mmput(child);
}

static const struct row rows[] = {
	{"munmap of parts of two regions", unmap_parts_and_a_hole,
	 "UNMAP 1-6 { }"},
	{"munmap of an untouched page", unmap_an_untouched_page, "UNMAP 0-1 { }"},
	{"mmap over two regions", map_over_two_regions, "UNMAP 2-6 { }"},
	{"mprotect", protect_a_region, "PROTECTION_VMA 1-4 { }"},
	{"mprotect that gives rights", give_rights_back, "PROTECTION_VMA 1-4 { }"},
	{"mprotect of two regions", protect_two_regions,
	 "PROTECTION_VMA 1-2 { } PROTECTION_VMA 2-4 { }"},
	{"a move to a free place", move_to_a_free_place, "UNMAP 1-3 { }"},
	{"a move over a region", move_over_a_region,
	 "UNMAP 5-7 { } UNMAP 1-3 { }"},
	{"a move that keeps the region", move_and_keep_the_region,
	 "UNMAP 1-3 { }"},
	{"mremap to fewer pages", shrink, "UNMAP 2-4 { }"},
	{"DONTNEED", discard_a_region, "CLEAR 1-4 { }"},
	{"FREE", free_a_region, "CLEAR 1-4 { }"},
	{"POPULATE_WRITE over the zero page", populate_to_write, "CLEAR 3-4 { }"},
	{"a write over the zero page", write_over_the_zero_page, "CLEAR 3-4 { }"},
	{"fork", fork_all, "PROTECTION_PAGE 0-4 { } PROTECTION_PAGE 5-7 { }"},
	{"a write to a shared page", write_a_shared_page, "CLEAR 1-2 { }"},
	{"a pin of a shared page", pin_a_shared_page, "CLEAR 1-2 { }"},
};

KTEST(events, each_operation_starts_its_ranges_in_order,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.9 R1.11 R1.13 R1.14 R4.27"))
{
	run_rows(test, rows, ARRAY_SIZE(rows));
}

static const struct row silent_rows[] = {
	{"mmap where nothing was", map_where_nothing_was, ""},
	{"munmap of a hole", unmap_a_hole, ""},
	{"mprotect of an untouched page", protect_an_untouched_page, ""},
	{"mprotect with the rights it has", protect_with_the_rights_it_has, ""},
	{"mremap to more pages", grow_where_it_is, ""},
	{"DONTNEED of an untouched page", discard_an_untouched_page, ""},
	{"POPULATE of untouched pages", populate_untouched_pages, ""},
	{"DONTFORK", keep_a_region_from_children, ""},
	{"FREE of an untouched page", free_an_untouched_page, ""},
	{"POPULATE_READ", populate_to_read, ""},
	{"a read of an untouched page", read_an_untouched_page, ""},
	{"a write to an untouched page", write_an_untouched_page, ""},
	{"a write to a page of one's own", write_a_page_of_ones_own, ""},
	{"a write when the child has gone", write_when_the_child_has_gone, ""},
};

KTEST(events, what_takes_nothing_away_starts_no_range,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13 R1.14"))
{
	run_rows(test, silent_rows, ARRAY_SIZE(silent_rows));
}

/* --- exclusive access -------------------------------------------------------- */

static void take(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;
	struct page *slots[2] = {NULL};

	EXPECT_EQ(sandbox_make_exclusive(rec->box, AT(page), nr, slots, rec),
		  (int)nr);
	release_exclusive(slots, nr);
}

static void take_two(struct recorder *rec)
{
	take(rec, 1, 2);
}

static void take_an_untouched_page(struct recorder *rec)
{
	take(rec, 0, 1);
}

static void take_the_zero_page(struct recorder *rec)
{
	take(rec, 3, 1);
}

static void take_again(struct recorder *rec)
{
	take(rec, 1, 1);
	forget(rec);
	take(rec, 1, 1);
}

static void restore_one_of_two(struct recorder *rec)
{
	take(rec, 1, 2);
	forget(rec);
	(void)sandbox_read(rec->box, AT(2));
}

static void protect_an_exclusive_page(struct recorder *rec)
{
	take(rec, 1, 1);
	forget(rec);
	protect(rec, 1, 1, PROT_READ);
}

static void fork_with_an_exclusive_page(struct recorder *rec)
{
	take(rec, 2, 1);
	forget(rec);
	fork_all(rec);
}

static const struct row exclusive_rows[] = {
	{"exclusive access", take_two, "EXCLUSIVE 1-3 owner { }"},
	{"of an untouched page", take_an_untouched_page,
	 "EXCLUSIVE 0-1 owner { }"},
	{"of the zero page", take_the_zero_page,
	 "CLEAR 3-4 { } EXCLUSIVE 3-4 owner { }"},
	{"of an exclusive page", take_again, "EXCLUSIVE 1-2 owner { }"},
	{"a CPU reads it", restore_one_of_two, "CLEAR 2-3 { }"},
	{"mprotect of it", protect_an_exclusive_page, "PROTECTION_VMA 1-2 { }"},
	{"fork with it", fork_with_an_exclusive_page,
	 "PROTECTION_PAGE 0-4 { CLEAR 2-3 { } } PROTECTION_PAGE 5-7 { }"},
};

KTEST(events, exclusive_access_and_its_end_start_their_ranges,
      KT_FLAGS(KT_NEEDS_NOTIFIER | KT_NEEDS_DEVICE_PRIVATE),
      KT_RULES("R1.24 R7.13 R8.12 R8.17"))
{
	run_rows(test, exclusive_rows, ARRAY_SIZE(exclusive_rows));
}
