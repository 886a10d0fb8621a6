// SPDX-License-Identifier: MIT
/*
 * mm/space/cut.c - flags are of whole regions, and a call names any pages
 *
 * Problem.  A call changes what a range is: its rights, its life at a fork. The range
 * begins and ends inside regions. Each cut makes one region more, for which there may be no
 * memory or no room under mm->map_limit. A call that finds that in the middle has
 * done a half.
 *
 * Idea.  A range has two ends, so it makes at most two cuts, however many regions it
 * touches. Count them, take the regions, and then begin:
 *
 *	range		      [            )
 *	regions		[    a    ][ b ][   c    ]
 *	cut		[ a  ][ a' ][ b ][ c  ][ c' ]	a', c' were reserved
 *
 *	range		      [   )
 *	regions		[        a       ]
 *	cut		[  a ][a' ][ a'' ]		both were reserved
 *
 * A region that is already as it shall be is not cut. After the change neighbours that are
 * alike become one again (vma_merge()). The limit is asked before: a change whose merges
 * would make room for its cuts is refused all the same.
 *
 *	data			guarded by
 *	regions			mmap_lock for writing
 *	their bounds		also the lock of the reverse map (mm/space/vma.c)
 *
 * Not here: entries. mprotect() has its own loop, because it changes them with each region.
 */
#include <mm/space/cut.h>
#include <mm/space/mm.h>

int vma_reserve(struct mm_struct *mm, unsigned int nr, struct vma_spares *spares)
{
	ASSERT(nr <= ARRAY_SIZE(spares->vma));
	spares->nr = 0;
	if (mm->map_count + nr > mm->map_limit)
		return -ENOMEM;
	while (spares->nr < nr) {
		struct vm_area_struct *vma = vma_alloc(mm);

		if (!vma) {
			while (spares->nr)
				vma_free(spares->vma[--spares->nr]);
			return -ENOMEM;
		}
		spares->vma[spares->nr++] = vma;
	}
	return 0;
}

struct vm_area_struct *vma_cut(struct vm_area_struct *vma, vaddr_t start,
			       vaddr_t end, struct vma_spares *spares)
{
	struct mm_struct *mm = vma->vm_mm;

	ASSERT(spares->nr >= vma_cuts(vma, start, end));
	if (vma->vm_start < start) {
		/* analyser: vma_reserve() gave one for each cut */
		vma_split(mm, vma, start, spares->vma[--spares->nr]);
		vma = vma->vm_next;
	}
	if (vma->vm_end > end)
		/* analyser: likewise */
		vma_split(mm, vma, end, spares->vma[--spares->nr]);
	return vma;
}

bool vma_covers(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *vma;
	vaddr_t covered = start;

	for_each_vma_range(vma, mm, start, end) {
		if (vma->vm_start > covered)
			return false;
		covered = vma->vm_end;
	}
	return covered >= end;
}

int vma_change_flags(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		     unsigned long set, unsigned long clear)
{
	struct vm_area_struct *vma;
	struct vma_spares spares;
	unsigned int cuts = 0;
	int err;

	for_each_vma_range(vma, mm, start, end) {
		if (vma->vm_flags != ((vma->vm_flags & ~clear) | set))
			cuts += vma_cuts(vma, start, end);
	}
	err = vma_reserve(mm, cuts, &spares);
	if (err)
		return err;
	for_each_vma_range(vma, mm, start, end) {
		unsigned long vm_flags = (vma->vm_flags & ~clear) | set;

		if (vma->vm_flags == vm_flags)
			continue;
		vma = vma_cut(vma, start, end, &spares);
		vma_set_flags(vma, vm_flags);
		vma = vma_merge(mm, vma);
	}
	ASSERT(spares.nr == 0);
	return 0;
}
