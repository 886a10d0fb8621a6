/* SPDX-License-Identifier: MIT */
/*
 * arch/irq.h - interrupt vectors for devices
 *
 * A vector means the same on every CPU. Handlers run in hard interrupt
 * context with interrupts off, between irq_enter() and irq_exit(); the
 * architecture acknowledges the interrupt after the handler.
 */
#pragma once

#include <lib/cpumask.h>
#include <lib/types.h>

typedef void (*irq_handler_t)(void *arg);

/**
 * irq_alloc_vector() - take a free vector and set its handler
 * @handler: called on each interrupt
 * @arg: for @handler
 * @name: shown by the monitor, not NULL; must live until irq_free_vector()
 *
 * Context: any.
 * Return: the vector, or -ENOSPC when all are taken.
 */
int irq_alloc_vector(irq_handler_t handler, void *arg, const char *name);

/**
 * irq_free_vector() - give a vector back
 * @vector: from irq_alloc_vector()
 *
 * The driver must have stopped the device first. When this returns no CPU
 * runs the handler or will run it for this owner.
 *
 * Context: thread context with interrupts on; waits for running handlers.
 */
void irq_free_vector(int vector);

/**
 * arch_msi_cpus() - the online CPUs that a device's message can name
 *
 * Context: any.
 */
struct cpumask arch_msi_cpus(void);

/**
 * arch_msi_compose() - the message that raises a vector on a CPU
 * @vector: from irq_alloc_vector()
 * @cpu: one of arch_msi_cpus()
 * @addr: where the device must write
 * @data: what it must write there
 *
 * Context: any.
 * Return: 0; -EINVAL if no message can name that CPU.
 */
int arch_msi_compose(int vector, unsigned int cpu, u64 *addr, u32 *data);

/**
 * irq_route_isa() - route a legacy interrupt line through the IO-APIC
 * @line: ISA line 0..15 (4 is the first serial port)
 * @vector: from irq_alloc_vector()
 *
 * Context: INIT_DRIVER: drivers start one after the other.
 * Return: 0, -EINVAL for a line above 15, -ENODEV when there is no IO-APIC
 *         that serves it, or no CPU that it can name.
 */
int irq_route_isa(unsigned int line, int vector);

/**
 * irq_count() - interrupts taken on a vector, over all CPUs
 * @vector: any vector
 */
u64 irq_count(int vector);

/**
 * irq_name() - the name given to a vector
 * @vector: any vector
 *
 * Return: NULL when it is free.
 */
const char *irq_name(int vector);
