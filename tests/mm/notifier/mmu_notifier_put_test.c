// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_put_test.c - a subscription that was got is put, and
 * freed when no callback is inside (R2.31 to R2.35)
 */
#include "notifier_got.h"

KTEST(mmu_notifier, put_does_not_call_release_and_frees_when_nobody_is_inside,
      KT_RULES("R2.31 R2.32"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;
	struct call_log log = {.nr = {0}};

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	listener_of(sub)->log = &log;
	mmu_notifier_put(sub);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	EXPECT_EQ(mmu_notifier_nr_pending(), 0UL);
	EXPECT_STREQ(log.who, "");
	mmput(mm);
}

/*
 *	range			put
 *	start: callback runs
 *				hide; not freed yet
 *	callback returns
 *	leave: frees
 */
KTEST(mmu_notifier, put_frees_after_the_last_callback_has_returned,
      KT_RULES("R2.13"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;
	struct ktest_step step;
	struct changer c;

	REQUIRE(mm);
	gots_reset();
	step_init(&step, test);
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	listener_of(sub)->start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	mmu_notifier_put(sub);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	EXPECT_EQ(mmu_notifier_nr_pending(), 1UL);
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	EXPECT_EQ(mmu_notifier_nr_pending(), 0UL);
	mmput(mm);
}

/*
 *	end of a range		test
 *				get: old
 *	old's callback runs
 *				put old: hidden, not freed: its callback runs
 *				get: another one, at once
 *				change: tells the other one, not old
 *	callback returns: frees old
 */
KTEST(mmu_notifier, a_get_beside_one_not_yet_freed_makes_another_and_tells_that,
      KT_RULES("R2.33"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *old;
	struct ktest_step step;
	struct getter again;
	struct changer c;

	REQUIRE(mm);
	gots_reset();
	step_init(&step, test);
	old = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(old));
	listener_of(old)->end_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	mmu_notifier_put(old);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	EXPECT_EQ(mmu_notifier_nr_pending(), 1UL);
	getter_run(&again, mm);
	KTEST_WAIT_FOR(test, atomic_read(&again.done));
	EXPECT(!step_reached(&step, 2));
	if (atomic_read(&again.done) && !IS_ERR(again.sub)) {
		EXPECT_NE(again.sub, old);
		EXPECT_EQ(atomic_read(&gots_made), 2);
		change(mm, 0, 1);
		EXPECT_EQ(listener_of(again.sub)->starts, 1U);
		EXPECT_EQ(listener_of(again.sub)->ends, 1U);
		EXPECT_EQ(atomic_read(&gots_freed), 0);
		EXPECT_EQ(listener_of(old)->starts, 1U);
		EXPECT_EQ(listener_of(old)->ends, 1U);
	}
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	kthread_join(again.task);
	EXPECT(!IS_ERR(again.sub));
	if (!IS_ERR(again.sub))
		mmu_notifier_put(again.sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 2);
	mmput(mm);
}

/* When called it puts itself, and an older one that the walk has not reached. */
struct quitter {
	struct mmu_notifier sub;
	struct mmu_notifier *older; /* NULL: puts nobody */
	bool *called;               /* NULL, or set when called */
};

static int freed_when_called;

static struct mmu_notifier *quitter_alloc(struct mm_struct *mm)
{
	struct quitter *q = kzalloc(sizeof(*q), GFP_KERNEL);

	return q ? &q->sub : ERR_PTR(-ENOMEM);
}

static void quitter_free(struct mmu_notifier *sub)
{
	atomic_inc(&gots_freed);
	kfree(container_of(sub, struct quitter, sub));
}

static void quit(struct mmu_notifier *sub)
{
	struct quitter *q = container_of(sub, struct quitter, sub);

	if (q->called)
		*q->called = true;
	if (!q->older)
		return;
	mmu_notifier_put(q->older);
	q->older = NULL;
	mmu_notifier_put(sub);
	freed_when_called = atomic_read(&gots_freed);
}

static void quit_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	quit(sub);
}

static bool quit_young(struct mmu_notifier *sub, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	quit(sub);
	return false;
}

static bool quit_test(struct mmu_notifier *sub, struct mm_struct *mm,
		      unsigned long address)
{
	quit(sub);
	return false;
}

static void quit_change(struct mmu_notifier *sub, struct mm_struct *mm,
			unsigned long address, unsigned long entry)
{
	quit(sub);
}

static int quit_start(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	quit(sub);
	return 0;
}

static void quit_end(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
	quit(sub);
}

static void quit_tlb(struct mmu_notifier *sub, struct mm_struct *mm,
		     unsigned long start, unsigned long end)
{
	quit(sub);
}

#define QUITTER(op, fn)                                  \
	{                                                \
		.alloc_notifier = quitter_alloc,         \
		.free_notifier = quitter_free, .op = fn, \
	}

/* One row a kind of walk; two of each, for a get wants ops of its own. */
static const struct mmu_notifier_ops quitters[][2] = {
	{QUITTER(invalidate_range_start, quit_start),
	 QUITTER(invalidate_range_start, quit_start)},
	{QUITTER(invalidate_range_end, quit_end),
	 QUITTER(invalidate_range_end, quit_end)},
	{QUITTER(clear_flush_young, quit_young),
	 QUITTER(clear_flush_young, quit_young)},
	{QUITTER(clear_young, quit_young), QUITTER(clear_young, quit_young)},
	{QUITTER(test_young, quit_test), QUITTER(test_young, quit_test)},
	{QUITTER(change_pte, quit_change), QUITTER(change_pte, quit_change)},
	{QUITTER(invalidate_range, quit_tlb), QUITTER(invalidate_range, quit_tlb)},
	{QUITTER(release, quit_release), QUITTER(release, quit_release)},
};

/* Every kind of walk; the last user's leaving is the last row's. */
static void walk_everything(struct mm_struct *mm)
{
	change(mm, 0, 1);
	(void)mmu_notifier_clear_flush_young(mm, 0, PG(1));
	(void)mmu_notifier_clear_young(mm, 0, PG(1));
	(void)mmu_notifier_test_young(mm, 0);
	mmu_notifier_change_pte(mm, 0, 0);
	mmu_notifier_invalidate_range(mm, 0, PG(1));
}

/*
 *	walk, newest first		freed
 *	newer: puts older and itself	at most older, though nobody finds either
 *	older: is not called		the same
 *	the walk ends			both
 */
KTEST(mmu_notifier, no_walk_of_any_kind_meets_what_has_been_freed,
      KT_RULES("R2.13"))
{
	unsigned int kind;

	for (kind = 0; kind < ARRAY_SIZE(quitters); kind++) {
		struct mm_struct *mm = mm_alloc();
		struct mmu_notifier *older, *newer;
		bool called_older = false;

		REQUIRE(mm);
		gots_reset();
		freed_when_called = -1;
		older = mmu_notifier_get(&quitters[kind][0], mm);
		REQUIRE(!IS_ERR(older));
		newer = mmu_notifier_get(&quitters[kind][1], mm);
		REQUIRE(!IS_ERR(newer));
		container_of(older, struct quitter, sub)->called = &called_older;
		container_of(newer, struct quitter, sub)->older = older;
		walk_everything(mm);
		mmput(mm);
		mmu_notifier_synchronize();
		EXPECT_GE(freed_when_called, 0);
		EXPECT_LE(freed_when_called, 1);
		EXPECT(!called_older);
		EXPECT_EQ(atomic_read(&gots_freed), 2);
		if (ktest_failed(test)) {
			ktest_note("kind of walk: %u", kind);
			break;
		}
	}
}

static void put_in_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	mmu_notifier_put(sub);
}

KTEST(mmu_notifier, put_may_be_called_from_release, KT_RULES("R2.31 R2.32"))
{
	static const struct mmu_notifier_ops release_put_ops = {
		.release = put_in_release,
		.alloc_notifier = got_alloc,
		.free_notifier = got_free,
	};
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	gots_reset();
	REQUIRE(!IS_ERR(mmu_notifier_get(&release_put_ops, mm)));
	mmput(mm);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 1);
}

KTEST(mmu_notifier, put_after_exit_frees_once, KT_RULES("R2.34"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	mmput(mm);
	EXPECT_EQ(listener_of(sub)->releases, 1U);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	mmu_notifier_put(sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 1);
}

KTEST(mmu_notifier, a_put_too_many_is_reported, KT_FLAGS(KT_EXPECT_REPORT),
      KT_RULES("R2.31 R2.32"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	l.sub.users = 0;
	mmu_notifier_put(&l.sub);
	EXPECT_EQ(l.sub.users, 0U);
	unlisten(&l, mm);
	mmput(mm);
}

static int synchronizer_body(void *arg)
{
	mmu_notifier_synchronize();
	return atomic_read(arg);
}

#define PUTS 4

/*
 *	n mms, in each a callback asleep	synchronize
 *	put in each: deferred
 *						sleeps
 *	the callbacks return, one by one
 *						sleeps on
 *	the last returns
 *						returns: n were freed
 */
KTEST(mmu_notifier, synchronize_waits_for_every_free_and_not_just_for_time,
      KT_RULES("R2.35"))
{
	struct mm_struct *mm[PUTS];
	struct mmu_notifier *sub[PUTS];
	struct ktest_step step[PUTS];
	struct changer c[PUTS];
	struct task *waiter;
	int i;

	gots_reset();
	for (i = 0; i < PUTS; i++) {
		step_init(&step[i], test);
		mm[i] = mm_alloc();
		REQUIRE(mm[i]);
		sub[i] = mmu_notifier_get(&got_ops, mm[i]);
		REQUIRE(!IS_ERR(sub[i]));
		listener_of(sub[i])->start_step = &step[i];
		changer_run(&c[i], mm[i], 0, 1, NULL);
		step_wait(&step[i], 1);
		mmu_notifier_put(sub[i]);
	}
	waiter = kthread_run(synchronizer_body, &gots_freed, "synchronizer");
	for (i = 0; i < PUTS; i++) {
		EXPECT_EQ(ktest_wait_blocked(test, waiter), 0);
		EXPECT_EQ(atomic_read(&gots_freed), i);
		step_signal(&step[i], 2);
		kthread_join(c[i].task);
	}
	EXPECT_EQ(kthread_join(waiter), PUTS);
	for (i = 0; i < PUTS; i++)
		mmput(mm[i]);
}

/*
 *	mm 0		mm 1		synchronize
 *	callback runs	callback runs
 *	put: deferred
 *					sleeps: waits for the first free
 *			put: deferred; this free is not waited for
 *			callback returns: freed
 *					sleeps on
 *	callback returns: freed
 *					returns
 */
KTEST(mmu_notifier, a_free_that_comes_later_does_not_end_a_synchronize,
      KT_RULES("R2.35"))
{
	struct mm_struct *mm[2];
	struct mmu_notifier *sub[2];
	struct ktest_step step[2];
	struct changer c[2];
	struct task *waiter = NULL;
	int i;

	gots_reset();
	for (i = 0; i < 2; i++) {
		step_init(&step[i], test);
		mm[i] = mm_alloc();
		REQUIRE(mm[i]);
		sub[i] = mmu_notifier_get(&got_ops, mm[i]);
		REQUIRE(!IS_ERR(sub[i]));
		listener_of(sub[i])->start_step = &step[i];
		changer_run(&c[i], mm[i], 0, 1, NULL);
		step_wait(&step[i], 1);
		mmu_notifier_put(sub[i]);
		if (!i)
			waiter = kthread_run(synchronizer_body, &gots_freed,
					     "synchronizer");
		EXPECT_EQ(ktest_wait_blocked(test, waiter), 0);
	}
	for (i = 1; i >= 0; i--) {
		EXPECT_EQ(mmu_notifier_nr_pending(), (unsigned long)i + 1);
		step_signal(&step[i], 2);
		kthread_join(c[i].task);
		if (i)
			EXPECT_EQ(ktest_wait_blocked(test, waiter), 0);
	}
	EXPECT_EQ(kthread_join(waiter), 2);
	EXPECT_EQ(mmu_notifier_nr_pending(), 0UL);
	for (i = 0; i < 2; i++)
		mmput(mm[i]);
}
