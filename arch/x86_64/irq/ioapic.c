// SPDX-License-Identifier: MIT
/*
 * ioapic.c - legacy interrupt lines, for the few devices that have nothing
 * better, and the 8259s kept quiet
 *
 * PCI devices use messages (MSI-X) and do not come by here. Only the
 * ISA lines remain: line N is global interrupt N unless the MADT says otherwise.
 *
 * Locks: none.  The index/data register pair takes one caller at a time: lines are
 * routed while drivers start, which they do one after the other.
 */
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/irq.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <asm/arch.h>

#define REG_INDEX        0x00
#define REG_DATA         0x10
#define IOAPIC_VER       0x01
#define IOAPIC_TABLE     0x10

#define ENTRY_MASKED     (1u << 16)
#define ENTRY_LEVEL      (1u << 15)
#define ENTRY_ACTIVE_LOW (1u << 13)

/* Flags of a MADT override */
#define POLARITY_MASK      0x3
#define POLARITY_LOW       0x3
#define TRIGGER_MASK       0xc
#define TRIGGER_LEVEL      0xc
#define IOAPIC_WINDOW_SIZE 0x20

#define PIC1_COMMAND       0x20
#define PIC1_DATA          0x21
#define PIC2_COMMAND       0xa0
#define PIC2_DATA          0xa1
#define PIC_VECTORS        0x20 /* where a spurious one would land: nobody there */

static struct {
	char __iomem *regs;
	u32 gsi_base;
	u32 entries;
} ioapics[ACPI_MAX_IOAPICS];
static unsigned int nr_ioapics;

static u32 ioapic_read(unsigned int i, u32 reg)
{
	writel(reg, ioapics[i].regs + REG_INDEX);
	return readl(ioapics[i].regs + REG_DATA);
}

static void ioapic_write(unsigned int i, u32 reg, u32 v)
{
	writel(reg, ioapics[i].regs + REG_INDEX);
	writel(v, ioapics[i].regs + REG_DATA);
}

/* Give the 8259s vectors that are no exceptions, then mask every line. */
static void silence_8259(void)
{
	outb(PIC1_COMMAND, 0x11);
	outb(PIC2_COMMAND, 0x11);
	outb(PIC1_DATA, PIC_VECTORS);
	outb(PIC2_DATA, PIC_VECTORS + 8);
	outb(PIC1_DATA, 4);
	outb(PIC2_DATA, 2);
	outb(PIC1_DATA, 1);
	outb(PIC2_DATA, 1);
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
}

void ioapic_init(void)
{
	if (acpi_info.has_8259)
		silence_8259();
	for (unsigned int i = 0; i < acpi_info.nr_ioapics; i++) {
		u32 addr = acpi_info.ioapics[i].addr;

		ioapics[nr_ioapics].regs = ioremap(addr, IOAPIC_WINDOW_SIZE);
		if (!ioapics[nr_ioapics].regs) {
			pr_err("ioapic: the one at %#x cannot be mapped", addr);
			continue;
		}
		ioapics[nr_ioapics].gsi_base = acpi_info.ioapics[i].gsi_base;
		ioapics[nr_ioapics].entries =
			(ioapic_read(nr_ioapics, IOAPIC_VER) >> 16 & 0xff) + 1;
		for (u32 n = 0; n < ioapics[nr_ioapics].entries; n++)
			ioapic_write(nr_ioapics, IOAPIC_TABLE + 2 * n,
				     ENTRY_MASKED);
		nr_ioapics++;
	}
}

int irq_route_isa(unsigned int line, int vector)
{
	u32 gsi = line, low = (u32)vector, target;
	struct cpumask cpus = arch_msi_cpus();

	if (line > 15)
		return -EINVAL;
	if (cpumask_empty(&cpus))
		return -ENODEV;
	target = cpu_apic_id[cpumask_first(&cpus)];
	for (unsigned int i = 0; i < acpi_info.nr_overrides; i++) {
		const struct acpi_override *o = &acpi_info.overrides[i];

		if (o->isa_line != line)
			continue;
		gsi = o->gsi;
		if ((o->flags & POLARITY_MASK) == POLARITY_LOW)
			low |= ENTRY_ACTIVE_LOW;
		if ((o->flags & TRIGGER_MASK) == TRIGGER_LEVEL)
			low |= ENTRY_LEVEL;
	}
	for (unsigned int i = 0; i < nr_ioapics; i++) {
		u32 n = gsi - ioapics[i].gsi_base;

		if (gsi < ioapics[i].gsi_base || n >= ioapics[i].entries)
			continue;
		ioapic_write(i, IOAPIC_TABLE + 2 * n + 1, target << 24);
		ioapic_write(i, IOAPIC_TABLE + 2 * n, low);
		return 0;
	}
	return -ENODEV;
}
