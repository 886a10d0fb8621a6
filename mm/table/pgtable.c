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
 * without another lock.  The last level, which changes all the time, has a lock for
 * each table, kept in the struct page of the table.
 *
 *	entry		read with		write with
 *	PGD, PUD	mmap_lock, or RCU	mmap_lock, and to fill:
 *						page_table_lock; to empty:
 *						mmap_lock for writing
 *	PMD		likewise		likewise; to empty, also the lock of the
 *						table that it leads to
 *	PMD, huge	page_table_lock		page_table_lock: mm/table/huge.c
 *	PTE		the table's own lock	the same
 *
 * A table is zeroed before the entry above it can be seen: the store of the
 * entry comes after the zeroes (smp_wmb below), and a walker, including the
 * processor's own, depends on the entry it read.
 *
 * A walker of the reverse map has no mmap_lock. So no walker relies on an upper
 * entry that it has read. It locks the table and looks again (pte_offset_map_lock()):
 *
 *	walk				munmap
 *	reads the PMD: table t
 *					lock(t)
 *					PMD emptied
 *					unlock(t); t goes to the gather
 *	lock(t)
 *	PMD is not t any more: none	(t must still be a table: it has a lock)
 *
 *	(pgtable.a_walk_that_lost_its_table_finds_none)
 *
 * Two tables are locked in the order of their addresses (pgtable_lock_two()). A table's
 * lock comes after page_table_lock.
 *
 * Lifetime. A table that was unhooked may still be in some CPU's walk cache, and a
 * walker may wait for its lock. It goes to the mmu_gather, waits for the flush
 * (mm/table/tlb.c), then for an RCU grace period: ADR 0020.
 *
 * Not here: emptying the last level (mm/table/zap.c), huge entries (mm/table/huge.c).
 */
#include <lib/printk.h>
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
DEFINE_TRACE_EVENT(pte_shared, "mm child start end pages",
		   "mm %p shares with %p what is in [%#lx, %#lx), pages %lu");
DEFINE_TRACE_EVENT(pte_moved, "mm start end to",
		   "mm %p what is in [%#lx, %#lx) is at %#lx now");
DEFINE_TRACE_EVENT(pte_zapped, "mm start end pages",
		   "mm %p [%#lx, %#lx) is empty, pages %lu");
DEFINE_TRACE_EVENT(pte_protected, "mm start end prot",
		   "mm %p [%#lx, %#lx) has prot %lx");
DEFINE_TRACE_EVENT(pte_lazyfreed, "mm start end pages",
		   "mm %p [%#lx, %#lx) may be freed, pages %lu");
DEFINE_TRACE_EVENT(pte_cleared, "mm start end pages",
		   "mm %p [%#lx, %#lx) has no write marks, pages %lu had");

struct page *pgtable_alloc_one(struct mm_struct *mm)
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

static void free_list_later(struct rcu_head *head)
{
	struct page *page = container_of(head, struct page, pt_rcu);

	while (page) {
		struct page *next = page->pt_next;

		pgtable_free_one(page);
		page = next;
	}
}

void pgtable_free_list(struct page *first)
{
	call_rcu(&first->pt_rcu, free_list_later);
}

int pgd_alloc(struct mm_struct *mm)
{
	struct page *page = pgtable_alloc_one(mm);

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
	struct page *page = pgtable_alloc_one(mm);

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

static pmd_t *alloc_upper(struct mm_struct *mm, vaddr_t addr)
{
	pgd_t *pgdp = mm->pgd + pgd_index(addr);
	pud_t *pudp;

	if (unlikely(pgd_none(pgdp_get(pgdp))) && table_install(mm, &pgdp->pgd))
		return NULL;
	pudp = pgd_table(pgdp_get(pgdp)) + pud_index(addr);
	if (unlikely(pud_none(pudp_get(pudp))) && table_install(mm, &pudp->pud))
		return NULL;
	return pud_table(pudp_get(pudp)) + pmd_index(addr);
}

pmd_t *pgtable_alloc_upper(struct mm_struct *mm, vaddr_t addr)
{
	might_alloc(GFP_KERNEL, CALLER());
	return alloc_upper(mm, addr);
}

int pgtable_alloc_last(struct mm_struct *mm, pmd_t *pmdp)
{
	return pmd_none(pmdp_get(pmdp)) ? table_install(mm, &pmdp->pmd) : 0;
}

pmd_t *pgtable_alloc_pmd(struct mm_struct *mm, vaddr_t addr)
{
	pmd_t *pmdp;

	might_alloc(GFP_KERNEL, CALLER());
	pmdp = alloc_upper(mm, addr);
	return pmdp && !pgtable_alloc_last(mm, pmdp) ? pmdp : NULL;
}

pte_t *pgtable_alloc_map_lock(struct mm_struct *mm, vaddr_t addr,
			      struct spinlock **ptlp) __no_thread_safety
{
	pmd_t *pmdp;
	pte_t *ptep;

	for (;;) {
		pmdp = pgtable_alloc_pmd(mm, addr);
		if (!pmdp)
			return NULL;
		ptep = pte_offset_map_lock(pmdp, addr, ptlp);
		if (ptep)
			return ptep;
		if (pmd_leaf(pmdp_get(pmdp)))
			return NULL;
	}
}

void report_bad_pmd(struct mm_struct *mm, vaddr_t addr, pmd_t pmd,
		    const char *where)
{
	pr_err("mm %u: %s: huge entry %#lx at %#lx\n", mm->id, where,
	       pmd_val(pmd), addr);
}

vaddr_t pgtable_next_table(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			   pmd_t **pmdp)
{
	while (addr < end) {
		pgd_t pgd = pgdp_get(mm->pgd + pgd_index(addr));
		pmd_t *entry;
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
		entry = pud_table(pud) + pmd_index(addr);
		/* Up to the end of this table of PMD entries. */
		do {
			*pmdp = entry++;
			if (!pmd_none(pmdp_get(*pmdp)))
				return addr;
			addr = pmd_addr_end(addr, end);
		} while (addr < end && pmd_index(addr));
	}
	return end;
}

/* The first entry of one table that is not empty, else @end. */
static vaddr_t next_used_below(pmd_t *pmdp, vaddr_t addr, vaddr_t end)
{
	pmd_t pmd;
	pte_t *ptep;

	rcu_read_lock();
	pmd = pmdp_get(pmdp);
	if (pmd_leaf(pmd))
		goto out;
	ptep = pmd_table(pmd) + pte_index(addr);
	if (pmd_none(pmd))
		addr = end;
	for (; addr < end; addr += PAGE_SIZE, ptep++) {
		if (!pte_none(ptep_get(ptep)))
			break;
	}
out:
	rcu_read_unlock();
	return addr;
}

vaddr_t pgtable_next_used(struct mm_struct *mm, vaddr_t addr, vaddr_t end)
{
	pmd_t *pmdp;

	mmap_assert_locked(mm);
	while ((addr = pgtable_next_table(mm, addr, end, &pmdp)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		addr = next_used_below(pmdp, addr, stop);
		if (addr < stop)
			return addr;
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
		if (unlikely(pmd_leaf(pmd))) {
			report_bad_pmd(tlb->mm, addr, pmd, "free");
			continue;
		}
		/* A walker that has this lock still finds the table hooked. */
		spin_lock(pmd_ptl(pmd));
		set_pmd(pmdp, __pmd(0));
		spin_unlock(pmd_ptl(pmd));
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
