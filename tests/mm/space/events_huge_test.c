// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/events_huge_test.c - which ranges operations on huge pages start, in order
 *
 * Rows as in events_test.c, of an address space that has a huge page as well:
 *
 *	pages	0 1 2 3 4 5 6		512                             1024
 *	regions	[     ]   [ ]		[ one huge page, or what becomes of it ]
 */
#include <mm/fault/fault.h>
#include <mm/space/mlock.h>
#include <mm/space/soft_dirty.h>
#include <mm/space/young.h>
#include "events_fixture.h"

#define HUGE 512UL
#define NR   HPAGE_PMD_NR

static void map_huge(struct recorder *rec)
{
	sandbox_map_huge(rec->box, AT(HUGE), NR);
	forget(rec);
}

/* One huge page, which was written to. */
static void have_huge(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	map_huge(rec);
	write_to(rec, HUGE);
	EXPECT(sandbox_is_huge(rec->box, AT(HUGE)));
	forget(rec);
}

/* Two small pages in the same place. */
static void have_small(struct recorder *rec)
{
	sandbox_map(rec->box, AT(HUGE), NR);
	write_to(rec, HUGE);
	write_to(rec, HUGE + 9);
	forget(rec);
}

static void move_huge(struct recorder *rec, unsigned int from, unsigned int nr,
		      unsigned int to)
{
	struct ktest *test = rec->box->test;

	EXPECT_EQ(do_mremap(rec->box->mm, AT(from), LEN(nr), LEN(nr),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(to)),
		  (long)AT(to));
}

/* --- whole ------------------------------------------------------------------- */

static void unmap_whole(struct recorder *rec)
{
	have_huge(rec);
	unmap(rec, HUGE, NR);
}

static void discard_whole(struct recorder *rec)
{
	have_huge(rec);
	discard(rec, HUGE, NR);
}

static void protect_whole(struct recorder *rec)
{
	have_huge(rec);
	protect(rec, HUGE, NR, PROT_READ);
}

static void move_whole(struct recorder *rec)
{
	have_huge(rec);
	move_huge(rec, HUGE, NR, 2 * HUGE);
}

static void fork_whole(struct recorder *rec)
{
	have_huge(rec);
	fork_all(rec);
}

static void clear_marks_of_whole(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	have_huge(rec);
	EXPECT_EQ(mm_clear_soft_dirty(rec->box->mm), 0);
}

static void collapse_small(struct recorder *rec)
{
	have_small(rec);
	advise(rec, HUGE, NR, MADV_COLLAPSE);
}

/* --- a part ------------------------------------------------------------------ */

static void unmap_part(struct recorder *rec)
{
	have_huge(rec);
	unmap(rec, HUGE + 2, 4);
}

static void discard_part(struct recorder *rec)
{
	have_huge(rec);
	discard(rec, HUGE + 2, 4);
}

static void protect_part(struct recorder *rec)
{
	have_huge(rec);
	protect(rec, HUGE + 2, 4, PROT_READ);
}

static void move_part(struct recorder *rec)
{
	have_huge(rec);
	move_huge(rec, HUGE + 2, 4, 2 * HUGE);
}

static void keep_part_from_children(struct recorder *rec)
{
	have_huge(rec);
	advise(rec, HUGE + 2, 4, MADV_DONTFORK);
}

static void lock_part(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	have_huge(rec);
	EXPECT_EQ(do_mlock(rec->box->mm, AT(HUGE + 2), LEN(4)), 0);
}

/* The entry is split, and then one page is copied. */
static void write_a_shared_part(struct recorder *rec)
{
	struct mm_struct *child;

	have_huge(rec);
	child = sandbox_fork(rec->box);
	forget(rec);
	write_to(rec, HUGE + 2);
	if (child)
		mmput(child);
}

static const struct row rows[] = {
	{"munmap of a huge page", unmap_whole, "UNMAP 512-1024 { }"},
	{"DONTNEED of a huge page", discard_whole, "CLEAR 512-1024 { }"},
	{"mprotect of a huge page", protect_whole, "PROTECTION_VMA 512-1024 { }"},
	{"a move of a huge page", move_whole, "UNMAP 512-1024 { }"},
	{"fork with a huge page", fork_whole,
	 "PROTECTION_PAGE 0-4 { } PROTECTION_PAGE 5-7 { } "
	 "PROTECTION_PAGE 512-1024 { }"},
	{"clearing write marks", clear_marks_of_whole, "SOFT_DIRTY all { }"},
	{"COLLAPSE of small pages", collapse_small, "CLEAR 512-1024 { }"},
	{"munmap of a part", unmap_part, "UNMAP 514-518 { CLEAR 512-1024 { } }"},
	{"DONTNEED of a part", discard_part,
	 "CLEAR 514-518 { CLEAR 512-1024 { } }"},
	{"mprotect of a part", protect_part,
	 "CLEAR 512-1024 { } PROTECTION_VMA 514-518 { }"},
	{"a move of a part", move_part, "CLEAR 512-1024 { } UNMAP 514-518 { }"},
	{"DONTFORK of a part", keep_part_from_children, "CLEAR 512-1024 { }"},
	{"mlock of a part", lock_part, "CLEAR 512-1024 { }"},
	{"a write to a shared part", write_a_shared_part,
	 "CLEAR 512-1024 { } CLEAR 514-515 { }"},
};

KTEST(events, operations_on_huge_pages_start_their_ranges_in_order,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8 R1.14 R1.18 R1.19 R1.20 R1.21"))
{
	run_rows(test, rows, ARRAY_SIZE(rows));
}

static void write_over_the_huge_zero_page(struct recorder *rec)
{
	map_huge(rec);
	(void)sandbox_read(rec->box, AT(HUGE + 7));
	write_to(rec, HUGE + 9);
}

static const struct row zero_rows[] = {
	{"a write over the huge zero page", write_over_the_huge_zero_page,
	 "CLEAR 512-1024 { }"},
};

KTEST(events, a_write_over_the_huge_zero_page_starts_one_range,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8 R1.18"))
{
	if (!huge_zero_page) {
		ktest_skip(test,
			   "the machine is too small for a huge page of zeroes");
		return;
	}
	run_rows(test, zero_rows, ARRAY_SIZE(zero_rows));
}

/* --- nothing ----------------------------------------------------------------- */

static void touch_first(struct recorder *rec)
{
	map_huge(rec);
	write_to(rec, HUGE);
}

static void want_huge_pages(struct recorder *rec)
{
	have_small(rec);
	advise(rec, HUGE, NR, MADV_HUGEPAGE);
}

static void collapse_what_is_huge(struct recorder *rec)
{
	have_huge(rec);
	advise(rec, HUGE, NR, MADV_COLLAPSE);
}

static void protect_untouched(struct recorder *rec)
{
	map_huge(rec);
	protect(rec, HUGE, NR, PROT_READ);
}

static void keep_whole_from_children(struct recorder *rec)
{
	have_huge(rec);
	advise(rec, HUGE, NR, MADV_DONTFORK);
}

static void write_whole_when_the_child_has_gone(struct recorder *rec)
{
	have_huge(rec);
	fork_all(rec);
	forget(rec);
	write_to(rec, HUGE + 2);
}

static void ask_for_use(struct recorder *rec)
{
	struct ktest *test = rec->box->test;

	have_huge(rec);
	EXPECT_GE(mm_young(rec->box->mm, AT(HUGE), LEN(NR), YOUNG_CLEAR_FLUSH,
			   NULL),
		  0L);
}

static const struct row silent_rows[] = {
	{"a first touch", touch_first, ""},
	{"HUGEPAGE", want_huge_pages, ""},
	{"COLLAPSE of a huge page", collapse_what_is_huge, ""},
	{"mprotect of untouched memory", protect_untouched, ""},
	{"DONTFORK of a huge page", keep_whole_from_children, ""},
	{"a write when the child has gone", write_whole_when_the_child_has_gone,
	 ""},
	{"looking for used pages", ask_for_use, ""},
};

KTEST(events, what_takes_nothing_away_from_huge_pages_starts_no_range,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13 R1.16"))
{
	run_rows(test, silent_rows, ARRAY_SIZE(silent_rows));
}
