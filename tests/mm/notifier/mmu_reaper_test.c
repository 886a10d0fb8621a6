// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_reaper_test.c - taking memory from another mm must not wait
 *
 * Problem.  When memory has run out a reaper takes the pages of an address space
 * that is to die. It may wait for no lock, because the holder may be waiting for
 * memory. Concord has no such reaper yet; the calls that it will make are all
 * there (R3.9).
 *
 * Idea.  The reaper below is made of them, in their order:
 *
 *	mmap_lock, for reading, if it is free; else nothing
 *	for each region
 *		start, and callbacks may not sleep
 *		failed: skip the region, remember it; its end is not called
 *		else: zap, flush, end
 *
 * The subscribers are drivers whose lock the test holds, so that they answer as
 * they would when they are at work.
 *
 * Not here: the choice of the address space, and the number of attempts.
 */
#include <mm/table/tlb.h>
#include "tests/mm/lib/sandbox.h"
#include "notifier_fixture.h"

/* The result of one pass. */
struct reaping {
	struct mm_struct *mm;
	bool locked; /* mmap_lock could be had */
	unsigned int reaped;
	unsigned int skipped;
};

/* The reaper's part of one region: all of it, or nothing. */
static bool reap_region(struct vm_area_struct *vma)
{
	struct mmu_notifier_range range;
	struct mmu_gather tlb;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, vma->vm_mm,
				vma->vm_start, vma->vm_end);
	if (mmu_notifier_invalidate_range_start_nonblock(&range))
		return false;
	tlb_gather_mmu(&tlb, vma->vm_mm, vma->vm_start, vma->vm_end);
	zap_range(&tlb, vma->vm_start, vma->vm_end);
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
	return true;
}

static int reap(void *arg)
{
	struct reaping *r = arg;
	struct vm_area_struct *vma;

	r->reaped = 0;
	r->skipped = 0;
	r->locked = mmap_read_trylock(r->mm);
	if (!r->locked)
		return 0;
	for_each_vma(vma, r->mm) {
		if (reap_region(vma))
			r->reaped++;
		else
			r->skipped++;
	}
	mmap_read_unlock(r->mm);
	return 0;
}

/* In a thread of its own: the test may hold locks that callbacks try. */
static void reap_elsewhere(struct ktest *test, struct reaping *r,
			   struct task *task)
{
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), 0);
	EXPECT(r->locked);
}

static bool filled(struct sandbox *box, vaddr_t addr)
{
	return !pte_none(sandbox_pte(box, addr));
}

/* Three regions of two pages, all written: 0-1, 3-4, 6-7. */
static bool setup(struct sandbox *box, struct ktest *test)
{
	unsigned int i;

	if (!sandbox_open(box, test))
		return false;
	for (i = 0; i < 3; i++) {
		sandbox_map(box, AT(3 * i), 2);
		EXPECT_EQ(user_poke(AT(3 * i), i + 1), 0);
		EXPECT_EQ(user_poke(AT(3 * i + 1), i + 1), 0);
	}
	sandbox_forget(box);
	return true;
}

static int watch_at(struct watcher *w, struct mm_struct *mm, unsigned int page,
		    unsigned int nr)
{
	return mmu_interval_notifier_insert(&w->sub, mm, AT(page), LEN(nr),
					    &watcher_ops);
}

static void expect_nothing_open(struct ktest *test, struct mm_struct *mm,
				unsigned long failed)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.failed_starts, failed);
}

KTEST(mmu_reaper, a_region_whose_subscribers_let_go_is_emptied_and_ended,
      KT_RULES("R3.9"))
{
	struct sandbox box;
	struct reaping r;
	struct listener l;

	REQUIRE(setup(&box, test));
	r.mm = box.mm;
	EXPECT_EQ(listen(&l, box.mm), 0);
	EXPECT_EQ(reap(&r), 0);
	EXPECT(r.locked);
	EXPECT_EQ(r.reaped, 3U);
	EXPECT_EQ(r.skipped, 0U);
	EXPECT_EQ(box.nr, 3U);
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_CLEAR, AT(3), AT(5));
	EXPECT_EQ(l.starts, 3U);
	EXPECT_EQ(l.ends, 3U);
	EXPECT(!l.blockable_at_start && !l.blockable_at_end);
	EXPECT(!filled(&box, AT(0)) && !filled(&box, AT(7)));
	expect_nothing_open(test, box.mm, 0);
	unlisten(&l, box.mm);
	sandbox_close(&box);
}

/*
 *	pages	0 1   3 4   6 7
 *	driver	      [-]		its lock is taken: that region is skipped
 */
KTEST(mmu_reaper, a_region_whose_driver_is_at_work_is_skipped_and_left_whole,
      KT_RULES("R3.9"))
{
	struct reaping r;
	struct sandbox box;
	struct task *task;
	struct watcher w;
	unsigned long seq;

	REQUIRE(setup(&box, test));
	r.mm = box.mm;
	watcher_init(&w, test);
	EXPECT_EQ(watch_at(&w, box.mm, 3, 2), 0);
	task = kthread_create(reap, &r, "reaper");
	REQUIRE(!IS_ERR(task));
	seq = mmu_interval_read_begin(&w.sub);
	mutex_lock(&w.lock);
	reap_elsewhere(test, &r, task);
	/* The driver's translation is good, and it may finish its work. */
	EXPECT(!mmu_interval_read_retry(&w.sub, seq));
	mutex_unlock(&w.lock);
	EXPECT_EQ(r.reaped, 2U);
	EXPECT_EQ(r.skipped, 1U);
	EXPECT_EQ(w.calls, 0U);
	EXPECT(!filled(&box, AT(0)) && !filled(&box, AT(6)));
	EXPECT_EQ(sandbox_read(&box, AT(3)), 2UL);
	EXPECT_EQ(sandbox_read(&box, AT(4)), 2UL);
	expect_nothing_open(test, box.mm, 1);
	/* The second pass gets what the first had to leave. */
	EXPECT_EQ(reap(&r), 0);
	EXPECT_EQ(r.skipped, 0U);
	EXPECT_EQ(w.calls, 1U);
	EXPECT(!filled(&box, AT(3)));
	unwatch(&w);
	sandbox_close(&box);
}

/*
 * The interval lets go, the plain one behind it cannot: the region is skipped,
 * and a reader of the interval need not wait for an end (R3.7).
 */
KTEST(mmu_reaper, a_plain_refusal_skips_the_region_and_no_reader_waits,
      KT_RULES("R3.9"))
{
	struct mmu_notifier_stats stats;
	struct sandbox box;
	struct reaping r;
	struct listener l;
	struct watcher w;
	unsigned long seq;

	REQUIRE(setup(&box, test));
	r.mm = box.mm;
	watcher_init(&w, test);
	EXPECT_EQ(watch_at(&w, box.mm, 3, 2), 0);
	EXPECT_EQ(listen_as(&l, box.mm, &start_ops), 0);
	l.answer = -EAGAIN;
	EXPECT_EQ(reap(&r), 0);
	EXPECT_EQ(r.reaped, 0U);
	EXPECT_EQ(r.skipped, 3U);
	EXPECT_EQ(w.calls, 1U);
	expect_nothing_open(test, box.mm, 3);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!must_retry(&w, seq));
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(stats.waits, 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(7)), 3UL);
	unlisten(&l, box.mm);
	unwatch(&w);
	sandbox_close(&box);
}

KTEST(mmu_reaper, a_busy_mmap_lock_is_not_waited_for, KT_RULES("R3.9"))
{
	struct sandbox box;
	struct reaping r;
	struct task *task;

	REQUIRE(setup(&box, test));
	r.mm = box.mm;
	task = kthread_create(reap, &r, "reaper");
	REQUIRE(!IS_ERR(task));
	mmap_write_lock(box.mm);
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), 0);
	mmap_write_unlock(box.mm);
	EXPECT(!r.locked);
	EXPECT_EQ(r.reaped + r.skipped, 0U);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	sandbox_close(&box);
}
