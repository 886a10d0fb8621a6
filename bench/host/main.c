// SPDX-License-Identifier: MIT
/*
 * bench/host/main.c - the core's workloads under callgrind
 *
 * Problem.  A count of instructions does not see a call through a pointer that the
 * CPU guesses wrong, nor a load that waits for memory. Code shaped for the counter
 * may be slower than it was.
 *
 * Idea.  bench/notifier.c and the core, compiled for the host with the kernel's
 * choice of registers and locks as short as the kernel's, run under callgrind, which
 * simulates caches and branch predictors. scripts/bench.py runs the program, fixes
 * the caches' sizes and prints what it reads beside the kernel's counts.
 *
 * An empty sample is measured first, as in the kernel; scripts/bench.py subtracts it
 * from the others.
 *
 * One thread. Not here: the workloads.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include <kernel/bench.h>
#include "tests/host/host.h"

#define WARM_UP    (BENCH_ROUNDS / 2)
#define METRIC_MAX 96
/* One way of the simulated last cache: an address has its set from its offset. */
#define AREA_ALIGN (512ul << 10)

void bench_notifier_intervals(struct bench *b);
void bench_notifier_plain(struct bench *b);

unsigned int host_preempt_depth;

/* Not inlined: in each sample the same instructions lie beside the operation. */
noinline void bench_toggle(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

void bench_keep(struct bench *b, u64 took)
{
	b->samples++;
	if (b->warm || b->samples < WARM_UP)
		return;
	CALLGRIND_ZERO_STATS;
	b->samples = 0;
	b->warm = true;
}

void bench_report(struct bench *b, const char *fmt, ...)
{
	char metric[METRIC_MAX];
	char name[METRIC_MAX + 32];
	va_list args;

	va_start(args, fmt);
	vsnprintf(metric, sizeof(metric), fmt, args);
	va_end(args);
	snprintf(name, sizeof(name), "%s %lu", metric, b->samples);
	CALLGRIND_DUMP_STATS_AT(name);
	b->samples = 0;
	b->warm = false;
}

/* One long sample, in which nothing was warm: the next warm-up drops it. */
void bench_report_per(struct bench *b, u64 ops, const char *fmt, ...)
{
	b->samples = 0;
}

void *bench_alloc(unsigned long size)
{
	void *area = aligned_alloc(AREA_ALIGN, ALIGN(size, AREA_ALIGN));

	if (!area)
		panic("bench: no memory for %lu bytes", size);
	return area;
}

void bench_free(void *area)
{
	free(area);
}

struct mm_struct *mm_alloc(void)
{
	return host_mm_alloc();
}

void mmput(struct mm_struct *mm)
{
	host_mm_exit(mm);
	mmdrop(mm);
}

static void measure_overhead(struct bench *b)
{
	int i;

	for (i = 0; i < BENCH_ROUNDS; i++)
		BENCH_SAMPLE(b, barrier());
	bench_report(b, "overhead_of_a_sample");
}

int main(void)
{
	struct bench b = {0};

	measure_overhead(&b);
	bench_notifier_intervals(&b);
	bench_notifier_plain(&b);
	printf("BENCH done\n");
	return 0;
}
