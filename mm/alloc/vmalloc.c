// SPDX-License-Identifier: MIT
/*
 * mm/alloc/vmalloc.c - kernel addresses beside the direct map
 *
 * Problem.  Large memory need not be in one physical piece if it has a run of
 * addresses of its own; registers of a device need an uncached mapping; and
 * both shall fault, not corrupt, when code runs off their end.
 *
 * Idea.  Areas in a window of half a terabyte, kept in a tree by address.
 * Each is followed by a page that is never mapped:
 *
 *	VMALLOC_START				      STACKS_START
 *	| area |guard| area |guard|   free   | area |guard| ...
 *
 * Space is given first fit from the lowest address that may be free.  The walk
 * is linear in the areas it passes; there are some dozens, made at start-up.
 *
 * Giving back.  A translation may sit in any CPU's TLB.  Flushing for each
 * area would interrupt all CPUs each time, so vfree() only empties the tables
 * and puts the area on the lazy list, with its pages and its addresses.  When
 * LAZY_PAGES have gathered, one flush serves all, and only then may pages and
 * addresses be used again:
 *
 *	in tables  in a TLB  on lazy list   address and pages may be reused
 *	yes	   maybe     no		    no: live
 *	no	   maybe     yes	    no: a CPU may still reach them
 *	no	   no	     no		    yes
 *
 *	(tests/mm/alloc/vmalloc_test.c, addresses_are_not_reused_before_the_flush)
 *
 *	field			guarded by
 *	space.*			space.lock; not taken in interrupts
 *	an area's fields	its maker until inserted, then constant
 *	tables			the area's owner (mm/alloc/kernel_map.c)
 *
 * Not here: kernel stacks (mm/alloc/kernel_stack.c), the tables (mm/alloc/kernel_map.c).
 */
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/tlb.h>
#include <lib/assert.h>
#include <lib/kasan.h>
#include <lib/list.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/rbtree.h>
#include <kernel/lock/spinlock.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/kernel_stack.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/might_alloc.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/vmalloc.h>

#define LAZY_PAGES 512

struct vm_area {
	struct rb_node node;
	struct list_head lazy;
	vaddr_t start;
	vaddr_t end;         /* of what is mapped; the guard page comes after */
	struct page **pages; /* NULL for a device */
	u32 owner;
	u16 epoch;
	bool dead; /* on the lazy list */
};

static struct {
	struct spinlock lock;
	struct rb_root areas; /* by start, live and lazy ones */
	struct list_head lazy;
	unsigned long lazy_pages;
	unsigned long live;
	vaddr_t hint; /* nothing below is free */
} space = {
	.lock = SPINLOCK_INIT(space.lock),
	.lazy = LIST_HEAD_INIT(space.lazy),
	.hint = VMALLOC_START,
};

static struct kmem_cache *area_cache;

static struct vm_area *area_at(struct rb_node *node)
{
	return node ? rb_entry(node, struct vm_area, node) : NULL;
}

static unsigned long area_pages(const struct vm_area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}

/* --- the tree: callers hold space.lock ---------------------------------- */

/* The lowest area that ends, guard page included, above @addr. */
static struct vm_area *find_above(vaddr_t addr)
{
	struct rb_node *node = space.areas.node;
	struct vm_area *best = NULL;

	while (node) {
		struct vm_area *area = area_at(node);

		if (area->end + PAGE_SIZE > addr) {
			best = area;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

static bool starts_before(const struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct vm_area, node)->start <
	       rb_entry(b, struct vm_area, node)->start;
}

/* Sets area->start and ->end and inserts it; false when the window is full. */
static bool area_place(struct vm_area *area, unsigned long size)
{
	struct vm_area *above = find_above(space.hint);
	vaddr_t addr = space.hint;

	while (above && above->start < addr + size + PAGE_SIZE) {
		addr = above->end + PAGE_SIZE;
		above = area_at(rb_next(&above->node));
	}
	if (addr + size + PAGE_SIZE > STACKS_START)
		return false;
	area->start = addr;
	area->end = addr + size;
	rb_add(&area->node, &space.areas, starts_before);
	if (addr == space.hint)
		space.hint = area->end + PAGE_SIZE;
	return true;
}

static void area_forget(struct vm_area *area)
{
	rb_erase(&area->node, &space.areas);
	if (area->start < space.hint)
		space.hint = area->start;
}

/* --- areas -------------------------------------------------------------- */

static struct vm_area *area_new(unsigned long size, unsigned long caller)
{
	struct vm_area *area = kmem_cache_zalloc(area_cache, GFP_KERNEL);
	bool placed;

	if (!area)
		return NULL;
	area->owner = caller_pack(caller);
	area->epoch = alloc_epoch;
	spin_lock(&space.lock);
	placed = area_place(area, size);
	if (placed)
		space.live++;
	spin_unlock(&space.lock);
	if (placed)
		return area;
	kmem_cache_free(area_cache, area);
	return NULL;
}

/* Nobody can reach it: not by a table, not by a TLB. */
static void area_free(struct vm_area *area)
{
	if (area->pages) {
		release_pages(area->pages, area_pages(area));
		kfree(area->pages);
	}
	kmem_cache_free(area_cache, area);
}

static void vmalloc_purge_areas(void)
{
	struct vm_area *area, *next;
	LIST_HEAD(dead);
	vaddr_t start = ~0ul, end = 0;

	spin_lock(&space.lock);
	list_splice_init(&space.lazy, &dead);
	space.lazy_pages = 0;
	spin_unlock(&space.lock);
	if (list_empty(&dead))
		return;
	list_for_each_entry(area, &dead, lazy) {
		start = min(start, area->start);
		end = max(end, area->end);
	}
	flush_tlb_kernel_range(start, end);
	spin_lock(&space.lock);
	list_for_each_entry(area, &dead, lazy)
		area_forget(area);
	spin_unlock(&space.lock);
	list_for_each_entry_safe(area, next, &dead, lazy)
		area_free(area);
}

static void area_unmap(struct vm_area *area)
{
	bool full;

	for (vaddr_t addr = area->start; addr < area->end; addr += PAGE_SIZE)
		kernel_map_clear(addr);
	kasan_poison((void *)area->start, area->end - area->start,
		     KASAN_VMALLOC_FREE);
	spin_lock(&space.lock);
	area->dead = true;
	list_add(&area->lazy, &space.lazy);
	space.lazy_pages += area_pages(area);
	space.live--;
	full = space.lazy_pages > LAZY_PAGES;
	spin_unlock(&space.lock);
	if (full)
		vmalloc_purge_areas();
}

static int area_map(struct vm_area *area, paddr_t paddr, pgprot_t prot)
{
	unsigned long i, nr = area_pages(area);

	for (i = 0; i < nr; i++) {
		pfn_t pfn = area->pages ? page_to_pfn(area->pages[i])
					: (paddr >> PAGE_SHIFT) + i;
		int err = kernel_map_set(area->start + (i << PAGE_SHIFT), pfn,
					 prot, GFP_KERNEL);

		if (err)
			return err;
	}
	kasan_unpoison((void *)area->start, area->end - area->start);
	return 0;
}

static struct page **pages_new(unsigned long nr, gfp_t gfp, unsigned long caller)
{
	struct page **pages = kcalloc(nr, sizeof(*pages), GFP_KERNEL);
	unsigned long got;

	if (!pages)
		return NULL;
	got = alloc_pages_bulk(gfp, nr, pages);
	if (got < nr) {
		release_pages(pages, got);
		kfree(pages);
		return NULL;
	}
	for (unsigned long i = 0; IS_ENABLED(CONFIG_DEBUG) && i < nr; i++)
		pages[i]->owner = caller_pack(caller);
	return pages;
}

static void *vmalloc_from(size_t size, gfp_t gfp, unsigned long caller)
{
	unsigned long nr = DIV_ROUND_UP(size, PAGE_SIZE);
	unsigned long with_guard = (nr + 1) << PAGE_SHIFT;
	struct page **pages;
	struct vm_area *area;

	might_alloc(gfp, caller);
	if (!size || nr > nr_total_pages())
		return NULL;
	pages = pages_new(nr, gfp, caller);
	if (!pages)
		return NULL;
	area = area_new(nr << PAGE_SHIFT, caller);
	if (!area) {
		release_pages(pages, nr);
		kfree(pages);
		return NULL;
	}
	area->pages = pages;
	if (!kasan_cover((void *)area->start, with_guard) ||
	    area_map(area, 0, PAGE_KERNEL)) {
		area_unmap(area);
		return NULL;
	}
	kasan_tail((void *)area->start, size, with_guard, KASAN_VMALLOC_TAIL);
	return (void *)area->start;
}

void *vmalloc(size_t size)
{
	return vmalloc_from(size, GFP_KERNEL, CALLER());
}

void *vzalloc(size_t size)
{
	return vmalloc_from(size, GFP_KERNEL | __GFP_ZERO, CALLER());
}

/* The live area around an address. */
static struct vm_area *area_around(vaddr_t addr)
{
	struct vm_area *area;

	spin_lock(&space.lock);
	area = find_above(addr);
	if (area && (area->dead || addr < area->start || addr >= area->end))
		area = NULL;
	spin_unlock(&space.lock);
	return area;
}

void vfree(const void *addr)
{
	struct vm_area *area;

	if (!addr)
		return;
	area = area_around((vaddr_t)addr);
	if (!area || area->start != (vaddr_t)addr || !area->pages)
		panic("vmalloc: vfree(%p) of what vmalloc() did not give", addr);
	area_unmap(area);
}

void __iomem *ioremap(paddr_t phys, size_t len)
{
	unsigned long offset = phys & ~PAGE_MASK;
	paddr_t start = phys - offset;
	paddr_t end = ALIGN(phys + len, PAGE_SIZE);
	struct vm_area *area;

	might_alloc(GFP_KERNEL, CALLER());
	if (!len || end <= start || end > 1ul << MAX_PHYSMEM_BITS)
		return NULL;
	if (WARN(memblock_list_overlaps(memblock_memory(), start, end),
		 "ioremap(%#lx, %#lx) of RAM", phys, len))
		return NULL;
	area = area_new(end - start, CALLER());
	if (!area)
		return NULL;
	if (area_map(area, start, PAGE_KERNEL_NOCACHE)) {
		area_unmap(area);
		return NULL;
	}
	return (void __iomem *)(area->start + offset);
}

void iounmap(void __iomem *addr)
{
	struct vm_area *area;

	if (!addr)
		return;
	area = area_around((vaddr_t)addr);
	if (!area || area->pages || area->start != ((vaddr_t)addr & PAGE_MASK))
		panic("vmalloc: iounmap(%p) of what ioremap() did not give",
		      (void __force *)addr);
	area_unmap(area);
}

/* --- looking ------------------------------------------------------------ */

bool is_vmalloc_addr(const void *addr)
{
	return (vaddr_t)addr >= VMALLOC_START && (vaddr_t)addr < VMALLOC_END;
}

struct page *vmalloc_to_page(const void *addr)
{
	unsigned long size, entry;
	pfn_t pfn;

	if (!is_vmalloc_addr(addr))
		return NULL;
	entry = kernel_map_walk_leaf((vaddr_t)addr, &size);
	if (!entry)
		return NULL;
	pfn = pte_pfn(__pte(entry));
	return pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;
}

unsigned long vmalloc_areas(void)
{
	return READ_ONCE(space.live);
}

void vmalloc_purge(void)
{
	kernel_stack_purge();
	vmalloc_purge_areas();
}

static bool area_verify(const struct vm_area *area, vaddr_t floor)
{
	unsigned long size;

	if (area->start < floor || area->end <= area->start ||
	    area->end + PAGE_SIZE > STACKS_START)
		return false;
	for (vaddr_t addr = area->start; addr < area->end; addr += PAGE_SIZE)
		if (area->dead && kernel_map_walk_leaf(addr, &size))
			return false;
	return !kernel_map_walk_leaf(area->end, &size);
}

bool vmalloc_verify(void)
{
	const struct vm_area *bad = NULL;
	vaddr_t floor = VMALLOC_START;
	unsigned long live = 0;
	struct rb_node *node;
	bool counted;

	spin_lock(&space.lock);
	for (node = rb_first(&space.areas); node; node = rb_next(node)) {
		const struct vm_area *area = area_at(node);

		if (!bad && !area_verify(area, floor))
			bad = area;
		floor = area->end + PAGE_SIZE;
		live += !area->dead;
	}
	counted = live == space.live;
	spin_unlock(&space.lock);
	if (bad)
		pr_err("vmalloc: broken area %#lx..%#lx by %pS\n", bad->start,
		       bad->end, caller_unpack(bad->owner));
	if (!counted)
		pr_err("vmalloc: %lu live areas, counted %lu\n", live,
		       space.live);
	return !bad && counted;
}

void vmalloc_report_since(u16 epoch)
{
	struct alloc_sites *sites = alloc_sites_new();
	struct rb_node *node;

	if (!sites)
		return;
	spin_lock(&space.lock);
	for (node = rb_first(&space.areas); node; node = rb_next(node)) {
		const struct vm_area *area = area_at(node);

		if (!area->dead && alloc_is_since(area->epoch, epoch))
			alloc_sites_add(sites,
					area->pages ? "vmalloc" : "ioremap",
					caller_unpack(area->owner),
					area->end - area->start);
	}
	spin_unlock(&space.lock);
	kernel_stack_count_since(epoch, sites);
	alloc_sites_print(sites);
}

void vmalloc_init(void)
{
	area_cache = kmem_cache_create("vm_area", sizeof(struct vm_area), 0,
				       KMEM_CACHE_PANIC, NULL);
}
