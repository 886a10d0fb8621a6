// SPDX-License-Identifier: MIT
/*
 * fixed.c - ACPI's fixed hardware: two counters, and the way to power off
 *
 *	table	we take
 *	FADT	the timer's port and width, the ports that put to sleep
 *	DSDT	what to write there for S5, from the object \_S5
 *	HPET	where the registers are
 *
 * None of these has to exist. A field that no table fills is left at 0. The
 * machine is then without that counter, or is not powered off.
 *
 * The DSDT is a program (AML), which is not interpreted. \_S5 is looked for by
 * its bytes, and is taken only if it is a package that begins with two constant
 * numbers:
 *
 *	08 [5c] "_S5_" 12 length count number number ...
 *
 * Taking a table apart is pure: the tests feed it. The caller has checked its
 * length and sum.
 */
#include <lib/compiler.h>
#include <lib/string.h>
#include <asm/arch.h>

/* Offsets in the FADT */
#define FADT_PM1A_CONTROL   64
#define FADT_PM1B_CONTROL   68
#define FADT_PM_TIMER       76
#define FADT_PM_TIMER_LEN   91
#define FADT_FLAGS          112
#define FADT_X_PM1A_CONTROL 172
#define FADT_X_PM1B_CONTROL 184
#define FADT_X_PM_TIMER     208

#define FADT_TIMER_32_BITS  (1u << 8)
#define FADT_HW_REDUCED     (1u << 20) /* none of the ports below exists */

/* A generic address: space, bits, offset, access size, 8 bytes of address */
#define GAS_SIZE      12
#define GAS_ADDRESS   4
#define GAS_IN_MEMORY 0
#define GAS_IN_PORTS  1

/* Offset in the HPET's table */
#define HPET_ADDRESS  40

#define EARLY_MAP_END (1UL << 32)

#define AML_ZERO      0x00
#define AML_ONE       0x01
#define AML_NAME      0x08
#define AML_BYTE      0x0a
#define AML_PACKAGE   0x12
#define AML_ROOT      0x5c
#define SLEEP_TYPES   8

struct acpi_fixed acpi_fixed;

static u32 word_at(const u8 *table, size_t len, size_t at)
{
	u32 v = 0;

	if (at + sizeof(v) <= len)
		memcpy(&v, table + at, sizeof(v));
	return v;
}

/* A port, by the long form of an address if the table has it, else the short */
static u16 port_at(const u8 *fadt, size_t len, size_t longer, size_t shorter)
{
	u64 addr;

	if (longer + GAS_SIZE <= len) {
		memcpy(&addr, fadt + longer + GAS_ADDRESS, sizeof(addr));
		if (addr)
			return fadt[longer] == GAS_IN_PORTS && addr <= 0xffff
				       ? (u16)addr
				       : 0;
	}
	addr = word_at(fadt, len, shorter);
	return addr <= 0xffff ? (u16)addr : 0;
}

void acpi_parse_fadt(const void *table, size_t len, struct acpi_fixed *out)
{
	u32 flags = word_at(table, len, FADT_FLAGS);
	const u8 *fadt = table;

	if (flags & FADT_HW_REDUCED)
		return;
	out->pm1a_control =
		port_at(fadt, len, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL);
	out->pm1b_control =
		port_at(fadt, len, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL);
	if (len > FADT_PM_TIMER_LEN && fadt[FADT_PM_TIMER_LEN] == 4)
		out->pm_timer_port =
			port_at(fadt, len, FADT_X_PM_TIMER, FADT_PM_TIMER);
	out->pm_timer_mask = flags & FADT_TIMER_32_BITS ? 0xffffffff : 0xffffff;
}

void acpi_parse_hpet(const void *table, size_t len, struct acpi_fixed *out)
{
	const u8 *hpet = table;
	u64 addr;

	if (len < HPET_ADDRESS + GAS_SIZE || hpet[HPET_ADDRESS] != GAS_IN_MEMORY)
		return;
	memcpy(&addr, hpet + HPET_ADDRESS + GAS_ADDRESS, sizeof(addr));
	if (!(addr % 8) && addr < EARLY_MAP_END)
		out->hpet_addr = addr;
}

/* A constant number at @at; returns where the next thing begins, 0 if none. */
static size_t aml_number(const u8 *aml, size_t len, size_t at, u8 *out)
{
	if (at >= len)
		return 0;
	if (aml[at] == AML_ZERO || aml[at] == AML_ONE) {
		*out = aml[at];
		return at + 1;
	}
	if (aml[at] != AML_BYTE || at + 1 >= len)
		return 0;
	*out = aml[at + 1];
	return at + 2;
}

/* The package of \_S5, whose name ends at @at. */
static bool take_s5(const u8 *aml, size_t len, size_t at, struct acpi_fixed *out)
{
	u8 a, b;

	/* The length's first two bits say how many more bytes it has. */
	if (at + 1 >= len || aml[at] != AML_PACKAGE)
		return false;
	at += 2 + (aml[at + 1] >> 6);
	if (at >= len || aml[at] < 2)
		return false;
	at = aml_number(aml, len, at + 1, &a);
	if (!at || !aml_number(aml, len, at, &b) || a >= SLEEP_TYPES ||
	    b >= SLEEP_TYPES)
		return false;
	out->s5_type_a = a;
	out->s5_type_b = b;
	out->has_s5 = true;
	return true;
}

void acpi_parse_dsdt(const void *table, size_t len, struct acpi_fixed *out)
{
	const u8 *aml = table;

	for (size_t at = 2; at + 4 <= len; at++) {
		if (memcmp(aml + at, "_S5_", 4))
			continue;
		if (aml[at - 1] != AML_NAME &&
		    !(aml[at - 1] == AML_ROOT && aml[at - 2] == AML_NAME))
			continue;
		if (take_s5(aml, len, at + 4, out))
			return;
	}
}
