/* SPDX-License-Identifier: MIT */
/*
 * arch/uaccess.h - the kernel touches user memory, and only here
 *
 * A kernel thread that adopted an address space (kthread_use_mm) reads and
 * writes it with these.  Each opens the supervisor-access guard (SMAP) for
 * exactly the touching instruction, which has an entry in the exception table:
 * a fault that the mm cannot resolve resumes there and becomes -EFAULT.  Any
 * other kernel access to user memory is a bug and dies.
 *
 * Given by the architecture:
 *
 *	copy_from_user(to, from, n)	return the number of bytes NOT copied
 *	copy_to_user(to, from, n)	the same
 *	clear_user(to, n)		the same
 *	get_user(x, ptr)		x = *ptr; 0 or -EFAULT, then x = 0
 *	put_user(x, ptr)		*ptr = x; 0 or -EFAULT
 *	user_xadd64(ptr, add, &old)	locked add; 0 or -EFAULT, old untouched
 *	user_cmpxchg64(ptr, old, new, &was)
 *	user_xadd(ptr, width, add, &old)	the same of 1, 2, 4 or 8 bytes
 *	user_cmpxchg(ptr, width, old, new, &was)
 *	access_ok(ptr, n)		the range lies in user space
 *	user_access_begin/end()		the bare guard, for a run of unsafe_*
 *	unsafe_user_xadd64(...)		as above, inside the guard
 *
 * Context: thread context with current->mm set; may sleep in the fault, which takes
 * mmap_lock.  user_access_begin(), with which each of them begins, says so to the
 * lock validator (upcall_might_fault()): not in a notifier callback, not with
 * mmap_lock or a spinlock held.  Between pagefault_disable() and pagefault_enable()
 * (<kernel/pagefault.h>) they may be called anywhere in thread context, and a fault
 * gives -EFAULT at once.
 */
#ifndef ARCH_UACCESS_H
#define ARCH_UACCESS_H

#include <asm/uaccess.h>

#endif
