/* SPDX-License-Identifier: MIT */
/*
 * arch/huge.h - what an architecture says about PMD entries that map a huge page
 *
 * An architecture gives (asm/huge.h, all inline), beside pmd_leaf() of arch/paging.h:
 *
 *	value		pmd_huge_pte pte_huge_pmd: as a PTE, and back
 *	memory		pmdp_xchg pmdp_test_and_clear_young, as those of a PTE
 *
 * What the kernel makes of these entries is in mm/table/huge.h.
 */
#ifndef ARCH_HUGE_H
#define ARCH_HUGE_H

#include <asm/huge.h>

#endif
