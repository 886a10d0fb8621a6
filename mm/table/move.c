// SPDX-License-Identifier: MIT
/*
 * mm/table/move.c - take entries to another address of the same address space
 *
 * Problem.  mremap() gives pages another address. To copy them would be slow, and a device
 * that holds one would lose it.
 *
 * Idea.  The entry goes, and the page stays where it is. A page knows its address only by
 * its offset in a region, and a move keeps the offset (mm/rmap/family.c). So map counts,
 * references and books do not change either:
 *
 *	entry			new place
 *	none			none
 *	page, zero page		the same, with its rights and marks
 *	device-exclusive	the same: the next CPU that touches it restores it there
 *	huge			the same, with its spare table, if all of it moves to an
 *				aligned place without a table; else it is split first
 *	all of a table		the table itself goes, under the same condition: one
 *				change instead of 512
 *
 * No lock of a page is needed, so nothing is waited for. A driver that works on an exclusive
 * page keeps it: it drops its translation because of the UNMAP of the old place.
 *
 * Whatever its entries say of writes, a region at a new place counts as written
 * (mm/space/soft_dirty.c).
 *
 * A run is as many entries as lie in one table in the old place and in one in the new. Both
 * tables are locked, the one whose lock has the lower address first:
 *
 *	old	[ table      )[ table      )
 *	new	      [ table      )[ table      )
 *	runs	[  1  ][  2  )[  3  )[  4  )
 *
 * A run of 2 MiB is all of a table in both places.
 *
 * Locks.  mmap_lock for writing keeps faults, look-ups and other calls away. A walk of the
 * reverse map holds none, but the lock of the region's root, which the mover has for writing
 * until it has flushed the old addresses (mm/space/mremap.c).
 *
 * A thread on another CPU can reach the page by the new address as soon as the entry is
 * there, and by the old one until the flush. Both are the same page, so it cannot tell.
 *
 * Not here: regions and events (mm/space/mremap.c).
 */
#include <mm/rmap/family.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/move.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/table/tlb.h>

/* Where the run ends that begins at @addr and will be at @to. */
static vaddr_t run_end(vaddr_t addr, vaddr_t end, vaddr_t to)
{
	vaddr_t stop = pmd_addr_end(addr, end);

	return addr + (pmd_addr_end(to, to + (stop - addr)) - to);
}

/*
 * The run of the entry at @addr, which lies in [start, end), begins there; or at its table's
 * first entry, if all of the table moves to a place that is aligned as well.
 */
static vaddr_t run_begin(vaddr_t addr, vaddr_t start, vaddr_t end, vaddr_t to)
{
	vaddr_t table = addr & PMD_MASK;

	if (table < start || end - table < PMD_SIZE ||
	    !IS_ALIGNED(to + (table - start), PMD_SIZE))
		return addr;
	return table;
}

/*
 * Can what the upper entry of a run leads to be hooked at the new place as it is? A huge entry
 * there is in no way: it is unmapped before the move.
 */
static bool moves_whole(vaddr_t addr, vaddr_t stop, pmd_t dst)
{
	return stop - addr == PMD_SIZE && !pmd_has_table(dst);
}

/*
 * Make the table for a run, unless it brings its own. Of a huge entry at the new place the
 * table would go with the entry, so it becomes a table now.
 */
static int alloc_for_run(struct mm_struct *mm, vaddr_t addr, vaddr_t stop,
			 vaddr_t to)
{
	pmd_t *src = pgtable_walk_pmd(mm, addr);
	pmd_t *dst = pgtable_alloc_upper(mm, to);

	if (!dst)
		return -ENOMEM;
	if (moves_whole(addr, stop, pmdp_get(dst)))
		return 0;
	if (pmd_leaf(pmdp_get(src)))
		split_huge_entry(find_vma(mm, addr), src, addr);
	if (pmd_leaf(pmdp_get(dst)))
		split_huge_entry(find_vma(mm, to), dst, to);
	return pgtable_alloc_last(mm, dst);
}

int move_alloc_tables(struct mm_struct *mm, vaddr_t start, vaddr_t end, vaddr_t to)
{
	vaddr_t addr = start;

	mmap_assert_write_locked(mm);
	while ((addr = pgtable_next_used(mm, addr, end)) < end) {
		vaddr_t first = run_begin(addr, start, end, to);
		vaddr_t new = to + (first - start);
		vaddr_t stop = run_end(first, end, new);

		if (alloc_for_run(mm, first, stop, new))
			return -ENOMEM;
		addr = stop;
	}
	return 0;
}

/* The tables stay: mmap_lock is held for writing. */
static void move_run(struct mmu_gather *tlb, vaddr_t start, vaddr_t end,
		     vaddr_t to) __no_thread_safety
{
	pmd_t src = pmdp_get(pgtable_walk_pmd(tlb->mm, start));
	pmd_t dst = pmdp_get(pgtable_walk_pmd(tlb->mm, to));
	pte_t *from = pmd_table(src) + pte_index(start);
	pte_t *into = pmd_table(dst) + pte_index(to);
	vaddr_t addr;

	pgtable_lock_two(pmd_ptl(src), pmd_ptl(dst));
	for (addr = start; addr < end; addr += PAGE_SIZE, from++, into++) {
		pte_t pte;

		if (pte_none(ptep_get(from)))
			continue;
		pte = ptep_clear_at(tlb->mm, addr, from);
		if (pte_present(pte))
			tlb_note_range(tlb, addr, addr + PAGE_SIZE);
		set_pte_at(tlb->mm, to + (addr - start), into, pte);
	}
	pgtable_unlock_two(pmd_ptl(src), pmd_ptl(dst));
}

/* A huge entry, and the table that is kept for its split. */
static void move_huge(struct mmu_gather *tlb, vaddr_t start, vaddr_t to)
{
	struct mm_struct *mm = tlb->mm;
	pmd_t *src = pgtable_walk_pmd(mm, start);
	struct page *table;
	pte_t pte;

	if (!huge_lock(mm, src, &pte))
		return;
	pte = huge_xchg_at(mm, start, src, __pmd(0));
	table = huge_take_spare(mm, src);
	huge_fill(mm, to, pgtable_walk_pmd(mm, to), pte, table);
	tlb_note_range(tlb, start, start + PMD_SIZE);
	spin_unlock(&mm->page_table_lock);
}

/* A walker that has the lock of the table looks at its upper entry again. */
static void move_table(struct mmu_gather *tlb, vaddr_t start, pmd_t *src,
		       pmd_t *dst) __no_thread_safety
{
	struct spinlock *ptl = pmd_ptl(pmdp_get(src));

	spin_lock(ptl);
	move_table_at(tlb->mm, start, src, dst);
	spin_unlock(ptl);
	tlb_note_range(tlb, start, start + PMD_SIZE);
}

/* One run. */
static void move_one(struct mmu_gather *tlb, vaddr_t addr, vaddr_t stop,
		     vaddr_t to)
{
	pmd_t *src = pgtable_walk_pmd(tlb->mm, addr);
	pmd_t *dst = pgtable_walk_pmd(tlb->mm, to);

	if (!moves_whole(addr, stop, pmdp_get(dst)))
		move_run(tlb, addr, stop, to);
	else if (pmd_leaf(pmdp_get(src)))
		move_huge(tlb, addr, to);
	else
		move_table(tlb, addr, src, dst);
	OBSERVE(pte_moved, tlb->mm, addr, stop, to);
}

void move_entries(struct mmu_gather *tlb, vaddr_t start, vaddr_t end, vaddr_t to)
{
	vaddr_t addr = start;

	mmap_assert_write_locked(tlb->mm);
	while ((addr = pgtable_next_used(tlb->mm, addr, end)) < end) {
		vaddr_t first = run_begin(addr, start, end, to);
		vaddr_t new = to + (first - start);
		vaddr_t stop = run_end(first, end, new);

		move_one(tlb, first, stop, new);
		addr = stop;
	}
}
