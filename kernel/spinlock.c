// SPDX-License-Identifier: MIT
/*
 * kernel/spinlock.c - waiting for a ticket
 *
 * The inlined part draws a number and looks once.  Here is the wait: reading
 * the owner's number is a shared read, so waiters cost the holder nothing but
 * its own store.  With D tickets ahead the wait pauses about D times between
 * looks.
 *
 * Not here: fairness, which the tickets are; the validator, which the callers
 * in <kernel/spinlock.h> tell.
 */
#include <kernel/spinlock.h>

void spin_wait(struct raw_spinlock *raw, u16 ticket)
{
	u16 ahead;

	while ((ahead = (u16)(ticket - READ_ONCE(raw->owner))) != 0)
		while (ahead--)
			cpu_relax();
	/* The holder's release pairs with this: nothing is read before. */
	barrier();
}
