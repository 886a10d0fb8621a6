// SPDX-License-Identifier: MIT
/*
 * mm/kasan/quarantine.c - freed objects and pages wait, so that late uses are seen
 *
 * Problem.  A freed object is the next to be allocated, and so is a freed page.  A use
 * after the free then finds memory that may be used: its next owner's.
 *
 * Idea.  A freed object joins the end of a queue.  When the queue holds more than
 * QUARANTINE_BYTES, the oldest go back to their slabs.  A freed page takes the place of the
 * oldest in a ring of QUARANTINE_PAGES, and that one goes to the page allocator.
 *
 *	free -> [ newest ... oldest ] -> slab -> allocated again
 *
 * The queue is linked through the word by which a slab links its free objects; slab
 * and quarantine never have the same object.  The slab counts an object in the queue as
 * in use; the counts of live objects leave it out (slab_live_objects()).  Leak checks, the
 * end of a cache and a page allocator without pages drain the queue.
 *
 * A cache may end while another CPU has one of its objects between queue and slab.  That CPU
 * has interrupts off, so kmem_cache_destroy(), which calls every CPU after it has drained
 * the queue, waits for it (tests/mm/kasan/quarantine_test.c,
 * a_cache_ends_while_others_empty_the_quarantine):
 *
 *	give_oldest()			kmem_cache_destroy(cache)
 *	interrupts off
 *	takes an object of cache
 *					the queue is empty
 *					on_each_cpu(): waits
 *	slab_give()
 *	interrupts on			no object is out	(must be so, or the cache
 *								stays for good)
 *
 * A page in the ring is free: it counts as such (nr_free_pages()), and an allocation that
 * finds no other takes those of the ring.  Blocks of several pages do not wait.
 *
 *	field		guarded by
 *	queue.*		queue.lock, with interrupts off; nothing is called under it
 *	ring.page[]	exchange
 *	ring.next	atomic add
 */
#include <arch/cpu.h>
#include <kernel/lock/spinlock.h>
#include <lib/atomic.h>
#include <mm/alloc/slab_def.h>

#include "mm/kasan/internal.h"

#define QUARANTINE_BYTES (2ul << 20)
#define QUARANTINE_PAGES 256u

static struct {
	struct raw_spinlock lock;
	void *oldest;
	void *newest;
	unsigned long objects;
	unsigned long bytes;
} queue;

static struct {
	struct page *page[QUARANTINE_PAGES];
	atomic_t next;
} ring;

/* --- objects ------------------------------------------------------------- */

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

/* Take the oldest object out, if the queue holds more than @keep bytes. */
static void *take_oldest(unsigned long keep) __no_thread_safety
{
	struct kmem_cache *cache;
	void *object = NULL;

	raw_spin_lock(&queue.lock);
	if (queue.bytes > keep) {
		object = queue.oldest;
		cache = cache_of(object);
		queue.oldest = *slab_link(cache, object);
		if (!queue.oldest)
			queue.newest = NULL;
		queue.objects--;
		queue.bytes -= cache->stride;
	}
	raw_spin_unlock(&queue.lock);
	return object;
}

/*
 * Give back the oldest object. Return: false if the queue holds @keep bytes or less.
 * With interrupts off from the queue to the slab: see the drawing above.
 */
static bool give_oldest(unsigned long keep)
{
	unsigned long flags;
	void *object;

	local_irq_save(flags);
	object = take_oldest(keep);
	if (object)
		slab_give(cache_of(object), object);
	local_irq_restore(flags);
	return object;
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

/* --- pages --------------------------------------------------------------- */

bool kasan_page_free(struct page **page)
{
	unsigned int nr = (unsigned int)atomic_inc_return(&ring.next);

	*page = xchg(&ring.page[nr % QUARANTINE_PAGES], *page);
	return !*page;
}

struct page *kasan_page_take(void)
{
	struct page *page = NULL;

	for (unsigned int i = 0; i < QUARANTINE_PAGES && !page; i++)
		if (READ_ONCE(ring.page[i]))
			page = xchg(&ring.page[i], NULL);
	return page;
}

unsigned long kasan_quarantine_pages(void)
{
	unsigned long nr = 0;

	for (unsigned int i = 0; i < QUARANTINE_PAGES; i++)
		nr += READ_ONCE(ring.page[i]) != NULL;
	return nr;
}

/* --- how much waits ------------------------------------------------------ */

unsigned long kasan_quarantine_objects(void)
{
	return READ_ONCE(queue.objects);
}

unsigned long kasan_quarantine_bytes(void)
{
	return READ_ONCE(queue.bytes);
}
