/* SPDX-License-Identifier: MIT */
/*
 * mm/table/entry.h - change an entry of a user's page table
 *
 * Every change of a user entry that maps memory goes through one of these, and
 * scripts/check.py entries looks that none does not. So a debug build sees each
 * change, and reports one that takes something away outside a range (mm/table/entry.c).
 * Other builds only store.
 *
 * The entry's address is an argument because an entry does not know it. Marks that a
 * CPU sets, and the mark of use, are no matter of theirs.
 *
 * Context of all: the lock of the entry's table is held; for a huge entry,
 * mm->page_table_lock.
 */
#ifndef MM_TABLE_ENTRY_H
#define MM_TABLE_ENTRY_H

#include <arch/huge.h>
#include <arch/paging.h>
#include <mm/space/mm_types.h>

/* Of mm/table/entry.c, in debug builds with notifiers. */
void entry_check_change(struct mm_struct *mm, vaddr_t addr, pte_t old, pte_t new);
void entry_check_huge(struct mm_struct *mm, vaddr_t addr, pte_t old, pte_t new);
void entry_check_table(struct mm_struct *mm, vaddr_t addr, const pte_t *table);

/* A constant: other builds do not look at the old entry either. */
#define ENTRIES_ARE_CHECKED \
	(IS_ENABLED(CONFIG_DEBUG) && IS_ENABLED(CONFIG_MMU_NOTIFIER))

/**
 * set_pte_at() - store an entry that no CPU can write meanwhile
 * @mm: the address space
 * @addr: page aligned
 * @ptep: its entry: empty, not present, or about to get more rights
 * @pte: what it shall be
 */
static __always_inline void set_pte_at(struct mm_struct *mm, vaddr_t addr,
				       pte_t *ptep, pte_t pte)
{
	if (ENTRIES_ARE_CHECKED)
		entry_check_change(mm, addr, ptep_get(ptep), pte);
	set_pte(ptep, pte);
}

/**
 * ptep_xchg_at() - exchange an entry; no mark that a CPU sets is lost
 * @mm: the address space
 * @addr: page aligned
 * @ptep: its entry
 * @pte: what it shall be
 *
 * Return: what it was.
 */
static __always_inline pte_t ptep_xchg_at(struct mm_struct *mm, vaddr_t addr,
					  pte_t *ptep, pte_t pte)
{
	pte_t old = ptep_xchg(ptep, pte);

	if (ENTRIES_ARE_CHECKED)
		entry_check_change(mm, addr, old, pte);
	return old;
}

/** ptep_clear_at() - the same, it is empty then */
static __always_inline pte_t ptep_clear_at(struct mm_struct *mm, vaddr_t addr,
					   pte_t *ptep)
{
	return ptep_xchg_at(mm, addr, ptep, __pte(0));
}

/** ptep_wrprotect_at() - a present entry loses the right to write, and no mark */
static __always_inline void ptep_wrprotect_at(struct mm_struct *mm,
					      vaddr_t addr, pte_t *ptep)
{
	if (ENTRIES_ARE_CHECKED)
		entry_check_change(mm, addr, ptep_get(ptep),
				   pte_wrprotect(ptep_get(ptep)));
	ptep_set_wrprotect(ptep);
}

/**
 * ptep_modify_prot_start() - take a present entry out, to give it other rights
 * @ptep: the entry
 *
 * A CPU cannot set its marks until ptep_modify_prot_commit() has put it back.
 *
 * Return: what it was.
 */
static __always_inline pte_t ptep_modify_prot_start(pte_t *ptep)
{
	return ptep_get_and_clear(ptep);
}

/** ptep_modify_prot_commit() - put it back as @pte; it was @old */
static __always_inline void ptep_modify_prot_commit(struct mm_struct *mm,
						    vaddr_t addr, pte_t *ptep,
						    pte_t old, pte_t pte)
{
	if (ENTRIES_ARE_CHECKED)
		entry_check_change(mm, addr, old, pte);
	set_pte(ptep, pte);
}

/**
 * move_table_at() - take a table with all its entries to another address
 * @mm: the address space
 * @addr: first address that the table served
 * @src: its upper entry
 * @dst: the upper entry of the new address, empty
 *
 * All entries are lost at the old address. mmap_lock is held for writing.
 */
static __always_inline void move_table_at(struct mm_struct *mm, vaddr_t addr,
					  pmd_t *src, pmd_t *dst)
{
	pmd_t pmd = pmdp_get(src);

	if (ENTRIES_ARE_CHECKED)
		entry_check_table(mm, addr, pmd_table(pmd));
	set_pmd(src, __pmd(0));
	set_pmd(dst, pmd);
}

/**
 * set_huge_at() - store a huge entry that no CPU can write meanwhile
 * @mm: the address space
 * @addr: huge page aligned
 * @pmdp: its entry: empty, hidden by huge_xchg_at(), or about to get more rights
 * @pte: what it shall be, as a pte_t
 */
static __always_inline void set_huge_at(struct mm_struct *mm, vaddr_t addr,
					pmd_t *pmdp, pte_t pte)
{
	if (ENTRIES_ARE_CHECKED)
		entry_check_huge(mm, addr, pmd_huge_pte(pmdp_get(pmdp)), pte);
	set_pmd(pmdp, pte_huge_pmd(pte));
}

/**
 * huge_xchg_at() - exchange a huge entry; no mark that a CPU sets is lost
 * @mm: the address space
 * @addr: huge page aligned
 * @pmdp: its entry, huge
 * @pmd: what it shall be: empty or huge
 *
 * Return: what it was, as a pte_t.
 */
static __always_inline pte_t huge_xchg_at(struct mm_struct *mm, vaddr_t addr,
					  pmd_t *pmdp, pmd_t pmd)
{
	pte_t old = pmd_huge_pte(pmdp_xchg(pmdp, pmd));

	if (ENTRIES_ARE_CHECKED)
		entry_check_huge(mm, addr, old, pmd_huge_pte(pmd));
	return old;
}

#endif
