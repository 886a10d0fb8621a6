// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/madvise_test.c - which advice is taken, and what becomes of the regions
 *
 * Ranges are drawn as "2 rw 1 - 3 r": pages and rights from BASE up. What FREE does to
 * pages is in lazyfree_test.c, what POPULATE does in populate_test.c.
 */
#include <mm/alloc/fail.h>
#include <mm/space/counters.h>
#include <mm/space/mlock.h>
#include "tests/mm/lib/relatives.h"

static const int advices[] = {
	MADV_DONTNEED,      MADV_FREE,           MADV_DONTFORK,
	MADV_DOFORK,        MADV_WIPEONFORK,     MADV_KEEPONFORK,
	MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED,
};

/* The flags among @mask of the region at a page; -1: there is none. */
static long flags_at(struct sandbox *box, unsigned int page, unsigned long mask)
{
	struct vm_area_struct *vma;
	long flags = -1;

	mmap_read_lock(box->mm);
	vma = vma_lookup(box->mm, AT(page));
	if (vma)
		flags = vma->vm_flags & mask;
	mmap_read_unlock(box->mm);
	return flags;
}

KTEST(madvise, arguments_that_mean_nothing_are_refused_for_each_advice)
{
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	sandbox_forget(&box);
	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		int advice = advices[i];

		EXPECT_EQ(do_madvise(box.mm, AT(0) + 1, LEN(1), advice), -EINVAL);
		EXPECT_EQ(do_madvise(box.mm, USER_END, LEN(1), advice), -EINVAL);
		EXPECT_EQ(do_madvise(box.mm, AT(0), ~0UL, advice), -EINVAL);
		EXPECT_EQ(do_madvise(box.mm, AT(0), ~0UL - AT(0) + 1, advice),
			  -EINVAL);
		EXPECT_EQ(do_madvise(box.mm, AT(0), 0, advice), 0);
		/* A part of a page is the page; behind the region is a hole. */
		EXPECT_EQ(do_madvise(box.mm, AT(3), LEN(1) + 1, advice), -ENOMEM);
		EXPECT_EQ(do_madvise(box.mm, AT(10), LEN(1), advice), -ENOMEM);
	}
	for (i = 0; i < 200; i++) {
		if (i == MADV_DONTNEED || i == MADV_DONTNEED_LOCKED ||
		    i == MADV_FREE || i == MADV_HUGEPAGE ||
		    i == MADV_NOHUGEPAGE || i == MADV_COLLAPSE ||
		    (i >= MADV_DONTFORK && i <= MADV_DOFORK) ||
		    (i >= MADV_WIPEONFORK && i <= MADV_POPULATE_WRITE))
			continue;
		EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), (int)i), -EINVAL);
	}
	EXPECT_EQ(do_madvise(box.mm, AT(0), 0, -1), -EINVAL);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(box.mm->map_count, 1U);
	sandbox_close(&box);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	regions   [---]   [-----]
 *	DONTNEED  [-----------]		0, 1, 4 and 5 go; there was a hole
 */
KTEST(madvise, a_hole_does_not_keep_the_rest_from_being_done,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(4), 3);
	for (i = 0; i < 7; i++) {
		if (i < 2 || i >= 4)
			EXPECT_EQ(user_poke(AT(i), i + 1), 0);
	}
	sandbox_forget(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(6), MADV_DONTNEED), -ENOMEM);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(2));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_CLEAR, AT(4), AT(6));
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(6)), 7UL);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(6), MADV_DONTFORK), -ENOMEM);
	EXPECT_EQ(flags_at(&box, 1, VM_DONTCOPY), (long)VM_DONTCOPY);
	EXPECT_EQ(flags_at(&box, 5, VM_DONTCOPY), (long)VM_DONTCOPY);
	EXPECT_EQ(flags_at(&box, 6, VM_DONTCOPY), 0L);
	sandbox_close(&box);
}

/* A refusal for the last region leaves the first as it was. */
KTEST(madvise, a_locked_region_keeps_its_contents_and_so_does_all_of_the_range)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(3), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(3), 4), 0);
	EXPECT_EQ(do_mlock(box.mm, AT(3), LEN(1)), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(4), MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(4), MADV_FREE), -EINVAL);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(4), MADV_DONTNEED_LOCKED),
		  -ENOMEM);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	sandbox_close(&box);
}

/*
 *	pages       0 1 2 3 4 5
 *	DONTFORK        [-]		three regions
 *	WIPEONFORK          [-]		four
 *	child       [---]   [0] [-]	page 4 is zeroes there
 *	undone      [---------]		one again
 */
KTEST(madvise, what_a_child_gets_is_said_for_any_pages_and_taken_back)
{
	struct mm_struct *child;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(2), LEN(2), MADV_DONTFORK), 0);
	EXPECT_EQ(box.mm->map_count, 3U);
	EXPECT_EQ(do_madvise(box.mm, AT(4), LEN(1), MADV_WIPEONFORK), 0);
	EXPECT_EQ(box.mm->map_count, 4U);
	/* Neither is a change of what is mapped. */
	EXPECT_EQ(box.nr, 0U);
	sandbox_verify(&box);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(child->total_vm, 4UL);
		EXPECT_EQ(read_in(&box, child, AT(1)), 2UL);
		EXPECT_EQ(poke_in(&box, child, AT(2), 9), -EFAULT);
		EXPECT_EQ(poke_in(&box, child, AT(3), 9), -EFAULT);
		EXPECT_EQ(read_in(&box, child, AT(4)), 0UL);
		EXPECT_EQ(read_in(&box, child, AT(5)), 6UL);
		mmput(child);
	}
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(6), MADV_DOFORK), 0);
	EXPECT_EQ(box.mm->map_count, 3U);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(6), MADV_KEEPONFORK), 0);
	EXPECT_EQ(box.mm->map_count, 1U);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(child->total_vm, 6UL);
		EXPECT_EQ(read_in(&box, child, AT(2)), 3UL);
		EXPECT_EQ(read_in(&box, child, AT(4)), 5UL);
		mmput(child);
	}
	sandbox_close(&box);
}

/* What a child gets of memory that both shall see is no question. */
KTEST(madvise, a_shared_region_is_neither_wiped_nor_freed_lazily)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	/* Off the reverse map, as a shared region is. */
	mmap_write_lock(box.mm);
	vma_lookup(box.mm, AT(0))->vm_flags |= VM_SHARED;
	mmap_write_unlock(box.mm);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_WIPEONFORK), -EINVAL);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), -EINVAL);
	mmap_write_lock(box.mm);
	vma_lookup(box.mm, AT(0))->vm_flags &= ~VM_SHARED;
	mmap_write_unlock(box.mm);
	EXPECT(!PageLazyfree(page_in(box.mm, AT(0))));
	sandbox_close(&box);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	regions   [-------------]	one of at most two
 *	DONTFORK      [-]		would be three
 *	DONTFORK  [---]			two
 */
KTEST(madvise, a_range_that_needs_a_region_too_many_changes_nothing)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	box.mm->map_limit = 2;
	EXPECT_EQ(do_madvise(box.mm, AT(2), LEN(2), MADV_DONTFORK), -EAGAIN);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(flags_at(&box, 2, VM_DONTCOPY), 0L);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(3), MADV_DONTFORK), 0);
	EXPECT_EQ(box.mm->map_count, 2U);
	/* Already so: nothing is cut. */
	EXPECT_EQ(do_madvise(box.mm, AT(1), LEN(1), MADV_DONTFORK), 0);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(8), MADV_DOFORK), 0);
	EXPECT_EQ(box.mm->map_count, 1U);
	sandbox_close(&box);
}

KTEST(madvise, no_memory_for_a_region_is_EAGAIN_and_changes_nothing,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;
	unsigned long nth;
	int err = -EAGAIN;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	for (nth = 1; err; nth++) {
		alloc_fail_nth(nth);
		err = do_madvise(box.mm, AT(2), LEN(2), MADV_WIPEONFORK);
		EXPECT_EQ(err, alloc_fail_hit() ? -EAGAIN : 0);
		alloc_fail_end();
		EXPECT_EQ(box.mm->map_count, err ? 1U : 3U);
		sandbox_verify(&box);
	}
	EXPECT_EQ(nth, 4UL);
	sandbox_close(&box);
}

KTEST(madvise, each_call_that_names_pages_is_counted)
{
	struct space_counters before, after;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	space_read_counters(&before);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_DONTFORK), 0);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(3), MADV_POPULATE_READ), 0);
	EXPECT_EQ(do_madvise(box.mm, AT(0), 0, MADV_DONTNEED), 0);
	space_read_counters(&after);
	/* Other tasks advise nothing while a test runs. */
	EXPECT_EQ(after.advices, before.advices + 2);
	EXPECT_EQ(after.populated, before.populated + 3);
	sandbox_close(&box);
}
