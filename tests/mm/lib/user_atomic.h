/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/user_atomic.h - atomics on user memory, as a program would do them
 *
 * The thread has adopted the address space.  A page that is not there, or that
 * a device has to itself, is faulted in as for a user's own instruction.
 */
#ifndef TESTS_MM_LIB_USER_ATOMIC_H
#define TESTS_MM_LIB_USER_ATOMIC_H

#include <lib/types.h>

/** enum user_atomic_op - what becomes of a word */
enum user_atomic_op {
	USER_ATOMIC_ADD,
	USER_ATOMIC_AND,
	USER_ATOMIC_OR,
	USER_ATOMIC_XOR,
	USER_ATOMIC_SWAP,
	USER_ATOMIC_CAS, /* the operand, if it was the value to compare with */
	USER_ATOMIC_MIN, /* unsigned, as the next */
	USER_ATOMIC_MAX,
	USER_ATOMIC_OPS, /* how many there are */
};

/**
 * struct user_atomic - one atomic operation
 * @op: what to do
 * @width: bytes of the word: 1, 2, 4 or 8
 * @operand: second operand, its low @width bytes
 * @compare: of USER_ATOMIC_CAS only
 * @old: out: what the word held
 */
struct user_atomic {
	enum user_atomic_op op;
	unsigned int width;
	u64 operand;
	u64 compare;
	u64 old;
};

/**
 * user_atomic_at() - do an operation to a word of user memory
 * @addr: its address, a multiple of the width
 * @atomic: what to do
 *
 * Context: thread context with current->mm set; may sleep in the fault.
 * Return: 0, or -EFAULT: nothing was done, @atomic->old is untouched.
 */
int user_atomic_at(vaddr_t addr, struct user_atomic *atomic);

/** user_atomic_result() - what a word that held @old holds after @atomic */
u64 user_atomic_result(const struct user_atomic *atomic, u64 old);

/** user_atomic_mask() - the bits of a word of @width bytes */
static inline u64 user_atomic_mask(unsigned int width)
{
	return width == 8 ? ~0UL : (1UL << 8 * width) - 1;
}

#endif
