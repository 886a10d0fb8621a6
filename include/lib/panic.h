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

/* Reports of a panic after the registers and the stack, in this order. */
#define PANIC_LOCKS 0 /* those that the running task holds */
#define PANIC_CPUS  1 /* the other CPUs: their stacks, then they are stopped */
#define PANIC_TASKS 2
#define PANIC_TRACE 3

typedef void (*panic_report_t)(void);

/**
 * PANIC_REPORT() - have a function called in every panic
 * @step: PANIC_*; says when
 * @func: called once, by the panicking CPU with interrupts off; takes no lock and
 *	only writes to the console
 *
 * A report that fails costs the later ones: the panic that it causes prints its
 * words and leaves.
 */
#define PANIC_REPORT(step, func) PANIC_REPORT_(step, func)
#define PANIC_REPORT_(step, func)                                         \
	static const panic_report_t panic_report_##func __used __section( \
		".panic_report." #step) = (func)

extern const panic_report_t __panic_report_start[], __panic_report_end[];

/**
 * panic_tell() - have a function called on the way out of a panic
 * @fn: called once, by the panicking CPU alone with interrupts off, after the
 *	reports; may only write to the console. NULL: nobody any more
 */
void panic_tell(void (*fn)(void));

/** panic_in_progress() - true on every CPU once one has panicked */
bool panic_in_progress(void);

#define BUG() panic("BUG at %s:%d in %s()", __FILE__, __LINE__, __func__)

#endif
