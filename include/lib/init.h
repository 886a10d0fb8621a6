/* SPDX-License-Identifier: MIT */
/*
 * init.h - what runs at boot, in which order, and what the boot is for
 *
 * INITCALL(level, fn) has fn() called when its level comes; within a level
 * the order is that of the names.  The first four levels run on the boot
 * stack before there is a scheduler; the others in the init thread.
 *
 *	INIT_EARLY	consoles, tables, nothing allocated
 *	INIT_MEMORY	frames, slab, the kernel's own page tables
 *	INIT_CORE	locks, time, RCU; the scheduler starts at its end
 *	INIT_SMP	the other CPUs
 *	INIT_MM, INIT_DRIVER, INIT_LATE
 *
 * RUN_MODE(name, fn) registers something to boot for (mode=NAME on the
 * command line); its int result is the machine's exit code.
 */
#ifndef LIB_INIT_H
#define LIB_INIT_H

#include <lib/compiler.h>

#define INIT_EARLY  0
#define INIT_MEMORY 1
#define INIT_CORE   2
#define INIT_SMP    3
#define INIT_MM     4
#define INIT_DRIVER 5
#define INIT_LATE   6
#define INIT_LEVELS 7

/**
 * struct initcall - one function of one level
 * @fn: returns 0; a negative errno is logged with @name, boot goes on
 */
struct initcall {
	int (*fn)(void);
	const char *name;
	unsigned int level;
};

#define INITCALL(lvl, func) INITCALL_(lvl, func)
#define INITCALL_(lvl, func)                                             \
	static const struct initcall initcall_##func __used __aligned(8) \
		__section(".initcall." #lvl "." #func) = {               \
			.fn = (func), .name = #func, .level = (lvl)}

/**
 * struct run_mode - something to boot for
 * @fn: runs in the init thread; what it returns is the exit code
 */
struct run_mode {
	const char *name;
	int (*fn)(void);
};

#define RUN_MODE(mode, func)                                             \
	static const struct run_mode run_mode_##func __used __aligned(8) \
		__section(".run_mode") = {.name = (mode), .fn = (func)}

extern const struct initcall __initcall_start[], __initcall_end[];
extern const struct run_mode __run_mode_start[], __run_mode_end[];

/** initcalls_run() - call every function of @level, in order of names */
void initcalls_run(unsigned int level);

#endif
