// SPDX-License-Identifier: MIT
/*
 * drivers/pci/scan.c - find every function and learn its windows
 *
 * Problem.  Bridges say which buses exist, and a bridge's registers are input like
 * any other: two bridges can name the same bus, or each other's.
 *
 * Idea.  A bit set holds the buses to be walked, another one the buses that were.
 * Each of the 256 numbers is walked at most once, so the walk ends with any input,
 * and needs no recursion.
 *
 * A BAR's size is found by writing ones and reading which of them stick. The device
 * must not decode meanwhile, or it would answer at a wrong address. A BAR is
 * accepted only if its size is a power of two and its base a multiple of it; else it
 * counts as absent.
 *
 * Not here: giving addresses to BARs. The firmware has done that; a BAR at address 0
 * was left out by it and counts as absent.
 */
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>

#include "internal.h"

#define PCI_BAR_IS_IO         1u
#define PCI_BAR_TYPE_MASK     6u
#define PCI_BAR_TYPE_64       4u
#define PCI_BAR_IS_PREFETCH   8u
#define PCI_BAR_MEMORY_MASK   (~0xfull)
#define PCI_BAR_IO_MASK       (~3u)
#define PCI_FUNCTIONS         8
#define PCI_DEVICES           32
#define PCI_BUSES             256
#define PCI_CLASS_BRIDGE      0x0604
#define PCI_BRIDGE_BARS       2
#define PCI_MAX_PHYSICAL_BITS 52

static u32 bar_ones(const struct pci_device *pci, unsigned int offset, u32 old)
{
	u32 ones;

	pci_config_write(pci, offset, 4, ~0u);
	ones = pci_config_read(pci, offset, 4);
	pci_config_write(pci, offset, 4, old);
	return ones;
}

static bool bar_plausible(const struct pci_bar *bar)
{
	return bar->base && bar->size && !(bar->size & (bar->size - 1)) &&
	       !(bar->base & (bar->size - 1)) &&
	       !((bar->base + bar->size - 1) >> PCI_MAX_PHYSICAL_BITS);
}

/* Describe BAR @index; return how many registers it takes. */
static unsigned int bar_read(struct pci_device *pci, unsigned int index,
			     unsigned int limit)
{
	unsigned int offset = PCI_BAR0 + 4 * index;
	struct pci_bar bar = {0};
	unsigned int taken = 1;
	u32 low = pci_config_read(pci, offset, 4);
	u64 ones = bar_ones(pci, offset, low);

	if (low & PCI_BAR_IS_IO) {
		bar.flags = PCI_BAR_IO;
		bar.base = low & PCI_BAR_IO_MASK;
		bar.size = (u16)(~(ones & PCI_BAR_IO_MASK) + 1);
	} else {
		u64 mask = ones & PCI_BAR_MEMORY_MASK & 0xffffffffull;

		bar.base = low & PCI_BAR_MEMORY_MASK & 0xffffffffull;
		if (low & PCI_BAR_IS_PREFETCH)
			bar.flags |= PCI_BAR_PREFETCH;
		if ((low & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64) {
			u32 high;

			if (index + 1 >= limit)
				return 1;
			high = pci_config_read(pci, offset + 4, 4);
			mask |= (u64)bar_ones(pci, offset + 4, high) << 32;
			bar.base |= (u64)high << 32;
			bar.flags |= PCI_BAR_64BIT;
			taken = 2;
		} else {
			mask |= 0xffffffffull << 32;
		}
		if (ones)
			bar.size = ~mask + 1;
	}
	if (bar_plausible(&bar))
		pci->bars[index] = bar;
	return taken;
}

static void bars_read(struct pci_device *pci)
{
	u16 command = (u16)pci_config_read(pci, PCI_COMMAND, 2);
	unsigned int limit, i;

	if (pci->header_type == PCI_HEADER_NORMAL)
		limit = PCI_NR_BARS;
	else if (pci->header_type == PCI_HEADER_BRIDGE)
		limit = PCI_BRIDGE_BARS;
	else
		return;
	pci_config_write(pci, PCI_COMMAND, 2,
			 command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (i = 0; i < limit;)
		i += bar_read(pci, i, limit);
	pci_config_write(pci, PCI_COMMAND, 2, command);
}

int pci_scan_function(const struct pci_bus *bus, u8 nr, u8 devfn,
		      struct pci_device *pci)
{
	u32 id = pci_raw_read(bus, nr, devfn, PCI_VENDOR_ID, 4);

	if ((id & 0xffff) == 0xffff || !(id & 0xffff))
		return -ENODEV;
	memset(pci, 0, sizeof(*pci));
	pci->bus = bus;
	pci->bus_nr = nr;
	pci->devfn = devfn;
	pci->vendor = (u16)id;
	pci->device = (u16)(id >> 16);
	pci->class = pci_config_read(pci, PCI_REVISION, 4) >> 8;
	pci->header_type =
		pci_config_read(pci, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK;
	if (pci->header_type == PCI_HEADER_NORMAL) {
		pci->subsystem_vendor =
			(u16)pci_config_read(pci, PCI_SUBSYSTEM_VENDOR, 2);
		pci->subsystem = (u16)pci_config_read(pci, PCI_SUBSYSTEM_ID, 2);
	}
	bars_read(pci);
	pci_msix_find(pci);
	return 0;
}

struct bus_set {
	u64 bits[PCI_BUSES / 64];
};

static bool bus_set_add(struct bus_set *set, u8 nr)
{
	u64 bit = 1ull << (nr % 64);

	if (set->bits[nr / 64] & bit)
		return false;
	set->bits[nr / 64] |= bit;
	return true;
}

static int bus_set_take(struct bus_set *set)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(set->bits); i++) {
		if (set->bits[i]) {
			int bit = __builtin_ctzll(set->bits[i]);

			set->bits[i] &= set->bits[i] - 1;
			return (int)i * 64 + bit;
		}
	}
	return -1;
}

struct scan {
	const struct pci_bus *bus;
	struct bus_set seen;
	struct bus_set waiting;
	void (*found)(const struct pci_device *pci, void *arg);
	void *arg;
	unsigned int count;
};

static void scan_function(struct scan *scan, const struct pci_device *pci)
{
	u8 behind;

	scan->count++;
	scan->found(pci, scan->arg);
	if (pci->header_type != PCI_HEADER_BRIDGE ||
	    pci->class >> 8 != PCI_CLASS_BRIDGE)
		return;
	behind = (u8)pci_config_read(pci, PCI_SECONDARY_BUS, 1);
	if (behind < scan->bus->first_bus || behind > scan->bus->last_bus)
		return;
	if (bus_set_add(&scan->seen, behind))
		bus_set_add(&scan->waiting, behind);
}

static void scan_device(struct scan *scan, u8 nr, unsigned int device)
{
	struct pci_device pci;
	unsigned int fn, functions = 1;

	for (fn = 0; fn < functions; fn++) {
		u8 devfn = (u8)(device << 3 | fn);

		if (pci_scan_function(scan->bus, nr, devfn, &pci) < 0)
			continue;
		if (!fn && (pci_config_read(&pci, PCI_HEADER_TYPE, 1) &
			    PCI_HEADER_MULTI))
			functions = PCI_FUNCTIONS;
		scan_function(scan, &pci);
	}
}

unsigned int pci_scan_segment(const struct pci_bus *bus,
			      void (*found)(const struct pci_device *pci,
					    void *arg),
			      void *arg)
{
	struct scan scan = {.bus = bus, .found = found, .arg = arg};
	unsigned int device;
	int nr;

	bus_set_add(&scan.seen, bus->first_bus);
	bus_set_add(&scan.waiting, bus->first_bus);
	while ((nr = bus_set_take(&scan.waiting)) >= 0) {
		for (device = 0; device < PCI_DEVICES; device++)
			scan_device(&scan, (u8)nr, device);
	}
	return scan.count;
}
