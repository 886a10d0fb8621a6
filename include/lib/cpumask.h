/* SPDX-License-Identifier: MIT */
/*
 * cpumask.h - a set of CPUs in one word
 *
 * NR_CPUS is 64 so that a set is one u64: copied, tested and changed by
 * single instructions.  A machine that lists more CPUs runs on the first 64, and
 * the boot says how many stay off.  cpumask_set_cpu and cpumask_clear_cpu are
 * atomic and full barriers.
 */
#ifndef LIB_CPUMASK_H
#define LIB_CPUMASK_H

#include <lib/atomic.h>
#include <lib/bitops.h>
#include <lib/percpu.h>

struct cpumask {
	u64 bits;
};

static_assert(NR_CPUS <= 64, "struct cpumask is one word");

#define CPU_MASK_NONE ((struct cpumask){0})
#define CPU_MASK_ALL  ((struct cpumask){~0ULL})

/* CPUs that run; and those the firmware listed and boot will start. */
extern struct cpumask cpu_online_mask;
extern struct cpumask cpu_possible_mask;

static __always_inline bool cpumask_test_cpu(unsigned int cpu,
					     const struct cpumask *mask)
{
	return (READ_ONCE(mask->bits) >> cpu) & 1;
}

static __always_inline void cpumask_set_cpu(unsigned int cpu, struct cpumask *mask)
{
	arch_set_bit(cpu, (unsigned long *)&mask->bits);
}

static __always_inline void cpumask_clear_cpu(unsigned int cpu,
					      struct cpumask *mask)
{
	arch_clear_bit(cpu, (unsigned long *)&mask->bits);
}

static __always_inline bool cpumask_test_and_clear_cpu(unsigned int cpu,
						       struct cpumask *mask)
{
	return arch_test_and_clear_bit(cpu, (unsigned long *)&mask->bits);
}

static __always_inline bool cpumask_empty(const struct cpumask *mask)
{
	return !READ_ONCE(mask->bits);
}

static __always_inline unsigned int cpumask_weight(const struct cpumask *mask)
{
	return hweight64(READ_ONCE(mask->bits));
}

static __always_inline struct cpumask cpumask_of(unsigned int cpu)
{
	return (struct cpumask){1ULL << cpu};
}

/** cpumask_first() - the lowest CPU of @mask, NR_CPUS when empty */
static __always_inline unsigned int cpumask_first(const struct cpumask *mask)
{
	u64 bits = READ_ONCE(mask->bits);

	return bits ? __ffs(bits) : NR_CPUS;
}

/** cpumask_next() - the lowest CPU of @mask above @cpu, NR_CPUS when none */
static __always_inline unsigned int cpumask_next(int cpu,
						 const struct cpumask *mask)
{
	u64 bits = READ_ONCE(mask->bits);

	if (cpu >= 0)
		bits &= cpu >= 63 ? 0 : ~0ULL << (cpu + 1);
	return bits ? __ffs(bits) : NR_CPUS;
}

/** cpumask_last() - the highest CPU of @mask, NR_CPUS when empty */
static __always_inline unsigned int cpumask_last(const struct cpumask *mask)
{
	u64 bits = READ_ONCE(mask->bits);

	return bits ? __fls(bits) : NR_CPUS;
}

#define for_each_cpu(cpu, mask)                            \
	for ((cpu) = cpumask_first(mask); (cpu) < NR_CPUS; \
	     (cpu) = cpumask_next((int)(cpu), mask))
#define for_each_online_cpu(cpu) for_each_cpu(cpu, &cpu_online_mask)

static __always_inline bool cpu_online(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &cpu_online_mask);
}

static __always_inline unsigned int num_online_cpus(void)
{
	return cpumask_weight(&cpu_online_mask);
}

#endif
