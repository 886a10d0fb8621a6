/* SPDX-License-Identifier: MIT */
/*
 * mm/table/tlb.h - unmap first, flush once, free last
 *
 * A frame or a table may be reused only when no CPU can reach it through a
 * stale translation.  A gather collects what was unhooked, flushes every CPU
 * once, and only then frees.  From tlb_gather_mmu() to tlb_flush_mmu() it is
 * counted in mm->tlb_flush_pending, so that others on the same entries know.
 *
 * Devices remember translations too: one may walk the same tables (R2.9,
 * R2.10). User translations are flushed here and nowhere else in mm, and here
 * the secondary TLBs are notified.
 */
#ifndef MM_TABLE_TLB_H
#define MM_TABLE_TLB_H

#include <arch/paging.h>
#include <arch/tlb.h>
#include <kernel/trace.h>
#include <lib/atomic.h>
#include <mm/space/mm_types.h>
#include <mm/notifier/start.h>
#include <mm/table/entry.h>

struct page;

void report_bad_pte(struct mm_struct *mm, vaddr_t addr, pte_t pte,
		    const char *where);

void flush_tlb_and_tell(struct mm_struct *mm, vaddr_t start, vaddr_t end);

/**
 * flush_tlb_mm_range() - [start, end) is remembered by nobody any more
 * @mm: the address space
 * @start: page aligned
 * @end: page aligned, above @start; [0, ~0) is all of it
 *
 * First the CPUs forget, then every subscriber with an invalidate_range is
 * notified of the same bounds (R2.10). The entries were changed before the call;
 * the pages and tables that they led to are free only after it (R2.12).
 *
 * Context: inside a range, or mmap_lock held in either mode: so no subscription
 *	    begins meanwhile. Besides as arch/tlb.h says; a table's lock may be
 *	    held. Does not sleep.
 */
static __always_inline void flush_tlb_mm_range(struct mm_struct *mm,
					       vaddr_t start, vaddr_t end)
{
	if (mm_has_notifiers(mm) || unlikely(READ_ONCE(trace_observing)))
		flush_tlb_and_tell(mm, start, end);
	else
		flush_tlb_range(&mm->context, start, end);
}

/**
 * ptep_clear_flush() - empty an entry that will be filled with another page
 * @vma: the region
 * @addr: page aligned, in @vma
 * @ptep: its entry
 *
 * Context: the table's lock is held and goes on being held until the entry is
 *	    filled, so that nobody sees the two pages in turn (R2.12).
 * Return: what the entry was.
 */
static __always_inline pte_t ptep_clear_flush(struct vm_area_struct *vma,
					      vaddr_t addr, pte_t *ptep)
{
	pte_t old = ptep_clear_at(vma->vm_mm, addr, ptep);

	flush_tlb_mm_range(vma->vm_mm, addr, addr + PAGE_SIZE);
	return old;
}

/**
 * ptep_clear_flush_young() - has a CPU used the page? Begin to watch anew
 * @vma: the region
 * @addr: page aligned, in @vma
 * @ptep: its entry
 *
 * The flush makes the next use set the mark again.
 *
 * Context: the table's lock is held.
 */
static __always_inline bool ptep_clear_flush_young(struct vm_area_struct *vma,
						   vaddr_t addr, pte_t *ptep)
{
	bool young = ptep_test_and_clear_young(ptep);

	if (young)
		flush_tlb_mm_range(vma->vm_mm, addr, addr + PAGE_SIZE);
	return young;
}

#define MMU_GATHER_PAGES 90

/**
 * struct mmu_gather - what has been unhooked and not yet freed
 * @mm: whose tables
 * @whole_start: lowest address that the call is about
 * @whole_end: highest, exclusive
 * @start: lowest address to flush
 * @end: highest, exclusive; 0 when nothing needs a flush
 * @nr: filled slots of @pages
 * @nr_tables: how many of them are page tables
 * @tables: the tables, linked by page->pt_next
 * @rss: anonymous pages gone, not yet taken from mm->anon_rss
 * @shared_rss: likewise other pages, of mm->shared_rss
 * @pages: pages whose reference is to be dropped after the flush
 *
 * Lives on the stack of the thread that unmaps.
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
	long shared_rss;
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
 * Has a thread changed entries that CPUs may still remember as they were? The
 * caller has looked at the entry and is not counted itself; mm/table/tlb.c says why
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

/* mm/table/zap.c: empty every entry of [start, end); it starts no range. */
void zap_range(struct mmu_gather *tlb, vaddr_t start, vaddr_t end);

#endif
