/* SPDX-License-Identifier: MIT */
/*
 * time.h - the monotonic clock
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <lib/types.h>
#include <arch/time.h>

#define NSEC_PER_USEC 1000UL
#define NSEC_PER_MSEC 1000000UL
#define NSEC_PER_SEC  1000000000UL
#define USEC_PER_SEC  1000000UL
#define MSEC_PER_SEC  1000UL

/** clock_ns() - nanoseconds since boot; any context */
static __always_inline u64 clock_ns(void)
{
	return arch_clock_ns();
}

/** time_after_ns() - is @a later than @b?  Right across a wrap */
static inline bool time_after_ns(u64 a, u64 b)
{
	return (s64)(a - b) > 0;
}

/*
 * The longest timeout: 146 years.  Every longer one, up to "for ever" (~0), is
 * this one.  Times are compared as signed differences, so of all times that
 * are armed at once no two may lie 2^63 ns apart.
 */
#define TIMEOUT_MAX_NS (1ULL << 62)

/**
 * deadline_ns() - when a timeout that begins now will be over
 * @timeout_ns: nanoseconds from now; more than TIMEOUT_MAX_NS counts as that
 *
 * Every place that adds a timeout of its caller's to the clock uses this.
 *
 * Context: any.
 * Return: a time on the clock, never earlier than now.
 */
static inline u64 deadline_ns(u64 timeout_ns)
{
	return clock_ns() + min(timeout_ns, (u64)TIMEOUT_MAX_NS);
}

/**
 * usec_to_ns() - microseconds as a timeout in nanoseconds
 * @us: microseconds; what does not fit becomes TIMEOUT_MAX_NS
 *
 * Context: any.
 * Return: nanoseconds, TIMEOUT_MAX_NS at most.
 */
static inline u64 usec_to_ns(unsigned long us)
{
	return us < TIMEOUT_MAX_NS / NSEC_PER_USEC ? us * NSEC_PER_USEC
						   : TIMEOUT_MAX_NS;
}

/** ndelay(), udelay() - burn time; any context */
void ndelay(u64 ns);
void udelay(unsigned long us);

#endif
