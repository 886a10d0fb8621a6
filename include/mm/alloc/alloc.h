/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/alloc.h - memory by the byte, for every layer
 *
 * The contract lives in the lowest layer that needs it; mm/alloc/slab.c and
 * mm/alloc/vmalloc.c meet it.  Callable from the end of INIT_MEMORY on.
 *
 * Objects of up to KMALLOC_MAX_CACHED bytes come from slab caches, larger ones
 * straight from the page allocator, up to KMALLOC_MAX_SIZE.  An object is
 * aligned to the largest power of two that divides the size of its class, up
 * to a cache line; one above KMALLOC_MAX_CACHED to a page.
 */
#ifndef MM_ALLOC_ALLOC_H
#define MM_ALLOC_ALLOC_H

#include <arch/task.h>
#include <lib/types.h>
#include <lib/compiler.h>

/* May the caller sleep, and what shall a failure look like. */
#define __GFP_MAYSLEEP     (1u << 0) /* the caller may sleep */
#define __GFP_ZERO         (1u << 1) /* hand out zeroed memory */
#define __GFP_NOWARN       (1u << 2) /* a failure is expected: print nothing */
#define __GFP_NOFAIL       (1u << 3) /* boot only: panic rather than fail */
#define __GFP_RESERVE      (1u << 4) /* may dip into the last pages */

#define GFP_KERNEL         (__GFP_MAYSLEEP)
#define GFP_ATOMIC         (__GFP_RESERVE)
#define GFP_NOWAIT         (__GFP_NOWARN)

#define KMALLOC_MIN_SHIFT  4
#define KMALLOC_MAX_SHIFT  13
#define KMALLOC_MAX_CACHED (1ul << KMALLOC_MAX_SHIFT)
#define KMALLOC_MAX_SIZE   (4ul << 20)
/* 16, 32, ... 8192, and the two sizes in between: 96 and 192 */
#define KMALLOC_CLASSES 12

struct kmem_cache;

/* Flags of kmem_cache_create(). */
#define KMEM_CACHE_ALIGNED (1u << 0) /* align objects to a cache line */
#define KMEM_CACHE_PANIC   (1u << 1) /* boot time: creation cannot fail */

/**
 * kmem_cache_create() - make a cache of equal objects
 * @name: shown in reports; the string must outlive the cache
 * @size: bytes of one object, 1 to KMALLOC_MAX_CACHED
 * @align: power of two up to PAGE_SIZE, 0 for the default of 8
 * @flags: KMEM_CACHE_*
 * @ctor: run once on each object when its slab is made, or NULL; an object
 *	  comes out of kmem_cache_alloc() as it was freed, so the freer gives
 *	  it back in the constructed state
 *
 * Context: may sleep.
 * Return: the cache, or NULL without memory (never with KMEM_CACHE_PANIC).
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size,
				     size_t align, unsigned int flags,
				     void (*ctor)(void *object));

/**
 * kmem_cache_destroy() - end a cache
 * @cache: the cache, or NULL
 *
 * A live object is a leak: each is reported with the place that allocated it,
 * and the cache then stays, so that nothing is freed below its user.
 *
 * Context: may sleep; nobody else uses @cache.
 */
void kmem_cache_destroy(struct kmem_cache *cache);

/**
 * kmem_cache_alloc() - take an object out of a cache
 * @cache: the cache
 * @gfp: GFP_KERNEL, or GFP_ATOMIC where the caller cannot sleep;
 *	 __GFP_ZERO is not for caches with a constructor
 *
 * Context: any but NMI; may sleep with __GFP_MAYSLEEP.
 * Return: the object, or NULL.
 */
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);

/**
 * kmem_cache_zalloc() - take a zeroed object out of a cache
 * @cache: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: as kmem_cache_alloc().
 * Return: the object, or NULL.
 */
static __always_inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc(cache, gfp | __GFP_ZERO);
}

/**
 * kmem_cache_free() - give an object back
 * @cache: the cache it came from
 * @object: the object; NULL is an error of the caller
 *
 * Context: any but NMI. Never sleeps.
 */
void kmem_cache_free(struct kmem_cache *cache, void *object);

extern struct kmem_cache *kmalloc_caches[KMALLOC_CLASSES];

/* For a size not known when compiling. */
void *kmalloc_any(size_t size, gfp_t gfp);

/*
 * Which cache serves a size; with a constant this folds to a number.
 * Order of the classes: 16 32 64 96 128 192 256 512 1024 2048 4096 8192.
 */
static __always_inline unsigned int kmalloc_class(size_t size)
{
	return size <= 16     ? 0
	       : size <= 32   ? 1
	       : size <= 64   ? 2
	       : size <= 96   ? 3
	       : size <= 128  ? 4
	       : size <= 192  ? 5
	       : size <= 256  ? 6
	       : size <= 512  ? 7
	       : size <= 1024 ? 8
	       : size <= 2048 ? 9
	       : size <= 4096 ? 10
			      : 11;
}

/**
 * kmalloc() - allocate memory
 * @size: bytes; 0 gives NULL
 * @gfp: GFP_*
 *
 * Context: any but NMI; may sleep with __GFP_MAYSLEEP.
 * Return: the memory, or NULL without memory or with @size above
 *	   KMALLOC_MAX_SIZE.
 */
static __always_inline void *kmalloc(size_t size, gfp_t gfp)
{
	/* Debug builds watch the bytes between the size and its class. */
	if (!IS_ENABLED(CONFIG_DEBUG) && __builtin_constant_p(size) && size &&
	    size <= KMALLOC_MAX_CACHED)
		return kmem_cache_alloc(kmalloc_caches[kmalloc_class(size)], gfp);
	return kmalloc_any(size, gfp);
}

/**
 * kzalloc() - allocate zeroed memory
 * @size: bytes
 * @gfp: GFP_*
 *
 * Context: as kmalloc().
 * Return: as kmalloc().
 */
static __always_inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | __GFP_ZERO);
}

/**
 * kcalloc() - allocate a zeroed array
 * @n: elements
 * @size: bytes of one
 * @gfp: GFP_*
 *
 * Context: as kmalloc().
 * Return: as kmalloc(); NULL too when @n * @size does not fit.
 */
static __always_inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kmalloc(bytes, gfp | __GFP_ZERO);
}

/**
 * kfree() - give back what kmalloc() and its kin gave
 * @object: the memory, or NULL
 *
 * Context: any but NMI. Never sleeps.
 */
void kfree(const void *object);

/**
 * ksize() - usable bytes of a kmalloc() object
 * @object: from kmalloc() and its kin
 *
 * Context: any.
 * Return: at least what was asked for; in debug builds, up to
 *	   KMALLOC_MAX_CACHED, exactly that.
 */
size_t ksize(const void *object);

#endif
