// SPDX-License-Identifier: MIT
/*
 * mm/alloc/sites.c - what is allocated, counted by the place that allocated it
 *
 * Problem.  A report of ten thousand leaked objects, one line each, is not read;
 * nearly all of them come from one call.
 *
 * Idea.  Each allocator walks its own pieces and adds them to a count, which
 * has a line for each pair of kind and calling place.  A count is one page, so
 * it may be filled under a spinlock; places that find no line left are added up.
 *
 * Locks: a count belongs to its maker alone.  Lifetime: from alloc_sites_new() to
 * alloc_sites_print().  The users: mm/alloc/leak.c for frames, mm/alloc/slab_debug.c,
 * mm/alloc/vmalloc.c, mm/alloc/kernel_stack.c.
 */
#include <lib/printk.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/page_alloc.h>

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
