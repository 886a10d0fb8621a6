// SPDX-License-Identifier: MIT
/*
 * mm/device/exclusive.c - a page belongs to a device for a while
 *
 * Problem.  A device without bus atomics does load, compute, store.  A CPU that
 * writes the same word in between loses its update, or the device does.  So for
 * as long as the device works on a page, no CPU may reach it, and when a CPU
 * wants it the device must let go first.
 *
 * Idea.  The entry of the page is replaced by a swap entry that still names the
 * page.  A CPU that touches it faults, and the fault restores the entry.
 *
 *	entry		CPU may		device may	map count, ref	lock
 *	present		access		read, write	1, 1		free
 *	exclusive	not		also atomics	1, 1		held by
 *								the maker until
 *								the device had
 *								its access
 *	exclusive	not		also atomics	1, 1		free
 *
 * The entry keeps the map count and the reference it had (ADR 0001), so all
 * that unmaps pages treats it as one more kind of mapping.  It is made, taken
 * over and restored under the page's lock: while a thread holds the lock, the
 * entry can go away (munmap, DONTNEED) but not come back.
 *
 * A run of pages costs one pair of notifier calls and one flush:
 *
 *	1. find all pages, and take a reference of each (gup): what no device
 *	   could write is faulted in, an exclusive entry stays as it is
 *	2. lock the first page, waiting; try to lock the others
 *	3. start(EXCLUSIVE, owner) over the run of locked pages
 *	4. under the table's lock, for each: still this page? then by its entry
 *		present, writable	exchanged for an exclusive entry
 *		exclusive		taken over: no CPU has it, and another
 *					owner has let go in 3
 *		anything else		the run ends before this page
 *	5. flush all CPUs, once, if an entry was exchanged
 *	6. end
 *
 * Steps 2 and 4 may cut the run short, and what is cut off is released at once:
 * on return the slots in use are locked, referenced and exclusive, without a
 * gap.  The caller has one loop to write, over that many pages.
 *
 * Taking over.  An exclusive entry that is found is not restored first.  To
 * restore it would raise CLEAR, a change like any other, inside the read section
 * of the very driver that asks; its sequence would move, and since each try
 * leaves the page exclusive, the next try would lose in the same way, for ever
 * (exclusive_loop_test.c, a_page_of_another_device_is_had_in_one_pass).
 * Taking over raises EXCLUSIVE(owner) alone, which the owner's own driver
 * ignores and by which every other driver lets go.  It is a write like a fault's,
 * so it asks for the same rights: the region must allow writing, and the entry
 * must have nothing that a fault has to notice first (page_to_take_over()).
 *
 * Waiting for the first lock only keeps two callers with overlapping runs from
 * waiting for each other in a circle.  If another thread changed the first entry
 * meanwhile, nothing is made and the call returns 0.  That change has raised an
 * event between the caller's read_begin() and its read_retry(), so the caller
 * begins again anyway.
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
 *	  and flushes later, and the zap flushes for itself (mm/table/tlb.c has the
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
 *	(exclusive_test.c,
 *	 dontneed_during_a_batched_flush_flushes_for_itself)
 *
 * The other way round nothing is to be done.  A maker promises nothing about
 * pages that it gives up, and a page that it finds present in an entry was put
 * there by a fault that made all CPUs forget what the entry held before.  An
 * entry that it takes over was flushed by its maker, who held the page's lock
 * until then.
 *
 * Restoring is the other half, and its race is with everything that needs no
 * page lock (R8.22):
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
 * The reference comes before the wait for the lock: while the fault waits, a
 * DONTNEED may drop the entry's reference, and the device's driver its own
 * (a_fault_that_waits_for_a_page_holds_it).
 *
 * Nothing is flushed by a restore: the entry was not present, and its maker has
 * flushed before it dropped the page's lock.
 *
 *	data			guarded by
 *	the entry		its table's lock
 *	page -> entry		page lock: only its holder makes, takes over or
 *				restores
 *	tlb_flush_pending	atomic, mm/table/tlb.c
 *
 * Lock order: mmap_lock, page lock, what notifier callbacks take, table lock.
 *
 * Not here: what the driver does (include/mm/device/exclusive.h has the loop),
 * zapping (mm/table/zap.c), mprotect (mm/space/mprotect.c).
 */
#include <lib/string.h>
#include <kernel/trace.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/space/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/page/page.h>
#include <mm/table/pgtable.h>
#include <mm/page/rmap.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

DEFINE_TRACE_EVENT(exclusive_made,
		   "mm %p [%#lx, %#lx) exclusive for %p: %lu exchanged, "
		   "%lu taken over");
DEFINE_TRACE_EVENT(exclusive_restored, "mm %p %#lx pfn %#lx restored: %lu");

/* One call, as its steps see it. */
struct exclusive_run {
	struct mm_struct *mm;
	vaddr_t start;
	struct page **pages; /* each referenced, and from step 2 on locked */
	unsigned long nr;
	void *owner;
	unsigned long exchanged;
	unsigned long taken_over;
};

static int run_lock(struct exclusive_run *run);
static void run_convert(struct exclusive_run *run);
static unsigned long run_exchange(struct exclusive_run *run, unsigned long slot);

/* --- what a driver calls ------------------------------------------------------ */

int make_device_exclusive_range(struct mm_struct *mm, vaddr_t start,
				vaddr_t end, struct page **pages, void *owner)
{
	struct exclusive_run run = {
		.mm = mm, .start = start, .pages = pages, .owner = owner};
	unsigned long slots;
	long found;
	int err;

	mmap_assert_locked(mm);
	if (start >= end || !IS_ALIGNED(start | end, PAGE_SIZE) ||
	    end - start > (unsigned long)INT32_MAX << PAGE_SHIFT || !pages ||
	    !owner)
		return -EINVAL;
	slots = (end - start) >> PAGE_SHIFT;
	memset(pages, 0, slots * sizeof(*pages));

	found = get_user_pages_remote(
		mm, start, slots, FOLL_WRITE | FOLL_GET | FOLL_TAKE_OVER, pages);
	if (found < 0)
		return (int)found;
	run.nr = found;
	err = run_lock(&run);
	if (err)
		return err;
	run_convert(&run);
	return (int)run.nr;
}

void put_device_exclusive(struct page **pages, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		unlock_page(pages[i]);
		put_page(pages[i]);
		pages[i] = NULL;
	}
}

/* --- the steps ---------------------------------------------------------------- */

static vaddr_t run_addr(const struct exclusive_run *run, unsigned long slot)
{
	return run->start + (slot << PAGE_SHIFT);
}

/* The run ends before @slot: drop the references of what is cut off. */
static void run_cut(struct exclusive_run *run, unsigned long slot)
{
	unsigned long i;

	for (i = slot; i < run->nr; i++) {
		put_page(run->pages[i]);
		run->pages[i] = NULL;
	}
	run->nr = slot;
}

/* The same from step 3 on, when the locks are held as well. */
static void run_cut_locked(struct exclusive_run *run, unsigned long slot)
{
	unsigned long i;

	for (i = slot; i < run->nr; i++)
		unlock_page(run->pages[i]);
	run_cut(run, slot);
}

/* Step 2. */
static int run_lock(struct exclusive_run *run)
{
	unsigned long slot;
	int err = lock_page_killable(run->pages[0]);

	if (err) {
		run_cut(run, 0);
		return err;
	}
	for (slot = 1; slot < run->nr; slot++) {
		if (!trylock_page(run->pages[slot]))
			break;
	}
	run_cut(run, slot);
	return 0;
}

/* Steps 3 to 6. */
static void run_convert(struct exclusive_run *run)
{
	struct mm_struct *mm = run->mm;
	vaddr_t end = run_addr(run, run->nr);
	struct mmu_notifier_range range;
	unsigned long slot = 0;

	mmu_notifier_range_init_owner(&range, MMU_NOTIFY_EXCLUSIVE, 0,
				      find_vma(mm, run->start), mm, run->start,
				      end, run->owner);
	mmu_notifier_invalidate_range_start(&range);
	atomic_inc(&mm->tlb_flush_pending);
	while (slot < run->nr)
		slot = run_exchange(run, slot);
	if (run->exchanged)
		flush_tlb_mm_range(mm, run->start, end);
	atomic_dec(&mm->tlb_flush_pending);
	mmu_notifier_invalidate_range_end(&range);
	TRACE(exclusive_made, mm, run->start, end, run->owner, run->exchanged,
	      run->taken_over);
}

/*
 * Step 4 for one entry; false if the page cannot be had. The device will write,
 * and no fault sees that: the entry is marked as written now (R1.21).
 */
static bool run_exchange_one(struct exclusive_run *run, struct page *page,
			     pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);
	pte_t exclusive = pte_swp_mksoft_dirty(swp_entry_to_pte(
		make_writable_device_exclusive_entry(page_to_pfn(page))));

	if (page_to_take_over(pte) == page) {
		set_pte(ptep, exclusive);
		run->taken_over++;
		return true;
	}
	if (!pte_present(pte) || !pte_write(pte) ||
	    pte_pfn(pte) != page_to_pfn(page) || !PageAnon(page))
		return false;
	/* One instruction: a CPU may set the dirty bit until then. */
	pte = ptep_xchg(ptep, exclusive);
	if (pte_dirty(pte) && !PageDirty(page))
		SetPageDirty(page);
	run->exchanged++;
	return true;
}

/* Step 4 for the slots of one table, from @slot on; where it ends. */
static unsigned long run_exchange(struct exclusive_run *run,
				  unsigned long slot) __no_thread_safety
{
	vaddr_t addr = run_addr(run, slot);
	vaddr_t end = pmd_addr_end(addr, run_addr(run, run->nr));
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(run->mm, addr, &ptl);

	/* The tables stay while mmap_lock is held; step 1 found this one. */
	BUG_ON(!ptep);
	while (addr < end && run_exchange_one(run, run->pages[slot], ptep)) {
		addr += PAGE_SIZE;
		ptep++;
		slot++;
	}
	spin_unlock(ptl);
	if (unlikely(addr < end))
		run_cut_locked(run, slot);
	return slot;
}

/* --- the fault on an exclusive entry ----------------------------------------- */

static vm_fault_t restore_lock_page(struct vm_area_struct *vma,
				    struct page *page, unsigned int flags);
static pte_t restored_pte(const struct vm_area_struct *vma,
			  const struct page *page, pte_t swp);

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
	TRACE(exclusive_restored, vma->vm_mm, addr, page_to_pfn(page), same);
	unlock_page(page);
	put_page(page);
	mmu_notifier_invalidate_range_end(&range);
	return 0;
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

/*
 * Present again, with what the region allows now (R8.18) and the marks that the
 * entry kept.
 */
static pte_t restored_pte(const struct vm_area_struct *vma,
			  const struct page *page, pte_t swp)
{
	pte_t pte = pfn_pte(page_to_pfn(page), vma->vm_page_prot);

	pte = pte_mkold(pte);
	if (pte_swp_soft_dirty(swp))
		pte = pte_mksoft_dirty(pte);
	if (pte_swp_uffd_wp(swp))
		pte = pte_mkuffd_wp(pte);
	if (!can_change_pte_writable(vma, page, pte))
		return pte;
	pte = pte_mkwrite(pte);
	return PageDirty(page) ? pte_mkdirty(pte) : pte;
}
