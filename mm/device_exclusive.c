// SPDX-License-Identifier: MIT
/*
 * mm/device_exclusive.c - a page belongs to a device for a while
 *
 * Problem.  A device without bus atomics does load, compute, store.  A CPU that
 * writes the same word in between loses its update, or the device does.  So for
 * as long as the device works on a page, no CPU may reach it, and when a CPU
 * wants it the device must let go first.
 *
 * Idea.  The entry of the page is replaced by a swap entry that still names the
 * page.  A CPU that touches it faults, and the fault takes the page back.
 *
 *	entry		CPU may		device may	map count, ref	lock
 *	present		access		read, write	1, 1		free
 *	exclusive	not		also atomics	1, 1		held by
 *								the maker until
 *								the device has
 *								had its turn
 *	exclusive	not		also atomics	1, 1		free
 *
 * The entry keeps the map count and the reference it had (ADR 0001), so all
 * that unmaps pages treats it as one more kind of mapping.  It is made under the
 * page's lock and restored under it: whoever holds the lock knows that the entry
 * can go away (munmap, DONTNEED) but not come back.
 *
 * A run of pages costs one pair of notifier calls and one flush:
 *
 *	1. fault all pages in for writing, take a reference of each	(gup)
 *	2. lock the first page, waiting; try to lock the others
 *	3. start(EXCLUSIVE, owner) over the run of locked pages
 *	4. under the table's lock, for each: still this page, still writable?
 *	   then exchange the entry; else give that page up
 *	5. flush all CPUs, once
 *	6. end
 *
 * Waiting for the first lock only keeps two callers with overlapping runs from
 * waiting for each other in a circle.  If waiting changed what the first entry
 * is (the lock's last holder was another device, say), step 1 comes again: so
 * the first page is had in the end, and the caller makes progress.
 *
 * Why one flush, after the table's lock was dropped, is enough.  Between 4 and
 * 5 a CPU may still use the page through a translation it remembers.
 *	- The page is not freed: the caller's reference and lock outlive 5.
 *	- No CPU gets it back early: a fault needs the lock of the page.
 *	- The device gets it only after we return.
 *	- Somebody who zaps the entry in between sees no translation to flush,
 *	  and would return while another CPU can still read the old page.  So a
 *	  maker counts itself in mm->tlb_flush_pending from before its first
 *	  table's lock until after the flush, like everybody who changes entries
 *	  and flushes later, and the zap flushes for itself (mm/tlb.c has the
 *	  rule and why it holds).
 *
 *	make_device_exclusive_range()	madvise_dontneed()	(must hold)
 *	tlb_flush_pending++
 *	lock; entry exchanged; unlock
 *					lock; entry emptied; unlock
 *					another is pending:
 *					flush
 *					return			no CPU reads
 *	flush							the old page
 *	tlb_flush_pending--
 *
 *	(device_exclusive_test.c,
 *	 dontneed_during_a_batched_flush_flushes_for_itself)
 *
 * The other way round nothing is to be done.  A maker promises nothing about
 * pages that it gives up, and a page that it finds present in an entry was put
 * there by a fault that made all CPUs forget what the entry held before.
 *
 * The take-back is the other half, and its race is with everything that needs
 * no page lock (R8.22):
 *
 *	fault				madvise_dontneed()
 *	entry is exclusive, page p
 *	reference, lock p
 *	start(CLEAR): device lets go
 *					entry emptied, its reference dropped
 *	lock; entry is not the one
 *	that faulted: leave it		(p must not be mapped again)
 *
 *	(take_back_that_lost_to_dontneed_leaves_the_entry_empty)
 *
 * Nothing is flushed by a take-back: the entry was not present, and its maker
 * has flushed before it lets go of the page's lock.
 *
 *	data			guarded by
 *	the entry		its table's lock
 *	page -> entry		page lock: only its holder makes or restores
 *	tlb_flush_pending	atomic, mm/tlb.c
 *
 * Lock order: mmap_lock, page lock, what notifier callbacks take, table lock.
 *
 * Not here: what the driver does (include/mm/device_exclusive.h has the loop),
 * zapping (mm/zap.c), mprotect (mm/mprotect.c).
 */
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/trace.h>
#include <mm/device_exclusive.h>
#include <mm/gup.h>
#include <mm/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/page.h>
#include <mm/pgtable.h>
#include <mm/swapops.h>
#include <mm/tlb.h>

DEFINE_TRACE_EVENT(exclusive_made,
		   "mm %p [%#lx, %#lx) exclusive for %p: %lu pages");
DEFINE_TRACE_EVENT(exclusive_taken_back, "mm %p %#lx pfn %#lx taken back: %lu");

/*
 * How often the first page may slip away between its lock and its entry before
 * the caller is told to look at its own clock. Each time means that another
 * thread had the page meanwhile.
 */
#define EXCLUSIVE_TRIES 16

/* One call, as its steps see it. */
struct exclusive_run {
	struct mm_struct *mm;
	vaddr_t start;
	struct page **pages; /* slots that are not NULL: referenced ... */
	unsigned long nr;    /* ... and from step 2 on locked */
	unsigned long last;  /* highest slot in use */
	void *owner;
};

static vaddr_t run_addr(const struct exclusive_run *run, unsigned long slot)
{
	return run->start + (slot << PAGE_SHIFT);
}

static bool maps_writable(pte_t pte, const struct page *page)
{
	return pte_present(pte) && pte_write(pte) &&
	       pte_pfn(pte) == page_to_pfn(page);
}

/* After a wait: does the entry of the first page still say what it said? */
static bool first_page_stayed(const struct exclusive_run *run) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(run->mm, run->start, &ptl);
	bool stayed;

	if (!ptep)
		return false;
	stayed = maps_writable(ptep_get(ptep), run->pages[0]);
	spin_unlock(ptl);
	return stayed;
}

static void run_put_from(struct exclusive_run *run, unsigned long slot)
{
	for (; slot < run->nr; slot++) {
		put_page(run->pages[slot]);
		run->pages[slot] = NULL;
	}
}

/*
 * Step 2. On return 1 the first page is locked, and each other slot is locked
 * or empty; on 0 or an error nothing is held: 0 asks for step 1 again.
 */
static int run_lock(struct exclusive_run *run)
{
	unsigned long slot;

	if (unlikely(!trylock_page(run->pages[0]))) {
		int err = lock_page_killable(run->pages[0]);

		if (err) {
			run_put_from(run, 0);
			return err;
		}
		if (!first_page_stayed(run)) {
			unlock_page(run->pages[0]);
			run_put_from(run, 0);
			return 0;
		}
	}
	run->last = 0;
	for (slot = 1; slot < run->nr; slot++) {
		if (likely(trylock_page(run->pages[slot]))) {
			run->last = slot;
		} else {
			put_page(run->pages[slot]);
			run->pages[slot] = NULL;
		}
	}
	return 1;
}

static void run_give_up(struct exclusive_run *run, unsigned long slot)
{
	unlock_page(run->pages[slot]);
	put_page(run->pages[slot]);
	run->pages[slot] = NULL;
}

/* The entry for @page that replaces @pte, history kept (R7.12). */
static pte_t exclusive_pte(pte_t pte, const struct page *page)
{
	pte_t swp = swp_entry_to_pte(
		make_writable_device_exclusive_entry(page_to_pfn(page)));

	if (pte_soft_dirty(pte))
		swp = pte_swp_mksoft_dirty(swp);
	return swp;
}

/* Step 4 for the slots of one table; where it ends, and how many were made. */
static unsigned long run_exchange(struct exclusive_run *run, unsigned long slot,
				  unsigned long *made) __no_thread_safety
{
	vaddr_t addr = run_addr(run, slot);
	vaddr_t end = pmd_addr_end(addr, run_addr(run, run->last + 1));
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(run->mm, addr, &ptl);

	/* The tables stay while mmap_lock is held; the fault made this one. */
	BUG_ON(!ptep);
	for (; addr < end; addr += PAGE_SIZE, ptep++, slot++) {
		struct page *page = run->pages[slot];
		pte_t pte;

		if (unlikely(!page))
			continue;
		pte = ptep_get(ptep);
		if (unlikely(!maps_writable(pte, page) || !PageAnon(page))) {
			run_give_up(run, slot);
			continue;
		}
		/* One instruction: a CPU may set the dirty bit until then. */
		pte = ptep_xchg(ptep, exclusive_pte(pte, page));
		if (pte_dirty(pte) && !PageDirty(page))
			SetPageDirty(page);
		(*made)++;
	}
	spin_unlock(ptl);
	return slot;
}

/* Steps 3 to 6. How many entries are exclusive now. */
static unsigned long run_convert(struct exclusive_run *run)
{
	struct mm_struct *mm = run->mm;
	vaddr_t end = run_addr(run, run->last + 1);
	struct mmu_notifier_range range;
	unsigned long made = 0;
	unsigned long slot = 0;

	mmu_notifier_range_init_owner(&range, MMU_NOTIFY_EXCLUSIVE, 0,
				      find_vma(mm, run->start), mm, run->start,
				      end, run->owner);
	mmu_notifier_invalidate_range_start(&range);
	atomic_inc(&mm->tlb_flush_pending);
	while (slot <= run->last)
		slot = run_exchange(run, slot, &made);
	if (likely(made))
		flush_tlb_mm_range(mm, run->start, end);
	atomic_dec(&mm->tlb_flush_pending);
	mmu_notifier_invalidate_range_end(&range);
	TRACE(exclusive_made, mm, run->start, end, run->owner, made);
	return made;
}

int make_device_exclusive_range(struct mm_struct *mm, vaddr_t start,
				vaddr_t end, struct page **pages, void *owner)
{
	struct exclusive_run run = {
		.mm = mm, .start = start, .pages = pages, .owner = owner};
	unsigned long slots;
	unsigned int tries;
	long found;
	int locked;

	mmap_assert_locked(mm);
	if (start >= end || !IS_ALIGNED(start | end, PAGE_SIZE) ||
	    end - start > (unsigned long)INT32_MAX << PAGE_SHIFT || !pages ||
	    !owner)
		return -EINVAL;
	slots = (end - start) >> PAGE_SHIFT;
	memset(pages, 0, slots * sizeof(*pages));

	for (tries = 0; tries < EXCLUSIVE_TRIES; tries++) {
		found = get_user_pages_remote(mm, start, slots,
					      FOLL_WRITE | FOLL_GET, pages);
		if (found < 0)
			return (int)found;
		run.nr = found;
		locked = run_lock(&run);
		if (locked < 0)
			return locked;
		if (locked && run_convert(&run))
			break;
		cond_resched();
	}
	return (int)run.nr;
}

/*
 * The lock of a page whose entry was exclusive. 0 with it held, or what the
 * fault shall return without it.
 */
static vm_fault_t restore_lock_page(struct vm_area_struct *vma, struct page *page,
				    unsigned int flags) __no_thread_safety
{
	if (likely(trylock_page(page)))
		return 0;
	if (flags & FAULT_FLAG_ALLOW_RETRY) {
		mmap_read_unlock(vma->vm_mm);
		if (!lock_page_killable(page))
			unlock_page(page);
		return VM_FAULT_RETRY;
	}
	if (flags & FAULT_FLAG_KILLABLE)
		return lock_page_killable(page) ? VM_FAULT_KILLED : 0;
	lock_page(page);
	return 0;
}

/* Present again, with what the region allows now (R8.18). */
static pte_t restored_pte(const struct vm_area_struct *vma,
			  const struct page *page, pte_t swp)
{
	pte_t pte = pfn_pte(page_to_pfn(page), vma->vm_page_prot);

	pte = pte_mkold(pte);
	if (pte_swp_uffd_wp(swp))
		pte = pte_mkuffd_wp(pte);
	else if ((vma->vm_flags & VM_WRITE) && PageAnonExclusive(page))
		pte = pte_mkwrite(pte);
	if (PageDirty(page) && pte_write(pte))
		pte = pte_mkdirty(pte);
	else if (pte_swp_soft_dirty(swp))
		pte = pte_mksoft_dirty(pte);
	return pte;
}

vm_fault_t restore_device_exclusive(struct vm_area_struct *vma, vaddr_t addr,
				    pte_t *ptep, struct spinlock *ptl,
				    pte_t orig, unsigned int flags)
{
	struct page *page = pfn_to_page(swp_offset_pfn(pte_to_swp_entry(orig)));
	struct mmu_notifier_range range;
	vm_fault_t fault;
	bool same;

	/* The entry holds a reference for as long as it is there (R8.17). */
	spin_lock(ptl);
	same = pte_same(ptep_get(ptep), orig);
	if (likely(same))
		get_page(page);
	spin_unlock(ptl);
	if (unlikely(!same))
		return VM_FAULT_NOPAGE;

	fault = restore_lock_page(vma, page, flags);
	if (unlikely(fault)) {
		put_page(page);
		return fault;
	}
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, vma->vm_mm,
				addr, addr + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	spin_lock(ptl);
	same = pte_same(ptep_get(ptep), orig);
	if (likely(same)) {
		set_pte(ptep, restored_pte(vma, page, orig));
		this_cpu_inc(fault_counters.restored);
	} else {
		this_cpu_inc(fault_counters.restore_lost);
	}
	spin_unlock(ptl);
	TRACE(exclusive_taken_back, vma->vm_mm, addr, page_to_pfn(page), same);
	unlock_page(page);
	put_page(page);
	mmu_notifier_invalidate_range_end(&range);
	return 0;
}
