// SPDX-License-Identifier: MIT
/*
 * mm/table/verify.c - count everything the slow way, and put it in words
 *
 * For tests and for people: the monitor's `pte`, and a check that tables,
 * regions, map counts and the books of the mm agree.  Walks every table of the
 * user half with nothing cached; nobody depends on its speed.
 *
 * Locks: verifying wants mmap_lock for writing, so that no fault fills entries
 * meanwhile; table locks are then not needed, because DONTNEED and makers of
 * exclusive entries hold mmap_lock too.
 */
#include <lib/string.h>
#include <mm/space/mm.h>
#include <mm/object/object.h>
#include <mm/page/page.h>
#include <mm/page/rmap.h>
#include <mm/rmap/family.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/swapops.h>

/* The findings of the walk. */
struct pgtable_sum {
	struct mm_struct *mm;
	long tables;
	long pages;
	long shared;
};

static const char *verify_table(struct pgtable_sum *sum, const void *table)
{
	const struct page *page = virt_to_page(table);

	sum->tables++;
	if (!PageTable(page))
		return "an upper entry leads to a page that is no table";
	if (page->pt_mm != sum->mm)
		return "a table belongs to another mm";
	if (page_ref_count(page) != 1)
		return "a table is shared";
	return NULL;
}

/* @nr: how many pages the entry maps, from @page on. */
static const char *verify_page(struct pgtable_sum *sum,
			       const struct vm_area_struct *vma, vaddr_t addr,
			       const struct page *page, bool writable, long nr)
{
	const struct page *head = page_head(page);

	sum->pages += nr;
	if (!PageAnon(head) || PageTable(page) || PageFree(page))
		return "an entry maps a page that is not anonymous memory";
	if (head->mapping != &sum->mm->family->root ||
	    page_pgoff(page) != vma_pgoff_of(vma, addr))
		return "a page does not know where it is mapped";
	if (page_mapcount(page) < 1)
		return "a mapped page's map count is zero";
	if (page_ref_count(page) < page_mapcount(page))
		return "an entry holds no reference";
	if (PageAnonExclusive(page))
		return page_mapcount(page) == 1
			       ? NULL
			       : "a page of one owner is shared";
	return writable ? "a page that may be shared is writable" : NULL;
}

/* An entry of a region that shows an object; it may be a driver's. */
static const char *verify_shared(struct pgtable_sum *sum,
				 const struct vm_area_struct *vma, vaddr_t addr,
				 pte_t pte)
{
	const bool driver = vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP);
	const struct page *page = vm_normal_page(pte);

	if (!page)
		return driver ? NULL : "an entry of shared memory counts no page";
	sum->shared++;
	if (vma->vm_flags & VM_PFNMAP)
		return "an entry of frames alone counts a page";
	if (driver && !PageObject(page))
		return page_mapcount(page) > 0 && !PageAnon(page)
			       ? NULL
			       : "a driver's page is anonymous, or not mapped";
	if (!PageObject(page) || PageAnon(page) || PageFree(page))
		return "an entry maps a page that is not an object's";
	if (page->mapping != &vma->vm_object->root ||
	    page->index != vma_pgoff_of(vma, addr))
		return "a page of an object is mapped at another's place";
	if (page_mapcount(page) < 1)
		return "a mapped page's map count is zero";
	/* One more than the entries: the object's own. */
	return page_ref_count(page) > page_mapcount(page)
		       ? NULL
		       : "an entry of an object holds no reference";
}

/* What must hold of a present entry of either kind, and of its page. */
static const char *verify_present(struct pgtable_sum *sum,
				  const struct vm_area_struct *vma,
				  vaddr_t addr, pte_t pte, long nr)
{
	const struct page *page = pfn_to_page(pte_pfn(pte));

	if (pte_write(pte) && !(vma->vm_flags & VM_WRITE))
		return "an entry allows more than its region";
	if (pte_protnone(pte) != !(vma->vm_flags & VM_ACCESS))
		return "an entry and its region differ on access";
	if (vma->vm_object)
		return verify_shared(sum, vma, addr, pte);
	if (is_zero_page(page))
		return pte_write(pte) ? "the zero page is writable" : NULL;
	if (pte_write(pte) && !pte_soft_dirty(pte))
		return "a write to a page would not be seen";
	return verify_page(sum, vma, addr, page, pte_write(pte), nr);
}

static const char *verify_huge(struct pgtable_sum *sum, vaddr_t addr, pte_t pte)
{
	const struct vm_area_struct *vma = vma_lookup(sum->mm, addr);

	/* Its spare table. */
	sum->tables++;
	if (!vma || addr + PMD_SIZE > vma->vm_end)
		return "a huge entry does not lie in one region";
	if (!pte_present(pte) || !PageHead(pfn_to_page(pte_pfn(pte))))
		return "a huge entry maps no huge page";
	return verify_present(sum, vma, addr, pte, HPAGE_PMD_NR);
}

static const char *verify_pte(struct pgtable_sum *sum, vaddr_t addr, pte_t pte)
{
	const struct vm_area_struct *vma = vma_lookup(sum->mm, addr);
	const struct page *page;

	if (!vma)
		return "an entry is filled outside every region";
	if (pte_present(pte))
		return verify_present(sum, vma, addr, pte, 1);
	if (!is_device_exclusive_entry(pte_to_swp_entry(pte)))
		return "an entry is of a type that nobody makes";
	if (is_writable_device_exclusive_entry(pte_to_swp_entry(pte)) &&
	    !(vma->vm_flags & VM_WRITE))
		return "an exclusive entry allows more than its region";
	page = pfn_to_page(swp_offset_pfn(pte_to_swp_entry(pte)));
	if (PageHuge(page))
		return "a part of a huge page is exclusive";
	return verify_page(sum, vma, addr, page, true, 1);
}

static const char *verify_ptes(struct pgtable_sum *sum, vaddr_t addr,
			       const pte_t *table)
{
	const char *wrong = verify_table(sum, table);
	unsigned int i;

	for (i = 0; i < PTRS_PER_TABLE && !wrong; i++) {
		pte_t pte = ptep_get(table + i);

		if (!pte_none(pte))
			wrong = verify_pte(sum, addr + i * PAGE_SIZE, pte);
	}
	return wrong;
}

static const char *verify_pmds(struct pgtable_sum *sum, vaddr_t addr,
			       const pmd_t *table)
{
	const char *wrong = verify_table(sum, table);
	unsigned long huge = 0;
	unsigned int i;

	for (i = 0; i < PTRS_PER_TABLE && !wrong; i++) {
		pmd_t pmd = pmdp_get(table + i);
		vaddr_t at = addr + i * PMD_SIZE;

		if (pmd_none(pmd))
			continue;
		huge += pmd_leaf(pmd);
		wrong = pmd_leaf(pmd) ? verify_huge(sum, at, pmd_huge_pte(pmd))
				      : verify_ptes(sum, at, pmd_table(pmd));
	}
	if (!wrong && huge != huge_count_spares(table))
		return "huge entries and their spare tables differ in number";
	return wrong;
}

static const char *verify_puds(struct pgtable_sum *sum, vaddr_t addr,
			       const pud_t *table)
{
	const char *wrong = verify_table(sum, table);
	unsigned int i;

	for (i = 0; i < PTRS_PER_TABLE && !wrong; i++) {
		pud_t pud = pudp_get(table + i);

		if (!pud_none(pud))
			wrong = verify_pmds(sum, addr + i * PUD_SIZE,
					    pud_table(pud));
	}
	return wrong;
}

const char *pgtable_verify(struct mm_struct *mm)
{
	struct pgtable_sum sum = {.mm = mm};
	const char *wrong = NULL;
	unsigned int i;

	mmap_assert_write_locked(mm);
	for (i = 0; i < USER_PGD_PTRS && !wrong; i++) {
		pgd_t pgd = pgdp_get(mm->pgd + i);

		if (!pgd_none(pgd))
			wrong = verify_puds(&sum, i * PGDIR_SIZE, pgd_table(pgd));
	}
	if (wrong)
		return wrong;
	if (sum.tables != atomic64_read(&mm->nr_ptes))
		return "nr_ptes is wrong";
	if (sum.pages != atomic64_read(&mm->anon_rss))
		return "anon_rss is wrong";
	if (sum.shared != atomic64_read(&mm->shared_rss))
		return "shared_rss is wrong";
	return NULL;
}

static int describe_present(pte_t pte, char *buf, size_t len)
{
	pfn_t pfn = pte_pfn(pte);
	const struct page *page = pfn_to_page(pfn);

	if (pte_special(pte))
		return scnprintf(buf, len, "pfn %#lx%s%s, no page", pfn,
				 pte_protnone(pte) ? ", no access" : "",
				 pte_write(pte) ? ", writable" : ", read-only");
	if (is_zero_page(page))
		return scnprintf(buf, len, "zero page%s",
				 pte_protnone(pte) ? ", no access" : "");
	return scnprintf(buf, len, "pfn %#lx%s%s%s%s%s, mapped %d, held %d%s",
			 pfn, pte_protnone(pte) ? ", no access" : "",
			 pte_write(pte) ? ", writable" : ", read-only",
			 pte_dirty(pte) ? ", dirty" : "",
			 pte_young(pte) ? ", young" : "",
			 PageLazyfree(page) ? ", freed lazily" : "",
			 page_mapcount(page), page_ref_count(page),
			 PageLocked(page) ? ", locked" : "");
}

static int describe_swap(pte_t pte, char *buf, size_t len)
{
	swp_entry_t entry = pte_to_swp_entry(pte);
	const char *name = swp_type_name(swp_type(entry));
	const struct page *page;

	if (!is_device_exclusive_entry(entry))
		return scnprintf(buf, len, "%s, offset %#lx", name,
				 swp_offset(entry));
	page = pfn_to_page(swp_offset_pfn(entry));
	return scnprintf(buf, len, "%s, pfn %#lx, mapped %d, held %d%s", name,
			 swp_offset_pfn(entry), page_mapcount(page),
			 page_ref_count(page),
			 PageLocked(page) ? ", locked" : "");
}

/* The page of @addr in a huge entry. */
static int describe_huge(struct mm_struct *mm, vaddr_t addr, char *buf,
			 size_t len) __no_thread_safety
{
	const pmd_t *pmdp = pgtable_walk_pmd(mm, addr);
	int written;
	pte_t pte;

	if (!pmdp || !huge_lock(mm, pmdp, &pte))
		return scnprintf(buf, len, "never touched (no table)");
	written = scnprintf(buf, len, "page %u of a huge one, ", pte_index(addr));
	pte = huge_part(pte_huge_pmd(pte), addr);
	written += describe_present(pte, buf + written, len - (size_t)written);
	spin_unlock(&mm->page_table_lock);
	return written;
}

static int describe_locked(struct mm_struct *mm, vaddr_t addr, char *buf,
			   size_t len) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep;
	pte_t pte;
	int written;

	if (addr >= USER_END || !vma_lookup(mm, addr))
		return scnprintf(buf, len, "not mapped");
	ptep = pgtable_map_lock(mm, addr, &ptl);
	if (!ptep)
		return describe_huge(mm, addr, buf, len);
	pte = ptep_get(ptep);
	if (pte_none(pte))
		written = scnprintf(buf, len, "never touched");
	else if (pte_present(pte))
		written = describe_present(pte, buf, len);
	else
		written = describe_swap(pte, buf, len);
	spin_unlock(ptl);
	return written;
}

int pte_describe(struct mm_struct *mm, vaddr_t addr, char *buf, size_t len)
{
	int written = mmap_read_lock_killable(mm);

	if (written)
		return written;
	written = describe_locked(mm, addr, buf, len);
	mmap_read_unlock(mm);
	return written;
}
