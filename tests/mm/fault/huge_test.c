// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/huge_test.c - touches where a huge page is, or may be
 *
 * Pages are drawn from BASE on, which a huge page may begin at. AT(512) begins the second.
 */
#include <kernel/ktest.h>
#include <mm/alloc/fail.h>
#include <mm/fault/gup.h>
#include <mm/fault/huge.h>
#include <mm/page/rmap.h>
#include <mm/space/madvise.h>
#include <mm/table/huge.h>

#include "tests/mm/lib/relatives.h"

#define NR HPAGE_PMD_NR

static_assert(IS_ALIGNED(BASE, PMD_SIZE), "a huge page may begin there");

/* What the counters say of the time since huge_begin(). */
static void huge_begin(struct huge_counters *since)
{
	huge_read_counters(since);
}

static void huge_end(struct huge_counters *since)
{
	struct huge_counters now;

	huge_read_counters(&now);
	since->faulted = now.faulted - since->faulted;
	since->zero_page = now.zero_page - since->zero_page;
	since->fallback = now.fallback - since->fallback;
	since->reused = now.reused - since->reused;
	since->split = now.split - since->split;
	since->page_split = now.page_split - since->page_split;
	since->page_kept = now.page_kept - since->page_kept;
}

static long rss(struct sandbox *box)
{
	return (long)atomic64_read(&box->mm->anon_rss);
}

/*
 *	region	[ 0 ........ 511 ][ 512 .. 1023 ]
 *	touch	      7 w
 *	mapped	[ huge           ]
 */
KTEST(huge_fault, a_first_write_maps_a_huge_page, KT_RULES("R1.13"))
{
	struct huge_counters seen;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), 2 * NR);
	huge_begin(&seen);
	EXPECT_EQ(user_poke(AT(7), 7), 0);
	EXPECT_EQ(user_poke(AT(511), 511), 0);
	huge_end(&seen);
	EXPECT_EQ(seen.faulted, 1UL);
	EXPECT_EQ(box.nr, 0U);
	EXPECT(sandbox_is_huge(&box, AT(0)) && !sandbox_is_huge(&box, AT(512)));
	EXPECT_EQ(rss(&box), (long)NR);
	EXPECT_EQ(sandbox_read(&box, AT(7)), 7UL);
	EXPECT_EQ(sandbox_read(&box, AT(511)), 511UL);
	EXPECT_EQ(sandbox_read(&box, AT(8)), 0UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	region	   [ 1 ........ 511 ][ 512 .... 1023 ][ 1024 ]
 *	touch	     1 w	       512 w		1024 w
 *	mapped	     small	     [ huge          ]	small
 */
KTEST(huge_fault, a_region_without_the_whole_2_mib_gets_small_pages)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(1), 2 * NR);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(512), 2), 0);
	EXPECT_EQ(user_poke(AT(1024), 3), 0);
	EXPECT(!sandbox_is_huge(&box, AT(1)) && !sandbox_is_huge(&box, AT(1024)));
	EXPECT(sandbox_is_huge(&box, AT(512)));
	EXPECT_EQ(rss(&box), (long)NR + 2);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* The mode of the machine and what was said of the region decide together. */
KTEST(huge_fault, the_mode_says_which_regions_get_huge_pages)
{
	static const struct {
		enum thp_mode mode;
		int advice;
		bool huge;
	} rows[] = {
		{THP_NEVER, 0, false},
		{THP_NEVER, MADV_HUGEPAGE, false},
		{THP_MADVISE, 0, false},
		{THP_MADVISE, MADV_HUGEPAGE, true},
		{THP_MADVISE, MADV_NOHUGEPAGE, false},
		{THP_ALWAYS, 0, true},
		{THP_ALWAYS, MADV_HUGEPAGE, true},
		{THP_ALWAYS, MADV_NOHUGEPAGE, false},
	};
	enum thp_mode before = thp_mode;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sandbox box;

		REQUIRE(sandbox_open(&box, test));
		sandbox_map(&box, AT(0), NR);
		if (rows[i].advice)
			EXPECT_EQ(do_madvise(box.mm, AT(0), NR * PAGE_SIZE,
					     rows[i].advice),
				  0);
		WRITE_ONCE(thp_mode, rows[i].mode);
		EXPECT_EQ(user_poke(AT(0), 1), 0);
		WRITE_ONCE(thp_mode, before);
		EXPECT_EQ(sandbox_is_huge(&box, AT(0)), rows[i].huge);
		sandbox_close(&box);
	}
}

/* The first attempts of a fault are for its table and for 2 MiB; either may fail. */
KTEST(huge_fault, a_fault_without_a_huge_page_maps_a_small_one,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct huge_counters seen;
	struct sandbox box;
	unsigned long nth;

	for (nth = 1; nth <= 2; nth++) {
		REQUIRE(sandbox_open(&box, test));
		sandbox_map_huge(&box, AT(0), 2 * NR);
		/* The upper tables are there. */
		EXPECT_EQ(user_poke(AT(512), 1), 0);
		huge_begin(&seen);
		alloc_fail_nth(nth);
		EXPECT_EQ(user_poke(AT(3), 3), 0);
		EXPECT_EQ(alloc_fail_end().failed, 1UL);
		huge_end(&seen);
		EXPECT_EQ(seen.fallback, 1UL);
		EXPECT_EQ(seen.faulted, 0UL);
		EXPECT(!sandbox_is_huge(&box, AT(3)));
		EXPECT_EQ(sandbox_read(&box, AT(3)), 3UL);
		EXPECT_EQ(rss(&box), (long)NR + 1);
		sandbox_close(&box);
	}
}

/*
 *	0 r	[ huge zero page  ]	no page is counted
 *	9 w	[ huge page       ]	CLEAR over 2 MiB
 */
KTEST(huge_fault, a_read_maps_the_huge_zero_page_and_a_write_replaces_it,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8 R1.18"))
{
	struct huge_counters seen;
	struct sandbox box;

	if (!huge_zero_page) {
		ktest_skip(test, "too little memory for a huge zero page");
		return;
	}
	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), NR);
	huge_begin(&seen);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT(is_huge_zero_page(page_in(box.mm, AT(100))));
	EXPECT_EQ(rss(&box), 0L);
	EXPECT_EQ(box.nr, 0U);
	sandbox_verify(&box);
	EXPECT_EQ(user_poke(AT(9), 9), 0);
	huge_end(&seen);
	EXPECT_EQ(seen.zero_page, 1UL);
	EXPECT_EQ(seen.faulted, 1UL);
	EXPECT_EQ(seen.split, 0UL);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(rss(&box), (long)NR);
	EXPECT_EQ(sandbox_read(&box, AT(9)), 9UL);
	EXPECT_EQ(sandbox_read(&box, AT(10)), 0UL);
	if (box.observed) {
		EXPECT_EQ(box.nr, 1U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(512));
	}
	sandbox_close(&box);
}

KTEST(huge_fault, a_write_over_the_huge_zero_page_may_end_in_a_small_page,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct huge_counters seen;
	struct sandbox box;

	if (!huge_zero_page) {
		ktest_skip(test, "too little memory for a huge zero page");
		return;
	}
	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), NR);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	huge_begin(&seen);
	alloc_fail_nth(1);
	EXPECT_EQ(user_poke(AT(9), 9), 0);
	EXPECT_EQ(alloc_fail_end().failed, 1UL);
	huge_end(&seen);
	EXPECT_EQ(seen.fallback, 1UL);
	EXPECT_EQ(seen.split, 1UL);
	EXPECT_EQ(rss(&box), 1L);
	EXPECT_EQ(page_in(box.mm, AT(8)), empty_zero_page);
	EXPECT_EQ(sandbox_read(&box, AT(9)), 9UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* --- copy on write ------------------------------------------------------------ */

/*
 *	parent	[ huge, shared ] 3 w: split, page 3 copied
 *	child	[ huge, shared ] as before
 */
KTEST(huge_fault, a_write_to_a_shared_huge_page_copies_one_small_page,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8"))
{
	struct huge_counters seen;
	struct mm_struct *child;
	struct sandbox box;
	struct page *head;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), NR);
	EXPECT_EQ(user_poke(AT(3), 3), 0);
	EXPECT_EQ(user_poke(AT(4), 4), 0);
	head = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	sandbox_forget(&box);
	huge_begin(&seen);
	EXPECT_EQ(user_poke(AT(3), 33), 0);
	huge_end(&seen);
	EXPECT_EQ(seen.split, 1UL);
	EXPECT_EQ(seen.page_kept, 1UL);
	EXPECT(!sandbox_is_huge(&box, AT(0)));
	EXPECT_NE(page_in(box.mm, AT(3)), head + 3);
	EXPECT_EQ(page_in(box.mm, AT(4)), head + 4);
	EXPECT_EQ(rss(&box), (long)NR);
	if (box.observed) {
		EXPECT_EQ(box.nr, 2U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(512));
		EXPECT_EVENT(&box, 1, MMU_NOTIFY_CLEAR, AT(3), AT(4));
	}
	if (child) {
		EXPECT_EQ(page_in(child, AT(3)), head + 3);
		EXPECT_EQ(read_in(&box, child, AT(3)), 3UL);
		EXPECT_EQ(page_mapcount(head + 3), 1);
		EXPECT_EQ(page_mapcount(head + 4), 2);
		verify_in(&box, child);
		mmput(child);
	}
	sandbox_verify(&box);

	/* Alone again: the next write finds small pages, one of them its own. */
	huge_begin(&seen);
	EXPECT_EQ(user_poke(AT(4), 44), 0);
	huge_end(&seen);
	EXPECT_EQ(seen.page_split, 1UL);
	EXPECT_EQ(page_in(box.mm, AT(4)), head + 4);
	EXPECT(!PageHuge(head + 4));
	EXPECT(PageFree(head + 3));
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(huge_fault, the_last_owner_of_a_huge_page_writes_to_it, KT_RULES("R1.13"))
{
	struct huge_counters seen;
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), NR);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	child = sandbox_fork(&box);
	if (child)
		mmput(child);
	sandbox_forget(&box);
	huge_begin(&seen);
	EXPECT_EQ(user_poke(AT(5), 5), 0);
	huge_end(&seen);
	EXPECT_EQ(seen.reused, 1UL);
	EXPECT_EQ(seen.split, 0UL);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(box.nr, 0U);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* --- look-ups ------------------------------------------------------------------ */

static long gup(struct sandbox *box, vaddr_t addr, unsigned long nr,
		unsigned int flags, struct page **pages)
{
	long got;

	mmap_read_lock(box->mm);
	got = get_user_pages_remote(box->mm, addr, nr, flags, pages);
	mmap_read_unlock(box->mm);
	return got;
}

/*
 *	look-up		      [ 510 511 | 512 513 ]
 *	mapped	[ huge         ][ huge         ]
 */
KTEST(huge_fault, a_look_up_takes_parts_of_two_huge_pages)
{
	struct page *pages[4];
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), 2 * NR);
	EXPECT_EQ(gup(&box, AT(510), 4, FOLL_WRITE | FOLL_GET, pages), 4L);
	EXPECT(sandbox_is_huge(&box, AT(0)) && sandbox_is_huge(&box, AT(512)));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(pages[i], page_in(box.mm, AT(510 + i)));
	EXPECT_EQ(page_ref_count(pages[0]), 3);
	EXPECT_EQ(page_ref_count(pages[3]), 3);
	mmap_read_lock(box.mm);
	EXPECT_EQ(follow_page(box.mm, AT(3)), page_head(pages[0]) + 3);
	mmap_read_unlock(box.mm);
	put_page(pages[0]);
	for (i = 0; i < 4; i++)
		put_page(pages[i]);
	EXPECT_EQ(page_ref_count(page_in(box.mm, AT(0))), 1);
	sandbox_close(&box);
}

/*
 * A pinned huge page is the parent's: the fork splits the entry and copies all
 * pages for the child, and the parent's next write goes to the pinned page.
 */
KTEST(huge_fault, a_fork_leaves_a_pinned_huge_page_to_the_parent)
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), NR);
	EXPECT_EQ(user_poke(AT(6), 6), 0);
	EXPECT_EQ(gup(&box, AT(6), 1, FOLL_PIN, &page), 1L);
	EXPECT(page_maybe_pinned(page));
	child = sandbox_fork(&box);
	EXPECT_EQ(user_poke(AT(6), 66), 0);
	EXPECT_EQ(page_in(box.mm, AT(6)), page);
	EXPECT_EQ(((u64 *)page_address(page))[0], 66UL);
	if (child) {
		EXPECT_EQ(read_in(&box, child, AT(6)), 6UL);
		verify_in(&box, child);
		mmput(child);
	}
	sandbox_verify(&box);
	unpin_user_page(page);
	sandbox_close(&box);
}

/* A pin for reading has the page for its mm alone: of the huge zero page, and of a shared one. */
KTEST(huge_fault, a_pin_for_reading_gets_a_page_of_its_own)
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), 2 * NR);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(gup(&box, AT(6), 1, FOLL_PIN, &page), 1L);
	EXPECT(!is_zero_page(page));
	unpin_user_page(page);

	EXPECT_EQ(user_poke(AT(512), 1), 0);
	child = sandbox_fork(&box);
	EXPECT_EQ(gup(&box, AT(512), 1, FOLL_PIN, &page), 1L);
	if (child) {
		EXPECT_NE(page, page_in(child, AT(512)));
		EXPECT_EQ(user_poke(AT(512), 2), 0);
		EXPECT_EQ(page_in(box.mm, AT(512)), page);
		EXPECT_EQ(read_in(&box, child, AT(512)), 1UL);
		mmput(child);
	}
	unpin_user_page(page);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* --- races ---------------------------------------------------------------------- */

#define ROUNDS 12

static void touch_second_half(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	struct atomic *go = self->arg;

	while (!atomic_read(go))
		yield();
	EXPECT_EQ(user_poke(AT(300), 300), 0);
}

/*
 *	CPU 0				CPU 1
 *	entry is none			entry is none
 *	huge page a			huge page b
 *	lock; none; a goes in; unlock
 *					lock; not none: b is freed; unlock
 *	(both go on with a)
 */
KTEST(huge_fault, two_first_touches_map_one_huge_page, KT_FLAGS(KT_NEEDS_SMP))
{
	unsigned int round;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	for (round = 0; round < ROUNDS && !ktest_failed(test); round++) {
		struct sandbox_thread thread;
		struct atomic go = {0};

		sandbox_map_huge(&box, AT(0), NR);
		sandbox_thread_start(&thread, &box, another_cpu(),
				     touch_second_half, &go);
		atomic_set(&go, 1);
		EXPECT_EQ(user_poke(AT(3), 3), 0);
		sandbox_thread_join(&thread);
		EXPECT_EQ(sandbox_read(&box, AT(3)), 3UL);
		EXPECT_EQ(sandbox_read(&box, AT(300)), 300UL);
		EXPECT_EQ(rss(&box), (long)NR);
		EXPECT_EQ(do_munmap(box.mm, AT(0), NR * PAGE_SIZE), 0);
		EXPECT_EQ(rss(&box), 0L);
	}
	sandbox_close(&box);
}
