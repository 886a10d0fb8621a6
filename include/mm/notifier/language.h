/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/language.h - names of the compiler, for a kernel that lacks some
 *
 * The notifiers use these names of the compiler, of C and of errno, and no others. A
 * kernel that has all of them does not need this file. One that lacks some includes it
 * in its mm/notifier/types.h, after its own names. A macro that is defined already
 * stays as it is. NOTIFIER_HAS_INTEGERS leaves out the two integer types,
 * NOTIFIER_HAS_ERR_PTR the three functions.
 *
 * Concord does not include it: its own headers have the names.
 */
#ifndef MM_NOTIFIER_LANGUAGE_H
#define MM_NOTIFIER_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef NOTIFIER_HAS_INTEGERS
typedef uint64_t u64;
typedef int64_t s64;
#endif

/* One access: not torn, not repeated, not invented. It orders nothing. */
#ifndef READ_ONCE
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#endif
#ifndef WRITE_ONCE
#define WRITE_ONCE(x, val)                               \
	do {                                             \
		*(volatile __typeof__(x) *)&(x) = (val); \
	} while (0)
#endif

#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef noinline
#define noinline __attribute__((noinline))
#endif
#ifndef __must_check
#define __must_check __attribute__((warn_unused_result))
#endif

#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))
#endif

/* Lock annotations: a checker may give them a meaning. */
#ifndef __must_hold
#define __must_hold(lock)
#endif
#ifndef __releases
#define __releases(lock)
#endif
#ifndef __no_thread_safety
#define __no_thread_safety
#endif

/* 1 when the option was given as -DCONFIG_X=1, else 0. */
#ifndef IS_ENABLED
#define NOTIFIER_ENABLED_ARG_1                     0,
#define NOTIFIER_ENABLED_SECOND(ignored, val, ...) val
#define NOTIFIER_ENABLED__(arg)                    NOTIFIER_ENABLED_SECOND(arg 1, 0, 0)
#define NOTIFIER_ENABLED_(val)                     NOTIFIER_ENABLED__(NOTIFIER_ENABLED_ARG_##val)
#define IS_ENABLED(option)                         NOTIFIER_ENABLED_(option)
#endif

/* Any numbers from 1 to 4095 that differ. */
#ifndef EINTR
#define EINTR 4
#endif
#ifndef EAGAIN
#define EAGAIN 11
#endif
#ifndef ENOMEM
#define ENOMEM 12
#endif
#ifndef EBUSY
#define EBUSY 16
#endif
#ifndef EEXIST
#define EEXIST 17
#endif
#ifndef EINVAL
#define EINVAL 22
#endif
#ifndef EOVERFLOW
#define EOVERFLOW 75
#endif

#ifndef NOTIFIER_HAS_ERR_PTR
/* An error in a pointer: no object lies in the topmost page. */
static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (unsigned long)ptr >= -4095ul;
}
#endif

#endif
