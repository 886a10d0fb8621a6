/* SPDX-License-Identifier: MIT */
/*
 * mm/table/lazyfree.h - the contents of a range may go; mm/table/lazyfree.c says how
 */
#ifndef MM_TABLE_LAZYFREE_H
#define MM_TABLE_LAZYFREE_H

#include <mm/space/mm_types.h>

struct mmu_gather;

/**
 * lazyfree_range() - mark the pages of a range: their contents may go
 * @tlb: notes what must be flushed
 * @start: page aligned
 * @end: page aligned, above @start
 *
 * A page that is written to after the flush is needed again.
 *
 * Context: mmap_lock held in either mode; inside a range that covers [@start, @end), since
 *	    devices must have said what they wrote. Starts none itself.
 */
void lazyfree_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end);

#endif
