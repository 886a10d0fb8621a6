// SPDX-License-Identifier: MIT
/*
 * call.c - run a function on other CPUs
 *
 * The same shape as tlb.c: one slot for each asking CPU, one inbox for each
 * asked one. A slot is reused when every CPU asked has run it, so a call
 * that does not wait costs a wait only to the next call of the same CPU.
 *
 *	field		written by
 *	inbox		askers: add their bit; owner: takes all (xchg)
 *	slot->pending	asker: sets; CPU that ran it: clears its bit
 *	slot->fn, arg	asker, while pending is 0
 *
 * A CPU that waits here or in tlb.c serves both inboxes. Functions run with
 * interrupts off, inside irq_enter()/irq_exit(). A CPU that waits for a spinlock
 * with interrupts off runs no function, so a caller holds no spinlock: every call
 * says might_sleep(), since even one with SMP_NOWAIT waits for the one before.
 */
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/tlb.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/might_sleep.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <asm/arch.h>

struct call_slot {
	u64 pending; /* CPUs that have not run it yet */
	void (*fn)(void *);
	void *arg;
};

static DEFINE_PER_CPU_ALIGNED(u64, inbox);
static DEFINE_PER_CPU_ALIGNED(struct call_slot, slot);

void smp_call_poll(void)
{
	unsigned int self = smp_processor_id();
	u64 askers;

	if (!READ_ONCE(*this_cpu_ptr(&inbox)))
		return;
	askers = xchg(this_cpu_ptr(&inbox), 0);
	while (askers) {
		struct call_slot *s = per_cpu_ptr(&slot, __ffs(askers));

		askers &= askers - 1;
		s->fn(s->arg);
		/* A full barrier: what fn did is visible before it is done. */
		arch_clear_bit(self, (unsigned long *)&s->pending);
	}
}

void smp_wait_served(const u64 *pending)
{
	while (READ_ONCE(*pending)) {
		unsigned long flags = arch_irq_save();

		irq_enter();
		tlb_poll();
		smp_call_poll();
		irq_exit();
		arch_irq_restore(flags);
		cpu_relax();
	}
	barrier();
}

/* Preemption off; @targets without this CPU. */
static struct call_slot *ask(u64 targets, void (*fn)(void *), void *arg)
{
	struct call_slot *s = this_cpu_ptr(&slot);
	u64 self = 1UL << smp_processor_id();

	/* An interrupt handler would find the slot half filled. */
	ASSERT(!in_interrupt());
	smp_wait_served(&s->pending);
	s->fn = fn;
	s->arg = arg;
	WRITE_ONCE(s->pending, targets);
	for (; targets; targets &= targets - 1) {
		unsigned int cpu = __ffs(targets);

		if (xadd(per_cpu_ptr(&inbox, cpu), self) == 0)
			lapic_send_vector(cpu, VECTOR_CALL);
	}
	return s;
}

static void call_here(void (*fn)(void *), void *arg)
{
	unsigned long flags = arch_irq_save();

	irq_enter();
	fn(arg);
	irq_exit();
	arch_irq_restore(flags);
}

int smp_call_function_single(unsigned int cpu, void (*fn)(void *), void *arg,
			     enum smp_wait wait)
{
	struct call_slot *s;

	might_sleep();
	if (cpu >= NR_CPUS || !cpu_online(cpu))
		return -ENODEV;
	preempt_disable();
	if (cpu == smp_processor_id()) {
		call_here(fn, arg);
	} else {
		s = ask(1UL << cpu, fn, arg);
		if (wait == SMP_WAIT)
			smp_wait_served(&s->pending);
	}
	preempt_enable();
	return 0;
}

void on_each_cpu(void (*fn)(void *), void *arg, enum smp_wait wait)
{
	struct call_slot *s = NULL;
	u64 others;

	might_sleep();
	preempt_disable();
	others = READ_ONCE(cpu_online_mask.bits) & ~(1UL << smp_processor_id());
	if (others)
		s = ask(others, fn, arg);
	call_here(fn, arg);
	if (s && wait == SMP_WAIT)
		smp_wait_served(&s->pending);
	preempt_enable();
}

void smp_send_reschedule(unsigned int cpu)
{
	lapic_send_vector(cpu, VECTOR_RESCHEDULE);
}
