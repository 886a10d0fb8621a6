/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/internal.h - between the files of mm/fault
 */
#ifndef MM_FAULT_INTERNAL_H
#define MM_FAULT_INTERNAL_H

#include <arch/paging.h>
#include <kernel/trace.h>
#include <mm/fault/fault.h>
#include <mm/page/page.h>

DECLARE_TRACE_EVENT(fault_begin);
DECLARE_TRACE_EVENT(fault_end);

/* No huge page: go on with the table of small ones. Only within mm/fault. */
#define VM_FAULT_FALLBACK 0x80U

/* A result as a word for people. */
const char *fault_result(vm_fault_t fault);

/* Lock the entry if it is still what it was. Return: is it, and locked? */
bool fault_lock_same(struct vm_fault *vmf) __try_acquires(true, vmf->ptl);

/*
 * The entry of a page that the touch has brought, and that nobody shares. A copy that is made
 * to be pinned changes no contents: it was written to if the page was that it replaces.
 */
static __always_inline pte_t fault_fresh_pte(const struct vm_fault *vmf,
					     const struct page *page)
{
	pte_t pte = pfn_pte(page_to_pfn(page), vmf->vma->vm_page_prot);

	if (vmf->flags & FAULT_FLAG_WRITE)
		return pte_mkdirty(pte_mkwrite(pte));
	return pte_soft_dirty(vmf->orig) ? pte_mksoft_dirty(pte) : pte;
}

/*
 * An empty entry gets a page. Its table's lock is held: the thread that emptied
 * it last had that lock before us and counted itself before that.
 */
void fault_fill_entry(struct vm_fault *vmf, pte_t pte);

/* An empty entry of a region that shows an object; a write to a read-only one. */
vm_fault_t fault_object(struct vm_fault *vmf);
vm_fault_t fault_object_write(struct vm_fault *vmf);

/* A write to a present entry that is read-only, or a pin of a page that is shared. */
vm_fault_t fault_cow(struct vm_fault *vmf);

/* Does the page belong to the mm whose entry, the lock of which is held, maps it? */
bool cow_is_sole_owner(struct page *page);

/*
 * A touch where the PMD entry is huge, or empty. Return: as handle_mm_fault(), or FALLBACK:
 * no huge entry is there now and none shall be.
 */
vm_fault_t fault_huge(struct vm_fault *vmf);

/* The fault on an entry that is neither empty nor present. */
vm_fault_t fault_nonpresent(struct vm_fault *vmf);

/*
 * The page of an entry that is not present, if it serves a caller of
 * get_user_pages_remote() as it is; NULL: fault first. The table's lock is held.
 */
struct page *gup_nonpresent(pte_t pte, unsigned int gup_flags);

#endif
