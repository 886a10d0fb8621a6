// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_notifier_lockdep_sleep_test.c - who may sleep, and who is told (R5.5, R5.6)
 *
 *	call			may sleep
 *	start			always, subscribers or not	(f)
 *	end			if the range is blockable
 *	start_nonblock		never
 *	read_begin, remove,
 *	register, unregister,
 *	synchronize		always
 *
 *	callback of a range	may sleep if it is blockable	(g)
 *
 * A wrong sleep is told once, with its place and with that of the section it
 * falls in. Each callback is tried with statistics on and off: the walks are
 * not the same code.
 */
#include "notifier_fixture.h"
#include "report_words.h"
#include <kernel/lockdep.h>
#include <kernel/spinlock.h>

#include "../../mm/notifier_internal.h"

/* --- where the callers stand --------------------------------------------------- */

/*
 * Out of line, and with something after the call, that reports name them. A
 * class is for ever, so its lock is no function's own.
 */
static DEFINE_SPINLOCK(atomic_lock);

static noinline void lock_atomically(void) __no_thread_safety
{
	spin_lock(&atomic_lock);
}

static void unlock_atomically(void) __no_thread_safety
{
	spin_unlock(&atomic_lock);
}

static noinline void begin_range(struct mmu_notifier_range *range,
				 struct mm_struct *mm)
{
	start_of(range, mm, 0, 1);
	barrier();
}

static noinline int begin_nonblock(struct mmu_notifier_range *range,
				   struct mm_struct *mm)
{
	int ret = start_nonblock_of(range, mm, 0, 1);

	barrier();
	return ret;
}

static noinline void finish_range(struct mmu_notifier_range *range)
{
	end_of(range);
	barrier();
}

/* In @place, with the spinlock held. */
#define EXPECT_SLEEP_REPORTED(place)                          \
	EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN(place), \
			  HOLDS("atomic_lock", "lock_atomically"))

/* Outside the test for subscribers: it is wrong though nobody listens. */
KTEST(mmu_notifier_sleep, a_start_in_atomic_context_is_reported)
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
      an_end_of_a_blockable_range_in_atomic_context_is_reported)
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

KTEST(mmu_notifier_sleep, a_range_that_may_not_sleep_is_good_in_atomic_context)
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

KTEST(mmu_notifier_sleep, read_begin_and_remove_in_atomic_context_are_reported)
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

KTEST(mmu_notifier_sleep, register_and_unregister_in_atomic_context_are_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct listener first, l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&first, mm), 0);
	memset(&l, 0, sizeof(l));
	l.sub.ops = &pair_ops;
	mmap_write_lock(mm);
	lockdep_expect_begin();
	lock_atomically();
	EXPECT_EQ(begin_listening(&l, mm), 0);
	unlock_atomically();
	EXPECT_SLEEP_REPORTED("__mmu_notifier_register");
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

/* --- callbacks -------------------------------------------------------------------- */

/* Who sleeps, in the range that runs now; how often one did. */
enum sleeper {
	IN_INVALIDATE,
	IN_FIRST_PASS,
	IN_SECOND_PASS,
	IN_START,
	IN_END,
	NR_SLEEPERS,
};
static enum sleeper sleeper;
static bool really;
static unsigned int slept;

/* With a rest that is one, the wait comes after the warning that it might. */
static noinline void sleep_now(enum sleeper who)
{
	if (who != sleeper)
		return;
	slept++;
	might_sleep();
	if (really)
		schedule_timeout_ns(1000);
}

static noinline bool sleepy_invalidate(struct mmu_interval_notifier *sub,
				       const struct mmu_notifier_range *range,
				       unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	sleep_now(IN_INVALIDATE);
	return true;
}

static bool sleepy_first_pass(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq,
			      struct mmu_interval_notifier_finish **finish)
{
	static struct mmu_interval_notifier_finish rest;

	mmu_interval_set_seq(sub, cur_seq);
	*finish = &rest;
	sleep_now(IN_FIRST_PASS);
	return true;
}

static void sleepy_second_pass(struct mmu_interval_notifier_finish *finish)
{
	sleep_now(IN_SECOND_PASS);
}

static int sleepy_start(struct mmu_notifier *sub,
			const struct mmu_notifier_range *range)
{
	sleep_now(IN_START);
	return 0;
}

static void sleepy_end(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	sleep_now(IN_END);
}

static const struct mmu_interval_notifier_ops sleepy_ops = {
	.invalidate = sleepy_invalidate,
};
static const struct mmu_interval_notifier_ops sleepy_pass_ops = {
	.invalidate_start = sleepy_first_pass,
	.invalidate_finish = sleepy_second_pass,
};
static const struct mmu_notifier_ops sleepy_plain_ops = {
	.invalidate_range_start = sleepy_start,
	.invalidate_range_end = sleepy_end,
};

/* Which of the three subscribe: alone, each has a way of its own through start. */
enum sleepy_kind {
	SLEEPY_INTERVAL = 1,
	SLEEPY_PASSES = 2,
	SLEEPY_PLAIN = 4,
	SLEEPY_ALL = 7,
};

struct sleepy {
	struct mmu_interval_notifier one, two;
	struct mmu_notifier plain;
	struct mm_struct *mm;
	unsigned int kinds;
};

static bool sleepy_begin(struct ktest *test, struct sleepy *s, unsigned int kinds)
{
	memset(s, 0, sizeof(*s));
	s->mm = mm_alloc();
	s->kinds = kinds;
	sleeper = NR_SLEEPERS;
	slept = 0;
	really = false;
	if (!s->mm) {
		ktest_fail(test, "no address space");
		return false;
	}
	s->plain.ops = &sleepy_plain_ops;
	if (kinds & SLEEPY_INTERVAL)
		EXPECT_EQ(mmu_interval_notifier_insert(&s->one, s->mm, 0, PG(4),
						       &sleepy_ops),
			  0);
	if (kinds & SLEEPY_PASSES)
		EXPECT_EQ(mmu_interval_notifier_insert(&s->two, s->mm, 0, PG(4),
						       &sleepy_pass_ops),
			  0);
	if (kinds & SLEEPY_PLAIN)
		EXPECT_EQ(mmu_notifier_register(&s->plain, s->mm), 0);
	return true;
}

static void sleepy_finish(struct sleepy *s)
{
	if (s->kinds & SLEEPY_INTERVAL)
		mmu_interval_notifier_remove(&s->one);
	if (s->kinds & SLEEPY_PASSES)
		mmu_interval_notifier_remove(&s->two);
	if (s->kinds & SLEEPY_PLAIN)
		mmu_notifier_unregister(&s->plain, s->mm);
	mmput(s->mm);
}

static const unsigned int kind_of[NR_SLEEPERS] = {
	[IN_INVALIDATE] = SLEEPY_INTERVAL, [IN_FIRST_PASS] = SLEEPY_PASSES,
	[IN_SECOND_PASS] = SLEEPY_PASSES,  [IN_START] = SLEEPY_PLAIN,
	[IN_END] = SLEEPY_PLAIN,
};

/*
 *	who sleeps	each of the five	alone | beside the others
 *	statistics	on | off		the sleep	told | real
 */
static void sleep_in(struct ktest *test, unsigned int kinds, enum sleeper who)
{
	struct mmu_notifier_range range;
	struct sleepy s;
	int round;

	if (!sleepy_begin(test, &s, kinds))
		return;
	for (round = 0; round < 4; round++) {
		mmu_notifier_observe(round & 1);
		really = round & 2;
		sleeper = who;
		slept = 0;
		lockdep_expect_begin();
		EXPECT_EQ(begin_nonblock(&range, s.mm), 0);
		finish_range(&range);
		EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("sleep_now"),
				  "non-block depth 1", "section opened at",
				  who == IN_END
					  ? HOLDS(MAP_NAME, "finish_range")
					  : HOLDS(MAP_NAME, "begin_nonblock"));
		EXPECT_EQ(slept, 1U);
		sleeper = NR_SLEEPERS;
	}
	mmu_notifier_observe(true);
	sleepy_finish(&s);
}

KTEST(mmu_notifier_sleep, a_callback_of_a_range_that_may_not_sleep_is_reported)
{
	int who;

	for (who = 0; who < NR_SLEEPERS; who++) {
		sleep_in(test, kind_of[who], who);
		sleep_in(test, SLEEPY_ALL, who);
	}
}

/* Somebody waits for walks: those that begin now take the longer way. */
KTEST(mmu_notifier_sleep, so_is_one_while_somebody_waits_for_walks)
{
	static const enum sleeper sleepers[] = {IN_START, IN_END};
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier_range range;
	struct sleepy s;
	unsigned int i;
	long ticket;
	u64 pass;

	if (!sleepy_begin(test, &s, SLEEPY_PLAIN))
		return;
	mmu_notifier_observe(false);
	subs = s.mm->notifier_subscriptions;
	ticket = notifier_gate_enter(&subs->calls);
	spin_lock(&subs->lock);
	pass = notifier_gate_ask(&subs->calls);
	spin_unlock(&subs->lock);
	for (i = 0; i < ARRAY_SIZE(sleepers); i++) {
		sleeper = sleepers[i];
		slept = 0;
		lockdep_expect_begin();
		EXPECT_EQ(begin_nonblock(&range, s.mm), 0);
		finish_range(&range);
		EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("sleep_now"),
				  "non-block depth 1", "section opened at",
				  sleepers[i] == IN_END
					  ? HOLDS(MAP_NAME, "finish_range")
					  : HOLDS(MAP_NAME, "begin_nonblock"));
		EXPECT_EQ(slept, 1U);
		sleeper = NR_SLEEPERS;
	}
	EXPECT_LT(subs->calls.passed, pass);
	notifier_gate_leave(&subs->calls, ticket);
	EXPECT_EQ(subs->calls.passed, pass);
	mmu_notifier_observe(true);
	sleepy_finish(&s);
}

/* The same drivers in a blockable range: all of them are good. */
KTEST(mmu_notifier_sleep, a_callback_of_a_blockable_range_may_sleep)
{
	struct mmu_notifier_range range;
	struct sleepy s;
	int who, look;

	if (!sleepy_begin(test, &s, SLEEPY_ALL))
		return;
	really = true;
	for (look = 0; look < 2; look++) {
		mmu_notifier_observe(look);
		for (who = 0; who < NR_SLEEPERS; who++) {
			sleeper = who;
			slept = 0;
			lockdep_expect_begin();
			start_of(&range, s.mm, 0, 1);
			finish_range(&range);
			EXPECT_NO_REPORT();
			EXPECT_EQ(slept, 1U);
		}
	}
	sleeper = NR_SLEEPERS;
	mmu_notifier_observe(true);
	sleepy_finish(&s);
}

/*
 * The ends that are owed after a failed start may not sleep either.
 *
 *	told, newest first	sleepy: 0	failing: -EAGAIN
 *	owed			sleepy's end
 */
KTEST(mmu_notifier_sleep, an_end_after_a_failed_start_that_sleeps_is_reported)
{
	struct mmu_notifier_range range;
	struct listener failing;
	struct sleepy s;
	int look;

	if (!sleepy_begin(test, &s, SLEEPY_PLAIN))
		return;
	EXPECT_EQ(listen_as(&failing, s.mm, &start_ops), 0);
	failing.answer = -EAGAIN;
	for (look = 0; look < 2; look++) {
		mmu_notifier_observe(look);
		sleeper = IN_END;
		slept = 0;
		lockdep_expect_begin();
		EXPECT_EQ(begin_nonblock(&range, s.mm), -EAGAIN);
		EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("sleep_now"),
				  "non-block depth 1", "section opened at",
				  HOLDS(MAP_NAME, "begin_nonblock"));
		EXPECT_EQ(slept, 1U);
		sleeper = NR_SLEEPERS;
	}
	mmu_notifier_observe(true);
	unlisten(&failing, s.mm);
	sleepy_finish(&s);
}

/* Nothing of the section stays behind: not after a failure, not after an end. */
KTEST(mmu_notifier_sleep, the_section_ends_with_the_callbacks)
{
	struct mmu_notifier_range range;
	struct listener failing;
	struct sleepy s;
	int round;

	for (round = 0; round < 4; round++) {
		if (!sleepy_begin(test, &s, round & 2 ? SLEEPY_PLAIN : SLEEPY_ALL))
			return;
		EXPECT_EQ(listen_as(&failing, s.mm, &start_ops), 0);
		mmu_notifier_observe(round & 1);
		failing.answer = 0;
		EXPECT_EQ(begin_nonblock(&range, s.mm), 0);
		lockdep_expect_begin();
		might_sleep();
		EXPECT_NO_REPORT();
		finish_range(&range);
		failing.answer = -EAGAIN;
		EXPECT_EQ(begin_nonblock(&range, s.mm), -EAGAIN);
		lockdep_expect_begin();
		might_sleep();
		EXPECT_NO_REPORT();
		mmu_notifier_observe(true);
		unlisten(&failing, s.mm);
		sleepy_finish(&s);
	}
}
