/* SPDX-License-Identifier: MIT */
/*
 * arch/cpu.h - the processor at hand: interrupts, waiting, features, the end
 *
 * The short operations are inline:
 *
 *	cpu_relax()			in a loop that waits for another CPU
 *	rdtsc()				cycles; instructions under -icount
 *	local_irq_disable/enable()
 *	local_irq_save(flags), local_irq_restore(flags)
 *	irqs_disabled()
 *	arch_safe_halt()		enable interrupts and wait for one, with
 *					no window between the two
 *	arch_halt_forever()		never comes back, whatever arrives
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

#include <asm/cpu.h>

/* The code that machine_exit() gives the host; QEMU's status is 2 * code + 1. */
enum machine_exit_code {
	EXIT_PASS = 16,  /* status 33: all that was asked went well */
	EXIT_FAIL = 17,  /* status 35: it ran, and something was wrong */
	EXIT_PANIC = 18, /* status 37: the kernel could not go on */
};

/**
 * machine_exit() - leave the machine with a verdict
 * @code: one of enum machine_exit_code
 *
 * Stops the other CPUs, writes @code to QEMU's isa-debug-exit port and, should
 * nothing listen there (real hardware, or QEMU without the device), powers off
 * if ACPI's tables say how to enter S5, then halts. The write is asynchronous
 * under TCG: every CPU spins after it, so nothing runs on.
 *
 * Context: any.
 */
void machine_exit(int code) __noreturn;
