// SPDX-License-Identifier: MIT
/*
 * tests/mm/object/object_test.c - regions that show an object, without faults
 */
#include <mm/object/object.h>
#include <mm/rmap/family.h>
#include "tests/mm/lib/relatives.h"

/* An object without contents, on the test's stack. */
struct counted {
	struct vm_object object;
	unsigned int freed;
};

static void counted_free(struct vm_object *object)
{
	container_of(object, struct counted, object)->freed++;
}

static vm_fault_t counted_fault(struct vm_fault *vmf, struct page **pagep)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_object_ops counted_ops = {.fault = counted_fault,
						 .free = counted_free};

static void counted_init(struct counted *counted)
{
	counted->freed = 0;
	vm_object_init(&counted->object, &counted_ops, 0);
}

static int refs_of(const struct counted *counted)
{
	return atomic_read(&counted->object.root.refs);
}

static long members_of(struct rmap_root *root)
{
	long members;

	down_read(&root->lock);
	members = rmap_verify(root);
	up_read(&root->lock);
	return members;
}

/* Pages [first, first + pages) of the address space show the object from @pgoff on. */
static struct vm_area_struct *
link_shown(struct ktest *test, struct mm_struct *mm, unsigned long first,
	   unsigned long pages, struct vm_object *object, unsigned long pgoff)
{
	struct vm_area_struct *vma = vma_alloc(mm);

	EXPECT_NE(vma, NULL);
	if (!vma)
		return NULL;
	vma_init(vma, AT(first), AT(first + pages), VM_READ | VM_MAYREAD);
	if (object)
		vma_set_object(vma, object, pgoff);
	vma_link(mm, vma);
	return vma;
}

/*
 *	pages	0 1 2 3 4 5	references, the test's one included
 *		[   rw    ]	2
 *		[rw][r][rw]	4
 *		[   rw    ]	2
 *		[rw]    [rw]	3
 */
KTEST(object, each_region_of_an_object_holds_a_reference)
{
	struct counted counted;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	counted_init(&counted);
	mmap_write_lock(box.mm);
	link_shown(test, box.mm, 0, 6, &counted.object, 10);
	mmap_write_unlock(box.mm);
	EXPECT_EQ(refs_of(&counted), 2);
	EXPECT_EQ(do_mprotect(box.mm, AT(2), 2 * PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(refs_of(&counted), 4);
	EXPECT_EQ(members_of(&counted.object.root), 3L);
	sandbox_verify(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(2), 2 * PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(refs_of(&counted), 2);
	EXPECT_EQ(do_munmap(box.mm, AT(2), 2 * PAGE_SIZE), 0);
	EXPECT_EQ(refs_of(&counted), 3);
	EXPECT_EQ(members_of(&counted.object.root), 2L);
	EXPECT_EQ(members_of(&box.mm->family->root), 0L);
	sandbox_verify(&box);
	vm_object_put(&counted.object);
	EXPECT_EQ(counted.freed, 0U);
	EXPECT_EQ(do_munmap(box.mm, AT(0), 6 * PAGE_SIZE), 0);
	EXPECT_EQ(counted.freed, 1U);
	sandbox_close(&box);
}

/* The last region goes with the address space; that of the child stays until its own. */
KTEST(object, an_object_is_freed_with_the_last_address_space_that_shows_it)
{
	struct counted counted;
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	counted_init(&counted);
	mmap_write_lock(box.mm);
	link_shown(test, box.mm, 0, 4, &counted.object, 0);
	mmap_write_unlock(box.mm);
	vm_object_put(&counted.object);
	child = sandbox_fork(&box);
	EXPECT_EQ(refs_of(&counted), 2);
	EXPECT_EQ(members_of(&counted.object.root), 2L);
	sandbox_close(&box);
	EXPECT_EQ(counted.freed, 0U);
	if (child) {
		struct vm_area_struct *vma = child->mm_first;

		EXPECT_EQ(vma->vm_object, &counted.object);
		EXPECT(vma->vm_flags & VM_SHARED);
		mmput(child);
	}
	EXPECT_EQ(counted.freed, 1U);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8 9
 *	object	[a ][a ][b ][  ][a ]	the fourth is private
 *	offset	 0   2   4       5	the last does not run on
 */
KTEST(object, only_regions_that_go_on_in_one_object_merge)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct *vma[5];
	struct counted a, b;

	REQUIRE(mm);
	counted_init(&a);
	counted_init(&b);
	mmap_write_lock(mm);
	vma[0] = link_shown(test, mm, 0, 2, &a.object, 0);
	vma[1] = link_shown(test, mm, 2, 2, &a.object, 2);
	vma[2] = link_shown(test, mm, 4, 2, &b.object, 4);
	vma[3] = link_shown(test, mm, 6, 2, NULL, 0);
	vma[4] = link_shown(test, mm, 8, 2, &a.object, 5);
	EXPECT(vma_alike(vma[0], vma[1]));
	EXPECT(!vma_alike(vma[1], vma[2]));
	EXPECT(!vma_alike(vma[2], vma[3]));
	EXPECT(!vma_alike(vma[3], vma[4]));
	EXPECT_EQ(vma_merge(mm, vma[1]), vma[0]);
	EXPECT_EQ(mm->map_count, 4U);
	EXPECT_EQ(refs_of(&a), 3);
	/* It closes no gap: what would be between the two is missing. */
	EXPECT_EQ(do_munmap_locked(mm, AT(4), 4 * PAGE_SIZE), 0);
	vma_set_range(mm, vma[0], AT(0), AT(8));
	EXPECT(!vma_alike(vma[0], vma[4]));
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	mmap_write_unlock(mm);
	mmput(mm);
	EXPECT_EQ(refs_of(&a), 1);
	EXPECT_EQ(refs_of(&b), 1);
	vm_object_put(&a.object);
	vm_object_put(&b.object);
	EXPECT_EQ(a.freed, 1U);
	EXPECT_EQ(b.freed, 1U);
}
