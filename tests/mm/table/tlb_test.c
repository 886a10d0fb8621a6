// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/tlb_test.c - entries that are empty before CPUs have forgotten them
 *
 * A witness on another CPU has used a page and keeps the translation: it spins
 * and does not give its CPU away. Then the entry is emptied and not flushed, as
 * a batched change does it, and the test asks whom that may concern: what the
 * witness reaches through its translation afterwards is the answer.
 *
 * The batched change is played by hand in the first tests, so that it can be
 * held between its change and its flush; that the real one counts itself in the
 * same way is shown by holding it up at the lock of its second table.
 */
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <lib/cpumask.h>
#include <kernel/pagefault.h>
#include <lib/preempt.h>
#include <mm/table/pgtable_notify.h>
#include "tests/mm/lib/sandbox.h"

#define OLD 7UL
#define NEW 100UL

struct witness {
	struct sandbox_thread thread;
	struct ktest_step step;
	u64 value; /* what the word held at the second look */
	int err;
};

/* It waits in a section without faults: a page that is not mapped is an error. */
static void witness_main(struct sandbox_thread *self)
{
	struct witness *w = self->arg;
	struct ktest *test = self->box->test;
	u64 value;

	EXPECT_EQ(user_poke(AT(0), OLD), 0);
	pagefault_disable();
	preempt_disable();
	EXPECT_EQ(user_xadd64(user_ptr(AT(0)), 0, &value), 0);
	EXPECT_EQ(value, OLD);
	step_signal(&w->step, 1);
	step_spin(&w->step, 2);
	w->err = user_xadd64(user_ptr(AT(0)), 1, &w->value);
	preempt_enable();
	pagefault_enable();
}

/* AT(0) holds OLD and is remembered by another CPU, and not by this one. */
static void witness_start(struct witness *w, struct sandbox *box)
{
	struct ktest *test = box->test;

	*w = (struct witness){.err = 1};
	step_init(&w->step, test);
	sandbox_thread_start(&w->thread, box, another_cpu(), witness_main, w);
	step_spin(&w->step, 1);
}

static void witness_finish(struct witness *w)
{
	step_signal(&w->step, 2);
	sandbox_thread_join(&w->thread);
}

/*
 *	pages		0
 *	other		emptied, remembered by the witness
 *	DONTNEED	[ ]		nothing to do
 */
KTEST(mmu_gather, dontneed_that_finds_nothing_flushes_what_another_emptied,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct sandbox box;
	struct witness w;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	witness_start(&w, &box);
	page = sandbox_empty_unflushed(&box, AT(0));
	sandbox_forget(&box);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	/* It is the thread that emptied the entry that must notify the devices. */
	EXPECT_EQ(box.nr, 0U);
	witness_finish(&w);
	EXPECT_EQ(w.err, -EFAULT);
	sandbox_flush_and_free(&box, AT(0), page);
	sandbox_close(&box);
}

/*
 * The other is a walk of the reverse map, which has no mmap_lock.
 *
 *	pages		0
 *	other		emptied, remembered by the witness
 *	mprotect	[ ]		nothing to do
 */
KTEST(mmu_gather, mprotect_that_finds_nothing_flushes_what_another_emptied,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct sandbox box;
	struct witness w;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	witness_start(&w, &box);
	page = sandbox_empty_unflushed(&box, AT(0));
	sandbox_forget(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_NONE), 0);
	EXPECT_EQ(box.nr, 0U);
	witness_finish(&w);
	EXPECT_EQ(w.err, -EFAULT);
	sandbox_flush_and_free(&box, AT(0), page);
	sandbox_close(&box);
}

/*
 *	pages		0				1
 *	other		emptied, remembered		-
 *	mprotect	[				page 1 loses a right ]
 */
KTEST(mmu_gather, mprotect_flushes_also_the_part_that_another_emptied,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct sandbox box;
	struct witness w;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	witness_start(&w, &box);
	page = sandbox_empty_unflushed(&box, AT(0));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_NONE), 0);
	witness_finish(&w);
	EXPECT_EQ(w.err, -EFAULT);
	sandbox_flush_and_free(&box, AT(0), page);
	sandbox_close(&box);
}

/*
 *	pages		0 1
 *	other		-		emptied, remembered by the witness
 *	DONTNEED	[---]		page 1 is its to empty
 */
KTEST(mmu_gather, dontneed_flushes_also_the_part_that_another_emptied,
      KT_FLAGS(KT_NEEDS_SMP | KT_NEEDS_NOTIFIER))
{
	struct sandbox box;
	struct witness w;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	witness_start(&w, &box);
	page = sandbox_empty_unflushed(&box, AT(0));
	sandbox_forget(&box);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(1), AT(2));
	witness_finish(&w);
	EXPECT_EQ(w.err, -EFAULT);
	sandbox_flush_and_free(&box, AT(0), page);
	sandbox_close(&box);
}

/* The update that would be lost is an atomic add of the other thread. */
KTEST(mmu_gather, a_fault_over_an_entry_not_yet_flushed_flushes_it_first,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct sandbox box;
	struct witness w;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	witness_start(&w, &box);
	page = sandbox_empty_unflushed(&box, AT(0));
	EXPECT_EQ(user_poke(AT(0), NEW), 0);
	witness_finish(&w);
	EXPECT_EQ(w.err, 0);
	EXPECT_EQ(w.value, NEW);
	EXPECT_EQ(sandbox_read(&box, AT(0)), NEW + 1);
	sandbox_flush_and_free(&box, AT(0), page);
	sandbox_close(&box);
}

KTEST(mmu_gather, a_read_of_zero_after_an_emptying_is_the_same_for_all_cpus,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct sandbox box;
	struct witness w;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	witness_start(&w, &box);
	page = sandbox_empty_unflushed(&box, AT(0));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	witness_finish(&w);
	/* The zero page may not be written, and there it is now. */
	EXPECT_EQ(w.err, -EFAULT);
	sandbox_flush_and_free(&box, AT(0), page);
	sandbox_close(&box);
}

/* Alone, nothing is flushed that nobody can remember. */
KTEST(mmu_gather, without_another_an_empty_range_and_a_fault_cost_no_flush)
{
	struct tlb_counters before, after;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	tlb_read_counters(&before);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes + 1);
	EXPECT_EQ(atomic_read(&box.mm->tlb_flush_pending), 0);
	sandbox_close(&box);
}

/*
 * The real thing between its change and its flush: it has emptied the entries
 * of one table and waits for the lock of the next.
 */
struct holder {
	struct sandbox_thread thread;
	struct ktest_step step;
	bool emptied; /* the first table was, while the second was locked */
	int pending;
};

#define FIRST  (ALIGN(BASE, PMD_SIZE) + PMD_SIZE - PAGE_SIZE)
#define SECOND (FIRST + PAGE_SIZE)

static void holder_main(struct sandbox_thread *self) __no_thread_safety
{
	struct holder *h = self->arg;
	struct mm_struct *mm = self->box->mm;
	struct spinlock *ptl;
	unsigned long polls = 1UL << 28;
	pte_t *first, *second;

	/* Both tables are there: nothing is allocated. */
	first = pmd_table(pmdp_get(pgtable_walk_pmd(mm, FIRST))) +
		pte_index(FIRST);
	second = pgtable_map_lock(mm, SECOND, &ptl);
	step_signal(&h->step, 1);
	while (!pte_none(ptep_get(first)) && --polls)
		cpu_relax();
	h->emptied = pte_none(ptep_get(first)) && pte_present(ptep_get(second));
	h->pending = atomic_read(&mm->tlb_flush_pending);
	spin_unlock(ptl);
}

KTEST(mmu_gather, a_zap_is_counted_from_its_first_entry_until_it_has_flushed,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct holder h = {.pending = -1};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	step_init(&h.step, test);
	sandbox_map(&box, FIRST, 2);
	EXPECT_EQ(user_poke(FIRST, 1), 0);
	EXPECT_EQ(user_poke(SECOND, 2), 0);
	mmap_read_lock(box.mm);
	sandbox_thread_start(&h.thread, &box, another_cpu(), holder_main, &h);
	step_spin(&h.step, 1);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(madvise_dontneed(box.mm, FIRST, LEN(2)), 0);
	sandbox_thread_join(&h.thread);
	EXPECT(h.emptied);
	EXPECT_EQ(h.pending, 1);
	EXPECT_EQ(atomic_read(&box.mm->tlb_flush_pending), 0);
	sandbox_close(&box);
}

/* --- entries where nobody is asked ---------------------------------------- */

/*
 * Nobody has subscribed who could have used the page, or there is no notifier in
 * this kernel: the CPU's mark is the answer, and an entry changes in silence.
 */
KTEST(mmu_gather, with_nobody_to_ask_the_helpers_about_entries_are_the_plain_ones,
      KT_RULES("R6.4"))
{
	struct mmu_notifier_range range;
	struct vm_area_struct *vma;
	struct spinlock *ptl;
	struct sandbox box;
	pte_t *ptep;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), OLD), 0);
	mmap_read_lock(box.mm);
	vma = vma_lookup(box.mm, AT(0));
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, vma, box.mm, AT(0),
				AT(1));
	mmu_notifier_invalidate_range_start(&range);
	sandbox_forget(&box);
	pagefault_disable();
	ptep = pgtable_map_lock(box.mm, AT(0), &ptl);
	EXPECT(ptep_clear_flush_young_notify(vma, AT(0), ptep));
	EXPECT(!pte_young(ptep_get(ptep)));
	EXPECT(!ptep_clear_flush_young_notify(vma, AT(0), ptep));
	spin_unlock(ptl);
	/* Flushed: this marks the entry. */
	EXPECT_EQ(sandbox_read(&box, AT(0)), OLD);
	spin_lock(ptl);
	EXPECT(ptep_clear_young_notify(vma, AT(0), ptep));
	EXPECT(!ptep_clear_young_notify(vma, AT(0), ptep));
	pte = ptep_clear_flush_notify(vma, AT(0), ptep);
	EXPECT(pte_present(pte));
	EXPECT(pte_none(ptep_get(ptep)));
	set_pte_at_notify(box.mm, AT(0), ptep, pte);
	EXPECT(pte_same(ptep_get(ptep), pte));
	spin_unlock(ptl);
	EXPECT_EQ(sandbox_read(&box, AT(0)), OLD);
	pagefault_enable();
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/* --- all at once ---------------------------------------------------------- */

#define PLAYERS 4
#define ROUNDS  100

/*
 * Each thread has a word of its own in one page, and all throw the page away.
 * A thread reads zero after its own call, even if another emptied the entry.
 */
static void play(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	vaddr_t addr = AT(0) + self->number * sizeof(u64);
	unsigned int kept = 0;
	unsigned int round;
	u64 value;

	for (round = 1; round <= ROUNDS; round++) {
		EXPECT_EQ(user_poke(addr, round), 0);
		EXPECT_EQ(madvise_dontneed(self->box->mm, AT(0), LEN(1)), 0);
		EXPECT_EQ(user_peek(addr, &value), 0);
		kept += value != 0;
	}
	EXPECT_EQ(kept, 0U);
}

KTEST(mmu_gather, what_a_thread_has_thrown_away_it_does_not_read_again,
      KT_FLAGS(KT_SLOW))
{
	struct sandbox_thread thread[PLAYERS];
	struct sandbox box;
	unsigned int cpu = 0;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	for (i = 0; i < PLAYERS; i++) {
		thread[i].number = i;
		sandbox_thread_start(&thread[i], &box, cpu, play, NULL);
		cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
	for (i = 0; i < PLAYERS; i++)
		sandbox_thread_join(&thread[i]);
	EXPECT_EQ(atomic_read(&box.mm->tlb_flush_pending), 0);
	sandbox_close(&box);
}
