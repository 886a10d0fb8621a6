// SPDX-License-Identifier: MIT
/*
 * tests/kernel/sched/wait_test.c - wait queues and completions
 */
#include <kernel/sched/completion.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/sched/wait.h>

#include "tests/ktest/team.h"

struct shared {
	struct wait_queue_head wq;
	struct completion done;
	struct ktest_step step;
	atomic_t ready;
	atomic_t awake;
	u64 timeout;
};

static void shared_init(struct shared *s, struct ktest *test)
{
	*s = (struct shared){.timeout = 0};
	init_waitqueue_head(&s->wq);
	init_completion(&s->done);
	step_init(&s->step, test);
}

static int wait_ready(void *arg)
{
	struct shared *s = arg;

	wait_event(&s->wq, atomic_read(&s->ready));
	atomic_inc(&s->awake);
	return 0;
}

static int wait_ready_exclusive(void *arg)
{
	struct shared *s = arg;

	(void)wait_event_loop(&s->wq, atomic_add_unless(&s->ready, -1, 0),
			      TASK_UNINTERRUPTIBLE, WAIT_EXCLUSIVE, schedule(),
			      false);
	atomic_inc(&s->awake);
	return 0;
}

KTEST(wait, waking_wakes_every_shared_waiter)
{
	struct task *task[3];
	struct shared s;

	shared_init(&s, test);
	for (unsigned int i = 0; i < 3; i++) {
		task[i] = kthread_run(wait_ready, &s, "waiter/%u", i);
		ktest_wait_blocked(test, task[i]);
	}
	EXPECT(waitqueue_active(&s.wq));
	/* Without the condition they look, and sleep again. */
	EXPECT_EQ(wake_up_key(&s.wq, 0, 0), 3);
	for (unsigned int i = 0; i < 3; i++)
		ktest_wait_blocked(test, task[i]);
	EXPECT_EQ(atomic_read(&s.awake), 0);
	atomic_set(&s.ready, 1);
	wake_up(&s.wq);
	for (unsigned int i = 0; i < 3; i++)
		kthread_join(task[i]);
	EXPECT_EQ(atomic_read(&s.awake), 3);
	EXPECT(!waitqueue_active(&s.wq));
}

KTEST(wait, waking_wakes_one_exclusive_waiter_a_time)
{
	struct task *task[3];
	struct shared s;

	shared_init(&s, test);
	for (unsigned int i = 0; i < 3; i++) {
		task[i] = kthread_run(wait_ready_exclusive, &s, "one/%u", i);
		ktest_wait_blocked(test, task[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		atomic_inc(&s.ready);
		EXPECT_EQ(wake_up_key(&s.wq, 1, 0), 1);
		/* In the order they came. */
		kthread_join(task[i]);
		EXPECT_EQ(atomic_read(&s.awake), (int)i + 1);
	}
}

/* The waker runs exactly between the waiter's check and its sleep. */
static bool ready_with_a_gap(struct shared *s)
{
	bool ready = atomic_read(&s->ready);

	if (!ready && step_reached(&s->step, 1)) {
		step_signal(&s->step, 2);
		while (!step_reached(&s->step, 3))
			cpu_relax();
	}
	return ready;
}

static int wait_with_a_gap(void *arg)
{
	struct shared *s = arg;

	wait_event(&s->wq, ready_with_a_gap(s));
	return 0;
}

KTEST(wait, a_wakeup_between_check_and_sleep_is_not_lost, KT_FLAGS(KT_NEEDS_SMP))
{
	for (unsigned int i = 0; i < 50 && !ktest_failed(test); i++) {
		struct task *task;
		struct shared s;

		shared_init(&s, test);
		task = kthread_run(wait_with_a_gap, &s, "waiter");
		ktest_wait_blocked(test, task);
		/* From now on its check stops in the gap. */
		step_signal(&s.step, 1);
		wake_up(&s.wq);
		step_wait(&s.step, 2);
		atomic_set(&s.ready, 1);
		wake_up(&s.wq);
		step_signal(&s.step, 3);
		kthread_join(task);
	}
}

KTEST(wait, a_timed_wait_ends_by_time_or_by_condition)
{
	struct shared s;
	u64 before = clock_ns();

	shared_init(&s, test);
	EXPECT_EQ(wait_event_timeout_ns(&s.wq, atomic_read(&s.ready),
					2 * NSEC_PER_MSEC),
		  0);
	EXPECT_LE(2 * NSEC_PER_MSEC, clock_ns() - before);
	EXPECT_EQ(wait_event_timeout_ns(&s.wq, true, 0), 1);
	EXPECT_EQ(wait_event_timeout_ns(&s.wq, true, 7), 7);
	atomic_set(&s.ready, 1);
	EXPECT_LT(0, wait_event_timeout_ns(&s.wq, atomic_read(&s.ready),
					   NSEC_PER_SEC));
}

static int wait_ready_timed(void *arg)
{
	struct shared *s = arg;

	return wait_event_timeout_ns(&s->wq, atomic_read(&s->ready),
				     s->timeout) > 0;
}

static int wait_done_timed(void *arg)
{
	struct shared *s = arg;

	return wait_for_completion_timeout_ns(&s->done, s->timeout) > 0;
}

/* No time is so long that it wraps around and is over at once. */
static void wait_for_ever(struct ktest *test, int (*wait)(void *arg))
{
	static const u64 times[] = {INT64_MAX, (u64)INT64_MAX + 1, ~0ULL - 1,
				    ~0ULL};

	for (unsigned int i = 0; i < ARRAY_SIZE(times); i++) {
		struct task *task;
		struct shared s;

		shared_init(&s, test);
		s.timeout = times[i];
		task = kthread_run(wait, &s, "for ever");
		REQUIRE(!IS_ERR(task));
		EXPECT_EQ(ktest_wait_blocked(test, task), 0);
		atomic_set(&s.ready, 1);
		wake_up(&s.wq);
		complete(&s.done);
		EXPECT_EQ(kthread_join(task), 1);
	}
}

KTEST(wait, a_timed_wait_of_for_ever_lasts_until_it_is_woken)
{
	wait_for_ever(test, wait_ready_timed);
	wait_for_ever(test, wait_done_timed);
}

static int wait_done(void *arg)
{
	struct shared *s = arg;

	wait_for_completion(&s->done);
	atomic_inc(&s->awake);
	return 0;
}

KTEST(completion, each_complete_lets_one_waiter_pass)
{
	struct task *task[2];
	struct shared s;

	shared_init(&s, test);
	complete(&s.done);
	EXPECT(completion_done(&s.done));
	EXPECT(try_wait_for_completion(&s.done));
	EXPECT(!try_wait_for_completion(&s.done));
	for (unsigned int i = 0; i < 2; i++) {
		task[i] = kthread_run(wait_done, &s, "waiter/%u", i);
		ktest_wait_blocked(test, task[i]);
	}
	complete(&s.done);
	kthread_join(task[0]);
	EXPECT_EQ(atomic_read(&s.awake), 1);
	EXPECT(task_is_sleeping(task[1]));
	complete(&s.done);
	kthread_join(task[1]);
	EXPECT(!completion_done(&s.done));
}

KTEST(completion, complete_all_lets_everybody_pass_for_ever)
{
	struct task *task;
	struct shared s;

	shared_init(&s, test);
	task = kthread_run(wait_done, &s, "waiter");
	ktest_wait_blocked(test, task);
	complete_all(&s.done);
	kthread_join(task);
	wait_for_completion(&s.done);
	EXPECT(try_wait_for_completion(&s.done));
	reinit_completion(&s.done);
	EXPECT(!try_wait_for_completion(&s.done));
}

static int wait_done_killably(void *arg)
{
	struct shared *s = arg;

	return wait_for_completion_killable(&s->done);
}

KTEST(completion, waits_end_by_time_and_by_kill)
{
	struct task *task;
	struct shared s;

	shared_init(&s, test);
	EXPECT_EQ(wait_for_completion_timeout_ns(&s.done, NSEC_PER_MSEC), 0);
	EXPECT_EQ(wait_for_completion_timeout_ns(&s.done, 0), 0);
	complete(&s.done);
	EXPECT_LT(0, wait_for_completion_timeout_ns(&s.done, 0));
	/* A time that would never end is cut to the longest timeout. */
	complete(&s.done);
	EXPECT_EQ(wait_for_completion_timeout_ns(&s.done, ~0ULL - 1),
		  TIMEOUT_MAX_NS);
	task = kthread_run(wait_done_killably, &s, "killed");
	ktest_wait_blocked(test, task);
	task_kill(task);
	EXPECT_EQ(kthread_join(task), -EINTR);
	complete(&s.done);
	wait_for_completion(&s.done);
}

/* The waiter's frame is gone as soon as it has passed. */
static void complete_on_stack(struct team_worker *me)
{
	struct shared *s = me->arg;

	for (unsigned int i = 0; i < 200; i++) {
		if (me->number % 2) {
			while (!atomic_add_unless(&s->ready, -1, 0) &&
			       atomic_read(&s->awake) < 1)
				yield();
			complete(&s->done);
		} else {
			atomic_inc(&s->ready);
			wait_for_completion(&s->done);
		}
	}
}

KTEST(completion, as_many_pass_as_were_completed)
{
	struct shared s;

	shared_init(&s, test);
	team_run(test, 4, 1, complete_on_stack, &s);
	EXPECT(!completion_done(&s.done));
	EXPECT_EQ(atomic_read(&s.ready), 0);
}
