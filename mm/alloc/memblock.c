// SPDX-License-Identifier: MIT
/*
 * mm/alloc/memblock.c - owners of physical memory before there is an allocator
 *
 * Problem.  The page tables and the array of struct page need memory before
 * the page allocator, which needs them, can run.  And what the boot loader
 * says about memory must not be believed blindly: regions may be cut in the
 * middle of a page, overlap, reach beyond what the processor can address.
 *
 * Idea.  Two short sorted lists of ranges: memory (all RAM) and taken (ranges
 * that are in use, RAM or not).  Adding a range merges it with all it
 * touches, removing one splits, so each list stays sorted, disjoint and as
 * short as can be.  Free memory is the difference of the two.
 *
 *	memory		[=========]      [=====================]
 *	taken		[xx]   [xxx]			 [xxxxx]
 *	free		    [==]	 [==============]
 *
 * Taken from the start: the first MiB (firmware data, and the page on which
 * further CPUs start), the image, the modules, and whatever the architecture
 * marked as BOOT_MEMORY_KERNEL.
 *
 * Allocation goes downwards from the top, so that successive requests lie side
 * by side and the taken list stays short.  It is for good.
 *
 * Locks: none.  The boot CPU is alone until memblock_release(), after which
 * the memory list is only read.
 *
 * Not here: anything that is given back.  That is mm/alloc/page_alloc.c.
 */
#include <arch/boot.h>
#include <arch/page.h>
#include <lib/assert.h>
#include <lib/bitops.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>

#define LOW_MEMORY_END (1ul << 20)
#define BOOT_MAP_END   (4ul << 30)
#define MAX_PHYS_END   (1ul << MAX_PHYSMEM_BITS)

/* Below this much free memory not even the tests' own data fit. */
#define MIN_FREE_BYTES (16ul << 20)

static struct memblock_list memory;
static struct memblock_list taken;
static paddr_t reach = BOOT_MAP_END;
static bool released;

static void list_delete_at(struct memblock_list *list, unsigned int at)
{
	list->nr--;
	memmove(&list->range[at], &list->range[at + 1],
		(list->nr - at) * sizeof(list->range[0]));
}

static void list_insert_at(struct memblock_list *list, unsigned int at,
			   paddr_t start, paddr_t end)
{
	memmove(&list->range[at + 1], &list->range[at],
		(list->nr - at) * sizeof(list->range[0]));
	list->range[at] = (struct memblock_range){start, end};
	list->nr++;
}

int memblock_list_add(struct memblock_list *list, paddr_t start, paddr_t end)
{
	unsigned int at = 0;

	if (start >= end)
		return 0;
	while (at < list->nr && list->range[at].end < start)
		at++;
	if (at == list->nr || list->range[at].start > end) {
		if (list->nr == MEMBLOCK_MAX_RANGES)
			return -ENOSPC;
		list_insert_at(list, at, start, end);
		return 0;
	}
	/* Touches range[at], and perhaps some after it: they become one. */
	list->range[at].start = min(list->range[at].start, start);
	list->range[at].end = max(list->range[at].end, end);
	while (at + 1 < list->nr &&
	       list->range[at + 1].start <= list->range[at].end) {
		list->range[at].end =
			max(list->range[at].end, list->range[at + 1].end);
		list_delete_at(list, at + 1);
	}
	return 0;
}

int memblock_list_remove(struct memblock_list *list, paddr_t start, paddr_t end)
{
	unsigned int at = 0;

	if (start >= end)
		return 0;
	while (at < list->nr && list->range[at].start < end) {
		struct memblock_range *r = &list->range[at];

		if (r->end <= start) {
			at++;
		} else if (r->start < start && r->end > end) {
			if (list->nr == MEMBLOCK_MAX_RANGES)
				return -ENOSPC;
			list_insert_at(list, at + 1, end, r->end);
			r->end = start;
			return 0;
		} else if (r->start < start) {
			r->end = start;
			at++;
		} else if (r->end > end) {
			r->start = end;
			return 0;
		} else {
			list_delete_at(list, at);
		}
	}
	return 0;
}

/* The first range that ends above @addr, or list->nr. */
static unsigned int list_find(const struct memblock_list *list, paddr_t addr)
{
	unsigned int low = 0;
	unsigned int high = list->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (list->range[mid].end > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

bool memblock_list_overlaps(const struct memblock_list *list, paddr_t start,
			    paddr_t end)
{
	unsigned int at = list_find(list, start);

	return start < end && at < list->nr && list->range[at].start < end;
}

u64 memblock_list_bytes(const struct memblock_list *list)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		sum += list->range[i].end - list->range[i].start;
	return sum;
}

bool memblock_list_verify(const struct memblock_list *list)
{
	unsigned int i;

	if (list->nr > MEMBLOCK_MAX_RANGES)
		return false;
	for (i = 0; i < list->nr; i++) {
		if (list->range[i].start >= list->range[i].end)
			return false;
		if (i && list->range[i - 1].end >= list->range[i].start)
			return false;
	}
	return true;
}

void memblock_reserve(paddr_t start, paddr_t end)
{
	ASSERT(!released);
	if (memblock_list_add(&taken, start & PAGE_MASK, ALIGN(end, PAGE_SIZE)))
		boot_refuse("memory: more than %u ranges in use at boot",
			    MEMBLOCK_MAX_RANGES);
}

static void learn_memory(void)
{
	unsigned int i;

	for (i = 0; i < boot_info.nr_regions; i++) {
		const struct boot_region *r = &boot_info.regions[i];
		paddr_t start = ALIGN(r->start, PAGE_SIZE);
		paddr_t end = r->end & PAGE_MASK;

		if (r->kind != BOOT_MEMORY_USABLE && r->kind != BOOT_MEMORY_KERNEL)
			continue;
		if (r->end > MAX_PHYS_END) {
			pr_warn("memory: ignoring RAM above %#lx\n",
				MAX_PHYS_END);
			end = MAX_PHYS_END;
		}
		if (start >= end)
			continue;
		if (memblock_list_add(&memory, start, end))
			boot_refuse("memory: the map has more than %u pieces",
				    MEMBLOCK_MAX_RANGES);
		if (r->kind == BOOT_MEMORY_KERNEL)
			memblock_reserve(start, end);
	}
	/* Where regions overlap, one that is not RAM wins. */
	for (i = 0; i < boot_info.nr_regions; i++) {
		const struct boot_region *r = &boot_info.regions[i];

		if (r->kind == BOOT_MEMORY_USABLE || r->kind == BOOT_MEMORY_KERNEL)
			continue;
		if (memblock_list_remove(&memory, r->start & PAGE_MASK,
					 ALIGN(r->end, PAGE_SIZE)))
			boot_refuse("memory: the map has more than %u pieces",
				    MEMBLOCK_MAX_RANGES);
	}
}

static u64 free_bytes(void)
{
	static struct memblock_list left;
	unsigned int i;

	left = memory;
	for (i = 0; i < taken.nr; i++)
		memblock_list_remove(&left, taken.range[i].start,
				     taken.range[i].end);
	return memblock_list_bytes(&left);
}

void memblock_init(void)
{
	u64 bytes;
	unsigned int i;

	learn_memory();
	if (!memory.nr)
		boot_refuse("memory: the boot loader names no usable memory");
	memblock_reserve(0, LOW_MEMORY_END);
	memblock_reserve((paddr_t)__boot_start, image_to_phys(__image_end));
	for (i = 0; i < boot_info.nr_modules; i++)
		memblock_reserve(boot_info.modules[i].start,
				 boot_info.modules[i].end);

	bytes = free_bytes();
	pr_info("memory: %llu MiB in %u ranges up to %#lx, %llu MiB free\n",
		(unsigned long long)(memblock_list_bytes(&memory) >> 20),
		memory.nr, memblock_end(), (unsigned long long)(bytes >> 20));
	if (bytes < MIN_FREE_BYTES)
		boot_refuse("memory: %llu KiB free, at least %lu KiB needed",
			    (unsigned long long)(bytes >> 10),
			    MIN_FREE_BYTES >> 10);
}

/* The highest free spot of @size in [start, end), or 0. */
static paddr_t find_spot(paddr_t start, paddr_t end, size_t size, size_t align)
{
	while (end > start && end - start >= size) {
		paddr_t spot = ALIGN_DOWN(end - size, align);
		unsigned int at;

		if (spot < start)
			break;
		at = list_find(&taken, spot);
		if (at == taken.nr || taken.range[at].start >= spot + size)
			return spot;
		end = taken.range[at].start;
	}
	return 0;
}

paddr_t memblock_alloc(size_t size, size_t align)
{
	return memblock_alloc_below(size, align, reach);
}

paddr_t memblock_alloc_below(size_t size, size_t align, paddr_t end)
{
	unsigned int i;

	ASSERT(!released && size && is_power_of_two(align));
	size = ALIGN(size, PAGE_SIZE);
	end = min(end, reach);
	for (i = memory.nr; i-- > 0;) {
		paddr_t spot =
			find_spot(memory.range[i].start,
				  min(memory.range[i].end, end), size, align);

		if (!spot)
			continue;
		memblock_reserve(spot, spot + size);
		for (paddr_t page = spot; page < spot + size; page += PAGE_SIZE)
			clear_page(phys_to_virt(page));
		return spot;
	}
	boot_refuse("memory: no %zu KiB in one piece for the kernel's tables",
		    size >> 10);
}

void memblock_set_reach(paddr_t end)
{
	reach = end;
}

const struct memblock_list *memblock_memory(void)
{
	return &memory;
}

const struct memblock_list *memblock_taken(void)
{
	return &taken;
}

paddr_t memblock_end(void)
{
	return memory.nr ? memory.range[memory.nr - 1].end : 0;
}

bool memblock_is_ram(paddr_t addr)
{
	return memblock_list_overlaps(&memory, addr, addr + 1);
}

void memblock_release(void (*receive)(paddr_t start, paddr_t end))
{
	unsigned int i;

	ASSERT(!released);
	released = true;
	for (i = 0; i < memory.nr; i++) {
		paddr_t start = memory.range[i].start;
		paddr_t end = memory.range[i].end;

		while (start < end) {
			unsigned int at = list_find(&taken, start);
			paddr_t stop = end;

			if (at < taken.nr && taken.range[at].start <= start) {
				start = taken.range[at].end;
				continue;
			}
			if (at < taken.nr)
				stop = min(stop, taken.range[at].start);
			receive(start, stop);
			start = stop;
		}
	}
}
