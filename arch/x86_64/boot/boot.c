// SPDX-License-Identifier: MIT
/*
 * boot.c - the first C code: from the loader's registers to kernel_main()
 *
 * Order matters here. Per-CPU variables first, for everything that follows may
 * use them; then traps, so that a mistake is reported instead of resetting
 * the machine; only then the loader's data, which may be anything. A
 * mistake in them is kept as a sentence until the consoles work.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <lib/cpumask.h>
#include <lib/kasan.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <asm/arch.h>

#define EARLY_MAP_END  (1UL << 32) /* what start.asm mapped */
#define LOW_MEMORY_END (1UL << 20)

struct boot_info boot_info;
paddr_t trampoline_page;
static const char *wrong;

extern char __boot_start[], __image_end[];

void boot_main(paddr_t info);

const char *boot_error(void)
{
	return wrong;
}

void boot_refuse(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pr_emerg("concord: refused: %s", text);
	console_flush();
	machine_exit(EXIT_PANIC);
}

static bool in_memory(paddr_t start, paddr_t end)
{
	for (unsigned int i = 0; i < boot_info.nr_regions; i++) {
		const struct boot_region *r = &boot_info.regions[i];

		if (r->kind == BOOT_MEMORY_USABLE && r->start <= start &&
		    end <= r->end)
			return true;
	}
	return false;
}

/* The image and the modules lie in RAM; nobody may take that RAM. */
static const char *take_what_is_loaded(void)
{
	paddr_t image = (paddr_t)__boot_start;
	paddr_t image_end = image_to_phys(__image_end);

	if (!in_memory(image, image_end))
		return "the image does not lie in usable memory";
	for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.modules[i];

		if (m->start < image_end && image < m->end)
			return "a module overlaps the image";
		if (!in_memory(ALIGN_DOWN(m->start, PAGE_SIZE), m->end))
			return "a module does not lie in usable memory";
	}
	if (!boot_regions_take(&boot_info, image, image_end))
		return "the memory map has too many pieces";
	for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.modules[i];

		if (!boot_regions_take(&boot_info, m->start, m->end))
			return "the memory map has too many pieces";
	}
	return NULL;
}

/* @info: physical address of the loader's information */
void boot_main(paddr_t info)
{
	kasan_early();
	percpu_setup_boot();
	trap_init();
	cpu_setup_boot();
	cpumask_set_cpu(0, &cpu_online_mask);
	cpumask_set_cpu(0, &cpu_possible_mask);

	wrong = multiboot_parse(phys_to_virt(info), EARLY_MAP_END - info,
				&boot_info);
	if (!wrong)
		wrong = boot_regions_normalise(&boot_info);
	if (!wrong)
		wrong = take_what_is_loaded();
	kernel_main();
}

void arch_setup(void)
{
	if (!wrong)
		wrong = acpi_init();
	if (!wrong) {
		lapic_init_boot();
		wrong = timer_calibrate();
	}
	if (!wrong && !percpu_setup_areas(acpi_info.nr_cpus))
		wrong = "too little memory for the CPUs' own variables";
	if (wrong)
		return;
	trampoline_page = boot_take_memory(PAGE_SIZE, LOW_MEMORY_END);
	for (unsigned int cpu = 0; cpu < acpi_info.nr_cpus; cpu++)
		cpumask_set_cpu(cpu, &cpu_possible_mask);
}
