// SPDX-License-Identifier: MIT
/*
 * tests/mm/kasan/report_test.c - what a report says of a page, and prints
 *
 * A place that makes a wrong access is printed once a boot. So the first round of each
 * test has something to hear, and later ones have not.
 */
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/kasan.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/page_alloc.h>
#include <mm/page/page.h>
#include "mm/kasan/internal.h"
#include "tests/ktest/heard.h"

/* Each is a frame of its own in the stack that the checker keeps. */
static noinline struct page *take_pages(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	barrier();
	return page;
}

static noinline void give_pages(struct page *page)
{
	put_page(page);
	barrier();
}

/* Page 1 of two that were allocated and freed together. */
KTEST(kasan, a_report_prints_who_allocated_and_who_freed_and_the_marks_around,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	static bool printed;
	struct page *page = take_pages();
	vaddr_t bad;

	REQUIRE(page);
	bad = (vaddr_t)page_address(page) + PAGE_SIZE + 100;
	preempt_disable();
	give_pages(page);
	hear_begin();
	kasan_report(bad, 1, bad, KASAN_READ, (unsigned long)kasan_describe);
	hear_end();
	preempt_enable();
	EXPECT(kasan_last_report_says("is in a freed page"));
	if (printed)
		return;
	printed = true;
	EXPECT(heard("KASAN: allocated by:"));
	EXPECT(heard("take_pages+"));
	EXPECT(heard("KASAN: freed by:"));
	EXPECT(heard("give_pages+"));
	EXPECT(heard(" e2 [e2] e2 "));
}

KTEST(kasan, what_lies_behind_memory_is_called_an_address)
{
	vaddr_t end = PAGE_OFFSET + (max_pfn << PAGE_SHIFT);
	char words[80];

	kasan_describe(end - 1, KASAN_PAGE_FREE, words, sizeof(words));
	EXPECT(strstr(words, "page "), "'%s'", words);
	kasan_describe(end, KASAN_PAGE_FREE, words, sizeof(words));
	EXPECT(!strncmp(words, "address ", 8), "'%s'", words);
}

/* The end of the window of areas has no shadow before a thread allocates there. */
KTEST(kasan, a_page_of_shadow_that_comes_late_is_not_among_the_leaks)
{
	struct alloc_snapshot before;
	struct page *page;

	alloc_leak_snapshot(&before);
	EXPECT(kasan_cover((void *)(VMALLOC_START + (1ul << 30) - PAGE_SIZE), 1));
	page = take_pages();
	REQUIRE(page);
	hear_begin();
	EXPECT_EQ(alloc_leak_check(&before), 2UL);
	hear_end();
	EXPECT(heard("take_pages+"));
	EXPECT(!heard("cover"));
	give_pages(page);
	EXPECT_EQ(alloc_leak_check(&before), 0UL);
}
