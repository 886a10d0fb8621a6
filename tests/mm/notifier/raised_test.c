// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/raised_test.c - the ranges that mm/ starts, seen by subscribers
 *
 * The observer of a sandbox sees starts, of an mm that lives.  Here are the
 * tests that want more: ends, and an exit.
 */
#include <arch/tlb.h>
#include "tests/mm/lib/sandbox.h"

/* --- end, seen by a plain subscriber ------------------------------------ */

/* Of every start and end it expects that mmap_lock is held over it (R1.9). */
struct end_witness {
	struct mmu_notifier sub;
	struct sandbox *box;
	unsigned int ends;
	u64 flushes_at_start;
	u64 flushes_at_end;
	pte_t at_end;
};

static int witness_start(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	struct end_witness *w = container_of(sub, struct end_witness, sub);
	struct ktest *test = w->box->test;
	struct tlb_counters counters;

	EXPECT(holds_mmap_lock(range->mm));
	tlb_read_counters(&counters);
	w->flushes_at_start = counters.flushes;
	return 0;
}

static void witness_end(struct mmu_notifier *sub,
			const struct mmu_notifier_range *range)
{
	struct end_witness *w = container_of(sub, struct end_witness, sub);
	struct ktest *test = w->box->test;
	struct tlb_counters counters;
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(w->box->mm, range->start, &ptl);

	EXPECT(holds_mmap_lock(range->mm));
	w->ends++;
	w->at_end = __pte(0);
	if (ptep) {
		w->at_end = ptep_get(ptep);
		spin_unlock(ptl);
	}
	tlb_read_counters(&counters);
	w->flushes_at_end = counters.flushes;
}

static const struct mmu_notifier_ops witness_ops = {
	.invalidate_range_start = witness_start,
	.invalidate_range_end = witness_end,
};

/* A sandbox with a witness of every pair; pages 0 to 3 are mapped. */
static bool witness_open(struct end_witness *w, struct sandbox *box,
			 struct ktest *test)
{
	if (!sandbox_open(box, test))
		return false;
	*w = (struct end_witness){.sub = {.ops = &witness_ops}, .box = box};
	EXPECT_EQ(mmu_notifier_register(&w->sub, box->mm), 0);
	sandbox_map(box, AT(0), 4);
	return true;
}

static void witness_close(struct end_witness *w, struct sandbox *box)
{
	mmu_notifier_unregister(&w->sub, box->mm);
	sandbox_close(box);
}

KTEST(mmap, at_end_the_entries_are_changed_and_the_cpus_flushed,
      KT_RULES("R1.10"))
{
	struct end_witness w;
	struct sandbox box;

	REQUIRE(witness_open(&w, &box, test));
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT(!pte_write(w.at_end) && pte_present(w.at_end));
	EXPECT_GT(w.flushes_at_end, w.flushes_at_start);

	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(1)), 0);
	EXPECT(pte_none(w.at_end));
	EXPECT_GT(w.flushes_at_end, w.flushes_at_start);

	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	EXPECT(pte_write(w.at_end));
	EXPECT_GT(w.flushes_at_end, w.flushes_at_start);

	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(4)), 0);
	EXPECT(pte_none(w.at_end));
	EXPECT_GT(w.flushes_at_end, w.flushes_at_start);
	witness_close(&w, &box);
}

/* So no subscription begins in the middle of one; of exit's, see below. */
KTEST(mmap, every_pair_runs_under_mmap_lock_from_start_to_end,
      KT_RULES("R1.9 R1.13"))
{
	struct end_witness w;
	struct sandbox box;

	REQUIRE(witness_open(&w, &box, test));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(w.ends, 1U);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(w.ends, 2U);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(w.ends, 3U);
	/* Over pages never touched, which is notified all the same (R1.13). */
	EXPECT_EQ(do_mmap(box.mm, AT(2), LEN(2), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(2));
	EXPECT_EQ(w.ends, 4U);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(w.ends, 5U);
	witness_close(&w, &box);
}

KTEST(mmap, so_do_the_pairs_of_exclusive_access_and_of_taking_it_back,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R1.9"))
{
	struct page *slots[2] = {NULL};
	struct end_witness w;
	struct sandbox box;
	int owner;

	REQUIRE(witness_open(&w, &box, test));
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, slots, &owner), 2);
	EXPECT_EQ(w.ends, 1U);
	release_exclusive(slots, 2);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(w.ends, 2U);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(w.ends, 3U);
	witness_close(&w, &box);
}

/* --- starts and ends, by statistics ------------------------------------- */

/*
 * An address that can be zero must not stand for "a range was started": at the
 * lowest place there is, each piece has one start and one end (R1.15).
 *
 *	pages	L 1 2 ... 512 513	L: the lowest that can be mapped; the
 *		[       r          ]	range has pages in two tables
 */
KTEST(mprotect, at_the_lowest_address_too_a_start_has_its_one_end,
      KT_RULES("R1.15"))
{
	struct mmu_notifier_stats before, after;
	struct sandbox box;
	vaddr_t last;

	REQUIRE(sandbox_open(&box, test));
	last = USER_START + PMD_SIZE;
	sandbox_map(&box, USER_START, PTRS_PER_TABLE + 1);
	EXPECT_EQ(user_poke(USER_START, 1), 0);
	EXPECT_EQ(user_poke(last, 2), 0);
	mmu_notifier_read_stats(box.mm, &before);
	EXPECT_EQ(do_mprotect(box.mm, USER_START, last + PAGE_SIZE - USER_START,
			      PROT_READ),
		  0);
	mmu_notifier_read_stats(box.mm, &after);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_VMA, USER_START,
		     last + PAGE_SIZE);
	EXPECT_EQ(after.events[MMU_NOTIFY_PROTECTION_VMA],
		  before.events[MMU_NOTIFY_PROTECTION_VMA] + 1);
	EXPECT_EQ(after.open_ranges, 0UL);
	EXPECT_EQ(after.open_overlaps, 0UL);
	EXPECT_EQ(user_poke(USER_START, 3), -EFAULT);
	EXPECT_EQ(sandbox_read(&box, last), 2UL);
	sandbox_close(&box);
}

/* --- exit, seen by an interval subscriber ------------------------------- */

struct exit_log {
	struct mmu_interval_notifier sub;
	unsigned int nr;
	enum mmu_notifier_event event[4];
	vaddr_t start[4];
	vaddr_t end[4];
	long rss[4];
	bool locked[4];
};

static bool exit_invalidate(struct mmu_interval_notifier *sub,
			    const struct mmu_notifier_range *range,
			    unsigned long cur_seq)
{
	struct exit_log *log = container_of(sub, struct exit_log, sub);
	unsigned int i = log->nr++;

	mmu_interval_set_seq(sub, cur_seq);
	if (i < 4) {
		log->event[i] = range->event;
		log->start[i] = range->start;
		log->end[i] = range->end;
		log->rss[i] = atomic64_read(&range->mm->anon_rss);
		log->locked[i] = holds_mmap_lock(range->mm);
	}
	return true;
}

static const struct mmu_interval_notifier_ops exit_ops = {
	.invalidate = exit_invalidate,
};

KTEST(mm, exit_says_release_then_unmap_before_the_first_page_goes,
      KT_RULES("R1.9"))
{
	struct mm_struct *mm = mm_alloc();
	struct exit_log log = {.nr = 0};
	unsigned long i;

	REQUIRE(mm);
	EXPECT_EQ(mmu_interval_notifier_insert(&log.sub, mm, BASE, PAGE_SIZE,
					       &exit_ops),
		  0);
	kthread_use_mm(mm);
	EXPECT_EQ(do_mmap(mm, BASE, 300 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)BASE);
	for (i = 0; i < 300; i++)
		EXPECT_EQ(user_poke(BASE + i * PAGE_SIZE, i), 0);
	kthread_unuse_mm(mm);
	EXPECT_EQ(log.nr, 0U);
	mmput(mm);
	EXPECT_EQ(log.nr, 2U);
	EXPECT_EQ(log.event[0], MMU_NOTIFY_RELEASE);
	EXPECT_EQ(log.event[1], MMU_NOTIFY_UNMAP);
	EXPECT_EQ(log.start[1], 0UL);
	EXPECT_EQ(log.end[1], ~0UL);
	EXPECT_EQ(log.rss[0], 300L);
	EXPECT_EQ(log.rss[1], 300L);
	/* Only a pair has to: RELEASE has no end, and nobody is left to begin. */
	EXPECT(log.locked[1]);
	mmu_interval_notifier_remove(&log.sub);
}
