/* SPDX-License-Identifier: MIT */
/*
 * panic.h - the end, with an account of it
 */
#ifndef LIB_PANIC_H
#define LIB_PANIC_H

#include <lib/compiler.h>

struct trap_regs;

/**
 * panic() - stop everything, say why, leave with EXIT_PANIC
 * @fmt: "subsystem: what, value=%#lx"
 *
 * Stops the other CPUs, prints the message, this CPU's backtrace, theirs,
 * and the last trace records.  A second panic on the way prints its own line
 * only and leaves.
 *
 * Context: any, also NMI.
 */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;

/** panic_with_regs() - as panic(), and shows the registers of a trap */
void panic_with_regs(struct trap_regs *regs, const char *fmt, ...)
	__printf(2, 3) __noreturn __cold;

/**
 * panic_tell() - have a function called on the way out of a panic
 * @fn: called once, by the panicking CPU alone with interrupts off, after the
 *	stacks; may only write to the console. NULL: nobody any more
 */
void panic_tell(void (*fn)(void));

/** panic_in_progress() - true on every CPU once one has panicked */
bool panic_in_progress(void);

#define BUG() panic("BUG at %s:%d in %s()", __FILE__, __LINE__, __func__)

#endif
