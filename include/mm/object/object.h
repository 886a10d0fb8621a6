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
 * struct vm_object_ops - what differs from object to object
 * @fault: an empty entry of a region that shows the object was touched: set @pagep to the
 *	page at vma_pgoff_of(), with a reference for the entry, and return 0; or return an
 *	error of VM_FAULT_ERROR. Context: mmap_lock held in either mode; may sleep
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
 * @ops: (c) what differs
 * @vm_flags: (c) flags that each region of the object has
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
 * @ops: what differs
 * @vm_flags: flags that each region of the object has
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

#endif
