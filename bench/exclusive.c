// SPDX-License-Identifier: MIT
/*
 * bench/exclusive.c - give pages to a device, restore them
 *
 * Problem.  Each round of a contest between CPU and device pays for making a
 * page exclusive and for the CPU's fault that ends it.
 *
 * Idea.  As the driver calls it, without a device: make a run of 1, 16 or 512
 * touched pages exclusive under mmap_lock, let go of the page locks and
 * references (not counted), then touch each page and count the fault.  The same
 * with one interval subscription over the range (`sub`), whose callback does
 * what the smallest driver does.
 */
#include <mm/device/exclusive.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/page/page.h>

#include "bench_mm.h"

#define MOST_PAGES 512UL
#define ROUNDS     51

static struct page *pages[MOST_PAGES];
static u64 make_counts[ROUNDS];
static int owner;

static bool invalidate(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq)
{
	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == &owner)
		return true;
	mmu_interval_set_seq(sub, cur_seq);
	return true;
}

static const struct mmu_interval_notifier_ops ops = {
	.invalidate = invalidate,
};

static void let_go(unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		BUG_ON(!pages[i]);
		unlock_page(pages[i]);
		put_page(pages[i]);
	}
}

static void exclusive_rounds(struct bench *b, struct mm_struct *mm,
			     unsigned long nr, const char *with)
{
	vaddr_t addr = bench_map(mm, nr);
	unsigned long round, i;

	bench_touch_all(addr, nr);
	for (round = 0; round < ROUNDS; round++) {
		u64 began;
		int made;

		mmap_read_lock(mm);
		began = bench_start();
		made = make_device_exclusive_range(
			mm, addr, addr + nr * PAGE_SIZE, pages, &owner);
		make_counts[round] = bench_elapsed(b, began);
		mmap_read_unlock(mm);
		BUG_ON(made != (int)nr);
		let_go(nr);
		for (i = 0; i < nr; i++)
			BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	}
	bench_report(b, "exclusive_cpu_fault_back%s_of_%lu", with, nr);
	for (round = 0; round < ROUNDS; round++)
		bench_keep(b, make_counts[round]);
	bench_report(b, "exclusive_make%s_%lupages", with, nr);
	for (round = 0; round < ROUNDS; round++)
		bench_keep(b, make_counts[round]);
	bench_report_per(b, nr, "exclusive_make%s_per_page_of_%lu", with, nr);
	do_munmap(mm, addr, nr * PAGE_SIZE);
}

BENCH(exclusive)
{
	struct mm_struct *mm = bench_mm_begin();

	exclusive_rounds(b, mm, 1, "");
	exclusive_rounds(b, mm, 16, "");
	exclusive_rounds(b, mm, MOST_PAGES, "");
	bench_mm_end(mm);
}

BENCH(exclusive_subscribed)
{
	static struct mmu_interval_notifier sub;
	struct mm_struct *mm = bench_mm_begin();
	int err;

	err = mmu_interval_notifier_insert(&sub, mm, 0, USER_END, &ops);
	if (err)
		panic("bench: no subscription: %d", err);
	exclusive_rounds(b, mm, 1, "_sub");
	exclusive_rounds(b, mm, MOST_PAGES, "_sub");
	kthread_unuse_mm(mm);
	mmu_interval_notifier_remove(&sub);
	mmput(mm);
}
