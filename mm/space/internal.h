/* SPDX-License-Identifier: MIT */
/*
 * mm/space/internal.h - between the files of mm/space
 */
#ifndef MM_SPACE_INTERNAL_H
#define MM_SPACE_INTERNAL_H

#include <mm/notifier/start.h>
#include <mm/space/limits.h>
#include <mm/space/mm_types.h>
#include <mm/table/tlb.h>

/**
 * struct unmap_plan - an unmapping, looked at before it begins
 * @start: first address
 * @end: first address after the range
 * @first: the lowest region touched, or NULL
 * @gone: the pages that will go, below zero
 * @removed: regions that will go whole
 * @splits: a region keeps both of its ends, so a region is needed for the upper one
 * @keeps_tables: the page tables stay, for what takes the place; the caller's to set
 */
struct unmap_plan {
	vaddr_t start;
	vaddr_t end;
	struct vm_area_struct *first;
	struct vm_change gone;
	unsigned int removed;
	bool splits;
	bool keeps_tables;
};

/**
 * struct unmapping - an unmapping on its way
 * @range: its UNMAP, started
 * @tlb: what it has unhooked
 * @removed: the regions that it has taken out, chained by vm_next
 */
struct unmapping {
	struct mmu_notifier_range range;
	struct mmu_gather tlb;
	struct vm_area_struct *removed;
};

/*
 * The steps of mm/space/munmap.c, with mmap_lock held for writing. plan_unmap() is step
 * 1, and changes nothing. unmap_planned() is all others. @spare is a region from
 * vma_alloc() if and only if the plan splits.
 */
void plan_unmap(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		struct unmap_plan *plan);
void unmap_planned(struct mm_struct *mm, const struct unmap_plan *plan,
		   struct vm_area_struct *spare);

/* The same in three parts: step 2, steps 3 to 5, steps 6 to 8. */
void unmap_begin(struct mm_struct *mm, const struct unmap_plan *plan,
		 struct unmapping *unmapping);
void unmap_remove(struct mm_struct *mm, const struct unmap_plan *plan,
		  struct vm_area_struct *spare, struct unmapping *unmapping);
void unmap_end(struct unmapping *unmapping);

/**
 * struct map_request - a region that a call wants
 * @addr: where, or a wish
 * @len: bytes, whole pages
 * @place: 0, MAP_FIXED or MAP_FIXED_NOREPLACE
 * @vm_flags: of the region; VM_SHARED and VM_ACCOUNT are not the caller's
 * @object: to be shown, or NULL: private anonymous memory
 * @pgoff: the page of @object that comes first
 */
struct map_request {
	vaddr_t addr;
	size_t len;
	int place;
	unsigned long vm_flags;
	struct vm_object *object;
	unsigned long pgoff;
};

/*
 * The mapping of mm/space/mmap.c, for all that map; mmap_lock is held for writing, and
 * limits_settle() follows. Return: the address; -EINVAL, -EEXIST, -ENOMEM, -EAGAIN as
 * do_mmap(). On error nothing has changed.
 */
long map_region(struct mm_struct *mm, const struct map_request *request);

/* Is no region there, nor a stack that wants the place free? */
bool vma_is_free(struct mm_struct *mm, vaddr_t start, vaddr_t end);

/* Unhook the tables that serve only [start, end), where no region is. */
void unmap_free_tables(struct mmu_gather *tlb, vaddr_t start, vaddr_t end);

/* The page-aligned end of a range in user space; 0 if it is not one, or empty. */
vaddr_t user_range_end(vaddr_t addr, size_t len);

/*
 * MADV_COLLAPSE of what lies in [start, end), with mmap_lock held for writing. Return: as
 * do_madvise(); holes are skipped.
 */
int collapse_range(struct mm_struct *mm, vaddr_t start, vaddr_t end);

#endif
