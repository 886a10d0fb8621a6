// SPDX-License-Identifier: MIT
/*
 * bench/mapping.c - what it costs to move, replace, fill and lock a mapping
 *
 * Problem.  An allocator in a program moves, grows and replaces mappings all day. Its
 * price should depend on the pages that change, and not on how many are mapped.
 *
 * Idea.  The operations that were counted on Linux, under the same names: mremap() of one page,
 * of 512 that keep their alignment to 2 MiB and of 512 that do not; growing and shrinking;
 * map and unmap in turn; a mapping over another; populating; locking.
 *
 * Called without an entry from user mode, as bench/anon.c says.
 */
#include <mm/space/mlock.h>

#include "bench_mm.h"

#define PAGES  512UL
#define ROUNDS 51
#define SPAN   (PAGES * PAGE_SIZE)
#define MOVE   (MREMAP_MAYMOVE | MREMAP_FIXED)

static vaddr_t map_with(struct mm_struct *mm, vaddr_t addr, unsigned long pages,
			int flags)
{
	long got = do_mmap(mm, addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | flags);

	if (got < 0)
		panic("bench: mmap of %lu pages: %ld", pages, got);
	return (vaddr_t)got;
}

static void remap(struct mm_struct *mm, vaddr_t old, unsigned long old_pages,
		  unsigned long new_pages, int flags, vaddr_t new)
{
	long got = do_mremap(mm, old, old_pages * PAGE_SIZE,
			     new_pages * PAGE_SIZE, flags, new);

	if (got < 0)
		panic("bench: mremap of %lu pages: %ld", old_pages, got);
}

/* To a place and back; both directions are samples. A page beside each keeps its tables. */
static void move_rounds(struct bench *b, unsigned long pages, unsigned long off)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t from = ALIGN(bench_map(mm, 8 * PAGES), SPAN) + SPAN;
	vaddr_t to = from + 3 * SPAN + off * PAGE_SIZE;
	unsigned int i;

	bench_touch_write(from - PAGE_SIZE);
	bench_touch_write(to - PAGE_SIZE);
	do_munmap(mm, to, pages * PAGE_SIZE);
	bench_touch_all(from, pages);
	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, remap(mm, from, pages, pages, MOVE, to));
		BENCH_SAMPLE(b, remap(mm, to, pages, pages, MOVE, from));
	}
	bench_mm_end(mm);
}

BENCH(mremap_move)
{
	move_rounds(b, 1, 0);
	bench_report(b, "mremap_move_1page");
	move_rounds(b, PAGES, 0);
	bench_report(b, "mremap_move_512pages_touched_2mib_aligned");
	move_rounds(b, PAGES, 3);
	bench_report(b, "mremap_move_512pages_touched_unaligned");
}

/* One page grows to @pages and shrinks again; it is touched while it is long. */
static void size_rounds(struct bench *b, unsigned long pages, bool touched,
			const char *grow, const char *shrink)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, 2 * PAGES);
	static u64 shrunk[ROUNDS];
	unsigned int i;

	bench_touch_write(addr);
	do_munmap(mm, addr + PAGE_SIZE, 2 * SPAN - PAGE_SIZE);
	for (i = 0; i < ROUNDS; i++) {
		u64 began;

		BENCH_SAMPLE(b, remap(mm, addr, 1, 1 + pages, 0, 0));
		if (touched)
			bench_touch_all(addr + PAGE_SIZE, pages);
		began = bench_start();
		remap(mm, addr, 1 + pages, 1, 0, 0);
		shrunk[i] = bench_elapsed(b, began);
	}
	bench_report(b, "%s", grow);
	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, shrunk[i]);
	bench_report(b, "%s", shrink);
	bench_mm_end(mm);
}

BENCH(mremap_size)
{
	size_rounds(b, 1, false, "mremap_grow_in_place_1page",
		    "mremap_shrink_1page_untouched");
	size_rounds(b, PAGES, true, "mremap_grow_in_place_512pages",
		    "mremap_shrink_512pages_touched");
}

static void map_and_unmap(struct mm_struct *mm, bool touched)
{
	vaddr_t addr = map_with(mm, 0, 1, 0);

	if (touched)
		bench_touch_write(addr);
	do_munmap(mm, addr, PAGE_SIZE);
}

BENCH(mmap_munmap)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	unsigned int i;

	bench_touch_write(addr);
	for (i = 0; i < ROUNDS; i++)
		BENCH_SAMPLE(b, map_and_unmap(mm, false));
	bench_report(b, "mmap_munmap_pair_1page_untouched");
	for (i = 0; i < ROUNDS; i++)
		BENCH_SAMPLE(b, map_and_unmap(mm, true));
	bench_report(b, "mmap_touch_munmap_1page");
	for (i = 0; i < ROUNDS; i++) {
		bench_touch_all(addr, PAGES);
		BENCH_SAMPLE(b, map_with(mm, addr, PAGES, MAP_FIXED));
	}
	bench_report(b, "mmap_fixed_over_512_touched");
	bench_mm_end(mm);
}

BENCH(populate)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, do_madvise(mm, addr, SPAN, MADV_POPULATE_WRITE));
		madvise_dontneed(mm, addr, SPAN);
	}
	bench_report_per(b, PAGES, "madv_populate_write_per_page_of_512");
	bench_mm_end(mm);
}

BENCH(mlock)
{
	struct mm_struct *mm = bench_mm_begin();
	vaddr_t addr = bench_map(mm, PAGES);
	static u64 unlocked[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, do_mlock(mm, addr, SPAN));
		do_munlock(mm, addr, SPAN);
		madvise_dontneed(mm, addr, SPAN);
	}
	bench_report(b, "mlock_512_untouched");
	bench_touch_all(addr, PAGES);
	for (i = 0; i < ROUNDS; i++) {
		u64 began;

		BENCH_SAMPLE(b, do_mlock(mm, addr, SPAN));
		began = bench_start();
		do_munlock(mm, addr, SPAN);
		unlocked[i] = bench_elapsed(b, began);
	}
	bench_report(b, "mlock_512_touched");
	for (i = 0; i < ROUNDS; i++)
		bench_keep(b, unlocked[i]);
	bench_report(b, "munlock_512");
	bench_mm_end(mm);
}
