/* SPDX-License-Identifier: MIT */
/*
 * mm/rmap/family.h - the address spaces that may share anonymous pages
 *
 * mm/rmap/family.c says what a family is for.
 */
#ifndef MM_RMAP_FAMILY_H
#define MM_RMAP_FAMILY_H

#include <mm/rmap/root.h>

struct page;
struct vm_area_struct;

/**
 * struct anon_family - a process and all that it and its children forked
 * @root: the private regions of all members; each member holds a reference
 */
struct anon_family {
	struct rmap_root root;
};

/**
 * anon_family_alloc() - begin a family
 *
 * Context: may sleep.
 * Return: the family with one reference, or NULL when there is no memory.
 */
struct anon_family *anon_family_alloc(void);

/**
 * page_root_get() - the set that has all regions which may map a page
 * @page: a page that the caller has a reference to
 *
 * That of its family if it is anonymous, of its object if it is an object's.
 *
 * Context: any but NMI.
 * Return: the set, with a reference for rmap_root_put(); NULL if no entry maps the page, or
 *	   it has no reverse map: the zero page, a driver's page.
 */
struct rmap_root *page_root_get(const struct page *page);

/**
 * rmap_lock_region() - keep walks away from a region whose bounds change
 * @vma: a region; it need not be linked yet
 *
 * Held over all steps of one change, so that a walk finds each page of the region
 * before it or after it, and never in between.
 *
 * Context: mmap_lock held for writing; may sleep.
 */
void rmap_lock_region(const struct vm_area_struct *vma);
void rmap_unlock_region(const struct vm_area_struct *vma);

/* A region joins, leaves, has other bounds; rmap_lock_region() is held. */
void rmap_add_region(struct vm_area_struct *vma);
void rmap_remove_region(struct vm_area_struct *vma);
void rmap_resize_region(struct vm_area_struct *vma);

#endif
