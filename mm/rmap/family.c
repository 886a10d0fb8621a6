// SPDX-License-Identifier: MIT
/*
 * mm/rmap/family.c - which regions may map an anonymous page?
 *
 * Problem.  A page that shall be moved or paged out must be taken from every page
 * table that maps it. An anonymous page begins in one address space. After fork() it
 * is mapped by several, mremap() moves a mapping to another address, and each of them
 * may unmap its own. A page has no room for a list of its mappings, and a list would
 * cost time at each fault.
 *
 * Idea.  A page can only be in the address space that it was made in, and in those
 * that were forked from there, directly or not. These are a family. All private regions
 * of a family are in one tree, by page offset, and each anonymous page
 * knows its family and its offset:
 *
 *	page->mapping = family, page->index = 7
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
 * Lifetime.  Each member holds a reference. A page holds none: while an entry maps it,
 * the mm with that entry is a member. page_family_get() reads a pointer whose family may be
 * freed at that moment, so a family is freed after a grace period:
 *
 *	page_family_get()		exit of the last member
 *	rcu_read_lock()
 *	family = page->mapping
 *					entry emptied, mapcount 0
 *					refs 0: call_rcu()
 *	refs is 0: no family		(the memory must still be a family's)
 *
 * If the reference was taken and the page is still mapped after that, the family is the
 * right one: a page with a reference keeps its family.
 *
 * Not here: the walk (mm/rmap/walk.c); files, whose pages are found by their own tree.
 */
#include <lib/init.h>
#include <mm/alloc/alloc.h>
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

struct anon_family *anon_family_alloc(void)
{
	struct anon_family *family = kmem_cache_zalloc(family_cache, GFP_KERNEL);

	if (!family)
		return NULL;
	init_rwsem(&family->root.lock);
	family->root.tree = RB_ROOT;
	atomic_set(&family->refs, 1);
	return family;
}

struct anon_family *anon_family_get(struct anon_family *family)
{
	ASSERT(atomic_read(&family->refs) > 0);
	atomic_inc(&family->refs);
	return family;
}

static void family_free(struct rcu_head *head)
{
	struct anon_family *family = container_of(head, struct anon_family, rcu);

	kmem_cache_free(family_cache, family);
}

void anon_family_put(struct anon_family *family)
{
	if (!atomic_dec_and_test(&family->refs))
		return;
	ASSERT(rb_empty_root(&family->root.tree));
	call_rcu(&family->rcu, family_free);
}

struct anon_family *page_family_get(const struct page *page)
{
	struct anon_family *family = NULL;

	ASSERT(page_ref_count(page) > 0);
	if (!PageAnon(page))
		return NULL;
	rcu_read_lock();
	if (page_mapcount(page)) {
		family = page->mapping;
		if (!atomic_inc_not_zero(&family->refs))
			family = NULL;
	}
	rcu_read_unlock();
	if (!family)
		return NULL;
	if (page_mapcount(page))
		return family;
	/* Unmapped meanwhile: it may be a new family in the old one's place. */
	anon_family_put(family);
	return NULL;
}

/* Shared memory has no pages of a family. */
static bool region_is_private(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_SHARED);
}

void rmap_lock_region(const struct vm_area_struct *vma) __no_thread_safety
{
	mmap_assert_write_locked(vma->vm_mm);
	if (region_is_private(vma))
		down_write(&vma->vm_mm->family->root.lock);
}

void rmap_unlock_region(const struct vm_area_struct *vma) __no_thread_safety
{
	if (region_is_private(vma))
		up_write(&vma->vm_mm->family->root.lock);
}

static unsigned long region_last(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff + vma_pages(vma) - 1;
}

void rmap_add_region(struct vm_area_struct *vma)
{
	if (!region_is_private(vma))
		return;
	vma->vm_anon.first = vma->vm_pgoff;
	vma->vm_anon.last = region_last(vma);
	rmap_insert(&vma->vm_mm->family->root, &vma->vm_anon);
}

void rmap_remove_region(struct vm_area_struct *vma)
{
	if (region_is_private(vma))
		rmap_remove(&vma->vm_mm->family->root, &vma->vm_anon);
}

void rmap_resize_region(struct vm_area_struct *vma)
{
	if (!region_is_private(vma))
		return;
	if (vma->vm_anon.first == vma->vm_pgoff) {
		rmap_move_last(&vma->vm_anon, region_last(vma));
	} else {
		rmap_remove_region(vma);
		rmap_add_region(vma);
	}
}
