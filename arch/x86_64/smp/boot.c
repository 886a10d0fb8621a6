// SPDX-License-Identifier: MIT
/*
 * boot.c - start the other CPUs, one after the other
 *
 * Idea.  For each CPU: write its stack, GS base and entry into the trampoline
 * page, send INIT and then STARTUP with the page's number, wait until the CPU
 * has set its bit in cpu_online_mask.
 *
 *	boot CPU				started CPU
 *	words of the trampoline written
 *	INIT, 10 ms, STARTUP, STARTUP
 *						real mode, long mode
 *						secondary_main(gs)
 *						descriptors, features, APIC
 *						state = SMP_ONLINE
 *	sees the state: next CPU		upcall_secondary_cpu()
 *
 * A CPU that never comes is given up after a second; it may come late, so from
 * then on no other is started: the trampoline might still be its own.
 *
 * Locks: none, one boot CPU starts one CPU at a time.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/page.h>
#include <arch/smp.h>
#include <arch/task.h>
#include <arch/time.h>
#include <arch/upcall.h>
#include <kernel/atomic.h>
#include <kernel/cpumask.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <asm/arch.h>

#define INIT_DELAY_NS    10000000UL
#define STARTUP_AGAIN_NS 10000000UL
#define START_TIMEOUT_NS 1000000000UL

enum secondary_state {
	SECONDARY_NONE,
	SECONDARY_LACKS_FEATURE,
	SECONDARY_ONLINE,
};

extern const char trampoline_start[], trampoline_end[];
extern const char trampoline_pgd[], trampoline_entry[];
extern const char trampoline_stack[], trampoline_gs[];
extern const char trampoline_base[];

static enum secondary_state state;

/* On the started CPU. @gs: its per-CPU offset */
static void __noreturn secondary_main(unsigned long gs)
{
	wrmsr(MSR_GS_BASE, gs);
	if (!cpu_setup_secondary()) {
		smp_store_release(&state, SECONDARY_LACKS_FEATURE);
		arch_halt_forever();
	}
	arch_mm_setup_cpu();
	lapic_init_cpu();
	cpumask_set_cpu(smp_processor_id(), &cpu_online_mask);
	arch_timer_start_cpu();
	smp_store_release(&state, SECONDARY_ONLINE);
	upcall_secondary_cpu();
}

static void *in_page(char *page, const char *symbol)
{
	return page + (symbol - trampoline_start);
}

static void fill_trampoline(char *page, paddr_t at)
{
	u32 words[2]; /* trampoline_base, then the far jump's offset */

	memcpy(page, trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	memcpy(words, in_page(page, trampoline_base), sizeof(words));
	words[0] += (u32)at;
	words[1] += (u32)at;
	memcpy(in_page(page, trampoline_base), words, sizeof(words));
	*(u64 *)in_page(page, trampoline_pgd) = init_mm_context.pgd;
	*(u64 *)in_page(page, trampoline_entry) = (u64)secondary_main;
}

static enum secondary_state start_cpu(unsigned int cpu, paddr_t at)
{
	u32 id = cpu_apic_id[cpu], vector = (u32)(at >> PAGE_SHIFT);
	u64 deadline;

	state = SECONDARY_NONE;
	lapic_send(id, APIC_ICR_INIT | APIC_ICR_ASSERT);
	deadline = arch_clock_ns() + INIT_DELAY_NS;
	while (arch_clock_ns() < deadline)
		cpu_relax();
	for (unsigned int i = 0; i < 2; i++) {
		lapic_send(id, APIC_ICR_STARTUP | APIC_ICR_ASSERT | vector);
		deadline = arch_clock_ns() +
			   (i ? START_TIMEOUT_NS : STARTUP_AGAIN_NS);
		while (arch_clock_ns() < deadline) {
			if (smp_load_acquire(&state) != SECONDARY_NONE)
				return state;
			cpu_relax();
		}
	}
	return SECONDARY_NONE;
}

void smp_boot_cpus(void *(*idle_stack)(unsigned int cpu))
{
	paddr_t at;
	char *page;

	if (acpi_info.nr_cpus < 2)
		return;
	at = trampoline_page;
	page = phys_to_virt(at);
	if (!at || init_mm_context.pgd >> 32 || kernel_map_low_trampoline(at)) {
		pr_err("smp: no page below 1 MiB to start CPUs from");
		return;
	}
	fill_trampoline(page, at);
	for (unsigned int cpu = 1; cpu < acpi_info.nr_cpus; cpu++) {
		char *stack = idle_stack(cpu);
		enum secondary_state got;

		if (!stack || !cpu_alloc_ist(cpu)) {
			pr_err("smp: no memory for the stacks of CPU %u", cpu);
			break;
		}
		*(u64 *)in_page(page, trampoline_stack) =
			(u64)stack + KERNEL_STACK_SIZE;
		*(u64 *)in_page(page, trampoline_gs) = percpu_offset[cpu];
		got = start_cpu(cpu, at);
		if (got == SECONDARY_ONLINE)
			continue;
		pr_err("smp: CPU %u (APIC %u) stays off: %s", cpu,
		       cpu_apic_id[cpu],
		       got == SECONDARY_NONE ? "it does not answer"
					     : "it lacks what CPU 0 has");
		if (got == SECONDARY_NONE)
			break;
	}
	kernel_map_low_trampoline_end();
	pr_info("smp: %u of %u CPUs run", num_online_cpus(), acpi_info.nr_cpus);
}
