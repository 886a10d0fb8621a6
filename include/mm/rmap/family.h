/* SPDX-License-Identifier: MIT */
/*
 * mm/rmap/family.h - the address spaces that may share anonymous pages
 *
 * mm/rmap/family.c says what a family is for.
 */
#ifndef MM_RMAP_FAMILY_H
#define MM_RMAP_FAMILY_H

#include <kernel/rcu.h>
#include <lib/atomic.h>
#include <mm/rmap/root.h>

struct page;
struct vm_area_struct;

/**
 * struct anon_family - a process and all that it and its children forked
 * @root: the private regions of all members
 * @refs: (a) one for each member, one for each anon_family_get()
 * @rcu: for the free, once @refs is zero
 *
 * Keys: (a) atomic.
 */
struct anon_family {
	struct rmap_root root;
	struct atomic refs;
	struct rcu_head rcu;
};

/**
 * anon_family_alloc() - begin a family
 *
 * Context: may sleep.
 * Return: the family with one reference, or NULL when there is no memory.
 */
struct anon_family *anon_family_alloc(void);

/**
 * anon_family_get() - take another reference
 * @family: a family that the caller has a reference to
 *
 * Context: any.
 */
struct anon_family *anon_family_get(struct anon_family *family);

/**
 * anon_family_put() - drop a reference; the last frees the family
 * @family: the family
 *
 * Context: any but NMI.
 */
void anon_family_put(struct anon_family *family);

/**
 * page_family_get() - the family of an anonymous page, while it is mapped
 * @page: a page that the caller has a reference to
 *
 * Context: any but NMI.
 * Return: the family with a reference; NULL if no entry maps the page.
 */
struct anon_family *page_family_get(const struct page *page);

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
