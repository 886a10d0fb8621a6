/* SPDX-License-Identifier: MIT */
/*
 * asm/percpu.h - per-CPU access through the GS segment
 *
 * GS base holds this CPU's offset, so %gs:var is "template address + offset".
 * The compiler forms the address of the template as for any variable; the
 * segment prefix moves the access to this CPU's copy. One instruction each:
 * nothing can come between finding the copy and using it.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

#define __percpu_load(qual, var)                                          \
	({                                                                \
		typeof(var) pcp_ret__;                                    \
		asm qual("mov %%gs:%1, %0" : "=r"(pcp_ret__) : "m"(var)); \
		pcp_ret__;                                                \
	})

#define this_cpu_read(var)        __percpu_load(volatile, var)
#define this_cpu_read_stable(var) __percpu_load(, var)

/* "op val, %gs:var", with the suffix that the size of @var asks for */
#define __percpu_op(op, var, val)                                            \
	do {                                                                 \
		typeof(var) pcp_val__ = (val);                               \
		static_assert(sizeof(var) <= 8, "per-CPU operand too wide"); \
		if (sizeof(var) == 1)                                        \
			asm volatile(op "b %b1, %%gs:%0"                     \
				     : "+m"(var)                             \
				     : "qi"(pcp_val__));                     \
		else if (sizeof(var) == 2)                                   \
			asm volatile(op "w %w1, %%gs:%0"                     \
				     : "+m"(var)                             \
				     : "ri"(pcp_val__));                     \
		else if (sizeof(var) == 4)                                   \
			asm volatile(op "l %k1, %%gs:%0"                     \
				     : "+m"(var)                             \
				     : "ri"(pcp_val__));                     \
		else                                                         \
			asm volatile(op "q %q1, %%gs:%0"                     \
				     : "+m"(var)                             \
				     : "re"(pcp_val__));                     \
	} while (0)

#define this_cpu_write(var, val) __percpu_op("mov", var, val)
#define this_cpu_add(var, val)   __percpu_op("add", var, val)
#define this_cpu_sub(var, val)   __percpu_op("sub", var, val)
#define this_cpu_or(var, val)    __percpu_op("or", var, val)
#define this_cpu_and(var, val)   __percpu_op("and", var, val)
#define this_cpu_inc(var)        this_cpu_add(var, 1)
#define this_cpu_dec(var)        this_cpu_sub(var, 1)

/* decrement a 4-byte counter; true if it became zero */
#define this_cpu_dec_is_zero(var)                                              \
	({                                                                     \
		bool pcp_zero__;                                               \
		static_assert(sizeof(var) == 4, "a 4-byte counter");           \
		asm volatile("decl %%gs:%0" : "+m"(var), "=@ccz"(pcp_zero__)); \
		pcp_zero__;                                                    \
	})

extern unsigned long this_cpu_offset_slot;

/* every CPU's copy of this_cpu_offset_slot holds the CPU's own offset */
static __always_inline unsigned long this_cpu_offset(void)
{
	return this_cpu_read_stable(this_cpu_offset_slot);
}

/* add to a counter and return what it was, as one instruction */
#define this_cpu_fetch_add(var, val)                      \
	({                                                \
		typeof(var) pcp_old__ = (val);            \
		asm volatile("xadd %0, %%gs:%1"           \
			     : "+r"(pcp_old__), "+m"(var) \
			     :                            \
			     : "cc");                     \
		pcp_old__;                                \
	})
