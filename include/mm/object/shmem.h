/* SPDX-License-Identifier: MIT */
/*
 * mm/object/shmem.h - memory that address spaces share, without a file
 */
#ifndef MM_OBJECT_SHMEM_H
#define MM_OBJECT_SHMEM_H

#include <lib/percpu.h>
#include <mm/object/object.h>

/**
 * shmem_create() - make an object of zeroes
 * @pages: its size, not 0; pages behind it do not exist
 *
 * No page is allocated before it is touched.
 *
 * Context: may sleep.
 * Return: the object with one reference, for vm_object_put(); NULL when there is no memory,
 *	   or the machine may not promise so many pages (mm/space/limits.h).
 */
struct vm_object *shmem_create(unsigned long pages);

/**
 * shmem_page() - the page of an object at an offset
 * @object: of shmem_create()
 * @index: the page offset
 *
 * Does not allocate one.
 *
 * Context: any; the caller has a reference of the object, so the page stays.
 * Return: the page, without a reference; NULL: not touched yet, or behind the end.
 */
struct page *shmem_page(struct vm_object *object, unsigned long index);

/**
 * shmem_add_page() - put a page where a fault has found none
 * @object: of shmem_create()
 * @index: the page offset, below the end
 * @page: fresh; its reference becomes the object's
 *
 * Context: may sleep; the caller has a reference of the object.
 * Return: the page that is there now, without a reference: @page, or that of a fault which
 *	   was faster, and @page is freed; NULL: there is no memory, and @page is freed.
 */
struct page *shmem_add_page(struct vm_object *object, unsigned long index,
			    struct page *page);

/**
 * struct shmem_counters - shared memory since boot, by CPU
 * @created: objects
 * @freed: objects
 * @allocated: pages that came to an object
 * @released: pages that left one: it was freed
 * @lost: pages that another fault on the same index made superfluous
 */
struct shmem_counters {
	unsigned long created;
	unsigned long freed;
	unsigned long allocated;
	unsigned long released;
	unsigned long lost;
};

/**
 * shmem_read_counters() - sum the counters of all CPUs
 * @out: filled
 *
 * Context: any.
 */
void shmem_read_counters(struct shmem_counters *out);

#endif
