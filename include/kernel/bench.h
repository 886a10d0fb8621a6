/* SPDX-License-Identifier: MIT */
/*
 * kernel/bench.h - workloads that are counted, not timed
 *
 * Under `-icount shift=0` the TSC counts executed instructions, so a sample is
 * the same on every host.  A workload lives in bench/, sets its stage, takes
 * samples, and reports the median under the name that the same work has in
 * bench/linux-6.1.csv:
 *
 *	BENCH(interval_lookup)
 *	{
 *		for (i = 0; i < 100; i++)
 *			BENCH_SAMPLE(b, mmu_notifier_invalidate_range_start(&r));
 *		bench_report(b, "inval_disjoint_hit1_start_n%u", n);
 *	}
 *
 * The cost of a sample by itself (an empty pair of clock reads) is measured at
 * the start of the run and subtracted.  Interrupts stay on, as they would be in
 * use: the timer's tick falls into few samples and the median drops it.
 */
#ifndef KERNEL_BENCH_H
#define KERNEL_BENCH_H

#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>

/** The most samples one report is made of; what comes after is not kept. */
#define BENCH_MAX_SAMPLES 4096

/*
 * For workloads that are measured on the host too (bench/host/kernel/bench.h):
 * samples of a metric, and by how much a set of subscriptions grows at a time.
 */
#define BENCH_ROUNDS 201
#define BENCH_GROWTH 10

/**
 * struct bench - a run of one workload
 * @name: of the workload
 * @overhead: counts of an empty sample
 * @nr_samples: taken since the last report
 * @samples: their counts, overhead already taken off
 *
 * One thread owns it.
 */
struct bench {
	const char *name;
	u64 overhead;
	unsigned int nr_samples;
	u64 samples[BENCH_MAX_SAMPLES];
};

/** A registered workload; BENCH() fills it in. */
struct bench_case {
	const char *name;
	void (*fn)(struct bench *b);
};

/** BENCH() - define and register a workload; its body sees struct bench *b */
#define BENCH(name_)                                               \
	static void bench_##name_(struct bench *b);                \
	static const struct bench_case __used __aligned(8)         \
		__section(".bench." #name_) bench_case_##name_ = { \
			.name = #name_,                            \
			.fn = bench_##name_,                       \
	};                                                         \
	static void bench_##name_(struct bench *b)

/**
 * bench_start() - the clock before a sample; nothing is moved across it
 *
 * Neither is the putting together of the two halves of the clock: it would be
 * done after an empty sample and within any other, and not be subtracted.
 */
static __always_inline u64 bench_start(void)
{
	u64 now;

	barrier();
	now = rdtsc();
	__asm__ volatile("" : "+r"(now) : : "memory");
	return now;
}

/**
 * bench_elapsed() - the counts since a start, without what an empty sample costs
 * @b: the run
 * @started: what bench_start() returned
 */
static __always_inline u64 bench_elapsed(const struct bench *b, u64 started)
{
	u64 took;

	barrier();
	took = rdtsc() - started;
	barrier();
	return took > b->overhead ? took - b->overhead : 0;
}

/**
 * bench_keep() - add a sample that was measured with bench_elapsed()
 * @b: the run
 * @took: its counts
 */
static inline void bench_keep(struct bench *b, u64 took)
{
	if (b->nr_samples < BENCH_MAX_SAMPLES)
		b->samples[b->nr_samples++] = took;
}

/** BENCH_SAMPLE() - count one execution of a statement */
#define BENCH_SAMPLE(b, statement)                               \
	do {                                                     \
		u64 bench_started_ = bench_start();              \
                                                                 \
		statement;                                       \
		bench_keep(b, bench_elapsed(b, bench_started_)); \
	} while (0)

/**
 * bench_median() - the median of the samples since the last report
 * @b: the run; its samples are sorted by this
 *
 * Return: 0 when there are none.
 */
u64 bench_median(struct bench *b);

/**
 * bench_report() - print the median sample as a metric and begin anew
 * @b: the run
 * @fmt: the metric's name, letters, digits and underscores
 */
void bench_report(struct bench *b, const char *fmt, ...) __printf(2, 3);

/**
 * bench_report_per() - bench_report() of the median divided by a count
 * @b: the run
 * @ops: operations in one sample; the quotient is rounded down
 * @fmt: the metric's name
 */
void bench_report_per(struct bench *b, u64 ops, const char *fmt, ...)
	__printf(3, 4);

/**
 * bench_report_value() - print a number that was counted in some other way
 * @value: the number
 * @unit: "insn", "tsc", "bytes"
 * @fmt: the metric's name
 */
void bench_report_value(u64 value, const char *unit, const char *fmt, ...)
	__printf(3, 4);

/** bench_alloc() - memory for a stage, page-aligned; panics if there is none */
void *bench_alloc(unsigned long size);
/** bench_free() - give it back */
void bench_free(void *area);

#endif /* KERNEL_BENCH_H */
