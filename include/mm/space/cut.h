/* SPDX-License-Identifier: MIT */
/*
 * mm/space/cut.h - cut regions at the ends of a range; mm/space/cut.c says how
 *
 * For mm/space alone. mmap_lock is held for writing.
 */
#ifndef MM_SPACE_CUT_H
#define MM_SPACE_CUT_H

#include <mm/space/vma.h>

/**
 * struct vma_spares - the regions that a change of a range will need
 * @vma: those not used yet
 * @nr: how many those are
 */
struct vma_spares {
	struct vm_area_struct *vma[2];
	unsigned int nr;
};

/* How many ends of the range lie inside the region? */
static inline unsigned int vma_cuts(const struct vm_area_struct *vma,
				    vaddr_t start, vaddr_t end)
{
	return (vma->vm_start < start) + (vma->vm_end > end);
}

/**
 * vma_reserve() - get what a change will need, before it begins
 * @mm: the address space
 * @nr: the sum of vma_cuts() over the regions that will change
 * @spares: filled
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM: more regions than mm->map_limit, or no memory.
 */
int vma_reserve(struct mm_struct *mm, unsigned int nr, struct vma_spares *spares);

/**
 * vma_cut() - make the part of a region that lies in a range a region of its own
 * @vma: a region that touches the range
 * @start: first address of the range
 * @end: first address after it
 * @spares: has one for each cut
 *
 * The parts are alike until the caller changes one: vma_merge() follows.
 *
 * Context: does not sleep but for the lock of the reverse map; cannot fail.
 * Return: the part.
 */
struct vm_area_struct *vma_cut(struct vm_area_struct *vma, vaddr_t start,
			       vaddr_t end, struct vma_spares *spares);

/**
 * vma_covers() - is each page of a range in a region?
 * @mm: the address space
 * @start: first address
 * @end: first address after it
 *
 * Context: mmap_lock held in either mode.
 */
bool vma_covers(struct mm_struct *mm, vaddr_t start, vaddr_t end);

/**
 * vma_change_flags() - set and clear flags of all regions of a range
 * @mm: the address space
 * @start: page aligned
 * @end: page aligned, above @start
 * @set: flags that they have then
 * @clear: flags that they lack then
 *
 * Holes are passed over. Regions that become alike become one. Entries are not changed,
 * so these are flags that no entry depends on.
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM as vma_reserve(): nothing has changed.
 */
int vma_change_flags(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		     unsigned long set, unsigned long clear);

#endif
