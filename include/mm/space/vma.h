/* SPDX-License-Identifier: MIT */
/*
 * mm/space/vma.h - the regions of an address space
 *
 * A balanced tree by address, each node knowing the largest hole below any
 * region of its subtree, and a list through the same regions.  Neighbours
 * that are alike are always one region (vma_tree_verify() checks that).
 */
#ifndef MM_SPACE_VMA_H
#define MM_SPACE_VMA_H

#include <mm/space/mm_types.h>

/* for (each region of mm, upwards); the list may not change in the body. */
#define for_each_vma(vma, mm) \
	for ((vma) = (mm)->mm_first; (vma); (vma) = (vma)->vm_next)

/* Likewise for those that touch [start, end). */
#define for_each_vma_range(vma, mm, start, end) \
	for ((vma) = find_vma((mm), (start));   \
	     (vma) && (vma)->vm_start < (end); (vma) = (vma)->vm_next)

/**
 * find_vma() - the first region that ends above an address
 * @mm: the address space
 * @addr: a user address
 *
 * Context: mmap_lock held in either mode. O(log n).
 * Return: the region, which may begin above @addr, or NULL.
 */
struct vm_area_struct *find_vma(struct mm_struct *mm, vaddr_t addr);

/* The region with the highest addresses, or NULL. Context: as find_vma(). */
struct vm_area_struct *vma_highest(const struct mm_struct *mm);

/**
 * find_vma_prev() - the same, and the region before it
 * @mm: the address space
 * @addr: a user address
 * @prevp: set to the highest region that ends at or below @addr, or NULL
 *
 * Context: mmap_lock held in either mode. O(log n).
 * Return: as find_vma().
 */
struct vm_area_struct *find_vma_prev(struct mm_struct *mm, vaddr_t addr,
				     struct vm_area_struct **prevp);

/**
 * vma_lookup() - the region that contains an address
 * @mm: the address space
 * @addr: a user address
 *
 * Context: mmap_lock held in either mode.
 * Return: the region or NULL.
 */
static __always_inline struct vm_area_struct *vma_lookup(struct mm_struct *mm,
							 vaddr_t addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && vma->vm_start <= addr ? vma : NULL;
}

/**
 * find_vma_intersection() - the first region that touches a range
 * @mm: the address space
 * @start: first address
 * @end: first address after the range; above @start
 *
 * Context: mmap_lock held in either mode.
 * Return: the lowest such region or NULL.
 */
static __always_inline struct vm_area_struct *
find_vma_intersection(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	return vma && vma->vm_start < end ? vma : NULL;
}

static __always_inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

/**
 * vma_pgoff_of() - the page offset of an address in what its region shows
 * @vma: the region
 * @addr: an address in @vma
 *
 * Context: mmap_lock held in either mode.
 */
static __always_inline unsigned long
vma_pgoff_of(const struct vm_area_struct *vma, vaddr_t addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/**
 * vma_alike() - would two regions be one if they met?
 * @low: a region
 * @high: another; neither need be linked
 *
 * @high begins where @low ends, both have the same flags but for VM_SOFTDIRTY, show the
 * same object or none, and the page offset runs on from one to the other.
 *
 * Context: mmap_lock held in either mode.
 */
bool vma_alike(const struct vm_area_struct *low,
	       const struct vm_area_struct *high);

/**
 * vma_find_gap() - the lowest hole that is large enough
 * @mm: the address space
 * @len: bytes, a multiple of the page size, not 0
 *
 * Context: mmap_lock held in either mode. O(log n).
 * Return: where it begins, or -ENOMEM.
 */
long vma_find_gap(struct mm_struct *mm, unsigned long len);

/**
 * vm_get_page_prot() - the protection of a fresh page in a region
 * @vm_flags: the region's flags
 *
 * A writable private region gives read-only: the fault handler adds the write
 * bit to a page that belongs to this address space alone.
 *
 * Context: any.
 * Return: the protection bits.
 */
pgprot_t vm_get_page_prot(unsigned long vm_flags);

/**
 * vma_tree_verify() - check all that must hold of the regions
 * @mm: the address space
 *
 * Order, disjointness, alignment, bounds, list against tree, balance, the hole
 * of each subtree computed the slow way, no neighbours that should have been
 * merged, map_count, and the sums of pages with their charge.
 *
 * Context: mmap_lock held in either mode. O(n).
 * Return: NULL when all is well, else what is not, as a sentence.
 */
const char *vma_tree_verify(struct mm_struct *mm);

/*
 * Changing the regions, for mm/space alone; mmap_lock for writing. vma_split() splits a huge
 * entry at the place, which starts a range (split_huge_at()).
 */
struct vm_area_struct *vma_alloc(struct mm_struct *mm);
/* Private anonymous memory that is mapped for the first time, in no tree yet. */
void vma_init(struct vm_area_struct *vma, vaddr_t start, vaddr_t end,
	      unsigned long vm_flags);
/* It shows an object instead, from page @pgoff on; the region takes a reference. */
void vma_set_object(struct vm_area_struct *vma, struct vm_object *object,
		    unsigned long pgoff);
/* In no tree: drops the reference of its object, too. */
void vma_free(struct vm_area_struct *vma);
/* Regions in no tree, chained by vm_next. */
void vma_free_chain(struct vm_area_struct *vma);
void vma_link(struct mm_struct *mm, struct vm_area_struct *vma);
void vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma);
/* The last user's. Return: all regions that there were, chained by vm_next. */
struct vm_area_struct *vma_unlink_all(struct mm_struct *mm);
void vma_set_range(struct mm_struct *mm, struct vm_area_struct *vma,
		   vaddr_t start, vaddr_t end);
void vma_split(struct mm_struct *mm, struct vm_area_struct *vma, vaddr_t addr,
	       struct vm_area_struct *upper);
struct vm_area_struct *vma_merge(struct mm_struct *mm,
				 struct vm_area_struct *vma);
/*
 * A linked region gets other flags, and the protection that they make; not VM_SHARED. Its
 * entries are not changed.
 */
void vma_set_flags(struct vm_area_struct *vma, unsigned long vm_flags);
/* It grows over the place of another, which is alike: it is as new as that (VM_SOFTDIRTY). */
void vma_take_mark(struct vm_area_struct *vma,
		   const struct vm_area_struct *other);

#endif
