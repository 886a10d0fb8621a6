/* SPDX-License-Identifier: MIT */
/*
 * mm/space/brk.h - the heap of a program
 */
#ifndef MM_SPACE_BRK_H
#define MM_SPACE_BRK_H

#include <mm/space/mm_types.h>

/**
 * mm_set_heap() - say where the heap begins; it is empty then
 * @mm: the address space
 * @start: any user address; the first page of the heap begins there, or above
 *
 * Context: the owner of @mm, before sharing.
 */
void mm_set_heap(struct mm_struct *mm, vaddr_t start);

/**
 * do_brk() - make the heap end elsewhere, or ask where it ends
 * @mm: the address space, with a user
 * @brk: the first address that is not the heap's, to the byte; 0 asks
 *
 * What the heap gains is private memory of zeroes that may be read and written; it is
 * touched if mappings to come are to be locked (MCL_FUTURE). What it loses is
 * unmapped, as by do_munmap(), with one UNMAP if a page was mapped there.
 *
 * A system call returns the break also if nothing has changed: it asks after -ENOMEM and
 * -EAGAIN.
 *
 * Context: takes mmap_lock, for writing unless it only asks; may sleep.
 * Return: the break as it is now (0: there is no heap), or
 *	   -ENOMEM (no heap; @brk below its start or outside user space; something is mapped
 *	   in the way, or in the page above; too many regions; more pages than a limit of
 *	   mm/space/limits.h; no memory), -EAGAIN (it would be locked, and more than
 *	   mm->lock_limit), -EINTR (killed while it waited for mmap_lock). On error nothing has
 *	   changed. Rules R1.9, R1.13, R1.17.
 */
long do_brk(struct mm_struct *mm, vaddr_t brk);

#endif
