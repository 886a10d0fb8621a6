/* SPDX-License-Identifier: MIT */
/*
 * lib/compiler.h under the explorer: each marked access is a step
 *
 * The kernel's own header, and then READ_ONCE() and WRITE_ONCE() anew. All that is
 * built of these follows: smp_load_acquire(), atomic_read(), page-table entries.
 */
#ifndef EXPLORE_LIB_COMPILER_H
#define EXPLORE_LIB_COMPILER_H

#include "include/lib/compiler.h"
#include <explore.h>

#undef READ_ONCE
#undef WRITE_ONCE
/* The step may lead to an older value, which another thread's store has not replaced yet. */
#define READ_ONCE(x) \
	(*(const volatile __typeof__(x) *)explore_load(&(x), sizeof(x)))
/* The value first, as a processor has it in a register before it stores. */
#define WRITE_ONCE(x, val)                               \
	do {                                             \
		__typeof__((x) + 0) once_ = (val);       \
		explore_store(&(x), sizeof(x));          \
		*(volatile __typeof__(x) *)&(x) = once_; \
		explore_stored(&(x));                    \
	} while (0)

#endif
