// SPDX-License-Identifier: MIT
/*
 * drivers/peer/invalidate.c - the device lets go of pages
 *
 * Problem.  The device uses its translations without asking. Before the CPU side
 * changes a mapping, the device must have let go of it, and the driver must not
 * give it a page that it looked up before.
 *
 * Idea.  The callback takes ctx->lock, stores the number, removes the range from the
 * table, sends INVALIDATE, and holds the lock until the device has acknowledged. A
 * page request checks the number and installs under the same lock.
 *
 *	invalidate callback		effect
 *	own EXCLUSIVE			ignored, and the number is not
 *					stored: this context's request is at
 *					work
 *	device dead			number; forget
 *	nothing in the range		number
 *	something, may sleep		number; forget, INVALIDATE, wait
 *	RELEASE				as above; no request is served after it,
 *					because a server holds mm_users
 *	something, may not sleep	refuse, change nothing
 *	lock taken, may not sleep	refuse, change nothing
 *
 * The first race (peer.page_looked_up_before_an_unmap_is_not_installed):
 *
 *	page request			munmap
 *	seq = read_begin()
 *	page = look it up
 *					start: lock; set_seq; nothing in the
 *					table; unlock
 *					PTE cleared, frame freed; end
 *	lock; read_retry() -> true	(must be true: the page is stale)
 *
 * The second race is between two callbacks. A callback that finds an empty table
 * returns at once, and that must mean that the device has let go, not that
 * another thread has asked it to. So a callback holds the lock until the device
 * has acknowledged.
 *
 * The same lock is held while the device destroys a context. The device gives
 * the context's number up at once, and answers when the accesses in flight have
 * ended. A callback must wait as long
 * (peer_race.change_during_a_destroy_waits_for_the_access_in_flight):
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
 *	ctx->table		ctx->lock	ctx->lock
 *	sub.invalidate_seq	ctx->lock;	ctx->lock, in the callback
 *				read_begin():
 *				acquire
 *
 * Dirty.  The CPU's entry does not record the device's writes. So the driver
 * marks a page dirty when the translation of a writable page goes. The page is
 * still mapped then, because start comes before the change.
 *
 * Not here: creation and destruction of a context (context.c), page requests
 * (request.c, grant.c).
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <mm/page/page.h>

#include "internal.h"

/* End of the addresses that a device can use: the user half. */
#define PEER_VA_END (1ul << PEER_VA_BITS)

DEFINE_TRACE_EVENT(peer_invalidate, "ctx event start end dropped ns peer",
		   "ctx %lu %s [%#lx, %#lx) dropped %lu in %lu ns of peer %lu");

/*
 * Send a command by which the device lets go of pages, and wait until it has.
 * On any answer but PEER_S_OK and @also the device is declared dead, so that a
 * refusal is never taken for an acknowledgement.
 *
 * The command has a slot of a class of its own. Most callers hold ctx->lock,
 * which callbacks take. The holder of another slot may wait for mmap_lock, and
 * so for a callback; waiting for such a slot here could therefore be a deadlock.
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
 * Invalidate [start, end) in the device. The device knows the context while
 * ctx->lock is held, so "no such context" is a refusal here.
 */
static void revoke(struct peer_context *ctx, vaddr_t start, vaddr_t end)
{
	struct peer_wire_invalidate request = {
		.head = {.command = PEER_CMD_INVALIDATE, .ctx = ctx->id},
		.start = start,
		.end = end,
	};

	lockdep_assert_held(&ctx->lock);
	ctx->stats.invalidations++;
	let_go(ctx->peer, &request, sizeof(request), PEER_S_OK);
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
		revoke(ctx, start, end);
	return count;
}

static bool refuse(struct peer_context *ctx)
{
	atomic64_inc(&ctx->callbacks_refused);
	return false;
}

/*
 * The pages that a range touches, as far as a device can use addresses. The bounds of a
 * range are bytes; the device refuses an INVALIDATE that is not of whole pages.
 */
static void pages_of(const struct mmu_notifier_range *range, vaddr_t *start,
		     vaddr_t *end)
{
	*start = ALIGN_DOWN(range->start, PEER_PAGE_SIZE);
	*end = ALIGN(min_t(vaddr_t, range->end, PEER_VA_END), PEER_PAGE_SIZE);
}

static bool invalidate(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq)
{
	struct peer_context *ctx = container_of(sub, struct peer_context, sub);
	u64 begun = clock_ns();
	unsigned int count, exclusive;
	vaddr_t start, end;

	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == ctx) {
		atomic64_inc(&ctx->callbacks_ignored);
		return true;
	}
	if (mmu_notifier_range_blockable(range))
		mutex_lock(&ctx->lock);
	else if (!mutex_trylock(&ctx->lock))
		return refuse(ctx);
	pages_of(range, &start, &end);
	if (!mmu_notifier_range_blockable(range) && peer_alive(ctx->peer) &&
	    peer_table_overlaps(&ctx->table, start, end)) {
		mutex_unlock(&ctx->lock);
		return refuse(ctx);
	}
	mmu_interval_set_seq(sub, cur_seq);
	ctx->stats.callbacks++;
	count = peer_context_drop(ctx, start, end, &exclusive);
	ctx->stats.translations_dropped += count;
	ctx->stats.exclusive_dropped += exclusive;
	mutex_unlock(&ctx->lock);
	if (count)
		TRACE(peer_invalidate, ctx->id,
		      mmu_notifier_event_name(range->event), range->start,
		      range->end, count, clock_ns() - begun, ctx->peer->index);
	return true;
}

const struct mmu_interval_notifier_ops peer_context_ops = {
	.invalidate = invalidate,
};

/* The device forgets context @id, or is declared dead; see let_go(). */
static void forget(struct peer *peer, u32 id, enum peer_status also)
{
	struct peer_wire_request request = {.command = PEER_CMD_CTX_DESTROY,
					    .ctx = id};

	let_go(peer, &request, sizeof(request), also);
}

void peer_context_forget(struct peer *peer, u32 id)
{
	/* D5.31: the answer waits for the accesses of earlier contexts, too. */
	forget(peer, id, PEER_S_NO_CONTEXT);
}

void peer_context_empty(struct peer_context *ctx)
{
	unsigned int exclusive = 0;

	lockdep_assert_held(&ctx->lock);
	forget(ctx->peer, ctx->id, PEER_S_OK);
	/* Still subscribed, so each page in the table is still mapped. */
	peer_table_remove(&ctx->table, 0, PEER_VA_END, drop_one, &exclusive);
}

void peer_context_count(struct peer_context *ctx, u64 *counter)
{
	mutex_lock(&ctx->lock);
	(*counter)++;
	mutex_unlock(&ctx->lock);
}
