// SPDX-License-Identifier: MIT
/*
 * mm/fault/gup.c - hold the pages behind a range of an address space
 *
 * Problem.  A driver works on pages of another process's mm: they must be there,
 * writable if it writes, and must not be freed under it.
 *
 * Idea.  Two steps that repeat.  Take what is there: one hold of a table's lock
 * for as many entries as serve, with a reference each.  Where one does not
 * serve, drop the lock, do what a touch at that address would do
 * (handle_mm_fault), and look again.
 *
 *	entry			without FOLL_WRITE	with FOLL_WRITE
 *	present, writable	serves			serves
 *	present, read-only	serves			fault
 *	present, of a page of
 *	several owners, and
 *	FOLL_PIN		fault: unshared		fault
 *	present, of an object	serves			serves if writable
 *	special			-EFAULT			-EFAULT
 *	device-exclusive	fault: restored		fault: restored, unless
 *						FOLL_TAKE_OVER: serves
 *	huge			as present		as present, unless FOLL_TAKE_OVER:
 *						split, until the page is small
 *	anything else		fault			fault
 *
 * The pages of a huge entry are taken with one lock and one addition to their one count.
 *
 * The fault returns without a promise: before we look again another thread may
 * have emptied or changed the entry.  So the steps repeat until the entry
 * serves, a fault fails, or the task is killed.
 *
 * Only the fault changes the mapping, and only it starts ranges.  A caller that
 * calls twice under one hold of mmap_lock for writing starts none in the second
 * call: a driver that looks a page up calls once before its read section begins
 * and once inside it (mm/notifier/rounds.c).
 *
 * Locks: mmap_lock, held by the caller in either mode. With FOLL_UNLOCKABLE a fault
 * may drop it to wait for a page (mm/fault/fault.c), and it is taken again in the same
 * mode; without, a page whose lock is taken ends the call with -EBUSY.
 * The entry's lock is held while references are taken: as long as the entry is
 * there, it holds one, so the page cannot be free yet.
 *
 *	get_user_pages_remote()		madvise_dontneed()	(must hold)
 *	lock; entry: page p
 *	reference
 *	unlock
 *					lock; entry emptied; unlock
 *					p's reference dropped	p is not freed
 *
 *	(gup_test.c, pages_are_held_before_another_can_throw_them_away)
 */
#include <kernel/sched/sched.h>
#include <mm/fault/fault.h>
#include <mm/fault/gup.h>
#include <mm/space/mm.h>
#include <mm/page/page.h>
#include <mm/page/ref.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>

#include "mm/fault/internal.h"

/* The page behind an entry that serves, else NULL. */
static struct page *gup_page(const struct vm_area_struct *vma, pte_t pte,
			     unsigned int gup_flags)
{
	if (pte_present(pte)) {
		struct page *page = pfn_to_page(pte_pfn(pte));

		if (!pte_write(pte) && (gup_flags & FOLL_WRITE))
			return NULL;
		if ((gup_flags & FOLL_PIN) && !vma->vm_object &&
		    !PageAnonExclusive(page))
			return NULL;
		/* A device can only have a page of its own. */
		if ((gup_flags & FOLL_TAKE_OVER) && PageHuge(page))
			return NULL;
		return page;
	}
	return gup_nonpresent(pte, gup_flags);
}

/* The same for as much of a huge entry as lies in [@addr, @end). */
static unsigned long gup_take_huge(const struct vm_area_struct *vma, vaddr_t addr,
				   vaddr_t end, unsigned int gup_flags,
				   struct page **pages) __no_thread_safety
{
	struct mm_struct *mm = vma->vm_mm;
	const pmd_t *pmdp = pgtable_walk_pmd(mm, addr);
	struct page *page;
	unsigned long nr = (end - addr) >> PAGE_SHIFT;
	unsigned long i;
	pte_t pte;

	if (!pmdp || !huge_lock(mm, pmdp, &pte))
		return 0;
	page = gup_page(vma, pte, gup_flags);
	if (page) {
		if (gup_flags & FOLL_GET)
			atomic_add((int)nr, &page->refcount);
		if (gup_flags & FOLL_PIN)
			atomic_add((int)nr * PAGE_PIN_BIAS, &page->refcount);
		for (i = 0; pages && i < nr; i++)
			pages[i] = page + pte_index(addr) + i;
	}
	spin_unlock(&mm->page_table_lock);
	return page ? nr : 0;
}

/* The entry leads to a frame that no look-up may have: the fault would not change that. */
static bool gup_never(pte_t pte)
{
	return pte_present(pte) && pte_special(pte);
}

/*
 * Pages from @addr on whose entries serve; stops at the first that does not. -EFAULT if
 * that is the very first and never will.
 */
static long gup_take(const struct vm_area_struct *vma, vaddr_t addr,
		     vaddr_t end, unsigned int gup_flags,
		     struct page **pages) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(vma->vm_mm, addr, &ptl);
	unsigned long nr = 0;
	long none;

	end = pmd_addr_end(addr, end);
	if (!ptep)
		return (long)gup_take_huge(vma, addr, end, gup_flags, pages);
	none = gup_never(ptep_get(ptep)) ? -EFAULT : 0;
	for (; addr < end; addr += PAGE_SIZE, ptep++, nr++) {
		pte_t pte = ptep_get(ptep);
		struct page *page =
			gup_never(pte) ? NULL : gup_page(vma, pte, gup_flags);

		if (!page)
			break;
		if (gup_flags & FOLL_GET)
			get_page(page);
		if (gup_flags & FOLL_PIN)
			pin_page(page);
		if (pages)
			pages[nr] = page;
	}
	spin_unlock(ptl);
	return nr ? (long)nr : none;
}

/* How one fault of a look-up ends; an errno if it failed. */
#define GUP_AGAIN   0 /* look again */
#define GUP_DROPPED 1 /* likewise, and at the regions as well */

/*
 * Does a huge page keep a caller with FOLL_TAKE_OVER from the page of an address? It is split
 * if it can be. Return: 0; -EBUSY.
 */
static int gup_split(struct vm_area_struct *vma, vaddr_t addr) __no_thread_safety
{
	pmd_t *pmdp = pgtable_walk_pmd(vma->vm_mm, addr);
	struct spinlock *ptl;
	pte_t *ptep, pte;
	int err = 0;

	if (!pmdp)
		return 0;
	if (pmd_leaf(pmdp_get(pmdp)))
		split_huge_entry(vma, pmdp, addr);
	ptep = pte_offset_map_lock(pmdp, addr, &ptl);
	if (!ptep)
		return 0;
	pte = ptep_get(ptep);
	/* A page that may not be written is replaced by a small one. */
	if (pte_present(pte) && pte_write(pte) &&
	    PageHuge(pfn_to_page(pte_pfn(pte))) && !try_split_huge_part(ptep))
		err = -EBUSY;
	spin_unlock(ptl);
	return err;
}

/* clang's lock analysis does not follow mmap_lock, which was the caller's. */
static int gup_fault(struct vm_area_struct *vma, vaddr_t addr,
		     unsigned int gup_flags) __no_thread_safety
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_fault vmf = {
		.vma = vma, .address = addr, .flags = FAULT_FLAG_REMOTE};
	enum mmap_mode mode = mmap_mode(mm);
	vm_fault_t fault;

	if (fatal_signal_pending(current))
		return -EINTR;
	if ((gup_flags & FOLL_TAKE_OVER) && gup_split(vma, addr))
		return -EBUSY;
	if (gup_flags & FOLL_WRITE)
		vmf.flags |= FAULT_FLAG_WRITE;
	else if (gup_flags & FOLL_PIN)
		vmf.flags |= FAULT_FLAG_UNSHARE;
	if (gup_flags & FOLL_UNLOCKABLE)
		vmf.flags |= FAULT_FLAG_ALLOW_RETRY;
	fault = handle_mm_fault(&vmf);
	if (fault & VM_FAULT_DROPPED) {
		mmap_retake(mm, mode);
		return GUP_DROPPED;
	}
	return fault & VM_FAULT_ERROR ? vm_fault_to_errno(fault) : GUP_AGAIN;
}

/* May the pages of a region be had at all? 0 or an errno. */
static int gup_check(const struct vm_area_struct *vma, unsigned int gup_flags)
{
	if (!vma ||
	    !(vma->vm_flags & (gup_flags & FOLL_WRITE ? VM_WRITE : VM_READ)))
		return -EFAULT;
	if (vma->vm_flags & VM_PFNMAP)
		return -EFAULT;
	/* Other address spaces may map the page: their CPUs would go on (R8.16). */
	if ((gup_flags & FOLL_TAKE_OVER) && vma->vm_object)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * The part of the range in one region; @nr is raised by the pages that serve. Return:
 * GUP_AGAIN when all of them do, else as gup_fault().
 */
static int gup_vma(struct vm_area_struct *vma, vaddr_t addr, vaddr_t end,
		   unsigned int gup_flags, struct page **pages, unsigned long *nr)
{
	int ret = GUP_AGAIN;

	while (addr < end && ret == GUP_AGAIN) {
		long took = gup_take(vma, addr, end, gup_flags,
				     pages ? pages + *nr : NULL);

		if (took < 0)
			return (int)took;
		*nr += took;
		addr += (vaddr_t)took << PAGE_SHIFT;
		if (addr < end && !took)
			ret = gup_fault(vma, addr, gup_flags);
	}
	return ret;
}

/*
 * A look-up that holds no reference and has dropped mmap_lock begins anew: the pages
 * that served may not serve any more.
 */
static long gup_range(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		      unsigned int gup_flags, struct page **pages)
{
	unsigned long done = 0;
	struct vm_area_struct *vma;
	vaddr_t addr;
	int ret = 0;

	while ((addr = start + (done << PAGE_SHIFT)) < end) {
		vma = vma_lookup(mm, addr);
		ret = gup_check(vma, gup_flags);
		if (!ret)
			ret = gup_vma(vma, addr, min(end, vma->vm_end),
				      gup_flags, pages, &done);
		if (ret < 0)
			return done ? (long)done : ret;
		if (ret == GUP_DROPPED && !pages)
			done = 0;
	}
	return done;
}

long get_user_pages_remote(struct mm_struct *mm, vaddr_t start, unsigned long nr,
			   unsigned int gup_flags, struct page **pages)
{
	bool held = gup_flags & (FOLL_GET | FOLL_PIN);

	mmap_assert_locked(mm);
	if (!IS_ALIGNED(start, PAGE_SIZE) || !nr || (held && !pages) ||
	    ((gup_flags & FOLL_GET) && (gup_flags & FOLL_PIN)) ||
	    ((gup_flags & FOLL_TAKE_OVER) && !(gup_flags & FOLL_WRITE)))
		return -EINVAL;
	if (start >= USER_END)
		return -EFAULT;
	/* Behind the end is nothing, as in a hole: the count is short (R8.3). */
	nr = min(nr, (USER_END - start) >> PAGE_SHIFT);
	return gup_range(mm, start, start + (nr << PAGE_SHIFT), gup_flags,
			 held ? pages : NULL);
}

void unpin_user_page(struct page *page)
{
	ASSERT(page_maybe_pinned(page));
	unpin_page(page);
}

/* The page of @addr in a huge entry, or NULL. */
static struct page *follow_huge(struct mm_struct *mm,
				vaddr_t addr) __no_thread_safety
{
	const pmd_t *pmdp = pgtable_walk_pmd(mm, addr);
	struct page *page;
	pte_t pte;

	if (!pmdp || !huge_lock(mm, pmdp, &pte))
		return NULL;
	page = pfn_to_page(pte_pfn(pte) + pte_index(addr));
	get_page(page);
	spin_unlock(&mm->page_table_lock);
	return page;
}

struct page *follow_page(struct mm_struct *mm, vaddr_t addr) __no_thread_safety
{
	struct page *page = NULL;
	struct spinlock *ptl;
	pte_t *ptep;
	pte_t pte;

	mmap_assert_locked(mm);
	if (addr >= USER_END)
		return NULL;
	ptep = pgtable_map_lock(mm, addr, &ptl);
	if (!ptep)
		return follow_huge(mm, addr);
	pte = ptep_get(ptep);
	if (pte_present(pte) && !gup_never(pte)) {
		page = pfn_to_page(pte_pfn(pte));
		get_page(page);
	}
	spin_unlock(ptl);
	return page;
}
