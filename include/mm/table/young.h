/* SPDX-License-Identifier: MIT */
/*
 * mm/table/young.h - was the page of an entry used? The one question of all that ask
 *
 *	asker				how
 *	reclaim, of a page		YOUNG_CLEAR_FLUSH	(mm/rmap/referenced.h)
 *	idle tracking, of a page	YOUNG_CLEAR		(the same)
 *	idle tracking, of a range	any			(mm/space/young.h)
 *	a merge of pages to a huge one	YOUNG_TEST
 */
#ifndef MM_TABLE_YOUNG_H
#define MM_TABLE_YOUNG_H

#include <arch/huge.h>
#include <mm/table/pgtable_notify.h>

/**
 * enum young_how - what becomes of the marks of use
 * @YOUNG_TEST: they stay (R2.4)
 * @YOUNG_CLEAR: they are cleared; a use by a translation that is cached may be missed
 *	(R2.3)
 * @YOUNG_CLEAR_FLUSH: they are cleared, and each next use is seen (R2.2)
 */
enum young_how {
	YOUNG_TEST,
	YOUNG_CLEAR,
	YOUNG_CLEAR_FLUSH,
};

/**
 * young_subscribers() - has a device used the page of an address?
 * @mm: the address space
 * @addr: page aligned
 * @how: what becomes of the devices' marks
 *
 * Context: the lock of the entry's table is held.
 */
static inline bool young_subscribers(struct mm_struct *mm, vaddr_t addr,
				     enum young_how how)
{
	if (how == YOUNG_TEST)
		return mmu_notifier_test_young(mm, addr);
	if (how == YOUNG_CLEAR)
		return mmu_notifier_clear_young(mm, addr, addr + PAGE_SIZE);
	return mmu_notifier_clear_flush_young(mm, addr, addr + PAGE_SIZE);
}

/**
 * entry_young() - has a CPU or a device used the page of an entry?
 * @vma: the region
 * @addr: page aligned, in @vma
 * @ptep: its entry, present or device-exclusive
 * @how: what becomes of the marks
 *
 * No CPU can use a page that a device has exclusively: only the subscribers are asked
 * (R8.14).
 *
 * Context: the lock of the entry's table is held. Starts no range (R1.16).
 */
static inline bool entry_young(struct vm_area_struct *vma, vaddr_t addr,
			       pte_t *ptep, enum young_how how)
{
	pte_t pte = ptep_get(ptep);

	if (!pte_present(pte))
		return young_subscribers(vma->vm_mm, addr, how);
	if (how == YOUNG_CLEAR_FLUSH)
		return ptep_clear_flush_young_notify(vma, addr, ptep);
	if (how == YOUNG_CLEAR)
		return ptep_clear_young_notify(vma, addr, ptep);
	return pte_young(pte) || young_subscribers(vma->vm_mm, addr, how);
}

/**
 * huge_young_of_cpus() - has a CPU used a page of a huge entry?
 * @mm: the address space
 * @addr: any address below the entry
 * @pmdp: the entry
 * @how: what becomes of the mark, which is one for all its pages
 *
 * Context: the lock of the entry is held.
 */
static inline bool huge_young_of_cpus(struct mm_struct *mm, vaddr_t addr,
				      pmd_t *pmdp, enum young_how how)
{
	bool young;

	if (how == YOUNG_TEST)
		return pte_young(pmd_huge_pte(pmdp_get(pmdp)));
	young = pmdp_test_and_clear_young(pmdp);
	addr &= PMD_MASK;
	if (young && how == YOUNG_CLEAR_FLUSH)
		flush_tlb_mm_range(mm, addr, addr + PMD_SIZE);
	return young;
}

/** huge_young() - as entry_young(), for the page of @addr in a huge entry */
static inline bool huge_young(struct vm_area_struct *vma, vaddr_t addr,
			      pmd_t *pmdp, enum young_how how)
{
	bool used = huge_young_of_cpus(vma->vm_mm, addr, pmdp, how);

	if (used && how == YOUNG_TEST)
		return true;
	return young_subscribers(vma->vm_mm, addr, how) || used;
}

#endif
