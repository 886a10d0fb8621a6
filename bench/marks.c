// SPDX-License-Identifier: MIT
/*
 * bench/marks.c - what it costs to ask about pages, and to mark them
 *
 * Problem.  A program that takes snapshots asks for each page whether it was written to. A
 * look at a page must cost far less than a fault.
 *
 * Idea.  The operations that were counted on Linux, under the same names, over 512 pages that
 * were written to: mincore(), the page map, clearing of write marks and the fault behind
 * it, MADV_FREE. Linux's page map is read from a file, its mincore() copies to user memory;
 * ours are given an array of the kernel.
 *
 * Write marks are cleared for a whole address space: the row of Linux has its process in it,
 * so the difference to the same process without the 512 pages is what compares
 * (scripts/bench.py).
 */
#include <mm/space/pagemap.h>
#include <mm/space/soft_dirty.h>

#include "bench_mm.h"

#define PAGES  512UL
#define ROUNDS 51
#define SPAN   (PAGES * PAGE_SIZE)

BENCH(page_map)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	static unsigned char present[PAGES];
	static u64 words[PAGES];
	unsigned int i;

	bench_touch_all(addr, PAGES);
	for (i = 0; i < ROUNDS; i++)
		BENCH_SAMPLE(b, do_mincore(mm, addr, SPAN, present));
	bench_report(b, "mincore_512");
	for (i = 0; i < ROUNDS; i++)
		BENCH_SAMPLE(b, pagemap_read(mm, addr, words, PAGES));
	bench_report(b, "pagemap_read_512");
	bench_mm_end(mm);
}

BENCH(soft_dirty)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	static u64 cleared[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		BENCH_SAMPLE(b, mm_clear_soft_dirty(mm));
	bench_report(b, "clear_refs_soft_dirty_same_mm_less_the_512");
	for (i = 0; i < ROUNDS; i++) {
		u64 began;

		bench_touch_all(addr, PAGES);
		began = bench_start();
		mm_clear_soft_dirty(mm);
		cleared[i] = bench_elapsed(b, began);
	}
	for (i = 0; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "write_fault_after_clear_refs");
	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, cleared[i]);
	bench_report(b, "clear_refs_soft_dirty_512");
	bench_mm_end(mm);
}

BENCH(madvise_free)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		bench_touch_all(addr, PAGES);
		BENCH_SAMPLE(b, do_madvise(mm, addr, SPAN, MADV_FREE));
	}
	bench_report(b, "madv_free_512pages_touched");
	bench_mm_end(mm);
}
