// SPDX-License-Identifier: MIT
/*
 * irq.c - which function belongs to which device vector
 *
 * One table for all CPUs. The race it must win is that of freeing a vector
 * while it is being delivered (tests/arch/irq_test.c,
 * freeing_a_vector_waits_for_its_handler):
 *
 *	interrupt on CPU 1		irq_free_vector() on CPU 0
 *	running = vector
 *	full barrier
 *	handler = table[vector]
 *					table[vector].handler = NULL
 *					full barrier
 *	handler(arg)			running of CPU 1 == vector: wait
 *	running = 0
 *					(must come after) return
 *
 * Either the interrupt sees NULL or the freer sees it running.
 *
 * A device names a CPU by 8 bits of its APIC id, of which 255 means everybody.
 * A CPU with a higher id is nobody's target: the message would go to another
 * one, or to none, and the interrupt would be lost.
 *
 * A vector is free while its slot has no name.  An allocator claims the slot by
 * storing a name there, atomically; the rest of the slot is its own until it
 * frees the vector.  No lock is needed.
 *
 *	field			read with		write with
 *	slot->name		nothing (READ_ONCE)	cmpxchg from NULL; the owner: NULL
 *	slot->handler		acquire			the owner
 *	slot->arg		after handler		the owner, handler NULL
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <lib/percpu.h>
#include <asm/arch.h>

struct irq_slot {
	irq_handler_t handler; /* NULL: no interrupt is expected */
	void *arg;
	const char *name; /* NULL: free */
};

static struct irq_slot slots[256];
static DEFINE_PER_CPU(u32, running); /* vector being handled, or 0 */
static DEFINE_PER_CPU(u64, counts[256]);

int irq_alloc_vector(irq_handler_t handler, void *arg, const char *name)
{
	int vector;

	ASSERT(name);
	for (vector = VECTOR_DEVICE_FIRST; vector <= VECTOR_DEVICE_LAST;
	     vector++) {
		if (cmpxchg(&slots[vector].name, NULL, name))
			continue;
		slots[vector].arg = arg;
		/* pairs with the load in irq_dispatch(): arg before handler */
		smp_store_release(&slots[vector].handler, handler);
		return vector;
	}
	return -ENOSPC;
}

void irq_free_vector(int vector)
{
	unsigned int cpu;

	ASSERT(vector >= VECTOR_DEVICE_FIRST && vector <= VECTOR_DEVICE_LAST);
	WRITE_ONCE(slots[vector].handler, NULL);
	smp_mb(); /* pairs with the one in irq_dispatch() */
	for_each_online_cpu(cpu)
		while (READ_ONCE(per_cpu(running, cpu)) == (u32)vector)
			cpu_relax();
	/* pairs with the cmpxchg() of the next owner: no handler reads arg now */
	smp_store_release(&slots[vector].name, NULL);
}

void irq_dispatch(unsigned int vector)
{
	irq_handler_t handler;

	this_cpu_inc(counts[vector]);
	this_cpu_write(running, vector);
	smp_mb(); /* pairs with the one in irq_free_vector() */
	handler = smp_load_acquire(&slots[vector].handler);
	if (handler)
		handler(slots[vector].arg);
	smp_store_release(this_cpu_ptr(&running), 0);
}

u64 apic_reachable(const u32 *ids, u64 cpus)
{
	u64 out = 0;

	for (; cpus; cpus &= cpus - 1)
		if (ids[__ffs(cpus)] < APIC_EVERYBODY)
			out |= cpus & -cpus;
	return out;
}

struct cpumask arch_msi_cpus(void)
{
	u64 online = READ_ONCE(cpu_online_mask.bits);

	return (struct cpumask){apic_reachable(cpu_apic_id, online)};
}

int arch_msi_compose(int vector, unsigned int cpu, u64 *addr, u32 *data)
{
	if (cpu_apic_id[cpu] >= APIC_EVERYBODY)
		return -EINVAL;
	*addr = 0xfee00000UL | (u64)cpu_apic_id[cpu] << 12;
	*data = (u32)vector;
	return 0;
}

u64 irq_count(int vector)
{
	unsigned int cpu;
	u64 sum = 0;

	for_each_online_cpu(cpu)
		sum += READ_ONCE(per_cpu(counts[vector], cpu));
	return sum;
}

const char *irq_name(int vector)
{
	return vector >= 0 && vector < 256 ? READ_ONCE(slots[vector].name) : NULL;
}
