// SPDX-License-Identifier: MIT
/*
 * mm/fault/fault.c - a touch that the CPU could not complete by itself
 *
 * Problem.  Pages appear only when touched, most entries of a region are empty
 * at any time, and an entry that is not present can mean many things.
 *
 * Idea.  One dispatch on what the entry is and what the touch wants:
 *
 *	entry			read			write
 *	none			map the zero page	map a fresh page
 *	present, read-only	(spurious)		mm/fault/cow.c
 *	present, writable	(spurious)		(spurious)
 *	not present		mm/fault/nonpresent.c	the same
 *	no table, or huge	mm/fault/huge.c first	the same
 *
 * That is private memory. A region that shows an object has its own file for the first two
 * rows, mm/fault/object.c.
 *
 * "Spurious" means that another CPU was quicker or that this CPU remembered
 * fewer rights than there are: nothing to do, touch again.
 *
 * A page that is new to an entry is prepared without any lock; then the lock of
 * the table is taken, the entry compared with what was seen, and the page goes
 * in or is given back.
 *
 * When a thread has emptied an entry and not flushed yet, CPUs may remember the
 * old translation.  A fault flushes it before it fills the entry
 * (mm/table/tlb.c; a_fault_over_an_entry_not_yet_flushed_flushes_it_first).
 *
 *	data			guarded by
 *	regions, tables		mmap_lock, either mode (here: for reading)
 *	an entry		its table's lock
 *
 * The race it must win (tests/mm/fault/fault_test.c,
 * two_first_writes_install_one_page):
 *
 *	CPU 0				CPU 1
 *	entry is none			entry is none
 *	page a allocated		page b allocated
 *	lock; none; a goes in; unlock
 *					lock; not none: b is freed; unlock
 *	(both must go on with a)
 *
 * Waiting.  A fault on an exclusive page needs the page's lock, which a driver holds
 * while its device uses the page: for milliseconds, or half a second if the device
 * hangs. mmap_lock is not held meanwhile, so that an munmap elsewhere in the mm is not
 * held up. The restore only tries the lock, and the fault then goes on in two passes:
 *
 *	1. mmap_lock held	the lock of page p is taken: BUSY, with a reference of p
 *	2. nothing held		wait for p's lock
 *	3. p locked		take mmap_lock, look the region up and the entry. If it
 *				is the one of pass 1, restore it with p's lock at hand:
 *				COMPLETED. Else RETRY.
 *	4.			unlock p
 *
 * So a page's lock comes before mmap_lock: with mmap_lock held it is tried and never
 * waited for, which the validator checks (docs/locking.md). A fault that dropped p's
 * lock before step 3 could find it taken again each time:
 *
 *	fault				drivers of two devices
 *	waits for p's lock		A: access done, unlocks p
 *	has it, drops it
 *	mmap_lock; try p's lock		B: has p's lock
 *	waits for p's lock		B: access done, unlocks p; A: ...
 *
 *	(device_exclusive.a_fault_that_has_waited_needs_no_second_wait)
 *
 * Each fault waits once and looks twice. RETRY means that another thread changed the
 * mapping meanwhile, and the touch begins anew. A caller that may not drop mmap_lock
 * gets BUSY.
 *
 * Not here: a touch below a stack, which grows first (mm/space/stack.c); page cache and swap,
 * which do not exist yet: a fault on one of their entries says so.
 */
#include <arch/trap.h>
#include <arch/uaccess.h>
#include <arch/upcall.h>
#include <kernel/pagefault.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <mm/fault/fault.h>
#include <mm/space/mm.h>
#include <mm/space/stack.h>
#include <mm/notifier/start.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/entry.h>
#include <mm/table/pgtable.h>
#include <mm/table/pte_trace.h>
#include <mm/table/pgtable_notify.h>
#include <mm/page/rmap.h>
#include <mm/table/tlb.h>

#include "mm/fault/internal.h"

DEFINE_TRACE_EVENT(fault_begin, "mm addr flags what",
		   "fault in mm %p at %#lx, flags %lx: %s");
DEFINE_TRACE_EVENT(fault_end, "mm addr result",
		   "fault in mm %p at %#lx ends: %s");

DEFINE_PER_CPU(struct fault_counters, fault_counters);

void fault_read_counters(struct fault_counters *out)
{
	unsigned int cpu;

	*out = (struct fault_counters){0};
	for_each_online_cpu(cpu) {
		const struct fault_counters *one =
			per_cpu_ptr(&fault_counters, cpu);

		out->zero_page += READ_ONCE(one->zero_page);
		out->fresh_page += READ_ONCE(one->fresh_page);
		out->zero_replaced += READ_ONCE(one->zero_replaced);
		out->reused += READ_ONCE(one->reused);
		out->copied += READ_ONCE(one->copied);
		out->restored += READ_ONCE(one->restored);
		out->restore_lost += READ_ONCE(one->restore_lost);
		out->waited += READ_ONCE(one->waited);
		out->object_page += READ_ONCE(one->object_page);
		out->object_write += READ_ONCE(one->object_write);
		out->spurious += READ_ONCE(one->spurious);
	}
}

int vm_fault_to_errno(vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (fault & VM_FAULT_HWPOISON)
		return -EHWPOISON;
	if (fault & VM_FAULT_BUSY)
		return -EBUSY;
	return -EFAULT;
}

bool fault_lock_same(struct vm_fault *vmf) __no_thread_safety
{
	if (!fault_lock_entry(vmf))
		return false;
	if (likely(pte_same(ptep_get(vmf->pte), vmf->orig)))
		return true;
	spin_unlock(vmf->ptl);
	return false;
}

void fault_fill_entry(struct vm_fault *vmf, pte_t pte)
{
	struct mm_struct *mm = vmf->vma->vm_mm;

	if (tlb_flush_is_pending(mm))
		flush_tlb_mm_range(mm, vmf->address, vmf->address + PAGE_SIZE);
	set_pte_at(mm, vmf->address, vmf->pte, pte);
	trace_pte(mm, vmf->address, pte);
}

static vm_fault_t fault_zero_page(struct vm_fault *vmf)
{
	pte_t pte = pfn_pte(page_to_pfn(empty_zero_page), vmf->vma->vm_page_prot);

	if (!fault_lock_entry(vmf))
		return VM_FAULT_NOPAGE;
	if (likely(pte_none(ptep_get(vmf->pte)))) {
		fault_fill_entry(vmf, pte);
		this_cpu_inc(fault_counters.zero_page);
	}
	spin_unlock(vmf->ptl);
	return 0;
}

static vm_fault_t fault_fresh_page(struct vm_fault *vmf)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (unlikely(!page))
		return VM_FAULT_OOM;
	page_add_new_anon_rmap(page, vmf->vma, vmf->address);
	if (!fault_lock_entry(vmf))
		goto out_lost;
	if (unlikely(!pte_none(ptep_get(vmf->pte)))) {
		spin_unlock(vmf->ptl);
		goto out_lost;
	}
	fault_fill_entry(vmf, fault_fresh_pte(vmf, page));
	spin_unlock(vmf->ptl);
	atomic64_inc(&vmf->vma->vm_mm->anon_rss);
	this_cpu_inc(fault_counters.fresh_page);
	return 0;
out_lost:
	page_undo_new_anon_rmap(page);
	put_page(page);
	return VM_FAULT_NOPAGE;
}

static vm_fault_t fault_present(struct vm_fault *vmf)
{
	if ((vmf->flags & FAULT_FLAG_WRITE) && !pte_write(vmf->orig))
		return vmf->vma->vm_object ? fault_object_write(vmf)
					   : fault_cow(vmf);
	if ((vmf->flags & FAULT_FLAG_UNSHARE) && !vmf->vma->vm_object &&
	    !PageAnonExclusive(pfn_to_page(pte_pfn(vmf->orig))))
		return fault_cow(vmf);
	this_cpu_inc(fault_counters.spurious);
	return VM_FAULT_NOPAGE;
}

/* The way that a fault on the entry @pte goes: the table in the head of this file. */
static const char *fault_kind(const struct vm_fault *vmf)
{
	bool write = vmf->flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE);
	pte_t pte = vmf->orig;

	if (vmf->vma->vm_object && pte_none(pte))
		return "object's page";
	if (pte_none(pte))
		return write ? "fresh page" : "zero page";
	if (!pte_present(pte))
		return "restore";
	if (!write || pte_write(pte))
		return "spurious";
	if (vmf->vma->vm_object)
		return "make writable";
	if (is_zero_page(pfn_to_page(pte_pfn(pte))))
		return "replace zero page";
	return PageAnonExclusive(pfn_to_page(pte_pfn(pte))) ? "make writable"
							    : "own or copy";
}

const char *fault_result(vm_fault_t fault)
{
	if (fault & VM_FAULT_BUSY)
		return "busy";
	if (fault & VM_FAULT_ERROR)
		return "error";
	return fault & VM_FAULT_NOPAGE ? "nothing to do" : "done";
}

static vm_fault_t fault_by_entry(struct vm_fault *vmf)
{
	if (pte_none(vmf->orig) && vmf->vma->vm_object)
		return fault_object(vmf);
	if (pte_none(vmf->orig))
		return vmf->flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)
			       ? fault_fresh_page(vmf)
			       : fault_zero_page(vmf);
	if (pte_present(vmf->orig))
		return fault_present(vmf);
	return fault_nonpresent(vmf);
}

/*
 * The same with a record before and after. The entry may change after this look; then
 * the record says which way the fault was about to go.
 */
static noinline vm_fault_t fault_observed(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	vm_fault_t fault;

	OBSERVE(fault_begin, mm, vmf->address, vmf->flags, fault_kind(vmf));
	fault = fault_by_entry(vmf);
	OBSERVE(fault_end, mm, vmf->address, fault_result(fault));
	return fault;
}

static vm_fault_t fault_on(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;

	vmf->pmd = pgtable_alloc_upper(mm, vmf->address);
	if (unlikely(!vmf->pmd))
		return VM_FAULT_OOM;
	if (unlikely(!pmd_has_table(pmdp_get(vmf->pmd)))) {
		vm_fault_t fault = fault_huge(vmf);

		if (fault != VM_FAULT_FALLBACK)
			return fault;
		if (pgtable_alloc_last(mm, vmf->pmd))
			return VM_FAULT_OOM;
	}
	/* Huge by now: touch again. */
	if (unlikely(!pte_offset_get(vmf->pmd, vmf->address, &vmf->orig)))
		return VM_FAULT_NOPAGE;
	if (unlikely(READ_ONCE(trace_observing)))
		return fault_observed(vmf);
	return fault_by_entry(vmf);
}

/* May a touch of this kind be made in the region at all? */
static bool fault_allowed(const struct vm_area_struct *vma, unsigned int flags)
{
	if (flags & FAULT_FLAG_WRITE)
		return vma->vm_flags & VM_WRITE;
	if (flags & FAULT_FLAG_INSTRUCTION)
		return vma->vm_flags & VM_EXEC;
	/* A writable or executable page may be read: the CPU has no less. */
	return vma->vm_flags & VM_ACCESS;
}

/* Step 3 of the head, with the lock of vmf->page held. */
static vm_fault_t fault_second_pass(struct vm_fault *vmf,
				    struct mm_struct *mm) __no_thread_safety
{
	vm_fault_t fault = VM_FAULT_RETRY;
	pte_t seen = vmf->orig;

	if (mmap_read_lock_killable(mm))
		return VM_FAULT_RETRY;
	vmf->vma = vma_lookup(mm, vmf->address);
	if (vmf->vma && fault_allowed(vmf->vma, vmf->flags)) {
		vmf->pmd = pgtable_walk_pmd(mm, vmf->address);
		if (vmf->pmd &&
		    pte_offset_get(vmf->pmd, vmf->address, &vmf->orig) &&
		    pte_same(vmf->orig, seen) &&
		    !(fault_nonpresent(vmf) & VM_FAULT_ERROR))
			fault = VM_FAULT_COMPLETED;
	}
	mmap_read_unlock(mm);
	return fault;
}

/* clang's lock analysis does not follow mmap_lock, which was the caller's. */
static noinline vm_fault_t fault_wait(struct vm_fault *vmf) __no_thread_safety
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	vm_fault_t fault = VM_FAULT_RETRY;
	struct page *page = vmf->page;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		put_page(page);
		return VM_FAULT_BUSY;
	}
	this_cpu_inc(fault_counters.waited);
	mmap_drop(mm);
	if (!lock_page_killable(page)) {
		fault = fault_second_pass(vmf, mm);
		unlock_page(page);
	}
	put_page(page);
	return fault;
}

vm_fault_t handle_mm_fault(struct vm_fault *vmf)
{
	vm_fault_t fault;

	mmap_assert_locked(vmf->vma->vm_mm);
	vmf->address &= PAGE_MASK;
	vmf->page = NULL;
	fault = fault_on(vmf);
	return likely(!(fault & VM_FAULT_BUSY)) ? fault : fault_wait(vmf);
}

/*
 * Take mmap_lock for reading and find the region of a touch, or none. A stack above that
 * would allow the touch grows first, while mmap_lock is free (mm/space/stack.c). Return: 0;
 * -EINTR: killed, and mmap_lock is not held.
 */
static int fault_find_region(struct vm_fault *vmf,
			     struct mm_struct *mm) __no_thread_safety
{
	int err = mmap_read_lock_killable(mm);
	struct vm_area_struct *vma;

	if (unlikely(err))
		return err;
	vma = find_vma(mm, vmf->address);
	vmf->vma = vma && vma->vm_start <= vmf->address ? vma : NULL;
	if (likely(vmf->vma) || !vma || !(vma->vm_flags & VM_GROWSDOWN) ||
	    !fault_allowed(vma, vmf->flags))
		return 0;
	mmap_read_unlock(mm);
	/* If it did not grow, the look-up finds that. */
	(void)stack_grow(mm, vmf->address);
	err = mmap_read_lock_killable(mm);
	if (!err)
		vmf->vma = vma_lookup(mm, vmf->address);
	return err;
}

/*
 * handle_mm_fault() may drop mmap_lock: no static analysis. After every result but an
 * error the CPU touches again; a killed task does not.
 */
bool upcall_page_fault(struct trap_regs *regs, vaddr_t addr,
		       unsigned int error) __no_thread_safety
{
	struct mm_struct *mm = current->mm;
	struct vm_fault vmf = {.address = addr, .flags = FAULT_FLAG_ALLOW_RETRY};
	vm_fault_t fault;

	if (unlikely(!mm || addr >= USER_END || pagefault_disabled() ||
		     in_atomic() || !regs_irqs_on(regs) || (error & PF_RSVD)))
		return false;
	if (error & PF_USER)
		vmf.flags |= FAULT_FLAG_USER;
	if (error & PF_WRITE)
		vmf.flags |= FAULT_FLAG_WRITE;
	else if (error & PF_INSTR)
		vmf.flags |= FAULT_FLAG_INSTRUCTION;

	if (unlikely(fault_find_region(&vmf, mm)))
		return false;
	if (unlikely(!vmf.vma || !fault_allowed(vmf.vma, vmf.flags))) {
		mmap_read_unlock(mm);
		return false;
	}
	fault = handle_mm_fault(&vmf);
	if (likely(!(fault & VM_FAULT_DROPPED)))
		mmap_read_unlock(mm);
	else if (fatal_signal_pending(current))
		return false;
	return !(fault & VM_FAULT_ERROR);
}
