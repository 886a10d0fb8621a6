// SPDX-License-Identifier: MIT
/*
 * multiboot_test.c - the loader's information, whole and damaged
 *
 * A small builder makes a right block of tags; each test then bends one thing.
 * The last test flips bytes at random: whatever comes out, the parser must
 * stay inside the block (the guard behind it is checked for being unread by
 * UBSan and by the limit) and keep its own counts in bounds.
 */
#include <mm/alloc/alloc.h>
#include <kernel/ktest.h>
#include <lib/random.h>
#include <lib/string.h>
#include <asm/arch.h>

#define BLOCK_MAX 2048

struct block {
	u8 bytes[BLOCK_MAX] __aligned(8);
	u32 len;
};

static struct block block;
static struct boot_info info;

static u32 *word(u32 at)
{
	return (u32 *)&block.bytes[at];
}

/* Append a tag; return where it begins. */
static u32 add_tag(u32 type, const void *body, u32 size)
{
	u32 at = block.len;

	*word(at) = type;
	*word(at + 4) = 8 + size;
	memcpy(&block.bytes[at + 8], body, size);
	block.len = (u32)ALIGN(at + 8 + size, 8);
	return at;
}

static u32 add_memory(u64 base, u64 length, u32 type)
{
	struct {
		u32 entry_size, version;
		u64 base, length;
		u32 type, reserved;
	} body = {24, 0, base, length, type, 0};

	return add_tag(6, &body, sizeof(body));
}

static u32 add_module(u32 start, u32 end, const char *name)
{
	u8 body[64];
	u32 size = (u32)strlen(name) + 1;

	memcpy(body, &start, 4);
	memcpy(body + 4, &end, 4);
	memcpy(body + 8, name, size);
	return add_tag(3, body, 8 + size);
}

static void begin(void)
{
	memset(&block, 0, sizeof(block));
	block.len = 8;
}

static const char *finish(void)
{
	add_tag(0, "", 0);
	*word(0) = block.len;
	return multiboot_parse(block.bytes, sizeof(block.bytes), &info);
}

KTEST(multiboot, a_right_block_is_taken_whole)
{
	begin();
	add_tag(1, "mode=test seed=7", 17);
	add_tag(2, "some loader", 12);
	add_module(0x200000, 0x201000, "disk");
	add_memory(0x100000, 0x700000, 1);
	add_tag(14, "RSD PTR 123456789012", 20);
	EXPECT(!finish());
	EXPECT_STREQ(info.cmdline, "mode=test seed=7");
	EXPECT_STREQ(info.loader, "some loader");
	REQUIRE_EQ(info.nr_modules, 1);
	EXPECT_EQ(info.modules[0].start, 0x200000);
	EXPECT_EQ(info.modules[0].end, 0x201000);
	EXPECT_STREQ(info.modules[0].name, "disk");
	REQUIRE_EQ(info.nr_regions, 1);
	EXPECT_EQ(info.regions[0].start, 0x100000);
	EXPECT_EQ(info.regions[0].end, 0x800000);
	EXPECT_EQ(info.rsdp_len, 20);
}

KTEST(multiboot, the_newer_acpi_pointer_wins_in_either_order)
{
	static const u8 older[20] = "older", newer[36] = "newer";

	begin();
	add_memory(0x100000, 0x700000, 1);
	add_tag(15, newer, 36);
	add_tag(14, older, 20);
	EXPECT(!finish());
	EXPECT_EQ(info.rsdp_len, 36);
	EXPECT_EQ(info.rsdp[0], 'n');
}

KTEST(multiboot, a_block_longer_than_what_may_be_read_is_refused)
{
	begin();
	add_memory(0x100000, 0x700000, 1);
	EXPECT(!finish());
	EXPECT(multiboot_parse(block.bytes, block.len - 1, &info));
	*word(0) = 4;
	EXPECT(multiboot_parse(block.bytes, sizeof(block.bytes), &info));
	*word(0) = 0xfffffff8;
	EXPECT(multiboot_parse(block.bytes, sizeof(block.bytes), &info));
}

KTEST(multiboot, a_tag_that_leaves_the_block_is_refused)
{
	u32 at;

	begin();
	at = add_memory(0x100000, 0x700000, 1);
	EXPECT(!finish());
	for (u32 size = 0; size < 8; size++) {
		*word(at + 4) = size;
		EXPECT(multiboot_parse(block.bytes, block.len, &info));
	}
	*word(at + 4) = block.len;
	EXPECT(multiboot_parse(block.bytes, block.len, &info));
	*word(at + 4) = ~0u;
	EXPECT(multiboot_parse(block.bytes, block.len, &info));
}

KTEST(multiboot, a_block_without_an_end_is_refused)
{
	begin();
	add_memory(0x100000, 0x700000, 1);
	*word(0) = block.len;
	EXPECT(multiboot_parse(block.bytes, block.len, &info));
}

KTEST(multiboot, no_memory_map_is_refused)
{
	begin();
	add_tag(1, "mode=test", 10);
	EXPECT_STREQ(finish(), "multiboot: the loader gave no memory map");
}

KTEST(multiboot, an_unterminated_command_line_is_refused)
{
	begin();
	add_memory(0x100000, 0x700000, 1);
	add_tag(1, "mode", 4);
	EXPECT(finish());
}

KTEST(multiboot, a_command_line_that_does_not_fit_is_refused_not_cut)
{
	static char line[1100];

	memset(line, 'x', sizeof(line) - 1);
	begin();
	add_memory(0x100000, 0x700000, 1);
	add_tag(1, line, sizeof(line));
	EXPECT_STREQ(finish(), "the command line is longer than 1023 "
			       "characters");
}

KTEST(multiboot, bad_modules_are_refused)
{
	begin();
	add_memory(0x100000, 0x700000, 1);
	add_module(0x200000, 0x200000, "empty");
	EXPECT_STREQ(finish(), "multiboot: a module is empty");

	begin();
	add_memory(0x100000, 0x700000, 1);
	add_module(0x201000, 0x200000, "backwards");
	EXPECT_STREQ(finish(), "multiboot: a module ends before it starts");

	begin();
	add_memory(0x100000, 0x700000, 1);
	for (u32 i = 0; i <= BOOT_MAX_MODULES; i++)
		add_module(0x200000 + i * 0x1000, 0x201000 + i * 0x1000, "m");
	EXPECT(finish());
	EXPECT_EQ(info.nr_modules, BOOT_MAX_MODULES);
}

KTEST(multiboot, a_memory_range_that_wraps_is_refused)
{
	begin();
	add_memory(~0UL - 0xfff, 0x2000, 1);
	EXPECT_STREQ(finish(), "multiboot: a memory range wraps around");
}

KTEST(multiboot, memory_entries_of_an_odd_size_are_refused)
{
	u32 at;

	begin();
	at = add_memory(0x100000, 0x700000, 1);
	*word(at + 8) = 16;
	EXPECT(finish());

	begin();
	at = add_memory(0x100000, 0x700000, 1);
	*word(at + 8) = 0;
	EXPECT(finish());
}

KTEST(multiboot, random_damage_never_leads_outside)
{
	struct rng *rng = ktest_rng(test);

	for (unsigned int round = 0; round < 2000; round++) {
		begin();
		add_tag(1, "mode=test", 10);
		add_module(0x200000, 0x201000, "disk");
		add_memory(0x100000, 0x700000, 1);
		add_memory(0x900000, 0x700000, 2);
		finish();
		for (unsigned int n = 1 + (unsigned int)rng_below(rng, 6); n; n--)
			block.bytes[rng_below(rng, block.len)] =
				(u8)rng_next(rng);
		multiboot_parse(block.bytes, block.len, &info);
		REQUIRE(info.nr_modules <= BOOT_MAX_MODULES);
		REQUIRE(info.nr_regions <= BOOT_MAX_REGIONS);
		REQUIRE(strnlen(info.cmdline, sizeof(info.cmdline)) <
			sizeof(info.cmdline));
	}
}
