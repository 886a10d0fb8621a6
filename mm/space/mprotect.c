// SPDX-License-Identifier: MIT
/*
 * mm/space/mprotect.c - change what a range allows
 *
 * Problem.  Protection is a matter of whole regions, a call names any pages.
 * A device has copies of the old rights, and so have the CPUs' TLBs.
 *
 * Idea.  Check the whole range, charge what becomes writable (mm/space/limits.c), and
 * reserve the regions that its ends cut off (mm/space/cut.c) before anything changes.
 * Then, region by region:
 *
 *	1. cut at the ends, store the new protection	(R1.19: a listener may
 *	   read it from the region when start is called)
 *	2. start(PROTECTION_VMA) from the first entry that is not empty to the
 *	   end of the region's part; if there is none, no event (R1.13)
 *	3. rewrite the entries, flush, end
 *	4. merge with neighbours that are alike now
 *
 * Change of an entry:
 *
 *	entry			new rights without write   with write
 *	zero page		the new rights, read-only  the same
 *	own page		the new rights, read-only  writable at once, if
 *							   no fault must notice
 *							   the next write
 *							   (mm/page/rmap.h)
 *	page of an object	the same		   as an own page
 *	device-exclusive write	device-exclusive read	   stays
 *	device-exclusive read	stays			   stays (R7.14): rights
 *							   come at the restore
 *	huge			as a page: it lies whole in the region, since step 1
 *				has split one that did not
 *
 * PROT_NONE leaves pages present for software, with their frame inverted.
 *
 * Losing rights needs a flush before end; gaining them does not: a CPU that
 * remembers fewer rights than there are faults and finds the entry good.
 *
 * "A range has been started" is a flag of its own, not an address that could be
 * zero (R1.15).
 *
 * Locks: mmap_lock for writing, the table's lock around its entries. A walk of the reverse
 * map needs no mmap_lock: it may have emptied entries of the range and not flushed yet. On
 * return no CPU may use a right that is lost, by such an entry neither, so mprotect()
 * flushes for it as DONTNEED does (mm/table/tlb.c).
 */
#include <mm/space/cut.h>
#include <mm/space/limits.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/notifier/start.h>
#include <mm/page/page.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/page/rmap.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

static pte_t mprotect_present(const struct vm_area_struct *vma, pte_t old)
{
	const struct page *page = pfn_to_page(pte_pfn(old));
	/* The right to write comes from the question alone, in a shared region as well. */
	pte_t pte = pte_wrprotect(pte_modify(old, vma->vm_page_prot));

	return can_change_pte_writable(vma, page, pte) ? pte_mkwrite(pte) : pte;
}

static pte_t mprotect_swap(const struct vm_area_struct *vma, pte_t old)
{
	swp_entry_t entry = pte_to_swp_entry(old);
	pte_t pte;

	if ((vma->vm_flags & VM_WRITE) ||
	    !is_writable_device_exclusive_entry(entry))
		return old;
	pte = swp_entry_to_pte(
		make_readable_device_exclusive_entry(swp_offset_pfn(entry)));
	if (pte_swp_soft_dirty(old))
		pte = pte_swp_mksoft_dirty(pte);
	if (pte_swp_uffd_wp(old))
		pte = pte_swp_mkuffd_wp(pte);
	return pte;
}

/* A CPU that remembers @old may do what @new forbids. */
static bool pte_loses_rights(pte_t old, pte_t new)
{
	unsigned long lost = pte_val(old) & ~pte_val(new);

	if (!(pte_val(old) & _PAGE_PRESENT))
		return false;
	return (lost & (_PAGE_PRESENT | _PAGE_RW)) ||
	       (~pte_val(old) & pte_val(new) & _PAGE_NX);
}

/* A huge entry. While it has no rights at all, no CPU sets the dirty bit in it. */
static void mprotect_huge(struct mmu_gather *tlb, struct vm_area_struct *vma,
			  pmd_t *pmdp, vaddr_t addr)
{
	struct mm_struct *mm = vma->vm_mm;
	pte_t old, new;

	ASSERT(IS_ALIGNED(addr, PMD_SIZE));
	if (!huge_lock(mm, pmdp, &old))
		return;
	old = huge_xchg_at(mm, addr, pmdp, huge_hidden(old));
	new = mprotect_present(vma, old);
	set_huge_at(mm, addr, pmdp, new);
	if (pte_loses_rights(old, new))
		tlb_note_range(tlb, addr, addr + PMD_SIZE);
	OBSERVE(pte_protected, mm, addr, addr + PMD_SIZE,
		vma->vm_flags & VM_ACCESS);
	spin_unlock(&mm->page_table_lock);
}

/* The entries of one table; notes in @tlb what must be flushed. */
static void mprotect_ptes(struct mmu_gather *tlb, struct vm_area_struct *vma,
			  pmd_t *pmdp, vaddr_t addr, vaddr_t end) __no_thread_safety
{
	struct mm_struct *mm = vma->vm_mm;
	struct spinlock *ptl;
	pte_t *ptep = pte_offset_map_lock(pmdp, addr, &ptl);
	vaddr_t start = addr;

	if (unlikely(!ptep)) {
		mprotect_huge(tlb, vma, pmdp, addr);
		return;
	}
	for (; addr < end; addr += PAGE_SIZE, ptep++) {
		pte_t old = ptep_get(ptep);

		if (pte_none(old))
			continue;
		if (unlikely(!pte_present(old))) {
			set_pte_at(mm, addr, ptep, mprotect_swap(vma, old));
			continue;
		}
		/*
		 * Taken out whole, so that a CPU cannot set the dirty bit
		 * between our look and our store.
		 */
		old = ptep_modify_prot_start(ptep);
		pte_t new = mprotect_present(vma, old);

		ptep_modify_prot_commit(mm, addr, ptep, old, new);
		if (pte_loses_rights(old, new))
			tlb_note_range(tlb, addr, addr + PAGE_SIZE);
	}
	OBSERVE(pte_protected, mm, start, end, vma->vm_flags & VM_ACCESS);
	spin_unlock(ptl);
}

/* Steps 2 and 3 for one region's part of the range. */
static void mprotect_pages(struct vm_area_struct *vma, vaddr_t start, vaddr_t end)
{
	struct mm_struct *mm = vma->vm_mm;
	vaddr_t addr = pgtable_next_used(mm, start, end);
	struct mmu_notifier_range range;
	struct mmu_gather tlb;
	pmd_t *pmdp;

	if (addr == end) {
		if (tlb_flush_is_pending(mm))
			flush_tlb_mm_range(mm, start, end);
		return;
	}
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_VMA, 0, vma, mm,
				addr, end);
	mmu_notifier_invalidate_range_start(&range);
	/* From start: what lies below the first entry may be another's, unflushed. */
	tlb_gather_mmu(&tlb, mm, start, end);
	while ((addr = pgtable_next_table(mm, addr, end, &pmdp)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		mprotect_ptes(&tlb, vma, pmdp, addr, stop);
		addr = stop;
	}
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
}

static unsigned long mprotect_flags(unsigned long vm_flags, unsigned long prot)
{
	return vm_charged((vm_flags & ~VM_ACCESS) | prot);
}

/*
 * The whole range is mapped? Then how many regions its ends cut off, and @change: the pages
 * that become data, or cease to be.
 */
static int mprotect_look(struct vm_area_struct *vma, vaddr_t start, vaddr_t end,
			 unsigned long prot, struct vm_change *change)
{
	vaddr_t covered = start;
	int splits = 0;

	for (; covered < end; vma = vma->vm_next) {
		long pages;

		if (!vma || vma->vm_start > covered)
			return -ENOMEM;
		pages = (min(vma->vm_end, end) - covered) >> PAGE_SHIFT;
		covered = vma->vm_end;
		if ((vma->vm_flags & VM_ACCESS) == prot)
			continue;
		splits += vma_cuts(vma, start, end);
		vm_change_add(change, vma->vm_flags, -pages);
		vm_change_add(change, mprotect_flags(vma->vm_flags, prot), pages);
	}
	return splits;
}

static struct vm_area_struct *mprotect_one(struct vm_area_struct *vma,
					   vaddr_t start, vaddr_t end,
					   unsigned long prot,
					   struct vma_spares *spares)
{
	struct mm_struct *mm = vma->vm_mm;

	if ((vma->vm_flags & VM_ACCESS) == prot)
		return vma;
	vma = vma_cut(vma, start, end, spares);
	vma_set_flags(vma, mprotect_flags(vma->vm_flags, prot));
	mprotect_pages(vma, vma->vm_start, vma->vm_end);
	return vma_merge(mm, vma);
}

static int mprotect_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   unsigned long prot)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	struct vma_spares spares;
	struct vm_change change = {0};
	int splits = mprotect_look(vma, start, end, prot, &change);
	int err;

	if (splits < 0)
		return splits;
	err = limits_reserve(mm, &change);
	if (err)
		return err;
	err = vma_reserve(mm, splits, &spares);
	if (err)
		return err;
	while (vma && vma->vm_start < end)
		vma = mprotect_one(vma, start, end, prot, &spares)->vm_next;
	ASSERT(spares.nr == 0);
	return 0;
}

int do_mprotect(struct mm_struct *mm, vaddr_t addr, size_t len, int prot)
{
	int err;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || (prot & ~PROT_ALL))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > USER_END || addr > USER_END - ALIGN(len, PAGE_SIZE))
		return -ENOMEM;
	OBSERVE(mm_call, mm, "mprotect", addr, addr + len, prot);
	err = mmap_write_lock_killable(mm);
	if (!err) {
		err = mprotect_locked(mm, addr, addr + ALIGN(len, PAGE_SIZE),
				      (unsigned long)prot);
		limits_settle(mm);
		mmap_write_unlock(mm);
	}
	OBSERVE(mm_return, mm, "mprotect", err);
	return err;
}
