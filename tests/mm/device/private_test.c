// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/private_test.c - the types of entries in a kernel with devices
 *
 * The numbers are the published ones, written out here a second time.  Without
 * the option others hold: without_device_private_test.c.
 */
#include <kernel/ktest.h>
#include <mm/table/swapops.h>

KTEST(swapops, every_type_number_has_the_meaning_the_table_says, KT_RULES("R7.6"))
{
	unsigned int type;

	for (type = 0; type < SWP_TYPE_COUNT; type++) {
		swp_entry_t entry = swp_entry(type, 77);
		bool exclusive = type == 28 || type == 29;

		EXPECT_EQ(non_swap_entry(entry), type >= 22);
		EXPECT_EQ(is_hwpoison_entry(entry), type == 22);
		EXPECT_EQ(is_migration_entry(entry), type >= 23 && type <= 25);
		EXPECT_EQ(is_device_private_entry(entry),
			  type == 26 || type == 27);
		EXPECT_EQ(is_device_exclusive_entry(entry), exclusive);
		EXPECT_EQ(is_pte_marker_entry(entry), type == 30);
		EXPECT_EQ(is_pfn_swap_entry(entry), type >= 22 && type <= 29);
		if (is_pfn_swap_entry(entry))
			EXPECT_EQ(swp_offset_pfn(entry), 77UL);
	}
	EXPECT_STREQ(swp_type_name(3), "swap");
	EXPECT_STREQ(swp_type_name(28), "device-exclusive-write");
	EXPECT_STREQ(swp_type_name(29), "device-exclusive-read");
	EXPECT_STREQ(swp_type_name(31), "swapin-error");
}
