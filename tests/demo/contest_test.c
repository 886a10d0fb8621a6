// SPDX-License-Identifier: MIT
/*
 * tests/demo/contest_test.c - what a kernel thread that plays the device counts
 */
#include <arch/uaccess.h>
#include <kernel/ktest.h>
#include <mm/space/mm.h>

#include "demo/contest.h"
#include "tests/ktest/team.h"

static bool round_open(struct ktest *test, struct contest_round *round)
{
	long at;

	round->mm = mm_alloc();
	if (!round->mm)
		return false;
	at = do_mmap(round->mm, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS);
	round->page = (vaddr_t)at;
	if (at > 0 && !contest_stand_in.begin(round))
		return true;
	ktest_fail(test, "no round");
	mmput(round->mm);
	return false;
}

static void round_close(struct contest_round *round)
{
	contest_stand_in.leave(round);
	mmput(round->mm);
}

/* CLEAR comes for a page that the device side was never given. */
KTEST(contest, a_change_without_a_grant_is_no_restore)
{
	struct contest_round round = {.access = CONTEST_EXCLUSIVE};

	REQUIRE(round_open(test, &round));
	kthread_use_mm(round.mm);
	EXPECT_EQ(put_user(1ul, (u64 __user *)round.page), 0);
	kthread_unuse_mm(round.mm);
	EXPECT_EQ(madvise_dontneed(round.mm, round.page, PAGE_SIZE), 0);
	contest_stand_in.end(&round);
	EXPECT_GE(round.counts.invalidations, 1u);
	EXPECT_EQ(round.counts.grants, 0u);
	EXPECT_EQ(round.counts.restores, 0u);
	round_close(&round);
}

/* Restores the page, and now and then throws it away: both notify CLEAR. */
static void disturb(struct team_worker *me)
{
	struct contest_round *round = me->arg;
	unsigned int i;
	u64 old;

	kthread_use_mm(round->mm);
	for (i = 1; !READ_ONCE(round->device_done); i++) {
		if (i % 8 == 0)
			madvise_dontneed(round->mm, round->page, PAGE_SIZE);
		else if (user_xadd64((u64 __user *)round->page, 1, &old))
			break;
		yield();
	}
	kthread_unuse_mm(round->mm);
}

static void play(struct team_worker *me)
{
	struct contest_round *round = me->arg;

	if (contest_stand_in.play(round))
		contest_fail(round, -EIO);
	WRITE_ONCE(round->device_done, true);
}

KTEST(contest, there_are_no_more_restores_than_grants)
{
	struct contest_round round = {.access = CONTEST_EXCLUSIVE, .goal = 40000};
	struct team *team = team_new(test);

	REQUIRE(round_open(test, &round));
	team_add(team, 1, 1, play, &round);
	team_add(team, 1, 1, disturb, &round);
	team_go(team);
	team_wait(team);
	contest_stand_in.end(&round);
	EXPECT_EQ(atomic_read(&round.error), 0);
	EXPECT_GE(round.counts.grants, 10u);
	EXPECT_LE(round.counts.restores, round.counts.grants);
	ktest_note("%lu grants, %lu restores, %lu invalidations",
		   round.counts.grants, round.counts.restores,
		   round.counts.invalidations);
	round_close(&round);
}
