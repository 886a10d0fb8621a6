// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/lazyfree_test.c - contents that may go until they are written again
 */
#include <mm/alloc/page_alloc.h>
#include <mm/page/rmap.h>
#include <mm/space/counters.h>
#include <mm/table/tlb.h>
#include "tests/mm/lib/relatives.h"

/* As reclaim will decide it. */
static bool may_go(struct sandbox *box, vaddr_t addr)
{
	const struct page *page = page_in(box->mm, addr);

	return PageLazyfree(page) && !PageDirty(page) &&
	       !pte_dirty(sandbox_pte(box, addr));
}

/*
 *	pages     0 1 2 3 4 5
 *	filled      w w   w z		w: written, z: the zero page
 *	FREE      [---------]		CLEAR from the first filled on
 */
KTEST(lazyfree, pages_are_marked_clean_and_old_and_keep_their_contents,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13 R1.18"))
{
	struct space_counters before, after;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	EXPECT_EQ(user_poke(AT(2), 3), 0);
	EXPECT_EQ(user_poke(AT(4), 5), 0);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 0UL);
	sandbox_forget(&box);
	space_read_counters(&before);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(6), MADV_FREE), 0);
	space_read_counters(&after);
	EXPECT_EQ(after.lazyfreed, before.lazyfreed + 3);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(1), AT(6));
	EXPECT(pte_dirty(box.seen[0].first));
	EXPECT(may_go(&box, AT(1)) && may_go(&box, AT(2)) && may_go(&box, AT(4)));
	EXPECT(!pte_young(sandbox_pte(&box, AT(1))));
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	/* A write was a write: R1.21 has other readers. */
	EXPECT(pte_soft_dirty(sandbox_pte(&box, AT(1))));
	EXPECT(!PageLazyfree(empty_zero_page));
	EXPECT_EQ(sandbox_read(&box, AT(1)), 2UL);
	EXPECT(may_go(&box, AT(1)));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 3L);
	/* Nothing is there: no event. */
	sandbox_forget(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/* The writer's CPU remembers the page as dirty: only the flush lets it say so anew. */
KTEST(lazyfree, the_next_write_of_a_cpu_makes_the_contents_needed)
{
	struct sandbox box;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT(may_go(&box, AT(0)));
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT(!may_go(&box, AT(0)));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT(may_go(&box, AT(0)));
	sandbox_close(&box);
}

/* As a driver does when the translation of a page that its device wrote to goes. */
static void device_drops(struct sandbox *box, const struct seen_event *event)
{
	if (event->event == MMU_NOTIFY_CLEAR)
		SetPageDirty((struct page *)box->hook_arg);
}

/*
 *	device, driver			MADV_FREE
 *	writes
 *					start(CLEAR)
 *	translation dropped: PG_dirty
 *					PG_dirty cleared, page marked
 *					end
 *	writes by a new translation
 *	dropped later: PG_dirty		(the contents are needed)
 */
KTEST(lazyfree, what_a_device_wrote_before_is_forgotten_and_after_is_not,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.18"))
{
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	page = page_in(box.mm, AT(0));
	box.hook = device_drops;
	box.hook_arg = page;
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT(may_go(&box, AT(0)));
	SetPageDirty(page);
	EXPECT(!may_go(&box, AT(0)));
	box.hook = NULL;
	sandbox_close(&box);
}

KTEST(lazyfree, a_page_that_another_process_has_too_is_left_alone)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	child = sandbox_fork(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT(!PageLazyfree(page_in(box.mm, AT(0))));
	EXPECT(pte_dirty(sandbox_pte(&box, AT(0))));
	if (child)
		mmput(child);
	/* The other has left. */
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT(may_go(&box, AT(0)));
	sandbox_close(&box);
}

/* Its copy is another page: what was written there is needed. */
KTEST(lazyfree, a_copy_is_not_marked)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(poke_in(&box, child, AT(0), 2), 0);
		EXPECT(!PageLazyfree(page_in(child, AT(0))));
		EXPECT(may_go(&box, AT(0)));
		mmput(child);
	}
	sandbox_close(&box);
}

/* A device works on it: the entry stays, and the page is needed. */
KTEST(lazyfree, an_exclusive_page_is_left_to_its_device,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE | KT_NEEDS_NOTIFIER), KT_RULES("S8.5"))
{
	struct page *slot;
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
	release_exclusive(&slot, 1);
	pte = sandbox_pte(&box, AT(0));
	sandbox_forget(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_FREE), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(1));
	EXPECT(pte_same(sandbox_pte(&box, AT(0)), pte));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT(!PageLazyfree(page_in(box.mm, AT(0))));
	sandbox_close(&box);
}
