/* SPDX-License-Identifier: MIT */
/*
 * asm/cpu.h under the explorer: a processor without interrupts
 */
#ifndef EXPLORE_ASM_CPU_H
#define EXPLORE_ASM_CPU_H

#include <lib/compiler.h>

#define X86_FEATURE_PDPE1GB 0

static inline bool cpu_has(unsigned int feature)
{
	return false;
}

/* The same in each run, so that a schedule can be replayed. */
static inline u64 rdtsc(void)
{
	return 1;
}

#endif
