// SPDX-License-Identifier: MIT
/*
 * mm/alloc/debug.c - who allocated it, who wrote to it after freeing it
 *
 * Problem.  A frame or object that is never given back, or written to after
 * it was, shows its damage far from its cause.
 *
 * Idea.  Debug builds pay for answers:
 *
 *	owner	each page and object remembers the return address of who
 *		allocated it (32 bits: all text lies in the top 2 GiB)
 *	epoch	and the number of the last snapshot before that, so "younger
 *		than the snapshot and still there" is a comparison
 *	poison	a free page is filled with PAGE_POISON and looked through when
 *		it is handed out again
 *
 * A leak is: more in use than at the snapshot.  The allocators' own stock is
 * left out of the count on both sides: free objects of slabs, tables of the
 * vmalloc range, cached stacks.
 *
 *	field		guarded by
 *	alloc_epoch	writes: one snapshot at a time; stamps may be stale by
 *			one, which counts an object as older
 *
 * Not here: red zones and poison of objects (mm/alloc/slab_debug.c), allocations
 * that fail on purpose (mm/alloc/fail.c).
 */
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/vmalloc.h>

u16 alloc_epoch = 1;

/* --- counting by place -------------------------------------------------- */

#define SITES_MAX 64

struct alloc_sites {
	unsigned int nr;
	unsigned long other; /* pieces of places that found no room */
	struct {
		const char *what;
		const void *caller;
		unsigned long pieces;
		unsigned long bytes;
	} site[SITES_MAX];
};

static_assert(sizeof(struct alloc_sites) <= PAGE_SIZE, "a count is a page");

struct alloc_sites *alloc_sites_new(void)
{
	return get_zeroed_page(GFP_KERNEL | __GFP_NOWARN);
}

void alloc_sites_add(struct alloc_sites *sites, const char *what,
		     const void *caller, size_t bytes)
{
	unsigned int i;

	for (i = 0; i < sites->nr; i++)
		if (sites->site[i].caller == caller && sites->site[i].what == what)
			break;
	if (i == SITES_MAX) {
		sites->other++;
		return;
	}
	if (i == sites->nr) {
		sites->nr++;
		sites->site[i].what = what;
		sites->site[i].caller = caller;
	}
	sites->site[i].pieces++;
	sites->site[i].bytes += bytes;
}

void alloc_sites_print(struct alloc_sites *sites)
{
	for (unsigned int i = 0; i < sites->nr; i++)
		pr_err("leak: %lu x %s, %lu bytes, allocated by %pS\n",
		       sites->site[i].pieces, sites->site[i].what,
		       sites->site[i].bytes, sites->site[i].caller);
	if (sites->other)
		pr_err("leak: %lu pieces of further places\n", sites->other);
	free_page_at(sites);
}

/* --- snapshots ---------------------------------------------------------- */

static unsigned long pages_in_use(void)
{
	return nr_total_pages() - nr_free_pages() - slab_pages() -
	       kernel_map_table_pages();
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

/* In numbers that wrap. */
bool alloc_is_since(u16 stamp, u16 epoch)
{
	return stamp && (s16)(stamp - epoch) >= 0;
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

			if (page != virt_to_page(sites) && page_ref_count(page) &&
			    !PageReserved(page) && !PageSlab(page) &&
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

/* --- pages -------------------------------------------------------------- */

static void poison_check(struct page *page)
{
	const u8 *bytes = page_address(page);
	const u8 *bad = memchr_inv(bytes, PAGE_POISON, PAGE_SIZE);

	if (!bad)
		return;
	page_dump(page, "written to after it was freed");
	panic("page_alloc: page %#lx written to after free, offset=%#lx "
	      "value=%#x, last allocated by %pS",
	      page_to_pfn(page), (unsigned long)(bad - bytes), *bad,
	      caller_unpack(page->owner));
}

void __page_debug_alloc(struct page *page, unsigned int order,
			unsigned long caller)
{
	for (unsigned long i = 0; i < 1ul << order; i++) {
		if (page[i].poisoned)
			poison_check(page + i);
		page[i].poisoned = 0;
		page[i].owner = caller_pack(caller);
		page[i].epoch = alloc_epoch;
	}
}

/* The owner stays: it is who a later report will name. */
void __page_debug_free(struct page *page, unsigned int order)
{
	for (unsigned long i = 0; i < 1ul << order; i++) {
		memset(page_address(page + i), PAGE_POISON, PAGE_SIZE);
		page[i].poisoned = 1;
	}
}
