// SPDX-License-Identifier: MIT
/*
 * mm/alloc/slab_debug.c - catch the misuse of an object, and name its owner
 *
 * Problem.  Writing past the end of an object, or into one that was given
 * back, breaks a stranger's data.  By the time that shows, the culprit is gone.
 *
 * Idea.  In debug builds each object lies between red zones and carries a
 * track: live or free, where it was allocated and freed, in which epoch.
 *
 *	on free		  must be an object of this cache, LIVE, red zones whole;
 *			  then it is FREE and filled with SLAB_POISON_FREE
 *	on allocation	  must be FREE, poison and red zones whole; then it is
 *			  LIVE and filled with SLAB_POISON_NEW
 *
 *	mistake			seen			words
 *	double free		at the second free	"suffers a double free"
 *	overflow, underflow	at free, or by		"has a red zone written
 *				slab_verify()		to"
 *	use after free		at the next allocation	"was written to after
 *							free"
 *	free of a wrong pointer	at the free		"not an object of"
 *
 * The bytes by which kmalloc() rounds a size up belong to the red zone.  Objects
 * of caches with a constructor keep their contents when free, so only their red
 * zones and state are watched.
 *
 * Each mistake is a panic that names the cache, the object, and the places
 * that allocated and freed it last.
 *
 * Locks: an object's track belongs to its allocator, and to the thread that
 * frees it; reports read tracks under the cache's lock, and a stale one only
 * misleads by one object.
 *
 * Not here: the allocator (mm/alloc/slab.c), which calls this file, and reports
 * of all caches (mm/alloc/slab_walk.c).
 */
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/slab_def.h>

#define TRACK_BYTES ALIGN(sizeof(struct slab_track), 8)

unsigned int slab_debug_left(unsigned int align)
{
	return max_t(unsigned int, align, SLAB_RED_ZONE_BYTES);
}

unsigned int slab_debug_right(void)
{
	return SLAB_RED_ZONE_BYTES + TRACK_BYTES;
}

/* From the last byte asked for to the track: rounding is watched too. */
static size_t right_zone_bytes(const struct kmem_cache *cache, size_t size)
{
	return ALIGN(cache->object_size, 8u) - size + SLAB_RED_ZONE_BYTES;
}

static noinline __cold __noreturn void complain(const struct kmem_cache *cache,
						void *object, const char *what,
						const void *where,
						unsigned long caller)
{
	const struct slab_track *track = slab_track_of(cache, object);

	panic("slab: object %p of %s %s, at offset %ld; allocated by %pS, "
	      "freed by %pS, found by %pS",
	      object, cache->name, what,
	      where ? (long)((const char *)where - (char *)object) : 0l,
	      caller_unpack(track->alloc_by), caller_unpack(track->free_by),
	      (void *)caller);
}

/* The first byte of a red zone that was written to, or NULL. */
static const void *red_zone_hit(const struct kmem_cache *cache, void *object)
{
	const void *hit = memchr_inv((char *)object - cache->left,
				     SLAB_RED_ZONE, cache->left);
	size_t size = READ_ONCE(slab_track_of(cache, object)->size);

	if (hit)
		return hit;
	return memchr_inv((char *)object + size, SLAB_RED_ZONE,
			  right_zone_bytes(cache, size));
}

void __slab_debug_new(const struct kmem_cache *cache, void *object)
{
	struct slab_track *track = slab_track_of(cache, object);

	memset((char *)object - cache->left, SLAB_RED_ZONE, cache->left);
	memset((char *)object + cache->object_size, SLAB_RED_ZONE,
	       right_zone_bytes(cache, cache->object_size));
	if (!cache->ctor)
		memset(object, SLAB_POISON_FREE, cache->object_size);
	*track = (struct slab_track){
		.state = SLAB_OBJECT_FREE,
		.size = cache->object_size,
	};
}

void __slab_debug_alloc(const struct kmem_cache *cache, void *object,
			size_t size, unsigned long caller)
{
	struct slab_track *track = slab_track_of(cache, object);
	const void *hit = red_zone_hit(cache, object);

	if (hit)
		complain(cache, object, "has a red zone written to", hit, caller);
	if (track->state != SLAB_OBJECT_FREE)
		complain(cache, object, "is handed out while in use", NULL,
			 caller);
	if (!cache->ctor) {
		hit = memchr_inv(object, SLAB_POISON_FREE, cache->object_size);
		if (hit)
			complain(cache, object, "was written to after free",
				 hit, caller);
		memset(object, SLAB_POISON_NEW, size);
		memset((char *)object + size, SLAB_RED_ZONE,
		       cache->object_size - size);
	}
	WRITE_ONCE(track->size, size);
	track->alloc_by = caller_pack(caller);
	track->epoch = alloc_epoch;
	track->cpu = smp_processor_id();
	WRITE_ONCE(track->state, SLAB_OBJECT_LIVE);
}

static bool is_object_of(const struct kmem_cache *cache, const void *object)
{
	const struct page *slab;
	unsigned long offset;

	if ((vaddr_t)object - PAGE_OFFSET >= max_pfn << PAGE_SHIFT)
		return false;
	if (!PageSlab(virt_to_page(object)) ||
	    virt_to_page(object)->slab_cache != cache)
		return false;
	slab = slab_of(cache, object);
	offset = (const char *)object - (const char *)page_address(slab) -
		 cache->left;
	return offset % cache->stride == 0 &&
	       offset / cache->stride < cache->per_slab;
}

void __slab_debug_free(const struct kmem_cache *cache, void *object,
		       unsigned long caller)
{
	struct slab_track *track;
	const void *hit;

	if (!is_object_of(cache, object))
		panic("slab: %p is not an object of %s, freed by %pS", object,
		      cache->name, (void *)caller);
	track = slab_track_of(cache, object);
	if (track->state == SLAB_OBJECT_FREE)
		complain(cache, object, "suffers a double free", NULL, caller);
	hit = red_zone_hit(cache, object);
	if (hit || track->state != SLAB_OBJECT_LIVE)
		complain(cache, object, "has a red zone written to", hit, caller);
	track->free_by = caller_pack(caller);
	WRITE_ONCE(track->size, cache->object_size);
	WRITE_ONCE(track->state, SLAB_OBJECT_FREE);
	if (!cache->ctor)
		memset(object, SLAB_POISON_FREE, cache->object_size);
}

size_t __slab_debug_size(const struct kmem_cache *cache, const void *object)
{
	return slab_track_of(cache, object)->size;
}

bool slab_debug_verify(const struct kmem_cache *cache, void *object)
{
	const struct slab_track *track;
	const void *hit;

	if (!IS_ENABLED(CONFIG_DEBUG))
		return true;
	track = slab_track_of(cache, object);
	hit = red_zone_hit(cache, object);
	/* One that is just now freed is being filled with poison. */
	if (hit && READ_ONCE(track->state) != SLAB_OBJECT_LIVE)
		hit = red_zone_hit(cache, object);
	if (!hit)
		return true;
	pr_err("slab: object %p of %s has a red zone written to at offset "
	       "%ld, allocated by %pS\n",
	       object, cache->name, (long)((const char *)hit - (char *)object),
	       caller_unpack(track->alloc_by));
	return false;
}

/* --- owners of objects -------------------------------------------------- */

static void count_slab(struct kmem_cache *cache, const struct page *slab,
		       u16 epoch, struct alloc_sites *sites)
{
	for (unsigned int i = 0; i < cache->per_slab; i++) {
		const struct slab_track *track =
			slab_track_of(cache, slab_object(cache, slab, i));

		if (READ_ONCE(track->state) == SLAB_OBJECT_LIVE &&
		    (!epoch || alloc_is_since(track->epoch, epoch)))
			alloc_sites_add(sites, cache->name,
					caller_unpack(track->alloc_by),
					track->size);
	}
}

void slab_count_cache(struct kmem_cache *cache, u16 epoch,
		      struct alloc_sites *sites)
{
	const struct page *slab;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	list_for_each_entry(slab, &cache->partial, lru)
		count_slab(cache, slab, epoch, sites);
	list_for_each_entry(slab, &cache->full, lru)
		count_slab(cache, slab, epoch, sites);
	spin_unlock_irqrestore(&cache->lock, flags);
}

void slab_report_cache(struct kmem_cache *cache, u16 epoch)
{
	struct alloc_sites *sites;

	if (!IS_ENABLED(CONFIG_DEBUG))
		return;
	sites = alloc_sites_new();
	if (!sites)
		return;
	slab_count_cache(cache, epoch, sites);
	alloc_sites_print(sites);
}

bool slab_describe(vaddr_t addr, char *buf, size_t len)
{
	const struct kmem_cache *cache;
	const struct slab_track *track;
	unsigned long offset, n;
	struct page *page, *slab;
	void *object;

	if (addr - PAGE_OFFSET >= max_pfn << PAGE_SHIFT ||
	    !pfn_valid((addr - PAGE_OFFSET) >> PAGE_SHIFT))
		return false;
	page = virt_to_page((void *)addr);
	if (!PageSlab(page))
		return false;
	cache = page->slab_cache;
	slab = slab_of(cache, (void *)addr);
	offset = addr - (vaddr_t)page_address(slab);
	n = offset / cache->stride;
	if (n >= cache->per_slab)
		return false;
	object = slab_object(cache, slab, n);
	if (!IS_ENABLED(CONFIG_DEBUG)) {
		scnprintf(buf, len, "%s %p%+ld", cache->name, object,
			  (long)(addr - (vaddr_t)object));
		return true;
	}
	track = slab_track_of(cache, object);
	scnprintf(buf, len, "%s %p%+ld, %s, allocated by %pS, freed by %pS",
		  cache->name, object, (long)(addr - (vaddr_t)object),
		  track->state == SLAB_OBJECT_LIVE ? "live" : "free",
		  caller_unpack(track->alloc_by), caller_unpack(track->free_by));
	return true;
}
