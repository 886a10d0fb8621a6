// SPDX-License-Identifier: MIT
/*
 * refclock.c - read the counters whose speed is known
 *
 *	counter		speed		bits	where it is known from
 *	HPET		it says		32	ACPI's table of that name
 *	ACPI timer	3579545 Hz	24, 32	ACPI's FADT
 *	PIT		1193182 Hz	16	always looked for; may be off
 *	TSC		CPUID says	64	leaf 0x15, else 0x16
 *
 * The last is the TSC itself, taken at its own word. It has to agree with
 * another one like each of them.
 *
 * Problem.  Each is slow to read, and under an emulator this thread may lose
 * the CPU between any two reads.
 *
 * Idea.  A sample is the tightest of several tries: the one whose TSC readings
 * before and after lie closest. How close that was goes with the sample, so
 * that a bad one is known to be bad. The PIT is asked afterwards whether it
 * ran out: in mode 0 its output goes up at the end of the count and stays up.
 *
 * The HPET is reached through the boot tables' direct map until INIT_CORE maps
 * it properly, as the local APIC is.
 *
 * Locks: none. The boot CPU measures; tests read one at a time.
 */
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/page.h>
#include <lib/init.h>
#include <lib/printk.h>
#include <asm/arch.h>
#include <asm/clock.h>

#define PIT_HZ           1193182UL
#define PIT_CHANNEL2     0x42
#define PIT_COMMAND      0x43
#define PIT_GATE         0x61
#define PIT_GATE_ON      0x01
#define PIT_SPEAKER      0x02
#define PIT_OUT2         0x20
#define PIT_LATCH2       0x80
#define PIT_ONESHOT2     0xb0 /* channel 2, both bytes, mode 0 */
#define PIT_MASK         0xffff

#define PM_TIMER_HZ      3579545UL

#define HPET_SIZE        0x400
#define HPET_PERIOD      0x004
#define HPET_CONFIG      0x010
#define HPET_COUNTER     0x0f0
#define HPET_ENABLE      1u
#define HPET_MAX_PERIOD  100000000U /* fs, by its specification */
#define FS_PER_SECOND    1000000000000000UL

#define SAMPLE_TRIES     8
#define SPANS_PER_SECOND 50          /* 20 ms */
#define PATIENCE         (1UL << 29) /* TSC ticks: a few hundred ms */

#define CPUID_CLOCK      0x15
#define CPUID_BASE_CLOCK 0x16

static char __iomem *hpet;

static void pit_start(void)
{
	u8 gate = inb(PIT_GATE) & (u8) ~(PIT_SPEAKER);

	outb(PIT_GATE, gate | PIT_GATE_ON);
	outb(PIT_COMMAND, PIT_ONESHOT2);
	outb(PIT_CHANNEL2, 0xff);
	outb(PIT_CHANNEL2, 0xff);
}

/* It counts down. */
static u64 pit_read(void)
{
	u16 low;

	outb(PIT_COMMAND, PIT_LATCH2);
	low = inb(PIT_CHANNEL2);
	return PIT_MASK - (u16)(low | inb(PIT_CHANNEL2) << 8);
}

static bool pit_ran_out(void)
{
	return inb(PIT_GATE) & PIT_OUT2;
}

static u64 pm_timer_read(void)
{
	return inl(acpi_fixed.pm_timer_port);
}

static u64 hpet_read(void)
{
	return readl(hpet + HPET_COUNTER);
}

/* Return: its speed, 0 if there is none. It need not run yet. */
static u64 hpet_enable(void)
{
	u32 period;

	if (!acpi_fixed.hpet_addr)
		return 0;
	if (!hpet)
		hpet = (char __iomem *)phys_to_virt(acpi_fixed.hpet_addr);
	period = readl(hpet + HPET_PERIOD);
	if (!period || period > HPET_MAX_PERIOD)
		return 0;
	writel(readl(hpet + HPET_CONFIG) | HPET_ENABLE, hpet + HPET_CONFIG);
	return FS_PER_SECOND / period;
}

static u64 cpuid_hz(void)
{
	struct cpuid_clock words = {0};
	u32 max, b, c, d;

	cpuid(0, 0, &max, &b, &c, &d);
	if (max >= CPUID_CLOCK)
		cpuid(CPUID_CLOCK, 0, &words.denominator, &words.numerator,
		      &words.crystal_hz, &d);
	if (max >= CPUID_BASE_CLOCK)
		cpuid(CPUID_BASE_CLOCK, 0, &words.base_mhz, &b, &c, &d);
	return cpuid_clock_hz(&words);
}

unsigned int refclocks_find(struct refclock out[MAX_REFCLOCKS])
{
	unsigned int n = 0;
	u64 hz = hpet_enable();

	if (hz)
		out[n++] = (struct refclock){
			.name = "HPET", .hz = hz, .mask = ~0u, .read = hpet_read};
	if (acpi_fixed.pm_timer_port)
		out[n++] = (struct refclock){.name = "ACPI timer",
					     .hz = PM_TIMER_HZ,
					     .mask = acpi_fixed.pm_timer_mask,
					     .read = pm_timer_read};
	out[n++] = (struct refclock){.name = "PIT",
				     .hz = PIT_HZ,
				     .mask = PIT_MASK,
				     .start = pit_start,
				     .read = pit_read,
				     .ran_out = pit_ran_out};
	hz = cpuid_hz();
	if (hz)
		out[n++] = (struct refclock){
			.name = "CPUID", .hz = hz, .mask = ~0UL, .read = rdtsc};
	return n;
}

struct clock_sample refclock_sample(const struct refclock *ref)
{
	struct clock_sample best = {.width = ~0UL};

	for (unsigned int i = 0; i < SAMPLE_TRIES; i++) {
		struct clock_sample s;
		u64 before = rdtsc();

		s.ref = ref->read();
		s.apic_left = lapic_timer_left();
		s.width = rdtsc() - before;
		s.tsc = before + s.width / 2;
		if (s.width < best.width)
			best = s;
	}
	return best;
}

enum refclock_answer refclock_measure(const struct refclock *ref,
				      struct clock_span *span)
{
	struct clock_sample first, last;
	u64 passed, since;

	if (ref->start)
		ref->start();
	lapic_timer_set(~0u);
	first = refclock_sample(ref);
	since = rdtsc();
	do {
		passed = (ref->read() - first.ref) & ref->mask;
	} while (passed < ref->hz / SPANS_PER_SECOND &&
		 rdtsc() - since < PATIENCE);
	last = refclock_sample(ref);
	lapic_timer_set(0);
	if (!passed)
		return REFCLOCK_STANDS;
	if (ref->ran_out && ref->ran_out())
		return REFCLOCK_RAN_OUT;
	span->tsc = last.tsc - first.tsc;
	span->error = (first.width + last.width) / 2;
	span->counts = (last.ref - first.ref) & ref->mask;
	span->apic = first.apic_left - last.apic_left;
	return REFCLOCK_COUNTED;
}

static int map_hpet(void)
{
	if (!hpet)
		return 0;
	hpet = ioremap(acpi_fixed.hpet_addr, HPET_SIZE);
	if (!hpet) {
		acpi_fixed.hpet_addr = 0;
		pr_warn("clock: too little memory to map the HPET");
	}
	return 0;
}
INITCALL(INIT_CORE, map_hpet);
