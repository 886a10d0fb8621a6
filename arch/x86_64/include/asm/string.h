/* SPDX-License-Identifier: MIT */
/*
 * asm/string.h - block copies and fills by string instructions
 *
 * Eight bytes a step, then the rest: on a CPU without fast byte strings this
 * is the shorter way, on one with them it costs nothing measurable.
 */
#ifndef ASM_STRING_H
#define ASM_STRING_H

#include <lib/types.h>

static inline void arch_memcpy(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep movsq"
			 : "+D"(dst), "+S"(src), "+c"(words)
			 :
			 : "memory");
	__asm__ volatile("rep movsb"
			 : "+D"(dst), "+S"(src), "+c"(n)
			 :
			 : "memory");
}

static inline void arch_memcpy_backward(void *dst, const void *src, size_t n)
{
	u8 *d = (u8 *)dst + n - 1;
	const u8 *s = (const u8 *)src + n - 1;

	__asm__ volatile("std; rep movsb; cld"
			 : "+D"(d), "+S"(s), "+c"(n)
			 :
			 : "memory", "cc");
}

static inline void arch_memset(void *dst, u8 byte, size_t n)
{
	u64 pattern = byte * 0x0101010101010101ULL;
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep stosq"
			 : "+D"(dst), "+c"(words)
			 : "a"(pattern)
			 : "memory");
	__asm__ volatile("rep stosb"
			 : "+D"(dst), "+c"(n)
			 : "a"(pattern)
			 : "memory");
}

#endif
