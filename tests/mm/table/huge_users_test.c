// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/huge_users_test.c - a device, a walk and a walker that meet a huge entry
 *
 * Pages are drawn as in huge_fixture.h.
 */
#include <kernel/ktest.h>
#include <mm/fault/gup.h>
#include <mm/page/rmap.h>
#include <mm/rmap/walk.h>
#include <mm/space/madvise.h>

#include "huge_fixture.h"

#define OWNER ((void *)0xa)

/* --- a device ------------------------------------------------------------------ */

/*
 * Elsewhere: a walk for the page of a device met a huge entry that it took for another kind
 * (CVE-2025-22034), and only the first page of a huge page could be had. Here the huge page
 * is split first, one small page is exclusive, and its neighbours stay mapped.
 */
KTEST(huge_entry, a_device_has_one_small_page_and_its_neighbours_stay_mapped,
      KT_FLAGS(KT_NEEDS_NOTIFIER | KT_NEEDS_DEVICE_PRIVATE),
      KT_RULES("R8.2 R1.8"))
{
	unsigned long before = splits();
	struct page *slot = NULL;
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(64), 1, &slot, OWNER), 1);
	EXPECT_EQ(splits() - before, 1UL);
	EXPECT_EQ(slot, head + 64);
	EXPECT(!PageHuge(slot) && PageLocked(slot));
	EXPECT(!PageLocked(head));
	EXPECT(is_swap_pte(sandbox_pte(&box, AT(64))));
	EXPECT(pte_present(sandbox_pte(&box, AT(63))));
	EXPECT(pte_write(sandbox_pte(&box, AT(65))));
	EXPECT_EQ(user_poke(AT(65), 65), 0);
	if (box.observed) {
		EXPECT_EQ(box.nr, 2U);
		EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(NR));
		EXPECT_EVENT(&box, 1, MMU_NOTIFY_EXCLUSIVE, AT(64), AT(65));
	}
	release_exclusive(&slot, 1);
	expect_words(&box, 0, NR);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* A pinned huge page cannot be split, and its lock is that of 512 pages: an error. */
KTEST(huge_entry, a_device_is_refused_a_page_that_cannot_be_split,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R8.2"))
{
	struct page *slot = NULL;
	struct sandbox box;
	struct page *page;
	long got;

	REQUIRE(open_huge(&box, test, NR));
	mmap_read_lock(box.mm);
	got = get_user_pages_remote(box.mm, AT(3), 1, FOLL_WRITE | FOLL_PIN,
				    &page);
	mmap_read_unlock(box.mm);
	REQUIRE(got == 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(64), 1, &slot, OWNER), -EBUSY);
	EXPECT_EQ(slot, NULL);
	EXPECT(!PageLocked(page));
	expect_words(&box, 0, NR);
	sandbox_verify(&box);
	unpin_user_page(page);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(64), 1, &slot, OWNER), 1);
	release_exclusive(&slot, 1);
	expect_words(&box, 0, NR);
	sandbox_close(&box);
}

/* --- the reverse map -------------------------------------------------------------- */

struct found {
	unsigned int huge;
	unsigned int small;
};

static bool note_entry(struct rmap_walk *walk, struct page *page,
		       struct vm_area_struct *vma, vaddr_t addr)
{
	struct found *found = walk->arg;
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	if (entry.pte)
		found->small++;
	else
		found->huge++;
	spin_unlock(entry.ptl);
	return true;
}

static struct found walk_page(struct page *page)
{
	struct found found = {0};
	struct rmap_walk walk = {
		.visit = note_entry, .purpose = RMAP_LOOK, .arg = &found};

	lock_page(page);
	rmap_walk(page, &walk);
	unlock_page(page);
	return found;
}

/*
 *	parent	[ huge ]	then small entries, page 5 unmapped
 *	child	[ huge ]
 */
KTEST(huge_entry, a_walk_finds_a_part_by_entries_of_both_kinds)
{
	struct mm_struct *child;
	struct found found;
	struct sandbox box;
	struct page *head;

	REQUIRE(open_huge(&box, test, NR));
	head = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	found = walk_page(head + 7);
	EXPECT_EQ(found.huge, 2U);
	EXPECT_EQ(found.small, 0U);
	EXPECT_EQ(do_munmap(box.mm, AT(5), LEN(1)), 0);
	found = walk_page(head + 7);
	EXPECT_EQ(found.huge, 1U);
	EXPECT_EQ(found.small, 1U);
	found = walk_page(head + 5);
	EXPECT_EQ(found.huge, 1U);
	EXPECT_EQ(found.small, 0U);
	if (child)
		mmput(child);
	sandbox_close(&box);
}

/* --- races ------------------------------------------------------------------------ */

struct waiter {
	struct sandbox_thread thread;
	struct ktest_step step;
};

static void throw_all_away(struct sandbox_thread *self)
{
	struct waiter *w = self->arg;
	struct ktest *test = self->box->test;

	step_spin(&w->step, 1);
	EXPECT_EQ(madvise_dontneed(self->box->mm, AT(0), LEN(NR)), 0);
}

/*
 *	split (by hand)			DONTNEED
 *	start(CLEAR); lock;
 *	entry hidden
 *					entry is huge: waits for its lock
 *	the entry is as before; unlock; end
 *					empties it	(must not have gone past)
 */
KTEST(huge_entry, a_walker_waits_for_a_split_and_does_not_go_past,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct mmu_notifier_range range;
	unsigned long polls = 1UL << 20;
	struct waiter w;
	struct sandbox box;
	pmd_t *pmdp, pmd;

	REQUIRE(open_huge(&box, test, NR));
	step_init(&w.step, test);
	mmap_read_lock(box.mm);
	pmdp = pgtable_walk_pmd(box.mm, AT(0));
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, box.mm,
				AT(0), AT(NR));
	mmu_notifier_invalidate_range_start(&range);
	sandbox_thread_start(&w.thread, &box, another_cpu(), throw_all_away, &w);
	spin_lock(&box.mm->page_table_lock);
	pmd = pmdp_get(pmdp);
	set_pmd(pmdp, huge_hidden(pmd_huge_pte(pmd)));
	step_signal(&w.step, 1);
	while (--polls)
		cpu_relax();
	set_pmd(pmdp, pmd);
	spin_unlock(&box.mm->page_table_lock);
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(box.mm);
	sandbox_thread_join(&w.thread);
	EXPECT(!sandbox_is_huge(&box, AT(0)));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0);
	sandbox_close(&box);
}
