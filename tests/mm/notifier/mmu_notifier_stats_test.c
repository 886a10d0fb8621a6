// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_stats_test.c - statistics say what happened
 *
 * Each test makes things happen by hand and reads the statistics. Trace records, and
 * what both say, are in mmu_notifier_trace_test.c.
 */
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

/*
 *	pages     0 1 2 3 4 5 6 7
 *	a         [-----]
 *	b               [-----]
 *	CLEAR     [-]			twice
 *	UNMAP         [---]		both
 *	MIGRATE               [-]	plain only
 */
KTEST(mmu_notifier_stats, each_subscription_counts_by_event_and_the_mm_the_sum)
{
	struct mmu_notifier_sub_stats of_a, of_b, of_l;
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	unsigned long longest;
	struct watcher a, b;
	struct listener l;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&a, mm, 0, 3), 0);
	EXPECT_EQ(watch(&b, mm, 3, 6), 0);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	change_as(MMU_NOTIFY_UNMAP, mm, 2, 4);
	change_as(MMU_NOTIFY_MIGRATE, mm, 6, 7);
	of_a = figures_of(test, mm, &a.sub);
	of_b = figures_of(test, mm, &b.sub);
	of_l = figures_of(test, mm, &l.sub);
	EXPECT_EQ(of_a.events[MMU_NOTIFY_CLEAR], 2UL);
	EXPECT_EQ(of_a.events[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(of_a.events[MMU_NOTIFY_MIGRATE], 0UL);
	EXPECT_EQ(of_a.callbacks, 3UL);
	EXPECT_EQ(of_b.events[MMU_NOTIFY_CLEAR], 0UL);
	EXPECT_EQ(of_b.events[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(of_b.callbacks, 1UL);
	EXPECT_EQ(of_l.events[MMU_NOTIFY_CLEAR], 2UL);
	EXPECT_EQ(of_l.events[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(of_l.events[MMU_NOTIFY_MIGRATE], 1UL);
	/* Ends are callbacks; the range was counted at its start. */
	EXPECT_EQ(of_l.callbacks, 8UL);
	stats = stats_of(mm);
	EXPECT_EQ(stats.events[MMU_NOTIFY_CLEAR], 2UL);
	EXPECT_EQ(stats.events[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(stats.events[MMU_NOTIFY_MIGRATE], 1UL);
	EXPECT_EQ(stats.callbacks,
		  of_a.callbacks + of_b.callbacks + of_l.callbacks);
	EXPECT_GT(of_a.longest, 0UL);
	EXPECT_GT(of_l.longest, 0UL);
	longest = max(of_a.longest, of_b.longest);
	longest = max(longest, of_l.longest);
	EXPECT_EQ(stats.longest, longest);
	unwatch(&a);
	unwatch(&b);
	unlisten(&l, mm);
	mmput(mm);
}

/* A callback of so many ticks at least, once. */
#define LONG_TICKS 2000000ul

static bool long_invalidate(struct mmu_interval_notifier *sub,
			    const struct mmu_notifier_range *range,
			    unsigned long cur_seq)
{
	unsigned long since = rdtsc();

	mmu_interval_set_seq(sub, cur_seq);
	while (range->event == MMU_NOTIFY_UNMAP && rdtsc() - since < LONG_TICKS)
		cpu_relax();
	return true;
}

static const struct mmu_interval_notifier_ops long_ops = {
	.invalidate = long_invalidate,
};

KTEST(mmu_notifier_stats, the_longest_callback_is_kept_after_shorter_ones)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_notifier sub;
	unsigned long longest;

	REQUIRE(mm);
	EXPECT_EQ(mmu_interval_notifier_insert(&sub, mm, 0, PG(1), &long_ops), 0);
	change_as(MMU_NOTIFY_UNMAP, mm, 0, 1);
	longest = figures_of(test, mm, &sub).longest;
	EXPECT_GE(longest, LONG_TICKS);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	EXPECT_GE(figures_of(test, mm, &sub).longest, longest);
	EXPECT_EQ(stats_of(mm).longest, figures_of(test, mm, &sub).longest);
	mmu_interval_notifier_remove(&sub);
	mmput(mm);
}

/* --- collided read sections --------------------------------------------------------- */

/*
 *	section 1	UNMAP
 *	section 2	PROTECTION_VMA, then SOFT_DIRTY: the last one counts
 *	section 3	CLEAR, then a MIGRATE that the driver ignores
 *	section 4	nothing
 */
KTEST(mmu_notifier_stats,
      a_section_in_vain_is_put_down_to_the_event_that_came_between)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_sub_stats figures;
	struct mmu_notifier_stats stats;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_UNMAP, mm, 0, 1);
	EXPECT(must_retry(&w, seq));
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_PROTECTION_VMA, mm, 0, 1);
	change_as(MMU_NOTIFY_SOFT_DIRTY, mm, 0, 1);
	EXPECT(must_retry(&w, seq));
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	w.ignore = true;
	change_as(MMU_NOTIFY_MIGRATE, mm, 0, 1);
	w.ignore = false;
	EXPECT(must_retry(&w, seq));
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!must_retry(&w, seq));
	figures = figures_of(test, mm, &w.sub);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_PROTECTION_VMA], 0UL);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_SOFT_DIRTY], 1UL);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_CLEAR], 1UL);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_MIGRATE], 0UL);
	EXPECT_EQ(figures.retries_other, 0UL);
	stats = stats_of(mm);
	EXPECT_EQ(memcmp(stats.retries, figures.retries, sizeof(stats.retries)),
		  0);
	EXPECT_EQ(stats.retries_other, 0UL);
	unwatch(&w);
	mmput(mm);
}

/* So many ranges have overlapped meanwhile that the event is not remembered. */
KTEST(mmu_notifier_stats, an_event_that_is_forgotten_is_not_guessed)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_sub_stats figures;
	struct watcher w, other;
	unsigned long seq;
	unsigned int i;

	REQUIRE(mm);
	watcher_init(&w, test);
	watcher_init(&other, test);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	EXPECT_EQ(watch(&other, mm, 1, 2), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_UNMAP, mm, 0, 1);
	for (i = 0; i < NOTIFIER_RECENT - 1; i++)
		change_as(MMU_NOTIFY_CLEAR, mm, 1, 2);
	EXPECT(must_retry(&w, seq));
	EXPECT_EQ(figures_of(test, mm, &w.sub).retries[MMU_NOTIFY_UNMAP], 1UL);
	change_as(MMU_NOTIFY_CLEAR, mm, 1, 2);
	EXPECT(must_retry(&w, seq));
	figures = figures_of(test, mm, &w.sub);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(figures.retries[MMU_NOTIFY_CLEAR], 0UL);
	EXPECT_EQ(figures.retries_other, 1UL);
	EXPECT_EQ(stats_of(mm).retries_other, 1UL);
	unwatch(&w);
	unwatch(&other);
	mmput(mm);
}

KTEST(mmu_notifier_stats, a_wait_is_counted_where_it_was_waited)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct watcher waits, passes;
	struct reader r;

	REQUIRE(mm);
	watcher_init(&waits, test);
	watcher_init(&passes, test);
	EXPECT_EQ(watch(&waits, mm, 0, 2), 0);
	EXPECT_EQ(watch(&passes, mm, 2, 4), 0);
	start_of(&range, mm, 0, 1);
	reader_run(&r, &waits);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	mmu_interval_read_begin(&passes.sub);
	end_of(&range);
	kthread_join(r.task);
	EXPECT_EQ(figures_of(test, mm, &waits.sub).waits, 1UL);
	EXPECT_EQ(figures_of(test, mm, &passes.sub).waits, 0UL);
	EXPECT_EQ(stats_of(mm).waits, 1UL);
	unwatch(&waits);
	unwatch(&passes);
	mmput(mm);
}
