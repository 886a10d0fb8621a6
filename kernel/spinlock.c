// SPDX-License-Identifier: MIT
/*
 * kernel/spinlock.c - waiting for a spinlock
 *
 * The inlined part sets and tests once.  Here is the wait: it only reads, so that
 * the cache line stays shared until the holder's store, and tries again
 * when it has seen the lock free.  No order among the waiters is promised;
 * why is in docs/adr/0008-spinlocks-without-a-queue.md.
 *
 * Not here: the validator, which the callers in <kernel/spinlock.h> tell; only
 * that there was a wait is told here, to be counted.
 */
#include <kernel/spinlock.h>

void spin_wait(struct raw_spinlock *raw)
{
	lockdep_note_contended();
	do {
		while (READ_ONCE(raw->locked))
			cpu_relax();
	} while (arch_test_and_set_lock(&raw->locked));
}
