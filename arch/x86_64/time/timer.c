// SPDX-License-Identifier: MIT
/*
 * timer.c - how fast the TSC and the APIC timer run, and the tick
 *
 * Problem.  Neither counter says its frequency; the PIT's is known (1193182
 * Hz) but it is slow to read, and under an emulator this thread may lose the
 * CPU between any two reads.
 *
 * Idea.  Let the PIT count down from 65535 and take two samples of all three
 * counters some milliseconds apart. A sample is the tightest of several tries:
 * the try whose TSC readings before and after lie closest. Being preempted
 * spoils a try, not the measurement.
 *
 * The tick is the APIC timer in one-shot mode, armed for the next multiple of
 * TICK_NS or for an earlier deadline that was asked for. Per CPU, all with
 * interrupts off: next_tick, wake (0 none), both on the clock.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/time.h>
#include <arch/upcall.h>
#include <kernel/init.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <asm/arch.h>

#define PIT_HZ        1193182UL
#define PIT_CHANNEL2  0x42
#define PIT_COMMAND   0x43
#define PIT_GATE      0x61
#define PIT_LATCH2    0x80
#define PIT_ONESHOT2  0xb0           /* channel 2, both bytes, mode 0 */
#define SPAN_COUNTS   (PIT_HZ / 200) /* 5 ms */
#define SAMPLE_TRIES  5
#define PATIENCE      10000000 /* reads of a PIT that does not count */
#define NS_PER_SECOND 1000000000UL

struct sample {
	u64 tsc;
	u32 apic;
	u16 pit;
};

u64 arch_clock_base;
u64 arch_clock_mult;
static u64 tsc_hz, apic_hz;
static u64 apic_mult; /* counts per ns, << 32 */

static DEFINE_PER_CPU(u64, next_tick);
static DEFINE_PER_CPU(u64, wake);

static u16 pit_read(void)
{
	u16 low;

	outb(PIT_COMMAND, PIT_LATCH2);
	low = inb(PIT_CHANNEL2);
	return (u16)(low | inb(PIT_CHANNEL2) << 8);
}

static struct sample take_sample(void)
{
	struct sample best = {0};
	u64 best_width = ~0UL;

	for (unsigned int i = 0; i < SAMPLE_TRIES; i++) {
		struct sample s;
		u64 before = rdtsc(), after;

		s.pit = pit_read();
		s.apic = lapic_timer_left();
		after = rdtsc();
		s.tsc = before + (after - before) / 2;
		if (after - before < best_width) {
			best_width = after - before;
			best = s;
		}
	}
	return best;
}

static bool measure(struct sample *first, struct sample *last)
{
	outb(PIT_GATE, (u8)((inb(PIT_GATE) & ~2) | 1)); /* count, be silent */
	outb(PIT_COMMAND, PIT_ONESHOT2);
	outb(PIT_CHANNEL2, 0xff);
	outb(PIT_CHANNEL2, 0xff);
	lapic_timer_set(~0u);
	*first = take_sample();
	for (unsigned int i = 0; i < PATIENCE; i++) {
		u16 passed = (u16)(first->pit - pit_read());

		if (passed >= SPAN_COUNTS) {
			*last = take_sample();
			lapic_timer_set(0);
			return last->pit < first->pit && last->tsc > first->tsc;
		}
	}
	lapic_timer_set(0);
	return false;
}

const char *timer_calibrate(void)
{
	struct sample a, b;
	u64 counts;

	if (!measure(&a, &b) && !measure(&a, &b))
		return "the timer chip (PIT) does not count";
	counts = (u64)(a.pit - b.pit);
	tsc_hz = (b.tsc - a.tsc) * PIT_HZ / counts;
	apic_hz = (u64)(a.apic - b.apic) * PIT_HZ / counts;
	if (!tsc_hz || !apic_hz)
		return "the CPU's timers do not count";
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
	pr_info("clock: TSC %lu kHz, APIC timer %lu kHz", tsc_hz / 1000,
		apic_hz / 1000);
	return 0;
}
INITCALL(INIT_CORE, announce_clock);
