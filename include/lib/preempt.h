/* SPDX-License-Identifier: MIT */
/*
 * preempt.h - may this CPU be taken from the running thread, and where is it?
 *
 * One per-CPU word says all:
 *
 *	bits  0-7	depth of preempt_disable()
 *	bits  8-15	reserved for deferred interrupt work
 *	bits 16-19	depth of hardware interrupts
 *	bits 20-23	depth of NMIs
 *	bit  31		set while NO reschedule is wanted
 *
 * Bit 31 is upside down on purpose: the word becomes 0 exactly when nothing
 * forbids preemption and a reschedule is wanted, so preempt_enable() is a
 * decrement and one branch.  Only the CPU itself writes its word.  Another
 * CPU that wants it to reschedule sends it an interrupt.
 */
#ifndef LIB_PREEMPT_H
#define LIB_PREEMPT_H

#include <arch/keep.h>
#include <lib/percpu.h>

#define PREEMPT_ONE        0x00000001U
#define PREEMPT_MASK       0x000000ffU
#define SOFTIRQ_ONE        0x00000100U
#define SOFTIRQ_MASK       0x0000ff00U
#define HARDIRQ_ONE        0x00010000U
#define HARDIRQ_MASK       0x000f0000U
#define NMI_ONE            0x00100000U
#define NMI_MASK           0x00f00000U
#define PREEMPT_NO_RESCHED 0x80000000U
#define PREEMPT_CTX_MASK   (PREEMPT_MASK | SOFTIRQ_MASK | HARDIRQ_MASK | NMI_MASK)

DECLARE_PER_CPU(u32, preempt_word);

/** preempt_count() - depths without the reschedule bit; 0: may sleep */
static __always_inline u32 preempt_count(void)
{
	return this_cpu_read(preempt_word) & PREEMPT_CTX_MASK;
}

/* The slow half of preempt_enable(): give the CPU away. */
void preempt_schedule(void);

static __always_inline void preempt_disable(void)
{
	this_cpu_inc(preempt_word);
	barrier();
}

static __always_inline void preempt_enable_no_resched(void)
{
	barrier();
	this_cpu_dec(preempt_word);
}

static __always_inline void preempt_enable(void)
{
	barrier();
	if (unlikely(this_cpu_dec_is_zero(preempt_word)))
		arch_call_keeping(preempt_schedule);
}

static __always_inline bool need_resched(void)
{
	return !(this_cpu_read(preempt_word) & PREEMPT_NO_RESCHED);
}

/** set_need_resched() - ask this CPU to reschedule as soon as it may */
static __always_inline void set_need_resched(void)
{
	this_cpu_and(preempt_word, ~PREEMPT_NO_RESCHED);
}

static __always_inline void clear_need_resched(void)
{
	this_cpu_or(preempt_word, PREEMPT_NO_RESCHED);
}

static __always_inline bool in_interrupt(void)
{
	return this_cpu_read(preempt_word) &
	       (SOFTIRQ_MASK | HARDIRQ_MASK | NMI_MASK);
}

static __always_inline bool in_hardirq(void)
{
	return this_cpu_read(preempt_word) & (HARDIRQ_MASK | NMI_MASK);
}

static __always_inline bool in_nmi(void)
{
	return this_cpu_read(preempt_word) & NMI_MASK;
}

/** in_atomic() - true where sleeping is wrong for the depth's sake */
static __always_inline bool in_atomic(void)
{
	return preempt_count() != 0;
}

/**
 * irq_enter() - first call of every interrupt handler
 * irq_exit() - its last call; upcall_preempt_irq() comes after it
 *
 * Context: interrupts off.
 */
static __always_inline void irq_enter(void)
{
	this_cpu_add(preempt_word, HARDIRQ_ONE);
	barrier();
}

static __always_inline void irq_exit(void)
{
	barrier();
	this_cpu_sub(preempt_word, HARDIRQ_ONE);
}

static __always_inline void nmi_enter(void)
{
	this_cpu_add(preempt_word, NMI_ONE);
	barrier();
}

static __always_inline void nmi_exit(void)
{
	barrier();
	this_cpu_sub(preempt_word, NMI_ONE);
}

#endif
