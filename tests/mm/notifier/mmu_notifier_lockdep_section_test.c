// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_lockdep_section_test.c - callbacks that may not sleep
 * (R5.6)
 *
 *	callback		may sleep
 *	of a range		if it is blockable		(g)
 *	free_notifier		never: a put may come from anywhere
 *
 * A callback that may not is called inside a non-block section, and a sleep is
 * reported once, with its place and with that of the section. Each callback of a
 * range is tried with statistics on and off: the walks are not the same code.
 */
#include "sleep_fixture.h"

/* --- callbacks -------------------------------------------------------------------- */

/* The callback that sleeps in the range that runs now; how often one did. */
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

/* Which of the three subscribe: by itself, each has its own path through start. */
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
 *	sleeper		each of the five	by itself | with the others
 *	statistics	on | off		the sleep	announced | real
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

KTEST(mmu_notifier_sleep, a_callback_of_a_range_that_may_not_sleep_is_reported,
      KT_RULES("R5.6"))
{
	int who;

	for (who = 0; who < NR_SLEEPERS; who++) {
		sleep_in(test, kind_of[who], who);
		sleep_in(test, SLEEPY_ALL, who);
	}
}

/* A walk is under way and another thread waits for it, to leave. */
KTEST(mmu_notifier_sleep, so_is_one_while_another_thread_waits_for_walks,
      KT_RULES("R5.6"))
{
	static const enum sleeper sleepers[] = {IN_START, IN_END};
	struct mmu_notifier_range range;
	struct ktest_step step;
	struct registrar leaver;
	struct listener l;
	struct changer c;
	struct sleepy s;
	unsigned int i;

	if (!sleepy_begin(test, &s, SLEEPY_PLAIN))
		return;
	step_init(&step, test);
	EXPECT_EQ(listen(&l, s.mm), 0);
	l.start_step = &step;
	changer_run(&c, s.mm, 0, 1, NULL);
	step_wait(&step, 1);
	registrar_run(&leaver, deregistrar_body, s.mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, leaver.task), 0);
	mmu_notifier_observe(false);
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
	EXPECT_EQ(atomic_read(&leaver.done), 0);
	mmu_notifier_observe(true);
	step_signal(&step, 2);
	kthread_join(leaver.task);
	kthread_join(c.task);
	sleepy_finish(&s);
}

/* The same drivers in a blockable range: all of them are good. */
KTEST(mmu_notifier_sleep, a_callback_of_a_blockable_range_may_sleep,
      KT_RULES("R5.6"))
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
 *	start, newest first	sleepy: 0	failing: -EAGAIN
 *	owed			sleepy's end
 */
KTEST(mmu_notifier_sleep, an_end_after_a_failed_start_that_sleeps_is_reported,
      KT_RULES("R5.6"))
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
KTEST(mmu_notifier_sleep, the_section_ends_with_the_callbacks, KT_RULES("R5.6"))
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

/* --- free_notifier -------------------------------------------------------------- */

static unsigned int got_freed_at_start;

static noinline void got_free(struct mmu_notifier *sub)
{
	got_freed++;
	might_sleep();
	barrier();
}

/* It leaves in its callback: the walk that called it frees it. */
static int got_leave(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
	mmu_notifier_put(sub);
	got_freed_at_start = got_freed;
	return 0;
}

static const struct mmu_notifier_ops got_ops = {
	.invalidate_range_start = got_leave,
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

KTEST(mmu_notifier_sleep, a_free_that_sleeps_is_reported_when_put_runs_it,
      KT_RULES("R5.6"))
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	REQUIRE(mmu_notifier_get(&got_ops, mm) == &got);
	lockdep_expect_begin();
	mmu_notifier_put(&got);
	EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("got_free"),
			  "non-block depth 1",
			  "section opened at notifier_put_free+");
	EXPECT_EQ(got_freed, 1U);
	mmput(mm);
}

KTEST(mmu_notifier_sleep, a_free_that_sleeps_is_reported_when_a_walk_runs_it,
      KT_RULES("R5.6"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;

	REQUIRE(mm);
	REQUIRE(mmu_notifier_get(&got_ops, mm) == &got);
	lockdep_expect_begin();
	begin_range(&range, mm);
	EXPECT_ONE_REPORT("sleeping where", SLEEPS_IN("got_free"),
			  "non-block depth 1",
			  "section opened at notifier_put_free+",
			  HOLDS(MAP_NAME, "begin_range"));
	finish_range(&range);
	EXPECT_EQ(got_freed_at_start, 0U);
	EXPECT_EQ(got_freed, 1U);
	mmput(mm);
}
