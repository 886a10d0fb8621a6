// SPDX-License-Identifier: MIT
/*
 * tests/block/disk_test.c - what a disk is called, by what its device says
 *
 * A serial number has 20 bytes and no end. What is behind its first 0 is not looked at.
 */
#include <block/disk.h>
#include <kernel/ktest.h>
#include <lib/string.h>

struct named {
	char serial[BLOCK_SERIAL_BYTES + 1];
	const char *name;
};

static const struct named named[] = {
	{"swap", "swap"},
	{"twenty-bytes-and-no-0", "twenty-bytes-and-no-"},
	{"a\0behind", "a"},
	{"", "disk7"},
	{"with blank", "disk7"},
	{"bell\a", "disk7"},
	{"\xc3\xa4", "disk7"},
	{"disk1", "disk7"},
	{"disk", "disk"},
	{"diskette", "diskette"},
};

KTEST(block, a_serial_number_is_a_name_if_it_is_printable)
{
	char name[BLOCK_NAME_BYTES];

	for (unsigned int i = 0; i < ARRAY_SIZE(named); i++) {
		memset(name, 'x', sizeof(name));
		block_choose_name(name, named[i].serial, 7);
		EXPECT_STREQ(name, named[i].name, "row %u", i);
	}
}

KTEST(block, a_disk_that_is_not_there_is_not_found)
{
	EXPECT(!block_find("no such disk"));
	EXPECT(!block_find(""));
	EXPECT(!block_get(block_count()));
}
