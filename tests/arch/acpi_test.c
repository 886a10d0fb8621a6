// SPDX-License-Identifier: MIT
/*
 * acpi_test.c - MADTs, right and wrong
 */
#include <kernel/ktest.h>
#include <lib/percpu.h>
#include <lib/random.h>
#include <lib/string.h>
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

/* --- fixed hardware ------------------------------------------------------ */

static u8 table[300];
static struct acpi_fixed fixed;

static void gas_at(u32 at, u8 space, u64 addr)
{
	table[at] = space;
	memcpy(table + at + 4, &addr, sizeof(addr));
}

static void word_at(u32 at, u32 v)
{
	memcpy(table + at, &v, sizeof(v));
}

static void begin_fadt(void)
{
	memset(table, 0, sizeof(table));
	memset(&fixed, 0, sizeof(fixed));
	word_at(64, 0x604);
	word_at(76, 0x608);
	table[91] = 4;
}

KTEST(acpi, the_short_addresses_count_where_the_long_ones_are_not)
{
	begin_fadt();
	acpi_parse_fadt(table, 116, &fixed);
	EXPECT_EQ(fixed.pm1a_control, 0x604);
	EXPECT_EQ(fixed.pm1b_control, 0);
	EXPECT_EQ(fixed.pm_timer_port, 0x608);
	EXPECT_EQ(fixed.pm_timer_mask, 0xffffff);
	gas_at(172, 1, 0xb004);
	gas_at(184, 1, 0xc004);
	gas_at(208, 1, 0xb008);
	word_at(112, 1u << 8);
	acpi_parse_fadt(table, 116, &fixed); /* they lie beyond the table */
	EXPECT_EQ(fixed.pm1a_control, 0x604);
	acpi_parse_fadt(table, 244, &fixed);
	EXPECT_EQ(fixed.pm1a_control, 0xb004);
	EXPECT_EQ(fixed.pm1b_control, 0xc004);
	EXPECT_EQ(fixed.pm_timer_port, 0xb008);
	EXPECT_EQ(fixed.pm_timer_mask, 0xffffffff);
}

KTEST(acpi, registers_that_are_no_ports_are_left_alone)
{
	begin_fadt();
	gas_at(172, 0, 0xb004); /* in memory */
	gas_at(208, 1, 0x1b008);
	acpi_parse_fadt(table, 244, &fixed);
	EXPECT_EQ(fixed.pm1a_control, 0);
	EXPECT_EQ(fixed.pm_timer_port, 0);

	begin_fadt();
	word_at(112, 1u << 20); /* the machine has none of these registers */
	acpi_parse_fadt(table, 244, &fixed);
	EXPECT_EQ(fixed.pm1a_control, 0);
	EXPECT_EQ(fixed.pm_timer_port, 0);

	begin_fadt();
	table[91] = 0; /* no timer */
	acpi_parse_fadt(table, 244, &fixed);
	EXPECT_EQ(fixed.pm1a_control, 0x604);
	EXPECT_EQ(fixed.pm_timer_port, 0);

	begin_fadt();
	acpi_parse_fadt(table, 40, &fixed);
	EXPECT_EQ(fixed.pm1a_control, 0);
	EXPECT_EQ(fixed.pm_timer_port, 0);
}

struct s5_case {
	const char *aml;
	u8 len;
	bool known;
	u8 a, b;
};

KTEST(acpi, the_sleep_types_are_taken_only_from_a_whole_package)
{
	static const struct s5_case cases[] = {
		{"..\x08_S5_\x12\x06\x04\x00\x00\x00\x00", 14, true, 0, 0},
		{"..\x08_S5_\x12\x08\x04\x0a\x05\x01\x00\x00", 15, true, 5, 1},
		{".\x08\\_S5_\x12\x08\x02\x0a\x07\x0a\x07", 14, true, 7, 7},
		/* the length has a second byte */
		{"..\x08_S5_\x12\x46\x00\x02\x01\x01", 13, true, 1, 1},
		/* another name, no name, no package, too few, no number */
		{"..\x08_S4_\x12\x06\x04\x00\x00\x00\x00", 14, false, 0, 0},
		{"...._S5_\x12\x06\x04\x00\x00\x00\x00", 15, false, 0, 0},
		{"..\x08_S5_\x0d\x06\x04\x00\x00\x00\x00", 14, false, 0, 0},
		{"..\x08_S5_\x12\x06\x01\x00\x00\x00\x00", 14, false, 0, 0},
		{"..\x08_S5_\x12\x06\x04\x0b\x00\x00\x00", 14, false, 0, 0},
		{"..\x08_S5_\x12\x06\x04\x00\x0a\x08\x00", 14, false, 0, 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct s5_case *c = &cases[i];

		memset(&fixed, 0, sizeof(fixed));
		acpi_parse_dsdt(c->aml, c->len, &fixed);
		EXPECT_EQ(fixed.has_s5, c->known);
		EXPECT_EQ(fixed.s5_type_a, c->a);
		EXPECT_EQ(fixed.s5_type_b, c->b);
	}
	/* cut off after each of its bytes */
	for (size_t cut = 0; cut < 12; cut++) {
		memset(&fixed, 0, sizeof(fixed));
		acpi_parse_dsdt(cases[1].aml, cut, &fixed);
		EXPECT(!fixed.has_s5);
	}
}

KTEST(acpi, an_hpet_counts_only_where_it_can_be_reached)
{
	memset(table, 0, sizeof(table));
	memset(&fixed, 0, sizeof(fixed));
	gas_at(40, 0, 0xfed00000);
	acpi_parse_hpet(table, 51, &fixed);
	EXPECT_EQ(fixed.hpet_addr, 0);
	acpi_parse_hpet(table, 56, &fixed);
	EXPECT_EQ(fixed.hpet_addr, 0xfed00000);
	fixed.hpet_addr = 0;
	gas_at(40, 1, 0xfed00000);
	acpi_parse_hpet(table, 56, &fixed);
	gas_at(40, 0, 0x1fed00000);
	acpi_parse_hpet(table, 56, &fixed);
	gas_at(40, 0, 0xfed00004);
	acpi_parse_hpet(table, 56, &fixed);
	EXPECT_EQ(fixed.hpet_addr, 0);
}

/* Both machine types of QEMU say it, and the exit of this boot may need it. */
KTEST(acpi, this_machine_says_how_it_is_powered_off)
{
	EXPECT(acpi_fixed.pm1a_control != 0);
	EXPECT(acpi_fixed.has_s5);
	EXPECT(acpi_fixed.pm_timer_port != 0);
}
