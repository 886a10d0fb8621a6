/* SPDX-License-Identifier: MIT */
/* asm/keep.h - see <arch/keep.h>; the routine is cpu/keep.asm */
#ifndef ASM_KEEP_H
#define ASM_KEEP_H

#define arch_call_keeping(fn)                           \
	do {                                            \
		void (*keeping_fn_)(void) = (fn);       \
                                                        \
		asm volatile("call arch_keep_registers" \
			     : "+a"(keeping_fn_)        \
			     :                          \
			     : "cc", "memory");         \
	} while (0)

#define arch_call_keeping_arg(fn, arg)                  \
	do {                                            \
		__typeof__(fn) *keeping_fn_ = &(fn);    \
                                                        \
		asm volatile("call arch_keep_registers" \
			     : "+a"(keeping_fn_)        \
			     : "D"(arg)                 \
			     : "cc", "memory");         \
	} while (0)

#endif
