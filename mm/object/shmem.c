// SPDX-License-Identifier: MIT
/*
 * mm/object/shmem.c - memory that address spaces share, without a file
 *
 * Problem.  MAP_SHARED | MAP_ANONYMOUS is memory that a parent and its children see alike,
 * whichever of them touches a page first and however long each of them lives. So its pages
 * belong to none of them.
 *
 * Idea.  An object (mm/object/object.c) of a fixed size with an index of its pages: a tree of
 * nodes with 64 slots, as high as the size needs. Six bits of the page offset choose the slot
 * in each level; a slot of the lowest level leads to the page:
 *
 *	300 pages, height 2			offset 70 = 1 * 64 + 6
 *
 *	top --> [ 0 | 1 | 2 | 3 | 4 | - ... ]
 *	              |
 *	              [ 0 ... | 6 | ... 63 ]
 *	                        |
 *	                        page 70
 *
 * An object of one page has no node: top leads to the page. Each slot goes from empty to
 * full once, by a compare-and-exchange, and back when the object is freed. So a fault
 * reads the index without a lock, and two faults on one offset agree by the exchange:
 *
 *	fault				fault, of another address space
 *	slot is empty			slot is empty
 *	allocates page a		allocates page b
 *	exchange: a is in
 *					exchange: a is there; b is freed
 *	(both must map a)
 *
 *	(shmem_test.c, a_fault_that_comes_second_has_the_page_of_the_first,
 *	two_first_touches_of_one_page_agree)
 *
 * A read of a hole allocates as a write does: the zero page could not stay there, and to
 * replace it in all address spaces would need a walk of the reverse map.
 *
 *	access			page in the index	result
 *	read or write		yes			that page
 *	read or write		no			a fresh page of zeroes
 *	behind the end		-			SIGBUS
 *
 * A region can come to reach behind the end: mremap() makes a region larger, the object
 * keeps its size. No other page of the object appears there.
 *
 *	field			read with		written with
 *	top, slots		acquire			compare-and-exchange; alone: free
 *	pages, height		constant
 *	page->mapping, index	a reference of the page	before the page is in its slot
 *
 * Lifetime.  The index holds a reference of each page, and each entry holds one. The pages
 * leave the index with the last reference of the object, when no region shows it and no
 * fault can be in it. A page that a driver still holds is freed by its own last reference.
 *
 * The whole size is charged as long as the object lives (mm/space/limits.c): each page has
 * no other place.
 *
 * PG_dirty is set from the beginning: no store has a copy of the contents.
 *
 * Not here: faults (mm/fault/object.c), mmap (mm/space/mmap.c); taking pages out of a living
 * object, which reclaim and holes will need.
 */
#include <kernel/trace.h>
#include <lib/init.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/page_alloc.h>
#include <mm/fault/fault.h>
#include <mm/object/shmem.h>
#include <mm/page/page.h>
#include <mm/space/limits.h>
#include <mm/space/vma.h>

#define NODE_SHIFT 6
#define NODE_SLOTS (1UL << NODE_SHIFT)

struct shmem_node {
	void *slot[NODE_SLOTS];
};

/**
 * struct shmem - an object of shared memory
 * @object: (c) its part that regions know
 * @pages: (c) the size
 * @height: (c) levels of nodes
 * @top: (x) the node of the highest level; the page if @height is 0
 *
 * Keys: (c) constant; (x) filled once by a compare-and-exchange.
 */
struct shmem {
	struct vm_object object;
	unsigned long pages;
	unsigned int height;
	void *top;
};

DEFINE_TRACE_EVENT(shmem_page, "object index pfn",
		   "shared memory %p: page %lu is allocated, pfn %#lx");

static DEFINE_PER_CPU(struct shmem_counters, shmem_counters);
static struct kmem_cache *shmem_cache;
static struct kmem_cache *node_cache;

static int shmem_init(void)
{
	shmem_cache =
		kmem_cache_create("shmem", sizeof(struct shmem), 0, 0, NULL);
	node_cache = kmem_cache_create("shmem_node", sizeof(struct shmem_node),
				       0, 0, NULL);
	return shmem_cache && node_cache ? 0 : -ENOMEM;
}
INITCALL(INIT_CORE, shmem_init);

void shmem_read_counters(struct shmem_counters *out)
{
	unsigned int cpu;

	*out = (struct shmem_counters){0};
	for_each_online_cpu(cpu) {
		const struct shmem_counters *one =
			per_cpu_ptr(&shmem_counters, cpu);

		out->created += READ_ONCE(one->created);
		out->freed += READ_ONCE(one->freed);
		out->allocated += READ_ONCE(one->allocated);
		out->released += READ_ONCE(one->released);
		out->lost += READ_ONCE(one->lost);
	}
}

static struct shmem *shmem_of(struct vm_object *object)
{
	return container_of(object, struct shmem, object);
}

/* The slot of @node, at @level from below, on the way to an offset. */
static void **slot_of(struct shmem_node *node, unsigned long index,
		      unsigned int level)
{
	return &node->slot[(index >> (level * NODE_SHIFT)) % NODE_SLOTS];
}

/* The slot's node, made if there is none; NULL when there is no memory. */
static struct shmem_node *node_in(void **slot)
{
	struct shmem_node *node = smp_load_acquire(slot);
	struct shmem_node *fresh;

	if (node)
		return node;
	fresh = kmem_cache_zalloc(node_cache, GFP_KERNEL);
	if (!fresh)
		return NULL;
	node = cmpxchg(slot, NULL, fresh);
	if (!node)
		return fresh;
	kmem_cache_free(node_cache, fresh);
	return node;
}

/* Where the page of an offset stands, with the nodes over it; NULL: no memory. */
static void **slot_to_fill(struct shmem *shmem, unsigned long index)
{
	unsigned int level = shmem->height;
	void **slot = &shmem->top;

	while (level--) {
		struct shmem_node *node = node_in(slot);

		if (!node)
			return NULL;
		slot = slot_of(node, index, level);
	}
	return slot;
}

struct page *shmem_page(struct vm_object *object, unsigned long index)
{
	struct shmem *shmem = shmem_of(object);
	unsigned int level = shmem->height;
	void *found = smp_load_acquire(&shmem->top);

	if (index >= shmem->pages)
		return NULL;
	while (found && level--)
		found = smp_load_acquire(slot_of(found, index, level));
	return found;
}

struct page *shmem_add_page(struct vm_object *object, unsigned long index,
			    struct page *page)
{
	struct shmem *shmem = shmem_of(object);
	void **slot = slot_to_fill(shmem, index);
	struct page *other;

	ASSERT(index < shmem->pages);
	if (!slot) {
		put_page(page);
		return NULL;
	}
	page->mapping = &object->root;
	page->index = index;
	set_bits(BIT(PG_object) | BIT(PG_dirty), &page->flags);
	/* Pairs with the acquire of a fault that finds it. */
	other = cmpxchg(slot, NULL, page);
	if (!other) {
		this_cpu_inc(shmem_counters.allocated);
		OBSERVE(shmem_page, object, index, page_to_pfn(page));
		return page;
	}
	put_page(page);
	this_cpu_inc(shmem_counters.lost);
	return other;
}

static vm_fault_t shmem_fault(struct vm_fault *vmf, struct page **pagep)
{
	struct vm_object *object = vmf->vma->vm_object;
	unsigned long index = vma_pgoff_of(vmf->vma, vmf->address);
	struct page *page = shmem_page(object, index);

	if (index >= shmem_of(object)->pages)
		return VM_FAULT_SIGBUS;
	if (!page) {
		page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		page = page ? shmem_add_page(object, index, page) : NULL;
	}
	if (!page)
		return VM_FAULT_OOM;
	get_page(page);
	*pagep = page;
	return 0;
}

/* A page, or a node with all below it. As deep as the tree is high: six levels at most. */
static void free_below(void *what, unsigned int height)
{
	unsigned long i;

	if (!what)
		return;
	if (!height) {
		put_page(what);
		this_cpu_inc(shmem_counters.released);
		return;
	}
	for (i = 0; i < NODE_SLOTS; i++)
		free_below(((struct shmem_node *)what)->slot[i], height - 1);
	kmem_cache_free(node_cache, what);
}

static void shmem_free_late(struct rcu_head *head)
{
	kmem_cache_free(shmem_cache,
			container_of(head, struct shmem, object.root.rcu));
}

static void shmem_free(struct vm_object *object)
{
	struct shmem *shmem = shmem_of(object);

	free_below(shmem->top, shmem->height);
	commit_uncharge(shmem->pages);
	this_cpu_inc(shmem_counters.freed);
	call_rcu(&object->root.rcu, shmem_free_late);
}

static const struct vm_object_ops shmem_ops = {
	.fault = shmem_fault,
	.free = shmem_free,
};

struct vm_object *shmem_create(unsigned long pages)
{
	struct shmem *shmem;

	ASSERT(pages);
	if (commit_charge(pages))
		return NULL;
	shmem = kmem_cache_zalloc(shmem_cache, GFP_KERNEL);
	if (!shmem) {
		commit_uncharge(pages);
		return NULL;
	}
	vm_object_init(&shmem->object, &shmem_ops, 0);
	shmem->pages = pages;
	while ((pages - 1) >> (shmem->height * NODE_SHIFT))
		shmem->height++;
	this_cpu_inc(shmem_counters.created);
	return &shmem->object;
}
