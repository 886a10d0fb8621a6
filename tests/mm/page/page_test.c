// SPDX-License-Identifier: MIT
/*
 * tests/mm/page/page_test.c - the lock of a page: one holder, nobody forgotten
 */
#include <lib/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>

#include "tests/ktest/team.h"

#define LOCKERS 6
#define ROUNDS  300

struct shared {
	struct ktest *test;
	struct page *page;
	struct ktest_step step;
	u64 counter; /* guarded by the page lock alone */
	atomic_t inside;
	atomic_t wrong;
};

static void shared_init(struct shared *s, struct ktest *test)
{
	memset(s, 0, sizeof(*s));
	s->test = test;
	s->page = alloc_page(GFP_KERNEL);
	step_init(&s->step, test);
}

static void lock_and_count(struct team_worker *me)
{
	struct shared *s = me->arg;

	while (team_goes_on(me)) {
		u64 seen;

		lock_page(s->page);
		if (atomic_inc_return(&s->inside) != 1)
			atomic_inc(&s->wrong);
		seen = READ_ONCE(s->counter);
		if (me->round % 8 == 0)
			yield();
		WRITE_ONCE(s->counter, seen + 1);
		atomic_dec(&s->inside);
		unlock_page(s->page);
	}
}

KTEST(page, contended_lock_excludes_and_wakes_everyone)
{
	struct shared s;

	shared_init(&s, test);
	REQUIRE(s.page);
	team_run(test, LOCKERS, ROUNDS, lock_and_count, &s);
	EXPECT_EQ(s.counter, LOCKERS * ROUNDS);
	EXPECT_EQ(atomic_read(&s.wrong), 0);
	EXPECT(!PageLocked(s.page));
	put_page(s.page);
}

KTEST(page, a_locked_page_is_not_taken_by_trying)
{
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	EXPECT(trylock_page(page));
	EXPECT(PageLocked(page));
	EXPECT(!trylock_page(page));
	unlock_page(page);
	EXPECT(!PageLocked(page));
	lock_page(page);
	unlock_page(page);
	EXPECT_EQ(lock_page_killable(page), 0);
	unlock_page(page);
	wait_on_page_locked(page);
	EXPECT_EQ(page->flags, 0);
	put_page(page);
}

static int lock_once(void *arg)
{
	struct shared *s = arg;

	lock_page(s->page);
	s->counter++;
	unlock_page(s->page);
	return 0;
}

static int lock_once_killable(void *arg)
{
	struct shared *s = arg;
	int err = lock_page_killable(s->page);

	if (!err)
		unlock_page(s->page);
	return err;
}

static int wait_once(void *arg)
{
	struct shared *s = arg;

	wait_on_page_locked(s->page);
	return !PageLocked(s->page);
}

/*
 *	A (this)		B		C
 *	lock
 *				lock: sleeps
 *						lock: sleeps
 *	unlock
 *				both get it, one after the other
 */
KTEST(page, unlocking_wakes_those_who_sleep)
{
	struct task *b, *c;
	struct shared s;

	shared_init(&s, test);
	REQUIRE(s.page);
	lock_page(s.page);
	b = kthread_run(lock_once, &s, "b");
	c = kthread_run(lock_once, &s, "c");
	EXPECT_EQ(ktest_wait_blocked(test, b), 0);
	EXPECT_EQ(ktest_wait_blocked(test, c), 0);
	EXPECT(PageWaiters(s.page));
	EXPECT_EQ(s.counter, 0);
	unlock_page(s.page);
	EXPECT_EQ(kthread_join(b), 0);
	EXPECT_EQ(kthread_join(c), 0);
	EXPECT_EQ(s.counter, 2);
	put_page(s.page);
}

KTEST(page, a_killed_waiter_leaves_and_the_next_gets_the_lock)
{
	struct task *killed, *next;
	struct shared s;

	shared_init(&s, test);
	REQUIRE(s.page);
	lock_page(s.page);
	killed = kthread_run(lock_once_killable, &s, "killed");
	EXPECT_EQ(ktest_wait_blocked(test, killed), 0);
	next = kthread_run(lock_once, &s, "next");
	EXPECT_EQ(ktest_wait_blocked(test, next), 0);
	task_kill(killed);
	EXPECT_EQ(kthread_join(killed), -EINTR);
	EXPECT(PageLocked(s.page));
	unlock_page(s.page);
	EXPECT_EQ(kthread_join(next), 0);
	EXPECT_EQ(s.counter, 1);
	put_page(s.page);
}

KTEST(page, waiting_for_the_unlock_does_not_take_the_lock)
{
	struct task *waiter;
	struct shared s;

	shared_init(&s, test);
	REQUIRE(s.page);
	lock_page(s.page);
	waiter = kthread_run(wait_once, &s, "waiter");
	EXPECT_EQ(ktest_wait_blocked(test, waiter), 0);
	unlock_page(s.page);
	EXPECT_EQ(kthread_join(waiter), 1);
	EXPECT(!PageLocked(s.page));
	put_page(s.page);
}

static int wait_and_count(void *arg)
{
	struct shared *s = arg;

	wait_on_page_locked(s->page);
	atomic_inc(&s->inside);
	return 0;
}

/*
 *	A (this)	B, C, D
 *	lock
 *			wait for the unlock: sleep
 *	unlock: once
 *			all go on, though none of them unlocks
 *
 * Waiters that want the lock would wake each other, one after the other.
 */
KTEST(page, one_unlock_wakes_all_who_only_wait_for_it)
{
	enum { WAITERS = 3 };
	struct task *waiter[WAITERS];
	struct shared s;

	shared_init(&s, test);
	REQUIRE(s.page);
	lock_page(s.page);
	for (unsigned int i = 0; i < WAITERS; i++) {
		waiter[i] = kthread_run(wait_and_count, &s, "waiter/%u", i);
		EXPECT_EQ(ktest_wait_blocked(test, waiter[i]), 0);
	}
	unlock_page(s.page);
	KTEST_WAIT_FOR(test, atomic_read(&s.inside) == WAITERS);
	/* After a failure: wake the threads that still sleep, one by one. */
	for (unsigned int i = 0; i < WAITERS; i++) {
		lock_page(s.page);
		SetPageWaiters(s.page);
		unlock_page(s.page);
	}
	for (unsigned int i = 0; i < WAITERS; i++)
		kthread_join(waiter[i]);
	put_page(s.page);
}

static int unlock_for_others(void *arg)
{
	struct shared *s = arg;

	unlock_page(s->page);
	return 0;
}

KTEST(page, another_thread_may_unlock)
{
	struct task *task;
	struct shared s;

	shared_init(&s, test);
	REQUIRE(s.page);
	lock_page(s.page);
	task = kthread_run(unlock_for_others, &s, "unlocker");
	EXPECT_EQ(kthread_join(task), 0);
	lock_page(s.page);
	unlock_page(s.page);
	put_page(s.page);
}

/* Many pages share few queues: a waiter for another page sleeps on. */
KTEST(page, pages_that_share_a_queue_do_not_disturb_each_other)
{
	enum { NR = 12 };
	struct shared s[NR];
	struct task *task[NR];

	for (unsigned int i = 0; i < NR; i++) {
		shared_init(&s[i], test);
		REQUIRE(s[i].page);
		lock_page(s[i].page);
		task[i] = kthread_run(lock_once, &s[i], "w/%u", i);
		EXPECT_EQ(ktest_wait_blocked(test, task[i]), 0);
	}
	for (unsigned int i = 0; i < NR; i++) {
		unlock_page(s[i].page);
		EXPECT_EQ(kthread_join(task[i]), 0);
		EXPECT_EQ(s[i].counter, 1);
		if (i + 1 < NR)
			EXPECT_EQ(s[i + 1].counter, 0);
		put_page(s[i].page);
	}
}

KTEST(page, the_zero_page_is_zero_and_stays)
{
	get_page(empty_zero_page);
	put_page(empty_zero_page);
	EXPECT(is_zero_page(empty_zero_page));
	EXPECT(PageReserved(empty_zero_page));
	EXPECT(!memchr_inv(page_address(empty_zero_page), 0, PAGE_SIZE));
	EXPECT_EQ(page_ref_count(empty_zero_page), 1);
}
