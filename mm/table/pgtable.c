// SPDX-License-Identifier: MIT
/*
 * mm/table/pgtable.c - page tables come and go
 *
 * Problem.  Faults on many CPUs grow the tables of one address space at the
 * same time, while most of the address space has none: a walker must be quick
 * over holes of terabytes, and locking one table must not stop the others.
 *
 * Idea.  An upper entry changes only twice in the life of its table: from empty
 * to the table, under mm->page_table_lock, and back, with mmap_lock held for
 * writing (or by the last user).  So a holder of mmap_lock may walk down
 * without another lock, and what it found stays a table.  The last level, which
 * changes all the time, has a lock for each table, kept in the struct page of
 * the table.
 *
 *	entry		read with		write with
 *	PGD, PUD, PMD	mmap_lock, either mode	mmap_lock, and to fill:
 *						page_table_lock; to empty:
 *						mmap_lock for writing
 *	PTE		the table's own lock	the same
 *
 * A table is zeroed before the entry above it can be seen: the store of the
 * entry comes after the zeroes (smp_wmb below), and a walker, including the
 * processor's own, depends on the entry it read.
 *
 * Lifetime.  A table that was unhooked may still be in some CPU's walk cache.
 * It goes to the mmu_gather and is freed after the flush (mm/table/tlb.c).
 *
 * Not here: emptying the last level (mm/table/zap.c).
 */
#include <mm/alloc/debug.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/might_alloc.h>
#include <mm/space/mm.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/table/tlb.h>

DEFINE_TRACE_EVENT(pte_filled, "mm addr pfn rights",
		   "mm %p %#lx has pfn %#lx: %s");
DEFINE_TRACE_EVENT(pte_zapped, "mm start end pages",
		   "mm %p [%#lx, %#lx) is empty, pages %lu");
DEFINE_TRACE_EVENT(pte_protected, "mm start end prot",
		   "mm %p [%#lx, %#lx) has prot %lx");

static struct page *table_alloc(struct mm_struct *mm)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (!page)
		return NULL;
	SetPageTable(page);
	spin_lock_init(&page->ptl);
	page->pt_mm = mm;
	return page;
}

void pgtable_free_one(struct page *page)
{
	ASSERT(PageTable(page));
	ClearPageTable(page);
	page->pt_mm = NULL;
	put_page(page);
}

int pgd_alloc(struct mm_struct *mm)
{
	struct page *page = table_alloc(mm);

	if (!page)
		return -ENOMEM;
	mm->pgd = page_address(page);
	kernel_map_copy_upper(mm->pgd);
	mm->context.pgd = page_to_phys(page);
	return 0;
}

void pgd_free(struct mm_struct *mm)
{
	pgtable_free_one(virt_to_page(mm->pgd));
	mm->pgd = NULL;
	mm->context.pgd = 0;
}

/*
 * Hook a fresh table into *entry unless another thread was first.  All three
 * upper levels have the same format, hence the bare word.
 */
static int table_install(struct mm_struct *mm, unsigned long *entry)
{
	struct page *page = table_alloc(mm);

	if (!page)
		return -ENOMEM;
	spin_lock(&mm->page_table_lock);
	if (!*entry) {
		/* Pairs with the address dependency of every walker. */
		smp_wmb();
		WRITE_ONCE(*entry, page_to_phys(page) | _TABLE_USER);
		atomic64_inc(&mm->nr_ptes);
		page = NULL;
	}
	spin_unlock(&mm->page_table_lock);
	if (page)
		pgtable_free_one(page);
	return 0;
}

pte_t *pgtable_alloc_pte(struct mm_struct *mm, vaddr_t addr,
			 struct spinlock **ptlp)
{
	pgd_t *pgdp = mm->pgd + pgd_index(addr);
	pud_t *pudp;
	pmd_t *pmdp;
	pmd_t pmd;

	might_alloc(GFP_KERNEL, CALLER());
	if (unlikely(pgd_none(pgdp_get(pgdp))) && table_install(mm, &pgdp->pgd))
		return NULL;
	pudp = pgd_table(pgdp_get(pgdp)) + pud_index(addr);
	if (unlikely(pud_none(pudp_get(pudp))) && table_install(mm, &pudp->pud))
		return NULL;
	pmdp = pud_table(pudp_get(pudp)) + pmd_index(addr);
	if (unlikely(pmd_none(pmdp_get(pmdp))) && table_install(mm, &pmdp->pmd))
		return NULL;
	pmd = pmdp_get(pmdp);
	*ptlp = pmd_ptl(pmd);
	return pmd_table(pmd) + pte_index(addr);
}

vaddr_t pgtable_next_table(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			   pmd_t *pmdp)
{
	while (addr < end) {
		pgd_t pgd = pgdp_get(mm->pgd + pgd_index(addr));
		pud_t pud;

		if (pgd_none(pgd)) {
			addr = pgd_addr_end(addr, end);
			continue;
		}
		pud = pudp_get(pgd_table(pgd) + pud_index(addr));
		if (pud_none(pud)) {
			addr = pud_addr_end(addr, end);
			continue;
		}
		*pmdp = pmdp_get(pud_table(pud) + pmd_index(addr));
		if (!pmd_none(*pmdp))
			return addr;
		addr = pmd_addr_end(addr, end);
	}
	return end;
}

vaddr_t pgtable_next_used(struct mm_struct *mm, vaddr_t addr, vaddr_t end)
{
	pmd_t pmd;

	mmap_assert_locked(mm);
	while ((addr = pgtable_next_table(mm, addr, end, &pmd)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);
		pte_t *ptep = pmd_table(pmd) + pte_index(addr);

		for (; addr < stop; addr += PAGE_SIZE, ptep++) {
			if (!pte_none(ptep_get(ptep)))
				return addr;
		}
	}
	return end;
}

/*
 * The entry covering @addr at a level of @size bytes may be emptied if all of
 * its span lies in [floor, ceiling), where nothing is mapped.
 */
static bool span_is_free(vaddr_t addr, unsigned long size, vaddr_t floor,
			 vaddr_t ceiling)
{
	vaddr_t base = addr & ~(size - 1);

	return base >= floor && base + (size - 1) < ceiling;
}

static void free_pte_tables(struct mmu_gather *tlb, pmd_t *table, vaddr_t addr,
			    vaddr_t end, vaddr_t floor, vaddr_t ceiling)
{
	pmd_t *pmdp = table + pmd_index(addr);

	for (; addr < end; addr = pmd_addr_end(addr, end), pmdp++) {
		pmd_t pmd = pmdp_get(pmdp);

		if (pmd_none(pmd) ||
		    !span_is_free(addr, PMD_SIZE, floor, ceiling))
			continue;
		set_pmd(pmdp, __pmd(0));
		tlb_gather_table(tlb, virt_to_page(pmd_table(pmd)), addr);
	}
}

static void free_pmd_tables(struct mmu_gather *tlb, pud_t *table, vaddr_t addr,
			    vaddr_t end, vaddr_t floor, vaddr_t ceiling)
{
	pud_t *pudp = table + pud_index(addr);

	for (; addr < end; addr = pud_addr_end(addr, end), pudp++) {
		pud_t pud = pudp_get(pudp);

		if (pud_none(pud))
			continue;
		free_pte_tables(tlb, pud_table(pud), addr,
				pud_addr_end(addr, end), floor, ceiling);
		if (!span_is_free(addr, PUD_SIZE, floor, ceiling))
			continue;
		set_pud(pudp, __pud(0));
		tlb_gather_table(tlb, virt_to_page(pud_table(pud)), addr);
	}
}

void pgtable_free_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end,
			vaddr_t floor, vaddr_t ceiling)
{
	vaddr_t addr = start;
	pgd_t *pgdp = tlb->mm->pgd + pgd_index(addr);

	for (; addr < end; addr = pgd_addr_end(addr, end), pgdp++) {
		pgd_t pgd = pgdp_get(pgdp);

		if (pgd_none(pgd))
			continue;
		free_pmd_tables(tlb, pgd_table(pgd), addr,
				pgd_addr_end(addr, end), floor, ceiling);
		if (!span_is_free(addr, PGDIR_SIZE, floor, ceiling))
			continue;
		set_pgd(pgdp, __pgd(0));
		tlb_gather_table(tlb, virt_to_page(pgd_table(pgd)), addr);
	}
}
