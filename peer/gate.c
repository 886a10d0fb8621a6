// SPDX-License-Identifier: MIT
/*
 * peer/gate.c - keep all device threads out while the socket thread changes things
 *
 * Problem.  QEMU changes memory map, ring addresses and eventfds while the
 * control, fault and work threads use them. When QEMU says "stop" and has the
 * answer, no thread may touch guest memory any more. And the socket thread must
 * not wait for anything that the guest decides about.
 *
 * Idea.  Each device thread works in short bounded sections: enter, work, leave.
 * The way in is one store and one load; only a shut gate costs a lock. The socket
 * thread closes the gate and waits until no thread is inside.
 *
 *	member				closer
 *	inside = true			shut = true
 *	if (shut) back out		wait until !inside
 *
 * Both stores come before both loads in the single order of seq_cst, so at least
 * one sees the other. Leaving has the same shape: if leave did not see shut, then
 * the closer sees inside == false without being woken.
 *
 *	field			read with		write with
 *	shut			anything		lock
 *	closed, hung, stopping	lock			lock
 *	member[i].inside	anything		thread i only
 *
 * Tests: tests/peer, front.stop_and_continue_keeps_the_session, and every reset
 * amid work.
 */
#include "gate.h"

void gate_init(struct gate *gate)
{
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
	gate->closed = true;
	gate->hung = false;
	gate->stopping = false;
	atomic_init(&gate->shut, true);
	for (unsigned int i = 0; i < GATE_MEMBERS_MAX; i++)
		atomic_init(&gate->member[i].inside, false);
}

void gate_destroy(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}

static void gate_update_locked(struct gate *gate)
{
	atomic_store(&gate->shut, gate->closed || gate->hung || gate->stopping);
	pthread_cond_broadcast(&gate->changed);
}

static void gate_set(struct gate *gate, bool *which, bool value)
{
	pthread_mutex_lock(&gate->lock);
	*which = value;
	gate_update_locked(gate);
	pthread_mutex_unlock(&gate->lock);
}

bool gate_enter(struct gate *gate, unsigned int member)
{
	struct gate_member *me = &gate->member[member];
	bool stopping;

	for (;;) {
		atomic_store(&me->inside, true);
		if (!atomic_load(&gate->shut))
			return true;
		atomic_store(&me->inside, false);

		pthread_mutex_lock(&gate->lock);
		pthread_cond_broadcast(&gate->changed);
		while (atomic_load(&gate->shut) && !gate->stopping)
			pthread_cond_wait(&gate->changed, &gate->lock);
		stopping = gate->stopping;
		pthread_mutex_unlock(&gate->lock);
		if (stopping)
			return false;
	}
}

void gate_leave(struct gate *gate, unsigned int member)
{
	atomic_store(&gate->member[member].inside, false);
	if (!atomic_load(&gate->shut))
		return;
	pthread_mutex_lock(&gate->lock);
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

void gate_close(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->closed = true;
	gate_update_locked(gate);
	for (unsigned int i = 0; i < GATE_MEMBERS_MAX; i++) {
		while (atomic_load(&gate->member[i].inside))
			pthread_cond_wait(&gate->changed, &gate->lock);
	}
	pthread_mutex_unlock(&gate->lock);
}

void gate_open(struct gate *gate)
{
	gate_set(gate, &gate->closed, false);
}

void gate_hang(struct gate *gate)
{
	gate_set(gate, &gate->hung, true);
}

void gate_unhang(struct gate *gate)
{
	gate_set(gate, &gate->hung, false);
}

void gate_stop(struct gate *gate)
{
	gate_set(gate, &gate->stopping, true);
}
