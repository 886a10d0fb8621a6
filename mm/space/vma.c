// SPDX-License-Identifier: MIT
/*
 * mm/space/vma.c - the regions of an address space, in a tree that knows its holes
 *
 * Problem.  Every fault asks "which region holds this address?" and every mmap
 * asks "where is a hole of this size?".  Both must stay cheap with tens of
 * thousands of regions.
 *
 * Idea.  A red-black tree by address.  Each node carries the largest hole that
 * lies directly below any region of its subtree, so a search for a hole can
 * tell from the node whether to go down.  The same regions are chained in
 * order, because the hole below a region needs the region before it and
 * because everything that changes a range walks neighbours.
 *
 *	USER_START                                             USER_END
 *	|  hole A  [ r1 ] hole B [ r2 ][ r3 ]   hole C  [ r4 ]   tail  |
 *
 * Hole A belongs to r1, B to r2, none to r3, C to r4.  The tail belongs to
 * nobody and is looked at when the tree has no hole that is large enough. The hole below
 * a stack ends where the stack's gap begins (mm/space/stack.c).
 *
 *	field of the region	read with		write with
 *	all but vm_mm		mmap_lock, either mode	mmap_lock for writing
 *
 * A region that shows an object holds a reference of it, from vma_set_object() to
 * vma_free(): a part that is split off takes one more, and a region that is merged into
 * its neighbour drops its own. Neighbours merge only if they show the same object, and its
 * pages run on. Two private regions of one mm share the mm's family, so no field has to
 * agree there.
 *
 * When a region is added, taken out or resized, two holes change: its own and
 * that of the region after it.  Both are set right before the lock is dropped;
 * vma_tree_verify() computes all of them the slow way and compares.
 *
 * Not here: what is mapped in the regions (mm/fault/fault.c, mm/table/zap.c), and the rules
 * of mmap and munmap (mm/space/mmap.c, mm/space/munmap.c).
 */
#include <mm/alloc/alloc.h>
#include <lib/init.h>
#include <mm/object/object.h>
#include <mm/rmap/family.h>
#include <mm/space/limits.h>
#include <mm/space/mm.h>
#include <mm/space/stack.h>
#include <mm/space/vma.h>
#include <mm/table/huge.h>

static struct kmem_cache *vma_cache;

static int vma_cache_init(void)
{
	vma_cache = kmem_cache_create("vm_area_struct",
				      sizeof(struct vm_area_struct), 0, 0, NULL);
	return vma_cache ? 0 : -ENOMEM;
}
INITCALL(INIT_CORE, vma_cache_init);

static struct vm_area_struct *vma_of(const struct rb_node *node)
{
	return rb_entry(node, struct vm_area_struct, vm_rb);
}

static unsigned long vma_hole_below(const struct vm_area_struct *vma)
{
	vaddr_t floor = vma->vm_prev ? vma->vm_prev->vm_end : USER_START;
	vaddr_t ceiling = vma_start_gap(vma);

	return ceiling > floor ? ceiling - floor : 0;
}

static unsigned long vma_subtree_hole(const struct vm_area_struct *vma)
{
	unsigned long hole = vma_hole_below(vma);

	if (vma->vm_rb.left)
		hole = max(hole, vma_of(vma->vm_rb.left)->vm_subtree_gap);
	if (vma->vm_rb.right)
		hole = max(hole, vma_of(vma->vm_rb.right)->vm_subtree_gap);
	return hole;
}

static bool vma_update_hole(struct rb_node *node)
{
	struct vm_area_struct *vma = vma_of(node);
	unsigned long hole = vma_subtree_hole(vma);
	bool changed = hole != vma->vm_subtree_gap;

	vma->vm_subtree_gap = hole;
	return changed;
}

static const struct rb_augment vma_holes = {.update = vma_update_hole};

struct vm_area_struct *vma_alloc(struct mm_struct *mm)
{
	struct vm_area_struct *vma = kmem_cache_zalloc(vma_cache, GFP_KERNEL);

	if (vma)
		vma->vm_mm = mm;
	return vma;
}

void vma_init(struct vm_area_struct *vma, vaddr_t start, vaddr_t end,
	      unsigned long vm_flags)
{
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_flags = vm_flags;
	vma->vm_page_prot = vm_get_page_prot(vm_flags);
	vma->vm_pgoff = start >> PAGE_SHIFT;
}

void vma_set_object(struct vm_area_struct *vma, struct vm_object *object,
		    unsigned long pgoff)
{
	ASSERT(!vma->vm_object);
	vm_object_get(object);
	vma->vm_object = object;
	vma->vm_pgoff = pgoff;
	vma->vm_flags |= VM_SHARED | object->vm_flags;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
}

void vma_free(struct vm_area_struct *vma)
{
	if (vma->vm_object)
		vm_object_put(vma->vm_object);
	kmem_cache_free(vma_cache, vma);
}

void vma_free_chain(struct vm_area_struct *vma)
{
	while (vma) {
		struct vm_area_struct *next = vma->vm_next;

		vma_free(vma);
		vma = next;
	}
}

struct vm_area_struct *find_vma(struct mm_struct *mm, vaddr_t addr)
{
	struct rb_node *node = mm->mm_rb.node;
	struct vm_area_struct *found = NULL;

	while (node) {
		struct vm_area_struct *vma = vma_of(node);

		if (addr < vma->vm_end) {
			found = vma;
			if (addr >= vma->vm_start)
				break;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

struct vm_area_struct *vma_highest(const struct mm_struct *mm)
{
	struct rb_node *last = rb_last(&mm->mm_rb);

	return last ? vma_of(last) : NULL;
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, vaddr_t addr,
				     struct vm_area_struct **prevp)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	*prevp = vma ? vma->vm_prev : vma_highest(mm);
	return vma;
}

long vma_find_gap(struct mm_struct *mm, unsigned long len)
{
	struct rb_node *node = mm->mm_rb.node;
	struct vm_area_struct *last;
	vaddr_t tail;

	mmap_assert_locked(mm);
	ASSERT(len && IS_ALIGNED(len, PAGE_SIZE));
	if (node && vma_of(node)->vm_subtree_gap >= len) {
		for (;;) {
			struct vm_area_struct *vma = vma_of(node);

			if (node->left &&
			    vma_of(node->left)->vm_subtree_gap >= len)
				node = node->left;
			else if (vma_hole_below(vma) >= len)
				return vma->vm_prev ? vma->vm_prev->vm_end
						    : USER_START;
			else
				node = node->right;
		}
	}
	last = vma_highest(mm);
	tail = last ? last->vm_end : USER_START;
	return USER_END - tail >= len ? (long)tail : -ENOMEM;
}

/* The pages of a region count from now on, or, with @sign -1, no more. */
static void vma_account(struct mm_struct *mm, const struct vm_area_struct *vma,
			long sign)
{
	unsigned long pages = sign * vma_pages(vma);

	mm->total_vm += pages;
	if (vm_is_data(vma->vm_flags))
		mm->data_vm += pages;
	if (vma->vm_flags & VM_ACCOUNT)
		mm->charged_vm += pages;
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += pages;
}

/* The next three: rmap_lock_region() is held. */
static void vma_link_locked(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct rb_node **link = &mm->mm_rb.node;
	struct rb_node *parent = NULL;
	struct vm_area_struct *prev = NULL;

	mmap_assert_write_locked(mm);
	ASSERT(vma->vm_start < vma->vm_end);
	while (*link) {
		parent = *link;
		if (vma->vm_start < vma_of(parent)->vm_start) {
			link = &parent->left;
		} else {
			prev = vma_of(parent);
			link = &parent->right;
		}
	}
	vma->vm_prev = prev;
	vma->vm_next = prev ? prev->vm_next : mm->mm_first;
	ASSERT(!prev || prev->vm_end <= vma->vm_start);
	ASSERT(!vma->vm_next || vma->vm_end <= vma->vm_next->vm_start);
	if (prev)
		prev->vm_next = vma;
	else
		mm->mm_first = vma;
	rb_link_node(&vma->vm_rb, parent, link);
	rb_insert_augmented(&vma->vm_rb, &mm->mm_rb, &vma_holes);
	if (vma->vm_next) {
		vma->vm_next->vm_prev = vma;
		rb_propagate(&vma->vm_next->vm_rb, &vma_holes);
	}
	mm->map_count++;
	vma_account(mm, vma, 1);
	rmap_add_region(vma);
}

static void vma_unlink_locked(struct mm_struct *mm, struct vm_area_struct *vma)
{
	mmap_assert_write_locked(mm);
	rmap_remove_region(vma);
	rb_erase_augmented(&vma->vm_rb, &mm->mm_rb, &vma_holes);
	if (vma->vm_prev)
		vma->vm_prev->vm_next = vma->vm_next;
	else
		mm->mm_first = vma->vm_next;
	if (vma->vm_next) {
		vma->vm_next->vm_prev = vma->vm_prev;
		rb_propagate(&vma->vm_next->vm_rb, &vma_holes);
	}
	mm->map_count--;
	vma_account(mm, vma, -1);
}

static void vma_set_range_locked(struct mm_struct *mm, struct vm_area_struct *vma,
				 vaddr_t start, vaddr_t end)
{
	bool start_moves = start != vma->vm_start;
	bool end_moves = end != vma->vm_end;

	mmap_assert_write_locked(mm);
	ASSERT(start < end);
	ASSERT(!vma->vm_prev || vma->vm_prev->vm_end <= start);
	ASSERT(!vma->vm_next || end <= vma->vm_next->vm_start);
	vma_account(mm, vma, -1);
	/* Modulo 2^64: a region that grows downwards begins at a lower offset. */
	vma->vm_pgoff += (long)(start - vma->vm_start) >> PAGE_SHIFT;
	vma->vm_start = start;
	vma->vm_end = end;
	vma_account(mm, vma, 1);
	rmap_resize_region(vma);
	if (start_moves)
		rb_propagate(&vma->vm_rb, &vma_holes);
	if (end_moves && vma->vm_next)
		rb_propagate(&vma->vm_next->vm_rb, &vma_holes);
}

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma)
{
	rmap_lock_region(vma);
	vma_link_locked(mm, vma);
	rmap_unlock_region(vma);
}

void vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma)
{
	rmap_lock_region(vma);
	vma_unlink_locked(mm, vma);
	rmap_unlock_region(vma);
}

/* Nobody looks at the tree again, so it is not kept in balance meanwhile. */
struct vm_area_struct *vma_unlink_all(struct mm_struct *mm)
{
	struct vm_area_struct *first = mm->mm_first;
	struct vm_area_struct *vma;

	mmap_assert_write_locked(mm);
	for_each_vma(vma, mm) {
		rmap_lock_region(vma);
		rmap_remove_region(vma);
		rmap_unlock_region(vma);
		mm->map_count--;
		vma_account(mm, vma, -1);
	}
	mm->mm_first = NULL;
	mm->mm_rb = RB_ROOT;
	return first;
}

void vma_set_range(struct mm_struct *mm, struct vm_area_struct *vma,
		   vaddr_t start, vaddr_t end)
{
	rmap_lock_region(vma);
	vma_set_range_locked(mm, vma, start, end);
	rmap_unlock_region(vma);
}

/*
 *	before	[        vma        ]
 *	after	[   vma  ][  upper  ]
 *	                 addr
 */
void vma_split(struct mm_struct *mm, struct vm_area_struct *vma, vaddr_t addr,
	       struct vm_area_struct *upper)
{
	ASSERT(vma->vm_start < addr && addr < vma->vm_end);
	split_huge_at(vma, addr);
	upper->vm_mm = mm;
	upper->vm_start = addr;
	upper->vm_end = vma->vm_end;
	upper->vm_flags = vma->vm_flags;
	upper->vm_page_prot = vma->vm_page_prot;
	upper->vm_pgoff = vma_pgoff_of(vma, addr);
	if (vma->vm_object)
		vma_set_object(upper, vma->vm_object, upper->vm_pgoff);
	rmap_lock_region(vma);
	vma_set_range_locked(mm, vma, vma->vm_start, addr);
	vma_link_locked(mm, upper);
	rmap_unlock_region(vma);
}

void vma_set_flags(struct vm_area_struct *vma, unsigned long vm_flags)
{
	struct mm_struct *mm = vma->vm_mm;

	mmap_assert_write_locked(mm);
	ASSERT(!((vma->vm_flags ^ vm_flags) & VM_SHARED));
	vma_account(mm, vma, -1);
	/* A walk of the reverse map reads it without mmap_lock. */
	WRITE_ONCE(vma->vm_flags, vm_flags);
	vma->vm_page_prot = vm_get_page_prot(vm_flags);
	vma_account(mm, vma, 1);
}

bool vma_alike(const struct vm_area_struct *low, const struct vm_area_struct *high)
{
	return low->vm_end == high->vm_start &&
	       !((low->vm_flags ^ high->vm_flags) & ~VM_SOFTDIRTY) &&
	       low->vm_object == high->vm_object &&
	       low->vm_pgoff + vma_pages(low) == high->vm_pgoff;
}

void vma_take_mark(struct vm_area_struct *vma, const struct vm_area_struct *other)
{
	WRITE_ONCE(vma->vm_flags,
		   vma->vm_flags | (other->vm_flags & VM_SOFTDIRTY));
}

static void vma_absorb_next(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct *next = vma->vm_next;
	vaddr_t end = next->vm_end;

	vma_take_mark(vma, next);
	rmap_lock_region(vma);
	vma_unlink_locked(mm, next);
	vma_set_range_locked(mm, vma, vma->vm_start, end);
	rmap_unlock_region(vma);
	vma_free(next);
}

struct vm_area_struct *vma_merge(struct mm_struct *mm, struct vm_area_struct *vma)
{
	if (vma->vm_next && vma_alike(vma, vma->vm_next))
		vma_absorb_next(mm, vma);
	if (vma->vm_prev && vma_alike(vma->vm_prev, vma)) {
		vma = vma->vm_prev;
		vma_absorb_next(mm, vma);
	}
	return vma;
}

/* Protection of a fresh page, by the low three (four, shared) flag bits. */
pgprot_t vm_get_page_prot(unsigned long vm_flags)
{
	if (!(vm_flags & VM_ACCESS))
		return PAGE_NONE;
	if ((vm_flags & VM_WRITE) && (vm_flags & VM_SHARED))
		return vm_flags & VM_EXEC ? PAGE_SHARED_EXEC : PAGE_SHARED;
	return vm_flags & VM_EXEC ? PAGE_COPY_EXEC : PAGE_COPY;
}

static bool vma_less(const struct rb_node *a, const struct rb_node *b)
{
	return vma_of(a)->vm_start < vma_of(b)->vm_start;
}

static const char *vma_verify_one(const struct mm_struct *mm,
				  const struct vm_area_struct *vma)
{
	if (vma->vm_mm != mm)
		return "a region belongs to another mm";
	if (vma->vm_start >= vma->vm_end)
		return "a region is empty";
	if (!(vma->vm_flags & VM_SHARED) != !vma->vm_object)
		return "a region is shared and has no object, or the opposite";
	if (!IS_ALIGNED(vma->vm_start | vma->vm_end, PAGE_SIZE))
		return "a region is not page aligned";
	if (vma->vm_start < USER_START || vma->vm_end > USER_END)
		return "a region lies outside user space";
	if (vma->vm_next && vma->vm_next->vm_prev != vma)
		return "the list does not lead back";
	if (vma->vm_next && vma->vm_end > vma->vm_next->vm_start)
		return "two regions overlap";
	if (vma->vm_next && vma_alike(vma, vma->vm_next))
		return "two neighbours are alike and not merged";
	if (pgprot_val(vma->vm_page_prot) !=
	    pgprot_val(vm_get_page_prot(vma->vm_flags)))
		return "a region's page protection is not that of its flags";
	if (vma->vm_subtree_gap != vma_subtree_hole(vma))
		return "a subtree's largest hole is wrong";
	return NULL;
}

/* The sums that vma_account() keeps, computed the slow way. */
static const char *vma_verify_sums(struct mm_struct *mm)
{
	unsigned long pages = 0, data = 0, charged = 0, locked = 0;
	struct vm_area_struct *vma;

	for_each_vma(vma, mm) {
		pages += vma_pages(vma);
		if (vm_is_data(vma->vm_flags))
			data += vma_pages(vma);
		if (vma->vm_flags & VM_ACCOUNT)
			charged += vma_pages(vma);
		if (vma->vm_flags & VM_LOCKED)
			locked += vma_pages(vma);
	}
	if (pages != mm->total_vm)
		return "total_vm is wrong";
	if (data != mm->data_vm)
		return "data_vm is wrong";
	if (charged != mm->charged_vm)
		return "charged_vm is wrong";
	if (locked != mm->locked_vm)
		return "locked_vm is wrong";
	if (mm->committed != charged)
		return "what is charged is not what is mapped";
	return NULL;
}

const char *vma_tree_verify(struct mm_struct *mm)
{
	struct rb_node *node = rb_first(&mm->mm_rb);
	struct vm_area_struct *vma;
	unsigned int count = 0;
	const char *wrong;

	mmap_assert_locked(mm);
	/* Without vma_holes: its update would repair a hole that is wrong. */
	if (rb_verify(&mm->mm_rb, vma_less, NULL) < 0)
		return "the tree is out of order or out of balance";
	for_each_vma(vma, mm) {
		if (!node || vma_of(node) != vma)
			return "list and tree differ";
		wrong = vma_verify_one(mm, vma);
		if (wrong)
			return wrong;
		node = rb_next(node);
		count++;
	}
	if (node)
		return "the tree has more regions than the list";
	if (count != mm->map_count)
		return "map_count is wrong";
	return vma_verify_sums(mm);
}
