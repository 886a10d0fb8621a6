// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/soak_test.c - the generator: what is drawn, how often, how often at least
 *
 * An actor draws its choice before it looks at anything. So what it draws follows from its
 * seed alone, not from what others do or what the kernel answers: a piece draws the same
 * again when it is given its seed again, with as many CPUs. In which order the actors' calls
 * meet does not, but for one CPU, no device and a seed of switches (BUILD=race SWITCH=n).
 *
 * A run that passes and did nothing proves nothing. So each line of the table, and each
 * event, says how often it must have been done in 1000 draws, and a piece that stays
 * below fails.
 *
 * `make soak` runs long pieces, one after the other, each with its seed, as long as asked.
 */
#include <drivers/peer.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/table/huge.h>

#include "tests/ktest/team.h"
#include "soak.h"
#include "window.h"

/* Drawn: a slot that is empty has a birth in it instead, which is counted as `birth`. */
const struct soak_op soak_ops[] = {
	/* name		weight	floor	needs		function */
	{"birth", 0, 2, SOAK_ANY, NULL},
	{"mmap", 8, 8, SOAK_ANY, soak_mmap},
	{"mmap shared", 4, 3, SOAK_ANY, soak_mmap_shared},
	{"mmap huge", 3, 3, SOAK_ANY, soak_mmap_huge},
	{"munmap", 4, 5, SOAK_ANY, soak_munmap},
	{"mprotect", 8, 5, SOAK_ANY, soak_mprotect},
	{"move", 6, 4, SOAK_ANY, soak_move},
	{"resize", 8, 1, SOAK_ANY, soak_resize},
	{"dontneed", 5, 5, SOAK_ANY, soak_dontneed},
	{"free", 2, 1, SOAK_ANY, soak_free},
	{"populate", 3, 1, SOAK_ANY, soak_populate},
	{"fork advice", 4, 3, SOAK_ANY, soak_fork_advice},
	{"huge advice", 2, 1, SOAK_ANY, soak_huge_advice},
	{"collapse", 5, 2, SOAK_ANY, soak_collapse},
	{"mlock", 3, 1, SOAK_ANY, soak_mlock},
	{"munlock", 4, 2, SOAK_ANY, soak_munlock},
	{"clear marks", 2, 2, SOAK_ANY, soak_clear_marks},
	{"pagemap", 4, 4, SOAK_ANY, soak_pagemap},
	{"young", 3, 3, SOAK_ANY, soak_young},
	{"referenced", 3, 1, SOAK_ANY, soak_referenced},
	{"fork", 5, 8, SOAK_ANY, soak_fork},
	{"exit", 1, 1, SOAK_ANY, soak_exit},
	{"read", 14, 15, SOAK_ANY, soak_read},
	{"write", 20, 20, SOAK_ANY, soak_write},
	{"swap", 10, 8, SOAK_ANY, soak_swap},
	{"hold", 7, 5, SOAK_ANY, soak_hold},
	{"pin", 5, 4, SOAK_ANY, soak_pin},
	{"use pin", 7, 2, SOAK_ANY, soak_use_pin},
	{"take run", 6, 3, SOAK_EXCLUSIVE, soak_take_run},
	{"subscribe", 9, 5, SOAK_NOTIFIER, soak_subscribe},
	{"unsubscribe", 2, 1, SOAK_NOTIFIER, soak_unsubscribe},
	{"device read", 5, 1, SOAK_NOTIFIER, soak_device_read},
	{"device write", 5, 1, SOAK_NOTIFIER, soak_device_write},
	{"device swap", 5, 1, SOAK_EXCLUSIVE | SOAK_NOTIFIER, soak_device_swap},
	{"peer load", 3, 1, SOAK_PEER, soak_peer_load},
	{"peer store", 3, 1, SOAK_PEER, soak_peer_store},
	{"peer swap", 3, 1, SOAK_PEER, soak_peer_swap},
};

const unsigned int soak_nr_ops = ARRAY_SIZE(soak_ops);

static_assert(ARRAY_SIZE(soak_ops) <= SOAK_OPS_MAX, "room for the counts");

#define OP_BIRTH 0

/* Ranges of processes that are watched, in 1000 draws. */
static const struct {
	enum mmu_notifier_event event;
	unsigned int floor;
	unsigned int needs;
} soak_events[] = {
	{MMU_NOTIFY_UNMAP, 10, SOAK_NOTIFIER},
	{MMU_NOTIFY_CLEAR, 10, SOAK_NOTIFIER},
	{MMU_NOTIFY_PROTECTION_VMA, 1, SOAK_NOTIFIER},
	{MMU_NOTIFY_PROTECTION_PAGE, 5, SOAK_NOTIFIER},
	{MMU_NOTIFY_SOFT_DIRTY, 2, SOAK_NOTIFIER},
	{MMU_NOTIFY_RELEASE, 2, SOAK_NOTIFIER},
	{MMU_NOTIFY_EXCLUSIVE, 5, SOAK_NOTIFIER | SOAK_EXCLUSIVE},
};

/* What becomes of huge pages, in 1000 draws. */
static const struct {
	const char *name;
	size_t counter; /* in struct huge_counters */
	unsigned int floor;
} soak_huge[] = {
	{"huge fault", offsetof(struct huge_counters, faulted), 2},
	{"huge zero page", offsetof(struct huge_counters, zero_page), 1},
	{"huge split", offsetof(struct huge_counters, split), 2},
	{"huge page split", offsetof(struct huge_counters, page_split), 1},
	{"huge page kept", offsetof(struct huge_counters, page_kept), 1},
	{"huge collapsed", offsetof(struct huge_counters, collapsed), 3},
	{"not collapsed", offsetof(struct huge_counters, collapse_failed), 1},
};

/* What this kernel and this machine have. */
static unsigned int present(void)
{
	return (IS_ENABLED(CONFIG_MMU_NOTIFIER) ? SOAK_NOTIFIER : 0) |
	       (IS_ENABLED(CONFIG_DEVICE_PRIVATE) ? SOAK_EXCLUSIVE : 0) |
	       (peer_present() ? SOAK_PEER : 0);
}

/* --- drawing -------------------------------------------------------------------- */

static unsigned int weight_of(const struct soak_op *op)
{
	return op->needs & ~present() ? 0 : op->weight;
}

bool soak_can(unsigned int op)
{
	return weight_of(&soak_ops[op]) > 0;
}

unsigned int soak_op_named(const char *name)
{
	unsigned int i;

	for (i = 0; strcmp(soak_ops[i].name, name); i++)
		BUG_ON(i + 1 == soak_nr_ops);
	return i;
}

static unsigned int draw_op(struct rng *rng)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < soak_nr_ops; i++)
		sum += weight_of(&soak_ops[i]);
	at = (unsigned int)rng_below(rng, sum);
	for (i = 0; at >= weight_of(&soak_ops[i]); i++)
		at -= weight_of(&soak_ops[i]);
	return i;
}

/* Mostly a few pages, and sometimes as many as there are. */
static unsigned int draw_length(struct rng *rng, unsigned int most)
{
	unsigned int few = rng_below(rng, 8) ? 4 : SOAK_SMALL;

	return 1 + (unsigned int)rng_below(rng, min(most, few));
}

/* Half of the draws are of the first process, so that several actors are in it. */
static unsigned int draw_slot(struct rng *rng)
{
	unsigned int slot = (unsigned int)rng_below(rng, 2 * SOAK_PROCESSES);

	return slot < SOAK_PROCESSES ? slot : 0;
}

/* A few pages on both sides of where the tables meet; any; or where huge pages are. */
static unsigned int draw_page(struct rng *rng)
{
	unsigned int kind = (unsigned int)rng_below(rng, 8);

	if (kind < 3)
		return SOAK_SMALL / 2 - 4 + (unsigned int)rng_below(rng, 8);
	if (kind < 6)
		return (unsigned int)rng_below(rng, SOAK_SMALL);
	return SOAK_SMALL + (unsigned int)rng_below(rng, SOAK_BIG);
}

struct soak_choice soak_draw(struct rng *rng)
{
	struct soak_choice choice = {.op = draw_op(rng),
				     .stays = rng_below(rng, 8) != 0,
				     .slot = draw_slot(rng),
				     .first = draw_page(rng)};

	choice.nr = draw_length(rng, soak_room(choice.first));
	choice.bits = rng_next(rng);
	return choice;
}

struct soak_choice soak_whole_huge(const struct soak_choice *choice)
{
	struct soak_choice whole = *choice;
	bool second = soak_is_big(choice->first)
			      ? choice->first >= SOAK_SMALL + SOAK_HUGE
			      : choice->first % 2;
	bool both = choice->bits >> 40 & 1;

	whole.first = SOAK_SMALL + (second && !both ? SOAK_HUGE : 0);
	whole.nr = both ? SOAK_BIG : SOAK_HUGE;
	return whole;
}

static u64 mix(u64 sum, const struct soak_choice *choice)
{
	struct rng rng =
		rng_init(sum ^ choice->bits ^ (u64)choice->op << 32 ^
			 choice->slot << 16 ^ choice->first << 8 ^ choice->nr);

	return rng_next(&rng);
}

/* Into the process of the slot; false: there is none. */
static bool enter(struct soak_actor *me, unsigned int slot)
{
	struct soak_process *p = process_get(me->soak, slot);

	if (!p)
		return false;
	kthread_use_mm(p->mm);
	mmput(p->mm);
	me->p = p;
	me->slot = slot;
	return true;
}

void soak_leave(struct soak_actor *me)
{
	if (!me->p)
		return;
	kthread_unuse_mm(me->p->mm);
	process_put(me->p);
	me->p = NULL;
}

void soak_act(struct soak_actor *me, const struct soak_choice *choice)
{
	struct soak *soak = me->soak;
	unsigned int op = choice->op;
	enum soak_done done = SOAK_DONE;

	if (!choice->stays)
		soak_leave(me);
	if (me->p || enter(me, choice->slot)) {
		done = soak_ops[op].run(me, me->p, choice);
	} else {
		process_born(me, choice->slot, choice->bits);
		op = OP_BIRTH;
	}
	atomic64_inc(&soak->draws);
	if (done)
		atomic64_inc(&soak->done[op]);
}

void soak_visit(struct soak_actor *me, const struct soak_choice *choice)
{
	soak_act(me, choice);
	soak_leave(me);
}

static void act(struct team_worker *worker)
{
	struct soak *soak = worker->arg;
	struct soak_actor *me = &soak->actor[worker->number];

	while (team_goes_on(worker)) {
		struct soak_choice choice = soak_draw(&worker->rng);

		me->drawn = mix(me->drawn, &choice);
		soak_act(me, &choice);
	}
	soak_leave(me);
}

/* --- a piece -------------------------------------------------------------------- */

static void end_soak(void *arg)
{
	soak_end(arg);
}

struct soak *soak_new(struct ktest *test, unsigned int nr_actors)
{
	struct soak *soak = ktest_alloc(test, sizeof(*soak));
	unsigned int i;

	soak->test = test;
	soak->nr_actors = nr_actors;
	mutex_init(&soak->lock);
	spin_lock_init(&soak->oracle_lock);
	huge_read_counters(&soak->huge);
	for (i = 0; i < nr_actors; i++)
		soak->actor[i] = (struct soak_actor){.soak = soak, .number = i};
	ktest_cleanup(test, end_soak, soak);
	return soak;
}

/* "done", of @draws, at least @floor in 1000. */
static void check_floor(struct soak *soak, const char *name, u64 done,
			unsigned int floor, unsigned int needs)
{
	u64 draws = (u64)atomic64_read(&soak->draws);
	u64 least = draws * floor / 1000;

	if (needs & ~present())
		return;
	ktest_note("soak: %-16s %8lu, at least %6lu", name, done, least);
	if (done < max(least, 1UL))
		ktest_fail(soak->test, "%s: %lu in %lu draws, wanted are %lu",
			   name, done, draws, max(least, 1UL));
}

static void check_huge_floors(struct soak *soak)
{
	struct huge_counters now;
	unsigned int i;

	huge_read_counters(&now);
	for (i = 0; i < ARRAY_SIZE(soak_huge); i++) {
		size_t at = soak_huge[i].counter / sizeof(unsigned long);
		u64 done = ((unsigned long *)&now)[at] -
			   ((unsigned long *)&soak->huge)[at];

		check_floor(soak, soak_huge[i].name, done, soak_huge[i].floor,
			    SOAK_ANY);
	}
}

static void check_floors(struct soak *soak)
{
	u64 drawn = 0;
	unsigned int i;

	for (i = 0; i < soak->nr_actors; i++)
		drawn += soak->actor[i].drawn;
	ktest_note("soak: %lu draws by %u actors, their sum %#lx",
		   (u64)atomic64_read(&soak->draws), soak->nr_actors, drawn);
	for (i = 0; i < soak_nr_ops; i++)
		check_floor(soak, soak_ops[i].name,
			    (u64)atomic64_read(&soak->done[i]),
			    soak_ops[i].floor, soak_ops[i].needs);
	check_huge_floors(soak);
	if (!IS_ENABLED(CONFIG_MMU_NOTIFIER))
		return;
	for (i = 0; i < ARRAY_SIZE(soak_events); i++)
		check_floor(
			soak, mmu_notifier_event_name(soak_events[i].event),
			(u64)atomic64_read(&soak->events[soak_events[i].event]),
			soak_events[i].floor, soak_events[i].needs);
}

/* So many stops, and before each so many draws of all actors together. */
static void run_piece(struct ktest *test, unsigned int stops,
		      unsigned long draws, unsigned long fail_one_in)
{
	unsigned int actors = min(team_size(), SOAK_ACTORS), i;
	struct soak *soak = soak_new(test, actors);
	struct team *team = team_new(test);

	soak->no_memory = fail_one_in;
	team->fail_one_in = fail_one_in;
	for (i = 0; i < stops && !ktest_failed(test); i++) {
		team_add(team, actors, draws / actors, act, soak);
		team_go(team);
		team_wait(team);
		soak_stop(soak);
	}
	soak_end(soak);
	if (!ktest_failed(test) && !fail_one_in)
		check_floors(soak);
	if (fail_one_in)
		EXPECT_GT(atomic64_read(&team->allocs_failed), 0);
}

KTEST(soak, random_operations_on_several_processes_agree_with_an_oracle,
      KT_FLAGS(KT_SLOW))
{
	run_piece(test, 2, 800, 0);
}

KTEST(soak, the_same_holds_where_one_in_many_allocations_fails,
      KT_FLAGS(KT_SLOW | KT_NEEDS_DEBUG))
{
	run_piece(test, 2, 400, 50);
}

/* For `make soak`. */
KTEST(soak, a_long_piece_of_random_operations_agrees_with_an_oracle,
      KT_FLAGS(KT_SLOW | KT_BY_NAME_ONLY))
{
	run_piece(test, 8, 800, 0);
}
