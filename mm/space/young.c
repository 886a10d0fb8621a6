// SPDX-License-Identifier: MIT
/*
 * mm/space/young.c - which pages of a range were used?
 *
 * Problem.  A program that places memory wants to know which of a process's pages are idle.
 * A CPU sets a mark in the entry at a first use and remembers that it has. A device has a
 * mark of its own. To flush the CPUs at each page would make the question dear.
 *
 * Idea.  The pages of one table at a time, under its lock, in three passes:
 *
 *	1. test, and clear, the CPUs' mark of each entry
 *	2. flush the CPUs, once, if a mark was cleared and the next use shall be seen
 *	3. ask the subscribers about each page, whatever the CPUs' mark said (R2.2)
 *
 * Pass 2 comes before pass 3, as with one entry (mm/table/pgtable_notify.h): when a
 * subscriber clears its mark, CPUs and device begin to watch anew together.
 *
 *	entry			CPUs' mark		subscribers
 *	none			-			-
 *	present			asked			asked
 *	device-exclusive	cannot be set		asked
 *	huge			one for all its pages	asked
 *
 * The marks are cleared bit by bit: entries stay what they are, and no range is started.
 *
 *	data			guarded by
 *	regions, tables		mmap_lock for reading; dropped between two tables
 *	an entry		its table's lock
 *
 * Not here: the same question about one page in all address spaces (mm/rmap/referenced.c).
 */
#include <kernel/sched/sched.h>
#include <lib/bitops.h>
#include <mm/space/counters.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/young.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/swapops.h>
#include <mm/table/young.h>

/**
 * struct young_table - the part of a range in one table
 * @mm: the address space
 * @start: first address
 * @end: first address after it
 * @how: what becomes of the marks
 * @used: a bit for each page
 */
struct young_table {
	struct mm_struct *mm;
	vaddr_t start;
	vaddr_t end;
	enum young_how how;
	unsigned long used[BITS_TO_LONGS(PTRS_PER_TABLE)];
};

static void note_used(struct young_table *table, vaddr_t addr)
{
	unsigned long page = (addr - table->start) >> PAGE_SHIFT;

	table->used[page / BITS_PER_LONG] |= BIT(page % BITS_PER_LONG);
}

static bool is_noted(const struct young_table *table, vaddr_t addr)
{
	return test_bit((addr - table->start) >> PAGE_SHIFT, table->used);
}

/* Passes 1 and 2. */
static void ask_cpus(struct young_table *table, pte_t *ptep)
{
	bool any = false;
	vaddr_t addr;

	for (addr = table->start; addr < table->end; addr += PAGE_SIZE, ptep++) {
		pte_t pte = ptep_get(ptep);

		if (!pte_present(pte) || !pte_young(pte))
			continue;
		if (table->how != YOUNG_TEST)
			(void)ptep_test_and_clear_young(ptep);
		note_used(table, addr);
		any = true;
	}
	if (any && table->how == YOUNG_CLEAR_FLUSH)
		flush_tlb_mm_range(table->mm, table->start, table->end);
}

/* Does the entry lead to a page, for a CPU or for a device? */
static bool has_page(pte_t pte)
{
	return pte_present(pte) ||
	       (is_swap_pte(pte) &&
		is_device_exclusive_entry(pte_to_swp_entry(pte)));
}

/* Pass 3. One yes is a yes, so after a CPU's a mere test asks nobody. */
static void ask_subscribers(struct young_table *table, const pte_t *ptep)
{
	vaddr_t addr;

	for (addr = table->start; addr < table->end; addr += PAGE_SIZE, ptep++) {
		if (!has_page(ptep_get(ptep)))
			continue;
		if (table->how == YOUNG_TEST && is_noted(table, addr))
			continue;
		if (young_subscribers(table->mm, addr, table->how))
			note_used(table, addr);
	}
}

/* The same of a huge entry: what is used is used as a whole. */
static void ask_huge(struct young_table *table) __no_thread_safety
{
	pmd_t *pmdp = pgtable_walk_pmd(table->mm, table->start);
	vaddr_t addr;
	bool used;
	pte_t pte;

	if (!pmdp || !huge_lock(table->mm, pmdp, &pte))
		return;
	used = huge_young_of_cpus(table->mm, table->start, pmdp, table->how);
	for (addr = table->start; addr < table->end; addr += PAGE_SIZE)
		if ((used && table->how == YOUNG_TEST) ||
		    young_subscribers(table->mm, addr, table->how) || used)
			note_used(table, addr);
	spin_unlock(&table->mm->page_table_lock);
}

static void ask_table(struct young_table *table) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(table->mm, table->start, &ptl);

	if (!ptep) {
		ask_huge(table);
		return;
	}
	ask_cpus(table, ptep);
	if (mm_has_notifiers(table->mm))
		ask_subscribers(table, ptep);
	spin_unlock(ptl);
}

/* Return: pages used. */
static long young_report(const struct young_table *table, unsigned char *used)
{
	long found = 0;
	vaddr_t addr;

	for (addr = table->start; addr < table->end; addr += PAGE_SIZE) {
		bool noted = is_noted(table, addr);

		found += noted;
		if (used)
			*used++ = noted;
	}
	return found;
}

static long young_range(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			enum young_how how, unsigned char *used)
{
	vaddr_t addr = start;
	long found = 0;

	while (addr < end) {
		struct young_table table = {.mm = mm,
					    .start = addr,
					    .end = pmd_addr_end(addr, end),
					    .how = how};

		if (fatal_signal_pending(current) || mmap_read_lock_killable(mm))
			return -EINTR;
		ask_table(&table);
		mmap_read_unlock(mm);
		found += young_report(
			&table,
			used ? used + ((addr - start) >> PAGE_SHIFT) : NULL);
		addr = table.end;
	}
	return found;
}

long mm_young(struct mm_struct *mm, vaddr_t addr, size_t len,
	      enum young_how how, unsigned char *used)
{
	long found;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || len > USER_END)
		return -EINVAL;
	len = ALIGN(len, PAGE_SIZE);
	if (addr > USER_END - len)
		return -EINVAL;
	OBSERVE(mm_call, mm, "young", addr, addr + len, how);
	found = young_range(mm, addr, addr + len, how, used);
	if (found > 0)
		this_cpu_add(space_counters.young, found);
	OBSERVE(mm_return, mm, "young", found);
	return found;
}
