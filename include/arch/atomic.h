/* SPDX-License-Identifier: MIT */
/*
 * arch/atomic.h - the atomic operations an architecture provides
 *
 * arch_xchg(ptr, val), arch_cmpxchg(ptr, old, new), arch_try_cmpxchg(ptr,
 * oldp, new), arch_xadd(ptr, val): operands of 1, 2, 4, 8 bytes, full
 * barriers.  arch_atomic_op/inc/dec/dec_and_test/add_negative/sub_negative
 * on int ("l") and long ("q").  arch_smp_mb(): a full barrier.  arch_set_bit
 * and friends.  arch_test_and_set_lock(u32 *): make 0 or 1 a 1, was it that?
 * Rooms above use <lib/atomic.h> and <lib/bitops.h>.
 */
#ifndef ARCH_ATOMIC_H
#define ARCH_ATOMIC_H

#include <asm/atomic.h>

#endif
