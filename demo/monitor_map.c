// SPDX-License-Identifier: MIT
/*
 * demo/monitor_map.c - the monitor's map of an address space
 *
 * Problem.  Which pages does a CPU have, and which does the device have? `pte` answers
 * for one page; a race is about several.
 *
 * Idea.  A letter for each page, in rows of 64: a row of what the entries say, and below
 * it one for each context of a device that has a translation there. The letters are
 * those of mm/table/letters.h; scripts/pagemap/ prints the same rows of a machine's memory.
 *
 *	mm 3: regions 2, pages 4
 *	000040000000 rrWX..----------...
 *	  peer0/ctx1 rr.X..----------...
 *	000040040000 16384 without a page
 *
 * A row in which neither side has a page is not printed; a line says how many pages of
 * the region that are.
 *
 * The translations are copied before the walk, each context under its own lock; then
 * the entries are read, row by row, under the lock of their table. So each row is as it
 * was at one moment, and two rows may be of two: on a machine that works a row may have a
 * translation that the device has lost meanwhile.
 *
 * Locks: mmap_lock is held for reading, so regions and tables stay. Lifetime: mm_users is
 * held. Not here: the search for the mm (monitor_mm.c).
 */
#include <lib/errno.h>
#include <kernel/monitor.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <drivers/peer.h>
#include <mm/alloc/alloc.h>
#include <mm/space/mm.h>
#include <mm/table/huge.h>
#include <mm/table/letters.h>
#include <mm/table/pgtable.h>

#include "monitor.h"

#define ROW_BYTES (PAGE_LETTERS_ROW * PAGE_SIZE)
#define NONE      (~0ul)

/**
 * struct device_view - what one context has
 * @next: the next of the same map
 * @name: "peer0/ctx1"
 * @count: translations in @table
 * @table: in order of addresses
 */
struct device_view {
	struct device_view *next;
	char name[16];
	unsigned int count;
	struct peer_translation table[];
};

/** struct map - an address space, and what the devices have that are in it */
struct map {
	struct mm_struct *mm;
	struct device_view *views;
};

/* --- devices -------------------------------------------------------------- */

static int add_view(struct map *map, unsigned int index, u32 id)
{
	struct device_view *view, **last = &map->views;
	int count;

	view = kzalloc(sizeof(*view) + PEER_TABLE_SIZE * sizeof(view->table[0]),
		       GFP_KERNEL);
	if (!view)
		return -ENOMEM;
	count = peer_translations_of(peer_get(index), id, map->mm, view->table);
	if (count < 0) {
		if (count == -EBUSY)
			monitor_print("peer%u/ctx%u is busy: not shown\n",
				      index, id);
		kfree(view);
		return 0;
	}
	view->count = (unsigned int)count;
	snprintf(view->name, sizeof(view->name), "peer%u/ctx%u", index, id);
	while (*last)
		last = &(*last)->next;
	*last = view;
	return 0;
}

static int add_views(struct map *map)
{
	unsigned int index;
	int err = 0;
	u32 id;

	for (index = 0; index < peer_count(); index++)
		for (id = 1; id <= PEER_CONTEXTS && !err; id++)
			err = add_view(map, index, id);
	return err;
}

static void free_views(struct map *map)
{
	struct device_view *view, *next;

	for (view = map->views; view; view = next) {
		next = view->next;
		kfree(view);
	}
}

/* The first translation at or above @addr, in bytes; NONE if there is none. */
static vaddr_t next_translation(const struct device_view *view, vaddr_t addr)
{
	unsigned int i;

	for (i = 0; i < view->count; i++)
		if (view->table[i].va >= addr)
			return view->table[i].va;
	return NONE;
}

static void fill_translations(const struct device_view *view, vaddr_t row,
			      char *letters)
{
	unsigned int i;

	for (i = 0; i < PAGE_LETTERS_ROW; i++)
		letters[i] = peer_letter(NULL);
	for (i = 0; i < view->count; i++) {
		vaddr_t va = view->table[i].va;

		if (va >= row && va - row < ROW_BYTES)
			letters[(va - row) >> PAGE_SHIFT] =
				peer_letter(&view->table[i]);
	}
}

/* --- entries -------------------------------------------------------------- */

/* The huge entry over @addr, as each of its pages has it; empty if there is none. */
static pte_t huge_entry(struct mm_struct *mm, vaddr_t addr) __no_thread_safety
{
	const pmd_t *pmdp = pgtable_walk_pmd(mm, addr);
	pte_t pte;

	if (!pmdp || !huge_lock(mm, pmdp, &pte))
		return __pte(0);
	spin_unlock(&mm->page_table_lock);
	return pte;
}

/* A row lies in one table of the last level, or in one huge entry. */
static void fill_entries(struct mm_struct *mm, vaddr_t row,
			 char *letters) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(mm, row, &ptl);
	pte_t all = ptep ? __pte(0) : huge_entry(mm, row);
	unsigned int i;

	for (i = 0; i < PAGE_LETTERS_ROW; i++)
		letters[i] = pte_letter(ptep ? ptep_get(ptep + i) : all);
	if (ptep)
		spin_unlock(ptl);
}

/* Where a side has nothing, say whether there is a region. */
static void mark_regions(struct mm_struct *mm, vaddr_t row, char none,
			 char *letters)
{
	unsigned int i;

	for (i = 0; i < PAGE_LETTERS_ROW; i++)
		if (letters[i] == none && !vma_lookup(mm, row + i * PAGE_SIZE))
			letters[i] = pte_letters[0].letter;
}

/* --- rows ----------------------------------------------------------------- */

static void print_row(const struct map *map, vaddr_t row)
{
	char letters[PAGE_LETTERS_ROW + 1] = {0};
	const struct device_view *view;

	fill_entries(map->mm, row, letters);
	mark_regions(map->mm, row, pte_letter(__pte(0)), letters);
	monitor_print("%012lx %s\n", row, letters);
	for (view = map->views; view; view = view->next) {
		vaddr_t next = next_translation(view, row);

		if (next == NONE || next - row >= ROW_BYTES)
			continue;
		fill_translations(view, row, letters);
		mark_regions(map->mm, row, peer_letter(NULL), letters);
		monitor_print("%12s %s\n", view->name, letters);
	}
}

/* The first row in [@row, @end) in which a side has a page; NONE if there is none. */
static vaddr_t next_row(const struct map *map, vaddr_t row, vaddr_t end)
{
	const struct device_view *view;
	vaddr_t used, limit = min(end, USER_END);

	used = pgtable_next_used(map->mm, row, limit);
	for (view = map->views; view; view = view->next)
		used = min(used, next_translation(view, row));
	return used < limit ? ALIGN_DOWN(used, ROW_BYTES) : NONE;
}

/* @done: the rows below are printed. Return: the same, with this region. */
static vaddr_t print_region(const struct map *map,
			    const struct vm_area_struct *vma, vaddr_t done)
{
	vaddr_t at = max(vma->vm_start, done);

	while (at < vma->vm_end) {
		vaddr_t row = next_row(map, ALIGN_DOWN(at, ROW_BYTES),
				       ALIGN(vma->vm_end, ROW_BYTES));
		vaddr_t stop = min(row, vma->vm_end);

		if (stop > at)
			monitor_print("%012lx %lu without a page\n", at,
				      (stop - at) >> PAGE_SHIFT);
		if (row == NONE)
			break;
		print_row(map, row);
		at = done = row + ROW_BYTES;
	}
	return done;
}

/* A region went, and the device kept its translation: a fault, or a moment. */
static void print_strays(const struct map *map)
{
	const struct device_view *view;
	unsigned int i, strays;

	for (view = map->views; view; view = view->next) {
		strays = 0;
		for (i = 0; i < view->count; i++)
			strays += !vma_lookup(map->mm, view->table[i].va);
		if (strays)
			monitor_print("%12s %u where no region is\n",
				      view->name, strays);
	}
}

static int print_map(const struct map *map)
{
	struct mm_struct *mm = map->mm;
	struct vm_area_struct *vma;
	int err = mmap_read_lock_killable(mm);
	vaddr_t done = 0;

	if (err)
		return err;
	monitor_print("mm %u: regions %u, pages %lu\n", mm->id, mm->map_count,
		      (unsigned long)atomic64_read(&mm->anon_rss));
	for_each_vma(vma, mm)
		done = print_region(map, vma, done);
	print_strays(map);
	mmap_read_unlock(mm);
	return 0;
}

static int map_command(int argc, char **argv)
{
	struct map map = {.views = NULL};
	int err = monitor_find_mm(argc > 1 ? argv[1] : NULL, &map.mm);

	if (err)
		return err;
	err = add_views(&map);
	if (err)
		monitor_print("no memory\n");
	else
		err = print_map(&map);
	free_views(&map);
	mmput(map.mm);
	return err;
}
MONITOR_CMD(map, "[MM]", "a letter for each page, as CPUs and devices see it",
	    map_command);

static void print_letters(const struct page_letter *row, const char *whose)
{
	monitor_print("  %s:\n", whose);
	do {
		monitor_print("    %c  %s\n", row->letter, row->what);
	} while (row++->most != ~0ul);
}

static int letters_command(int argc, char **argv)
{
	print_letters(pte_letters, "a CPU");
	if (peer_letters())
		print_letters(peer_letters(), "a device");
	return 0;
}
MONITOR_CMD(letters, "", "the letters of `map`", letters_command);
