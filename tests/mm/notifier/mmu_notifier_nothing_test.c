// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_nothing_test.c - ranges of nothing (R1.6)
 *
 * An empty range, or one that ends before it begins, is a mistake of its
 * invalidator. The outcome:
 *
 *			debug kernel		other kernels
 *	start		a warning		as any range
 *	start_nonblock	a warning, -EINVAL	as any range: 0 or -EAGAIN
 *	callbacks	none			plain ones; intervals that
 *						have it strictly inside
 *	end		does nothing		as any range
 *	the mm's count	goes back to 0 either way: a later registration does
 *			not wait for it
 *
 * So where it is not refused it does no more than a real range there would: a
 * subscriber drops nothing, or too much, and what is read beside it is read
 * again. That nothing is left open is what could hang the mm, and is tried in
 * both kernels. A length of 0 or beyond the space is refused by insert in every
 * kernel: it comes from a driver, which may have it from a program (R4.6).
 */
#include "notifier_fixture.h"
#include <lib/assert.h>

#define REFUSED IS_ENABLED(CONFIG_DEBUG)

/*
 *	pages	0 1 2 3 4 5 6 7 8 9
 *	around	  [-----]
 *	apart			[-]
 *	empty	    ][			at 2
 *	wrong	    ][			from 3 to 2
 */
struct nothing {
	struct mm_struct *mm;
	struct listener l;
	struct watcher around, apart;
	bool listens, watches;
};

static void expect_nothing_open(struct ktest *test, struct nothing *n)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_read_stats(n->mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT(mmu_notifier_verify(n->mm));
}

static void try_nothing(struct ktest *test, struct nothing *n,
			unsigned long from, unsigned long to, bool nonblock)
{
	unsigned int told = REFUSED ? 0 : 1;
	unsigned int warned = warn_count();
	struct mmu_notifier_range range;

	n->l.starts = n->l.ends = 0;
	n->around.calls = n->apart.calls = 0;
	if (nonblock)
		EXPECT_EQ(start_nonblock_of(&range, n->mm, from, to),
			  REFUSED ? -EINVAL : 0);
	else
		start_of(&range, n->mm, from, to);
	EXPECT_EQ(warn_count() - warned, REFUSED ? 1U : 0U);
	end_of(&range);
	EXPECT_EQ(n->l.starts, n->listens ? told : 0U);
	EXPECT_EQ(n->l.ends, n->listens ? told : 0U);
	EXPECT_EQ(n->around.calls, n->watches ? told : 0U);
	EXPECT_EQ(n->apart.calls, 0U);
	expect_nothing_open(test, n);
}

static void try_all(struct ktest *test, struct nothing *n)
{
	try_nothing(test, n, 2, 2, false);
	try_nothing(test, n, 3, 2, false);
	try_nothing(test, n, 2, 2, true);
	try_nothing(test, n, 3, 2, true);
}

KTEST(mmu_notifier_nothing, every_start_of_a_range_of_nothing_leaves_nothing_open,
      KT_FLAGS(REFUSED ? KT_EXPECT_REPORT : 0), KT_RULES("R1.6"))
{
	struct nothing n = {.mm = mm_alloc()};
	struct listener newcomer;

	REQUIRE(n.mm);
	watcher_init(&n.around, test);
	watcher_init(&n.apart, test);
	try_all(test, &n);
	EXPECT_EQ(listen(&n.l, n.mm), 0);
	n.listens = true;
	try_all(test, &n);
	EXPECT_EQ(watch(&n.around, n.mm, 1, 4), 0);
	EXPECT_EQ(watch(&n.apart, n.mm, 8, 9), 0);
	n.watches = true;
	try_all(test, &n);
	unlisten(&n.l, n.mm);
	n.listens = false;
	try_all(test, &n);
	EXPECT_EQ(mmu_interval_read_begin(&n.around.sub) & 1, 1UL);
	EXPECT_EQ(listen(&newcomer, n.mm), 0);
	unlisten(&newcomer, n.mm);
	unwatch(&n.around);
	unwatch(&n.apart);
	mmput(n.mm);
}

/*
 *	start	0	1	the last page	the last byte but one
 *	length	0	max	2 pages		3 bytes		refused
 *	length	-	-	1 page		2 bytes		the end of the space
 *
 * An interval of the last byte alone is refused: no range [start, end) has it, so
 * none could notify.
 */
KTEST(mmu_notifier_nothing,
      an_interval_of_nothing_or_beyond_the_space_is_refused, KT_RULES("R4.6"))
{
	static const struct {
		unsigned long start, length;
		int ret;
	} tries[] = {
		{0, 0, -EOVERFLOW},
		{~0UL, 0, -EOVERFLOW},
		{1, ~0UL, 0},
		{2, ~0UL, -EOVERFLOW},
		{PG(1), ~0UL, -EOVERFLOW},
		{-PAGE_SIZE, 2 * PAGE_SIZE, -EOVERFLOW},
		{-PAGE_SIZE, PAGE_SIZE, 0},
		{~0UL - 1, 3, -EOVERFLOW},
		{~0UL - 1, 2, 0},
		{~0UL, 2, -EOVERFLOW},
		{~0UL, 1, -EOVERFLOW},
	};
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range whole;
	struct watcher w;
	unsigned int i;
	int ret;

	REQUIRE(mm);
	for (i = 0; i < 2 * ARRAY_SIZE(tries); i++) {
		unsigned long start = tries[i / 2].start;
		unsigned long length = tries[i / 2].length;

		watcher_init(&w, test);
		if (i & 1) {
			mmap_write_lock(mm);
			ret = mmu_interval_notifier_insert_locked(
				&w.sub, mm, start, length, &watcher_ops);
			mmap_write_unlock(mm);
		} else {
			ret = mmu_interval_notifier_insert(&w.sub, mm, start,
							   length, &watcher_ops);
		}
		EXPECT_EQ(ret, tries[i / 2].ret);
		if (ret) {
			EXPECT(!w.sub.mm && !w.sub.ops);
			continue;
		}
		/* An accepted interval is seen by statistics, changes and verify. */
		mmu_notifier_range_init(&whole, MMU_NOTIFY_CLEAR, 0, NULL, mm,
					0, ~0UL);
		mmu_notifier_invalidate_range_start(&whole);
		mmu_notifier_invalidate_range_end(&whole);
		EXPECT_EQ(w.calls, 1U);
		EXPECT_EQ(stats_of(mm).intervals, 1UL);
		EXPECT(mmu_notifier_verify(mm));
		unwatch(&w);
	}
	mmput(mm);
}
