// SPDX-License-Identifier: MIT
/*
 * bench/anon.c - what an anonymous page costs: first touch, protect, unmap
 *
 * Problem.  The commonest paths of a memory manager are paid for by programs
 * that never heard of a device.
 *
 * Idea.  The same operations that were counted on Linux, under the same names:
 * first-touch faults (write; read of the zero page; write over it; into a new
 * page table), mmap and munmap, mprotect of a whole region and of its middle.
 *
 * Ours are called by a kernel thread that has adopted the address space: there
 * is no entry from user mode.  Linux's figures hold one, which scripts/bench.py
 * takes off (355 instructions, its getppid) before it compares.
 */
#include "bench_mm.h"

#define PAGES    512UL
#define ROUNDS   201
#define PTE_SPAN (512 * PAGE_SIZE)

BENCH(fault_anon)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, 2 * PAGES);
	unsigned long i;

	/* The first page of each table pays for the table: not these. */
	addr = ALIGN(addr, PTE_SPAN);
	bench_touch_write(addr);
	for (i = 1; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "fault_anon_write");
	bench_mm_end(mm);
}

BENCH(fault_zeropage)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, 2 * PAGES);
	unsigned long i;

	addr = ALIGN(addr, PTE_SPAN);
	bench_touch_write(addr);
	for (i = 1; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_read(addr + i * PAGE_SIZE));
	bench_report(b, "fault_anon_read_zeropage");
	for (i = 1; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "fault_anon_write_over_zeropage");
	bench_mm_end(mm);
}

BENCH(fault_new_table)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, 101 * PAGES);
	unsigned long i;

	for (i = 0; i < 100; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PTE_SPAN));
	bench_report(b, "fault_anon_write_new_pte_table");
	bench_mm_end(mm);
}

BENCH(mmap_1page)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t keep = bench_map(mm, 1);
	vaddr_t addr = 0;
	unsigned int i;

	bench_touch_write(keep);
	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, addr = bench_map(mm, 1));
		do_munmap(mm, addr, PAGE_SIZE);
	}
	bench_report(b, "mmap_anon_1page");
	bench_mm_end(mm);
}

static void unmap_rounds(struct bench *b, struct mm_struct *mm,
			 unsigned long pages, bool touched)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		vaddr_t addr = bench_map(mm, pages);

		if (touched)
			bench_touch_all(addr, pages);
		BENCH_SAMPLE(b, do_munmap(mm, addr, pages * PAGE_SIZE));
	}
}

BENCH(munmap)
{
	struct mm_struct *mm = bench_mm_begin();

	unmap_rounds(b, mm, 1, true);
	bench_report(b, "munmap_1page_touched");
	unmap_rounds(b, mm, 1, false);
	bench_report(b, "munmap_1page_untouched");
	unmap_rounds(b, mm, PAGES, true);
	bench_report(b, "munmap_512pages_touched");
	bench_mm_end(mm);
}

BENCH(madvise_dontneed)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		bench_touch_all(addr, PAGES);
		BENCH_SAMPLE(b, madvise_dontneed(mm, addr, PAGES * PAGE_SIZE));
	}
	bench_report(b, "madv_dontneed_512pages_touched");
	for (i = 0; i < ROUNDS; i++) {
		bench_touch_all(addr, 1);
		BENCH_SAMPLE(b, madvise_dontneed(mm, addr, PAGE_SIZE));
	}
	bench_report(b, "madv_dontneed_1page_plain_k0");
	bench_mm_end(mm);
}

/* One page in the middle of @span pages, to read-only and back. */
static void protect_rounds(struct bench *b, unsigned long span,
			   const char *to_ro, const char *to_rw)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t start = bench_map(mm, span);
	vaddr_t addr = start + span / 2 * PAGE_SIZE;
	static u64 there[ROUNDS], back[ROUNDS];
	unsigned int i;

	bench_touch_all(start, span);
	for (i = 0; i < ROUNDS; i++) {
		u64 began;

		began = bench_start();
		do_mprotect(mm, addr, PAGE_SIZE, PROT_READ);
		there[i] = bench_elapsed(b, began);
		began = bench_start();
		do_mprotect(mm, addr, PAGE_SIZE, PROT_READ | PROT_WRITE);
		back[i] = bench_elapsed(b, began);
	}
	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, there[i]);
	bench_report(b, "%s", to_ro);
	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, back[i]);
	bench_report(b, "%s", to_rw);
	bench_mm_end(mm);
}

BENCH(mprotect)
{
	protect_rounds(b, 1, "mprotect_1page_own_vma_to_ro",
		       "mprotect_1page_own_vma_to_rw");
	protect_rounds(b, 3, "mprotect_1page_mid_vma_to_ro_split",
		       "mprotect_1page_mid_vma_to_rw_merge");
}
