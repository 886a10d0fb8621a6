// SPDX-License-Identifier: MIT
/*
 * exit.c - leave the machine
 *
 * QEMU's isa-debug-exit device ends QEMU with the written code, but under TCG
 * not at once: other CPUs, and this one, run on for a while. So the others are
 * stopped first and this one spins after. When nothing listens at the port we
 * run on after the delay, and power off the way the common machines know.
 */
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/smp.h>
#include <asm/arch.h>

#define DEBUG_EXIT_PORT  0xf4
#define Q35_PM1A_CONTROL 0x604  /* QEMU, both machine types */
#define PM1_SLEEP_S5     0x2000 /* SLP_EN with type 0 */
#define KEYBOARD_RESET   0xfe

static void spin_a_while(void)
{
	for (unsigned int i = 0; i < 20000000; i++)
		cpu_relax();
}

void machine_exit(int code)
{
	arch_irq_disable();
	smp_stop_all();
	outl(DEBUG_EXIT_PORT, (u32)code);
	spin_a_while();
	outw(Q35_PM1A_CONTROL, PM1_SLEEP_S5);
	arch_halt_forever();
}
