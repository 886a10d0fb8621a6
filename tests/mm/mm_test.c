// SPDX-License-Identifier: MIT
/*
 * tests/mm/mm_test.c - address spaces are born, used, left and freed
 */
#include <kernel/cpumask.h>
#include <kernel/string.h>
#include <mm/page_alloc.h>
#include "mm_test.h"

KTEST(mm, an_empty_address_space_comes_and_goes)
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	EXPECT_EQ(atomic_read(&mm->mm_users), 1);
	EXPECT_EQ(atomic_read(&mm->mm_count), 1);
	EXPECT_EQ(mm->map_count, 0U);
	mmput(mm);
}

KTEST(mm, the_struct_outlives_the_last_user_for_its_holders)
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	mmgrab(mm);
	mmget(mm);
	EXPECT_EQ(do_mmap(mm, BASE, PAGE_SIZE, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)BASE);
	mmput(mm);
	EXPECT_EQ(mm->map_count, 1U);
	EXPECT(mmget_not_zero(mm));
	mmput(mm);
	mmput(mm);
	EXPECT_EQ(mm->map_count, 0U);
	EXPECT(!mmget_not_zero(mm));
	EXPECT_EQ(mm_find_get(mm->id), NULL);
	mmdrop(mm);
}

KTEST(mm, every_address_space_is_on_the_list_under_its_number)
{
	struct mm_struct *a = mm_alloc();
	struct mm_struct *b = mm_alloc();

	REQUIRE(a && b);
	EXPECT_NE(a->id, b->id);
	EXPECT_EQ(mm_find_get(a->id), a);
	EXPECT_EQ(mm_find_get(b->id), b);
	EXPECT_EQ(atomic_read(&a->mm_users), 2);
	mmput(a);
	mmput(b);
	mmput(a);
	mmput(b);
}

KTEST(mm, running_out_of_memory_at_birth_leaks_nothing)
{
	unsigned long nth;

	for (nth = 1; nth <= 2; nth++) {
		alloc_fail_nth(nth);
		EXPECT_EQ(mm_alloc(), NULL);
		EXPECT(alloc_fail_hit());
		alloc_fail_nth(0);
	}
}

struct exit_log {
	struct mmu_interval_notifier sub;
	unsigned int nr;
	enum mmu_notifier_event event[4];
	vaddr_t start[4];
	vaddr_t end[4];
	long rss[4];
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
	}
	return true;
}

static const struct mmu_interval_notifier_ops exit_ops = {
	.invalidate = exit_invalidate,
};

KTEST(mm, exit_says_release_then_unmap_before_the_first_page_goes)
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
	mmu_interval_notifier_remove(&log.sub);
}

KTEST(mm, two_address_spaces_hold_different_things_at_one_address)
{
	struct sandbox a, b;

	REQUIRE(sandbox_open(&a, test));
	sandbox_map(&a, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	kthread_unuse_mm(a.mm);
	REQUIRE(sandbox_open(&b, test));
	sandbox_map(&b, BASE, 1);
	EXPECT_EQ(user_poke(BASE, 2), 0);
	EXPECT_EQ(sandbox_read(&b, BASE), 2UL);
	kthread_unuse_mm(b.mm);
	kthread_use_mm(a.mm);
	EXPECT_EQ(sandbox_read(&a, BASE), 1UL);
	kthread_unuse_mm(a.mm);
	kthread_use_mm(b.mm);
	EXPECT_EQ(sandbox_read(&b, BASE), 2UL);
	sandbox_close(&b);
	kthread_use_mm(a.mm);
	sandbox_close(&a);
}

static void count_up(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	vaddr_t addr = BASE + self->number * PAGE_SIZE;
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		EXPECT_EQ(user_peek(addr, &value), 0);
		EXPECT_EQ(value, i);
		EXPECT_EQ(user_poke(addr, i + 1), 0);
		yield();
	}
}

/* Threads of two address spaces share the CPUs: each must see its own. */
KTEST(mm, a_switch_between_threads_switches_the_address_space)
{
	struct sandbox_thread thread[8];
	struct sandbox a, b;
	unsigned int cpu = 0;
	unsigned int i;

	REQUIRE(sandbox_open(&a, test));
	sandbox_map(&a, BASE, 8);
	kthread_unuse_mm(a.mm);
	REQUIRE(sandbox_open(&b, test));
	sandbox_map(&b, BASE, 8);
	for (i = 0; i < 8; i++) {
		thread[i].number = i / 2;
		sandbox_thread_start(&thread[i], i & 1 ? &a : &b, cpu, count_up,
				     NULL);
		if (i & 1)
			cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
	for (i = 0; i < 8; i++)
		sandbox_thread_join(&thread[i]);
	sandbox_close(&b);
	kthread_use_mm(a.mm);
	sandbox_close(&a);
}
