// SPDX-License-Identifier: MIT
/*
 * mm/alloc/slab.c - objects smaller than a page, many of a kind
 *
 * Problem.  Most of what the kernel allocates is a few dozen bytes, over and
 * over the same few sizes, on every CPU; a page for each would be waste and a
 * lock around each would be a queue.
 *
 * Idea.  A cache keeps objects of one size.  It cuts slabs of a few pages into
 * objects; free ones are linked through themselves.  In front of the slabs
 * each CPU holds a short list of free objects:
 *
 *	kmem_cache_alloc()		kmem_cache_free()
 *	      |   ^			      |
 *	+-----v---|----+  batch under lock  +-v---------------------+
 *	| list of this | <----------------- | slabs: partial (some  |
 *	| CPU, LIFO    | -----------------> | objects free), full   |
 *	+--------------+    when too long   +-----------------------+
 *					      | ^ pages
 *
 * As in mm/alloc/page_alloc.c the CPU's list needs preemption off and a busy mark,
 * no atomic instruction; an interrupt of its owner goes to the slabs.
 *
 * A slab is aligned to its size, so an object leads to it by a mask, and from
 * any address virt_to_page()->slab_cache names the cache: that is all kfree()
 * has to know.
 *
 * States of a slab (all on one list each, under cache->lock):
 *
 *	inuse		list
 *	all		full
 *	some		partial, in front
 *	none		partial, at the end; beyond EMPTY_SLABS given back
 *
 * inuse counts objects that are not on the slab's own list, so those on a
 * CPU's list are in use here, and not live when leaks are counted.
 *
 *	field			guarded by
 *	cache->cpu[]		its CPU, preemption off, busy set
 *	slab lists, counts	cache->lock, taken with IRQs off
 *	slab_caches		slab_caches_lock, taken with IRQs off
 *	cache->users		slab_caches_lock
 *
 * Order of locks: slab_caches_lock, cache->lock, buddy.lock.
 *
 * Lifetime of a cache.  A walker of slab_caches holds no lock at a cache: it is
 * one of the cache's users, and so is its maker until kmem_cache_destroy().  The
 * last of them takes the cache off the list (tests/mm/alloc/slab_test.c,
 * a_cache_stays_until_a_walker_has_passed_it):
 *
 *	slab_next_cache(c)		kmem_cache_destroy(c)
 *	at c: users 2
 *					users 1: c stays listed
 *	lock; c->node leads on		(must come before c is freed)
 *	users 0: off the list, freed
 *
 * Not here: red zones, poison and owners (mm/alloc/slab_debug.c), what is asked of
 * all caches (mm/alloc/slab_walk.c).
 */
#include <arch/smp.h>
#include <lib/cpumask.h>
#include <lib/kasan.h>
#include <lib/panic.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/might_alloc.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab_def.h>

#define CACHE_LINE     64u
#define SLAB_MAX_ORDER 3u
#define EMPTY_SLABS    1u

static LIST_HEAD(slab_caches);
static DEFINE_SPINLOCK(slab_caches_lock);

struct kmem_cache *kmalloc_caches[KMALLOC_CLASSES];

/* The cache that struct kmem_cache itself comes from. */
static u8 first_bytes[sizeof(struct kmem_cache) +
		      NR_CPUS * sizeof(struct kmem_cpu)] __cacheline_aligned;
static struct kmem_cache *const first = (void *)first_bytes;

static const struct {
	const char *name;
	unsigned int size;
} kmalloc_class_of[KMALLOC_CLASSES] = {
	{"kmalloc-16", 16},     {"kmalloc-32", 32},     {"kmalloc-64", 64},
	{"kmalloc-96", 96},     {"kmalloc-128", 128},   {"kmalloc-192", 192},
	{"kmalloc-256", 256},   {"kmalloc-512", 512},   {"kmalloc-1024", 1024},
	{"kmalloc-2048", 2048}, {"kmalloc-4096", 4096}, {"kmalloc-8192", 8192},
};

/* --- slabs: callers hold cache->lock ------------------------------------ */

static void *slab_take(struct kmem_cache *cache, struct page *slab)
{
	void *object = slab->slab_freelist;

	slab->slab_freelist = *slab_link(cache, object);
	if (!slab->slab_inuse++)
		cache->nr_empty--;
	cache->out++;
	if (!slab->slab_freelist)
		list_move(&slab->lru, &cache->full);
	return object;
}

/* The slab is empty and off every list. */
static void slab_destroy(struct kmem_cache *cache, struct page *slab)
{
	for (unsigned int i = 0; i < 1u << cache->order; i++)
		ClearPageSlab(slab + i);
	put_page(slab);
}

static void slab_put(struct kmem_cache *cache, void *object)
{
	struct page *slab = slab_of(cache, object);

	if (!slab->slab_freelist)
		list_move(&slab->lru, &cache->partial);
	*slab_link(cache, object) = slab->slab_freelist;
	slab->slab_freelist = object;
	cache->out--;
	if (--slab->slab_inuse)
		return;
	if (cache->nr_empty >= EMPTY_SLABS) {
		list_del(&slab->lru);
		cache->nr_slabs--;
		slab_destroy(cache, slab);
	} else {
		list_move_tail(&slab->lru, &cache->partial);
		cache->nr_empty++;
	}
}

/* --- new slabs: no lock ------------------------------------------------- */

static bool slab_grow(struct kmem_cache *cache, gfp_t gfp)
{
	gfp_t how = gfp & ~__GFP_ZERO;
	struct page *slab = alloc_pages(how, cache->order);
	unsigned long flags;
	unsigned int i;

	if (!slab)
		return false;
	for (i = 0; i < 1u << cache->order; i++) {
		SetPageSlab(slab + i);
		slab[i].slab_cache = cache;
	}
	slab->slab_freelist = NULL;
	slab->slab_inuse = 0;
	slab->slab_objects = cache->per_slab;
	kasan_poison(page_address(slab), PAGE_SIZE << cache->order,
		     KASAN_SLAB_REDZONE);
	for (i = cache->per_slab; i-- > 0;) {
		void *object = slab_object(cache, slab, i);

		slab_debug_new(cache, object);
		kasan_unpoison(object, cache->object_size);
		if (cache->ctor)
			cache->ctor(object);
		kasan_poison(object, cache->object_size, KASAN_SLAB_FREE);
		*slab_link(cache, object) = slab->slab_freelist;
		slab->slab_freelist = object;
	}
	spin_lock_irqsave(&cache->lock, flags);
	list_add(&slab->lru, &cache->partial);
	cache->nr_slabs++;
	cache->nr_empty++;
	spin_unlock_irqrestore(&cache->lock, flags);
	return true;
}

/* --- the CPU's list ----------------------------------------------------- */

/* As pcp_get() of mm/alloc/page_alloc.c: NULL when its owner was interrupted. */
static struct kmem_cpu *cpu_get(struct kmem_cache *cache)
{
	struct kmem_cpu *cpu;

	preempt_disable();
	cpu = &cache->cpu[smp_processor_id()];
	if (unlikely(cpu->busy)) {
		preempt_enable();
		return NULL;
	}
	cpu->busy = 1;
	barrier();
	return cpu;
}

static void cpu_put(struct kmem_cpu *cpu)
{
	barrier();
	cpu->busy = 0;
	preempt_enable();
}

static void cpu_push(struct kmem_cache *cache, struct kmem_cpu *cpu, void *object)
{
	*slab_link(cache, object) = cpu->head;
	cpu->head = object;
	cpu->count++;
}

static void *cpu_pop(struct kmem_cache *cache, struct kmem_cpu *cpu)
{
	void *object = cpu->head;

	cpu->head = *slab_link(cache, object);
	cpu->count--;
	return object;
}

static noinline void cpu_refill(struct kmem_cache *cache, struct kmem_cpu *cpu)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	while (cpu->count < cache->batch && !list_empty(&cache->partial)) {
		struct page *slab =
			list_first_entry(&cache->partial, struct page, lru);

		cpu_push(cache, cpu, slab_take(cache, slab));
	}
	spin_unlock_irqrestore(&cache->lock, flags);
}

static noinline void cpu_flush(struct kmem_cache *cache, struct kmem_cpu *cpu,
			       u32 down_to)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	while (cpu->count > down_to)
		slab_put(cache, cpu_pop(cache, cpu));
	spin_unlock_irqrestore(&cache->lock, flags);
}

/* --- taking and giving -------------------------------------------------- */

static void *take_from_slabs(struct kmem_cache *cache)
{
	void *object = NULL;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	if (!list_empty(&cache->partial))
		object = slab_take(cache, list_first_entry(&cache->partial,
							   struct page, lru));
	spin_unlock_irqrestore(&cache->lock, flags);
	return object;
}

/* Other CPUs may take the objects of a new slab first, hence the loop. */
static noinline void *alloc_slow(struct kmem_cache *cache, gfp_t gfp)
{
	for (;;) {
		struct kmem_cpu *cpu = cpu_get(cache);
		void *object = NULL;

		if (cpu) {
			if (!cpu->head)
				cpu_refill(cache, cpu);
			if (cpu->head)
				object = cpu_pop(cache, cpu);
			cpu_put(cpu);
		} else {
			object = take_from_slabs(cache);
		}
		if (object || !slab_grow(cache, gfp))
			return object;
	}
}

static void *alloc_object(struct kmem_cache *cache, size_t size, gfp_t gfp,
			  unsigned long caller)
{
	struct kmem_cpu *cpu;
	void *object = NULL;

	might_alloc(gfp, caller);
	if (alloc_shall_fail(gfp))
		return NULL;
	cpu = cpu_get(cache);
	if (likely(cpu)) {
		if (likely(cpu->head))
			object = cpu_pop(cache, cpu);
		cpu_put(cpu);
	}
	if (unlikely(!object)) {
		object = alloc_slow(cache, gfp);
		if (!object)
			return NULL;
	}
	slab_debug_alloc(cache, object, size, caller);
	kasan_object_alloc(cache, object, size);
	if (gfp & __GFP_ZERO)
		memset(object, 0, size);
	return object;
}

void slab_give(struct kmem_cache *cache, void *object)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	slab_put(cache, object);
	spin_unlock_irqrestore(&cache->lock, flags);
}

static void free_object(struct kmem_cache *cache, void *object,
			unsigned long caller)
{
	struct kmem_cpu *cpu;

	if (kasan_double_free(cache, object))
		return;
	slab_debug_free(cache, object, caller);
	if (kasan_object_free(cache, object))
		return;
	cpu = cpu_get(cache);
	if (unlikely(!cpu)) {
		slab_give(cache, object);
		return;
	}
	cpu_push(cache, cpu, object);
	if (unlikely(cpu->count > cache->high))
		cpu_flush(cache, cpu, cache->high - cache->batch);
	cpu_put(cpu);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	ASSERT(!((gfp & __GFP_ZERO) && cache->ctor));
	return alloc_object(cache, cache->object_size, gfp, CALLER());
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	free_object(cache, object, CALLER());
}

static void *kmalloc_large(size_t size, gfp_t gfp, unsigned long caller)
{
	/* The largest block has no room for a red zone. */
	unsigned int order = min_t(
		unsigned int, fls((size + KASAN_LARGE_BYTES - 1) >> PAGE_SHIFT),
		MAX_ORDER);
	struct page *page;

	might_alloc(gfp, caller);
	page = alloc_pages(gfp, order);
	if (!page)
		return NULL;
	SetPageLarge(page);
	kasan_tail(page_address(page), size, PAGE_SIZE << order,
		   KASAN_LARGE_TAIL);
	if (IS_ENABLED(CONFIG_DEBUG))
		page->owner = caller_pack(caller);
	return page_address(page);
}

void *kmalloc_any(size_t size, gfp_t gfp)
{
	if (!size || size > KMALLOC_MAX_SIZE)
		return NULL;
	if (size <= KMALLOC_MAX_CACHED)
		return alloc_object(kmalloc_caches[kmalloc_class(size)], size,
				    gfp, CALLER());
	return kmalloc_large(size, gfp, CALLER());
}

static noinline __cold void bad_kfree(const void *object)
{
	panic("slab: kfree(%p) of what no allocator gave", object);
}

void kfree(const void *object)
{
	struct page *page;

	if (!object)
		return;
	if (unlikely((vaddr_t)object - PAGE_OFFSET >= max_pfn << PAGE_SHIFT))
		bad_kfree(object);
	page = virt_to_page(object);
	if (likely(PageSlab(page))) {
		free_object(page->slab_cache, (void *)object, CALLER());
		return;
	}
	if (!PageLarge(page) || page_address(page) != object)
		bad_kfree(object);
	ClearPageLarge(page);
	put_page(page);
}

size_t ksize(const void *object)
{
	const struct page *page = virt_to_page(object);

	if (!PageSlab(page))
		return PAGE_SIZE << page->order;
	if (IS_ENABLED(CONFIG_DEBUG))
		return __slab_debug_size(page->slab_cache, object);
	return page->slab_cache->object_size;
}

/* --- making caches ------------------------------------------------------ */

/* The least order that wastes no more than an eighth and holds a few. */
static unsigned int choose_order(unsigned int stride)
{
	for (unsigned int order = 0; order < SLAB_MAX_ORDER; order++) {
		unsigned long bytes = PAGE_SIZE << order;

		if (bytes / stride >= 8 && bytes % stride <= bytes / 8)
			return order;
	}
	return SLAB_MAX_ORDER;
}

static void cache_setup(struct kmem_cache *cache, const char *name,
			unsigned int size, unsigned int align,
			void (*ctor)(void *object))
{
	unsigned long flags;
	unsigned int slot;

	align = max(align, 8u);
	cache->name = name;
	cache->object_size = size;
	cache->ctor = ctor;
	if (IS_ENABLED(CONFIG_DEBUG)) {
		cache->left = slab_debug_left(align);
		cache->link = ALIGN(size, 8u) + slab_debug_right();
	} else if (ctor) {
		cache->link = ALIGN(size, 8u);
	}
	slot = cache->left + max(ALIGN(size, 8u), cache->link + 8u);
	cache->stride = ALIGN(slot, align);
	cache->order = choose_order(cache->stride);
	cache->per_slab = (PAGE_SIZE << cache->order) / cache->stride;
	cache->batch = clamp(4096u / cache->stride, 4u, 32u);
	cache->high = cache->batch * 4;
	spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->partial);
	INIT_LIST_HEAD(&cache->full);
	cache->users = 1;
	spin_lock_irqsave(&slab_caches_lock, flags);
	list_add_tail(&cache->node, &slab_caches);
	spin_unlock_irqrestore(&slab_caches_lock, flags);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size,
				     size_t align, unsigned int flags,
				     void (*ctor)(void *object))
{
	gfp_t gfp = flags & KMEM_CACHE_PANIC ? GFP_KERNEL | __GFP_NOFAIL
					     : GFP_KERNEL;
	struct kmem_cache *cache;

	ASSERT(size && size <= KMALLOC_MAX_CACHED && align <= PAGE_SIZE);
	ASSERT(!align || is_power_of_two(align));
	might_alloc(gfp, CALLER());
	if (flags & KMEM_CACHE_ALIGNED)
		align = max_t(size_t, align, CACHE_LINE);
	cache = kmem_cache_zalloc(first, gfp);
	if (!cache)
		return NULL;
	cache_setup(cache, name, size, align, ctor);
	return cache;
}

static void drain_cache(void *arg)
{
	struct kmem_cache *cache = arg;
	struct kmem_cpu *cpu = cpu_get(cache);

	if (!cpu)
		return;
	cpu_flush(cache, cpu, 0);
	cpu_put(cpu);
}

/* On each CPU, with interrupts off. */
static void drain_all_caches(void *unused)
{
	struct kmem_cache *cache;

	spin_lock(&slab_caches_lock);
	list_for_each_entry(cache, &slab_caches, node)
		drain_cache(cache);
	spin_unlock(&slab_caches_lock);
}

/* Empty slabs are at the end of the partial list. */
static void free_empty_slabs(struct kmem_cache *cache)
{
	struct page *slab, *next;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	list_for_each_entry_safe(slab, next, &cache->partial, lru) {
		if (slab->slab_inuse)
			continue;
		list_del(&slab->lru);
		cache->nr_slabs--;
		cache->nr_empty--;
		slab_destroy(cache, slab);
	}
	spin_unlock_irqrestore(&cache->lock, flags);
}

static void cache_put(struct kmem_cache *cache)
{
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&slab_caches_lock, flags);
	last = !--cache->users;
	if (last)
		list_del(&cache->node);
	spin_unlock_irqrestore(&slab_caches_lock, flags);
	if (last)
		kmem_cache_free(first, cache);
}

struct kmem_cache *slab_next_cache(struct kmem_cache *at)
{
	struct list_head *node = at ? &at->node : &slab_caches;
	struct kmem_cache *next = NULL;
	unsigned long flags;

	spin_lock_irqsave(&slab_caches_lock, flags);
	if (node->next != &slab_caches) {
		next = list_entry(node->next, struct kmem_cache, node);
		next->users++;
	}
	spin_unlock_irqrestore(&slab_caches_lock, flags);
	if (at)
		cache_put(at);
	return next;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	unsigned long left;

	if (!cache)
		return;
	kasan_quarantine_drain();
	on_each_cpu(drain_cache, cache, SMP_WAIT);
	free_empty_slabs(cache);
	left = cache->out;
	if (left) {
		pr_err("slab: cache %s destroyed with %lu live objects\n",
		       cache->name, left);
		slab_report_cache(cache, 0);
		return;
	}
	cache_put(cache);
}

void slab_shrink(void)
{
	struct kmem_cache *cache;

	kasan_quarantine_drain();
	on_each_cpu(drain_all_caches, NULL, SMP_WAIT);
	for_each_cache(cache) free_empty_slabs(cache);
}

void slab_init(void)
{
	unsigned int cpus = fls(cpu_possible_mask.bits);
	unsigned int i;

	cache_setup(first, "kmem_cache",
		    sizeof(struct kmem_cache) + cpus * sizeof(struct kmem_cpu),
		    CACHE_LINE, NULL);
	for (i = 0; i < KMALLOC_CLASSES; i++) {
		unsigned int size = kmalloc_class_of[i].size;

		kmalloc_caches[i] = kmem_cache_create(
			kmalloc_class_of[i].name, size,
			min(size & -size, CACHE_LINE), KMEM_CACHE_PANIC, NULL);
	}
}
