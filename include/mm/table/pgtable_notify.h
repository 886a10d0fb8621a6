/* SPDX-License-Identifier: MIT */
/*
 * mm/table/pgtable_notify.h - change an entry, and ask or notify the subscribers
 *
 * An entry has a mark of use and a value, and so have the copies of it that
 * subscribers keep. Code that reads the mark of a page, or makes its entry lead
 * to another page, uses these names, the field's own:
 *
 *	reclaim		ptep_clear_flush_young_notify()
 *	idle tracking	ptep_clear_young_notify()
 *	a write to a	ptep_clear_flush_notify(), then set_pte_at_notify(),
 *	shared page,	under one hold of the table's lock, between a start and
 *	merging pages	its end
 *
 * Without the option the subscribers' half is empty, which leaves the plain
 * helpers (R6.4). Nothing asks of a huge entry yet whether it was used, hence no such
 * forms.
 *
 * Context of all: the lock of the entry's table is held.
 */
#ifndef MM_TABLE_PGTABLE_NOTIFY_H
#define MM_TABLE_PGTABLE_NOTIFY_H

#include <arch/paging.h>
#include <lib/assert.h>
#include <mm/space/mm_types.h>
#include <mm/notifier/start.h>
#include <mm/table/tlb.h>

/**
 * ptep_clear_flush_young_notify() - was the page used? Clear all its marks
 * @vma: the region
 * @addr: page aligned, in @vma
 * @ptep: its entry
 *
 * Return: a CPU has, or any subscriber; all are asked whatever the CPU's mark
 *	   says, because each has one of its own to clear (R2.2).
 */
static __always_inline bool
ptep_clear_flush_young_notify(struct vm_area_struct *vma, vaddr_t addr,
			      pte_t *ptep)
{
	bool young = ptep_clear_flush_young(vma, addr, ptep);

	return mmu_notifier_clear_flush_young(vma->vm_mm, addr, addr + PAGE_SIZE) ||
	       young;
}

/**
 * ptep_clear_young_notify() - the same, cached translations may stay
 * @vma: the region
 * @addr: page aligned, in @vma
 * @ptep: its entry
 *
 * Cheaper, and may miss a use through a translation that is cached (R2.3).
 */
static __always_inline bool ptep_clear_young_notify(struct vm_area_struct *vma,
						    vaddr_t addr, pte_t *ptep)
{
	bool young = ptep_test_and_clear_young(ptep);

	return mmu_notifier_clear_young(vma->vm_mm, addr, addr + PAGE_SIZE) ||
	       young;
}

/**
 * ptep_clear_flush_notify() - empty an entry; nobody remembers what it was
 * @vma: the region
 * @addr: page aligned, in @vma
 * @ptep: its entry
 *
 * The flush notifies the secondary TLBs already; the name says that the caller
 * relies on it.
 *
 * Return: what the entry was.
 */
static __always_inline pte_t ptep_clear_flush_notify(struct vm_area_struct *vma,
						     vaddr_t addr, pte_t *ptep)
{
	return ptep_clear_flush(vma, addr, ptep);
}

/**
 * set_pte_at_notify() - fill an entry that ptep_clear_flush_notify() emptied
 * @mm: the address space
 * @addr: page aligned
 * @ptep: its entry, empty
 * @pte: what it shall be
 *
 * Subscribers are notified first (R2.6): when the entry is there to be read, a
 * follower has its value already.
 */
static __always_inline void set_pte_at_notify(struct mm_struct *mm, vaddr_t addr,
					      pte_t *ptep, pte_t pte)
{
	ASSERT(pte_none(ptep_get(ptep)));
	mmu_notifier_change_pte(mm, addr, pte_val(pte));
	set_pte_at(mm, addr, ptep, pte);
}

#endif
