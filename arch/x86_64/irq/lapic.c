// SPDX-License-Identifier: MIT
/*
 * lapic.c - the interrupt controller inside each CPU
 *
 * Two ways to the same registers: memory (xAPIC) or MSRs (x2APIC), where
 * register R of the first is MSR 0x800 + R/16 of the second. The boot CPU
 * chooses x2APIC when the CPU has it; the others follow.
 *
 * The register page is reached through the boot tables' direct map until
 * INIT_CORE maps it properly; in between nobody touches it.
 *
 * Locks: none, each CPU writes its own. Sending (two registers in xAPIC) is
 * done with interrupts off, for a handler may send too; an NMI handler never
 * sends.
 */
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/page.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <asm/arch.h>

#define REG_ID            0x020
#define REG_TPR           0x080
#define REG_EOI           0x0b0
#define REG_SPURIOUS      0x0f0
#define REG_ESR           0x280
#define REG_ICR_LOW       0x300
#define REG_ICR_HIGH      0x310
#define REG_LVT_TIMER     0x320
#define REG_LVT_LINT0     0x350
#define REG_LVT_LINT1     0x360
#define REG_LVT_ERROR     0x370
#define REG_TIMER_INITIAL 0x380
#define REG_TIMER_LEFT    0x390
#define REG_TIMER_DIVIDE  0x3e0

#define CPUID_TOPOLOGY    0xb

#define SPURIOUS_ENABLE   (1u << 8)
#define LVT_MASKED        (1u << 16)
#define LVT_NMI           (4u << 8)
#define TIMER_BY_16       3u
#define ICR_PENDING       (1u << 12)
#define APIC_BASE_X2      (1u << 10)
#define APIC_BASE_ON      (1u << 11)
#define ICR_WAIT_LOOPS    1000000

u32 cpu_apic_id[NR_CPUS];
static void __iomem *page;
static bool x2apic;

static u32 reg_read(u32 reg)
{
	if (x2apic)
		return (u32)rdmsr(MSR_X2APIC_BASE + reg / 16);
	return readl((char __iomem *)page + reg);
}

static void reg_write(u32 reg, u32 v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC_BASE + reg / 16, v);
	else
		writel(v, (char __iomem *)page + reg);
}

u32 apic_id_leaf(const struct apic_id_facts *facts)
{
	/* A leaf above the highest gives the words of another one. */
	return facts->has_x2apic && facts->max_leaf >= CPUID_TOPOLOGY &&
			       facts->topology_ebx
		       ? CPUID_TOPOLOGY
		       : 1;
}

u32 apic_id_from(const struct apic_id_facts *facts)
{
	if (facts->in_x2apic_mode)
		return facts->x2apic_id;
	if (apic_id_leaf(facts) == CPUID_TOPOLOGY)
		return facts->topology_edx;
	return facts->leaf1_ebx >> 24;
}

static void read_id_facts(struct apic_id_facts *facts)
{
	u32 a, b, c, d;

	*facts = (struct apic_id_facts){
		.has_x2apic = cpu_has(X86_FEATURE_X2APIC),
		.in_x2apic_mode = rdmsr(MSR_APIC_BASE) & APIC_BASE_X2,
	};
	if (facts->in_x2apic_mode)
		facts->x2apic_id = (u32)rdmsr(MSR_X2APIC_BASE + REG_ID / 16);
	cpuid(0, 0, &facts->max_leaf, &b, &c, &d);
	cpuid(1, 0, &a, &facts->leaf1_ebx, &c, &d);
	cpuid(CPUID_TOPOLOGY, 0, &a, &facts->topology_ebx, &c,
	      &facts->topology_edx);
}

u32 lapic_id(void)
{
	struct apic_id_facts facts;

	read_id_facts(&facts);
	return apic_id_from(&facts);
}

u32 lapic_id_leaf(void)
{
	struct apic_id_facts facts;

	read_id_facts(&facts);
	return apic_id_leaf(&facts);
}

void lapic_eoi(void)
{
	reg_write(REG_EOI, 0);
}

void lapic_send(u32 apic_id, u32 command)
{
	unsigned long flags = arch_irq_save();

	if (x2apic) {
		/* Unlike the store to memory, this MSR write orders nothing. */
		asm volatile("mfence; lfence" : : : "memory");
		wrmsr(MSR_X2APIC_BASE + REG_ICR_LOW / 16,
		      (u64)apic_id << 32 | command);
	} else {
		for (unsigned int i = 0; i < ICR_WAIT_LOOPS; i++) {
			if (!(reg_read(REG_ICR_LOW) & ICR_PENDING))
				break;
			cpu_relax();
		}
		reg_write(REG_ICR_HIGH, apic_id << 24);
		reg_write(REG_ICR_LOW, command);
	}
	arch_irq_restore(flags);
}

void lapic_send_vector(unsigned int cpu, unsigned int vector)
{
	lapic_send(cpu_apic_id[cpu], APIC_ICR_FIXED | APIC_ICR_ASSERT | vector);
}

void lapic_send_nmi(unsigned int cpu)
{
	lapic_send(cpu_apic_id[cpu], APIC_ICR_NMI | APIC_ICR_ASSERT);
}

void lapic_timer_set(u32 count)
{
	reg_write(REG_TIMER_INITIAL, count);
}

u32 lapic_timer_left(void)
{
	return reg_read(REG_TIMER_LEFT);
}

void lapic_init_cpu(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ON;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2);
	reg_write(REG_TPR, 0);
	reg_write(REG_LVT_LINT0, LVT_MASKED);
	reg_write(REG_LVT_LINT1, LVT_NMI);
	reg_write(REG_ESR, 0);
	reg_write(REG_LVT_ERROR, VECTOR_APIC_ERROR);
	reg_write(REG_TIMER_DIVIDE, TIMER_BY_16);
	reg_write(REG_LVT_TIMER, VECTOR_TIMER);
	reg_write(REG_TIMER_INITIAL, 0);
	reg_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	lapic_eoi();
}

void lapic_init_boot(void)
{
	x2apic = cpu_has(X86_FEATURE_X2APIC);
	page = (void __iomem *)phys_to_virt(acpi_info.lapic_addr);
	for (unsigned int i = 0; i < acpi_info.nr_cpus; i++)
		cpu_apic_id[i] = acpi_info.apic_ids[i];
	lapic_init_cpu();
}

static int map_interrupt_controllers(void)
{
	if (!x2apic) {
		page = ioremap(acpi_info.lapic_addr, PAGE_SIZE);
		if (!page)
			boot_refuse("too little memory to map the local APIC");
	}
	pr_info("apic: %s, %u CPUs listed, %u IO-APICs",
		x2apic ? "x2APIC" : "xAPIC", acpi_info.nr_cpus,
		acpi_info.nr_ioapics);
	if (acpi_info.nr_cpus_beyond)
		pr_warn("apic: %u CPUs beyond the limit of %u stay off",
			acpi_info.nr_cpus_beyond, NR_CPUS);
	ioapic_init();
	return 0;
}
INITCALL(INIT_CORE, map_interrupt_controllers);
