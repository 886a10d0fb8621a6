// SPDX-License-Identifier: MIT
/*
 * drivers/peer/life.c - is the device alive, and the moment of its death
 *
 * Problem.  Every part of the driver can find out that the device breaks a
 * promise: an interrupt handler, a callback that waits, the heartbeat. After that
 * nothing may be sent, and every waiter must return.
 *
 * Idea.  Death is one pointer, the reason, written once under peer->lock. A sender
 * looks at it with the lock held, so nothing is sent after it. In the same
 * critical section peer->on_death() ends all that is in flight.
 *
 *	sender				any thread
 *	lock; dead? no
 *	in flight; unlock
 *					lock; dead = why
 *					on_death(): in flight ends with -EIO
 *					unlock
 *	waits: returns -EIO		(must return)
 *
 * on_death() is the driver's only call upwards. The files above this one have
 * commands and work in flight, and call peer_die(). Their requests must end before
 * the lock is dropped and another sender can look.
 *
 *	field			read with	write with
 *	peer->dead		READ_ONCE	peer->lock
 *	peer->on_death		-		before the first command
 *
 * Not here: the limits that a device can break (control.c, work.c), a restart
 * (device.c).
 */
#include <lib/printk.h>

#include "internal.h"

bool peer_alive(const struct peer *peer)
{
	return !READ_ONCE(peer->dead);
}

void peer_die_locked(struct peer *peer, const char *why)
{
	lockdep_assert_held(&peer->lock);
	if (peer->dead)
		return;
	WRITE_ONCE(peer->dead, why);
	pr_err("peer%u: declared dead: %s\n", peer->index, why);
	peer->on_death(peer);
}

void peer_die(struct peer *peer, const char *why)
{
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	peer_die_locked(peer, why);
	spin_unlock_irqrestore(&peer->lock, flags);
}
