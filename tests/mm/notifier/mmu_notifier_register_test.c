// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_register_test.c - plain subscribers come, and are
 * counted (R2.15 to R2.20, R2.26)
 */
#include <mm/alloc/fail.h>
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

KTEST(mmu_notifier, a_subscription_holds_the_struct_beyond_exit,
      KT_RULES("R2.18 R2.25"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(l.sub.users, 1U);
	EXPECT_EQ(l.sub.mm, mm);
	mmput(mm);
	EXPECT_EQ(l.releases, 1U);
	EXPECT_EQ(atomic_read(&mm->mm_count), 1);
	unlisten(&l, mm);
	EXPECT_EQ(l.releases, 1U);
}

KTEST(mmu_notifier, a_new_mm_has_no_subscriptions, KT_RULES("R2.26"))
{
	struct mm_struct *parent = mm_alloc(), *child;
	struct listener l;

	REQUIRE(parent);
	EXPECT_EQ(listen(&l, parent), 0);
	child = mm_alloc();
	REQUIRE(child);
	EXPECT(!mm_has_notifiers(child));
	EXPECT(mm_has_notifiers(parent));
	change(child, 0, 1);
	EXPECT_EQ(l.starts, 0U);
	mmput(child);
	EXPECT_EQ(l.releases, 0U);
	unlisten(&l, parent);
	mmput(parent);
}

/* As exec replaces a program: the old mm ends, the new one starts empty. */
KTEST(mmu_notifier, replacing_the_mm_releases_the_old_and_begins_without,
      KT_RULES("R2.26"))
{
	struct mm_struct *old = mm_alloc(), *new = mm_alloc();
	struct listener l;
	struct watcher w;

	REQUIRE(old);
	REQUIRE(new);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, old), 0);
	EXPECT_EQ(watch(&w, old, 0, 4), 0);
	kthread_use_mm(old);
	kthread_unuse_mm(old);
	kthread_use_mm(new);
	mmput(old);
	EXPECT_EQ(l.releases, 1U);
	EXPECT_EQ(w.event, MMU_NOTIFY_UNMAP);
	EXPECT_EQ(w.calls, 2U);
	EXPECT(!mm_has_notifiers(new));
	change(new, 0, 1);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(w.calls, 2U);
	kthread_unuse_mm(new);
	unwatch(&w);
	unlisten(&l, old);
	mmput(new);
}

/* Whichever allocation fails of those that the object of the mm takes. */
KTEST(mmu_notifier, without_memory_register_is_ENOMEM_and_leaves_nothing,
      KT_FLAGS(KT_NEEDS_DEBUG), KT_RULES("R2.16 R2.19 R2.36"))
{
	struct mm_struct *mm = mm_alloc();
	struct holds before;
	struct listener l;
	unsigned long nth;
	bool hit;
	int ret;

	REQUIRE(mm);
	before = holds_of(mm);
	for (nth = 1;; nth++) {
		alloc_fail_nth(nth);
		ret = listen(&l, mm);
		hit = alloc_fail_hit();
		alloc_fail_end();
		if (!hit)
			break;
		EXPECT_EQ(ret, -ENOMEM);
		EXPECT_EQ(l.sub.mm, NULL);
		EXPECT_HOLDS(mm, before);
		change(mm, 0, 1);
		EXPECT_EQ(l.starts, 0U);
	}
	EXPECT_GE(nth, 2UL);
	EXPECT_EQ(ret, 0);
	if (!ret)
		unlisten(&l, mm);
	mmput(mm);
}

/* Only the first subscriber of an mm can fail for memory. */
KTEST(mmu_notifier, with_an_object_there_registering_needs_no_memory,
      KT_RULES("R2.16 R2.19"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l[9];
	unsigned int i;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l[0], mm), 0);
	for (i = 1; i < ARRAY_SIZE(l); i++) {
		alloc_fail_nth(1);
		EXPECT_EQ(listen(&l[i], mm), 0);
		EXPECT(!alloc_fail_hit());
		alloc_fail_end();
	}
	change(mm, 0, 1);
	for (i = 0; i < ARRAY_SIZE(l); i++) {
		EXPECT_EQ(l[i].starts, 1U);
		EXPECT_EQ(l[i].ends, 1U);
		unlisten(&l[i], mm);
	}
	mmput(mm);
}

/*
 *	holder of mmap_lock			newcomer
 *						waits for the lock
 *	kills it
 *						-EINTR, and nothing is left
 */
KTEST(mmu_notifier, a_register_that_is_killed_while_it_waits_returns_EINTR,
      KT_RULES("R2.15 R2.17"))
{
	struct mm_struct *mm = mm_alloc();
	struct registrar r;
	struct holds before;
	struct listener l;

	REQUIRE(mm);
	before = holds_of(mm);
	mmap_read_lock(mm);
	registrar_run(&r, registrar_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	task_kill(r.task);
	KTEST_WAIT_FOR(test, atomic_read(&r.done));
	mmap_read_unlock(mm);
	EXPECT_EQ(kthread_join(r.task), -EINTR);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT_EQ(l.sub.mm, NULL);
	EXPECT_HOLDS(mm, before);
	if (l.sub.mm)
		unlisten(&l, mm);
	mmput(mm);
}

/*
 *	range (nobody has subscribed)		newcomer
 *	start
 *						register: sleeps
 *	end: not called
 *						returns
 */
KTEST(mmu_notifier, the_first_registration_waits_for_a_range_that_is_open,
      KT_RULES("R2.20"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct registrar r;
	struct listener l;

	REQUIRE(mm);
	start_of(&range, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(atomic_read(&r.done), 0);
	end_of(&range);
	EXPECT_EQ(kthread_join(r.task), 0);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(l.ends, 0U);
	unlisten(&l, mm);
	mmput(mm);
}

/*
 *	range 1		newcomer b	range 2		subscriber a
 *	start						start
 *			register: sleeps
 *					start		start; b too
 *	end						end; b not
 *			returns
 *					end		end; b too
 */
KTEST(mmu_notifier, a_new_subscriber_is_notified_of_both_ends_or_neither,
      KT_RULES("R2.20"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct listener a, b;
	struct registrar r;

	REQUIRE(mm);
	EXPECT_EQ(listen(&a, mm), 0);
	start_of(&one, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	start_of(&two, mm, 1, 2);
	EXPECT_EQ(b.starts, 1U);
	end_of(&one);
	EXPECT_EQ(kthread_join(r.task), 0);
	EXPECT_EQ(a.ends, 1U);
	EXPECT_EQ(b.ends, 0U);
	end_of(&two);
	EXPECT_EQ(a.starts, 2U);
	EXPECT_EQ(a.ends, 2U);
	EXPECT_EQ(b.starts, 1U);
	EXPECT_EQ(b.ends, 1U);
	unlisten(&a, mm);
	unlisten(&b, mm);
	mmput(mm);
}

/* It waits for what was open, not for what a busy mm opens meanwhile. */
KTEST(mmu_notifier, registration_is_not_starved_by_ranges_that_follow,
      KT_RULES("R2.20"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two, three;
	struct listener a, b;
	struct registrar r;

	REQUIRE(mm);
	EXPECT_EQ(listen(&a, mm), 0);
	start_of(&one, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	start_of(&two, mm, 1, 2);
	end_of(&one);
	start_of(&three, mm, 1, 2);
	EXPECT_EQ(kthread_join(r.task), 0);
	end_of(&two);
	end_of(&three);
	EXPECT_EQ(b.starts, 2U);
	EXPECT_EQ(b.ends, 2U);
	unlisten(&a, mm);
	unlisten(&b, mm);
	mmput(mm);
}

#define CROWD 40

/* From the head, the middle and the end of the list; nobody is lost or doubled. */
KTEST(mmu_notifier, many_may_come_and_go_in_any_order)
{
	struct mm_struct *mm = mm_alloc();
	bool in[CROWD] = {false};
	unsigned int starts[CROWD], i, step, who;
	struct listener *l;

	REQUIRE(mm);
	l = kcalloc(CROWD, sizeof(*l), GFP_KERNEL);
	REQUIRE(l);
	for (step = 0; step < 200; step++) {
		who = rng_below(ktest_rng(test), CROWD);
		if (in[who])
			unlisten(&l[who], mm);
		else
			EXPECT_EQ(listen(&l[who], mm), 0);
		in[who] = !in[who];
		for (i = 0; i < CROWD; i++)
			starts[i] = l[i].starts;
		change(mm, 0, 1);
		for (i = 0; i < CROWD; i++) {
			EXPECT_EQ(l[i].starts, starts[i] + in[i]);
			EXPECT_EQ(l[i].starts, l[i].ends);
		}
		EXPECT(mmu_notifier_verify(mm));
	}
	for (i = 0; i < CROWD; i++) {
		if (in[i])
			unlisten(&l[i], mm);
	}
	kfree(l);
	mmput(mm);
}

/* A debug build looks for a subscription in every address space. */
KTEST(mmu_notifier, subscriptions_of_every_address_space_are_counted)
{
	unsigned long before = mmu_notifier_nr_subscriptions();
	struct mm_struct *first = mm_alloc(), *second = mm_alloc();
	struct listener l[2];

	REQUIRE(first);
	REQUIRE(second);
	EXPECT_EQ(listen(&l[0], first), 0);
	EXPECT_EQ(listen(&l[1], second), 0);
	EXPECT_EQ(mmu_notifier_nr_subscriptions(), before + 2);
	unlisten(&l[1], second);
	EXPECT_EQ(mmu_notifier_nr_subscriptions(), before + 1);
	mmput(second);
	EXPECT_EQ(mmu_notifier_nr_subscriptions(), before + 1);
	unlisten(&l[0], first);
	mmput(first);
}

/* Before it is registered, the memory of a subscription may hold anything. */
KTEST(mmu_notifier, a_subscription_need_not_be_zeroed)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	memset(&l, 0, sizeof(l));
	memset(&l.sub, 0x6b, sizeof(l.sub));
	l.sub.ops = &pair_ops;
	watcher_init(&w, test);
	memset(&w.sub, 0x6b, sizeof(w.sub));
	EXPECT_EQ(mmu_notifier_register(&l.sub, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	change(mm, 0, 1);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(w.calls, 1U);
	EXPECT_EQ(figures_of(test, mm, &l.sub).callbacks, 2UL);
	EXPECT_EQ(figures_of(test, mm, &w.sub).callbacks, 1UL);
	EXPECT(!must_retry(&w, mmu_interval_read_begin(&w.sub)));
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}
