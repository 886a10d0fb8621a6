// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/vma_test.c - the tree of regions, without what they map
 */
#include <lib/bitops.h>
#include <lib/string.h>
#include "tests/mm/lib/sandbox.h"

#define SHADOW_PAGES 256

/* The regions of a random test, a byte of flags for each page; 0 is a hole. */
struct shadow {
	u8 page[SHADOW_PAGES];
};

static struct vm_area_struct *
link_region(struct ktest *test, struct mm_struct *mm, unsigned long first,
	    unsigned long pages, unsigned long flags)
{
	struct vm_area_struct *vma = vma_alloc(mm);

	EXPECT_NE(vma, NULL);
	if (!vma)
		return NULL;
	vma_init(vma, BASE + first * PAGE_SIZE,
		 BASE + (first + pages) * PAGE_SIZE, flags);
	vma_link(mm, vma);
	return vma;
}

/*
 *	pages	0 1 2 3 4 5 6 7 8
 *	regions   [ a ]   [b]
 */
KTEST(vma, find_gives_the_first_region_that_ends_above_the_address)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct *a, *b;

	REQUIRE(mm);
	mmap_write_lock(mm);
	a = link_region(test, mm, 1, 2, VM_READ);
	b = link_region(test, mm, 5, 1, VM_READ);
	EXPECT_EQ(find_vma(mm, BASE), a);
	EXPECT_EQ(find_vma(mm, BASE + 2 * PAGE_SIZE + 1), a);
	EXPECT_EQ(find_vma(mm, BASE + 3 * PAGE_SIZE), b);
	EXPECT_EQ(find_vma(mm, BASE + 5 * PAGE_SIZE), b);
	EXPECT_EQ(find_vma(mm, BASE + 6 * PAGE_SIZE), NULL);
	EXPECT_EQ(vma_lookup(mm, BASE), NULL);
	EXPECT_EQ(vma_lookup(mm, BASE + 3 * PAGE_SIZE - 1), a);
	EXPECT_EQ(find_vma_intersection(mm, BASE + 3 * PAGE_SIZE,
					BASE + 5 * PAGE_SIZE),
		  NULL);
	EXPECT_EQ(find_vma_intersection(mm, BASE + 3 * PAGE_SIZE,
					BASE + 5 * PAGE_SIZE + 1),
		  b);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	mmap_write_unlock(mm);
	mmput(mm);
}

/*
 *	pages	0 1 2 3 4 5		0 1 2 3 4 5
 *	before	[ r ]   [r ]	after	[     r    ]
 *	added	    [r ]
 */
KTEST(vma, a_region_that_closes_a_hole_joins_both_neighbours)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct *middle;

	REQUIRE(mm);
	mmap_write_lock(mm);
	link_region(test, mm, 0, 2, VM_READ);
	link_region(test, mm, 4, 2, VM_READ);
	middle = link_region(test, mm, 2, 2, VM_READ);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well",
		     "two neighbours are alike and not merged");
	middle = vma_merge(mm, middle);
	EXPECT_EQ(middle->vm_start, BASE);
	EXPECT_EQ(middle->vm_end, BASE + 6 * PAGE_SIZE);
	EXPECT_EQ(mm->map_count, 1U);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	mmap_write_unlock(mm);
	mmput(mm);
}

/*
 *	pages	0 1 2 3 4 5	0 1 2 3 4 5	0 1 2 3 4 5
 *	before	[    r    ]	cut [ r ]	grown [r      ]
 *
 * The offset of a page is the same whichever end moves.
 */
KTEST(vma, a_page_keeps_its_offset_when_an_end_of_its_region_moves)
{
	struct mm_struct *mm = mm_alloc();
	unsigned long offset = (BASE >> PAGE_SHIFT) + 3;
	struct vm_area_struct *vma, *upper;

	REQUIRE(mm);
	mmap_write_lock(mm);
	vma = link_region(test, mm, 1, 4, VM_READ);
	EXPECT_EQ(vma_pgoff_of(vma, BASE + 3 * PAGE_SIZE), offset);
	vma_set_range(mm, vma, BASE + 2 * PAGE_SIZE, BASE + 5 * PAGE_SIZE);
	EXPECT_EQ(vma_pgoff_of(vma, BASE + 3 * PAGE_SIZE), offset);
	vma_set_range(mm, vma, BASE, BASE + 6 * PAGE_SIZE);
	EXPECT_EQ(vma_pgoff_of(vma, BASE + 3 * PAGE_SIZE), offset);
	upper = vma_alloc(mm);
	EXPECT_NE(upper, NULL);
	if (upper) {
		vma_split(mm, vma, BASE + 2 * PAGE_SIZE, upper);
		EXPECT_EQ(vma_pgoff_of(upper, BASE + 3 * PAGE_SIZE), offset);
		EXPECT_EQ(vma_merge(mm, upper), vma);
		EXPECT_EQ(vma_pgoff_of(vma, BASE + 3 * PAGE_SIZE), offset);
	}
	mmap_write_unlock(mm);
	mmput(mm);
}

/* As if the upper one had been moved there: its pages have other offsets. */
KTEST(vma, regions_whose_offsets_do_not_run_on_stay_two)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct *low, *high;

	REQUIRE(mm);
	mmap_write_lock(mm);
	low = link_region(test, mm, 0, 2, VM_READ);
	high = link_region(test, mm, 2, 2, VM_READ);
	high->vm_pgoff++;
	EXPECT(!vma_alike(low, high));
	EXPECT_EQ(vma_merge(mm, high), high);
	EXPECT_EQ(mm->map_count, 2U);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	high->vm_pgoff--;
	EXPECT_EQ(vma_merge(mm, high), low);
	EXPECT_EQ(mm->map_count, 1U);
	mmap_write_unlock(mm);
	mmput(mm);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8 9
 *	regions	[r]   [r]       [r]
 *	holes	    2     3
 */
KTEST(vma, the_lowest_hole_that_is_large_enough_is_found)
{
	struct mm_struct *mm = mm_alloc();
	unsigned long below = BASE - USER_START;

	REQUIRE(mm);
	mmap_write_lock(mm);
	EXPECT_EQ(vma_find_gap(mm, PAGE_SIZE), (long)USER_START);
	link_region(test, mm, 0, 1, VM_READ);
	link_region(test, mm, 3, 1, VM_READ);
	link_region(test, mm, 7, 1, VM_READ);
	EXPECT_EQ(vma_find_gap(mm, below), (long)USER_START);
	EXPECT_EQ(vma_find_gap(mm, below + PAGE_SIZE),
		  (long)(BASE + 8 * PAGE_SIZE));
	/* Fill what lies below, so that only the holes between are left. */
	link_region(test, mm, -(below >> PAGE_SHIFT), below >> PAGE_SHIFT,
		    VM_WRITE);
	EXPECT_EQ(vma_find_gap(mm, PAGE_SIZE), (long)(BASE + PAGE_SIZE));
	EXPECT_EQ(vma_find_gap(mm, 3 * PAGE_SIZE), (long)(BASE + 4 * PAGE_SIZE));
	EXPECT_EQ(vma_find_gap(mm, 4 * PAGE_SIZE), (long)(BASE + 8 * PAGE_SIZE));
	EXPECT_EQ(vma_find_gap(mm, USER_END - USER_START), (long)-ENOMEM);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	mmap_write_unlock(mm);
	mmput(mm);
}

/* The verdict with one word of the books wrong; it is right again afterwards. */
static void expect_verdict(struct ktest *test, struct mm_struct *mm, void *word,
			   unsigned long wrong, const char *verdict)
{
	unsigned long *at = word;
	unsigned long right = *at;

	*at = wrong;
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", verdict);
	*at = right;
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well", "after: %s", verdict);
}

/*
 *	pages	0 1 2 3 4 5 6 7 8
 *	regions   [ a ]   [b] [c]
 */
KTEST(vma, the_verifier_names_each_word_that_is_wrong)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct *a, *b, *c;

	REQUIRE(mm);
	mmap_write_lock(mm);
	a = link_region(test, mm, 1, 2, VM_READ);
	b = link_region(test, mm, 5, 1, VM_READ);
	c = link_region(test, mm, 7, 1, VM_WRITE);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	expect_verdict(test, mm, &b->vm_mm, 0, "a region belongs to another mm");
	expect_verdict(test, mm, &b->vm_end, b->vm_start, "a region is empty");
	expect_verdict(test, mm, &b->vm_end, b->vm_end - 1,
		       "a region is not page aligned");
	expect_verdict(test, mm, &a->vm_start, 0,
		       "a region lies outside user space");
	expect_verdict(test, mm, &c->vm_end, USER_END + PAGE_SIZE,
		       "a region lies outside user space");
	expect_verdict(test, mm, &b->vm_prev, 0, "the list does not lead back");
	expect_verdict(test, mm, &a->vm_end, b->vm_start + PAGE_SIZE,
		       "two regions overlap");
	expect_verdict(test, mm, &c->vm_flags, VM_WRITE | VM_EXEC,
		       "a region's page protection is not that of its flags");
	expect_verdict(test, mm, &b->vm_subtree_gap, 0,
		       "a subtree's largest hole is wrong");
	expect_verdict(test, mm, &a->vm_start, c->vm_start,
		       "the tree is out of order or out of balance");
	expect_verdict(test, mm, &mm->mm_first, (unsigned long)b,
		       "list and tree differ");
	expect_verdict(test, mm, &b->vm_next, 0,
		       "the tree has more regions than the list");
	expect_verdict(test, mm, &mm->total_vm, 3, "total_vm is wrong");
	mm->map_count++;
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "map_count is wrong");
	mm->map_count--;
	mmap_write_unlock(mm);
	mmput(mm);
}

KTEST(vma, a_private_writable_region_maps_fresh_pages_read_only)
{
	EXPECT_EQ(pgprot_val(vm_get_page_prot(VM_NONE)), pgprot_val(PAGE_NONE));
	EXPECT_EQ(pgprot_val(vm_get_page_prot(VM_READ)),
		  pgprot_val(PAGE_READONLY));
	EXPECT_EQ(pgprot_val(vm_get_page_prot(VM_READ | VM_WRITE)),
		  pgprot_val(PAGE_COPY));
	EXPECT(!(pgprot_val(vm_get_page_prot(VM_WRITE)) & _PAGE_RW));
	EXPECT(pgprot_val(vm_get_page_prot(VM_WRITE | VM_SHARED)) & _PAGE_RW);
	EXPECT(!(pgprot_val(vm_get_page_prot(VM_READ | VM_EXEC)) & _PAGE_NX));
	EXPECT(pgprot_val(vm_get_page_prot(VM_READ)) & _PAGE_NX);
}

static void shadow_compare(struct ktest *test, struct mm_struct *mm,
			   const struct shadow *shadow)
{
	unsigned long i;

	for (i = 0; i < SHADOW_PAGES; i++) {
		struct vm_area_struct *vma = vma_lookup(mm, BASE + i * PAGE_SIZE);
		unsigned long flags = vma ? vma->vm_flags & VM_ACCESS : 0;

		if (flags != shadow->page[i]) {
			ktest_fail(test, "page %lu: flags %#lx, shadow %#x", i,
				   flags, shadow->page[i]);
			return;
		}
	}
}

static bool shadow_has_hole(const struct shadow *shadow, unsigned long first,
			    unsigned long pages)
{
	while (pages--) {
		if (!shadow->page[first++])
			return true;
	}
	return false;
}

static long shadow_gap(const struct shadow *shadow, unsigned long pages)
{
	unsigned long run = 0;
	unsigned long i;

	for (i = 0; i < SHADOW_PAGES; i++) {
		run = shadow->page[i] ? 0 : run + 1;
		if (run == pages)
			return BASE + (i + 1 - pages) * PAGE_SIZE;
	}
	return 0;
}

KTEST(vma, random_calls_agree_with_a_shadow)
{
	struct rng *rng = ktest_rng(test);
	struct shadow shadow = {{0}};
	struct mm_struct *mm = mm_alloc();
	unsigned int round;

	REQUIRE(mm);
	/* Nothing fits below BASE, so holes are those of the shadow. */
	EXPECT_EQ(do_mmap(mm, USER_START, BASE - USER_START, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)USER_START);
	for (round = 0; round < 1500 && !ktest_failed(test); round++) {
		unsigned long first = rng_below(rng, SHADOW_PAGES);
		unsigned long pages =
			1 + rng_below(rng, min(16UL, SHADOW_PAGES - first));
		vaddr_t addr = BASE + first * PAGE_SIZE;
		size_t len = pages * PAGE_SIZE;
		int prot = 1 + rng_below(rng, 3);
		bool hole = shadow_has_hole(&shadow, first, pages);
		long want;

		switch (rng_below(rng, 4)) {
		case 0:
			EXPECT_EQ(do_munmap(mm, addr, len), 0);
			memset(shadow.page + first, 0, pages);
			break;
		case 1:
			EXPECT_EQ(do_mprotect(mm, addr, len, prot),
				  hole ? -ENOMEM : 0);
			if (!hole)
				memset(shadow.page + first, prot, pages);
			break;
		case 2:
			want = shadow_gap(&shadow, pages);
			if (!want)
				break;
			EXPECT_EQ(do_mmap(mm, 0, len, prot,
					  MAP_PRIVATE | MAP_ANONYMOUS),
				  want);
			memset(shadow.page + ((want - BASE) >> PAGE_SHIFT),
			       prot, pages);
			break;
		default:
			EXPECT_EQ(do_mmap(mm, addr, len, prot,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
				  (long)addr);
			memset(shadow.page + first, prot, pages);
			break;
		}
		mmap_read_lock(mm);
		shadow_compare(test, mm, &shadow);
		EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
		mmap_read_unlock(mm);
	}
	mmput(mm);
}

/* A path of the tree is as long as log n says, not as n: count by depth. */
KTEST(vma, ten_thousand_regions_stay_a_shallow_tree)
{
	struct mm_struct *mm = mm_alloc();
	struct rb_node *node;
	unsigned int depth = 0;
	unsigned long i;

	REQUIRE(mm);
	for (i = 0; i < 10000; i++) {
		/* Every other page, so that none can merge. */
		if (do_mmap(mm, BASE + 2 * i * PAGE_SIZE, PAGE_SIZE, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) < 0)
			break;
	}
	EXPECT_EQ(i, 10000UL);
	EXPECT_EQ(mm->map_count, 10000U);
	for (node = mm->mm_rb.node; node; node = node->right)
		depth++;
	/* A red-black path is at most twice the shortest. */
	EXPECT_LE(depth, 2 * ilog2(10000) + 2);
	mmap_read_lock(mm);
	EXPECT_STREQ(vma_tree_verify(mm) ?: "well", "well");
	mmap_read_unlock(mm);
	mmput(mm);
}
