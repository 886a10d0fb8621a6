/* SPDX-License-Identifier: MIT */
/*
 * include/mm/page/page.h - one struct for each frame of memory
 *
 * All of them form one array in virtual memory, vmemmap, indexed by frame
 * number; parts of it for which no RAM exists are not mapped. There are as many as
 * there are frames, so each is 64 bytes, a 64th of its frame, and several owners share
 * the bytes:
 *
 *	byte 0         8        12       16        24
 *	     +---------+--------+--------+---------+----------+
 *	  0  | flags   |refcount|mapcount| mapping | index    |
 *	     |         |        |        | next    | slab_*   |
 *	     |         |        |        | slab_*  |          |
 *	     +---------+--------+--------+---------+----------+
 *	 32  | lru                       | private | owner    |	owner 4 bytes, epoch 2,
 *	     | ptl                       | pt_mm   | epoch    |	order 1, poisoned 1
 *	     | whole_mapcount            | slab_*  | order ...|
 *	     +---------------------------+---------+----------+
 *
 *	field			key	while
 *	flags			(a)	in use, by a holder of a reference;
 *					(z) while free
 *	refcount		(a)	reasons to keep the frame: ref.h
 *	mapcount		(a)	entries of the last level that map it, 0 for
 *					none; changed under the lock of the table
 *	whole_mapcount		(a)	PG_head: huge entries that map all of it
 *	mapping, index		(o)
 *	lru, private		(o)	undefined in a fresh page
 *	slab_*			(s)	PG_slab
 *	ptl, pt_mm		(o)	PG_table
 *	pt_rcu, pt_next		(o)	PG_table, unhooked or spare
 *	pt_spares		(o)	PG_table, of PMD entries: mm/table/huge.c
 *	next			(z)	free
 *	order			(z)	of the block, free or not
 *	owner, epoch		(z)	debug builds: its allocator, and when
 *	poisoned		(z)	debug builds: it was filled when freed
 *
 *	(a) atomically   (o) the allocator of the page, by own rules
 *	(s) the cache's lock   (z) the page allocator
 *
 * Flags. From alloc_page() on, any thread that walks the frames may take a reference
 * and try the page's lock. So flags change by atomic instructions alone, in a page that
 * its owner has just allocated, too:
 *
 *	owner				walker of frames
 *	page = alloc_page()
 *	reads flags: 0
 *					reference, trylock_page(): PG_locked
 *	writes PG_anon
 *					unlock_page(): the bit is gone
 *
 *	(tests/mm/page/ref_test.c, a_page_is_marked_while_a_walker_has_its_lock)
 *
 * Whose page it is.  page->mapping means something while one of two flags is set. They are
 * set last, when the page has its mapping and index, and cleared by the free alone:
 *
 *	flag		mapping			index			example
 *	PG_anon		root of a family	offset in each region	private memory
 *	PG_object	root of an object	offset in the object	shared memory
 *	neither		not defined		not defined		kernel, driver
 *
 * Both roots are a struct rmap_root (mm/rmap/root.h), so code that looks for the entries of
 * a page need not know which of the two it is.
 *
 * What else is known of a page: references in mm/page/ref.h, its lock in
 * mm/page/lock.h, whose it is in mm/page/rmap.h, huge pages in mm/page/huge.h.
 */
#ifndef MM_PAGE_PAGE_H
#define MM_PAGE_PAGE_H

#include <arch/page.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/bitops.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <kernel/lock/lockdep.h>
#include <kernel/lock/spinlock.h>
#include <kernel/rcu.h>
#include <lib/types.h>

struct kmem_cache;

/* Bits of page->flags. */
enum page_flag {
	PG_locked = 0,     /* lock_page() holds it: mm/page/lock.h */
	PG_dirty,          /* contents newer than the backing store */
	PG_referenced,     /* used since the last scan */
	PG_anon,           /* anonymous memory; mapping is its family's root */
	PG_anon_exclusive, /* belongs to one mm only: writable without COW */
	PG_table,          /* a page table; ptl is live */
	PG_slab,           /* part of a slab */
	PG_large,          /* first page of a kmalloc() of many pages */
	PG_reserved,       /* never the page allocator's: image, holes */
	PG_free,           /* the page allocator has it */
	PG_buddy,          /* first page of a free block; order is its size */
	PG_poisoned,       /* free and filled with PAGE_POISON (debug) */
	PG_head,           /* first page of a huge page */
	PG_tail,           /* another page of a huge page: page_head() */
	PG_object,         /* memory of an object; mapping is its root */
	PG_lazyfree,       /* may go if clean: mm/table/lazyfree.c */
	PG_waiters = 31,   /* a thread may wait for a bit: the sign bit */
};

struct page {
	union {
		unsigned long flags;
		/* the half with PG_waiters as its sign, for page_bit_clear() */
		s32 flags_low;
	};
	struct atomic refcount;
	struct atomic mapcount;
	union {
		struct {
			union {
				void *mapping;
				void *slab_freelist;
				struct page *next;
				struct page *pt_spares;
			};
			union {
				unsigned long index;
				struct {
					u32 slab_inuse;
					u32 slab_objects;
				};
			};
		};
		struct rcu_head pt_rcu;
	};
	union {
		struct list_head lru;
		struct spinlock ptl;
		struct atomic whole_mapcount;
	};
	union {
		unsigned long private;
		struct kmem_cache *slab_cache;
		void *pt_mm;
		struct page *pt_next;
	};
	u32 owner;
	u16 epoch;
	u8 order;
	u8 poisoned;
};

static_assert(sizeof(struct page) == 64, "the index of vmemmap is a shift");

/* The array of all frames; see docs/memory-map.md. */
#define vmemmap ((struct page *)VMEMMAP_START)

/* One past the highest frame number that has a struct page. */
extern pfn_t max_pfn;

static __always_inline struct page *pfn_to_page(pfn_t pfn)
{
	return vmemmap + pfn;
}

static __always_inline pfn_t page_to_pfn(const struct page *page)
{
	return page - vmemmap;
}

static __always_inline paddr_t page_to_phys(const struct page *page)
{
	return page_to_pfn(page) << PAGE_SHIFT;
}

static __always_inline struct page *phys_to_page(paddr_t paddr)
{
	return pfn_to_page(paddr >> PAGE_SHIFT);
}

/* Where the direct map has the page's bytes. */
static __always_inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}

/* Only for addresses in the direct map. */
static __always_inline struct page *virt_to_page(const void *addr)
{
	return phys_to_page(virt_to_phys(addr));
}

/**
 * pfn_valid() - is there RAM, and a struct page, for a frame number?
 * @pfn: the frame number
 *
 * Context: any.
 * Return: true if pfn_to_page(@pfn) may be looked at.
 */
bool pfn_valid(pfn_t pfn);

/*
 * PageX() tests; SetPageX() and ClearPageX() are atomic; TestSetPageX() and
 * TestClearPageX() are atomic and return the old value.
 */
#define PAGE_FLAG(Name, bit)                                               \
	static __always_inline bool Page##Name(const struct page *page)    \
	{                                                                  \
		return READ_ONCE(page->flags) & BIT(bit);                  \
	}                                                                  \
	static __always_inline void SetPage##Name(struct page *page)       \
	{                                                                  \
		set_bit(bit, &page->flags);                                \
	}                                                                  \
	static __always_inline void ClearPage##Name(struct page *page)     \
	{                                                                  \
		clear_bit(bit, &page->flags);                              \
	}                                                                  \
	static __always_inline bool TestSetPage##Name(struct page *page)   \
	{                                                                  \
		return test_and_set_bit(bit, &page->flags);                \
	}                                                                  \
	static __always_inline bool TestClearPage##Name(struct page *page) \
	{                                                                  \
		return test_and_clear_bit(bit, &page->flags);              \
	}

PAGE_FLAG(Dirty, PG_dirty)
PAGE_FLAG(Referenced, PG_referenced)
PAGE_FLAG(Anon, PG_anon)
PAGE_FLAG(AnonExclusive, PG_anon_exclusive)
PAGE_FLAG(Object, PG_object)
PAGE_FLAG(Lazyfree, PG_lazyfree)
PAGE_FLAG(Table, PG_table)
PAGE_FLAG(Slab, PG_slab)
PAGE_FLAG(Large, PG_large)
PAGE_FLAG(Reserved, PG_reserved)
PAGE_FLAG(Free, PG_free)
PAGE_FLAG(Head, PG_head)
PAGE_FLAG(Tail, PG_tail)
PAGE_FLAG(Waiters, PG_waiters)

/* A huge page is what one entry of the level above the last can map. */
#define HPAGE_PMD_ORDER (PMD_SHIFT - PAGE_SHIFT)
#define HPAGE_PMD_NR    (1UL << HPAGE_PMD_ORDER)

/* Part of a huge page, as its first page or another? */
static __always_inline bool PageHuge(const struct page *page)
{
	return READ_ONCE(page->flags) & (BIT(PG_head) | BIT(PG_tail));
}

/**
 * page_head() - the page that has the references and the lock
 * @page: any page that cannot be freed or split just now: the caller has a reference to
 *	it, or the lock of an entry that maps it
 *
 * Context: any.
 * Return: the first page of the huge page that @page is part of; else @page.
 */
static __always_inline struct page *page_head(const struct page *page)
{
	if (likely(!PageTail(page)))
		return (struct page *)page;
	return pfn_to_page(page_to_pfn(page) & ~(HPAGE_PMD_NR - 1));
}

/**
 * page_mapcount() - how many entries map a page
 * @page: as for page_head()
 *
 * Context: any.
 * Return: its own entries, and the huge ones of the huge page that it is part of.
 */
static __always_inline int page_mapcount(const struct page *page)
{
	int count = atomic_read(&page->mapcount);

	if (PageHuge(page))
		count += atomic_read(&page_head(page)->whole_mapcount);
	return count;
}

/**
 * page_init() - boot: the queues of waiters and the zero page
 *
 * Context: boot CPU, once the page allocator works.
 */
void page_init(void);

/**
 * page_dump() - print what is known about a page
 * @page: the page
 * @why: a word about the occasion
 *
 * Context: any.
 */
void page_dump(const struct page *page, const char *why);

/**
 * empty_zero_page - a page of zeroes, mapped read-only by everyone
 *
 * Reserved: get_page() and put_page() on it are balanced but never free it.
 */
extern struct page *empty_zero_page;

/* As much as a huge entry maps, with the same rules; NULL on a machine with little memory. */
extern struct page *huge_zero_page;

static __always_inline bool is_huge_zero_page(const struct page *page)
{
	return PageHuge(page) && page_head(page) == huge_zero_page;
}

/* One of the two, or a part of the second? */
static __always_inline bool is_zero_page(const struct page *page)
{
	return page == empty_zero_page || is_huge_zero_page(page);
}

#include <mm/page/lock.h>
#include <mm/page/ref.h>

#endif
