// SPDX-License-Identifier: MIT
/*
 * boot.c - start the other CPUs, one after the other
 *
 *	boot CPU				started CPU
 *	trampoline_start_cpu()
 *						takes its ticket
 *						secondary_main()
 *						descriptors, features
 *						state = ARRIVED
 *	sees the state; tsc_compare()		tsc_answer()
 *						tables, APIC, tick
 *						state = ONLINE
 *	sees the state: next CPU		upcall_secondary_cpu()
 *
 * A CPU that does not come in time is given up, and cannot come later
 * (trampoline.c); the others are started all the same. One that has come is
 * waited for without limit: it runs a few lines of ours. It may refuse itself,
 * if it lacks what CPU 0 has, or be refused because of its TSC.
 *
 * Locks: none, one boot CPU starts one CPU at a time.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <arch/task.h>
#include <arch/time.h>
#include <arch/upcall.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <lib/cpumask.h>
#include <lib/printk.h>
#include <kernel/time.h>
#include <asm/arch.h>
#include <asm/trampoline.h>
#include <asm/tsc.h>

CMDLINE_KEY("smp_wait_us", "how long each CPU may take to start; 0: none comes");

/* A host that is busy takes its time. */
#define START_PATIENCE_US 10000000UL

enum secondary_state {
	SECONDARY_NONE,
	SECONDARY_LACKS_FEATURE,
	SECONDARY_ARRIVED,
	SECONDARY_OTHER_CLOCK,
	SECONDARY_ONLINE,
};

static enum secondary_state state;
static struct tsc_meeting meeting;

/* On the started CPU. @gs: its per-CPU offset */
static void __noreturn secondary_main(unsigned long gs)
{
	wrmsr(MSR_GS_BASE, gs);
	if (!cpu_setup_secondary()) {
		smp_store_release(&state, SECONDARY_LACKS_FEATURE);
		arch_halt_forever();
	}
	smp_store_release(&state, SECONDARY_ARRIVED);
	if (!tsc_answer(&meeting, &tsc_of_this_cpu)) {
		smp_store_release(&state, SECONDARY_OTHER_CLOCK);
		arch_halt_forever();
	}
	arch_mm_setup_cpu();
	lapic_init_cpu();
	cpumask_set_cpu(smp_processor_id(), &cpu_online_mask);
	arch_timer_start_cpu();
	smp_store_release(&state, SECONDARY_ONLINE);
	upcall_secondary_cpu();
}

static enum secondary_state wait_while(enum secondary_state old)
{
	enum secondary_state now;

	while ((now = smp_load_acquire(&state)) == old)
		cpu_relax();
	return now;
}

static enum secondary_state start_cpu(unsigned int cpu, char *stack, u64 patience)
{
	const struct trampoline_call call = {
		.entry = secondary_main,
		.arg = percpu_offset[cpu],
		.stack_top = stack + KERNEL_STACK_SIZE,
	};
	enum secondary_state now;

	state = SECONDARY_NONE;
	meeting = (struct tsc_meeting){0};
	if (!trampoline_start_cpu(cpu_apic_id[cpu], &call, patience))
		return SECONDARY_NONE;
	now = wait_while(SECONDARY_NONE);
	if (now != SECONDARY_ARRIVED)
		return now;
	tsc_compare(&meeting);
	return wait_while(SECONDARY_ARRIVED);
}

static const char *why_off(enum secondary_state how)
{
	switch (how) {
	case SECONDARY_NONE:
		return "it does not answer";
	case SECONDARY_LACKS_FEATURE:
		return "it lacks what CPU 0 has";
	default:
		return "its TSC cannot be set to that of CPU 0";
	}
}

void smp_boot_cpus(void *(*idle_stack)(unsigned int cpu))
{
	u64 patience_us = START_PATIENCE_US;

	if (acpi_info.nr_cpus < 2)
		return;
	if (cmdline_get_u64("smp_wait_us", START_PATIENCE_US, &patience_us))
		boot_refuse("command line: smp_wait_us is not a number");
	if (trampoline_map()) {
		pr_err("smp: no page below 1 MiB to start CPUs from");
		return;
	}
	for (unsigned int cpu = 1; cpu < acpi_info.nr_cpus; cpu++) {
		char *stack = idle_stack(cpu);
		enum secondary_state how;

		if (!stack || !cpu_alloc_ist(cpu)) {
			pr_err("smp: no memory for the stacks of CPU %u", cpu);
			break;
		}
		how = start_cpu(cpu, stack, usec_to_ns(patience_us));
		if (how != SECONDARY_ONLINE)
			pr_err("smp: CPU %u (APIC %u) stays off: %s", cpu,
			       cpu_apic_id[cpu], why_off(how));
	}
	trampoline_unmap();
	pr_info("smp: %u of %u CPUs run", num_online_cpus(), acpi_info.nr_cpus);
}
