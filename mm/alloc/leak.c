// SPDX-License-Identifier: MIT
/*
 * mm/alloc/leak.c - what is allocated and not given back, since a snapshot
 *
 * Problem.  A frame or object that is never given back shows long after its
 * cause, if at all.
 *
 * Idea.  A leak is: more in use than at the snapshot.  The allocators' own
 * stock is left out of the count on both sides: free objects of slabs, tables
 * and shadow of the vmalloc range, cached stacks.  In debug builds each piece is stamped
 * with the number of the last snapshot before it, its epoch, so "younger than
 * the snapshot and still there" is a comparison, and the report names the
 * place that allocated it.
 *
 *	field		guarded by
 *	alloc_epoch	writes: one snapshot at a time; stamps may be stale by
 *			one, which counts an object as older
 *
 * This file calls every allocator, and none calls it.  Not here: owners, stamps
 * and poison (mm/alloc/page_debug.c, mm/alloc/slab_debug.c), counts by place
 * (mm/alloc/sites.c), allocations that fail on purpose (mm/alloc/fail.c).
 */
#include <lib/kasan.h>
#include <lib/printk.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/vmalloc.h>

static unsigned long pages_in_use(void)
{
	return nr_total_pages() - nr_free_pages() - slab_pages() -
	       kernel_map_table_pages() - kasan_late_pages();
}

static void count_now(struct alloc_snapshot *now)
{
	vmalloc_purge();
	slab_shrink();
	now->pages = pages_in_use();
	now->objects = slab_live_objects();
	now->areas = vmalloc_areas();
	now->stacks = kernel_stacks_live();
}

static unsigned long more(unsigned long now, unsigned long then)
{
	return now > then ? now - then : 0;
}

void alloc_leak_snapshot(struct alloc_snapshot *snapshot)
{
	count_now(snapshot);
	/* 0 stands for "before every snapshot". */
	if (!++alloc_epoch)
		alloc_epoch = 1;
	snapshot->epoch = alloc_epoch;
}

static void report_pages_since(u16 epoch)
{
	const struct memblock_list *memory = memblock_memory();
	struct alloc_sites *sites = alloc_sites_new();

	if (!sites)
		return;
	for (unsigned int i = 0; i < memory->nr; i++) {
		pfn_t pfn = memory->range[i].start >> PAGE_SHIFT;
		pfn_t end = memory->range[i].end >> PAGE_SHIFT;

		for (; pfn < end; pfn++) {
			const struct page *page = pfn_to_page(pfn);

			if (page != virt_to_page(sites) &&
			    page_ref_count(page) && !PageReserved(page) &&
			    !PageSlab(page) && !PageTail(page) &&
			    alloc_is_since(page->epoch, epoch))
				alloc_sites_add(sites, "pages",
						caller_unpack(page->owner),
						PAGE_SIZE << page->order);
		}
	}
	alloc_sites_print(sites);
}

unsigned long alloc_leak_check(const struct alloc_snapshot *snapshot)
{
	struct alloc_snapshot now;
	unsigned long pages, objects, areas, stacks;

	count_now(&now);
	pages = more(now.pages, snapshot->pages);
	objects = more(now.objects, snapshot->objects);
	areas = more(now.areas, snapshot->areas);
	stacks = more(now.stacks, snapshot->stacks);
	if (!(pages + objects + areas + stacks))
		return 0;
	pr_err("leak: %lu pages, %lu objects, %lu areas, %lu stacks\n", pages,
	       objects, areas, stacks);
	if (IS_ENABLED(CONFIG_DEBUG)) {
		if (objects)
			slab_report_since(snapshot->epoch);
		if (areas || stacks)
			vmalloc_report_since(snapshot->epoch);
		if (pages)
			report_pages_since(snapshot->epoch);
	}
	return pages + objects + areas + stacks;
}
