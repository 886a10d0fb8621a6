// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/secondary_tlb_test.c - a device that walks the CPU's own tables
 *
 * Each test changes a mapping in another of the ways there are, and says when and
 * under which lock the device (secondary_tlb.c) was flushed.
 */
#include <arch/tlb.h>
#include <kernel/lock/lockdep.h>
#include <mm/table/tlb.h>

#include "secondary_tlb.h"

/* More pages than one gather holds: flushed before each part of them is freed. */
KTEST(secondary_tlb, munmap_tells_it_before_the_pages_are_free, KT_RULES("R2.12"))
{
	unsigned int nr = MMU_GATHER_PAGES + 74;
	struct call_log log = {.nr = {0}};
	struct secondary *dev;
	struct sandbox box;
	struct listener l;

	REQUIRE(secondary_open(&dev, &box, test, nr));
	EXPECT_EQ(listen(&l, box.mm), 0);
	secondary_poke_all(&box, nr);
	EXPECT_EQ(secondary_walk_all(dev, nr), nr);
	EXPECT_EQ(dev->told, 0U);
	l.log = dev->log = &log;
	l.name = 'a';
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(nr)), 0);
	EXPECT_STREQ(log.who, "attA");
	EXPECT_EQ(secondary_kept(dev), 0U);
	EXPECT(pmd_none(dev->table));
	EXPECT_EQ(secondary_walk_all(dev, nr), 0U);
	unlisten(&l, box.mm);
	secondary_close(dev, &box);
}

/* The device keeps the way to the table. */
KTEST(secondary_tlb, a_table_that_goes_is_told_though_its_entries_were_empty,
      KT_RULES("R2.12"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	secondary_poke_all(&box, 2);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT(!secondary_walk(dev, 0));
	EXPECT(!pmd_none(dev->table));
	dev->told = 0;
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(dev->told, 1U);
	EXPECT(pmd_none(dev->table));
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, dontneed_tells_it_and_the_next_walk_finds_what_is_there,
      KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	secondary_poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(2)), 0);
	EXPECT_TOLD(dev, 1U, AT(1), AT(3));
	EXPECT(pte_none(dev->seen));
	EXPECT_EQ(secondary_kept(dev), 2U);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(secondary_walk_all(dev, 4), 3U);
	secondary_close(dev, &box);
}

/* The entry is empty, not flushed yet: DONTNEED must flush before it returns. */
KTEST(secondary_tlb, dontneed_that_finds_nothing_tells_what_another_emptied,
      KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;
	struct page *page;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	secondary_poke_all(&box, 1);
	EXPECT(secondary_walk(dev, 0));
	page = sandbox_empty_unflushed(&box, AT(0));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_TOLD(dev, 1U, AT(0), AT(2));
	EXPECT_EQ(secondary_kept(dev), 0U);
	sandbox_flush_and_free(&box, AT(0), page);
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, a_fault_over_an_entry_not_yet_flushed_tells_it_first,
      KT_RULES("R2.12"))
{
	struct secondary *dev;
	struct sandbox box;
	struct page *page;

	REQUIRE(secondary_open(&dev, &box, test, 1));
	secondary_poke_all(&box, 1);
	EXPECT(secondary_walk(dev, 0));
	page = sandbox_empty_unflushed(&box, AT(0));
	/* Else this CPU would not fault: it has just used the page. */
	flush_tlb_range(&box.mm->context, AT(0), AT(1));
	EXPECT_EQ(dev->told, 0U);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_TOLD(dev, 1U, AT(0), AT(1));
	EXPECT(pte_none(dev->seen));
	EXPECT(dev->locked);
	EXPECT(secondary_walk(dev, 0));
	/* The end of the other's change forgets too much, which is allowed. */
	sandbox_flush_and_free(&box, AT(0), page);
	secondary_close(dev, &box);
}

/* A fault into an entry that nobody remembers has nothing to tell. */
KTEST(secondary_tlb, a_first_touch_tells_it_nothing, KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	EXPECT(!secondary_walk(dev, 0));
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(dev->told, 0U);
	EXPECT_EQ(secondary_walk_all(dev, 2), 2U);
	secondary_close(dev, &box);
}

/*
 *	pages	0 1 2 3
 *	to r	  [---]		flushed
 *	to rw	  [---]		not flushed: it keeps fewer rights than there are
 *	to -	[-----]		flushed
 */
KTEST(secondary_tlb, mprotect_tells_it_of_rights_lost_and_not_of_rights_gained,
      KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	secondary_poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ), 0);
	EXPECT_TOLD(dev, 1U, AT(1), AT(3));
	EXPECT(!pte_write(dev->seen));
	secondary_check(dev, test);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(dev->told, 1U);
	EXPECT_EQ(secondary_kept(dev), 4U);
	secondary_check(dev, test);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(3), PROT_NONE), 0);
	EXPECT_EQ(secondary_kept(dev), 1U);
	EXPECT_EQ(secondary_walk_all(dev, 4), 1U);
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, exclusive_access_tells_it_before_the_call_returns,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R2.9 R2.10"))
{
	struct call_log log = {.nr = {0}};
	struct page *slots[3] = {NULL};
	struct secondary *dev;
	struct sandbox box;
	struct listener l;
	int owner;

	REQUIRE(secondary_open(&dev, &box, test, 3));
	EXPECT_EQ(listen(&l, box.mm), 0);
	secondary_poke_all(&box, 3);
	EXPECT_EQ(secondary_walk_all(dev, 3), 3U);
	l.log = dev->log = &log;
	l.name = 'a';
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, slots, &owner), 2);
	EXPECT_STREQ(log.who, "atA");
	EXPECT_TOLD(dev, 1U, AT(0), AT(2));
	EXPECT(is_swap_pte(dev->seen));
	/* A zap by another thread must flush for itself until this flush is over. */
	EXPECT_EQ(dev->pending, 1);
	EXPECT_EQ(atomic_read(&box.mm->tlb_flush_pending), 0);
	EXPECT_EQ(secondary_kept(dev), 1U);
	/* It may no more have the page than a CPU may. */
	EXPECT_EQ(secondary_walk_all(dev, 3), 1U);
	release_exclusive(slots, 2);
	/* Nobody remembers an entry that was not present: a pair, no flush. */
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_STREQ(log.who, "atAaA");
	EXPECT_EQ(secondary_walk_all(dev, 3), 2U);
	unlisten(&l, box.mm);
	secondary_close(dev, &box);
}

/*
 * The entry leads to the zero page, then to a fresh one, and in between to
 * nothing: all of it under the lock of its table (R2.12 B). A follower is
 * notified of the new value before it is there (R2.6).
 */
KTEST(secondary_tlb, a_write_over_the_zero_page_tells_it_while_the_entry_is_empty,
      KT_RULES("R2.6 R2.12"))
{
	struct follower f = {.sub.ops = &follower_ops};
	struct call_log log = {.nr = {0}};
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT(secondary_walk(dev, 0));
	f.log = dev->log = &log;
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_STREQ(log.who, "stce");
	EXPECT_TOLD(dev, 1U, AT(0), AT(1));
	EXPECT(pte_none(dev->seen));
	EXPECT(dev->locked);
	EXPECT_EQ(f.addr, AT(0));
	EXPECT(pte_none(f.seen));
	EXPECT(f.locked);
	EXPECT_EQ(f.value, pte_val(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(secondary_kept(dev), 0U);
	EXPECT(secondary_walk(dev, 0));
	mmu_notifier_unregister(&f.sub, box.mm);
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, a_new_value_is_told_only_where_one_page_replaces_another,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R2.6"))
{
	struct follower f = {.sub.ops = &follower_ops};
	struct page *slots[1] = {NULL};
	struct sandbox box;
	int owner;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, slots, &owner), 1);
	release_exclusive(slots, 1);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(f.calls, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(user_poke(AT(1), 3), 0);
	EXPECT_EQ(f.calls, 1U);
	mmu_notifier_unregister(&f.sub, box.mm);
	sandbox_close(&box);
}

/* Then the tables go without a word, so it may not walk them any more. */
KTEST(secondary_tlb, exit_releases_it_and_tells_it_nothing_after_that,
      KT_RULES("R2.9 R2.10"))
{
	struct mm_struct *mm;
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	mm = box.mm;
	secondary_poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	sandbox_close(&box);
	EXPECT(dev->off);
	EXPECT_EQ(dev->told, 0U);
	EXPECT_EQ(dev->lost, 0U);
	EXPECT(!secondary_walk(dev, 0));
	mmu_notifier_unregister(&dev->sub, mm);
	kfree(dev);
}
