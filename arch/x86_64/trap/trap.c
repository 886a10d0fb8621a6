// SPDX-License-Identifier: MIT
/*
 * trap.c - decide what a trap means
 *
 * Problem.  A trap is one of four things: a page to be brought in, an access
 * that its code was prepared to see fail, an interrupt, or the kernel's own
 * mistake. The last must be reported even when the stack is gone.
 *
 * Idea, for a page fault, in this order:
 *
 *	address		condition			what happens
 *	user		fetch by the kernel		panic (SMEP's case)
 *	user		EFLAGS.AC clear, CPU has SMAP	panic (SMAP's case)
 *	user		instruction not in .extable	panic: a stray access
 *	user		upcall_page_fault() says yes	retry
 *	any		instruction in .extable		go to its landing
 *	kernel		in a stack's guard page		panic: stack overflow
 *	any						panic
 *
 * The third row is what protects a CPU without SMAP: nothing but an accessor of
 * <arch/uaccess.h> is meant to touch user addresses, and each of those has an
 * entry in .extable.  A null pointer that the kernel follows with an mm adopted
 * and mmap_lock held must not reach the upcall, which would wait for that lock
 * forever instead of saying what is wrong.
 *
 * A stack that overflows cannot take the page fault's frame either; the CPU
 * then raises a double fault, which has its own stack, and CR2 still names
 * the guard page.
 *
 * NMI, double fault and machine check run on IST stacks and must not sleep,
 * take locks or be nested in themselves. A trap inside an NMI handler ends in
 * an iret, which lets the next NMI in: its frame overwrites the first one's.
 * Hence no instruction of an NMI handler may trap, not even one with an entry
 * in .extable; outside of a panic that is a panic.
 *
 * A single step (EFLAGS.TF) goes to trap_single_step. Tests set it, to look at
 * the machine between any two instructions of a function.
 *
 * Locks: none. The IDT is written once, on the boot CPU.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/stacktrace.h>
#include <arch/task.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <arch/upcall.h>
#include <lib/atomic.h>
#include <lib/panic.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <asm/arch.h>
#include <asm/desc.h>

#define USER_END (1UL << 47)
#define NULL_END 0x10000UL /* nothing is ever mapped below */

static struct idt_gate idt[256] __aligned(4096);
void (*trap_single_step)(struct trap_regs *regs);

extern const u64 trap_stubs[256];

void trap_exception(struct trap_regs *regs);
void trap_page_fault(struct trap_regs *regs);
void trap_interrupt(struct trap_regs *regs);

static const char *const names[32] = {
	[0] = "division error",
	[1] = "debug exception",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "device not available",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[13] = "general protection fault",
	[14] = "page fault",
	[16] = "x87 error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD error",
	[20] = "virtualisation exception",
	[21] = "control protection exception",
};

static const char *trap_name(u64 vector)
{
	return vector < 32 && names[vector] ? names[vector] : "reserved trap";
}

static u8 gate_ist(unsigned int vector)
{
	switch (vector) {
	case VECTOR_DOUBLE_FAULT:
		return 1 + IST_DOUBLE_FAULT;
	case VECTOR_NMI:
		return 1 + IST_NMI;
	case VECTOR_MACHINE_CHECK:
		return 1 + IST_MACHINE_CHECK;
	default:
		return 0;
	}
}

void trap_init(void)
{
	for (unsigned int v = 0; v < 256; v++)
		idt[v] = (struct idt_gate){
			.offset_low = trap_stubs[v] & 0xffff,
			.offset_mid = trap_stubs[v] >> 16 & 0xffff,
			.offset_high = trap_stubs[v] >> 32,
			.selector = SEL_KERNEL_CODE,
			.ist = gate_ist(v),
			.type = 0x8e,
		};
}

void trap_load_idt(void)
{
	struct table_pointer p = {sizeof(idt) - 1, (u64)idt};

	asm volatile("lidt %0" : : "m"(p));
}

/* The text is still writable: the boot tables are in use. */
void trap_enable_clac(void)
{
	static const u8 clac[3] = {0x0f, 0x01, 0xca};

	for (u8 *const *site = trap_clac_sites; site < trap_clac_sites_end; site++)
		memcpy(*site, clac, sizeof(clac));
}

static u64 insn_of(const struct extable_entry *e)
{
	return (u64)&e->insn + e->insn;
}

static const struct extable_entry *find_entry(u64 rip)
{
	extern const struct extable_entry __extable_start[], __extable_end[];
	/* Faults come in runs at one place.  Any value ever stored is good. */
	static const struct extable_entry *last = __extable_start;
	const struct extable_entry *e = READ_ONCE(last);

	if (likely(insn_of(e) == rip))
		return e;
	for (e = __extable_start; e < __extable_end; e++) {
		if (insn_of(e) == rip) {
			WRITE_ONCE(last, e);
			return e;
		}
	}
	return NULL;
}

static void go_to_landing(struct trap_regs *regs, const struct extable_entry *e)
{
	regs->rip = (u64)&e->landing + e->landing;
}

bool fixup_exception(struct trap_regs *regs)
{
	const struct extable_entry *e = find_entry(regs->rip);

	if (e && in_nmi() && !panic_in_progress())
		panic_with_regs(regs, "trap: %s inside an NMI handler",
				trap_name(regs->vector));
	if (e)
		go_to_landing(regs, e);
	return e;
}

static bool in_stack_guard(vaddr_t addr)
{
	if (addr - (vaddr_t)boot_stack_guard <
	    (vaddr_t)boot_stack - (vaddr_t)boot_stack_guard)
		return true;
	return upcall_stack_guard(addr);
}

static void __noreturn bad_page_fault(struct trap_regs *regs, vaddr_t addr)
{
	panic_with_regs(regs,
			"trap: page fault, address=%#lx: %s of %s memory, "
			"error=%#lx",
			addr,
			regs->error & PF_INSTR   ? "execution"
			: regs->error & PF_WRITE ? "write"
						 : "read",
			regs->error & PF_RSVD      ? "badly mapped"
			: regs->error & PF_PRESENT ? "protected"
						   : "unmapped",
			regs->error);
}

static void __noreturn bad_user_access(struct trap_regs *regs, vaddr_t addr,
				       const char *what)
{
	panic_with_regs(regs, "trap: %s %s, address=%#lx", what,
			addr < NULL_END ? "a null pointer" : "user memory", addr);
}

static void page_fault(struct trap_regs *regs)
{
	vaddr_t addr = read_cr2();
	unsigned int error = (unsigned int)regs->error;

	if (likely(addr < USER_END)) {
		const struct extable_entry *entry;

		if (unlikely(error & PF_INSTR))
			bad_user_access(regs, addr, "SMEP: the kernel executed");
		if (unlikely(!(regs->rflags & EFLAGS_AC) &&
			     cpu_has(X86_FEATURE_SMAP)))
			bad_user_access(regs, addr, "SMAP: the kernel touched");
		entry = find_entry(regs->rip);
		if (unlikely(!entry))
			bad_user_access(regs, addr, "stray: the kernel touched");
		if (regs->rflags & EFLAGS_IF)
			arch_irq_enable();
		if (likely(upcall_page_fault(regs, addr, error))) {
			arch_irq_disable();
			return;
		}
		arch_irq_disable();
		go_to_landing(regs, entry);
		return;
	}
	if (fixup_exception(regs))
		return;
	if (in_stack_guard(addr))
		panic_with_regs(
			regs, "trap: kernel stack overflow, address=%#lx", addr);
	bad_page_fault(regs, addr);
}

void trap_page_fault(struct trap_regs *regs)
{
	bool measured = upcall_stack_enter((vaddr_t)(regs + 1));

	page_fault(regs);
	if (measured)
		upcall_stack_leave((vaddr_t)(regs + 1), STACK_EXCEPTION);
}

/*
 * The host sends one, to every CPU, when the machine hangs (scripts/run-qemu).
 * One CPU reports; the others go back at once, to answer when it asks them.
 */
static void unknown_nmi(struct trap_regs *regs)
{
	static struct atomic reported;

	if (!atomic_xchg(&reported, 1))
		panic_with_regs(regs, "trap: NMI that nobody here asked for");
}

void trap_exception(struct trap_regs *regs)
{
	vaddr_t addr;

	switch (regs->vector) {
	case VECTOR_NMI:
		nmi_enter();
		if (!smp_nmi(regs))
			unknown_nmi(regs);
		nmi_exit();
		return;
	case VECTOR_DOUBLE_FAULT:
		addr = read_cr2();
		if (in_stack_guard(addr) || in_stack_guard(regs->rsp - 8))
			panic_with_regs(regs,
					"trap: kernel stack overflow, "
					"rsp=%#lx",
					regs->rsp);
		break;
	case VECTOR_MACHINE_CHECK:
		break;
	case VECTOR_DEBUG:
		if (!trap_single_step)
			break;
		trap_single_step(regs);
		return;
	default:
		if (fixup_exception(regs))
			return;
	}
	panic_with_regs(regs, "trap: %s, error=%#lx", trap_name(regs->vector),
			regs->error);
}

void trap_interrupt(struct trap_regs *regs)
{
	bool measured = upcall_stack_enter((vaddr_t)(regs + 1));

	irq_enter();
	switch (regs->vector) {
	case VECTOR_TIMER:
		lapic_eoi();
		timer_interrupt();
		break;
	case VECTOR_RESCHEDULE:
		lapic_eoi();
		set_need_resched();
		break;
	case VECTOR_CALL:
		lapic_eoi();
		smp_call_poll();
		break;
	case VECTOR_TLB:
		lapic_eoi();
		tlb_poll();
		break;
	case VECTOR_SPURIOUS:
		break; /* not acknowledged: the APIC does not hold it */
	case VECTOR_APIC_ERROR:
		lapic_eoi();
		pr_err("trap: the local APIC reports an error");
		break;
	default:
		irq_dispatch((unsigned int)regs->vector);
		lapic_eoi();
	}
	irq_exit();
	/* Preemption is on and a reschedule is wanted. */
	if (this_cpu_read(preempt_word) == 0)
		upcall_preempt_irq();
	if (measured)
		upcall_stack_leave((vaddr_t)(regs + 1), STACK_INTERRUPT);
}
