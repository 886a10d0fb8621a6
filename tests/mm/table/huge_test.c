// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/huge_test.c - what is done to a whole huge entry, and what splits it
 *
 * Pages are drawn from BASE on, which a huge page begins at. AT(512) begins the second.
 */
#include <kernel/ktest.h>
#include <mm/fault/gup.h>
#include <mm/page/rmap.h>
#include <mm/space/madvise.h>
#include <mm/space/young.h>

#include "huge_fixture.h"

static unsigned long page_splits(void)
{
	struct huge_counters now;

	huge_read_counters(&now);
	return now.page_split;
}

/* --- whole ----------------------------------------------------------------- */

KTEST(huge_entry, a_munmap_of_all_of_it_frees_the_page_and_its_spare_table,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	unsigned long before = splits();
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(NR)), 0);
	EXPECT_EQ(splits(), before);
	EXPECT(PageFree(head) && PageFree(head + NR - 1));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0);
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), 0);
	if (box.observed) {
		EXPECT_EQ(box.nr, 1U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(NR));
	}
	sandbox_close(&box);
}

KTEST(huge_entry, dontneed_of_all_of_it_leaves_room_for_the_next)
{
	unsigned long before = splits();
	struct sandbox box;

	REQUIRE(open_huge(&box, test, NR));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(NR)), 0);
	EXPECT(!sandbox_is_huge(&box, AT(0)));
	sandbox_verify(&box);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(sandbox_read(&box, AT(64)), 0UL);
	EXPECT_EQ(splits(), before);
	sandbox_close(&box);
}

/* Read-only, no access and back: one entry, one event each, and the page stays. */
KTEST(huge_entry, mprotect_of_all_of_it_changes_one_entry,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.19"))
{
	unsigned long before = splits();
	struct sandbox box;
	struct page *head;
	u64 value;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(NR), PROT_READ), 0);
	EXPECT_EQ(user_poke(AT(0), 1), -EFAULT);
	expect_words(&box, 0, NR);
	sandbox_verify(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(NR), PROT_NONE), 0);
	EXPECT_EQ(user_peek(AT(0), &value), -EFAULT);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(page_in(box.mm, AT(0)), head);
	sandbox_verify(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(NR), PROT_READ | PROT_WRITE), 0);
	/* Writable at once: it is the mm's own. */
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	expect_words(&box, 0, NR);
	EXPECT_EQ(splits(), before);
	if (box.observed) {
		EXPECT_EQ(box.nr, 3U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_VMA, AT(0), AT(NR));
		EXPECT_EVENT(&box, 2, MMU_NOTIFY_PROTECTION_VMA, AT(0), AT(NR));
	}
	sandbox_close(&box);
}

KTEST(huge_entry, a_fork_shares_all_of_it_and_splits_nothing)
{
	unsigned long before = splits();
	struct mm_struct *child;
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	EXPECT_EQ(splits(), before);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	if (child) {
		EXPECT_EQ(page_in(child, AT(9)), head + 9);
		EXPECT_EQ(page_mapcount(head + 9), 2);
		EXPECT_EQ(page_ref_count(head + 9), 2);
		EXPECT_EQ(atomic64_read(&child->anon_rss), (long)NR);
		EXPECT_EQ(read_in(&box, child, AT(64)), 64UL);
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(page_mapcount(head + 9), 1);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	[ huge  ] at 0, to 4 MiB: aligned, so the entry goes as it is
 */
KTEST(huge_entry, mremap_of_all_of_it_moves_one_entry)
{
	unsigned long before = splits();
	struct sandbox box;
	struct page *head;
	unsigned long i;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(NR), LEN(NR),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(1024)),
		  (long)AT(1024));
	EXPECT_EQ(splits(), before);
	EXPECT(sandbox_is_huge(&box, AT(1024)) && !sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(page_in(box.mm, AT(1024)), head);
	for (i = 0; i < NR; i += 64)
		EXPECT_EQ(sandbox_read(&box, AT(1024 + i)), i);
	sandbox_verify(&box);
	EXPECT_EQ(do_munmap(box.mm, AT(1024 + 9), LEN(1)), 0);
	EXPECT_EQ(splits() - before, 1UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* One mark for all its pages. */
KTEST(huge_entry, a_use_of_one_page_is_a_use_of_all_until_it_is_cleared)
{
	struct sandbox box;

	REQUIRE(open_huge(&box, test, NR));
	EXPECT_EQ(mm_young(box.mm, AT(1), LEN(2), YOUNG_CLEAR_FLUSH, NULL), 2L);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(NR), YOUNG_TEST, NULL), 0L);
	EXPECT_EQ(sandbox_read(&box, AT(64)), 64UL);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(NR), YOUNG_TEST, NULL), (long)NR);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	sandbox_close(&box);
}

/* --- a part ------------------------------------------------------------------ */

/*
 *	before	[ 0 ................ 511 ]	huge
 *	munmap	      [ 100 .. 199 ]
 *	after	[ 0..99 ]    [ 200 .. 511 ]	small, and 100 pages are free
 */
KTEST(huge_entry, a_munmap_of_a_part_splits_once_and_frees_the_part,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8 R1.11"))
{
	unsigned long before = splits(), pages = page_splits();
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	EXPECT_EQ(do_munmap(box.mm, AT(100), LEN(100)), 0);
	EXPECT_EQ(splits() - before, 1UL);
	EXPECT_EQ(page_splits() - pages, 1UL);
	EXPECT(PageFree(head + 100) && PageFree(head + 199));
	EXPECT_EQ(page_in(box.mm, AT(99)), head + 99);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), (long)NR - 100);
	expect_words(&box, 0, 100);
	expect_words(&box, 200, NR);
	if (box.observed) {
		EXPECT_EQ(box.nr, 2U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(100), AT(200));
		EXPECT_EVENT(&box, 1, MMU_NOTIFY_CLEAR, AT(0), AT(NR));
	}
	sandbox_verify(&box);
	/* What is small is not split again. */
	EXPECT_EQ(do_munmap(box.mm, AT(300), LEN(1)), 0);
	EXPECT_EQ(splits() - before, 1UL);
	sandbox_close(&box);
}

/*
 *	before	[ 0 ................ 511 ]	huge, rw
 *	mprotect      [ 100 .. 199 ]		r
 */
KTEST(huge_entry, mprotect_of_a_part_splits_once, KT_FLAGS(KT_NEEDS_NOTIFIER),
      KT_RULES("R1.8"))
{
	unsigned long before = splits();
	struct sandbox box;

	REQUIRE(open_huge(&box, test, NR));
	EXPECT_EQ(do_mprotect(box.mm, AT(100), LEN(100), PROT_READ), 0);
	EXPECT_EQ(splits() - before, 1UL);
	EXPECT_EQ(user_poke(AT(100), 1), -EFAULT);
	EXPECT_EQ(user_poke(AT(99), 99), 0);
	EXPECT_EQ(user_poke(AT(200), 200), 0);
	EXPECT_EQ(sandbox_read(&box, AT(128)), 128UL);
	if (box.observed) {
		EXPECT_EQ(box.nr, 2U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(NR));
		EXPECT_EVENT(&box, 1, MMU_NOTIFY_PROTECTION_VMA, AT(100),
			     AT(200));
	}
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(huge_entry, dontneed_of_a_part_splits_once_and_frees_the_part)
{
	unsigned long before = splits();
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(64), LEN(64)), 0);
	EXPECT_EQ(splits() - before, 1UL);
	EXPECT(PageFree(head + 64));
	EXPECT_EQ(sandbox_read(&box, AT(64)), 0UL);
	expect_words(&box, 0, 64);
	expect_words(&box, 128, NR);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	[ 0 .. 99 | 100 .. 199 | 200 .. 511 ]	pages 100 to 199 go to 1024
 *	[ 0 ................. 511 ]		all of it goes to 1025, not aligned
 */
KTEST(huge_entry, mremap_of_a_part_or_to_a_place_not_aligned_splits_once,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8"))
{
	unsigned long before = splits();
	struct sandbox box;
	unsigned long i;

	REQUIRE(open_huge(&box, test, NR));
	EXPECT_EQ(do_mremap(box.mm, AT(100), LEN(100), LEN(100),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(1024)),
		  (long)AT(1024));
	EXPECT_EQ(splits() - before, 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(1024 + 28)), 128UL);
	expect_words(&box, 0, 100);
	expect_words(&box, 200, NR);
	sandbox_verify(&box);
	sandbox_close(&box);

	before = splits();
	REQUIRE(open_huge(&box, test, NR));
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(NR), LEN(NR),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(1025)),
		  (long)AT(1025));
	EXPECT_EQ(splits() - before, 1UL);
	for (i = 0; i < NR; i += 64)
		EXPECT_EQ(sandbox_read(&box, AT(1025 + i)), i);
	if (box.observed) {
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(NR));
		EXPECT_EVENT(&box, 1, MMU_NOTIFY_UNMAP, AT(0), AT(NR));
	}
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	small	      [ 1027 .............. 1538 ]
 *	huge	[ 0 .. 511 ]				goes; the small pages go there
 *
 * Two runs need a table at 0, which the huge entry must not take with it.
 */
KTEST(huge_entry, small_pages_move_to_where_a_huge_page_is)
{
	struct sandbox box;
	unsigned long i;

	REQUIRE(open_huge(&box, test, NR));
	sandbox_map(&box, AT(1027), NR);
	for (i = 0; i < NR; i += 8)
		EXPECT_EQ(user_poke(AT(1027 + i), 1000 + i), 0);
	EXPECT(!sandbox_is_huge(&box, AT(1027)));
	EXPECT_EQ(do_mremap(box.mm, AT(1027), LEN(NR), LEN(NR),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(0)),
		  (long)AT(0));
	for (i = 0; i < NR; i += 8)
		EXPECT_EQ(sandbox_read(&box, AT(i)), 1000 + i);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* The huge zero page becomes 512 entries of the small one. */
KTEST(huge_entry, a_part_of_the_huge_zero_page_goes)
{
	struct sandbox box;

	if (!huge_zero_page) {
		ktest_skip(test, "too little memory for a huge zero page");
		return;
	}
	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), NR);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(do_munmap(box.mm, AT(5), LEN(1)), 0);
	EXPECT_EQ(page_in(box.mm, AT(4)), empty_zero_page);
	EXPECT_EQ(page_in(box.mm, AT(5)), NULL);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 * While the child has all of it, a part that the parent unmaps is not free. When the child has
 * gone, the parent's next munmap makes small pages, and the part comes back.
 */
KTEST(huge_entry, a_part_of_a_shared_page_is_free_once_it_is_not_shared)
{
	unsigned long pages;
	struct mm_struct *child;
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	pages = page_splits();
	EXPECT_EQ(do_munmap(box.mm, AT(10), LEN(1)), 0);
	EXPECT_EQ(page_splits(), pages);
	EXPECT(!PageFree(head + 10));
	sandbox_verify(&box);
	if (child) {
		EXPECT_EQ(page_mapcount(head + 10), 1);
		EXPECT_EQ(page_mapcount(head + 11), 2);
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(do_munmap(box.mm, AT(20), LEN(1)), 0);
	EXPECT_EQ(page_splits() - pages, 1UL);
	EXPECT(PageFree(head + 10) && PageFree(head + 20));
	expect_words(&box, 64, NR);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* A pin keeps the page as it is; its entries are split all the same. */
KTEST(huge_entry, a_pinned_page_stays_huge_until_all_of_it_is_unmapped)
{
	unsigned long pages = page_splits();
	struct sandbox box;
	struct page *page;
	long got;

	REQUIRE(open_huge(&box, test, NR));
	mmap_read_lock(box.mm);
	got = get_user_pages_remote(box.mm, AT(64), 1, FOLL_WRITE | FOLL_PIN,
				    &page);
	mmap_read_unlock(box.mm);
	REQUIRE(got == 1);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(256)), 0);
	EXPECT_EQ(page_splits(), pages);
	EXPECT(PageHuge(page));
	EXPECT_EQ(*(u64 *)page_address(page), 64UL);
	EXPECT_EQ(page_mapcount(page), 0);
	expect_words(&box, 256, NR);
	sandbox_verify(&box);
	EXPECT_EQ(do_munmap(box.mm, AT(256), LEN(256)), 0);
	EXPECT(!PageFree(page));
	unpin_user_page(page);
	EXPECT(PageFree(page) && PageFree(page + 1));
	sandbox_close(&box);
}
