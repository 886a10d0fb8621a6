// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/observed_test.c - an observed address space leaves what it does
 *
 * Each test does one thing and wants its records, as people read them, in the order of
 * the steps. The records of ranges are tested in tests/mm/notifier.
 */
#include <lib/errno.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <mm/alloc/page_alloc.h>
#include <mm/page/page.h>

#include "tests/mm/lib/observed.h"
#include "tests/mm/lib/relatives.h"

KTEST(observed, a_first_write_is_a_fault_that_fills_the_entry)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);

	sandbox_map(box, BASE, 2);
	observed_begin(test);
	EXPECT_EQ(user_poke(BASE, 7), 0);
	EXPECT_OBSERVED("*fault_begin: fault in mm * at 0x40000000?*: fresh page",
			"*pte_filled: mm * 0x40000000 has pfn *: write",
			"*fault_end: fault in mm * at 0x40000000 ends: done");
}

KTEST(observed, a_read_and_then_a_write_replace_the_zero_page)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	u64 value;

	sandbox_map(box, BASE, 1);
	observed_begin(test);
	EXPECT_EQ(user_peek(BASE, &value), 0);
	EXPECT_EQ(user_poke(BASE, 7), 0);
	EXPECT_OBSERVED("*fault_begin: *: zero page",
			"*pte_filled: mm * 0x40000000 has pfn *: read",
			"*fault_end: *done", "*fault_begin: *: replace zero page",
			"*tlb_flush: mm * CPUs *",
			"*pte_filled: mm * 0x40000000 has pfn *: write",
			"*fault_end: *done");
}

KTEST(observed, a_write_to_a_page_that_a_child_shares_takes_or_copies_it)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mm_struct *child;

	sandbox_map(box, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 7), 0);
	child = sandbox_fork(box);
	observed_begin(test);
	EXPECT_EQ(user_poke(BASE, 8), 0);
	EXPECT_OBSERVED("*fault_begin: *: own or copy",
			"*pte_filled: mm * 0x40000000 has pfn *: write",
			"*fault_end: *done");
	if (child)
		mmput(child);
}

KTEST(observed, munmap_is_a_call_that_empties_flushes_and_returns)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);

	sandbox_map(box, BASE, 3);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	EXPECT_EQ(user_poke(BASE + PAGE_SIZE, 1), 0);
	observed_begin(test);
	EXPECT_EQ(do_munmap(box->mm, BASE, 3 * PAGE_SIZE), 0);
	EXPECT_OBSERVED("*mm_call: mm *: munmap ?0x40000000? 0x40003000? with 0",
			"*pte_zapped: mm * ?0x40000000? 0x40003000? is empty? "
			"pages 2",
			"*tlb_flush: mm * ?0x40000000? 0x40002000? CPUs *",
			"*mm_return: mm *: munmap returns 0");
}

KTEST(observed, mprotect_says_the_rights_of_the_entries)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);

	sandbox_map(box, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	observed_begin(test);
	EXPECT_EQ(do_mprotect(box->mm, BASE, PAGE_SIZE, PROT_READ), 0);
	EXPECT_OBSERVED("*mm_call: *: mprotect * with 1",
			"*pte_protected: mm * ?0x40000000? 0x40001000? has prot 1",
			"*tlb_flush: *", "*mm_return: *: mprotect returns 0");
}

KTEST(observed, an_advice_is_a_call_of_its_name)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);

	sandbox_map(box, BASE, 2);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	observed_begin(test);
	EXPECT_EQ(do_madvise(box->mm, BASE, 2 * PAGE_SIZE, MADV_FREE), 0);
	EXPECT_EQ(do_madvise(box->mm, BASE, PAGE_SIZE, MADV_POPULATE_READ), 0);
	EXPECT_OBSERVED("*mm_call: mm *: free ?0x40000000? 0x40002000? *",
			"*pte_lazyfreed: mm * ?0x40000000? 0x40002000? may be "
			"freed? pages 1",
			"*tlb_flush: mm * ?0x40000000? 0x40001000? CPUs *",
			"*mm_return: mm *: free returns 0",
			"*mm_call: mm *: populate read *",
			"*mm_return: mm *: populate read returns 0");
}

KTEST(observed, a_call_that_fails_says_so)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);

	observed_begin(test);
	EXPECT_EQ(do_munmap(box->mm, BASE + 1, PAGE_SIZE), -EINVAL);
	EXPECT_OBSERVED("*mm_call: *: munmap *",
			"*mm_return: *: munmap returns -22");
}

KTEST(observed, an_address_space_is_born_exits_and_goes)
{
	struct mm_struct *mm;
	char born[40], gone[40];

	observed_begin(test);
	mm = mm_alloc();
	REQUIRE(mm);
	snprintf(born, sizeof(born), "*mm_born: mm * is mm number %u", mm->id);
	snprintf(gone, sizeof(gone), "*mm_gone: mm * is freed? number %u",
		 mm->id);
	mmput(mm);
	EXPECT_OBSERVED(born, "*mm_call: *: exit *",
			"*mm_return: *: exit returns 0", gone);
}

static int lock_and_unlock(void *arg)
{
	struct page *page = arg;

	lock_page(page);
	unlock_page(page);
	return 0;
}

/* A thread is made, waits for the page's lock, is woken, and goes on. */
KTEST(observed, a_wait_for_a_page_is_seen_with_its_sleep_and_its_wakeup)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct task *task;
	char made[60], slept[40], woken[40];

	REQUIRE(page);
	observed_begin(test);
	lock_page(page);
	task = kthread_create(lock_and_unlock, page, "observed/waiter");
	if (IS_ERR(task)) {
		ktest_fail(test, "no thread");
		goto out;
	}
	snprintf(made, sizeof(made), "*task_new: task %u is observed/waiter",
		 task->pid);
	snprintf(slept, sizeof(slept), "*sched_switch: from %u to *", task->pid);
	snprintf(woken, sizeof(woken), "*sched_wake: task %u on cpu*", task->pid);
	wake_up_process(task);
	EXPECT_EQ(ktest_wait_blocked(test, task), 0);
	unlock_page(page);
	EXPECT_EQ(kthread_join(task), 0);
	EXPECT_OBSERVED(made, woken, "*page_wait: *", slept, woken,
			"*page_waited: *: 0");
	put_page(page);
	return;
out:
	unlock_page(page);
	put_page(page);
}

KTEST(observed, pages_that_became_exclusive_and_their_restore_are_named,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct page *pages[2];

	sandbox_map(box, BASE, 2);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	EXPECT_EQ(user_poke(BASE + PAGE_SIZE, 1), 0);
	observed_begin(test);
	EXPECT_EQ(sandbox_make_exclusive(box, BASE, 2, pages, box), 2);
	release_exclusive(pages, 2);
	EXPECT_EQ(user_poke(BASE + PAGE_SIZE, 2), 0);
	EXPECT_OBSERVED("*exclusive_page: mm * 0x40000000 pfn * is exclusive: 1",
			"*exclusive_page: mm * 0x40001000 pfn * is exclusive: 1",
			"*exclusive_made: *2 exchanged*",
			"*fault_begin: * at 0x40001000*: restore",
			"*pte_filled: mm * 0x40001000 has pfn *: write",
			"*exclusive_restored: *", "*fault_end: *: done");
	EXPECT(!observed("*exclusive_page: * is exclusive: 0"));
}

/* Off, nothing of all that is recorded. */
KTEST(observed, without_observing_there_is_no_record)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	static struct trace_record recs[64];
	unsigned int i, n;

	observed_begin(test);
	trace_observe(false);
	sandbox_map(box, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	EXPECT_EQ(do_munmap(box->mm, BASE, PAGE_SIZE), 0);
	n = trace_read_last(recs, 64);
	for (i = 0; i < n; i++)
		EXPECT(strncmp(recs[i].event->name, "mm_call", 7) &&
		       strncmp(recs[i].event->name, "fault_", 6) &&
		       strncmp(recs[i].event->name, "pte_", 4));
}
