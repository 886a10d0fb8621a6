/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/debug.h - what the allocators check in debug builds
 *
 * Between the files of mm/alloc; nothing in release builds.
 */
#ifndef MM_ALLOC_DEBUG_H
#define MM_ALLOC_DEBUG_H

#include <lib/kasan.h>
#include <mm/alloc/gfp.h>
#include <mm/page/page.h>

/* The bytes that fill free memory: as a pointer none of them is canonical. */
#define PAGE_POISON      0xdb
#define SLAB_POISON_FREE 0xdd
#define SLAB_POISON_NEW  0xcd

/* The caller of the function that uses it. */
#define CALLER() ((unsigned long)__builtin_return_address(0))

/* Each snapshot adds one; allocations are stamped with it. */
extern u16 alloc_epoch;

/* Is a stamp as young as a snapshot's epoch, or younger? */
bool alloc_is_since(u16 stamp, u16 epoch);

bool __alloc_shall_fail(gfp_t gfp);
void __page_debug_alloc(struct page *page, unsigned int order,
			unsigned long caller);
void __page_debug_free(struct page *page, unsigned int order);

/* true: this attempt shall fail, because its thread asked for it (fail.h) */
static __always_inline bool alloc_shall_fail(gfp_t gfp)
{
	return IS_ENABLED(CONFIG_DEBUG) && __alloc_shall_fail(gfp);
}

/* The block was taken from the free lists: check its poison, note its owner. */
static __always_inline void
page_debug_alloc(struct page *page, unsigned int order, unsigned long caller)
{
	kasan_pages_alloc(page, order);
	if (IS_ENABLED(CONFIG_DEBUG))
		__page_debug_alloc(page, order, caller);
}

/* The block goes to the free lists: fill it with poison. */
static __always_inline void page_debug_free(struct page *page, unsigned int order)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		__page_debug_free(page, order);
	kasan_pages_free(page, order);
}

/* A text address as 32 bits, and back: all text is in the top 2 GiB. */
static __always_inline u32 caller_pack(unsigned long caller)
{
	return (u32)caller;
}

static __always_inline void *caller_unpack(u32 packed)
{
	return packed ? (void *)(long)(s32)packed : NULL;
}

/* How many pieces each place left; for reports. */
struct alloc_sites;

/**
 * alloc_sites_new() - begin a count by place
 *
 * Context: may sleep.
 * Return: an empty count, or NULL without memory.
 */
struct alloc_sites *alloc_sites_new(void);

/**
 * alloc_sites_add() - count one more piece
 * @sites: the count
 * @what: "pages", or a cache's name
 * @caller: the place
 * @bytes: its size
 *
 * Context: any.
 */
void alloc_sites_add(struct alloc_sites *sites, const char *what,
		     const void *caller, size_t bytes);

/**
 * alloc_sites_print() - print a count, a line for each place, and end it
 * @sites: the count
 *
 * Context: may sleep.
 */
void alloc_sites_print(struct alloc_sites *sites);

#endif
