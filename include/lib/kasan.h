/* SPDX-License-Identifier: MIT */
/*
 * kasan.h - the memory checker, for the code that hands memory out
 *
 * A kernel with CONFIG_KASAN keeps a byte of shadow for each 8 bytes of memory (a
 * granule), and its compiler calls the checker before each access.  An allocator says
 * what may be used and what may not; mm/kasan/ has the rest.  In other kernels
 * these calls are empty.
 */
#ifndef LIB_KASAN_H
#define LIB_KASAN_H

#include <arch/paging.h>
#include <lib/compiler.h>
#include <lib/kasan_check.h>
#include <lib/types.h>

struct kmem_cache;
struct page;

/*
 * A byte of shadow: 0, all of the granule may be used; 1 to 7, only so many bytes of
 * its beginning; else nothing of it, for this reason.  The compiler writes the
 * first four.
 */
enum kasan_mark {
	KASAN_STACK_LEFT = 0xf1,  /* before the first variable of a frame */
	KASAN_STACK_MID = 0xf2,   /* between two */
	KASAN_STACK_RIGHT = 0xf3, /* behind the last */
	KASAN_STACK_SCOPE = 0xf8, /* a variable whose block was left */
	KASAN_SLAB_REDZONE = 0xe0,
	KASAN_SLAB_FREE = 0xe1,
	KASAN_PAGE_FREE = 0xe2,
	KASAN_LARGE_TAIL = 0xe3, /* behind a kmalloc() of whole pages */
	KASAN_VMALLOC_TAIL = 0xe4,
	KASAN_VMALLOC_FREE = 0xe5,
	KASAN_STACK_FREE = 0xe6,      /* a kernel stack without a thread */
	KASAN_GLOBAL = 0xe7,          /* behind a variable of the image */
	KASAN_PERCPU_TAIL = 0xe8,     /* behind a CPU's own variables */
	KASAN_PERCPU_TEMPLATE = 0xe9, /* a per-CPU variable, but no CPU's */
};

/* Who allocated an object and who freed it; each is a stored stack, 0 for none. */
struct kasan_stacks {
#ifdef CONFIG_KASAN
	u32 alloc;
	u32 free;
#endif
};

#ifdef CONFIG_KASAN

/* Bytes behind each CPU's variables; linker.ld has them too, for CPU 0. */
#define KASAN_PERCPU_BYTES 64ul
/* Bytes at least behind a kmalloc() of whole pages. */
#define KASAN_LARGE_BYTES 8ul

/* Maps part of the kernel's own tables at boot. */
typedef void kasan_map_t(vaddr_t addr, paddr_t paddr, unsigned long size,
			 pgprot_t prot);

/**
 * kasan_early() - let the code that marks its stack run
 *
 * Context: boot CPU, the tables of start.asm, the first call of all.
 */
void kasan_early(void);

/**
 * kasan_map_shadow() - enter the shadow into the kernel's tables
 * @map: enters a range
 *
 * Context: boot CPU, while the tables are built.
 */
void kasan_map_shadow(kasan_map_t *map);

/**
 * kasan_start() - check accesses from now on
 *
 * Context: boot CPU, once the tables of kasan_map_shadow() are loaded.
 */
void kasan_start(void);

/**
 * kasan_poison() - a range may not be used
 * @addr: its start, a multiple of 8
 * @size: bytes; the last granule is marked whole
 * @mark: why
 *
 * Context: any; the caller owns the range.
 */
void kasan_poison(const void *addr, size_t size, enum kasan_mark mark);

/**
 * kasan_unpoison() - a range may be used, to its last byte and no further
 * @addr: its start, a multiple of 8
 * @size: bytes
 *
 * Context: any; the caller owns the range.
 */
void kasan_unpoison(const void *addr, size_t size);

/**
 * kasan_tail() - only the beginning of a range may be used
 * @addr: its start, a multiple of 8
 * @used: bytes that may be
 * @whole: bytes of the range, a multiple of 8
 * @mark: why the rest may not
 *
 * Context: any; the caller owns the range.
 */
void kasan_tail(const void *addr, size_t used, size_t whole,
		enum kasan_mark mark);

/**
 * kasan_cover() - map the shadow of an area or a stack
 * @addr: its start
 * @size: bytes
 *
 * Context: may sleep.
 * Return: false without memory.
 */
bool kasan_cover(const void *addr, size_t size);

/** kasan_is_shadow() - does the checker own this address? */
bool kasan_is_shadow(vaddr_t addr);

/** kasan_late_pages() - pages that kasan_cover() has taken, for good */
unsigned long kasan_late_pages(void);

/* A block of pages goes out, and comes back. */
void kasan_pages_alloc(struct page *page, unsigned int order);
void kasan_pages_free(struct page *page, unsigned int order);

/* An object of a slab goes out. */
void kasan_object_alloc(const struct kmem_cache *cache, void *object,
			size_t size);

/**
 * kasan_double_free() - report the free of an object that is free
 * @cache: its cache
 * @object: the object
 *
 * Marks the object as free. Of several threads that free it at once, one gets false.
 *
 * Context: any but NMI.
 * Return: true if it is: the caller leaves it alone.
 */
bool kasan_double_free(const struct kmem_cache *cache, const void *object);

/**
 * kasan_object_free() - keep a freed object for a while (mm/kasan/quarantine.c)
 * @cache: its cache
 * @object: the object, which the debug checks have passed
 *
 * The objects that were kept longest go back to their slabs.
 *
 * Context: any but NMI.
 * Return: true, as it is kept; false in other kernels, where the caller goes on.
 */
bool kasan_object_free(struct kmem_cache *cache, void *object);

/**
 * kasan_quarantine_drain() - give all kept objects back to their slabs
 *
 * Context: any but NMI.
 * Return: true if there were some.
 */
bool kasan_quarantine_drain(void);

/**
 * kasan_page_free() - keep a freed page for a while
 * @page: the page; becomes the one that was kept longest, which the caller frees
 *
 * Context: any.
 * Return: true if there is none: the caller frees nothing.
 */
bool kasan_page_free(struct page **page);

/** kasan_page_take() - a page that is kept, no longer; NULL if none is */
struct page *kasan_page_take(void);

/* Objects, their bytes, and pages that are kept. */
unsigned long kasan_quarantine_objects(void);
unsigned long kasan_quarantine_bytes(void);
unsigned long kasan_quarantine_pages(void);

/** kasan_report_count() - reports since boot; any fails a test run */
unsigned int kasan_report_count(void);

/** kasan_last_report_says() - are these words in the head of the last report? */
bool kasan_last_report_says(const char *words);

#else

#define KASAN_PERCPU_BYTES    0ul
#define KASAN_LARGE_BYTES     0ul

static __always_inline void kasan_early(void)
{
}
#define kasan_map_shadow(map) ((void)0)
static __always_inline void kasan_start(void)
{
}
static __always_inline void kasan_poison(const void *addr, size_t size,
					 enum kasan_mark mark)
{
}
static __always_inline void kasan_unpoison(const void *addr, size_t size)
{
}
static __always_inline void kasan_tail(const void *addr, size_t used,
				       size_t whole, enum kasan_mark mark)
{
}
static __always_inline bool kasan_cover(const void *addr, size_t size)
{
	return true;
}
static __always_inline bool kasan_is_shadow(vaddr_t addr)
{
	return false;
}
static __always_inline unsigned long kasan_late_pages(void)
{
	return 0;
}
static __always_inline void kasan_pages_alloc(struct page *page,
					      unsigned int order)
{
}
static __always_inline void kasan_pages_free(struct page *page, unsigned int order)
{
}
static __always_inline void kasan_object_alloc(const struct kmem_cache *cache,
					       void *object, size_t size)
{
}
static __always_inline bool kasan_double_free(const struct kmem_cache *cache,
					      const void *object)
{
	return false;
}
static __always_inline bool kasan_object_free(struct kmem_cache *cache,
					      void *object)
{
	return false;
}
static __always_inline bool kasan_quarantine_drain(void)
{
	return false;
}
static __always_inline bool kasan_page_free(struct page **page)
{
	return false;
}
static __always_inline struct page *kasan_page_take(void)
{
	return NULL;
}
static __always_inline unsigned long kasan_quarantine_objects(void)
{
	return 0;
}
static __always_inline unsigned long kasan_quarantine_pages(void)
{
	return 0;
}
static __always_inline unsigned int kasan_report_count(void)
{
	return 0;
}

#endif
#endif
