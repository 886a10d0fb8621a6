/* SPDX-License-Identifier: MIT */
/* lib/percpu.h under the explorer: one CPU's copy serves all threads */
#ifndef LIB_PERCPU_H
#define LIB_PERCPU_H

#include <lib/compiler.h>

#define NR_CPUS                     64
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name
#define DEFINE_PER_CPU(type, name)  __typeof__(type) name
#define this_cpu_add(var, val)      ((void)((var) += (val)))
#define this_cpu_inc(var)           this_cpu_add(var, 1)
#define per_cpu_ptr(ptr, cpu)       ((void)(cpu), (ptr))

#endif
