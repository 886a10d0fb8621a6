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
 * A driver's object may map what has no reference to give: registers of a device, memory
 * that the kernel does not manage. Its region says so, and the entry has a mark of its own
 * (special), because the struct page of the frame may not be touched, or does not exist:
 *
 *	region		entry made by		counts a page	a look-up
 *	shared memory	the fault		yes		has the page
 *	VM_MIXEDMAP	the fault,		yes		has the page
 *			vm_insert_page()
 *	VM_MIXEDMAP	vm_insert_pfn()		no		-EFAULT
 *	VM_PFNMAP	vm_insert_pfn()		no		-EFAULT
 *
 * vm_normal_page() is the one place that tells them apart.
 *
 *	data			guarded by
 *	the region, its object	mmap_lock
 *	an entry		its table's lock
 *	the object's contents	the object (mm/object/shmem.c)
 *
 * Two faults on one page of an object agree in the object, which draws that race
 * (mm/object/shmem.c). Two of one address space may both have the page; the second finds
 * the entry filled and gives its reference back.
 *
 * Not here: the page itself, and which pages there are; how a device wants its memory
 * cached, which the processor's range registers say.
 */
#include <mm/fault/fault.h>
#include <mm/object/object.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/pte_trace.h>

#include "mm/fault/internal.h"

/* An entry for a frame, with all that the region allows. */
static pte_t object_pte(const struct vm_fault *vmf, pfn_t pfn)
{
	pte_t pte = pfn_pte(pfn, vmf->vma->vm_page_prot);

	if (pte_write(pte))
		pte = pte_mksoft_dirty(pte);
	return vmf->flags & FAULT_FLAG_WRITE ? pte_mkdirty(pte) : pte;
}

/* The empty entry becomes @pte, which counts @page if it is not NULL. 0 or -EBUSY. */
static int object_fill(struct vm_fault *vmf, pte_t pte, struct page *page)
{
	if (!fault_lock_entry(vmf))
		return -EBUSY;
	if (unlikely(!pte_none(ptep_get(vmf->pte)))) {
		spin_unlock(vmf->ptl);
		return -EBUSY;
	}
	if (page) {
		page_add_object_rmap(page);
		atomic64_inc(&vmf->vma->vm_mm->shared_rss);
	}
	fault_fill_entry(vmf, pte);
	spin_unlock(vmf->ptl);
	this_cpu_inc(fault_counters.object_page);
	return 0;
}

vm_fault_t fault_object(struct vm_fault *vmf)
{
	struct page *page;
	vm_fault_t fault = vmf->vma->vm_object->ops->fault(vmf, &page);

	if (unlikely(fault))
		return fault;
	if (likely(!object_fill(vmf, object_pte(vmf, page_to_pfn(page)), page)))
		return 0;
	put_page(page);
	return VM_FAULT_NOPAGE;
}

/* May a driver map something there, in a region with one of @vm_flags? 0 or an errno. */
static int insert_check(const struct vm_area_struct *vma, vaddr_t addr,
			unsigned long vm_flags)
{
	mmap_assert_locked(vma->vm_mm);
	if (addr < vma->vm_start || addr >= vma->vm_end)
		return -EFAULT;
	if (!IS_ALIGNED(addr, PAGE_SIZE) || !(vma->vm_flags & vm_flags))
		return -EINVAL;
	return 0;
}

int vm_insert_page(struct vm_area_struct *vma, vaddr_t addr, struct page *page)
{
	struct vm_fault vmf = {.vma = vma, .address = addr};
	int err = insert_check(vma, addr, VM_MIXEDMAP);

	if (err)
		return err;
	if (PageAnon(page) || PageObject(page) || PageSlab(page) ||
	    PageTable(page) || PageReserved(page) || PageFree(page))
		return -EINVAL;
	vmf.pmd = pgtable_alloc_pmd(vma->vm_mm, addr);
	if (!vmf.pmd)
		return -ENOMEM;
	get_page(page);
	err = object_fill(&vmf, object_pte(&vmf, page_to_pfn(page)), page);
	if (err)
		put_page(page);
	return err;
}

int vm_insert_pfn(struct vm_area_struct *vma, vaddr_t addr, pfn_t pfn)
{
	struct vm_fault vmf = {.vma = vma, .address = addr};
	int err = insert_check(vma, addr, VM_PFNMAP | VM_MIXEDMAP);

	if (err)
		return err;
	if (pfn >> (MAX_PHYSMEM_BITS - PAGE_SHIFT))
		return -EINVAL;
	vmf.pmd = pgtable_alloc_pmd(vma->vm_mm, addr);
	if (!vmf.pmd)
		return -ENOMEM;
	return object_fill(&vmf, pte_mkspecial(object_pte(&vmf, pfn)), NULL);
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
