// SPDX-License-Identifier: MIT
/*
 * mm/space/exit.c - the last user leaves: nothing stays mapped
 *
 * By now nobody runs in the address space and nobody can become a user again;
 * subscribers have had RELEASE.  Then everything is unmapped, as one range:
 * UNMAP of [0, ~0) (R1.6): entries, regions, tables, flush, end, as in munmap
 * (mm/space/munmap.c).
 *
 * mmap_lock is taken for writing although no user is left: holders of the mere
 * struct may look at the regions, and the notifier's rule that every pair runs
 * under it (R1.9) has no exception to remember.
 *
 * Afterwards the books must balance; a difference here is a leak found while
 * the mm that leaked is still known by number.
 */
#include <mm/space/limits.h>
#include <mm/space/mm.h>
#include <mm/notifier/start.h>
#include <mm/table/tlb.h>

#include "mm/space/internal.h"

static void exit_check_books(struct mm_struct *mm)
{
	WARN(atomic64_read(&mm->anon_rss), "mm %u: exit leaves %ld pages",
	     mm->id, (long)atomic64_read(&mm->anon_rss));
	WARN(atomic64_read(&mm->shared_rss),
	     "mm %u: exit leaves %ld shared pages", mm->id,
	     (long)atomic64_read(&mm->shared_rss));
	WARN(atomic64_read(&mm->nr_ptes), "mm %u: exit leaves %ld tables",
	     mm->id, (long)atomic64_read(&mm->nr_ptes));
	WARN(atomic_read(&mm->tlb_flush_pending), "mm %u: exit leaves %d flushes",
	     mm->id, atomic_read(&mm->tlb_flush_pending));
	WARN(mm->map_count || mm->total_vm || mm->data_vm || mm->locked_vm ||
		     mm->committed || mm->mm_first,
	     "mm %u: exit leaves %u regions, %lu pages", mm->id, mm->map_count,
	     mm->total_vm);
	mmu_notifier_check_exit(mm);
}

/* Steps of an munmap of all regions; without one, nothing says where a table may be. */
static struct vm_area_struct *exit_regions(struct mm_struct *mm,
					   struct mmu_gather *tlb)
{
	const struct vm_area_struct *last = vma_highest(mm);
	vaddr_t start = last ? mm->mm_first->vm_start : 0;
	vaddr_t end = last ? last->vm_end : USER_END;
	struct vm_area_struct *removed;

	zap_range(tlb, start, end);
	removed = vma_unlink_all(mm);
	unmap_free_tables(tlb, start, end);
	return removed;
}

void exit_mmap(struct mm_struct *mm)
{
	struct vm_area_struct *removed;
	struct mmu_notifier_range range;
	struct mmu_gather tlb;

	mmap_write_lock(mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, mm->mm_first, mm,
				0, ~0UL);
	mmu_notifier_invalidate_range_start(&range);
	tlb_gather_mmu(&tlb, mm, 0, USER_END);
	removed = exit_regions(mm, &tlb);
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
	vma_free_chain(removed);
	limits_settle(mm);
	exit_check_books(mm);
	mmap_write_unlock(mm);
}
