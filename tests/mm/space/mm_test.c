// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mm_test.c - address spaces are born, used, left and freed
 */
#include <lib/cpumask.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include "tests/mm/lib/sandbox.h"

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

KTEST(mm, running_out_of_memory_at_birth_leaks_nothing, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct mm_struct *mm = NULL;
	unsigned long nth;

	/* The object, perhaps a slab for it, and the top table. */
	for (nth = 1; !mm && nth < 10; nth++) {
		alloc_fail_nth(nth);
		mm = mm_alloc();
		EXPECT_EQ(mm != NULL, !alloc_fail_hit(), "at allocation %lu",
			  nth);
		alloc_fail_end();
	}
	EXPECT_GE(nth, 4UL);
	REQUIRE(mm);
	mmput(mm);
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

struct lone_thread {
	struct ktest *test;
	struct ktest_step step;
	struct mm_struct *mm;
	bool all_gone; /* regions, when it had left */
};

/*
 *	maker (the test)		thread
 *	maps a page
 *					works in the mm
 *	mmput(): not the last
 *					writes and reads the page
 *					leaves: all is unmapped
 */
static int work_alone(void *arg)
{
	struct lone_thread *lone = arg;
	struct ktest *test = lone->test;
	struct mm_struct *mm = lone->mm;
	u64 value = 0;

	kthread_use_mm(mm);
	step_signal(&lone->step, 1);
	step_wait(&lone->step, 2);
	EXPECT_EQ(user_poke(BASE, 7), 0);
	EXPECT_EQ(user_peek(BASE, &value), 0);
	EXPECT_EQ(value, 7UL);
	EXPECT_EQ(mm->map_count, 1U);
	kthread_unuse_mm(mm);
	lone->all_gone = mm->map_count == 0;
	return 0;
}

KTEST(mm, a_thread_is_the_last_user_of_its_address_space)
{
	struct lone_thread lone = {.test = test, .mm = mm_alloc()};
	struct task *task;

	REQUIRE(lone.mm);
	step_init(&lone.step, test);
	mmgrab(lone.mm);
	EXPECT_EQ(do_mmap(lone.mm, BASE, PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)BASE);
	task = kthread_run(work_alone, &lone, "alone");
	step_wait(&lone.step, 1);
	EXPECT_EQ(atomic_read(&lone.mm->mm_users), 2);
	mmput(lone.mm);
	step_signal(&lone.step, 2);
	kthread_join(task);
	EXPECT(lone.all_gone);
	EXPECT(!mmget_not_zero(lone.mm));
	mmdrop(lone.mm);
}

KTEST(mm, the_last_user_may_leave_under_a_spinlock)
{
	struct mm_struct *mm = mm_alloc();
	struct spinlock lock;

	REQUIRE(mm);
	spin_lock_init(&lock);
	mmgrab(mm);
	EXPECT_EQ(do_mmap(mm, BASE, PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)BASE);
	mmget(mm);
	spin_lock(&lock);
	mmput_async(mm);
	EXPECT_EQ(mm->map_count, 1U);
	mmput_async(mm);
	EXPECT(!mmget_not_zero(mm));
	spin_unlock(&lock);
	/* The worker drops the users' count as the last it does. */
	KTEST_WAIT_FOR(test, atomic_read(&mm->mm_count) == 1);
	EXPECT_EQ(mm->map_count, 0U);
	EXPECT(test_bit(MMF_EXITED, &mm->flags));
	mmdrop(mm);
}
