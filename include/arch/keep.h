/* SPDX-License-Identifier: MIT */
/*
 * arch/keep.h - call what is rare so that the caller keeps its registers
 *
 * A compiler that inlines "if (unlikely(x)) slow();" into a function must have
 * everything that lives longer in registers that slow() preserves: it saves
 * them at the entry, and pays each time for a call that is made once in a
 * thousand. arch_call_keeping(fn) and arch_call_keeping_arg(fn, arg) call by
 * way of a routine that preserves all, so the call costs its user nothing
 * where it is not made. fn returns nothing and takes at most one argument of
 * register size. In a backtrace the caller's own caller may be missing, if the
 * caller needed no frame.
 */
#ifndef ARCH_KEEP_H
#define ARCH_KEEP_H

#include <asm/keep.h>

#endif
