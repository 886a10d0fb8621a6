/* SPDX-License-Identifier: MIT */
/*
 * time.h - the monotonic clock
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <kernel/types.h>
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

/** ndelay(), udelay() - burn time; any context */
void ndelay(u64 ns);
void udelay(unsigned long us);

#endif
