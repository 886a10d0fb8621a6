// SPDX-License-Identifier: MIT
/*
 * drivers/peer/grant.c - give the device the page that it asks for
 *
 * Problem.  The page may go away while the driver looks it up. For an atomic
 * access the CPUs must also be kept off the page until the device has done it.
 *
 * Idea.  The collision-retry loop (docs/architecture.md, steps 2 and 3 of a shared
 * page's life). peer_grant() is the loop, serve_round() one pass through it, and
 * one_round() the part of a pass up to where mmap_lock is dropped:
 *
 *	READ, WRITE			ATOMIC
 *	mmap_lock
 *	fault in, for that access	lock_device_exclusive(): an exclusive entry
 *					stays; the page comes back locked
 *	read_begin()			the same
 *	get_user_pages_remote()		make_device_exclusive_locked()
 *	drop mmap_lock, if the round	the same
 *	  is shared
 *	ctx->lock; read_retry()?	the same
 *	send the translation		the same
 *	unlock ctx->lock; drop		the same
 *	  mmap_lock, if still held,
 *	  but not in an exclusive
 *	  round that has collided
 *	wait for the device's answer	the same; it comes after the replay
 *	put the page			unlock the page, put it
 *
 * "Grant" alone means exclusive access. struct grant and peer_grant() serve a page
 * request of any kind.
 *
 * The page is faulted in before the section begins, because a fault may change
 * the mapping: it replaces the zero page, or restores a page that another context
 * has exclusively. Inside the section such a change would collide with the
 * section itself. So the look-up finds everything ready. It starts no range but
 * its own EXCLUSIVE, which the callback ignores (invalidate.c).
 *
 *	a read of this context		an atomic of another
 *					page is exclusive, of the other
 *	fault in: CLEAR, restored
 *					EXCLUSIVE(other): exclusive again
 *	read_begin()
 *	look up: fault, CLEAR, restored
 *	read_retry() -> true: collision
 *	round 9: mmap_lock for writing
 *					waits for mmap_lock
 *	fault in, look up, installed	(must be so in ten rounds at most)
 *
 *	(peer_crowd.a_load_during_other_contexts_atomics_is_never_denied)
 *
 * A CPU that wants an exclusive page back needs the page's lock, which the driver
 * holds until the device has replayed its access. So each grant is worth at least
 * that access (the progress promise):
 *
 *	request				CPU fault
 *	page exclusive, locked
 *					lock_page() waits
 *	device: translation, replay
 *	answer "replayed"
 *	unlock_page()
 *					start -> INVALIDATE, restored
 *
 * This wait ends with the answer, or after PEER_REPLAY_NS: a device that does not
 * answer keeps no page locked for longer. A late answer is allowed. The driver
 * then abandons the response, and control.c declares a device dead that never
 * answers it.
 *
 * A request that must wait for a page, to be granted it or to restore it, waits before its
 * section and without mmap_lock.
 *
 * Two threads of the device can ask for one page. The second request is answered
 * from the table. For an ATOMIC that is a grant like any other, so it needs the
 * page's lock. The page lock comes before ctx->lock, so here, with ctx->lock
 * held, it is only tried. If that fails, another thread is about to take the
 * page, and the request goes through the loop.
 *
 * If the device refuses a response, its work still waits. The driver invalidates
 * the page, in case the device installed it, and denies the tag. Two answers ask for
 * less. If no work has the tag any more, there is nothing to deny. If the device found
 * the translation gone (REVOKED), there is nothing to invalidate either: it asks again.
 *
 * Rounds are bounded, and collisions are counted by reason. mm/notifier/rounds.c
 * has the argument why ten rounds are enough. After ten a request is denied; that
 * needs ranges that are started without mmap_lock. Between shared rounds the
 * thread sleeps a little longer each time.
 *
 * Not here: how requests come in and denials go out (request.c), letting go
 * (invalidate.c).
 */
#include <arch/page.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <kernel/trace.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/space/mm.h>
#include <mm/page/page.h>

#include "internal.h"

#define BACK_OFF_US    20
#define BACK_OFF_SHIFT 6

DEFINE_TRACE_EVENT(peer_grant, "ctx va pa prot round tag peer",
		   "ctx %lu va %#lx pa %#lx prot %lx round %lu tag %lu of peer %lu");
DEFINE_TRACE_EVENT(peer_retry, "ctx va why round tag peer",
		   "ctx %lu va %#lx: %s in round %lu tag %lu of peer %lu");
DEFINE_TRACE_EVENT(peer_replay, "ctx va ret tag peer",
		   "ctx %lu va %#lx result %ld tag %lu of peer %lu");

/* How a round ended. */
enum outcome {
	OUTCOME_DONE,      /* answered, and the slot is put or abandoned */
	OUTCOME_DENY,      /* no such access: deny it */
	OUTCOME_DEAD,      /* the device is dead; nothing was sent */
	OUTCOME_COLLISION, /* read_retry() returned true */
	OUTCOME_CHANGED, /* another thread changed the page under the look-up */
};

/**
 * struct grant - one page request while it is served, over all its rounds
 * @ctx: the context that asked
 * @slot: for the response
 * @request: the device's
 * @rounds: how many have been, and the read section of this one
 * @exclusive: ATOMIC, by make_device_exclusive_range()
 * @page: referenced, and locked if @exclusive; NULL while there is none
 * @entry: the translation to be
 */
struct grant {
	struct peer_context *ctx;
	struct peer_slot *slot;
	const struct peer_request *request;
	struct mmu_interval_rounds rounds;
	bool exclusive;
	struct page *page;
	struct peer_translation entry;
};

static const struct peer_hooks *hooks(struct peer_context *ctx)
{
	return smp_load_acquire(&ctx->hooks);
}

static void hook_after_look_up(struct peer_context *ctx, vaddr_t va)
{
	const struct peer_hooks *h = hooks(ctx);

	if (h && h->after_look_up)
		h->after_look_up(ctx, va, h->arg);
}

static void hook_before_install(struct peer_context *ctx, vaddr_t va)
{
	const struct peer_hooks *h = hooks(ctx);

	if (h && h->before_install)
		h->before_install(ctx, va, h->arg);
}

static void hook_before_unlock(struct peer_context *ctx, vaddr_t va)
{
	const struct peer_hooks *h = hooks(ctx);

	if (h && h->before_unlock)
		h->before_unlock(ctx, va, h->arg);
}

/* Not before the first round, nor before exclusive ones: those wait for mmap_lock. */
static void wait_between_rounds(unsigned int rounds)
{
	unsigned long us = BACK_OFF_US
			   << min_t(unsigned int, rounds, BACK_OFF_SHIFT);

	if (rounds && rounds < MMU_INTERVAL_ROUNDS_SHARED)
		usleep_range(us, 2 * us);
}

/* The access that the CPU's entry must allow, for both calls below. */
static unsigned int gup_access(const struct grant *grant)
{
	return FOLL_UNLOCKABLE |
	       (grant->entry.prot & PEER_MAP_WRITE ? FOLL_WRITE : 0);
}

/*
 * Make the changes that the look-up would make, and wait for the page, before its section
 * begins; mmap_lock is held, and may be dropped meanwhile. Without exclusive access no
 * reference is taken: the look-up finds this page, or the page that has replaced it.
 */
static enum outcome fault_in(struct grant *grant)
{
	struct mm_struct *mm = grant->ctx->mm;
	vaddr_t va = grant->entry.va;
	bool there;

	if (grant->exclusive)
		there = !lock_device_exclusive(mm, va, &grant->page);
	else
		there = get_user_pages_remote(mm, va, 1, gup_access(grant),
					      NULL) == 1;
	return there ? OUTCOME_DONE : OUTCOME_DENY;
}

/* Find the page; mmap_lock is held. */
static enum outcome look_up(struct grant *grant)
{
	struct peer_translation *entry = &grant->entry;
	struct peer_context *ctx = grant->ctx;
	long got;

	if (grant->exclusive)
		got = make_device_exclusive_locked(ctx->mm, entry->va,
						   entry->va + PEER_PAGE_SIZE,
						   &grant->page, ctx);
	else
		got = get_user_pages_remote(ctx->mm, entry->va, 1,
					    gup_access(grant) | FOLL_GET,
					    &grant->page);
	if (got < 0)
		return OUTCOME_DENY;
	if (!got) {
		peer_context_count(ctx, &ctx->stats.retries_changed);
		return OUTCOME_CHANGED;
	}
	entry->pa = page_to_phys(grant->page);
	hook_after_look_up(ctx, entry->va);
	return OUTCOME_DONE;
}

/*
 * Send the translation and put it in the table. The device carries commands out
 * in order, so an INVALIDATE that is sent later finds it there.
 */
static int install(struct peer_context *ctx, struct peer_slot *slot,
		   const struct peer_request *request,
		   const struct peer_translation *entry) __must_hold(&ctx->lock)
{
	unsigned int exclusive;
	vaddr_t victim;
	int err;

	lockdep_assert_held(&ctx->lock);
	if (!peer_table_find(&ctx->table, entry->va) &&
	    peer_table_victim(&ctx->table, &victim)) {
		peer_context_drop(ctx, victim, victim + PEER_PAGE_SIZE,
				  &exclusive);
		ctx->stats.evicted++;
	}
	err = peer_response_send(ctx->peer, slot, ctx->id, request->copy.tag,
				 entry);
	if (err)
		return err;
	peer_table_set(&ctx->table, entry);
	ctx->stats.mapped++;
	ctx->stats.grants += entry->exclusive;
	return 0;
}

/*
 * Before it is sent, so that the device's records come after this. Round 0 is an
 * answer from the table.
 */
static void trace_grant(const struct grant *grant,
			const struct peer_translation *entry)
{
	TRACE(peer_grant, grant->ctx->id, entry->va, entry->pa, entry->prot,
	      grant->rounds.nr, grant->request->copy.tag,
	      grant->ctx->peer->index);
}

/* Give the page to the device unless it has changed since read_begin(). */
static enum outcome install_if_current(struct grant *grant)
{
	struct peer_context *ctx = grant->ctx;
	int err;

	hook_before_install(ctx, grant->entry.va);
	mutex_lock(&ctx->lock);
	if (mmu_interval_round_retry(&grant->rounds)) {
		ctx->stats.retries_collision++;
		mutex_unlock(&ctx->lock);
		return OUTCOME_COLLISION;
	}
	trace_grant(grant, &grant->entry);
	err = install(ctx, grant->slot, grant->request, &grant->entry);
	mutex_unlock(&ctx->lock);
	return err ? OUTCOME_DEAD : OUTCOME_DONE;
}

/*
 * mmap_lock is held as the round needs it. It is dropped on return, unless the round was
 * an exclusive one that collided.
 */
static enum outcome one_round(struct grant *grant)
{
	struct mmu_interval_rounds *rounds = &grant->rounds;
	enum outcome outcome = fault_in(grant);

	if (outcome == OUTCOME_DONE) {
		mmu_interval_round_begin(rounds);
		outcome = look_up(grant);
	}
	mmu_interval_round_looked_up(rounds);
	if (outcome == OUTCOME_DONE)
		outcome = install_if_current(grant);
	mmu_interval_round_unlock(rounds);
	return outcome;
}

/*
 * The device refused the response; invalidate any translation it may have
 * installed.
 */
static void drop_refused(struct peer_context *ctx, vaddr_t va)
{
	unsigned int exclusive;

	mutex_lock(&ctx->lock);
	peer_context_drop(ctx, va, va + PEER_PAGE_SIZE, &exclusive);
	mutex_unlock(&ctx->lock);
}

/*
 * Wait for the answer to a response that carried a translation. Puts the slot,
 * except in two cases: the caller needs it to deny the request, or the wait timed
 * out and the slot is abandoned.
 */
static enum outcome await_answer(struct peer_context *ctx, struct peer_slot *slot,
				 const struct peer_request *request,
				 bool exclusive)
{
	bool replay = request->copy.access == PEER_ACCESS_ATOMIC;
	struct peer *peer = ctx->peer;
	int err = peer_slot_wait(peer, slot,
				 replay ? PEER_REPLAY_NS : PEER_DEATH_NS);

	if (!err)
		err = peer_status_errno(peer_slot_status(slot));
	TRACE(peer_replay, ctx->id, request->copy.va, err, request->copy.tag,
	      peer->index);
	switch (err) {
	case 0:
		if (exclusive)
			peer_context_count(ctx, &ctx->stats.replays);
		break;
	case -ETIMEDOUT:
		if (replay)
			peer_context_count(ctx, &ctx->stats.replay_timeouts);
		else
			peer_die(peer, "it does not answer a response");
		return OUTCOME_DONE;
	case -EAGAIN:
		peer_context_count(ctx, &ctx->stats.revoked);
		break;
	case -EIO:
		break;
	case -ECANCELED:
	case -ENOENT:
		/* The device knows no work with this tag: nothing to deny. */
		drop_refused(ctx, request->copy.va);
		break;
	default:
		drop_refused(ctx, request->copy.va);
		return OUTCOME_DENY;
	}
	peer_slot_put(peer, slot);
	return OUTCOME_DONE;
}

/* As put_device_exclusive(), for one page that need not be exclusive. */
static void let_page_go(struct grant *grant, enum outcome outcome)
{
	if (outcome == OUTCOME_DONE && grant->exclusive)
		hook_before_unlock(grant->ctx, grant->entry.va);
	if (grant->page && grant->exclusive)
		unlock_page(grant->page);
	if (grant->page)
		put_page(grant->page);
	grant->page = NULL;
}

static enum outcome serve_round(struct grant *grant)
{
	enum outcome outcome;

	grant->page = NULL;
	outcome = one_round(grant);
	if (outcome == OUTCOME_DONE)
		outcome = await_answer(grant->ctx, grant->slot, grant->request,
				       grant->exclusive);
	let_page_go(grant, outcome);
	return outcome;
}

/*
 * Answer from the table, if the device already has what it asks for. The page of
 * an exclusive translation cannot be freed here: it is in the table, so freeing it
 * begins with a callback that takes ctx->lock.
 */
static bool answer_from_table(struct grant *grant)
{
	const struct peer_request *request = grant->request;
	bool replay = request->copy.access == PEER_ACCESS_ATOMIC;
	struct peer_context *ctx = grant->ctx;
	const struct peer_translation *entry;
	u32 prot = grant->entry.prot;
	struct page *page;

	lockdep_assert_held(&ctx->lock);
	entry = peer_table_find(&ctx->table, grant->entry.va);
	if (!entry || (entry->prot & prot) != prot ||
	    (grant->exclusive && !entry->exclusive))
		return false;
	grant->exclusive = replay && entry->exclusive;
	if (grant->exclusive) {
		page = phys_to_page(entry->pa);
		if (!trylock_page(page))
			return false;
		get_page(page);
		grant->page = page;
	}
	trace_grant(grant, entry);
	if (peer_response_send(ctx->peer, grant->slot, ctx->id,
			       request->copy.tag, entry))
		return false;
	ctx->stats.grants += grant->exclusive;
	return true;
}

static bool answered_from_table(struct grant *grant, enum outcome *outcome)
{
	const bool exclusive = grant->exclusive;
	struct peer_context *ctx = grant->ctx;
	bool there;

	mutex_lock(&ctx->lock);
	there = answer_from_table(grant);
	mutex_unlock(&ctx->lock);
	*outcome = there ? await_answer(ctx, grant->slot, grant->request,
					grant->exclusive)
			 : OUTCOME_CHANGED;
	let_page_go(grant, *outcome);
	grant->exclusive = exclusive;
	return there;
}

static u32 access_prot(u32 access)
{
	if (access == PEER_ACCESS_READ)
		return PEER_MAP_READ;
	if (access == PEER_ACCESS_WRITE)
		return PEER_MAP_READ | PEER_MAP_WRITE;
	return PEER_MAP_READ | PEER_MAP_WRITE | PEER_MAP_ATOMIC;
}

bool peer_grant(struct peer_context *ctx, struct peer_slot *slot,
		const struct peer_request *request)
{
	struct grant grant = {
		.ctx = ctx,
		.slot = slot,
		.request = request,
		.rounds = MMU_INTERVAL_ROUNDS_INIT(&ctx->sub),
		.exclusive = request->copy.access == PEER_ACCESS_ATOMIC &&
			     READ_ONCE(ctx->policy) == PEER_ATOMIC_EXCLUSIVE,
		.entry = {.va = request->copy.va,
			  .prot = access_prot(request->copy.access)},
	};
	enum outcome outcome;

	grant.entry.exclusive = grant.exclusive;
	if (answered_from_table(&grant, &outcome))
		return outcome == OUTCOME_DONE;
	for (;;) {
		wait_between_rounds(grant.rounds.nr);
		if (mmu_interval_round_lock(&grant.rounds))
			break;
		outcome = serve_round(&grant);
		if (outcome != OUTCOME_COLLISION && outcome != OUTCOME_CHANGED)
			return outcome == OUTCOME_DONE;
		TRACE(peer_retry, ctx->id, grant.entry.va,
		      outcome == OUTCOME_COLLISION ? "collision" : "changed",
		      grant.rounds.nr, request->copy.tag, ctx->peer->index);
	}
	peer_context_count(ctx, &ctx->stats.out_of_rounds);
	return false;
}
