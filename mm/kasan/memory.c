// SPDX-License-Identifier: MIT
/*
 * mm/kasan/memory.c - what the allocators say to the checker
 *
 * Problem.  Only the allocators know what is an object, a gap between two, or free.
 *
 * Idea.  They say so at the points at which the owner of memory changes:
 *
 *	memory			marked when			as
 *	all RAM			given to the allocator at boot	KASAN_PAGE_FREE
 *	a block of pages	allocated			usable
 *				freed				KASAN_PAGE_FREE
 *	a slab			cut				KASAN_SLAB_REDZONE
 *	its objects		cut, freed			KASAN_SLAB_FREE
 *				allocated			usable, to the byte
 *	kmalloc() of pages	allocated			the rest KASAN_LARGE_TAIL
 *	vmalloc() area		mapped				the rest and the guard page
 *								KASAN_VMALLOC_TAIL
 *				unmapped			KASAN_VMALLOC_FREE
 *	a kernel stack		allocated			usable
 *				freed				KASAN_STACK_FREE
 *	per-CPU variables	the checker starts		KASAN_PERCPU_TAIL behind
 *								each CPU's
 *	their template		the checker starts		KASAN_PERCPU_TEMPLATE
 *
 * Areas, stacks and the kmalloc() of pages are marked by their allocators.  Here are the
 * per-CPU variables, and pages and objects, of which a stack is kept as well: of an object
 * behind it, in its struct slab_track, of a page in an array by frame number.
 *
 * Two threads may free one object at once.  Each exchanges its mark, so the second finds
 * KASAN_SLAB_FREE and reports (tests/mm/kasan/kasan_test.c,
 * of_frees_at_once_all_but_one_are_reported).
 *
 *	field			guarded by
 *	page_stacks[pfn]	the page's owner; a report may read a stale one
 *	track->stacks		the object's owner, likewise
 */
#include <arch/page.h>
#include <arch/percpu.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/slab_def.h>
#include <mm/page/page.h>

#include "mm/kasan/internal.h"

static struct kasan_stacks *page_stacks;

void kasan_pages_alloc(struct page *page, unsigned int order)
{
	u32 stack = kasan_stack_save();
	pfn_t pfn = page_to_pfn(page);

	kasan_unpoison(page_address(page), PAGE_SIZE << order);
	for (unsigned long i = 0; i < 1ul << order; i++)
		page_stacks[pfn + i] = (struct kasan_stacks){.alloc = stack};
}

void kasan_pages_free(struct page *page, unsigned int order)
{
	u32 stack = kasan_stack_save();
	pfn_t pfn = page_to_pfn(page);

	kasan_poison(page_address(page), PAGE_SIZE << order, KASAN_PAGE_FREE);
	for (unsigned long i = 0; i < 1ul << order; i++)
		page_stacks[pfn + i].free = stack;
}

void kasan_page_stacks(vaddr_t addr, struct kasan_stacks *stacks)
{
	*stacks = page_stacks[virt_to_phys((void *)addr) >> PAGE_SHIFT];
}

void kasan_object_alloc(const struct kmem_cache *cache, void *object, size_t size)
{
	slab_track_of(cache, object)->stacks =
		(struct kasan_stacks){.alloc = kasan_stack_save()};
	kasan_tail(object, size, cache->object_size, KASAN_SLAB_REDZONE);
}

bool kasan_double_free(const struct kmem_cache *cache, const void *object)
{
	if (!kasan_covered((vaddr_t)object, 1) ||
	    xchg(kasan_shadow_of((vaddr_t)object), KASAN_SLAB_FREE) !=
		    KASAN_SLAB_FREE)
		return false;
	kasan_report((vaddr_t)object, cache->object_size, (vaddr_t)object,
		     KASAN_FREE, (unsigned long)__builtin_return_address(0));
	return true;
}

bool kasan_object_free(struct kmem_cache *cache, void *object)
{
	slab_track_of(cache, object)->stacks.free = kasan_stack_save();
	kasan_poison(object, cache->object_size, KASAN_SLAB_FREE);
	kasan_quarantine_put(cache, object);
	return true;
}

void kasan_memory_start(void)
{
	page_stacks = phys_to_virt(memblock_alloc(
		(memblock_end() >> PAGE_SHIFT) * sizeof(*page_stacks), PAGE_SIZE));
}

/* The template is of no more use: every CPU that there may be has its copy. */
void kasan_percpu_start(void)
{
	size_t size = (size_t)(__percpu_end - __percpu_start);
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		kasan_poison(&per_cpu(__percpu_end[0], cpu), KASAN_PERCPU_BYTES,
			     KASAN_PERCPU_TAIL);
	kasan_poison(__percpu_start, size, KASAN_PERCPU_TEMPLATE);
}
