/* SPDX-License-Identifier: MIT */
/*
 * asm/huge.h - x86_64 PMD entries that map 2 MiB
 *
 * Such an entry has the bits of a PTE, and _PAGE_PSE. All that is asked of a PTE is asked of
 * it as a pte_t, which has the first of its 512 frames.
 */
#ifndef ASM_HUGE_H
#define ASM_HUGE_H

#include <lib/compiler.h>
#include <asm/atomic.h>
#include <asm/paging.h>

static __always_inline pte_t pmd_huge_pte(pmd_t pmd)
{
	return __pte(pmd_val(pmd) & ~_PAGE_PSE);
}

static __always_inline pmd_t pte_huge_pmd(pte_t pte)
{
	return __pmd(pte_val(pte) | _PAGE_PSE);
}

/* As ptep_test_and_clear_young(). */
static __always_inline bool pmdp_test_and_clear_young(pmd_t *pmdp)
{
	return arch_test_and_clear_bit(__builtin_ctzl(_PAGE_ACCESSED),
				       &pmdp->pmd);
}

/* As ptep_xchg(). */
static __always_inline pmd_t pmdp_xchg(pmd_t *pmdp, pmd_t pmd)
{
	unsigned long val = pmd_val(pmd);

	asm volatile("xchgq %0, %1" : "+r"(val), "+m"(pmdp->pmd) : : "memory");
	return __pmd(val);
}

#endif
