// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mremap_test.c - a mapping grows, shrinks, or has another address
 *
 * Pictures are as in mremap_fixture.h.
 */
#include <mm/alloc/page_alloc.h>
#include "mremap_fixture.h"

/*
 *	pages	0 1 2 3   5 6
 *		[ rw   ]  [r ]
 */
KTEST(mremap, arguments_that_make_no_sense_are_refused_and_change_nothing)
{
	struct sandbox box;
	struct mm_struct *mm;

	REQUIRE(sandbox_open(&box, test));
	mm = box.mm;
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(do_mmap(mm, AT(5), LEN(2), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(5));
	EXPECT_EQ(do_mremap(mm, AT(0) + 1, LEN(1), LEN(1), 0, 0), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 1, 0, 0, 0), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 0, 1, MAYMOVE, 0), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 1, 1, 8, 0), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 1, 1, MREMAP_FIXED, 20), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 1, 1, MREMAP_DONTUNMAP, 20), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 1, 2, DONTUNMAP, 20), (long)-EINVAL);
	/* The new place: unaligned, beyond the end, below the start, over the old. */
	EXPECT_EQ(do_mremap(mm, AT(0), LEN(1), LEN(1), FIXED, AT(20) + 1),
		  (long)-EINVAL);
	EXPECT_EQ(do_mremap(mm, AT(0), LEN(1), LEN(2), FIXED,
			    USER_END - PAGE_SIZE),
		  (long)-EINVAL);
	EXPECT_EQ(do_mremap(mm, AT(0), LEN(1), LEN(1), FIXED, 0), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 0, 2, 2, FIXED, 1), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 2, 2, 2, FIXED, 1), (long)-EINVAL);
	EXPECT_EQ(remap(&box, 2, 1, 1, FIXED, 2), (long)-EINVAL);
	/* Not one region: a hole, the end of one, two of them. */
	EXPECT_EQ(remap(&box, 4, 1, 1, 0, 0), (long)-EFAULT);
	EXPECT_EQ(remap(&box, 3, 2, 2, MAYMOVE, 0), (long)-EFAULT);
	EXPECT_EQ(remap(&box, 0, 6, 1, 0, 0), (long)-EFAULT);
	EXPECT_EQ(do_mremap(mm, AT(0), ~0UL, LEN(1), 0, 0), (long)-EFAULT);
	EXPECT_EQ(do_mremap(mm, USER_END, LEN(1), LEN(1), 0, 0), (long)-EFAULT);
	EXPECT_EQ(do_mremap(mm, AT(0), LEN(1), ~0UL, MAYMOVE, 0), (long)-ENOMEM);
	EXPECT_EQ(mm->map_count, 2U);
	EXPECT_EQ(mm->total_vm, 6UL);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5
 *	before	[A B ]  [C ]
 *	after	[A B     C ]
 */
KTEST(mremap, a_region_grows_where_it_is_and_joins_one_that_is_alike)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(4), 2);
	sandbox_fill(&box, 0, 2, 1);
	EXPECT_EQ(user_poke(AT(4), 9), 0);
	sandbox_forget(&box);
	EXPECT_EQ(remap(&box, 0, 2, 3, 0, 0), (long)AT(0));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "3 rw 1 - 2 rw");
	EXPECT_EQ(remap(&box, 1, 2, 3, MAYMOVE, 0), (long)AT(1));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "6 rw");
	EXPECT_EQ(box.nr, 0U);
	sandbox_expect_filled(&box, 0, 2, 1);
	EXPECT_EQ(sandbox_read(&box, AT(4)), 9UL);
	/* The middle of a region cannot, and neither can one with no room. */
	EXPECT_EQ(remap(&box, 0, 1, 2, 0, 0), (long)-ENOMEM);
	EXPECT_EQ(do_mmap(box.mm, AT(6), LEN(1), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(6));
	EXPECT_EQ(remap(&box, 0, 6, 7, 0, 0), (long)-ENOMEM);
	EXPECT_EQ(do_mremap(box.mm, AT(6), LEN(1), USER_END - AT(5), 0, 0),
		  (long)-ENOMEM);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "6 rw 1 r");
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3
 *	before	[A B C D]
 *	after	[A B]
 */
KTEST(mremap, a_region_that_shrinks_loses_its_end, KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;
	unsigned long free;

	REQUIRE(sandbox_open_filled(&box, test, 4));
	sandbox_forget(&box);
	free = nr_free_pages();
	EXPECT_EQ(remap(&box, 0, 4, 4, 0, 0), (long)AT(0));
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(remap(&box, 0, 4, 2, MAYMOVE, 0), (long)AT(0));
	EXPECT_EQ(nr_free_pages(), free + 2);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(2), AT(4));
	sandbox_expect_filled(&box, 0, 2, 1);
	EXPECT_EQ(user_poke(AT(2), 1), -EFAULT);
	EXPECT_EQ(box.mm->total_vm, 2UL);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3		lowest hole
 *	before	[A B][r]
 *	after	    [r]		[A B  ]
 */
KTEST(mremap, a_region_without_room_moves_and_keeps_its_frames,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.14"))
{
	struct page *page[2];
	struct sandbox box;
	vaddr_t new;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(do_mmap(box.mm, AT(2), LEN(1), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(2));
	sandbox_fill(&box, 0, 2, 1);
	page[0] = page_in(box.mm, AT(0));
	page[1] = page_in(box.mm, AT(1));
	sandbox_forget(&box);
	new = remap(&box, 0, 2, 3, MAYMOVE, 0);
	EXPECT_EQ(new, USER_START);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(2));
	EXPECT(pte_present(box.seen[0].first));
	EXPECT_EQ(page_in(box.mm, new), page[0]);
	EXPECT_EQ(page_in(box.mm, new + PAGE_SIZE), page[1]);
	EXPECT_EQ(sandbox_read(&box, new), 1UL);
	EXPECT_EQ(sandbox_read(&box, new + PAGE_SIZE), 2UL);
	EXPECT_EQ(user_poke(new + LEN(2), 3), 0);
	EXPECT_EQ(user_poke(AT(0), 1), -EFAULT);
	EXPECT_EQ(box.mm->map_count, 2U);
	EXPECT_EQ(box.mm->total_vm, 4UL);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8 9
 *	before	[A B C D]   [ r    ]
 *	move	  [B C]		to 7
 *	after	[A]   [D]   [r][B C][r]
 */
KTEST(mremap, a_fixed_place_is_unmapped_first_and_the_middle_moves,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.14 R1.17"))
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(do_mmap(box.mm, AT(6), LEN(4), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(6));
	sandbox_fill(&box, 0, 4, 1);
	EXPECT_EQ(sandbox_read(&box, AT(7)), 0UL);
	sandbox_forget(&box);
	EXPECT_EQ(remap(&box, 1, 2, 2, FIXED, 7), (long)AT(7));
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(7), AT(9));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_UNMAP, AT(1), AT(3));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)),
		     "1 rw 2 - 1 rw 2 - 1 r 2 rw 1 r");
	sandbox_expect_filled(&box, 7, 2, 2);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 4UL);
	EXPECT_EQ(user_poke(AT(1), 1), -EFAULT);
	sandbox_close(&box);
}

/* One UNMAP is for what moves and for what goes: C and D are freed. */
KTEST(mremap, a_move_that_shrinks_has_one_event_over_all_of_the_old_range,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.14"))
{
	struct sandbox box;
	unsigned long free;

	REQUIRE(sandbox_open_filled(&box, test, 4));
	sandbox_forget(&box);
	free = nr_free_pages();
	EXPECT_EQ(remap(&box, 0, 4, 2, FIXED, 8), (long)AT(8));
	EXPECT_EQ(nr_free_pages(), free + 2);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(4));
	sandbox_expect_filled(&box, 8, 2, 1);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(box.mm->total_vm, 2UL);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 2L);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8 9	all in one region
 *	move	        [4 5]		to 6, and then 0 1 to 4
 *	after	    [2 3][0 1][4 5][8 9]
 */
KTEST(mremap, a_move_within_a_region_cuts_it_on_both_sides)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 10);
	sandbox_fill(&box, 0, 10, 100);
	/* The exact number: what is left of the region counts twice, the new once. */
	box.mm->map_limit = 3;
	EXPECT_EQ(remap(&box, 4, 2, 2, FIXED, 6), (long)AT(6));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "4 rw 2 - 2 rw 2 rw");
	box.mm->map_limit = DEFAULT_MAX_MAP_COUNT;
	EXPECT_EQ(remap(&box, 0, 2, 2, FIXED, 4), (long)AT(4));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)),
		     "2 - 2 rw 2 rw 2 rw 2 rw");
	sandbox_expect_filled(&box, 2, 2, 102);
	sandbox_expect_filled(&box, 4, 2, 100);
	sandbox_expect_filled(&box, 6, 2, 104);
	sandbox_expect_filled(&box, 8, 2, 108);
	/* Home again, it is one with its old neighbour. */
	EXPECT_EQ(remap(&box, 4, 2, 2, FIXED, 0), (long)AT(0));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "4 rw 2 - 2 rw 2 rw");
	sandbox_close(&box);
}

KTEST(mremap, the_old_region_may_stay_and_is_empty_then,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.14"))
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open_filled(&box, test, 4));
	sandbox_forget(&box);
	EXPECT_EQ(remap(&box, 1, 2, 2, DONTUNMAP, 8), (long)AT(8));
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(1), AT(3));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "4 rw 4 - 2 rw");
	sandbox_expect_filled(&box, 8, 2, 2);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(user_poke(AT(2), 7), 0);
	EXPECT_EQ(sandbox_read(&box, AT(9)), 3UL);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 4UL);
	EXPECT_EQ(box.mm->total_vm, 6UL);
	/* A wish that is occupied is no error; a fixed place is unmapped. */
	EXPECT_EQ(remap(&box, 0, 1, 1, DONTUNMAP, 8), (long)USER_START);
	EXPECT_EQ(sandbox_read(&box, USER_START), 1UL);
	EXPECT_EQ(remap(&box, 3, 1, 1, DONTUNMAP | MREMAP_FIXED, 8), (long)AT(8));
	EXPECT_EQ(sandbox_read(&box, AT(8)), 4UL);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	sandbox_close(&box);
}

/*
 * Nothing depends on the offsets of memory that was never touched, so the region takes those
 * of its new place and joins its neighbours. Touched memory keeps its own.
 */
KTEST(mremap, untouched_memory_joins_what_is_alike_at_its_new_place)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	sandbox_map(&box, AT(2), 1);
	sandbox_map(&box, AT(8), 1);
	EXPECT_EQ(remap(&box, 8, 1, 1, FIXED, 1), (long)AT(1));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "3 rw");
	sandbox_map(&box, AT(8), 1);
	EXPECT_EQ(user_poke(AT(8), 1), 0);
	EXPECT_EQ(remap(&box, 8, 1, 1, FIXED, 3), (long)AT(3));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "3 rw 1 rw");
	sandbox_close(&box);
}

/* Rights and marks go with the entry. */
KTEST(mremap, an_entry_keeps_its_rights_and_its_marks)
{
	struct sandbox box;
	pte_t before[3];
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	sandbox_set_pte(&box, AT(1),
			pte_mkold(pte_clear_soft_dirty(
				pte_wrprotect(sandbox_pte(&box, AT(1))))));
	for (i = 0; i < 3; i++)
		before[i] = sandbox_pte(&box, AT(i));
	EXPECT_EQ(remap(&box, 0, 3, 3, FIXED, 600), (long)AT(600));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(pte_val(sandbox_pte(&box, AT(600 + i))),
			  pte_val(before[i]));
	mmap_read_lock(box.mm);
	EXPECT_EQ(pgtable_next_used(box.mm, AT(0), AT(3)), AT(3));
	mmap_read_unlock(box.mm);
	sandbox_close(&box);
}

/*
 * Old and new place differ by a number of pages that is no multiple of a table's, so each
 * table of the one meets two of the other.
 */
KTEST(mremap, a_move_over_many_tables_takes_every_page)
{
	unsigned long free = nr_free_pages();
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(100), 1200);
	sandbox_fill(&box, 100, 1200, 1);
	EXPECT_EQ(remap(&box, 100, 1200, 1300, FIXED, 5007), (long)AT(5007));
	sandbox_expect_filled(&box, 5007, 1200, 1);
	EXPECT_EQ(sandbox_read(&box, AT(5007 + 1250)), 0UL);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 1200L);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(do_munmap(box.mm, AT(5007), LEN(1300)), 0);
	/* The tables of the old place went with the move. */
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), 0L);
	sandbox_close(&box);
	EXPECT_LE(nr_free_pages(), free);
}

/* The upper entry of a page's table. */
static unsigned long upper_entry(struct sandbox *box, unsigned long page)
{
	const pmd_t *pmdp;
	unsigned long value = 0;

	mmap_read_lock(box->mm);
	pmdp = pgtable_walk_pmd(box->mm, AT(page));
	if (pmdp)
		value = pmd_val(pmdp_get(pmdp));
	mmap_read_unlock(box->mm);
	return value;
}

/*
 *	tables	[ 0 .. 511 ][ 512 .. 1023 ][ 1024 .. 1535 ]
 *	moved	      [ 300 ............... 1100 ]	by 4096 pages
 *
 * Only the one in the middle moves as a whole; that its first pages are untouched is no matter.
 * The table at 4608 is new, those of the ends were made by neighbours.
 */
KTEST(mremap, a_move_by_whole_tables_takes_each_whole_table_as_it_is)
{
	struct sandbox box;
	unsigned long table;
	long tables;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(300), 801);
	sandbox_map(&box, AT(4096 + 10), 1);
	sandbox_map(&box, AT(4096 + 1200), 1);
	sandbox_fill(&box, 310, 1, 5);
	sandbox_fill(&box, 700, 3, 7);
	sandbox_fill(&box, 1100, 1, 9);
	sandbox_fill(&box, 4096 + 10, 1, 1);
	sandbox_fill(&box, 4096 + 1200, 1, 2);
	table = upper_entry(&box, 700);
	tables = atomic64_read(&box.mm->nr_ptes);
	EXPECT_EQ(remap(&box, 300, 801, 801, FIXED, 4096 + 300),
		  (long)AT(4096 + 300));
	EXPECT_EQ(upper_entry(&box, 4096 + 700), table);
	EXPECT_EQ(upper_entry(&box, 700), 0UL);
	/* Those of the two ends of the old place are gone. */
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), tables - 2);
	sandbox_expect_filled(&box, 4096 + 310, 1, 5);
	sandbox_expect_filled(&box, 4096 + 700, 3, 7);
	sandbox_expect_filled(&box, 4096 + 1100, 1, 9);
	EXPECT_EQ(sandbox_read(&box, AT(4096 + 800)), 0UL);
	EXPECT_EQ(user_poke(AT(700), 1), -EFAULT);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* Nothing else of the move is flushed: the neighbour keeps the tables above. */
KTEST(mremap, no_cpu_reaches_a_moved_table_by_its_old_addresses)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	sandbox_map(&box, AT(512), 512);
	sandbox_fill(&box, 0, 1, 1);
	sandbox_fill(&box, 512, 512, 1);
	EXPECT_EQ(remap(&box, 512, 512, 512, FIXED, 1024), (long)AT(1024));
	EXPECT_EQ(user_poke(AT(1000), 7), -EFAULT);
	sandbox_expect_filled(&box, 1024, 512, 1);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* --- exclusive entries ------------------------------------------------------ */

KTEST(mremap,
      an_exclusive_page_stays_exclusive_and_is_restored_at_its_new_address,
      KT_FLAGS(KT_NEEDS_NOTIFIER | KT_NEEDS_DEVICE_PRIVATE), KT_RULES("S8.5"))
{
	struct page *slot[1] = {NULL};
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open_filled(&box, test, 2));
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(1), 1, slot, &box), 1);
	/* The driver still holds the page's lock: a move does not wait for it. */
	sandbox_forget(&box);
	EXPECT_EQ(remap(&box, 0, 2, 2, FIXED, 8), (long)AT(8));
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(2));
	pte = sandbox_pte(&box, AT(9));
	EXPECT(is_swap_pte(pte) &&
	       is_writable_device_exclusive_entry(pte_to_swp_entry(pte)));
	EXPECT(pte_none(sandbox_pte(&box, AT(1))));
	release_exclusive(slot, 1);
	EXPECT_EQ(sandbox_read(&box, AT(9)), 2UL);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_CLEAR, AT(9), AT(10));
	sandbox_close(&box);
}

/* --- beside other threads --------------------------------------------------- */

struct toucher {
	struct sandbox_thread thread;
	struct atomic go;
	int err;
};

static void touch_old(struct sandbox_thread *self)
{
	struct toucher *toucher = self->arg;
	struct ktest *test = self->box->test;

	KTEST_WAIT_FOR(test, atomic_read(&toucher->go));
	toucher->err = user_poke(AT(0), 7);
}

/* In the start of the UNMAP: the other thread waits for mmap_lock. */
static void let_other_fault(struct sandbox *box, const struct seen_event *event)
{
	struct toucher *toucher = box->hook_arg;
	struct ktest *test = box->test;

	if (event->event != MMU_NOTIFY_UNMAP)
		return;
	atomic_set(&toucher->go, 1);
	KTEST_WAIT_FOR(test, rwsem_is_contended(&box->mm->mmap_lock));
}

/*
 *	mover				a thread
 *	mmap_lock; start
 *					touches the old address, never touched
 *					before: waits for mmap_lock
 *	moves, end
 *					no region: the touch fails
 */
KTEST(mremap, a_fault_that_waits_for_a_move_finds_no_region,
      KT_FLAGS(KT_NEEDS_SMP | KT_NEEDS_NOTIFIER))
{
	struct toucher toucher = {.err = 0};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	sandbox_thread_start(&toucher.thread, &box, another_cpu(), touch_old,
			     &toucher);
	box.hook = let_other_fault;
	box.hook_arg = &toucher;
	EXPECT_EQ(remap(&box, 0, 2, 2, FIXED, 8), (long)AT(8));
	sandbox_thread_join(&toucher.thread);
	box.hook = NULL;
	EXPECT_EQ(toucher.err, -EFAULT);
	EXPECT_EQ(sandbox_read(&box, AT(8)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(9)), 1UL);
	sandbox_close(&box);
}

/* --- everything at once ----------------------------------------------------- */

#define PAGES 48UL

/* What each page shall hold; 0 is a hole. */
static void move_model(u64 *model, unsigned long old, unsigned long pages,
		       unsigned long new)
{
	u64 moved[PAGES];
	unsigned long i;

	for (i = 0; i < pages; i++) {
		moved[i] = model[old + i];
		model[old + i] = 0;
	}
	for (i = 0; i < pages; i++)
		model[new + i] = moved[i];
}

static bool all_mapped(const u64 *model, unsigned long first, unsigned long pages)
{
	unsigned long i;

	for (i = first; i < first + pages; i++) {
		if (!model[i])
			return false;
	}
	return true;
}

/* Moves of one page on, of a few, into holes and over others; each word is known. */
KTEST(mremap, random_moves_agree_with_a_model)
{
	struct rng *rng = ktest_rng(test);
	u64 model[PAGES];
	struct sandbox box;
	unsigned int round, moves = 0;
	unsigned long i;

	REQUIRE(sandbox_open_filled(&box, test, PAGES));
	for (i = 0; i < PAGES; i++)
		model[i] = i + 1;
	for (round = 0; round < 600 && !ktest_failed(test); round++) {
		unsigned long pages = 1 + rng_below(rng, 3);
		unsigned long old = rng_below(rng, PAGES - pages + 1);
		unsigned long new = rng_below(rng, PAGES - pages + 1);
		bool apart = old + pages <= new || new + pages <= old;
		long result = remap(&box, old, pages, pages, FIXED, new);

		if (result > 0) {
			EXPECT(apart && all_mapped(model, old, pages));
			move_model(model, old, pages, new);
			moves++;
		} else {
			/* Pages of two regions are -EFAULT, as a hole is. */
			EXPECT_EQ(result, apart ? (long)-EFAULT : (long)-EINVAL);
		}
		i = rng_below(rng, PAGES);
		if (!model[i]) {
			EXPECT_EQ(user_poke(AT(i), 1), -EFAULT);
			sandbox_map(&box, AT(i), 1);
			model[i] = round + 1000;
			EXPECT_EQ(user_poke(AT(i), model[i]), 0);
		}
		EXPECT_EQ(sandbox_read(&box, AT(i)), model[i]);
		sandbox_verify(&box);
	}
	EXPECT_GT(moves, 100U);
	for (i = 0; i < PAGES; i++) {
		if (model[i])
			EXPECT_EQ(sandbox_read(&box, AT(i)), model[i]);
	}
	sandbox_close(&box);
}
