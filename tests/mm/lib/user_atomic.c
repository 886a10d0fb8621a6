// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/user_atomic.c - atomics on user memory, as a program would do them
 *
 * Problem.  The promises of exclusive access are about a user's locked
 * instructions of all widths.  The kernel itself needs two of one width.
 *
 * Idea.  An addition is a locked exchange-and-add.  All others are
 * compare-exchanges until one finds the word as the one before it saw it; the
 * first guesses 0.  Compilers make such code of an atomic operation whose old
 * value is wanted.
 *
 * A word that many threads change makes the loop go round again, but each time
 * only because another thread has made progress.
 *
 * Locks: none; a fault takes mmap_lock of current->mm.
 */
#include <arch/uaccess.h>
#include <lib/compiler.h>

#include "user_atomic.h"

u64 user_atomic_result(const struct user_atomic *atomic, u64 old)
{
	u64 mask = user_atomic_mask(atomic->width);
	u64 operand = atomic->operand & mask;

	switch (atomic->op) {
	case USER_ATOMIC_ADD:
		return (old + operand) & mask;
	case USER_ATOMIC_AND:
		return old & operand;
	case USER_ATOMIC_OR:
		return old | operand;
	case USER_ATOMIC_XOR:
		return old ^ operand;
	case USER_ATOMIC_CAS:
		return old == (atomic->compare & mask) ? operand : old;
	case USER_ATOMIC_MIN:
		return min(old, operand);
	case USER_ATOMIC_MAX:
		return max(old, operand);
	default:
		return operand;
	}
}

int user_atomic_at(vaddr_t addr, struct user_atomic *atomic)
{
	void __user *ptr = (void __user *)addr;
	u64 seen = 0, was;
	int err;

	if (atomic->op == USER_ATOMIC_ADD)
		return user_xadd(ptr, atomic->width, atomic->operand,
				 &atomic->old);
	for (;;) {
		err = user_cmpxchg(ptr, atomic->width, seen,
				   user_atomic_result(atomic, seen), &was);
		if (err)
			return err;
		if (was == seen)
			break;
		seen = was;
	}
	atomic->old = seen;
	return 0;
}
