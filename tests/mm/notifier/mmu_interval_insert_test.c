// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_insert_test.c - intervals that come while ranges are open
 *
 * A range that searched before an insertion cannot notify the new subscriber. So
 * its first reader sleeps until such ranges have ended (R4.9 to R4.11); each test
 * here without statistics and with them.
 */
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

/** A thread that is a driver's fault of one page, which is a number here. */
struct fault {
	struct watcher *w;
	const unsigned long *page;
	unsigned long installed; /* 0: nothing yet */
	struct task *task;
};

static int fault_body(void *arg)
{
	struct fault *f = arg;
	unsigned long seq, found;
	bool again;

	do {
		seq = mmu_interval_read_begin(&f->w->sub);
		found = READ_ONCE(*f->page);
		mutex_lock(&f->w->lock);
		again = mmu_interval_read_retry(&f->w->sub, seq);
		if (!again)
			WRITE_ONCE(f->installed, found);
		mutex_unlock(&f->w->lock);
	} while (again);
	return 0;
}

static void fault_run(struct fault *f, struct watcher *w,
		      const unsigned long *page)
{
	f->w = w;
	f->page = page;
	f->installed = 0;
	f->task = kthread_run(fault_body, f, "fault");
}

KTEST(mmu_interval, insert_while_idle_lets_a_reader_begin_at_once,
      KT_RULES("R4.5 R4.9"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(seq & 1);
	EXPECT(!must_retry(&w, seq));
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.waits, 0UL);
	unwatch(&w);
	mmput(mm);
}

/*
 *	range (begun before, unseen)	watcher
 *	start
 *					insert
 *					read_begin: sleeps
 *	end
 *					goes on
 */
KTEST(mmu_interval, insert_while_a_range_is_open_makes_the_first_reader_wait,
      KT_RULES("R4.10"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct reader r;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	start_of(&range, mm, 0, 8);
	EXPECT_EQ(watch(&w, mm, 2, 4), 0);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(READ_ONCE(r.seq), 0UL);
	end_of(&range);
	kthread_join(r.task);
	EXPECT(r.seq & 1);
	EXPECT_EQ(w.calls, 0U);
	unwatch(&w);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7 8
 *	watch a                   [-]	so there is a tree to search
 *	change    [-------]		overlaps nothing
 *	watch b       [---]
 *
 *	change				driver of b
 *	start: misses b
 *					insert
 *					read_begin: sleeps
 *	the page changes; end
 *					looks up, installs the new page
 */
KTEST(mmu_interval, insert_beside_others_makes_the_first_reader_wait_as_well,
      KT_RULES("R4.10"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	unsigned long page = 1;
	struct watcher a, b;
	struct fault f;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 8, 9), 0);
	start_of(&range, mm, 0, 4);
	EXPECT_EQ(watch(&b, mm, 2, 4), 0);
	fault_run(&f, &b, &page);
	EXPECT_EQ(ktest_wait_blocked(test, f.task), 0);
	WRITE_ONCE(page, 2);
	EXPECT_EQ(READ_ONCE(f.installed), 0UL);
	end_of(&range);
	kthread_join(f.task);
	EXPECT_EQ(f.installed, 2UL);
	EXPECT_EQ(a.calls, 0U);
	EXPECT_EQ(b.calls, 0U);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7 8
 *	watch a                   [-]
 *	watch b   [---]			inserted while `one' is open
 *	one                       [-]
 *	two                       [-]	begun after the insertion
 *
 * b cannot know what `one' has searched: its first section waits for that, though
 * they have no page in common. It waits for nothing else, and only once.
 */
KTEST(mmu_interval,
      the_first_section_waits_once_for_what_was_open_at_the_insertion,
      KT_RULES("R4.10 R4.24 R4.26"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct watcher a, b;
	unsigned long seq;
	struct reader r;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 8, 9), 0);
	start_of(&one, mm, 8, 9);
	EXPECT_EQ(watch(&b, mm, 0, 2), 0);
	start_of(&two, mm, 8, 9);
	reader_run(&r, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	end_of(&one);
	kthread_join(r.task);
	EXPECT(!must_retry(&b, r.seq));
	EXPECT_EQ(stats_of(mm).waits, 1UL);
	seq = mmu_interval_read_begin(&b.sub);
	EXPECT(!must_retry(&b, seq));
	EXPECT_EQ(stats_of(mm).open_overlaps, 1UL);
	EXPECT_EQ(stats_of(mm).waits, 1UL);
	end_of(&two);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

/*
 *	range one	b	range two	c	range three	range four
 *	start
 *			inserted
 *					start
 *						inserted
 *							start
 *	end
 *			begins				start
 *						waits
 *					end		end
 *						begins: four is not waited for
 *
 * The wait of c is counted from the end of the wait of b, so it includes range
 * three; it does not become longer than that.
 */
KTEST(mmu_interval, an_insertion_while_another_settles_waits_one_period_longer,
      KT_RULES("R4.24 R4.26"))
{
	struct mmu_notifier_range one, two, three, four;
	struct mm_struct *mm = mm_alloc();
	struct watcher b, c;
	struct reader r;

	REQUIRE(mm);
	watcher_init(&b, test);
	watcher_init(&c, test);
	start_of(&one, mm, 8, 9);
	EXPECT_EQ(watch(&b, mm, 0, 1), 0);
	start_of(&two, mm, 8, 9);
	EXPECT_EQ(watch(&c, mm, 1, 2), 0);
	start_of(&three, mm, 8, 9);
	end_of(&one);
	start_of(&four, mm, 8, 9);
	EXPECT(mmu_interval_read_begin(&b.sub) & 1);
	EXPECT_EQ(stats_of(mm).waits, 0UL);
	reader_run(&r, &c);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	end_of(&two);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(READ_ONCE(r.seq), 0UL);
	end_of(&three);
	kthread_join(r.task);
	EXPECT_EQ(stats_of(mm).waits, 1UL);
	end_of(&four);
	unwatch(&b);
	unwatch(&c);
	mmput(mm);
}

/*
 *	range				driver of B
 *	start: callback of A runs
 *					insert
 *					read_begin: sleeps
 *	callback returns; B is not called
 *					sleeps on
 *	end
 *					goes on
 *	another range: A and B are called
 */
KTEST(mmu_interval, an_insertion_during_a_walk_is_called_for_later_ranges_only,
      KT_RULES("R4.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct ktest_step walk, open;
	struct watcher a, b;
	struct changer c;
	struct reader r;

	REQUIRE(mm);
	step_init(&walk, test);
	step_init(&open, test);
	watcher_init(&a, test);
	watcher_init(&b, test);
	a.step = &walk;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	changer_run(&c, mm, 0, 4, &open);
	step_wait(&walk, 1);
	EXPECT_EQ(watch(&b, mm, 0, 4), 0);
	reader_run(&r, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	step_signal(&walk, 2);
	step_wait(&open, 1);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(READ_ONCE(r.seq), 0UL);
	step_signal(&open, 2);
	kthread_join(r.task);
	kthread_join(c.task);
	EXPECT_EQ(b.calls, 0U);
	EXPECT(!must_retry(&b, r.seq));
	change(mm, 0, 1);
	EXPECT_EQ(a.calls, 2U);
	EXPECT_EQ(b.calls, 1U);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

/*
 *	range				inserter
 *	start: callback of A runs
 *					insert B: deferred
 *	callback returns: B goes in
 *	end
 *	another range: A and B are notified
 */
KTEST(mmu_interval, insert_during_a_walk_is_deferred_until_the_walk_ends,
      KT_RULES("R4.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct ktest_step step;
	struct watcher a, b;
	struct changer c;

	REQUIRE(mm);
	step_init(&step, test);
	watcher_init(&a, test);
	watcher_init(&b, test);
	a.step = &step;
	EXPECT_EQ(watch(&a, mm, 0, 4), 0);
	changer_run(&c, mm, 0, 4, NULL);
	step_wait(&step, 1);
	EXPECT_EQ(watch(&b, mm, 0, 4), 0);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.deferred_adds, 1UL);
	EXPECT_EQ(b.sub.state, (unsigned int)INTERVAL_ADDING);
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(b.calls, 0U);
	EXPECT_EQ(b.sub.state, (unsigned int)INTERVAL_IN);
	EXPECT(mmu_interval_read_begin(&b.sub) & 1);
	change(mm, 0, 1);
	EXPECT_EQ(a.calls, 2U);
	EXPECT_EQ(b.calls, 1U);
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}

/*
 *	pages     0 1 2 3 4 5 6 7 8
 *	watch a                   [-]	its callback sleeps
 *	watch s   [-------]		deferred
 *	change    [-]			may not sleep, so it does not give way
 *
 *	walk of [8,9)		driver of s		change
 *	callback of a
 *				insert: deferred
 *				read_begin: sleeps
 *							start: cannot find s
 *							the page changes; end
 *	callback returns: s in
 *	end
 *				looks up, installs the new page
 */
KTEST(mmu_interval, a_reader_of_a_deferred_insertion_waits_for_the_walk,
      KT_RULES("R4.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct ktest_step walk, open;
	unsigned long page = 1;
	struct watcher a, s;
	struct changer c;
	struct fault f;

	REQUIRE(mm);
	step_init(&walk, test);
	step_init(&open, test);
	watcher_init(&a, test);
	watcher_init(&s, test);
	a.step = &walk;
	EXPECT_EQ(watch(&a, mm, 8, 9), 0);
	changer_run(&c, mm, 8, 9, &open);
	step_wait(&walk, 1);
	EXPECT_EQ(watch(&s, mm, 0, 4), 0);
	fault_run(&f, &s, &page);
	EXPECT_EQ(ktest_wait_blocked(test, f.task), 0);
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), 0);
	WRITE_ONCE(page, 2);
	end_of(&range);
	EXPECT_EQ(READ_ONCE(f.installed), 0UL);
	step_signal(&walk, 2);
	step_wait(&open, 1);
	/* The range that walked is open yet, and has not searched for s. */
	EXPECT_EQ(s.sub.state, (unsigned int)INTERVAL_IN);
	EXPECT_EQ(ktest_wait_blocked(test, f.task), 0);
	step_signal(&open, 2);
	kthread_join(f.task);
	kthread_join(c.task);
	EXPECT_EQ(f.installed, 2UL);
	EXPECT_EQ(s.calls, 0U);
	unwatch(&a);
	unwatch(&s);
	mmput(mm);
}
