// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/pagemap_test.c - what a program is told of its pages
 */
#include <lib/string.h>
#include <mm/space/pagemap.h>
#include <mm/space/soft_dirty.h>
#include "tests/mm/lib/relatives.h"

static u64 word_at(struct sandbox *box, vaddr_t addr)
{
	struct ktest *test = box->test;
	u64 word = 0;

	EXPECT_EQ(pagemap_read(box->mm, addr, &word, 1), 0);
	return word;
}

/*
 *	pages	0 1 2 3 4 5
 *	region	- [-------]	1: none, 2: zero page, 3: written, 4: shared with a child
 */
KTEST(pagemap_read, a_word_says_of_each_page_whose_it_is)
{
	struct mm_struct *child;
	struct sandbox box;
	u64 words[6];
	pfn_t pfn;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(1), 4);
	EXPECT_EQ(user_poke(AT(4), 5), 0);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	child = sandbox_fork(&box);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	EXPECT_EQ(user_poke(AT(3), 4), 0);
	EXPECT_EQ(pagemap_read(box.mm, AT(0), words, 6), 0);
	EXPECT_EQ(words[0], 0UL);
	EXPECT_EQ(words[1], 0UL);
	EXPECT_EQ(words[2], PAGEMAP_PRESENT | page_to_pfn(empty_zero_page));
	pfn = page_to_pfn(page_in(box.mm, AT(3)));
	EXPECT_EQ(words[3], PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE |
				    PAGEMAP_SOFT_DIRTY | pfn);
	pfn = page_to_pfn(page_in(box.mm, AT(4)));
	EXPECT_EQ(words[4], PAGEMAP_PRESENT | pfn);
	EXPECT_EQ(words[5], 0UL);
	if (child)
		mmput(child);
	/* The last sharer has left. */
	EXPECT_EQ(word_at(&box, AT(4)),
		  PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE | pfn);
	sandbox_close(&box);
}

KTEST(pagemap_read, a_page_that_a_device_has_is_an_entry_with_type_and_frame,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE | KT_NEEDS_NOTIFIER), KT_RULES("R7.15"))
{
	struct page *slot = NULL;
	struct sandbox box;
	pfn_t pfn;
	u64 word;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
	pfn = page_to_pfn(slot);
	release_exclusive(&slot, 1);
	word = word_at(&box, AT(0));
	EXPECT_EQ(word & ~PAGEMAP_FRAME,
		  PAGEMAP_SWAP | PAGEMAP_DEVICE_EXCLUSIVE | PAGEMAP_EXCLUSIVE |
			  PAGEMAP_SOFT_DIRTY);
	EXPECT_EQ((word & PAGEMAP_FRAME) >> PAGEMAP_SWAP_SHIFT, pfn);
	EXPECT(!strncmp(swp_type_name(word & (BIT(PAGEMAP_SWAP_SHIFT) - 1)),
			"device-exclusive", 16));
	/* Looking has restored nothing. */
	EXPECT(!pte_present(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

/* The mark of a handler, and an entry of a kind that nothing makes yet. */
KTEST(pagemap_read, marks_and_types_of_other_entries_are_told)
{
	struct sandbox box;
	u64 word;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_set_pte(&box, AT(0), pte_mkuffd_wp(sandbox_pte(&box, AT(0))));
	EXPECT(word_at(&box, AT(0)) & PAGEMAP_UFFD_WP);
	sandbox_set_pte(&box, AT(0),
			pte_swp_mkuffd_wp(swp_entry_to_pte(swp_entry(3, 77))));
	word = word_at(&box, AT(0));
	EXPECT_EQ(word, PAGEMAP_SWAP | PAGEMAP_UFFD_WP | PAGEMAP_SOFT_DIRTY |
				77UL << PAGEMAP_SWAP_SHIFT | 3);
	sandbox_set_pte(&box, AT(0), __pte(0));
	sandbox_close(&box);
}

/* A range may span tables, regions and holes; a word has one page. */
KTEST(pagemap_read, a_range_over_several_tables_has_each_word_in_its_place)
{
	static u64 words[3 * PTRS_PER_TABLE];
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(1), 1);
	sandbox_map(&box, AT(PTRS_PER_TABLE - 1), 2);
	sandbox_map(&box, AT(3 * PTRS_PER_TABLE - 1), 1);
	EXPECT_EQ(user_poke(AT(PTRS_PER_TABLE), 1), 0);
	EXPECT_EQ(user_poke(AT(3 * PTRS_PER_TABLE - 1), 1), 0);
	memset(words, 0xff, sizeof(words));
	EXPECT_EQ(pagemap_read(box.mm, AT(0), words, ARRAY_SIZE(words)), 0);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		bool present = i == PTRS_PER_TABLE || i == 3 * PTRS_PER_TABLE - 1;
		bool mapped = present || i == 1 || i == PTRS_PER_TABLE - 1;

		REQUIRE_EQ(!!(words[i] & PAGEMAP_PRESENT), present);
		REQUIRE_EQ(!!(words[i] & PAGEMAP_SOFT_DIRTY), mapped);
		if (!mapped)
			REQUIRE_EQ(words[i], 0UL);
	}
	sandbox_close(&box);
}

KTEST(pagemap_read, a_range_that_is_none_is_refused_and_writes_nothing)
{
	struct sandbox box;
	u64 word = 7;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(pagemap_read(box.mm, AT(0) + 1, &word, 1), -EINVAL);
	EXPECT_EQ(pagemap_read(box.mm, USER_END, &word, 1), -EINVAL);
	EXPECT_EQ(pagemap_read(box.mm, USER_END + PAGE_SIZE, &word, 0), -EINVAL);
	EXPECT_EQ(pagemap_read(box.mm, AT(0), &word, ~0UL), -EINVAL);
	EXPECT_EQ(pagemap_read(box.mm, AT(0), &word, 0), 0);
	EXPECT_EQ(word, 7UL);
	EXPECT_EQ(pagemap_read(box.mm, USER_END - PAGE_SIZE, &word, 1), 0);
	EXPECT_EQ(word, 0UL);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3
 *	entry	- z w s		none, zero page, written, of a swap file
 *	byte	0 1 1 0
 */
KTEST(mincore, a_page_is_in_memory_if_a_touch_waits_for_no_disk,
      KT_RULES("R7.15"))
{
	unsigned char present[PTRS_PER_TABLE + 1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), PTRS_PER_TABLE + 1);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	EXPECT_EQ(user_poke(AT(PTRS_PER_TABLE), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	sandbox_set_pte(&box, AT(3), swp_entry_to_pte(swp_entry(0, 5)));
	memset(present, 9, sizeof(present));
	EXPECT_EQ(do_mincore(box.mm, AT(0), sizeof(present) * PAGE_SIZE, present),
		  0);
	EXPECT_EQ(present[0], 0U);
	EXPECT_EQ(present[1], 1U);
	EXPECT_EQ(present[2], 1U);
	EXPECT_EQ(present[3], 0U);
	EXPECT_EQ(present[4], 0U);
	EXPECT_EQ(present[PTRS_PER_TABLE], 1U);
	sandbox_set_pte(&box, AT(3),
			swp_entry_to_pte(swp_entry(SWP_HWPOISON, 5)));
	EXPECT_EQ(do_mincore(box.mm, AT(3), 1, present), 0);
	EXPECT_EQ(present[0], 1U);
	sandbox_set_pte(&box, AT(3), __pte(0));
	sandbox_close(&box);
}

KTEST(mincore, so_is_a_page_that_a_device_has,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE | KT_NEEDS_NOTIFIER), KT_RULES("R7.15"))
{
	unsigned char present = 9;
	struct page *slot = NULL;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
	release_exclusive(&slot, 1);
	EXPECT_EQ(do_mincore(box.mm, AT(0), PAGE_SIZE, &present), 0);
	EXPECT_EQ(present, 1U);
	EXPECT(!pte_present(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

KTEST(mincore, a_hole_or_a_bad_range_is_an_error_and_no_byte_is_written)
{
	unsigned char present[4] = {9, 9, 9, 9};
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	sandbox_map(&box, AT(2), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mincore(box.mm, AT(0), LEN(3), present), -ENOMEM);
	EXPECT_EQ(do_mincore(box.mm, AT(2), LEN(2), present), -ENOMEM);
	EXPECT_EQ(do_mincore(box.mm, AT(0) + 1, LEN(1), present), -EINVAL);
	EXPECT_EQ(do_mincore(box.mm, USER_END, LEN(1), present), -ENOMEM);
	EXPECT_EQ(do_mincore(box.mm, AT(0), ~0UL, present), -ENOMEM);
	EXPECT_EQ(do_mincore(box.mm, AT(1), 0, present), 0);
	for (i = 0; i < ARRAY_SIZE(present); i++)
		EXPECT_EQ(present[i], 9U);
	sandbox_close(&box);
}

KTEST(pagemap_read, a_part_of_a_huge_page_is_a_page_like_another)
{
	unsigned char present[PTRS_PER_TABLE];
	u64 words[3];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map_huge(&box, AT(0), PTRS_PER_TABLE);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(pagemap_read(box.mm, AT(7), words, ARRAY_SIZE(words)), 0);
	EXPECT_EQ(words[0] &
			  (PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE | PAGEMAP_SHARED),
		  PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE);
	EXPECT_EQ(words[0] & PAGEMAP_FRAME, pte_pfn(sandbox_pte(&box, AT(7))));
	EXPECT_EQ(words[2], words[0] + 2);
	EXPECT_EQ(do_mincore(box.mm, AT(0), LEN(PTRS_PER_TABLE), present), 0);
	EXPECT_EQ(present[0], 1U);
	EXPECT_EQ(present[PTRS_PER_TABLE - 1], 1U);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	sandbox_close(&box);
}
