/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/vmalloc.h - kernel addresses beside the direct map
 *
 * Every area has an unmapped page after it, so that running off its end
 * faults.  Kernel stacks (<arch/task.h>) and devices' registers (ioremap() in
 * <arch/io.h>) live here too; ioremap() refuses RAM, which has a cached mapping
 * already.
 */
#ifndef MM_ALLOC_VMALLOC_H
#define MM_ALLOC_VMALLOC_H

#include <arch/io.h>
#include <mm/alloc/gfp.h>

struct page;

/**
 * vmalloc() - allocate memory that need not be in one piece
 * @size: bytes, rounded up to pages
 *
 * Context: may sleep.
 * Return: page-aligned memory with undefined contents, or NULL.
 */
void *vmalloc(size_t size);

/**
 * vzalloc() - allocate zeroed memory that need not be in one piece
 * @size: bytes, rounded up to pages
 *
 * Context: may sleep.
 * Return: page-aligned zeroed memory, or NULL.
 */
void *vzalloc(size_t size);

/**
 * vfree() - give back what vmalloc() or vzalloc() gave
 * @addr: the memory, or NULL
 *
 * Context: thread context, IRQs on; does not sleep.
 */
void vfree(const void *addr);

/**
 * is_vmalloc_addr() - is an address in this part of the address space?
 * @addr: any address
 *
 * Context: any.
 * Return: true if so, mapped or not.
 */
bool is_vmalloc_addr(const void *addr);

/**
 * vmalloc_to_page() - the page behind an address of vmalloc()
 * @addr: an address inside a live area
 *
 * Context: any.
 * Return: the page, or NULL if nothing, or a device, is mapped there.
 */
struct page *vmalloc_to_page(const void *addr);

/**
 * vmalloc_areas() - live areas
 *
 * Context: any.
 * Return: how many vmalloc() and ioremap() gave that were not given back.
 */
unsigned long vmalloc_areas(void);

/**
 * vmalloc_purge() - flush the TLBs and really free what vfree() left behind
 *
 * Also empties the cache of kernel stacks.
 *
 * Context: thread context, IRQs on, no spinlock held.
 */
void vmalloc_purge(void);

/**
 * vmalloc_verify() - check that areas are sorted, disjoint and mapped
 *
 * Context: thread context.
 * Return: true if all is well; else prints what is not.
 */
bool vmalloc_verify(void);

/**
 * vmalloc_report_since() - print the makers of areas younger than an epoch
 * @epoch: of the snapshot
 *
 * Context: thread context. Prints nothing in release builds.
 */
void vmalloc_report_since(u16 epoch);

/**
 * kernel_stacks_live() - stacks handed out
 *
 * Context: any.
 * Return: the number.
 */
unsigned long kernel_stacks_live(void);

/**
 * vmalloc_init() - get ready
 *
 * Context: boot CPU, once the slab caches work.
 */
void vmalloc_init(void);

#endif
