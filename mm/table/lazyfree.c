// SPDX-License-Identifier: MIT
/*
 * mm/table/lazyfree.c - the contents of a range may go, until they are written again
 *
 * Problem.  A program that frees memory often uses it again soon. To throw the page away at
 * once costs a fault and a page of zeroes then; to keep it costs a page that nobody needs.
 *
 * Idea.  Keep the page and mark it. When memory is short a marked page is freed without
 * being saved, unless it was written to since. So forget now that it was ever written:
 *
 *	PG_lazyfree	entry dirty, or PG_dirty	contents
 *	clear		any				needed
 *	set		no				may go
 *	set		yes				needed: written since
 *
 *	entry			is then
 *	none, zero page		as it was: there is nothing to free
 *	a page of its own	clean and old, the page marked
 *	a page that others map	as it was: the contents are theirs, too
 *	device-exclusive	as it was: a device uses the page (S8.5)
 *
 * The mark stays with the page. A fork shares it, and then no entry of any owner may be
 * dirty. A copy is another page, unmarked. What counts as a write for those who look for
 * writes (soft-dirty) is not forgotten.
 *
 * A CPU that remembers the page as dirty writes without setting the bit again, so all are
 * flushed before the caller's end. A write that comes before that runs beside the call.
 *
 * A device writes without setting the entry's bit at all. Its driver sets PG_dirty when the
 * translation goes, which the caller's start(CLEAR) makes happen first. So PG_dirty is
 * cleared inside the range. What the device writes after that it writes by a new
 * translation, and PG_dirty is set again when that one goes.
 *
 * The bits are cleared one by one. An entry that were empty for a moment would be passed
 * over by a DONTNEED beside, which looks for entries without the table's lock.
 *
 *	data			guarded by
 *	an entry		its table's lock; its bits, atomically against CPUs
 *	PG_lazyfree, PG_dirty	the same, of the one entry that maps the page
 *
 * Not here: freeing marked pages. That is reclaim's, which the tree does not have yet.
 */
#include <mm/page/rmap.h>
#include <mm/space/counters.h>
#include <mm/space/mm.h>
#include <mm/table/lazyfree.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/table/tlb.h>

/* The page of the entry, if its contents are of this entry alone. */
static struct page *lazyfree_page(pte_t pte)
{
	struct page *page;

	if (!pte_present(pte))
		return NULL;
	page = vm_normal_page(pte);
	return page && PageAnon(page) && page_mapcount(page) == 1 ? page : NULL;
}

/* The entry forgets its use. Return: may a CPU remember it? */
static bool lazyfree_entry(pte_t *ptep)
{
	bool dirty = ptep_test_and_clear_dirty(ptep);

	return ptep_test_and_clear_young(ptep) || dirty;
}

static void lazyfree_ptes(struct mmu_gather *tlb, pmd_t *pmdp, vaddr_t addr,
			  vaddr_t end) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pte_offset_map_lock(pmdp, addr, &ptl);
	vaddr_t start = addr;
	unsigned long pages = 0;

	if (!ptep)
		return;
	for (; addr < end; addr += PAGE_SIZE, ptep++) {
		struct page *page = lazyfree_page(ptep_get(ptep));

		if (!page)
			continue;
		if (lazyfree_entry(ptep))
			tlb_note_range(tlb, addr, addr + PAGE_SIZE);
		if (PageDirty(page))
			ClearPageDirty(page);
		SetPageLazyfree(page);
		pages++;
	}
	OBSERVE(pte_lazyfreed, tlb->mm, start, end, pages);
	spin_unlock(ptl);
	this_cpu_add(space_counters.lazyfreed, pages);
}

void lazyfree_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end)
{
	vaddr_t addr = start;
	pmd_t *pmdp;

	ASSERT(start < end);
	while ((addr = pgtable_next_table(tlb->mm, addr, end, &pmdp)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		lazyfree_ptes(tlb, pmdp, addr, stop);
		addr = stop;
	}
}
