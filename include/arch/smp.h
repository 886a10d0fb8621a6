/* SPDX-License-Identifier: MIT */
/*
 * arch/smp.h - start the other CPUs, and make them do things
 */
#pragma once

#include <lib/types.h>
#include <lib/cpumask.h>

enum smp_wait {
	SMP_NOWAIT,
	SMP_WAIT,
};

/**
 * smp_boot_cpus() - start every CPU the firmware names
 * @idle_stack: gives the lowest address of the stack on which a CPU starts,
 *              KERNEL_STACK_SIZE bytes, or NULL to leave that CPU off
 *
 * A started CPU calls upcall_secondary_cpu() and is in cpu_online_mask before
 * this returns. A CPU that does not answer within smp_wait_us of the command
 * line (10 seconds, if not given) is reported and left off for good; so is one
 * that lacks a feature of CPU 0, or whose TSC cannot be made that of CPU 0.
 *
 * Context: boot CPU, thread context, interrupts on or off.
 */
void smp_boot_cpus(void *(*idle_stack)(unsigned int cpu));

/**
 * smp_call_function_single() - run fn(arg) on one CPU
 * @cpu: an online CPU; on this one the call is direct, with interrupts off
 * @fn: runs in hard interrupt context
 * @arg: for @fn
 * @wait: SMP_WAIT returns after @fn did
 *
 * Context: where one may sleep: interrupts and preemption on, no spinlock held,
 *          since a CPU that waits for that lock with interrupts off would not
 *          answer. With SMP_NOWAIT too: it waits for this CPU's last call.
 * Return: 0, or -ENODEV if @cpu is not online.
 */
int smp_call_function_single(unsigned int cpu, void (*fn)(void *), void *arg,
			     enum smp_wait wait);

/**
 * on_each_cpu() - run fn(arg) on every online CPU, this one included
 * @fn: runs with interrupts off
 * @arg: for @fn
 * @wait: SMP_WAIT returns after all did
 *
 * Context: as smp_call_function_single().
 */
void on_each_cpu(void (*fn)(void *), void *arg, enum smp_wait wait);

/**
 * smp_send_reschedule() - make a CPU pass through upcall_preempt_irq()
 * @cpu: an online CPU
 *
 * Context: any.
 */
void smp_send_reschedule(unsigned int cpu);

/**
 * smp_stop_all() - stop every other CPU for good, by NMI
 *
 * For panic and machine_exit(). Gives each CPU half a second to stop.
 *
 * Context: any, also with interrupts off.
 */
void smp_stop_all(void);

/**
 * smp_backtrace_others() - every other CPU prints its stack, one at a time
 *
 * By NMI, so a CPU that spins with interrupts off answers too. A CPU that
 * does not answer is named.
 *
 * Context: any.
 */
void smp_backtrace_others(void);
