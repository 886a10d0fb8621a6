/* SPDX-License-Identifier: MIT */
/*
 * arch/string.h - block copies and fills, as the CPU does them best
 *
 * arch_memcpy(dst, src, n) copies upwards: right when the blocks do not
 * overlap or @dst lies below @src; arch_memcpy_backward() copies downwards.
 * arch_memset(dst, byte, n) fills.  <lib/string.h> is for everybody else.
 */
#ifndef ARCH_STRING_H
#define ARCH_STRING_H

#include <asm/string.h>

#endif
