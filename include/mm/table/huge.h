/* SPDX-License-Identifier: MIT */
/*
 * mm/table/huge.h - PMD entries that map a huge page
 *
 * A huge entry has the same states and rights as one of the last level, but that it is never
 * a swap entry, and is handled as a pte_t (arch/huge.h). mm->page_table_lock is its lock.
 * What splits it, and why a split cannot fail, is in mm/table/huge.c.
 */
#ifndef MM_TABLE_HUGE_H
#define MM_TABLE_HUGE_H

#include <arch/huge.h>
#include <kernel/lock/spinlock.h>
#include <kernel/trace.h>
#include <lib/percpu.h>
#include <mm/page/huge.h>
#include <mm/space/mm_types.h>
#include <mm/table/pgtable.h>

struct vm_area_struct;

DECLARE_TRACE_EVENT(huge_filled);
DECLARE_TRACE_EVENT(huge_split);

/**
 * huge_lock() - lock a huge entry
 * @mm: the address space
 * @pmdp: a PMD entry of it
 * @pte: set to what it is
 *
 * Context: @pmdp stays: mmap_lock held in either mode, or an RCU reader. Takes
 *	    mm->page_table_lock on success.
 * Return: false, nothing locked, if the entry is not huge: it is empty or leads to a table.
 */
static __always_inline bool huge_lock(struct mm_struct *mm, const pmd_t *pmdp,
				      pte_t *pte)
	__try_acquires(true, mm->page_table_lock) __no_thread_safety
{
	pmd_t pmd;

	if (likely(!pmd_leaf(pmdp_get(pmdp))))
		return false;
	spin_lock(&mm->page_table_lock);
	pmd = pmdp_get(pmdp);
	*pte = pmd_huge_pte(pmd);
	if (likely(pmd_leaf(pmd)))
		return true;
	spin_unlock(&mm->page_table_lock);
	return false;
}

/* What a huge entry says of the page at @addr; empty if the entry is not huge. */
static __always_inline pte_t huge_part(pmd_t pmd, vaddr_t addr)
{
	pte_t pte = pmd_huge_pte(pmd);

	return pmd_leaf(pmd) ? pte_with_pfn(pte, pte_pfn(pte) + pte_index(addr))
			     : __pte(0);
}

/* A value that no CPU may use, and that a walker without the lock takes for huge. */
static __always_inline pmd_t huge_hidden(pte_t pte)
{
	return pte_huge_pmd(pte_modify(pte, PAGE_NONE));
}

/**
 * huge_fill() - an empty PMD entry becomes a huge one
 * @mm: the address space
 * @addr: huge page aligned
 * @pmdp: its entry, empty
 * @pte: what it shall be
 * @table: from pgtable_alloc_one(); kept beside the entry, for its split
 *
 * Context: mm->page_table_lock held.
 */
void huge_fill(struct mm_struct *mm, vaddr_t addr, pmd_t *pmdp, pte_t pte,
	       struct page *table) __must_hold(&mm->page_table_lock);

/**
 * huge_take_spare() - the table that huge_fill() was given goes back to the caller
 * @mm: the address space
 * @pmdp: an entry that has just ceased to be huge
 *
 * Context: mm->page_table_lock held.
 * Return: an empty table, which no CPU and no walker knows; not counted in nr_ptes.
 */
struct page *huge_take_spare(struct mm_struct *mm, pmd_t *pmdp)
	__must_hold(&mm->page_table_lock);

/* How many spare tables are kept for the PMD entries of a table; for pgtable_verify(). */
unsigned long huge_count_spares(const pmd_t *table);

/**
 * split_huge_entry() - map the same by 512 entries of the last level
 * @vma: the region
 * @pmdp: the PMD entry over @addr
 * @addr: any address below it
 *
 * Raises CLEAR over the 2 MiB (R1.8): the entries say the same, but subscribers may have
 * copied one that is huge. Does nothing if the entry is not huge by then. Splits the huge
 * page too, unless it is shared, pinned or locked.
 *
 * Context: mmap_lock held in either mode, no spinlock; may sleep; may be in a range.
 */
void split_huge_entry(struct vm_area_struct *vma, pmd_t *pmdp, vaddr_t addr);

/**
 * split_huge_at() - no huge entry of a region reaches over an address
 * @vma: the region
 * @addr: page aligned, in @vma
 *
 * Context: as split_huge_entry().
 */
void split_huge_at(struct vm_area_struct *vma, vaddr_t addr);

/**
 * try_split_huge_part() - make a huge page small of which entries map parts
 * @ptep: an entry of the last level that maps a part of it
 *
 * A split of the entry may have left the page huge, because it was shared, pinned or
 * locked. The reason may be gone by now.
 *
 * Context: the lock of the table is held.
 * Return: true if the page of the entry is small now.
 */
bool try_split_huge_part(pte_t *ptep);

/**
 * struct huge_counters - huge pages since boot, by CPU
 * @faulted: huge pages that faults have mapped
 * @zero_page: reads that mapped huge_zero_page
 * @fallback: faults that took a small page, since there was no huge one
 * @reused: writes to a huge page that had become its mm's own
 * @split: huge entries that were split
 * @page_split: huge pages that became small
 * @page_kept: splits of an entry after which the page was still huge
 * @collapsed: tables whose pages became a huge one
 * @collapse_failed: tables whose pages did not
 */
struct huge_counters {
	unsigned long faulted;
	unsigned long zero_page;
	unsigned long fallback;
	unsigned long reused;
	unsigned long split;
	unsigned long page_split;
	unsigned long page_kept;
	unsigned long collapsed;
	unsigned long collapse_failed;
};

DECLARE_PER_CPU(struct huge_counters, huge_counters);

/**
 * huge_read_counters() - sum the counters of all CPUs
 * @out: filled
 *
 * Context: any.
 */
void huge_read_counters(struct huge_counters *out);

#endif
