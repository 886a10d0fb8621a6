// SPDX-License-Identifier: MIT
/*
 * mm/kasan/access.c - what instrumented code calls before it reads or writes
 *
 * Problem.  The compiler knows each access, but not what may be accessed.
 *
 * Idea.  It calls one of these functions before the access, with the address (gcc's
 * outline instrumentation; the names are its own).  The function looks at the shadow,
 * reports if need be, and returns: the access then happens all the same, as it
 * would in another kernel.
 *
 *	__asan_loadN_noabort(addr, size), and load1 to load16	before a read
 *	__asan_storeN_noabort(addr, size), and store1 to store16	before a write
 *	kasan_memcpy() and its like	instead of memcpy(), by <lib/string.h>
 *	kasan_check_read(), _write()	from assembler that copies: user access
 *
 * The five functions of lib/memory.c are not instrumented.  The checker and the
 * allocators' own checks, which read red zones, call them as they are; all other code
 * calls their checked forms here.
 *
 * Context: any, NMI too.  Without a fault nothing but the shadow is touched.
 */
#include <lib/string.h>

#include "mm/kasan/internal.h"

#define CALLER() ((unsigned long)__builtin_return_address(0))

/* Inlined: each access of the kernel comes here, most with a size that is a constant. */
static __always_inline void check(const volatile void *addr, size_t size,
				  enum kasan_access access, unsigned long by)
{
	vaddr_t bad = kasan_first_bad((vaddr_t)addr, size);

	if (unlikely(bad))
		kasan_report((vaddr_t)addr, size, bad, access, by);
}

#define ACCESS(n)                                                \
	KASAN_ENTRY(void, __asan_load##n##_noabort, void *addr)  \
	{                                                        \
		check(addr, n, KASAN_READ, CALLER());            \
	}                                                        \
	KASAN_ENTRY(void, __asan_store##n##_noabort, void *addr) \
	{                                                        \
		check(addr, n, KASAN_WRITE, CALLER());           \
	}

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

KASAN_ENTRY(void, __asan_loadN_noabort, void *addr, size_t size)
{
	check(addr, size, KASAN_READ, CALLER());
}

KASAN_ENTRY(void, __asan_storeN_noabort, void *addr, size_t size)
{
	check(addr, size, KASAN_WRITE, CALLER());
}

/* A large variable of a block is left, and entered; small ones are marked inline. */
KASAN_ENTRY(void, __asan_poison_stack_memory, const void *addr, size_t size)
{
	kasan_poison(addr, size, KASAN_STACK_SCOPE);
}

KASAN_ENTRY(void, __asan_unpoison_stack_memory, const void *addr, size_t size)
{
	kasan_unpoison(addr, size);
}

/* The frames that are left keep their marks: kernel_stack_alloc() clears them. */
KASAN_ENTRY(void, __asan_handle_no_return, void)
{
}

void kasan_check_read(const volatile void *addr, size_t size)
{
	check(addr, size, KASAN_READ, CALLER());
}

void kasan_check_write(const volatile void *addr, size_t size)
{
	check(addr, size, KASAN_WRITE, CALLER());
}

KASAN_ENTRY(void *, kasan_memcpy, void *dst, const void *src, size_t n)
{
	check(src, n, KASAN_READ, CALLER());
	check(dst, n, KASAN_WRITE, CALLER());
	return memcpy(dst, src, n);
}

KASAN_ENTRY(void *, kasan_memmove, void *dst, const void *src, size_t n)
{
	check(src, n, KASAN_READ, CALLER());
	check(dst, n, KASAN_WRITE, CALLER());
	return memmove(dst, src, n);
}

KASAN_ENTRY(void *, kasan_memset, void *dst, int byte, size_t n)
{
	check(dst, n, KASAN_WRITE, CALLER());
	return memset(dst, byte, n);
}

KASAN_ENTRY(int, kasan_memcmp, const void *a, const void *b, size_t n)
{
	check(a, n, KASAN_READ, CALLER());
	check(b, n, KASAN_READ, CALLER());
	return memcmp(a, b, n);
}

KASAN_ENTRY(void *, kasan_memchr_inv, const void *p, int byte, size_t n)
{
	check(p, n, KASAN_READ, CALLER());
	return memchr_inv(p, byte, n);
}
