/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/fault.h - bring a page to where a thread touches it
 */
#ifndef MM_FAULT_FAULT_H
#define MM_FAULT_FAULT_H

#include <arch/paging.h>
#include <lib/percpu.h>
#include <mm/space/mm_types.h>
#include <mm/table/pgtable.h>

struct page;
struct spinlock;

/* The kind of touch. */
#define FAULT_FLAG_WRITE       0x01U
#define FAULT_FLAG_INSTRUCTION 0x02U
/* By a program; without it the kernel touches, for itself or for a driver. */
#define FAULT_FLAG_USER 0x04U
/* Another task's address space: not a fault of the running task. */
#define FAULT_FLAG_REMOTE 0x08U
/* The handler may drop mmap_lock to wait; it then returns RETRY or COMPLETED. */
#define FAULT_FLAG_ALLOW_RETRY 0x10U
/*
 * A read, of a page that must belong to this address space alone: it is about to be pinned.
 * A page that may be shared is copied as for a write, and stays read-only.
 */
#define FAULT_FLAG_UNSHARE 0x20U

typedef unsigned int vm_fault_t;

#define VM_FAULT_OOM      0x01U
#define VM_FAULT_SIGBUS   0x02U
#define VM_FAULT_HWPOISON 0x04U
/* Another thread has the page's lock, and mmap_lock may not be dropped. */
#define VM_FAULT_BUSY 0x08U
/* mmap_lock was dropped; take it, look the region up and touch again. */
#define VM_FAULT_RETRY 0x10U
/* mmap_lock was dropped; the handler took it again and did what the touch needs. */
#define VM_FAULT_COMPLETED 0x20U
/* The entry changed under the handler; touch again. Not an error. */
#define VM_FAULT_NOPAGE 0x40U
/* mmap_lock is no longer held. */
#define VM_FAULT_DROPPED (VM_FAULT_RETRY | VM_FAULT_COMPLETED)
#define VM_FAULT_ERROR \
	(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_BUSY)

/**
 * struct vm_fault - one touch of a page
 * @vma: the region that contains @address; stale once mmap_lock was dropped
 * @address: any address in the page
 * @flags: FAULT_FLAG_*
 * @pmd: the upper entry over @address
 * @orig: the entry when the handler looked at it, without its lock; a huge one as a pte_t
 * @pte: the entry, while it is locked
 * @ptl: the lock of its table
 * @page: with BUSY a page to wait for, referenced; in the handler's second pass the
 *	page that it has waited for, locked
 *
 * A caller sets the first three; the others are the handler's.
 */
struct vm_fault {
	struct vm_area_struct *vma;
	vaddr_t address;
	unsigned int flags;
	pmd_t *pmd;
	pte_t orig;
	pte_t *pte;
	struct spinlock *ptl;
	struct page *page;
};

/**
 * handle_mm_fault() - do what one touch of a page needs
 * @vmf: the touch; its first three fields are set
 *
 * Empty entry: the zero page for a read, a fresh page for a write, each of 2 MiB where
 * huge pages are wanted (mm/fault/huge.h). Read-only
 * entry and a write: a page of its own (the zero page, or one that others share, is
 * replaced under a CLEAR event). Device-exclusive entry: it is restored (R8.17 - R8.21), for a
 * read as for a write; a region that shows an object gets the object's page. Other kinds are
 * reported and refused (R7.11).
 *
 * One call may not be enough: the caller touches or looks again. A caller that needs
 * the page there writes this loop, which ends when the entry serves, with an error, or
 * when the task is killed:
 *
 *	struct vm_fault vmf = {.address = address, .flags = flags};
 *
 *	for (;;) {
 *		if (mmap_read_lock_killable(mm))
 *			return -EINTR;
 *		the entry serves: use it, mmap_read_unlock(mm), return 0
 *		vmf.vma = vma_lookup(mm, address);
 *		no region: mmap_read_unlock(mm), return -EFAULT
 *		fault = handle_mm_fault(&vmf);
 *		if (!(fault & VM_FAULT_DROPPED))
 *			mmap_read_unlock(mm);
 *		if (fault & VM_FAULT_ERROR)
 *			return vm_fault_to_errno(fault);
 *	}
 *
 * The handler of a CPU's own fault has no loop: the CPU touches again.
 *
 * Context: mmap_lock held in either mode; may sleep. With RETRY or COMPLETED returned
 *	   it is no longer held. Waits for no page lock while it is held.
 * Return: 0 or NOPAGE when it is worth trying again; RETRY or COMPLETED, only with
 *	   FAULT_FLAG_ALLOW_RETRY; or an error of VM_FAULT_ERROR, with mmap_lock held and
 *	   nothing changed. BUSY comes only without FAULT_FLAG_ALLOW_RETRY. A task that
 *	   was killed while it waited gets RETRY.
 */
vm_fault_t handle_mm_fault(struct vm_fault *vmf);

/**
 * fault_lock_entry() - lock the entry that a fault is about
 * @vmf: the touch, looked at: @pmd is set
 *
 * Context: mmap_lock held. On success vmf->ptl is held and vmf->pte is set.
 * Return: false if its table has gone meanwhile: there is nothing to do, touch again.
 */
static __always_inline bool fault_lock_entry(struct vm_fault *vmf)
	__try_acquires(true, vmf->ptl) __no_thread_safety
{
	vmf->pte = pte_offset_map_lock(vmf->pmd, vmf->address, &vmf->ptl);
	return likely(vmf->pte);
}

/**
 * vm_fault_to_errno() - the error number that says the same
 * @fault: what handle_mm_fault() returned, with an error in it
 *
 * Context: any.
 * Return: -ENOMEM, -EHWPOISON, -EBUSY or -EFAULT.
 */
int vm_fault_to_errno(vm_fault_t fault);

/**
 * struct fault_counters - results of the faults since boot, by CPU
 * @zero_page: first reads: the zero page mapped
 * @fresh_page: first writes: a page mapped
 * @zero_replaced: writes over the zero page
 * @reused: read-only pages of one's own made writable
 * @copied: writes to a page that others share
 * @restored: exclusive entries made present again
 * @restore_lost: restores that found another entry at the second look
 * @waited: faults that dropped mmap_lock to wait for a page
 * @object_page: pages of an object mapped
 * @object_write: read-only entries of an object made writable
 * @spurious: nothing was left to do
 */
struct fault_counters {
	unsigned long zero_page;
	unsigned long fresh_page;
	unsigned long zero_replaced;
	unsigned long reused;
	unsigned long copied;
	unsigned long restored;
	unsigned long restore_lost;
	unsigned long waited;
	unsigned long object_page;
	unsigned long object_write;
	unsigned long spurious;
};

/* Each CPU counts its own, with one instruction. */
DECLARE_PER_CPU(struct fault_counters, fault_counters);

/**
 * fault_read_counters() - sum the counters of all CPUs
 * @out: filled
 *
 * Context: any.
 */
void fault_read_counters(struct fault_counters *out);

#endif
