// SPDX-License-Identifier: MIT
/*
 * bench/shared.c - what a touch of shared memory costs
 *
 * Problem.  Shared memory belongs to an object, so a fault asks the object for the page.
 *
 * Idea.  The page is there already: another mapping of the object has touched it. That is what
 * was counted on Linux, where shared memory is a file of tmpfs. A first touch also
 * allocates the page; it has no row there.
 */
#include <mm/object/shmem.h>

#include "bench_mm.h"

#define PAGES 512UL

static vaddr_t map_object(struct mm_struct *mm, struct vm_object *object)
{
	long addr = do_mmap_object(mm, 0, PAGES * PAGE_SIZE,
				   PROT_READ | PROT_WRITE, 0, object, 0);

	if (addr < 0)
		panic("bench: mmap of an object: %ld", addr);
	return (vaddr_t)addr;
}

BENCH(shared)
{
	struct mm_struct *mm = bench_mm_begin();
	struct vm_object *object = shmem_create(PAGES);
	vaddr_t addr;
	unsigned long i;

	if (!object)
		panic("bench: no memory for an object");
	addr = map_object(mm, object);
	for (i = 0; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "shared_first_write_fault");
	addr = map_object(mm, object);
	for (i = 0; i < PAGES; i++)
		BENCH_SAMPLE(b, bench_touch_write(addr + i * PAGE_SIZE));
	bench_report(b, "shared_file_write_fault_tmpfs");
	vm_object_put(object);
	bench_mm_end(mm);
}
