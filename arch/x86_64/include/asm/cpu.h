/* SPDX-License-Identifier: MIT */
/*
 * asm/cpu.h - x86 instructions, control registers, MSRs and feature bits
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

#define EFLAGS_TF       (1UL << 8)
#define EFLAGS_IF       (1UL << 9)
#define EFLAGS_DF       (1UL << 10)
#define EFLAGS_AC       (1UL << 18)

#define CR0_PE          (1UL << 0)
#define CR0_MP          (1UL << 1)
#define CR0_EM          (1UL << 2)
#define CR0_TS          (1UL << 3)
#define CR0_ET          (1UL << 4) /* always 1 */
#define CR0_NE          (1UL << 5)
#define CR0_WP          (1UL << 16)
#define CR0_PG          (1UL << 31)

#define CR4_PAE         (1UL << 5)
#define CR4_MCE         (1UL << 6)
#define CR4_PGE         (1UL << 7)
#define CR4_UMIP        (1UL << 11)
#define CR4_SMEP        (1UL << 20)
#define CR4_SMAP        (1UL << 21)

#define MSR_TSC         0x00000010
#define MSR_TSC_ADJUST  0x0000003b
#define MSR_APIC_BASE   0x0000001b
#define MSR_X2APIC_BASE 0x00000800
#define MSR_EFER        0xc0000080
#define MSR_GS_BASE     0xc0000101

#define EFER_LME        (1UL << 8)
#define EFER_LMA        (1UL << 10)
#define EFER_NXE        (1UL << 11)

/*
 * Feature bits as one number: word * 32 + bit, the words being the CPUID
 * registers in the order of enum cpuid_word.
 */
enum cpuid_word {
	CPUID_1_EDX,
	CPUID_1_ECX,
	CPUID_7_EBX,
	CPUID_7_ECX,
	CPUID_80000001_EDX,
	CPUID_WORDS,
};

#define X86_FEATURE(word, bit) ((word)*32 + (bit))

#define X86_FEATURE_PGE        X86_FEATURE(CPUID_1_EDX, 13)
#define X86_FEATURE_X2APIC     X86_FEATURE(CPUID_1_ECX, 21)
#define X86_FEATURE_HYPERVISOR X86_FEATURE(CPUID_1_ECX, 31)
#define X86_FEATURE_TSC_ADJUST X86_FEATURE(CPUID_7_EBX, 1)
#define X86_FEATURE_SMEP       X86_FEATURE(CPUID_7_EBX, 7)
#define X86_FEATURE_SMAP       X86_FEATURE(CPUID_7_EBX, 20)
#define X86_FEATURE_UMIP       X86_FEATURE(CPUID_7_ECX, 2)
#define X86_FEATURE_NX         X86_FEATURE(CPUID_80000001_EDX, 20)
#define X86_FEATURE_PDPE1GB    X86_FEATURE(CPUID_80000001_EDX, 26)

/* Features of the boot CPU; a CPU with fewer is refused when it starts. */
extern u32 cpu_features[CPUID_WORDS];

static inline bool cpu_has(unsigned int feature)
{
	return cpu_features[feature / 32] & (1U << (feature % 32));
}

static __always_inline void cpu_relax(void)
{
	asm volatile("pause" : : : "memory");
}

static __always_inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

static __always_inline unsigned long arch_read_flags(void)
{
	unsigned long flags;

	asm volatile("pushfq; popq %0" : "=rm"(flags) : : "memory");
	return flags;
}

static __always_inline void arch_irq_disable(void)
{
	asm volatile("cli" : : : "memory");
}

static __always_inline void arch_irq_enable(void)
{
	asm volatile("sti" : : : "memory");
}

static __always_inline unsigned long arch_irq_save(void)
{
	unsigned long flags = arch_read_flags();

	arch_irq_disable();
	return flags;
}

static __always_inline void arch_irq_restore(unsigned long flags)
{
	if (flags & EFLAGS_IF)
		arch_irq_enable();
	else
		arch_irq_disable();
}

static __always_inline bool irqs_disabled_flags(unsigned long flags)
{
	return !(flags & EFLAGS_IF);
}

static __always_inline bool irqs_disabled(void)
{
	return irqs_disabled_flags(arch_read_flags());
}

#define local_irq_disable()      arch_irq_disable()
#define local_irq_enable()       arch_irq_enable()
#define local_irq_save(flags)    ((flags) = arch_irq_save())
#define local_irq_restore(flags) arch_irq_restore(flags)

static inline void arch_safe_halt(void)
{
	asm volatile("sti; hlt" : : : "memory");
}

static inline void __noreturn arch_halt_forever(void)
{
	for (;;)
		asm volatile("cli; hlt" : : : "memory");
}

static inline void cpuid(u32 leaf, u32 sub, u32 *a, u32 *b, u32 *c, u32 *d)
{
	asm volatile("cpuid"
		     : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d)
		     : "a"(leaf), "c"(sub));
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr"
		     :
		     : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
		     : "memory");
}

#define __CR_ACCESS(n)                                                     \
	static inline unsigned long read_cr##n(void)                       \
	{                                                                  \
		unsigned long v;                                           \
		asm volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory"); \
		return v;                                                  \
	}                                                                  \
	static inline void write_cr##n(unsigned long v)                    \
	{                                                                  \
		asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory");     \
	}
__CR_ACCESS(0)
__CR_ACCESS(2)
__CR_ACCESS(3)
__CR_ACCESS(4)

static __always_inline void invlpg(unsigned long addr)
{
	asm volatile("invlpg (%0)" : : "r"(addr) : "memory");
}
