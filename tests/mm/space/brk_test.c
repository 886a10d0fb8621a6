// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/brk_test.c - the heap becomes longer and shorter
 *
 * Pictures show pages from BASE up. The heap begins in the middle of page 0, so its first
 * page is page 1.
 */
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/space/brk.h>
#include <mm/space/counters.h>
#include <mm/space/mlock.h>
#include "tests/mm/lib/relatives.h"

#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define START (AT(0) + 100)

static bool open_heap(struct sandbox *box, struct ktest *test)
{
	if (!sandbox_open(box, test))
		return false;
	mm_set_heap(box->mm, START);
	return true;
}

/*
 *	brk	page 0	page 3 + 1 byte		end of page 3	page 3
 *	pages	none	1 2 3			1 2 3		1 2
 */
KTEST(brk, a_heap_ends_where_it_is_told_to_the_byte)
{
	struct space_counters before, after;
	struct sandbox box;
	char buf[64];

	REQUIRE(open_heap(&box, test));
	space_read_counters(&before);
	EXPECT_EQ(do_brk(box.mm, 0), (long)START);
	EXPECT_EQ(do_brk(box.mm, AT(1)), (long)AT(1));
	EXPECT_EQ(box.mm->map_count, 0U);
	EXPECT_EQ(do_brk(box.mm, AT(3) + 1), (long)(AT(3) + 1));
	EXPECT_EQ(do_brk(box.mm, 0), (long)(AT(3) + 1));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "1 - 3 rw");
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(3), 3), 0);
	EXPECT_EQ(do_brk(box.mm, AT(4)), (long)AT(4));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "1 - 3 rw");
	EXPECT_EQ(do_brk(box.mm, AT(3)), (long)AT(3));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "1 - 2 rw");
	EXPECT_EQ(user_poke(AT(3), 3), -EFAULT);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 1UL);
	EXPECT_EQ(do_brk(box.mm, START), (long)START);
	EXPECT_EQ(box.mm->map_count, 0U);
	EXPECT_EQ(box.mm->committed, 0UL);
	/* A page that comes again is a page of zeroes. */
	EXPECT_EQ(do_brk(box.mm, AT(2)), (long)AT(2));
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	space_read_counters(&after);
	EXPECT_EQ(after.brks, before.brks + 6);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(brk, a_heap_that_becomes_shorter_is_unmapped_as_by_munmap,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.9 R1.13"))
{
	struct sandbox box;
	unsigned long free;
	pte_t pte;

	REQUIRE(open_heap(&box, test));
	EXPECT_EQ(do_brk(box.mm, AT(5)), (long)AT(5));
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	free = nr_free_pages();
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(user_poke(AT(4), 4), 0);
	pte = sandbox_pte(&box, AT(2));
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(do_brk(box.mm, AT(1) + 1), (long)(AT(1) + 1));
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(2), AT(5));
	EXPECT_EQ(pte_val(box.seen[0].first), pte_val(pte));
	EXPECT_EQ(nr_free_pages(), free);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 1UL);
	/* Where the program has unmapped all itself, nothing is left to raise. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(8)), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_brk(box.mm, START), (long)START);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6
 *		  [heap ]   [r]		page 5 stays free
 */
KTEST(brk, a_heap_grows_up_to_one_page_below_another_mapping)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(open_heap(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(6), LEN(1), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(6));
	EXPECT_EQ(do_brk(box.mm, AT(3)), (long)AT(3));
	EXPECT_EQ(do_brk(box.mm, AT(5) + 1), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, AT(9)), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, 0), (long)AT(3));
	EXPECT_EQ(do_brk(box.mm, AT(5)), (long)AT(5));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "1 - 4 rw 1 - 1 r");
	sandbox_close(&box);
}

KTEST(brk, what_cannot_be_is_ENOMEM_and_the_break_stays)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	/* No heap. */
	EXPECT_EQ(do_brk(box.mm, 0), 0L);
	EXPECT_EQ(do_brk(box.mm, AT(1)), (long)-ENOMEM);
	mm_set_heap(box.mm, START);
	EXPECT_EQ(do_brk(box.mm, AT(3)), (long)AT(3));
	EXPECT_EQ(do_brk(box.mm, START - 1), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, USER_END), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, ~0UL), (long)-ENOMEM);
	box.mm->data_limit = 4;
	EXPECT_EQ(do_brk(box.mm, AT(6)), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, AT(5)), (long)AT(5));
	/* To become shorter no limit is asked. */
	box.mm->data_limit = 0;
	EXPECT_EQ(do_brk(box.mm, AT(4)), (long)AT(4));
	box.mm->data_limit = box.mm->as_limit;
	box.mm->as_limit = 3;
	EXPECT_EQ(do_brk(box.mm, AT(5)), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, 0), (long)AT(4));
	/* The heap ends in the middle of a region, and the part above would be one more. */
	box.mm->as_limit = 100;
	EXPECT_EQ(do_mmap(box.mm, AT(4), LEN(2), PROT_READ | PROT_WRITE,
			  ANON | MAP_FIXED),
		  (long)AT(4));
	box.mm->map_limit = 1;
	EXPECT_EQ(do_brk(box.mm, AT(2)), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, 0), (long)AT(4));
	EXPECT_EQ(box.mm->total_vm, 5UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(brk, no_memory_for_a_region_changes_nothing, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;

	REQUIRE(open_heap(&box, test));
	alloc_fail_nth(1);
	EXPECT_EQ(do_brk(box.mm, AT(3)), (long)-ENOMEM);
	EXPECT(alloc_fail_hit());
	alloc_fail_end();
	EXPECT_EQ(do_brk(box.mm, 0), (long)START);
	EXPECT_EQ(box.mm->map_count, 0U);
	EXPECT_EQ(box.mm->committed, 0UL);
	sandbox_close(&box);
}

KTEST(brk, a_heap_of_a_program_that_locks_all_is_there_and_under_the_limit)
{
	struct sandbox box;

	REQUIRE(open_heap(&box, test));
	EXPECT_EQ(do_mlockall(box.mm, MCL_FUTURE), 0);
	box.mm->lock_limit = 2;
	EXPECT_EQ(do_brk(box.mm, AT(4)), (long)-EAGAIN);
	EXPECT_EQ(do_brk(box.mm, 0), (long)START);
	EXPECT_EQ(do_brk(box.mm, AT(3)), (long)AT(3));
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	EXPECT_EQ(box.mm->locked_vm, 2UL);
	sandbox_close(&box);
}

KTEST(brk, a_child_has_a_heap_of_its_own_from_then_on)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(open_heap(&box, test));
	EXPECT_EQ(do_brk(box.mm, AT(3)), (long)AT(3));
	EXPECT_EQ(user_poke(AT(2), 5), 0);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(do_brk(child, AT(2)), (long)AT(2));
		EXPECT_EQ(do_brk(child, START - 1), (long)-ENOMEM);
		EXPECT_EQ(do_brk(child, 0), (long)AT(2));
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(do_brk(box.mm, 0), (long)AT(3));
	EXPECT_EQ(sandbox_read(&box, AT(2)), 5UL);
	sandbox_close(&box);
}
