/* SPDX-License-Identifier: MIT */
/*
 * asm/atomic.h - the atomic instructions, for any operand of 1, 2, 4, 8 bytes
 *
 * Every locked instruction (and xchg) is a full barrier on x86; the "memory"
 * clobber makes it one for the compiler as well.  Plain loads are acquires
 * and plain stores releases: only store-then-load needs smp_mb().
 *
 * The compiler does not see what assembler changes: arch_atomic_seen() tells the memory
 * checker and the race detector, where the kernel has them.
 */
#ifndef ASM_ATOMIC_H
#define ASM_ATOMIC_H

#include <lib/compiler.h>
#include <lib/kasan_check.h>
#include <lib/race.h>

#define arch_atomic_seen(ptr)                             \
	do {                                              \
		kasan_check_write((ptr), sizeof(*(ptr))); \
		race_atomic(ptr);                         \
	} while (0)

/* A locked add to the stack: a full barrier, cheaper than mfence. */
#define arch_smp_mb() \
	__asm__ volatile("lock addl $0, -4(%%rsp)" ::: "memory", "cc")

#define arch_xchg(ptr, val)                                      \
	({                                                       \
		arch_atomic_seen(ptr);                           \
		__typeof__(*(ptr)) xchg_val_ = (val);            \
		__asm__ volatile("xchg %0, %1"                   \
				 : "+q"(xchg_val_), "+m"(*(ptr)) \
				 :                               \
				 : "memory");                    \
		xchg_val_;                                       \
	})

#define arch_cmpxchg(ptr, old, new)                                 \
	({                                                          \
		arch_atomic_seen(ptr);                              \
		__typeof__(*(ptr)) cmpxchg_old_ = (old);            \
		__typeof__(*(ptr)) cmpxchg_new_ = (new);            \
		__asm__ volatile("lock cmpxchg %2, %1"              \
				 : "+a"(cmpxchg_old_), "+m"(*(ptr)) \
				 : "q"(cmpxchg_new_)                \
				 : "memory", "cc");                 \
		cmpxchg_old_;                                       \
	})

/* On failure *@oldp becomes what was there. */
#define arch_try_cmpxchg(ptr, oldp, new)                        \
	({                                                      \
		arch_atomic_seen(ptr);                          \
		__typeof__(*(ptr)) cmpxchg_new_ = (new);        \
		bool cmpxchg_ok_;                               \
		__asm__ volatile("lock cmpxchg %3, %1"          \
				 : "+a"(*(oldp)), "+m"(*(ptr)), \
				   "=@ccz"(cmpxchg_ok_)         \
				 : "q"(cmpxchg_new_)            \
				 : "memory");                   \
		cmpxchg_ok_;                                    \
	})

#define arch_xadd(ptr, val)                                      \
	({                                                       \
		arch_atomic_seen(ptr);                           \
		__typeof__(*(ptr)) xadd_val_ = (val);            \
		__asm__ volatile("lock xadd %0, %1"              \
				 : "+q"(xadd_val_), "+m"(*(ptr)) \
				 :                               \
				 : "memory", "cc");              \
		xadd_val_;                                       \
	})

/* The widths below are spelt: s is the suffix ("l" or "q"). */
#define arch_atomic_op(op, s, ptr, val)                 \
	do {                                            \
		arch_atomic_seen(ptr);                  \
		__asm__ volatile("lock " op s " %1, %0" \
				 : "+m"(*(ptr))         \
				 : "er"(val)            \
				 : "memory", "cc");     \
	} while (0)

#define arch_atomic_inc(s, ptr)                     \
	do {                                        \
		arch_atomic_seen(ptr);              \
		__asm__ volatile("lock inc" s " %0" \
				 : "+m"(*(ptr))     \
				 :                  \
				 : "memory", "cc"); \
	} while (0)

#define arch_atomic_dec(s, ptr)                     \
	do {                                        \
		arch_atomic_seen(ptr);              \
		__asm__ volatile("lock dec" s " %0" \
				 : "+m"(*(ptr))     \
				 :                  \
				 : "memory", "cc"); \
	} while (0)

#define arch_atomic_dec_and_test(s, ptr)                            \
	({                                                          \
		arch_atomic_seen(ptr);                              \
		bool dec_zero_;                                     \
		__asm__ volatile("lock dec" s " %0"                 \
				 : "+m"(*(ptr)), "=@ccz"(dec_zero_) \
				 :                                  \
				 : "memory");                       \
		dec_zero_;                                          \
	})

/* Adds and says whether the sum is negative. */
#define arch_atomic_add_negative(s, ptr, val)                      \
	({                                                         \
		arch_atomic_seen(ptr);                             \
		bool add_neg_;                                     \
		__asm__ volatile("lock add" s " %2, %0"            \
				 : "+m"(*(ptr)), "=@ccs"(add_neg_) \
				 : "er"(val)                       \
				 : "memory");                      \
		add_neg_;                                          \
	})

/* Subtracts and says whether the difference is negative. */
#define arch_atomic_sub_negative(s, ptr, val)                      \
	({                                                         \
		arch_atomic_seen(ptr);                             \
		bool sub_neg_;                                     \
		__asm__ volatile("lock sub" s " %2, %0"            \
				 : "+m"(*(ptr)), "=@ccs"(sub_neg_) \
				 : "er"(val)                       \
				 : "memory");                      \
		sub_neg_;                                          \
	})

static __always_inline void arch_set_bit(unsigned long nr,
					 volatile unsigned long *addr)
{
	arch_atomic_seen(&addr[nr / 64]);
	__asm__ volatile("lock btsq %1, %0"
			 : "+m"(addr[nr / 64])
			 : "Jr"(nr % 64)
			 : "memory", "cc");
}

static __always_inline void arch_clear_bit(unsigned long nr,
					   volatile unsigned long *addr)
{
	arch_atomic_seen(&addr[nr / 64]);
	__asm__ volatile("lock btrq %1, %0"
			 : "+m"(addr[nr / 64])
			 : "Jr"(nr % 64)
			 : "memory", "cc");
}

static __always_inline bool arch_test_and_set_bit(unsigned long nr,
						  volatile unsigned long *addr)
{
	bool old;

	arch_atomic_seen(&addr[nr / 64]);
	__asm__ volatile("lock btsq %2, %0"
			 : "+m"(addr[nr / 64]), "=@ccc"(old)
			 : "Jr"(nr % 64)
			 : "memory");
	return old;
}

/* The flag is the answer: no register, no comparison. */
static __always_inline bool arch_test_and_set_lock(volatile unsigned int *word)
{
	bool old;

	arch_atomic_seen(word);
	__asm__ volatile("lock btsl $0, %0"
			 : "+m"(*word), "=@ccc"(old)
			 :
			 : "memory");
	return old;
}

static __always_inline bool arch_test_and_clear_bit(unsigned long nr,
						    volatile unsigned long *addr)
{
	bool old;

	arch_atomic_seen(&addr[nr / 64]);
	__asm__ volatile("lock btrq %2, %0"
			 : "+m"(addr[nr / 64]), "=@ccc"(old)
			 : "Jr"(nr % 64)
			 : "memory");
	return old;
}

#endif
