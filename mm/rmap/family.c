// SPDX-License-Identifier: MIT
/*
 * mm/rmap/family.c - which regions may map an anonymous page?
 *
 * Problem.  A page that shall be moved or paged out must be taken from every page
 * table that maps it. An anonymous page begins in one address space. After fork() it
 * is mapped by several, mremap() moves a mapping to another address, and each of them
 * may unmap its own. A page has no room for a list of its mappings, and a list would
 * cost time at each fault. A page of shared memory is easier: it belongs to an object,
 * which knows the regions that show it.
 *
 * Idea.  A page can only be in the address space that it was made in, and in those
 * that were forked from there, directly or not. These are a family. All private regions
 * of a family are in one tree, by page offset, and each anonymous page
 * knows its family and its offset:
 *
 *	page->mapping = family's root, page->index = 7
 *
 *	offset		0 1 2 3 4 5 6 7 8 9
 *	parent		  [ text ]  [  heap   ]	covers 7: look here
 *	child 1		  [ text ]  [  heap   ]	covers 7: look here
 *	child 2		  [ text ]  [ h ]		does not cover it
 *	exec'd child					is another family
 *
 * The offset of a page is the page number of the address where its region was mapped
 * first. A move changes the address of a region and keeps its offsets, so the address of
 * a page is always
 *
 *	vm_start + (page->index - vm_pgoff) * PAGE_SIZE
 *
 * A region in the tree only says where a page may be mapped. A walk looks at the entry
 * (mm/rmap/walk.c).
 *
 * An object (mm/object/object.h) has such a tree, too. A region that shows an object is in
 * the object's, any other region is in its family's:
 *
 *	region			is in the tree of	its pages have
 *	vm_object is NULL	the mm's family		PG_anon
 *	vm_object		the object		PG_object, or no reverse map
 *
 * An object's regions may belong to any address spaces: these need not be a family.
 *
 * Price.  A walk looks at each member that covers the offset, also those that have their
 * own page there by now. ADR 0017 has the alternatives and what they would take.
 * A change of a region takes the lock of the family, so mmap() and munmap() of parent and
 * child wait for each other. A fault does not take it.
 *
 *	field			read with		write with
 *	root.tree		root.lock		root.lock for writing
 *	vm_start, vm_end,
 *	vm_pgoff		mmap_lock or root.lock	both for writing
 *	page->mapping		a reference of the page	the page's maker
 *
 * Locks: a page's lock, then mmap_lock, then root.lock, then a table's lock. Callbacks of
 * notifiers run under root.lock when a walk invalidates what it finds, so a callback may
 * not take it: nothing that changes regions may run there, as R1.17 says.
 *
 * The races it must win:
 *
 *	walk				munmap
 *	lock(root) for reading
 *	region covers the page
 *					entries emptied
 *					lock(root) for writing ... waits
 *	reads the page tables		(they must still be there)
 *	unlock
 *					region leaves; tables freed
 *	    a_walk_keeps_the_tables_that_it_looks_at
 *
 *	walk				mprotect
 *	looks for page 7
 *					lock(root) for writing
 *					region shrinks to end at 5
 *					a new one begins at 5
 *					unlock
 *	(page 7 must be in one of them at any time)
 *	    a_page_is_found_while_its_region_is_split_and_merged
 *
 * Lifetime.  Each member of a family holds a reference, and so does each region of an
 * object. A page holds none: while an entry maps it, the mm with that entry is a member, or
 * has the region. page_root_get() reads a pointer whose root may be freed at that moment, so
 * a root is freed after a grace period:
 *
 *	page_root_get()			exit of the last member
 *	rcu_read_lock()
 *	root = page->mapping
 *					entry emptied, mapcount 0
 *					refs 0: call_rcu()
 *	refs is 0: no root		(the memory must still be a root's)
 *
 * If the reference was taken and the page is still mapped after that, the root is the
 * right one: a page with a reference keeps its root.
 *
 * Not here: the walk (mm/rmap/walk.c), the objects (mm/object/object.c).
 */
#include <lib/init.h>
#include <mm/alloc/alloc.h>
#include <mm/object/object.h>
#include <mm/page/page.h>
#include <mm/rmap/family.h>
#include <mm/space/mm.h>

static struct kmem_cache *family_cache;

static int family_cache_init(void)
{
	family_cache = kmem_cache_create("anon_family",
					 sizeof(struct anon_family), 0, 0, NULL);
	return family_cache ? 0 : -ENOMEM;
}
INITCALL(INIT_CORE, family_cache_init);

static void family_free_late(struct rcu_head *head)
{
	kmem_cache_free(family_cache,
			container_of(head, struct anon_family, root.rcu));
}

static void family_free(struct rmap_root *root)
{
	call_rcu(&root->rcu, family_free_late);
}

struct anon_family *anon_family_alloc(void)
{
	struct anon_family *family = kmem_cache_zalloc(family_cache, GFP_KERNEL);

	if (!family)
		return NULL;
	rmap_root_init(&family->root, family_free);
	return family;
}

struct rmap_root *page_root_get(const struct page *page)
{
	struct rmap_root *root = NULL;

	ASSERT(page_ref_count(page) > 0);
	if (!PageAnon(page_head(page)) && !PageObject(page))
		return NULL;
	rcu_read_lock();
	if (page_mapcount(page)) {
		root = page_head(page)->mapping;
		if (!atomic_inc_not_zero(&root->refs))
			root = NULL;
	}
	rcu_read_unlock();
	if (!root)
		return NULL;
	if (page_mapcount(page))
		return root;
	/* Unmapped meanwhile: it may be another's set in the old one's place. */
	rmap_root_put(root);
	return NULL;
}

/* The set that has the region, as long as it is linked. */
static struct rmap_root *region_root(const struct vm_area_struct *vma)
{
	return vma->vm_object ? &vma->vm_object->root : &vma->vm_mm->family->root;
}

void rmap_lock_region(const struct vm_area_struct *vma) __no_thread_safety
{
	mmap_assert_write_locked(vma->vm_mm);
	down_write(&region_root(vma)->lock);
}

void rmap_unlock_region(const struct vm_area_struct *vma) __no_thread_safety
{
	up_write(&region_root(vma)->lock);
}

static unsigned long region_last(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff + vma_pages(vma) - 1;
}

void rmap_add_region(struct vm_area_struct *vma)
{
	vma->vm_rmap.first = vma->vm_pgoff;
	vma->vm_rmap.last = region_last(vma);
	rmap_insert(region_root(vma), &vma->vm_rmap);
}

void rmap_remove_region(struct vm_area_struct *vma)
{
	rmap_remove(region_root(vma), &vma->vm_rmap);
}

void rmap_resize_region(struct vm_area_struct *vma)
{
	if (vma->vm_rmap.first == vma->vm_pgoff) {
		rmap_move_last(&vma->vm_rmap, region_last(vma));
	} else {
		rmap_remove_region(vma);
		rmap_add_region(vma);
	}
}
