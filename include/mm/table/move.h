/* SPDX-License-Identifier: MIT */
/*
 * mm/table/move.h - take entries to another address of the same address space
 */
#ifndef MM_TABLE_MOVE_H
#define MM_TABLE_MOVE_H

#include <mm/space/mm_types.h>

struct mmu_gather;

/**
 * move_alloc_tables() - make the tables that a move will need
 * @mm: the address space
 * @start: first address of the entries
 * @end: first address after them
 * @to: where the entry of @start will be
 *
 * Tables are made only where there is an entry to move, and the table of the old place does
 * not move itself. A huge entry that cannot move as it is, and one at the new place that is
 * in the way of a table, is split, which starts a range.
 *
 * Context: mmap_lock held for writing; may sleep.
 * Return: 0 or -ENOMEM. On error some of the tables are there, empty.
 */
int move_alloc_tables(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		      vaddr_t to);

/**
 * move_entries() - move what [start, end) maps
 * @tlb: notes what CPUs must forget
 * @start: first address of the entries
 * @end: first address after them
 * @to: where the entry of @start will be; move_alloc_tables() has made its tables
 *
 * Each entry is taken as it is, present or not, with its rights and marks. A table is taken
 * as a whole if all of it moves to another aligned place. The old entries are empty then.
 *
 * Context: mmap_lock and the lock of the reverse map (rmap_lock_region()) held for writing,
 *	    the latter until the caller has flushed; inside a range that covers [@start,
 *	    @end); the new place is empty and does not overlap.
 */
void move_entries(struct mmu_gather *tlb, vaddr_t start, vaddr_t end, vaddr_t to);

#endif
