// SPDX-License-Identifier: MIT
/*
 * mm/fault/cow.c - a write to a page that others may share
 *
 * Problem.  After a fork an entry of both address spaces leads to the same page, read-only.
 * The first write must not be seen by the other. If the other is gone by then, to copy
 * would waste a page.
 *
 * Idea.  Ask who owns the page:
 *
 *	page			write
 *	PG_anon_exclusive	it is ours: make the entry writable (R1.13: no event)
 *	else, one reference	ours again, since the last sharer left: set the flag,
 *				make the entry writable
 *	else			copy it, and let the entry lead to the copy (CLEAR)
 *	zero page		the same, with a page of zeroes
 *
 * A pin (FOLL_PIN) asks the same question of a page that it will only read, and leaves the
 * entry read-only: if the owner's next write went to a copy, the device would go on reading the
 * old page.
 *
 * Each entry that maps a page holds a reference. So a page with one reference, looked at
 * with the table of its entry locked, has this entry and no other user. A new reference can
 * only be had from one that exists, or through this table. A walker of frames may take one
 * for a moment without either; it then looks whether it has the page that it meant, and
 * writes nothing. A reference too many costs a copy and nothing else.
 *
 * The entry will point to another page, so devices must drop the old one first, and no CPU
 * may go on reading the old page after another has written to the new one: the entry is
 * emptied, forgotten by CPUs and secondary TLBs alike, and then filled, under one hold of
 * its lock (R2.12). Followers are notified of the new value (R2.6).
 *
 * The old page is read while the entry is not locked. Its contents stand still: it is not
 * ours alone, and our reference keeps it from becoming another's alone, so nobody may write
 * to it. The race (tests/mm/fault/cow_test.c, both_sharers_write_and_one_keeps_the_page):
 *
 *	parent				child
 *	page p, 2 references		page p
 *	takes a third, copies p to a
 *					takes a fourth, copies p to b
 *	lock; entry: a; unlock
 *	drops two
 *					lock; entry: b; unlock; drops two
 *	(p is free; a copy too many at worst, and no write was lost)
 *
 *	data			guarded by
 *	an entry		its table's lock
 *	PG_anon_exclusive	the same, of any entry that maps the page, together with
 *				the rule above
 *
 * Not here: how pages come to be shared (mm/table/copy.c), the dispatch
 * (mm/fault/fault.c).
 */
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/fault/fault.h>
#include <mm/notifier/start.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/pgtable_notify.h>
#include <mm/table/pte_trace.h>

#include "mm/fault/internal.h"

bool cow_is_sole_owner(struct page *page)
{
	if (PageAnonExclusive(page))
		return true;
	if (page_ref_count(page) != 1)
		return false;
	SetPageAnonExclusive(page);
	return true;
}

/* The page that takes the place of @old, which has a reference of ours or is the zero page. */
static struct page *cow_copy_of(const struct page *old)
{
	struct page *page;

	if (is_zero_page(old))
		return alloc_page(GFP_KERNEL | __GFP_ZERO);
	page = alloc_page(GFP_KERNEL);
	if (page)
		memcpy(page_address(page), page_address(old), PAGE_SIZE);
	return page;
}

static void cow_make_writable(struct vm_fault *vmf)
{
	set_pte_at(vmf->vma->vm_mm, vmf->address, vmf->pte,
		   pte_mkdirty(pte_mkyoung(pte_mkwrite(vmf->orig))));
	trace_pte(vmf->vma->vm_mm, vmf->address, ptep_get(vmf->pte));
	this_cpu_inc(fault_counters.reused);
}

/* The entry leads from the page that it had to @fresh; false: it has changed. */
static bool cow_replace(struct vm_fault *vmf, struct page *fresh)
{
	struct page *old = pfn_to_page(pte_pfn(vmf->orig));
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;
	struct mmu_notifier_range range;
	vaddr_t addr = vmf->address;
	bool same;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, mm, addr,
				addr + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	same = fault_lock_same(vmf);
	if (likely(same)) {
		ptep_clear_flush_notify(vma, addr, vmf->pte);
		set_pte_at_notify(mm, addr, vmf->pte,
				  fault_fresh_pte(vmf, fresh));
		trace_pte(mm, addr, ptep_get(vmf->pte));
		if (is_zero_page(old))
			atomic64_inc(&mm->anon_rss);
		else
			page_remove_rmap(old);
		spin_unlock(vmf->ptl);
	}
	mmu_notifier_invalidate_range_end(&range);
	return same;
}

static vm_fault_t cow_copy(struct vm_fault *vmf)
{
	struct page *old = pfn_to_page(pte_pfn(vmf->orig));
	struct page *fresh = cow_copy_of(old);

	if (unlikely(!fresh))
		return VM_FAULT_OOM;
	page_add_new_anon_rmap(fresh, vmf->vma, vmf->address);
	if (unlikely(!cow_replace(vmf, fresh))) {
		page_undo_new_anon_rmap(fresh);
		put_page(fresh);
		return VM_FAULT_NOPAGE;
	}
	if (is_zero_page(old)) {
		this_cpu_inc(fault_counters.zero_replaced);
	} else {
		/* That of the entry. */
		put_page(old);
		this_cpu_inc(fault_counters.copied);
	}
	return 0;
}

vm_fault_t fault_cow(struct vm_fault *vmf)
{
	struct page *page = pfn_to_page(pte_pfn(vmf->orig));
	vm_fault_t fault;

	if (is_zero_page(page))
		return cow_copy(vmf);
	if (unlikely(!fault_lock_same(vmf)))
		return VM_FAULT_NOPAGE;
	/* A page of its own can become its mm's own. */
	if (unlikely(PageHuge(page)))
		try_split_huge_part(vmf->pte);
	if (likely(cow_is_sole_owner(page))) {
		if (vmf->flags & FAULT_FLAG_WRITE)
			cow_make_writable(vmf);
		spin_unlock(vmf->ptl);
		return 0;
	}
	get_page(page);
	spin_unlock(vmf->ptl);
	fault = cow_copy(vmf);
	put_page(page);
	return fault;
}
