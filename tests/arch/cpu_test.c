// SPDX-License-Identifier: MIT
/*
 * cpu_test.c - the protections are on, on every CPU
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>
#include <asm/arch.h>
#include <asm/desc.h>

struct seen {
	unsigned long cr0, cr3, cr4, efer, gs;
	u16 cs, ss, task;
};

static struct seen seen[NR_CPUS];

static void look(void *unused)
{
	struct seen *s = &seen[smp_processor_id()];

	s->cr0 = read_cr0();
	s->cr3 = read_cr3();
	s->cr4 = read_cr4();
	s->efer = rdmsr(MSR_EFER);
	s->gs = rdmsr(MSR_GS_BASE);
	asm("mov %%cs, %0" : "=rm"(s->cs));
	asm("mov %%ss, %0" : "=rm"(s->ss));
	asm("str %0" : "=rm"(s->task));
}

KTEST(cpu, protections_are_on_everywhere)
{
	unsigned int cpu;

	on_each_cpu(look, NULL, SMP_WAIT);
	for_each_online_cpu(cpu) {
		const struct seen *s = &seen[cpu];

		/* Nothing is left of what a loader may have set. */
		EXPECT_EQ(s->cr0,
			  CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
		EXPECT_EQ(s->cr4 & ~(CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_PGE),
			  CR4_PAE | CR4_MCE);
		EXPECT(s->efer & EFER_NXE);
		EXPECT(s->efer & EFER_LMA);
		EXPECT_EQ(!!(s->cr4 & CR4_SMEP), cpu_has(X86_FEATURE_SMEP));
		EXPECT_EQ(!!(s->cr4 & CR4_SMAP), cpu_has(X86_FEATURE_SMAP));
		EXPECT_EQ(!!(s->cr4 & CR4_UMIP), cpu_has(X86_FEATURE_UMIP));
		EXPECT_EQ(!!(s->cr4 & CR4_PGE), cpu_has(X86_FEATURE_PGE));
		EXPECT_EQ(s->cs, SEL_KERNEL_CODE);
		EXPECT_EQ(s->ss, SEL_KERNEL_DATA);
		EXPECT_EQ(s->task, SEL_TSS);
		EXPECT_EQ(s->gs, percpu_offset[cpu]);
	}
}

KTEST(cpu, every_cpu_has_its_own_variables)
{
	unsigned int cpu;

	on_each_cpu(look, NULL, SMP_WAIT);
	for_each_online_cpu(cpu) {
		EXPECT_EQ(per_cpu(cpu_number, cpu), cpu);
		EXPECT_EQ(per_cpu(this_cpu_offset_slot, cpu), percpu_offset[cpu]);
	}
}

KTEST(cpu, all_cpus_of_the_firmware_run)
{
	EXPECT_EQ(num_online_cpus(), acpi_info.nr_cpus);
}

KTEST(cpu, taken_memory_is_marked_in_the_boot_map)
{
	paddr_t area = percpu_offset[1] ? trampoline_page : 0;
	bool found = false;

	if (num_online_cpus() < 2) {
		ktest_skip(test, "needs two CPUs");
		return;
	}
	for (unsigned int i = 0; i < boot_info.nr_regions; i++) {
		const struct boot_region *r = &boot_info.regions[i];

		found |= r->start <= area && area < r->end &&
			 r->kind == BOOT_MEMORY_KERNEL;
	}
	EXPECT(found);
}
