// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/events_test.c - which ranges each operation starts, in order
 *
 * docs/events.md has the same rows, with the locks of each and the tests that say more.
 * events_fixture.h has the address space that each row begins with, and the words.
 *
 * Not here: exclusive access (events_exclusive_test.c); huge pages (events_huge_test.c);
 * what a subscriber may keep (tests/mm/notifier/mmu_event_test.c).
 */
#include <mm/fault/gup.h>
#include <mm/space/brk.h>
#include <mm/space/mlock.h>
#include <mm/space/pagemap.h>
#include <mm/space/soft_dirty.h>
#include <mm/space/young.h>
#include "events_fixture.h"

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

static void clear_write_marks(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(mm_clear_soft_dirty(rec->box->mm), 0);
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

static void lock_pages_that_are_there(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mlock(rec->box->mm, AT(1), LEN(2)), 0);
	EXPECT_EQ(do_munlock(rec->box->mm, AT(1), LEN(2)), 0);
}

static void ask_what_was_used(struct recorder *rec)
{
	struct ktest *test = rec->box->test;
	u64 words[4];

	EXPECT_GE(mm_young(rec->box->mm, AT(0), LEN(4), YOUNG_CLEAR_FLUSH, NULL),
		  0L);
	EXPECT_EQ(pagemap_read(rec->box->mm, AT(0), words, ARRAY_SIZE(words)), 0);
}

static void fork_without_a_filled_entry(struct recorder *rec)
{
	discard(rec, 0, 4);
	discard(rec, 5, 2);
	forget(rec);
	fork_all(rec);
}

static void move_an_untouched_page_over_a_hole(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mremap(rec->box->mm, AT(0), LEN(1), LEN(1),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(8)),
		  (long)AT(8));
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

/* The heap ends at the page; pages 8 to 10 are its own, and 9 is filled. */
static void move_the_break(struct recorder *rec, unsigned int page)
{
	struct ktest *test = rec->box->test;

	mm_set_heap(rec->box->mm, AT(8));
	EXPECT_EQ(do_brk(rec->box->mm, AT(11)), (long)AT(11));
	write_to(rec, 9);
	forget(rec);
	EXPECT_EQ(do_brk(rec->box->mm, AT(page)), (long)AT(page));
}

static void shorten_the_heap(struct recorder *rec)
{
	move_the_break(rec, 9);
}

static void lengthen_the_heap(struct recorder *rec)
{
	move_the_break(rec, 12);
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

static void write_to_shared_memory(struct recorder *rec)
{
	map_shared(rec, false);
	write_to(rec, 8);
}

static void write_to_shared_memory_that_was_read(struct recorder *rec)
{
	map_shared(rec, true);
	write_to(rec, 8);
}

static void fork_with_shared_memory(struct recorder *rec)
{
	map_shared(rec, true);
	fork_all(rec);
}

static void discard_shared_memory(struct recorder *rec)
{
	map_shared(rec, true);
	discard(rec, 8, 1);
}

static void touch_below_a_stack(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mmap(rec->box->mm, AT(600), LEN(1), RW,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN),
		  (long)AT(600));
	write_to(rec, 590);
}

static void mirror_shared_memory(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	map_shared(rec, true);
	EXPECT_EQ(do_mremap(rec->box->mm, AT(8), 0, LEN(1),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(20)),
		  (long)AT(20));
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
	{"a move of an untouched page", move_an_untouched_page_over_a_hole,
	 "UNMAP 0-1 { }"},
	{"a move over a region", move_over_a_region,
	 "UNMAP 5-7 { } UNMAP 1-3 { }"},
	{"a move that keeps the region", move_and_keep_the_region,
	 "UNMAP 1-3 { }"},
	{"mremap to fewer pages", shrink, "UNMAP 2-4 { }"},
	{"brk to fewer pages", shorten_the_heap, "UNMAP 9-11 { }"},
	{"DONTNEED", discard_a_region, "CLEAR 1-4 { }"},
	{"FREE", free_a_region, "CLEAR 1-4 { }"},
	{"POPULATE_WRITE over the zero page", populate_to_write, "CLEAR 3-4 { }"},
	{"a write over the zero page", write_over_the_zero_page, "CLEAR 3-4 { }"},
	{"clearing write marks", clear_write_marks, "SOFT_DIRTY all { }"},
	{"fork", fork_all, "PROTECTION_PAGE 0-4 { } PROTECTION_PAGE 5-7 { }"},
	{"fork with shared memory", fork_with_shared_memory,
	 "PROTECTION_PAGE 0-4 { } PROTECTION_PAGE 5-7 { }"},
	{"DONTNEED of shared memory", discard_shared_memory, "CLEAR 8-9 { }"},
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
	{"a touch below a stack", touch_below_a_stack, ""},
	{"a mirror of shared memory", mirror_shared_memory, ""},
	{"brk to more pages", lengthen_the_heap, ""},
	{"DONTNEED of an untouched page", discard_an_untouched_page, ""},
	{"POPULATE of untouched pages", populate_untouched_pages, ""},
	{"DONTFORK", keep_a_region_from_children, ""},
	{"FREE of an untouched page", free_an_untouched_page, ""},
	{"POPULATE_READ", populate_to_read, ""},
	{"mlock of pages that are there", lock_pages_that_are_there, ""},
	{"looking for used pages", ask_what_was_used, ""},
	{"fork without a filled entry", fork_without_a_filled_entry, ""},
	{"a read of an untouched page", read_an_untouched_page, ""},
	{"a write to an untouched page", write_an_untouched_page, ""},
	{"a write to shared memory", write_to_shared_memory, ""},
	{"a write to it after a read", write_to_shared_memory_that_was_read, ""},
	{"a write to a page of one's own", write_a_page_of_ones_own, ""},
	{"a write when the child has gone", write_when_the_child_has_gone, ""},
};

KTEST(events, what_takes_nothing_away_starts_no_range,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13 R1.14"))
{
	run_rows(test, silent_rows, ARRAY_SIZE(silent_rows));
}
