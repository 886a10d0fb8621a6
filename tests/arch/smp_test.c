// SPDX-License-Identifier: MIT
/*
 * smp_test.c - calls between CPUs, and CPUs that come late
 */
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/task.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/preempt.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <asm/arch.h>
#include <asm/trampoline.h>

#define ROUNDS 200
#define CROWD  20 /* rounds, where all CPUs wait for all others */

static struct atomic calls;
static u64 where; /* a bit for each CPU that ran the function */

static void note(void *arg)
{
	atomic_inc(&calls);
	arch_set_bit(smp_processor_id(), (unsigned long *)&where);
	if (!irqs_disabled() || !in_hardirq())
		*(bool *)arg = true;
}

static void reset(void)
{
	atomic_set(&calls, 0);
	where = 0;
}

KTEST(smp, a_call_runs_on_the_cpu_it_names)
{
	bool bad_context = false;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		reset();
		EXPECT_EQ(smp_call_function_single(cpu, note, &bad_context,
						   SMP_WAIT),
			  0);
		EXPECT_EQ(atomic_read(&calls), 1);
		EXPECT_EQ(where, 1UL << cpu);
	}
	EXPECT(!bad_context);
}

KTEST(smp, on_each_cpu_runs_once_on_every_cpu)
{
	bool bad_context = false;

	for (int i = 0; i < ROUNDS; i++) {
		reset();
		on_each_cpu(note, &bad_context, SMP_WAIT);
		REQUIRE_EQ(atomic_read(&calls), (int)num_online_cpus());
		REQUIRE_EQ(where, cpu_online_mask.bits);
	}
	EXPECT(!bad_context);
}

KTEST(smp, a_cpu_that_is_off_is_refused)
{
	EXPECT_EQ(smp_call_function_single(NR_CPUS - 1, note, NULL, SMP_WAIT),
		  cpu_online(NR_CPUS - 1) ? 0 : -ENODEV);
	EXPECT_EQ(smp_call_function_single(NR_CPUS, note, NULL, SMP_WAIT),
		  -ENODEV);
}

KTEST(smp, calls_that_do_not_wait_all_arrive)
{
	bool bad_context = false;

	reset();
	for (int i = 0; i < ROUNDS; i++)
		on_each_cpu(note, &bad_context, SMP_NOWAIT);
	on_each_cpu(note, &bad_context, SMP_WAIT);
	EXPECT_EQ(atomic_read(&calls), (ROUNDS + 1) * (int)num_online_cpus());
}

static int caller(void *arg)
{
	for (int i = 0; i < CROWD; i++)
		on_each_cpu(note, arg, SMP_WAIT);
	return 0;
}

/* Everybody calls everybody at once: nobody may wait for ever. */
KTEST(smp, cpus_that_call_each_other_all_finish)
{
	struct task *tasks[NR_CPUS] = {0};
	bool bad_context = false;
	unsigned int cpu;

	reset();
	for_each_online_cpu(cpu) {
		tasks[cpu] = kthread_run_on(cpu, caller, &bad_context,
					    "caller/%u", cpu);
		if (IS_ERR(tasks[cpu])) {
			ktest_fail(test, "no thread for CPU %u", cpu);
			tasks[cpu] = NULL;
		}
	}
	for_each_online_cpu(cpu)
		if (tasks[cpu])
			kthread_join(tasks[cpu]);
	EXPECT_EQ(atomic_read(&calls),
		  CROWD * (int)(num_online_cpus() * num_online_cpus()));
	EXPECT(!bad_context);
}

/*
 * A CPU that the firmware lists and that stayed off; NR_CPUS if there is none.
 * boots.late_cpus has some.
 */
static unsigned int cpu_that_is_off(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < acpi_info.nr_cpus; cpu++)
		if (!cpu_online(cpu))
			return cpu;
	return NR_CPUS;
}

static char late_stack[KERNEL_STACK_SIZE] __aligned(16);
static unsigned long came_with;

static void late_entry(unsigned long arg)
{
	smp_store_release(&came_with, arg);
	arch_halt_forever();
}

#define NOBODYS_ID 0x7ffffffeU

/*
 *	ticket			the CPU that is sent
 *	none			is refused
 *	another CPU's		is refused, and leaves the ticket
 *	its own			takes it and comes
 */
KTEST(smp, a_cpu_that_comes_late_is_refused)
{
	const struct trampoline_call call = {
		.entry = late_entry,
		.arg = 77,
		.stack_top = late_stack + sizeof(late_stack),
	};
	unsigned int cpu = cpu_that_is_off();
	bool refused_once, refused_twice, came;
	u32 id;

	if (cpu == NR_CPUS) {
		ktest_skip(test, "needs a CPU that is off");
		return;
	}
	id = cpu_apic_id[cpu];
	REQUIRE_EQ(trampoline_map(), 0);
	came_with = 0;
	EXPECT_EQ(trampoline_refused(), 0U);
	trampoline_send(id);
	refused_once = KTEST_WAIT_FOR(test, trampoline_refused() == 1);
	trampoline_open(NOBODYS_ID, &call);
	trampoline_send(id);
	refused_twice = KTEST_WAIT_FOR(test, trampoline_refused() == 2);
	EXPECT(trampoline_close(NOBODYS_ID));
	EXPECT(!trampoline_close(NOBODYS_ID));
	EXPECT_EQ(READ_ONCE(came_with), 0);
	came = trampoline_start_cpu(id, &call, 10 * NSEC_PER_SEC);
	if (came)
		KTEST_WAIT_FOR(test, smp_load_acquire(&came_with) == 77);
	EXPECT(refused_once && refused_twice && came);
	EXPECT_EQ(trampoline_refused(), 2U);
	trampoline_unmap();
}
