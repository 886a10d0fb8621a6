// SPDX-License-Identifier: MIT
/*
 * time_test.c - the clock goes forward, and is one clock on all CPUs
 */
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/time.h>

static void read_clock(void *arg)
{
	*(u64 *)arg = arch_clock_ns();
}

KTEST(time, the_clock_never_goes_back)
{
	u64 last = arch_clock_ns();

	for (int i = 0; i < 10000; i++) {
		u64 now = arch_clock_ns();

		REQUIRE(now >= last);
		last = now;
	}
}

KTEST(time, all_cpus_read_the_same_clock)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		u64 before = arch_clock_ns(), there = 0;

		smp_call_function_single(cpu, read_clock, &there, SMP_WAIT);
		EXPECT_LE(before, there);
		EXPECT_LE(there, arch_clock_ns());
	}
}

KTEST(time, cycles_and_nanoseconds_agree)
{
	u64 cycles = arch_tsc_khz() * 1000; /* a second */
	u64 ns = arch_tsc_to_ns(cycles);

	EXPECT_GT(arch_tsc_khz(), 1000U);
	EXPECT_LT(ns, NSEC_PER_SEC + NSEC_PER_USEC);
	EXPECT_GT(ns, NSEC_PER_SEC - 2 * NSEC_PER_MSEC);
}
