// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/without_device_private_test.c - a kernel without DEVICE_PRIVATE
 *
 * Each function that mm/ calls is there and answers "no device" (R6.7); the
 * numbers are written out here a second time.
 */
#include <kernel/ktest.h>
#include <mm/space/mm_types.h>
#include <mm/table/swapops.h>

static_assert(SWP_DEVICE_NUM == 0, "devices have no type numbers");

KTEST(without_device_private, the_four_numbers_of_devices_go_to_swap_files,
      KT_RULES("R6.7"))
{
	unsigned int type;

	for (type = 0; type < SWP_TYPE_COUNT; type++) {
		swp_entry_t entry = swp_entry(type, 77);

		EXPECT_EQ(non_swap_entry(entry), type >= 26);
		EXPECT_EQ(is_hwpoison_entry(entry), type == 26);
		EXPECT_EQ(is_migration_entry(entry), type >= 27 && type <= 29);
		EXPECT_EQ(is_pte_marker_entry(entry), type == 30);
		EXPECT_EQ(is_pfn_swap_entry(entry), type >= 26 && type <= 29);
	}
	EXPECT_STREQ(swp_type_name(25), "swap");
	EXPECT_STREQ(swp_type_name(26), "hwpoison");
	EXPECT_STREQ(swp_type_name(31), "swapin-error");
}

KTEST(without_device_private, no_entry_is_a_devices, KT_RULES("R6.7"))
{
	unsigned int type;

	for (type = 0; type < SWP_TYPE_COUNT; type++) {
		swp_entry_t entry = swp_entry(type, 77);

		EXPECT(!is_device_private_entry(entry));
		EXPECT(!is_device_exclusive_entry(entry));
		EXPECT(!is_writable_device_exclusive_entry(entry));
	}
}

KTEST(without_device_private, entries_that_are_made_for_devices_are_all_zero,
      KT_RULES("R6.7"))
{
	swp_entry_t none = swp_entry(0, 0);

	EXPECT_EQ(make_writable_device_exclusive_entry(77).val, none.val);
	EXPECT_EQ(make_readable_device_exclusive_entry(77).val, none.val);
}
