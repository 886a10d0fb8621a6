// SPDX-License-Identifier: MIT
/*
 * nmi.c - reach a CPU that does not listen
 *
 * A CPU that spins with interrupts off still takes an NMI. Each CPU has a word
 * that says what the next NMI wants of it; the asker sets it, sends, and waits
 * a bounded time until the CPU has cleared it.
 *
 *	wish		the CPU
 *	NMI_NOTHING	-
 *	NMI_BACKTRACE	notes its registers and stack, then clears the word
 *	NMI_STOP	clears the word and never returns
 *
 * The asker prints what was noted: during a panic nobody else may write to the
 * consoles. Nobody else touches the notes: one CPU at a time asks (asking).
 */
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/stacktrace.h>
#include <arch/time.h>
#include <arch/trap.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <asm/arch.h>

#define ANSWER_TIMEOUT_NS 500000000UL /* a host may be busy elsewhere */

enum nmi_wish {
	NMI_NOTHING,
	NMI_BACKTRACE,
	NMI_STOP,
};

/* The state of a CPU when the NMI came. */
struct nmi_note {
	struct trap_regs regs;
	unsigned int nr_entries;
	unsigned long entries[24];
};

static DEFINE_PER_CPU(u32, nmi_wish);
static DEFINE_PER_CPU(struct nmi_note, nmi_note);
static struct atomic asking;
static struct atomic stopper; /* 1 + the CPU that stops the others */

bool smp_nmi(struct trap_regs *regs)
{
	struct nmi_note *note = this_cpu_ptr(&nmi_note);

	switch (this_cpu_read(nmi_wish)) {
	case NMI_BACKTRACE:
		note->regs = *regs;
		note->nr_entries = stack_trace_regs(regs, note->entries,
						    ARRAY_SIZE(note->entries));
		/* The note before the word: pairs with answered(). */
		smp_store_release(this_cpu_ptr(&nmi_wish), NMI_NOTHING);
		return true;
	case NMI_STOP:
		this_cpu_write(nmi_wish, NMI_NOTHING);
		arch_halt_forever();
	default:
		return false;
	}
}

static bool answered(unsigned int cpu, u64 timeout)
{
	u64 start = arch_clock_ns();

	while (smp_load_acquire(per_cpu_ptr(&nmi_wish, cpu)) != NMI_NOTHING) {
		if (arch_clock_ns() - start > timeout)
			return false;
		cpu_relax();
	}
	return true;
}

static void wish(unsigned int cpu, enum nmi_wish what)
{
	WRITE_ONCE(per_cpu(nmi_wish, cpu), what);
	smp_mb(); /* the word before the interrupt */
	lapic_send_nmi(cpu);
}

void smp_stop_all(void)
{
	unsigned int cpu, self = smp_processor_id();
	int before = atomic_cmpxchg(&stopper, 0, (int)self + 1);

	if (before == (int)self + 1)
		return; /* done already */
	if (before)
		arch_halt_forever(); /* its NMI is on the way */
	for_each_online_cpu(cpu)
		if (cpu != self)
			wish(cpu, NMI_STOP);
	for_each_online_cpu(cpu)
		if (cpu != self)
			answered(cpu, ANSWER_TIMEOUT_NS);
}

void smp_backtrace_others(void)
{
	unsigned int cpu, self = smp_processor_id();
	char line[64];
	int n;

	/* Two at once would spoil the notes; the second has nothing to add. */
	if (atomic_xchg(&asking, 1))
		return;
	for_each_online_cpu(cpu) {
		struct nmi_note *note = per_cpu_ptr(&nmi_note, cpu);

		if (cpu == self)
			continue;
		wish(cpu, NMI_BACKTRACE);
		if (answered(cpu, ANSWER_TIMEOUT_NS)) {
			dump_regs_of(cpu, &note->regs);
			stack_trace_print_entries(cpu, note->entries,
						  note->nr_entries);
			continue;
		}
		n = scnprintf(line, sizeof(line),
			      "CPU %u does not answer an NMI\n", cpu);
		console_raw_write(line, (size_t)n);
	}
	atomic_set(&asking, 0);
}
