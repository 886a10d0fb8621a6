// SPDX-License-Identifier: MIT
/*
 * bench/thp.c - what a huge page costs: touch, share, split, collapse, unmap
 *
 * Problem.  A huge page is worth its 2 MiB if one operation on it costs much less than 512 on
 * small pages, and if a split, which brings the small ones back, is rare or cheap.
 *
 * Idea.  The operations that were counted on Linux, under the same names. Nearly all of a first
 * touch clears memory: 512 counts for each 4 KiB on this CPU model. Linux clears a huge
 * page twice there (init_on_alloc). Its COW rows hold such a clear before each copy.
 *
 * Called without an entry from user mode, as bench/anon.c says.
 */
#include <mm/fault/huge.h>
#include <mm/space/madvise.h>
#include <mm/table/huge.h>

#include "bench_mm.h"

#define ROUNDS 21
#define PAGES  HPAGE_PMD_NR

/* 2 MiB that may be huge, in an mm whose upper tables are there. */
static vaddr_t map_huge(struct mm_struct *mm)
{
	vaddr_t addr = ALIGN(bench_map(mm, 2 * PAGES), PMD_SIZE);

	WRITE_ONCE(thp_mode, THP_ALWAYS);
	return addr;
}

static struct mm_struct *thp_begin(void)
{
	struct mm_struct *mm = bench_mm_begin();

	bench_touch_write(bench_map(mm, 1));
	return mm;
}

static void thp_end(struct mm_struct *mm)
{
	WRITE_ONCE(thp_mode, THP_MADVISE);
	bench_mm_end(mm);
}

/* Samples of each round that were taken beside those of another row. */
static void report(struct bench *b, const u64 *samples, const char *row)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, samples[i]);
	bench_report(b, "%s", row);
}

BENCH(thp_fault)
{
	struct mm_struct *mm = thp_begin();
	vaddr_t addr = map_huge(mm);
	static u64 gone[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		u64 began;

		BENCH_SAMPLE(b, bench_touch_write(addr));
		began = bench_start();
		madvise_dontneed(mm, addr, PMD_SIZE);
		gone[i] = bench_elapsed(b, began);
	}
	bench_report(b, "thp_fault_2mib");
	report(b, gone, "thp_dontneed");
	for (i = 0; i < ROUNDS; i++) {
		addr = map_huge(mm);
		bench_touch_write(addr);
		BENCH_SAMPLE(b, do_munmap(mm, addr, PMD_SIZE));
	}
	bench_report(b, "thp_munmap");
	thp_end(mm);
}

BENCH(thp_split)
{
	struct mm_struct *mm = thp_begin();
	static u64 unmapped[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		vaddr_t addr = map_huge(mm);
		u64 began;

		bench_touch_write(addr);
		BENCH_SAMPLE(b, do_mprotect(mm, addr + PAGES / 2 * PAGE_SIZE,
					    PAGE_SIZE, PROT_READ));
		began = bench_start();
		do_munmap(mm, addr, PMD_SIZE);
		unmapped[i] = bench_elapsed(b, began);
	}
	bench_report(b, "thp_split_by_mprotect_4k");
	report(b, unmapped, "thp_munmap_after_that_split");
	thp_end(mm);
}

static struct mm_struct *fork_it(struct mm_struct *mm)
{
	struct mm_struct *child;

	if (mm_fork(mm, &child))
		panic("bench: no memory for a fork");
	return child;
}

BENCH(thp_cow)
{
	struct mm_struct *mm = thp_begin();
	static u64 next[ROUNDS], all[ROUNDS], own[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		vaddr_t addr = map_huge(mm);
		struct mm_struct *child;
		u64 began;

		bench_touch_write(addr);
		child = fork_it(mm);
		BENCH_SAMPLE(b, bench_touch_write(addr));
		began = bench_start();
		bench_touch_write(addr + PAGE_SIZE);
		next[i] = bench_elapsed(b, began);
		began = bench_start();
		bench_touch_all(addr + 2 * PAGE_SIZE, PAGES - 2);
		all[i] = bench_elapsed(b, began) / (PAGES - 2);
		mmput(child);
		do_munmap(mm, addr, PMD_SIZE);

		addr = map_huge(mm);
		bench_touch_write(addr);
		mmput(fork_it(mm));
		began = bench_start();
		bench_touch_write(addr);
		own[i] = bench_elapsed(b, began);
		do_munmap(mm, addr, PMD_SIZE);
	}
	bench_report(b, "thp_cow_fault_shared_splits_copies_4k");
	report(b, next, "thp_cow_fault_next_4k");
	report(b, all, "thp_cow_fault_each_of_510");
	report(b, own, "thp_cow_fault_sole_owner");
	thp_end(mm);
}

BENCH(thp_zero)
{
	struct mm_struct *mm = thp_begin();
	static u64 over[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		vaddr_t addr = map_huge(mm);
		u64 began;

		BENCH_SAMPLE(b, bench_touch_read(addr));
		began = bench_start();
		bench_touch_write(addr);
		over[i] = bench_elapsed(b, began);
		do_munmap(mm, addr, PMD_SIZE);
	}
	bench_report(b, "huge_zero_page_read_fault");
	report(b, over, "huge_zero_page_write_fault_maps_2mib");
	thp_end(mm);
}

BENCH(thp_collapse)
{
	struct mm_struct *mm = thp_begin();
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		vaddr_t addr = map_huge(mm);

		WRITE_ONCE(thp_mode, THP_NEVER);
		bench_touch_all(addr, PAGES);
		BENCH_SAMPLE(b, madvise_collapse(mm, addr, PMD_SIZE));
		do_munmap(mm, addr, PMD_SIZE);
	}
	bench_report(b, "madv_collapse_2mib_512_touched");
	thp_end(mm);
}
