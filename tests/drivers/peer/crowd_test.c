// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/crowd_test.c - a plain access of the device, in a crowd
 *
 * One context loads from a page or stores to it. At the same time others change the
 * page's mapping without a pause: two more contexts, whose atomics need the page
 * exclusively, or two threads that discard it and read it. However often an access
 * collides, none is denied (R4.24, R8.23).
 *
 * An access waits until the crowd has changed the page since the last one, so that
 * each has to ask for the page again.
 *
 * Sized for every run. For the long one, 4,800 accesses of each kind on each number
 * of CPUs: make test T='peer_crowd.*' REPEAT=192 SMP=4.
 */
#include <lib/errno.h>

#include "tests/ktest/team.h"
#include "arena.h"

#define ACCESSES 25
#define CROWD    2

enum access {
	LOAD,
	STORE,
};

struct crowd {
	struct peer_arena arena;
	struct peer_context *ctx[CROWD]; /* of the workers, or NULL */
	atomic_t changes;
};

/* Each worker in a context of its own. */
static void add_exclusively(struct team_worker *me)
{
	struct crowd *crowd = me->arg;
	u64 done;

	while (team_goes_on(me)) {
		if (device_add(crowd->ctx[me->number], crowd->arena.base, 1,
			       &done))
			ktest_fail(me->test, "an addition was denied");
		atomic_inc(&crowd->changes);
	}
}

static void throw_away_and_read(struct team_worker *me)
{
	struct crowd *crowd = me->arg;

	while (team_goes_on(me)) {
		madvise_dontneed(crowd->arena.mm, crowd->arena.base, PAGE_SIZE);
		cpu_read(&crowd->arena, crowd->arena.base);
		atomic_inc(&crowd->changes);
	}
}

static int access_by(struct crowd *crowd, enum access access, unsigned int i)
{
	struct peer_arena *arena = &crowd->arena;
	u64 value;

	return access == LOAD ? device_load(arena->ctx, arena->base, &value)
			      : device_store(arena->ctx, arena->base, i);
}

/* No access is denied while the team is at work. */
static void work_during(struct crowd *crowd, struct team *team, enum access access)
{
	struct ktest *test = crowd->arena.test;
	struct peer_context_stats stats;
	unsigned int i, denied = 0;
	int err;

	team_go(team);
	for (i = 0; i < ACCESSES && !ktest_failed(test); i++) {
		int before = atomic_read(&crowd->changes);

		KTEST_WAIT_FOR(test,
			       atomic_read(&crowd->changes) - before >= CROWD);
		err = access_by(crowd, access, i);
		if (err && err != -EFAULT)
			ktest_fail(test, "access %u: %s", i, errno_name(err));
		denied += err == -EFAULT;
	}
	team_stop(team);
	stats = arena_stats(&crowd->arena);
	EXPECT_EQ(denied, 0U);
	EXPECT_EQ(stats.out_of_rounds, 0u);
	EXPECT_EQ(stats.denied, 0u);
	ktest_note("%u accesses: %lu requests, %lu collisions, %lu denied", i,
		   stats.requests_read + stats.requests_write,
		   stats.retries_collision + stats.retries_changed, stats.denied);
}

static void during_other_atomics(struct ktest *test, enum access access)
{
	struct crowd crowd = {.changes = {0}};
	struct team *team;
	unsigned int i;

	if (!arena_open(test, &crowd.arena))
		return;
	team = team_new(test);
	team_add(team, CROWD, TEAM_UNTIL_STOP, add_exclusively, &crowd);
	for (i = 0; i < CROWD; i++) {
		if (peer_context_create(crowd.arena.peer, crowd.arena.mm,
					&crowd.ctx[i]))
			ktest_fail(test, "no further context");
	}
	if (!ktest_failed(test))
		work_during(&crowd, team, access);
	for (i = 0; i < CROWD; i++) {
		if (crowd.ctx[i])
			peer_context_destroy(crowd.ctx[i]);
	}
	arena_close(&crowd.arena);
}

static void during_discards(struct ktest *test, enum access access)
{
	struct crowd crowd = {.changes = {0}};
	struct team *team;

	if (!arena_open(test, &crowd.arena))
		return;
	team = team_new(test);
	team->mm = crowd.arena.mm;
	team_add(team, CROWD, TEAM_UNTIL_STOP, throw_away_and_read, &crowd);
	work_during(&crowd, team, access);
	arena_close(&crowd.arena);
}

KTEST(peer_crowd, a_load_during_other_contexts_atomics_is_never_denied,
      KT_FLAGS(KT_NEEDS_PEER | KT_SLOW), KT_RULES("R4.24 R8.23"))
{
	during_other_atomics(test, LOAD);
}

KTEST(peer_crowd, a_store_during_other_contexts_atomics_is_never_denied,
      KT_FLAGS(KT_NEEDS_PEER | KT_SLOW), KT_RULES("R4.24 R8.23"))
{
	during_other_atomics(test, STORE);
}

KTEST(peer_crowd, a_load_while_two_threads_discard_the_page_is_never_denied,
      KT_FLAGS(KT_NEEDS_PEER | KT_SLOW), KT_RULES("R4.24 R8.23"))
{
	during_discards(test, LOAD);
}

KTEST(peer_crowd, a_store_while_two_threads_discard_the_page_is_never_denied,
      KT_FLAGS(KT_NEEDS_PEER | KT_SLOW), KT_RULES("R4.24 R8.23"))
{
	during_discards(test, STORE);
}
