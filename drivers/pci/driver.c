// SPDX-License-Identifier: MIT
/*
 * drivers/pci/driver.c - bring each device together with its driver
 *
 * At INIT_DRIVER every segment is walked, its functions are put in one list, and
 * each is offered to the drivers of the image (PCI_DRIVER) until one takes it. The
 * list does not change afterwards, so reading it needs no lock.
 *
 * Segments come from the MCFG table; without one there is the single segment behind
 * the two ports. The windows of the table stay mapped.
 */
#include <arch/boot.h>
#include <arch/io.h>
#include <mm/alloc/alloc.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/printk.h>

#include "internal.h"

/* Bytes of configuration space that one bus has in a memory window. */
#define ECAM_BUS_SIZE (1ul << 20)

extern const struct pci_driver *const __pci_driver_start[];
extern const struct pci_driver *const __pci_driver_end[];

static struct list_head pci_devices = LIST_HEAD_INIT(pci_devices);

bool pci_has_range(const struct pci_device *pci, unsigned int bar, u64 offset,
		   u64 length)
{
	const struct pci_bar *window;

	if (bar >= PCI_NR_BARS)
		return false;
	window = &pci->bars[bar];
	return !(window->flags & PCI_BAR_IO) && length &&
	       offset <= window->size && length <= window->size - offset;
}

int pci_map_range(const struct pci_device *pci, unsigned int bar, u64 offset,
		  u64 length, void __iomem **map)
{
	void __iomem *base;

	if (!pci_has_range(pci, bar, offset, length))
		return -EINVAL;
	base = ioremap(pci->bars[bar].base + offset, length);
	if (!base)
		return -ENOMEM;
	*map = base;
	return 0;
}

void pci_enable_device(struct pci_device *pci)
{
	u32 command = pci_config_read(pci, PCI_COMMAND, 2);

	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX;
	pci_config_write(pci, PCI_COMMAND, 2, command);
}

void pci_disable_master(struct pci_device *pci)
{
	u32 command = pci_config_read(pci, PCI_COMMAND, 2);

	pci_config_write(pci, PCI_COMMAND, 2, command & ~PCI_COMMAND_MASTER);
	/* The write has arrived when a read from the device is answered. */
	pci_config_read(pci, PCI_COMMAND, 2);
}

static void device_found(const struct pci_device *found, void *arg)
{
	struct pci_device *pci = kmalloc(sizeof(*pci), GFP_KERNEL);

	if (!pci) {
		pr_err("pci: no memory for %02x:%02x.%x\n", found->bus_nr,
		       found->devfn >> 3, found->devfn & 7);
		return;
	}
	*pci = *found;
	list_add_tail(&pci->link, &pci_devices);
}

static const struct pci_device_id *match(const struct pci_driver *driver,
					 const struct pci_device *pci)
{
	const struct pci_device_id *id;

	for (id = driver->ids; id->vendor; id++) {
		if ((id->vendor == PCI_ANY_ID || id->vendor == pci->vendor) &&
		    (id->device == PCI_ANY_ID || id->device == pci->device))
			return id;
	}
	return NULL;
}

static void offer(struct pci_device *pci)
{
	const struct pci_driver *const *at;

	for (at = __pci_driver_start; at < __pci_driver_end; at++) {
		const struct pci_device_id *id = match(*at, pci);
		int err;

		if (!id)
			continue;
		pci->driver = *at;
		err = (*at)->probe(pci, id);
		if (!err)
			return;
		pci->driver = NULL;
		if (err != -ENODEV)
			pr_warn("pci: %02x:%02x.%x: %s failed: %s\n",
				pci->bus_nr, pci->devfn >> 3, pci->devfn & 7,
				(*at)->name, errno_name(err));
	}
}

static struct pci_bus *segment_create(const struct pci_config_ops *ops,
				      unsigned int size, u16 segment,
				      u8 first_bus, u8 last_bus, void *data)
{
	struct pci_bus *bus = kmalloc(sizeof(*bus), GFP_KERNEL);

	if (!bus)
		return NULL;
	*bus = (struct pci_bus){
		.ops = ops,
		.size = size,
		.segment = segment,
		.first_bus = first_bus,
		.last_bus = last_bus,
		.data = data,
	};
	return bus;
}

static struct pci_bus *segment_from_table(paddr_t base, u16 segment,
					  u8 first_bus, u8 last_bus)
{
	size_t size = (size_t)(last_bus - first_bus + 1) * ECAM_BUS_SIZE;
	struct pci_bus *bus;
	void __iomem *map;

	if (first_bus > last_bus)
		return NULL;
	map = ioremap(base + first_bus * ECAM_BUS_SIZE, size);
	if (!map)
		return NULL;
	bus = segment_create(&pci_ecam_ops, PCI_CONFIG_EXT_SIZE, segment,
			     first_bus, last_bus, (void __force *)map);
	if (!bus)
		iounmap(map);
	return bus;
}

static int pci_init(void)
{
	unsigned int index, found = 0, segments = 0;
	u8 first_bus, last_bus;
	struct pci_device *pci;
	struct pci_bus *bus;
	u16 segment;
	paddr_t base;

	for (index = 0; pci_ecam(index, &base, &segment, &first_bus, &last_bus);
	     index++) {
		bus = segment_from_table(base, segment, first_bus, last_bus);
		if (!bus) {
			pr_warn("pci: segment %u cannot be mapped\n", segment);
			continue;
		}
		found += pci_scan_segment(bus, device_found, NULL);
		segments++;
	}
	if (!segments) {
		bus = segment_create(&pci_port_ops, PCI_CONFIG_SIZE, 0, 0, 255,
				     NULL);
		if (!bus)
			return -ENOMEM;
		found = pci_scan_segment(bus, device_found, NULL);
	}
	pr_info("pci: %u functions, by %s\n", found,
		segments ? "memory window" : "ports");
	list_for_each_entry(pci, &pci_devices, link)
		offer(pci);
	return 0;
}
INITCALL(INIT_DRIVER, pci_init);
