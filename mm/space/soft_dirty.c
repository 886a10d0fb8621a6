// SPDX-License-Identifier: MIT
/*
 * mm/space/soft_dirty.c - which pages were written to since a moment?
 *
 * Problem.  A program that saves a process again and again wants to save what has changed.
 * The CPU's dirty bit says that a page was written to, but belongs to those who write pages
 * out: two readers cannot both clear it.
 *
 * Idea.  A bit of software beside it, the write mark ("soft-dirty"). Clearing takes the right
 * to write with it, so the next write faults, and the fault sets both. So of a page of
 * anonymous memory
 *
 *	a writable entry has its mark
 *
 * at all times (pgtable_verify() looks), and whoever gives the right back asks for the
 * mark first: can_change_pte_writable().
 *
 *	entry			cleared
 *	present, marked		read-only, not marked; the CPUs are flushed
 *	device-exclusive	not marked: read-only after its restore (R8.18)
 *	huge			as a present one; its mark is that of all its pages
 *	not marked, none	as it was
 *
 * A page that is not there has no mark. Its region has one (VM_SOFTDIRTY): each page of a
 * region that is new, or was new in a part before it grew, counts as written to. Clearing
 * takes that mark too. Regions merge whether they have it or not, and the whole then has
 * it: a page too many is saved, and no region is split for a mark.
 *
 * What is done to an entry besides keeps the mark: making it exclusive sets it, since the
 * device may write. A restore, a fork, a move and a change of rights carry it over. After a
 * move the contents are new where they are: the region at the new place has its mark.
 *
 *	1. take the marks of the regions
 *	2. start(SOFT_DIRTY) over everything: devices stop writing, or mark at end the pages
 *	   that they may still write to (R1.21)
 *	3. take the marks of the entries, and the right to write
 *	4. flush the CPUs, end
 *
 * Locks: mmap_lock for writing: no fault sets a mark between 1 and 4 that 3 would take. A
 * CPU that still remembers a writable entry after 3 writes beside the call, until 4. A
 * table's lock around its entries, against walks of the reverse map.
 *
 * Not here: reading the marks (mm/space/pagemap.c).
 */
#include <mm/notifier/start.h>
#include <mm/space/counters.h>
#include <mm/space/cut.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/soft_dirty.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

/* A present entry. Taken out whole: a CPU may set its dirty bit until then. */
static void clear_present(struct mmu_gather *tlb, vaddr_t addr, pte_t *ptep)
{
	pte_t old = ptep_modify_prot_start(ptep);

	ptep_modify_prot_commit(tlb->mm, addr, ptep, old,
				pte_clear_soft_dirty(pte_wrprotect(old)));
	if (pte_write(old))
		tlb_note_range(tlb, addr, addr + PAGE_SIZE);
}

/* A huge entry has one mark. While it has no rights at all, no CPU sets its dirty bit. */
static void clear_huge(struct mmu_gather *tlb, pmd_t *pmdp, vaddr_t addr)
{
	struct mm_struct *mm = tlb->mm;
	pte_t old;

	ASSERT(IS_ALIGNED(addr, PMD_SIZE));
	if (!huge_lock(mm, pmdp, &old))
		return;
	if (pte_soft_dirty(old)) {
		old = huge_xchg_at(mm, addr, pmdp, huge_hidden(old));
		set_huge_at(mm, addr, pmdp,
			    pte_clear_soft_dirty(pte_wrprotect(old)));
		if (pte_write(old))
			tlb_note_range(tlb, addr, addr + PMD_SIZE);
		OBSERVE(pte_cleared, mm, addr, addr + PMD_SIZE, HPAGE_PMD_NR);
		this_cpu_add(space_counters.cleared, HPAGE_PMD_NR);
	}
	spin_unlock(&mm->page_table_lock);
}

/* Return: was there a mark? */
static bool clear_entry(struct mmu_gather *tlb, vaddr_t addr, pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);

	if (pte_present(pte)) {
		if (!pte_soft_dirty(pte))
			return false;
		clear_present(tlb, addr, ptep);
		return true;
	}
	if (!is_swap_pte(pte) || !pte_swp_soft_dirty(pte))
		return false;
	set_pte_at(tlb->mm, addr, ptep, pte_swp_clear_soft_dirty(pte));
	return true;
}

static void clear_table(struct mmu_gather *tlb, pmd_t *pmdp, vaddr_t addr,
			vaddr_t end) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pte_offset_map_lock(pmdp, addr, &ptl);
	vaddr_t start = addr;
	unsigned long cleared = 0;

	/* mmap_lock is held for writing: the table is there, or a huge entry is. */
	if (!ptep) {
		clear_huge(tlb, pmdp, addr);
		return;
	}
	for (; addr < end; addr += PAGE_SIZE, ptep++)
		cleared += clear_entry(tlb, addr, ptep);
	OBSERVE(pte_cleared, tlb->mm, start, end, cleared);
	spin_unlock(ptl);
	this_cpu_add(space_counters.cleared, cleared);
}

static void clear_locked(struct mm_struct *mm)
{
	struct mmu_notifier_range range;
	struct vm_area_struct *vma;
	struct mmu_gather tlb;
	vaddr_t addr = ~0UL;
	vaddr_t end = 0;
	pmd_t *pmdp;

	for_each_vma(vma, mm) {
		vma_set_flags(vma, vma->vm_flags & ~VM_SOFTDIRTY);
		addr = min(addr, vma->vm_start);
		end = vma->vm_end;
	}
	mmu_notifier_range_init(&range, MMU_NOTIFY_SOFT_DIRTY, 0, NULL, mm, 0,
				~0UL);
	mmu_notifier_invalidate_range_start(&range);
	tlb_gather_mmu(&tlb, mm, 0, USER_END);
	while ((addr = pgtable_next_table(mm, addr, end, &pmdp)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		clear_table(&tlb, pmdp, addr, stop);
		addr = stop;
	}
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
}

int mm_clear_soft_dirty(struct mm_struct *mm)
{
	int err;

	OBSERVE(mm_call, mm, "clear soft-dirty", 0, USER_END);
	err = mmap_write_lock_killable(mm);
	if (!err) {
		clear_locked(mm);
		mmap_write_unlock(mm);
	}
	OBSERVE(mm_return, mm, "clear soft-dirty", err);
	return err;
}
