// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mm_list_test.c - a walker of the list of address spaces finds them whole
 *
 * Whether the other thread has come to the list's lock is seen in what the lock
 * validator knows of it, so this is tested in kernels that have one.
 */
#include <kernel/time.h>

#include "tests/ktest/ktest_private.h"
#include "tests/mm/notifier/notifier_fixture.h"
#include "mm/notifier/internal.h"

/**
 * struct last_drop - a walk of the list that meets an mm whose last hold is
 * being dropped
 * @met: what subscriptions the walker saw, when the dropper wanted the lock
 * @came: the dropper wanted it
 */
struct last_drop {
	struct ktest_step step;
	struct mm_struct *mm;
	struct task *dropper;
	const struct mmu_notifier_subscriptions *met;
	bool came;
};

static int drop_last(void *arg)
{
	struct last_drop *drop = arg;

	step_wait(&drop->step, 1);
	step_signal(&drop->step, 2);
	mmdrop(drop->mm);
	return 0;
}

static const struct lockdep_map *newest_lock(const struct task *task)
{
	unsigned int depth = READ_ONCE(task->lockdep.depth);

	return depth ? READ_ONCE(task->lockdep.held[depth - 1].map) : NULL;
}

/*
 * Under the list's lock, which is the newest that the walker has. The validator
 * is told of a lock before it is waited for: while the walker has it, it is the
 * dropper's newest too when the dropper waits for it, or is just about to.
 */
static int meet(struct mm_struct *mm, void *arg)
{
	const struct lockdep_map *lock = newest_lock(current);
	struct last_drop *drop = arg;
	u64 until;

	if (mm != drop->mm)
		return 0;
	step_signal(&drop->step, 1);
	if (step_spin(&drop->step, 2))
		return 1;
	until = clock_ns() + ktest_wait_ns(drop->step.test);
	do {
		drop->came = lock && newest_lock(drop->dropper) == lock;
		cpu_relax();
	} while (!drop->came && clock_ns() < until);
	drop->met = READ_ONCE(mm->notifier_subscriptions);
	return 1;
}

static int walk(void *arg)
{
	return mm_for_each(meet, arg);
}

/*
 *	walker				last holder
 *	lock; at the mm
 *					wants the lock, to take it off the list
 *	looks at its subscriptions	(they must be there yet)
 *	unlock
 *					takes it off; frees them, and it
 */
KTEST(mm_list, the_subscriptions_of_what_is_on_it_are_still_there,
      KT_FLAGS(KT_NEEDS_SMP))
{
	const struct mmu_notifier_subscriptions *subs;
	struct last_drop drop = {.came = false};
	struct task *walker;
	struct watcher w;

	step_init(&drop.step, test);
	watcher_init(&w, test);
	drop.mm = mm_alloc();
	REQUIRE(drop.mm);
	EXPECT_EQ(watch(&w, drop.mm, 0, 1), 0);
	unwatch(&w);
	subs = subscriptions_of(drop.mm);
	EXPECT(subs);
	mmgrab(drop.mm);
	mmput(drop.mm);
	drop.dropper = kthread_run_on(cpumask_last(&cpu_online_mask), drop_last,
				      &drop, "last drop");
	walker = kthread_run_on(0, walk, &drop, "walker");
	EXPECT_EQ(kthread_join(walker), 1);
	kthread_join(drop.dropper);
	EXPECT(drop.came);
	EXPECT_EQ(drop.met, subs);
}
