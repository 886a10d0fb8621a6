// SPDX-License-Identifier: MIT
/*
 * mm/alloc/slab_walk.c - what is asked of all caches: how much is out, is all well
 *
 * Problem.  Leak checks, tests and reports look at every cache while objects come
 * and go, and caches are made and destroyed.
 *
 * Idea.  for_each_cache() walks the list; the walker is a user of the cache where
 * it stands, so the cache stays without a lock (mm/alloc/slab.c draws it).  Each
 * question is then asked of one cache: a count reads its words, a check and a
 * report hold cache->lock, since the lists of its slabs must hold still.
 *
 *	question			reads			holds
 *	slab_live_objects()		out, the CPUs' counts	nothing
 *	slab_pages()			nr_slabs		nothing
 *	slab_verify()			slabs and objects	cache->lock
 *	slab_report_since()		tracks			cache->lock
 *
 * The allocator does not call this file.  Not here: the checks of one object
 * (mm/alloc/slab_debug.c).
 */
#include <lib/cpumask.h>
#include <lib/printk.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/slab_def.h>

static unsigned long cache_live(const struct kmem_cache *cache)
{
	unsigned long live = READ_ONCE(cache->out);
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		live -= READ_ONCE(cache->cpu[cpu].count);
	return live;
}

unsigned long slab_live_objects(void)
{
	struct kmem_cache *cache;
	unsigned long sum = 0;

	for_each_cache(cache) sum += cache_live(cache);
	return sum - kasan_quarantine_objects();
}

unsigned long slab_pages(void)
{
	struct kmem_cache *cache;
	unsigned long sum = 0;

	for_each_cache(cache) sum += READ_ONCE(cache->nr_slabs) << cache->order;
	return sum;
}

static bool verify_slab(struct kmem_cache *cache, struct page *slab)
{
	unsigned int nr = 0;
	void *object;

	if (!PageSlab(slab) || slab->slab_cache != cache ||
	    slab->slab_objects != cache->per_slab)
		return false;
	for (object = slab->slab_freelist; object;
	     object = *slab_link(cache, object)) {
		if (slab_of(cache, object) != slab || nr++ >= cache->per_slab)
			return false;
	}
	if (nr + slab->slab_inuse != cache->per_slab)
		return false;
	for (unsigned int i = 0; i < cache->per_slab; i++)
		if (!slab_debug_verify(cache, slab_object(cache, slab, i)))
			return false;
	return true;
}

static bool verify_cache(struct kmem_cache *cache)
{
	unsigned long slabs = 0, empty = 0, out = 0, flags;
	struct page *slab;
	bool ok = true;

	spin_lock_irqsave(&cache->lock, flags);
	list_for_each_entry(slab, &cache->partial, lru) {
		ok = ok && verify_slab(cache, slab) && slab->slab_freelist;
		slabs++;
		empty += !slab->slab_inuse;
		out += slab->slab_inuse;
	}
	list_for_each_entry(slab, &cache->full, lru) {
		ok = ok && verify_slab(cache, slab) && !slab->slab_freelist;
		slabs++;
		out += slab->slab_inuse;
	}
	ok = ok && slabs == cache->nr_slabs && empty == cache->nr_empty &&
	     out == cache->out;
	spin_unlock_irqrestore(&cache->lock, flags);
	if (!ok)
		pr_err("slab: cache %s is broken: %lu slabs, %lu objects out\n",
		       cache->name, slabs, out);
	return ok;
}

bool slab_verify(void)
{
	struct kmem_cache *cache;
	bool ok = true;

	for_each_cache(cache) ok &= verify_cache(cache);
	return ok;
}

void slab_report_since(u16 epoch)
{
	struct alloc_sites *sites;
	struct kmem_cache *cache;

	if (!IS_ENABLED(CONFIG_DEBUG))
		return;
	sites = alloc_sites_new();
	if (!sites)
		return;
	for_each_cache(cache) slab_count_cache(cache, epoch, sites);
	alloc_sites_print(sites);
}
