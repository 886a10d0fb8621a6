// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/exclusive_restore_test.c - exclusive pages that a CPU wants,
 * and what else may happen to their entries
 */
#include <lib/string.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/tlb.h>
#include "exclusive_fixture.h"

/* --- a CPU touches the page --------------------------------------------------------- */

KTEST(device_exclusive, a_restore_notifies_clear_for_its_one_page_first,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R7.12 R8.17 R8.21"))
{
	struct page *pages[2];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, pages, DEVICE_A), 2);
	REQUIRE(pages[0] && pages[1]);
	*device_word(pages[0]) = 11;
	release_exclusive(pages, 2);
	sandbox_forget(&box);
	/* A read takes it back as well as a write. */
	EXPECT_EQ(sandbox_read(&box, AT(0)), 11UL);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(1));
	EXPECT_EQ(box.seen[0].owner, NULL);
	EXPECT(is_swap_pte(box.seen[0].first));
	pte = sandbox_pte(&box, AT(0));
	EXPECT(pte_present(pte) && pte_write(pte) && pte_soft_dirty(pte));
	EXPECT_EQ(page_mapcount(pfn_to_page(pte_pfn(pte))), 1);
	EXPECT_EQ(page_ref_count(pfn_to_page(pte_pfn(pte))), 1);
	EXPECT(!PageLocked(pfn_to_page(pte_pfn(pte))));
	/* One fault, one page. */
	EXPECT(is_exclusive(&box, AT(1)));
	sandbox_close(&box);
}

/*
 * The fault looked at the entry, and before it has the table's lock:
 *
 *	page	0			512, in another table
 *	first	restored by another	present
 *	then	unmapped, its table	present
 *		freed
 */
KTEST(device_exclusive, a_restore_that_comes_too_late_has_nothing_to_do,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.17 R8.19"))
{
	struct vm_fault vmf = {.address = AT(0)};
	struct page *pages[1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	sandbox_map(&box, AT(512), 1);
	EXPECT_EQ(user_poke(AT(512), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	release_exclusive(pages, 1);
	vmf.orig = sandbox_pte(&box, AT(0));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_forget(&box);
	mmap_read_lock(box.mm);
	vmf.vma = vma_lookup(box.mm, AT(0));
	vmf.pmd = pgtable_walk_pmd(box.mm, AT(0));
	EXPECT_EQ(restore_device_exclusive(&vmf), VM_FAULT_NOPAGE);
	mmap_read_unlock(box.mm);
	EXPECT(pte_present(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	sandbox_forget(&box);
	mmap_read_lock(box.mm);
	vmf.vma = vma_lookup(box.mm, AT(512));
	vmf.pmd = pgtable_walk_pmd(box.mm, AT(0));
	EXPECT(pmd_none(pmdp_get(vmf.pmd)));
	EXPECT_EQ(restore_device_exclusive(&vmf), VM_FAULT_NOPAGE);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

static void stop_in_clear(struct sandbox *box, const struct seen_event *event)
{
	struct stopped_event *stop = box->hook_arg;

	if (stop->done || event->event != MMU_NOTIFY_CLEAR ||
	    event->start != stop->addr)
		return;
	stop->done = true;
	step_signal(&stop->step, 1);
	step_wait(&stop->step, 2);
}

static void read_once(struct sandbox_thread *self)
{
	u64 value = 0;

	if (user_peek(AT(0), &value))
		value = ~0UL;
	self->number = value;
}

/*
 *	faulting thread			test
 *	entry exclusive, page p locked
 *	start(CLEAR) ...
 *					DONTNEED: entry emptied
 *	... the entry is not the one
 *	that faulted: left empty
 *	touches again: zero page		(must read 0, not p's word)
 */
KTEST(device_exclusive, a_restore_that_lost_to_dontneed_leaves_the_entry_empty,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.19 R8.22"))
{
	struct stopped_event stop = {.addr = AT(0)};
	struct fault_counters before, after;
	struct sandbox_thread reader;
	struct page *pages[1];
	struct page *page;
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	step_init(&stop.step, test);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 0x5555), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	page = pages[0];
	get_page(page);
	release_exclusive(pages, 1);
	fault_read_counters(&before);
	box.hook_arg = &stop;
	box.hook = stop_in_clear;
	sandbox_thread_start(&reader, &box, smp_processor_id(), read_once, NULL);
	if (step_wait(&stop.step, 1))
		stop.done = true;
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	step_signal(&stop.step, 2);
	sandbox_thread_join(&reader);
	box.hook = NULL;
	fault_read_counters(&after);
	EXPECT_EQ(reader.number, 0UL);
	EXPECT_EQ(after.restore_lost, before.restore_lost + 1);
	EXPECT_EQ(after.restored, before.restored);
	pte = sandbox_pte(&box, AT(0));
	EXPECT(!pte_present(pte) || pte_pfn(pte) != page_to_pfn(page));
	if (pte_present(pte) && pte_pfn(pte) == page_to_pfn(page)) {
		/* Undo the damage, so that the test ends and says so. */
		sandbox_set_pte(&box, AT(0), __pte(0));
		flush_tlb_mm_range(box.mm, AT(0), AT(1));
	}
	put_page(page);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_close(&box);
}

/*
 * The same stop, and nobody interferes: while the fault is inside its CLEAR the
 * entry is exclusive still, and the page locked (R8.17).
 */
KTEST(device_exclusive, the_page_is_locked_and_the_entry_kept_during_clear,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.17"))
{
	struct stopped_event stop = {.addr = AT(0)};
	struct sandbox_thread reader;
	struct page *pages[1];
	struct page *page;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	step_init(&stop.step, test);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 0x77), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	page = pages[0];
	release_exclusive(pages, 1);
	box.hook_arg = &stop;
	box.hook = stop_in_clear;
	sandbox_thread_start(&reader, &box, smp_processor_id(), read_once, NULL);
	if (step_wait(&stop.step, 1))
		stop.done = true;
	EXPECT(is_exclusive(&box, AT(0)));
	EXPECT(PageLocked(page));
	EXPECT_EQ(page_ref_count(page), 2);
	/* The device finishes what is in flight before it lets go. */
	*device_word(page) = 0x78;
	step_signal(&stop.step, 2);
	sandbox_thread_join(&reader);
	box.hook = NULL;
	EXPECT_EQ(reader.number, 0x78UL);
	sandbox_close(&box);
}

KTEST(device_exclusive, gup_takes_the_page_back_before_it_holds_it,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("S8.4"))
{
	struct page *pages[1];
	struct page *held[1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	release_exclusive(pages, 1);
	sandbox_forget(&box);
	mmap_read_lock(box.mm);
	EXPECT_EQ(get_user_pages_remote(box.mm, AT(0), 1, FOLL_GET, held), 1L);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(1));
	EXPECT(pte_present(sandbox_pte(&box, AT(0))));
	put_page(held[0]);
	sandbox_close(&box);
}

/* Put @entry in place of the exclusive one; return the entry restored from it. */
static pte_t restored_from(struct sandbox *box, pte_t entry)
{
	sandbox_set_pte(box, AT(0), entry);
	sandbox_read(box, AT(0));
	return sandbox_pte(box, AT(0));
}

/*
 * Not written by hand and yet clean: as if its contents were on disk. The write
 * mark is a matter of its own, and comes back with the entry (R7.12).
 */
KTEST(device_exclusive, a_clean_page_keeps_its_write_mark,
      KT_RULES("R7.12 R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	ClearPageDirty(pages[0]);
	pte = sandbox_pte(&box, AT(0));
	release_exclusive(pages, 1);
	pte = restored_from(&box, pte);
	EXPECT(pte_soft_dirty(pte));
	EXPECT(!pte_dirty(pte));
	EXPECT(pte_write(pte));
	sandbox_close(&box);
}

KTEST(device_exclusive, a_page_that_may_only_be_read_keeps_its_write_mark,
      KT_RULES("R7.12 R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	release_exclusive(pages, 1);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	pte = restored_from(&box, sandbox_pte(&box, AT(0)));
	EXPECT(pte_soft_dirty(pte));
	EXPECT(!pte_write(pte));
	sandbox_close(&box);
}

/*
 * The write mark was cleared while the page was exclusive. The device has let
 * go (SOFT_DIRTY), and the CPU's next write must be noticed (R1.21, R8.18): the
 * page is restored without the right to write, though its region has it.
 */
KTEST(device_exclusive, a_restore_leaves_the_next_write_to_be_noticed,
      KT_RULES("R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	pte = swp_entry_to_pte(
		make_writable_device_exclusive_entry(page_to_pfn(pages[0])));
	release_exclusive(pages, 1);
	pte = restored_from(&box, pte);
	EXPECT(pte_present(pte) && !pte_write(pte) && !pte_soft_dirty(pte));
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	pte = sandbox_pte(&box, AT(0));
	EXPECT(pte_write(pte) && pte_soft_dirty(pte));
	sandbox_close(&box);
}

KTEST(device_exclusive, a_restore_keeps_a_page_protected_for_a_handler,
      KT_RULES("R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	release_exclusive(pages, 1);
	pte = restored_from(&box, pte_swp_mkuffd_wp(sandbox_pte(&box, AT(0))));
	EXPECT(pte_present(pte) && pte_uffd_wp(pte) && !pte_write(pte));
	sandbox_close(&box);
}

/* Both marks come back, though the exclusive entry was made anew in between. */
KTEST(device_exclusive, mprotect_of_an_exclusive_page_keeps_its_marks,
      KT_RULES("R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	release_exclusive(pages, 1);
	sandbox_set_pte(&box, AT(0), pte_swp_mkuffd_wp(sandbox_pte(&box, AT(0))));
	EXPECT(pte_swp_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT(is_exclusive(&box, AT(0)));
	EXPECT(pte_swp_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), RW), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	pte = sandbox_pte(&box, AT(0));
	EXPECT(pte_present(pte) && pte_soft_dirty(pte));
	EXPECT(pte_uffd_wp(pte) && !pte_write(pte));
	sandbox_close(&box);
}

/* --- everything else on an exclusive entry -------------------------------- */

KTEST(device_exclusive, munmap_of_exclusive_pages_gives_all_back,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.22 S8.5"))
{
	struct page *pages[4];
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 4, pages, DEVICE_A), 4);
	REQUIRE(pages[3]);
	page = pages[3];
	release_exclusive(pages, 3);
	sandbox_forget(&box);
	/* The page lock does not stop it (R8.22): one is still held. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(4));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	EXPECT_EQ(page_mapcount(page), 0);
	EXPECT_EQ(page_ref_count(page), 1);
	/* The last reference: a page is unlocked before it is free. */
	put_device_exclusive(&pages[3], 1);
	EXPECT_EQ(pages[3], NULL);
	sandbox_close(&box);
}

KTEST(device_exclusive, dontneed_of_an_exclusive_page_leaves_zeroes,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("S8.5"))
{
	struct page *pages[1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	release_exclusive(pages, 1);
	sandbox_forget(&box);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(1));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_close(&box);
}

KTEST(device_exclusive, exit_with_exclusive_pages_gives_all_back,
      KT_RULES("S8.5"))
{
	struct page *pages[8];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 8, pages, DEVICE_A), 8);
	release_exclusive(pages, 8);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 8L);
	/* The runner compares frames before and after. */
	sandbox_close(&box);
}

KTEST(device_exclusive, mprotect_makes_the_entry_read_only_and_never_more,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R7.14 R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 3), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	release_exclusive(pages, 1);
	sandbox_forget(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_VMA, AT(0), AT(1));
	pte = sandbox_pte(&box, AT(0));
	EXPECT_EQ(swp_type(pte_to_swp_entry(pte)), SWP_DEVICE_EXCLUSIVE_READ);
	EXPECT(pte_swp_soft_dirty(pte));
	sandbox_verify(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), RW), 0);
	EXPECT_EQ(swp_type(pte_to_swp_entry(sandbox_pte(&box, AT(0)))),
		  SWP_DEVICE_EXCLUSIVE_READ);
	/* The restore gives what the region allows now (R8.18). */
	EXPECT_EQ(user_poke(AT(0), 4), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

KTEST(device_exclusive, a_restore_gives_no_more_than_the_region_allows,
      KT_RULES("R8.18"))
{
	struct page *pages[1];
	struct sandbox box;
	u64 value;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 3), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	release_exclusive(pages, 1);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(user_poke(AT(0), 4), -EFAULT);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 3UL);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_NONE), 0);
	EXPECT_EQ(user_peek(AT(0), &value), -EFAULT);
	sandbox_close(&box);
}
