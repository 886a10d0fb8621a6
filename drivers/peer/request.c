// SPDX-License-Identifier: MIT
/*
 * drivers/peer/request.c - take the device's page requests and answer each
 *
 * Problem.  The device misses a translation and asks for it. Its requests may be
 * invalid, come faster than the driver answers, or still come when it dies.
 *
 * Idea.  The interrupt handler copies and checks a request and queues it for the
 * context that it names. The thread of that context answers one after the other.
 *
 *	request			end
 *	invalid			queued for the heartbeat's thread, which denies it,
 *				if it has a tag, and gives the buffer back
 *	page available		a translation: grant.c
 *	page not available	a denial
 *	context destroyed	given back unanswered: the device forgets it, too
 *
 * A request keeps its buffer until it is answered, so a device cannot have more
 * requests here than there are buffers.
 *
 *	field			read with	write with
 *	ctx->requests		peer->lock; is	peer->lock
 *				it empty?
 *				without a lock
 *	peer->refused		peer->lock	peer->lock
 *	request->copy		its holder	interrupt handler, before queueing
 *
 * Not here: the page for a request (grant.c), letting go (invalidate.c).
 */
#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <mm/space/mm.h>

#include "internal.h"

DEFINE_TRACE_EVENT(peer_request, "ctx access va tag peer",
		   "ctx %lu access %s va %#lx tag %lu of peer %lu");
DEFINE_TRACE_EVENT(peer_deny, "ctx tag peer", "ctx %lu tag %lu of peer %lu");

void peer_request_init(struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < PEER_REQUESTS; i++)
		INIT_LIST_HEAD(&peer->request_pool[i].link);
}

static void post_locked(struct peer *peer, struct peer_request *request)
{
	struct virtqueue_buffer buffer = {
		.addr = virt_to_phys(request->wire),
		.len = sizeof(*request->wire),
	};

	lockdep_assert_held(&peer->lock);
	if (peer->dead)
		return;
	memset(request->wire, 0, sizeof(*request->wire));
	/* Cannot be full: each request has its own place in the ring. */
	if (!virtqueue_add(&peer->pages->vq, &buffer, 0, 1, request))
		virtqueue_kick(&peer->pages->vq);
}

static void post(struct peer *peer, struct peer_request *request)
{
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	post_locked(peer, request);
	spin_unlock_irqrestore(&peer->lock, flags);
}

void peer_request_post_all(struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < PEER_REQUESTS; i++)
		post(peer, &peer->request_pool[i]);
}

/* Copy what the device wrote, once, and check the copy. */
static bool request_read(struct peer *peer, struct peer_request *request,
			 u32 written)
{
	struct peer_wire_page_request *copy = &request->copy;

	memset(copy, 0, sizeof(*copy));
	if (written < sizeof(*copy))
		return false;
	memcpy(copy, request->wire, sizeof(*copy));
	return peer_page_request_valid(copy, peer->hello.session) &&
	       peer->contexts[copy->ctx];
}

void peer_request_interrupt(void *arg)
{
	struct peer *peer = arg;
	struct virtqueue *vq = &peer->pages->vq;
	struct peer_request *request;
	unsigned long flags;
	u32 written;

	spin_lock_irqsave(&peer->lock, flags);
	do {
		virtqueue_interrupt_off(vq);
		while ((request = virtqueue_take(vq, &written))) {
			struct peer_context *ctx;

			peer->counters.requests++;
			if (!request_read(peer, request, written)) {
				peer->counters.bad_requests++;
				list_add_tail(&request->link, &peer->refused);
				wake_up_all(&peer->beat_wait);
				continue;
			}
			ctx = peer->contexts[request->copy.ctx];
			list_add_tail(&request->link, &ctx->requests);
			wake_up_all(&ctx->wait);
		}
	} while (!virtqueue_interrupt_on(vq));
	if (vq->broken)
		peer_die_locked(peer, "it broke the page request queue");
	spin_unlock_irqrestore(&peer->lock, flags);
}

static struct peer_request *request_take(struct peer *peer, struct list_head *list)
{
	struct peer_request *request = NULL;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	if (!list_empty(list)) {
		request = list_first_entry(list, struct peer_request, link);
		list_del(&request->link);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return request;
}

static void count_request(struct peer_context *ctx, u32 access)
{
	if (access == PEER_ACCESS_READ)
		peer_context_count(ctx, &ctx->stats.requests_read);
	else if (access == PEER_ACCESS_WRITE)
		peer_context_count(ctx, &ctx->stats.requests_write);
	else
		peer_context_count(ctx, &ctx->stats.requests_atomic);
}

static void deny(struct peer *peer, u32 ctx, u64 tag)
{
	struct peer_slot *slot = peer_slot_get(peer, PEER_SLOT_ANY);
	int err;

	if (!slot)
		return;
	TRACE(peer_deny, ctx, tag, peer->index);
	err = peer_response_send(peer, slot, ctx, tag, NULL);
	if (!err)
		err = peer_slot_wait(peer, slot, PEER_DEATH_NS);
	if (err == -ETIMEDOUT)
		peer_die(peer, "it does not answer a denial");
	else
		peer_slot_put(peer, slot);
}

/* For a record: the request is valid (wire.c). */
static const char *access_name(u32 access)
{
	if (access == PEER_ACCESS_READ)
		return "read";
	return access == PEER_ACCESS_WRITE ? "write" : "atomic";
}

static void serve(struct peer_context *ctx, struct peer_request *request)
{
	struct peer *peer = ctx->peer;
	struct peer_slot *slot;
	bool answered = false;

	TRACE(peer_request, ctx->id, access_name(request->copy.access),
	      request->copy.va, request->copy.tag, ctx->peer->index);
	slot = peer_slot_get(peer, PEER_SLOT_ANY);
	if (!slot)
		return;
	if (mmget_not_zero(ctx->mm)) {
		answered = peer_grant(ctx, slot, request);
		mmput(ctx->mm);
	}
	if (answered)
		return;
	peer_slot_put(peer, slot);
	peer_context_count(ctx, &ctx->stats.denied);
	deny(peer, ctx->id, request->copy.tag);
}

int peer_request_thread(void *arg)
{
	struct peer_context *ctx = arg;
	struct peer_request *request;

	while (!kthread_should_stop()) {
		request = request_take(ctx->peer, &ctx->requests);
		if (!request) {
			wait_event(&ctx->wait, !list_empty(&ctx->requests) ||
						       kthread_should_stop());
			continue;
		}
		count_request(ctx, request->copy.access);
		serve(ctx, request);
		post(ctx->peer, request);
	}
	return 0;
}

void peer_request_deny_refused(struct peer *peer)
{
	struct peer_request *request = request_take(peer, &peer->refused);

	if (!request)
		return;
	if (request->copy.tag)
		deny(peer, request->copy.ctx, request->copy.tag);
	post(peer, request);
}

void peer_request_flush(struct peer_context *ctx)
{
	struct peer_request *request;

	while ((request = request_take(ctx->peer, &ctx->requests)))
		post(ctx->peer, request);
}
