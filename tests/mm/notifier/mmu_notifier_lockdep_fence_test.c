// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_lockdep_fence_test.c - callbacks that wait for others (R5.8 e)
 *
 * A callback may wait for its device: for a work that is queued, for a fence
 * that another thread signals. Then the callback needs all that those need. If
 * they allocate and may wait, or take mmap_lock, reclaim or the holder of the
 * lock waits for the callback, and the callback for them.
 *
 *	callback			finisher
 *	waits for the finisher
 *					waits for reclaim
 *	is waited for by reclaim
 *
 * Two halves, each right alone, and the report comes with the second; so each
 * is tried both ways round. Nobody here ever waits for long: the finishing is
 * done before, or after.
 *
 *	file-scope queues, fences	a class each, since classes are for ever
 */
#include "notifier_fixture.h"
#include "report_words.h"
#include <kernel/sched/completion.h>
#include <kernel/lock/lockdep.h>
#include <kernel/workqueue.h>

/* A driver whose callback waits, in one of two ways, and its finisher. */
struct waiting_driver {
	struct mmu_interval_notifier sub;
	struct mm_struct *mm;
	struct work_struct work;
	struct completion *fence;
	void (*wait)(struct waiting_driver *driver);
	void (*need)(struct waiting_driver *driver);
	void *ready;
};

static bool waiting_invalidate(struct mmu_interval_notifier *sub,
			       const struct mmu_notifier_range *range,
			       unsigned long cur_seq)
{
	struct waiting_driver *driver =
		container_of(sub, struct waiting_driver, sub);

	mmu_interval_set_seq(sub, cur_seq);
	driver->wait(driver);
	return true;
}

static const struct mmu_interval_notifier_ops waiting_ops = {
	.invalidate = waiting_invalidate,
};

/* The barriers: a call that is the last thing is a jump, and has no place. */
static noinline void wait_for_the_work(struct waiting_driver *driver)
{
	flush_work(&driver->work);
	barrier();
}

static noinline void wait_for_the_fence(struct waiting_driver *driver)
{
	wait_for_completion(driver->fence);
	barrier();
}

/* --- what the finisher needs ------------------------------------------------- */

static noinline void need_memory(struct waiting_driver *driver)
{
	kfree(kmalloc(64, GFP_KERNEL));
}

static noinline void need_mmap_lock(struct waiting_driver *driver)
{
	mmap_read_lock(driver->mm);
	mmap_read_unlock(driver->mm);
}

/* The good one: what is at hand, or else nothing. */
static void need_no_waiting(struct waiting_driver *driver)
{
	kfree(kmalloc(64, GFP_NOWAIT));
}

static noinline void work_fn(struct work_struct *work)
{
	struct waiting_driver *driver =
		container_of(work, struct waiting_driver, work);

	driver->need(driver);
}

/* As the thread of a device does it; complete_all: the callback may come later. */
static noinline int signaller(void *arg)
{
	struct waiting_driver *driver = arg;

	driver->ready = kmalloc(64, GFP_KERNEL);
	completing_begin(driver->fence);
	driver->need(driver);
	complete_all(driver->fence);
	completing_end(driver->fence);
	kfree(driver->ready);
	return 0;
}

/* --- the two halves ------------------------------------------------------------ */

static noinline void raise_a_range(struct mm_struct *mm)
{
	struct mmu_notifier_range range;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, mm, 0, PG(1));
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
}

static bool waiting_begin(struct ktest *test, struct waiting_driver *driver)
{
	driver->mm = mm_alloc();
	INIT_WORK(&driver->work, work_fn);
	if (driver->mm && !mmu_interval_notifier_insert(&driver->sub, driver->mm,
							0, PG(4), &waiting_ops))
		return true;
	ktest_fail(test, "no driver");
	return false;
}

static void waiting_end(struct waiting_driver *driver)
{
	mmu_interval_notifier_remove(&driver->sub);
	mmput(driver->mm);
}

/* Runs the work once and waits for it, which is right without a lock held. */
static void run_the_work(struct workqueue_struct *wq,
			 struct waiting_driver *driver)
{
	queue_work(wq, &driver->work);
	flush_work(&driver->work);
}

static void run_the_signaller(struct waiting_driver *driver)
{
	kthread_join(kthread_run(signaller, driver, "signaller"));
}

/* --- a work ---------------------------------------------------------------------- */

KTEST(mmu_notifier_lockdep,
      a_callback_that_waits_for_a_work_that_allocates_is_reported,
      KT_RULES("R5.8"))
{
	struct workqueue_struct *wq = alloc_workqueue("fetching", 1);
	struct waiting_driver driver = {
		.wait = wait_for_the_work,
		.need = need_memory,
	};

	REQUIRE(wq);
	if (waiting_begin(test, &driver)) {
		lockdep_expect_begin();
		run_the_work(wq, &driver);
		EXPECT_NO_REPORT();
		lockdep_expect_begin();
		raise_a_range(driver.mm);
		EXPECT_ONE_REPORT("opposite order",
				  TAKES("fetching", "wait_for_the_work"),
				  WHILE_HOLDING(MAP_NAME, "raise_a_range"),
				  WAS_TAKEN(MAP_NAME, "need_memory"),
				  UNDER("fetching", "work_fn"));
		waiting_end(&driver);
	}
	destroy_workqueue(wq);
}

/* The other way round: the work is what comes second. */
KTEST(mmu_notifier_lockdep,
      a_work_that_allocates_though_a_callback_waits_for_it_is_reported,
      KT_RULES("R5.8"))
{
	struct workqueue_struct *wq = alloc_workqueue("fetching_later", 1);
	struct waiting_driver driver = {
		.wait = wait_for_the_work,
		.need = need_no_waiting,
	};

	REQUIRE(wq);
	if (waiting_begin(test, &driver)) {
		lockdep_expect_begin();
		run_the_work(wq, &driver);
		raise_a_range(driver.mm);
		EXPECT_NO_REPORT();
		driver.need = need_memory;
		lockdep_expect_begin();
		run_the_work(wq, &driver);
		EXPECT_ONE_REPORT(
			"opposite order", TAKES(MAP_NAME, "need_memory"),
			WHILE_HOLDING("fetching_later", "work_fn"),
			WAS_TAKEN("fetching_later", "wait_for_the_work"),
			UNDER(MAP_NAME, "raise_a_range"));
		waiting_end(&driver);
	}
	destroy_workqueue(wq);
}

/* Over two steps: the map, mmap_lock after it by way of the work. */
KTEST(mmu_notifier_lockdep,
      a_callback_that_waits_for_a_work_that_takes_mmap_lock_is_reported,
      KT_RULES("R5.8"))
{
	struct workqueue_struct *wq = alloc_workqueue("mapping", 1);
	struct waiting_driver driver = {
		.wait = wait_for_the_work,
		.need = need_mmap_lock,
	};

	REQUIRE(wq);
	if (waiting_begin(test, &driver)) {
		run_the_work(wq, &driver);
		lockdep_expect_begin();
		raise_a_range(driver.mm);
		EXPECT_ONE_REPORT("opposite order",
				  TAKES("mapping", "wait_for_the_work"),
				  WHILE_HOLDING(MAP_NAME, "raise_a_range"),
				  MAP_IS_TAKEN_UNDER_MMAP_LOCK,
				  WAS_TAKEN(MMAP_LOCK, "need_mmap_lock"),
				  UNDER("mapping", "work_fn"));
		waiting_end(&driver);
	}
	destroy_workqueue(wq);
}

/* --- a fence --------------------------------------------------------------------- */

/* A callback waited in @place for the signaller that is known to allocate. */
#define EXPECT_FENCE_REPORTED(place)                                \
	EXPECT_ONE_REPORT("opposite order", TAKES("fence", place),  \
			  WHILE_HOLDING(MAP_NAME, "raise_a_range"), \
			  WAS_TAKEN(MAP_NAME, "need_memory"),       \
			  UNDER("fence", "signaller"))

KTEST(mmu_notifier_lockdep,
      a_callback_that_waits_for_a_fence_whose_signaller_allocates_is_reported,
      KT_RULES("R5.8"))
{
	struct completion fence;
	struct waiting_driver driver = {
		.wait = wait_for_the_fence,
		.need = need_memory,
		.fence = &fence,
	};

	init_completion(&fence);
	if (!waiting_begin(test, &driver))
		return;
	lockdep_expect_begin();
	run_the_signaller(&driver);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	raise_a_range(driver.mm);
	EXPECT_FENCE_REPORTED("wait_for_the_fence");
	waiting_end(&driver);
}

KTEST(mmu_notifier_lockdep,
      a_signaller_that_allocates_though_a_callback_waits_for_it_is_reported,
      KT_RULES("R5.8"))
{
	struct completion fence;
	struct waiting_driver driver = {
		.wait = wait_for_the_fence,
		.need = need_no_waiting,
		.fence = &fence,
	};

	init_completion(&fence);
	if (!waiting_begin(test, &driver))
		return;
	lockdep_expect_begin();
	run_the_signaller(&driver);
	raise_a_range(driver.mm);
	EXPECT_NO_REPORT();
	driver.need = need_memory;
	lockdep_expect_begin();
	run_the_signaller(&driver);
	EXPECT_ONE_REPORT("opposite order", TAKES(MAP_NAME, "need_memory"),
			  WHILE_HOLDING("fence", "signaller"),
			  WAS_TAKEN("fence", "wait_for_the_fence"),
			  UNDER(MAP_NAME, "raise_a_range"));
	waiting_end(&driver);
}

KTEST(mmu_notifier_lockdep,
      a_callback_that_waits_for_a_fence_whose_signaller_takes_mmap_lock_is_reported,
      KT_RULES("R5.8"))
{
	struct completion fence;
	struct waiting_driver driver = {
		.wait = wait_for_the_fence,
		.need = need_mmap_lock,
		.fence = &fence,
	};

	init_completion(&fence);
	if (!waiting_begin(test, &driver))
		return;
	run_the_signaller(&driver);
	lockdep_expect_begin();
	raise_a_range(driver.mm);
	EXPECT_ONE_REPORT("opposite order", TAKES("fence", "wait_for_the_fence"),
			  WHILE_HOLDING(MAP_NAME, "raise_a_range"),
			  MAP_IS_TAKEN_UNDER_MMAP_LOCK,
			  WAS_TAKEN(MMAP_LOCK, "need_mmap_lock"),
			  UNDER("fence", "signaller"));
	waiting_end(&driver);
}

static noinline void wait_for_the_fence_a_while(struct waiting_driver *driver)
{
	(void)wait_for_completion_timeout_ns(driver->fence, 1);
	barrier();
}

static noinline void wait_for_the_fence_until_killed(struct waiting_driver *driver)
{
	(void)wait_for_completion_killable(driver->fence);
	barrier();
}

static void look_at_the_fence(struct waiting_driver *driver)
{
	(void)try_wait_for_completion(driver->fence);
}

/* A time limit only shortens the deadlock; a callback must not wait at all. */
KTEST(mmu_notifier_lockdep, every_way_to_wait_for_a_fence_counts_but_to_look,
      KT_RULES("R5.8"))
{
	struct completion fence;
	struct waiting_driver driver = {
		.need = need_memory,
		.fence = &fence,
	};

	init_completion(&fence);
	if (!waiting_begin(test, &driver))
		return;
	driver.wait = look_at_the_fence;
	run_the_signaller(&driver);
	lockdep_expect_begin();
	raise_a_range(driver.mm);
	EXPECT_NO_REPORT();
	driver.wait = wait_for_the_fence_a_while;
	lockdep_expect_begin();
	raise_a_range(driver.mm);
	EXPECT_FENCE_REPORTED("wait_for_the_fence_a_while");
	driver.wait = wait_for_the_fence_until_killed;
	lockdep_expect_begin();
	raise_a_range(driver.mm);
	EXPECT_FENCE_REPORTED("wait_for_the_fence_until_killed");
	driver.wait = look_at_the_fence;
	waiting_end(&driver);
}

static noinline void wait_for_ones_own_fence(struct waiting_driver *driver)
{
	completing_begin(driver->fence);
	complete(driver->fence);
	wait_for_completion(driver->fence);
	completing_end(driver->fence);
}

KTEST(mmu_notifier_lockdep, a_signaller_that_waits_for_its_own_fence_is_reported)
{
	struct completion fence;
	struct waiting_driver driver = {.fence = &fence};

	init_completion(&fence);
	lockdep_expect_begin();
	wait_for_ones_own_fence(&driver);
	EXPECT_ONE_REPORT("same class", TAKES("fence", "wait_for_ones_own_fence"),
			  WHILE_HOLDING("fence", "wait_for_ones_own_fence"));
}
