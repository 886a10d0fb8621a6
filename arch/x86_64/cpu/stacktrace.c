// SPDX-License-Identifier: MIT
/*
 * stacktrace.c - follow the frame pointers, and show what was found
 *
 * Every function begins by pushing rbp and pointing rbp at it, so a stack is a
 * list: [rbp] is the caller's rbp, [rbp + 8] the address it will return to.
 * Trap entries push such a frame too (trap/entry.asm). A list may be damaged
 * when we need it most: frames must climb, must be kernel addresses, and are
 * read by an instruction that is allowed to fault.
 */
#include <arch/cpu.h>
#include <arch/stacktrace.h>
#include <arch/trap.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <asm/arch.h>

#define KERNEL_HALF   0xffff800000000000UL
#define FRAME_MAX_GAP (64UL << 10) /* IST stack to task stack is a jump */
#define PRINT_MAX     32

/* Read one word of kernel memory. Return: false if it is not mapped. */
static bool read_word(unsigned long addr, unsigned long *out)
{
	unsigned long value;
	bool ok = true;

	if (addr < KERNEL_HALF || addr % 8)
		return false;
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

static unsigned int walk(unsigned long fp, unsigned long *entries,
			 unsigned int max, unsigned int skip)
{
	unsigned int n = 0;
	unsigned long next, ret;

	while (n < max && read_word(fp, &next) && read_word(fp + 8, &ret)) {
		if (!ret)
			break;
		if (skip)
			skip--;
		else
			entries[n++] = ret;
		/* Down only when an IST stack ends in the interrupted one. */
		if (next <= fp && fp - next < FRAME_MAX_GAP)
			break;
		fp = next;
	}
	return n;
}

unsigned int stack_trace_save(unsigned long *entries, unsigned int max,
			      unsigned int skip)
{
	return walk((unsigned long)__builtin_frame_address(0), entries, max,
		    skip);
}

unsigned int stack_trace_from(unsigned long sp, unsigned long *entries,
			      unsigned int max)
{
	unsigned long rbp, rip;

	/* arch_task_switch() left r15, r14, r13, r12, rbx, rbp, rip there. */
	if (!max || !read_word(sp + 5 * 8, &rbp) || !read_word(sp + 6 * 8, &rip))
		return 0;
	entries[0] = rip;
	return 1 + walk(rbp, entries + 1, max - 1, 0);
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
	return 1 + walk(regs->rbp, entries + 1, max - 1, 0);
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
