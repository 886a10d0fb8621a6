// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/young_test.c - pages of a range, and pages everywhere, that CPUs have used
 *
 * What devices answer is in young_notify_test.c.
 */
#include <arch/tlb.h>
#include <lib/string.h>
#include <mm/page/lock.h>
#include <mm/page/ref.h>
#include <mm/rmap/referenced.h>
#include <mm/space/counters.h>
#include <mm/space/young.h>
#include "tests/mm/lib/relatives.h"

/* Nobody has used the page since. */
static void make_old(struct sandbox *box, vaddr_t addr)
{
	sandbox_set_pte(box, addr, pte_mkold(sandbox_pte(box, addr)));
}

/*
 *	pages	0 1 2 3
 *	used	x   x		3: not there
 */
KTEST(young, each_page_of_a_range_is_used_or_not)
{
	struct space_counters before, after;
	unsigned char used[4];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	make_old(&box, AT(1));
	sandbox_forget(&box);
	memset(used, 9, sizeof(used));
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(4), YOUNG_TEST, used), 2L);
	EXPECT_EQ(used[0], 1U);
	EXPECT_EQ(used[1], 0U);
	EXPECT_EQ(used[2], 1U);
	EXPECT_EQ(used[3], 0U);
	space_read_counters(&before);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(4), YOUNG_CLEAR, NULL), 2L);
	space_read_counters(&after);
	EXPECT_EQ(after.young, before.young + 2);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(4), YOUNG_CLEAR_FLUSH, NULL), 0L);
	/* Marks are no change of the mapping (R1.16). */
	EXPECT_EQ(box.nr, 0U);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(pte_dirty(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

/* This CPU has the translations: without a flush it would not set the marks again. */
KTEST(young, after_a_flush_each_next_use_is_seen_and_one_flush_serves_a_table)
{
	struct tlb_counters before, after;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(user_poke(AT(i), 1), 0);
	tlb_read_counters(&before);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(8), YOUNG_CLEAR_FLUSH, NULL), 8L);
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes + 1);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 1UL);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(8), YOUNG_TEST, NULL), 1L);
	tlb_read_counters(&before);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(8), YOUNG_CLEAR, NULL), 1L);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(8), YOUNG_CLEAR_FLUSH, NULL), 0L);
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes);
	sandbox_close(&box);
}

KTEST(young, a_range_over_several_tables_has_each_answer_in_its_place)
{
	static unsigned char used[2 * PTRS_PER_TABLE];
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2 * PTRS_PER_TABLE);
	EXPECT_EQ(user_poke(AT(PTRS_PER_TABLE - 1), 1), 0);
	EXPECT_EQ(user_poke(AT(PTRS_PER_TABLE + 70), 1), 0);
	memset(used, 9, sizeof(used));
	EXPECT_EQ(mm_young(box.mm, AT(0), sizeof(used) * PAGE_SIZE, YOUNG_CLEAR,
			   used),
		  2L);
	for (i = 0; i < sizeof(used); i++)
		REQUIRE_EQ(used[i],
			   i == PTRS_PER_TABLE - 1 || i == PTRS_PER_TABLE + 70);
	sandbox_close(&box);
}

KTEST(young, a_range_that_is_none_is_refused)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(mm_young(box.mm, AT(0) + 1, LEN(1), YOUNG_TEST, NULL), -EINVAL);
	EXPECT_EQ(mm_young(box.mm, AT(0), ~0UL, YOUNG_TEST, NULL), -EINVAL);
	EXPECT_EQ(mm_young(box.mm, USER_END, LEN(1), YOUNG_TEST, NULL), -EINVAL);
	EXPECT_EQ(mm_young(box.mm, AT(0), 0, YOUNG_TEST, NULL), 0L);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(1), YOUNG_TEST, NULL), 0L);
	sandbox_close(&box);
}

/* page_referenced() as its callers call it: with the page locked and held. */
static unsigned int referenced(struct page *page, enum young_how how,
			       unsigned long *vm_flags)
{
	unsigned int used;

	get_page(page);
	lock_page(page);
	used = page_referenced(page, how, vm_flags);
	unlock_page(page);
	put_page(page);
	return used;
}

/* A page is mapped by a parent and two children; the parent and one child use it. */
KTEST(referenced, a_page_is_asked_for_at_each_of_its_addresses)
{
	struct mm_struct *child[2];
	unsigned long vm_flags;
	struct sandbox box;
	struct page *page;
	unsigned int i;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	page = page_in(box.mm, AT(0));
	for (i = 0; i < 2; i++) {
		child[i] = sandbox_fork(&box);
		REQUIRE(child[i]);
	}
	EXPECT_EQ(read_in(&box, child[1], AT(0)), 1UL);
	sandbox_forget(&box);
	EXPECT_EQ(referenced(page, YOUNG_TEST, &vm_flags), 2U);
	EXPECT_EQ(vm_flags & (VM_ACCESS | VM_LOCKED), VM_READ | VM_WRITE);
	EXPECT_EQ(referenced(page, YOUNG_CLEAR, NULL), 2U);
	EXPECT_EQ(referenced(page, YOUNG_CLEAR, NULL), 0U);
	EXPECT_EQ(read_in(&box, child[0], AT(0)), 1UL);
	EXPECT_EQ(referenced(page, YOUNG_CLEAR_FLUSH, NULL), 1U);
	/* By the translation that it had, were it not flushed. */
	EXPECT_EQ(read_in(&box, child[0], AT(0)), 1UL);
	EXPECT_EQ(referenced(page, YOUNG_TEST, NULL), 1U);
	EXPECT_EQ(box.nr, 0U);
	for (i = 0; i < 2; i++)
		mmput(child[i]);
	sandbox_close(&box);
}

KTEST(referenced, a_page_that_nothing_maps_was_not_used)
{
	unsigned long vm_flags = 7;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	page = page_in(box.mm, AT(0));
	get_page(page);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(referenced(page, YOUNG_CLEAR_FLUSH, &vm_flags), 0U);
	EXPECT_EQ(vm_flags, 0UL);
	put_page(page);
	sandbox_close(&box);
}
