// SPDX-License-Identifier: MIT
/*
 * mm/tlb.c - the order in which an unmapped page becomes free
 *
 * Problem.  A page whose entry has been emptied can still be written through a
 * translation that another CPU remembers.  Freed too early, it is somebody
 * else's page by then.  Flushing after each page is right and far too slow.
 *
 * Idea.  Empty many entries, remember their pages, flush every CPU that may
 * remember anything of this mm once, and then free all of them.  Tables go the
 * same way: a CPU remembers where upper entries led as well.
 *
 *	1. entry emptied under its table's lock		(mm/zap.c)
 *	2. page or table gathered, address noted
 *	3. flush of [lowest, highest) noted
 *	4. references dropped, tables freed
 *
 * Steps 3 and 4 run early when the gather is full, and the notifier's end comes
 * after step 3: at end no CPU can touch the range through the old entries
 * (R1.10, stricter than the field's rule).
 *
 * An entry that was not present has no translation, so zapping it notes no
 * address - except while mm->tlb_flush_pending says that somebody turned
 * present entries into exclusive ones and has not flushed yet.  mm/zap.c looks,
 * with the table's lock held; mm/device_exclusive.c has the argument.
 *
 * Locks: none of its own; flushing may not be done under a table's lock here,
 * because freeing follows.  A gather belongs to one thread.
 */
#include <arch/tlb.h>
#include <mm/mm.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/tlb.h>

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm)
{
	tlb->mm = mm;
	tlb->start = ~0UL;
	tlb->end = 0;
	tlb->nr = 0;
	tlb->nr_tables = 0;
	tlb->tables = NULL;
	tlb->rss = 0;
}

void tlb_gather_table(struct mmu_gather *tlb, struct page *table, vaddr_t addr)
{
	table->next = tlb->tables;
	tlb->tables = table;
	tlb->nr_tables++;
	/* Forgetting any one address forgets the upper levels as well. */
	addr &= PAGE_MASK;
	tlb_note_range(tlb, addr, addr + PAGE_SIZE);
}

void tlb_flush_mmu(struct mmu_gather *tlb)
{
	if (tlb->end)
		flush_tlb_range(&tlb->mm->context, tlb->start, tlb->end);
	tlb->start = ~0UL;
	tlb->end = 0;
}

static void tlb_free_gathered(struct mmu_gather *tlb)
{
	if (tlb->nr)
		release_pages(tlb->pages, tlb->nr);
	tlb->nr = 0;
	if (tlb->rss)
		atomic64_sub(tlb->rss, &tlb->mm->anon_rss);
	tlb->rss = 0;
	if (likely(!tlb->nr_tables))
		return;
	atomic64_sub(tlb->nr_tables, &tlb->mm->nr_ptes);
	while (tlb->tables) {
		struct page *table = tlb->tables;

		tlb->tables = table->next;
		table->next = NULL;
		pgtable_free_one(table);
	}
	tlb->nr_tables = 0;
}

void tlb_flush_and_free(struct mmu_gather *tlb)
{
	tlb_flush_mmu(tlb);
	tlb_free_gathered(tlb);
}

void tlb_finish_mmu(struct mmu_gather *tlb)
{
	ASSERT(!tlb->end);
	tlb_free_gathered(tlb);
}
