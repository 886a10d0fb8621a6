// SPDX-License-Identifier: MIT
/*
 * mm/space/madvise.c - throw contents away and keep the mapping
 *
 * MADV_DONTNEED empties entries under mmap_lock held for reading: faults,
 * exclusive access and other calls of this kind run at the same time on the
 * same pages.  The table's lock decides which comes first at each entry, and the
 * start of a range invalidates devices before any of it.
 *
 * Two of them on one page are the race that must be won: the one that finds the
 * entry empty may not return while a CPU can still use the page that the other
 * took out.  mm/table/tlb.c draws it and names its test; the same with a maker
 * of exclusive entries (tests/mm/device/exclusive_test.c,
 * dontneed_during_a_batched_flush_flushes_for_itself).
 *
 * Where no entry is filled no range is started and nothing walked (R1.13): the
 * thread that emptied them started a range, and that start is over.  An entry
 * filled after that look belongs to a fault that ran after this call.
 */
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/notifier/start.h>
#include <mm/table/pgtable.h>
#include <mm/table/tlb.h>

static void dontneed_vma(struct vm_area_struct *vma, vaddr_t start, vaddr_t end)
{
	struct mm_struct *mm = vma->vm_mm;
	vaddr_t used = pgtable_next_used(mm, start, end);
	struct mmu_notifier_range range;
	struct mmu_gather tlb;

	if (used == end) {
		if (tlb_flush_is_pending(mm))
			flush_tlb_mm_range(mm, start, end);
		return;
	}
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, mm, used, end);
	mmu_notifier_invalidate_range_start(&range);
	/* From start, not used: what lies below may be another's, unflushed. */
	tlb_gather_mmu(&tlb, mm, start, end);
	zap_range(&tlb, used, end);
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
}

static int dontneed_locked(struct mm_struct *mm, vaddr_t addr, vaddr_t end)
{
	struct vm_area_struct *vma;
	vaddr_t covered = addr;
	int err = 0;

	for_each_vma_range(vma, mm, addr, end) {
		if (vma->vm_flags & VM_PFNMAP)
			return -EINVAL;
		if (vma->vm_start > covered)
			err = -ENOMEM;
		covered = vma->vm_end;
		dontneed_vma(vma, max(vma->vm_start, addr),
			     min(vma->vm_end, end));
	}
	return covered < end ? -ENOMEM : err;
}

int madvise_dontneed(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	vaddr_t end;
	int err;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || len > USER_END)
		return -EINVAL;
	len = ALIGN(len, PAGE_SIZE);
	if (addr > USER_END - len)
		return -EINVAL;
	if (!len)
		return 0;
	end = addr + len;
	OBSERVE(mm_call, mm, "dontneed", addr, end);
	err = mmap_read_lock_killable(mm);
	if (!err) {
		err = dontneed_locked(mm, addr, end);
		mmap_read_unlock(mm);
	}
	OBSERVE(mm_return, mm, "dontneed", err);
	return err;
}
