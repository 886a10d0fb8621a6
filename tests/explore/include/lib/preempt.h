/* SPDX-License-Identifier: MIT */
/* lib/preempt.h under the explorer: its scheduler alone takes the CPU from a thread */
#ifndef LIB_PREEMPT_H
#define LIB_PREEMPT_H

#include <lib/compiler.h>

static inline bool in_atomic(void)
{
	return false;
}

#endif
