/* SPDX-License-Identifier: MIT */
/*
 * mm/table/pgtable.h - the tables of an address space
 *
 * Upper entries (PGD, PUD, PMD) go from empty to a table under
 * mm->page_table_lock, and back only with mmap_lock held for writing.  A table
 * of the last level has its own lock, in its struct page.
 */
#ifndef MM_TABLE_PGTABLE_H
#define MM_TABLE_PGTABLE_H

#include <kernel/lock/spinlock.h>
#include <mm/space/mm_types.h>
#include <mm/page/page.h>

struct mmu_gather;

/* The lock over the last-level table that an upper entry points to. */
static __always_inline struct spinlock *pmd_ptl(pmd_t pmd)
{
	return &phys_to_page(pmd_val(pmd) & _PAGE_PFN_MASK)->ptl;
}

/**
 * pgtable_walk_pmd() - the PMD entry over an address, if there is its table
 * @mm: the address space
 * @addr: a user address
 *
 * Context: mmap_lock held in either mode.
 * Return: the entry, possibly empty; NULL if an upper level is empty.
 */
static __always_inline pmd_t *pgtable_walk_pmd(struct mm_struct *mm, vaddr_t addr)
{
	pgd_t pgd = pgdp_get(mm->pgd + pgd_index(addr));
	pud_t pud;

	if (unlikely(pgd_none(pgd)))
		return NULL;
	pud = pudp_get(pgd_table(pgd) + pud_index(addr));
	if (unlikely(pud_none(pud)))
		return NULL;
	return pud_table(pud) + pmd_index(addr);
}

/**
 * pgtable_map_lock() - find and lock the PTE of an address
 * @mm: the address space
 * @addr: a user address
 * @ptlp: set to the lock that is now held
 *
 * Context: mmap_lock held in either mode. Takes a spinlock on success.
 * Return: the PTE, or NULL (nothing locked) if there is no table.
 */
static __always_inline pte_t *
pgtable_map_lock(struct mm_struct *mm, vaddr_t addr, struct spinlock **ptlp)
	__try_acquires(true, *ptlp) __no_thread_safety
{
	pmd_t *pmdp = pgtable_walk_pmd(mm, addr);
	pmd_t pmd;

	if (unlikely(!pmdp))
		return NULL;
	pmd = pmdp_get(pmdp);
	if (unlikely(pmd_none(pmd)))
		return NULL;
	*ptlp = pmd_ptl(pmd);
	spin_lock(*ptlp);
	return pmd_table(pmd) + pte_index(addr);
}

/**
 * pgtable_alloc_pte() - find the PTE of an address, making tables for it
 * @mm: the address space
 * @addr: a user address
 * @ptlp: set to the lock over the PTE; it is not taken
 *
 * Context: mmap_lock held in either mode; may sleep.
 * Return: the PTE, or NULL when there is no memory.
 */
pte_t *pgtable_alloc_pte(struct mm_struct *mm, vaddr_t addr,
			 struct spinlock **ptlp);

/**
 * pgtable_next_table() - step over what has no tables
 * @mm: the address space
 * @addr: where to begin
 * @end: where to stop, above @addr
 * @pmdp: set to the entry that leads to the table, if one is found
 *
 * A hole costs one step for each upper entry, not one for each page.
 *
 * Context: mmap_lock held in either mode.
 * Return: the lowest address in [@addr, @end) that has a last-level table, or
 *	   @end. Its own entry may still be empty.
 */
vaddr_t pgtable_next_table(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			   pmd_t *pmdp);

/**
 * pgtable_next_used() - the first entry that is not empty
 * @mm: the address space
 * @addr: where to begin
 * @end: where to stop
 *
 * Context: mmap_lock held; for reading the answer is only a snapshot, since
 *	    faults go on filling entries.
 * Return: its address, or @end.
 */
vaddr_t pgtable_next_used(struct mm_struct *mm, vaddr_t addr, vaddr_t end);

/**
 * pgtable_free_range() - free the tables that only serve a range
 * @tlb: gathers them; they are freed after its flush
 * @start: first address of the range
 * @end: first address after it
 * @floor: nothing is mapped in [@floor, @start)
 * @ceiling: nothing is mapped in [@end, @ceiling)
 *
 * Context: mmap_lock held for writing, or the last user; every PTE of the range
 *	    is empty.
 */
void pgtable_free_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end,
			vaddr_t floor, vaddr_t ceiling);

/* A table that no entry leads to any more and no CPU remembers. */
void pgtable_free_one(struct page *page);

/* The top table. */
int pgd_alloc(struct mm_struct *mm);
void pgd_free(struct mm_struct *mm);

/**
 * pgtable_verify() - check the tables of an address space
 * @mm: the address space
 *
 * Table pages are marked, counted in nr_ptes and reachable once; every present
 * or PFN entry lies in a region, and their number is anon_rss but for the zero
 * page; an exclusive entry's page is anonymous and mapped.
 *
 * Context: mmap_lock held for writing; walks everything.
 * Return: NULL when all is well, else what is not.
 */
const char *pgtable_verify(struct mm_struct *mm);

#endif
