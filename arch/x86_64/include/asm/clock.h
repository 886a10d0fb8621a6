/* SPDX-License-Identifier: MIT */
/*
 * asm/clock.h - counters whose speed is known, and what they say of the TSC
 *
 * Not part of the contract: time/refclock.c reads the counters, time/calibrate.c
 * judges what was read, time/timer.c and the tests ask both.
 */
#pragma once

#include <lib/types.h>

#define MAX_REFCLOCKS 4

/**
 * struct refclock - a counter that counts up at a known speed
 * @name: for messages
 * @hz: its speed
 * @mask: all bits that it has
 * @start: sets it going, or NULL if it always runs
 * @read: its count now
 * @ran_out: has it passed its end since @start? NULL if that cannot be asked
 */
struct refclock {
	const char *name;
	u64 hz;
	u64 mask;
	void (*start)(void);
	u64 (*read)(void);
	bool (*ran_out)(void);
};

/**
 * refclocks_find() - the counters that this machine has
 * @out: filled
 *
 * Return: how many.
 */
unsigned int refclocks_find(struct refclock out[MAX_REFCLOCKS]);

/* All counters at one moment; the TSC is known to half of @width. */
struct clock_sample {
	u64 tsc;
	u64 width;
	u64 ref;
	u32 apic_left;
};

/**
 * refclock_sample() - read a counter and the TSC at the same moment
 * @ref: the counter
 *
 * Context: any; interrupts off, if the moment is to be exact.
 */
struct clock_sample refclock_sample(const struct refclock *ref);

/**
 * struct clock_span - what was counted between two samples
 * @tsc: by the TSC
 * @error: at most so many of @tsc are wrong
 * @counts: by the reference
 * @apic: by the APIC timer
 */
struct clock_span {
	u64 tsc;
	u64 error;
	u64 counts;
	u32 apic;
};

enum refclock_answer {
	REFCLOCK_COUNTED,
	REFCLOCK_RAN_OUT, /* the CPU was away for too long: try again */
	REFCLOCK_STANDS,  /* it does not count */
};

/**
 * refclock_measure() - let a counter count for some 20 ms
 * @ref: the counter
 * @span: filled
 *
 * Uses the APIC timer. Context: boot CPU, before the tick.
 */
enum refclock_answer refclock_measure(const struct refclock *ref,
				      struct clock_span *span);

/* The speeds that one span gives. */
struct clock_estimate {
	unsigned int source; /* which counter; two spans of one share it */
	u64 tsc_hz;
	u64 apic_hz;
	u32 error_ppm;
};

/**
 * clock_estimate() - judge one span
 * @span: what was counted
 * @source: by whom
 * @hz: its speed
 * @out: filled
 *
 * A pure function.
 * Return: false if the span is too short or too inexact to say anything.
 */
bool clock_estimate(const struct clock_span *span, unsigned int source, u64 hz,
		    struct clock_estimate *out);

enum clock_trust {
	CLOCK_BY_TWO,   /* two sources must agree */
	CLOCK_BY_ALONE, /* the only source that said anything may agree with
			   itself */
};

/* Two estimates that agree; @best is the surer one. */
struct clock_choice {
	unsigned int best;
	unsigned int other;
	u32 apart_ppm;
};

/**
 * clock_choose() - find two estimates that agree
 * @estimates: in the order in which they were made
 * @n: how many
 * @trust: what counts as agreement
 * @out: filled
 *
 * A pure function.
 * Return: false if no two agree.
 */
bool clock_choose(const struct clock_estimate *estimates, unsigned int n,
		  enum clock_trust trust, struct clock_choice *out);

/* CPUID leaves 0x15 and 0x16, or zeroes where the CPU has them not. */
struct cpuid_clock {
	u32 denominator;
	u32 numerator;
	u32 crystal_hz;
	u32 base_mhz;
};

/**
 * cpuid_clock_hz() - how fast the TSC runs by CPUID's own words
 * @words: the two leaves
 *
 * A pure function. Return: Hz, 0 if they do not say.
 */
u64 cpuid_clock_hz(const struct cpuid_clock *words);
