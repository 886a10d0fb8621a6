/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/internal.h - between the files of mm/fault
 */
#ifndef MM_FAULT_INTERNAL_H
#define MM_FAULT_INTERNAL_H

#include <arch/paging.h>
#include <mm/fault/fault.h>

struct page;
struct spinlock;

/* The fault on an entry that is neither empty nor present; @orig is what it was. */
vm_fault_t fault_nonpresent(struct vm_area_struct *vma, vaddr_t addr,
			    pte_t *ptep, struct spinlock *ptl, pte_t orig,
			    unsigned int flags);

/*
 * The page of an entry that is not present, if it serves a caller of
 * get_user_pages_remote() as it is; NULL: fault first. The table's lock is held.
 */
struct page *gup_nonpresent(pte_t pte, unsigned int gup_flags);

#endif
