// SPDX-License-Identifier: MIT
/*
 * bench/bench.c - run every workload, print a line per metric
 *
 * Problem.  A claim about speed needs a figure that is the same tomorrow and
 * on another machine.
 *
 * Idea.  `make bench` boots with -icount shift=0: one tick of the TSC is one
 * executed instruction.  A workload takes many samples and the median is its
 * figure, because a timer's tick falls into a few of them.  The cost
 * of an empty sample is measured first, in the same way, and taken off each.
 *
 * Each figure is one line, `BENCH metric,value,unit`; scripts/bench.py sets
 * Linux's beside it.  The run begins with how long the boot took.
 *
 * Only the boot thread runs workloads, one after the other: nothing is shared.
 *
 * Not here: the workloads, each in a file named after what it exercises.
 */
#include <kernel/bench.h>
#include <lib/init.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include <mm/alloc/vmalloc.h>

#define METRIC_MAX 96

extern const struct bench_case __bench_start[], __bench_end[];

static struct bench bench;

static void sort_samples(u64 *v, unsigned int count)
{
	unsigned int gap, i, j;

	for (gap = count / 2; gap; gap /= 2)
		for (i = gap; i < count; i++) {
			u64 value = v[i];

			for (j = i; j >= gap && v[j - gap] > value; j -= gap)
				v[j] = v[j - gap];
			v[j] = value;
		}
}

u64 bench_median(struct bench *b)
{
	if (!b->nr_samples)
		return 0;
	sort_samples(b->samples, b->nr_samples);
	return b->samples[b->nr_samples / 2];
}

static void print_metric(u64 value, const char *unit, const char *fmt,
			 va_list args)
{
	char metric[METRIC_MAX];
	char line[METRIC_MAX + 64];
	int len;

	vsnprintf(metric, sizeof(metric), fmt, args);
	len = scnprintf(line, sizeof(line), "BENCH %s,%lu,%s\n", metric, value,
			unit);
	console_raw_write(line, len);
}

void bench_report(struct bench *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_metric(bench_median(b), "insn", fmt, args);
	va_end(args);
	b->nr_samples = 0;
}

void bench_report_per(struct bench *b, u64 ops, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_metric(bench_median(b) / ops, "insn", fmt, args);
	va_end(args);
	b->nr_samples = 0;
}

void bench_report_value(u64 value, const char *unit, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_metric(value, unit, fmt, args);
	va_end(args);
}

void *bench_alloc(unsigned long size)
{
	void *area = vmalloc(size);

	if (!area)
		panic("bench: no memory for %lu bytes", size);
	return area;
}

void bench_free(void *area)
{
	vfree(area);
}

static void measure_overhead(struct bench *b)
{
	unsigned int i;

	b->overhead = 0;
	for (i = 0; i < 101; i++)
		BENCH_SAMPLE(b, barrier());
	b->overhead = bench_median(b);
	b->nr_samples = 0;
}

static int bench_mode(void)
{
	const struct bench_case *bcase;
	u64 now = rdtsc();

	bench_report_value(now, "tsc", "boot_tsc_at_init");
	bench_report_value(now - arch_clock_base, "tsc",
			   "boot_kernel_clock_to_init");
	measure_overhead(&bench);
	bench_report_value(bench.overhead, "insn", "overhead_of_a_sample");
	for (bcase = __bench_start; bcase < __bench_end; bcase++) {
		bench.name = bcase->name;
		bench.nr_samples = 0;
		bcase->fn(&bench);
	}
	console_raw_write("BENCH done\n", 11);
	return EXIT_PASS;
}
RUN_MODE("bench", bench_mode);
