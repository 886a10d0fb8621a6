// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mmap_test.c - mapping and unmapping, with what is mapped
 *
 * Pictures show pages from BASE up; capital letters are pages that have been
 * written.
 */
#include <arch/tlb.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include "tests/mm/lib/sandbox.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

KTEST(mmap, arguments_that_make_no_sense_are_refused_and_change_nothing)
{
	struct sandbox box;
	struct mm_struct *mm;

	REQUIRE(sandbox_open(&box, test));
	mm = box.mm;
	EXPECT_EQ(do_mmap(mm, 0, 0, RW, ANON), (long)-EINVAL);
	EXPECT_EQ(do_mmap(mm, 0, LEN(1), 8, ANON), (long)-EINVAL);
	EXPECT_EQ(do_mmap(mm, 0, LEN(1), RW, MAP_ANONYMOUS), (long)-EINVAL);
	EXPECT_EQ(do_mmap(mm, 0, LEN(1), RW, MAP_PRIVATE), (long)-EINVAL);
	EXPECT_EQ(do_mmap(mm, 0, LEN(1), RW, ANON | 0x1000000), (long)-EINVAL);
	EXPECT_EQ(do_mmap(mm, BASE + 1, LEN(1), RW, ANON | MAP_FIXED),
		  (long)-EINVAL);
	EXPECT_EQ(do_mmap(mm, 0, ~0UL, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(do_mmap(mm, 0, USER_END, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(do_mmap(mm, 0, LEN(1), RW, ANON | MAP_FIXED), (long)-ENOMEM);
	EXPECT_EQ(do_mmap(mm, USER_END, LEN(1), RW, ANON | MAP_FIXED),
		  (long)-ENOMEM);
	EXPECT_EQ(do_mmap(mm, USER_END - PAGE_SIZE, LEN(2), RW, ANON | MAP_FIXED),
		  (long)-ENOMEM);
	EXPECT_EQ(do_munmap(mm, BASE + 1, LEN(1)), -EINVAL);
	EXPECT_EQ(do_munmap(mm, BASE, 0), -EINVAL);
	EXPECT_EQ(do_munmap(mm, BASE, ~0UL), -EINVAL);
	EXPECT_EQ(do_munmap(mm, USER_END, LEN(1)), -EINVAL);
	EXPECT_EQ(do_munmap(mm, ~0UL & PAGE_MASK, LEN(1)), -EINVAL);
	EXPECT_EQ(mm->map_count, 0U);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

KTEST(mmap, a_length_is_rounded_up_to_pages)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(0), 1, RW, ANON | MAP_FIXED), (long)AT(0));
	EXPECT_EQ(box.mm->total_vm, 1UL);
	EXPECT_EQ(do_mmap(box.mm, AT(4), PAGE_SIZE + 1, RW, ANON | MAP_FIXED),
		  (long)AT(4));
	EXPECT_EQ(box.mm->total_vm, 3UL);
	EXPECT_EQ(do_munmap(box.mm, AT(4), PAGE_SIZE + 1), 0);
	EXPECT_EQ(box.mm->total_vm, 1UL);
	sandbox_close(&box);
}

KTEST(mmap, a_wish_is_kept_when_free_and_replaced_when_not)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(3) + 5, LEN(2), RW, ANON), (long)AT(3));
	EXPECT_EQ(do_mmap(box.mm, AT(4), LEN(2), PROT_READ, ANON),
		  (long)USER_START);
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(1), RW, ANON),
		  (long)(USER_START + LEN(2)));
	EXPECT_EQ(do_mmap(box.mm, AT(4), LEN(1), RW, ANON | MAP_FIXED_NOREPLACE),
		  (long)-EEXIST);
	EXPECT_EQ(do_mmap(box.mm, AT(5), LEN(1), RW, ANON | MAP_FIXED_NOREPLACE),
		  (long)AT(5));
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7
 *	before	[     W W      ]
 *	unmap	      ---
 *	after	[    ]    [    ]
 */
KTEST(mmap, a_hole_in_the_middle_leaves_two_regions_and_frees_the_pages)
{
	struct sandbox box;
	unsigned long free;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(7), 7), 0);
	free = nr_free_pages();
	EXPECT_EQ(user_poke(AT(3), 3), 0);
	EXPECT_EQ(user_poke(AT(4), 4), 0);
	EXPECT_EQ(nr_free_pages(), free - 2);
	EXPECT_EQ(do_munmap(box.mm, AT(3), LEN(2)), 0);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "3 rw 2 - 3 rw");
	EXPECT_EQ(user_poke(AT(3), 1), -EFAULT);
	EXPECT_EQ(user_poke(AT(4), 1), -EFAULT);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(7)), 7UL);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 2L);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8
 *	before	[r ]  [ rw]  [r  ]
 *	unmap	  -------------
 *	after	[r]            [r]
 */
KTEST(mmap, one_unmap_event_covers_all_regions_of_the_range,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(0), LEN(2), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(0));
	sandbox_map(&box, AT(3), 2);
	EXPECT_EQ(do_mmap(box.mm, AT(6), LEN(3), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(6));
	EXPECT_EQ(user_poke(AT(3), 3), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_munmap(box.mm, AT(1), LEN(7)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(1), AT(8));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "1 r 7 - 1 r");
	sandbox_close(&box);
}

KTEST(mmap, start_comes_while_the_entry_is_still_there,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.9 R1.10"))
{
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	pte = sandbox_pte(&box, AT(0));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EQ(pte_val(box.seen[0].first), pte_val(pte));
	sandbox_close(&box);
}

KTEST(mmap, unmapping_a_hole_raises_nothing, KT_RULES("R1.13"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(do_munmap(box.mm, AT(1), LEN(100)), 0);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(box.mm->map_count, 1U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5
 *	before	[ A B C D  ]
 *	map	    [r ]
 *	after	[ A]    [D ]	B and C are gone, the new region reads zero
 */
KTEST(mmap, a_fixed_mapping_replaces_what_was_there_under_one_unmap,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;
	unsigned long i;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	for (i = 1; i <= 4; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_mmap(box.mm, AT(2), LEN(2), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(2));
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(2), AT(4));
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "2 rw 2 r 2 rw");
	EXPECT_EQ(sandbox_read(&box, AT(1)), 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(4)), 4UL);
	EXPECT_EQ(user_poke(AT(2), 1), -EFAULT);
	sandbox_close(&box);
}

KTEST(mmap, a_page_mapped_again_is_zero_and_not_the_old_one)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 0x1234), 0);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_close(&box);
}

KTEST(mmap, limits_on_regions_and_pages_are_kept_exactly)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	box.mm->map_limit = 3;
	sandbox_map(&box, AT(0), 3);
	sandbox_map(&box, AT(4), 3);
	/* Two regions: a hole in the middle makes three, and no more. */
	EXPECT_EQ(do_munmap(box.mm, AT(1), LEN(1)), 0);
	EXPECT_EQ(box.mm->map_count, 3U);
	EXPECT_EQ(do_munmap(box.mm, AT(5), LEN(1)), -ENOMEM);
	EXPECT_EQ(do_mmap(box.mm, AT(9), LEN(1), RW, ANON | MAP_FIXED),
		  (long)-ENOMEM);
	EXPECT_EQ(do_mprotect(box.mm, AT(5), LEN(1), PROT_READ), -ENOMEM);
	EXPECT_EQ(box.mm->map_count, 3U);
	/* Growing a neighbour takes no region. */
	EXPECT_EQ(do_mmap(box.mm, AT(7), LEN(1), RW, ANON | MAP_FIXED),
		  (long)AT(7));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	box.mm->map_limit = DEFAULT_MAX_MAP_COUNT;
	box.mm->as_limit = box.mm->total_vm + 1;
	EXPECT_EQ(do_mmap(box.mm, AT(20), LEN(2), RW, ANON | MAP_FIXED),
		  (long)-ENOMEM);
	/* Pages that a fixed mapping replaces do not count twice. */
	EXPECT_EQ(do_mmap(box.mm, AT(4), LEN(4), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(4));
	EXPECT_EQ(do_mmap(box.mm, AT(20), LEN(1), RW, ANON | MAP_FIXED),
		  (long)AT(20));
	sandbox_close(&box);
}

KTEST(mmap, a_call_that_finds_no_memory_changes_nothing, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;
	unsigned long nth;
	char before[64];
	char after[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(3), 3), 0);
	sandbox_draw(&box, before, sizeof(before));
	for (nth = 1; nth <= 2; nth++) {
		sandbox_forget(&box);
		alloc_fail_nth(nth);
		EXPECT_EQ(do_mmap(box.mm, AT(3), LEN(2), PROT_READ,
				  ANON | MAP_FIXED),
			  (long)-ENOMEM);
		EXPECT(alloc_fail_hit());
		alloc_fail_nth(nth);
		EXPECT_EQ(do_mprotect(box.mm, AT(3), LEN(2), PROT_READ), -ENOMEM);
		EXPECT(alloc_fail_hit());
		alloc_fail_end();
		EXPECT_EQ(box.nr, 0U);
		EXPECT_STREQ(sandbox_draw(&box, after, sizeof(after)), before);
	}
	alloc_fail_nth(1);
	EXPECT_EQ(do_munmap(box.mm, AT(3), LEN(1)), -ENOMEM);
	alloc_fail_end();
	EXPECT_STREQ(sandbox_draw(&box, after, sizeof(after)), before);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 3UL);
	sandbox_close(&box);
}

KTEST(mmap, more_pages_than_a_gather_holds_are_all_freed,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	unsigned long free = nr_free_pages();
	struct sandbox box;
	unsigned long i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 600);
	for (i = 0; i < 600; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 600L);
	EXPECT_LE(nr_free_pages(), free - 600);
	sandbox_forget(&box);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(600)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	/* The tables of the range went too; nothing else lives there. */
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), 0L);
	sandbox_close(&box);
}

KTEST(mmap, dontneed_empties_pages_keeps_the_region_and_raises_clear,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(user_poke(AT(5), 5), 0);
	EXPECT_EQ(sandbox_read(&box, AT(6)), 0UL);
	sandbox_forget(&box);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(2), AT(4));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 1L);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 5UL);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(5), LEN(2)), 0);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 0UL);
	sandbox_forget(&box);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(7), LEN(1)), 0);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(7), LEN(2)), -ENOMEM);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0) + 1, LEN(2)), -EINVAL);
	EXPECT_EQ(madvise_dontneed(box.mm, USER_END, LEN(2)), -EINVAL);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), 0), 0);
	sandbox_close(&box);
}

/* --- everything at once -------------------------------------------------- */

#define RANDOM_PAGES 48

struct page_model {
	bool mapped;
	int prot;
	u64 value;
};

static void random_check(struct sandbox *box, const struct page_model *model,
			 unsigned long page)
{
	struct ktest *test = box->test;
	const struct page_model *m = &model[page];
	bool readable = m->mapped && m->prot != PROT_NONE;
	u64 value = 0;
	int err = user_peek(AT(page), &value);

	if (err != (readable ? 0 : -EFAULT) || (!err && value != m->value))
		ktest_fail(test, "page %lu: %d, %#lx; model %s prot %d %#lx",
			   page, err, (unsigned long)value,
			   m->mapped ? "mapped" : "hole", m->prot,
			   (unsigned long)m->value);
}

static void random_step(struct sandbox *box, struct page_model *model,
			unsigned long owner)
{
	static const int prots[] = {PROT_NONE, PROT_READ, RW, RW};
	struct ktest *test = box->test;
	struct rng *rng = ktest_rng(test);
	unsigned long first = rng_below(rng, RANDOM_PAGES);
	unsigned long pages = 1 + rng_below(rng, min(12UL, RANDOM_PAGES - first));
	unsigned long holes = 0;
	unsigned long i;
	struct page *slots[12];
	int prot = prots[rng_below(rng, ARRAY_SIZE(prots))];
	u64 value = rng_next(rng);
	bool writable;

	for (i = first; i < first + pages; i++)
		holes += !model[i].mapped;
	switch (rng_below(rng, 8)) {
	case 0:
		EXPECT_EQ(do_munmap(box->mm, AT(first), LEN(pages)), 0);
		for (i = first; i < first + pages; i++)
			model[i] = (struct page_model){0};
		break;
	case 1:
		EXPECT_EQ(do_mmap(box->mm, AT(first), LEN(pages), prot,
				  ANON | MAP_FIXED),
			  (long)AT(first));
		for (i = first; i < first + pages; i++)
			model[i] = (struct page_model){true, prot, 0};
		break;
	case 2:
		EXPECT_EQ(do_mprotect(box->mm, AT(first), LEN(pages), prot),
			  holes ? -ENOMEM : 0);
		for (i = first; !holes && i < first + pages; i++)
			model[i].prot = prot;
		break;
	case 3:
		EXPECT_EQ(madvise_dontneed(box->mm, AT(first), LEN(pages)),
			  holes ? -ENOMEM : 0);
		for (i = first; i < first + pages; i++)
			model[i].value = 0;
		break;
	case 4:
		sandbox_make_exclusive(box, AT(first), pages, slots,
				       (void *)owner);
		release_exclusive(slots, pages);
		break;
	default:
		writable = model[first].mapped && model[first].prot == RW;
		EXPECT_EQ(user_poke(AT(first), value), writable ? 0 : -EFAULT);
		if (writable)
			model[first].value = value;
		break;
	}
}

KTEST(mmap, random_calls_and_touches_agree_with_a_model)
{
	struct page_model model[RANDOM_PAGES] = {{0}};
	struct sandbox box;
	unsigned int round;

	REQUIRE(sandbox_open(&box, test));
	for (round = 0; round < 2000 && !ktest_failed(test); round++) {
		random_step(&box, model, round + 1);
		random_check(&box, model,
			     rng_below(ktest_rng(test), RANDOM_PAGES));
		sandbox_verify(&box);
	}
	for (round = 0; round < RANDOM_PAGES; round++)
		random_check(&box, model, round);
	sandbox_close(&box);
}
