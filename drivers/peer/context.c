// SPDX-License-Identifier: MIT
/*
 * drivers/peer/context.c - create and destroy a device's context of an mm
 *
 * Problem.  The device may touch any address of a process. Its context must be notified
 * of every change there, and must not keep the address space alive.
 *
 * Idea.  One interval subscription covers the whole address space, since the
 * device may touch any of it. (A subscription for each page would collide less,
 * but would cost an insert and a remove for each page request. The table says in
 * a few steps whether a range concerns the device, and grant.c bounds the
 * collisions.)
 *
 *	field			read with	write with
 *	peer->contexts[]	peer->lock	peer->lock
 *
 * Lifetime.  The subscription keeps the mm struct. The driver keeps the address
 * space itself only while it serves a page request. When the last user of the
 * address space goes, the RELEASE event empties the table, and no request is served
 * any more.
 *
 * Not here: page requests (request.c, grant.c), letting go (invalidate.c).
 */
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <mm/space/mm.h>

#include "internal.h"

/* A living device may take that long to end the work of a context. */
#define PEER_CANCEL_NS (1000 * 1000 * 1000ULL)

static struct peer_context *context_alloc(struct peer *peer, struct mm_struct *mm)
{
	struct peer_context *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);

	if (!ctx)
		return NULL;
	if (peer_table_create(&ctx->table, PEER_TABLE_SIZE)) {
		kfree(ctx);
		return NULL;
	}
	ctx->peer = peer;
	ctx->mm = mm;
	mutex_init(&ctx->lock);
	INIT_LIST_HEAD(&ctx->requests);
	init_waitqueue_head(&ctx->wait);
	init_waitqueue_head(&ctx->idle);
	return ctx;
}

static void context_free(struct peer_context *ctx)
{
	peer_table_destroy(&ctx->table);
	kfree(ctx);
}

/* Take an id for @ctx; from here on the interrupt queues requests for it. */
static int context_number(struct peer *peer, struct peer_context *ctx)
{
	unsigned long flags;
	int err = -ENOSPC;
	u32 id = 1;

	spin_lock_irqsave(&peer->lock, flags);
	while (id <= PEER_CONTEXTS && peer->contexts[id])
		id++;
	if (peer->dead) {
		err = -EIO;
	} else if (id <= PEER_CONTEXTS) {
		peer->contexts[id] = ctx;
		ctx->id = id;
		err = 0;
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return err;
}

static void context_unnumber(struct peer_context *ctx)
{
	struct peer *peer = ctx->peer;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	peer->contexts[ctx->id] = NULL;
	spin_unlock_irqrestore(&peer->lock, flags);
}

static int context_make(struct peer *peer, u32 id)
{
	struct peer_wire_request request = {.command = PEER_CMD_CTX_CREATE,
					    .ctx = id};
	struct peer_wire_answer answer;

	return peer_command(peer, &request, sizeof(request), &answer,
			    sizeof(answer));
}

int peer_context_create(struct peer *peer, struct mm_struct *mm,
			struct peer_context **out)
{
	struct peer_context *ctx;
	int err;

	ctx = context_alloc(peer, mm);
	if (!ctx)
		return -ENOMEM;
	err = context_number(peer, ctx);
	if (err)
		goto out_free;
	err = mmu_interval_notifier_insert(
		&ctx->sub, mm, 0, ~0ul & PEER_PAGE_MASK, &peer_context_ops);
	if (err)
		goto out_unnumber;
	ctx->thread = kthread_create(peer_request_thread, ctx, "peer%u/ctx%u",
				     peer->index, ctx->id);
	if (IS_ERR(ctx->thread)) {
		err = (int)PTR_ERR(ctx->thread);
		goto out_remove;
	}
	err = context_make(peer, ctx->id);
	if (err)
		goto out_forget;
	wake_up_process(ctx->thread);
	*out = ctx;
	return 0;

out_forget:
	/* The device may know it in spite of its answer; the id is used again. */
	peer_context_forget(peer, ctx->id);
	kthread_stop(ctx->thread);
out_remove:
	mmu_interval_notifier_remove(&ctx->sub);
out_unnumber:
	context_unnumber(ctx);
	peer_request_flush(ctx);
out_free:
	context_free(ctx);
	return err == -ENOMEM || err == -ENOSPC || err == -EINTR ? err : -EIO;
}

/*
 * The thread ends first, so that no translation is installed any more.
 * CTX_DESTROY is sent and answered with ctx->lock held. A callback that takes the
 * lock earlier finds a context that the device knows; a callback that takes it
 * later finds an empty table.
 */
void peer_context_destroy(struct peer_context *ctx)
{
	struct peer *peer = ctx->peer;

	kthread_stop(ctx->thread);
	mutex_lock(&ctx->lock);
	peer_context_empty(ctx);
	mutex_unlock(&ctx->lock);
	wait_event_timeout_ns(&ctx->idle,
			      !READ_ONCE(ctx->works_in_flight) ||
				      !peer_alive(peer),
			      PEER_CANCEL_NS);
	peer_work_cancel(ctx);
	mmu_interval_notifier_remove(&ctx->sub);
	context_unnumber(ctx);
	peer_request_flush(ctx);
	context_free(ctx);
}

void peer_context_policy(struct peer_context *ctx, enum peer_atomic_policy policy)
{
	WRITE_ONCE(ctx->policy, policy);
}

void peer_context_hooks(struct peer_context *ctx, const struct peer_hooks *hooks)
{
	smp_store_release(&ctx->hooks, hooks);
}

void peer_context_stats(struct peer_context *ctx, struct peer_context_stats *stats)
{
	unsigned long flags;

	mutex_lock(&ctx->lock);
	spin_lock_irqsave(&ctx->peer->lock, flags);
	*stats = ctx->stats;
	stats->callbacks_ignored = (u64)atomic64_read(&ctx->callbacks_ignored);
	stats->callbacks_refused = (u64)atomic64_read(&ctx->callbacks_refused);
	spin_unlock_irqrestore(&ctx->peer->lock, flags);
	mutex_unlock(&ctx->lock);
}

unsigned int peer_context_translations(struct peer_context *ctx,
				       struct peer_translation *table,
				       unsigned int max)
{
	unsigned int i, count;

	mutex_lock(&ctx->lock);
	ASSERT(peer_table_verify(&ctx->table));
	count = ctx->table.count;
	for (i = 0; i < min(count, max); i++)
		table[i] = ctx->table.entries[i];
	mutex_unlock(&ctx->lock);
	return count;
}

/*
 * A context stays as long as peer->lock is held: context_unnumber() comes before it is
 * freed. Its own lock is taken first elsewhere, so here it is only tried.
 */
static int try_copy(struct peer *peer, u32 id, const struct mm_struct *mm,
		    struct peer_translation *table)
{
	struct peer_context *ctx;
	unsigned long flags;
	int found = -ENOENT;

	spin_lock_irqsave(&peer->lock, flags);
	ctx = id && id <= PEER_CONTEXTS ? peer->contexts[id] : NULL;
	if (ctx && ctx->mm == mm) {
		found = -EBUSY;
		if (mutex_trylock(&ctx->lock)) {
			found = (int)ctx->table.count;
			memcpy(table, ctx->table.entries,
			       ctx->table.count * sizeof(*table));
			mutex_unlock(&ctx->lock);
		}
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return found;
}

int peer_translations_of(struct peer *peer, u32 id, const struct mm_struct *mm,
			 struct peer_translation *table)
{
	u64 until = clock_ns() + PEER_DEATH_NS;
	int found;

	do {
		found = try_copy(peer, id, mm, table);
		if (found != -EBUSY)
			break;
		msleep(1);
	} while (clock_ns() < until);
	return found;
}

int peer_query(struct peer_context *ctx, vaddr_t va, struct peer_translation *out)
{
	struct peer_wire_query request = {
		.head = {.command = PEER_CMD_QUERY, .ctx = ctx->id},
		.va = va & PEER_PAGE_MASK,
	};
	struct peer_wire_query_answer answer;
	const struct peer_translation *known;
	int err;

	err = peer_command(ctx->peer, &request, sizeof(request), &answer,
			   sizeof(answer));
	if (err)
		return err;
	if (!answer.target)
		return -ENOENT;
	out->va = request.va;
	out->pa = answer.target & PEER_PAGE_MASK;
	out->prot = (u32)(answer.target & PEER_MAP_FLAGS);
	mutex_lock(&ctx->lock);
	known = peer_table_find(&ctx->table, request.va);
	out->exclusive = known && known->exclusive;
	mutex_unlock(&ctx->lock);
	return 0;
}
