/* SPDX-License-Identifier: MIT */
/*
 * mm/object/object.h - memory that regions of several address spaces may show
 */
#ifndef MM_OBJECT_OBJECT_H
#define MM_OBJECT_OBJECT_H

#include <mm/fault/fault.h>
#include <mm/rmap/root.h>

struct page;
struct vm_object;

/**
 * struct vm_object_ops - operations of a kind of object
 * @fault: an empty entry of a region that shows the object was touched: set @pagep to the
 *	page at vma_pgoff_of(), with a reference for the entry, and return 0; or map it by
 *	vm_insert_page() or vm_insert_pfn() and return VM_FAULT_NOPAGE; or return an error of
 *	VM_FAULT_ERROR. Each object has one: a fork copies no entry. Context: mmap_lock held in
 *	either mode; may sleep
 * @free: the last reference is gone, and no region shows the object. Gives the contents
 *	back, and frees the memory of the object after a grace period: by call_rcu() with
 *	object->root.rcu. Context: any that may drop pages
 */
struct vm_object_ops {
	vm_fault_t (*fault)(struct vm_fault *vmf, struct page **pagep);
	void (*free)(struct vm_object *object);
};

/**
 * struct vm_object - memory that regions show
 * @root: the regions that show it; each holds a reference
 * @ops: (c) operations of this kind of object
 * @vm_flags: (c) flags that each region of the object has: 0, VM_PFNMAP or VM_MIXEDMAP
 *
 * Embedded in the struct of each kind of object. Keys: (c) constant.
 */
struct vm_object {
	struct rmap_root root;
	const struct vm_object_ops *ops;
	unsigned long vm_flags;
};

/**
 * vm_object_init() - begin an object, with one reference
 * @object: uninitialised, inside the struct of its kind
 * @ops: operations of this kind of object
 * @vm_flags: 0, VM_PFNMAP or VM_MIXEDMAP: flags that each region of the object has
 *
 * Context: any.
 */
void vm_object_init(struct vm_object *object, const struct vm_object_ops *ops,
		    unsigned long vm_flags);

/**
 * vm_object_get() - take another reference
 * @object: an object that the caller has a reference to
 *
 * Context: any.
 */
static inline void vm_object_get(struct vm_object *object)
{
	rmap_root_get(&object->root);
}

/**
 * vm_object_put() - drop a reference; the last frees the object
 * @object: the object
 *
 * Context: any that may drop pages; not NMI.
 */
static inline void vm_object_put(struct vm_object *object)
{
	rmap_root_put(&object->root);
}

/**
 * vm_insert_page() - map a driver's page
 * @vma: a region with VM_MIXEDMAP
 * @addr: where, page aligned, in @vma
 * @page: a page that the driver has allocated; the entry takes a reference of its own
 *
 * Look-ups may hold such a page and pin it. It has no reverse map.
 *
 * Context: mmap_lock held in either mode; may sleep.
 * Return: 0; -EFAULT (@addr is not in @vma), -EINVAL (unaligned, no VM_MIXEDMAP, @page is
 *	   another's: anonymous, an object's, a slab's, a table, reserved, or free), -EBUSY
 *	   (something is mapped there), -ENOMEM.
 */
int vm_insert_page(struct vm_area_struct *vma, vaddr_t addr, struct page *page);

/**
 * vm_insert_pfn() - map a frame, and count no page
 * @vma: a region with VM_PFNMAP or VM_MIXEDMAP
 * @addr: where, page aligned, in @vma
 * @pfn: the frame, with or without a struct page; the driver sees to it that it stays
 *
 * No look-up gives such a frame to anybody: get_user_pages_remote() fails with -EFAULT, and
 * so does a device's access.
 *
 * Context: mmap_lock held in either mode; may sleep.
 * Return: 0; -EFAULT (@addr is not in @vma), -EINVAL (unaligned, neither flag, no such frame
 *	   can exist), -EBUSY (something is mapped there), -ENOMEM.
 */
int vm_insert_pfn(struct vm_area_struct *vma, vaddr_t addr, pfn_t pfn);

#endif
