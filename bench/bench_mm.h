/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_mm.h - an address space to work on, and touches that fault
 */
#ifndef BENCH_MM_H
#define BENCH_MM_H

#include <lib/assert.h>
#include <kernel/bench.h>
#include <lib/errno.h>
#include <lib/panic.h>
#include <arch/uaccess.h>
#include <mm/space/mm.h>

/* An address space of its own that this thread's user accesses go to. */
static inline struct mm_struct *bench_mm_begin(void)
{
	struct mm_struct *mm = mm_alloc();

	if (!mm)
		panic("bench: no memory for an address space");
	kthread_use_mm(mm);
	return mm;
}

static inline void bench_mm_end(struct mm_struct *mm)
{
	kthread_unuse_mm(mm);
	mmput(mm);
}

/* Map pages somewhere, writable; a workload that cannot is no workload. */
static inline vaddr_t bench_map(struct mm_struct *mm, unsigned long pages)
{
	long addr = do_mmap(mm, 0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS);

	if (addr < 0)
		panic("bench: mmap of %lu pages: %ld", pages, addr);
	return (vaddr_t)addr;
}

static __always_inline void bench_touch_write(vaddr_t addr)
{
	BUG_ON(put_user(1, (u64 __user *)addr));
}

static __always_inline void bench_touch_read(vaddr_t addr)
{
	u64 value __maybe_unused;

	BUG_ON(get_user(value, (u64 __user *)addr));
}

static inline void bench_touch_all(vaddr_t addr, unsigned long pages)
{
	unsigned long i;

	for (i = 0; i < pages; i++)
		bench_touch_write(addr + i * PAGE_SIZE);
}

#endif
