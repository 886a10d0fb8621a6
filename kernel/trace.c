// SPDX-License-Identifier: MIT
/*
 * kernel/trace.c - per-CPU rings of binary records
 *
 * Problem.  To tell afterwards why something was invalidated, everything that
 * might matter has to be noted all the time, without locks and without text.
 *
 * Idea.  Each CPU writes its own ring.  A slot is claimed by one add to the
 * CPU's counter, a single instruction, so that an interrupt or NMI in the
 * middle of a record takes the next slot and comes back.  Order between CPUs
 * is that of their time-stamp counters.
 *
 * States of a slot, by its seq, for the CPU's record number n:
 *
 *	0	being written
 *	n + 1	holds record n
 *
 *	field		read with		write with
 *	trace_count	any CPU, atomic load	own CPU, one instruction
 *	slot		seq before and after	own CPU, between seqs
 *
 * A thread may be moved to another CPU between claiming and writing were
 * preemption on; it is off for the few instructions that takes.  A writer
 * interrupted for so long that the ring went round could mix two records: the
 * reader's second look at seq drops it unless both ended, and the ring is
 * longer than what an interrupt can write.
 *
 * The reader merges the rings newest first by time stamp into the caller's
 * array, then turns it round.
 */
#include <lib/cpumask.h>
#include <lib/panic.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <lib/symbols.h>
#include <kernel/trace.h>
#include <arch/cpu.h>
#include <arch/time.h>

#define TRACE_SLOTS    512U
#define DUMP_MAX       1024U
#define TRACE_AT_PANIC 48

static_assert((TRACE_SLOTS & (TRACE_SLOTS - 1)) == 0, "masks, no division");

bool trace_on = true;

static struct trace_record trace_ring[NR_CPUS][TRACE_SLOTS];
static DEFINE_PER_CPU(u32, trace_count);

void trace_write(const struct trace_event *event, unsigned long a0,
		 unsigned long a1, unsigned long a2, unsigned long a3,
		 unsigned long a4, unsigned long a5, unsigned long a6)
{
	struct task *task = this_cpu_read(current_task);
	struct trace_record *rec;
	unsigned int cpu;
	u32 n;

	preempt_disable();
	cpu = smp_processor_id();
	n = this_cpu_fetch_add(trace_count, 1);
	rec = &trace_ring[cpu][n % TRACE_SLOTS];
	WRITE_ONCE(rec->seq, 0);
	smp_wmb();
	rec->tsc = rdtsc();
	rec->event = event;
	rec->cpu = cpu;
	rec->pid = task ? task->pid : 0;
	rec->args[0] = a0;
	rec->args[1] = a1;
	rec->args[2] = a2;
	rec->args[3] = a3;
	rec->args[4] = a4;
	rec->args[5] = a5;
	rec->args[6] = a6;
	smp_store_release(&rec->seq, n + 1);
	preempt_enable();
}

bool trace_set(bool on)
{
	return xchg(&trace_on, on);
}

/* Copy record @n of @cpu; false when it is gone or not finished. */
static bool copy_record(unsigned int cpu, u32 n, struct trace_record *out)
{
	const struct trace_record *rec = &trace_ring[cpu][n % TRACE_SLOTS];

	if (smp_load_acquire(&rec->seq) != n + 1)
		return false;
	*out = *rec;
	smp_rmb();
	return READ_ONCE(rec->seq) == n + 1;
}

/*
 * Move the cursor of @cpu down to its next readable record and copy that.
 * Return: false when there is none left.
 */
static bool next_older(unsigned int cpu, u32 *cursor, u32 oldest,
		       struct trace_record *out)
{
	while (*cursor != oldest)
		if (copy_record(cpu, --*cursor, out))
			return true;
	return false;
}

static void reverse(struct trace_record *rec, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n / 2; i++)
		swap(rec[i], rec[n - 1 - i]);
}

unsigned int trace_read_last(struct trace_record *out, unsigned int max)
{
	u32 cursor[NR_CPUS], oldest[NR_CPUS];
	u64 stamp[NR_CPUS];
	struct trace_record rec;
	unsigned int cpu, n = 0;

	for_each_cpu(cpu, &cpu_possible_mask) {
		u32 count = READ_ONCE(per_cpu(trace_count, cpu));

		cursor[cpu] = count;
		oldest[cpu] = count > TRACE_SLOTS ? count - TRACE_SLOTS : 0;
		stamp[cpu] = next_older(cpu, &cursor[cpu], oldest[cpu], &rec)
				     ? rec.tsc
				     : 0;
	}
	while (n < max) {
		unsigned int newest = NR_CPUS;

		for_each_cpu(cpu, &cpu_possible_mask)
			if (stamp[cpu] &&
			    (newest == NR_CPUS || stamp[cpu] > stamp[newest]))
				newest = cpu;
		if (newest == NR_CPUS)
			break;
		if (copy_record(newest, cursor[newest], &rec))
			out[n++] = rec;
		stamp[newest] =
			next_older(newest, &cursor[newest], oldest[newest], &rec)
				? rec.tsc
				: 0;
	}
	reverse(out, n);
	return n;
}

int trace_format(char *buf, size_t size, const struct trace_record *rec)
{
	u64 ns = arch_tsc_to_ns(rec->tsc - arch_clock_base);
	int len = scnprintf(buf, size, "%6lu.%06lu cpu%u/%u %s: ",
			    (unsigned long)(ns / 1000000000),
			    (unsigned long)(ns % 1000000000 / 1000), rec->cpu,
			    rec->pid, rec->event->name);

	return len + scnprintf(buf + len, size - (size_t)len,
			       rec->event->format, rec->args[0], rec->args[1],
			       rec->args[2], rec->args[3], rec->args[4],
			       rec->args[5], rec->args[6]);
}

void trace_dump_since(u64 since, unsigned int n, const char *heading,
		      const char *prefix)
{
	/* For the panicking CPU, or the monitor's thread: one at a time. */
	static struct trace_record recs[DUMP_MAX];
	static char line[256];
	unsigned int got, i;

	got = trace_read_last(recs, min(n, DUMP_MAX));
	for (i = 0; i < got && recs[i].tsc < since; i++)
		;
	if (i < got)
		console_raw_write(heading, strlen(heading));
	for (; i < got; i++) {
		int len = scnprintf(line, sizeof(line) - 1, "%s", prefix);

		len += trace_format(line + len, sizeof(line) - 1 - (size_t)len,
				    &recs[i]);
		line[len++] = '\n';
		console_raw_write(line, (size_t)len);
	}
}

void trace_dump_last(unsigned int n)
{
	trace_dump_since(0, n, "last trace records:\n", "");
}

static void panic_trace(void)
{
	trace_dump_last(TRACE_AT_PANIC);
}
PANIC_REPORT(PANIC_TRACE, panic_trace);

void trace_clear(void)
{
	bool was = trace_set(false);
	unsigned int cpu, i;

	for_each_cpu(cpu, &cpu_possible_mask)
		for (i = 0; i < TRACE_SLOTS; i++)
			WRITE_ONCE(trace_ring[cpu][i].seq, 0);
	trace_set(was);
}
