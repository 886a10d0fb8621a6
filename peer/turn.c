// SPDX-License-Identifier: MIT
/*
 * peer/turn.c - one store of the device at a time for each word
 *
 * Problem.  A read-modify-write of the device is a load, a window of up to 10 ms,
 * and a store. The device is one agent: none of its own stores may fall between the
 * two (D7.4 of docs/peer-device.md). A mutex would keep them out. But a worker that
 * goes from window to window takes a mutex again before a waiter has woken up. The
 * waiter's access is in flight all the while, and an INVALIDATE waits for it.
 *
 * Idea.  Tickets. Each thread that asks draws the next number and waits for its
 * turn, so that no thread is passed over.
 *
 *	asking				giving
 *	mine = next++			now++
 *	now == mine? then go		next == now? then no thread waits
 *	else sleep while now has	else wake the sleepers
 *	the value that was read
 *
 * All four are seq_cst: the giver sees the ticket, or the asker sees its number
 * called. Sleeping on a number that has changed returns at once (futex).
 *
 * Words at the same offset of a page share a turn. That is right also where two
 * regions of guest memory show the same page of the memory's file.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "turn.h"

static void sleep_while(atomic_uint *word, unsigned int value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void turn_take(struct turn *turn)
{
	const unsigned int mine = atomic_fetch_add(&turn->next, 1);
	unsigned int now;

	while ((now = atomic_load(&turn->now)) != mine)
		sleep_while(&turn->now, now);
}

void turn_give(struct turn *turn)
{
	const unsigned int now = atomic_fetch_add(&turn->now, 1) + 1;

	if (atomic_load(&turn->next) != now)
		wake_all(&turn->now);
}
