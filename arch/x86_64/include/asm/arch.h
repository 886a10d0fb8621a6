/* SPDX-License-Identifier: MIT */
/*
 * asm/arch.h - what the files below arch/x86_64 want of each other
 *
 * Not part of the contract: nothing above the architecture includes it.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/boot.h>

struct trap_regs;

/* Vectors. 0..31 belong to the CPU, what is not named here to devices. */
#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_DEVICE_FIRST  0x30
#define VECTOR_DEVICE_LAST   0xef
#define VECTOR_TIMER         0xf0
#define VECTOR_RESCHEDULE    0xf1
#define VECTOR_CALL          0xf2
#define VECTOR_TLB           0xf3
#define VECTOR_APIC_ERROR    0xfe
#define VECTOR_SPURIOUS      0xff

/* cpu/cpu.c */
void cpu_setup_boot(void);
/* false: this CPU lacks something that the boot CPU has */
bool cpu_setup_secondary(void);
u32 cpu_features_may_differ(unsigned int word);
bool cpu_alloc_ist(unsigned int cpu);

/* cpu/percpu.c */
void percpu_setup_boot(void);
bool percpu_setup_areas(unsigned int nr_cpus);

/* cpu/stacktrace.c: as in arch/stacktrace.h, for what another CPU noted */
void dump_regs_of(unsigned int cpu, const struct trap_regs *regs);
void stack_trace_print_entries(unsigned int cpu, const unsigned long *entries,
			       unsigned int n);

/* trap/trap.c */
void trap_init(void);
void trap_load_idt(void);
/* where entry.asm has three bytes that trap_enable_clac() makes a clac */
extern u8 *const trap_clac_sites[], *const trap_clac_sites_end[];
void trap_enable_clac(void);
/* For tests: runs after each instruction executed with EFLAGS.TF, or NULL */
extern void (*trap_single_step)(struct trap_regs *regs);

/* boot/multiboot.c */
/* Return: NULL, or what is wrong. @out is filled as far as it went. */
const char *multiboot_parse(const void *info, size_t limit,
			    struct boot_info *out);

/* boot/memory.c */
const char *boot_regions_normalise(struct boot_info *info);
bool boot_regions_take(struct boot_info *info, paddr_t start, paddr_t end);

/* acpi/acpi.c */
struct acpi_ioapic {
	u32 addr;
	u32 gsi_base;
};
struct acpi_override {
	u8 isa_line;
	u32 gsi;
	u16 flags;
};

#define ACPI_MAX_IOAPICS   8
#define ACPI_MAX_OVERRIDES 16

struct acpi_info {
	u64 lapic_addr;
	unsigned int nr_cpus;        /* that can be started */
	unsigned int nr_cpus_beyond; /* listed, but more than NR_CPUS */
	u32 apic_ids[64];
	unsigned int nr_ioapics;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	unsigned int nr_overrides;
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	bool has_8259;
};
extern struct acpi_info acpi_info;

bool acpi_sum_is_zero(const void *p, size_t len);
/* Pure: takes a MADT of @len bytes apart. Return: NULL or what is wrong. */
const char *acpi_parse_madt(const void *madt, size_t len, struct acpi_info *out);
/* Return: NULL, or why the tables cannot be used. */
const char *acpi_init(void);

/* acpi/fixed.c */
struct acpi_fixed {
	u64 hpet_addr;     /* 0: none */
	u16 pm_timer_port; /* 0: none */
	u32 pm_timer_mask;
	u16 pm1a_control; /* ports that put the machine to sleep; 0: none */
	u16 pm1b_control;
	bool has_s5; /* what to write there for S5 is known */
	u8 s5_type_a;
	u8 s5_type_b;
};
extern struct acpi_fixed acpi_fixed;

/* Pure: each takes a table of @len bytes apart. */
void acpi_parse_fadt(const void *fadt, size_t len, struct acpi_fixed *out);
void acpi_parse_dsdt(const void *dsdt, size_t len, struct acpi_fixed *out);
void acpi_parse_hpet(const void *hpet, size_t len, struct acpi_fixed *out);

/* irq/lapic.c */
void lapic_init_boot(void);
void lapic_init_cpu(void);
u32 lapic_id(void);
u32 lapic_id_leaf(void); /* the CPUID leaf in which a CPU finds its own id */

/* Where a CPU's APIC id may be read from. */
struct apic_id_facts {
	u32 max_leaf;     /* of CPUID */
	u32 leaf1_ebx;    /* leaf 1: the id's low 8 bits on top */
	u32 topology_ebx; /* leaf 0xb; 0 here means that there is none */
	u32 topology_edx; /* the id, 32 bits */
	bool has_x2apic;
	bool in_x2apic_mode; /* then the register can be read: */
	u32 x2apic_id;
};
/* Pure. The id; and the leaf, 0xb or 1, that gives it. */
u32 apic_id_from(const struct apic_id_facts *facts);
u32 apic_id_leaf(const struct apic_id_facts *facts);
void lapic_eoi(void);
void lapic_send(u32 apic_id, u32 command);
void lapic_send_vector(unsigned int cpu, unsigned int vector);
void lapic_send_nmi(unsigned int cpu);
void lapic_timer_set(u32 count);
u32 lapic_timer_left(void);

#define APIC_ICR_FIXED   0x00000000u
#define APIC_ICR_NMI     0x00000400u
#define APIC_ICR_INIT    0x00000500u
#define APIC_ICR_STARTUP 0x00000600u
#define APIC_ICR_ASSERT  0x00004000u

extern u32 cpu_apic_id[];

/* The id that names all CPUs where an id has 8 bits: messages, IO-APICs. */
#define APIC_EVERYBODY 255u

/* irq/ioapic.c */
void ioapic_init(void);

/* irq/irq.c */
void irq_dispatch(unsigned int vector);
/* Pure: those of @cpus whose id, in @ids, an id of 8 bits can name. */
u64 apic_reachable(const u32 *ids, u64 cpus);

/* time/timer.c */
/* Return: NULL, or why there is no clock. Needs the local APIC. */
const char *timer_calibrate(void);
void timer_interrupt(void);

/* smp/call.c: serve what other CPUs ask; interrupts off */
void smp_call_poll(void);
/* wait until a word is 0, serving this CPU's inboxes meanwhile */
void smp_wait_served(const u64 *pending);

/* smp/tlb.c */
void arch_mm_setup_cpu(void);

/* smp/nmi.c; Return: false when nobody asked for this NMI */
bool smp_nmi(struct trap_regs *regs);

/* boot/boot.c: the page below 1 MiB from which CPUs start; 0 if none */
extern paddr_t trampoline_page;
