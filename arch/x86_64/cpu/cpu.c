// SPDX-License-Identifier: MIT
/*
 * cpu.c - make one processor ready: features, control registers, descriptors
 *
 * Problem.  Every CPU must come up with the same protections, whatever the
 * firmware left in its control registers, and with its own stacks for the
 * traps that may come when the current stack is bad.
 *
 * Idea.  The boot CPU's CPUID words are the machine's; another CPU that lacks
 * a bit of them is refused when it starts. From them follow the bits to set:
 *
 *	CR0.WP		the kernel obeys read-only pages
 *	EFER.NXE	data cannot be executed (required, start.asm checked)
 *	CR4.SMEP	the kernel cannot execute user pages
 *	CR4.SMAP	nor touch them, but in copy functions
 *	CR4.UMIP	user mode cannot read descriptor table addresses
 *	CR4.PGE		kernel entries may be global
 *
 * Descriptors: one GDT and TSS for each CPU. The TSS names three stacks
 * (IST): double fault, NMI, machine check. Until there is an allocator the
 * boot CPU uses stacks in the image; then every CPU gets stacks with guard
 * pages.
 *
 * Locks: none. Each CPU writes its own; the words of the boot CPU are written
 * before any other CPU runs.
 */
#include <arch/cpu.h>
#include <arch/boot.h>
#include <arch/task.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/panic.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <asm/arch.h>
#include <asm/desc.h>

u32 cpu_features[CPUID_WORDS];
static char model_name[49];

static DEFINE_PER_CPU_ALIGNED(struct cpu_descriptors, cpu_descriptors);

#define EARLY_IST_SIZE 8192
static u8 early_ist[IST_COUNT][EARLY_IST_SIZE] __aligned(16);

static_assert(STACK_DOUBLE_FAULT + IST_NMI == STACK_NMI &&
		      STACK_DOUBLE_FAULT + IST_MACHINE_CHECK ==
			      STACK_MACHINE_CHECK,
	      "kinds of stacks come in the order of the IST");

static void read_features(u32 words[CPUID_WORDS])
{
	u32 a, b, c, d, max;

	memset(words, 0, CPUID_WORDS * sizeof(words[0]));
	cpuid(0, 0, &max, &b, &c, &d);
	cpuid(1, 0, &a, &b, &words[CPUID_1_ECX], &words[CPUID_1_EDX]);
	if (max >= 7)
		cpuid(7, 0, &a, &words[CPUID_7_EBX], &words[CPUID_7_ECX], &d);
	cpuid(0x80000000, 0, &max, &b, &c, &d);
	cpuid(0x80000001, 0, &a, &b, &c, &words[CPUID_80000001_EDX]);
}

static void read_model_name(void)
{
	u32 r[12], max, b, c, d;

	cpuid(0x80000000, 0, &max, &b, &c, &d);
	if (max < 0x80000004) {
		strscpy(model_name, "unnamed x86-64", sizeof(model_name));
		return;
	}
	for (u32 i = 0; i < 3; i++)
		cpuid(0x80000002 + i, 0, &r[4 * i], &r[4 * i + 1],
		      &r[4 * i + 2], &r[4 * i + 3]);
	memcpy(model_name, r, sizeof(r));
}

static void set_control_registers(void)
{
	unsigned long cr0 = read_cr0(), cr4 = read_cr4();

	cr0 &= ~(CR0_EM | CR0_TS);
	cr0 |= CR0_WP | CR0_NE | CR0_MP;
	write_cr0(cr0);
	cr4 |= CR4_PAE | CR4_MCE;
	if (cpu_has(X86_FEATURE_PGE))
		cr4 |= CR4_PGE;
	if (cpu_has(X86_FEATURE_SMEP))
		cr4 |= CR4_SMEP;
	if (cpu_has(X86_FEATURE_SMAP))
		cr4 |= CR4_SMAP;
	if (cpu_has(X86_FEATURE_UMIP))
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
}

static u64 segment(u64 access, u64 flags)
{
	return 0xffffULL | access << 40 | 0xfULL << 48 | flags << 52;
}

static void load_descriptors(void)
{
	struct cpu_descriptors *desc = this_cpu_ptr(&cpu_descriptors);
	u64 tss = (u64)&desc->tss, gs = rdmsr(MSR_GS_BASE);
	struct table_pointer gdt = {sizeof(desc->gdt) - 1, (u64)desc->gdt};

	desc->gdt[SEL_KERNEL_CODE / 8] = segment(0x9b, 0xa);
	desc->gdt[SEL_KERNEL_DATA / 8] = segment(0x93, 0xc);
	desc->gdt[SEL_USER_DATA / 8] = segment(0xf3, 0xc);
	desc->gdt[SEL_USER_CODE / 8] = segment(0xfb, 0xa);
	desc->gdt[SEL_TSS / 8] = (sizeof(desc->tss) - 1) |
				 (tss & 0xffffff) << 16 | 0x89ULL << 40 |
				 (tss >> 24 & 0xff) << 56;
	desc->gdt[SEL_TSS / 8 + 1] = tss >> 32;
	desc->tss.iomap_base = sizeof(desc->tss);

	asm volatile("lgdt %0\n\t"
		     "pushq %1\n\t"
		     "leaq 1f(%%rip), %%rax\n\t"
		     "pushq %%rax\n\t"
		     "lretq\n"
		     "1:\tmovl %2, %%eax\n\t"
		     "movl %%eax, %%ds\n\t"
		     "movl %%eax, %%es\n\t"
		     "movl %%eax, %%ss\n\t"
		     "xorl %%eax, %%eax\n\t"
		     "movl %%eax, %%fs\n\t"
		     "movl %%eax, %%gs\n\t"
		     "ltr %w3"
		     :
		     : "m"(gdt), "i"(SEL_KERNEL_CODE), "i"(SEL_KERNEL_DATA),
		       "r"(SEL_TSS)
		     : "rax", "memory");
	wrmsr(MSR_GS_BASE, gs); /* loading the selector cleared it */
}

void cpu_setup_boot(void)
{
	struct cpu_descriptors *desc = this_cpu_ptr(&cpu_descriptors);

	read_features(cpu_features);
	read_model_name();
	for (unsigned int i = 0; i < IST_COUNT; i++)
		desc->tss.ist[i] = (u64)early_ist[i] + EARLY_IST_SIZE;
	load_descriptors();
	if (cpu_has(X86_FEATURE_SMAP))
		trap_enable_clac();
	set_control_registers();
	trap_load_idt();
}

bool cpu_setup_secondary(void)
{
	u32 words[CPUID_WORDS];

	load_descriptors();
	trap_load_idt();
	read_features(words);
	for (unsigned int i = 0; i < CPUID_WORDS; i++)
		if (cpu_features[i] & ~words[i] & ~cpu_features_may_differ(i))
			return false;
	set_control_registers();
	return true;
}

/*
 * Bits of a CPUID word that say something about one CPU's state rather than
 * its kind: OSXSAVE mirrors CR4, the APIC bit the APIC's own switch.
 */
u32 cpu_features_may_differ(unsigned int word)
{
	switch (word) {
	case CPUID_1_ECX:
		return 1U << 27;
	case CPUID_1_EDX:
		return 1U << 9;
	case CPUID_7_ECX:
		return 1U << 4;
	default:
		return 0;
	}
}

bool cpu_alloc_ist(unsigned int cpu)
{
	struct cpu_descriptors *desc = per_cpu_ptr(&cpu_descriptors, cpu);
	void *stacks[IST_COUNT];

	for (unsigned int i = 0; i < IST_COUNT; i++) {
		stacks[i] = kernel_stack_alloc();
		if (!stacks[i]) {
			while (i--)
				kernel_stack_free(stacks[i]);
			return false;
		}
		kernel_stack_set_kind(stacks[i], STACK_DOUBLE_FAULT + i);
	}
	for (unsigned int i = 0; i < IST_COUNT; i++)
		desc->tss.ist[i] = (u64)stacks[i] + KERNEL_STACK_SIZE;
	return true;
}

static int guard_boot_cpu_stacks(void)
{
	return cpu_alloc_ist(0) ? 0 : -ENOMEM;
}
INITCALL(INIT_CORE, guard_boot_cpu_stacks);

static int announce_cpu(void)
{
	pr_info("cpu: %s; protections: WP NX%s%s%s", model_name,
		cpu_has(X86_FEATURE_SMEP) ? " SMEP" : "",
		cpu_has(X86_FEATURE_SMAP) ? " SMAP" : "",
		cpu_has(X86_FEATURE_UMIP) ? " UMIP" : "");
	return 0;
}
INITCALL(INIT_CORE, announce_cpu);
