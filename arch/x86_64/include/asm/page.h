/* SPDX-License-Identifier: MIT */
/*
 * asm/page.h - pages of bytes, and the two places where memory is mapped
 *
 * A `rep` string instruction is the shortest way to fill a page, and on
 * processors with fast string operations also the quickest.
 */
#ifndef ASM_PAGE_H
#define ASM_PAGE_H

#include <asm/paging.h>
#include <lib/compiler.h>
#include <lib/types.h>

#include <asm/cpu.h>

static __always_inline void clear_page(void *kaddr)
{
	unsigned long words = PAGE_SIZE / 8;

	asm volatile("rep stosq"
		     : "+D"(kaddr), "+c"(words)
		     : "a"(0ul)
		     : "memory");
}

static __always_inline void *phys_to_virt(paddr_t paddr)
{
	return (void *)(PAGE_OFFSET + paddr);
}

static __always_inline paddr_t virt_to_phys(const void *kaddr)
{
	return (vaddr_t)kaddr - PAGE_OFFSET;
}

/* Can one entry map PUD_SIZE? */
static inline bool arch_has_pud_leaf(void)
{
	return cpu_has(X86_FEATURE_PDPE1GB);
}

static __always_inline paddr_t image_to_phys(const void *symbol)
{
	return (vaddr_t)symbol - KERNEL_IMAGE_START;
}

#endif
