// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_get_test.c - one subscription for each address space and
 * operations, got (R2.28 to R2.30, R2.36)
 */
#include <mm/alloc/fail.h>
#include "notifier_got.h"

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

/*
 *	range			getter 1		getter 2
 *	start, calls nobody
 *				made, published; sleeps
 *							finds it; sleeps too
 *	end: calls nobody
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

KTEST(mmu_notifier, a_get_that_is_killed_while_it_waits_returns_EINTR,
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
 * Whichever allocation fails, get frees those that it made before: its own
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
