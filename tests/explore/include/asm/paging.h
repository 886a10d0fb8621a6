/* SPDX-License-Identifier: MIT */
/*
 * asm/paging.h under the explorer: entries as in the kernel, exchanged in steps
 *
 * The direct map stays where the kernel has it. So the first frame gets the number by
 * which the direct map leads, behind the end of all addresses, to a place that a program
 * of the host may have. The array of the frames is moved to fit.
 */
#ifndef EXPLORE_ASM_PAGING_H
#define EXPLORE_ASM_PAGING_H

/* The kernel's are instructions, which would be no steps. */
#define ptep_xchg          kernel_ptep_xchg
#define ptep_get_and_clear kernel_ptep_get_and_clear
#include "arch/x86_64/include/asm/paging.h"
#undef ptep_xchg
#undef ptep_get_and_clear

#define HOST_FRAMES    0x200000000000ul
#define HOST_FIRST_PFN ((HOST_FRAMES - PAGE_OFFSET) >> PAGE_SHIFT)
#define HOST_PAGES     0x210000000000ul /* the struct page of that frame */
#undef VMEMMAP_START
#undef MAX_PHYSMEM_BITS
#define VMEMMAP_START    (HOST_PAGES - HOST_FIRST_PFN * 64)
#define MAX_PHYSMEM_BITS 48

static __always_inline pte_t ptep_xchg(pte_t *ptep, pte_t pte)
{
	return __pte(arch_xchg(&ptep->pte, pte_val(pte)));
}

static __always_inline pte_t ptep_get_and_clear(pte_t *ptep)
{
	return ptep_xchg(ptep, __pte(0));
}

#endif
