// SPDX-License-Identifier: MIT
/*
 * stacktrace.c - follow the frame pointers, and show what was found
 *
 * Every function begins by pushing rbp and pointing rbp at it, so a stack is a
 * list: [rbp] is the caller's rbp, [rbp + 8] the address it will return to.
 * Trap entries push such a frame too (trap/entry.asm). A list may be damaged
 * when it is needed most, and it is walked in NMI handlers, where a fault is
 * deadly (trap/trap.c). So no link is followed out of the stack it lies in:
 *
 *	the first frame		in the stack that holds the stack pointer: a CPU
 *				stands on it, or a task sleeps on it, so it is
 *				mapped
 *	each next frame		higher in the same stack
 *
 * A trap that has a stack of its own (IST) therefore ends the list, after the
 * address that it interrupted; stack_trace_regs() shows the rest.
 *
 * A pointer into the guard below a stack belongs to that stack: this is how an
 * overflow looks.
 *
 * Words are read by an instruction that may fault all the same: a task that is
 * shown by another CPU may end meanwhile and give its stack back. That never
 * happens to a CPU that walks its own stack.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/stacktrace.h>
#include <arch/task.h>
#include <arch/trap.h>
#include <arch/upcall.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <asm/arch.h>

#define PRINT_MAX 32

/* [start, end): where the next frame may lie */
struct stack {
	unsigned long start;
	unsigned long end;
};

/* Read one word of a stack. Return: false if it is not mapped any more. */
static bool read_word(unsigned long addr, unsigned long *out)
{
	unsigned long value;
	bool ok = true;

	asm volatile("1:\tmovq (%2), %0\n\t"
		     "jmp 3f\n"
		     "2:\tmovb $0, %1\n\t"
		     "xorl %k0, %k0\n"
		     "3:\n" _EXTABLE(1b, 2b)
		     : "=&r"(value), "+r"(ok)
		     : "r"(addr)
		     : "memory");
	*out = value;
	return ok;
}

/* The part of a stack that is in use when its pointer is @sp. */
static bool find_stack(unsigned long sp, struct stack *stack)
{
	if (sp >= (unsigned long)boot_stack_guard &&
	    sp < (unsigned long)boot_stack + KERNEL_STACK_SIZE) {
		stack->start = (unsigned long)boot_stack;
		stack->end = stack->start + KERNEL_STACK_SIZE;
	} else if (!upcall_stack_bounds(sp, &stack->start, &stack->end)) {
		return false;
	}
	stack->start = max(stack->start, sp);
	return true;
}

static bool in_stack(const struct stack *stack, unsigned long fp)
{
	return fp % 8 == 0 && fp >= stack->start && fp < stack->end &&
	       stack->end - fp >= 16;
}

static unsigned int walk(unsigned long sp, unsigned long fp,
			 unsigned long *entries, unsigned int max,
			 unsigned int skip)
{
	unsigned long next, ret;
	struct stack stack;
	unsigned int n = 0;

	if (!find_stack(sp, &stack))
		return 0;
	while (n < max) {
		if (!in_stack(&stack, fp) || !read_word(fp, &next) ||
		    !read_word(fp + 8, &ret) || !ret)
			break;
		if (skip)
			skip--;
		else
			entries[n++] = ret;
		stack.start = fp + 16;
		fp = next;
	}
	return n;
}

unsigned int stack_trace_save(unsigned long *entries, unsigned int max,
			      unsigned int skip)
{
	unsigned long frame = (unsigned long)__builtin_frame_address(0);

	return walk(frame, frame, entries, max, skip);
}

unsigned int stack_trace_from(unsigned long sp, unsigned long *entries,
			      unsigned int max)
{
	unsigned long rbp, rip;
	struct stack stack;

	/* arch_task_switch() left r15, r14, r13, r12, rbx, rbp, rip there. */
	if (!max || !find_stack(sp, &stack) || !in_stack(&stack, sp + 5 * 8) ||
	    !read_word(sp + 5 * 8, &rbp) || !read_word(sp + 6 * 8, &rip))
		return 0;
	entries[0] = rip;
	return 1 + walk(sp + 7 * 8, rbp, entries + 1, max - 1, 0);
}

static void say(const char *fmt, ...) __printf(1, 2);

static void say(const char *fmt, ...)
{
	char line[160];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	console_raw_write(line, (size_t)n);
}

unsigned int stack_trace_regs(const struct trap_regs *regs,
			      unsigned long *entries, unsigned int max)
{
	if (!max)
		return 0;
	entries[0] = regs->rip;
	return 1 + walk(regs->rsp, regs->rbp, entries + 1, max - 1, 0);
}

void stack_trace_print_entries(unsigned int cpu, const unsigned long *entries,
			       unsigned int n)
{
	say("CPU %u stack:\n", cpu);
	/*
	 * A return address may already be the next function: the symbol is that
	 * of the byte before. For a trapped instruction at the very start of a
	 * function that names the one before; the address tells.
	 */
	for (unsigned int i = 0; i < n; i++)
		say("  %016lx %pS\n", entries[i], (void *)(entries[i] - 1));
}

void stack_trace_print(const struct trap_regs *regs)
{
	unsigned long entries[PRINT_MAX];
	unsigned int n;

	n = regs ? stack_trace_regs(regs, entries, PRINT_MAX)
		 : stack_trace_save(entries, PRINT_MAX, 0);
	stack_trace_print_entries(smp_processor_id(), entries, n);
	if (n == PRINT_MAX)
		say("  (deeper frames are not shown)\n");
}

void dump_regs_of(unsigned int cpu, const struct trap_regs *regs)
{
	say("CPU %u at %pS, vector %lu error %#lx\n", cpu, (void *)regs->rip,
	    regs->vector, regs->error);
	say("  rip %016lx rsp %016lx rflags %08lx cs %lx ss %lx\n", regs->rip,
	    regs->rsp, regs->rflags, regs->cs, regs->ss);
	say("  rax %016lx rbx %016lx rcx %016lx\n", regs->rax, regs->rbx,
	    regs->rcx);
	say("  rdx %016lx rsi %016lx rdi %016lx\n", regs->rdx, regs->rsi,
	    regs->rdi);
	say("  rbp %016lx r8  %016lx r9  %016lx\n", regs->rbp, regs->r8,
	    regs->r9);
	say("  r10 %016lx r11 %016lx r12 %016lx\n", regs->r10, regs->r11,
	    regs->r12);
	say("  r13 %016lx r14 %016lx r15 %016lx\n", regs->r13, regs->r14,
	    regs->r15);
}

void dump_regs(const struct trap_regs *regs)
{
	dump_regs_of(smp_processor_id(), regs);
	say("  cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx\n", read_cr0(),
	    read_cr2(), read_cr3(), read_cr4());
}
