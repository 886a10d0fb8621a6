/* SPDX-License-Identifier: MIT */
/*
 * kasan_check.h - ask the memory checker about an access that no compiler sees
 *
 * For assembler that touches memory: an atomic instruction, a copy from or to user memory.
 * Apart from <lib/kasan.h>, which needs page tables, as <arch/atomic.h> is below those.
 */
#ifndef LIB_KASAN_CHECK_H
#define LIB_KASAN_CHECK_H

#include <lib/types.h>

#ifdef CONFIG_KASAN

/**
 * kasan_check_read() - the caller is about to read
 * @addr: first byte
 * @size: bytes
 *
 * Context: any.
 */
void kasan_check_read(const volatile void *addr, size_t size);

/** kasan_check_write() - the same before a write */
void kasan_check_write(const volatile void *addr, size_t size);

#else

static inline void kasan_check_read(const volatile void *addr, size_t size)
{
}
static inline void kasan_check_write(const volatile void *addr, size_t size)
{
}

#endif

#endif
