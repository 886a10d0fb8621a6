// SPDX-License-Identifier: MIT
/*
 * kernel/trace.c - per-CPU rings of binary records
 *
 * Problem.  To tell afterwards why something was invalidated, everything that
 * might matter has to be noted all the time, without locks and without text. And a
 * machine that hangs cannot tell anything.
 *
 * Idea.  Each CPU writes its own ring.  A slot is claimed by one add to the
 * CPU's counter, a single instruction, so that an interrupt or NMI in the
 * middle of a record takes the next slot and comes back.  Order between CPUs
 * is that of their time-stamp counters.
 *
 * The rings are RAM that the host sees as well. The host finds them by
 * trace_header, the one symbol that it looks for, and reads them whether the kernel
 * runs or not, without an instruction of the guest (docs/trace.md).
 *
 * States of a slot, by its seq, for the CPU's record number n:
 *
 *	0	being written
 *	n + 1	holds record n
 *
 *	field		read with		write with
 *	trace_count	any CPU, atomic load	own CPU, one instruction
 *	slot		seq before and after	own CPU, between seqs
 *	trace_first	any CPU, atomic load	trace_clear()
 *	trace_header	any time		boot, once
 *	trace_on, ...	any CPU, no lock	one of the two switches at a time
 *
 * The rings are taken from boot memory, so that their size can be chosen, below
 * 2 GiB, where an address is the offset in the file that is the guest's RAM. Until
 * then trace_on is false, and nothing is recorded.
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
#include <lib/bitops.h>
#include <lib/cmdline.h>
#include <lib/cpumask.h>
#include <lib/layout.h>
#include <lib/panic.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <lib/symbols.h>
#include <kernel/trace.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/time.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>

#define SLOTS_LEAST    64u
#define SLOTS_USUAL    512u
#define SLOTS_MOST     (1u << 20)
#define RAM_END        (2ul << 30) /* an address below is its place in the file */
#define DUMP_MAX       1024U
#define TRACE_AT_PANIC 48

CMDLINE_KEY("trace_slots", "records in each CPU's trace ring, a power of two");
CMDLINE_KEY("observe", "record from boot on what `observe on' does");

bool trace_on;
bool trace_observing;

/* Read by the host, which knows its name (scripts/trace/ring.py). */
struct trace_header trace_header;

static struct trace_record *trace_ring; /* of CPU 0; the others follow */
static u32 slot_mask;
static bool observe_asked;
static DEFINE_PER_CPU(u32, trace_count);
static DEFINE_PER_CPU(u32, trace_first);

static struct trace_record *slot_of(unsigned int cpu, u32 n)
{
	return &trace_ring[(size_t)cpu * (slot_mask + 1) + (n & slot_mask)];
}

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
	rec = slot_of(cpu, n);
	WRITE_ONCE(rec->seq, 0);
	smp_wmb();
	/* Marked: a reader may copy the record meanwhile, and throws that away. */
	WRITE_ONCE(rec->tsc, rdtsc());
	WRITE_ONCE(rec->event, event);
	WRITE_ONCE(rec->cpu, cpu);
	WRITE_ONCE(rec->pid, task ? task->pid : 0);
	WRITE_ONCE(rec->args[0], a0);
	WRITE_ONCE(rec->args[1], a1);
	WRITE_ONCE(rec->args[2], a2);
	WRITE_ONCE(rec->args[3], a3);
	WRITE_ONCE(rec->args[4], a4);
	WRITE_ONCE(rec->args[5], a5);
	WRITE_ONCE(rec->args[6], a6);
	smp_store_release(&rec->seq, n + 1);
	preempt_enable();
}

static void switch_observing(void)
{
	WRITE_ONCE(trace_observing,
		   READ_ONCE(trace_on) && READ_ONCE(observe_asked));
}

bool trace_set(bool on)
{
	bool was = xchg(&trace_on, on);

	switch_observing();
	return was;
}

bool trace_observe(bool on)
{
	bool was = xchg(&observe_asked, on);

	switch_observing();
	return was;
}

unsigned int trace_slots(void)
{
	return slot_mask + 1;
}

/* ---- the beginning ------------------------------------------------------- */

static u32 wanted_slots(unsigned int rings)
{
	/* analyser: the boot CPU has a ring, so there is one */
	u64 most = memblock_list_bytes(memblock_memory()) / 4 /
		   (rings * sizeof(struct trace_record));
	u64 slots;

	if (cmdline_get_u64("trace_slots", SLOTS_USUAL, &slots) ||
	    !is_power_of_two(slots) || slots < SLOTS_LEAST || slots > SLOTS_MOST)
		boot_refuse("command line: trace_slots is a power of two, %u to %u",
			    SLOTS_LEAST, SLOTS_MOST);
	if (slots > most)
		boot_refuse(
			"command line: trace_slots=%lu is more than a quarter of the memory, which has room for %lu on %u CPUs",
			(unsigned long)slots, (unsigned long)most, rings);
	return (u32)slots;
}

/* The magic last: a reader that finds it finds the rest. */
static void publish(unsigned int rings, paddr_t records)
{
	trace_header = (struct trace_header){
		.version = TRACE_VERSION,
		.header_size = sizeof(struct trace_header),
		.record_size = sizeof(struct trace_record),
		.event_size = sizeof(struct trace_event),
		.rings = rings,
		.slots = trace_slots(),
		.records = records,
		.image = (unsigned long)__rodata_start,
		.image_size = (size_t)(__rodata_end - __rodata_start),
		.image_at = image_to_phys(__rodata_start),
		.events = (unsigned long)__trace_event_start,
		.events_end = (unsigned long)__trace_event_end,
		.layout = (unsigned long)__layout_start,
		.layout_end = (unsigned long)__layout_end,
		.clock_base = arch_clock_base,
		.clock_mult = arch_clock_mult,
	};
	smp_store_release(&trace_header.magic, TRACE_MAGIC);
}

void trace_init(void)
{
	unsigned int rings = fls(cpu_possible_mask.bits);
	u32 slots = wanted_slots(rings);
	paddr_t records = memblock_alloc_below(
		(size_t)rings * slots * sizeof(struct trace_record), PAGE_SIZE,
		RAM_END);

	trace_ring = phys_to_virt(records);
	slot_mask = slots - 1;
	publish(rings, records);
	trace_observe(cmdline_get("observe") != NULL);
	trace_set(true);
}

/* ---- reading ------------------------------------------------------------- */

/* Copy record @n of @cpu; false when it is gone or not finished. */
static bool copy_record(unsigned int cpu, u32 n, struct trace_record *out)
{
	const struct trace_record *rec = slot_of(cpu, n);
	const u64 *from = (const u64 *)rec;
	u64 *to = (u64 *)out;
	unsigned int i;

	static_assert(sizeof(*rec) % sizeof(*to) == 0, "whole words");
	if (smp_load_acquire(&rec->seq) != n + 1)
		return false;
	for (i = 0; i < sizeof(*rec) / sizeof(*to); i++)
		to[i] = READ_ONCE(from[i]);
	smp_rmb();
	return READ_ONCE(rec->seq) == n + 1;
}

/*
 * Move the cursor of @cpu down to its next readable record and copy that. Records
 * that are made meanwhile take the place of the oldest.
 * Return: false when there is none left.
 */
static bool next_older(unsigned int cpu, u32 *cursor, struct trace_record *out)
{
	while (*cursor != READ_ONCE(per_cpu(trace_first, cpu)) &&
	       READ_ONCE(per_cpu(trace_count, cpu)) - *cursor < trace_slots())
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
	u32 cursor[NR_CPUS];
	u64 stamp[NR_CPUS];
	struct trace_record rec;
	unsigned int cpu, n = 0;

	for_each_cpu(cpu, &cpu_possible_mask) {
		cursor[cpu] = READ_ONCE(per_cpu(trace_count, cpu));
		stamp[cpu] = next_older(cpu, &cursor[cpu], &rec) ? rec.tsc : 0;
	}
	while (n < max) {
		unsigned int newest = NR_CPUS;

		for_each_cpu(cpu, &cpu_possible_mask)
			if (stamp[cpu] &&
			    (newest == NR_CPUS || stamp[cpu] > stamp[newest]))
				newest = cpu;
		if (newest == NR_CPUS)
			break;
		/* analyser: whose stamp is set, its cursor is */
		if (copy_record(newest, cursor[newest], &rec))
			out[n++] = rec;
		stamp[newest] =
			next_older(newest, &cursor[newest], &rec) ? rec.tsc : 0;
	}
	reverse(out, n);
	return n;
}

/*
 * A last field named `text` is a string in the arguments, from its own on. Which one
 * that is; TRACE_ARGS: none.
 */
static unsigned int text_arg(const struct trace_event *event)
{
	const char *last = strrchr(event->fields, ' ');
	unsigned int n = 0;
	const char *at;

	if (strcmp(last ? last + 1 : event->fields, "text"))
		return TRACE_ARGS;
	for (at = event->fields; *at; at++)
		n += *at == ' ';
	return n;
}

int trace_format(char *buf, size_t size, const struct trace_record *rec)
{
	u64 ns = arch_tsc_to_ns(rec->tsc - arch_clock_base);
	unsigned int text = text_arg(rec->event);
	unsigned long args[TRACE_ARGS];
	int len = scnprintf(buf, size, "%6lu.%06lu cpu%u/%u %s: ",
			    (unsigned long)(ns / 1000000000),
			    (unsigned long)(ns % 1000000000 / 1000), rec->cpu,
			    rec->pid, rec->event->name);

	memcpy(args, rec->args, sizeof(args));
	if (text < TRACE_ARGS)
		args[text] = (unsigned long)&rec->args[text];
	return len + scnprintf(buf + len, size - (size_t)len,
			       rec->event->format, args[0], args[1], args[2],
			       args[3], args[4], args[5], args[6]);
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
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		WRITE_ONCE(per_cpu(trace_first, cpu),
			   READ_ONCE(per_cpu(trace_count, cpu)));
}
