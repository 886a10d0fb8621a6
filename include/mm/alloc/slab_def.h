/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/slab_def.h - what a cache is made of
 *
 * Between mm/alloc/slab.c, mm/alloc/slab_debug.c, mm/alloc/slab_walk.c and mm/kasan/ only.
 *
 * A slab is 2^order pages cut into slots of stride bytes:
 *
 *	release	| object | object | object | ...	a free object begins
 *		with the link to the next free one, or has it behind itself
 *		where a constructor wants it left alone
 *
 *	debug	| red zone | object | red zone | track | link | red zone | ...
 *		 left bytes		       16
 */
#ifndef MM_ALLOC_SLAB_DEF_H
#define MM_ALLOC_SLAB_DEF_H

#include <lib/kasan.h>
#include <lib/list.h>
#include <lib/percpu.h>
#include <kernel/lock/spinlock.h>
#include <mm/page/page.h>
#include <mm/alloc/slab.h>

#define SLAB_RED_ZONE       0xbb
#define SLAB_RED_ZONE_BYTES 16

/* The free objects a CPU holds; its own, preemption off, busy set. */
struct kmem_cpu {
	void *head;
	u32 count;
	u32 busy;
	u8 pad[48]; /* a cache line each */
};

/*
 * Keys: (i) set when made, constant; (l) ->lock; (L) slab_caches_lock.
 */
struct kmem_cache {
	u32 link;                   /* (i) from an object to its link */
	u32 object_size;            /* (i) as asked for */
	u32 high;                   /* (i) a CPU holds no more than this */
	u32 batch;                  /* (i) moved at a time */
	u32 stride;                 /* (i) from slot to slot */
	u32 left;                   /* (i) from a slot to its object */
	u32 per_slab;               /* (i) slots */
	u32 order;                  /* (i) pages of a slab, as a power */
	void (*ctor)(void *object); /* (i) */
	const char *name;           /* (i) */
	struct list_head node;      /* (L) */
	u32 users;                  /* (L) its maker, and walkers */
	struct spinlock lock;
	struct list_head partial; /* (l) slabs with a free object */
	struct list_head full;    /* (l) slabs without */
	unsigned long nr_slabs;   /* (l) */
	unsigned long nr_empty;   /* (l) of them without a live object */
	unsigned long out;        /* (l) objects not on a slab's own list */
	struct kmem_cpu cpu[];
};

enum slab_state {
	SLAB_OBJECT_FREE = 0x46524545, /* "FREE" */
	SLAB_OBJECT_LIVE = 0x4c495645, /* "LIVE" */
};

/* Behind each object in debug builds. */
struct slab_track {
	u32 state; /* enum slab_state */
	u32 alloc_by;
	u32 free_by;
	u32 size; /* as asked for; the rest of the object is red zone */
	u16 epoch;
	u16 cpu;
	struct kasan_stacks stacks;
};

struct alloc_sites;

/*
 * The cache behind @at on the list, NULL behind the last; the first for NULL.
 * The caller becomes its user and is no longer one of @at.
 */
struct kmem_cache *slab_next_cache(struct kmem_cache *at);

/* A walk to the end: leave it by no other way. */
#define for_each_cache(cache)                          \
	for ((cache) = slab_next_cache(NULL); (cache); \
	     (cache) = slab_next_cache(cache))

/* The first page of the slab around an object. */
static __always_inline struct page *slab_of(const struct kmem_cache *cache,
					    const void *object)
{
	return virt_to_page(
		(void *)((vaddr_t)object & ~((PAGE_SIZE << cache->order) - 1)));
}

/* The nth object of a slab. */
static __always_inline void *slab_object(const struct kmem_cache *cache,
					 const struct page *slab, unsigned int n)
{
	return (char *)page_address(slab) + n * cache->stride + cache->left;
}

static __always_inline void **slab_link(const struct kmem_cache *cache,
					void *object)
{
	return (void **)((char *)object + cache->link);
}

/* Debug builds only. */
static __always_inline struct slab_track *
slab_track_of(const struct kmem_cache *cache, const void *object)
{
	return (void *)((vaddr_t)object + ALIGN(cache->object_size, 8u) +
			SLAB_RED_ZONE_BYTES);
}

/* An object that is in use, as the slab counts, joins the slab's free ones. */
void slab_give(struct kmem_cache *cache, void *object);

/* Bytes before and after an object that debug builds add. */
unsigned int slab_debug_left(unsigned int align);
unsigned int slab_debug_right(void);

void __slab_debug_new(const struct kmem_cache *cache, void *object);
void __slab_debug_alloc(const struct kmem_cache *cache, void *object,
			size_t size, unsigned long caller);
size_t __slab_debug_size(const struct kmem_cache *cache, const void *object);
void __slab_debug_free(const struct kmem_cache *cache, void *object,
		       unsigned long caller);
bool slab_debug_verify(const struct kmem_cache *cache, void *object);

/* Count the live objects of a cache by place; 0: of every epoch. */
void slab_count_cache(struct kmem_cache *cache, u16 epoch,
		      struct alloc_sites *sites);

/* Print the places that allocated what is still live in a cache. */
void slab_report_cache(struct kmem_cache *cache, u16 epoch);

/* A slot was cut: paint its red zones. */
static __always_inline void slab_debug_new(const struct kmem_cache *cache,
					   void *object)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		__slab_debug_new(cache, object);
}

/* An object goes out: nobody may have touched it since it was freed. */
static __always_inline void slab_debug_alloc(const struct kmem_cache *cache,
					     void *object, size_t size,
					     unsigned long caller)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		__slab_debug_alloc(cache, object, size, caller);
}

/* An object comes back: it must be one, live, and within its bounds. */
static __always_inline void slab_debug_free(const struct kmem_cache *cache,
					    void *object, unsigned long caller)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		__slab_debug_free(cache, object, caller);
}

#endif
