// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/fault_test.c - real faults, by the CPU, in an adopted address space
 */
#include <lib/cpumask.h>
#include <kernel/pagefault.h>
#include <lib/preempt.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/tlb.h>
#include "tests/ktest/heard.h"
#include "tests/mm/lib/sandbox.h"

static struct page *pte_page(pte_t pte)
{
	return pfn_to_page(pte_pfn(pte));
}

KTEST(fault, a_first_read_maps_the_zero_page_and_takes_no_frame)
{
	struct sandbox box;
	unsigned long free;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	free = nr_free_pages();
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(nr_free_pages(), free);
	EXPECT(is_zero_page(pte_page(sandbox_pte(&box, AT(1)))));
	EXPECT(!pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

KTEST(fault, a_first_write_maps_a_fresh_page_of_zeroes, KT_RULES("R1.13"))
{
	struct sandbox box;
	struct page *page;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0) + 8, 5), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(0) + 8), 5UL);
	EXPECT_EQ(sandbox_read(&box, AT(1) - 8), 0UL);
	pte = sandbox_pte(&box, AT(0));
	EXPECT(pte_write(pte) && pte_dirty(pte) && pte_young(pte));
	EXPECT(pte_soft_dirty(pte));
	page = pte_page(pte);
	EXPECT(PageAnon(page) && PageAnonExclusive(page));
	EXPECT_EQ(page_mapcount(page), 1);
	EXPECT_EQ(page_ref_count(page), 1);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 1L);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

KTEST(fault, a_write_over_the_zero_page_raises_clear_for_one_page,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(1), AT(2));
	EXPECT_EQ(box.seen[0].owner, NULL);
	EXPECT(is_zero_page(pte_page(box.seen[0].first)));
	/* This CPU had the zero page in its TLB, and reads the new one. */
	EXPECT_EQ(sandbox_read(&box, AT(1)), 1UL);
	sandbox_close(&box);
}

KTEST(fault, a_page_that_may_be_reused_raises_nothing, KT_RULES("R1.13"))
{
	struct fault_counters before, after;
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	pte = sandbox_pte(&box, AT(0));
	/* As write-tracking will leave it one day. */
	sandbox_set_pte(&box, AT(0), pte_wrprotect(pte));
	flush_tlb_mm_range(box.mm, AT(0), AT(1));
	fault_read_counters(&before);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	fault_read_counters(&after);
	EXPECT_EQ(after.reused, before.reused + 1);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(pte_pfn(sandbox_pte(&box, AT(0))), pte_pfn(pte));
	sandbox_close(&box);
}

KTEST(fault, touches_that_no_region_allows_are_errors)
{
	struct sandbox box;
	u64 value = 1;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(0), LEN(1), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(0));
	EXPECT_EQ(do_mmap(box.mm, AT(1), LEN(1), PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(1));
	EXPECT_EQ(user_poke(AT(0), 1), -EFAULT);
	EXPECT_EQ(user_peek(AT(1), &value), -EFAULT);
	EXPECT_EQ(user_peek(AT(2), &value), -EFAULT);
	EXPECT_EQ(user_peek(0, &value), -EFAULT);
	EXPECT_EQ(user_peek(USER_END - 8, &value), -EFAULT);
	EXPECT_EQ(value, 0UL);
	/* Memory that may only be written may be read: the CPU has no less. */
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(1), PROT_WRITE), 0);
	EXPECT_EQ(user_poke(AT(1), 9), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 9UL);
	sandbox_close(&box);
}

KTEST(fault, an_entry_of_an_unknown_type_is_reported_and_refused,
      KT_RULES("R7.11"))
{
	struct sandbox box;
	unsigned int type;
	u64 value;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	for (type = 0; type < SWP_TYPE_COUNT; type++) {
		swp_entry_t entry = swp_entry(type, 3);
		pte_t pte = swp_entry_to_pte(entry);

		/* One swap file stands for all. */
		if (is_device_exclusive_entry(entry) ||
		    (type && !non_swap_entry(entry)))
			continue;
		sandbox_set_pte(&box, AT(0), pte);
		EXPECT_EQ(user_peek(AT(0), &value), -EFAULT);
		EXPECT_EQ(user_poke(AT(0), 1), -EFAULT);
		EXPECT_EQ(pte_val(sandbox_pte(&box, AT(0))), pte_val(pte));
	}
	sandbox_set_pte(&box, AT(0), __pte(0));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(vm_fault_to_errno(VM_FAULT_SIGBUS), -EFAULT);
	EXPECT_EQ(vm_fault_to_errno(VM_FAULT_HWPOISON), -EHWPOISON);
	EXPECT_EQ(vm_fault_to_errno(VM_FAULT_OOM), -ENOMEM);
	EXPECT_EQ(vm_fault_to_errno(VM_FAULT_BUSY), -EBUSY);
	sandbox_close(&box);
}

/* An entry of a type that is not made holds no page: unmapping it frees none. */
KTEST(fault, an_entry_of_an_unknown_type_is_reported_and_dropped_by_an_unmap)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_set_pte(&box, AT(0),
			swp_entry_to_pte(swp_entry(SWP_HWPOISON, 3)));
	hear_begin();
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), PAGE_SIZE), 0);
	hear_end();
	EXPECT(heard("zap: unknown hwpoison entry"));
	EXPECT(pte_none(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	sandbox_close(&box);
}

KTEST(fault, a_fault_without_memory_is_an_error_and_the_next_one_works,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;
	unsigned long nth;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	/* Three tables and a page. */
	for (nth = 1; nth <= 4; nth++) {
		EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
		sandbox_map(&box, AT(0), 1);
		alloc_fail_nth(nth);
		EXPECT_EQ(user_poke(AT(0), nth), -EFAULT);
		EXPECT(alloc_fail_hit());
		alloc_fail_end();
		EXPECT_EQ(user_poke(AT(0), nth), 0);
		EXPECT_EQ(sandbox_read(&box, AT(0)), nth);
	}
	sandbox_close(&box);
}

KTEST(fault, atomic_context_gets_an_error_instead_of_a_fault)
{
	struct sandbox box;
	int err;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	pagefault_disable();
	preempt_disable();
	err = user_poke(AT(0), 1);
	preempt_enable();
	pagefault_enable();
	EXPECT_EQ(err, -EFAULT);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	pagefault_disable();
	preempt_disable();
	err = user_poke(AT(0), 2);
	preempt_enable();
	pagefault_enable();
	EXPECT_EQ(err, 0);
	sandbox_close(&box);
}

#define RACERS     4
#define RACE_PAGES 64

struct race {
	atomic_t ready;
	atomic_t go;
};

static void race_writer(struct sandbox_thread *self)
{
	struct race *race = self->arg;
	unsigned long i;
	struct ktest *test = self->box->test;

	for (i = 0; i < RACE_PAGES; i++) {
		atomic_inc(&race->ready);
		while (atomic_read(&race->go) <= (int)i)
			yield();
		EXPECT_EQ(user_poke(AT(i) + 8 * self->number, self->number + 1),
			  0);
	}
}

/*
 * All threads write to the same untouched page at once, each its own word: if
 * two fresh pages were installed, a word would be lost.
 */
KTEST(fault, two_first_writes_install_one_page)
{
	struct sandbox_thread thread[RACERS];
	struct race race = {{0}, {0}};
	struct sandbox box;
	unsigned int cpu = 0;
	unsigned long i, t;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), RACE_PAGES);
	/* Half of the pages have the zero page first. */
	for (i = 0; i < RACE_PAGES; i += 2)
		EXPECT_EQ(sandbox_read(&box, AT(i)), 0UL);
	for (t = 0; t < RACERS; t++) {
		thread[t].number = t;
		sandbox_thread_start(&thread[t], &box, cpu, race_writer, &race);
		cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
	for (i = 0; i < RACE_PAGES; i++) {
		KTEST_WAIT_FOR(test, atomic_read(&race.ready) ==
					     (int)((i + 1) * RACERS));
		atomic_inc(&race.go);
	}
	for (t = 0; t < RACERS; t++)
		sandbox_thread_join(&thread[t]);
	for (i = 0; i < RACE_PAGES; i++) {
		for (t = 0; t < RACERS; t++)
			EXPECT_EQ(sandbox_read(&box, AT(i) + 8 * t), t + 1);
	}
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), (long)RACE_PAGES);
	sandbox_close(&box);
}

static void churn(struct sandbox_thread *self)
{
	struct rng rng = rng_init(self->number);
	unsigned int round;
	u64 value;

	for (round = 0; round < 400; round++) {
		unsigned long page = rng_below(&rng, 32);
		unsigned long pages = 1 + rng_below(&rng, 8);

		switch (rng_below(&rng, 6)) {
		case 0:
			do_munmap(self->box->mm, AT(page), LEN(pages));
			break;
		case 1:
			do_mmap(self->box->mm, AT(page), LEN(pages),
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
			break;
		case 2:
			do_mprotect(self->box->mm, AT(page), LEN(pages),
				    rng_below(&rng, 4));
			break;
		case 3:
			madvise_dontneed(self->box->mm, AT(page), LEN(pages));
			break;
		case 4:
			(void)user_poke(AT(page), round);
			break;
		default:
			(void)user_peek(AT(page), &value);
			break;
		}
	}
}

KTEST(fault, faults_and_changes_on_all_cpus_leave_the_books_right)
{
	struct sandbox_thread thread[RACERS];
	struct sandbox box;
	unsigned int cpu = 0;
	unsigned long t;

	REQUIRE(sandbox_open(&box, test));
	for (t = 0; t < RACERS; t++) {
		thread[t].number = rng_next(ktest_rng(test));
		sandbox_thread_start(&thread[t], &box, cpu, churn, NULL);
		cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
	for (t = 0; t < RACERS; t++)
		sandbox_thread_join(&thread[t]);
	sandbox_close(&box);
}
