/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/slab.h - looking into the slab caches
 *
 * Allocating from them is <mm/alloc/alloc.h>.
 */
#ifndef MM_ALLOC_SLAB_H
#define MM_ALLOC_SLAB_H

#include <mm/alloc/gfp.h>

/**
 * slab_live_objects() - objects handed out by all caches
 *
 * Context: any.
 * Return: exact while nobody allocates or frees.
 */
unsigned long slab_live_objects(void);

/**
 * slab_pages() - pages that all slabs, free objects included, take
 *
 * Context: any.
 * Return: the number.
 */
unsigned long slab_pages(void);

/**
 * slab_shrink() - empty the CPUs' lists and free slabs without live objects
 *
 * Context: thread context, IRQs on, may sleep.
 */
void slab_shrink(void);

/**
 * slab_verify() - check every slab of every cache
 *
 * In debug builds that includes the red zones and poison of each object.
 *
 * Context: thread context; objects may come and go meanwhile.
 * Return: true if all is well; else prints what is not.
 */
bool slab_verify(void);

/**
 * slab_report_since() - print the allocators of objects younger than an epoch
 * @epoch: of the snapshot
 *
 * Context: thread context. Prints nothing in release builds.
 */
void slab_report_since(u16 epoch);

/**
 * slab_describe() - say what an address in a slab is
 * @addr: any kernel address
 * @buf: filled with a line: cache, offset in the object, live or free, owner
 * @len: bytes of @buf
 *
 * Context: any, takes no lock; for panic messages.
 * Return: true if @addr lies in a slab.
 */
bool slab_describe(vaddr_t addr, char *buf, size_t len);

/**
 * slab_init() - make the caches of kmalloc()
 *
 * Context: boot CPU, once the page allocator runs.
 */
void slab_init(void);

#endif
