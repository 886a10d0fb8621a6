// SPDX-License-Identifier: MIT
/*
 * tests/kernel/sched/sched_test.c - threads run, share, move, sleep and wake
 */
#include <kernel/sched/sched.h>
#include <kernel/switch.h>
#include <kernel/time.h>
#include <kernel/sched/wait.h>
#include <arch/cpu.h>

#include "tests/ktest/team.h"

struct pair {
	struct ktest *test;
	struct ktest_step step;
	struct task *sleeper;
	atomic_t flag;
	atomic_t count;
	unsigned int cpu;
};

static void pair_init(struct pair *p, struct ktest *test)
{
	*p = (struct pair){.test = test};
	step_init(&p->step, test);
}

static int return_argument(void *arg)
{
	return (int)(long)arg;
}

KTEST(sched, a_threads_result_reaches_who_joins_it)
{
	struct task *task = kthread_run(return_argument, (void *)-77L, "t");

	REQUIRE(!IS_ERR(task));
	EXPECT_EQ(kthread_join(task), -77);
}

static int wait_for_stop(void *arg)
{
	struct pair *p = arg;

	atomic_inc(&p->count);
	while (!kthread_should_stop()) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 5;
}

KTEST(sched, stopping_wakes_a_sleeper_and_one_that_never_ran)
{
	struct task *task;
	struct pair p;

	pair_init(&p, test);
	task = kthread_run(wait_for_stop, &p, "stopped");
	ktest_wait_blocked(test, task);
	EXPECT_EQ(kthread_stop(task), 5);
	EXPECT_EQ(atomic_read(&p.count), 1);
	task = kthread_create(wait_for_stop, &p, "never");
	EXPECT_EQ(kthread_stop(task), -EINTR);
	EXPECT_EQ(atomic_read(&p.count), 1);
}

static int note_cpu(void *arg)
{
	struct pair *p = arg;

	for (unsigned int i = 0; i < 50; i++) {
		preempt_disable();
		if (smp_processor_id() != p->cpu)
			atomic_inc(&p->flag);
		preempt_enable();
		yield();
	}
	return 0;
}

KTEST(sched, a_bound_thread_stays_on_its_cpu)
{
	struct pair p;
	unsigned int cpu;

	pair_init(&p, test);
	for_each_online_cpu(cpu) {
		p.cpu = cpu;
		kthread_join(kthread_run_on(cpu, note_cpu, &p, "bound"));
	}
	EXPECT_EQ(atomic_read(&p.flag), 0);
}

/*
 * The sleeper is held exactly between its check and schedule(); the wake-up
 * falls there, and must not be lost.
 */
static int check_then_sleep(void *arg)
{
	struct pair *p = arg;

	set_current_state(TASK_UNINTERRUPTIBLE);
	if (!atomic_read(&p->flag)) {
		/* A busy wait: sleeping here would end the state. */
		step_signal(&p->step, 1);
		while (!step_reached(&p->step, 2))
			cpu_relax();
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

KTEST(sched, a_wakeup_between_check_and_sleep_is_not_lost, KT_FLAGS(KT_NEEDS_SMP))
{
	struct task *task;
	struct pair p;

	for (unsigned int i = 0; i < 100 && !ktest_failed(test); i++) {
		pair_init(&p, test);
		task = kthread_run(check_then_sleep, &p, "sleeper");
		step_wait(&p.step, 1);
		atomic_set(&p.flag, 1);
		EXPECT(wake_up_process(task));
		step_signal(&p.step, 2);
		kthread_join(task);
	}
}

static int ping(void *arg)
{
	struct pair *p = arg;

	while (!kthread_should_stop()) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!atomic_xchg(&p->flag, 0) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		atomic_inc(&p->count);
	}
	return 0;
}

static void many_wakers(struct team_worker *me)
{
	struct pair *p = me->arg;

	while (team_goes_on(me)) {
		atomic_set(&p->flag, 1);
		wake_up_process(p->sleeper);
		if (me->round % 32 == me->number)
			yield();
	}
}

KTEST(sched, a_storm_of_wakeups_leaves_nothing_asleep)
{
	struct pair p;

	pair_init(&p, test);
	p.sleeper = kthread_run(ping, &p, "sleeper");
	team_run(test, team_size(), 500, many_wakers, &p);
	KTEST_WAIT_FOR(test, !atomic_read(&p.flag));
	EXPECT_LT(0, atomic_read(&p.count));
	kthread_stop(p.sleeper);
}

static int burn(void *arg)
{
	struct pair *p = arg;

	while (!step_reached(&p->step, 1))
		cpu_relax();
	return 0;
}

/* Nobody on that CPU gives way: only the tick can make room. */
KTEST(sched, a_thread_that_never_sleeps_is_preempted)
{
	struct task *task[2];
	struct pair p;
	unsigned int cpu = cpumask_first(&cpu_online_mask);

	pair_init(&p, test);
	for (unsigned int i = 0; i < 2; i++)
		task[i] = kthread_run_on(cpu, burn, &p, "burner/%u", i);
	kthread_join(kthread_run_on(cpu, return_argument, NULL, "late"));
	step_signal(&p.step, 1);
	for (unsigned int i = 0; i < 2; i++)
		kthread_join(task[i]);
}

#define SHARERS     3
#define SHARE_LEAST (160 * NSEC_PER_MSEC)

/*
 * Three threads of one CPU, so they need no lock among them. A thread that
 * comes to run compares how much time each has had by then.
 */
struct share {
	struct ktest_step go;
	struct task *task[SHARERS];
	struct task *last;
	u64 from[SHARERS]; /* what each had had when the last one came */
	u64 seen[SHARERS];
	u64 longest; /* turn */
	unsigned int begun;
	u64 least, most;
	bool over;
};

static void look_at_turn(struct share *s)
{
	u64 had;

	s->last = current;
	for (unsigned int i = 0; i < SHARERS; i++) {
		had = READ_ONCE(s->task[i]->exec_sum);
		s->longest = max(s->longest, had - s->seen[i]);
		s->seen[i] = had;
		if (s->begun != BIT(SHARERS) - 1)
			s->from[i] = had;
		if (s->task[i] == current)
			s->begun |= BIT(i);
	}
	s->least = ~0ULL;
	s->most = 0;
	for (unsigned int i = 0; i < SHARERS; i++) {
		s->least = min(s->least, s->seen[i] - s->from[i]);
		s->most = max(s->most, s->seen[i] - s->from[i]);
	}
	if (s->least >= SHARE_LEAST)
		WRITE_ONCE(s->over, true);
}

static int share(void *arg)
{
	struct share *s = arg;

	step_wait(&s->go, 1);
	while (!READ_ONCE(s->over)) {
		preempt_disable();
		if (s->last != current && !s->over)
			look_at_turn(s);
		preempt_enable();
		cpu_relax();
	}
	return 0;
}

/*
 * A host that is busy stops the CPU for as long as it likes, and that counts as
 * the turn of the thread that ran. So the measure is the longest turn: none gets
 * ahead of another by more than two of them, neither before nor after the look.
 */
KTEST(sched, threads_on_one_cpu_share_it_fairly, KT_FLAGS(KT_SLOW))
{
	struct share s = {.over = false};
	unsigned int cpu = cpumask_first(&cpu_online_mask);

	if (switch_active()) {
		ktest_skip(test, "a seed chooses, not the clock");
		return;
	}
	step_init(&s.go, test);
	for (unsigned int i = 0; i < SHARERS; i++)
		s.task[i] = kthread_run_on(cpu, share, &s, "sharer/%u", i);
	step_signal(&s.go, 1);
	for (unsigned int i = 0; i < SHARERS; i++)
		kthread_join(s.task[i]);
	EXPECT_LE(SHARE_LEAST, s.least);
	EXPECT_LE(s.most - s.least, 4 * s.longest);
}

static bool on_several_cpus(struct task **task, unsigned int n)
{
	u64 cpus = 0;

	for (unsigned int i = 0; i < n; i++)
		cpus |= BIT(READ_ONCE(task[i]->cpu));
	return hweight64(cpus) >= 2;
}

/* They never sleep, so they spread only if a CPU with less to do takes some. */
KTEST(sched, work_spreads_over_the_cpus, KT_FLAGS(KT_NEEDS_SMP))
{
	unsigned int n = team_size();
	struct task *task[TEAM_MAX];
	struct pair p;

	pair_init(&p, test);
	for (unsigned int i = 0; i < n; i++)
		task[i] = kthread_run(burn, &p, "burner/%u", i);
	KTEST_WAIT_FOR(test, on_several_cpus(task, n));
	step_signal(&p.step, 1);
	for (unsigned int i = 0; i < n; i++)
		kthread_join(task[i]);
}

KTEST(sched, sleeping_lasts_at_least_as_long_as_asked)
{
	u64 before = clock_ns();

	msleep(5);
	EXPECT_LE(5 * NSEC_PER_MSEC, clock_ns() - before);
	before = clock_ns();
	usleep_range(300, 1000);
	EXPECT_LE(300 * NSEC_PER_USEC, clock_ns() - before);
}

static int sleep_long(void *arg)
{
	u64 left;

	set_current_state(TASK_UNINTERRUPTIBLE);
	left = schedule_timeout_ns(100 * NSEC_PER_SEC);
	return left > 0;
}

KTEST(sched, a_wakeup_ends_a_timed_sleep_early)
{
	struct task *task = kthread_run(sleep_long, NULL, "sleeper");

	REQUIRE_EQ(ktest_wait_blocked(test, task), 0);
	EXPECT(task_is_sleeping(task));
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), 1);
}

static int sleep_for_ever(void *arg)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout_ns(~0ULL) > 0;
}

KTEST(sched, a_sleep_longer_than_the_clock_counts_does_not_end_at_once)
{
	struct task *task = kthread_run(sleep_for_ever, NULL, "sleeper");

	REQUIRE(!IS_ERR(task));
	EXPECT_EQ(ktest_wait_blocked(test, task), 0);
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), 1);
}

static int sleep_killably(void *arg)
{
	struct wait_queue_head *wq = arg;

	return wait_event_killable(wq, false);
}

KTEST(sched, killing_wakes_killable_sleep_only)
{
	struct wait_queue_head wq;
	struct task *task, *deaf;
	struct pair p;

	pair_init(&p, test);
	init_waitqueue_head(&wq);
	task = kthread_run(sleep_killably, &wq, "killed");
	ktest_wait_blocked(test, task);
	task_kill(task);
	EXPECT_EQ(kthread_join(task), -EINTR);
	deaf = kthread_run(wait_for_stop, &p, "deaf");
	ktest_wait_blocked(test, deaf);
	task_kill(deaf);
	EXPECT(task_is_sleeping(deaf));
	EXPECT_EQ(kthread_stop(deaf), 5);
}

#define LATE_ROUNDS  5
#define LATE_HOLD_NS (10 * NSEC_PER_MSEC)

enum late_by {
	LATE_STOP,
	LATE_KILL,
};

/* Let the waker go when the thread is dead and ... */
enum late_until {
	LATE_DEAD,    /* may still stand on its CPU */
	LATE_OFF_CPU, /* has left it */
};

static struct late {
	struct task *thread;
	enum late_by by;
	enum late_until until;
	bool looked; /* the waker has found the thread asleep */
	unsigned int held;
} late;

/*
 * The waker stands between its look and its store, wake_lock held.  A thread
 * that can die now does; one that may not waits for us, hence the limit.
 */
static void hold_late_waker(struct task *task)
{
	u64 limit = clock_ns() + LATE_HOLD_NS;

	if (task != late.thread)
		return;
	late.held++;
	WRITE_ONCE(late.looked, true);
	while (clock_ns() < limit) {
		if (READ_ONCE(task->state) == TASK_DEAD &&
		    (late.until == LATE_DEAD || !READ_ONCE(task->on_cpu)))
			return;
		cpu_relax();
	}
}

static unsigned int late_state(void)
{
	return late.by == LATE_STOP ? TASK_UNINTERRUPTIBLE : TASK_KILLABLE;
}

/* Announces a sleep, needs none after all, ends. */
static int end_without_sleeping(void *arg)
{
	set_current_state(late_state());
	while (!READ_ONCE(late.looked))
		cpu_relax();
	__set_current_state(TASK_RUNNING);
	return 7;
}

static int wake_late(void *arg)
{
	while (READ_ONCE(late.thread->state) != late_state())
		yield();
	if (late.by == LATE_STOP)
		return kthread_stop(late.thread);
	task_kill(late.thread);
	return kthread_join(late.thread);
}

static void late_round(struct ktest *test, enum late_by by, enum late_until until)
{
	unsigned int first = cpumask_first(&cpu_online_mask);
	unsigned int second = cpumask_next((int)first, &cpu_online_mask);
	struct task *waker;

	late = (struct late){.by = by, .until = until};
	late.thread = kthread_run_on(second, end_without_sleeping, NULL, "late");
	REQUIRE(!IS_ERR(late.thread));
	WRITE_ONCE(sched_late_waker_hook, hold_late_waker);
	waker = kthread_run_on(first, wake_late, NULL, "waker");
	EXPECT(!IS_ERR(waker));
	EXPECT_EQ(kthread_join(waker), 7);
	WRITE_ONCE(sched_late_waker_hook, NULL);
	EXPECT_EQ(late.held, 1);
}

/* Had the store come after the death, a dead thread would run: a panic. */
KTEST(sched, a_late_wakeup_does_not_revive_a_dead_thread, KT_FLAGS(KT_NEEDS_SMP))
{
	for (unsigned int i = 0; i < LATE_ROUNDS && !ktest_failed(test); i++) {
		late_round(test, LATE_STOP, LATE_DEAD);
		late_round(test, LATE_STOP, LATE_OFF_CPU);
		late_round(test, LATE_KILL, LATE_DEAD);
		late_round(test, LATE_KILL, LATE_OFF_CPU);
	}
}

static int sleep_until_stopped(void *arg)
{
	struct wait_queue_head *wq = arg;

	wait_event(wq, kthread_should_stop());
	return 7;
}

/* The same without a hook: stopped at any time of its short life. */
static void make_and_stop(struct team_worker *me)
{
	struct wait_queue_head wq;

	init_waitqueue_head(&wq);
	while (team_goes_on(me)) {
		struct task *task = kthread_run(sleep_until_stopped, &wq, "t");

		if (IS_ERR(task))
			continue;
		udelay(rng_below(&me->rng, 60));
		if (kthread_stop(task) != 7)
			ktest_fail(me->test, "thread %lu of %u", me->round,
				   me->number);
	}
}

KTEST(sched, threads_stopped_at_any_moment_all_end)
{
	team_run(test, team_size(), 60, make_and_stop, NULL);
}

static void make_and_join(struct team_worker *me)
{
	while (team_goes_on(me)) {
		long i = (long)me->round;
		struct task *task =
			kthread_run(return_argument, (void *)i, "child");

		if (IS_ERR(task) || kthread_join(task) != i)
			ktest_fail(me->test, "child %ld of %u", i, me->number);
	}
}

KTEST(sched, threads_made_on_all_cpus_at_once_all_come_back)
{
	team_run(test, team_size(), 20, make_and_join, NULL);
}

KTEST(sched, preemption_comes_back_where_it_was)
{
	u32 before = preempt_count();

	preempt_disable();
	preempt_disable();
	EXPECT_EQ(preempt_count(), before + 2);
	EXPECT(in_atomic() && !in_interrupt());
	set_need_resched();
	preempt_enable();
	EXPECT(need_resched());
	preempt_enable();
	EXPECT(!need_resched());
	EXPECT_EQ(preempt_count(), before);
}
