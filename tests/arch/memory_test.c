// SPDX-License-Identifier: MIT
/*
 * memory_test.c - the memory map put in order, and memory taken from it
 */
#include <arch/page.h>
#include <kernel/ktest.h>
#include <lib/random.h>
#include <lib/string.h>
#include <asm/arch.h>

#define USABLE   BOOT_MEMORY_USABLE
#define RESERVED BOOT_MEMORY_RESERVED
#define KERNEL   BOOT_MEMORY_KERNEL

static struct boot_info info;

static void add(unsigned long start_page, unsigned long end_page,
		enum boot_memory_kind kind)
{
	info.regions[info.nr_regions++] = (struct boot_region){
		start_page * PAGE_SIZE, end_page * PAGE_SIZE, kind};
}

static bool is(unsigned int i, unsigned long start_page, unsigned long end_page,
	       enum boot_memory_kind kind)
{
	const struct boot_region *r = &info.regions[i];

	return i < info.nr_regions && r->start == start_page * PAGE_SIZE &&
	       r->end == end_page * PAGE_SIZE && r->kind == kind;
}

/*
 *	pages     0 1 2 3 4 5 6 7 8
 *	usable    [-------------)
 *	reserved      [---)
 *	usable                [---)
 */
KTEST(memory, overlaps_go_to_the_stricter_and_neighbours_join)
{
	info.nr_regions = 0;
	add(6, 8, USABLE);
	add(0, 7, USABLE);
	add(2, 4, RESERVED);
	EXPECT(!boot_regions_normalise(&info));
	EXPECT_EQ(info.nr_regions, 3);
	EXPECT(is(0, 0, 2, USABLE));
	EXPECT(is(1, 2, 4, RESERVED));
	EXPECT(is(2, 4, 8, USABLE));
}

KTEST(memory, usable_ranges_shrink_to_pages_and_others_grow)
{
	info.nr_regions = 2;
	info.regions[0] = (struct boot_region){0x1001, 0x3fff, USABLE};
	info.regions[1] = (struct boot_region){0x5fff, 0x6001, RESERVED};
	EXPECT(!boot_regions_normalise(&info));
	EXPECT_EQ(info.nr_regions, 2);
	EXPECT(is(0, 2, 3, USABLE));
	EXPECT(is(1, 5, 7, RESERVED));
}

KTEST(memory, taking_memory_splits_the_usable_range_around_it)
{
	info.nr_regions = 0;
	add(0, 8, USABLE);
	EXPECT(boot_regions_take(&info, 3 * PAGE_SIZE, 4 * PAGE_SIZE));
	EXPECT_EQ(info.nr_regions, 3);
	EXPECT(is(1, 3, 4, KERNEL));
	EXPECT(boot_regions_take(&info, 4 * PAGE_SIZE, 5 * PAGE_SIZE));
	EXPECT(is(1, 3, 5, KERNEL));
}

KTEST(memory, a_full_map_refuses_to_be_cut_further)
{
	info.nr_regions = 0;
	for (unsigned int i = 0; i < BOOT_MAX_REGIONS; i++)
		add(4 * i, 4 * i + 3, USABLE);
	EXPECT(!boot_regions_normalise(&info));
	EXPECT_EQ(info.nr_regions, BOOT_MAX_REGIONS);
	EXPECT(!boot_regions_take(&info, PAGE_SIZE, 2 * PAGE_SIZE));
	EXPECT_EQ(info.nr_regions, BOOT_MAX_REGIONS);
}

/* The other way to compute it: page by page, the strictest kind over it. */
KTEST(memory, random_maps_agree_with_a_page_by_page_account)
{
	static const enum boot_memory_kind kinds[] = {
		BOOT_MEMORY_USABLE,   BOOT_MEMORY_KERNEL, BOOT_MEMORY_ACPI,
		BOOT_MEMORY_RESERVED, BOOT_MEMORY_NVS,    BOOT_MEMORY_BAD,
	}; /* in order of strictness */
	struct rng *rng = ktest_rng(test);
	u8 want[64], got[64];

	for (unsigned int round = 0; round < 300; round++) {
		memset(want, 0, sizeof(want));
		memset(got, 0, sizeof(got));
		info.nr_regions = 0;
		for (unsigned int n = 0; n < 10; n++) {
			unsigned long start = rng_below(rng, 60);
			unsigned long end = start + 1 + rng_below(rng, 4);
			unsigned int k = (unsigned int)rng_below(rng, 6);

			add(start, end, kinds[k]);
			for (unsigned long p = start; p < end; p++)
				want[p] = max(want[p], (u8)(k + 1));
		}
		REQUIRE(!boot_regions_normalise(&info));
		for (unsigned int i = 0; i < info.nr_regions; i++) {
			const struct boot_region *r = &info.regions[i];

			REQUIRE(r->start < r->end);
			if (i)
				REQUIRE(r[-1].end <= r->start);
			for (u8 k = 0; k < ARRAY_SIZE(kinds); k++)
				if (kinds[k] == r->kind)
					memset(got + r->start / PAGE_SIZE, k + 1,
					       (r->end - r->start) / PAGE_SIZE);
		}
		REQUIRE(!memcmp(want, got, sizeof(want)));
	}
}
