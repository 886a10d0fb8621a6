// SPDX-License-Identifier: MIT
/*
 * mm/table/tlb.c - the order in which an unmapped page becomes free
 *
 * Problem.  A page whose entry has been emptied can still be written through a
 * translation that another CPU remembers.  Freed too early, it has another
 * owner by then.  Flushing after each page is right and far too slow.
 *
 * Idea.  Empty many entries, remember their pages, flush every CPU that may
 * remember anything of this mm once, and then free all of them.  Tables go the
 * same way: a CPU remembers where upper entries led as well.
 *
 *	1. entry emptied under its table's lock		(mm/table/zap.c)
 *	2. page or table gathered, address noted
 *	3. flush of [lowest, highest) noted
 *	4. references dropped, tables freed
 *
 * Steps 3 and 4 run early when the gather is full, and the notifier's end comes
 * after the last step 3: at end no CPU can touch the range through the old
 * entries (R1.10, stricter than the field's rule).
 *
 * An entry that is empty or exclusive says nothing about what CPUs remember:
 * another thread may have made it so a moment ago, under mmap_lock for reading
 * like us, and not have flushed yet.  Hence the count:
 *
 *	thread				mm->tlb_flush_pending
 *	a gather			+1 in tlb_gather_mmu(), before its first
 *					entry; -1 in tlb_flush_mmu(), after its
 *					last flush
 *	a maker of exclusive entries	likewise (mm/device/exclusive.c)
 *	a gather at its last flush	another is in: flush the whole range, not
 *					only what itself emptied
 *	a call that finds nothing to	anybody is in: flush the whole range
 *	do (mm/space/madvise.c,
 *	mm/space/mprotect.c)
 *	a fault that fills an empty	anybody is in: flush the page first, with
 *	entry (mm/fault/fault.c)		the table's lock held
 *
 * Why looking once is enough.  The count goes up (a full barrier) before the
 * entry changes under its table's lock, and down (another) after the flush.  A
 * thread that has seen the changed entry and then looks at the count sees it
 * above zero, or the flush is over.  The table's lock orders the two looks, or,
 * where entries are read without it, the smp_rmb() in tlb_flush_is_pending().
 *
 *	DONTNEED			DONTNEED of the same page
 *	pending + 1
 *	lock; entry emptied; unlock
 *					entry is empty: no event, no walk
 *					pending != 0: flush
 *					return		no CPU reaches the old page
 *	flush
 *	pending - 1
 *
 *	(tests/mm/table/tlb_test.c,
 *	 dontneed_that_finds_nothing_flushes_what_another_emptied)
 *
 * The rule for faults makes an entry's frames follow one another: when a frame
 * is put into an entry, no CPU can reach through this address another one that
 * was there before.  Without it a thread could write to the fresh page and signal
 * a second thread, whose atomic add would go to the page thrown away.  A caller
 * of DONTNEED gives up contents, not the order of accesses to one word.  A fault
 * pays a load and a test, and a flush only while a gather of the same mm is open.
 * Entries that go from one present frame to another (the zero page's replacement)
 * are emptied, flushed and filled under one hold of the lock.
 *
 * A count above zero costs others a wider flush, never a wait, so it may stay up
 * while its owner is preempted. mmap_lock held for writing keeps out every party that
 * holds mmap_lock from +1 to -1. It does not keep out a walk of the reverse map, which
 * holds its family's lock alone (mm/rmap/walk.c). So no rule here depends on the mode.
 *
 * Secondary TLBs.  A device that walks the tables remembers what CPUs remember,
 * and may remember it of an mm that no CPU has loaded.  So each flush notifies it
 * of the same bounds, after the CPUs have answered.  The architecture cannot: it
 * knows of contexts and not of subscribers.  It is done here, the one way to
 * flush user addresses (scripts/check.py flushes; ADR 0015), so all that is said
 * above of CPUs holds for devices too.  R2.12 has two reasons to notify while a
 * table's lock is held: a page that is freed before the notifier's end, and an
 * entry that will lead to another page.  Here the first is notified in step 3 at
 * the latest, the second always under that lock.
 *
 *	munmap				device's walk
 *					reads the entry: page p
 *	entry emptied
 *	CPUs flushed
 *	invalidate_range: waits for
 *	walks, drops what they brought
 *	p is free			(must not use p any more)
 *
 *	(tests/mm/notifier/secondary_tlb_test.c,
 *	 munmap_tells_it_before_the_pages_are_free)
 *
 * No subscription can begin between the look at mm->notifier_subscriptions and
 * the flush: registering takes mmap_lock for writing, which flushers hold,
 * or waits for the range that they are in.
 *
 * Locks: none of its own; flushing may not be done under a table's lock here,
 * because freeing follows.  A gather belongs to one thread.
 */
#include <arch/cpu.h>
#include <arch/upcall.h>
#include <mm/space/mm.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/pgtable.h>
#include <mm/table/tlb.h>

DEFINE_TRACE_EVENT(tlb_flush, "mm start end cpus cycles",
		   "mm %p [%#lx, %#lx) CPUs %lx cycles=%lu");

DEFINE_TRACE_EVENT(tlb_served, "asker", "for cpu%lu");

void upcall_tlb_served(unsigned int asker)
{
	OBSERVE(tlb_served, asker);
}

/*
 * Apart, so that it costs no register where nobody has subscribed. The CPUs of the
 * record are those that had the address space loaded just before: a CPU that loads it
 * later finds the changed entries and is not asked.
 */
noinline void flush_tlb_and_tell(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	u64 cpus = READ_ONCE(mm->context.cpus.bits);
	u64 began = rdtsc();

	flush_tlb_range(&mm->context, start, end);
	OBSERVE(tlb_flush, mm, start, end, cpus, rdtsc() - began);
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
}

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm, vaddr_t start,
		    vaddr_t end)
{
	ASSERT(start < end);
	tlb->mm = mm;
	tlb->whole_start = start;
	tlb->whole_end = end;
	tlb->start = ~0UL;
	tlb->end = 0;
	tlb->nr = 0;
	tlb->nr_tables = 0;
	tlb->tables = NULL;
	tlb->rss = 0;
	tlb->shared_rss = 0;
	/* A full barrier: counted before any entry changes. */
	atomic_inc(&mm->tlb_flush_pending);
}

void tlb_gather_table(struct mmu_gather *tlb, struct page *table, vaddr_t addr)
{
	table->pt_next = tlb->tables;
	tlb->tables = table;
	tlb->nr_tables++;
	/* Forgetting any one address forgets the upper levels as well. */
	addr &= PAGE_MASK;
	tlb_note_range(tlb, addr, addr + PAGE_SIZE);
}

static void tlb_flush_noted(struct mmu_gather *tlb)
{
	if (tlb->end)
		flush_tlb_mm_range(tlb->mm, tlb->start, tlb->end);
	tlb->start = ~0UL;
	tlb->end = 0;
}

void tlb_flush_mmu(struct mmu_gather *tlb)
{
	struct atomic *pending = &tlb->mm->tlb_flush_pending;

	/* CPUs may remember entries that another gather emptied before us. */
	if (unlikely(atomic_read(pending) != 1))
		tlb_note_range(tlb, tlb->whole_start, tlb->whole_end);
	tlb_flush_noted(tlb);
	/* A full barrier: flushed before it is said. */
	atomic_dec(pending);
}

static void tlb_free_gathered(struct mmu_gather *tlb)
{
	if (tlb->nr)
		release_pages(tlb->pages, tlb->nr);
	tlb->nr = 0;
	if (tlb->rss)
		atomic64_sub(tlb->rss, &tlb->mm->anon_rss);
	tlb->rss = 0;
	if (tlb->shared_rss)
		atomic64_sub(tlb->shared_rss, &tlb->mm->shared_rss);
	tlb->shared_rss = 0;
	if (likely(!tlb->nr_tables))
		return;
	atomic64_sub(tlb->nr_tables, &tlb->mm->nr_ptes);
	pgtable_free_list(tlb->tables);
	tlb->tables = NULL;
	tlb->nr_tables = 0;
}

void tlb_flush_and_free(struct mmu_gather *tlb)
{
	tlb_flush_noted(tlb);
	tlb_free_gathered(tlb);
}

void tlb_finish_mmu(struct mmu_gather *tlb)
{
	ASSERT(!tlb->end);
	tlb_free_gathered(tlb);
}
