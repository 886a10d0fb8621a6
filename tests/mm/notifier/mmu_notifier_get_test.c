// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_get_test.c - one subscription for each address space and
 * operations, got and put (R2.28 to R2.36)
 *
 * What is got is made by got_alloc() and freed by got_free(), which count.
 *
 * Over 600 lines because a get and its put are two ends of one count: each test
 * of the one needs the other, and all need what is made and freed here.
 */
#include <mm/alloc/fail.h>
#include "notifier_fixture.h"

static atomic_t gots_freed;
static atomic_t gots_made;
static int got_error;

static struct mmu_notifier *got_alloc(struct mm_struct *mm)
{
	struct listener *l;

	if (got_error)
		return ERR_PTR(got_error);
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&gots_made);
	return &l->sub;
}

static void got_free(struct mmu_notifier *sub)
{
	atomic_inc(&gots_freed);
	kfree(listener_of(sub));
}

static const struct mmu_notifier_ops got_ops = {
	.release = listener_release,
	.invalidate_range_start = listener_start,
	.invalidate_range_end = listener_end,
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

static int get_and_put_body(void *arg)
{
	struct registrar *r = arg;
	struct mmu_notifier *sub = mmu_notifier_get(&got_ops, r->mm);

	atomic_set(&r->done, 1);
	if (IS_ERR(sub))
		return (int)PTR_ERR(sub);
	mmu_notifier_put(sub);
	return 0;
}

static void gots_reset(void)
{
	atomic_set(&gots_freed, 0);
	atomic_set(&gots_made, 0);
	got_error = 0;
}

KTEST(mmu_notifier, two_gets_are_one_subscription_and_need_two_puts,
      KT_RULES("R2.28 R2.30"))
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct mmu_notifier *a, *b, *c;

	REQUIRE(mm);
	REQUIRE(other);
	gots_reset();
	a = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(a));
	mmap_write_lock(mm);
	b = mmu_notifier_get_locked(&got_ops, mm);
	mmap_write_unlock(mm);
	c = mmu_notifier_get(&got_ops, other);
	EXPECT_EQ(a, b);
	EXPECT_NE(a, c);
	EXPECT_EQ(a->users, 2U);
	EXPECT_EQ(atomic_read(&gots_made), 2);
	mmu_notifier_put(a);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	mmu_notifier_put(b);
	mmu_notifier_put(c);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 2);
	mmput(mm);
	mmput(other);
}

struct getter {
	struct mm_struct *mm;
	struct mmu_notifier *sub;
	struct task *task;
	atomic_t done;
};

static int getter_body(void *arg)
{
	struct getter *g = arg;

	g->sub = mmu_notifier_get(&got_ops, g->mm);
	atomic_set(&g->done, 1);
	return 0;
}

static void getter_run(struct getter *g, struct mm_struct *mm)
{
	g->mm = mm;
	atomic_set(&g->done, 0);
	g->task = kthread_run(getter_body, g, "getter");
}

/*
 *	range			getter 1		getter 2
 *	start, told nobody
 *				made, published; sleeps
 *							finds it; sleeps too
 *	end: not told
 *				returns			returns
 */
KTEST(mmu_notifier, a_second_get_waits_for_the_ranges_that_the_first_waits_for,
      KT_RULES("R2.28 R2.30"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct getter one, two;

	REQUIRE(mm);
	gots_reset();
	start_of(&range, mm, 0, 1);
	getter_run(&one, mm);
	EXPECT_EQ(ktest_wait_blocked(test, one.task), 0);
	getter_run(&two, mm);
	EXPECT_EQ(ktest_wait_blocked(test, two.task), 0);
	EXPECT_EQ(atomic_read(&one.done), 0);
	EXPECT_EQ(atomic_read(&two.done), 0);
	end_of(&range);
	kthread_join(one.task);
	kthread_join(two.task);
	REQUIRE(!IS_ERR(one.sub));
	EXPECT_EQ(one.sub, two.sub);
	EXPECT_EQ(atomic_read(&gots_made), 1);
	mmu_notifier_put(one.sub);
	mmu_notifier_put(two.sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	mmput(mm);
}

KTEST(mmu_notifier, get_fails_when_the_users_do_not_fit,
      KT_RULES("R2.28 R2.30 R2.36"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	sub->users = ~0u;
	EXPECT_EQ(PTR_ERR(mmu_notifier_get(&got_ops, mm)), -EOVERFLOW);
	EXPECT_EQ(sub->users, ~0u);
	sub->users = 1;
	mmu_notifier_put(sub);
	mmu_notifier_synchronize();
	mmput(mm);
}

KTEST(mmu_notifier, what_alloc_notifier_says_is_passed_on,
      KT_RULES("R2.29 R2.36"))
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	gots_reset();
	got_error = -ENODEV;
	EXPECT_EQ(PTR_ERR(mmu_notifier_get(&got_ops, mm)), -ENODEV);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	EXPECT(!mm_has_notifiers(mm));
	mmput(mm);
}

KTEST(mmu_notifier, who_is_killed_while_it_waits_to_get_gets_EINTR,
      KT_RULES("R2.17 R2.36"))
{
	struct mm_struct *mm = mm_alloc();
	struct registrar r;
	struct holds before;

	REQUIRE(mm);
	gots_reset();
	before = holds_of(mm);
	mmap_read_lock(mm);
	registrar_run(&r, get_and_put_body, mm, NULL);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	task_kill(r.task);
	KTEST_WAIT_FOR(test, atomic_read(&r.done));
	mmap_read_unlock(mm);
	EXPECT_EQ(kthread_join(r.task), -EINTR);
	EXPECT_EQ(atomic_read(&gots_made), 0);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT_HOLDS(mm, before);
	mmput(mm);
}

/*
 * What it allocated for nothing is freed, whichever allocation fails: its own
 * object, that of the mm, and the slabs of both if no page of theirs is at hand.
 */
KTEST(mmu_notifier, without_memory_get_is_ENOMEM_and_leaves_nothing,
      KT_FLAGS(KT_NEEDS_DEBUG), KT_RULES("R2.36"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;
	struct holds before;
	unsigned long nth;
	bool hit;

	REQUIRE(mm);
	gots_reset();
	before = holds_of(mm);
	for (nth = 1;; nth++) {
		alloc_fail_nth(nth);
		sub = mmu_notifier_get(&got_ops, mm);
		hit = alloc_fail_hit();
		alloc_fail_end();
		if (!hit)
			break;
		EXPECT_EQ(PTR_ERR(sub), -ENOMEM);
		EXPECT_EQ(atomic_read(&gots_made), atomic_read(&gots_freed));
		EXPECT_HOLDS(mm, before);
	}
	EXPECT_GE(nth, 3UL);
	if (!IS_ERR(sub))
		mmu_notifier_put(sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_made), atomic_read(&gots_freed));
	mmput(mm);
}

KTEST(mmu_notifier, get_frees_what_register_refuses, KT_FLAGS(KT_EXPECT_REPORT),
      KT_RULES("R2.29"))
{
	static const struct mmu_notifier_ops bad_ops = {
		.invalidate_range_start = listener_start,
		.invalidate_range = listener_tlb,
		.alloc_notifier = got_alloc,
		.free_notifier = got_free,
	};
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	gots_reset();
	EXPECT_EQ(PTR_ERR(mmu_notifier_get(&bad_ops, mm)), -EINVAL);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	mmput(mm);
}

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

/* Who puts itself, and one that the walk has still to come to, when called. */
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
 *	put in each: put off
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
