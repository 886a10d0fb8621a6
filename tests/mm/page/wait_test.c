// SPDX-License-Identifier: MIT
/*
 * tests/mm/page/wait_test.c - waiters for a page: how often they are passed, and which
 * bit they wait for
 */
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/preempt.h>
#include <mm/alloc/page_alloc.h>

/* Stands for a bit that is not the lock and has waiters. */
#define OTHER_BIT PG_referenced

struct waiters {
	struct ktest *test;
	struct page *page;
	struct ktest_step step;
	unsigned int wins; /* of the loop, while another thread waits */
	atomic_t seen;     /* waits to see the bit clear that are over */
	atomic_t locked;   /* locks that were had */
};

static void waiters_init(struct waiters *w, struct ktest *test)
{
	*w = (struct waiters){.test = test, .page = alloc_page(GFP_KERNEL)};
	step_init(&w->step, test);
}

static int lock_once(void *arg)
{
	struct waiters *w = arg;
	int err = lock_page_killable(w->page);

	if (err)
		return err;
	atomic_inc(&w->locked);
	unlock_page(w->page);
	return 0;
}

static int see_unlocked(void *arg)
{
	struct waiters *w = arg;
	int err = wait_on_page_locked_killable(w->page);

	if (!err)
		atomic_inc(&w->seen);
	return err;
}

static int see_other_bit(void *arg)
{
	struct waiters *w = arg;

	wait_on_page_bit(w->page, OTHER_BIT);
	atomic_inc(&w->seen);
	return 0;
}

static struct task *start_waiter(struct waiters *w, int (*fn)(void *arg))
{
	struct task *task = kthread_run_on(0, fn, w, "page-waiter");

	ktest_wait_blocked(w->test, task);
	return task;
}

/* It has CPU 0 for itself: a waiter that it wakes there cannot be faster. */
static int lock_in_a_loop(void *arg)
{
	struct waiters *w = arg;

	lock_page(w->page);
	step_signal(&w->step, 1);
	step_wait(&w->step, 2);
	preempt_disable();
	do
		unlock_page(w->page);
	while (trylock_page(w->page) && ++w->wins < 100);
	preempt_enable();
	return 0;
}

/*
 *	loop				waiter, on the same CPU
 *	lock
 *					lock: sleeps
 *	unlock: wakes it
 *	lock: wins; and twice more
 *					(has not run yet)
 *	unlock: hands the lock over
 *	trylock: false
 *					has the lock
 */
KTEST(page_wait, a_loop_of_locks_passes_a_waiter_only_a_few_times)
{
	struct task *loop, *waiter;
	struct waiters w;

	waiters_init(&w, test);
	REQUIRE(w.page);
	loop = kthread_run_on(0, lock_in_a_loop, &w, "page-loop");
	step_wait(&w.step, 1);
	waiter = start_waiter(&w, lock_once);
	step_signal(&w.step, 2);
	kthread_join(loop);
	EXPECT_EQ(kthread_join(waiter), 0);
	EXPECT_EQ(w.wins, PAGE_LOCK_PASSES);
	EXPECT_EQ(atomic_read(&w.locked), 1);
	EXPECT_EQ(w.page->flags, 0);
	put_page(w.page);
}

/* Handed over, the page is never unlocked to look at; a watcher is served all the same. */
KTEST(page_wait, a_watcher_goes_on_when_the_lock_is_handed_over)
{
	struct task *loop, *waiter, *watcher;
	struct waiters w;

	waiters_init(&w, test);
	REQUIRE(w.page);
	loop = kthread_run_on(0, lock_in_a_loop, &w, "page-loop");
	step_wait(&w.step, 1);
	waiter = start_waiter(&w, lock_once);
	watcher = start_waiter(&w, see_unlocked);
	step_signal(&w.step, 2);
	kthread_join(loop);
	EXPECT_EQ(kthread_join(watcher), 0);
	EXPECT_EQ(kthread_join(waiter), 0);
	EXPECT_EQ(atomic_read(&w.seen), 1);
	EXPECT_EQ(w.wins, PAGE_LOCK_PASSES);
	put_page(w.page);
}

static int kill_the_woken(void *arg)
{
	struct waiters *w = arg;
	struct task *first;

	lock_page(w->page);
	first = start_waiter(w, lock_once);
	step_signal(&w->step, 1);
	step_wait(&w->step, 2);
	preempt_disable();
	unlock_page(w->page);
	w->wins = trylock_page(w->page);
	task_kill(first);
	preempt_enable();
	kthread_join(first);
	unlock_page(w->page);
	return 0;
}

/* The race is drawn in mm/page/wait.c. */
KTEST(page_wait, a_killed_waiter_takes_no_wake_up_from_the_next)
{
	struct task *other, *second;
	struct waiters w;

	waiters_init(&w, test);
	REQUIRE(w.page);
	other = kthread_run_on(0, kill_the_woken, &w, "page-other");
	step_wait(&w.step, 1);
	second = start_waiter(&w, lock_once);
	step_signal(&w.step, 2);
	kthread_join(other);
	EXPECT_EQ(kthread_join(second), 0);
	EXPECT_EQ(w.wins, 1U);
	EXPECT_EQ(atomic_read(&w.locked), 1);
	EXPECT_EQ(w.page->flags, 0);
	put_page(w.page);
}

/*
 *	bit	waiter		cleared
 *	lock	A		second
 *	other	B		first
 *
 * Each wakes its own waiter, and leaves the other's mark of a waiter.
 */
KTEST(page_wait, each_bit_of_a_page_has_waiters_of_its_own)
{
	struct task *a, *b;
	struct waiters w;

	waiters_init(&w, test);
	REQUIRE(w.page);
	lock_page(w.page);
	set_bit(OTHER_BIT, &w.page->flags);
	a = start_waiter(&w, lock_once);
	b = start_waiter(&w, see_other_bit);
	page_bit_clear(w.page, OTHER_BIT);
	kthread_join(b);
	EXPECT_EQ(atomic_read(&w.seen), 1);
	EXPECT_EQ(atomic_read(&w.locked), 0);
	EXPECT(PageWaiters(w.page) && PageLocked(w.page));
	unlock_page(w.page);
	kthread_join(a);
	EXPECT_EQ(atomic_read(&w.locked), 1);
	EXPECT_EQ(w.page->flags, 0);
	put_page(w.page);
}

KTEST(page_wait, a_killed_watcher_leaves)
{
	struct task *watcher;
	struct waiters w;

	waiters_init(&w, test);
	REQUIRE(w.page);
	lock_page(w.page);
	watcher = start_waiter(&w, see_unlocked);
	task_kill(watcher);
	EXPECT_EQ(kthread_join(watcher), -EINTR);
	EXPECT_EQ(atomic_read(&w.seen), 0);
	unlock_page(w.page);
	EXPECT_EQ(w.page->flags, 0);
	put_page(w.page);
}
