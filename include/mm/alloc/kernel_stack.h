/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/kernel_stack.h - where kernel stacks lie
 *
 * Between mm/alloc/kernel_stack.c and those that name its addresses; taking and giving
 * stacks is <arch/task.h>.
 */
#ifndef MM_ALLOC_KERNEL_STACK_H
#define MM_ALLOC_KERNEL_STACK_H

#include <arch/paging.h>
#include <lib/types.h>

struct alloc_sites;

/* The upper half of the vmalloc range; see docs/memory-map.md. */
#define STACKS_START (VMALLOC_START + (512ul << 30))
#define STACKS_SIZE  (128ul << 20)

/**
 * kernel_stack_purge() - unmap and free the stacks kept for the next thread
 *
 * Context: thread context, IRQs on.
 */
void kernel_stack_purge(void);

/**
 * kernel_stack_count_since() - count live stacks younger than an epoch
 * @epoch: of a snapshot
 * @sites: the count
 *
 * Context: any.
 */
void kernel_stack_count_since(u16 epoch, struct alloc_sites *sites);

#endif
