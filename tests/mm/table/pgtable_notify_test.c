// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/pgtable_notify_test.c - an entry, and the copies of it
 *
 * Nothing in the tree reclaims or merges equal pages yet; these tests do to a real entry of
 * a real address space what those will do, under the locks that they will hold, and let the
 * CPU say what it sees. Whole pages and ranges are in tests/mm/space/young_test.c.
 */
#include <arch/tlb.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/pgtable_notify.h>
#include <mm/page/rmap.h>
#include "tests/mm/lib/sandbox.h"
#include "tests/mm/notifier/notifier_fixture.h"

/* The entry of AT(0), its lock held as the helpers want it. */
struct held_entry {
	struct vm_area_struct *vma;
	pte_t *ptep;
	struct spinlock *ptl;
};

static void hold_entry(struct held_entry *e, struct sandbox *box) __no_thread_safety
{
	mmap_assert_locked(box->mm);
	e->vma = vma_lookup(box->mm, AT(0));
	e->ptep = pgtable_map_lock(box->mm, AT(0), &e->ptl);
}

static void let_entry_go(struct held_entry *e) __no_thread_safety
{
	spin_unlock(e->ptl);
}

enum young_helper {
	CLEAR,
	CLEAR_FLUSH,
};

static bool clear_young(struct sandbox *box, enum young_helper how)
{
	struct held_entry e;
	bool young;

	mmap_read_lock(box->mm);
	hold_entry(&e, box);
	young = how == CLEAR_FLUSH
			? ptep_clear_flush_young_notify(e.vma, AT(0), e.ptep)
			: ptep_clear_young_notify(e.vma, AT(0), e.ptep);
	let_entry_go(&e);
	mmap_read_unlock(box->mm);
	return young;
}

/* A secondary TLB: counts, and notes the entry as it is in the callback. */
static const struct mmu_notifier_ops tlb_ops = {
	.invalidate_range = listener_tlb,
};

/*
 * Eight cases: the CPU has used the page or not, and so has each of two
 * subscribers. One use is a use, and nobody is left out because another said
 * yes: the marks of all are clear afterwards.
 */
static void ask_everybody(struct ktest *test, enum young_helper how)
{
	struct listener l[2];
	struct sandbox box;
	unsigned int used;
	unsigned int i;
	pte_t before;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(listen(&l[i], box.mm), 0);
	for (used = 0; used < 8; used++) {
		before = pte_mkold(sandbox_pte(&box, AT(0)));
		sandbox_set_pte(&box, AT(0),
				used & 4 ? pte_mkyoung(before) : before);
		for (i = 0; i < 2; i++)
			l[i].young = used & BIT(i);
		EXPECT_EQ(clear_young(&box, how), used != 0);
		EXPECT_EQ(pte_val(sandbox_pte(&box, AT(0))), pte_val(before));
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(l[i].young_calls, 2 * used + 1);
			EXPECT_ASKED(&l[i],
				     how == CLEAR_FLUSH ? ASKED_CLEAR_FLUSH_YOUNG
							: ASKED_CLEAR_YOUNG,
				     box.mm, AT(0), AT(1));
		}
		EXPECT(!clear_young(&box, how));
	}
	for (i = 0; i < 2; i++)
		unlisten(&l[i], box.mm);
	sandbox_close(&box);
}

KTEST(pgtable_notify, reclaim_learns_of_a_use_by_anybody_and_clears_every_mark,
      KT_RULES("R2.2 R2.3 R2.5 R6.4"))
{
	ask_everybody(test, CLEAR_FLUSH);
}

KTEST(pgtable_notify, idle_tracking_learns_of_a_use_by_anybody_likewise,
      KT_RULES("R2.2 R2.3 R2.5 R6.4"))
{
	ask_everybody(test, CLEAR);
}

/* A translation that the CPU still had would hide its next use. */
KTEST(pgtable_notify, after_the_flush_the_next_use_marks_the_entry_again,
      KT_RULES("R2.2 R2.3 R2.5"))
{
	struct tlb_counters before, after;
	struct sandbox box;
	struct listener l;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(listen_as(&l, box.mm, &tlb_ops), 0);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT(pte_young(sandbox_pte(&box, AT(0))));
	EXPECT(clear_young(&box, CLEAR_FLUSH));
	EXPECT_EQ(l.tlb_calls, 1U);
	EXPECT(!pte_young(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT(pte_young(sandbox_pte(&box, AT(0))));
	EXPECT(clear_young(&box, CLEAR_FLUSH));
	EXPECT_EQ(l.tlb_calls, 2U);
	/* Nobody has used it since: nobody has anything to forget. */
	tlb_read_counters(&before);
	EXPECT(!clear_young(&box, CLEAR_FLUSH));
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes);
	EXPECT_EQ(l.tlb_calls, 2U);
	unlisten(&l, box.mm);
	sandbox_close(&box);
}

KTEST(pgtable_notify, idle_tracking_flushes_nobody, KT_RULES("R2.2 R2.3 R2.5"))
{
	struct tlb_counters before, after;
	struct sandbox box;
	struct listener l;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(listen_as(&l, box.mm, &tlb_ops), 0);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	tlb_read_counters(&before);
	EXPECT(clear_young(&box, CLEAR));
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes);
	EXPECT_EQ(l.tlb_calls, 0U);
	unlisten(&l, box.mm);
	sandbox_close(&box);
}

/* Notes, when asked, how far the CPUs' side had come by then. */
struct prober {
	struct mmu_notifier sub;
	unsigned int calls;
	pte_t entry;
	u64 flushes;
};

/* The asker holds the lock of the entry's table. */
static bool probe(struct mmu_notifier *sub, struct mm_struct *mm,
		  unsigned long start, unsigned long end)
{
	struct prober *p = container_of(sub, struct prober, sub);
	pmd_t *pmdp = pgtable_walk_pmd(mm, start);
	struct tlb_counters counters;

	tlb_read_counters(&counters);
	p->calls++;
	p->entry = ptep_get(pmd_table(pmdp_get(pmdp)) + pte_index(start));
	p->flushes = counters.flushes;
	return false;
}

static const struct mmu_notifier_ops prober_ops = {
	.clear_flush_young = probe,
	.clear_young = probe,
};

/*
 * When a subscriber clears its mark the CPUs' is clear, and reclaim has left no
 * CPU a translation that would hide its next use: from there on both watch anew.
 */
static void ask_after_the_cpus(struct ktest *test, enum young_helper how)
{
	struct prober p = {.sub = {.ops = &prober_ops}};
	struct tlb_counters before;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(mmu_notifier_register(&p.sub, box.mm), 0);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT(pte_young(sandbox_pte(&box, AT(0))));
	tlb_read_counters(&before);
	EXPECT(clear_young(&box, how));
	EXPECT_EQ(p.calls, 1U);
	EXPECT(pte_present(p.entry) && !pte_young(p.entry));
	EXPECT_EQ(p.flushes, before.flushes + (how == CLEAR_FLUSH));
	mmu_notifier_unregister(&p.sub, box.mm);
	sandbox_close(&box);
}

KTEST(pgtable_notify, reclaim_asks_when_the_cpus_mark_is_cleared_and_flushed,
      KT_RULES("R2.2 R2.3 R2.5"))
{
	ask_after_the_cpus(test, CLEAR_FLUSH);
}

KTEST(pgtable_notify, idle_tracking_asks_when_the_cpus_mark_is_cleared,
      KT_RULES("R2.2 R2.3 R2.5"))
{
	ask_after_the_cpus(test, CLEAR);
}

/* AT(0) leads to @to from now on, as merging equal pages will do it. */
static void repoint(struct sandbox *box, struct page *to, struct listener *tlb,
		    struct listener *follower)
{
	struct mmu_notifier_range range;
	struct ktest *test = box->test;
	struct held_entry e;
	struct page *from;
	pte_t old, new;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, box->mm,
				AT(0), AT(1));
	mmap_read_lock(box->mm);
	mmu_notifier_invalidate_range_start(&range);
	hold_entry(&e, box);
	old = ptep_clear_flush_notify(e.vma, AT(0), e.ptep);
	EXPECT(pte_present(old));
	EXPECT(pte_none(ptep_get(e.ptep)));
	EXPECT_EQ(tlb->tlb_calls, 1U);
	EXPECT_EQ(follower->pte_calls, 0U);
	from = pfn_to_page(pte_pfn(old));
	page_add_new_anon_rmap(to, e.vma, AT(0));
	new = pfn_pte(page_to_pfn(to), e.vma->vm_page_prot);
	set_pte_at_notify(box->mm, AT(0), e.ptep, new);
	EXPECT(pte_same(ptep_get(e.ptep), new));
	EXPECT_EQ(tlb->tlb_calls, 1U);
	EXPECT_EQ(follower->pte_calls, 1U);
	EXPECT_EQ(follower->pte, pte_val(new));
	EXPECT_EQ(follower->pte_mm, box->mm);
	EXPECT_EQ(follower->pte_addr, AT(0));
	page_remove_rmap(from);
	let_entry_go(&e);
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(box->mm);
	put_page(from);
}

KTEST(pgtable_notify,
      an_entry_that_leads_to_another_page_is_told_empty_then_by_value,
      KT_RULES("R2.6 R6.4"))
{
	struct page *to = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct listener tlb, follower;
	struct sandbox box;

	REQUIRE(to);
	*(u64 *)page_address(to) = 2;
	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(listen_as(&tlb, box.mm, &tlb_ops), 0);
	EXPECT_EQ(listen(&follower, box.mm), 0);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	repoint(&box, to, &tlb, &follower);
	/* This CPU has used the old page a moment ago. */
	EXPECT_EQ(sandbox_read(&box, AT(0)), 2UL);
	unlisten(&follower, box.mm);
	unlisten(&tlb, box.mm);
	sandbox_close(&box);
}
