// SPDX-License-Identifier: MIT
/*
 * mm/space/counters.c - what calls on address spaces came to, summed over the CPUs
 *
 * Each CPU counts in words of its own, without a lock. The sum of words that go on
 * changing is exact only while no such call runs.
 */
#include <lib/cpumask.h>
#include <mm/space/counters.h>

DEFINE_PER_CPU(struct space_counters, space_counters);

void space_read_counters(struct space_counters *out)
{
	unsigned int cpu;

	*out = (struct space_counters){0};
	for_each_online_cpu(cpu) {
		const struct space_counters *one =
			per_cpu_ptr(&space_counters, cpu);

		out->refused += READ_ONCE(one->refused);
		out->remaps += READ_ONCE(one->remaps);
		out->grown += READ_ONCE(one->grown);
		out->brks += READ_ONCE(one->brks);
		out->advices += READ_ONCE(one->advices);
		out->lazyfreed += READ_ONCE(one->lazyfreed);
		out->populated += READ_ONCE(one->populated);
		out->young += READ_ONCE(one->young);
		out->cleared += READ_ONCE(one->cleared);
	}
}
