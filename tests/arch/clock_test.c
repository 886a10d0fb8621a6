// SPDX-License-Identifier: MIT
/*
 * clock_test.c - the clock is right, and what would have made it wrong
 *
 * The judgement is pure, so made-up spans stand for machines that QEMU does not
 * give: a PIT that wraps while the host has the CPU, counters that contradict
 * each other, a machine with a single counter. The last test compares the clock
 * of this boot with each counter that this machine has.
 */
#include <arch/cpu.h>
#include <arch/time.h>
#include <kernel/ktest.h>
#include <kernel/time.h>
#include <asm/clock.h>

#define TSC_HZ  2400000000UL
#define PIT_HZ  1193182UL
#define PM_HZ   3579545UL
#define HPET_HZ 100000000UL
#define APIC_HZ 62500000UL

enum { HPET, PM, PIT };

/* The ticks in @ms of a counter of @hz, read within @error TSC ticks. */
static struct clock_span span_of(u64 ms, u64 hz, u64 error)
{
	return (struct clock_span){
		.tsc = TSC_HZ * ms / 1000,
		.error = error,
		.counts = hz * ms / 1000,
		.apic = (u32)(APIC_HZ * ms / 1000),
	};
}

static bool off_by_less(u64 value, u64 right, u64 one_in)
{
	u64 apart = value > right ? value - right : right - value;

	return apart < right / one_in;
}

KTEST(clock, an_exact_span_gives_the_speeds)
{
	struct clock_span span = span_of(20, PIT_HZ, 1000);
	struct clock_estimate e;

	EXPECT(clock_estimate(&span, PIT, PIT_HZ, &e));
	EXPECT_EQ(e.source, PIT);
	EXPECT(off_by_less(e.tsc_hz, TSC_HZ, 10000));
	EXPECT(off_by_less(e.apic_hz, APIC_HZ, 10000));
	EXPECT_EQ(e.error_ppm, 20U);
	/* away for a minute: the numbers are large, the answer is the same */
	span = span_of(40000, HPET_HZ, 1000);
	EXPECT(clock_estimate(&span, HPET, HPET_HZ, &e));
	EXPECT(off_by_less(e.tsc_hz, TSC_HZ, 10000));
}

KTEST(clock, a_span_that_is_short_or_inexact_says_nothing)
{
	struct clock_estimate e;
	struct clock_span span = span_of(9, PM_HZ, 100);

	EXPECT(!clock_estimate(&span, PM, PM_HZ, &e));
	span = span_of(20, PM_HZ, TSC_HZ / 50 / 500);
	EXPECT(!clock_estimate(&span, PM, PM_HZ, &e));
	span = span_of(20, PM_HZ, TSC_HZ);
	EXPECT(!clock_estimate(&span, PM, PM_HZ, &e));
	span = span_of(20, PM_HZ, 100);
	span.tsc = 0;
	EXPECT(!clock_estimate(&span, PM, PM_HZ, &e));
	span = span_of(20, PM_HZ, 100);
	span.apic = 0;
	EXPECT(!clock_estimate(&span, PM, PM_HZ, &e));
	span = (struct clock_span){0};
	EXPECT(!clock_estimate(&span, PM, PM_HZ, &e));
}

static struct clock_estimate says(unsigned int source, u64 tsc_hz, u32 error_ppm)
{
	return (struct clock_estimate){source, tsc_hz, APIC_HZ, error_ppm};
}

/*
 * The host takes the CPU away for 58 ms after the PIT's first sample. The PIT
 * wraps and shows 20 ms for 75: the TSC seems to run almost 4 times too fast.
 * It even says so twice.
 */
KTEST(clock, a_counter_that_wrapped_unseen_is_outvoted)
{
	struct clock_span wrapped = span_of(75, PIT_HZ, 1000);
	struct clock_estimate e[4];
	struct clock_choice choice;

	wrapped.counts -= 65536;
	EXPECT(clock_estimate(&wrapped, PIT, PIT_HZ, &e[0]));
	EXPECT_GT(e[0].tsc_hz, 3 * TSC_HZ);
	EXPECT(!clock_choose(e, 1, CLOCK_BY_TWO, &choice));
	e[1] = e[0];
	EXPECT(!clock_choose(e, 2, CLOCK_BY_TWO, &choice));
	e[2] = says(PM, TSC_HZ, 30);
	EXPECT(!clock_choose(e, 3, CLOCK_BY_TWO, &choice));
	EXPECT(!clock_choose(e, 3, CLOCK_BY_ALONE, &choice));
	e[3] = says(HPET, TSC_HZ + TSC_HZ / 1000, 20);
	REQUIRE(clock_choose(e, 4, CLOCK_BY_TWO, &choice));
	EXPECT_EQ(choice.best, 3U); /* the surer one */
	EXPECT_EQ(choice.other, 2U);
	EXPECT_EQ(choice.apart_ppm, 1000U);
}

/*
 * The host takes the CPU away for longer than the APIC timer lasts. A counter of
 * 32 bits is right about the TSC, and it is the surest of all for so long a span;
 * but the APIC timer stood at 0 for half of it.
 */
KTEST(clock, a_span_in_which_the_apic_timer_ended_is_outvoted)
{
	struct clock_span ended = span_of(40000, HPET_HZ, 1000);
	struct clock_estimate e[3];
	struct clock_choice choice;

	ended.apic /= 2;
	EXPECT(clock_estimate(&ended, HPET, HPET_HZ, &e[0]));
	EXPECT(off_by_less(e[0].tsc_hz, TSC_HZ, 10000));
	e[1] = says(PM, TSC_HZ, 30);
	EXPECT(!clock_choose(e, 2, CLOCK_BY_TWO, &choice));
	e[2] = says(PIT, TSC_HZ, 30);
	REQUIRE(clock_choose(e, 3, CLOCK_BY_TWO, &choice));
	EXPECT(off_by_less(e[choice.best].apic_hz, APIC_HZ, 10000));
}

KTEST(clock, counters_that_contradict_each_other_decide_nothing)
{
	struct clock_estimate e[] = {
		says(HPET, TSC_HZ, 10),
		says(PM, TSC_HZ + TSC_HZ / 300, 10),
		says(PIT, TSC_HZ * 2, 10),
		says(HPET, TSC_HZ, 10),
	};
	struct clock_choice choice;

	EXPECT(!clock_choose(e, 4, CLOCK_BY_TWO, &choice));
	EXPECT(!clock_choose(e, 4, CLOCK_BY_ALONE, &choice));
	EXPECT(!clock_choose(e, 0, CLOCK_BY_ALONE, &choice));
}

KTEST(clock, a_single_counter_must_agree_with_itself)
{
	struct clock_estimate e[] = {
		says(PIT, TSC_HZ * 11, 10),
		says(PIT, TSC_HZ, 10),
		says(PIT, TSC_HZ - TSC_HZ / 1000, 10),
	};
	struct clock_choice choice;

	EXPECT(!clock_choose(e, 3, CLOCK_BY_TWO, &choice));
	EXPECT(!clock_choose(e, 1, CLOCK_BY_ALONE, &choice));
	EXPECT(!clock_choose(e, 2, CLOCK_BY_ALONE, &choice));
	REQUIRE(clock_choose(e, 3, CLOCK_BY_ALONE, &choice));
	EXPECT_NE(choice.best, 0U);
	EXPECT_NE(choice.other, 0U);
}

KTEST(clock, cpuid_is_believed_as_far_as_it_goes)
{
	struct cpuid_clock words = {2, 200, 24000000, 2300};

	EXPECT_EQ(cpuid_clock_hz(&words), TSC_HZ);
	words.crystal_hz = 0; /* some CPUs leave it out */
	EXPECT_EQ(cpuid_clock_hz(&words), 2300000000UL);
	words.base_mhz = 0;
	EXPECT_EQ(cpuid_clock_hz(&words), 0);
}

#define ROUNDS  20
#define SPAN_NS (25 * NSEC_PER_MSEC) /* the PIT lasts 55 */

/*
 * How many millionths the clock is wrong by one counter, or -1: the samples
 * were too inexact, as on a host that has much else to do.
 */
static long wrong_by(const struct refclock *ref)
{
	struct clock_sample a, b;
	u64 passed, counted, apart, end;

	if (ref->start)
		ref->start();
	a = refclock_sample(ref);
	end = clock_ns() + SPAN_NS;
	while (!time_after_ns(clock_ns(), end))
		cpu_relax();
	b = refclock_sample(ref);
	if (ref->ran_out && ref->ran_out())
		return -1;
	if ((a.width + b.width) / 2 > (b.tsc - a.tsc) / 1000)
		return -1;
	passed = arch_tsc_to_ns(b.tsc - a.tsc);
	counted = ((b.ref - a.ref) & ref->mask) * NSEC_PER_SEC / ref->hz;
	apart = passed > counted ? passed - counted : counted - passed;
	return (long)(apart * 1000000 / passed);
}

/*
 * The PIT may be off, and then stands. Of those that count, each must be right.
 */
KTEST(clock, the_clock_agrees_with_every_counter_of_this_machine)
{
	struct refclock refs[MAX_REFCLOCKS];
	unsigned int nr = refclocks_find(refs), compared = 0;

	for (unsigned int i = 0; i < nr; i++) {
		long ppm = -1;

		if (refs[i].read == rdtsc)
			continue;
		for (unsigned int n = 0; n < ROUNDS && ppm < 0; n++)
			ppm = wrong_by(&refs[i]);
		ktest_note("by the %s the clock is wrong by %ld ppm",
			   refs[i].name, ppm);
		if (ppm < 0 || ppm == 1000000)
			continue;
		EXPECT_LT(ppm, 5000);
		compared++;
	}
	EXPECT_GE(compared, 1U);
}
