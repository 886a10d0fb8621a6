// SPDX-License-Identifier: MIT
/*
 * mm/table/zap.c - empty the entries of a range
 *
 * Problem.  munmap, MADV_DONTNEED and exit throw away what a range maps: pages,
 * the zero page, and entries that are neither.  Each kind holds something.
 *
 *	entry			gives back
 *	none			nothing
 *	zero page		nothing: it is not counted
 *	anonymous page		a map count, a reference, one of anon_rss; and a
 *				translation that CPUs may remember
 *	frame of a driver	nothing: no page is counted, and there may be none
 *	page of an object	the same, of shared_rss; the object keeps the page
 *	device-exclusive	as an anonymous page, but the translation was its maker's
 *				to flush (R8.13)
 *	huge			the same for 512 pages at once, and the table kept for
 *				its split. If a part of it is to go, it is split
 *	part of a huge page	as an anonymous page; the reference is the huge page's
 *	anything else		a report: no such entry exists yet
 *
 * Idea.  One hold of a table's lock for all of its entries in the range; what
 * is given back goes into the caller's mmu_gather.  When that is full the lock
 * is dropped, the CPUs are flushed, the pages freed, and the walk goes on.
 *
 * Locks: mmap_lock in either mode (the tables must not go), the table's lock
 * around its entries.  The notifier's start comes before, its end after the
 * gather's flush; both are the caller's. The split of a huge entry has a range of its
 * own inside that one, since it reaches over more (mm/table/huge.c).
 *
 * Only entries that were present here are noted for the flush.  Those that were
 * not may still be remembered as another thread found them: the gather counts
 * itself and flushes its whole range if another is counted (mm/table/tlb.c).
 */
#include <lib/printk.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/page/rmap.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

void report_bad_pte(struct mm_struct *mm, vaddr_t addr, pte_t pte,
		    const char *where)
{
	if (is_swap_pte(pte)) {
		swp_entry_t entry = pte_to_swp_entry(pte);

		pr_err("mm %u: %s: unknown %s entry %#lx at %#lx\n", mm->id,
		       where, swp_type_name(swp_type(entry)), pte_val(pte), addr);
		return;
	}
	pr_err("mm %u: %s: bad pte %#lx at %#lx\n", mm->id, where, pte_val(pte),
	       addr);
}

/* Not a page and not empty: the caller clears it. True if it held a page. */
static noinline struct page *zap_swap_pte(struct mm_struct *mm, vaddr_t addr,
					  pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);

	if (likely(is_device_exclusive_entry(entry)))
		return pfn_to_page(swp_offset_pfn(entry));
	report_bad_pte(mm, addr, pte, "zap");
	return NULL;
}

/* As far as the gather has room; where it stopped. */
static vaddr_t zap_ptes(struct mmu_gather *tlb, pmd_t *pmdp, vaddr_t addr,
			vaddr_t end) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pte_offset_map_lock(pmdp, addr, &ptl);
	vaddr_t start = addr;
	vaddr_t first = ~0UL;
	vaddr_t last = 0;
	bool tried = false;
	long rss = 0;
	long shared = 0;

	/* Empty, which is all that was wanted; or huge by now. */
	if (unlikely(!ptep))
		return pmd_leaf(pmdp_get(pmdp)) ? addr : end;
	for (; addr < end; addr += PAGE_SIZE, ptep++) {
		pte_t pte = ptep_get(ptep);
		struct page *page;

		if (pte_none(pte))
			continue;
		if (likely(pte_present(pte))) {
			page = vm_normal_page(pte);
			if (page && unlikely(PageHuge(page)) && !tried)
				tried = !try_split_huge_part(ptep);
			ptep_clear_at(tlb->mm, addr, ptep);
			if (last == 0)
				first = addr;
			last = addr + PAGE_SIZE;
		} else {
			page = zap_swap_pte(tlb->mm, addr, pte);
			set_pte_at(tlb->mm, addr, ptep, __pte(0));
		}
		if (!page)
			continue;
		page_remove_rmap(page);
		if (likely(PageAnon(page)))
			rss++;
		else
			shared++;
		if (tlb_gather_page(tlb, page_head(page))) {
			addr += PAGE_SIZE;
			break;
		}
	}
	OBSERVE(pte_zapped, tlb->mm, start, addr, rss + shared);
	spin_unlock(ptl);
	tlb->rss += rss;
	tlb->shared_rss += shared;
	if (last)
		tlb_note_range(tlb, first, last);
	return addr;
}

/* All of a huge entry. */
static void zap_whole(struct mmu_gather *tlb, pmd_t *pmdp, vaddr_t addr)
{
	struct mm_struct *mm = tlb->mm;
	struct page *table, *head;
	pte_t pte;

	if (!huge_lock(mm, pmdp, &pte))
		return;
	head = pfn_to_page(pte_pfn(huge_xchg_at(mm, addr, pmdp, __pmd(0))));
	table = huge_take_spare(mm, pmdp);
	if (is_huge_zero_page(head)) {
		head = NULL;
	} else {
		page_remove_huge_rmap(head);
		tlb->rss += HPAGE_PMD_NR;
		tlb_gather_page(tlb, head);
	}
	OBSERVE(pte_zapped, mm, addr, addr + PMD_SIZE, head ? HPAGE_PMD_NR : 0);
	spin_unlock(&mm->page_table_lock);
	tlb_note_range(tlb, addr, addr + PMD_SIZE);
	pgtable_free_one(table);
}

/* What a huge entry maps of [@addr, @end). Return: where to go on. */
static vaddr_t zap_huge(struct mmu_gather *tlb, pmd_t *pmdp, vaddr_t addr,
			vaddr_t end)
{
	if (IS_ALIGNED(addr, PMD_SIZE) && end - addr == PMD_SIZE)
		zap_whole(tlb, pmdp, addr);
	else
		split_huge_entry(find_vma(tlb->mm, addr), pmdp, addr);
	/* It may be a table now; if it is empty, the next look goes past it. */
	return addr;
}

void zap_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end)
{
	vaddr_t addr = start;
	pmd_t *pmdp;

	ASSERT(start < end);
	while ((addr = pgtable_next_table(tlb->mm, addr, end, &pmdp)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		if (unlikely(pmd_leaf(pmdp_get(pmdp))))
			addr = zap_huge(tlb, pmdp, addr, stop);
		else
			addr = zap_ptes(tlb, pmdp, addr, stop);
		if (tlb->nr == MMU_GATHER_PAGES)
			tlb_flush_and_free(tlb);
	}
}
