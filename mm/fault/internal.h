/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/internal.h - between the files of mm/fault
 */
#ifndef MM_FAULT_INTERNAL_H
#define MM_FAULT_INTERNAL_H

#include <arch/paging.h>
#include <mm/fault/fault.h>

struct page;

/* The fault on an entry that is neither empty nor present. */
vm_fault_t fault_nonpresent(struct vm_fault *vmf);

/*
 * The page of an entry that is not present, if it serves a caller of
 * get_user_pages_remote() as it is; NULL: fault first. The table's lock is held.
 */
struct page *gup_nonpresent(pte_t pte, unsigned int gup_flags);

#endif
