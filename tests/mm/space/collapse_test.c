// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/collapse_test.c - MADV_COLLAPSE: small pages become a huge one
 *
 * Pages are drawn from BASE on, which a huge page may begin at.
 */
#include <kernel/ktest.h>
#include <mm/alloc/fail.h>
#include <mm/fault/gup.h>
#include <mm/page/rmap.h>
#include <mm/space/madvise.h>
#include <mm/table/huge.h>

#include "tests/mm/lib/relatives.h"

#define NR HPAGE_PMD_NR

/* A sandbox with a word in one page of eight of the first 2 MiB. */
static bool open_small(struct sandbox *box, struct ktest *test,
		       unsigned long pages)
{
	unsigned long i;

	if (!sandbox_open(box, test))
		return false;
	sandbox_map(box, AT(0), pages);
	for (i = 0; i < NR; i += 8)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	EXPECT(!sandbox_is_huge(box, AT(0)));
	sandbox_forget(box);
	return true;
}

static void expect_words(struct sandbox *box)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = 0; i < NR; i++)
		EXPECT_EQ(sandbox_read(box, AT(i)), i % 8 ? 0 : i);
}

/* The collapse fails, and has changed nothing. */
static void expect_refused(struct sandbox *box, int err)
{
	struct page *page = page_in(box->mm, AT(8));
	struct ktest *test = box->test;

	EXPECT_EQ(madvise_collapse(box->mm, AT(0), LEN(NR)), err);
	EXPECT(!sandbox_is_huge(box, AT(0)));
	EXPECT_EQ(page_in(box->mm, AT(8)), page);
	sandbox_verify(box);
}

/*
 *	before	[ small . small . . ... ]	64 pages, a table
 *	after	[ huge                  ]	512 pages, a spare table
 */
KTEST(collapse, small_pages_become_a_huge_one_with_the_same_contents,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8 R1.18"))
{
	struct huge_counters before, after;
	struct sandbox box;
	struct page *old;
	long tables;

	REQUIRE(open_small(&box, test, NR));
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	old = page_in(box.mm, AT(8));
	tables = atomic64_read(&box.mm->nr_ptes);
	huge_read_counters(&before);
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(NR)), 0);
	huge_read_counters(&after);
	EXPECT_EQ(after.collapsed - before.collapsed, 1UL);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT(PageFree(old));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), (long)NR);
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), tables);
	if (box.observed) {
		EXPECT_EQ(box.nr, 1U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(NR));
	}
	expect_words(&box);
	sandbox_verify(&box);
	/* Written without a fault, and there already. */
	EXPECT(pte_write(sandbox_pte(&box, AT(3))));
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(NR)), 0);
	/* The spare table serves a split. */
	EXPECT_EQ(do_munmap(box.mm, AT(511), LEN(1)), 0);
	EXPECT_EQ(sandbox_read(&box, AT(8)), 8UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	range	      [ 100 ........................ 1100 ]
 *	2 MiB	[ 0 .. 511 ][ 512 .. 1023 ][ 1024 .. 1535 ]
 *	huge		      this one
 */
KTEST(collapse, only_what_lies_whole_in_the_range_is_collapsed)
{
	struct sandbox box;

	REQUIRE(open_small(&box, test, 3 * NR));
	EXPECT_EQ(user_poke(AT(600), 6), 0);
	EXPECT_EQ(user_poke(AT(1030), 7), 0);
	EXPECT_EQ(madvise_collapse(box.mm, AT(100), LEN(1000)), 0);
	EXPECT(!sandbox_is_huge(&box, AT(0)) && !sandbox_is_huge(&box, AT(1024)));
	EXPECT(sandbox_is_huge(&box, AT(512)));
	EXPECT_EQ(sandbox_read(&box, AT(600)), 6UL);
	EXPECT_EQ(madvise_collapse(box.mm, AT(1), LEN(NR)), 0);
	EXPECT(!sandbox_is_huge(&box, AT(0)));
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(collapse, a_page_with_another_user_is_in_the_way)
{
	struct mm_struct *child;
	struct page *page;
	struct sandbox box;
	long got;

	REQUIRE(open_small(&box, test, NR));
	mmap_read_lock(box.mm);
	got = get_user_pages_remote(box.mm, AT(256), 1, FOLL_WRITE | FOLL_PIN,
				    &page);
	mmap_read_unlock(box.mm);
	REQUIRE(got == 1);
	expect_refused(&box, -EAGAIN);
	unpin_user_page(page);

	get_page(page);
	lock_page(page);
	expect_refused(&box, -EAGAIN);
	unlock_page(page);
	put_page(page);

	child = sandbox_fork(&box);
	expect_refused(&box, -EAGAIN);
	if (child)
		mmput(child);
	/* Each write has a page for its own again; until then they may be shared. */
	for (unsigned long i = 0; i < NR; i += 8)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(NR)), 0);
	expect_words(&box);
	sandbox_close(&box);
}

KTEST(collapse, a_page_of_a_device_is_in_the_way,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct page *slot = NULL;
	struct sandbox box;

	REQUIRE(open_small(&box, test, NR));
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(16), 1, &slot, (void *)0xa), 1);
	release_exclusive(&slot, 1);
	expect_refused(&box, -EAGAIN);
	EXPECT_EQ(sandbox_read(&box, AT(16)), 16UL);
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(NR)), 0);
	expect_words(&box);
	sandbox_close(&box);
}

KTEST(collapse, it_says_why_it_cannot)
{
	struct sandbox box;

	REQUIRE(open_small(&box, test, 2 * NR));
	EXPECT_EQ(madvise_collapse(box.mm, AT(0) + 1, LEN(NR)), -EINVAL);
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), USER_END + 1), -EINVAL);
	EXPECT_EQ(madvise_collapse(box.mm, USER_END - LEN(1), LEN(2)), -EINVAL);
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), 0), 0);
	/* Never touched; nothing but the zero page. */
	EXPECT_EQ(madvise_collapse(box.mm, AT(512), LEN(NR)), -EINVAL);
	EXPECT_EQ(sandbox_read(&box, AT(512)), 0UL);
	EXPECT_EQ(madvise_collapse(box.mm, AT(512), LEN(NR)), -EINVAL);
	/* A hole at the end; what comes before it is done. */
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(3 * NR)), -ENOMEM);
	EXPECT(sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(NR), MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(NR)), -EINVAL);
	sandbox_close(&box);
}

KTEST(collapse, without_2_mib_it_changes_nothing, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;

	REQUIRE(open_small(&box, test, NR));
	alloc_fail_nth(1);
	expect_refused(&box, -ENOMEM);
	EXPECT_EQ(alloc_fail_end().failed, 1UL);
	expect_words(&box);
	sandbox_close(&box);
}

/*
 * Elsewhere: khugepaged freed the tables of a file, and no subscriber knew (Linux 6.1). Here
 * a path that takes a table away raises first: at the start of the CLEAR over 2 MiB the
 * table is hooked and the pages are mapped.
 */
static void table_is_there(struct sandbox *box, const struct seen_event *event)
{
	struct ktest *test = box->test;
	const pmd_t *pmdp = pgtable_walk_pmd(box->mm, AT(0));

	EXPECT(pmdp && pmd_has_table(pmdp_get(pmdp)));
	EXPECT(pte_present(event->first));
	EXPECT_EQ(page_ref_count(box->hook_arg), 1);
	EXPECT_EQ(page_mapcount(box->hook_arg), 1);
}

KTEST(collapse, a_device_is_notified_before_the_table_goes,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.10"))
{
	struct sandbox box;

	REQUIRE(open_small(&box, test, NR));
	box.hook_arg = page_in(box.mm, AT(8));
	box.hook = table_is_there;
	EXPECT_EQ(madvise_collapse(box.mm, AT(0), LEN(NR)), 0);
	box.hook = NULL;
	EXPECT_EQ(box.nr, 1U);
	EXPECT(PageFree((struct page *)box.hook_arg));
	sandbox_close(&box);
}
