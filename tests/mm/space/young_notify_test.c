// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/young_notify_test.c - devices are asked whether they have used a page
 *
 * A tracker is a device that has a mark for each of the pages from BASE on, and notes what
 * it was asked.
 */
#include <arch/tlb.h>
#include <lib/string.h>
#include <mm/page/lock.h>
#include <mm/page/ref.h>
#include <mm/rmap/referenced.h>
#include <mm/space/young.h>
#include "tests/mm/lib/relatives.h"

#define PAGES 8

/**
 * struct tracker - see above
 * @sub: plain
 * @used: a bit for each page
 * @asked: how often about each page
 * @young: how often by test_young()
 * @cleared: by clear_young()
 * @flushed: by clear_flush_young()
 * @flushes: of the CPUs when it was asked last
 */
struct tracker {
	struct mmu_notifier sub;
	unsigned long used;
	unsigned int asked[PAGES];
	unsigned int young;
	unsigned int cleared;
	unsigned int flushed;
	u64 flushes;
};

/* Its mark of the page at an address. */
static bool tracker_asked(struct tracker *t, unsigned long addr)
{
	unsigned long page = (addr - BASE) >> PAGE_SHIFT;
	struct tlb_counters counters;

	tlb_read_counters(&counters);
	t->flushes = counters.flushes;
	t->asked[page]++;
	return t->used & BIT(page);
}

static bool tracker_test(struct mmu_notifier *sub, struct mm_struct *mm,
			 unsigned long addr)
{
	struct tracker *t = container_of(sub, struct tracker, sub);

	t->young++;
	return tracker_asked(t, addr);
}

static bool tracker_forget(struct tracker *t, unsigned long addr)
{
	bool used = tracker_asked(t, addr);

	t->used &= ~BIT((addr - BASE) >> PAGE_SHIFT);
	return used;
}

static bool tracker_clear(struct mmu_notifier *sub, struct mm_struct *mm,
			  unsigned long start, unsigned long end)
{
	struct tracker *t = container_of(sub, struct tracker, sub);

	t->cleared++;
	return tracker_forget(t, start);
}

static bool tracker_clear_flush(struct mmu_notifier *sub, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	struct tracker *t = container_of(sub, struct tracker, sub);

	t->flushed++;
	return tracker_forget(t, start);
}

static const struct mmu_notifier_ops tracker_ops = {
	.test_young = tracker_test,
	.clear_young = tracker_clear,
	.clear_flush_young = tracker_clear_flush,
};

static void track(struct ktest *test, struct tracker *t, struct mm_struct *mm)
{
	*t = (struct tracker){.sub = {.ops = &tracker_ops}};
	EXPECT_EQ(mmu_notifier_register(&t->sub, mm), 0);
}

/*
 *	pages	0 1 2 3
 *	CPUs	x x
 *	device	x   x		3: not there, nobody is asked
 */
KTEST(young, devices_are_asked_about_each_page_that_is_there,
      KT_RULES("R1.16 R2.2 R2.3 R2.4"))
{
	unsigned char used[4];
	struct sandbox box;
	struct tracker t;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(user_poke(AT(i), 1), 0);
	sandbox_set_pte(&box, AT(2), pte_mkold(sandbox_pte(&box, AT(2))));
	track(test, &t, box.mm);
	t.used = BIT(0) | BIT(2);
	sandbox_forget(&box);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(4), YOUNG_TEST, used), 3L);
	EXPECT(used[0] && used[1] && used[2] && !used[3]);
	/* A CPU's yes is enough, where nothing is cleared. */
	EXPECT_EQ(t.young, 1U);
	EXPECT_EQ(t.used, BIT(0) | BIT(2));
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(4), YOUNG_CLEAR, used), 3L);
	EXPECT_EQ(t.cleared, 3U);
	EXPECT_EQ(t.used, 0UL);
	EXPECT_EQ(t.asked[3], 0U);
	t.used = BIT(1);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(4), YOUNG_CLEAR_FLUSH, used), 1L);
	EXPECT(!used[0] && used[1] && !used[2] && !used[3]);
	EXPECT_EQ(t.flushed, 3U);
	EXPECT_EQ(box.nr, 0U);
	mmu_notifier_unregister(&t.sub, box.mm);
	sandbox_close(&box);
}

/* From there on CPUs and device watch anew together. */
KTEST(young, devices_are_asked_when_the_cpus_are_flushed, KT_RULES("R2.2"))
{
	struct tlb_counters before;
	struct sandbox box;
	struct tracker t;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	track(test, &t, box.mm);
	tlb_read_counters(&before);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(2), YOUNG_CLEAR_FLUSH, NULL), 2L);
	EXPECT_EQ(t.flushed, 2U);
	EXPECT_EQ(t.flushes, before.flushes + 1);
	mmu_notifier_unregister(&t.sub, box.mm);
	sandbox_close(&box);
}

/* No CPU can use it; the device that has it can. */
KTEST(young, a_page_that_a_device_has_is_asked_for,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R2.2 R2.3 R2.4 R8.14"))
{
	struct page *slot = NULL;
	struct sandbox box;
	struct tracker t;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
	track(test, &t, box.mm);
	pte = sandbox_pte(&box, AT(0));
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(1), YOUNG_CLEAR_FLUSH, NULL), 0L);
	t.used = BIT(0);
	EXPECT_EQ(mm_young(box.mm, AT(0), LEN(1), YOUNG_TEST, NULL), 1L);
	/* The driver has it locked, as reclaim would. */
	EXPECT_EQ(page_referenced(slot, YOUNG_TEST, NULL), 1U);
	EXPECT_EQ(page_referenced(slot, YOUNG_CLEAR, NULL), 1U);
	EXPECT_EQ(page_referenced(slot, YOUNG_CLEAR_FLUSH, NULL), 0U);
	t.used = BIT(0);
	EXPECT_EQ(page_referenced(slot, YOUNG_CLEAR_FLUSH, NULL), 1U);
	EXPECT_EQ(page_referenced(slot, YOUNG_TEST, NULL), 0U);
	EXPECT(pte_same(sandbox_pte(&box, AT(0)), pte));
	release_exclusive(&slot, 1);
	mmu_notifier_unregister(&t.sub, box.mm);
	sandbox_close(&box);
}

/*
 *	process	CPUs	device
 *	parent	used	-
 *	child	-	used		the page counts as used by two
 */
KTEST(referenced, the_devices_of_each_process_are_asked,
      KT_RULES("R1.16 R2.2 R2.3 R2.4 R2.5"))
{
	struct mm_struct *child;
	struct tracker t[2];
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open_filled(&box, test, 1));
	page = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	REQUIRE(child);
	track(test, &t[0], box.mm);
	track(test, &t[1], child);
	t[1].used = BIT(0);
	sandbox_forget(&box);
	get_page(page);
	lock_page(page);
	EXPECT_EQ(page_referenced(page, YOUNG_TEST, NULL), 2U);
	EXPECT_EQ(page_referenced(page, YOUNG_CLEAR, NULL), 2U);
	EXPECT_EQ(t[0].cleared, 1U);
	EXPECT_EQ(t[1].cleared, 1U);
	EXPECT_EQ(page_referenced(page, YOUNG_CLEAR_FLUSH, NULL), 0U);
	t[0].used = t[1].used = BIT(0);
	EXPECT_EQ(page_referenced(page, YOUNG_CLEAR_FLUSH, NULL), 2U);
	EXPECT_EQ(t[0].flushed, 2U);
	EXPECT_EQ(t[1].flushed, 2U);
	unlock_page(page);
	put_page(page);
	EXPECT_EQ(box.nr, 0U);
	mmu_notifier_unregister(&t[0].sub, box.mm);
	mmu_notifier_unregister(&t[1].sub, child);
	mmput(child);
	sandbox_close(&box);
}
