// SPDX-License-Identifier: MIT
/*
 * mm/object/object.c - memory that regions of several address spaces may show
 *
 * Problem.  The pages of private memory belong to the address space that touched them. Other
 * memory is there before any region shows it, and goes on when one of them goes: shared
 * memory after a fork, the memory of a device. Code that changes regions or looks for entries
 * should not know each kind.
 *
 * Idea.  A region that shows such memory names an object, vma->vm_object, and the page
 * offset in it, vma->vm_pgoff. The object has operations, and the tree of all
 * regions that show it:
 *
 *	address space 1   ..[ region ]......        vm_pgoff 0, 3 pages
 *	                       |
 *	object              0  1  2  3  4  5
 *	                             |
 *	address space 2   ....[ region ]....        vm_pgoff 2, 3 pages
 *
 * Page 2 of the object has an entry in each of them, or in one, or in none. An entry is a
 * mere copy of what the object knows: the object can always fill it again. So a fork copies
 * no entries of such a region, and MADV_DONTNEED loses nothing.
 *
 *	region			vm_object	VM_SHARED	a write is seen by
 *	private, anonymous	NULL		no		the address space
 *	of an object		set		yes		each that shows the page
 *
 * A private region of an object, which would show it until the first write, does not exist.
 *
 *	data			guarded by
 *	the tree of regions	root.lock
 *	vma->vm_object		constant while the region is linked
 *	the contents		the object's own rules
 *
 * Lifetime.  Each region holds a reference, and so does a driver that has made the object,
 * as long as it likes. The last reference frees it (mm/rmap/root.c).
 *
 * Not here: the tree (mm/rmap/root.c), faults (mm/fault/object.c), shared memory
 * (mm/object/shmem.c).
 */
#include <mm/object/object.h>

static void object_free(struct rmap_root *root)
{
	struct vm_object *object = container_of(root, struct vm_object, root);

	object->ops->free(object);
}

void vm_object_init(struct vm_object *object, const struct vm_object_ops *ops,
		    unsigned long vm_flags)
{
	ASSERT(ops->fault && ops->free);
	rmap_root_init(&object->root, object_free);
	object->ops = ops;
	object->vm_flags = vm_flags;
}
