// SPDX-License-Identifier: MIT
/*
 * mm/space/collapse.c - MADV_COLLAPSE: 512 small pages become a huge one
 *
 * Problem.  A region may be full of small pages because it was touched before huge pages were
 * wanted, or because none was free. Their contents must move to a huge page while the program,
 * a device and walkers of frames look on, and none of them may keep an old page.
 *
 * Idea.  Be alone with all pages before anything changes. A page with one reference and one
 * owner is known by its entry only; freezing it (include/mm/page/ref.h) keeps it so. If one
 * page cannot be frozen the others are let go, and nothing has happened.
 *
 *	entry			is
 *	none, zero page		zeroes in the huge page
 *	page, own		copied
 *	page, shared		in the way: the page would be another's too
 *	page, other references	in the way: pinned, locked, looked at
 *	device-exclusive	in the way
 *	part of a huge page	in the way
 *
 *	1. allocate the huge page
 *	2. keep walks of the reverse map away; start(CLEAR) over the 2 MiB
 *	3. freeze the pages, or give up
 *	4. unhook the table; flush the CPUs and secondary TLBs
 *	5. copy; free the old pages
 *	6. hook the huge page; end
 *
 * From step 4 on the table is known to nobody. It is emptied and becomes the spare table of
 * the huge entry (mm/table/huge.c), so none has to be allocated or freed.
 *
 * Elsewhere a collapse freed the tables of a file without telling subscribers (Linux 6.1,
 * khugepaged): a device that walks tables went on using one. Here step 2 is before, and the
 * flush of step 4 tells secondary TLBs.
 *
 *	device's walk			collapse
 *	table t, page p
 *					start(CLEAR): the device drops p
 *					t unhooked
 *					flush: waits for the walk, drops what it brought
 *	(uses neither t nor p)		p is freed, t becomes a spare
 *
 *	(collapse.a_device_is_notified_before_the_table_goes)
 *
 *	data			guarded by
 *	regions, tables		mmap_lock for writing: no fault, no other call
 *	the same, by walks	the family's lock for writing
 *	pages			frozen
 *
 * Not here: a daemon that looks for pages to collapse. A program says what it wants.
 */
#include <lib/string.h>
#include <mm/fault/huge.h>
#include <mm/notifier/start.h>
#include <mm/page/rmap.h>
#include <mm/rmap/family.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/tlb.h>

#include "mm/space/internal.h"

/**
 * struct collapse - 2 MiB on their way
 * @vma: the region
 * @addr: first address
 * @pmdp: the entry over it
 * @table: the table that it leads to
 * @head: the huge page
 * @pages: small pages that are frozen
 */
struct collapse {
	struct vm_area_struct *vma;
	vaddr_t addr;
	pmd_t *pmdp;
	pte_t *table;
	struct page *head;
	long pages;
};

/* The page of an entry whose contents must be copied; NULL: zeroes, or not a page. */
static struct page *page_of(pte_t pte)
{
	struct page *page = pte_present(pte) ? pfn_to_page(pte_pfn(pte)) : NULL;

	return page && !is_zero_page(page) ? page : NULL;
}

/* Step 3 for one entry. */
static bool freeze_entry(struct collapse *c, pte_t pte)
{
	struct page *page = page_of(pte);

	if (!page)
		return pte_none(pte) || pte_present(pte);
	if (pte_uffd_wp(pte) || PageHuge(page) || !PageAnonExclusive(page) ||
	    !page_ref_freeze(page, 1))
		return false;
	c->pages++;
	return true;
}

/* Let the pages of the first @nr entries go. */
static void unfreeze(struct collapse *c, unsigned int nr)
{
	while (nr--) {
		struct page *page = page_of(ptep_get(c->table + nr));

		if (page)
			page_ref_unfreeze(page, 1);
	}
}

/* Step 3. Return: 0, -EAGAIN, -EINVAL. */
static int freeze_all(struct collapse *c)
{
	unsigned int i;

	for (i = 0; i < HPAGE_PMD_NR; i++) {
		if (!freeze_entry(c, ptep_get(c->table + i))) {
			unfreeze(c, i);
			return -EAGAIN;
		}
	}
	return c->pages ? 0 : -EINVAL;
}

/* Steps 3 and 4. */
static int take_table(struct collapse *c) __no_thread_safety
{
	struct mm_struct *mm = c->vma->vm_mm;
	struct spinlock *ptl;
	int err;

	c->table = pte_offset_map_lock(c->pmdp, c->addr, &ptl);
	if (!c->table)
		return -EINVAL;
	err = freeze_all(c);
	if (!err)
		set_pmd(c->pmdp, __pmd(0));
	spin_unlock(ptl);
	if (!err)
		flush_tlb_mm_range(mm, c->addr, c->addr + PMD_SIZE);
	return err;
}

/* Step 5 for one entry; the marks of it are added to *@marks. */
static void move_page(struct collapse *c, unsigned int i, unsigned long *marks)
{
	vaddr_t addr = c->addr + i * PAGE_SIZE;
	pte_t pte = ptep_clear_at(c->vma->vm_mm, addr, c->table + i);
	struct page *page = page_of(pte);

	if (!page) {
		clear_page(page_address(c->head + i));
		return;
	}
	*marks |= pte_val(pte) &
		  (_PAGE_DIRTY | _PAGE_SOFT_DIRTY | _PAGE_ACCESSED);
	memcpy(page_address(c->head + i), page_address(page), PAGE_SIZE);
	page_remove_rmap(page);
	/* Frozen: it has no reference left to drop. */
	__put_page(page);
}

/* Steps 5 and 6. */
static void make_huge(struct collapse *c)
{
	struct vm_area_struct *vma = c->vma;
	struct mm_struct *mm = vma->vm_mm;
	unsigned long marks = 0;
	unsigned int i;
	pte_t pte;

	for (i = 0; i < HPAGE_PMD_NR; i++)
		move_page(c, i, &marks);
	page_add_new_huge_rmap(c->head, vma, c->addr);
	pte = pfn_pte(page_to_pfn(c->head), vma->vm_page_prot);
	pte = __pte(pte_val(pte_mkold(pte)) | marks);
	if (can_change_pte_writable(vma, c->head, pte))
		pte = pte_mkwrite(pte);
	atomic64_add((long)HPAGE_PMD_NR - c->pages, &mm->anon_rss);
	atomic64_dec(&mm->nr_ptes);
	spin_lock(&mm->page_table_lock);
	huge_fill(mm, c->addr, c->pmdp, pte, virt_to_page(c->table));
	spin_unlock(&mm->page_table_lock);
}

static int collapse_table(struct collapse *c)
{
	struct mmu_notifier_range range;
	int err;

	c->head = alloc_huge_page(GFP_KERNEL);
	if (!c->head)
		return -ENOMEM;
	rmap_lock_region(c->vma);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, c->vma,
				c->vma->vm_mm, c->addr, c->addr + PMD_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	err = take_table(c);
	if (!err)
		make_huge(c);
	mmu_notifier_invalidate_range_end(&range);
	rmap_unlock_region(c->vma);
	if (err)
		put_page(c->head);
	return err;
}

/* The 2 MiB from @addr on, which lie in the region. */
static int collapse_one(struct vm_area_struct *vma, vaddr_t addr)
{
	struct collapse c = {.vma = vma, .addr = addr};
	int err = -EINVAL;

	c.pmdp = pgtable_walk_pmd(vma->vm_mm, addr);
	if (c.pmdp && pmd_leaf(pmdp_get(c.pmdp)))
		return 0;
	if (c.pmdp && pmd_has_table(pmdp_get(c.pmdp)))
		err = collapse_table(&c);
	if (err)
		this_cpu_inc(huge_counters.collapse_failed);
	else
		this_cpu_inc(huge_counters.collapsed);
	return err;
}

static int collapse_vma(struct vm_area_struct *vma, vaddr_t start, vaddr_t end)
{
	vaddr_t addr = ALIGN(start, PMD_SIZE);
	int err = 0;

	for (; addr < end && end - addr >= PMD_SIZE; addr += PMD_SIZE) {
		int one = -EINVAL;

		if (vma_may_be_huge(vma, addr))
			one = collapse_one(vma, addr);
		err = one ? one : err;
	}
	return err;
}

int collapse_range(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *vma;
	int err = 0;

	mmap_assert_write_locked(mm);
	for_each_vma_range(vma, mm, start, end) {
		int one = collapse_vma(vma, max(vma->vm_start, start),
				       min(vma->vm_end, end));

		err = one ? one : err;
	}
	return err;
}
