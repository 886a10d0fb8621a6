/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - counters and words that several CPUs change at once
 *
 * Every operation that both reads and writes is a full barrier.  atomic_read
 * and atomic_set order nothing.  smp_store_release() publishes: all earlier
 * accesses are done before it; smp_load_acquire() subscribes: no later access
 * happens before it.  Each use says which other access it pairs with.
 */
#ifndef LIB_ATOMIC_H
#define LIB_ATOMIC_H

#include <lib/compiler.h>
#include <arch/atomic.h>

#define smp_mb()  arch_smp_mb()
#define smp_rmb() barrier()
#define smp_wmb() barrier()

#define smp_load_acquire(p)                                   \
	({                                                    \
		__typeof__(*(p)) acquired_ = READ_ONCE(*(p)); \
		barrier();                                    \
		acquired_;                                    \
	})
#define smp_store_release(p, v)        \
	do {                           \
		barrier();             \
		WRITE_ONCE(*(p), (v)); \
	} while (0)

/** xchg() - store @val in *@ptr and return what was there */
#define xchg(ptr, val) arch_xchg(ptr, val)
/** cmpxchg() - store @new if *@ptr is @old; return what was there */
#define cmpxchg(ptr, old, new) arch_cmpxchg(ptr, old, new)
/** try_cmpxchg() - as cmpxchg(); true when stored, else *@oldp is renewed */
#define try_cmpxchg(ptr, oldp, new) arch_try_cmpxchg(ptr, oldp, new)
/** xadd() - add @val to *@ptr and return what was there */
#define xadd(ptr, val) arch_xadd(ptr, val)

struct atomic {
	int counter;
};
struct atomic64 {
	s64 counter;
};

typedef struct atomic atomic_t;
typedef struct atomic64 atomic64_t;

#define ATOMIC_INIT(i) \
	{              \
		(i)    \
	}

/*
 * The two families are one text: P is the prefix, T the struct, V the value's
 * type and S the instruction's suffix.  Written out by a macro because they
 * must never differ.
 */
#define DEFINE_ATOMIC_OPS(P, T, V, S)                                           \
	static __always_inline V P##_read(const struct T *v)                    \
	{                                                                       \
		return READ_ONCE(v->counter);                                   \
	}                                                                       \
	static __always_inline void P##_set(struct T *v, V i)                   \
	{                                                                       \
		WRITE_ONCE(v->counter, i);                                      \
	}                                                                       \
	static __always_inline V P##_read_acquire(const struct T *v)            \
	{                                                                       \
		return smp_load_acquire(&v->counter);                           \
	}                                                                       \
	static __always_inline void P##_set_release(struct T *v, V i)           \
	{                                                                       \
		smp_store_release(&v->counter, i);                              \
	}                                                                       \
	static __always_inline void P##_inc(struct T *v)                        \
	{                                                                       \
		arch_atomic_inc(S, &v->counter);                                \
	}                                                                       \
	static __always_inline void P##_dec(struct T *v)                        \
	{                                                                       \
		arch_atomic_dec(S, &v->counter);                                \
	}                                                                       \
	static __always_inline void P##_add(V i, struct T *v)                   \
	{                                                                       \
		arch_atomic_op("add", S, &v->counter, i);                       \
	}                                                                       \
	static __always_inline void P##_sub(V i, struct T *v)                   \
	{                                                                       \
		arch_atomic_op("sub", S, &v->counter, i);                       \
	}                                                                       \
	static __always_inline void P##_or(V i, struct T *v)                    \
	{                                                                       \
		arch_atomic_op("or", S, &v->counter, i);                        \
	}                                                                       \
	static __always_inline void P##_and(V i, struct T *v)                   \
	{                                                                       \
		arch_atomic_op("and", S, &v->counter, i);                       \
	}                                                                       \
	static __always_inline V P##_fetch_add(V i, struct T *v)                \
	{                                                                       \
		return arch_xadd(&v->counter, i);                               \
	}                                                                       \
	static __always_inline V P##_add_return(V i, struct T *v)               \
	{                                                                       \
		return arch_xadd(&v->counter, i) + i;                           \
	}                                                                       \
	static __always_inline V P##_sub_return(V i, struct T *v)               \
	{                                                                       \
		return arch_xadd(&v->counter, -i) - i;                          \
	}                                                                       \
	static __always_inline V P##_inc_return(struct T *v)                    \
	{                                                                       \
		return P##_add_return(1, v);                                    \
	}                                                                       \
	static __always_inline V P##_dec_return(struct T *v)                    \
	{                                                                       \
		return P##_add_return(-1, v);                                   \
	}                                                                       \
	static __always_inline bool P##_dec_and_test(struct T *v)               \
	{                                                                       \
		return arch_atomic_dec_and_test(S, &v->counter);                \
	}                                                                       \
	static __always_inline bool P##_sub_and_test(V i, struct T *v)          \
	{                                                                       \
		return P##_sub_return(i, v) == 0;                               \
	}                                                                       \
	static __always_inline bool P##_add_negative(V i, struct T *v)          \
	{                                                                       \
		return arch_atomic_add_negative(S, &v->counter, i);             \
	}                                                                       \
	static __always_inline bool P##_sub_negative(V i, struct T *v)          \
	{                                                                       \
		return arch_atomic_sub_negative(S, &v->counter, i);             \
	}                                                                       \
	static __always_inline V P##_xchg(struct T *v, V i)                     \
	{                                                                       \
		return arch_xchg(&v->counter, i);                               \
	}                                                                       \
	static __always_inline V P##_cmpxchg(struct T *v, V old, V val)         \
	{                                                                       \
		return arch_cmpxchg(&v->counter, old, val);                     \
	}                                                                       \
	static __always_inline bool P##_try_cmpxchg(struct T *v, V *old, V val) \
	{                                                                       \
		return arch_try_cmpxchg(&v->counter, old, val);                 \
	}                                                                       \
	static __always_inline V P##_fetch_or(V i, struct T *v)                 \
	{                                                                       \
		V old = READ_ONCE(v->counter);                                  \
		while (!arch_try_cmpxchg(&v->counter, &old, old | i))           \
			;                                                       \
		return old;                                                     \
	}                                                                       \
	static __always_inline V P##_fetch_and(V i, struct T *v)                \
	{                                                                       \
		V old = READ_ONCE(v->counter);                                  \
		while (!arch_try_cmpxchg(&v->counter, &old, old & i))           \
			;                                                       \
		return old;                                                     \
	}                                                                       \
	/* Adds @i unless the value is @u; true when added. */                  \
	static __always_inline bool P##_add_unless(struct T *v, V i, V u)       \
	{                                                                       \
		V old = READ_ONCE(v->counter);                                  \
		do {                                                            \
			if (old == u)                                           \
				return false;                                   \
		} while (!arch_try_cmpxchg(&v->counter, &old, old + i));        \
		return true;                                                    \
	}                                                                       \
	static __always_inline bool P##_inc_not_zero(struct T *v)               \
	{                                                                       \
		return P##_add_unless(v, 1, 0);                                 \
	}

DEFINE_ATOMIC_OPS(atomic, atomic, int, "l")
DEFINE_ATOMIC_OPS(atomic64, atomic64, s64, "q")

#endif
