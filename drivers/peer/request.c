// SPDX-License-Identifier: MIT
/*
 * drivers/peer/request.c - give the device the pages it asks for
 *
 * Problem.  The device misses a translation and asks.  The page may go away
 * while it is being looked up, and for an atomic the CPUs must be kept off it
 * until the device has had its turn.
 *
 * Idea.  The collision-retry loop, step 2 and 3 of a shared page's life:
 *
 *	READ, WRITE			ATOMIC
 *	mmap_lock; read_begin()		the same
 *	get_user_pages_remote()		make_device_exclusive_range(): the page
 *					comes back locked
 *	ctx->lock; read_retry()?	the same
 *	translation on its way		the same
 *	unlock ctx->lock, put		unlock ctx->lock, wait for the replay,
 *					unlock the page, put
 *
 * A CPU that wants an exclusive page back needs its lock, so each grant is
 * worth at least the access that was asked for (the progress promise):
 *
 *	request				CPU fault
 *	page exclusive, locked
 *					lock_page() waits
 *	device: translation, replay
 *	answer "replayed"
 *	unlock_page()
 *					start -> INVALIDATE, restored
 *
 * The wait ends with the answer, or after PEER_REPLAY_NS; the page is never
 * locked for longer than that by a device that plays dead.  A late answer is
 * no crime yet: the response is abandoned, and control.c sees to one that is
 * never answered.
 *
 * A request for what the device was given meanwhile, for two of its threads can
 * ask for one page, is answered from the table.  For an ATOMIC that is a grant
 * like any other and is worth an access only under the page's lock.  The table
 * cannot be held while a lock is waited for that is taken before ctx->lock, so
 * it is only tried; if it is taken, somebody is about to have the page back, and
 * the loop does it all anew.
 *
 * A response that the device refuses leaves its work waiting there.  What it may
 * have made of the translation is dropped, and the tag is denied.
 *
 * Attempts are bounded, backed off and counted by reason. They are the rounds of
 * mm/mmu_notifier_rounds.c, which has the argument why they are enough:
 *
 *	attempt		what changes
 *	1		-
 *	2 .. 8		first take the page back from ourselves: a failed
 *			attempt left it exclusive, and taking it back inside of
 *			make_device_exclusive_range() would move our sequence
 *			and so fail every attempt to come
 *	9, 10		the same with mmap_lock held for writing until the
 *			translation is installed: no change can come between,
 *			and nobody else has the page's entry in hand
 *	-		the request is denied: somebody raises ranges without
 *			mmap_lock
 *
 * Flow of buffers: a request keeps its buffer until it is answered, so that a
 * device cannot have more requests here than there are buffers.
 *
 *	field			read with	write with
 *	ctx->requests		peer->lock	peer->lock
 *	peer->refused		peer->lock	peer->lock
 *	request->copy		its holder	interrupt handler, before queueing
 *
 * Not here: letting go (context.c).
 *
 * Over 600 lines because the plain and the exclusive answer share one loop of
 * attempts, and who reads how one ends must see all the ways it can.
 */
#include <arch/page.h>
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/trace.h>
#include <mm/device_exclusive.h>
#include <mm/gup.h>
#include <mm/mm.h>
#include <mm/page.h>

#include "internal.h"

#define BACK_OFF_US    20
#define BACK_OFF_SHIFT 6

DEFINE_TRACE_EVENT(peer_request, "ctx %lu access %lu va %#lx tag %lu");
DEFINE_TRACE_EVENT(peer_grant, "ctx %lu va %#lx pa %#lx prot %lx attempt %lu");
DEFINE_TRACE_EVENT(peer_replay, "ctx %lu va %#lx result %ld");

/* How one attempt ended. */
enum outcome {
	OUTCOME_DONE,      /* answered, or the device is dead */
	OUTCOME_DENY,      /* no such access: tell the device so */
	OUTCOME_COLLISION, /* read_retry() said yes */
	OUTCOME_LOCKED,    /* the page was not to be had just now */
};

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

/* Read once what the device wrote, and see whether it makes sense. */
static bool request_read(struct peer *peer, struct peer_request *request,
			 u32 written)
{
	struct peer_wire_page_request *copy = &request->copy;

	memset(copy, 0, sizeof(*copy));
	if (written < sizeof(*copy))
		return false;
	memcpy(copy, request->wire, sizeof(*copy));
	return copy->tag && copy->session == peer->hello.session &&
	       copy->ctx >= 1 && copy->ctx <= PEER_CONTEXTS &&
	       peer->contexts[copy->ctx] && copy->access >= PEER_ACCESS_READ &&
	       copy->access <= PEER_ACCESS_ATOMIC &&
	       !(copy->va & ~PEER_PAGE_MASK) && !(copy->va >> PEER_VA_BITS);
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
		peer_die_locked(peer, "it lied on the page request queue");
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

static void response_fill(struct peer_slot *slot, u32 ctx, u64 tag, u32 result,
			  const struct peer_translation *entry)
{
	struct peer_wire_fault_response *response = slot->request;

	response->head.command = PEER_CMD_FAULT_RESPONSE;
	response->head.ctx = ctx;
	response->tag = tag;
	response->result = result;
	response->count = entry ? 1 : 0;
	if (entry) {
		response->entry[0].va = entry->va;
		response->entry[0].target = entry->pa | entry->prot;
	}
}

static u32 response_length(const struct peer_slot *slot)
{
	const struct peer_wire_fault_response *response = slot->request;

	return (u32)sizeof(*response) +
	       (response->count ? (u32)sizeof(response->entry[0]) : 0);
}

static int response_send(struct peer *peer, struct peer_slot *slot)
{
	return peer_slot_send(peer, slot, response_length(slot),
			      sizeof(struct peer_wire_answer));
}

static void deny(struct peer *peer, u32 ctx, u64 tag)
{
	struct peer_slot *slot = peer_slot_get(peer, PEER_SLOT_ANY);
	int err;

	if (!slot)
		return;
	response_fill(slot, ctx, tag, PEER_FAULT_DENY, NULL);
	err = response_send(peer, slot);
	if (!err)
		err = peer_slot_wait(peer, slot, PEER_DEATH_NS);
	if (err == -ETIMEDOUT)
		peer_die(peer, "it does not answer a denial");
	else
		peer_slot_put(peer, slot);
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

static u32 access_prot(u32 access)
{
	if (access == PEER_ACCESS_READ)
		return PEER_MAP_READ;
	if (access == PEER_ACCESS_WRITE)
		return PEER_MAP_READ | PEER_MAP_WRITE;
	return PEER_MAP_READ | PEER_MAP_WRITE | PEER_MAP_ATOMIC;
}

/*
 * Put the translation in the table and on its way.  The device carries commands
 * out in order, so an INVALIDATE sent later finds it.
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
	response_fill(slot, ctx->id, request->copy.tag, PEER_FAULT_OK, entry);
	err = response_send(ctx->peer, slot);
	if (err)
		return err;
	peer_table_set(&ctx->table, entry);
	ctx->stats.mapped++;
	ctx->stats.grants += entry->exclusive;
	return 0;
}

/* The device would not have it: whatever it made of it shall be gone. */
static void take_off(struct peer_context *ctx, vaddr_t va)
{
	unsigned int exclusive;

	mutex_lock(&ctx->lock);
	peer_context_drop(ctx, va, va + PEER_PAGE_SIZE, &exclusive);
	mutex_unlock(&ctx->lock);
}

static void count(struct peer_context *ctx, u64 *counter)
{
	mutex_lock(&ctx->lock);
	(*counter)++;
	mutex_unlock(&ctx->lock);
}

/*
 * Wait for the answer to a response that carried a translation.  The slot goes
 * back, unless the work that waits there is still to be denied.
 */
static enum outcome settle(struct peer_context *ctx, struct peer_slot *slot,
			   const struct peer_request *request, bool exclusive)
{
	bool replay = request->copy.access == PEER_ACCESS_ATOMIC;
	struct peer *peer = ctx->peer;
	int err = peer_slot_wait(peer, slot,
				 replay ? PEER_REPLAY_NS : PEER_DEATH_NS);

	if (!err)
		err = peer_status_errno(peer_slot_status(slot));
	TRACE(peer_replay, ctx->id, request->copy.va, err);
	switch (err) {
	case 0:
		if (exclusive)
			count(ctx, &ctx->stats.replays);
		break;
	case -ETIMEDOUT:
		if (replay)
			count(ctx, &ctx->stats.replay_timeouts);
		else
			peer_die(peer, "it does not answer a response");
		return OUTCOME_DONE;
	case -EAGAIN:
		count(ctx, &ctx->stats.revoked);
		break;
	case -EIO:
		break;
	case -ECANCELED:
	case -ENOENT:
		/* There is nothing that waits for this tag. */
		take_off(ctx, request->copy.va);
		break;
	default:
		take_off(ctx, request->copy.va);
		return OUTCOME_DENY;
	}
	peer_slot_put(peer, slot);
	return OUTCOME_DONE;
}

static const struct peer_hooks *hooks(struct peer_context *ctx)
{
	return smp_load_acquire(&ctx->hooks);
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

/**
 * struct attempt - one walk through the loop
 * @ctx: whose
 * @slot: for the response
 * @request: what is asked for
 * @rounds: how many went before, and the read section of this one
 * @exclusive: ATOMIC, by make_device_exclusive_range()
 * @page: referenced, and locked if @exclusive; NULL while there is none
 * @entry: the translation to be
 */
struct attempt {
	struct peer_context *ctx;
	struct peer_slot *slot;
	const struct peer_request *request;
	struct mmu_interval_rounds rounds;
	bool exclusive;
	struct page *page;
	struct peer_translation entry;
};

/* Find the page; mmap_lock is held. */
static enum outcome look_up(struct attempt *attempt)
{
	struct peer_translation *entry = &attempt->entry;
	struct peer_context *ctx = attempt->ctx;
	unsigned int flags = FOLL_GET;
	long got;

	if (entry->prot & PEER_MAP_WRITE)
		flags |= FOLL_WRITE;
	if (attempt->exclusive)
		got = make_device_exclusive_range(ctx->mm, entry->va,
						  entry->va + PEER_PAGE_SIZE,
						  &attempt->page, ctx);
	else
		got = get_user_pages_remote(ctx->mm, entry->va, 1, flags,
					    &attempt->page);
	if (got != 1)
		return OUTCOME_DENY;
	if (!attempt->page) {
		count(ctx, &ctx->stats.retries_locked);
		return OUTCOME_LOCKED;
	}
	entry->pa = page_to_phys(attempt->page);
	return OUTCOME_DONE;
}

/* Give the page to the device unless it has changed since read_begin(). */
static enum outcome install_if_current(struct attempt *attempt)
{
	struct peer_context *ctx = attempt->ctx;
	int err;

	hook_before_install(ctx, attempt->entry.va);
	mutex_lock(&ctx->lock);
	if (mmu_interval_round_retry(&attempt->rounds)) {
		ctx->stats.retries_collision++;
		mutex_unlock(&ctx->lock);
		return OUTCOME_COLLISION;
	}
	if (ctx->closed) {
		mutex_unlock(&ctx->lock);
		return OUTCOME_DENY;
	}
	err = install(ctx, attempt->slot, attempt->request, &attempt->entry);
	mutex_unlock(&ctx->lock);
	/* Dead: nobody is left to be answered. */
	return err ? OUTCOME_DENY : OUTCOME_DONE;
}

/* Have the page back from the device if it is exclusive; mmap_lock is held. */
static void take_back(struct attempt *attempt)
{
	struct page *page;

	if (attempt->exclusive &&
	    get_user_pages_remote(attempt->ctx->mm, attempt->entry.va, 1,
				  FOLL_WRITE | FOLL_GET, &page) == 1)
		put_page(page);
}

/* mmap_lock is held as the round wants it, and all of it is let go of. */
static enum outcome attempt_round(struct attempt *attempt)
{
	struct mmu_interval_rounds *rounds = &attempt->rounds;
	enum outcome outcome;

	if (rounds->nr > 1)
		take_back(attempt);
	mmu_interval_round_begin(rounds);
	outcome = look_up(attempt);
	mmu_interval_round_looked_up(rounds);
	if (outcome == OUTCOME_DONE)
		outcome = install_if_current(attempt);
	mmu_interval_round_unlock(rounds);
	return outcome;
}

static void let_page_go(struct attempt *attempt, enum outcome outcome)
{
	if (outcome == OUTCOME_DONE && attempt->exclusive)
		hook_before_unlock(attempt->ctx, attempt->entry.va);
	if (attempt->page && attempt->exclusive)
		unlock_page(attempt->page);
	if (attempt->page)
		put_page(attempt->page);
	attempt->page = NULL;
}

static enum outcome attempt_run(struct attempt *attempt)
{
	const struct peer_translation *entry = &attempt->entry;
	struct peer_context *ctx = attempt->ctx;
	enum outcome outcome;

	attempt->page = NULL;
	outcome = attempt_round(attempt);
	if (outcome == OUTCOME_DONE) {
		TRACE(peer_grant, ctx->id, entry->va, entry->pa, entry->prot,
		      attempt->rounds.nr);
		outcome = settle(ctx, attempt->slot, attempt->request,
				 attempt->exclusive);
	}
	let_page_go(attempt, outcome);
	return outcome;
}

/*
 * Answer from the table, if the device has what it asks for.  An exclusive
 * translation keeps its page: it is in the table, and ctx->lock is held.
 */
static bool answer_from_table(struct attempt *attempt)
{
	const struct peer_request *request = attempt->request;
	bool replay = request->copy.access == PEER_ACCESS_ATOMIC;
	struct peer_context *ctx = attempt->ctx;
	const struct peer_translation *entry;
	u32 prot = attempt->entry.prot;
	struct page *page;

	lockdep_assert_held(&ctx->lock);
	entry = peer_table_find(&ctx->table, attempt->entry.va);
	if (!entry || (entry->prot & prot) != prot || ctx->closed ||
	    (attempt->exclusive && !entry->exclusive))
		return false;
	attempt->exclusive = replay && entry->exclusive;
	if (attempt->exclusive) {
		page = phys_to_page(entry->pa);
		if (!trylock_page(page))
			return false;
		get_page(page);
		attempt->page = page;
	}
	response_fill(attempt->slot, ctx->id, request->copy.tag, PEER_FAULT_OK,
		      entry);
	if (response_send(ctx->peer, attempt->slot))
		return false;
	ctx->stats.grants += attempt->exclusive;
	return true;
}

static bool already_there(struct attempt *attempt, enum outcome *outcome)
{
	const bool exclusive = attempt->exclusive;
	struct peer_context *ctx = attempt->ctx;
	bool there;

	mutex_lock(&ctx->lock);
	there = answer_from_table(attempt);
	mutex_unlock(&ctx->lock);
	*outcome = there ? settle(ctx, attempt->slot, attempt->request,
				  attempt->exclusive)
			 : OUTCOME_LOCKED;
	let_page_go(attempt, *outcome);
	attempt->exclusive = exclusive;
	return there;
}

static void back_off(unsigned int attempts)
{
	unsigned long us = BACK_OFF_US
			   << min_t(unsigned int, attempts, BACK_OFF_SHIFT);

	if (attempts)
		usleep_range(us, 2 * us);
}

static enum outcome serve_in_mm(struct peer_context *ctx, struct peer_slot *slot,
				const struct peer_request *request)
{
	struct attempt attempt = {
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

	attempt.entry.exclusive = attempt.exclusive;
	if (already_there(&attempt, &outcome))
		return outcome;
	for (;;) {
		back_off(attempt.rounds.nr);
		if (mmu_interval_round_lock(&attempt.rounds))
			break;
		outcome = attempt_run(&attempt);
		if (outcome == OUTCOME_DONE || outcome == OUTCOME_DENY)
			return outcome;
	}
	count(ctx, &ctx->stats.gave_up);
	return OUTCOME_DENY;
}

static void serve(struct peer_context *ctx, struct peer_request *request)
{
	struct peer *peer = ctx->peer;
	enum outcome outcome = OUTCOME_DENY;
	struct peer_slot *slot;

	TRACE(peer_request, ctx->id, request->copy.access, request->copy.va,
	      request->copy.tag);
	slot = peer_slot_get(peer, PEER_SLOT_ANY);
	if (!slot)
		return;
	if (mmget_not_zero(ctx->mm)) {
		outcome = serve_in_mm(ctx, slot, request);
		mmput(ctx->mm);
	}
	if (outcome == OUTCOME_DONE)
		return;
	peer_slot_put(peer, slot);
	count(ctx, &ctx->stats.refused);
	deny(peer, ctx->id, request->copy.tag);
}

static void count_request(struct peer_context *ctx, u32 access)
{
	if (access == PEER_ACCESS_READ)
		count(ctx, &ctx->stats.requests_read);
	else if (access == PEER_ACCESS_WRITE)
		count(ctx, &ctx->stats.requests_write);
	else
		count(ctx, &ctx->stats.requests_atomic);
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
