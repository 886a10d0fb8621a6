// SPDX-License-Identifier: MIT
/*
 * trap_test.c - traps that are expected, and the stacks that lead to them
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/stacktrace.h>
#include <arch/trap.h>
#include <kernel/ktest.h>
#include <kernel/string.h>
#include <kernel/symbols.h>
#include <asm/arch.h>

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
	struct trap_regs regs = {.rip = 1, .rbp = UNMAPPED_KERNEL};
	unsigned long entries[8];
	u64 loop[2] = {(u64)loop, 5};

	EXPECT_EQ(stack_trace_regs(&regs, entries, 8), 1U);
	regs.rbp = 0x1234; /* user half: not touched */
	EXPECT_EQ(stack_trace_regs(&regs, entries, 8), 1U);
	regs.rbp = (u64)loop; /* a frame that is its own caller */
	EXPECT_EQ(stack_trace_regs(&regs, entries, 8), 2U);
	EXPECT_EQ(stack_trace_regs(&regs, entries, 0), 0U);
}
