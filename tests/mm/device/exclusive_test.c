// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/exclusive_test.c - pages given to a device
 *
 * Not here: what ends it (exclusive_restore_test.c), the driver's loop
 * (exclusive_loop_test.c).
 */
#include <arch/tlb.h>
#include <lib/cpumask.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/tlb.h>
#include "exclusive_fixture.h"

/* --- making -------------------------------------------------------------- */

KTEST(device_exclusive, an_exclusive_page_is_locked_held_and_still_mapped,
      KT_RULES("R7.10 R7.12 R8.6 R8.13"))
{
	struct page *pages[1];
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	pte = sandbox_pte(&box, AT(0));
	EXPECT(is_swap_pte(pte));
	EXPECT_EQ(swp_type(pte_to_swp_entry(pte)), SWP_DEVICE_EXCLUSIVE_WRITE);
	EXPECT_EQ(swp_offset_pfn(pte_to_swp_entry(pte)), page_to_pfn(pages[0]));
	EXPECT(pte_swp_soft_dirty(pte));
	EXPECT(PageLocked(pages[0]));
	EXPECT(PageDirty(pages[0]));
	EXPECT_EQ(page_mapcount(pages[0]), 1);
	EXPECT_EQ(page_ref_count(pages[0]), 2);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 1L);
	EXPECT_EQ(*device_word(pages[0]), 7UL);
	sandbox_verify(&box);
	release_exclusive(pages, 1);
	sandbox_close(&box);
}

KTEST(device_exclusive, an_entry_is_described_in_words)
{
	struct page *pages[1];
	struct sandbox box;
	char text[128];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	pte_describe(box.mm, AT(0), text, sizeof(text));
	EXPECT(strstr(text, ", mapped 1, held 2, locked"), "%s", text);
	release_exclusive(pages, 1);
	pte_describe(box.mm, AT(0), text, sizeof(text));
	EXPECT(!strstr(text, ", locked"), "%s", text);
	sandbox_close(&box);
}

KTEST(device_exclusive, untouched_memory_is_faulted_in_first,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.2"))
{
	struct page *pages[3];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	sandbox_forget(&box);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 3, pages, DEVICE_A), 3);
	EXPECT(pages[0] && pages[1] && pages[2]);
	EXPECT(!is_zero_page(pages[1]));
	/* The zero page was replaced (CLEAR); the rest is one EXCLUSIVE. */
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(1), AT(2));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_EXCLUSIVE, AT(0), AT(3));
	release_exclusive(pages, 3);
	sandbox_close(&box);
}

KTEST(device_exclusive, a_run_costs_one_event_with_its_owner_and_one_flush,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.12 S11.21"))
{
	struct tlb_counters before, after;
	static struct page *pages[512];
	struct sandbox box;
	unsigned long i;

	REQUIRE(sandbox_open(&box, test));
	/* Over the border of two tables. */
	sandbox_map(&box, AT(300), 512);
	for (i = 300; i < 812; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	sandbox_forget(&box);
	tlb_read_counters(&before);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(300), 512, pages, DEVICE_A),
		  512);
	tlb_read_counters(&after);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_EXCLUSIVE, AT(300), AT(812));
	EXPECT_EQ(box.seen[0].owner, DEVICE_A);
	EXPECT(pte_present(box.seen[0].first));
	EXPECT_EQ(after.flushes - before.flushes, 1UL);
	for (i = 0; i < 512; i++)
		EXPECT(pages[i] && is_exclusive(&box, AT(300 + i)));
	EXPECT_EQ(atomic_read(&box.mm->tlb_flush_pending), 0);
	release_exclusive(pages, 512);
	EXPECT_EQ(sandbox_read(&box, AT(811)), 811UL);
	sandbox_close(&box);
}

KTEST(device_exclusive, the_cpu_has_no_translation_left_when_it_returns,
      KT_RULES("R8.12"))
{
	struct fault_counters before, after;
	struct page *pages[1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	mmap_read_lock(box.mm);
	mmap_read_unlock(box.mm);
	/* Leaves a writable translation in this CPU's TLB. */
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	*device_word(pages[0]) = 2;
	release_exclusive(pages, 1);
	fault_read_counters(&before);
	EXPECT_EQ(user_poke(AT(0), 3), 0);
	fault_read_counters(&after);
	EXPECT_EQ(after.restored, before.restored + 1);
	EXPECT(!is_exclusive(&box, AT(0)));
	sandbox_close(&box);
}

static void spin_writing(struct sandbox_thread *self)
{
	struct ktest_step *step = self->arg;
	u64 old;

	while (!step_reached(step, 9)) {
		if (user_xadd64(user_ptr(AT(0)), 1, &old))
			break;
		step_signal(step, 1);
	}
}

/*
 * While the page is exclusive the other CPU's adds must all wait: what the
 * device reads and writes back in two steps loses none of them.
 */
KTEST(device_exclusive, another_cpu_is_kept_out_from_return_to_unlock,
      KT_FLAGS(KT_NEEDS_SMP), KT_RULES("R8.12"))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct sandbox_thread writer;
	struct page *pages[1];
	struct sandbox box;
	unsigned int round;
	u64 seen;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	sandbox_thread_start(&writer, &box, another_cpu(), spin_writing, &step);
	step_wait(&step, 1);
	for (round = 0; round < 200; round++) {
		unsigned int spin;

		sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A);
		if (!pages[0])
			continue;
		seen = READ_ONCE(*device_word(pages[0]));
		for (spin = 0; spin < 200; spin++)
			cpu_relax();
		EXPECT_EQ(READ_ONCE(*device_word(pages[0])), seen);
		release_exclusive(pages, 1);
	}
	step_signal(&step, 9);
	sandbox_thread_join(&writer);
	sandbox_close(&box);
}

KTEST(device_exclusive, bad_arguments_are_refused_and_slots_are_empty,
      KT_RULES("R8.1"))
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[2] = {mark, mark};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	mmap_read_lock(box.mm);
	EXPECT_EQ(make_device_exclusive_range(box.mm, AT(0), AT(0), pages,
					      DEVICE_A),
		  -EINVAL);
	EXPECT_EQ(make_device_exclusive_range(box.mm, AT(1), AT(0), pages,
					      DEVICE_A),
		  -EINVAL);
	EXPECT_EQ(make_device_exclusive_range(box.mm, AT(0) + 1, AT(1), pages,
					      DEVICE_A),
		  -EINVAL);
	EXPECT_EQ(make_device_exclusive_range(box.mm, AT(0), AT(1), pages, NULL),
		  -EINVAL);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(5), 2, pages, DEVICE_A),
		  -EFAULT);
	EXPECT_EQ(pages[0], NULL);
	EXPECT_EQ(pages[1], NULL);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3
 *		[rw][r ]
 */
KTEST(device_exclusive, pages_that_may_not_be_written_end_the_run,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.3 R8.4"))
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[4] = {mark, mark, mark, mark};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(2), LEN(2), PROT_READ), 0);
	sandbox_forget(&box);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 4, pages, DEVICE_A), 2);
	EXPECT(pages[0] && pages[1]);
	EXPECT_EQ(pages[2], NULL);
	EXPECT_EQ(pages[3], NULL);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_EXCLUSIVE, AT(0), AT(2));
	release_exclusive(pages, 4);
	sandbox_forget(&box);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(2), 2, pages, DEVICE_A),
		  -EFAULT);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 2UL);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2
 *	locked    x
 *	had	x		the run ends before the page, without a gap
 */
KTEST(device_exclusive, the_run_ends_before_a_page_that_another_has_locked,
      KT_RULES("R8.5"))
{
	struct page *pages[3];
	struct page *held;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	mmap_read_lock(box.mm);
	held = follow_page(box.mm, AT(1));
	mmap_read_unlock(box.mm);
	REQUIRE(held);
	lock_page(held);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 3, pages, DEVICE_A), 1);
	EXPECT(pages[0] && !pages[1] && !pages[2]);
	EXPECT(is_exclusive(&box, AT(0)));
	EXPECT(!is_exclusive(&box, AT(1)) && !is_exclusive(&box, AT(2)));
	unlock_page(held);
	EXPECT_EQ(page_ref_count(held), 2);
	put_page(held);
	release_exclusive(pages, 3);
	sandbox_close(&box);
}

KTEST(device_exclusive, no_memory_is_ENOMEM_on_the_first_page_short_on_a_later,
      KT_FLAGS(KT_NEEDS_DEBUG), KT_RULES("R8.3"))
{
	struct page *pages[2];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	alloc_fail_nth(1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, pages, DEVICE_A),
		  -ENOMEM);
	alloc_fail_nth(2);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, pages, DEVICE_A), 1);
	EXPECT(alloc_fail_hit());
	alloc_fail_end();
	EXPECT(pages[0] && !pages[1]);
	release_exclusive(pages, 2);
	sandbox_close(&box);
}

struct waiter {
	struct sandbox *box;
	struct page *pages[1];
	void *owner;
	int made;
};

static int make_waiting(void *arg)
{
	struct waiter *w = arg;

	w->made = sandbox_make_exclusive(w->box, AT(0), 1, w->pages, w->owner);
	return 0;
}

KTEST(device_exclusive, the_first_lock_is_waited_for_and_a_kill_ends_the_wait,
      KT_RULES("R8.11"))
{
	struct waiter w = {.owner = DEVICE_B};
	struct page *held;
	struct task *task;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	w.box = &box;
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	mmap_read_lock(box.mm);
	held = follow_page(box.mm, AT(0));
	mmap_read_unlock(box.mm);
	REQUIRE(held);

	lock_page(held);
	task = kthread_run(make_waiting, &w, "exclusive-killed");
	EXPECT(!IS_ERR(task));
	ktest_wait_blocked(test, task);
	task_kill(task);
	kthread_join(task);
	EXPECT_EQ(w.made, -EINTR);
	EXPECT_EQ(w.pages[0], NULL);
	EXPECT_EQ(page_ref_count(held), 2);

	task = kthread_run(make_waiting, &w, "exclusive-waits");
	EXPECT(!IS_ERR(task));
	ktest_wait_blocked(test, task);
	EXPECT(!is_exclusive(&box, AT(0)));
	unlock_page(held);
	kthread_join(task);
	EXPECT_EQ(w.made, 1);
	EXPECT_EQ(w.pages[0], held);
	EXPECT(is_exclusive(&box, AT(0)));
	release_exclusive(w.pages, 1);
	put_page(held);
	sandbox_close(&box);
}

/*
 *	device A			device B
 *	has the page, locked
 *					gup: exclusive, serves; waits for lock
 *	unlock
 *					EXCLUSIVE(B), by which A lets go
 */
KTEST(device_exclusive, a_second_device_takes_the_page_over_from_the_first,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("S8.5"))
{
	struct waiter w = {.owner = DEVICE_B};
	struct page *pages[1];
	struct task *task;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	w.box = &box;
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 5), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	task = kthread_run(make_waiting, &w, "device-b");
	EXPECT(!IS_ERR(task));
	ktest_wait_blocked(test, task);
	EXPECT_EQ(box.nr, 1U);
	*device_word(pages[0]) += 1;
	release_exclusive(pages, 1);
	kthread_join(task);
	EXPECT_EQ(w.made, 1);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EQ(box.seen[0].owner, DEVICE_A);
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_EXCLUSIVE, AT(0), AT(1));
	EXPECT_EQ(box.seen[1].owner, DEVICE_B);
	/* While A is notified, its page is exclusive still, and of no CPU. */
	EXPECT(is_swap_pte(box.seen[1].first));
	release_exclusive(w.pages, 1);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 6UL);
	sandbox_close(&box);
}
/* --- beside others -------------------------------------------------------- */

/*
 * A maker between its exchange and its flush is a raised tlb_flush_pending. A
 * zap that meets an exclusive entry then flushes for itself; without a maker it
 * has nothing to flush.
 */
KTEST(device_exclusive, dontneed_during_a_batched_flush_flushes_for_itself,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("S11.21"))
{
	struct tlb_counters before, after;
	struct page *pages[2];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, pages, DEVICE_A), 2);
	release_exclusive(pages, 2);
	tlb_read_counters(&before);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes);
	atomic_inc(&box.mm->tlb_flush_pending);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(1)), 0);
	tlb_read_counters(&after);
	EXPECT_EQ(after.flushes, before.flushes + 1);
	atomic_dec(&box.mm->tlb_flush_pending);
	sandbox_close(&box);
}

/*
 * The second look: between the fault-in and the exchange the page is swapped
 * for another, by a thread that the EXCLUSIVE event itself lets run.
 */
static void swap_in_exclusive(struct sandbox *box, const struct seen_event *event)
{
	struct stopped_event *stop = box->hook_arg;

	if (stop->done || event->event != MMU_NOTIFY_EXCLUSIVE)
		return;
	stop->done = true;
	step_signal(&stop->step, 1);
	step_wait(&stop->step, 2);
}

static int make_two(void *arg)
{
	struct waiter *w = arg;
	struct page *pages[2];

	w->made = sandbox_make_exclusive(w->box, AT(0), 2, pages, w->owner);
	w->pages[0] = pages[0];
	if (!pages[1])
		w->made |= 0x100;
	release_exclusive(pages, 2);
	return 0;
}

KTEST(device_exclusive, a_page_that_changed_before_the_exchange_is_given_up,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R8.5 R8.12"))
{
	struct waiter w = {.owner = DEVICE_A};
	struct stopped_event stop = {.done = false};
	struct sandbox box;
	struct task *task;

	REQUIRE(sandbox_open(&box, test));
	step_init(&stop.step, test);
	w.box = &box;
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	box.hook_arg = &stop;
	box.hook = swap_in_exclusive;
	task = kthread_run(make_two, &w, "exclusive-second-look");
	EXPECT(!IS_ERR(task));
	if (step_wait(&stop.step, 1))
		stop.done = true;
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(1)), 0);
	EXPECT_EQ(user_poke(AT(1), 3), 0);
	step_signal(&stop.step, 2);
	kthread_join(task);
	box.hook = NULL;
	EXPECT_EQ(w.made, 1 | 0x100);
	EXPECT(is_exclusive(&box, AT(0)));
	EXPECT(!is_exclusive(&box, AT(1)));
	EXPECT_EQ(sandbox_read(&box, AT(1)), 3UL);
	sandbox_close(&box);
}

/* --- all at once ---------------------------------------------------------- */

#define PLAYERS      4
#define SHARED_PAGES 4
#define ROUNDS       300

/*
 * "Devices" add without bus atomics, in two steps, to the words of pages they
 * have exclusively; "CPUs" add to the same words with locked instructions.
 * Threads with an odd number are devices. No update may be lost.
 */
static void play_device(struct sandbox_thread *self)
{
	struct rng rng = rng_init(self->number);
	struct page *pages[SHARED_PAGES];
	atomic64_t *added = self->arg;
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		unsigned long first = rng_below(&rng, SHARED_PAGES);
		unsigned long nr = 1 + rng_below(&rng, SHARED_PAGES - first);

		if (sandbox_make_exclusive(self->box, AT(first), nr, pages,
					   self) < 0)
			continue;
		for (i = 0; i < nr; i++) {
			u64 value;

			if (!pages[i])
				continue;
			value = READ_ONCE(*device_word(pages[i]));
			cpu_relax();
			WRITE_ONCE(*device_word(pages[i]), value + 1);
			atomic64_inc(added);
		}
		release_exclusive(pages, nr);
	}
}

static void play_cpu(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	struct rng rng = rng_init(self->number);
	atomic64_t *added = self->arg;
	unsigned int round;
	u64 old;

	for (round = 0; round < ROUNDS; round++) {
		vaddr_t addr = AT(rng_below(&rng, SHARED_PAGES));

		EXPECT_EQ(user_xadd64(user_ptr(addr), 1, &old), 0);
		atomic64_inc(added);
		/* Neighbours come and go meanwhile. */
		if (round % 8 == 0) {
			vaddr_t next = AT(SHARED_PAGES + self->number % 4);

			do_mmap(self->box->mm, next, LEN(1), RW,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
			do_mprotect(self->box->mm, next, LEN(1), PROT_READ);
			do_munmap(self->box->mm, next, LEN(1));
		}
	}
}

KTEST(device_exclusive, devices_and_cpus_lose_no_update, KT_RULES("S8"))
{
	struct sandbox_thread thread[PLAYERS];
	atomic64_t added = {0};
	struct sandbox box;
	unsigned int cpu = 0;
	u64 sum = 0;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), SHARED_PAGES);
	for (i = 0; i < PLAYERS; i++) {
		thread[i].number = rng_next(ktest_rng(test));
		sandbox_thread_start(&thread[i], &box, cpu,
				     i & 1 ? play_device : play_cpu, &added);
		cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
	for (i = 0; i < PLAYERS; i++)
		sandbox_thread_join(&thread[i]);
	for (i = 0; i < SHARED_PAGES; i++)
		sum += sandbox_read(&box, AT(i));
	EXPECT_EQ(sum, (u64)atomic64_read(&added));
	EXPECT_EQ(atomic_read(&box.mm->tlb_flush_pending), 0);
	sandbox_close(&box);
}
