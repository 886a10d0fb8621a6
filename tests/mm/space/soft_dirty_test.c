// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/soft_dirty_test.c - which pages were written to since the marks were cleared
 *
 * Drawn as "d.d": a letter for each page from BASE on, d: written to.
 */
#include <mm/fault/gup.h>
#include <mm/page/ref.h>
#include <mm/space/counters.h>
#include <mm/space/pagemap.h>
#include <mm/space/soft_dirty.h>
#include "tests/mm/lib/relatives.h"

#define RW   (PROT_READ | PROT_WRITE)
#define MOST 8

/* The marks of the first @nr pages of an mm, as a drawing. */
static const char *marks_in(struct mm_struct *mm, char *buf, unsigned int nr)
{
	u64 words[MOST];
	unsigned int i;

	if (pagemap_read(mm, BASE, words, nr))
		return "not to be read";
	for (i = 0; i < nr; i++)
		buf[i] = words[i] & PAGEMAP_SOFT_DIRTY ? 'd' : '.';
	buf[nr] = '\0';
	return buf;
}

#define EXPECT_MARKS_IN(mm_, want_)                                              \
	do {                                                                     \
		char marks_[MOST + 1];                                           \
		EXPECT_STREQ(marks_in((mm_), marks_, sizeof(want_) - 1), want_); \
	} while (0)
#define EXPECT_MARKS(want_) EXPECT_MARKS_IN(box.mm, want_)

/* Pages [0, nr) are written to and then all marks are cleared. */
static void begin(struct sandbox *box, unsigned int nr)
{
	struct ktest *test = box->test;
	unsigned int i;

	sandbox_map(box, AT(0), nr);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
	EXPECT_EQ(mm_clear_soft_dirty(box->mm), 0);
	sandbox_forget(box);
}

/* This CPU has written by the entry: only a flush makes its next write fault. */
KTEST(soft_dirty, a_write_is_seen_and_a_read_is_not)
{
	struct space_counters before, after;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	space_read_counters(&before);
	begin(&box, 4);
	space_read_counters(&after);
	EXPECT_EQ(after.cleared, before.cleared + 4);
	EXPECT_MARKS("....");
	EXPECT_EQ(user_poke(AT(1), 9), 0);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 3UL);
	EXPECT_MARKS(".d..");
	/* The page was this process's alone: no copy, no event. */
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_MARKS("....");
	EXPECT_EQ(user_poke(AT(1), 10), 0);
	EXPECT_MARKS(".d..");
	sandbox_close(&box);
}

KTEST(soft_dirty, a_huge_page_has_one_mark_for_all_of_it)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), PTRS_PER_TABLE);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_MARKS("....");
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	EXPECT_MARKS("....");
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_MARKS("dddd");
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	sandbox_close(&box);
}

KTEST(soft_dirty, the_space_has_one_event_whatever_is_mapped,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.6 R1.21"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_SOFT_DIRTY, 0, ~0UL);
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(4), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	sandbox_forget(&box);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_SOFT_DIRTY, 0, ~0UL);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4
 *	mapped	n n n n -	new: a page that nobody touched counts, too
 *	cleared	. . . . -
 *	grows	d d d d d	one region: all of it is as new as its newest part
 */
KTEST(soft_dirty, a_region_that_is_new_or_grows_counts_as_written)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_MARKS("dddd.");
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_MARKS(".....");
	sandbox_map(&box, AT(4), 1);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_MARKS("ddddd");
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_MARKS(".....");
	sandbox_close(&box);
}

/*
 *	pages	1 2 3 4 5
 *	first	  x
 *	then	n x		below
 *	then	x x n		above
 *	then	x x x n x	between: page 5 came before the marks were cleared
 */
KTEST(soft_dirty, a_neighbour_of_each_side_takes_the_mark_of_what_it_absorbs)
{
	static const unsigned int next[] = {1, 3, 4};
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(2), 1);
	for (i = 0; i < ARRAY_SIZE(next); i++) {
		if (next[i] == 4)
			sandbox_map(&box, AT(5), 1);
		EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
		sandbox_map(&box, AT(next[i]), 1);
		EXPECT_EQ(box.mm->map_count, 1U);
		EXPECT_EQ(box.mm->mm_first->vm_flags & VM_SOFTDIRTY,
			  VM_SOFTDIRTY);
		sandbox_verify(&box);
	}
	sandbox_close(&box);
}

/*
 *	pages	0 1
 *	rights	w r	page 1 is new: the regions merge when their rights agree
 */
KTEST(soft_dirty, two_regions_that_merge_are_as_new_as_the_newer)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 1);
	EXPECT_EQ(do_mmap(box.mm, AT(1), LEN(1), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(1));
	EXPECT_MARKS(".d");
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(1), RW), 0);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_MARKS("dd");
	sandbox_close(&box);
}

KTEST(soft_dirty, a_split_keeps_the_marks_and_a_merge_loses_none)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 4);
	EXPECT_EQ(user_poke(AT(1), 9), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ), 0);
	EXPECT_EQ(box.mm->map_count, 3U);
	EXPECT_MARKS(".d..");
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), RW), 0);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_MARKS(".d..");
	EXPECT_EQ(do_munmap(box.mm, AT(3), LEN(1)), 0);
	EXPECT_MARKS(".d..");
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6
 *	mapped	w w
 *	grown	d d d		the region is as new as its new part
 *	moved	      	d d d	and so is a region at a new place
 */
KTEST(soft_dirty, a_region_that_grows_or_moves_counts_as_written)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 2);
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(2), LEN(3), 0, 0), (long)AT(0));
	EXPECT_MARKS("ddd....");
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(3), LEN(3),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(4)),
		  (long)AT(4));
	EXPECT_MARKS("....ddd");
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 2UL);
	EXPECT_MARKS(".......");
	sandbox_close(&box);
}

/* Every way that gives the right to write back (D9). */
KTEST(soft_dirty, rights_that_return_leave_the_next_write_to_be_seen,
      KT_RULES("R1.21"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 3);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(3), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(3), RW), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(3), PROT_NONE), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(3), RW), 0);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_MARKS("...");
	EXPECT_EQ(user_poke(AT(2), 9), 0);
	EXPECT_MARKS("..d");
	sandbox_close(&box);
}

/*
 *	device			page 0		page 1
 *	before it is cleared	exclusive	-
 *	cleared			not marked	not marked
 *	after			restored	exclusive
 *	marks			.		d	a device may write
 */
KTEST(soft_dirty,
      a_device_that_takes_the_page_has_written_and_one_that_had_it_has_not,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE | KT_NEEDS_NOTIFIER),
      KT_RULES("R1.21 R7.12 R8.18"))
{
	struct page *slot;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
	release_exclusive(&slot, 1);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_MARKS("..");
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(1), 1, &slot, &box), 1);
	release_exclusive(&slot, 1);
	EXPECT_MARKS(".d");
	for (i = 0; i < 2; i++)
		(void)sandbox_read(&box, AT(i));
	EXPECT_MARKS(".d");
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	/* Taken over, as by another device. */
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
	release_exclusive(&slot, 1);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box.nr), 1);
	release_exclusive(&slot, 1);
	EXPECT_MARKS("d.");
	sandbox_close(&box);
}

/* The child has the marks of its parent, and then each its own. */
KTEST(soft_dirty, a_fork_keeps_the_marks_in_both)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 3);
	EXPECT_EQ(user_poke(AT(1), 9), 0);
	child = sandbox_fork(&box);
	EXPECT_MARKS(".d.");
	if (child) {
		EXPECT_MARKS_IN(child, ".d.");
		EXPECT_EQ(user_poke(AT(0), 8), 0);
		EXPECT_EQ(poke_in(&box, child, AT(2), 7), 0);
		EXPECT_MARKS("dd.");
		EXPECT_MARKS_IN(child, ".dd");
		EXPECT_EQ(mm_clear_soft_dirty(child), 0);
		EXPECT_MARKS_IN(child, "...");
		EXPECT_MARKS("dd.");
		verify_in(&box, child);
		mmput(child);
	}
	sandbox_close(&box);
}

/* A copy that is made for a pin has the contents and the mark of what it replaces. */
KTEST(soft_dirty, a_copy_for_a_pin_is_as_written_as_its_original)
{
	struct page *pinned[2];
	struct mm_struct *child;
	struct sandbox box;
	long i, got;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 2);
	EXPECT_EQ(user_poke(AT(1), 9), 0);
	child = sandbox_fork(&box);
	mmap_read_lock(box.mm);
	got = get_user_pages_remote(box.mm, AT(0), 2, FOLL_PIN, pinned);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(got, 2L);
	EXPECT_MARKS(".d");
	for (i = 0; i < got; i++) {
		if (child)
			EXPECT_NE(pinned[i], page_in(child, AT(i)));
		unpin_user_page(pinned[i]);
	}
	EXPECT_EQ(sandbox_read(&box, AT(1)), 9UL);
	if (child)
		mmput(child);
	sandbox_close(&box);
}

/* The page that DONTNEED left was written to, and the zeroes there are new. */
KTEST(soft_dirty, a_page_thrown_away_has_no_mark_of_its_own_any_more)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	begin(&box, 2);
	EXPECT_EQ(user_poke(AT(0), 9), 0);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_MARKS("..");
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_MARKS("d.");
	sandbox_close(&box);
}
