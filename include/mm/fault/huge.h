/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/huge.h - where anonymous memory comes in huge pages
 */
#ifndef MM_FAULT_HUGE_H
#define MM_FAULT_HUGE_H

#include <mm/space/mm_types.h>

/**
 * enum thp_mode - the regions in which a fault maps a huge page
 * @THP_NEVER: none
 * @THP_MADVISE: those with MADV_HUGEPAGE
 * @THP_ALWAYS: all but those with MADV_NOHUGEPAGE
 */
enum thp_mode {
	THP_NEVER,
	THP_MADVISE,
	THP_ALWAYS,
};

/* The machine's, by the command line: thp=never, madvise (the default) or always. */
extern enum thp_mode thp_mode;

/**
 * vma_may_be_huge() - may a huge page be mapped over an address at all?
 * @vma: its region
 * @addr: the address
 *
 * The region shows no object and has the aligned 2 MiB whole, and MADV_NOHUGEPAGE was not
 * said.
 *
 * Context: mmap_lock held in either mode.
 */
bool vma_may_be_huge(const struct vm_area_struct *vma, vaddr_t addr);

#endif
