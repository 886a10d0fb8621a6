// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/secondary_tlb_told_test.c - how a secondary TLB is flushed
 *
 * The bounds, the order, statistics and trace records, and what a subscriber may
 * do meanwhile.
 */
#include <arch/tlb.h>
#include <kernel/lock/lockdep.h>
#include <kernel/trace.h>
#include <mm/table/tlb.h>

#include "secondary_tlb.h"

DECLARE_TRACE_EVENT(mmu_notifier_callback);

KTEST(secondary_tlb, it_is_told_the_bounds_that_the_cpus_got_and_after_them,
      KT_RULES("R2.9 R2.10"))
{
	struct tlb_counters before;
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	secondary_poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	mmap_read_lock(box.mm);
	tlb_read_counters(&before);
	flush_tlb_mm_range(box.mm, AT(1), AT(2));
	EXPECT_TOLD(dev, 1U, AT(1), AT(2));
	EXPECT_GE(dev->flushes, before.flushes + 1);
	EXPECT_EQ(secondary_kept(dev), 3U);
	/* Everything at once. */
	flush_tlb_mm_range(box.mm, 0, ~0UL);
	EXPECT_TOLD(dev, 2U, 0UL, ~0UL);
	EXPECT_EQ(secondary_kept(dev), 0U);
	mmap_read_unlock(box.mm);
	secondary_close(dev, &box);
}

/* People see it in the monitor. */
KTEST(secondary_tlb, the_figures_count_every_time_it_was_told)
{
	struct follower f = {.sub.ops = &follower_ops};
	struct mmu_notifier_stats stats;
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(stats.callbacks, 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(dev->told, 2U);
	/* Two events, of which the observer of the sandbox is notified as well. */
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(stats.callbacks, 2UL + dev->told);
	/* The zero page again: CLEAR for two, the new value, the flush. */
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(dev->told, 3U);
	EXPECT_EQ(stats.callbacks, 2UL + dev->told + 1 + 3);
	mmu_notifier_unregister(&f.sub, box.mm);
	secondary_close(dev, &box);
}

/* The only record of this thread's telling @sub something. */
static const struct trace_record *told_record(struct ktest *test,
					      const struct mmu_notifier *sub)
{
	static struct trace_record recs[64], *found;
	unsigned int n = trace_read_last(recs, ARRAY_SIZE(recs)), i, times = 0;

	for (i = 0; i < n; i++) {
		if (recs[i].event != &trace_event_mmu_notifier_callback ||
		    recs[i].pid != current->pid ||
		    recs[i].args[0] != (unsigned long)sub)
			continue;
		found = &recs[i];
		times++;
	}
	EXPECT_EQ(times, 1U);
	return times == 1 ? found : NULL;
}

/* The callback and its bounds; it has no answer, and took some time. */
static void expect_told_record(struct ktest *test, const struct mmu_notifier *sub,
			       const char *what, vaddr_t from, vaddr_t to)
{
	const struct trace_record *rec = told_record(test, sub);

	if (!rec)
		return;
	EXPECT_STREQ((const char *)rec->args[1], what);
	EXPECT_EQ(rec->args[2], from);
	EXPECT_EQ(rec->args[3], to);
	EXPECT_EQ(rec->args[4], 0UL);
	EXPECT_GT(rec->args[5], 0UL);
}

KTEST(secondary_tlb, the_trace_says_of_what_it_was_told_and_for_how_long)
{
	struct follower f = {.sub.ops = &follower_ops};
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	secondary_poke_all(&box, 3);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	trace_clear();
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(2)), 0);
	expect_told_record(test, &dev->sub, "invalidate_range", AT(1), AT(3));
	trace_clear();
	EXPECT_EQ(user_poke(AT(3), 1), 0);
	expect_told_record(test, &dev->sub, "invalidate_range", AT(3), AT(4));
	expect_told_record(test, &f.sub, "change_pte", AT(3), AT(3) + 1);
	mmu_notifier_unregister(&f.sub, box.mm);
	secondary_close(dev, &box);
}

/* No lock is held over the flush of munmap, yet there are flushes with one. */
KTEST(secondary_tlb, one_that_may_sleep_when_told_is_reported_wherever_it_is_told,
      KT_FLAGS(KT_NEEDS_LOCKDEP), KT_RULES("R2.10 R5.6"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	secondary_poke_all(&box, 1);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	dev->nap = true;
	lockdep_expect_begin();
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT(!dev->locked);
	EXPECT_EQ(lockdep_expect_end(NULL, 0), 1U);
	lockdep_expect_begin();
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT(dev->locked);
	EXPECT_EQ(lockdep_expect_end(NULL, 0), 1U);
	EXPECT_EQ(dev->told, 2U);
	dev->nap = false;
	secondary_close(dev, &box);
}

/* A subscriber that leaves in its callback; the walk that called it frees it. */
struct leaver {
	struct mmu_notifier sub;
	struct spinlock *ptl;
	unsigned int frees_when_told;
};

static unsigned int leaver_frees;
static bool leaver_freed_locked;
static struct leaver leaver;

static struct mmu_notifier *leaver_alloc(struct mm_struct *mm)
{
	return &leaver.sub;
}

static void leaver_free(struct mmu_notifier *sub)
{
	leaver_frees++;
	leaver_freed_locked = lockdep_is_held(leaver.ptl);
}

static void leaver_told(struct mmu_notifier *sub, struct mm_struct *mm,
			unsigned long start, unsigned long end)
{
	leaver.ptl = pmd_ptl(secondary_upper(mm, start));
	mmu_notifier_put(sub);
	leaver.frees_when_told = leaver_frees;
}

static const struct mmu_notifier_ops leaver_ops = {
	.invalidate_range = leaver_told,
	.alloc_notifier = leaver_alloc,
	.free_notifier = leaver_free,
};

KTEST(secondary_tlb, one_that_leaves_when_told_is_freed_under_the_tables_lock,
      KT_RULES("R2.10 R5.6"))
{
	struct sandbox box;

	leaver = (struct leaver){.frees_when_told = 1};
	leaver_frees = 0;
	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(mmu_notifier_get(&leaver_ops, box.mm), &leaver.sub);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(leaver.frees_when_told, 0U);
	EXPECT_EQ(leaver_frees, 1U);
	EXPECT(leaver_freed_locked);
	EXPECT_EQ(mmu_notifier_nr_pending(), 0UL);
	/* And never called again. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(leaver_frees, 1U);
	sandbox_close(&box);
}
