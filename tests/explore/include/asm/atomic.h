/* SPDX-License-Identifier: MIT */
/*
 * asm/atomic.h under the explorer: each atomic operation is a step
 *
 * Only one thread runs at a time, so behind its step an operation is plain C.
 */
#ifndef EXPLORE_ASM_ATOMIC_H
#define EXPLORE_ASM_ATOMIC_H

#include <lib/compiler.h>

#define arch_smp_mb() explore_barrier()

#define arch_xchg(ptr, val)                            \
	({                                             \
		__typeof__(*(ptr)) xchg_new_ = (val);  \
		explore_atomic(ptr, sizeof(*(ptr)));   \
		__typeof__(*(ptr)) xchg_old_ = *(ptr); \
		*(ptr) = xchg_new_;                    \
		xchg_old_;                             \
	})

/* On failure *@oldp becomes what was there. */
#define arch_try_cmpxchg(ptr, oldp, new)                 \
	({                                               \
		__typeof__(*(ptr)) cmpxchg_new_ = (new); \
		explore_atomic(ptr, sizeof(*(ptr)));     \
		bool cmpxchg_ok_ = *(ptr) == *(oldp);    \
		if (cmpxchg_ok_)                         \
			*(ptr) = cmpxchg_new_;           \
		else                                     \
			*(oldp) = *(ptr);                \
		cmpxchg_ok_;                             \
	})

#define arch_cmpxchg(ptr, old, new)                              \
	({                                                       \
		__typeof__(*(ptr)) cmpxchg_was_ = (old);         \
		(void)arch_try_cmpxchg(ptr, &cmpxchg_was_, new); \
		cmpxchg_was_;                                    \
	})

#define arch_xadd(ptr, val)                            \
	({                                             \
		__typeof__(*(ptr)) xadd_add_ = (val);  \
		explore_atomic(ptr, sizeof(*(ptr)));   \
		__typeof__(*(ptr)) xadd_old_ = *(ptr); \
		*(ptr) = xadd_old_ + xadd_add_;        \
		xadd_old_;                             \
	})

/* The operation comes as the name of an instruction, which is a constant here. */
#define arch_atomic_op(op, s, ptr, val)                                      \
	do {                                                                 \
		__typeof__(*(ptr)) op_val_ = (val);                          \
		explore_atomic(ptr, sizeof(*(ptr)));                         \
		*(ptr) = (op)[0] == 'a' && (op)[1] == 'd' ? *(ptr) + op_val_ \
			 : (op)[0] == 's'                 ? *(ptr)-op_val_   \
			 : (op)[0] == 'o'                 ? *(ptr) | op_val_ \
							  : *(ptr)&op_val_;                  \
	} while (0)

#define arch_atomic_inc(s, ptr)               arch_atomic_op("add", s, ptr, 1)
#define arch_atomic_dec(s, ptr)               arch_atomic_op("sub", s, ptr, 1)
#define arch_atomic_dec_and_test(s, ptr)      (arch_xadd(ptr, -1) == 1)
#define arch_atomic_add_negative(s, ptr, val) (arch_xadd(ptr, val) + (val) < 0)
#define arch_atomic_sub_negative(s, ptr, val) \
	(arch_xadd(ptr, -(val)) - (val) < 0)

static __always_inline void arch_set_bit(unsigned long nr,
					 volatile unsigned long *addr)
{
	explore_atomic(addr + nr / 64, sizeof(*addr));
	addr[nr / 64] |= 1ul << nr % 64;
}

static __always_inline void arch_clear_bit(unsigned long nr,
					   volatile unsigned long *addr)
{
	explore_atomic(addr + nr / 64, sizeof(*addr));
	addr[nr / 64] &= ~(1ul << nr % 64);
}

static __always_inline bool arch_test_and_set_bit(unsigned long nr,
						  volatile unsigned long *addr)
{
	bool old;

	explore_atomic(addr + nr / 64, sizeof(*addr));
	old = addr[nr / 64] >> nr % 64 & 1;
	addr[nr / 64] |= 1ul << nr % 64;
	return old;
}

static __always_inline bool arch_test_and_clear_bit(unsigned long nr,
						    volatile unsigned long *addr)
{
	bool old;

	explore_atomic(addr + nr / 64, sizeof(*addr));
	old = addr[nr / 64] >> nr % 64 & 1;
	addr[nr / 64] &= ~(1ul << nr % 64);
	return old;
}

#endif
