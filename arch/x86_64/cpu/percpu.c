// SPDX-License-Identifier: MIT
/*
 * percpu.c - where each CPU's copy of the per-CPU variables lies
 *
 * The linker gathers the variables, with their initial values, in one
 * template. The boot CPU's copy lies in the image right behind the data (the
 * linker script leaves the room), because it is needed before anything can be
 * allocated. The others are cut from RAM as soon as the number of CPUs is
 * known, before the first initcall, so that per_cpu_ptr() works for every
 * possible CPU from then on.
 *
 *	percpu_offset[cpu] = copy - template = GS base of that CPU
 */
#include <arch/percpu.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <lib/cpumask.h>
#include <lib/kasan.h>
#include <lib/percpu.h>
#include <lib/string.h>
#include <asm/arch.h>

extern char __percpu_boot[];

unsigned long percpu_offset[NR_CPUS];
DEFINE_PER_CPU(unsigned long, this_cpu_offset_slot);
DEFINE_PER_CPU(unsigned int, cpu_number);

static void fill_area(unsigned int cpu, char *area)
{
	memcpy(area, __percpu_start, __percpu_end - __percpu_start);
	percpu_offset[cpu] = (unsigned long)area - (unsigned long)__percpu_start;
	per_cpu(this_cpu_offset_slot, cpu) = percpu_offset[cpu];
	per_cpu(cpu_number, cpu) = cpu;
}

void percpu_setup_boot(void)
{
	fill_area(0, __percpu_boot);
	wrmsr(MSR_GS_BASE, percpu_offset[0]);
}

bool percpu_setup_areas(unsigned int nr_cpus)
{
	size_t size = ALIGN((size_t)(__percpu_end - __percpu_start), 64) +
		      KASAN_PERCPU_BYTES;
	paddr_t areas;

	if (nr_cpus < 2)
		return true;
	areas = boot_take_memory(size * (nr_cpus - 1), 1UL << 32);
	if (!areas)
		return false;
	for (unsigned int cpu = 1; cpu < nr_cpus; cpu++)
		fill_area(cpu, (char *)phys_to_virt(areas) + (cpu - 1) * size);
	return true;
}
