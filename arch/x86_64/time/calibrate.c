// SPDX-License-Identifier: MIT
/*
 * calibrate.c - judge what the counters say of the TSC's speed
 *
 * Problem.  The TSC does not say its speed. A counter with a known speed tells
 * it, but an emulator may take the CPU away between any two reads, for longer
 * than the counter lasts: the PIT has 16 bits and 55 ms. A clock that is wrong
 * by a factor stretches every timeout of the kernel.
 *
 * Idea.  No counter is believed alone. Each gives estimates, and the first two
 * that agree, of two different counters, decide. A counter that wrapped unseen,
 * stood still or runs at another speed than it says agrees with nobody.
 *
 *	a span says nothing	shorter than 10 ms; or the moments of its two
 *				samples are not known to a thousandth of it
 *	two estimates agree	they lie within 1/400. Each is right to 1/1000
 *				and the coarsest counter adds 1/10000. Of the
 *				APIC timer they lie within 1/100: it is read
 *				less exactly, and a CPU that was away until it
 *				ended takes it for far too slow.
 *	one counter only	two of its spans must agree, after all tries;
 *				the boot line then says `alone`
 *
 * All here is pure: the tests feed it.
 *
 * Not here: reading the counters (refclock.c), the tick (timer.c).
 */
#include <lib/compiler.h>
#include <asm/clock.h>

#define MIN_SPANS_PER_SECOND 100
#define MAX_ERROR_PPM        1000
#define AGREE_PPM            2500
#define AGREE_APIC_PPM       10000
#define PPM                  1000000UL
#define HZ_PER_MHZ           1000000UL
#define FACTOR_BITS          30

/* a * b / c for a < c, or not much above; without 128-bit division */
static u64 scale(u64 a, u64 b, u64 c)
{
	while ((a | c) >> FACTOR_BITS) {
		a >>= 1;
		c >>= 1;
	}
	return c ? a * b / c : 0;
}

bool clock_estimate(const struct clock_span *span, unsigned int source, u64 hz,
		    struct clock_estimate *out)
{
	if (!span->tsc || !span->apic || span->error >= span->tsc ||
	    span->counts < hz / MIN_SPANS_PER_SECOND)
		return false;
	out->source = source;
	out->error_ppm = (u32)scale(span->error, PPM, span->tsc);
	out->tsc_hz = scale(span->tsc, hz, span->counts);
	out->apic_hz = scale(span->apic, hz, span->counts);
	return out->error_ppm <= MAX_ERROR_PPM && out->tsc_hz && out->apic_hz;
}

static u32 apart_ppm(u64 a, u64 b)
{
	u64 low = min(a, b), high = max(a, b);

	/* twice as much is as wrong as can be */
	return high - low > low ? PPM : (u32)scale(high - low, PPM, low);
}

static bool only_one_source(const struct clock_estimate *e, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++)
		if (e[i].source != e[0].source)
			return false;
	return true;
}

bool clock_choose(const struct clock_estimate *e, unsigned int n,
		  enum clock_trust trust, struct clock_choice *out)
{
	bool alone = trust == CLOCK_BY_ALONE && only_one_source(e, n);

	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int j = 0; j < i; j++) {
			u32 apart = apart_ppm(e[i].tsc_hz, e[j].tsc_hz);

			if ((e[i].source == e[j].source && !alone) ||
			    apart > AGREE_PPM ||
			    apart_ppm(e[i].apic_hz, e[j].apic_hz) > AGREE_APIC_PPM)
				continue;
			out->best = e[i].error_ppm < e[j].error_ppm ? i : j;
			out->other = out->best == i ? j : i;
			out->apart_ppm = apart;
			return true;
		}
	}
	return false;
}

u64 cpuid_clock_hz(const struct cpuid_clock *w)
{
	if (w->denominator && w->numerator && w->crystal_hz)
		return (u64)w->crystal_hz * w->numerator / w->denominator;
	/* The TSC runs at the base frequency, which is given in whole MHz. */
	return w->base_mhz * HZ_PER_MHZ;
}
