// SPDX-License-Identifier: MIT
/*
 * drivers/peer/work.c - work for the device: submit, wait, abandon
 *
 * Problem.  A caller may stop waiting for its work, and the device may write the
 * answer later, or never.
 *
 * Idea.  The device reads and writes a slot from a pool, never the caller's
 * memory. When the answer comes it is copied to the caller, unless the caller has
 * abandoned the work.
 *
 *	event			work->slot	slot
 *	submitted		the slot	in flight, ->work set
 *	not submitted		NULL		free; work done, with the error
 *	answered		NULL		free; outputs copied
 *	abandoned		NULL		in flight, ->work NULL
 *	context destroyed	NULL		in flight until answered
 *	device dead		NULL		in flight until the restart
 *
 * All slots can be abandoned, and a device may keep them as long as their context
 * lives. So a submitter waits for a slot only within a limit.
 *
 * The driver checks an answer before it believes it: it must be long enough, with
 * a status that exists, and may not claim more than was asked for (wire.c).
 *
 *	field			read with		write with
 *	slot->work, ->flight	peer->lock		peer->lock
 *	ctx->works_in_flight	peer->lock; is it 0?	peer->lock
 *				without a lock
 *	work's outputs		after ->completion	peer->lock
 *
 * Not here: contexts, and how the device gets its pages.
 */
#include <arch/page.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/trace.h>

#include "internal.h"

DEFINE_TRACE_EVENT(work_sent, "ctx op va count slot peer",
		   "ctx %lu op %lu va %#lx, %lu elements, slot %lu of peer %lu");
DEFINE_TRACE_EVENT(work_done, "ctx slot ret done peer",
		   "ctx %lu slot %lu: %ld, %lu elements of peer %lu");

void peer_work_init(struct peer *peer)
{
	unsigned int i;

	INIT_LIST_HEAD(&peer->free_work_slots);
	for (i = 0; i < PEER_WORK_SLOTS; i++) {
		peer->work_slots[i].flight = false;
		list_add_tail(&peer->work_slots[i].link, &peer->free_work_slots);
	}
}

/* Not done, and the device does not have it. */
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

static bool work_valid(const struct peer *peer, const struct peer_work *work)
{
	u64 total;

	if (!work->count || !work->repeat ||
	    __builtin_mul_overflow(work->count, work->repeat, &total) ||
	    total > peer->hello.max_count)
		return false;
	return !work->results || total <= peer->hello.max_results;
}

static struct peer_work_slot *work_slot_try_get(struct peer *peer)
{
	struct peer_work_slot *slot = NULL;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	if (!peer->dead && !list_empty(&peer->free_work_slots)) {
		slot = list_first_entry(&peer->free_work_slots,
					struct peer_work_slot, link);
		list_del(&slot->link);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return slot;
}

static void work_slot_fill(struct peer_work_slot *slot, u32 ctx_id,
			   const struct peer_work *work)
{
	*slot->request = (struct peer_wire_work){
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
	memset(slot->answer, 0xff, sizeof(*slot->answer));
	slot->limit = work->count * work->repeat;
	slot->results = work->results ? slot->limit : 0;
}

/* Put a filled slot in the ring; after an error it is free again. */
static int work_slot_send(struct peer *peer, struct peer_context *ctx,
			  struct peer_work *work, struct peer_work_slot *slot)
{
	struct virtqueue_buffer buffers[3] = {
		{virt_to_phys(slot->request), sizeof(*slot->request)},
		{virt_to_phys(slot->answer), sizeof(*slot->answer)},
		{virt_to_phys(slot->values), (u32)(slot->results * sizeof(u64))},
	};
	unsigned long flags;
	int err = -EIO;

	spin_lock_irqsave(&peer->lock, flags);
	/* Before the device can see it, so that its records come after this. */
	OBSERVE(work_sent, slot->request->ctx, slot->request->op,
		slot->request->va, slot->limit, slot - peer->work_slots,
		peer->index);
	if (!peer->dead)
		err = virtqueue_add(&peer->work->vq, buffers, 1,
				    slot->results ? 2 : 1, slot);
	if (!err) {
		work->slot = slot;
		slot->work = work;
		slot->ctx = ctx;
		slot->flight = true;
		if (ctx)
			ctx->works_in_flight++;
		virtqueue_kick(&peer->work->vq);
	} else {
		list_add_tail(&slot->link, &peer->free_work_slots);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	if (err)
		wake_up_all(&peer->work_slot_wait);
	return err ? -EIO : 0;
}

static int work_send(struct peer *peer, struct peer_context *ctx, u32 ctx_id,
		     struct peer_work *work, u64 *left_ns)
{
	struct peer_work_slot *slot = NULL;

	if (!work_valid(peer, work))
		return -EINVAL;
	*left_ns = wait_event_timeout_ns(
		&peer->work_slot_wait,
		(slot = work_slot_try_get(peer)) || !peer_alive(peer), *left_ns);
	if (!slot)
		return peer_alive(peer) ? -EBUSY : -EIO;
	work_slot_fill(slot, ctx_id, work);
	return work_slot_send(peer, ctx, work, slot);
}

int peer_work_send(struct peer *peer, struct peer_context *ctx, u32 ctx_id,
		   struct peer_work *work, u64 *left_ns)
{
	int err;

	work_reset(work);
	err = work_send(peer, ctx, ctx_id, work, left_ns);
	/* Work that was not sent is done, so that a wait for it returns. */
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

static int answer_read(struct peer *peer, struct peer_work_slot *slot, u32 written)
{
	struct peer_wire_work_done answer;
	struct peer_work *work = slot->work;

	if (written < sizeof(answer))
		goto invalid;
	memcpy(&answer, slot->answer, sizeof(answer));
	if (!peer_work_done_valid(&answer, slot->limit))
		goto invalid;
	if (work) {
		work->done = answer.done;
		work->value = answer.value;
		work->fault_va = answer.fault_va;
		work->page_requests = answer.page_requests;
		if (work->results)
			memcpy(work->results, slot->values,
			       min_t(u64, answer.done, slot->results) *
				       sizeof(u64));
	}
	return peer_status_errno(answer.status);

invalid:
	peer->counters.bad_answers++;
	return -EPROTO;
}

/* The caller's work ends, with or without an answer; the slot may stay. */
static void work_finish_locked(struct peer_work_slot *slot, int status)
{
	struct peer_work *work = slot->work;
	struct peer_context *ctx = slot->ctx;

	slot->work = NULL;
	slot->ctx = NULL;
	if (ctx) {
		ctx->stats.works++;
		ctx->stats.works_failed += status != 0;
		if (!--ctx->works_in_flight)
			wake_up_all(&ctx->idle);
	}
	if (work) {
		work->status = status;
		work->slot = NULL;
		complete(&work->completion);
	}
}

void peer_work_interrupt(void *arg)
{
	struct peer *peer = arg;
	struct virtqueue *vq = &peer->work->vq;
	struct peer_work_slot *slot;
	unsigned long flags;
	u32 written;
	int status;

	spin_lock_irqsave(&peer->lock, flags);
	do {
		virtqueue_interrupt_off(vq);
		while ((slot = virtqueue_take(vq, &written))) {
			peer->counters.works++;
			slot->flight = false;
			status = answer_read(peer, slot, written);
			OBSERVE(work_done, slot->request->ctx,
				slot - peer->work_slots, status,
				READ_ONCE(slot->answer->done), peer->index);
			work_finish_locked(slot, status);
			list_add_tail(&slot->link, &peer->free_work_slots);
		}
	} while (!virtqueue_interrupt_on(vq));
	if (vq->broken)
		peer_die_locked(peer, "it broke the work queue");
	spin_unlock_irqrestore(&peer->lock, flags);
	wake_up_all(&peer->work_slot_wait);
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

void peer_work_cancel(struct peer_context *ctx)
{
	struct peer *peer = ctx->peer;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&peer->lock, flags);
	for (i = 0; i < PEER_WORK_SLOTS; i++) {
		struct peer_work_slot *slot = &peer->work_slots[i];

		if (slot->flight && slot->ctx == ctx)
			work_finish_locked(slot, -ECANCELED);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
}

void peer_work_die_locked(struct peer *peer)
{
	unsigned int i;

	lockdep_assert_held(&peer->lock);
	for (i = 0; i < PEER_WORK_SLOTS; i++) {
		if (peer->work_slots[i].flight)
			work_finish_locked(&peer->work_slots[i], -EIO);
	}
	wake_up_all(&peer->work_slot_wait);
}

bool peer_work_idle(struct peer *peer)
{
	unsigned int i, count = 0;
	struct list_head *at;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	list_for_each(at, &peer->free_work_slots)
		count++;
	for (i = 0; i < PEER_WORK_SLOTS; i++)
		count += peer->work_slots[i].flight;
	spin_unlock_irqrestore(&peer->lock, flags);
	return count == PEER_WORK_SLOTS;
}
