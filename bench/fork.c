// SPDX-License-Identifier: MIT
/*
 * bench/fork.c - what a fork costs, and the writes after it
 *
 * Problem.  A fork that copies tables is cheap only if the price of a page is small: the
 * parent may have many, and the child often leaves without having touched one.
 *
 * Idea.  The operations that were counted on Linux, under the same names. There fork() makes
 * a task too, and exit and wait end it. Here mm_fork() makes the address space alone and
 * mmput() ends it. So figures of a whole fork do not compare. The difference between a fork
 * with 512 pages and one with none does, and so do 10,000 regions, beside which a task costs
 * nothing: scripts/bench.py computes the differences of both kernels alike.
 *
 *	fork_call_Npages	mm_fork() of a parent that has written to N pages
 *	fork_exit_wait_Npages	the same and mmput() of the child
 *
 * The parent writes to all its pages before each fork. So each fork takes the right to write
 * from each page and flushes.
 *
 * Linux zeroes each fresh page (init_on_alloc), 512 counts, also the one that it copies over.
 * Ours does not: fault_cow_copy holds one pass over a page and Linux's two.
 */
#include "bench_mm.h"

#define PAGES   512UL
#define REGIONS 10000UL
#define ROUNDS  21
#define STRIDE  (2 * PAGE_SIZE)

static struct mm_struct *fork_of(struct mm_struct *mm)
{
	struct mm_struct *child;

	if (mm_fork(mm, &child))
		panic("bench: no memory for a fork");
	return child;
}

static void report_list(struct bench *b, const u64 *took, const char *name)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, took[i]);
	bench_report(b, "%s", name);
}

/* Forks and exits; before each, the first word of each stride is written to. */
static void fork_rounds(struct bench *b, struct mm_struct *mm, vaddr_t addr,
			unsigned long touched, unsigned long stride,
			const char *call, const char *whole)
{
	static u64 forked[ROUNDS], both[ROUNDS];
	unsigned int round;
	unsigned long i;

	for (round = 0; round < ROUNDS; round++) {
		struct mm_struct *child;
		u64 began;

		for (i = 0; i < touched; i++)
			bench_touch_write(addr + i * stride);
		began = bench_start();
		child = fork_of(mm);
		forked[round] = bench_elapsed(b, began);
		began = bench_start();
		mmput(child);
		both[round] = forked[round] + bench_elapsed(b, began);
	}
	report_list(b, forked, call);
	report_list(b, both, whole);
}

BENCH(fork)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);

	fork_rounds(b, mm, addr, 0, PAGE_SIZE, "fork_call_0pages",
		    "fork_exit_wait_0pages");
	fork_rounds(b, mm, addr, PAGES, PAGE_SIZE, "fork_call_512pages",
		    "fork_exit_wait_512pages");
	bench_mm_end(mm);
}

/* One page each, with a hole behind it: no two become one. */
static vaddr_t map_regions(struct mm_struct *mm)
{
	vaddr_t first = bench_map(mm, 2 * REGIONS);
	unsigned long i;

	for (i = 0; i < REGIONS; i++)
		do_munmap(mm, first + i * STRIDE + PAGE_SIZE, PAGE_SIZE);
	return first;
}

BENCH(fork_regions)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = map_regions(mm);

	fork_rounds(b, mm, addr, 0, STRIDE, "fork_call_10000_vmas_untouched",
		    "fork_exit_wait_10000_vmas_untouched");
	fork_rounds(b, mm, addr, REGIONS, STRIDE,
		    "fork_call_10000_vmas_1page_touched",
		    "fork_exit_wait_10000_vmas_1page_touched");
	bench_mm_end(mm);
}

BENCH(fork_pages)
{
	struct mm_struct *mm = bench_mm_begin();

	fork_rounds(b, mm, bench_map(mm, REGIONS), REGIONS, PAGE_SIZE,
		    "fork_call_1_vma_10000_pages_touched",
		    "fork_exit_wait_1_vma_10000_pages_touched");
	bench_mm_end(mm);
}

/* The child has the pages: each write copies one. */
BENCH(cow_copy)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	struct mm_struct *child;
	unsigned long i;

	bench_touch_all(addr, PAGES);
	child = fork_of(mm);
	for (i = 0; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "fault_cow_copy");
	mmput(child);
	bench_mm_end(mm);
}

/* The child has gone: each write finds that its page is the parent's alone. */
BENCH(cow_reuse)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	unsigned long i;

	bench_touch_all(addr, PAGES);
	mmput(fork_of(mm));
	for (i = 0; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "fault_cow_after_fork_sole_owner");
	bench_mm_end(mm);
}
