// SPDX-License-Identifier: MIT
/*
 * acpi.c - read from ACPI's tables which CPUs and interrupt controllers exist
 *
 * Problem.  The tables are firmware's bytes: lengths may lie, sums may be
 * wrong, entries may repeat.
 *
 * Idea.  Follow root pointer -> XSDT (or RSDT) -> MADT and MCFG while the
 * boot tables still show the first 4 GiB, check each table's length and sum
 * before its contents, copy the few numbers that matter, and never come back.
 * Taking a MADT apart is a pure function, which the tests feed.
 *
 *	table	must be there	we take
 *	MADT	yes		CPUs, IO-APICs, rerouted ISA lines
 *	MCFG	no		where PCI configuration space is mapped
 *	FADT	no		a timer, how to power off (fixed.c)
 *	HPET	no		another timer (fixed.c)
 *
 * A damaged table that we do not need is not looked at.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <lib/percpu.h>
#include <lib/string.h>
#include <asm/arch.h>

#define EARLY_MAP_END (1UL << 32)
#define TABLE_MAX     (1UL << 20) /* longer than any real one */
#define MCFG_MAX      8
#define FADT_DSDT     40 /* offset of its address */

struct acpi_rsdp {
	char signature[8];
	u8 sum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length; /* from here on: revision 2 */
	u64 xsdt;
	u8 extended_sum;
	u8 reserved[3];
} __packed;
static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI's layout");

struct acpi_header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 sum;
	char oem[6];
	char oem_table[8];
	u32 oem_revision;
	u32 creator;
	u32 creator_revision;
} __packed;
static_assert(sizeof(struct acpi_header) == 36, "ACPI's layout");

struct acpi_madt {
	struct acpi_header head;
	u32 lapic_addr;
	u32 flags; /* bit 0: there are 8259s */
} __packed;

enum madt_type {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDR = 5,
	MADT_X2APIC = 9,
};

#define MADT_CPU_ENABLED 1u

struct madt_entry {
	u8 type;
	u8 length;
	union {
		struct {
			u8 processor;
			u8 apic_id;
			u32 flags;
		} __packed lapic;
		struct {
			u8 id;
			u8 reserved;
			u32 addr;
			u32 gsi_base;
		} __packed ioapic;
		struct {
			u8 bus;
			u8 line;
			u32 gsi;
			u16 flags;
		} __packed override;
		struct {
			u16 reserved;
			u64 addr;
		} __packed lapic_addr;
		struct {
			u16 reserved;
			u32 apic_id;
			u32 flags;
			u32 processor;
		} __packed x2apic;
	};
} __packed;

struct mcfg_entry {
	u64 base;
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	u32 reserved;
} __packed;

struct acpi_info acpi_info;
static struct mcfg_entry mcfg[MCFG_MAX];
static unsigned int nr_mcfg;

bool acpi_sum_is_zero(const void *p, size_t len)
{
	const u8 *byte = p;
	u8 sum = 0;

	while (len--)
		sum = (u8)(sum + *byte++);
	return sum == 0;
}

static void add_cpu(struct acpi_info *out, u32 apic_id)
{
	/* A CPU may be listed both as xAPIC and as x2APIC. */
	for (unsigned int i = 0; i < out->nr_cpus; i++)
		if (out->apic_ids[i] == apic_id)
			return;
	if (out->nr_cpus == NR_CPUS)
		out->nr_cpus_beyond++;
	else
		out->apic_ids[out->nr_cpus++] = apic_id;
}

static size_t madt_entry_size(u8 type)
{
	switch (type) {
	case MADT_LAPIC:
		return 8;
	case MADT_IOAPIC:
		return 12;
	case MADT_OVERRIDE:
		return 10;
	case MADT_LAPIC_ADDR:
		return 12;
	case MADT_X2APIC:
		return 16;
	default:
		return 2;
	}
}

static void take_madt_entry(const struct madt_entry *e, struct acpi_info *out)
{
	switch (e->type) {
	case MADT_LAPIC:
		/* 255 is everybody, and marks an entry without a CPU. */
		if ((e->lapic.flags & MADT_CPU_ENABLED) && e->lapic.apic_id != 255)
			add_cpu(out, e->lapic.apic_id);
		break;
	case MADT_X2APIC:
		if (e->x2apic.flags & MADT_CPU_ENABLED)
			add_cpu(out, e->x2apic.apic_id);
		break;
	case MADT_IOAPIC:
		if (out->nr_ioapics < ACPI_MAX_IOAPICS)
			out->ioapics[out->nr_ioapics++] = (struct acpi_ioapic){
				e->ioapic.addr, e->ioapic.gsi_base};
		break;
	case MADT_OVERRIDE:
		if (out->nr_overrides < ACPI_MAX_OVERRIDES)
			out->overrides[out->nr_overrides++] =
				(struct acpi_override){e->override.line,
						       e->override.gsi,
						       e->override.flags};
		break;
	case MADT_LAPIC_ADDR:
		out->lapic_addr = e->lapic_addr.addr;
		break;
	}
}

const char *acpi_parse_madt(const void *table, size_t len, struct acpi_info *out)
{
	const struct acpi_madt *madt = table;
	size_t at = sizeof(*madt);

	memset(out, 0, sizeof(*out));
	if (len < sizeof(*madt) || memcmp(madt->head.signature, "APIC", 4) ||
	    madt->head.length != len)
		return "ACPI: the MADT's length is impossible";
	if (!acpi_sum_is_zero(table, len))
		return "ACPI: the MADT's checksum is wrong";
	out->lapic_addr = madt->lapic_addr;
	out->has_8259 = madt->flags & 1;
	while (at < len) {
		const struct madt_entry *e = (const void *)((char *)table + at);

		if (len - at < 2 || e->length < 2 || e->length > len - at)
			return "ACPI: an entry of the MADT has an impossible "
			       "length";
		if (e->length < madt_entry_size(e->type))
			return "ACPI: an entry of the MADT is too short";
		take_madt_entry(e, out);
		at += e->length;
	}
	if (!out->nr_cpus)
		return "ACPI: the MADT lists no CPU";
	return NULL;
}

/* A whole table whose length and sum are right, or NULL. */
static const struct acpi_header *table_at(paddr_t addr)
{
	const struct acpi_header *head = phys_to_virt(addr);

	if (!addr || addr > EARLY_MAP_END - sizeof(*head) ||
	    head->length < sizeof(*head) || head->length > TABLE_MAX ||
	    addr > EARLY_MAP_END - head->length ||
	    !acpi_sum_is_zero(head, head->length))
		return NULL;
	return head;
}

static void take_mcfg(const struct acpi_header *head)
{
	const struct mcfg_entry *e = (const void *)((char *)(head + 1) + 8);
	size_t left = head->length - sizeof(*head);

	if (left < 8)
		return;
	for (left -= 8; left >= sizeof(*e); left -= sizeof(*e), e++)
		if (nr_mcfg < MCFG_MAX && e->first_bus <= e->last_bus)
			mcfg[nr_mcfg++] = *e;
}

/* The FADT says where the DSDT is, which the root does not list. */
static void take_fadt(const struct acpi_header *head)
{
	const struct acpi_header *dsdt;
	u32 addr = 0;

	acpi_parse_fadt(head, head->length, &acpi_fixed);
	if (head->length >= FADT_DSDT + sizeof(addr))
		memcpy(&addr, (const char *)head + FADT_DSDT, sizeof(addr));
	dsdt = table_at(addr);
	if (dsdt && !memcmp(dsdt->signature, "DSDT", 4))
		acpi_parse_dsdt(dsdt, dsdt->length, &acpi_fixed);
}

/* @root: RSDT with entries of 4 bytes or XSDT with entries of 8 */
static const char *walk_root(const struct acpi_header *root, size_t width)
{
	const char *p = (const char *)(root + 1);
	size_t n = (root->length - sizeof(*root)) / width;
	const char *wrong = "ACPI: there is no MADT with a right checksum";

	for (size_t i = 0; i < n; i++, p += width) {
		const struct acpi_header *head;
		u64 addr = 0;

		memcpy(&addr, p, width);
		head = table_at(addr);
		if (!head)
			continue;
		if (!memcmp(head->signature, "APIC", 4))
			wrong = acpi_parse_madt(head, head->length, &acpi_info);
		else if (!memcmp(head->signature, "MCFG", 4))
			take_mcfg(head);
		else if (!memcmp(head->signature, "FACP", 4))
			take_fadt(head);
		else if (!memcmp(head->signature, "HPET", 4))
			acpi_parse_hpet(head, head->length, &acpi_fixed);
	}
	return wrong;
}

/* The CPU we run on must be number 0. */
static const char *put_boot_cpu_first(void)
{
	u32 self = lapic_id();

	for (unsigned int i = 0; i < acpi_info.nr_cpus; i++) {
		if (acpi_info.apic_ids[i] == self) {
			acpi_info.apic_ids[i] = acpi_info.apic_ids[0];
			acpi_info.apic_ids[0] = self;
			return NULL;
		}
	}
	return "ACPI: the MADT does not list the CPU that boots";
}

const char *acpi_init(void)
{
	const struct acpi_rsdp *rsdp = (const void *)boot_info.rsdp;
	const struct acpi_header *root;
	const char *wrong;

	if (!boot_info.rsdp_len)
		return "ACPI: the firmware gives no ACPI tables";
	if (memcmp(rsdp->signature, "RSD PTR ", 8) || !acpi_sum_is_zero(rsdp, 20))
		return "ACPI: the root pointer's checksum is wrong";
	if (rsdp->revision >= 2 && boot_info.rsdp_len >= 36 && rsdp->xsdt) {
		if (!acpi_sum_is_zero(rsdp, 36))
			return "ACPI: the root pointer's checksum is wrong";
		root = table_at(rsdp->xsdt);
		if (!root || memcmp(root->signature, "XSDT", 4))
			return "ACPI: the XSDT is damaged";
		wrong = walk_root(root, 8);
	} else {
		root = table_at(rsdp->rsdt);
		if (!root || memcmp(root->signature, "RSDT", 4))
			return "ACPI: the RSDT is damaged";
		wrong = walk_root(root, 4);
	}
	if (wrong)
		return wrong;
	if (acpi_info.lapic_addr % PAGE_SIZE ||
	    acpi_info.lapic_addr >= EARLY_MAP_END)
		return "ACPI: the local APIC's address is impossible";
	return put_boot_cpu_first();
}

bool pci_ecam(unsigned int index, paddr_t *base, u16 *segment, u8 *first_bus,
	      u8 *last_bus)
{
	if (index >= nr_mcfg)
		return false;
	*base = mcfg[index].base;
	*segment = mcfg[index].segment;
	*first_bus = mcfg[index].first_bus;
	*last_bus = mcfg[index].last_bus;
	return true;
}
