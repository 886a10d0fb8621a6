/* SPDX-License-Identifier: MIT */
/*
 * drivers/pci.h - find devices on the PCI buses and take their interrupts
 *
 * The bus is walked once, at boot. All that a device says of itself (capability
 * lists, BAR sizes, table offsets) is input: every walk is bounded, and every offset
 * is checked against the window that it points into.
 *
 * Key letters: (c) constant once the walk has found the device
 *              (p) written by the driver that owns the device
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include <lib/list.h>
#include <lib/types.h>

#define PCI_CONFIG_SIZE      256
#define PCI_CONFIG_EXT_SIZE  4096

#define PCI_VENDOR_ID        0x00
#define PCI_DEVICE_ID        0x02
#define PCI_COMMAND          0x04
#define PCI_COMMAND_IO       0x0001
#define PCI_COMMAND_MEMORY   0x0002
#define PCI_COMMAND_MASTER   0x0004
#define PCI_COMMAND_NO_INTX  0x0400
#define PCI_STATUS           0x06
#define PCI_STATUS_CAP_LIST  0x0010
#define PCI_REVISION         0x08
#define PCI_HEADER_TYPE      0x0e
#define PCI_HEADER_MULTI     0x80
#define PCI_HEADER_TYPE_MASK 0x7f
#define PCI_HEADER_NORMAL    0
#define PCI_HEADER_BRIDGE    1
#define PCI_BAR0             0x10
#define PCI_SECONDARY_BUS    0x19
#define PCI_SUBSYSTEM_VENDOR 0x2c
#define PCI_SUBSYSTEM_ID     0x2e
#define PCI_CAPABILITY_LIST  0x34

#define PCI_CAP_ID_VENDOR    0x09
#define PCI_CAP_ID_MSIX      0x11

#define PCI_NR_BARS          6
#define PCI_ANY_ID           0xffff

/* A capability list longer than this must have a loop in it. */
#define PCI_CAP_LIMIT 48

struct pci_device;
struct pci_bus;

/**
 * struct pci_config_ops - access to the configuration space of a segment
 * @read: read @width (1, 2 or 4) bytes at @offset; all ones where there is nothing
 * @write: write @width bytes of @value at @offset
 *
 * Offsets are naturally aligned and below @size of the bus; pci_config_*() check
 * that. Tests supply their own, for a device that lies.
 */
struct pci_config_ops {
	u32 (*read)(const struct pci_bus *bus, u8 nr, u8 devfn,
		    unsigned int offset, unsigned int width);
	void (*write)(const struct pci_bus *bus, u8 nr, u8 devfn,
		      unsigned int offset, unsigned int width, u32 value);
};

/**
 * struct pci_bus - one segment: a tree of buses under one config space (c)
 * @ops: its access functions
 * @size: bytes of config space each function has, 256 or 4096
 * @segment: its number in the MCFG table, 0 for the ports
 * @first_bus: lowest bus number
 * @last_bus: highest bus number
 * @data: for @ops
 */
struct pci_bus {
	const struct pci_config_ops *ops;
	unsigned int size;
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	void *data;
};

enum pci_bar_flags {
	PCI_BAR_IO = 1,
	PCI_BAR_64BIT = 2,
	PCI_BAR_PREFETCH = 4,
};

/**
 * struct pci_bar - one decoded window (c)
 * @base: CPU physical address or I/O port
 * @size: bytes, 0 where the BAR does not exist or was given no address
 * @flags: enum pci_bar_flags
 */
struct pci_bar {
	u64 base;
	u64 size;
	unsigned int flags;
};

/**
 * struct pci_msix - the interrupt vectors of one device (p)
 * @cap: offset of the capability, 0 if there is none
 * @count: entries the table has, 1 to 2048
 * @table: the table, mapped by pci_msix_enable(), or NULL
 * @vectors: CPU vector of each entry, -1 where free
 * @mapped: entries of @vectors
 */
struct pci_msix {
	unsigned int cap;
	unsigned int count;
	void __iomem *table;
	int *vectors;
	unsigned int mapped;
};

/**
 * struct pci_device_id - a kind of device that a driver drives
 * @vendor: vendor number, or PCI_ANY_ID; a table ends with vendor 0
 * @device: device number, or PCI_ANY_ID
 */
struct pci_device_id {
	u16 vendor;
	u16 device;
};

/**
 * struct pci_driver - a driver in the image
 * @name: for messages
 * @ids: the devices that it matches, ended by an all-zero entry
 * @probe: take the device: 0, -ENODEV for "not mine", or another errno
 */
struct pci_driver {
	const char *name;
	const struct pci_device_id *ids;
	int (*probe)(struct pci_device *pci, const struct pci_device_id *id);
};

/* Register @drv (a struct pci_driver) in the image's table of drivers. */
#define PCI_DRIVER(drv)                                                            \
	static const struct pci_driver *const __pci_driver_##drv __used __section( \
		".pci_driver") = &(drv)

/**
 * struct pci_device - one function of one device
 * @link: in the list of all devices (c)
 * @bus: its segment (c)
 * @bus_nr: bus number (c)
 * @devfn: device << 3 | function (c)
 * @header_type: without the multi-function bit (c)
 * @vendor: (c)
 * @device: (c)
 * @subsystem_vendor: (c)
 * @subsystem: (c)
 * @class: class << 16 | subclass << 8 | programming interface (c)
 * @bars: its windows (c)
 * @msix: its interrupts (p)
 * @driver: its driver, or NULL (p)
 * @driver_data: that driver's own (p)
 */
struct pci_device {
	struct list_head link;
	const struct pci_bus *bus;
	u8 bus_nr;
	u8 devfn;
	u8 header_type;
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem;
	u32 class;
	struct pci_bar bars[PCI_NR_BARS];
	struct pci_msix msix;
	const struct pci_driver *driver;
	void *driver_data;
};

/**
 * pci_config_read() - read a device's configuration space
 * @pci: the device
 * @offset: byte offset, naturally aligned for @width
 * @width: 1, 2 or 4
 *
 * Context: any.
 * Return: the value; all ones where @offset is outside of the space.
 */
u32 pci_config_read(const struct pci_device *pci, unsigned int offset,
		    unsigned int width);

/**
 * pci_config_write() - write a device's configuration space
 * @pci: the device
 * @offset: byte offset, naturally aligned for @width
 * @width: 1, 2 or 4
 * @value: the value
 *
 * A write outside of the space is dropped. Context: any.
 */
void pci_config_write(const struct pci_device *pci, unsigned int offset,
		      unsigned int width, u32 value);

/**
 * pci_find_capability() - find the next capability with an id
 * @pci: the device
 * @id: PCI_CAP_ID_*
 * @after: offset of the capability before it, 0 for the first
 *
 * Context: any.
 * Return: its offset, or 0 if there is none, or if the list leads out of the
 *	   space or is longer than PCI_CAP_LIMIT.
 */
unsigned int pci_find_capability(const struct pci_device *pci, u8 id,
				 unsigned int after);

/**
 * pci_scan_function() - look at one function and describe it
 * @bus: the segment
 * @nr: bus number
 * @devfn: device << 3 | function
 * @pci: filled if the function exists; not linked anywhere
 *
 * Context: thread context; decoding is off while the BARs are sized.
 * Return: 0, or -ENODEV if nothing answers.
 */
int pci_scan_function(const struct pci_bus *bus, u8 nr, u8 devfn,
		      struct pci_device *pci);

/**
 * pci_scan_segment() - walk a segment, bridges included
 * @bus: the segment; must live as long as the devices
 * @found: called for each function; it may keep a copy
 * @arg: for @found
 *
 * A bus number is walked once only, even if several bridges name it.
 *
 * Context: thread context.
 * Return: the number of functions found.
 */
unsigned int pci_scan_segment(const struct pci_bus *bus,
			      void (*found)(const struct pci_device *pci,
					    void *arg),
			      void *arg);

/**
 * pci_has_range() - is a range inside a memory BAR?
 * @pci: the device
 * @bar: any number
 * @offset: first byte
 * @length: bytes
 *
 * Context: any.
 */
bool pci_has_range(const struct pci_device *pci, unsigned int bar, u64 offset,
		   u64 length);

/**
 * pci_map_range() - map a part of a memory BAR
 * @pci: the device
 * @bar: 0 to 5
 * @offset: first byte
 * @length: bytes, not 0
 * @map: the mapping, for iounmap()
 *
 * Context: may sleep.
 * Return: 0, -EINVAL (pci_has_range() says no), -ENOMEM.
 */
int pci_map_range(const struct pci_device *pci, unsigned int bar, u64 offset,
		  u64 length, void __iomem **map);

/**
 * pci_enable_device() - let the device decode memory and be bus master
 * @pci: the device
 *
 * Context: any.
 */
void pci_enable_device(struct pci_device *pci);

/**
 * pci_disable_master() - take from the device the right to write memory
 * @pci: the device
 *
 * For a device that cannot be reset. It sends no interrupt any more either: that is a
 * write, too. pci_enable_device() gives the right back.
 *
 * Context: any.
 */
void pci_disable_master(struct pci_device *pci);

/**
 * pci_msix_enable() - map the vector table and switch MSI-X on, all masked
 * @pci: the device
 *
 * Context: may sleep.
 * Return: entries in the table, or -ENODEV (no such capability), -EINVAL (the
 *	   table is not inside of its BAR), -ENOMEM.
 */
int pci_msix_enable(struct pci_device *pci);

/**
 * pci_msix_request() - let entry @index call @handler
 * @pci: a device after pci_msix_enable()
 * @index: entry of the table
 * @cpu: CPU that takes it, one of arch_msi_cpus()
 * @handler: called with interrupts off
 * @arg: for @handler
 * @name: for listings; not copied
 *
 * Context: may sleep.
 * Return: 0, -EINVAL (no such entry, or the CPU is not one of those), -EBUSY (in
 *	   use), -ENOSPC (no vector).
 */
int pci_msix_request(struct pci_device *pci, unsigned int index, unsigned int cpu,
		     void (*handler)(void *arg), void *arg, const char *name);

/**
 * pci_msix_release() - undo pci_msix_request()
 * @pci: the device
 * @index: entry of the table
 *
 * When it returns, the handler is not running and will not run.
 * Context: may sleep.
 */
void pci_msix_release(struct pci_device *pci, unsigned int index);

/**
 * pci_msix_disable() - release every vector and unmap the table
 * @pci: the device
 *
 * Context: may sleep.
 */
void pci_msix_disable(struct pci_device *pci);

#endif
