// SPDX-License-Identifier: MIT
/*
 * irq_test.c - device vectors, raised by interrupting ourselves
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/time.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/preempt.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <asm/arch.h>

#define PATIENCE_NS 1000000000UL

static struct atomic hits;
static void *got_arg;

static void count_hit(void *arg)
{
	got_arg = arg;
	atomic_inc(&hits);
}

static bool hits_become(int want)
{
	u64 end = arch_clock_ns() + PATIENCE_NS;

	while (atomic_read(&hits) != want)
		if (arch_clock_ns() > end)
			return false;
	return true;
}

KTEST(irq, an_interrupt_calls_the_handler_with_its_argument)
{
	int vector = irq_alloc_vector(count_hit, test, "test");
	unsigned int cpu;
	int want = 0;

	REQUIRE(vector >= 0);
	atomic_set(&hits, 0);
	EXPECT_STREQ(irq_name(vector), "test");
	for_each_online_cpu(cpu) {
		u64 before = irq_count(vector);

		lapic_send_vector(cpu, (unsigned int)vector);
		EXPECT(hits_become(++want));
		EXPECT_EQ(irq_count(vector), before + 1);
	}
	EXPECT_EQ(got_arg, (void *)test);
	irq_free_vector(vector);
	EXPECT(!irq_name(vector));
}

KTEST(irq, a_freed_vector_calls_nobody)
{
	int vector = irq_alloc_vector(count_hit, NULL, "test");
	u64 before, end = arch_clock_ns() + PATIENCE_NS;

	REQUIRE(vector >= 0);
	irq_free_vector(vector);
	atomic_set(&hits, 0);
	before = irq_count(vector);
	lapic_send_vector(0, (unsigned int)vector);
	while (irq_count(vector) == before && arch_clock_ns() < end)
		cpu_relax();
	EXPECT_EQ(irq_count(vector), before + 1);
	EXPECT_EQ(atomic_read(&hits), 0);
}

KTEST(irq, vectors_run_out_with_an_error_and_come_back)
{
	static int vectors[256];
	int n = 0, vector;

	while ((vector = irq_alloc_vector(count_hit, NULL, "many")) >= 0 &&
	       n < 256)
		vectors[n++] = vector;
	EXPECT_EQ(vector, -ENOSPC);
	EXPECT_GT(n, 100);
	for (int i = 0; i < n; i++) {
		EXPECT(vectors[i] >= VECTOR_DEVICE_FIRST);
		EXPECT(vectors[i] <= VECTOR_DEVICE_LAST);
		irq_free_vector(vectors[i]);
	}
}

static struct ktest_step steps;
static struct atomic done;

/* In hard interrupt context: it may only spin. */
static void slow_handler(void *arg)
{
	step_signal(&steps, 1);
	step_spin(&steps, 2);
	atomic_set(&done, 1);
}

static int freer(void *arg)
{
	step_spin(&steps, 1);
	irq_free_vector(*(int *)arg);
	return atomic_read(&done);
}

static int let_go(void *arg)
{
	step_spin(&steps, 1);
	udelay(5000); /* the freer shall be waiting by now */
	step_signal(&steps, 2);
	return 0;
}

KTEST(irq, freeing_a_vector_waits_for_its_handler)
{
	struct task *free_task, *go_task;
	int vector;

	if (num_online_cpus() < 2) {
		ktest_skip(test, "needs two CPUs");
		return;
	}
	step_init(&steps, test);
	atomic_set(&done, 0);
	vector = irq_alloc_vector(slow_handler, NULL, "slow");
	REQUIRE(vector >= 0);
	/* We may run on CPU 1 ourselves, and then stand still until step 2. */
	free_task = kthread_run_on(0, freer, &vector, "freer");
	go_task = kthread_run_on(0, let_go, NULL, "let_go");
	EXPECT(!IS_ERR(free_task) && !IS_ERR(go_task));
	if (IS_ERR(go_task))
		step_signal(&steps, 2);
	lapic_send_vector(1, (unsigned int)vector);
	if (!IS_ERR(go_task))
		kthread_join(go_task);
	if (!IS_ERR(free_task))
		EXPECT_EQ(kthread_join(free_task), 1);
}

KTEST(irq, lines_that_do_not_exist_are_refused)
{
	EXPECT_EQ(irq_route_isa(16, VECTOR_DEVICE_FIRST), -EINVAL);
	EXPECT_EQ(irq_route_isa(~0u, VECTOR_DEVICE_FIRST), -EINVAL);
}

KTEST(irq, a_message_names_cpu_and_vector)
{
	u64 addr;
	u32 data;

	EXPECT_EQ(arch_msi_compose(0x55, 0, &addr, &data), 0);
	EXPECT_EQ(addr, 0xfee00000UL | (u64)cpu_apic_id[0] << 12);
	EXPECT_EQ(data, 0x55);
}

/* 8 bits name a CPU in a message; 255 of them means everybody. */
KTEST(irq, a_cpu_that_a_message_cannot_name_is_no_target)
{
	static const u32 ids[] = {0, 254, 255, 256, 384, 7};

	EXPECT_EQ(apic_reachable(ids, 0x3f), 0x23);
	EXPECT_EQ(apic_reachable(ids, 0x1e), 0x2);
	EXPECT_EQ(apic_reachable(ids, 0x1c), 0);
	EXPECT_EQ(apic_reachable(ids, 0), 0);
}

/* With interrupts off: nobody may send anything to the CPU meanwhile. */
KTEST(irq, a_message_to_such_a_cpu_is_refused)
{
	unsigned long flags;
	u64 addr = 1;
	u32 data = 1, id;
	int err;

	if (num_online_cpus() == NR_CPUS) {
		ktest_skip(test, "needs a number that no CPU has");
		return;
	}
	local_irq_save(flags);
	id = cpu_apic_id[NR_CPUS - 1];
	cpu_apic_id[NR_CPUS - 1] = 384;
	err = arch_msi_compose(0x55, NR_CPUS - 1, &addr, &data);
	cpu_apic_id[NR_CPUS - 1] = id;
	local_irq_restore(flags);
	EXPECT_EQ(err, -EINVAL);
	EXPECT_EQ(addr, 1);
	EXPECT_EQ(data, 1U);
}
