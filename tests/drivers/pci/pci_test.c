// SPDX-License-Identifier: MIT
/*
 * tests/drivers/pci/pci_test.c - a configuration space that leads astray
 *
 * The functions live in memory here: each has its 256 bytes, and for each BAR
 * the bits that can be written. Writes to the BARs behave as hardware's do.
 */
#include <drivers/pci.h>
#include <drivers/virtio.h>
#include <mm/alloc/alloc.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/string.h>

#define FUNCTIONS 4

struct fake_function {
	u8 bus;
	u8 devfn;
	u8 bytes[PCI_CONFIG_SIZE];
	u32 bar_mask[PCI_NR_BARS];
};

struct fake_bus {
	struct pci_bus bus;
	unsigned int count;
	struct fake_function functions[FUNCTIONS];
	unsigned int found;
};

static struct fake_function *fake_find(const struct pci_bus *bus, u8 nr, u8 devfn)
{
	struct fake_bus *fake = bus->data;
	unsigned int i;

	for (i = 0; i < fake->count; i++) {
		if (fake->functions[i].bus == nr &&
		    fake->functions[i].devfn == devfn)
			return &fake->functions[i];
	}
	return NULL;
}

static u32 fake_read(const struct pci_bus *bus, u8 nr, u8 devfn,
		     unsigned int offset, unsigned int width)
{
	struct fake_function *function = fake_find(bus, nr, devfn);
	u32 value = ~0u;

	if (function) {
		value = 0;
		memcpy(&value, function->bytes + offset, width);
	} else if (width < 4) {
		value = (1u << 8 * width) - 1;
	}
	return value;
}

static void fake_write(const struct pci_bus *bus, u8 nr, u8 devfn,
		       unsigned int offset, unsigned int width, u32 value)
{
	struct fake_function *function = fake_find(bus, nr, devfn);
	unsigned int bar = (offset - PCI_BAR0) / 4;
	u32 old;

	if (!function)
		return;
	if (offset >= PCI_BAR0 && bar < PCI_NR_BARS) {
		memcpy(&old, function->bytes + offset, 4);
		value = (value & function->bar_mask[bar]) |
			(old & ~function->bar_mask[bar]);
	}
	memcpy(function->bytes + offset, &value, width);
}

static const struct pci_config_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
};

static void put(struct fake_function *function, unsigned int offset,
		unsigned int width, u32 value)
{
	memcpy(function->bytes + offset, &value, width);
}

static struct fake_bus *fake_create(void)
{
	struct fake_bus *fake = kzalloc(sizeof(*fake), GFP_KERNEL);

	if (!fake)
		return NULL;
	fake->bus.ops = &fake_ops;
	fake->bus.size = PCI_CONFIG_SIZE;
	fake->bus.last_bus = 255;
	fake->bus.data = fake;
	return fake;
}

static struct fake_function *fake_add(struct fake_bus *fake, u8 bus, u8 devfn)
{
	struct fake_function *function = &fake->functions[fake->count++];

	function->bus = bus;
	function->devfn = devfn;
	put(function, PCI_VENDOR_ID, 2, VIRTIO_PCI_VENDOR);
	put(function, PCI_DEVICE_ID, 2, 0x105a);
	put(function, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	return function;
}

static void put_cap(struct fake_function *function, u8 at, u8 id, u8 next)
{
	put(function, at, 1, id);
	put(function, at + 1, 1, next);
}

KTEST(pci, capabilities_are_found_in_order)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_CAPABILITY_LIST, 1, 0x40);
	put_cap(function, 0x40, PCI_CAP_ID_VENDOR, 0x60);
	put_cap(function, 0x60, 0x05, 0x80);
	put_cap(function, 0x80, PCI_CAP_ID_VENDOR, 0);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci_find_capability(&pci, PCI_CAP_ID_VENDOR, 0), 0x40u);
	EXPECT_EQ(pci_find_capability(&pci, PCI_CAP_ID_VENDOR, 0x40), 0x80u);
	EXPECT_EQ(pci_find_capability(&pci, PCI_CAP_ID_VENDOR, 0x80), 0u);
	EXPECT_EQ(pci_find_capability(&pci, PCI_CAP_ID_MSIX, 0), 0u);
	kfree(fake);
}

KTEST(pci, capability_list_that_loops_ends)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct virtio_capability cap;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_CAPABILITY_LIST, 1, 0x40);
	put_cap(function, 0x40, PCI_CAP_ID_VENDOR, 0x60);
	put_cap(function, 0x60, PCI_CAP_ID_VENDOR, 0x40);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci_find_capability(&pci, PCI_CAP_ID_MSIX, 0), 0u);
	EXPECT_EQ(virtio_find_capability(&pci, VIRTIO_CAP_COMMON, 56, &cap),
		  -ENOENT);
	kfree(fake);
}

KTEST(pci, capability_pointer_into_the_header_is_refused)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_CAPABILITY_LIST, 1, 0x10);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci_find_capability(&pci, 0, 0), 0u);
	kfree(fake);
}

KTEST(pci, windows_are_sized_and_left_as_they_were)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct pci_device pci;
	u32 value;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	put(function, PCI_BAR0, 4, 0xfe000000);
	function->bar_mask[0] = 0xffff0000;
	put(function, PCI_BAR0 + 4, 4, 0xc001);
	function->bar_mask[1] = 0xffffffe0;
	put(function, PCI_BAR0 + 16, 4, 0x0000000c);
	function->bar_mask[4] = 0xffffc000;
	put(function, PCI_BAR0 + 20, 4, 0x8);
	function->bar_mask[5] = 0xffffffff;
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci.bars[0].base, 0xfe000000ul);
	EXPECT_EQ(pci.bars[0].size, 0x10000ul);
	EXPECT_EQ(pci.bars[1].base, 0xc000ul);
	EXPECT_EQ(pci.bars[1].size, 0x20ul);
	EXPECT_EQ(pci.bars[1].flags, (unsigned int)PCI_BAR_IO);
	EXPECT_EQ(pci.bars[2].size, 0ul);
	EXPECT_EQ(pci.bars[4].base, 0x800000000ul);
	EXPECT_EQ(pci.bars[4].size, 0x4000ul);
	EXPECT_EQ(pci.bars[5].size, 0ul);
	memcpy(&value, function->bytes + PCI_BAR0, 4);
	EXPECT_EQ(value, 0xfe000000u);
	EXPECT_EQ(function->bytes[PCI_COMMAND], PCI_COMMAND_MEMORY);
	kfree(fake);
}

KTEST(pci, window_with_an_impossible_size_counts_as_absent)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	/* 0x30000 is no power of two; the second is not aligned to its size. */
	put(function, PCI_BAR0, 4, 0xfe000000);
	function->bar_mask[0] = 0xfffd0000;
	put(function, PCI_BAR0 + 4, 4, 0xfe010000);
	function->bar_mask[1] = 0xfff00000;
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci.bars[0].size, 0ul);
	EXPECT_EQ(pci.bars[1].size, 0ul);
	kfree(fake);
}

KTEST(pci, access_outside_of_the_space_reads_ones)
{
	struct fake_bus *fake = fake_create();
	struct pci_device pci;

	REQUIRE(fake);
	fake_add(fake, 0, 8);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci_config_read(&pci, PCI_CONFIG_SIZE, 4), ~0u);
	EXPECT_EQ(pci_config_read(&pci, 2, 4), ~0u);
	EXPECT_EQ(pci_config_read(&pci, 0, 3), ~0u);
	EXPECT_EQ(pci_config_read(&pci, 0, 2), (u32)VIRTIO_PCI_VENDOR);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 16, &pci), -ENODEV);
	kfree(fake);
}

static void count_found(const struct pci_device *pci, void *arg)
{
	struct fake_bus *fake = arg;

	fake->found++;
}

static void make_bridge(struct fake_function *function, u8 secondary)
{
	put(function, PCI_HEADER_TYPE, 1, PCI_HEADER_BRIDGE);
	put(function, PCI_REVISION, 4, 0x06040000);
	put(function, PCI_SECONDARY_BUS, 1, secondary);
}

/*
 *	bus 0 -- bridge to 1; bus 1 -- bridge to 0, bridge to 1, a device
 */
KTEST(pci, bridges_that_lead_in_a_circle_are_walked_once)
{
	struct fake_bus *fake = fake_create();

	REQUIRE(fake);
	make_bridge(fake_add(fake, 0, 8), 1);
	make_bridge(fake_add(fake, 1, 0), 0);
	make_bridge(fake_add(fake, 1, 8), 1);
	fake_add(fake, 1, 16);
	EXPECT_EQ(pci_scan_segment(&fake->bus, count_found, fake), 4u);
	EXPECT_EQ(fake->found, 4u);
	kfree(fake);
}

KTEST(pci, bridge_to_a_bus_outside_of_the_segment_is_not_followed)
{
	struct fake_bus *fake = fake_create();

	REQUIRE(fake);
	fake->bus.last_bus = 3;
	make_bridge(fake_add(fake, 0, 8), 9);
	fake_add(fake, 9, 0);
	EXPECT_EQ(pci_scan_segment(&fake->bus, count_found, fake), 1u);
	kfree(fake);
}

KTEST(pci, other_functions_are_looked_for_only_if_the_first_says_so)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *first;

	REQUIRE(fake);
	first = fake_add(fake, 0, 8);
	fake_add(fake, 0, 9);
	EXPECT_EQ(pci_scan_segment(&fake->bus, count_found, fake), 1u);
	put(first, PCI_HEADER_TYPE, 1, PCI_HEADER_MULTI);
	EXPECT_EQ(pci_scan_segment(&fake->bus, count_found, fake), 2u);
	kfree(fake);
}

KTEST(pci, mapping_outside_of_a_window_is_refused)
{
	void __iomem *map;
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_BAR0, 4, 0xfe000000);
	function->bar_mask[0] = 0xffff0000;
	put(function, PCI_BAR0 + 4, 4, 0xc001);
	function->bar_mask[1] = 0xffffffe0;
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci_map_range(&pci, 0, 0x10000, 1, &map), -EINVAL);
	EXPECT_EQ(pci_map_range(&pci, 0, 0xffff, 2, &map), -EINVAL);
	EXPECT_EQ(pci_map_range(&pci, 0, 1, ~0ull, &map), -EINVAL);
	EXPECT_EQ(pci_map_range(&pci, 0, 0, 0, &map), -EINVAL);
	EXPECT_EQ(pci_map_range(&pci, 1, 0, 1, &map), -EINVAL);
	EXPECT_EQ(pci_map_range(&pci, 2, 0, 1, &map), -EINVAL);
	EXPECT_EQ(pci_map_range(&pci, 6, 0, 1, &map), -EINVAL);
	kfree(fake);
}

KTEST(pci, vector_table_outside_of_its_window_is_refused)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_BAR0, 4, 0xfe000000);
	function->bar_mask[0] = 0xfffff000;
	put(function, PCI_CAPABILITY_LIST, 1, 0x40);
	put_cap(function, 0x40, PCI_CAP_ID_MSIX, 0);
	put(function, 0x42, 2, 0x7ff);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(pci.msix.count, 0x800u);
	EXPECT_EQ(pci_msix_enable(&pci), -EINVAL);
	EXPECT(!pci.msix.table);
	EXPECT_EQ(pci_msix_request(&pci, 0, 0, NULL, NULL, "x"), -EINVAL);
	kfree(fake);
}

static void put_virtio(struct fake_function *function, u8 at, u8 next, u8 len,
		       u8 type, u8 bar)
{
	put_cap(function, at, PCI_CAP_ID_VENDOR, next);
	put(function, at + 2, 1, len);
	put(function, at + 3, 1, type);
	put(function, at + 4, 1, bar);
	put(function, at + 8, 4, 0x1000u * at);
	put(function, at + 12, 4, 0x100);
}

static void put_memory_bar(struct fake_function *function, unsigned int bar)
{
	put(function, PCI_BAR0 + 4 * bar, 4, 0xfe000000);
	function->bar_mask[bar] = 0xfff00000;
}

KTEST(pci, virtio_capability_too_short_or_with_no_such_window_is_passed_over)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct virtio_capability cap;
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put_memory_bar(function, 4);
	put(function, PCI_CAPABILITY_LIST, 1, 0x40);
	put_virtio(function, 0x40, 0x50, 12, VIRTIO_CAP_COMMON, 0);
	put_virtio(function, 0x50, 0x60, 16, VIRTIO_CAP_COMMON, 6);
	put_virtio(function, 0x60, 0x70, 16, VIRTIO_CAP_COMMON, 4);
	put_virtio(function, 0x70, 0xf0, 16, VIRTIO_CAP_NOTIFY, 4);
	put_virtio(function, 0xf0, 0, 20, VIRTIO_CAP_NOTIFY, 4);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(virtio_find_capability(&pci, VIRTIO_CAP_COMMON, 56, &cap), 0);
	EXPECT_EQ(cap.offset, 0x60000u);
	EXPECT_EQ(cap.bar, 4);
	EXPECT_EQ(virtio_find_capability(&pci, VIRTIO_CAP_NOTIFY, 2, &cap),
		  -EINVAL);
	EXPECT_EQ(virtio_find_capability(&pci, VIRTIO_CAP_ISR, 1, &cap), -ENOENT);
	kfree(fake);
}

/*
 * The bells twice, as QEMU's modern-pio-notify=on has them: I/O ports first.
 * Then those that are too short, or reach out of the window.
 */
KTEST(pci, the_first_virtio_capability_that_can_be_used_is_taken)
{
	struct fake_bus *fake = fake_create();
	struct fake_function *function;
	struct virtio_capability cap = {0};
	struct pci_device pci;

	REQUIRE(fake);
	function = fake_add(fake, 0, 8);
	put(function, PCI_BAR0, 4, 0xc001);
	function->bar_mask[0] = 0xffffffe0;
	put_memory_bar(function, 4);
	put(function, PCI_CAPABILITY_LIST, 1, 0x40);
	put_virtio(function, 0x40, 0x54, 20, VIRTIO_CAP_NOTIFY, 0);
	put(function, 0x48, 4, 0); /* its range lies inside of the ports */
	put(function, 0x4c, 4, 4);
	put_virtio(function, 0x54, 0x68, 20, VIRTIO_CAP_NOTIFY, 4);
	put(function, 0x60, 4, 1);
	put_virtio(function, 0x68, 0x7c, 20, VIRTIO_CAP_NOTIFY, 4);
	put(function, 0x70, 4, 0xfff80);
	put_virtio(function, 0x7c, 0x90, 20, VIRTIO_CAP_NOTIFY, 4);
	put_virtio(function, 0x90, 0, 20, VIRTIO_CAP_NOTIFY, 4);
	EXPECT_EQ(pci_scan_function(&fake->bus, 0, 8, &pci), 0);
	EXPECT_EQ(virtio_find_capability(&pci, VIRTIO_CAP_NOTIFY, 2, &cap), 0);
	EXPECT_EQ(cap.bar, 4);
	EXPECT_EQ(cap.offset, 0x7c000u);
	kfree(fake);
}
