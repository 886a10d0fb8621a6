// SPDX-License-Identifier: MIT
/*
 * drivers/pci/msix.c - interrupts that a device sends as memory writes
 *
 * The table lies in one of the device's BARs. Each entry holds an address, a value
 * and a mask bit. The CPU side of an entry is a vector.
 *
 *	entry		vectors[i]	mask bit
 *	free		-1		1
 *	requested	the vector	0
 *
 * An entry is masked while it is changed: the device may read it at any time and
 * must not see half of a message. A release masks the entry, reads the mask back so
 * that the write has arrived, and then gives the vector up; irq_free_vector() waits
 * for a handler that runs.
 *
 * Locks: none. The driver that owns the device calls these from one thread.
 */
#include <arch/io.h>
#include <arch/irq.h>
#include <mm/alloc/alloc.h>
#include <lib/errno.h>

#include "internal.h"

#define MSIX_CONTROL        2
#define MSIX_CONTROL_SIZE   0x07ff
#define MSIX_CONTROL_MASK   0x4000
#define MSIX_CONTROL_ENABLE 0x8000
#define MSIX_TABLE          4
#define MSIX_TABLE_BAR      7u
#define MSIX_CAP_LENGTH     12

#define MSIX_ENTRY_SIZE     16
#define MSIX_ENTRY_ADDR     0
#define MSIX_ENTRY_HIGH     4
#define MSIX_ENTRY_DATA     8
#define MSIX_ENTRY_VECTOR   12
#define MSIX_ENTRY_MASKED   1u

void pci_msix_find(struct pci_device *pci)
{
	unsigned int cap = pci_find_capability(pci, PCI_CAP_ID_MSIX, 0);

	if (!cap || cap > PCI_CONFIG_SIZE - MSIX_CAP_LENGTH)
		return;
	pci->msix.cap = cap;
	pci->msix.count = (pci_config_read(pci, cap + MSIX_CONTROL, 2) &
			   MSIX_CONTROL_SIZE) +
			  1;
}

static void msix_control(struct pci_device *pci, u16 set, u16 clear)
{
	unsigned int at = pci->msix.cap + MSIX_CONTROL;
	u32 value = pci_config_read(pci, at, 2);

	pci_config_write(pci, at, 2, (value & ~(u32)clear) | set);
}

static u8 __iomem *msix_entry(struct pci_device *pci, unsigned int index)
{
	return (u8 __iomem *)pci->msix.table + index * MSIX_ENTRY_SIZE;
}

static void msix_mask(struct pci_device *pci, unsigned int index)
{
	u8 __iomem *entry = msix_entry(pci, index);

	writel(MSIX_ENTRY_MASKED, entry + MSIX_ENTRY_VECTOR);
	readl(entry + MSIX_ENTRY_VECTOR);
}

int pci_msix_enable(struct pci_device *pci)
{
	struct pci_msix *msix = &pci->msix;
	void __iomem *table;
	unsigned int i;
	u32 where;
	int err;

	if (!msix->cap)
		return -ENODEV;
	where = pci_config_read(pci, msix->cap + MSIX_TABLE, 4);
	err = pci_map_range(pci, where & MSIX_TABLE_BAR, where & ~MSIX_TABLE_BAR,
			    (u64)msix->count * MSIX_ENTRY_SIZE, &table);
	if (err)
		return err;
	msix->vectors = kcalloc(msix->count, sizeof(*msix->vectors), GFP_KERNEL);
	if (!msix->vectors) {
		iounmap(table);
		return -ENOMEM;
	}
	msix->table = table;
	msix->mapped = msix->count;
	msix_control(pci, MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK, 0);
	for (i = 0; i < msix->count; i++) {
		msix->vectors[i] = -1;
		msix_mask(pci, i);
	}
	msix_control(pci, 0, MSIX_CONTROL_MASK);
	return (int)msix->count;
}

int pci_msix_request(struct pci_device *pci, unsigned int index, unsigned int cpu,
		     void (*handler)(void *arg), void *arg, const char *name)
{
	struct pci_msix *msix = &pci->msix;
	u8 __iomem *entry;
	int vector, err;
	u64 addr;
	u32 data;

	if (!msix->table || index >= msix->mapped)
		return -EINVAL;
	if (msix->vectors[index] >= 0)
		return -EBUSY;
	vector = irq_alloc_vector(handler, arg, name);
	if (vector < 0)
		return vector;
	err = arch_msi_compose(vector, cpu, &addr, &data);
	if (err) {
		irq_free_vector(vector);
		return err;
	}
	entry = msix_entry(pci, index);
	writel((u32)addr, entry + MSIX_ENTRY_ADDR);
	writel((u32)(addr >> 32), entry + MSIX_ENTRY_HIGH);
	writel(data, entry + MSIX_ENTRY_DATA);
	writel(0, entry + MSIX_ENTRY_VECTOR);
	msix->vectors[index] = vector;
	return 0;
}

void pci_msix_release(struct pci_device *pci, unsigned int index)
{
	struct pci_msix *msix = &pci->msix;

	if (!msix->table || index >= msix->mapped || msix->vectors[index] < 0)
		return;
	msix_mask(pci, index);
	irq_free_vector(msix->vectors[index]);
	msix->vectors[index] = -1;
}

void pci_msix_disable(struct pci_device *pci)
{
	struct pci_msix *msix = &pci->msix;
	unsigned int i;

	if (!msix->table)
		return;
	for (i = 0; i < msix->mapped; i++)
		pci_msix_release(pci, i);
	msix_control(pci, 0, MSIX_CONTROL_ENABLE);
	iounmap(msix->table);
	kfree(msix->vectors);
	msix->table = NULL;
	msix->vectors = NULL;
	msix->mapped = 0;
}
