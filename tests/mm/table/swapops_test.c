// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/swapops_test.c - the encoding of entries that are not present
 *
 * Pure arithmetic: check values computed by hand, and properties over random
 * entries.  Rules R7.1 to R7.8.
 */
#include <kernel/ktest.h>
#include <lib/string.h>
#include <mm/page/page.h>
#include <mm/table/swapops.h>

KTEST(swapops, entries_encode_to_the_published_words, KT_RULES("R7.1"))
{
	EXPECT_EQ(pte_val(swp_entry_to_pte(swp_entry(0, 1))),
		  0x07fffffffffffc00UL);
	EXPECT_EQ(pte_val(swp_entry_to_pte(swp_entry(30, 0x442b6a))),
		  0xf7ffffff77a92a00UL);
	EXPECT_EQ(pte_val(swp_entry_to_pte(swp_entry(28, 0x12345))),
		  0xe7fffffffdb97400UL);
	EXPECT_EQ(pte_val(swp_entry_to_pte(swp_entry(24, 0x100000))),
		  0xc7ffffffdffffe00UL);
}

KTEST(swapops, type_and_offset_survive_the_round_trip_with_any_flags,
      KT_RULES("R7.1"))
{
	struct rng *rng = ktest_rng(test);
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		unsigned int type = rng_below(rng, SWP_TYPE_COUNT);
		unsigned long offset = rng_next(rng) >> (14 + rng_below(rng, 50));
		pte_t pte = swp_entry_to_pte(swp_entry(type, offset));
		swp_entry_t back;

		if (pte_none(pte))
			continue;
		if (i & 1)
			pte = pte_swp_mksoft_dirty(pte);
		if (i & 2)
			pte = pte_swp_mkuffd_wp(pte);
		if (i & 4)
			pte = pte_swp_mkexclusive(pte);
		back = pte_to_swp_entry(pte);
		REQUIRE_EQ(swp_type(back), type);
		REQUIRE_EQ(swp_offset(back), offset);
		REQUIRE(is_swap_pte(pte));
		REQUIRE(!pte_present(pte));
		REQUIRE_EQ(pte_val(pte) & 0x1f0UL, 0UL);
		REQUIRE_EQ(pte_swp_soft_dirty(pte), !!(i & 1));
		REQUIRE_EQ(pte_swp_uffd_wp(pte), !!(i & 2));
		REQUIRE_EQ(pte_swp_exclusive(pte), !!(i & 4));
	}
}

KTEST(swapops, frame_bits_of_an_entry_point_above_all_memory, KT_RULES("R7.2"))
{
	unsigned int type;

	for (type = 0; type < SWP_TYPE_COUNT; type++) {
		pfn_t pfn;

		for (pfn = 0; pfn < max_pfn; pfn = pfn * 2 + 1) {
			pte_t pte = swp_entry_to_pte(swp_entry(type, pfn));
			unsigned long addr = pte_val(pte) & _PAGE_PFN_MASK;

			REQUIRE_GE(addr, 1UL << 51);
		}
	}
}

KTEST(swapops, the_entry_that_would_be_none_cannot_be_made_by_swap,
      KT_RULES("R7.4"))
{
	pte_t last = swp_entry_to_pte(swp_entry(0, SWP_ARCH_OFFSET_MASK));

	EXPECT_EQ(pte_val(swp_entry_to_pte(swp_entry(0, 0))),
		  0x07fffffffffffe00UL);
	EXPECT(pte_none(last));
	EXPECT_LT(SWP_MAX_OFFSET, SWP_ARCH_OFFSET_MASK);
	EXPECT(!pte_none(swp_entry_to_pte(swp_entry(0, SWP_MAX_OFFSET - 1))));
}

KTEST(swapops, bits_above_the_frame_do_not_change_the_frame, KT_RULES("R7.7"))
{
	unsigned long young = 1UL << SWP_MIG_YOUNG_BIT;
	unsigned long dirty = 1UL << SWP_MIG_DIRTY_BIT;
	swp_entry_t entry =
		swp_entry(SWP_MIGRATION_WRITE, 0x12345 | young | dirty);
	pte_t pte = swp_entry_to_pte(entry);

	EXPECT_EQ(swp_offset_pfn(pte_to_swp_entry(pte)), 0x12345UL);
	EXPECT_EQ(swp_offset(pte_to_swp_entry(pte)), 0x12345 | young | dirty);
}

KTEST(swapops, a_prot_none_page_is_present_with_its_frame_inverted,
      KT_RULES("R7.3"))
{
	pte_t open = pte_mkdirty(pte_mkwrite(pfn_pte(0x12345, PAGE_COPY)));
	pte_t shut = pte_modify(open, PAGE_NONE);

	EXPECT(pte_present(shut));
	EXPECT(pte_protnone(shut));
	EXPECT(!pte_write(shut));
	EXPECT(!is_swap_pte(shut));
	EXPECT_EQ(pte_pfn(shut), 0x12345UL);
	EXPECT_GE(pte_val(shut) & _PAGE_PFN_MASK, 1UL << 51);
	EXPECT(pte_dirty(shut));

	open = pte_modify(shut, PAGE_READONLY);
	EXPECT_EQ(pte_pfn(open), 0x12345UL);
	EXPECT_EQ((pte_val(open) & _PAGE_PFN_MASK) >> PAGE_SHIFT, 0x12345UL);
	EXPECT(!pte_protnone(open));
	EXPECT(pte_dirty(open));
}
