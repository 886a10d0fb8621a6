/* SPDX-License-Identifier: MIT */
/*
 * arch/time.h - the clock and the tick
 *
 * Time is the TSC, scaled. The tick is each CPU's own timer interrupt, TICK_HZ
 * times a second; a nearer deadline can be asked for in between.
 */
#pragma once

#include <lib/types.h>
#include <arch/cpu.h>

#define TICK_HZ 250
#define TICK_NS (1000000000UL / TICK_HZ)

/* ns = ((tsc - base) * mult) >> 32; set once, before the first initcall */
extern u64 arch_clock_base;
extern u64 arch_clock_mult;

/**
 * arch_clock_ns() - nanoseconds since boot; never goes back on one CPU
 *
 * Context: any.
 */
static inline u64 arch_clock_ns(void)
{
	return (u64)(((unsigned __int128)(rdtsc() - arch_clock_base) *
		      arch_clock_mult) >>
		     32);
}

/**
 * arch_tsc_khz() - cycles per millisecond as calibrated
 */
u64 arch_tsc_khz(void);

/**
 * arch_tsc_to_ns() - length of a span
 * @cycles: difference of two rdtsc()
 */
static inline u64 arch_tsc_to_ns(u64 cycles)
{
	return (u64)(((unsigned __int128)cycles * arch_clock_mult) >> 32);
}

/**
 * arch_timer_wake_at() - ask for a timer interrupt on this CPU no later than
 * @ns: on the clock of arch_clock_ns()
 *
 * The tick goes on; upcall_timer_tick() runs for both.
 *
 * Context: any but NMI.
 */
void arch_timer_wake_at(u64 ns);

/**
 * arch_timer_start_cpu() - begin the tick on this CPU
 *
 * Context: interrupts off.
 */
void arch_timer_start_cpu(void);
