/* SPDX-License-Identifier: MIT */
/*
 * types.h - the integer and address kinds every layer uses
 *
 * An address kind is its own typedef so that prototypes say which space a
 * number lies in; all of them are unsigned long, so that %lx prints each.
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef long ssize_t;

/* Addresses are kept in it, and so are words of packed counts. */
_Static_assert(sizeof(long) == 8 && sizeof(void *) == 8,
	       "a long is as wide as a pointer, 64 bits");

/** vaddr_t - a virtual address, kernel's or user's */
typedef unsigned long vaddr_t;
/** paddr_t - a physical address */
typedef unsigned long paddr_t;
/** pfn_t - a physical frame number: paddr_t >> 12 */
typedef unsigned long pfn_t;
/** gfp_t - flags of an allocation, see <mm/alloc/alloc.h> */
typedef unsigned int gfp_t;

/*
 * __user: the pointer is another address space's and may only be touched by
 * <arch/uaccess.h>; __iomem: a device's registers; __force: a checked cast.
 * sparse checks them, compilers ignore them.
 */
#ifdef __CHECKER__
#define __user  __attribute__((noderef, address_space(__user)))
#define __iomem __attribute__((noderef, address_space(__iomem)))
#define __force __attribute__((force))
#else
#define __user
#define __iomem
#define __force
#endif

#define __must_check __attribute__((warn_unused_result))

#endif
