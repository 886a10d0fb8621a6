// SPDX-License-Identifier: MIT
/*
 * tests/ktest/ktest_test.c - the runner tests itself
 *
 * Problem.  A harness that never fails a test passes everything.
 *
 * Idea.  A check that must pass is tested here as everywhere.  One that must
 * fail is a test flagged KT_BY_NAME_ONLY: `make test` boots each of those by its
 * name (tests/panic/cases) and wants the run to fail with the stated words.
 */
#include <mm/alloc/alloc.h>
#include <kernel/sched/completion.h>
#include <lib/cpumask.h>
#include <kernel/lock/lockdep.h>
#include <kernel/sched/mutex.h>
#include <lib/panic.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <kernel/trace.h>
#include <arch/cpu.h>
#include <mm/alloc/page_alloc.h>

#include "ktest_private.h"

DEFINE_TRACE_EVENT(ktest_mark, "answer", "answer %ld");

/* Else a test that is renamed runs again, or one that is gone stays on the list. */
KTEST(ktest, what_is_skipped_by_name_is_a_test)
{
	const struct ktest_case *tcase;
	const struct ktest_skip *skip;
	char name[160];
	bool found;

	for (skip = __ktest_skip_start; skip < __ktest_skip_end; skip++) {
		found = false;
		for_each_ktest(tcase) {
			scnprintf(name, sizeof(name), "%s.%s", tcase->suite,
				  tcase->name);
			found |= !strcmp(skip->name, name);
		}
		if (!found)
			ktest_fail(test, "no test is %s", skip->name);
	}
}

KTEST(ktest, order_follows_the_common_type_of_both_sides)
{
	EXPECT_LT(-1, 1);
	EXPECT_GT(-1UL, 1UL);
	EXPECT_LE(5, 5UL);
	EXPECT_GE(0x7fffffffffffffffL, -1L);
}

KTEST(ktest, equality_compares_pointers_integers_and_text)
{
	int object = 0;
	int *pointer = &object;

	EXPECT_EQ(pointer, &object);
	EXPECT_NE(pointer, NULL);
	EXPECT_EQ(-EINVAL, (long)-EINVAL);
	EXPECT_STREQ("two", "two");
}

static int step_side(void *arg)
{
	struct ktest_step *step = arg;

	step_wait(step, 1);
	step_signal(step, 2);
	step_wait(step, 3);
	return 7;
}

KTEST(ktest, steps_order_two_threads)
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct task *task;

	task = kthread_run(step_side, &step, "step_side");
	REQUIRE(!IS_ERR(task));
	EXPECT(!step_reached(&step, 2));
	step_signal(&step, 1);
	EXPECT_EQ(step_wait(&step, 2), 0);
	step_signal(&step, 3);
	EXPECT_EQ(kthread_join(task), 7);
}

KTEST(ktest, a_step_never_goes_back)
{
	struct ktest_step step = KTEST_STEP_INIT(test);

	step_signal(&step, 3);
	step_signal(&step, 1);
	EXPECT(step_reached(&step, 3));
	EXPECT_EQ(step_spin(&step, 2), 0);
}

KTEST(ktest, the_same_seed_draws_the_same_numbers)
{
	struct rng a = rng_init(test->seed);
	struct rng b = rng_init(test->seed);

	EXPECT_EQ(rng_next(&a), rng_next(&b));
	EXPECT_LT(rng_below(ktest_rng(test), 10), 10UL);
}

KTEST(ktest, an_announced_report_does_not_fail_a_test, KT_FLAGS(KT_EXPECT_REPORT))
{
	WARN(true, "a warning that the test expects");
}

/* A failure shows the names that the test was written with, not their values. */
#define RIGHT 42

KTEST(ktest, must_fail_by_an_expectation, KT_FLAGS(KT_BY_NAME_ONLY))
{
	int answer = 41;

	EXPECT_EQ(READ_ONCE(answer), RIGHT);
}

/* A clean-up leaks unless it is called, and the text says that it was. */
static void say_that_it_was_undone(void *arg)
{
	ktest_note("the clean-up ran");
	kfree(arg);
}

KTEST(ktest, must_fail_by_a_requirement_and_be_cleaned_up,
      KT_FLAGS(KT_BY_NAME_ONLY))
{
	ktest_cleanup(test, say_that_it_was_undone, kmalloc(100, GFP_KERNEL));
	REQUIRE(!"a requirement");
	ktest_note("the body went on");
}

static int looked_at(int *looks)
{
	++*looks;
	return *looks;
}

KTEST(ktest, a_reason_is_evaluated_only_for_a_failure)
{
	int looks = 0;

	EXPECT_EQ(looks, 0, "looked at %d times", looked_at(&looks));
	EXPECT(looks == 0, "no values");
}

/* `deadline=` and a slower build change one limit; the others follow. */
KTEST(ktest, all_limits_follow_from_the_one_of_a_test)
{
	static const struct ktest_case slow = {.flags = KT_SLOW};
	static const struct ktest_case common;
	struct ktest good = {.tcase = &common}, bad = {.tcase = &common};
	u64 limit = ktest_deadline_ns(&common);

	atomic_inc(&bad.failures);
	EXPECT_EQ(limit % (KTEST_SLOWER * NSEC_PER_SEC), 0);
	EXPECT_EQ(ktest_deadline_ns(&slow), 6 * limit);
	EXPECT_EQ(ktest_grace_ns(), limit / 2);
	EXPECT_EQ(ktest_wait_ns(&good), limit / 2);
	EXPECT_EQ(ktest_wait_ns(&bad), limit / 20);
}

KTEST(ktest, must_fail_with_a_reason_and_its_trace, KT_FLAGS(KT_BY_NAME_ONLY))
{
	int answer = 41, looks = 0;

	TRACE(ktest_mark, answer);
	EXPECT_EQ(answer, 42, "after %d look", looked_at(&looks));
}

KTEST(ktest, must_fail_by_a_leaked_page, KT_FLAGS(KT_BY_NAME_ONLY))
{
	REQUIRE(alloc_page(GFP_KERNEL) != NULL);
}

KTEST(ktest, must_fail_by_a_leaked_object, KT_FLAGS(KT_BY_NAME_ONLY))
{
	REQUIRE(kmalloc(100, GFP_KERNEL) != NULL);
}

static DEFINE_MUTEX(never_unlocked);

KTEST(ktest, must_fail_by_a_lock_held_at_the_end, KT_FLAGS(KT_BY_NAME_ONLY))
{
	mutex_lock(&never_unlocked);
}

KTEST(ktest, must_fail_by_interrupts_left_off, KT_FLAGS(KT_BY_NAME_ONLY))
{
	local_irq_disable();
}

KTEST(ktest, must_fail_by_an_unannounced_warning, KT_FLAGS(KT_BY_NAME_ONLY))
{
	WARN(true, "a warning that no test expects");
}

KTEST(ktest, must_fail_by_undefined_behaviour, KT_FLAGS(KT_BY_NAME_ONLY))
{
	volatile int big = 0x7fffffff;
	volatile int sum;

	sum = big + 1;
	(void)sum;
}

KTEST(ktest, must_fail_by_a_hang, KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct ktest_step never = KTEST_STEP_INIT(test);

	while (!step_reached(&never, 1))
		schedule_timeout_ns(1000000);
}

static int stay_awake(void *arg)
{
	while (!kthread_should_stop())
		yield();
	return 0;
}

KTEST(ktest, must_fail_by_waits, KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct ktest_step never = KTEST_STEP_INIT(test);
	struct task *awake = kthread_run(stay_awake, NULL, "awake");

	REQUIRE(!IS_ERR(awake));
	step_signal(&never, 1);
	EXPECT_EQ(step_wait(&never, 2), -ETIMEDOUT);
	EXPECT(!KTEST_WAIT_FOR(test, step_reached(&never, 2)));
	EXPECT_EQ(ktest_wait_blocked(test, awake), -ETIMEDOUT);
	kthread_stop(awake);
}

static int end_at_once(void *arg)
{
	return 0;
}

KTEST(ktest, must_fail_by_a_task_that_has_ended, KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct task *ended = kthread_run(end_at_once, NULL, "ended");

	REQUIRE(!IS_ERR(ended));
	EXPECT_EQ(ktest_wait_blocked(test, ended), -ESRCH);
	EXPECT_EQ(kthread_join(ended), 0);
}

static DECLARE_COMPLETION(only_a_rescue);

static void end_the_wait_for_rescue(void)
{
	complete_all(&only_a_rescue);
}
KTEST_RESCUE(end_the_wait_for_rescue);

KTEST(ktest, must_fail_by_a_wait_that_a_rescue_ends, KT_FLAGS(KT_BY_NAME_ONLY))
{
	wait_for_completion(&only_a_rescue);
}

KTEST(ktest, must_fail_by_a_panic, KT_FLAGS(KT_BY_NAME_ONLY))
{
	panic("ktest: a test that panics");
}

/* An init call that runs wild could print a pass of its own. */
KTEST(ktest, must_fail_by_claiming_a_pass, KT_FLAGS(KT_BY_NAME_ONLY))
{
	ktest_print("1..2\nok 1 a.first\nok 2 a.second\n");
	machine_exit(EXIT_PASS);
}

/* Nothing in the machine can end this; the host's NMI shows where it hangs. */
static noinline int hang_deaf(void *arg)
{
	struct ktest_step *all_there = arg;

	while (!step_reached(all_there, 1))
		schedule_timeout_ns(NSEC_PER_MSEC);
	local_irq_disable();
	for (;;)
		cpu_relax();
	return 0;
}

static void hang_one_cpu(struct ktest *test, unsigned int cpu)
{
	struct ktest_step all_there = KTEST_STEP_INIT(test);

	kthread_run_on(cpu, hang_deaf, &all_there, "hang/%u", cpu);
	step_signal(&all_there, 1);
	for (;;)
		schedule_timeout_ns(NSEC_PER_SEC);
}

/* Whichever of the two the runner is on, the other one gives the run up. */
KTEST(ktest, must_hang_with_interrupts_off_on_cpu_0, KT_FLAGS(KT_BY_NAME_ONLY))
{
	hang_one_cpu(test, 0);
}

KTEST(ktest, must_hang_with_interrupts_off_on_cpu_1,
      KT_FLAGS(KT_BY_NAME_ONLY | KT_NEEDS_SMP))
{
	hang_one_cpu(test, 1);
}

KTEST(ktest, must_hang_with_interrupts_off_everywhere, KT_FLAGS(KT_BY_NAME_ONLY))
{
	struct ktest_step all_there = KTEST_STEP_INIT(test);
	unsigned int cpu;

	for_each_online_cpu(cpu)
		kthread_run_on(cpu, hang_deaf, &all_there, "hang/%u", cpu);
	step_signal(&all_there, 1);
	for (;;)
		schedule_timeout_ns(NSEC_PER_SEC);
}
