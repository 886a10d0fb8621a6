// SPDX-License-Identifier: MIT
/*
 * kernel/time.c - burning time
 *
 * For hardware that wants a pause too short to sleep.  The clock is read
 * rather than instructions counted, so an interrupted delay is not longer
 * than the interrupt makes it.
 */
#include <kernel/time.h>

void ndelay(u64 ns)
{
	u64 end = deadline_ns(ns);

	while (time_after_ns(end, clock_ns()))
		cpu_relax();
}

void udelay(unsigned long us)
{
	ndelay(usec_to_ns(us));
}
