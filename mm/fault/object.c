// SPDX-License-Identifier: MIT
/*
 * mm/fault/object.c - a touch of a region that shows an object
 *
 * Problem.  The page behind an empty entry is not for the fault to choose: the object
 * knows it, and other address spaces have it mapped already.
 *
 * Idea.  Ask the object for its page (struct vm_object_ops), with a reference, and let the
 * entry have both. The entry gets the rights of the region at once, also when the touch only
 * reads: nothing has to be copied at the first write.
 *
 *	entry			read			write
 *	none			the object's page	the object's page
 *	present, read-only	(spurious)		made writable
 *
 * A writable entry may be written without a fault, so it counts as written from the
 * beginning (soft-dirty). An entry that is read-only in a region which may be written was
 * filled when the region was read-only, or its write mark was cleared: the write makes it
 * writable, and no event is due (R1.13).
 *
 *	data			guarded by
 *	the region, its object	mmap_lock
 *	an entry		its table's lock
 *	the object's contents	the object (mm/object/shmem.c)
 *
 * The race it must win (tests/mm/object/shmem_test.c, two_first_touches_of_one_page_agree)
 * is the object's. Two faults of one address space may both have the page; the second
 * finds the entry filled and gives its reference back.
 *
 * Not here: the page itself, and which pages there are.
 */
#include <mm/fault/fault.h>
#include <mm/object/object.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/pte_trace.h>

#include "mm/fault/internal.h"

/* The entry of a page of an object, with all that the region allows. */
static pte_t object_pte(const struct vm_fault *vmf, const struct page *page)
{
	pte_t pte = pfn_pte(page_to_pfn(page), vmf->vma->vm_page_prot);

	if (pte_write(pte))
		pte = pte_mksoft_dirty(pte);
	return vmf->flags & FAULT_FLAG_WRITE ? pte_mkdirty(pte) : pte;
}

vm_fault_t fault_object(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	struct page *page;
	vm_fault_t fault = vmf->vma->vm_object->ops->fault(vmf, &page);

	if (unlikely(fault))
		return fault;
	if (!fault_lock_entry(vmf))
		goto out_lost;
	if (unlikely(!pte_none(ptep_get(vmf->pte)))) {
		spin_unlock(vmf->ptl);
		goto out_lost;
	}
	page_add_object_rmap(page);
	fault_fill_entry(vmf, object_pte(vmf, page));
	spin_unlock(vmf->ptl);
	atomic64_inc(&mm->shared_rss);
	this_cpu_inc(fault_counters.object_page);
	return 0;
out_lost:
	put_page(page);
	return VM_FAULT_NOPAGE;
}

vm_fault_t fault_object_write(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;

	if (!fault_lock_same(vmf))
		return VM_FAULT_NOPAGE;
	set_pte_at(mm, vmf->address, vmf->pte,
		   pte_mkdirty(pte_mkyoung(pte_mkwrite(vmf->orig))));
	trace_pte(mm, vmf->address, ptep_get(vmf->pte));
	spin_unlock(vmf->ptl);
	this_cpu_inc(fault_counters.object_write);
	return 0;
}
