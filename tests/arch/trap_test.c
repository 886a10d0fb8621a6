// SPDX-License-Identifier: MIT
/*
 * trap_test.c - traps that are expected, and the stacks that lead to them
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/stacktrace.h>
#include <arch/task.h>
#include <arch/trap.h>
#include <kernel/ktest.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <lib/string.h>
#include <lib/symbols.h>
#include <asm/arch.h>
#include <asm/desc.h>

#define UNMAPPED_KERNEL 0xffffdeadbeef0000UL /* never given to anybody */

/* Each returns true if the instruction trapped and its landing was taken. */
static bool read_traps(unsigned long addr)
{
	bool trapped = false;

	asm volatile("1:\tmovq (%1), %%rax\n\t"
		     "jmp 3f\n"
		     "2:\tmovb $1, %0\n"
		     "3:\n" _EXTABLE(1b, 2b)
		     : "+r"(trapped)
		     : "r"(addr)
		     : "rax", "memory");
	return trapped;
}

static bool write_traps(volatile void *addr)
{
	bool trapped = false;

	asm volatile("1:\tmovb $0, (%1)\n\t"
		     "jmp 3f\n"
		     "2:\tmovb $1, %0\n"
		     "3:\n" _EXTABLE(1b, 2b)
		     : "+r"(trapped)
		     : "r"(addr)
		     : "memory");
	return trapped;
}

static bool undefined_traps(void)
{
	bool trapped = false;

	asm volatile("1:\tud2\n"
		     "2:\tmovb $1, %0\n" _EXTABLE(1b, 2b)
		     : "+r"(trapped));
	return trapped;
}

KTEST(trap, an_unmapped_read_lands_where_the_table_says)
{
	EXPECT(read_traps(UNMAPPED_KERNEL));
	EXPECT(!read_traps((unsigned long)&test));
}

KTEST(trap, a_non_canonical_read_lands_where_the_table_says)
{
	EXPECT(read_traps(0x8000000000000000UL));
}

KTEST(trap, an_undefined_instruction_lands_where_the_table_says)
{
	EXPECT(undefined_traps());
}

KTEST(trap, text_and_rodata_cannot_be_written)
{
	static const char constant[] = "constant";

	EXPECT(write_traps((void *)read_traps));
	EXPECT(write_traps((void *)constant));
}

KTEST(trap, the_page_below_the_boot_stack_is_not_mapped)
{
	EXPECT(read_traps((unsigned long)boot_stack_guard));
	EXPECT(read_traps((unsigned long)boot_stack - 8));
	EXPECT(!read_traps((unsigned long)boot_stack));
}

KTEST(trap, a_landing_keeps_interrupts_as_they_were)
{
	unsigned long flags;

	EXPECT(!irqs_disabled());
	EXPECT(read_traps(UNMAPPED_KERNEL));
	EXPECT(!irqs_disabled());
	local_irq_save(flags);
	EXPECT(read_traps(UNMAPPED_KERNEL));
	EXPECT(irqs_disabled());
	local_irq_restore(flags);
}

KTEST(trap, an_address_without_entry_is_not_fixed_up)
{
	struct trap_regs regs = {.rip = (u64)read_traps};

	EXPECT(!fixup_exception(&regs));
	EXPECT_EQ(regs.rip, (u64)read_traps);
}

static noinline unsigned int stack_of_inner(unsigned long *entries)
{
	unsigned int n = stack_trace_save(entries, 8, 0);

	barrier();
	return n;
}

static noinline unsigned int stack_of_outer(unsigned long *entries)
{
	unsigned int n = stack_of_inner(entries);

	barrier();
	return n;
}

static bool lies_in(unsigned long addr, const char *function)
{
	const char *name = symbol_lookup(addr - 1, NULL);

	return name && !strcmp(name, function);
}

KTEST(trap, a_stack_trace_names_the_callers_in_order)
{
	unsigned long entries[8] = {0};
	unsigned int n = stack_of_outer(entries);

	REQUIRE_GE(n, 3U);
	EXPECT(lies_in(entries[0], "stack_of_inner"));
	EXPECT(lies_in(entries[1], "stack_of_outer"));
}

KTEST(trap, a_broken_frame_pointer_ends_the_trace)
{
	unsigned long entries[8];
	u64 loop[2] = {(u64)loop, 5};
	struct trap_regs regs = {
		.rip = 1, .rbp = UNMAPPED_KERNEL, .rsp = (u64)loop};

	EXPECT_EQ(stack_trace_regs(&regs, entries, 8), 1U);
	regs.rbp = 0x1234; /* user half: not touched */
	EXPECT_EQ(stack_trace_regs(&regs, entries, 8), 1U);
	regs.rbp = (u64)loop; /* a frame that is its own caller */
	EXPECT_EQ(stack_trace_regs(&regs, entries, 8), 2U);
	EXPECT_EQ(stack_trace_regs(&regs, entries, 0), 0U);
}

/*
 * An address in each place where a frame may not be. The walk must know that
 * without trying: a fault inside an NMI handler is a panic.
 */
KTEST(trap, a_stack_walk_in_an_nmi_never_faults)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	unsigned long bottom = ALIGN_DOWN(here, KERNEL_STACK_SIZE);
	const unsigned long bad[] = {
		UNMAPPED_KERNEL,
		0x8000000000000000UL, /* not canonical */
		0x1234,
		bottom - 8, /* the guard below the stack */
		bottom - 16,
		bottom + KERNEL_STACK_SIZE - 8, /* half of a frame */
		bottom + KERNEL_STACK_SIZE,
		-8UL,
		here + 1,
		(unsigned long)boot_stack_guard,
		(unsigned long)boot_stack, /* mapped, and not our stack */
	};
	unsigned long entries[8], flags;
	unsigned int n[ARRAY_SIZE(bad)], lost[ARRAY_SIZE(bad)];

	local_irq_save(flags);
	nmi_enter();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct trap_regs regs = {.rip = 1, .rbp = bad[i], .rsp = here};

		n[i] = stack_trace_regs(&regs, entries, 8);
		regs.rbp = here;
		regs.rsp = bad[i];
		lost[i] = stack_trace_regs(&regs, entries, 8);
	}
	nmi_exit();
	local_irq_restore(flags);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(n[i], 1U);
		/* only the guard is a sign of where the stack is */
		if (bad[i] != bottom - 8 && bad[i] != bottom - 16 &&
		    bad[i] != here + 1)
			EXPECT_EQ(lost[i], 1U);
	}
}

static unsigned long flags_seen;

static void note_flags(void *unused)
{
	flags_seen = arch_read_flags();
}

static void note_flags_at_step(struct trap_regs *regs)
{
	flags_seen = arch_read_flags();
	regs->rflags &= ~EFLAGS_TF;
}

/* Popping them sets AC also where the CPU has no instruction for it. */
static void run_with_flags(unsigned long more)
{
	unsigned long flags = arch_read_flags();

	asm volatile("pushq %0\n\t"
		     "popfq\n\t"
		     "nop\n\t"
		     "nop\n\t"
		     "pushq %1\n\t"
		     "popfq"
		     :
		     : "r"(flags | more), "r"(flags)
		     : "memory", "cc");
}

/*
 * A handler must not inherit the flags of the code it interrupted: AC set would
 * let it touch user memory, DF set would run its string instructions backwards.
 */
KTEST(trap, a_handler_begins_without_the_flags_of_what_it_interrupted)
{
	unsigned long bad = EFLAGS_DF, flags, interrupt, exception;
	int vector = irq_alloc_vector(note_flags, NULL, "flags");

	REQUIRE(vector >= 0);
	if (cpu_has(X86_FEATURE_SMAP))
		bad |= EFLAGS_AC;
	local_irq_save(flags);
	flags_seen = ~0UL;
	lapic_send_vector(smp_processor_id(), (unsigned int)vector);
	run_with_flags(EFLAGS_AC | EFLAGS_DF | EFLAGS_IF);
	interrupt = flags_seen;
	flags_seen = ~0UL;
	trap_single_step = note_flags_at_step;
	run_with_flags(EFLAGS_AC | EFLAGS_DF | EFLAGS_TF);
	trap_single_step = NULL;
	exception = flags_seen;
	local_irq_restore(flags);
	irq_free_vector(vector);
	EXPECT_EQ(interrupt & bad, 0);
	EXPECT_EQ(exception & bad, 0);
}

/* The page fault's entry is the third; nobody looks at the flags inside. */
KTEST(trap, every_entry_clears_ac_where_the_cpu_has_smap)
{
	static const u8 clac[] = {0x0f, 0x01, 0xca};
	unsigned int n = 0;

	for (u8 *const *site = trap_clac_sites; site < trap_clac_sites_end;
	     site++, n++)
		EXPECT_EQ(!memcmp(*site, clac, sizeof(clac)),
			  cpu_has(X86_FEATURE_SMAP));
	EXPECT_EQ(n, 3U); /* page fault, exception, interrupt */
}

/* Without a gate for it the fault becomes a double, then a triple fault. */
KTEST(trap, must_fail_by_a_triple_fault, KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct table_pointer none = {0, 0};

	local_irq_disable();
	asm volatile("lidt %0\n\t"
		     "ud2"
		     :
		     : "m"(none));
}
