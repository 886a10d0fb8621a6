// SPDX-License-Identifier: MIT
/*
 * drivers/peer/work.c - orders to the device: submit, wait, forget
 *
 * Problem.  A caller may stop waiting for its order, and the device may write
 * the answer later, or never.
 *
 * Idea.  What the device reads and writes is an order from a pool, never the
 * caller's memory; the answer is copied to the caller when it comes, if the
 * caller is still there.
 *
 *	event			work->slot	order
 *	submitted		the order	in flight, ->work set
 *	not submitted		NULL		free; done, with the error
 *	answered		NULL		free; outputs copied
 *	abandoned		NULL		in flight, ->work NULL
 *	context destroyed	NULL		in flight until answered
 *	device dead		NULL		in flight until the restart
 *
 * Abandoned orders can be all there are, and a device may keep them as long as
 * their context lives, so a submitter waits for one only within a limit.
 *
 * Every answer is looked at before it is believed: long enough, a status that
 * exists, not more done than was ordered.
 *
 *	field			read with	write with
 *	order->work, ->flight	peer->lock	peer->lock
 *	ctx->orders		peer->lock	peer->lock
 *	work's outputs		after ->done	peer->lock
 *
 * Not here: contexts, and how the pages get there.
 */
#include <arch/page.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/string.h>

#include "internal.h"

void peer_work_init(struct peer *peer)
{
	unsigned int i;

	INIT_LIST_HEAD(&peer->free_orders);
	for (i = 0; i < PEER_ORDERS; i++) {
		peer->order_pool[i].flight = false;
		list_add_tail(&peer->order_pool[i].link, &peer->free_orders);
	}
}

bool peer_work_idle(struct peer *peer)
{
	unsigned int i, count = 0;
	struct list_head *at;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	list_for_each(at, &peer->free_orders)
		count++;
	for (i = 0; i < PEER_ORDERS; i++)
		count += peer->order_pool[i].flight;
	spin_unlock_irqrestore(&peer->lock, flags);
	return count == PEER_ORDERS;
}

static struct peer_order *order_try_get(struct peer *peer)
{
	struct peer_order *order = NULL;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	if (!peer->dead && !list_empty(&peer->free_orders)) {
		order = list_first_entry(&peer->free_orders, struct peer_order,
					 link);
		list_del(&order->link);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return order;
}

/* The caller's part of an order ends, with or without an answer. */
static void work_finish_locked(struct peer_order *order, int status)
{
	struct peer_work *work = order->work;
	struct peer_context *ctx = order->ctx;

	order->work = NULL;
	order->ctx = NULL;
	if (ctx) {
		ctx->stats.works++;
		ctx->stats.works_failed += status != 0;
		if (!--ctx->orders)
			wake_up_all(&ctx->idle);
	}
	if (work) {
		work->status = status;
		work->slot = NULL;
		complete(&work->completion);
	}
}

static int answer_read(struct peer *peer, struct peer_order *order, u32 written)
{
	struct peer_wire_work_done answer;
	struct peer_work *work = order->work;

	if (written < sizeof(answer))
		goto senseless;
	memcpy(&answer, order->answer, sizeof(answer));
	if (answer.status >= PEER_S_COUNT || answer.done > order->limit ||
	    (answer.status == PEER_S_OK && answer.done != order->limit))
		goto senseless;
	if (work) {
		work->done = answer.done;
		work->value = answer.value;
		work->fault_va = answer.fault_va;
		work->page_requests = answer.page_requests;
		if (work->results)
			memcpy(work->results, order->values,
			       min_t(u64, answer.done, order->results) *
				       sizeof(u64));
	}
	return peer_status_errno(answer.status);

senseless:
	peer->counters.bad_answers++;
	return -EPROTO;
}

void peer_work_interrupt(void *arg)
{
	struct peer *peer = arg;
	struct virtqueue *vq = &peer->work->vq;
	struct peer_order *order;
	unsigned long flags;
	u32 written;

	spin_lock_irqsave(&peer->lock, flags);
	do {
		virtqueue_interrupt_off(vq);
		while ((order = virtqueue_take(vq, &written))) {
			peer->counters.orders++;
			order->flight = false;
			work_finish_locked(order,
					   answer_read(peer, order, written));
			list_add_tail(&order->link, &peer->free_orders);
		}
	} while (!virtqueue_interrupt_on(vq));
	if (vq->broken)
		peer_die_locked(peer, "it lied on the work queue");
	spin_unlock_irqrestore(&peer->lock, flags);
	wake_up_all(&peer->order_wait);
}

void peer_work_die_locked(struct peer *peer)
{
	unsigned int i;

	lockdep_assert_held(&peer->lock);
	for (i = 0; i < PEER_ORDERS; i++) {
		if (peer->order_pool[i].flight)
			work_finish_locked(&peer->order_pool[i], -EIO);
	}
	wake_up_all(&peer->order_wait);
}

void peer_work_cancel(struct peer_context *ctx)
{
	struct peer *peer = ctx->peer;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&peer->lock, flags);
	for (i = 0; i < PEER_ORDERS; i++) {
		struct peer_order *order = &peer->order_pool[i];

		if (order->flight && order->ctx == ctx)
			work_finish_locked(order, -ECANCELED);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
}

static bool work_sensible(const struct peer *peer, const struct peer_work *work)
{
	u64 total;

	if (!work->count || !work->repeat ||
	    __builtin_mul_overflow(work->count, work->repeat, &total) ||
	    total > peer->hello.max_count)
		return false;
	return !work->results ||
	       total <= min_t(u64, peer->hello.max_results, PEER_MAX_RESULTS);
}

static void order_fill(struct peer_order *order, u32 ctx_id,
		       const struct peer_work *work)
{
	*order->request = (struct peer_wire_work){
		.op = work->op,
		.ctx = ctx_id,
		.va = work->va,
		.operand = work->operand,
		.compare = work->compare,
		.width = work->width,
		.flags = work->results ? PEER_WORK_RESULTS : 0,
		.count = work->count,
		.stride = work->stride,
		.repeat = work->repeat,
	};
	memset(order->answer, 0xff, sizeof(*order->answer));
	order->limit = work->count * work->repeat;
	order->results = work->results ? order->limit : 0;
}

/* Nothing is done yet, and nobody has it. */
static void work_reset(struct peer_work *work)
{
	work->done = 0;
	work->value = 0;
	work->fault_va = 0;
	work->page_requests = 0;
	work->status = 0;
	work->slot = NULL;
	init_completion(&work->completion);
}

/* Put a filled order in the ring; if that fails it is free again. */
static int order_send(struct peer *peer, struct peer_context *ctx,
		      struct peer_work *work, struct peer_order *order)
{
	struct virtqueue_buffer buffers[3] = {
		{virt_to_phys(order->request), sizeof(*order->request)},
		{virt_to_phys(order->answer), sizeof(*order->answer)},
		{virt_to_phys(order->values), (u32)(order->results * sizeof(u64))},
	};
	unsigned long flags;
	int err = -EIO;

	spin_lock_irqsave(&peer->lock, flags);
	if (!peer->dead)
		err = virtqueue_add(&peer->work->vq, buffers, 1,
				    order->results ? 2 : 1, order);
	if (!err) {
		work->slot = order;
		order->work = work;
		order->ctx = ctx;
		order->flight = true;
		if (ctx)
			ctx->orders++;
		virtqueue_kick(&peer->work->vq);
	} else {
		list_add_tail(&order->link, &peer->free_orders);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	if (err)
		wake_up_all(&peer->order_wait);
	return err ? -EIO : 0;
}

static int work_send(struct peer *peer, struct peer_context *ctx, u32 ctx_id,
		     struct peer_work *work, u64 *left_ns)
{
	struct peer_order *order = NULL;

	if (!work_sensible(peer, work))
		return -EINVAL;
	*left_ns = wait_event_timeout_ns(
		&peer->order_wait,
		(order = order_try_get(peer)) || !peer_alive(peer), *left_ns);
	if (!order)
		return peer_alive(peer) ? -EBUSY : -EIO;
	order_fill(order, ctx_id, work);
	return order_send(peer, ctx, work, order);
}

int peer_work_send(struct peer *peer, struct peer_context *ctx, u32 ctx_id,
		   struct peer_work *work, u64 *left_ns)
{
	int err;

	work_reset(work);
	err = work_send(peer, ctx, ctx_id, work, left_ns);
	/* Work that was never sent is done: a waiter must not wait for it. */
	if (err) {
		work->status = err;
		complete(&work->completion);
	}
	return err;
}

int peer_work_submit(struct peer_context *ctx, struct peer_work *work)
{
	u64 left = PEER_DEATH_NS;

	return peer_work_send(ctx->peer, ctx, ctx->id, work, &left);
}

int peer_work_wait(struct peer_work *work, u64 timeout_ns)
{
	if (!wait_for_completion_timeout_ns(&work->completion, timeout_ns))
		return -ETIMEDOUT;
	return work->status;
}

void peer_work_abandon(struct peer_context *ctx, struct peer_work *work)
{
	struct peer *peer = ctx->peer;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	if (work->slot) {
		work->slot->work = NULL;
		work->slot = NULL;
	}
	spin_unlock_irqrestore(&peer->lock, flags);
}

int peer_work_run(struct peer_context *ctx, struct peer_work *work, u64 timeout_ns)
{
	int err = peer_work_send(ctx->peer, ctx, ctx->id, work, &timeout_ns);

	if (err)
		return err;
	err = peer_work_wait(work, timeout_ns);
	if (err == -ETIMEDOUT)
		peer_work_abandon(ctx, work);
	return err;
}
