// SPDX-License-Identifier: MIT
/*
 * mm/fault/might_fault.c - what touching user memory may do, for the lock validator
 *
 * Problem.  A copy from or to user memory takes no lock as long as the page is
 * there, and in tests it usually is.  The mistake shows on the day it is not: the
 * fault takes mmap_lock, notifies subscribers, sleeps.
 *
 * Idea.  Each access says so beforehand, whether it faults or not.  A user copy in a
 * notifier callback, with mmap_lock held, or under a spinlock is reported the first
 * time it runs (tests/mm/fault/might_fault_test.c).
 *
 * Silent are sections of <kernel/pagefault.h>, in which a fault is not resolved.
 *
 * This file is only in builds with CONFIG_LOCKDEP (options.mk).
 */
#include <arch/upcall.h>
#include <kernel/lock/lockdep.h>
#include <kernel/pagefault.h>
#include <kernel/sched/sched.h>
#include <mm/space/mm.h>

void upcall_might_fault(void)
{
	struct mm_struct *mm = current->mm;

	if (pagefault_disabled())
		return;
	might_sleep();
	if (!mm)
		return;
	lock_acquire_at(&mm->mmap_lock.dep, 0, LOCK_READ,
			(unsigned long)__builtin_return_address(0));
	lock_release(&mm->mmap_lock.dep);
}
