// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/kernel_map_test.c - no more rights than needed, and the check bites
 */
#include <arch/page.h>
#include <arch/tlb.h>
#include <kernel/ktest.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/kernel_stack.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/vmalloc.h>

enum rights {
	NOTHING = 0,
	R = 1,
	W = 2,
	X = 4,
};

static unsigned int rights_at(const void *addr)
{
	unsigned long size;
	unsigned long entry = kernel_map_walk_leaf((vaddr_t)addr, &size);

	if (!entry)
		return NOTHING;
	return R | (entry & _PAGE_RW ? W : 0) | (entry & _PAGE_NX ? 0 : X);
}

/* An address nobody uses: the last page before the stacks. */
static vaddr_t spare_page(void)
{
	return STACKS_START - PAGE_SIZE;
}

KTEST(kernel_map, nothing_is_both_writable_and_executable)
{
	struct kernel_map_stats stats;

	EXPECT_EQ(kernel_map_verify(&stats), 0);
	EXPECT_EQ(stats.bad, 0);
	EXPECT_EQ(stats.executable, (unsigned long)(__text_end - __text_start));
	EXPECT_GT(stats.pages_4k, 0);
	EXPECT_GT(stats.pages_2m + stats.pages_1g, 0);
}

static const int constant = 1;
static int variable = 1;

KTEST(kernel_map, each_part_of_the_image_has_its_rights)
{
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	EXPECT_EQ(rights_at(printk), R | X);
	EXPECT_EQ(rights_at(&constant), R);
	EXPECT_EQ(rights_at(&variable), R | W);
	EXPECT_EQ(rights_at(page_address(page)), R | W);
	EXPECT_EQ(rights_at(page), R | W);
	EXPECT_EQ(rights_at(&page), R | W);
	put_page(page);
}

KTEST(kernel_map, the_direct_map_shows_text_and_rodata_read_only)
{
	EXPECT_EQ(rights_at(phys_to_virt(image_to_phys(__text_start))), R);
	EXPECT_EQ(rights_at(phys_to_virt(image_to_phys(&constant))), R);
	EXPECT_EQ(rights_at(phys_to_virt(image_to_phys(__rodata_end) - 1)), R);
	EXPECT_EQ(rights_at(phys_to_virt(image_to_phys(&variable))), R | W);
}

KTEST(kernel_map, the_lower_half_is_empty)
{
	unsigned long size;

	EXPECT_EQ(kernel_map_walk_leaf(0, &size), 0);
	EXPECT_EQ(kernel_map_walk_leaf(0x8000, &size), 0);
	EXPECT_EQ(kernel_map_walk_leaf(0x100000, &size), 0);
}

KTEST(kernel_map, a_new_space_gets_all_of_the_upper_half)
{
	pgd_t *pgd = get_zeroed_page(GFP_KERNEL);

	REQUIRE(pgd);
	kernel_map_copy_upper(pgd);
	for (unsigned int i = 0; i < PTRS_PER_TABLE; i++)
		EXPECT_EQ(pgd_none(pgd[i]), i < USER_PGD_PTRS);
	free_page_at(pgd);
}

static unsigned long bad_with(pfn_t pfn, unsigned long rights)
{
	vaddr_t addr = spare_page();
	unsigned long bad;

	if (kernel_map_set(addr, pfn, __pgprot(rights), GFP_KERNEL))
		return ~0ul;
	bad = kernel_map_verify(NULL);
	kernel_map_clear(addr);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	return bad;
}

KTEST(kernel_map, the_check_sees_each_kind_of_wrong_leaf)
{
	const unsigned long rw = pgprot_val(PAGE_KERNEL);
	const unsigned long ro = pgprot_val(PAGE_KERNEL_RO);
	pfn_t text = image_to_phys(__text_start) >> PAGE_SHIFT;
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	EXPECT_EQ(bad_with(page_to_pfn(page), rw), 0);
	EXPECT_EQ(bad_with(text, ro), 0);
	EXPECT_EQ(bad_with(page_to_pfn(page), rw & ~_PAGE_NX), 1);
	EXPECT_EQ(bad_with(page_to_pfn(page), ro & ~_PAGE_NX), 1);
	EXPECT_EQ(bad_with(text, rw), 1);
	put_page(page);
	EXPECT_EQ(kernel_map_verify(NULL), 0);
}

KTEST(kernel_map, the_trampoline_is_executable_read_only_and_goes_away)
{
	const paddr_t low = 0x9000;
	unsigned long size;

	EXPECT_EQ(kernel_map_low_trampoline(low + 1), -EINVAL);
	EXPECT_EQ(kernel_map_low_trampoline(0), -EINVAL);
	EXPECT_EQ(kernel_map_low_trampoline(1ul << 20), -EINVAL);
	EXPECT_EQ(kernel_map_low_trampoline(low), 0);
	EXPECT_EQ(rights_at((void *)low), R | X);
	EXPECT_EQ(kernel_map_walk_leaf(low + PAGE_SIZE, &size), 0);
	EXPECT_EQ(kernel_map_verify(NULL), 0);
	EXPECT_EQ(kernel_map_low_trampoline(low), -EBUSY);
	kernel_map_low_trampoline_end();
	EXPECT_EQ(kernel_map_walk_leaf(low, &size), 0);
	kernel_map_low_trampoline_end();
}

/* Too far for any area: in one place no table covers it, in the other a part of one. */
KTEST(kernel_map, where_no_table_is_there_is_nothing_to_clear)
{
	static const vaddr_t at[] = {STACKS_START - 2 * PUD_SIZE,
				     VMALLOC_START + PUD_SIZE - PAGE_SIZE};
	unsigned long size;

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		EXPECT_EQ(kernel_map_walk_leaf(at[i], &size), 0UL);
		EXPECT_EQ(size, i ? PMD_SIZE : PUD_SIZE);
		EXPECT_EQ(pte_val(kernel_map_clear(at[i])), 0UL);
	}
}

KTEST(kernel_map, a_trampoline_without_memory_leaves_nothing_behind)
{
	for (unsigned long nth = 1; nth <= 3; nth++) {
		int err;

		alloc_fail_nth(nth);
		err = kernel_map_low_trampoline(0x9000);
		EXPECT_EQ(alloc_fail_hit(), IS_ENABLED(CONFIG_DEBUG));
		alloc_fail_end();
		EXPECT_EQ(err, IS_ENABLED(CONFIG_DEBUG) ? -ENOMEM : 0);
		if (!err)
			kernel_map_low_trampoline_end();
	}
}
