// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/without_mmu_notifier_test.c - a kernel without MMU_NOTIFIER
 *
 * Code that changes mappings is written once, for both kernels.  Here are the
 * answers that it gets in a kernel without notifiers, one test for each rule.
 * That no call and no field is left is seen in the objects: scripts/configs.py.
 */
#include <kernel/ktest.h>
#include <mm/space/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/table/pgtable_notify.h>
#include "tests/mm/lib/sandbox.h"

static_assert(sizeof(struct mmu_notifier_range) == 2 * sizeof(unsigned long),
	      "only the bounds are left (R6.2)");

/* Arguments that count how often they were looked at. */
struct looks {
	unsigned int range, event, flags, vma, mm, start, end, owner;
};

static struct mmu_notifier_range *look_range(struct looks *looks,
					     struct mmu_notifier_range *range)
{
	looks->range++;
	return range;
}

static unsigned long look(unsigned int *count, unsigned long value)
{
	++*count;
	return value;
}

static void *look_pointer(unsigned int *count)
{
	++*count;
	return NULL;
}

KTEST(without_mmu_notifier,
      init_evaluates_range_start_and_end_once_and_nothing_else, KT_RULES("R6.2"))
{
	struct mmu_notifier_range range = {1, 2};
	struct looks n = {0};

	mmu_notifier_range_init(
		look_range(&n, &range), look(&n.event, MMU_NOTIFY_CLEAR),
		look(&n.flags, 0), look_pointer(&n.vma), look_pointer(&n.mm),
		look(&n.start, 0x3000), look(&n.end, 0x5000));
	EXPECT_EQ(range.start, 0x3000UL);
	EXPECT_EQ(range.end, 0x5000UL);
	EXPECT_EQ(n.range, 1U);
	EXPECT_EQ(n.start, 1U);
	EXPECT_EQ(n.end, 1U);
	EXPECT_EQ(n.event + n.flags + n.vma + n.mm, 0U);
}

KTEST(without_mmu_notifier,
      init_owner_evaluates_neither_the_owner_nor_the_region, KT_RULES("R6.2"))
{
	struct mmu_notifier_range range = {1, 2};
	struct vm_area_struct *gone = NULL;
	struct looks n = {0};

	/* To follow a pointer that is NULL would end the test, and the boot. */
	mmu_notifier_range_init_owner(
		look_range(&n, &range), MMU_NOTIFY_EXCLUSIVE, look(&n.flags, 0),
		gone, gone->vm_mm, look(&n.start, 0x3000), look(&n.end, 0x5000),
		look_pointer(&n.owner));
	EXPECT_EQ(range.start, 0x3000UL);
	EXPECT_EQ(range.end, 0x5000UL);
	EXPECT_EQ(n.range + n.start + n.end, 3U);
	EXPECT_EQ(n.flags + n.owner, 0U);
}

KTEST(without_mmu_notifier, a_pair_does_nothing_and_cannot_fail, KT_RULES("R6.3"))
{
	struct mmu_notifier_range range;

	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, NULL, NULL, 0x3000,
				0x5000);
	EXPECT(mmu_notifier_range_blockable(&range));
	EXPECT(!mmu_notifier_range_update_to_read_only(&range));
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_EQ(mmu_notifier_invalidate_range_start_nonblock(&range), 0);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_EQ(range.start, 0x3000UL);
	EXPECT_EQ(range.end, 0x5000UL);
}

KTEST(without_mmu_notifier, nobody_subscribes_and_nobody_used_the_page,
      KT_RULES("R6.3"))
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT(!mmu_notifier_clear_flush_young(mm, 0x3000, 0x5000));
	EXPECT(!mmu_notifier_clear_young(mm, 0x3000, 0x5000));
	EXPECT(!mmu_notifier_test_young(mm, 0x3000));
	mmput(mm);
}

/* The mm is NULL: a function that looked at it would fault. */
KTEST(without_mmu_notifier, what_tells_subscribers_looks_at_nothing,
      KT_RULES("R6.3"))
{
	struct mm_struct *mm = NULL;

	mmu_notifier_subscriptions_init(mm);
	mmu_notifier_change_pte(mm, 0x3000, 0);
	mmu_notifier_invalidate_range(mm, 0x3000, 0x5000);
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, 0x3000, 0x5000);
	mmu_notifier_release(mm);
	mmu_notifier_subscriptions_destroy(mm);
	mmu_notifier_synchronize();
	mmu_notifier_might_invalidate();
	EXPECT(!mm_has_notifiers(mm));
}

/*
 * Drivers that never register still compile their types and helpers (R6.1).
 */
KTEST(without_mmu_notifier, a_drivers_types_and_its_sequence_are_there,
      KT_RULES("R6.1 R6.6"))
{
	struct mmu_interval_notifier sub = {.invalidate_seq = 1};

	EXPECT(!mmu_interval_read_retry(&sub, 1));
	mmu_interval_set_seq(&sub, 3);
	EXPECT(mmu_interval_read_retry(&sub, 1));
	EXPECT(mmu_interval_check_retry(&sub, 1));
	EXPECT(!mmu_interval_check_retry(&sub, 3));
	EXPECT_EQ(MMU_NOTIFY_UNMAP, 0);
	EXPECT_EQ(NR_MMU_NOTIFY_EVENTS, 8);
}

/* Of an entry that nobody else copies only the CPUs' mark counts (R6.4). */
KTEST(without_mmu_notifier, entry_helpers_that_notify_are_the_plain_ones,
      KT_RULES("R6.4"))
{
	struct vm_area_struct *vma;
	struct spinlock *ptl;
	struct sandbox box;
	pte_t *ptep, pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	mmap_read_lock(box.mm);
	vma = vma_lookup(box.mm, BASE);
	ptep = pgtable_map_lock(box.mm, BASE, &ptl);
	if (vma && ptep) {
		EXPECT(ptep_clear_flush_young_notify(vma, BASE, ptep));
		EXPECT(!ptep_clear_young_notify(vma, BASE, ptep));
		pte = ptep_clear_flush_notify(vma, BASE, ptep);
		EXPECT(pte_present(pte) && pte_none(ptep_get(ptep)));
		set_pte_at_notify(box.mm, BASE, ptep, pte);
		EXPECT_EQ(pte_val(ptep_get(ptep)), pte_val(pte));
	} else {
		ktest_fail(test, "the page that was touched is not mapped");
	}
	if (ptep)
		spin_unlock(ptl);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(sandbox_read(&box, BASE), 1UL);
	sandbox_close(&box);
}
