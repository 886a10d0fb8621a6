/* SPDX-License-Identifier: MIT */
/*
 * mm/tlb.h - unmap first, flush once, free last
 *
 * A frame or a table may be reused only when no CPU can reach it through a
 * stale translation.  A gather collects what was unhooked, flushes every CPU
 * once, and only then frees.  From tlb_gather_mmu() to tlb_flush_mmu() it is
 * counted in mm->tlb_flush_pending, so that others on the same entries know.
 */
#ifndef MM_TLB_H
#define MM_TLB_H

#include <kernel/atomic.h>
#include <mm/mm_types.h>

struct page;

void report_bad_pte(struct mm_struct *mm, vaddr_t addr, pte_t pte,
		    const char *where);

#define MMU_GATHER_PAGES 126

/**
 * struct mmu_gather - what has been unhooked and not yet freed
 * @mm: whose tables
 * @whole_start: lowest address that the call is about
 * @whole_end: highest, exclusive
 * @start: lowest address to flush
 * @end: highest, exclusive; 0 when nothing needs a flush
 * @nr: filled slots of @pages
 * @nr_tables: how many of them are page tables
 * @tables: the tables, linked by page->next
 * @rss: anonymous pages gone, not yet taken from mm->anon_rss
 * @pages: pages whose reference is to be dropped after the flush
 *
 * Lives on the stack of the one who unmaps.
 */
struct mmu_gather {
	struct mm_struct *mm;
	vaddr_t whole_start;
	vaddr_t whole_end;
	vaddr_t start;
	vaddr_t end;
	unsigned int nr;
	unsigned int nr_tables;
	struct page *tables;
	long rss;
	struct page *pages[MMU_GATHER_PAGES];
};

/*
 * Before the first entry changes. [start, end): all that the caller promises to
 * have flushed, entries included that it finds empty. mmap_lock is held, in
 * either mode, until tlb_flush_mmu() has returned.
 */
void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm, vaddr_t start,
		    vaddr_t end);

/* Flush the CPUs and then free what was gathered; more may be gathered. */
void tlb_flush_and_free(struct mmu_gather *tlb);

/*
 * The last flush: no CPU can reach what entries of the whole range held before.
 * Once for each tlb_gather_mmu(), and no entry may be changed after it; the
 * notifier's end goes between this and tlb_finish_mmu().
 */
void tlb_flush_mmu(struct mmu_gather *tlb);

/*
 * Has somebody changed entries that CPUs may still remember as they were? The
 * caller has looked at the entry and is not counted itself; mm/tlb.c says why
 * one look suffices.
 */
static __always_inline bool tlb_flush_is_pending(const struct mm_struct *mm)
{
	/* Entry first, then the count; pairs with tlb_gather_mmu(). */
	smp_rmb();
	return unlikely(atomic_read(&mm->tlb_flush_pending) != 0);
}

/* Free what is left; everything has been flushed. */
void tlb_finish_mmu(struct mmu_gather *tlb);

/* [start, end) had translations that are gone from the tables. */
static __always_inline void tlb_note_range(struct mmu_gather *tlb,
					   vaddr_t start, vaddr_t end)
{
	if (start < tlb->start)
		tlb->start = start;
	if (end > tlb->end)
		tlb->end = end;
}

/* True when it is full: call tlb_flush_and_free() before the next. */
static __always_inline bool tlb_gather_page(struct mmu_gather *tlb,
					    struct page *page)
{
	tlb->pages[tlb->nr++] = page;
	return tlb->nr == MMU_GATHER_PAGES;
}

/* @addr: any address the table served. */
void tlb_gather_table(struct mmu_gather *tlb, struct page *table, vaddr_t addr);

/* mm/zap.c: empty every entry of [start, end); no event is raised here. */
void zap_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end);

#endif
