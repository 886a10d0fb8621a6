// SPDX-License-Identifier: MIT
/*
 * peer/session.c - the end of a context and of a session
 *
 * Problem.  A device outlives drivers: the guest resets it, reboots, is stopped
 * and continued by its user, or its QEMU goes away. The work of one session must
 * neither answer in the next one nor touch its memory.
 *
 * Idea.  A new HELLO answers the old session's work as canceled. A reset or a
 * disconnect must not answer at all. It ends the session with the gate closed, so
 * that all work is in lists. Then `dropping` is set, no answer is sent, and the
 * code that cancels work frees everything.
 *
 * Not here: when a session ends (vhost_user.c decides by the rings' state).
 */

#include "device.h"

void session_end_context(struct context *context, struct ack *ack)
{
	struct work_list parked = TAILQ_HEAD_INITIALIZER(parked);

	context_remove(context);
	pthread_mutex_lock(&context->lock);
	context_end_locked(context, ack);
	fault_drop_locked(context, &parked);
	pthread_mutex_unlock(&context->lock);
	work_finish_all(context->device, &parked, PEER_S_CANCELED);
	context_put(context);
}

void session_end_contexts(struct device *device, struct ack *ack)
{
	for (unsigned int id = 1; id <= PEER_MAX_CONTEXTS; id++) {
		struct context *context = context_get(device, id);

		if (!context)
			continue;
		session_end_context(context, ack);
		context_put(context);
	}
}

void session_drop(struct device *device)
{
	struct work_list left = TAILQ_HEAD_INITIALIZER(left);

	device->dropping = true;
	session_end_contexts(device, NULL);
	pool_take_all(device, &left);
	work_finish_all(device, &left, PEER_S_CANCELED);
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++)
		device->ring[i].in_flight = 0;
	device->dropping = false;
	atomic_store(&device->session, 0);
	gate_unhang(&device->gate);
}
