// SPDX-License-Identifier: MIT
/*
 * kernel/race/switch.c - leave a task where another could come in, by a seed
 *
 * Problem.  Threads that share data by locks, atomics and marked accesses alone have no
 * data race, and still may be wrong in an order that comes once in a million runs: a
 * thread reads a word, another one changes it, the first writes what it made of the old
 * value.  A run that meets the order cannot be repeated.
 *
 * Idea.  The detector is called at each marked access.  There a CPU counts down a number
 * that it draws from the seed.  At 0 the running task loses the CPU to a waiting one,
 * which the seed chooses too, or, on several CPUs, is held up for a while so that the
 * others get ahead.
 *
 * A task may be left wherever an interrupt could take the CPU from it.  Elsewhere the
 * switch waits for the preempt_enable() that ends the section: the order of two sections
 * under one lock is drawn between them.
 *
 *	preemption on			a point: the switch comes before the access
 *	preemption off			a point: the switch comes where the section ends
 *	interrupts off			no point: the scheduler itself is such a place
 *
 * A seed stands for its numbers, not for an order: that depends on interrupts as well, and
 * on the other CPUs.  Where these come at the same instruction each time, on one CPU under
 * -icount and without a device, the seed is the order; .order, a hash of all choices,
 * shows it.
 *
 *	field		read, written by
 *	active		all; the thread that begins and ends it
 *	of_cpu		its CPU, with interrupts off; the thread that begins and ends it, while
 *			.active is false
 *	countdown	its CPU
 *
 * Not here: which access is a point (kernel/race/entry.c), the switch itself
 * (kernel/sched/sched.c), seeds from the command line (tests/ktest/runner.c).
 */
#include <arch/cpu.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <lib/cpumask.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <lib/random.h>
#include <kernel/sched/sched.h>
#include <kernel/switch.h>
#include "kernel/race/internal.h"

CMDLINE_KEY("switch", "tasks are left for others by this seed (mode=test)");

/* One point of so many is used, on average: by the seed this, 4 or 16 times it. */
#define DENSE 4
/* A delay is at most so long, on the TSC: as long as a few hundred accesses. */
#define DELAY_CYCLES 50000

struct choices {
	struct rng rng;
	unsigned int mean;
	bool due;
	struct switch_counts counts;
};

static bool active;
static DEFINE_PER_CPU(struct choices, of_cpu);
static DEFINE_PER_CPU(u32, countdown);

static u64 fold(u64 hash, u64 value)
{
	return (hash ^ value) * 0x100000001b3UL;
}

int switch_seed(u64 *seed)
{
	return cmdline_get_u64("switch", 0, seed);
}

bool switch_active(void)
{
	return READ_ONCE(active);
}

bool switch_begin(u64 seed)
{
	unsigned int cpu;

	if (switch_active())
		return false;
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		per_cpu(of_cpu, cpu) = (struct choices){
			.rng = rng_init(seed + cpu),
			.mean = DENSE << 2 * (seed % 3),
		};
		per_cpu(countdown, cpu) = 1;
	}
	smp_store_release(&active, true);
	return true;
}

void switch_end(struct switch_counts *counts)
{
	unsigned int cpu;

	WRITE_ONCE(active, false);
	*counts = (struct switch_counts){0};
	for_each_cpu(cpu, &cpu_online_mask) {
		const struct choices *of = &per_cpu(of_cpu, cpu);

		counts->switches += of->counts.switches;
		counts->delays += of->counts.delays;
		counts->order = fold(counts->order, of->counts.order);
	}
}

static void hold_up(u64 cycles)
{
	u64 until = rdtsc() + cycles;

	while ((s64)(until - rdtsc()) > 0)
		cpu_relax();
}

/* Interrupts are off.  Return: cycles for which the task shall be held up, or 0. */
static u64 choose(unsigned long place)
{
	struct choices *mine = this_cpu_ptr(&of_cpu);

	this_cpu_write(countdown, 1 + (u32)rng_below(&mine->rng, 2 * mine->mean));
	mine->counts.order = fold(fold(mine->counts.order, place), current->pid);
	if (num_online_cpus() > 1 && rng_below(&mine->rng, 2)) {
		mine->counts.delays++;
		return 1 + rng_below(&mine->rng, DELAY_CYCLES);
	}
	mine->due = true;
	set_need_resched();
	return 0;
}

static noinline void use_point(unsigned long place)
{
	u64 cycles;

	local_irq_disable();
	cycles = choose(place);
	local_irq_enable();
	if (cycles)
		hold_up(cycles);
	else if (!preempt_count())
		preempt_schedule();
}

void race_switch_point(unsigned long place)
{
	if (likely(!READ_ONCE(active)) || irqs_disabled())
		return;
	if (this_cpu_dec_is_zero(countdown))
		use_point(place);
}

bool switch_chooses(unsigned int waiting, unsigned int *which)
{
	struct choices *mine = this_cpu_ptr(&of_cpu);
	bool due = mine->due;

	mine->due = false;
	if (likely(!due) || !waiting)
		return false;
	*which = (unsigned int)rng_below(&mine->rng, waiting);
	mine->counts.order = fold(mine->counts.order, *which);
	mine->counts.switches++;
	return true;
}
