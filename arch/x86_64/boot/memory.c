// SPDX-License-Identifier: MIT
/*
 * memory.c - a memory map one can rely on, and the first memory taken from it
 *
 * Problem.  Firmware maps come unsorted, overlapping and unaligned.
 *
 * Idea.  Cut the address space at every boundary any range has; each piece
 * gets the strictest kind of the ranges over it; equal neighbours are joined.
 * Usable ranges are first shrunk to whole pages, all others grown. To take
 * memory is to lay a BOOT_MEMORY_KERNEL range over it and do the same again.
 *
 *	       0   1   2   3   4   5   6
 *	usable [-----------------------]
 *	reserved       [---]
 *	taken                  [---]
 *	result [usable][res]us.[ker]us.
 *
 * Strictness: usable < kernel < ACPI < reserved < NVS < bad.
 *
 * Locks: none, the boot CPU alone runs.
 */
#include <arch/boot.h>
#include <arch/page.h>
#include <lib/string.h>
#include <asm/arch.h>

#define LOW_MEMORY_END (1UL << 20)

static struct boot_region scratch[BOOT_MAX_REGIONS];
static paddr_t cuts[2 * BOOT_MAX_REGIONS];

static unsigned int strictness(enum boot_memory_kind kind)
{
	static const u8 rank[] = {
		[BOOT_MEMORY_USABLE] = 1, [BOOT_MEMORY_KERNEL] = 2,
		[BOOT_MEMORY_ACPI] = 3,   [BOOT_MEMORY_RESERVED] = 4,
		[BOOT_MEMORY_NVS] = 5,    [BOOT_MEMORY_BAD] = 6,
	};

	return rank[kind];
}

static void align_regions(struct boot_info *info)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < info->nr_regions; i++) {
		struct boot_region r = info->regions[i];

		if (r.kind == BOOT_MEMORY_USABLE) {
			if (r.start > ~0UL - PAGE_SIZE)
				continue;
			r.start = ALIGN(r.start, PAGE_SIZE);
			r.end = ALIGN_DOWN(r.end, PAGE_SIZE);
		} else {
			r.start = ALIGN_DOWN(r.start, PAGE_SIZE);
			r.end = r.end > ~0UL - PAGE_SIZE
					? ALIGN_DOWN(~0UL, PAGE_SIZE)
					: ALIGN(r.end, PAGE_SIZE);
		}
		if (r.start < r.end)
			info->regions[kept++] = r;
	}
	info->nr_regions = kept;
}

static unsigned int sort_cuts(const struct boot_info *info)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2 * info->nr_regions; i++) {
		const struct boot_region *r = &info->regions[i / 2];
		paddr_t v = i % 2 ? r->end : r->start;
		unsigned int at = n;

		while (at && cuts[at - 1] > v)
			at--;
		if (at && cuts[at - 1] == v)
			continue;
		memmove(&cuts[at + 1], &cuts[at], (n - at) * sizeof(cuts[0]));
		cuts[at] = v;
		n++;
	}
	return n;
}

/* The strictest kind over the piece that begins at @start; 0 for none. */
static enum boot_memory_kind kind_at(const struct boot_info *info, paddr_t start)
{
	enum boot_memory_kind best = 0;

	for (unsigned int i = 0; i < info->nr_regions; i++) {
		const struct boot_region *r = &info->regions[i];

		if (r->start <= start && start < r->end &&
		    (!best || strictness(r->kind) > strictness(best)))
			best = r->kind;
	}
	return best;
}

const char *boot_regions_normalise(struct boot_info *info)
{
	unsigned int nr_cuts, n = 0;

	align_regions(info);
	nr_cuts = sort_cuts(info);
	for (unsigned int i = 0; i + 1 < nr_cuts; i++) {
		enum boot_memory_kind kind = kind_at(info, cuts[i]);

		if (!kind)
			continue;
		if (n && scratch[n - 1].end == cuts[i] &&
		    scratch[n - 1].kind == kind) {
			scratch[n - 1].end = cuts[i + 1];
			continue;
		}
		if (n == BOOT_MAX_REGIONS)
			return "the memory map has too many pieces";
		scratch[n++] = (struct boot_region){cuts[i], cuts[i + 1], kind};
	}
	memcpy(info->regions, scratch, n * sizeof(scratch[0]));
	info->nr_regions = n;
	return NULL;
}

bool boot_regions_take(struct boot_info *info, paddr_t start, paddr_t end)
{
	/* Each call may add two pieces; keep room for the cut. */
	if (info->nr_regions + 2 >= BOOT_MAX_REGIONS)
		return false;
	info->regions[info->nr_regions++] =
		(struct boot_region){start, end, BOOT_MEMORY_KERNEL};
	return !boot_regions_normalise(info);
}

paddr_t boot_take_memory(size_t size, paddr_t limit)
{
	size = ALIGN(size, PAGE_SIZE);
	for (unsigned int i = boot_info.nr_regions; i--;) {
		const struct boot_region *r = &boot_info.regions[i];
		paddr_t end = min(r->end, limit), start;

		if (r->kind != BOOT_MEMORY_USABLE || end <= r->start ||
		    end - r->start < size)
			continue;
		start = end - size;
		if (start < LOW_MEMORY_END && limit > LOW_MEMORY_END)
			continue;
		if (!boot_regions_take(&boot_info, start, end))
			return 0;
		memset(phys_to_virt(start), 0, size);
		return start;
	}
	return 0;
}
