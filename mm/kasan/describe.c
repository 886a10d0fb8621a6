// SPDX-License-Identifier: MIT
/*
 * mm/kasan/describe.c - which object, variable, page or area lies at an address
 *
 * Problem.  An address says nothing to a reader.
 *
 * Idea.  The mark says which kind of memory it is, and each kind can be asked:
 *
 *	slab		slot of the slab, size in its struct slab_track
 *	page		its number
 *	global		the compiler's tables (mm/kasan/globals.c)
 *	stack variable	the compiler leaves three words at the start of a frame that
 *			it marks: a magic number, a description, the function
 *
 *	frame		| magic text function | buf    | gap | ...
 *	shadow		  f1    f1   f1  f1     00 00    f2
 *
 * The description is words: how many variables; for each offset, size, length of its
 * name, name.
 *
 * Locks: none.  What is described may change meanwhile; the words are then wrong, but
 * every address that is read here is mapped.
 */
#include <arch/page.h>
#include <lib/string.h>
#include <mm/alloc/slab_def.h>
#include <mm/page/page.h>

#include "mm/kasan/internal.h"

#define FRAME_MAGIC   0x41b58ab3ul
#define FRAME_BYTES   4096ul
#define VARIABLES_MAX 64ul

/* "3 bytes past the end of", "2 bytes before", "0 bytes inside". */
static int say_offset(vaddr_t bad, vaddr_t start, size_t size, char *buf,
		      size_t len)
{
	if (bad < start)
		return scnprintf(buf, len, "%lu bytes before", start - bad);
	if (bad - start >= size)
		return scnprintf(buf, len, "%lu bytes past the end of",
				 bad - start - size);
	return scnprintf(buf, len, "%lu bytes inside", bad - start);
}

/* The object of a slab to which a byte belongs, with the gaps around it. */
static void *object_at(const struct kmem_cache *cache, vaddr_t addr)
{
	const struct page *slab = slab_of(cache, (void *)addr);
	unsigned long slot = (addr - (vaddr_t)page_address(slab)) / cache->stride;

	return slab_object(cache, slab,
			   (unsigned int)min(slot, cache->per_slab - 1ul));
}

static const struct kmem_cache *cache_at(vaddr_t addr)
{
	const struct page *page;

	if (addr - PAGE_OFFSET >= max_pfn << PAGE_SHIFT)
		return NULL;
	page = virt_to_page((void *)addr);
	return PageSlab(page) ? page->slab_cache : NULL;
}

static void describe_object(const struct kmem_cache *cache, vaddr_t bad,
			    char *buf, size_t len)
{
	void *object = object_at(cache, bad);
	size_t size = slab_track_of(cache, object)->size;
	int n = say_offset(bad, (vaddr_t)object, size, buf, len);

	scnprintf(buf + n, len - (size_t)n, " %p, %zu bytes, of %s", object,
		  size, cache->name);
}

/* The start of the marked frame around a byte of a stack, or NULL. */
static const unsigned long *frame_around(vaddr_t bad)
{
	vaddr_t at = ALIGN_DOWN(bad, KASAN_GRANULE);
	vaddr_t floor = at - FRAME_BYTES;

	while (at > floor && *kasan_shadow_of(at) != KASAN_STACK_LEFT)
		at -= KASAN_GRANULE;
	while (at > floor &&
	       *kasan_shadow_of(at - KASAN_GRANULE) == KASAN_STACK_LEFT)
		at -= KASAN_GRANULE;
	return at > floor && *(const unsigned long *)at == FRAME_MAGIC
		       ? (const unsigned long *)at
		       : NULL;
}

static unsigned long take_number(const char **text)
{
	unsigned long value = 0;

	while (**text == ' ')
		++*text;
	while (**text >= '0' && **text <= '9')
		value = value * 10 + (unsigned long)(*(*text)++ - '0');
	return value;
}

/* The variable that begins last before the byte, or the first. */
static void describe_frame(const unsigned long *frame, vaddr_t bad, char *buf,
			   size_t len)
{
	const char *text = (const char *)frame[1], *name = "";
	unsigned long nr = min(take_number(&text), VARIABLES_MAX);
	unsigned long start = 0, size = 0, chars = 0;
	int n;

	for (unsigned long i = 0; i < nr; i++) {
		unsigned long offset = take_number(&text);
		unsigned long bytes = take_number(&text);
		unsigned long length = take_number(&text);

		text++;
		if (!i || (vaddr_t)frame + offset <= bad) {
			start = (vaddr_t)frame + offset;
			size = bytes;
			name = text;
			chars = length;
		}
		text += length;
	}
	n = say_offset(bad, start, size, buf, len);
	scnprintf(buf + n, len - (size_t)n,
		  " %.*s, %lu bytes, on the stack of %pS", (int)chars, name,
		  size, (void *)frame[2]);
}

void kasan_describe(vaddr_t bad, u8 mark, char *buf, size_t len)
{
	const struct kmem_cache *cache = cache_at(bad);
	const unsigned long *frame = NULL;

	if (mark >= KASAN_STACK_LEFT && mark <= KASAN_STACK_SCOPE)
		frame = frame_around(bad);
	if (frame)
		describe_frame(frame, bad, buf, len);
	else if (cache)
		describe_object(cache, bad, buf, len);
	else if (mark == KASAN_GLOBAL && kasan_describe_global(bad, buf, len))
		return;
	else if (bad - PAGE_OFFSET < max_pfn << PAGE_SHIFT)
		scnprintf(buf, len, "page %#lx, offset %#lx",
			  (bad - PAGE_OFFSET) >> PAGE_SHIFT, bad % PAGE_SIZE);
	else
		scnprintf(buf, len, "address %#lx", bad);
}

bool kasan_stacks_of(vaddr_t bad, struct kasan_stacks *stacks)
{
	const struct kmem_cache *cache = cache_at(bad);

	if (bad - PAGE_OFFSET >= max_pfn << PAGE_SHIFT)
		return false;
	if (cache)
		*stacks = slab_track_of(cache, object_at(cache, bad))->stacks;
	else
		kasan_page_stacks(bad, stacks);
	return true;
}
