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
 *	zero page		(spurious)		CLEAR, fresh page
 *	own page, read-only	(spurious)		make it writable, no
 *							event (R1.13)
 *	own page, writable	(spurious)		(spurious)
 *	not present		mm/fault/nonpresent.c	the same
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
 * Waiting.  Only the restore of an exclusive page waits long
 * (mm/fault/nonpresent.c).  A CPU's own fault drops mmap_lock for that
 * (ALLOW_RETRY), so that an munmap elsewhere in the mm is not held up.
 *
 * Not here: COW after fork, page cache, swap: those do not exist yet, and a fault on
 * one of their entries says so.
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
#include <mm/notifier/start.h>
#include <mm/alloc/page_alloc.h>
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
		out->restored += READ_ONCE(one->restored);
		out->restore_lost += READ_ONCE(one->restore_lost);
		out->spurious += READ_ONCE(one->spurious);
	}
}

int vm_fault_to_errno(vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (fault & VM_FAULT_HWPOISON)
		return -EHWPOISON;
	if (fault & VM_FAULT_KILLED)
		return -EINTR;
	return -EFAULT;
}

static pte_t fresh_page_pte(const struct vm_area_struct *vma,
			    const struct page *page)
{
	pte_t pte = pfn_pte(page_to_pfn(page), vma->vm_page_prot);

	return pte_mkdirty(pte_mkwrite(pte));
}

/*
 * An empty entry gets a page. Its table's lock is held: the thread that emptied
 * it last had that lock before us and counted itself before that.
 */
static void fill_entry(struct mm_struct *mm, vaddr_t addr, pte_t *ptep, pte_t pte)
{
	if (tlb_flush_is_pending(mm))
		flush_tlb_mm_range(mm, addr, addr + PAGE_SIZE);
	set_pte(ptep, pte);
	trace_pte(mm, addr, pte);
}

static vm_fault_t fault_zero_page(struct vm_area_struct *vma, vaddr_t addr,
				  pte_t *ptep, struct spinlock *ptl)
{
	pte_t pte = pfn_pte(page_to_pfn(empty_zero_page), vma->vm_page_prot);

	spin_lock(ptl);
	if (likely(pte_none(ptep_get(ptep)))) {
		fill_entry(vma->vm_mm, addr, ptep, pte);
		this_cpu_inc(fault_counters.zero_page);
	}
	spin_unlock(ptl);
	return 0;
}

static vm_fault_t fault_fresh_page(struct vm_area_struct *vma, vaddr_t addr,
				   pte_t *ptep, struct spinlock *ptl)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (unlikely(!page))
		return VM_FAULT_OOM;
	page_add_new_anon_rmap(page, vma, addr);
	spin_lock(ptl);
	if (unlikely(!pte_none(ptep_get(ptep)))) {
		spin_unlock(ptl);
		page_undo_new_anon_rmap(page);
		put_page(page);
		return VM_FAULT_NOPAGE;
	}
	fill_entry(vma->vm_mm, addr, ptep, fresh_page_pte(vma, page));
	spin_unlock(ptl);
	atomic64_inc(&vma->vm_mm->anon_rss);
	this_cpu_inc(fault_counters.fresh_page);
	return 0;
}

/*
 * The first write after reads of the zero page. The entry will point to another
 * page, so devices must drop the old one first, and no CPU may go on reading
 * the zero page after another has written to the new one: the entry is emptied,
 * forgotten by CPUs and secondary TLBs alike, and then filled, under one hold of
 * its lock (R2.12). Followers are notified of the new value (R2.6).
 */
static vm_fault_t fault_replace_zero_page(struct vm_area_struct *vma,
					  vaddr_t addr, pte_t *ptep,
					  struct spinlock *ptl, pte_t orig)
{
	struct mm_struct *mm = vma->vm_mm;
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct mmu_notifier_range range;
	bool same;

	if (unlikely(!page))
		return VM_FAULT_OOM;
	page_add_new_anon_rmap(page, vma, addr);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, mm, addr,
				addr + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	spin_lock(ptl);
	same = pte_same(ptep_get(ptep), orig);
	if (likely(same)) {
		ptep_clear_flush_notify(vma, addr, ptep);
		set_pte_at_notify(mm, addr, ptep, fresh_page_pte(vma, page));
		trace_pte(mm, addr, ptep_get(ptep));
	}
	spin_unlock(ptl);
	mmu_notifier_invalidate_range_end(&range);
	if (unlikely(!same)) {
		page_undo_new_anon_rmap(page);
		put_page(page);
		return VM_FAULT_NOPAGE;
	}
	atomic64_inc(&mm->anon_rss);
	this_cpu_inc(fault_counters.zero_replaced);
	return 0;
}

static vm_fault_t fault_present(struct vm_area_struct *vma, vaddr_t addr,
				pte_t *ptep, struct spinlock *ptl, pte_t orig,
				unsigned int flags)
{
	struct page *page = pfn_to_page(pte_pfn(orig));

	if (!(flags & FAULT_FLAG_WRITE) || pte_write(orig)) {
		this_cpu_inc(fault_counters.spurious);
		return VM_FAULT_NOPAGE;
	}
	if (is_zero_page(page))
		return fault_replace_zero_page(vma, addr, ptep, ptl, orig);
	spin_lock(ptl);
	if (likely(pte_same(ptep_get(ptep), orig))) {
		if (unlikely(!PageAnonExclusive(page))) {
			spin_unlock(ptl);
			report_bad_pte(vma->vm_mm, addr, orig, "write fault");
			return VM_FAULT_SIGBUS;
		}
		set_pte(ptep, pte_mkdirty(pte_mkyoung(pte_mkwrite(orig))));
		trace_pte(vma->vm_mm, addr, ptep_get(ptep));
		this_cpu_inc(fault_counters.reused);
	}
	spin_unlock(ptl);
	return 0;
}

/* The way that a fault on the entry @pte goes: the table in the head of this file. */
static const char *fault_kind(pte_t pte, unsigned int flags)
{
	bool write = flags & FAULT_FLAG_WRITE;

	if (pte_none(pte))
		return write ? "fresh page" : "zero page";
	if (!pte_present(pte))
		return "restore";
	if (!write || pte_write(pte))
		return "spurious";
	return is_zero_page(pfn_to_page(pte_pfn(pte))) ? "replace zero page"
						       : "make writable";
}

static const char *fault_result(vm_fault_t fault)
{
	if (fault & VM_FAULT_ERROR)
		return "error";
	if (fault & VM_FAULT_RETRY)
		return "retry";
	return fault & VM_FAULT_NOPAGE ? "nothing to do" : "done";
}

static vm_fault_t fault_on(struct vm_area_struct *vma, vaddr_t addr,
			   unsigned int flags)
{
	struct spinlock *ptl;
	pte_t *ptep;
	pte_t pte;

	ptep = pgtable_alloc_pte(vma->vm_mm, addr, &ptl);
	if (unlikely(!ptep))
		return VM_FAULT_OOM;
	pte = ptep_get(ptep);
	if (pte_none(pte))
		return flags & FAULT_FLAG_WRITE
			       ? fault_fresh_page(vma, addr, ptep, ptl)
			       : fault_zero_page(vma, addr, ptep, ptl);
	if (pte_present(pte))
		return fault_present(vma, addr, ptep, ptl, pte, flags);
	return fault_nonpresent(vma, addr, ptep, ptl, pte, flags);
}

/*
 * The same with a record before and after. With RETRY mmap_lock is dropped, and the
 * region may be gone. The entry may change after this look; then the record says
 * which way the fault was about to go.
 */
static noinline vm_fault_t fault_observed(struct vm_area_struct *vma,
					  vaddr_t addr, unsigned int flags)
{
	struct mm_struct *mm = vma->vm_mm;
	struct spinlock *ptl;
	pte_t *ptep = pgtable_alloc_pte(mm, addr, &ptl);
	vm_fault_t fault;

	OBSERVE(fault_begin, mm, addr, flags,
		ptep ? fault_kind(ptep_get(ptep), flags) : "no table");
	fault = fault_on(vma, addr, flags);
	OBSERVE(fault_end, mm, addr, fault_result(fault));
	return fault;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, vaddr_t addr,
			   unsigned int flags)
{
	mmap_assert_locked(vma->vm_mm);
	addr &= PAGE_MASK;
	if (unlikely(READ_ONCE(trace_observing)))
		return fault_observed(vma, addr, flags);
	return fault_on(vma, addr, flags);
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

/* handle_mm_fault() drops mmap_lock when it says RETRY: no static analysis. */
bool upcall_page_fault(struct trap_regs *regs, vaddr_t addr,
		       unsigned int error) __no_thread_safety
{
	struct mm_struct *mm = current->mm;
	unsigned int flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
	struct vm_area_struct *vma;
	vm_fault_t fault;

	if (unlikely(!mm || addr >= USER_END || pagefault_disabled() ||
		     in_atomic() || !regs_irqs_on(regs) || (error & PF_RSVD)))
		return false;
	if (error & PF_WRITE)
		flags |= FAULT_FLAG_WRITE;
	else if (error & PF_INSTR)
		flags |= FAULT_FLAG_INSTRUCTION;

	for (;;) {
		if (unlikely(mmap_read_lock_killable(mm)))
			return false;
		vma = vma_lookup(mm, addr);
		if (unlikely(!vma || !fault_allowed(vma, flags))) {
			mmap_read_unlock(mm);
			return false;
		}
		fault = handle_mm_fault(vma, addr, flags);
		if (likely(!(fault & VM_FAULT_RETRY)))
			break;
		/* Waited once; from here on hold the lock, so as to be next. */
		flags &= ~FAULT_FLAG_ALLOW_RETRY;
		if (fatal_signal_pending(current))
			return false;
	}
	mmap_read_unlock(mm);
	return !(fault & VM_FAULT_ERROR);
}
