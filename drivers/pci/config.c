// SPDX-License-Identifier: MIT
/*
 * drivers/pci/config.c - read and write configuration space
 *
 * Problem.  A function's configuration space is reached through memory where
 * the firmware names a window for it (ACPI's MCFG table), and otherwise through
 * an address port and a data port, which give its first 256 bytes only.
 *
 * Idea.  Both ways are a struct pci_config_ops. All other code calls
 * pci_config_read() and pci_config_write(), which refuse an offset outside of the
 * space or not aligned: offsets often come from the device itself.
 *
 *	field		read with	write with
 *	the two ports	port_lock	port_lock
 *
 * A window in memory needs no lock: one access is one transaction.
 *
 * Not here: finding functions (scan.c), the choice of the way (driver.c).
 */
#include <arch/io.h>
#include <kernel/lock/spinlock.h>

#include "internal.h"

#define PCI_PORT_ADDRESS 0xcf8
#define PCI_PORT_DATA    0xcfc
#define PCI_PORT_ENABLE  0x80000000u

static DEFINE_SPINLOCK(port_lock);

static u32 port_select(u8 nr, u8 devfn, unsigned int offset)
{
	return PCI_PORT_ENABLE | (u32)nr << 16 | (u32)devfn << 8 |
	       (offset & 0xfc);
}

static u32 port_read(const struct pci_bus *bus, u8 nr, u8 devfn,
		     unsigned int offset, unsigned int width)
{
	u16 port = PCI_PORT_DATA + (offset & 3);
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&port_lock, flags);
	outl(PCI_PORT_ADDRESS, port_select(nr, devfn, offset));
	if (width == 1)
		value = inb(port);
	else if (width == 2)
		value = inw(port);
	else
		value = inl(port);
	spin_unlock_irqrestore(&port_lock, flags);
	return value;
}

static void port_write(const struct pci_bus *bus, u8 nr, u8 devfn,
		       unsigned int offset, unsigned int width, u32 value)
{
	u16 port = PCI_PORT_DATA + (offset & 3);
	unsigned long flags;

	spin_lock_irqsave(&port_lock, flags);
	outl(PCI_PORT_ADDRESS, port_select(nr, devfn, offset));
	if (width == 1)
		outb(port, (u8)value);
	else if (width == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
	spin_unlock_irqrestore(&port_lock, flags);
}

const struct pci_config_ops pci_port_ops = {
	.read = port_read,
	.write = port_write,
};

static void __iomem *ecam_address(const struct pci_bus *bus, u8 nr, u8 devfn,
				  unsigned int offset)
{
	size_t function = (size_t)(nr - bus->first_bus) << 8 | devfn;

	return (u8 __iomem *)bus->data + (function << 12) + offset;
}

static u32 ecam_read(const struct pci_bus *bus, u8 nr, u8 devfn,
		     unsigned int offset, unsigned int width)
{
	void __iomem *addr = ecam_address(bus, nr, devfn, offset);

	if (width == 1)
		return readb(addr);
	if (width == 2)
		return readw(addr);
	return readl(addr);
}

static void ecam_write(const struct pci_bus *bus, u8 nr, u8 devfn,
		       unsigned int offset, unsigned int width, u32 value)
{
	void __iomem *addr = ecam_address(bus, nr, devfn, offset);

	if (width == 1)
		writeb((u8)value, addr);
	else if (width == 2)
		writew((u16)value, addr);
	else
		writel(value, addr);
}

const struct pci_config_ops pci_ecam_ops = {
	.read = ecam_read,
	.write = ecam_write,
};

static bool access_valid(const struct pci_bus *bus, unsigned int offset,
			 unsigned int width)
{
	return (width == 1 || width == 2 || width == 4) &&
	       !(offset & (width - 1)) && offset < bus->size;
}

u32 pci_raw_read(const struct pci_bus *bus, u8 nr, u8 devfn,
		 unsigned int offset, unsigned int width)
{
	if (!access_valid(bus, offset, width))
		return ~0u;
	return bus->ops->read(bus, nr, devfn, offset, width);
}

void pci_raw_write(const struct pci_bus *bus, u8 nr, u8 devfn,
		   unsigned int offset, unsigned int width, u32 value)
{
	if (access_valid(bus, offset, width))
		bus->ops->write(bus, nr, devfn, offset, width, value);
}

u32 pci_config_read(const struct pci_device *pci, unsigned int offset,
		    unsigned int width)
{
	return pci_raw_read(pci->bus, pci->bus_nr, pci->devfn, offset, width);
}

void pci_config_write(const struct pci_device *pci, unsigned int offset,
		      unsigned int width, u32 value)
{
	pci_raw_write(pci->bus, pci->bus_nr, pci->devfn, offset, width, value);
}

/*
 * The links of the list come from the device. Each step counts against the limit,
 * so that a loop ends. A link may not lead into the standard header or out of the
 * first 256 bytes.
 */
unsigned int pci_find_capability(const struct pci_device *pci, u8 id,
				 unsigned int after)
{
	unsigned int at, steps;

	if (!(pci_config_read(pci, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = pci_config_read(pci, after ? after + 1 : PCI_CAPABILITY_LIST, 1);
	for (steps = 0; steps < PCI_CAP_LIMIT; steps++) {
		at &= 0xfc;
		if (at < 0x40)
			return 0;
		if (pci_config_read(pci, at, 1) == id)
			return at;
		at = pci_config_read(pci, at + 1, 1);
	}
	return 0;
}
