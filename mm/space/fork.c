// SPDX-License-Identifier: MIT
/*
 * mm/space/fork.c - a second address space with the same contents
 *
 * Problem.  fork() must look as if each page had been copied, to the parent, to the child, and
 * to a device that works in the parent meanwhile. If it fails, the parent may notice nothing.
 *
 * Idea.  Copy the regions, share the pages, and let the first write to each copy it
 * (mm/table/copy.c, mm/fault/cow.c). The parent loses the right to write to what is shared,
 * so its devices are notified like its CPUs:
 *
 *	for each region, upwards:
 *	1. charge and link the child's region: same bounds, flags (but VM_LOCKED) and offsets
 *	2. if it has entries that a write must copy:
 *		start(PROTECTION_PAGE) over the parent's region
 *		share the entries		(mm/table/copy.c)
 *		flush the parent's CPUs
 *		end
 *	3. merge the child's region with the one before, if they are alike without VM_LOCKED
 *
 *	region of the parent			child
 *	private					as above
 *	of an object				the region; its faults fill it
 *	MADV_DONTFORK				none
 *	MADV_WIPEONFORK				the region, empty
 *
 * The child starts unwatched: a subscription belongs to the mm it was made for (R2.26). A
 * region that was never touched raises no event (R1.13).
 *
 * The child joins the parent's family (mm/rmap/family.c), so a walk of the reverse map finds
 * each shared page in both. The child's region of an object is in the object's tree.
 *
 * A device that holds a page's lock.  An exclusive entry of the parent is restored before it is
 * shared, under the lock of its page. If a driver has that lock, the fork gives the child
 * up, drops both mmap_locks, waits until it has the lock itself, and begins again with the
 * page locked. A driver needs no lock of ours to unlock its pages, and has a limit of time
 * of its own, so each wait ends. With two pages that devices take over and over in turn the
 * fork may begin again many times; a signal that kills ends it.
 *
 * Failure.  The child goes through the ordinary exit. Entries that were shared by then
 * stay read-only in the parent, and the first write finds that it is the only owner.
 *
 *	data			guarded by
 *	regions, tables		mmap_lock of both, for writing, parent's first
 *	an entry		the locks of both tables
 *
 * Not here: tasks. A process's threads and files are its own business.
 */
#include <kernel/sched/sched.h>
#include <mm/notifier/start.h>
#include <mm/page/lock.h>
#include <mm/page/page.h>
#include <mm/rmap/family.h>
#include <mm/space/limits.h>
#include <mm/space/mlock.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/table/copy.h>
#include <mm/table/pgtable.h>
#include <mm/table/tlb.h>

/* Does a write to the region have to look for other owners of the page? */
static bool vma_is_cow(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

static int fork_entries(struct copy *copy)
{
	struct vm_area_struct *vma = copy->src;
	struct mm_struct *mm = vma->vm_mm;
	struct mmu_notifier_range range;
	struct mmu_gather tlb;
	int err;

	if (!vma_is_cow(vma) ||
	    pgtable_next_used(mm, vma->vm_start, vma->vm_end) == vma->vm_end)
		return 0;
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_PAGE, 0, vma, mm,
				vma->vm_start, vma->vm_end);
	mmu_notifier_invalidate_range_start(&range);
	tlb_gather_mmu(&tlb, mm, vma->vm_start, vma->vm_end);
	copy->tlb = &tlb;
	err = copy_entries(copy, vma->vm_start, vma->vm_end);
	tlb_flush_mmu(&tlb);
	mmu_notifier_invalidate_range_end(&range);
	tlb_finish_mmu(&tlb);
	return err;
}

/* The child's region counts as the parent's does, and is charged again. */
static int fork_charge(const struct vm_area_struct *dst)
{
	struct vm_change change = {0};

	vm_change_add(&change, dst->vm_flags, (long)vma_pages(dst));
	return limits_reserve(dst->vm_mm, &change);
}

static int fork_region(struct mm_struct *child, struct copy *copy)
{
	struct vm_area_struct *src = copy->src;
	struct vm_area_struct *dst = vma_alloc(child);
	int err;

	if (!dst)
		return -ENOMEM;
	vma_init(dst, src->vm_start, src->vm_end,
		 src->vm_flags & ~VM_LOCKED_MASK);
	dst->vm_pgoff = src->vm_pgoff;
	if (src->vm_object)
		vma_set_object(dst, src->vm_object, src->vm_pgoff);
	err = fork_charge(dst);
	if (err) {
		vma_free(dst);
		return err;
	}
	vma_link(child, dst);
	copy->dst = dst;
	if (!(src->vm_flags & VM_WIPEONFORK))
		err = fork_entries(copy);
	/* In the parent only the lock may have told it from the region before. */
	vma_merge(child, dst);
	return err;
}

static int fork_regions(struct mm_struct *parent, struct mm_struct *child,
			struct copy *copy)
{
	int err = 0;

	for_each_vma(copy->src, parent) {
		if (copy->src->vm_flags & VM_DONTCOPY)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		err = fork_region(child, copy);
		if (err)
			break;
	}
	return err;
}

/* One try. With -EBUSY @copy->page is the page to wait for. */
static int fork_try(struct mm_struct *parent, struct mm_struct **childp,
		    struct copy *copy)
{
	struct mm_struct *child = mm_alloc_in(parent->family);
	int err;

	if (!child)
		return -ENOMEM;
	err = mmap_write_lock_killable(parent);
	if (err)
		goto out_child;
	mmap_write_lock_nested(child);
	err = fork_regions(parent, child, copy);
	/* Now: what a parent has beyond a limit that was lowered, the child has as well. */
	limits_inherit(child, parent);
	child->start_brk = parent->start_brk;
	child->brk = parent->brk;
	mmap_write_unlock(child);
	mmap_write_unlock(parent);
	if (err)
		goto out_child;
	*childp = child;
	return 0;

out_child:
	mmput(child);
	return err;
}

/* A page that a try has waited for. */
static void fork_let_go(struct page *page)
{
	if (!page)
		return;
	unlock_page(page);
	put_page(page);
}

int mm_fork(struct mm_struct *parent, struct mm_struct **childp)
{
	struct page *locked = NULL;
	int err;

	OBSERVE(mm_call, parent, "fork", 0, USER_END);
	for (;;) {
		struct copy copy = {.page = locked};

		err = fork_try(parent, childp, &copy);
		fork_let_go(locked);
		locked = NULL;
		if (err != -EBUSY)
			break;
		err = lock_page_killable(copy.page);
		if (err) {
			put_page(copy.page);
			break;
		}
		locked = copy.page;
	}
	OBSERVE(mm_return, parent, "fork", err);
	return err;
}
