// SPDX-License-Identifier: MIT
/*
 * mm/table/copy.c - give a child the entries of its parent
 *
 * Problem.  After a fork both address spaces have the same contents. To copy all pages
 * would be right and far too slow: most are never written again.
 *
 * Idea.  Share the pages, take the right to write from both, and copy a page at the first
 * write (mm/fault/cow.c). So an entry becomes
 *
 *	entry of the parent	parent after		child
 *	none			none			none
 *	zero page		the same		the same
 *	page			read-only		read-only, not yet used
 *	page, pinned		the same		a copy, its own
 *	device-exclusive	restored, then as a page
 *	huge			the same: one huge entry more. Of a pinned page: split,
 *				and then as 512 pages
 *
 * A shared page loses PG_anon_exclusive: a write must look first whether it has become
 * the page's only owner. A page that a driver has pinned may be written by a device
 * at any time, and the pin is the parent's: the parent keeps the page, writable, and
 * the child gets a copy at once. The pages of a table are shared under one hold of both
 * tables' locks.
 *
 * Locks: mmap_lock of both for writing, so neither a fault nor another fork sees the steps
 * between. Walks of the reverse map hold no mmap_lock: the child's region is in the tree
 * before its first entry, so a walk finds it. Both tables are locked, the one whose lock has
 * the lower address first.
 *
 * An exclusive entry is restored under the lock of its page, which a driver holds while its
 * device has its access. A page's lock comes before mmap_lock, so here it is only tried. If
 * it is taken, copy_entries() names the page, and the fork waits for it without mmap_lock
 * and begins again (mm/space/fork.c).
 *
 * The CPUs that run the parent still remember writable entries until the flush, which is
 * the caller's, before the end of its range.
 *
 * Not here: which regions are copied (mm/space/fork.c).
 */
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/device/exclusive.h>
#include <mm/fault/fault.h>
#include <mm/fault/gup.h>
#include <mm/page/ref.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/copy.h>
#include <mm/table/entry.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

/* Why a run of entries stopped. */
enum copy_stop {
	COPY_DONE,      /* at the end of the table or of the range */
	COPY_PINNED,    /* at a page that the child needs a copy of */
	COPY_EXCLUSIVE, /* at an entry that must be restored */
};

/* The child's entry for a page that it shares. */
static pte_t shared_pte(pte_t pte)
{
	return pte_clear_uffd_wp(pte_mkold(pte_wrprotect(pte)));
}

static void share_page(struct copy *copy, vaddr_t addr, pte_t *dst, pte_t *src,
		       pte_t pte, struct page *page)
{
	get_page(page);
	page_share_anon_rmap(page);
	if (pte_write(pte))
		ptep_wrprotect_at(copy->src->vm_mm, addr, src);
	set_pte_at(copy->dst->vm_mm, addr, dst, shared_pte(pte));
}

/* As many entries as need nothing but the locks. *addrp: where it stopped. */
static enum copy_stop copy_run(struct copy *copy, vaddr_t *addrp, vaddr_t end,
			       pte_t *dst, pte_t *src)
{
	enum copy_stop stop = COPY_DONE;
	vaddr_t addr = *addrp;
	vaddr_t first = ~0UL;
	vaddr_t last = 0;
	long pages = 0;

	for (; addr < end; addr += PAGE_SIZE, dst++, src++) {
		pte_t pte = ptep_get(src);
		struct page *page;

		if (pte_none(pte))
			continue;
		if (!pte_present(pte)) {
			stop = COPY_EXCLUSIVE;
			break;
		}
		page = vm_normal_page(pte);
		if (!page) {
			set_pte_at(copy->dst->vm_mm, addr, dst, shared_pte(pte));
			continue;
		}
		if (PageAnonExclusive(page) && page_maybe_pinned(page)) {
			stop = COPY_PINNED;
			break;
		}
		share_page(copy, addr, dst, src, pte, page);
		pages++;
		if (!pte_write(pte))
			continue;
		if (last == 0)
			first = addr;
		last = addr + PAGE_SIZE;
	}
	/* These lost the right to write. */
	if (last)
		tlb_note_range(copy->tlb, first, last);
	OBSERVE(pte_shared, copy->src->vm_mm, copy->dst->vm_mm, *addrp, addr,
		pages);
	atomic64_add(pages, &copy->dst->vm_mm->anon_rss);
	*addrp = addr;
	return stop;
}

/* The child gets a copy of a pinned page, which mmap_lock keeps where it is. */
static int copy_pinned(struct copy *copy, vaddr_t addr) __no_thread_safety
{
	struct mm_struct *child = copy->dst->vm_mm;
	struct page *fresh = alloc_page(GFP_KERNEL);
	struct page *page = follow_page(copy->src->vm_mm, addr);
	struct spinlock *ptl;
	pte_t *dst = NULL;

	if (fresh)
		dst = pgtable_alloc_map_lock(child, addr, &ptl);
	if (!dst)
		goto out_page;
	memcpy(page_address(fresh), page_address(page), PAGE_SIZE);
	page_add_new_anon_rmap(fresh, copy->dst, addr);
	set_pte_at(child, addr, dst,
		   pte_mkdirty(pfn_pte(page_to_pfn(fresh),
				       copy->dst->vm_page_prot)));
	spin_unlock(ptl);
	atomic64_inc(&child->anon_rss);
	put_page(page);
	return 0;

out_page:
	if (fresh)
		put_page(fresh);
	put_page(page);
	return -ENOMEM;
}

/* Make the parent's entry present. */
static int copy_restore(struct copy *copy, vaddr_t addr, pmd_t *pmdp)
{
	struct vm_fault vmf = {.vma = copy->src,
			       .address = addr,
			       .pmd = pmdp,
			       .page = copy->page};

	if (!pte_offset_get(pmdp, addr, &vmf.orig) || pte_present(vmf.orig))
		return 0;
	if (!is_device_exclusive_entry(pte_to_swp_entry(vmf.orig))) {
		report_bad_pte(copy->src->vm_mm, addr, vmf.orig, "fork");
		return -EFAULT;
	}
	if (!(restore_device_exclusive(&vmf) & VM_FAULT_BUSY))
		return 0;
	copy->page = vmf.page;
	return -EBUSY;
}

/*
 * Entries of one table of the parent, from *@addrp up to @end, until something is in the
 * way. With both mmap_locks held for writing both tables stay.
 */
static enum copy_stop copy_some(struct copy *copy, vaddr_t *addrp, vaddr_t end,
				pmd_t dst, pmd_t src) __no_thread_safety
{
	enum copy_stop stop;

	pgtable_lock_two(pmd_ptl(dst), pmd_ptl(src));
	stop = copy_run(copy, addrp, end, pmd_table(dst) + pte_index(*addrp),
			pmd_table(src) + pte_index(*addrp));
	pgtable_unlock_two(pmd_ptl(dst), pmd_ptl(src));
	return stop;
}

/* Both locks of huge entries are held; @pte is the parent's. */
static void share_huge(struct copy *copy, vaddr_t addr, pmd_t *dst, pmd_t *src,
		       pte_t pte, struct page *table) __no_thread_safety
{
	struct page *head = pfn_to_page(pte_pfn(pte));

	if (!is_huge_zero_page(head)) {
		get_page(head);
		page_share_huge_rmap(head);
		atomic64_add(HPAGE_PMD_NR, &copy->dst->vm_mm->anon_rss);
	}
	if (pte_write(pte)) {
		pte = huge_xchg_at(copy->src->vm_mm, addr, src, huge_hidden(pte));
		pte = pte_wrprotect(pte);
		set_huge_at(copy->src->vm_mm, addr, src, pte);
		tlb_note_range(copy->tlb, addr, addr + PMD_SIZE);
	}
	huge_fill(copy->dst->vm_mm, addr, dst, shared_pte(pte), table);
	OBSERVE(pte_shared, copy->src->vm_mm, copy->dst->vm_mm, addr,
		addr + PMD_SIZE, HPAGE_PMD_NR);
}

/*
 * A huge entry. The child is nobody's yet, so its lock is inside the parent's. Return: 0;
 * -ENOMEM; -EAGAIN: it is a table, or had to become one.
 */
static int copy_huge(struct copy *copy, vaddr_t addr, pmd_t *src) __no_thread_safety
{
	struct mm_struct *child = copy->dst->vm_mm;
	struct mm_struct *parent = copy->src->vm_mm;
	struct page *table = pgtable_alloc_one(child);
	pmd_t *dst = pgtable_alloc_upper(child, addr);
	const struct page *head;
	bool shared = false;
	pte_t pte;

	if (!table || !dst) {
		if (table)
			pgtable_free_one(table);
		return -ENOMEM;
	}
	if (huge_lock(parent, src, &pte)) {
		head = pfn_to_page(pte_pfn(pte));
		shared = !PageAnonExclusive(head) || !page_maybe_pinned(head);
		if (shared) {
			spin_lock_nested(&child->page_table_lock, 1);
			share_huge(copy, addr, dst, src, pte, table);
			spin_unlock(&child->page_table_lock);
		}
		spin_unlock(&parent->page_table_lock);
	}
	if (shared)
		return 0;
	pgtable_free_one(table);
	split_huge_entry(copy->src, src, addr);
	return -EAGAIN;
}

static int copy_table(struct copy *copy, vaddr_t addr, vaddr_t end, pmd_t *pmdp)
{
	pmd_t *dst;
	pmd_t src;
	int err = 0;

	if (pmd_leaf(pmdp_get(pmdp))) {
		err = copy_huge(copy, addr, pmdp);
		if (err != -EAGAIN)
			return err;
		err = 0;
	}
	dst = pgtable_alloc_pmd(copy->dst->vm_mm, addr);
	if (!dst)
		return -ENOMEM;
	src = pmdp_get(pmdp);
	while (addr < end && !err) {
		switch (copy_some(copy, &addr, end, pmdp_get(dst), src)) {
		case COPY_EXCLUSIVE:
			err = copy_restore(copy, addr, pmdp);
			break;
		case COPY_PINNED:
			err = copy_pinned(copy, addr);
			addr += PAGE_SIZE;
			break;
		case COPY_DONE:
			break;
		}
	}
	return err;
}

int copy_entries(struct copy *copy, vaddr_t start, vaddr_t end)
{
	struct mm_struct *mm = copy->src->vm_mm;
	vaddr_t addr = start;
	pmd_t *pmdp;
	int err;

	mmap_assert_write_locked(mm);
	mmap_assert_write_locked(copy->dst->vm_mm);
	while ((addr = pgtable_next_table(mm, addr, end, &pmdp)) < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		err = copy_table(copy, addr, stop, pmdp);
		if (err)
			return err;
		addr = stop;
	}
	return 0;
}
