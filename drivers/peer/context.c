// SPDX-License-Identifier: MIT
/*
 * drivers/peer/context.c - a device in an address space, and letting go
 *
 * Problem.  The device uses its own translations without asking anybody.
 * Before the CPU side changes a mapping, the device must have let go of it,
 * and nothing that was looked up before may be given to it afterwards.
 *
 * Idea.  One interval subscription over the whole address space, since the
 * device may touch any of it.  (One for each page would collide less, but cost
 * an insert and a remove for every page request; the table says in a few steps
 * whether a range concerns the device, and collisions are bounded in
 * grant.c.)
 *
 *	invalidate callback		what it does
 *	our own EXCLUSIVE		nothing, not even the sequence: the
 *					request that caused it is at work
 *	device dead			sequence, forget
 *	nothing in the range		sequence
 *	something, may sleep		sequence, forget, INVALIDATE, wait
 *	something, may not sleep	refuse, change nothing
 *
 * The race it must win (peer_test.c,
 * page_looked_up_before_an_unmap_is_not_installed):
 *
 *	page request			munmap
 *	seq = read_begin()
 *	page = look it up
 *					start: lock; set_seq; nothing in the
 *					table; unlock
 *					PTE cleared, frame freed; end
 *	lock; read_retry() -> true	(must be true: the page is stale)
 *
 * and the one between two callbacks, which is why the lock is held until the
 * device has acknowledged: the second finds an empty table and returns at
 * once, and that must mean that the device has let go, not that it was asked
 * to.  The same lock is held while the device destroys a context.  The device
 * gives the number up at once and answers when the access in flight has ended.
 * A callback meanwhile must wait as long (peer/race_test.c,
 * change_beside_a_destroy_waits_for_the_access_in_flight):
 *
 *	device			destroy			munmap
 *	access begins
 *				lock; CTX_DESTROY
 *	number is free
 *							start: waits for lock
 *	access ends
 *	acknowledges
 *				table is empty; unlock
 *							frame freed (must not
 *							be before the access
 *							has ended)
 *
 *	field			read with	write with
 *	ctx->table, ->closed	ctx->lock	ctx->lock
 *	sub.invalidate_seq	ctx->lock	ctx->lock, in the callback
 *	peer->contexts[]	peer->lock	peer->lock
 *
 * Dirty.  A page the device could write is marked dirty when its translation
 * goes; the CPU's entry knows nothing of the device's writes.  The page is
 * still mapped then: start comes before the change.
 *
 * Lifetime.  The subscription keeps the mm struct.  The address space itself
 * is kept only while a page request is served; when its last user goes, the
 * RELEASE event closes the context.
 *
 * Not here: how requests are answered (request.c, grant.c).
 */
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <mm/space/mm.h>
#include <mm/page/page.h>

#include "internal.h"

/* The device's addresses end here; those of the kernel are none of its. */
#define PEER_VA_END (1ul << PEER_VA_BITS)

/* How long a device that answers may take to end the work of a context. */
#define PEER_CANCEL_NS (1000 * 1000 * 1000ULL)

DEFINE_TRACE_EVENT(peer_invalidate,
		   "ctx %lu %s [%#lx, %#lx) dropped %lu in %lu ns");

/*
 * Send a command by which the device lets go of pages, and wait until it has.
 * Any answer but PEER_S_OK and @also is no promise that it has: the device is
 * declared dead, which is how a broken promise is told from a kept one.
 *
 * The command has a slot that no other kind of command can keep. The caller
 * holds a lock that callbacks take, and the holder of another slot may wait for
 * mmap_lock, and so for such a callback.
 */
static void let_go(struct peer *peer, const void *request, u32 length,
		   enum peer_status also)
{
	struct peer_slot *slot = peer_slot_get(peer, PEER_SLOT_INVALIDATE);
	u32 status;
	int err;

	if (!slot)
		return;
	memcpy(slot->request, request, length);
	err = peer_slot_send(peer, slot, length, sizeof(struct peer_wire_answer));
	if (!err)
		err = peer_slot_wait(peer, slot, PEER_DEATH_NS);
	if (err == -ETIMEDOUT) {
		peer_die(peer, "it does not let go of pages in time");
		return;
	}
	status = peer_slot_status(slot);
	if (!err && status != PEER_S_OK && status != also)
		peer_die(peer, "it refuses to let go of pages");
	else if (err == -EPROTO)
		peer_die(peer, "it garbles an acknowledgement");
	peer_slot_put(peer, slot);
}

/*
 * Invalidate [start, end) in the device.  The device knows the context while
 * ctx->lock is held, so "no such context" is refused like any other answer.
 */
static void context_revoke(struct peer_context *ctx, vaddr_t start, vaddr_t end)
{
	struct peer_wire_invalidate request = {
		.head = {.command = PEER_CMD_INVALIDATE, .ctx = ctx->id},
		.start = start,
		.end = min_t(u64, end, PEER_VA_END),
	};

	lockdep_assert_held(&ctx->lock);
	ctx->stats.invalidations++;
	let_go(ctx->peer, &request, sizeof(request), PEER_S_OK);
}

void peer_context_count(struct peer_context *ctx, u64 *counter)
{
	mutex_lock(&ctx->lock);
	(*counter)++;
	mutex_unlock(&ctx->lock);
}

static void drop_one(const struct peer_translation *entry, void *arg)
{
	unsigned int *exclusive = arg;

	if (entry->prot & PEER_MAP_WRITE)
		SetPageDirty(phys_to_page(entry->pa));
	*exclusive += entry->exclusive;
}

unsigned int peer_context_drop(struct peer_context *ctx, vaddr_t start,
			       vaddr_t end, unsigned int *exclusive)
{
	unsigned int count;

	lockdep_assert_held(&ctx->lock);
	*exclusive = 0;
	count = peer_table_remove(&ctx->table, start, end, drop_one, exclusive);
	if (count && peer_alive(ctx->peer))
		context_revoke(ctx, start, end);
	return count;
}

static bool context_invalidate(struct mmu_interval_notifier *sub,
			       const struct mmu_notifier_range *range,
			       unsigned long cur_seq)
{
	struct peer_context *ctx = container_of(sub, struct peer_context, sub);
	u64 begun = clock_ns();
	unsigned int count, exclusive;

	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == ctx) {
		atomic64_inc(&ctx->callbacks_own);
		return true;
	}
	if (mmu_notifier_range_blockable(range))
		mutex_lock(&ctx->lock);
	else if (!mutex_trylock(&ctx->lock))
		return false;
	ctx->stats.callbacks++;
	if (!mmu_notifier_range_blockable(range) && peer_alive(ctx->peer) &&
	    peer_table_overlaps(&ctx->table, range->start, range->end)) {
		ctx->stats.callbacks_busy++;
		mutex_unlock(&ctx->lock);
		return false;
	}
	mmu_interval_set_seq(sub, cur_seq);
	if (range->event == MMU_NOTIFY_RELEASE)
		ctx->closed = true;
	count = peer_context_drop(ctx, range->start, range->end, &exclusive);
	ctx->stats.translations_dropped += count;
	if (range->event == MMU_NOTIFY_CLEAR ||
	    range->event == MMU_NOTIFY_EXCLUSIVE)
		ctx->stats.take_backs += exclusive;
	mutex_unlock(&ctx->lock);
	if (count)
		TRACE(peer_invalidate, ctx->id,
		      mmu_notifier_event_name(range->event), range->start,
		      range->end, count, clock_ns() - begun);
	return true;
}

static const struct mmu_interval_notifier_ops context_ops = {
	.invalidate = context_invalidate,
};

static int context_make(struct peer *peer, u32 id)
{
	struct peer_wire_request request = {.command = PEER_CMD_CTX_CREATE,
					    .ctx = id};
	struct peer_wire_answer answer;

	return peer_command(peer, &request, sizeof(request), &answer,
			    sizeof(answer));
}

static void context_unmake(struct peer *peer, u32 id, enum peer_status also)
{
	struct peer_wire_request request = {.command = PEER_CMD_CTX_DESTROY,
					    .ctx = id};

	let_go(peer, &request, sizeof(request), also);
}

void peer_context_forget(struct peer *peer, u32 id)
{
	/* D5.31: no access in flight either, of any context of that number. */
	context_unmake(peer, id, PEER_S_NO_CONTEXT);
}

/* Take an id for @ctx; requests for it are queued from now on. */
static int context_number(struct peer *peer, struct peer_context *ctx)
{
	u32 most = min_t(u32, PEER_CONTEXTS, peer->hello.max_contexts);
	unsigned long flags;
	int err = -ENOSPC;
	u32 id;

	spin_lock_irqsave(&peer->lock, flags);
	if (peer->dead) {
		most = 0;
		err = -EIO;
	}
	for (id = 1; id <= most; id++) {
		if (!peer->contexts[id]) {
			peer->contexts[id] = ctx;
			ctx->id = id;
			err = 0;
			break;
		}
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

static struct peer_context *context_alloc(struct peer *peer, struct mm_struct *mm)
{
	struct peer_context *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	unsigned int size = (unsigned int)min_t(u64, PEER_TABLE_SIZE,
						peer->hello.max_mappings);

	if (!ctx)
		return NULL;
	if (peer_table_create(&ctx->table, size)) {
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

int peer_context_create(struct peer *peer, struct mm_struct *mm,
			struct peer_context **out)
{
	struct peer_context *ctx;
	int err;

	if (!peer_alive(peer))
		return -EIO;
	ctx = context_alloc(peer, mm);
	if (!ctx)
		return -ENOMEM;
	err = context_number(peer, ctx);
	if (err)
		goto out_free;
	err = mmu_interval_notifier_insert(&ctx->sub, mm, 0,
					   ~0ul & PEER_PAGE_MASK, &context_ops);
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
	/* It may have made it and garbled the answer; the id is used again. */
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
 * The thread goes first, so that nothing is installed any more.  The device
 * forgets the context with the lock held: a callback before that finds a context
 * that the device knows, and one after it an empty table.
 */
void peer_context_destroy(struct peer_context *ctx)
{
	struct peer *peer = ctx->peer;
	unsigned int exclusive = 0;

	kthread_stop(ctx->thread);
	mutex_lock(&ctx->lock);
	context_unmake(peer, ctx->id, PEER_S_OK);
	/* Still subscribed: what is in the table is mapped. */
	peer_table_remove(&ctx->table, 0, PEER_VA_END, drop_one, &exclusive);
	mutex_unlock(&ctx->lock);
	wait_event_timeout_ns(&ctx->idle,
			      !READ_ONCE(ctx->orders) || !peer_alive(peer),
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
	stats->callbacks_own = (u64)atomic64_read(&ctx->callbacks_own);
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
