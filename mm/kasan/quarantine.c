// SPDX-License-Identifier: MIT
/*
 * mm/kasan/quarantine.c - freed objects wait, so that late uses are seen
 *
 * Problem.  A freed object is the next to be allocated.  A use after the free then
 * finds an object that may be used: somebody else's.
 *
 * Idea.  A freed object joins the end of a queue.  When the queue holds more than
 * QUARANTINE_BYTES, the oldest go back to their slabs.
 *
 *	free -> [ newest ... oldest ] -> slab -> allocated again
 *
 * The queue is linked through the word by which a slab links its free objects; slab
 * and quarantine never have the same object.  To the slab it is in use; the counts of
 * live objects leave the kept ones out (slab_live_objects()).  Leak checks, the end of a
 * cache and a page allocator without pages drain the queue.
 *
 *	field		guarded by
 *	queue.*		queue.lock, with interrupts off; nothing is called under it
 *
 * Not here: pages.  They are free to be used again at once, for a page is looked
 * for by its count (nr_free_pages()), and most page faults of the tests would come out
 * of a queue.
 */
#include <kernel/lock/spinlock.h>
#include <mm/alloc/slab_def.h>

#include "mm/kasan/internal.h"

#define QUARANTINE_BYTES (2ul << 20)

static struct {
	struct raw_spinlock lock;
	void *oldest;
	void *newest;
	unsigned long objects;
	unsigned long bytes;
} queue;

static struct kmem_cache *cache_of(const void *object)
{
	return virt_to_page(object)->slab_cache;
}

static void append(struct kmem_cache *cache, void *object) __no_thread_safety
{
	unsigned long flags;

	*slab_link(cache, object) = NULL;
	raw_spin_lock_irqsave(&queue.lock, flags);
	if (queue.newest)
		*slab_link(cache_of(queue.newest), queue.newest) = object;
	else
		queue.oldest = object;
	queue.newest = object;
	queue.objects++;
	queue.bytes += cache->stride;
	raw_spin_unlock_irqrestore(&queue.lock, flags);
}

/* Give back the oldest object. Return: false if the queue holds @keep bytes or less. */
static bool give_oldest(unsigned long keep) __no_thread_safety
{
	struct kmem_cache *cache;
	unsigned long flags;
	void *object = NULL;

	raw_spin_lock_irqsave(&queue.lock, flags);
	if (queue.bytes > keep) {
		object = queue.oldest;
		cache = cache_of(object);
		queue.oldest = *slab_link(cache, object);
		if (!queue.oldest)
			queue.newest = NULL;
		queue.objects--;
		queue.bytes -= cache->stride;
	}
	raw_spin_unlock_irqrestore(&queue.lock, flags);
	if (!object)
		return false;
	slab_give(cache, object);
	return true;
}

void kasan_quarantine_put(struct kmem_cache *cache, void *object)
{
	append(cache, object);
	while (give_oldest(QUARANTINE_BYTES))
		;
}

bool kasan_quarantine_drain(void)
{
	bool some = false;

	while (give_oldest(0))
		some = true;
	return some;
}

unsigned long kasan_quarantine_objects(void)
{
	return READ_ONCE(queue.objects);
}

unsigned long kasan_quarantine_bytes(void)
{
	return READ_ONCE(queue.bytes);
}
