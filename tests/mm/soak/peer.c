// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/peer.c - the device beside QEMU loads, stores and swaps
 *
 * It works on the same words as the actor that asks it to, and the actor waits: so the
 * oracle has one order for both. It runs truly beside the CPUs, and its swap is a load
 * and a store, for which it asks for the page exclusively.
 */
#include <drivers/peer.h>
#include <kernel/time.h>

#include "soak.h"

/* The device itself is dead after PEER_DEATH_NS. */
#define WORK_NS (2 * PEER_DEATH_NS)

struct peer_context *soak_peer_enters(struct soak_process *p)
{
	struct peer_context *ctx = NULL;
	int err;

	if (!peer_present())
		return NULL;
	err = peer_context_create(peer_get(0), p->mm, &ctx);
	if (err && !(err == -ENOMEM && p->soak->no_memory))
		soak_fail(p, 0, "context of the peer: %pE", (void *)(long)err);
	return ctx;
}

void soak_peer_leaves(struct peer_context *ctx)
{
	if (ctx)
		peer_context_destroy(ctx);
}

static enum soak_done work(struct soak_actor *me, struct soak_process *p,
			   unsigned int page, u32 op, unsigned int needs)
{
	struct soak_access access = {
		.p = p,
		.page = page,
		.me = me,
		.needs = needs,
		.alone = op == PEER_OP_SWAP,
		.writes = needs & PROT_WRITE ? oracle_value(me) : 0};
	struct peer_work work = {.op = op,
				 .width = 8,
				 .va = soak_at(page) +
				       oracle_word(me) * sizeof(u64),
				 .count = 1,
				 .repeat = 1,
				 .operand = access.writes};
	int err;

	oracle_begin(&access);
	err = peer_work_run(p->ctx, &work, WORK_NS);
	soak_note(me, p, "peer works", page, 1, err);
	return oracle_end(&access, err, needs & PROT_READ ? &work.value : NULL);
}

static enum soak_done work_all(struct soak_actor *me, struct soak_process *p,
			       const struct soak_choice *choice, u32 op,
			       unsigned int needs)
{
	enum soak_done done = SOAK_NOTHING;
	unsigned int i;

	down_read(&p->subscribers);
	for (i = choice->first; p->ctx && i < choice->first + choice->nr; i++)
		done |= work(me, p, i, op, needs);
	up_read(&p->subscribers);
	return done;
}

SOAK_OP(soak_peer_load)
{
	return work_all(me, p, choice, PEER_OP_LOAD, PROT_READ);
}

SOAK_OP(soak_peer_store)
{
	return work_all(me, p, choice, PEER_OP_STORE, PROT_WRITE);
}

SOAK_OP(soak_peer_swap)
{
	return work_all(me, p, choice, PEER_OP_SWAP, PROT_READ | PROT_WRITE);
}
