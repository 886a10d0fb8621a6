/* SPDX-License-Identifier: MIT */
/*
 * mm/table/pgtable.h - the tables of an address space
 *
 * Upper entries (PGD, PUD, PMD) go from empty to a table under mm->page_table_lock, and
 * back with mmap_lock held for writing. A PMD entry may be huge instead; then
 * mm->page_table_lock is the lock of the entry (mm/table/huge.h). A table of the last level
 * has its own lock, in its struct page, and the PMD entry over it goes back to empty under
 * that lock. So an entry of the last level is found in one way:
 *
 *	pte_offset_map_lock()	by the PMD entry over it
 *	pgtable_map_lock()	by its address
 *	pgtable_alloc_map_lock()	likewise, and its tables are made
 *
 * Each locks the table and then looks at the PMD entry again. The first two may fail:
 * there is no table, or no more, or a huge entry in its place.
 *
 * A table is freed after an RCU grace period. So a walker without mmap_lock may go down in
 * an RCU reader: it may meet a table that was unhooked, and not memory that is another's.
 */
#ifndef MM_TABLE_PGTABLE_H
#define MM_TABLE_PGTABLE_H

#include <kernel/lock/spinlock.h>
#include <kernel/rcu.h>
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
 * Context: mmap_lock held in either mode, or an RCU reader: as long as either lasts, the
 *	    entry is there to be read.
 * Return: the entry, possibly empty or huge; NULL if an upper level is empty.
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

/* Does the entry lead to a table? It is not empty and not huge. */
static __always_inline bool pmd_has_table(pmd_t pmd)
{
	return !pmd_none(pmd) && !pmd_leaf(pmd);
}

/**
 * pte_offset_map_lock() - find and lock the PTE of an address below a PMD entry
 * @pmdp: the PMD entry over @addr
 * @addr: a user address
 * @ptlp: set to the lock that is now held
 *
 * Context: @pmdp stays: mmap_lock held in either mode, or an RCU reader. Takes a spinlock
 *	    on success.
 * Return: the PTE; or NULL, nothing locked, if @pmdp leads to no table. It may have led
 *	   to one just before.
 */
static __always_inline pte_t *pte_offset_map_lock(pmd_t *pmdp, vaddr_t addr,
						  struct spinlock **ptlp)
	__try_acquires(true, *ptlp) __no_thread_safety
{
	pmd_t pmd;

	rcu_read_lock();
	pmd = pmdp_get(pmdp);
	if (unlikely(!pmd_has_table(pmd))) {
		rcu_read_unlock();
		return NULL;
	}
	*ptlp = pmd_ptl(pmd);
	spin_lock(*ptlp);
	/* With the lock held the table stays hooked, and so it stays. */
	rcu_read_unlock();
	if (likely(pmd_val(pmdp_get(pmdp)) == pmd_val(pmd)))
		return pmd_table(pmd) + pte_index(addr);
	spin_unlock(*ptlp);
	return NULL;
}

/**
 * pgtable_map_lock() - find and lock the PTE of an address
 * @mm: the address space
 * @addr: a user address
 * @ptlp: set to the lock that is now held
 *
 * Context: mmap_lock held in either mode, or another lock that keeps the top table.
 *	    Takes a spinlock on success.
 * Return: as pte_offset_map_lock().
 */
static __always_inline pte_t *
pgtable_map_lock(struct mm_struct *mm, vaddr_t addr, struct spinlock **ptlp)
	__try_acquires(true, *ptlp) __no_thread_safety
{
	pmd_t *pmdp;
	pte_t *ptep;

	rcu_read_lock();
	pmdp = pgtable_walk_pmd(mm, addr);
	ptep = likely(pmdp) ? pte_offset_map_lock(pmdp, addr, ptlp) : NULL;
	rcu_read_unlock();
	return ptep;
}

/**
 * pte_offset_get() - the value of the PTE of an address below a PMD entry
 * @pmdp: the PMD entry over @addr
 * @addr: a user address
 * @pte: set to the value
 *
 * Context: as pte_offset_map_lock(); takes no lock, so the value is only a snapshot.
 * Return: false if @pmdp leads to no table.
 */
static __always_inline bool pte_offset_get(pmd_t *pmdp, vaddr_t addr, pte_t *pte)
{
	bool there;
	pmd_t pmd;

	rcu_read_lock();
	pmd = pmdp_get(pmdp);
	there = pmd_has_table(pmd);
	if (likely(there))
		*pte = ptep_get(pmd_table(pmd) + pte_index(addr));
	rcu_read_unlock();
	return there;
}

/**
 * pgtable_lock_two() - lock two tables of the last level, in the order of their locks
 * @a: the lock of one
 * @b: the lock of the other; may be the same
 *
 * For an operation on two entries at once: a move, a copy. The lock at the lower address
 * is taken first. The caller looks at both upper entries again.
 *
 * Context: an RCU reader, or both tables stay; no table's lock held.
 */
static inline void pgtable_lock_two(struct spinlock *a,
				    struct spinlock *b) __no_thread_safety
{
	spin_lock(a < b ? a : b);
	if (a != b)
		spin_lock_nested(a < b ? b : a, 1);
}

/** pgtable_unlock_two() - drop both */
static inline void pgtable_unlock_two(struct spinlock *a,
				      struct spinlock *b) __no_thread_safety
{
	if (a != b)
		spin_unlock(a < b ? b : a);
	spin_unlock(a < b ? a : b);
}

/**
 * pgtable_alloc_upper() - make the tables over a PMD entry
 * @mm: the address space
 * @addr: a user address
 *
 * Context: mmap_lock held in either mode; may sleep.
 * Return: the PMD entry, possibly empty; NULL when there is no memory.
 */
pmd_t *pgtable_alloc_upper(struct mm_struct *mm, vaddr_t addr);

/**
 * pgtable_alloc_last() - make the table under a PMD entry
 * @mm: the address space
 * @pmdp: its entry, from pgtable_alloc_upper()
 *
 * Context: mmap_lock held in either mode; may sleep.
 * Return: 0: it is not empty now, it leads to a table or is huge; or -ENOMEM.
 */
int pgtable_alloc_last(struct mm_struct *mm, pmd_t *pmdp);

/**
 * pgtable_alloc_pmd() - make all tables over an address: both of the above
 * @mm: the address space
 * @addr: a user address
 *
 * Context: mmap_lock held in either mode; may sleep.
 * Return: the PMD entry, which leads to a table or is huge; NULL when there is no memory.
 */
pmd_t *pgtable_alloc_pmd(struct mm_struct *mm, vaddr_t addr);

/* An empty table that no entry leads to yet, for this mm; NULL when there is no memory. */
struct page *pgtable_alloc_one(struct mm_struct *mm);

/**
 * pgtable_alloc_map_lock() - find and lock the PTE of an address, making its tables
 * @mm: the address space
 * @addr: a user address
 * @ptlp: set to the lock that is now held
 *
 * Context: mmap_lock held in either mode; may sleep. Takes a spinlock on success.
 * Return: the PTE; NULL when there is no memory, or when a huge entry is there.
 */
pte_t *pgtable_alloc_map_lock(struct mm_struct *mm, vaddr_t addr,
			      struct spinlock **ptlp);

/**
 * report_bad_pmd() - a walker has met a huge entry where none may be left
 * @mm: the address space
 * @addr: an address below it
 * @pmd: the entry
 * @where: the walker
 *
 * Context: any.
 */
void report_bad_pmd(struct mm_struct *mm, vaddr_t addr, pmd_t pmd,
		    const char *where);

/**
 * pgtable_next_table() - step over what has no tables
 * @mm: the address space
 * @addr: where to begin
 * @end: where to stop, above @addr
 * @pmdp: set to the PMD entry over the address, if one is found
 *
 * A hole costs one step for each upper entry, not one for each page.
 *
 * Context: mmap_lock held in either mode.
 * Return: the lowest address in [@addr, @end) that has a last-level table or a huge
 *	   entry, or @end. Its own entry may still be empty.
 */
vaddr_t pgtable_next_table(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			   pmd_t **pmdp);

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

/* A table that no entry leads to any more, and no CPU and no walker remembers. */
void pgtable_free_one(struct page *page);

/* Tables, linked by pt_next, that no entry leads to any more and no CPU remembers. */
void pgtable_free_list(struct page *first);

/* The top table. */
int pgd_alloc(struct mm_struct *mm);
void pgd_free(struct mm_struct *mm);

/**
 * pgtable_verify() - check the tables of an address space
 * @mm: the address space
 *
 * Table pages are marked, counted in nr_ptes and reachable once; every present
 * or PFN entry lies in a region, and their number is anon_rss or, in regions that show an
 * object, shared_rss, but for the zero page; an exclusive entry's page is anonymous and
 * mapped; a huge entry lies in one region and has a spare table.
 *
 * Context: mmap_lock held for writing; walks everything.
 * Return: NULL when all is well, else what is not.
 */
const char *pgtable_verify(struct mm_struct *mm);

#endif
