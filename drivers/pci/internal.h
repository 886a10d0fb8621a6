/* SPDX-License-Identifier: MIT */
/*
 * drivers/pci/internal.h - shared by the files of this directory
 */
#ifndef PCI_INTERNAL_H
#define PCI_INTERNAL_H

#include <drivers/pci.h>

extern const struct pci_config_ops pci_port_ops;
extern const struct pci_config_ops pci_ecam_ops;

/* As pci_config_read/write(), for a function that is not known yet. */
u32 pci_raw_read(const struct pci_bus *bus, u8 nr, u8 devfn,
		 unsigned int offset, unsigned int width);
void pci_raw_write(const struct pci_bus *bus, u8 nr, u8 devfn,
		   unsigned int offset, unsigned int width, u32 value);

/* Note where the MSI-X capability is and how many entries it has. */
void pci_msix_find(struct pci_device *pci);

#endif
