// SPDX-License-Identifier: MIT
/*
 * tests/kernel/boot_test.c - what every boot must have brought up
 *
 * Problem.  A machine with another CPU model, firmware, memory size or number
 * of CPUs takes other paths through the boot.
 *
 * Idea.  These few tests ask for what holds on all of them; `make test` boots
 * the image on several machines and runs only this suite there.
 *
 * Not here: the parts that boot calls, each tested beside its source.
 */
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <lib/symbols.h>
#include <kernel/time.h>
#include <arch/smp.h>
#include <arch/uaccess.h>
#include <mm/alloc/kernel_map.h>
#include <mm/space/mm.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>

KTEST(boot, every_cpu_that_the_firmware_lists_is_online)
{
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		EXPECT(cpumask_test_cpu(cpu, &cpu_online_mask));
	EXPECT_GE(num_online_cpus(), 1U);
}

static void count_here(void *calls)
{
	atomic_inc(calls);
}

KTEST(boot, every_cpu_answers_a_call)
{
	atomic_t calls = {0};

	on_each_cpu(count_here, &calls, SMP_WAIT);
	EXPECT_EQ(atomic_read(&calls), num_online_cpus());
}

static int touch_user_memory(void *arg)
{
	struct mm_struct *mm = arg;
	u64 __user *word;
	long addr;
	u64 value = 0;
	int err;

	addr = do_mmap(mm, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS);
	if (addr < 0)
		return (int)addr;
	word = (u64 __user *)addr;
	kthread_use_mm(mm);
	err = put_user(0x1234, word);
	if (!err)
		err = get_user(value, word);
	kthread_unuse_mm(mm);
	return err ? err : value == 0x1234 ? 0 : -EIO;
}

KTEST(boot, a_thread_on_every_cpu_takes_page_faults)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct mm_struct *mm = mm_alloc();
		struct task *task;

		REQUIRE(mm != NULL);
		task = kthread_run_on(cpu, touch_user_memory, mm, "touch/%u",
				      cpu);
		EXPECT(!IS_ERR(task));
		if (!IS_ERR(task))
			EXPECT_EQ(kthread_join(task), 0);
		mmput(mm);
	}
}

static int sleep_a_little(void *arg)
{
	u64 began = clock_ns();

	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout_ns(NSEC_PER_MSEC);
	return clock_ns() - began >= NSEC_PER_MSEC ? 0 : -EIO;
}

KTEST(boot, time_passes_and_wakes_sleepers_on_every_cpu)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct task *task = kthread_run_on(cpu, sleep_a_little, NULL,
						   "sleep/%u", cpu);

		REQUIRE(!IS_ERR(task));
		EXPECT_EQ(kthread_join(task), 0);
	}
}

KTEST(boot, no_kernel_page_is_both_writable_and_executable)
{
	EXPECT_EQ(kernel_map_verify(NULL), 0);
}

KTEST(boot, the_allocators_are_whole)
{
	EXPECT(page_alloc_verify());
	EXPECT(slab_verify());
	EXPECT_LT(nr_free_pages(), nr_total_pages());
}

KTEST(boot, addresses_of_code_have_names)
{
	unsigned long offset = 1;
	const char *name;

	name = symbol_lookup((unsigned long)&ktest_run, &offset);
	REQUIRE(name != NULL);
	EXPECT_STREQ(name, "ktest_run");
	EXPECT_EQ(offset, 0);
}
