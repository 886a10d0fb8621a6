/* SPDX-License-Identifier: MIT */
/*
 * include/mm/page/page.h - one struct for each frame of memory
 *
 * All of them form one array in virtual memory, vmemmap, indexed by frame
 * number; parts of it for which no RAM exists are not mapped.
 *
 * Writers of each field:
 *
 *	field			key	while
 *	flags			(a)	allocated; (z) while free
 *	refcount		(a)
 *	mapcount		(a)	entries that map it, 0 for none; changed
 *					under the lock of the page table
 *	mapping, index		(o)
 *	lru, private		(o)	undefined in a fresh page
 *	slab_*			(s)	PG_slab
 *	ptl, pt_mm		(o)	PG_table
 *	next			(z)	free
 *	order			(z)	of the block, free or not
 *	owner, epoch		(z)	debug builds: its allocator, and when
 *	poisoned		(z)	debug builds: it was filled when freed
 *
 *	(a) atomically   (o) the allocator of the page, by own rules
 *	(s) the cache's lock   (z) the page allocator
 *
 * Lifetime: alloc_page() hands a page out with one reference; each get_page()
 * adds one; the put_page() that takes the last frees it.
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
#include <lib/types.h>

struct kmem_cache;

/* Bits of page->flags. */
enum page_flag {
	PG_locked = 0,     /* lock_page() holds it */
	PG_dirty,          /* contents newer than the backing store */
	PG_referenced,     /* used since the last scan */
	PG_anon,           /* anonymous memory; mapping is its family */
	PG_anon_exclusive, /* belongs to one mm only: writable without COW */
	PG_table,          /* a page table; ptl is live */
	PG_slab,           /* part of a slab */
	PG_large,          /* first page of a kmalloc() of many pages */
	PG_reserved,       /* never the page allocator's: image, holes */
	PG_free,           /* the page allocator has it */
	PG_buddy,          /* first page of a free block; order is its size */
	PG_poisoned,       /* free and filled with PAGE_POISON (debug) */
	PG_waiters = 31,   /* a thread waits for the lock: the sign bit */
};

struct page {
	union {
		unsigned long flags;
		/* the half with PG_waiters as its sign, for unlock_page() */
		s32 flags_low;
	};
	struct atomic refcount;
	struct atomic mapcount;
	union {
		void *mapping;
		void *slab_freelist;
		struct page *next;
	};
	union {
		unsigned long index;
		struct {
			u32 slab_inuse;
			u32 slab_objects;
		};
	};
	union {
		struct list_head lru;
		struct spinlock ptl;
	};
	union {
		unsigned long private;
		struct kmem_cache *slab_cache;
		void *pt_mm;
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
 * PageX() tests; SetPageX() and ClearPageX() are atomic; __SetPageX() and
 * __ClearPageX() are for a page nobody else can see; TestSetPageX() and
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
	static __always_inline void __SetPage##Name(struct page *page)     \
	{                                                                  \
		page->flags |= BIT(bit);                                   \
	}                                                                  \
	static __always_inline void __ClearPage##Name(struct page *page)   \
	{                                                                  \
		page->flags &= ~BIT(bit);                                  \
	}                                                                  \
	static __always_inline bool TestSetPage##Name(struct page *page)   \
	{                                                                  \
		return test_and_set_bit(bit, &page->flags);                \
	}                                                                  \
	static __always_inline bool TestClearPage##Name(struct page *page) \
	{                                                                  \
		return test_and_clear_bit(bit, &page->flags);              \
	}

PAGE_FLAG(Locked, PG_locked)
PAGE_FLAG(Dirty, PG_dirty)
PAGE_FLAG(Referenced, PG_referenced)
PAGE_FLAG(Anon, PG_anon)
PAGE_FLAG(AnonExclusive, PG_anon_exclusive)
PAGE_FLAG(Table, PG_table)
PAGE_FLAG(Slab, PG_slab)
PAGE_FLAG(Large, PG_large)
PAGE_FLAG(Reserved, PG_reserved)
PAGE_FLAG(Free, PG_free)
PAGE_FLAG(Waiters, PG_waiters)

/* --- references --------------------------------------------------------- */

static __always_inline int page_ref_count(const struct page *page)
{
	return atomic_read(&page->refcount);
}

static __always_inline int page_mapcount(const struct page *page)
{
	return atomic_read(&page->mapcount);
}

/* Panics: a reference was taken or dropped where there was none. */
void page_bad_ref(const struct page *page, const char *what) __noreturn __cold;

/* Free a page whose last reference is gone; for put_page() and batches. */
void __put_page(struct page *page);

/**
 * get_page() - take another reference
 * @page: a page the caller has a reference to
 *
 * Context: any.
 */
static __always_inline void get_page(struct page *page)
{
	if (IS_ENABLED(CONFIG_DEBUG) && unlikely(page_ref_count(page) <= 0))
		page_bad_ref(page, "taken");
	atomic_inc(&page->refcount);
}

/**
 * try_get_page() - take a reference unless the page is being freed
 * @page: a page that may be freed at any time
 *
 * The caller then checks that it is still the page that was meant.
 *
 * Context: any.
 * Return: true with a reference taken, false if there was none left.
 */
static __always_inline bool try_get_page(struct page *page)
{
	return atomic_inc_not_zero(&page->refcount);
}

/**
 * put_page_testzero() - drop a reference, and leave the freeing to the caller
 * @page: a page the caller has a reference to
 *
 * Context: any.
 * Return: true if it was the last; the page is now the caller's to free with
 *	   free_pages_bulk() or __put_page().
 */
static __always_inline bool put_page_testzero(struct page *page)
{
	if (IS_ENABLED(CONFIG_DEBUG) && unlikely(page_ref_count(page) <= 0))
		page_bad_ref(page, "dropped");
	return atomic_dec_and_test(&page->refcount);
}

/**
 * put_page() - drop a reference, free the page with the last
 * @page: a page the caller has a reference to; of order 0
 *
 * Context: any but NMI.
 */
static __always_inline void put_page(struct page *page)
{
	if (put_page_testzero(page))
		__put_page(page);
}

/* --- the page lock ------------------------------------------------------ */

void __lock_page(struct page *page);
int __lock_page_killable(struct page *page);
void __wait_on_page_locked(struct page *page);
void __unlock_page_waiters(struct page *page);

/* To the lock validator all page locks are this one. */
DECLARE_LOCKDEP_MAP(page_lock_map);

/*
 * One thread may lock the page and another unlock it. So the validator learns
 * the order where a thread may wait, and not which thread holds the lock.
 */
static __always_inline void page_lock_may_wait(void)
{
	might_sleep();
	lock_map_acquire(&page_lock_map);
	lock_map_release(&page_lock_map);
}

/**
 * trylock_page() - take the page lock if it is free
 * @page: a page the caller has a reference to
 *
 * Context: any thread context; never sleeps.
 * Return: true if the caller has the lock now.
 */
static __always_inline bool trylock_page(struct page *page)
{
	return !test_and_set_bit(PG_locked, &page->flags);
}

/**
 * lock_page() - take the page lock
 * @page: a page the caller has a reference to
 *
 * The lock orders changes of a page's use: making it exclusive, restoring it,
 * migrating it.  Its holder may sleep, and it may be released
 * by another thread than the one that took it.
 *
 * Context: may sleep; no spinlock held. Wait for the first of several page
 *	    locks only, and try the rest.
 */
static __always_inline void lock_page(struct page *page)
{
	page_lock_may_wait();
	if (unlikely(!trylock_page(page)))
		__lock_page(page);
}

/**
 * lock_page_killable() - take the page lock unless the task is killed
 * @page: a page the caller has a reference to
 *
 * Context: as lock_page().
 * Return: 0 with the lock, -EINTR when a fatal signal came first.
 */
static __always_inline __must_check int lock_page_killable(struct page *page)
{
	page_lock_may_wait();
	if (likely(trylock_page(page)))
		return 0;
	return __lock_page_killable(page);
}

/**
 * unlock_page() - release the page lock
 * @page: a locked page
 *
 * Context: any but NMI.
 */
static __always_inline void unlock_page(struct page *page)
{
	ASSERT(PageLocked(page));
	/*
	 * One locked instruction clears the bit and tells, by the sign,
	 * whether a thread waits.  Pairs with the acquire in trylock_page().
	 */
	if (unlikely(__atomic_and_fetch(&page->flags_low, ~(s32)BIT(PG_locked),
					__ATOMIC_RELEASE) < 0))
		__unlock_page_waiters(page);
}

/**
 * wait_on_page_locked() - wait until the page was seen unlocked
 * @page: a page the caller has a reference to
 *
 * Another thread may lock it again at once.
 *
 * Context: may sleep.
 */
static __always_inline void wait_on_page_locked(struct page *page)
{
	page_lock_may_wait();
	if (PageLocked(page))
		__wait_on_page_locked(page);
}

/**
 * page_init() - boot: the wait queues and the zero page
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

static __always_inline bool is_zero_page(const struct page *page)
{
	return page == empty_zero_page;
}

#endif
