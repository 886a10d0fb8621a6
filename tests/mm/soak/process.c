// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/process.c - processes that are born, settle in a slot, and exit
 *
 *	state		users of the mm			references to the struct
 *	born, settled	slot, visitors			slot, visitors, pins
 *	has exited	visitors that are still there	visitors, pins
 *	gone		none: the mm is torn down	pins
 *
 * To exit is to leave the slot. Actors that are in the process stay until their operation
 * is done, as threads of a process do that another thread ends; the last one tears the
 * address space down. Subscribers stay until the last reference: a device outlives the
 * process it works for.
 *
 * A shadow (tests/mm/lib/shadow.h) subscribes to each process before it settles, and stays
 * as long: it compares at each start, and at each stop (stop.c).
 *
 * What was counted of the mm's ranges is added up when the struct goes: RELEASE, too, has
 * been raised by then.
 */
#include <lib/panic.h>
#include <mm/alloc/alloc.h>

#include "soak.h"
#include "tests/mm/lib/shadow.h"

struct soak_process *process_new(struct soak *soak)
{
	struct soak_process *p = kzalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL);

	p->soak = soak;
	p->id = (unsigned int)atomic_add_return(1, &soak->born);
	atomic_set(&p->refs, 1);
	p->box.test = soak->test;
	mutex_init(&p->layout);
	init_rwsem(&p->subscribers);
	return p;
}

static void count_events(struct soak_process *p)
{
	struct mmu_notifier_stats stats = {.plain = 0};
	unsigned int i;

	mmu_notifier_read_stats(p->mm, &stats);
	for (i = 0; i < NR_MMU_NOTIFY_EVENTS; i++)
		atomic64_add((s64)stats.events[i], &p->soak->events[i]);
}

void process_put(struct soak_process *p)
{
	if (!atomic_dec_and_test(&p->refs))
		return;
	if (p->mm) {
		down_write(&p->subscribers);
		soak_leave_devices(p);
		up_write(&p->subscribers);
		shadow_detach(p, SHADOWS_ALL);
		if (IS_ENABLED(CONFIG_MMU_NOTIFIER))
			count_events(p);
		mmdrop(p->mm);
	}
	oracle_leave_objects(p);
	kfree(p);
}

struct soak_process *process_get(struct soak *soak, unsigned int slot)
{
	struct soak_process *p;

	mutex_lock(&soak->lock);
	p = soak->slot[slot];
	if (p) {
		atomic_inc(&p->refs);
		mmget(p->mm);
	}
	mutex_unlock(&soak->lock);
	return p;
}

static void process_exit(struct soak_process *p)
{
	if (!p)
		return;
	mmput(p->mm);
	process_put(p);
}

/* Before an actor sees it; without memory it goes without. */
static void process_shadow(struct soak_process *p)
{
	int err = shadow_attach(p->soak->test, p->mm, p);

	if (err && !p->soak->no_memory)
		soak_fail(p, 0, "shadow: %pE", (void *)(long)err);
}

void process_settle(struct soak *soak, unsigned int slot, struct soak_process *p)
{
	struct soak_process *old;

	if (p) {
		p->box.mm = p->mm;
		mmgrab(p->mm);
		process_shadow(p);
	}
	mutex_lock(&soak->lock);
	old = soak->slot[slot];
	soak->slot[slot] = p;
	mutex_unlock(&soak->lock);
	process_exit(old);
}

/* Map pages of a process that nobody else knows yet. */
static void map_at_birth(struct soak_actor *me, struct soak_process *p,
			 unsigned int first, unsigned int nr)
{
	long at;

	oracle_change_begin(p, first, nr, SOAK_RIGHTS | SOAK_CONTENT);
	at = do_mmap(p->mm, soak_at(first), soak_len(first, nr),
		     PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
	soak_note(me, p, "birth", first, nr, at);
	if (at >= 0)
		oracle_mapped(p, first, nr, SOAK_MAPPED | VM_READ | VM_WRITE,
			      NULL);
	else if (!p->soak->no_memory)
		soak_fail(p, first, "mmap: %pE", (void *)at);
	oracle_change_end(p, first, nr, SOAK_RIGHTS | SOAK_CONTENT);
}

static void map_huge_at_birth(struct soak_actor *me, struct soak_process *p)
{
	struct soak_choice choice = {.first = SOAK_SMALL, .nr = SOAK_BIG};

	map_at_birth(me, p, choice.first, choice.nr);
	if (oracle_flags(p, choice.first) & SOAK_MAPPED)
		soak_want_huge(me, p, &choice);
}

void process_born(struct soak_actor *me, unsigned int slot, u64 bits)
{
	struct soak *soak = me->soak;
	struct soak_process *p = process_new(soak);

	p->mm = mm_alloc();
	if (!p->mm) {
		if (!soak->no_memory)
			soak_fail(p, 0, "no memory for an address space");
		process_put(p);
		return;
	}
	map_at_birth(me, p, bits % (SOAK_SMALL / 2), SOAK_SMALL / 2);
	map_huge_at_birth(me, p);
	process_settle(soak, slot, p);
}

void soak_end(struct soak *soak)
{
	unsigned int i, j;

	for (i = 0; i < soak->nr_actors; i++) {
		for (j = 0; j < SOAK_PINS; j++)
			soak_unpin(&soak->actor[i].pin[j]);
	}
	for (i = 0; i < SOAK_PROCESSES; i++)
		process_settle(soak, i, NULL);
}
