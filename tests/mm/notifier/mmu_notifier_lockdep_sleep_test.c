// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_lockdep_sleep_test.c - calls that may sleep (R5.5)
 *
 *	call			may sleep
 *	start			always, subscribers or not	(f)
 *	end			if the range is blockable
 *	start_nonblock		never
 *	read_begin, insert,
 *	remove, register,
 *	unregister, get,
 *	synchronize		always, also where there is no need today
 *
 * A wrong sleep is reported once, with its place and the locks held there. The
 * rules for callbacks are in mmu_notifier_lockdep_section_test.c.
 */
#include "sleep_fixture.h"
#include <kernel/lock/spinlock.h>

/* --- where the callers stand --------------------------------------------------- */

/*
 * Out of line, and with something after the call, that reports name them. A
 * class is for ever, so its lock is no function's own. Under the first insert and
 * get say that they may take mmap_lock, so where that is held it is the second.
 */
static DEFINE_SPINLOCK(atomic_lock);
static DEFINE_SPINLOCK(inner_lock);

static noinline void lock_atomically(void) __no_thread_safety
{
	spin_lock(&atomic_lock);
}

static void unlock_atomically(void) __no_thread_safety
{
	spin_unlock(&atomic_lock);
}

static noinline void lock_inside(void) __no_thread_safety
{
	spin_lock(&inner_lock);
}

static void unlock_inside(void) __no_thread_safety
{
	spin_unlock(&inner_lock);
}

/* In @place, with the spinlock held. */
#define EXPECT_SLEEP_REPORTED(place)                          \
	EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN(place), \
			  HOLDS("atomic_lock", "lock_atomically"))

/* Outside the test for subscribers: it is wrong though nobody listens. */
KTEST(mmu_notifier_sleep, a_start_in_atomic_context_is_reported, KT_RULES("R5.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	int round;

	REQUIRE(mm);
	for (round = 0; round < 2; round++) {
		lockdep_expect_begin();
		lock_atomically();
		begin_range(&range, mm);
		unlock_atomically();
		EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("begin_range"),
				  HOLDS("atomic_lock", "lock_atomically"),
				  HOLDS(MAP_NAME, "begin_range"));
		finish_range(&range);
		lockdep_expect_begin();
		local_irq_disable();
		begin_range(&range, mm);
		local_irq_enable();
		EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("begin_range"),
				  "interrupts off",
				  HOLDS(MAP_NAME, "begin_range"));
		finish_range(&range);
		if (!round)
			EXPECT_EQ(listen(&l, mm), 0);
	}
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier_sleep,
      an_end_of_a_blockable_range_in_atomic_context_is_reported, KT_RULES("R5.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	int round;

	REQUIRE(mm);
	for (round = 0; round < 2; round++) {
		begin_range(&range, mm);
		lockdep_expect_begin();
		lock_atomically();
		finish_range(&range);
		unlock_atomically();
		EXPECT_SLEEP_REPORTED("finish_range");
		if (!round)
			EXPECT_EQ(listen(&l, mm), 0);
	}
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier_sleep, a_range_that_may_not_sleep_is_good_in_atomic_context,
      KT_RULES("R5.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	w.ignore = true;
	lockdep_expect_begin();
	lock_atomically();
	EXPECT_EQ(begin_nonblock(&range, mm), 0);
	finish_range(&range);
	unlock_atomically();
	EXPECT_NO_REPORT();
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	lockdep_expect_begin();
	lock_atomically();
	EXPECT_EQ(begin_nonblock(&range, mm), 0);
	finish_range(&range);
	unlock_atomically();
	EXPECT_NO_REPORT();
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(l.ends, 1U);
	EXPECT_EQ(w.calls, 1U);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* --- those who wait for callbacks ------------------------------------------------ */

static noinline void begin_reading(struct watcher *w)
{
	w->seq = mmu_interval_read_begin(&w->sub);
}

static noinline void stop_watching(struct watcher *w)
{
	unwatch(w);
	barrier();
}

static noinline int begin_listening(struct listener *l, struct mm_struct *mm)
{
	int ret = __mmu_notifier_register(&l->sub, mm);

	barrier();
	return ret;
}

static noinline void stop_listening(struct listener *l, struct mm_struct *mm)
{
	unlisten(l, mm);
	barrier();
}

KTEST(mmu_notifier_sleep, read_begin_and_remove_in_atomic_context_are_reported,
      KT_RULES("R5.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	lockdep_expect_begin();
	lock_atomically();
	begin_reading(&w);
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("mmu_interval_read_begin");
	lockdep_expect_begin();
	lock_atomically();
	stop_watching(&w);
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("mmu_interval_notifier_remove");
	mmput(mm);
}

KTEST(mmu_notifier_sleep,
      register_and_unregister_in_atomic_context_are_reported, KT_RULES("R5.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener first, l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&first, mm), 0);
	memset(&l, 0, sizeof(l));
	l.sub.ops = &pair_ops;
	mmap_write_lock(mm);
	lockdep_expect_begin();
	lock_inside();
	EXPECT_EQ(begin_listening(&l, mm), 0);
	unlock_inside();
	EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("__mmu_notifier_register"),
			  HOLDS("inner_lock", "lock_inside"));
	mmap_write_unlock(mm);
	lockdep_expect_begin();
	lock_atomically();
	stop_listening(&l, mm);
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("mmu_notifier_unregister");
	lockdep_expect_begin();
	lock_atomically();
	mmu_notifier_synchronize();
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("mmu_notifier_synchronize");
	unlisten(&first, mm);
	mmput(mm);
}

static void got_free(struct mmu_notifier *sub)
{
	got_freed++;
}

static const struct mmu_notifier_ops got_ops = {
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

/* The mm has its object, and there is one to get: nothing is waited for. */
KTEST(mmu_notifier_sleep, insert_and_get_in_atomic_context_are_reported,
      KT_RULES("R5.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	REQUIRE(mmu_notifier_get(&got_ops, mm) == &got);
	lockdep_expect_begin();
	lock_atomically();
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("mmu_interval_notifier_insert");
	lockdep_expect_begin();
	lock_atomically();
	EXPECT(mmu_notifier_get(&got_ops, mm) == &got);
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("mmu_notifier_get");
	mmu_notifier_put(&got);
	mmu_notifier_put(&got);
	EXPECT_EQ(got_freed, 1U);
	unwatch(&w);
	mmput(mm);
}
