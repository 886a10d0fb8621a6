// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/device.c - subscribers come and go, and devices without hardware work
 *
 * A process has at most one mirror (tests/mm/lib/mirror.c), and with the peer one context
 * of it. Several actors work with them at once: each look-up is a read section that any
 * other actor's change may collide with.
 *
 *	operation	translation		access
 *	read		for reading		load
 *	write		for writing		store
 *	swap		exclusive		load, a while, store
 *
 * A swap is of the actor's own word. It is seen to be lost if a CPU writes another word of
 * the page meanwhile and copies the page, or the page is mapped somewhere else.
 */
#include <mm/alloc/alloc.h>

#include "tests/mm/lib/mirror.h"
#include "soak.h"

SOAK_OP(soak_subscribe)
{
	struct mirror *m = kzalloc(sizeof(*m), GFP_KERNEL | __GFP_NOFAIL);
	enum soak_done done = SOAK_NOTHING;
	int err = -EEXIST;

	down_write(&p->subscribers);
	if (!p->mirror) {
		err = mirror_try_open(m, &p->box, SOAK_START,
				      (SOAK_END - SOAK_START) >> PAGE_SHIFT);
		soak_note(me, p, "subscribe", 0, SOAK_PAGES, err);
	}
	if (!err) {
		p->mirror = m;
		p->ctx = soak_peer_enters(p);
		m = NULL;
		done = SOAK_DONE;
	} else if (err != -EEXIST && !(err == -ENOMEM && me->soak->no_memory)) {
		soak_fail(p, 0, "subscription: %pE", (void *)(long)err);
	}
	up_write(&p->subscribers);
	kfree(m);
	return done;
}

void soak_leave_devices(struct soak_process *p)
{
	if (!p->mirror)
		return;
	soak_peer_leaves(p->ctx);
	mirror_close(p->mirror);
	kfree(p->mirror);
	p->ctx = NULL;
	p->mirror = NULL;
}

SOAK_OP(soak_unsubscribe)
{
	bool there;

	down_write(&p->subscribers);
	there = p->mirror;
	soak_note(me, p, "unsubscribe", 0, SOAK_PAGES, there);
	soak_leave_devices(p);
	up_write(&p->subscribers);
	return there ? SOAK_DONE : SOAK_NOTHING;
}

/* One access of the mirror, by its rights of the table above. */
static enum soak_done work(struct soak_actor *me, struct soak_process *p,
			   unsigned int page, unsigned int needs)
{
	struct soak_access access = {
		.p = p,
		.page = page,
		.me = me,
		.needs = needs,
		.alone = needs == (PROT_READ | PROT_WRITE),
		.writes = needs & PROT_WRITE ? oracle_value(me) : 0};
	unsigned long at = (soak_at(page) - SOAK_START) >> PAGE_SHIFT;
	unsigned int word = oracle_word(me);
	u64 seen = 0;
	int err;

	oracle_begin(&access);
	if (needs == PROT_READ)
		err = mirror_read_word(p->mirror, at, word, &seen);
	else if (needs == PROT_WRITE)
		err = mirror_write_word(p->mirror, at, word, access.writes);
	else
		err = mirror_swap_word(p->mirror, at, word, access.writes, &seen);
	soak_note(me, p,
		  needs == PROT_READ    ? "device reads"
		  : needs == PROT_WRITE ? "device writes"
					: "device swaps",
		  page, 1, err);
	return oracle_end(&access, err, needs & PROT_READ ? &seen : NULL);
}

static void look_at_all(struct soak_actor *me, struct soak_process *p,
			const struct soak_choice *choice)
{
	unsigned int i;

	for (i = choice->first; i < choice->first + choice->nr; i++)
		soak_touch(me, p, i, PROT_READ);
}

/*
 * A CPU looks before and after: what it remembers of the pages must not be another page
 * than the device has.
 */
static enum soak_done work_all(struct soak_actor *me, struct soak_process *p,
			       const struct soak_choice *choice,
			       unsigned int needs)
{
	enum soak_done done = SOAK_NOTHING;
	unsigned int i;

	look_at_all(me, p, choice);
	down_read(&p->subscribers);
	for (i = choice->first; p->mirror && i < choice->first + choice->nr; i++)
		done |= work(me, p, i, needs);
	up_read(&p->subscribers);
	look_at_all(me, p, choice);
	return done;
}

SOAK_OP(soak_device_read)
{
	return work_all(me, p, choice, PROT_READ);
}

SOAK_OP(soak_device_write)
{
	return work_all(me, p, choice, PROT_WRITE);
}

SOAK_OP(soak_device_swap)
{
	return work_all(me, p, choice, PROT_READ | PROT_WRITE);
}

void soak_compare_device(struct soak_process *p)
{
	if (p->mirror)
		mirror_verify(p->mirror);
}
