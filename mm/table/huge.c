// SPDX-License-Identifier: MIT
/*
 * mm/table/huge.c - a PMD entry that maps 2 MiB, and how it is split
 *
 * Problem.  One entry for 512 pages saves 511 faults, a table and most of the TLB. But munmap,
 * mprotect, a write to a shared page and a device may want one of the 512. Then the
 * entry must become a table, in the middle of operations that cannot fail any more.
 *
 * Idea.  The table of the split is allocated with the huge entry and kept beside it: a split
 * fills it and hooks it, and so needs no memory. The table of the PMD entries has the list of
 * the spare ones (pt_spares), as many as it has huge entries.
 *
 *	operation			a whole huge entry	a part of it
 *	munmap, DONTNEED, exit		emptied			split, then emptied
 *	mprotect			rights changed		split with the region
 *	mremap, to an aligned place	moved			split, then moved
 *	mremap, elsewhere		split, then moved	the same
 *	fork				shared, read-only	split with the region
 *	fork, the page is pinned	split, then copied page by page
 *	write, page of its own		made writable
 *	write, page shared		split, then one page copied
 *	write, huge zero page		a huge page in its place; without one: split
 *	get_user_pages_remote()		serves
 *	a device wants a page				split: the page must be small
 *
 * A huge entry lies in one region, because a region is split together with the
 * huge entry at the place (split_huge_at() of mm/space/vma.c).
 *
 * Splitting the entry and splitting the page are two things:
 *
 *	entry		page
 *	huge		huge		one reference for the entry
 *	512 small	huge		512 references, each page with a map count of its own
 *	512 small	512 small	one reference each
 *
 * The second state is left at once if the entries of the new table hold all references
 * (mm/page/huge.c). If the page is shared with another address space or pinned, it stays:
 * the memory of a part that is unmapped comes back with the rest. A later fault or zap of a
 * part tries again.
 *
 * The steps of a split.  Neither a CPU nor a walker may see a state between:
 *
 *	1. start(CLEAR)
 *	2. exchange the entry for one that no CPU may use and that walkers take for huge
 *	3. flush the CPUs and secondary TLBs: no translation of 2 MiB is left when
 *	   translations of 4 KiB come
 *	4. fill the spare table, count its 512 entries, try to split the page
 *	5. hook the table
 *	6. end
 *
 * Steps 2 to 5 are under the entry's lock. A CPU that touches the range meanwhile faults,
 * and the fault waits for the lock. A walker that went by step 2 as empty would miss it:
 *
 *	split				munmap
 *	entry hidden
 *					entry is huge: wants its lock
 *	table hooked; unlock
 *					no longer huge: goes on with the table
 *	(must not be taken for empty: the pages would stay)
 *
 *	(huge_entry.a_walker_waits_for_a_split_and_does_not_go_past)
 *
 *	field			read with		written with
 *	a huge PMD entry	mm->page_table_lock	mm->page_table_lock
 *	pt_spares		the same		the same
 *	whole_mapcount		a reference, or the	the lock of the entry
 *				lock of an entry
 *
 * Lifetime.  A spare table is counted in nr_ptes like any other. Nobody knows it but the list,
 * so it is freed without a flush and without a grace period.
 *
 * Not here: the page (mm/page/huge.c), faults (mm/fault/huge.c), what zap, fork and mprotect
 * do to a whole entry (their own files).
 */
#include <lib/percpu.h>
#include <mm/notifier/start.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pte_trace.h>
#include <mm/table/tlb.h>

DEFINE_TRACE_EVENT(huge_filled, "mm addr pfn rights",
		   "mm %p 2 MiB at %#lx have pfn %#lx: %s");
DEFINE_TRACE_EVENT(huge_split, "mm addr pfn small",
		   "mm %p 2 MiB at %#lx, pfn %#lx, split; page too: %lu");

DEFINE_PER_CPU(struct huge_counters, huge_counters);

void huge_read_counters(struct huge_counters *out)
{
	unsigned int cpu;

	*out = (struct huge_counters){0};
	for_each_online_cpu(cpu) {
		const struct huge_counters *one =
			per_cpu_ptr(&huge_counters, cpu);

		out->faulted += READ_ONCE(one->faulted);
		out->zero_page += READ_ONCE(one->zero_page);
		out->fallback += READ_ONCE(one->fallback);
		out->reused += READ_ONCE(one->reused);
		out->split += READ_ONCE(one->split);
		out->page_split += READ_ONCE(one->page_split);
		out->page_kept += READ_ONCE(one->page_kept);
		out->collapsed += READ_ONCE(one->collapsed);
		out->collapse_failed += READ_ONCE(one->collapse_failed);
	}
}

/* --- spare tables --------------------------------------------------------- */

void huge_fill(struct mm_struct *mm, vaddr_t addr, pmd_t *pmdp, pte_t pte,
	       struct page *table)
{
	struct page *above = virt_to_page(pmdp);

	ASSERT(pmd_none(pmdp_get(pmdp)) && IS_ALIGNED(addr, PMD_SIZE));
	table->pt_next = above->pt_spares;
	above->pt_spares = table;
	atomic64_inc(&mm->nr_ptes);
	set_huge_at(mm, addr, pmdp, pte);
	OBSERVE(huge_filled, mm, addr, pte_pfn(pte), pte_rights(pte));
}

struct page *huge_take_spare(struct mm_struct *mm, pmd_t *pmdp)
{
	struct page *above = virt_to_page(pmdp);
	struct page *table = above->pt_spares;

	ASSERT(table);
	above->pt_spares = table->pt_next;
	table->pt_mm = mm;
	atomic64_dec(&mm->nr_ptes);
	return table;
}

unsigned long huge_count_spares(const pmd_t *table)
{
	const struct page *spare = virt_to_page(table)->pt_spares;
	unsigned long nr = 0;

	for (; spare; spare = spare->pt_next)
		nr++;
	return nr;
}

/* --- split ---------------------------------------------------------------- */

/* Entries of the last level that say what the huge entry @pte said. */
static void fill_table(struct mm_struct *mm, vaddr_t addr, pte_t *ptep, pte_t pte)
{
	bool zero = is_huge_zero_page(pfn_to_page(pte_pfn(pte)));
	pfn_t pfn = zero ? page_to_pfn(empty_zero_page) : pte_pfn(pte);
	unsigned int i;

	for (i = 0; i < HPAGE_PMD_NR; i++, pfn += !zero)
		set_pte_at(mm, addr + i * PAGE_SIZE, ptep + i,
			   pte_with_pfn(pte, pfn));
}

/* Step 4 for the page. Return: is it small now? */
static bool split_page(struct page *head)
{
	bool small;

	if (is_huge_zero_page(head))
		return false;
	page_split_huge_rmap(head);
	small = try_split_huge_page(head, HPAGE_PMD_NR);
	if (small)
		this_cpu_inc(huge_counters.page_split);
	else
		this_cpu_inc(huge_counters.page_kept);
	return small;
}

/* Steps 2 to 5. */
static void split_locked(struct mm_struct *mm, pmd_t *pmdp, vaddr_t addr,
			 pte_t pte) __must_hold(&mm->page_table_lock)
{
	struct page *table = huge_take_spare(mm, pmdp);
	bool small;

	pte = huge_xchg_at(mm, addr, pmdp, huge_hidden(pte));
	flush_tlb_mm_range(mm, addr, addr + PMD_SIZE);
	fill_table(mm, addr, page_address(table), pte);
	small = split_page(pfn_to_page(pte_pfn(pte)));
	atomic64_inc(&mm->nr_ptes);
	/* Pairs with the address dependency of every walker. */
	smp_wmb();
	set_pmd(pmdp, mk_pmd(page_to_phys(table), _TABLE_USER));
	this_cpu_inc(huge_counters.split);
	OBSERVE(huge_split, mm, addr, pte_pfn(pte), small);
}

void split_huge_entry(struct vm_area_struct *vma, pmd_t *pmdp, vaddr_t addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct mmu_notifier_range range;
	pte_t pte;

	mmap_assert_locked(mm);
	addr &= PMD_MASK;
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, mm, addr,
				addr + PMD_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	if (huge_lock(mm, pmdp, &pte)) {
		split_locked(mm, pmdp, addr, pte);
		spin_unlock(&mm->page_table_lock);
	}
	mmu_notifier_invalidate_range_end(&range);
}

void split_huge_at(struct vm_area_struct *vma, vaddr_t addr)
{
	pmd_t *pmdp;

	if (IS_ALIGNED(addr, PMD_SIZE))
		return;
	pmdp = pgtable_walk_pmd(vma->vm_mm, addr);
	if (pmdp && pmd_leaf(pmdp_get(pmdp)))
		split_huge_entry(vma, pmdp, addr);
}

/* How many entries of a table map parts of a huge page? */
static unsigned int count_parts(const pte_t *table, const struct page *head)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PTRS_PER_TABLE; i++) {
		pte_t pte = ptep_get(table + i);

		if (pte_present(pte) && !pte_special(pte) &&
		    pte_pfn(pte) - page_to_pfn(head) < HPAGE_PMD_NR)
			nr++;
	}
	return nr;
}

bool try_split_huge_part(pte_t *ptep)
{
	struct page *head = page_head(pfn_to_page(pte_pfn(ptep_get(ptep))));
	const pte_t *table = (pte_t *)ALIGN_DOWN((unsigned long)ptep, PAGE_SIZE);

	/* Mostly it is shared still: no need to count. */
	if (page_ref_count(head) > (int)HPAGE_PMD_NR ||
	    atomic_read(&head->whole_mapcount))
		return false;
	if (!try_split_huge_page(head, count_parts(table, head)))
		return false;
	this_cpu_inc(huge_counters.page_split);
	return true;
}
