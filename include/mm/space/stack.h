/* SPDX-License-Identifier: MIT */
/*
 * mm/space/stack.h - regions that grow downwards
 */
#ifndef MM_SPACE_STACK_H
#define MM_SPACE_STACK_H

#include <mm/space/mm_types.h>

/* Pages that a stack and most of what is mapped below it keep between them. */
#define STACK_GUARD_PAGES 256UL

/* Pages that a stack may have unless mm->stack_limit says otherwise: 8 MiB. */
#define DEFAULT_STACK_PAGES 2048UL

/**
 * vma_start_gap() - where a region begins, with the gap below it that it wants free
 * @vma: the region
 *
 * Context: mmap_lock held in either mode.
 */
static inline vaddr_t vma_start_gap(const struct vm_area_struct *vma)
{
	const vaddr_t gap = STACK_GUARD_PAGES << PAGE_SHIFT;

	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > gap ? vma->vm_start - gap : 0;
}

/**
 * stack_grow() - grow the stack above an address down to it
 * @mm: the address space, with a user
 * @addr: a user address; all of its page comes to the stack
 *
 * Pages are touched if the stack is locked (mlock_touches()). Nothing is taken away from
 * a subscriber, so no range is started (R1.13).
 *
 * Context: takes mmap_lock for writing; may sleep; no page lock held.
 * Return: 0 (grown, or the address is in a region by now);
 *	   -EFAULT (no stack above), -ENOMEM (too near to a region below, or to the lowest
 *	   address; more pages than mm->stack_limit, mm->lock_limit or a limit of
 *	   mm/space/limits.h), -EINTR (killed while it waited for mmap_lock). On error nothing
 *	   has changed.
 */
int stack_grow(struct mm_struct *mm, vaddr_t addr);

#endif
