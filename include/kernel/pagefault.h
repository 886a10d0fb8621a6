/* SPDX-License-Identifier: MIT */
/*
 * kernel/pagefault.h - sections in which a fault is not resolved
 *
 * Touching user memory may fault, and resolving the fault takes mmap_lock and may
 * sleep.  Code that can do neither, and has another plan when the page is not
 * there, says so by such a section: in it an access that faults fails with -EFAULT,
 * and <arch/uaccess.h> does not tell the lock validator that it might sleep.
 */
#ifndef KERNEL_PAGEFAULT_H
#define KERNEL_PAGEFAULT_H

#include <lib/compiler.h>
#include <kernel/sched/sched.h>

/**
 * pagefault_disable() - from now on a fault of this task fails
 *
 * Sections nest.  Preemption is not changed.
 *
 * Context: thread.
 */
static inline void pagefault_disable(void)
{
	current->pagefault_disabled++;
	barrier();
}

/**
 * pagefault_enable() - end such a section
 *
 * Context: thread.
 */
static inline void pagefault_enable(void)
{
	barrier();
	current->pagefault_disabled--;
}

/**
 * pagefault_disabled() - is a fault of the running task not resolved?
 *
 * Context: any.
 * Return: true in such a section.
 */
static inline bool pagefault_disabled(void)
{
	return current->pagefault_disabled != 0;
}

#endif
