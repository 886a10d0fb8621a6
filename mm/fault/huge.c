// SPDX-License-Identifier: MIT
/*
 * mm/fault/huge.c - a touch where a huge page is, or may be
 *
 * Problem.  A program that uses much memory pays for each 4 KiB: a fault, an entry, a place in
 * the TLB. One entry for 2 MiB costs one of each. But memory that a program does not use
 * is taken from others, and 2 MiB side by side are hard to find on a machine that has run long.
 *
 * Idea.  The program says where (MADV_HUGEPAGE), or the machine does for all (thp=always). A
 * first touch there, in a region that has all of the aligned 2 MiB, maps a huge page. If there
 * is none, it maps a small one, as anywhere else.
 *
 *	entry			read			write
 *	none			map huge_zero_page	map a fresh huge page
 *	huge_zero_page		(spurious)		a fresh one in its place (CLEAR);
 *							without one: split, go on
 *	read-only, own		(spurious)		make it writable
 *	read-only, shared	(spurious)		split, go on
 *	writable		(spurious)		(spurious)
 *
 * "Go on" leads to mm/fault/fault.c with a table in the entry's place. A pin of a page that
 * is only read asks for the same as a write, as for small pages (mm/fault/cow.c).
 *
 * A write to a shared huge page copies 4 KiB and not 2 MiB: most programs fork to begin another
 * one, and write to few pages before. docs/adr/0022-huge-pages.md has both sides.
 *
 * As for small pages the page is prepared without a lock. The entry is looked at again with
 * its lock held, and the page goes in or is given back (two_first_touches_map_one_huge_page).
 *
 *	data			guarded by
 *	regions, tables		mmap_lock, either mode
 *	a huge entry		mm->page_table_lock
 *
 * Not here: splitting (mm/table/huge.c); MADV_COLLAPSE, which makes a huge page of small
 * ones (mm/space/collapse.c).
 */
#include <lib/cmdline.h>
#include <lib/init.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/fault/fault.h>
#include <mm/fault/huge.h>
#include <mm/notifier/start.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pte_trace.h>
#include <mm/table/tlb.h>

#include "mm/fault/internal.h"

CMDLINE_KEY("thp", "huge pages for anonymous memory: never, madvise or always");

enum thp_mode thp_mode = THP_MADVISE;

static const char *const thp_names[] = {
	[THP_NEVER] = "never", [THP_MADVISE] = "madvise", [THP_ALWAYS] = "always"};

static int thp_init(void)
{
	const char *asked = cmdline_get("thp");
	unsigned int i;

	if (!asked)
		return 0;
	for (i = 0; i < ARRAY_SIZE(thp_names); i++) {
		if (!strcmp(asked, thp_names[i])) {
			thp_mode = i;
			return 0;
		}
	}
	return -EINVAL;
}
INITCALL(INIT_CORE, thp_init);

bool vma_may_be_huge(const struct vm_area_struct *vma, vaddr_t addr)
{
	vaddr_t start = addr & PMD_MASK;

	return !vma->vm_object && !(vma->vm_flags & VM_NOHUGEPAGE) &&
	       start >= vma->vm_start && vma->vm_end - start >= PMD_SIZE;
}

static bool wants_huge(const struct vm_area_struct *vma, vaddr_t addr)
{
	enum thp_mode mode = READ_ONCE(thp_mode);

	if (likely(mode == THP_MADVISE && !(vma->vm_flags & VM_HUGEPAGE)))
		return false;
	return mode != THP_NEVER && vma_may_be_huge(vma, addr);
}

/* Lock the entry if it is still what it was. */
static bool huge_lock_same(struct vm_fault *vmf) __no_thread_safety
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	pte_t pte;

	if (!huge_lock(mm, vmf->pmd, &pte))
		return false;
	if (pte_same(pte, vmf->orig))
		return true;
	spin_unlock(&mm->page_table_lock);
	return false;
}

static vaddr_t huge_addr(const struct vm_fault *vmf)
{
	return vmf->address & PMD_MASK;
}

/* --- an empty entry ------------------------------------------------------- */

/* The entry gets @page, if it is still empty. */
static bool fill_empty(struct vm_fault *vmf, pte_t pte, struct page *table)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	vaddr_t addr = huge_addr(vmf);
	bool filled;

	spin_lock(&mm->page_table_lock);
	filled = pmd_none(pmdp_get(vmf->pmd));
	if (likely(filled)) {
		/* As fill_entry() of mm/fault/fault.c. */
		if (tlb_flush_is_pending(mm))
			flush_tlb_mm_range(mm, addr, addr + PMD_SIZE);
		huge_fill(mm, addr, vmf->pmd, pte, table);
	}
	spin_unlock(&mm->page_table_lock);
	return filled;
}

static vm_fault_t map_zero_page(struct vm_fault *vmf, struct page *table)
{
	pte_t pte = pfn_pte(page_to_pfn(huge_zero_page), vmf->vma->vm_page_prot);

	if (!fill_empty(vmf, pte, table)) {
		pgtable_free_one(table);
		return VM_FAULT_NOPAGE;
	}
	this_cpu_inc(huge_counters.zero_page);
	return 0;
}

static vm_fault_t map_fresh_page(struct vm_fault *vmf, struct page *table)
{
	struct page *head = alloc_huge_page(GFP_KERNEL | __GFP_ZERO);

	if (!head) {
		pgtable_free_one(table);
		return VM_FAULT_FALLBACK;
	}
	page_add_new_huge_rmap(head, vmf->vma, huge_addr(vmf));
	if (!fill_empty(vmf, fault_fresh_pte(vmf, head), table)) {
		page_remove_huge_rmap(head);
		put_page(head);
		pgtable_free_one(table);
		return VM_FAULT_NOPAGE;
	}
	atomic64_add(HPAGE_PMD_NR, &vmf->vma->vm_mm->anon_rss);
	this_cpu_inc(huge_counters.faulted);
	return 0;
}

static vm_fault_t fault_on_empty(struct vm_fault *vmf)
{
	bool write = vmf->flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE);
	vm_fault_t fault = VM_FAULT_FALLBACK;
	struct page *table = NULL;

	if (write || huge_zero_page)
		table = pgtable_alloc_one(vmf->vma->vm_mm);
	if (table)
		fault = write ? map_fresh_page(vmf, table)
			      : map_zero_page(vmf, table);
	if (fault == VM_FAULT_FALLBACK)
		this_cpu_inc(huge_counters.fallback);
	return fault;
}

/* --- an entry that does not serve ----------------------------------------- */

/* @head takes the place of huge_zero_page; false: the entry has changed. */
static bool replace_zero_page(struct vm_fault *vmf,
			      struct page *head) __no_thread_safety
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	vaddr_t addr = huge_addr(vmf);
	struct mmu_notifier_range range;
	bool same;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vmf->vma, mm, addr,
				addr + PMD_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	same = huge_lock_same(vmf);
	if (likely(same)) {
		pte_t pte = fault_fresh_pte(vmf, head);

		/* Nobody sees the two pages in turn (R2.12). */
		huge_xchg_at(mm, addr, vmf->pmd, huge_hidden(vmf->orig));
		flush_tlb_mm_range(mm, addr, addr + PMD_SIZE);
		set_huge_at(mm, addr, vmf->pmd, pte);
		OBSERVE(huge_filled, mm, addr, pte_pfn(pte), pte_rights(pte));
		atomic64_add(HPAGE_PMD_NR, &mm->anon_rss);
		spin_unlock(&mm->page_table_lock);
	}
	mmu_notifier_invalidate_range_end(&range);
	return same;
}

static vm_fault_t fault_on_zero_page(struct vm_fault *vmf)
{
	struct page *head = NULL;

	if (wants_huge(vmf->vma, vmf->address)) {
		head = alloc_huge_page(GFP_KERNEL | __GFP_ZERO);
		if (!head)
			this_cpu_inc(huge_counters.fallback);
	}
	if (!head) {
		split_huge_entry(vmf->vma, vmf->pmd, vmf->address);
		return VM_FAULT_FALLBACK;
	}
	page_add_new_huge_rmap(head, vmf->vma, huge_addr(vmf));
	if (!replace_zero_page(vmf, head)) {
		page_remove_huge_rmap(head);
		put_page(head);
		return VM_FAULT_NOPAGE;
	}
	this_cpu_inc(huge_counters.faulted);
	return 0;
}

/* A page that others may share: ours again if they have gone, else 4 KiB are copied. */
static vm_fault_t fault_on_shared(struct vm_fault *vmf) __no_thread_safety
{
	struct mm_struct *mm = vmf->vma->vm_mm;

	if (!huge_lock_same(vmf))
		return VM_FAULT_NOPAGE;
	if (!cow_is_sole_owner(pfn_to_page(pte_pfn(vmf->orig)))) {
		spin_unlock(&mm->page_table_lock);
		split_huge_entry(vmf->vma, vmf->pmd, vmf->address);
		return VM_FAULT_FALLBACK;
	}
	if (vmf->flags & FAULT_FLAG_WRITE) {
		pte_t pte = pte_mkdirty(pte_mkyoung(pte_mkwrite(vmf->orig)));

		set_huge_at(mm, huge_addr(vmf), vmf->pmd, pte);
		OBSERVE(huge_filled, mm, huge_addr(vmf), pte_pfn(pte),
			pte_rights(pte));
		this_cpu_inc(huge_counters.reused);
	}
	spin_unlock(&mm->page_table_lock);
	return 0;
}

static vm_fault_t fault_on_huge(struct vm_fault *vmf)
{
	const struct page *head = pfn_to_page(pte_pfn(vmf->orig));
	bool serves = !(vmf->flags & FAULT_FLAG_WRITE) || pte_write(vmf->orig);

	if ((vmf->flags & FAULT_FLAG_UNSHARE) && !PageAnonExclusive(head))
		serves = false;
	if (serves) {
		this_cpu_inc(fault_counters.spurious);
		return VM_FAULT_NOPAGE;
	}
	return is_huge_zero_page(head) ? fault_on_zero_page(vmf)
				       : fault_on_shared(vmf);
}

vm_fault_t fault_huge(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	pmd_t pmd = pmdp_get(vmf->pmd);
	vm_fault_t fault;

	if (!pmd_leaf(pmd) &&
	    !(pmd_none(pmd) && wants_huge(vmf->vma, vmf->address)))
		return VM_FAULT_FALLBACK;
	vmf->orig = pmd_huge_pte(pmd);
	OBSERVE(fault_begin, mm, vmf->address, vmf->flags, "huge page");
	fault = pmd_none(pmd) ? fault_on_empty(vmf) : fault_on_huge(vmf);
	OBSERVE(fault_end, mm, vmf->address,
		fault == VM_FAULT_FALLBACK ? "small pages" : fault_result(fault));
	return fault;
}
