// SPDX-License-Identifier: MIT
/*
 * timer.c - how fast the TSC and the APIC timer run, and the tick
 *
 * At boot the counters of refclock.c measure both, one after the other, until
 * calibrate.c finds two that agree. A counter that ran out while the host had
 * taken the CPU away, or whose samples are inexact, is asked again.
 *
 * The tick is the APIC timer in one-shot mode, armed for the next multiple of
 * TICK_NS or for an earlier deadline that was asked for. Per CPU, all with
 * interrupts off: next_tick, wake (0 none), both on the clock.
 *
 * That all CPUs have one clock is the work of tsc.c.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include <arch/upcall.h>
#include <lib/init.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <asm/arch.h>
#include <asm/clock.h>

#define TRIES         6
#define NS_PER_SECOND 1000000000UL

u64 arch_clock_base;
u64 arch_clock_mult;
static u64 tsc_hz, apic_hz;
static u64 apic_mult; /* counts per ns, << 32 */

/* The counters that decided, kept until there is a console. */
static struct {
	const char *best;
	const char *other;
	u32 apart_ppm;
} decided;

static DEFINE_PER_CPU(u64, next_tick);
static DEFINE_PER_CPU(u64, wake);

/* The counters' disagreement, as a sentence. */
static const char *no_agreement(const struct refclock *refs,
				const struct clock_estimate *e, unsigned int n)
{
	static char text[256];
	int len = scnprintf(text, sizeof(text),
			    "no two timers agree how fast the TSC runs:");

	for (unsigned int i = 0; i < n; i++)
		len += scnprintf(text + len, sizeof(text) - (size_t)len,
				 " %s %lu kHz", refs[e[i].source].name,
				 e[i].tsc_hz / 1000);
	if (!n)
		scnprintf(text, sizeof(text), "no timer chip counts");
	return text;
}

const char *timer_calibrate(void)
{
	/* Too large for a frame; one CPU comes here, once. */
	static struct clock_estimate e[TRIES * MAX_REFCLOCKS];
	struct refclock refs[MAX_REFCLOCKS];
	unsigned int n = 0, nr = refclocks_find(refs), stand = 0;
	struct clock_choice choice;
	struct clock_span span;
	bool found = false;

	for (unsigned int i = 0; i < TRIES * nr && !found; i++) {
		unsigned int source = i % nr;
		enum refclock_answer answer;

		if (stand & 1U << source)
			continue;
		answer = refclock_measure(&refs[source], &span);
		if (answer == REFCLOCK_STANDS)
			stand |= 1U << source;
		if (answer == REFCLOCK_COUNTED &&
		    clock_estimate(&span, source, refs[source].hz, &e[n]))
			n++;
		found = clock_choose(e, n, CLOCK_BY_TWO, &choice);
	}
	if (!found && !clock_choose(e, n, CLOCK_BY_ALONE, &choice))
		return no_agreement(refs, e, n);
	tsc_hz = e[choice.best].tsc_hz;
	apic_hz = e[choice.best].apic_hz;
	decided.best = refs[e[choice.best].source].name;
	decided.other = refs[e[choice.other].source].name;
	decided.apart_ppm = choice.apart_ppm;
	/* 10^9 and any APIC clock below 4 GHz still fit, shifted by 32 */
	arch_clock_mult = (NS_PER_SECOND << 32) / tsc_hz;
	apic_mult = (apic_hz << 32) / NS_PER_SECOND;
	arch_clock_base = rdtsc();
	return NULL;
}

u64 arch_tsc_khz(void)
{
	return tsc_hz / 1000;
}

static void arm(u64 now)
{
	u64 at = this_cpu_read(next_tick), early = this_cpu_read(wake), count;

	if (early && early < at)
		at = early;
	at = at > now ? at - now : 0;
	count = (u64)(((unsigned __int128)at * apic_mult) >> 32) + 1;
	lapic_timer_set(count > ~0u ? ~0u : (u32)count);
}

void timer_interrupt(void)
{
	u64 now = arch_clock_ns(), tick = this_cpu_read(next_tick);

	if (now >= tick)
		this_cpu_write(next_tick, now - now % TICK_NS + TICK_NS);
	if (this_cpu_read(wake) <= now)
		this_cpu_write(wake, 0);
	upcall_timer_tick();
	arm(arch_clock_ns());
}

void arch_timer_wake_at(u64 ns)
{
	unsigned long flags = arch_irq_save();
	u64 early = this_cpu_read(wake);

	ns += !ns; /* 0 means none */
	if (!early || ns < early) {
		this_cpu_write(wake, ns);
		if (ns < this_cpu_read(next_tick))
			arm(arch_clock_ns());
	}
	arch_irq_restore(flags);
}

void arch_timer_start_cpu(void)
{
	u64 now = arch_clock_ns();

	this_cpu_write(next_tick, now - now % TICK_NS + TICK_NS);
	arm(now);
}

static int announce_clock(void)
{
	bool alone = decided.best == decided.other;

	pr_info("clock: TSC %lu kHz, APIC timer %lu kHz by %s%s%s, %u ppm apart",
		tsc_hz / 1000, apic_hz / 1000, decided.best,
		alone ? " alone" : " and ", alone ? "" : decided.other,
		decided.apart_ppm);
	return 0;
}
INITCALL(INIT_CORE, announce_clock);
