// SPDX-License-Identifier: MIT
/*
 * acpi_test.c - MADTs, right and wrong
 */
#include <kernel/ktest.h>
#include <kernel/percpu.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <asm/arch.h>

#define MADT_MAX  2048
#define MADT_HEAD 44

static u8 madt[MADT_MAX];
static u32 len;
static struct acpi_info info;

static void put32(u32 at, u32 v)
{
	memcpy(madt + at, &v, 4);
}

static void begin(void)
{
	memset(madt, 0, sizeof(madt));
	memcpy(madt, "APIC", 4);
	put32(36, 0xfee00000);
	put32(40, 1);
	len = MADT_HEAD;
}

static u32 add_cpu(u8 apic_id, u32 flags)
{
	u32 at = len;

	madt[at] = 0;
	madt[at + 1] = 8;
	madt[at + 3] = apic_id;
	put32(at + 4, flags);
	len += 8;
	return at;
}

static void add_x2apic(u32 apic_id, u32 flags)
{
	madt[len] = 9;
	madt[len + 1] = 16;
	put32(len + 4, apic_id);
	put32(len + 8, flags);
	len += 16;
}

static const char *finish(void)
{
	u8 sum = 0;

	put32(4, len);
	madt[9] = 0;
	for (u32 i = 0; i < len; i++)
		sum = (u8)(sum + madt[i]);
	madt[9] = (u8)-sum;
	return acpi_parse_madt(madt, len, &info);
}

KTEST(acpi, enabled_cpus_are_taken_and_others_left)
{
	begin();
	add_cpu(0, 1);
	add_cpu(1, 0);
	add_cpu(2, 2); /* could be plugged in later */
	add_cpu(255, 1);
	add_cpu(3, 1);
	EXPECT(!finish());
	EXPECT_EQ(info.nr_cpus, 2);
	EXPECT_EQ(info.apic_ids[0], 0);
	EXPECT_EQ(info.apic_ids[1], 3);
	EXPECT_EQ(info.lapic_addr, 0xfee00000);
	EXPECT(info.has_8259);
}

KTEST(acpi, a_cpu_listed_twice_counts_once)
{
	begin();
	add_cpu(0, 1);
	add_cpu(5, 1);
	add_x2apic(5, 1);
	add_x2apic(300, 1);
	EXPECT(!finish());
	EXPECT_EQ(info.nr_cpus, 3);
	EXPECT_EQ(info.apic_ids[2], 300);
}

KTEST(acpi, cpus_beyond_the_limit_are_counted_not_stored)
{
	begin();
	for (u32 i = 0; i < NR_CPUS + 3; i++)
		add_cpu((u8)i, 1);
	EXPECT(!finish());
	EXPECT_EQ(info.nr_cpus, NR_CPUS);
	EXPECT_EQ(info.nr_cpus_beyond, 3);
}

KTEST(acpi, a_wrong_checksum_is_refused)
{
	begin();
	add_cpu(0, 1);
	EXPECT(!finish());
	for (u32 i = 8; i < len; i++) {
		madt[i]++;
		EXPECT_STREQ(acpi_parse_madt(madt, len, &info),
			     "ACPI: the MADT's checksum is wrong");
		madt[i]--;
	}
	EXPECT(!acpi_parse_madt(madt, len, &info));
}

KTEST(acpi, lengths_that_lie_are_refused)
{
	u32 at;

	begin();
	at = add_cpu(0, 1);
	madt[at + 1] = 0; /* would never end */
	EXPECT(finish());
	madt[at + 1] = 1;
	EXPECT(finish());
	madt[at + 1] = 7; /* too short for its type */
	EXPECT(finish());
	madt[at + 1] = 9; /* beyond the table */
	EXPECT(finish());
	madt[at + 1] = 8;
	EXPECT(!finish());
	EXPECT(acpi_parse_madt(madt, len - 1, &info));
	EXPECT(acpi_parse_madt(madt, 20, &info));
	EXPECT(acpi_parse_madt(madt, 0, &info));
}

KTEST(acpi, a_table_without_cpus_is_refused)
{
	begin();
	EXPECT_STREQ(finish(), "ACPI: the MADT lists no CPU");
}

KTEST(acpi, random_damage_with_a_right_checksum_never_leads_outside)
{
	struct rng *rng = ktest_rng(test);

	for (unsigned int round = 0; round < 2000; round++) {
		begin();
		for (u32 i = 0; i < 8; i++)
			add_cpu((u8)i, 1);
		add_x2apic(9, 1);
		for (unsigned int n = 0; n < 4; n++)
			madt[MADT_HEAD + rng_below(rng, len - MADT_HEAD)] =
				(u8)rng_next(rng);
		finish();
		REQUIRE(info.nr_cpus <= NR_CPUS);
		REQUIRE(info.nr_ioapics <= ACPI_MAX_IOAPICS);
		REQUIRE(info.nr_overrides <= ACPI_MAX_OVERRIDES);
	}
}
