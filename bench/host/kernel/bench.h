/* SPDX-License-Identifier: MIT */
/*
 * <kernel/bench.h> on the host: callgrind counts a sample, not a clock
 *
 * The names are the kernel's, so that one source runs in both. A sample switches
 * callgrind's counters on and off; its caches and branch predictors work on in
 * between, and are what the harness and the earlier samples have left. The first
 * half of the samples of a metric only warms them, and is not counted.
 *
 * A report makes callgrind write a dump, named after the metric and the number of
 * samples in it. bench/host/main.c has the rest; scripts/callgrind.py reads the dumps.
 */
#ifndef BENCH_HOST_KERNEL_BENCH_H
#define BENCH_HOST_KERNEL_BENCH_H

#include <notifier_host.h>

#define BENCH_ROUNDS 2000
/* Sizes 1; 1,000; 1,000,000: between them little changes but the depth. */
#define BENCH_GROWTH 1000

struct bench {
	unsigned long samples; /* since the last report, or since all is warm */
	bool warm;
};

#define BENCH(name)                         \
	void bench_##name(struct bench *b); \
	void bench_##name(struct bench *b)

/* Counters on, if they are off; off, if they are on. */
void bench_toggle(void);
/* A sample has been taken. */
void bench_keep(struct bench *b, u64 took);

static __always_inline u64 bench_start(void)
{
	bench_toggle();
	return 0;
}

static __always_inline u64 bench_elapsed(const struct bench *b, u64 started)
{
	bench_toggle();
	return 0;
}

#define BENCH_SAMPLE(b, statement)                               \
	do {                                                     \
		u64 bench_started_ = bench_start();              \
                                                                 \
		statement;                                       \
		bench_keep(b, bench_elapsed(b, bench_started_)); \
	} while (0)

void bench_report(struct bench *b, const char *fmt, ...) __printf(2, 3);
void bench_report_per(struct bench *b, u64 ops, const char *fmt, ...)
	__printf(3, 4);

void *bench_alloc(unsigned long size);
void bench_free(void *area);

/* Other calls of the workloads to a kernel. */
struct mm_struct *mm_alloc(void);
void mmput(struct mm_struct *mm);

#endif
