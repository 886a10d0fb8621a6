// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_rounds_test.c - a look-up ends, whatever changes
 *
 * Not here: what happens in the two exclusive rounds
 * (mmu_notifier_rounds_alone_test.c).
 */
#include "lookup_fixture.h"

/*
 *	reader				demon, in every round
 *	rounds 1 to 8: look up
 *					empties the page
 *		       retry: must
 *	round 9: exclusive, look up
 *					wants mmap_lock, sleeps
 *		 retry: need not
 *		 installed; unlock
 *					empties the page: notified, dropped
 */
KTEST(mmu_notifier_rounds, changes_without_end_are_kept_out_after_eight_rounds,
      KT_RULES("R4.24"))
{
	struct mmu_notifier_stats stats;
	struct sandbox box;
	struct lookup l;
	struct demon d = {.l = &l};

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	init_waitqueue_head(&d.wait);
	l.between = ask_demon;
	l.arg = &d;
	EXPECT_EQ(lookup_insert(&l), 0);
	d.task = kthread_run(demon_body, &d, "demon");
	EXPECT_EQ(look_up(&l), 0);
	EXPECT_EQ(l.nr, MMU_INTERVAL_ROUNDS_SHARED + 1);
	EXPECT_EQ(l.lost, MMU_INTERVAL_ROUNDS_SHARED);
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(d.done) == d.asked));
	EXPECT_EQ(d.done, MMU_INTERVAL_ROUNDS_SHARED + 1);
	EXPECT_EQ(l.w.calls, d.done);
	EXPECT_EQ(l.installed, 0UL);
	stats = stats_of(box.mm);
	EXPECT_EQ(stats.exclusive_rounds, 1UL);
	EXPECT_EQ(stats.retries[MMU_NOTIFY_CLEAR],
		  (unsigned long)MMU_INTERVAL_ROUNDS_SHARED);
	kthread_stop(d.task);
	mmu_interval_notifier_remove(&l.w.sub);
	sandbox_close(&box);
}

/* Empties the page; after round 8 the zero page is there instead. */
static void map_zero_page(struct lookup *l, unsigned int round)
{
	struct ktest *test = l->w.test;
	u64 value;

	if (round > MMU_INTERVAL_ROUNDS_SHARED)
		return;
	EXPECT_EQ(madvise_dontneed(l->mm, l->addr, PAGE_SIZE), 0);
	if (round == MMU_INTERVAL_ROUNDS_SHARED)
		EXPECT_EQ(user_peek(l->addr, &value), 0);
}

/*
 *	round 8		collides; the zero page is mapped
 *	round 9		exclusive: the look-up copies it, which is a change (CLEAR)
 *	round 10	exclusive: the copy is there
 */
KTEST(mmu_notifier_rounds,
      a_look_up_that_changes_the_mapping_needs_one_more_round, KT_RULES("R4.24"))
{
	struct mmu_notifier_stats stats;
	struct sandbox box;
	struct lookup l;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	l.between = map_zero_page;
	EXPECT_EQ(lookup_insert(&l), 0);
	EXPECT_EQ(look_up(&l), 0);
	EXPECT_EQ(l.nr, MMU_INTERVAL_ROUNDS_ALL);
	EXPECT_EQ(l.lost, MMU_INTERVAL_ROUNDS_ALL - 1);
	EXPECT_EQ(l.installed, pte_pfn(sandbox_pte(&box, BASE)));
	stats = stats_of(box.mm);
	EXPECT_EQ(stats.exclusive_rounds,
		  (unsigned long)MMU_INTERVAL_ROUNDS_EXCLUSIVE);
	mmu_interval_notifier_remove(&l.w.sub);
	sandbox_close(&box);
}

KTEST(mmu_notifier_rounds, an_invalidator_without_mmap_lock_ends_in_EBUSY,
      KT_RULES("R4.24"))
{
	struct mmu_notifier_stats stats;
	struct sandbox box;
	struct lookup l;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	l.between = raise_without_a_lock;
	box.raises_unlocked = true;
	EXPECT_EQ(lookup_insert(&l), 0);
	EXPECT_EQ(look_up(&l), -EBUSY);
	EXPECT_EQ(l.nr, MMU_INTERVAL_ROUNDS_ALL);
	EXPECT_EQ(l.lost, MMU_INTERVAL_ROUNDS_ALL);
	EXPECT(mmap_write_trylock(box.mm));
	mmap_write_unlock(box.mm);
	stats = stats_of(box.mm);
	EXPECT_EQ(stats.retries[MMU_NOTIFY_SOFT_DIRTY],
		  (unsigned long)MMU_INTERVAL_ROUNDS_ALL);
	mmu_interval_notifier_remove(&l.w.sub);
	sandbox_close(&box);
}

static int look_up_body(void *arg)
{
	struct lookup *l = arg;
	int ret = look_up(l);

	atomic_set(&l->done, 1);
	return ret;
}

/* It waits for mmap_lock; killed, it comes back without having got it. */
static void kill_reader(struct ktest *test, struct lookup *l, struct task *task)
{
	EXPECT_EQ(ktest_wait_blocked(test, task), 0);
	EXPECT_EQ(atomic_read(&l->done), 0);
	task_kill(task);
	EXPECT(KTEST_WAIT_FOR(test, atomic_read(&l->done)));
}

/*
 *	other				reader, in its first round
 *	mmap_lock, write
 *					wants it for reading, sleeps
 *	killed:				-EINTR, holds nothing
 */
KTEST(mmu_notifier_rounds, a_reader_killed_in_its_first_round_waits_for_nobody,
      KT_RULES("R4.24"))
{
	struct sandbox box;
	struct lookup l;
	struct task *task;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	EXPECT_EQ(lookup_insert(&l), 0);
	mmap_write_lock(box.mm);
	task = kthread_run(look_up_body, &l, "reader");
	kill_reader(test, &l, task);
	mmap_write_unlock(box.mm);
	EXPECT_EQ(kthread_join(task), -EINTR);
	EXPECT_EQ(l.nr, 0U);
	EXPECT_EQ(l.installed, 0UL);
	EXPECT(mmap_write_trylock(box.mm));
	mmap_write_unlock(box.mm);
	mmu_interval_notifier_remove(&l.w.sub);
	sandbox_close(&box);
}

/*
 *	other				reader, its eighth round collided
 *	mmap_lock, read
 *					wants it for writing, sleeps
 *	killed:				-EINTR
 */
KTEST(mmu_notifier_rounds, a_killed_reader_waits_for_nobody, KT_RULES("R4.24"))
{
	struct sandbox box;
	struct lookup l;
	struct task *task;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	lookup_init(&l, &box);
	l.between = raise_without_a_lock;
	box.raises_unlocked = true;
	EXPECT_EQ(lookup_insert(&l), 0);
	mmap_read_lock(box.mm);
	task = kthread_run(look_up_body, &l, "reader");
	kill_reader(test, &l, task);
	EXPECT_EQ(l.lost, MMU_INTERVAL_ROUNDS_SHARED);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(kthread_join(task), -EINTR);
	EXPECT_EQ(stats_of(box.mm).exclusive_rounds, 0UL);
	EXPECT(mmap_write_trylock(box.mm));
	mmap_write_unlock(box.mm);
	mmu_interval_notifier_remove(&l.w.sub);
	sandbox_close(&box);
}

/* --- streams, unforced ------------------------------------------------------------ */

#define STREAM_LOOKUPS 5
#define STREAMERS      3

struct stream {
	struct lookup l;
	atomic_t stop;
	atomic_t changes;
	struct task *task[STREAMERS];
};

/* Fills the page and empties it, without a pause. */
static int streamer_body(void *arg)
{
	struct stream *s = arg;

	while (!atomic_read(&s->stop)) {
		mmap_read_lock(s->l.mm);
		get_user_pages_remote(s->l.mm, s->l.addr, 1, FOLL_WRITE, NULL);
		mmap_read_unlock(s->l.mm);
		madvise_dontneed(s->l.mm, s->l.addr, PAGE_SIZE);
		atomic_inc(&s->changes);
		yield();
	}
	return 0;
}

/* Wait until one of them has begun and ended a change, if they can. */
static void let_them(struct lookup *l, unsigned int round)
{
	struct stream *s = container_of(l, struct stream, l);
	int before = atomic_read(&s->changes);

	if (round <= MMU_INTERVAL_ROUNDS_SHARED)
		KTEST_WAIT_FOR(l->w.test,
			       atomic_read(&s->changes) - before > STREAMERS);
}

static void stream_begin(struct stream *s, struct sandbox *box)
{
	unsigned int i;

	lookup_init(&s->l, box);
	s->l.between = let_them;
	atomic_set(&s->stop, 0);
	atomic_set(&s->changes, 0);
	for (i = 0; i < STREAMERS; i++)
		s->task[i] = kthread_run(streamer_body, s, "streamer%u", i);
}

static void stream_end(struct stream *s)
{
	unsigned int i;

	atomic_set(&s->stop, 1);
	for (i = 0; i < STREAMERS; i++)
		kthread_join(s->task[i]);
}

/*
 * On as many CPUs as there are, three threads are against one reader, and win
 * every round in which they can have mmap_lock.
 */
KTEST(mmu_notifier_rounds, beside_a_stream_no_look_up_needs_more_than_ten_rounds,
      KT_FLAGS(KT_NEEDS_SMP | KT_SLOW), KT_RULES("R4.24"))
{
	unsigned long rounds = 0;
	unsigned int i, most = 0;
	struct sandbox box;
	struct stream s;

	if (!sandbox_open(&box, test))
		return;
	sandbox_map(&box, BASE, 1);
	stream_begin(&s, &box);
	EXPECT_EQ(lookup_insert(&s.l), 0);
	EXPECT(KTEST_WAIT_FOR(test, atomic_read(&s.changes) > 0));
	for (i = 0; i < STREAM_LOOKUPS; i++) {
		EXPECT_EQ(look_up(&s.l), 0);
		EXPECT_GT(s.l.nr, (unsigned int)MMU_INTERVAL_ROUNDS_SHARED);
		EXPECT_LE(s.l.nr, (unsigned int)MMU_INTERVAL_ROUNDS_ALL);
		rounds += s.l.nr;
		most = max(most, s.l.nr);
	}
	stream_end(&s);
	ktest_note("%u look-ups beside %d changes: %lu rounds, at most %u of %u, %lu alone",
		   STREAM_LOOKUPS, atomic_read(&s.changes), rounds, most,
		   MMU_INTERVAL_ROUNDS_ALL, stats_of(box.mm).exclusive_rounds);
	mmu_interval_notifier_remove(&s.l.w.sub);
	sandbox_close(&box);
}

/* --- ranges that touch others ------------------------------------------------------- */

struct elsewhere {
	struct mm_struct *mm;
	atomic_t stop;
	unsigned long ranges;
};

/* Of two ranges one is open at any time; neither touches pages 0 and 1. */
static int elsewhere_body(void *arg)
{
	struct mmu_notifier_range range[2];
	struct elsewhere *e = arg;

	start_of(&range[0], e->mm, 4, 5);
	while (!atomic_read(&e->stop)) {
		start_of(&range[1], e->mm, 4, 6);
		end_of(&range[0]);
		start_of(&range[0], e->mm, 5, 6);
		end_of(&range[1]);
		WRITE_ONCE(e->ranges, e->ranges + 2);
		cond_resched();
	}
	end_of(&range[0]);
	return 0;
}

/*
 *	pages     0 1 2 3 4 5
 *	watch a   [-]
 *	watch b           [-]	notified of each
 *	stream            [-]	never without an open range
 */
KTEST(mmu_notifier_rounds, a_stream_of_ranges_elsewhere_costs_a_reader_nothing,
      KT_RULES("R4.24 R4.26"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct elsewhere e = {.mm = mm};
	unsigned long seq, retries = 0;
	struct watcher a, b;
	struct task *task;
	unsigned int i;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 2), 0);
	EXPECT_EQ(watch(&b, mm, 4, 6), 0);
	task = kthread_run(elsewhere_body, &e, "elsewhere");
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(e.ranges) > 0));
	for (i = 0; i < 1000; i++) {
		seq = mmu_interval_read_begin(&a.sub);
		if (i % 16 == 0)
			yield();
		retries += must_retry(&a, seq);
	}
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(e.ranges) > 100));
	atomic_set(&e.stop, 1);
	kthread_join(task);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(retries, 0UL);
	EXPECT_EQ(stats.waits, 0UL);
	EXPECT_EQ(a.calls, 0U);
	EXPECT_GT(b.calls, 100U);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}
