/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/atomics.h - the core's atomics, for a kernel that lacks them
 *
 * A kernel with atomics of its own does not need this file; docs/lifting.md says what
 * each must promise. This file makes them of the compiler's builtins, for any
 * architecture that gcc or clang knows.
 *
 * A read-modify-write of C11 is not a full barrier, whatever order it names. On
 * AArch64 and RISC-V a later load may be done before its store is seen. The core
 * depends on such loads (tests/model/litmus/range_count_seq_cst.litmus). So each
 * read-modify-write stands between two fences here, also one that returns nothing.
 *
 * Concord does not include it: its own atomics are those of x86, which are full
 * barriers. The tests on the host do. A kernel that defines smp_mb() or
 * NOTIFIER_RMW_FENCE() before it includes this file keeps its own.
 */
#ifndef MM_NOTIFIER_ATOMICS_H
#define MM_NOTIFIER_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

#define smp_load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

#ifndef smp_mb
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#ifndef NOTIFIER_RMW_FENCE
#define NOTIFIER_RMW_FENCE() smp_mb()
#endif

/* @op, between two full barriers. */
#define NOTIFIER_FULL(op)             \
	({                            \
		__typeof__(op) full_; \
		NOTIFIER_RMW_FENCE(); \
		full_ = (op);         \
		NOTIFIER_RMW_FENCE(); \
		full_;                \
	})

/* cmpxchg() returns the value found; try_cmpxchg() whether it was *@oldp. */
#define cmpxchg(ptr, old, new)                                        \
	({                                                            \
		__typeof__(*(ptr)) cmpxchg_old_ = (old);              \
		(void)NOTIFIER_FULL(__atomic_compare_exchange_n(      \
			ptr, &cmpxchg_old_, new, 0, __ATOMIC_SEQ_CST, \
			__ATOMIC_SEQ_CST));                           \
		cmpxchg_old_;                                         \
	})
#define try_cmpxchg(ptr, oldp, new)                \
	NOTIFIER_FULL(__atomic_compare_exchange_n( \
		ptr, oldp, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))

struct atomic {
	int counter;
};

struct atomic64 {
	int64_t counter;
};

static inline int atomic_read(const struct atomic *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline int atomic_read_acquire(const struct atomic *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);
}

static inline void atomic_inc(struct atomic *v)
{
	(void)NOTIFIER_FULL(__atomic_add_fetch(&v->counter, 1, __ATOMIC_SEQ_CST));
}

/* Return: is it 0 now? */
static inline bool atomic_dec_and_test(struct atomic *v)
{
	return !NOTIFIER_FULL(
		__atomic_sub_fetch(&v->counter, 1, __ATOMIC_SEQ_CST));
}

static inline int64_t atomic64_read(const struct atomic64 *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);
}

static inline void atomic64_set(struct atomic64 *v, int64_t i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);
}

static inline void atomic64_add(int64_t i, struct atomic64 *v)
{
	(void)NOTIFIER_FULL(__atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST));
}

static inline void atomic64_or(int64_t i, struct atomic64 *v)
{
	(void)NOTIFIER_FULL(__atomic_or_fetch(&v->counter, i, __ATOMIC_SEQ_CST));
}

/* This and the next return: is it below 0 now? */
static inline bool atomic64_add_negative(int64_t i, struct atomic64 *v)
{
	return NOTIFIER_FULL(__atomic_add_fetch(&v->counter, i,
						__ATOMIC_SEQ_CST)) < 0;
}

static inline bool atomic64_sub_negative(int64_t i, struct atomic64 *v)
{
	return NOTIFIER_FULL(__atomic_sub_fetch(&v->counter, i,
						__ATOMIC_SEQ_CST)) < 0;
}

static inline bool atomic64_try_cmpxchg(struct atomic64 *v, int64_t *old,
					int64_t val)
{
	return try_cmpxchg(&v->counter, old, val);
}

#endif
