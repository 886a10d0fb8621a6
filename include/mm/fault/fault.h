/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/fault.h - bring a page to where a thread touches it
 */
#ifndef MM_FAULT_FAULT_H
#define MM_FAULT_FAULT_H

#include <lib/percpu.h>
#include <mm/space/mm_types.h>

/* The kind of touch, and how the handler may wait. */
#define FAULT_FLAG_WRITE       0x01U
#define FAULT_FLAG_INSTRUCTION 0x02U
/* Another task's address space: not a fault of the running task. */
#define FAULT_FLAG_REMOTE 0x04U
/* The handler may drop mmap_lock to wait, and then returns RETRY. */
#define FAULT_FLAG_ALLOW_RETRY 0x08U
/* Waiting ends when the task is killed. */
#define FAULT_FLAG_KILLABLE 0x10U

typedef unsigned int vm_fault_t;

#define VM_FAULT_OOM      0x01U
#define VM_FAULT_SIGBUS   0x02U
#define VM_FAULT_SIGSEGV  0x04U
#define VM_FAULT_HWPOISON 0x08U
/* mmap_lock was dropped; take it and look the region up anew. */
#define VM_FAULT_RETRY 0x10U
/* The entry changed under the handler; touch again. Not an error. */
#define VM_FAULT_NOPAGE 0x20U
/* Killed while waiting; only with FAULT_FLAG_KILLABLE. */
#define VM_FAULT_KILLED 0x40U
#define VM_FAULT_ERROR                                       \
	(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | \
	 VM_FAULT_HWPOISON | VM_FAULT_KILLED)

/**
 * handle_mm_fault() - do what one touch of a page needs
 * @vma: the region that contains @addr
 * @addr: any address in the page
 * @flags: FAULT_FLAG_*
 *
 * Empty entry: the zero page for a read, a fresh page for a write. Read-only
 * entry and a write: a page of its own (the zero page is replaced under a CLEAR
 * event). Device-exclusive entry: it is restored (R8.17 - R8.21), for a
 * read as for a write; other kinds are reported and refused (R7.11).
 *
 * One call may not be enough: the caller touches or looks again.
 *
 * Context: mmap_lock held in either mode; may sleep. With RETRY returned it is
 *	    no longer held.
 * Return: 0 or NOPAGE when it is worth trying again, RETRY, or an error of
 *	   VM_FAULT_ERROR (nothing has changed then).
 */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, vaddr_t addr,
			   unsigned int flags);

/**
 * vm_fault_to_errno() - the error number that says the same
 * @fault: what handle_mm_fault() returned, with an error in it
 *
 * Context: any.
 * Return: -ENOMEM, -EHWPOISON, -EINTR or -EFAULT.
 */
int vm_fault_to_errno(vm_fault_t fault);

/**
 * struct fault_counters - results of the faults since boot, by CPU
 * @zero_page: first reads: the zero page mapped
 * @fresh_page: first writes: a page mapped
 * @zero_replaced: writes over the zero page
 * @reused: read-only pages of one's own made writable
 * @restored: exclusive entries made present again
 * @restore_lost: restores that found another entry at the second look
 * @spurious: nothing was left to do
 */
struct fault_counters {
	unsigned long zero_page;
	unsigned long fresh_page;
	unsigned long zero_replaced;
	unsigned long reused;
	unsigned long restored;
	unsigned long restore_lost;
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
