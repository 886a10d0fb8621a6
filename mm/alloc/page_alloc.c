// SPDX-License-Identifier: MIT
/*
 * mm/alloc/page_alloc.c - whole frames: a buddy allocator behind per-CPU lists
 *
 * Problem.  Page faults take frames and munmap returns them by the hundred
 * thousand, on all CPUs at once; tables and device rings want a few adjacent
 * ones; and a frame given back twice, or while it is still in use, must be
 * noticed at once and not when its second owner reads nonsense.
 *
 * Idea.  Two layers.
 *
 *	alloc_page()			alloc_pages(), order > 0
 *	     |   ^			     |   ^
 *	+----v---|-----+   a batch	+----v---|------------------+
 *	| list of this | <------------- | buddy: blocks of 2^0..2^10 |
 *	| CPU, LIFO    | -------------> | pages, one lock            |
 *	+--------------+  when too long +----------------------------+
 *
 * The CPU's list is singly linked through the free pages.  Its lock is only ever
 * tried, with preemption off.  A caller whose try fails has interrupted the list's
 * owner, or meets another CPU that empties the list.  It goes to the buddy instead:
 * nobody waits, so no interrupt flag is touched and no order of locks is needed.
 *
 * A caller that finds no block empties the lists of all CPUs into the buddy, one
 * after the other, until there is one.  That works in atomic context too, as it
 * asks no CPU for anything (tests/mm/alloc/page_alloc_test.c,
 * atomic_callers_reach_what_other_cpus_hold).  All lists together hold at most a
 * 16th of the machine, however many CPUs share it (page_limits_of()); and nothing
 * while memory is tight (mm/alloc/buddy.c has the marks): each caller asks that before
 * it looks at its list, so the reserve is for atomic callers only
 * (what_an_atomic_caller_leaves_of_the_reserve_is_not_for_others).
 *
 * States of a page:
 *
 *	flags			refcount	where
 *	PG_reserved		1		not ours: image, tables of boot
 *	PG_free			0		on a CPU's list, inside a free
 *						block, or kept for a while
 *						(mm/kasan/quarantine.c)
 *	PG_free | PG_buddy	0		first page of a free block
 *	anything else		>= 1		in use (0 inside a block, and
 *						while a page is frozen)
 *
 * A page or block is freed by the put_page() that drops its last reference, and by
 * nothing else: its allocator does not know whether a walker of frames holds one more
 * at the moment (include/mm/page/ref.h).  A page that is freed must have no user mapping
 * and no flag that says it has an owner; else panic names the page and, in debug
 * builds, its allocator.  Debug builds also assert the count, here and where a page is
 * handed out.
 *
 *	field			guarded by
 *	page_pcp		its lock, only tried, preemption off
 *	pcp->count		also read by anybody, as a hint
 *
 * Counting.  nr_free_pages() adds the buddy's count to those of the lists; all
 * are exact, so the sum is when nothing moves, and the test runner relies on
 * it.
 *
 * Not here: blocks (mm/alloc/buddy.c), poison and owners (mm/alloc/page_debug.c), failing on
 * purpose (mm/alloc/fail.c), memory before boot is done (mm/alloc/memblock.c).
 */
#include <lib/cpumask.h>
#include <lib/kasan.h>
#include <lib/panic.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <kernel/lock/spinlock.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/might_alloc.h>
#include <mm/alloc/page_alloc.h>

#include "buddy_internal.h"

/* The most that moves between a CPU's list and the buddy at a time. */
#define BATCH_ORDER_MAX 6u
#define LIST_MAX        1024ul
#define RESERVE_MAX     1024ul

/* Flags with which a page cannot be freed: it is owned, or free already. */
#define FLAGS_NOT_FREEABLE                                               \
	(BIT(PG_locked) | BIT(PG_table) | BIT(PG_slab) | BIT(PG_large) | \
	 BIT(PG_reserved) | BIT(PG_free) | BIT(PG_buddy))

struct page_pcp {
	struct page *head;
	u32 count;
	struct raw_spinlock lock;
};

static DEFINE_PER_CPU_ALIGNED(struct page_pcp, page_pcp);

static unsigned long total_pages;
static struct page_limits limits;
pfn_t max_pfn;

bool pfn_valid(pfn_t pfn)
{
	return pfn < max_pfn && memblock_is_ram(pfn << PAGE_SHIFT);
}

/* --- in use and back ---------------------------------------------------- */

/* The count comes last: a walker of frames may take a reference from then on. */
static void page_begin_use(struct page *page)
{
	ASSERT(page_ref_count(page) == 0);
	page->flags = 0;
	page->mapping = NULL;
	atomic_set(&page->mapcount, 0);
	/* Pairs with get_page_unless_zero(). */
	atomic_set_release(&page->refcount, 1);
}

static noinline __cold void page_bad_free(struct page *page)
{
	const char *what = page->flags & BIT(PG_free)       ? "freed twice"
			   : page->flags & BIT(PG_reserved) ? "never allocated"
			   : page->flags & BIT(PG_locked)   ? "locked"
			   : page->flags & BIT(PG_table)    ? "a page table"
			   : page->flags & BIT(PG_slab)     ? "part of a slab"
			   : page_mapcount(page)            ? "still mapped"
							    : "in use";

	page_dump(page, what);
	panic("page_alloc: page %#lx freed while %s, allocated by %pS",
	      page_to_pfn(page), what, caller_unpack(page->owner));
}

static void page_end_use(struct page *page)
{
	ASSERT(page_ref_count(page) == 0);
	if (unlikely((page->flags & FLAGS_NOT_FREEABLE) |
		     (unsigned int)atomic_read(&page->mapcount)))
		page_bad_free(page);
	page->flags = BIT(PG_free);
}

/* --- the CPU's list: pcp->lock held by the caller ------------------------- */

static void pcp_push(struct page_pcp *pcp, struct page *page)
{
	page->next = pcp->head;
	pcp->head = page;
	WRITE_ONCE(pcp->count, pcp->count + 1);
}

static noinline void pcp_refill(struct page_pcp *pcp)
{
	unsigned int order = limits.batch_order;
	struct page *page = buddy_alloc_batch(&order);

	if (!page)
		return;
	for (unsigned int i = 1u << order; i-- > 0;) {
		page[i].order = 0;
		pcp_push(pcp, page + i);
	}
}

/* A batch at a time, so that interrupts are off only that long. */
static noinline void pcp_flush(struct page_pcp *pcp, u32 down_to)
{
	while (pcp->count > down_to) {
		u32 nr = min(pcp->count - down_to, 1u << BATCH_ORDER_MAX);

		pcp->head = buddy_free_chain(pcp->head, nr);
		WRITE_ONCE(pcp->count, pcp->count - nr);
	}
}

/*
 * Returns NULL with preemption on when the list's lock is taken.  Otherwise
 * pcp_put() ends what this began.
 */
static struct page_pcp *pcp_get(void)
{
	struct page_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(&page_pcp);
	if (unlikely(!raw_spin_try_acquire(&pcp->lock))) {
		preempt_enable();
		return NULL;
	}
	return pcp;
}

static void pcp_put(struct page_pcp *pcp)
{
	raw_spin_release(&pcp->lock);
	preempt_enable();
}

/* Any CPU's list. Return: false if it was empty, or its lock is taken. */
static bool drain_list(unsigned int cpu)
{
	struct page_pcp *pcp = per_cpu_ptr(&page_pcp, cpu);

	if (!READ_ONCE(pcp->count))
		return false;
	preempt_disable();
	if (!raw_spin_try_acquire(&pcp->lock)) {
		preempt_enable();
		return false;
	}
	pcp_flush(pcp, 0);
	pcp_put(pcp);
	return true;
}

/* Freed pages that the memory checker keeps. Return: were there some? */
static bool drain_kept(void)
{
	struct page *page;
	bool some = false;

	while ((page = kasan_page_take())) {
		buddy_free(page, 0);
		some = true;
	}
	return some;
}

void drain_all_pages(void)
{
	unsigned int cpu;

	drain_kept();
	for_each_cpu(cpu, &cpu_possible_mask)
		drain_list(cpu);
}

static noinline __cold void *alloc_failed(gfp_t gfp, unsigned int order,
					  unsigned long caller)
{
	if (gfp & __GFP_NOFAIL)
		panic("page_alloc: no memory for 2^%u pages, wanted by %pS",
		      order, (void *)caller);
	if (!(gfp & __GFP_NOWARN))
		pr_warn("page_alloc: no 2^%u pages for %pS, %lu free\n", order,
			(void *)caller, nr_free_pages());
	return NULL;
}

/* From the buddy, and once more after each CPU's list was emptied into it. */
static struct page *alloc_block(gfp_t gfp, unsigned int order)
{
	struct page *page;
	unsigned int cpu;

	if (order > MAX_ORDER)
		return NULL;
	page = buddy_alloc(gfp, order);
	for_each_cpu(cpu, &cpu_possible_mask) {
		if (page)
			break;
		if (drain_list(cpu))
			page = buddy_alloc(gfp, order);
	}
	return page;
}

static noinline struct page *alloc_slow(gfp_t gfp, unsigned int order,
					unsigned long caller)
{
	struct page *page = alloc_block(gfp, order);
	bool objects = !page && kasan_quarantine_drain();

	if (!page && (drain_kept() || objects))
		page = alloc_block(gfp, order);
	if (!page)
		return alloc_failed(gfp, order, caller);
	page->order = order;
	return page;
}

/*
 * The top page of the CPU's list, filled if need be.  NULL if memory is tight, or
 * the list's lock is taken: then the caller asks the buddy for one page.
 */
static struct page *pcp_pop(void)
{
	struct page_pcp *pcp;
	struct page *page;

	if (unlikely(buddy_is_tight()))
		return NULL;
	pcp = pcp_get();
	if (unlikely(!pcp))
		return NULL;
	if (unlikely(!pcp->head))
		pcp_refill(pcp);
	page = pcp->head;
	if (likely(page)) {
		pcp->head = page->next;
		WRITE_ONCE(pcp->count, pcp->count - 1);
	}
	pcp_put(pcp);
	return page;
}

static struct page *page_hand_out(struct page *page, gfp_t gfp,
				  unsigned int order, unsigned long caller)
{
	page_debug_alloc(page, order, caller);
	for (unsigned long i = 1; i < 1ul << order; i++)
		page[i].flags = 0;
	page_begin_use(page);
	for (unsigned long i = 0; gfp & __GFP_ZERO && i < 1ul << order; i++)
		clear_page(page_address(page + i));
	return page;
}

static struct page *alloc_one(gfp_t gfp, unsigned long caller)
{
	struct page *page = pcp_pop();

	if (unlikely(!page))
		page = alloc_slow(gfp, 0, caller);
	return likely(page) ? page_hand_out(page, gfp, 0, caller) : NULL;
}

struct page *alloc_page(gfp_t gfp)
{
	might_alloc(gfp, CALLER());
	if (alloc_shall_fail(gfp))
		return NULL;
	return alloc_one(gfp, CALLER());
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	struct page *page;

	might_alloc(gfp, CALLER());
	if (alloc_shall_fail(gfp))
		return NULL;
	if (!order)
		return alloc_one(gfp, CALLER());
	page = alloc_slow(gfp, order, CALLER());
	return page ? page_hand_out(page, gfp, order, CALLER()) : NULL;
}

unsigned long alloc_pages_bulk(gfp_t gfp, unsigned long nr, struct page **pages)
{
	unsigned long done;

	might_alloc(gfp, CALLER());
	for (done = 0; done < nr; done++) {
		if (alloc_shall_fail(gfp))
			break;
		pages[done] = alloc_one(gfp, CALLER());
		if (!pages[done])
			break;
	}
	return done;
}

/* --- giving back -------------------------------------------------------- */

static void pcp_trim(struct page_pcp *pcp)
{
	u32 most = buddy_is_tight() ? 0 : limits.list;

	if (unlikely(pcp->count > most))
		pcp_flush(pcp, most - most / 4);
}

/* Return: is *@page free now?  The memory checker may keep it, and give another. */
static bool page_retire(struct page **page)
{
	page_end_use(*page);
	page_debug_free(*page, 0);
	return !kasan_page_free(page);
}

static noinline void put_block(struct page *page)
{
	unsigned int order = page->order;

	if (unlikely(PageHead(page) && page_mapcount(page)))
		page_bad_free(page);
	for (unsigned long i = 0; i < 1ul << order; i++)
		page_end_use(page + i);
	page_debug_free(page, order);
	buddy_free(page, order);
}

void __put_page(struct page *page)
{
	struct page_pcp *pcp;

	if (unlikely(page->order)) {
		put_block(page);
		return;
	}
	if (!page_retire(&page))
		return;
	pcp = pcp_get();
	if (unlikely(!pcp)) {
		buddy_free(page, 0);
		return;
	}
	pcp_push(pcp, page);
	pcp_trim(pcp);
	pcp_put(pcp);
}

/* At most so many at a time: preemption is off, and the list grows, meanwhile. */
#define RELEASE_PIECE 128ul

static void release_piece(struct page **pages, unsigned long nr)
{
	struct page_pcp *pcp = pcp_get();

	for (unsigned long i = 0; i < nr; i++) {
		struct page *page = pages[i];

		if (!put_page_testzero(page))
			continue;
		if (unlikely(page->order)) {
			put_block(page);
			continue;
		}
		if (!page_retire(&page))
			continue;
		if (likely(pcp))
			pcp_push(pcp, page);
		else
			buddy_free(page, 0);
	}
	if (unlikely(!pcp))
		return;
	pcp_trim(pcp);
	pcp_put(pcp);
}

void release_pages(struct page **pages, unsigned long nr)
{
	while (nr) {
		unsigned long piece = min(nr, RELEASE_PIECE);

		release_piece(pages, piece);
		pages += piece;
		nr -= piece;
	}
}

/* --- counting and checking ---------------------------------------------- */

unsigned long nr_free_pages(void)
{
	unsigned long sum = buddy_nr_free() + kasan_quarantine_pages();
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		sum += READ_ONCE(per_cpu_ptr(&page_pcp, cpu)->count);
	return sum;
}

unsigned long nr_total_pages(void)
{
	return total_pages;
}

/* --- boot --------------------------------------------------------------- */

struct page_limits page_limits_of(unsigned long total, unsigned int cpus)
{
	struct page_limits l;
	unsigned long batch;

	l.min = clamp(total / 256, 8ul, RESERVE_MAX);
	l.low = 2 * l.min;
	l.high = 3 * l.min;
	l.list = (u32)clamp(total / max(256ul, 16ul * cpus), 4ul, LIST_MAX);
	batch = min(l.list / 2ul, l.min);
	l.batch_order = min((unsigned int)__fls(batch), BATCH_ORDER_MAX);
	return l;
}

void page_alloc_init(void)
{
	buddy_init();
}

void page_alloc_add_range(paddr_t start, paddr_t end)
{
	pfn_t pfn = start >> PAGE_SHIFT;
	pfn_t stop = end >> PAGE_SHIFT;

	kasan_poison(phys_to_virt(start), end - start, KASAN_PAGE_FREE);
	for (pfn_t i = pfn; i < stop; i++) {
		struct page *page = pfn_to_page(i);

		page->flags = BIT(PG_free);
		atomic_set(&page->refcount, 0);
	}
	while (pfn < stop) {
		unsigned int order =
			pfn ? min_t(unsigned int, __ffs(pfn), MAX_ORDER)
			    : MAX_ORDER;

		while (pfn + (1ul << order) > stop)
			order--;
		buddy_free(pfn_to_page(pfn), order);
		total_pages += 1ul << order;
		pfn += 1ul << order;
	}
	limits = page_limits_of(total_pages, cpumask_weight(&cpu_possible_mask));
	buddy_set_marks(&limits);
}
