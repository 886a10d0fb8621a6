/* SPDX-License-Identifier: MIT */
/*
 * asm/trap.h - the register frame, and the table of instructions that may trap
 *
 * trap/entry.asm builds struct trap_regs by pushing from its end; the two must
 * agree. The layout is checked here and again in the assembler's constants.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

struct trap_regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error; /* error is 0 where the CPU pushes none */
	u64 rip, cs, rflags, rsp, ss;
};

/*
 * One entry of section .extable: if @insn traps, go to @landing. Both are
 * relative to the field itself. _EXTABLE(from, to) emits one from inline asm:
 *
 *	asm volatile("1: mov (%1), %0\n2:\n" _EXTABLE(1b, 2b) ...)
 */
struct extable_entry {
	s32 insn;
	s32 landing;
};

#define _EXTABLE(from, to)              \
	".pushsection .extable,\"a\"\n" \
	".balign 4\n"                   \
	".long " #from " - .\n"         \
	".long " #to " - .\n"           \
	".popsection\n"

#define regs_irqs_on(regs) (((regs)->rflags & (1UL << 9)) != 0)
