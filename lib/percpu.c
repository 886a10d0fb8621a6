// SPDX-License-Identifier: MIT
/*
 * lib/percpu.c - the per-CPU words and CPU sets that belong to nobody else
 *
 * The template of preempt_word begins with one disable and no reschedule
 * wanted: a CPU boots, and idles, with preemption off, so that nothing takes
 * it away before the scheduler has a task for it.
 *
 *	written by			bit of
 *	arch boot code, each CPU	cpu_online_mask, cpu_possible_mask
 */
#include <lib/cpumask.h>
#include <lib/preempt.h>

struct cpumask cpu_online_mask;
struct cpumask cpu_possible_mask;

DEFINE_PER_CPU(u32, preempt_word) = PREEMPT_NO_RESCHED | PREEMPT_ONE;
