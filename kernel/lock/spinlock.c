// SPDX-License-Identifier: MIT
/*
 * kernel/lock/spinlock.c - waiting for a spinlock
 *
 * The inlined part sets and tests once.  Here is the wait: it only reads, so that
 * the cache line stays shared until the holder's store, and tries again
 * when it has seen the lock free.  No order among the waiters is promised;
 * why is in docs/adr/0008-spinlocks-without-a-queue.md.
 *
 * A CPU that waits with interrupts off cannot take the interrupt by which another
 * asks it to flush its TLB.  The holder of the very lock may be the one that asks
 * (tests/arch/tlb_test.c,
 * a_cpu_that_waits_for_a_lock_with_interrupts_off_serves_flushes):
 *
 *	holder				waiter, interrupts off
 *					waits for the lock
 *	asks for a flush; waits
 *					serves it; waits on
 *	lets the lock go
 *
 * So the wait serves such requests itself, and a flush is right under any lock.
 *
 * Not here: the validator, called by <kernel/lock/spinlock.h>; from here it only
 * gets the waits, to count them.
 */
#include <arch/tlb.h>
#include <kernel/lock/spinlock.h>

void spin_wait(struct raw_spinlock *raw)
{
	bool deaf = irqs_disabled();

	lockdep_note_contended();
	do {
		while (READ_ONCE(raw->locked)) {
			if (deaf)
				tlb_poll();
			cpu_relax();
		}
	} while (arch_test_and_set_lock(&raw->locked));
}
