// SPDX-License-Identifier: MIT
/*
 * mm/device/exclusive.c - a page belongs to a device for a while
 *
 * Problem.  A device without bus atomics does load, compute, store. A CPU that
 * writes the same word in between loses its update, or the device does. So no CPU
 * may reach the page while the device works on it, and the device must drop the
 * page when a CPU wants it.
 *
 * Idea.  Replace the entry of the page by a swap entry that still names the page.
 * A CPU that touches it faults, and the fault restores the entry. "The maker" is
 * the thread that replaces an entry; "present" and "exclusive" are its two forms:
 *
 *	entry		CPU		device		page lock
 *	present		accesses	read, write	free
 *	exclusive	faults		also atomics	held by the maker until the
 *							device has had its access
 *	exclusive	faults		also atomics	free
 *
 * An exclusive entry keeps the map count and the reference that the present one had
 * (ADR 0001), so code that unmaps pages treats it as one more kind of mapping. It
 * is made, taken over and restored under the page's lock. While a thread holds that
 * lock, the entry can go away (munmap, DONTNEED) but not come back.
 *
 * A run of pages costs one pair of notifier calls and one flush:
 *
 *	1. find all pages, and take a reference of each (gup): an entry that does
 *	   not allow writing is faulted in, an exclusive entry stays as it is
 *	2. try to lock the pages; the run ends before the first whose lock is taken. If
 *	   that is the very first, drop mmap_lock, wait for the page's lock, take
 *	   mmap_lock, and begin again with that page locked
 *	3. start(EXCLUSIVE, owner) over the run of locked pages
 *	4. under the table's lock, for each page that its entry still names
 *		present, writable,
 *		anonymous		exchange it for an exclusive entry
 *		exclusive		take it over: no CPU has the page, and
 *					another owner has dropped it in step 3
 *		anything else		the run ends before this page
 *	5. flush all CPUs, once, if an entry was exchanged
 *	6. end
 *
 * Steps 2 and 4 may cut the run short. The pages that are cut off are unlocked and
 * put at once. On return the slots in use are locked, referenced and exclusive,
 * without a gap, so the caller writes one loop over that many pages.
 *
 * The fault.  A CPU that touches an exclusive page restores its entry:
 *
 *	1. look at the entry under its table's lock: if it is still the one that
 *	   faulted, take a reference of the page; else the fault is over
 *	2. try to lock the page. If another thread has the lock, mm/fault/fault.c waits
 *	   for it without mmap_lock, and comes back with the page locked
 *	3. start(CLEAR): each driver drops the page
 *	4. under the table's lock, if the entry is still the same: make it present
 *	5. end; unlock and put the page
 *
 * The fault needs its own reference before it waits for the lock. While it waits, a
 * DONTNEED may drop the entry's reference, and the device's driver its own
 * (a_fault_that_waits_for_a_page_holds_it). A restore flushes nothing: the entry was
 * not present, and its maker flushed before it dropped the page's lock.
 *
 * Taking over.  An exclusive entry that step 1 of a run finds is not restored first. A
 * restore would start a CLEAR inside the read section of the driver that asks. Its
 * sequence would change and it would have to retry. Each attempt would leave the
 * page exclusive, so the next attempt would collide in the same way, for ever
 * (exclusive_loop_test.c, a_page_of_another_device_is_had_in_one_pass). Taking over
 * starts EXCLUSIVE(owner) alone: the owner's own driver ignores it, and every other
 * driver drops the page. Taking over is a write like a fault's and needs the same
 * rights: the region must allow writing, and the entry must have nothing that a
 * fault has to notice first (page_to_take_over()).
 *
 * Why step 2 of a run waits for the first lock only.  Two callers with overlapping runs
 * would otherwise wait for each other. If another thread changed the first entry
 * meanwhile, nothing is made and the call returns 0. That change has called the
 * caller's subscription between its read_begin() and its read_retry(), so the
 * caller retries anyway.
 *
 * Why a driver locks the first page before its section.  A wait inside drops mmap_lock
 * there, in an exclusive round too (mm/notifier/rounds.c), and the section may collide
 * with a change that comes meanwhile. lock_device_exclusive() waits before the section;
 * make_device_exclusive_locked() then waits for nothing. The page stays locked while
 * mmap_lock is taken, so one wait is enough:
 *
 *	exclusive round			driver of another device
 *	page p's lock is taken
 *	drop mmap_lock, wait for p
 *					access done, unlocks p
 *	p locked
 *					wants p again: waits for p's lock
 *	take mmap_lock, exclusive
 *	the entry still names p
 *	section: no change can come	(must not collide)
 *
 * Why one flush, after the table's lock was dropped, is enough.  Between steps 4
 * and 5 a CPU may still use the page through a translation that it caches.
 *	- The page is not freed: the caller keeps its reference and lock past step 5.
 *	- No CPU gets it back early: a fault needs the lock of the page.
 *	- The device gets it only after the call returns.
 *	- A thread that zaps the entry in between finds no present entry, so it has
 *	  nothing to flush. It would return while a CPU can still read the old page.
 *	  So the maker counts itself in mm->tlb_flush_pending from before its first
 *	  table's lock until after the flush, as every thread does that changes
 *	  entries and flushes later. The zap sees the count and flushes for itself
 *	  (mm/table/tlb.c has the rule and why it holds).
 *
 * An entry that the maker takes over needs no flush: its former maker flushed it
 * before it dropped the page's lock.
 *
 *	field			read with		written with
 *	the entry		its table's lock	its table's lock, and the
 *							page's lock to make, take
 *							over or restore
 *	tlb_flush_pending	atomic			atomic (mm/table/tlb.c)
 *
 * Lock order: page lock, mmap_lock, the locks that callbacks take, table lock. With
 * mmap_lock held a page lock is only tried.
 *
 * The races it must win:
 *
 *	make_device_exclusive_range()	madvise_dontneed()
 *	tlb_flush_pending++
 *	lock; entry exchanged; unlock
 *					lock; entry emptied; unlock
 *					a flush is pending: flush too
 *					return (no CPU may read the old page now)
 *	flush
 *	tlb_flush_pending--
 *	    dontneed_during_a_batched_flush_flushes_for_itself
 *
 *	In the opposite order, where the zap comes first, the maker need not flush
 *	for it. The maker promises nothing about pages that it cuts off. A present
 *	entry that it finds was installed by a later fault, which first made all
 *	CPUs drop what the entry held before (mm/fault/fault.c).
 *
 *	fault				madvise_dontneed()
 *	entry is exclusive, page p
 *	reference, lock p
 *	start(CLEAR): device drops p
 *					entry emptied, its reference dropped
 *	lock; the entry has changed:
 *	leave it			(p must not be mapped again)
 *	    a_restore_that_lost_to_dontneed_leaves_the_entry_empty
 *
 * Lifetime.  A page on its way to the device is held by the caller's reference and
 * lock. After put_device_exclusive() the entry's reference keeps it, and the device
 * is protected by its notifier alone.
 *
 * Not here: the driver's loop (include/mm/device/exclusive.h), zapping
 * (mm/table/zap.c), mprotect (mm/space/mprotect.c).
 */
#include <lib/string.h>
#include <kernel/trace.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/space/mm.h>
#include <mm/notifier/start.h>
#include <mm/page/page.h>
#include <mm/table/entry.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/page/rmap.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

DEFINE_TRACE_EVENT(exclusive_made, "mm start end owner exchanged taken_over",
		   "mm %p [%#lx, %#lx) exclusive for %p: %lu exchanged, "
		   "%lu taken over");
DEFINE_TRACE_EVENT(exclusive_page, "mm addr pfn ok",
		   "mm %p %#lx pfn %#lx is exclusive: %lu");
DEFINE_TRACE_EVENT(exclusive_restored, "mm addr pfn same",
		   "mm %p %#lx pfn %#lx restored: %lu");

/**
 * struct exclusive_run - one call of make_device_exclusive_range()
 * @mm: the address space
 * @start: first address
 * @pages: the caller's slots; each page is referenced, and from step 2 on locked
 * @nr: slots in use; a step that cuts the run short lowers it
 * @owner: of the EXCLUSIVE event
 * @exchanged: present entries that became exclusive
 * @taken_over: entries that were exclusive already
 */
struct exclusive_run {
	struct mm_struct *mm;
	vaddr_t start;
	struct page **pages;
	unsigned long nr;
	void *owner;
	unsigned long exchanged;
	unsigned long taken_over;
};

static int run_make(struct exclusive_run *run, struct page *locked);
static int run_lock(struct exclusive_run *run, struct page *locked);
static void run_convert(struct exclusive_run *run);
static unsigned long run_exchange(struct exclusive_run *run, unsigned long slot);

/* --- what a driver calls -------------------------------------------------- */

/* A page that lock_device_exclusive() has locked is not given to the run. */
static void put_locked(struct page *page)
{
	if (!page)
		return;
	unlock_page(page);
	put_page(page);
}

/*
 * Wait for the lock of @page, without mmap_lock. It is kept while mmap_lock is taken
 * again, so that no other thread has it then. Return: 0 or -EINTR.
 */
static int wait_to_lock(struct mm_struct *mm, struct page *page) __no_thread_safety
{
	enum mmap_mode mode = mmap_mode(mm);
	int err;

	mmap_drop(mm);
	err = lock_page_killable(page);
	mmap_retake(mm, mode);
	return err;
}

int lock_device_exclusive(struct mm_struct *mm, vaddr_t addr, struct page **pagep)
{
	struct page *locked = NULL;
	struct page *page;
	long got;
	int err;

	for (;;) {
		/* With a page locked no other page may be waited for. */
		got = get_user_pages_remote(
			mm, addr, 1,
			FOLL_WRITE | FOLL_GET | FOLL_TAKE_OVER |
				(locked ? 0 : FOLL_UNLOCKABLE),
			&page);
		if (got == 1 && page == locked) {
			put_page(page);
			break;
		}
		put_locked(locked);
		if (got < 0 && (!locked || got != -EBUSY))
			return (int)got;
		locked = NULL;
		if (got < 0)
			continue;
		if (trylock_page(page)) {
			locked = page;
			break;
		}
		err = wait_to_lock(mm, page);
		if (err) {
			put_page(page);
			return err;
		}
		locked = page;
	}
	*pagep = locked;
	return 0;
}

static bool range_is_valid(vaddr_t start, vaddr_t end, struct page **pages,
			   void *owner)
{
	return start < end && IS_ALIGNED(start | end, PAGE_SIZE) &&
	       end - start <= (unsigned long)INT32_MAX << PAGE_SHIFT && pages &&
	       owner;
}

int make_device_exclusive_locked(struct mm_struct *mm, vaddr_t start,
				 vaddr_t end, struct page **pages, void *owner)
{
	struct exclusive_run run = {
		.mm = mm, .start = start, .pages = pages, .owner = owner};

	mmap_assert_locked(mm);
	if (!range_is_valid(start, end, pages, owner))
		return -EINVAL;
	run.nr = (end - start) >> PAGE_SHIFT;
	return run_make(&run, pages[0]);
}

int make_device_exclusive_range(struct mm_struct *mm, vaddr_t start,
				vaddr_t end, struct page **pages, void *owner)
{
	struct exclusive_run run = {
		.mm = mm, .start = start, .pages = pages, .owner = owner};
	struct page *first;
	int made;

	mmap_assert_locked(mm);
	if (!range_is_valid(start, end, pages, owner))
		return -EINVAL;
	run.nr = (end - start) >> PAGE_SHIFT;
	made = run_make(&run, NULL);
	if (likely(made != -EBUSY))
		return made;
	/* The first page's lock is taken. */
	made = lock_device_exclusive(mm, start, &first);
	if (made)
		return made;
	run.nr = (end - start) >> PAGE_SHIFT;
	return run_make(&run, first);
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

/* --- the steps ------------------------------------------------------------ */

static vaddr_t run_addr(const struct exclusive_run *run, unsigned long slot)
{
	return run->start + (slot << PAGE_SHIFT);
}

/* End the run before @slot: drop the references of the pages from there on. */
static void run_cut(struct exclusive_run *run, unsigned long slot)
{
	unsigned long i;

	for (i = slot; i < run->nr; i++) {
		put_page(run->pages[i]);
		run->pages[i] = NULL;
	}
	run->nr = slot;
}

/* The same after step 2, when the pages are locked as well. */
static void run_cut_locked(struct exclusive_run *run, unsigned long slot)
{
	unsigned long i;

	for (i = slot; i < run->nr; i++)
		unlock_page(run->pages[i]);
	run_cut(run, slot);
}

/*
 * All steps. @locked: the first page, if the caller has locked it; else NULL. Return: as
 * make_device_exclusive_range(); or -EBUSY if @locked is NULL and the lock of the first
 * page is taken. With @locked that is the lock of another page, which an event has put
 * in its place: 0.
 */
static int run_make(struct exclusive_run *run, struct page *locked)
{
	long found;
	int err;

	memset(run->pages, 0, run->nr * sizeof(*run->pages));
	found = get_user_pages_remote(run->mm, run->start, run->nr,
				      FOLL_WRITE | FOLL_GET | FOLL_TAKE_OVER,
				      run->pages);
	if (found < 0)
		put_locked(locked);
	run->nr = found < 0 ? 0 : found;
	err = found < 0 ? (int)found : run_lock(run, locked);
	if (err)
		return locked && err == -EBUSY ? 0 : err;
	run_convert(run);
	return (int)run->nr;
}

/* Step 2. Return: 0; or -EBUSY, with no page left in the run: the first is locked. */
static int run_lock(struct exclusive_run *run, struct page *locked)
{
	unsigned long slot;

	if (run->pages[0] == locked) {
		/* Its reference is there twice. */
		put_page(locked);
	} else {
		put_locked(locked);
		if (!trylock_page(run->pages[0])) {
			run_cut(run, 0);
			return -EBUSY;
		}
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
 * Step 4 for one entry. The device will write without a fault, so mark the entry
 * as written now (R1.21). Return: false if the run must end before this page.
 */
static bool run_exchange_one(struct exclusive_run *run, struct page *page,
			     vaddr_t addr, pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);
	pte_t exclusive = pte_swp_mksoft_dirty(swp_entry_to_pte(
		make_writable_device_exclusive_entry(page_to_pfn(page))));

	if (page_to_take_over(pte) == page) {
		set_pte_at(run->mm, addr, ptep, exclusive);
		run->taken_over++;
		return true;
	}
	if (!pte_present(pte) || !pte_write(pte) ||
	    pte_pfn(pte) != page_to_pfn(page) || !PageAnon(page))
		return false;
	/* One instruction: a CPU may set the dirty bit until then. */
	pte = ptep_xchg_at(run->mm, addr, ptep, exclusive);
	if (pte_dirty(pte) && !PageDirty(page))
		SetPageDirty(page);
	run->exchanged++;
	return true;
}

/*
 * Step 4 for the slots of one table, from @slot on. Return: the first slot not
 * done. clang's lock analysis cannot follow a lock that comes back through @ptl.
 */
static unsigned long run_exchange(struct exclusive_run *run,
				  unsigned long slot) __no_thread_safety
{
	vaddr_t addr = run_addr(run, slot);
	vaddr_t end = pmd_addr_end(addr, run_addr(run, run->nr));
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(run->mm, addr, &ptl);

	/* Gone since step 1: the pages have changed, as by any other change. */
	if (!ptep) {
		run_cut_locked(run, slot);
		return slot;
	}
	while (addr < end && run_exchange_one(run, run->pages[slot], addr, ptep)) {
		OBSERVE(exclusive_page, run->mm, addr,
			page_to_pfn(run->pages[slot]), true);
		addr += PAGE_SIZE;
		ptep++;
		slot++;
	}
	if (addr < end)
		OBSERVE(exclusive_page, run->mm, addr,
			page_to_pfn(run->pages[slot]), false);
	spin_unlock(ptl);
	if (addr < end)
		run_cut_locked(run, slot);
	return slot;
}

/* --- the fault on an exclusive entry -------------------------------------- */

static pte_t restored_pte(const struct vm_area_struct *vma,
			  const struct page *page, pte_t swp);

/* Steps 3 and 4, with the page's lock held. */
static void restore_locked(struct vm_fault *vmf,
			   struct page *page) __no_thread_safety
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	vaddr_t addr = vmf->address;
	struct mmu_notifier_range range;
	bool locked, same;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vmf->vma, mm, addr,
				addr + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	locked = fault_lock_entry(vmf);
	same = locked && pte_same(ptep_get(vmf->pte), vmf->orig);
	if (same) {
		set_pte_at(mm, addr, vmf->pte,
			   restored_pte(vmf->vma, page, vmf->orig));
		trace_pte(mm, addr, ptep_get(vmf->pte));
		this_cpu_inc(fault_counters.restored);
	} else {
		this_cpu_inc(fault_counters.restore_lost);
	}
	if (locked)
		spin_unlock(vmf->ptl);
	TRACE(exclusive_restored, mm, addr, page_to_pfn(page), same);
	mmu_notifier_invalidate_range_end(&range);
}

vm_fault_t restore_device_exclusive(struct vm_fault *vmf) __no_thread_safety
{
	struct page *page =
		pfn_to_page(swp_offset_pfn(pte_to_swp_entry(vmf->orig)));

	/* The second pass of a fault that has waited for the page. */
	if (vmf->page == page) {
		restore_locked(vmf, page);
		return 0;
	}
	/* The entry's own reference keeps the page until we have ours (R8.17). */
	if (!fault_lock_entry(vmf))
		return VM_FAULT_NOPAGE;
	if (!pte_same(ptep_get(vmf->pte), vmf->orig)) {
		spin_unlock(vmf->ptl);
		return VM_FAULT_NOPAGE;
	}
	get_page(page);
	spin_unlock(vmf->ptl);

	if (!trylock_page(page)) {
		vmf->page = page;
		return VM_FAULT_BUSY;
	}
	restore_locked(vmf, page);
	unlock_page(page);
	put_page(page);
	return 0;
}

/*
 * The present entry that takes the place of @swp: with the rights that the region
 * gives now (R8.18), and the marks that the exclusive entry kept.
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
