// SPDX-License-Identifier: MIT
/*
 * mm/page_alloc.c - whole frames: a buddy allocator behind per-CPU lists
 *
 * Problem.  Page faults take frames and munmap returns them by the hundred
 * thousand, on all CPUs at once; tables and device rings want a few adjacent
 * ones; and a frame given back twice, or while somebody still uses it, must be
 * noticed at once and not when its second owner reads nonsense.
 *
 * Idea.  Two layers.
 *
 *	alloc_page()			free_pages(), order > 0
 *	     |   ^			     |   ^
 *	+----v---|-----+  64 at a time  +----v---|------------------+
 *	| list of this | <------------- | buddy: blocks of 2^0..2^10 |
 *	| CPU, LIFO    | -------------> | pages, one lock            |
 *	+--------------+  when too long +----------------------------+
 *
 * The per-CPU list is singly linked through the free pages.  It is guarded by
 * nothing but preemption being off and a busy mark: whoever finds the mark set
 * has interrupted its owner on the same CPU, and goes to the buddy instead.
 * No atomic instruction, no IRQ flag, about twenty instructions.
 *
 * The buddy keeps a block aligned to its size.  Freeing one looks at the block
 * it was once split from, whose number differs in one bit, and merges as long
 * as that one is free and whole.  The struct pages of a whole MAX_ORDER block
 * always exist, even where a part of it is not RAM, so the look is safe.
 *
 * States of a page:
 *
 *	flags			refcount	where
 *	PG_reserved		1		not ours: image, tables of boot
 *	PG_free			0		on a CPU's list, or inside a
 *						free block
 *	PG_free | PG_buddy	0		first page of a free block
 *	anything else		>= 1		in use (0 inside a block)
 *
 * A page that is freed must be in use, without a user mapping and without any
 * flag that says somebody owns it; else panic names the page and, in debug
 * builds, who allocated it.
 *
 *	field			guarded by
 *	page_pcp		its CPU, preemption off, busy set
 *	buddy.*			buddy.lock, taken with IRQs off
 *	page->order, lru	buddy.lock while PG_buddy
 *
 * The last RESERVE_PAGES are for callers that cannot sleep (GFP_ATOMIC).
 *
 * Counting.  nr_free_pages() adds the buddy's count to those of the lists; all
 * are exact, so the sum is when nothing moves, and the test runner relies on
 * it.
 *
 * Not here: poison and owners (mm/alloc_debug.c), failing on purpose
 * (mm/alloc_fail.c), memory before boot is done (mm/memblock.c).
 *
 * Over 600 lines because the two levels and the bulk calls keep one count exact
 * between them.
 */
#include <arch/cpu.h>
#include <arch/smp.h>
#include <kernel/cpumask.h>
#include <kernel/list.h>
#include <kernel/panic.h>
#include <kernel/percpu.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <mm/alloc_debug.h>
#include <mm/memblock.h>
#include <mm/might_alloc.h>
#include <mm/page_alloc.h>

/* Pages moved between a CPU's list and the buddy at a time. */
#define PCP_BATCH_ORDER 6
#define PCP_BATCH       (1u << PCP_BATCH_ORDER)
/* On a small machine the lists stay short: see page_alloc_add_range(). */
#define PCP_HIGH_MAX  1024u
#define RESERVE_PAGES 128ul

/* Flags with which a page cannot be freed: somebody has it, or nobody. */
#define FLAGS_NOT_FREEABLE                                               \
	(BIT(PG_locked) | BIT(PG_table) | BIT(PG_slab) | BIT(PG_large) | \
	 BIT(PG_reserved) | BIT(PG_free) | BIT(PG_buddy))

struct page_pcp {
	struct page *head;
	u32 count;
	u32 busy;
};

static DEFINE_PER_CPU(struct page_pcp, page_pcp);

static struct {
	struct spinlock lock;
	unsigned long free; /* pages in all blocks */
	struct list_head blocks[MAX_ORDER + 1];
	unsigned long nr[MAX_ORDER + 1];
} buddy;

static unsigned long total_pages;
static u32 pcp_high = PCP_BATCH;
pfn_t max_pfn;

bool pfn_valid(pfn_t pfn)
{
	return pfn < max_pfn && memblock_is_ram(pfn << PAGE_SHIFT);
}

/* --- the buddy: callers hold buddy.lock --------------------------------- */

static void block_insert(struct page *page, unsigned int order)
{
	page->flags |= BIT(PG_buddy);
	page->order = order;
	list_add(&page->lru, &buddy.blocks[order]);
	buddy.nr[order]++;
}

static void block_remove(struct page *page, unsigned int order)
{
	page->flags &= ~BIT(PG_buddy);
	list_del(&page->lru);
	buddy.nr[order]--;
}

static bool block_is_free(const struct page *page, unsigned int order)
{
	return (page->flags & BIT(PG_buddy)) && page->order == order;
}

static void buddy_free(struct page *page, unsigned int order)
	__must_hold(buddy.lock)
{
	pfn_t pfn = page_to_pfn(page);

	buddy.free += 1ul << order;
	while (order < MAX_ORDER) {
		pfn_t other = pfn ^ (1ul << order);

		if (!block_is_free(pfn_to_page(other), order))
			break;
		block_remove(pfn_to_page(other), order);
		pfn &= other;
		order++;
	}
	block_insert(pfn_to_page(pfn), order);
}

/* All pages of the block still carry PG_free. */
static struct page *buddy_alloc(gfp_t gfp, unsigned int order)
	__must_hold(buddy.lock)
{
	unsigned long keep = gfp & __GFP_RESERVE ? 0 : RESERVE_PAGES;
	unsigned int have = order;
	struct page *page;

	if (buddy.free < keep + (1ul << order))
		return NULL;
	while (have <= MAX_ORDER && list_empty(&buddy.blocks[have]))
		have++;
	if (have > MAX_ORDER)
		return NULL;
	page = list_first_entry(&buddy.blocks[have], struct page, lru);
	block_remove(page, have);
	while (have > order) {
		have--;
		block_insert(page + (1ul << have), have);
	}
	buddy.free -= 1ul << order;
	return page;
}

/* --- in use and back ---------------------------------------------------- */

static __always_inline void page_begin_use(struct page *page)
{
	page->flags = 0;
	page->mapping = NULL;
	atomic_set(&page->mapcount, 0);
	atomic_set(&page->refcount, 1);
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

static __always_inline void page_end_use(struct page *page)
{
	if (unlikely((page->flags & FLAGS_NOT_FREEABLE) |
		     (unsigned int)page_mapcount(page)))
		page_bad_free(page);
	page->flags = BIT(PG_free);
}

/* --- the CPU's list: preemption off, busy set by the caller -------------- */

static __always_inline void pcp_push(struct page_pcp *pcp, struct page *page)
{
	page->next = pcp->head;
	pcp->head = page;
	pcp->count++;
}

/* A batch in one piece when there is one: splitting it costs nothing. */
static noinline void pcp_refill(struct page_pcp *pcp, gfp_t gfp)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&buddy.lock, flags);
	for (unsigned int order = PCP_BATCH_ORDER + 1; order-- > 0;) {
		struct page *page = buddy_alloc(gfp, order);

		if (!page)
			continue;
		for (i = 1u << order; i-- > 0;) {
			page[i].order = 0;
			pcp_push(pcp, page + i);
		}
		break;
	}
	spin_unlock_irqrestore(&buddy.lock, flags);
}

static noinline void pcp_flush(struct page_pcp *pcp, u32 down_to)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	while (pcp->count > down_to) {
		struct page *page = pcp->head;

		pcp->head = page->next;
		pcp->count--;
		buddy_free(page, 0);
	}
	spin_unlock_irqrestore(&buddy.lock, flags);
}

/*
 * Returns NULL with preemption on when the list is being used by whom we
 * interrupted.  Otherwise pcp_put() ends what this began.
 */
static __always_inline struct page_pcp *pcp_get(void)
{
	struct page_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(&page_pcp);
	if (unlikely(pcp->busy)) {
		preempt_enable();
		return NULL;
	}
	pcp->busy = 1;
	barrier();
	return pcp;
}

static __always_inline void pcp_put(struct page_pcp *pcp)
{
	barrier();
	pcp->busy = 0;
	preempt_enable();
}

static void drain_this_cpu(void *unused)
{
	struct page_pcp *pcp = pcp_get();

	if (!pcp)
		return;
	pcp_flush(pcp, 0);
	pcp_put(pcp);
}

void drain_all_pages(void)
{
	might_sleep();
	on_each_cpu(drain_this_cpu, NULL, SMP_WAIT);
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

static struct page *buddy_alloc_locking(gfp_t gfp, unsigned int order)
{
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	page = buddy_alloc(gfp, order);
	spin_unlock_irqrestore(&buddy.lock, flags);
	return page;
}

/* From the buddy; once more after the CPUs' lists were emptied into it. */
static noinline struct page *alloc_slow(gfp_t gfp, unsigned int order,
					unsigned long caller)
{
	struct page *page = NULL;

	if (order <= MAX_ORDER)
		page = buddy_alloc_locking(gfp, order);
	if (!page && order <= MAX_ORDER && gfp_may_sleep(gfp) && !in_atomic() &&
	    !irqs_disabled()) {
		drain_all_pages();
		page = buddy_alloc_locking(gfp, order);
	}
	if (!page)
		return alloc_failed(gfp, order, caller);
	for (unsigned long i = 0; i < 1ul << order; i++)
		page[i].flags = 0;
	page_begin_use(page);
	page->order = order;
	return page;
}

/* The list's top page, or NULL if it is empty or its owner interrupted. */
static __always_inline struct page *pcp_pop(void)
{
	struct page_pcp *pcp = pcp_get();
	struct page *page;

	if (unlikely(!pcp))
		return NULL;
	page = pcp->head;
	if (likely(page)) {
		pcp->head = page->next;
		pcp->count--;
	}
	pcp_put(pcp);
	return page;
}

static struct page *pcp_refill_and_pop(gfp_t gfp)
{
	struct page_pcp *pcp = pcp_get();

	if (!pcp)
		return NULL;
	if (!pcp->head)
		pcp_refill(pcp, gfp);
	pcp_put(pcp);
	return pcp_pop();
}

static __always_inline struct page *page_hand_out(struct page *page, gfp_t gfp,
						  unsigned long caller)
{
	page_debug_alloc(page, 0, caller);
	page_begin_use(page);
	if (gfp & __GFP_ZERO)
		clear_page(page_address(page));
	return page;
}

static noinline struct page *alloc_one_slow(gfp_t gfp, unsigned long caller)
{
	struct page *page = pcp_refill_and_pop(gfp);

	if (!page)
		page = alloc_slow(gfp, 0, caller);
	return page ? page_hand_out(page, gfp, caller) : NULL;
}

static __always_inline struct page *alloc_one(gfp_t gfp, unsigned long caller)
{
	struct page *page = pcp_pop();

	if (unlikely(!page))
		return alloc_one_slow(gfp, caller);
	return page_hand_out(page, gfp, caller);
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
	if (!page)
		return NULL;
	page_debug_alloc(page, order, CALLER());
	if (gfp & __GFP_ZERO)
		for (unsigned long i = 0; i < 1ul << order; i++)
			clear_page(page_address(page + i));
	return page;
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

static noinline void free_to_buddy(struct page *page, unsigned int order)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy.lock, flags);
	buddy_free(page, order);
	spin_unlock_irqrestore(&buddy.lock, flags);
}

static __always_inline void pcp_trim(struct page_pcp *pcp)
{
	if (unlikely(pcp->count > pcp_high))
		pcp_flush(pcp, pcp_high - pcp_high / 4);
}

static __always_inline void page_retire(struct page *page)
{
	atomic_set(&page->refcount, 0);
	page_end_use(page);
	page_debug_free(page, 0);
}

void __put_page(struct page *page)
{
	struct page_pcp *pcp;

	page_retire(page);
	pcp = pcp_get();
	if (unlikely(!pcp)) {
		free_to_buddy(page, 0);
		return;
	}
	pcp_push(pcp, page);
	pcp_trim(pcp);
	pcp_put(pcp);
}

enum free_kind {
	FREE_PAGE,      /* nobody has a reference */
	FREE_REFERENCE, /* drop one, free with the last */
};

/* We interrupted the owner of the list. */
static noinline void free_many_slow(struct page **pages, unsigned long nr,
				    enum free_kind kind)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (kind == FREE_REFERENCE && !put_page_testzero(pages[i]))
			continue;
		page_retire(pages[i]);
		free_to_buddy(pages[i], 0);
	}
}

static __always_inline void free_many(struct page **pages, unsigned long nr,
				      enum free_kind kind)
{
	struct page_pcp *pcp = pcp_get();

	if (unlikely(!pcp)) {
		free_many_slow(pages, nr, kind);
		return;
	}
	for (unsigned long i = 0; i < nr; i++) {
		struct page *page = pages[i];

		if (kind == FREE_REFERENCE && !put_page_testzero(page))
			continue;
		page_retire(page);
		pcp_push(pcp, page);
	}
	pcp_trim(pcp);
	pcp_put(pcp);
}

/* Long arrays in pieces: preemption is off, and the list grows, meanwhile. */
#define FREE_PIECE 128ul

void free_pages_bulk(struct page **pages, unsigned long nr)
{
	while (nr) {
		unsigned long piece = min(nr, FREE_PIECE);

		free_many(pages, piece, FREE_PAGE);
		pages += piece;
		nr -= piece;
	}
}

void release_pages(struct page **pages, unsigned long nr)
{
	while (nr) {
		unsigned long piece = min(nr, FREE_PIECE);

		free_many(pages, piece, FREE_REFERENCE);
		pages += piece;
		nr -= piece;
	}
}

void free_pages(struct page *page, unsigned int order)
{
	if (!order) {
		__free_page(page);
		return;
	}
	BUG_ON(order > MAX_ORDER || page->order != order ||
	       !IS_ALIGNED(page_to_pfn(page), 1ul << order));
	if (page_ref_count(page) != 1)
		page_bad_free(page);
	atomic_set(&page->refcount, 0);
	for (unsigned long i = 0; i < 1ul << order; i++)
		page_end_use(page + i);
	page_debug_free(page, order);
	free_to_buddy(page, order);
}

/* --- counting and checking ---------------------------------------------- */

unsigned long nr_free_pages(void)
{
	unsigned long sum = READ_ONCE(buddy.free);
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		sum += READ_ONCE(per_cpu_ptr(&page_pcp, cpu)->count);
	return sum;
}

unsigned long nr_total_pages(void)
{
	return total_pages;
}

static bool block_verify(const struct page *page, unsigned int order)
{
	pfn_t pfn = page_to_pfn(page);
	pfn_t other = pfn ^ (1ul << order);

	if (!IS_ALIGNED(pfn, 1ul << order) || !block_is_free(page, order))
		return false;
	if (order < MAX_ORDER && block_is_free(pfn_to_page(other), order))
		return false;
	for (unsigned long i = 0; i < 1ul << order; i++)
		if (!PageFree(page + i) || page_ref_count(page + i) ||
		    (i && (page[i].flags & BIT(PG_buddy))))
			return false;
	return true;
}

bool page_alloc_verify(void)
{
	const struct page *page;
	const struct page *bad = NULL;
	unsigned long flags, sum = 0;
	bool ok;

	spin_lock_irqsave(&buddy.lock, flags);
	for (unsigned int order = 0; order <= MAX_ORDER; order++) {
		unsigned long nr = 0;

		list_for_each_entry(page, &buddy.blocks[order], lru) {
			nr++;
			if (!bad && !block_verify(page, order))
				bad = page;
		}
		sum += nr << order;
		if (nr != buddy.nr[order])
			sum = ~0ul;
	}
	ok = sum == buddy.free && !bad;
	spin_unlock_irqrestore(&buddy.lock, flags);
	if (bad)
		page_dump(bad, "broken free block");
	if (!ok)
		pr_err("page_alloc: blocks hold %lu pages, counted %lu\n", sum,
		       buddy.free);
	return ok;
}

/* --- boot --------------------------------------------------------------- */

/* A CPU may hold back a 256th of the machine, a batch at least. */
static void pcp_choose_high(void)
{
	pcp_high = clamp((u32)(total_pages / 256), PCP_BATCH, PCP_HIGH_MAX);
}

void page_alloc_init(void)
{
	spin_lock_init(&buddy.lock);
	for (unsigned int order = 0; order <= MAX_ORDER; order++)
		INIT_LIST_HEAD(&buddy.blocks[order]);
}

void page_alloc_add_range(paddr_t start, paddr_t end)
{
	pfn_t pfn = start >> PAGE_SHIFT;
	pfn_t stop = end >> PAGE_SHIFT;
	unsigned long flags;

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
		spin_lock_irqsave(&buddy.lock, flags);
		buddy_free(pfn_to_page(pfn), order);
		spin_unlock_irqrestore(&buddy.lock, flags);
		total_pages += 1ul << order;
		pfn += 1ul << order;
	}
	pcp_choose_high();
}
