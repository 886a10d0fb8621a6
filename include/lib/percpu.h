/* SPDX-License-Identifier: MIT */
/*
 * percpu.h - one copy of a variable for each CPU
 *
 * A per-CPU variable is a template in section .percpu; every CPU has a copy
 * of the whole section, and the base of %gs is the distance from the template
 * to that copy.  this_cpu_*() is one instruction, hence right even when the
 * thread may be moved to another CPU just before or after it.
 */
#ifndef LIB_PERCPU_H
#define LIB_PERCPU_H

#include <lib/compiler.h>
#include <arch/percpu.h>

#define NR_CPUS 64

#define DECLARE_PER_CPU(type, name) \
	extern __section(".percpu") __typeof__(type) name
#define DEFINE_PER_CPU(type, name) __section(".percpu") __typeof__(type) name
#define DEFINE_PER_CPU_ALIGNED(type, name) \
	__section(".percpu.aligned") __cacheline_aligned __typeof__(type) name
#define DECLARE_PER_CPU_ALIGNED(type, name) \
	extern DEFINE_PER_CPU_ALIGNED(type, name)

/* Written by the architecture, in each CPU's copy, before the CPU runs. */
DECLARE_PER_CPU(unsigned int, cpu_number);

/** smp_processor_id() - this CPU; stable only while preemption is off */
#define smp_processor_id() this_cpu_read(cpu_number)

/** per_cpu_ptr() - address of @cpu's copy of the variable at @ptr */
#define per_cpu_ptr(ptr, cpu) \
	((__typeof__(ptr))((unsigned long)(ptr) + percpu_offset[cpu]))
#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), cpu))
/** this_cpu_ptr() - address of this CPU's copy; keep preemption off */
#define this_cpu_ptr(ptr) \
	((__typeof__(ptr))((unsigned long)(ptr) + this_cpu_offset()))

#endif
