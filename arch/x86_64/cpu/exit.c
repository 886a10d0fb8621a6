// SPDX-License-Identifier: MIT
/*
 * exit.c - leave the machine
 *
 * QEMU's isa-debug-exit device ends QEMU with the written code, but under TCG
 * not at once: other CPUs, and this one, run on for a while. So the others are
 * stopped first and this one spins after. When nothing listens at the port we
 * run on after the delay, and power off if ACPI has said how (acpi/fixed.c): a
 * machine that does not say has something else at the ports that others use.
 */
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/smp.h>
#include <asm/arch.h>

#define DEBUG_EXIT_PORT      0xf4
#define PM1_SLEEP_TYPE       0x1c00
#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_NOW        0x2000

static void spin_a_while(void)
{
	for (unsigned int i = 0; i < 20000000; i++)
		cpu_relax();
}

static void write_sleep(u16 port, u8 type)
{
	u16 others = inw(port) & (u16) ~(PM1_SLEEP_TYPE | PM1_SLEEP_NOW);

	outw(port, (u16)(others | type << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_NOW));
}

static void power_off(void)
{
	if (!acpi_fixed.has_s5 || !acpi_fixed.pm1a_control)
		return;
	write_sleep(acpi_fixed.pm1a_control, acpi_fixed.s5_type_a);
	if (acpi_fixed.pm1b_control)
		write_sleep(acpi_fixed.pm1b_control, acpi_fixed.s5_type_b);
}

void machine_exit(int code)
{
	arch_irq_disable();
	smp_stop_all();
	outl(DEBUG_EXIT_PORT, (u32)code);
	spin_a_while();
	power_off();
	arch_halt_forever();
}
