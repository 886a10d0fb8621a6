// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_rounds_alone_test.c - the two rounds that keep changes out
 *
 * A look-up that changes the mapping itself, inside its read section, loses the
 * round to itself. The second exclusive round finds what the first has
 * changed, because mmap_lock is kept in between.
 */
#include "lookup_fixture.h"

/* One more change before the next round; it is over, or it cannot begin. */
static void ask_between_rounds(struct lookup *l, unsigned int round)
{
	if (l->lost == round)
		ask_demon(l, round);
}

static void fault_in(struct lookup *l, unsigned int round)
{
	get_user_pages_remote(l->mm, l->addr, 1, FOLL_WRITE, NULL);
}

/* A look-up beside a demon that puts the zero page in place after each round. */
static void look_up_beside_zero_pages(struct ktest *test, struct lookup *l,
				      struct sandbox *box)
{
	struct demon d = {.l = l, .reads = true};

	init_waitqueue_head(&d.wait);
	l->after = ask_between_rounds;
	l->arg = &d;
	EXPECT_EQ(lookup_insert(l), 0);
	EXPECT_EQ(sandbox_read(box, BASE), 0UL);
	d.task = kthread_run(demon_body, &d, "demon");
	EXPECT_EQ(look_up(l), 0);
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(d.done) == d.asked));
	kthread_stop(d.task);
	mmu_interval_notifier_remove(&l->w.sub);
}

/*
 *	reader				demon, between the rounds
 *	1 to 8: zero page replaced, which is a change; collides
 *					empties the page, reads it: zero page
 *	9, exclusive: zero page replaced; collides
 *					wants mmap_lock, sleeps
 *	10: the page is there, and current
 *					empties the page
 *
 * Were mmap_lock free between 9 and 10, round 10 would be as 9 was.
 */
KTEST(mmu_notifier_rounds, between_the_rounds_alone_no_change_comes,
      KT_RULES("R4.24"))
{
	struct sandbox box;
	struct lookup l;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	look_up_beside_zero_pages(test, &l, &box);
	EXPECT_EQ(l.nr, MMU_INTERVAL_ROUNDS_ALL);
	EXPECT_EQ(l.lost, MMU_INTERVAL_ROUNDS_ALL - 1);
	EXPECT(mmap_write_trylock(box.mm));
	mmap_write_unlock(box.mm);
	sandbox_close(&box);
}

/* By contract it faults in first: no round is lost to what the reader does. */
KTEST(mmu_notifier_rounds,
      a_reader_that_faults_in_first_does_not_lose_to_itself, KT_RULES("R4.24"))
{
	struct sandbox box;
	struct lookup l;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	l.before = fault_in;
	look_up_beside_zero_pages(test, &l, &box);
	EXPECT_EQ(l.nr, 1U);
	EXPECT_EQ(l.lost, 0U);
	sandbox_close(&box);
}

/* A driver that leaves after a lost exclusive round must unlock by a second call. */
KTEST(mmu_notifier_rounds, a_driver_may_leave_between_the_rounds_alone,
      KT_RULES("R4.24"))
{
	struct sandbox box;
	struct lookup l;
	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&l.w.sub);

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	EXPECT_EQ(lookup_insert(&l), 0);
	rounds.nr = MMU_INTERVAL_ROUNDS_SHARED;
	EXPECT_EQ(mmu_interval_round_lock(&rounds), 0);
	mmu_interval_round_begin(&rounds);
	get_user_pages_remote(box.mm, BASE, 1, FOLL_WRITE, NULL);
	box.raises_unlocked = true;
	raise_without_a_lock(&l, rounds.nr);
	mmu_interval_round_looked_up(&rounds);
	mutex_lock(&l.w.lock);
	EXPECT(mmu_interval_round_retry(&rounds));
	mutex_unlock(&l.w.lock);
	mmu_interval_round_unlock(&rounds);
	EXPECT(!mmap_read_trylock(box.mm));
	mmu_interval_round_unlock(&rounds);
	EXPECT(mmap_write_trylock(box.mm));
	mmap_write_unlock(box.mm);
	mmu_interval_notifier_remove(&l.w.sub);
	sandbox_close(&box);
}
