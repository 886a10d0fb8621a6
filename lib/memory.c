// SPDX-License-Identifier: MIT
/*
 * lib/memory.c - blocks of memory, byte by byte unless it matters
 *
 * memcpy, memset and memmove are what the compiler calls on its own, so they
 * must not be compiled into calls of themselves: the loops are behind
 * arch_memcpy() and arch_memset(), string instructions where the CPU has
 * them.
 *
 * The compiler does not see what a string instruction touches: race_access_by() tells
 * the race detector.  The place is the caller's: copies of one kind by two callers are
 * two places, each reported.  The memory checker has a checked form of each function
 * (mm/kasan/access.c); it does not instrument this file, so that code that reads red
 * zones can use it.
 */
#include <lib/race.h>
#include <lib/string.h>
#include <arch/string.h>

#define CALLER() ((unsigned long)__builtin_return_address(0))

void *memcpy(void *dst, const void *src, size_t n)
{
	race_access_by(src, n, RACE_READ, CALLER());
	race_access_by(dst, n, RACE_WRITE, CALLER());
	arch_memcpy(dst, src, n);
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	race_access_by(dst, n, RACE_WRITE, CALLER());
	arch_memset(dst, (u8)byte, n);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	race_access_by(src, n, RACE_READ, CALLER());
	race_access_by(dst, n, RACE_WRITE, CALLER());
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		arch_memcpy(dst, src, n);
	else
		arch_memcpy_backward(dst, src, n);
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr_inv(const void *p, int byte, size_t n)
{
	const u8 *s = p;

	for (; n; n--, s++)
		if (*s != (u8)byte)
			return (void *)s;
	return NULL;
}
