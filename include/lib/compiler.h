/* SPDX-License-Identifier: MIT */
/*
 * compiler.h - what the compiler is asked to do, and the arithmetic of layouts
 *
 * Shared memory is read and written with READ_ONCE() and WRITE_ONCE(): one
 * access, not torn, not repeated, not invented.  They order nothing against
 * other CPUs; <lib/atomic.h> has what does.
 */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#include <lib/types.h>

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)                               \
	do {                                             \
		*(volatile __typeof__(x) *)&(x) = (val); \
	} while (0)

/* The compiler may not move memory accesses across; the CPU still may. */
#define barrier()   __asm__ volatile("" ::: "memory")

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#undef __always_inline
#define __always_inline     inline __attribute__((always_inline))
#define noinline            __attribute__((noinline))
#define __packed            __attribute__((packed))
#define __aligned(n)        __attribute__((aligned(n)))
#define __section(s)        __attribute__((section(s)))
#define __used              __attribute__((used))
#define __maybe_unused      __attribute__((unused))
#define __weak              __attribute__((weak))
#define __cold              __attribute__((cold))
#define __printf(a, b)      __attribute__((format(printf, a, b)))
#define __noreturn          __attribute__((noreturn))
#define __cacheline_aligned __aligned(64)
#define fallthrough         __attribute__((fallthrough))

#ifdef __clang__
#define __no_sanitize_ub __attribute__((no_sanitize("undefined")))
#else
#define __no_sanitize_ub __attribute__((no_sanitize_undefined))
#endif

#ifndef static_assert
#define static_assert _Static_assert
#endif

#define __concat_(a, b) a##b
#define __concat(a, b)  __concat_(a, b)
#define __stringify_(x) #x
#define __stringify(x)  __stringify_(x)
/** __unique(p) - an identifier that begins with @p and occurs once a file */
#define __unique(p) __concat(p, __COUNTER__)

/*
 * Lock annotations.  clang's -Wthread-safety reads the capability
 * attributes, sparse its contexts; gcc sees nothing.  The argument is the
 * lock object (not its address) for __guarded_by, and an expression naming
 * the lock for the others.
 */
#ifdef __CHECKER__
#define __must_hold(x) __attribute__((context(x, 1, 1)))
#define __acquires(x)  __attribute__((context(x, 0, 1)))
#define __releases(x)  __attribute__((context(x, 1, 0)))
#define __acquire(x)   __context__(x, 1)
#define __release(x)   __context__(x, -1)
#define __capability(name)
#define __guarded_by(x)
#define __try_acquires(ok, x)
#define __no_thread_safety
#elif defined(__clang__)
#define __must_hold(x)        __attribute__((requires_capability(x)))
#define __acquires(x)         __attribute__((acquire_capability(x)))
#define __releases(x)         __attribute__((release_capability(x)))
#define __acquires_shared(x)  __attribute__((acquire_shared_capability(x)))
#define __releases_shared(x)  __attribute__((release_shared_capability(x)))
#define __acquire(x)          ((void)0)
#define __release(x)          ((void)0)
#define __capability(name)    __attribute__((capability(name)))
#define __guarded_by(x)       __attribute__((guarded_by(x)))
#define __try_acquires(ok, x) __attribute__((try_acquire_capability(ok, x)))
#define __try_acquires_shared(ok, x) \
	__attribute__((try_acquire_shared_capability(ok, x)))
#define __no_thread_safety __attribute__((no_thread_safety_analysis))
#else
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __acquire(x) ((void)0)
#define __release(x) ((void)0)
#define __capability(name)
#define __guarded_by(x)
#define __try_acquires(ok, x)
#define __no_thread_safety
#endif
#ifndef __try_acquires_shared
#define __try_acquires_shared(ok, x)
#endif
#ifndef __acquires_shared
#define __acquires_shared(x) __acquires(x)
#define __releases_shared(x) __releases(x)
#endif

/** container_of() - the object of @type whose @member is at @ptr */
#define container_of(ptr, type, member)                        \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - \
		  offsetof(type, member)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define min(a, b)                                  \
	({                                         \
		__typeof__((a) + 0) min_a_ = (a);  \
		__typeof__((b) + 0) min_b_ = (b);  \
		(void)(&min_a_ == &min_b_);        \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define max(a, b)                                  \
	({                                         \
		__typeof__((a) + 0) max_a_ = (a);  \
		__typeof__((b) + 0) max_b_ = (b);  \
		(void)(&max_a_ == &max_b_);        \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})
#define min_t(type, a, b)                                  \
	({                                                 \
		type min_t_a_ = (a);                       \
		type min_t_b_ = (b);                       \
		min_t_a_ < min_t_b_ ? min_t_a_ : min_t_b_; \
	})
#define max_t(type, a, b)                                  \
	({                                                 \
		type max_t_a_ = (a);                       \
		type max_t_b_ = (b);                       \
		max_t_a_ > max_t_b_ ? max_t_a_ : max_t_b_; \
	})
#define clamp(v, lo, hi)                                                 \
	({                                                               \
		__typeof__((v) + 0) clamp_v_ = (v);                      \
		__typeof__(clamp_v_) clamp_lo_ = (lo), clamp_hi_ = (hi); \
		clamp_v_<clamp_lo_ ? clamp_lo_ : clamp_v_> clamp_hi_     \
			? clamp_hi_                                      \
			: clamp_v_;                                      \
	})
#define swap(a, b)                             \
	do {                                   \
		__typeof__(a) swap_tmp_ = (a); \
		(a) = (b);                     \
		(b) = swap_tmp_;               \
	} while (0)

/* @a is a power of two in the three below. */
#define ALIGN(x, a) \
	(((x) + ((__typeof__((x) + 0))(a)-1)) & ~((__typeof__((x) + 0))(a)-1))
#define ALIGN_DOWN(x, a)   ((x) & ~((__typeof__((x) + 0))(a)-1))
#define IS_ALIGNED(x, a)   (((x) & ((__typeof__((x) + 0))(a)-1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define BIT(n)             (1UL << (n))

/*
 * IS_ENABLED(CONFIG_X): 1 when the option was given as -DCONFIG_X=1, else 0;
 * a constant, so that `if (IS_ENABLED(...))` compiles both ways and keeps
 * one.  The pasted helper expands to an extra argument only for a 1.
 */
#define IS_ENABLED_ARG_1                     0,
#define IS_ENABLED_SECOND(ignored, val, ...) val
#define IS_ENABLED__(arg)                    IS_ENABLED_SECOND(arg 1, 0, 0)
#define IS_ENABLED_(val)                     IS_ENABLED__(IS_ENABLED_ARG_##val)
#define IS_ENABLED(option)                   IS_ENABLED_(option)

#endif
