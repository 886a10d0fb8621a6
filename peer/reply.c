// SPDX-License-Identifier: MIT
/*
 * peer/reply.c - take a chain from a ring, and answer it
 *
 * Problem.  Each chain that a thread pops goes back exactly once, with an answer,
 * whether its request is valid, refused or canceled. Some answers depend on
 * accesses that several workers have in flight.
 *
 * Idea.  All threads pop and answer by these functions. A reply keeps what an
 * answer needs: the ring, the head, the writable segments. An ack is a reply with
 * its answer ready. Each context that it waits for holds a reference, and the last
 * put sends it.
 *
 * While a session is dropped (device->dropping) an answer is not sent; the memory
 * of the reply is freed as ever.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "util.h"

TRACE_EVENT(dev_ack, "ack", "ack %p is sent");

bool chain_pop(struct device *device, struct ring *ring, struct ring_chain *chain)
{
	/* A driver that posts malformed chains for ever must not keep QEMU out. */
	while (!gate_wanted(&device->gate)) {
		switch (ring_pop(ring, &device->memory, chain)) {
		case RING_EMPTY:
			return false;
		case RING_BROKEN:
			log_line(LOG_NOTICE,
				 "queue %u: the driver broke it; not served "
				 "until it is set up anew",
				 ring->index);
			count(device, COUNT_RINGS_BROKEN);
			return false;
		case RING_POPPED:
			if (!chain->malformed)
				return true;
			chain_refuse(device, ring, chain);
			break;
		}
	}
	return false;
}

void chain_refuse(struct device *device, struct ring *ring,
		  const struct ring_chain *chain)
{
	log_line(LOG_DEBUG, "queue %u: chain %u refused", ring->index,
		 chain->head);
	count(device, COUNT_MALFORMED);
	ring_push(ring, chain->head, 0);
}

void reply_end(struct device *device, struct ring_reply *reply, uint32_t written)
{
	if (!device->dropping)
		ring_push(reply->ring, reply->head, written);
	free(reply);
}

void reply_send(struct device *device, struct ring_reply *reply,
		const void *answer, size_t len)
{
	const struct peer_wire_answer no_room = {.status = PEER_S_BAD_REQUEST};

	if (reply->room < len) {
		answer = &no_room;
		len = reply->room < sizeof(no_room) ? 0 : sizeof(no_room);
	}
	if (!device->dropping)
		ring_reply_store(reply, &device->memory, 0, answer, len);
	reply_end(device, reply, (uint32_t)len);
}

struct ack *ack_new(struct ring_reply *reply, const void *answer, size_t len)
{
	struct ack *ack = calloc(1, sizeof(*ack));

	if (!ack)
		return NULL;
	atomic_init(&ack->refs, 1);
	ack->reply = reply;
	ack->len = len;
	memcpy(ack->answer, answer, len);
	return ack;
}

void ack_put(struct device *device, struct ack *ack)
{
	if (atomic_fetch_sub(&ack->refs, 1) != 1)
		return;
	TRACE(dev_ack, ack);
	reply_send(device, ack->reply, ack->answer, ack->len);
	free(ack);
}
