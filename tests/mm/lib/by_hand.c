// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/by_hand.c - operations that the tree does not have yet
 *
 * Problem.  The eight events and their subscribers are there; migration is not.
 *
 * Idea.  A test notifies the event that such an operation will notify, and makes
 * the change, with the calls and in the order in which it will be made.
 *
 * Locks: mmap_lock as each operation will have it, and a table's own.
 */
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/pgtable_notify.h>
#include <mm/page/rmap.h>
#include <mm/table/tlb.h>

#include "by_hand.h"

void migrate_by_hand(struct sandbox *box, unsigned int from, unsigned int to,
		     unsigned int i, void *owner) __no_thread_safety
{
	struct page *fresh = alloc_page(GFP_KERNEL), *old;
	struct mm_struct *mm = box->mm;
	struct mmu_notifier_range range;
	struct vm_area_struct *vma;
	struct spinlock *ptl;
	pte_t *ptep, pte;

	if (!fresh) {
		ktest_fail(box->test, "no memory for a page");
		return;
	}
	mmap_read_lock(mm);
	vma = vma_lookup(mm, AT(i));
	mmu_notifier_range_init_owner(&range, MMU_NOTIFY_MIGRATE, 0, vma, mm,
				      AT(from), AT(to), owner);
	mmu_notifier_invalidate_range_start(&range);
	ptep = pgtable_map_lock(mm, AT(i), &ptl);
	pte = ptep_clear_flush_notify(vma, AT(i), ptep);
	old = pfn_to_page(pte_pfn(pte));
	memcpy(page_address(fresh), page_address(old), PAGE_SIZE);
	page_add_new_anon_rmap(fresh, vma, AT(i));
	pte = pfn_pte(page_to_pfn(fresh), vma->vm_page_prot);
	if (vma->vm_flags & VM_WRITE)
		pte = pte_mkdirty(pte_mkwrite(pte));
	set_pte_at_notify(mm, AT(i), ptep, pte);
	page_remove_rmap(old);
	spin_unlock(ptl);
	mmu_notifier_invalidate_range_end(&range);
	put_page(old);
	mmap_read_unlock(mm);
}
