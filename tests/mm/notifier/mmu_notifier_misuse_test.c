// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_misuse_test.c - mistakes with subscriptions, reported by
 * name
 *
 * Each test makes one mistake, reads the report, and shows that the mistake did no
 * harm. An object registered twice must not make the next start walk in a circle.
 */
#include "warnings_heard.h"

/* --- objects ------------------------------------------------------------------- */

/*
 *	register; register again	refused: the list would be a circle
 *	start; end			each is called once
 */
KTEST(mmu_notifier_checks, an_object_is_not_registered_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.16 R2.21"))
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct listener first, l;

	REQUIRE(mm && other);
	EXPECT_EQ(listen(&first, mm), 0);
	EXPECT_EQ(listen(&l, mm), 0);
	expect_warnings();
	EXPECT_EQ(mmu_notifier_register(&first.sub, mm), -EEXIST);
	EXPECT_EQ(mmu_notifier_register(&l.sub, mm), -EEXIST);
	EXPECT_EQ(mmu_notifier_register(&l.sub, other), -EEXIST);
	EXPECT_WARNED(3, "is registered already");
	EXPECT(l.sub.mm == mm);
	EXPECT(mmu_notifier_verify(mm));
	change(mm, 1, 2);
	EXPECT_EQ(first.starts, 1U);
	EXPECT_EQ(l.starts, 1U);
	unlisten(&l, mm);
	unlisten(&first, mm);
	/* Out of use again, it may come anew. */
	EXPECT_EQ(mmu_notifier_register(&l.sub, other), 0);
	unlisten(&l, other);
	mmput(mm);
	mmput(other);
}

KTEST(mmu_notifier_checks, an_object_is_not_unregistered_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.16 R2.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener stays, l;
	int count;

	REQUIRE(mm);
	EXPECT_EQ(listen(&stays, mm), 0);
	EXPECT_EQ(listen(&l, mm), 0);
	unlisten(&l, mm);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	unlisten(&l, mm);
	EXPECT_WARNED(1, "is unregistered and is not registered");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(mmu_notifier_verify(mm));
	unlisten(&stays, mm);
	mmput(mm);
}

KTEST(mmu_notifier_checks, an_interval_is_not_inserted_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct watcher w, same;
	int count;

	REQUIRE(mm && other);
	watcher_init(&w, test);
	watcher_init(&same, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	EXPECT_EQ(watch(&same, mm, 0, 4), 0);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	EXPECT_EQ(watch(&w, mm, 0, 4), -EEXIST);
	EXPECT_EQ(watch(&same, mm, 2, 3), -EEXIST);
	EXPECT_EQ(watch(&w, other, 8, 9), -EEXIST);
	EXPECT_WARNED(3, "is inserted already");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(w.sub.mm == mm);
	EXPECT_EQ(interval_tree_start(&w.sub.interval_tree), 0UL);
	EXPECT(mmu_notifier_verify(mm));
	change(mm, 3, 5);
	EXPECT_EQ(w.calls, 1U);
	EXPECT_EQ(same.calls, 1U);
	unwatch(&same);
	unwatch(&w);
	EXPECT_EQ(watch(&w, other, 8, 9), 0);
	unwatch(&w);
	mmput(mm);
	mmput(other);
}

/* Its insertion waits for a walk: it is not in the tree, and is in use. */
KTEST(mmu_notifier_checks,
      an_interval_whose_insertion_waits_is_not_inserted_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct mm_struct *mm = mm_alloc();
	struct watcher w, late;
	struct changer c;

	REQUIRE(mm);
	watcher_init(&w, test);
	watcher_init(&late, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	w.step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	EXPECT_EQ(watch(&late, mm, 0, 4), 0);
	expect_warnings();
	EXPECT_EQ(watch(&late, mm, 0, 4), -EEXIST);
	EXPECT_WARNED(1, "is inserted already");
	step_signal(&step, 2);
	kthread_join(c.task);
	w.step = NULL;
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&late);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_notifier_checks, an_interval_is_not_removed_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher stays, w;
	int count;

	REQUIRE(mm);
	watcher_init(&stays, test);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&stays, mm, 0, 4), 0);
	EXPECT_EQ(watch(&w, mm, 2, 6), 0);
	unwatch(&w);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	unwatch(&w);
	EXPECT_WARNED(1, "is removed and is not inserted");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&stays);
	mmput(mm);
}

/* Its removal waits for a walk: it is still in the tree, but must not be removed. */
KTEST(mmu_notifier_checks, an_interval_whose_removal_waits_is_not_removed_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct mm_struct *mm = mm_alloc();
	struct task *remover;
	struct watcher w;
	struct changer c;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	w.step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	remover = kthread_run(remover_body, &w, "remover");
	EXPECT_EQ(ktest_wait_blocked(test, remover), 0);
	expect_warnings();
	/* Without the check it would sleep, so another thread tries it. */
	kthread_join(kthread_run(remover_body, &w, "again"));
	EXPECT_WARNED(1, "is removed and is not inserted");
	step_signal(&step, 2);
	kthread_join(remover);
	kthread_join(c.task);
	EXPECT(mmu_notifier_verify(mm));
	mmput(mm);
}

/* Exit has taken it off the list: the count of the registered ones shows the misuse. */
KTEST(mmu_notifier_checks, an_object_is_not_unregistered_twice_after_exit,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.16 R2.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;
	int count;

	REQUIRE(mm);
	mmgrab(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	mmput(mm);
	unlisten(&l, mm);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	unlisten(&l, mm);
	EXPECT_WARNED(1, "is unregistered and is not registered");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	mmdrop(mm);
}

/* --- callbacks and look-ups --------------------------------------------------- */

static noinline bool refuse_and_store(struct mmu_interval_notifier *sub,
				      const struct mmu_notifier_range *range,
				      unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	return false;
}

KTEST(mmu_notifier_checks, a_refusal_that_stored_the_number_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.22"))
{
	static const struct mmu_interval_notifier_ops ops = {
		.invalidate = refuse_and_store,
	};
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_notifier sub;
	struct mmu_notifier_range range;

	REQUIRE(mm);
	REQUIRE_EQ(mmu_interval_notifier_insert(&sub, mm, PG(2), PG(2), &ops), 0);
	expect_warnings();
	EXPECT_EQ(start_nonblock_of(&range, mm, 3, 5), -EAGAIN);
	EXPECT_WARNED(1, "refuse_and_store+",
		      "refuses CLEAR [0x3000, 0x5000) and has stored its number");
	mmu_interval_notifier_remove(&sub);
	expect_rest(test, mm);
	mmput(mm);
}

/* A subscription outlives the exit of its mm; its look-ups must not. */
KTEST(mmu_notifier_checks, a_round_on_an_mm_without_users_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_rounds rounds;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	REQUIRE_EQ(watch(&w, mm, 0, 4), 0);
	rounds = (struct mmu_interval_rounds)MMU_INTERVAL_ROUNDS_INIT(&w.sub);
	mmput(mm);
	expect_warnings();
	EXPECT_EQ(mmu_interval_round_lock(&rounds), 0);
	EXPECT_WARNED(1, "a_round_on_an_mm_without_users_is_reported",
		      "begins a round on an mm that has no user");
	mmu_interval_round_unlock(&rounds);
	unwatch(&w);
}
