/* SPDX-License-Identifier: MIT */
/*
 * arch/paging.h - what an architecture says about its page tables
 *
 * Four levels, PGD > PUD > PMD > PTE, each a page of PTRS_PER_TABLE entries,
 * entries wrapped in a struct of their own so that a mix-up of levels does not
 * compile.  An architecture gives (asm/paging.h, all inline):
 *
 *	sizes		PAGE_SHIFT PAGE_SIZE PAGE_MASK PMD_* PUD_* PGDIR_*
 *	layout		USER_START USER_END, PAGE_OFFSET VMEMMAP_START
 *			VMALLOC_START VMALLOC_END KERNEL_IMAGE_START
 *	upper levels	pgd_none pgd_table mk_pgd, the same for pud and pmd;
 *			pud_leaf pmd_leaf; X_index(addr) X_addr_end(addr, end)
 *	a PTE		pte_none pte_present pte_write pte_exec pte_dirty pte_young
 *			pte_soft_dirty pte_uffd_wp pte_special pte_protnone pte_pfn
 *			pte_same; pte_mkwrite ... pte_mkold (new value, no
 *			store); pfn_pte(pfn, prot) pte_modify(pte, prot)
 *			pte_with_pfn(pte, pfn)
 *	a huge PMD	pmd_leaf; the rest is in arch/huge.h
 *	memory		ptep_get set_pte ptep_get_and_clear ptep_xchg
 *			ptep_test_and_clear_young ptep_test_and_clear_dirty
 *			ptep_set_wrprotect
 *	protection	pgprot_t PAGE_NONE PAGE_READONLY PAGE_COPY PAGE_SHARED
 *			and the _EXEC forms; PAGE_KERNEL*
 *	swap		swp_entry_to_pte pte_to_swp_entry and the flag bits
 *			pte_swp_* (include/mm/table/swapops.h has the types)
 *
 * A PTE is in one of three states, and no other:
 *
 *	none		the value 0: never touched, or zapped
 *	present		a frame is mapped; a PROT_NONE page is present for
 *			software although the CPU refuses it
 *	swap		neither: a swap entry that the fault handler reads
 */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include <asm/paging.h>

#endif
