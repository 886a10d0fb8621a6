// SPDX-License-Identifier: MIT
/*
 * tests/kernel/timer_test.c - not before its time, once, and not after cancel
 */
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <arch/cpu.h>

#include "tests/ktest/team.h"

#define TIMERS 40

struct probe {
	struct timer timer;
	struct ktest_step *step;
	u64 due, ran_at;
	atomic_t runs;
	atomic_t in_irq;
	unsigned int rearm;
};

static void note_run(struct timer *timer)
{
	struct probe *p = container_of(timer, struct probe, timer);

	p->ran_at = clock_ns();
	if (in_interrupt() && irqs_disabled())
		atomic_inc(&p->in_irq);
	atomic_inc(&p->runs);
	if (p->rearm) {
		p->rearm--;
		timer_arm_ns(timer, 1000);
	}
}

static void probe_init(struct probe *p)
{
	*p = (struct probe){.due = 0};
	timer_init(&p->timer, note_run);
}

KTEST(timer, many_timers_each_run_once_and_not_early)
{
	static struct probe probes[TIMERS]; /* too large for the stack */
	struct probe *probe[TIMERS];

	for (unsigned int i = 0; i < TIMERS; i++) {
		u64 delta = rng_below(ktest_rng(test), 20 * NSEC_PER_MSEC);

		probe[i] = &probes[i];
		probe_init(probe[i]);
		probe[i]->due = clock_ns() + delta;
		EXPECT(!timer_arm_ns(&probe[i]->timer, delta));
	}
	for (unsigned int i = 0; i < TIMERS; i++) {
		KTEST_WAIT_FOR(test, atomic_read(&probe[i]->runs));
		EXPECT_LE(probe[i]->due, probe[i]->ran_at);
		EXPECT(!timer_cancel_sync(&probe[i]->timer));
		EXPECT_EQ(atomic_read(&probe[i]->runs), 1);
		EXPECT_EQ(atomic_read(&probe[i]->in_irq), 1);
	}
}

KTEST(timer, a_cancelled_timer_does_not_run)
{
	struct probe p;

	probe_init(&p);
	EXPECT(!timer_cancel(&p.timer));
	timer_arm_ns(&p.timer, 100 * NSEC_PER_SEC);
	EXPECT(timer_pending(&p.timer));
	EXPECT(timer_cancel_sync(&p.timer));
	EXPECT(!timer_pending(&p.timer));
	EXPECT_EQ(atomic_read(&p.runs), 0);
}

KTEST(timer, arming_an_armed_timer_moves_it)
{
	struct probe p;

	probe_init(&p);
	timer_arm_ns(&p.timer, 100 * NSEC_PER_SEC);
	EXPECT(timer_arm_ns(&p.timer, 1000));
	KTEST_WAIT_FOR(test, atomic_read(&p.runs) == 1);
	timer_cancel_sync(&p.timer);
}

KTEST(timer, a_function_may_arm_its_timer_again)
{
	struct probe p;

	probe_init(&p);
	p.rearm = 5;
	timer_arm_ns(&p.timer, 1000);
	KTEST_WAIT_FOR(test, atomic_read(&p.runs) == 6);
	timer_cancel_sync(&p.timer);
	EXPECT_EQ(atomic_read(&p.runs), 6);
}

/* The ways in which a caller may say "for ever". */
static const u64 far_away[] = {
	INT64_MAX / 2,      INT64_MAX - 1, INT64_MAX,
	(u64)INT64_MAX + 1, ~0ULL - 1,     ~0ULL,
};

struct near_and_far {
	struct ktest *test;
	struct probe far, near;
};

static int arm_near_after_far(void *arg)
{
	struct near_and_far *both = arg;
	struct ktest *test = both->test;

	for (unsigned int i = 0; i < ARRAY_SIZE(far_away); i++) {
		probe_init(&both->far);
		probe_init(&both->near);
		timer_arm_ns(&both->far.timer, far_away[i]);
		timer_arm_ns(&both->near.timer, 200 * NSEC_PER_USEC);
		KTEST_WAIT_FOR(test, atomic_read(&both->near.runs));
		EXPECT_EQ(atomic_read(&both->near.runs), 1);
		EXPECT_EQ(atomic_read(&both->far.runs), 0);
		EXPECT(timer_cancel_sync(&both->far.timer));
		timer_cancel_sync(&both->near.timer);
	}
	return 0;
}

/* Both must be in one CPU's heap, hence the bound thread. */
KTEST(timer, a_timer_armed_for_ever_holds_back_no_near_one)
{
	struct near_and_far both = {.test = test};
	struct task *task;

	task = kthread_run_on(0, arm_near_after_far, &both, "armer");
	REQUIRE(!IS_ERR(task));
	kthread_join(task);
}

static void run_until_told(struct timer *timer)
{
	struct probe *p = container_of(timer, struct probe, timer);

	step_signal(p->step, 1);
	step_spin(p->step, 3);
	atomic_inc(&p->runs);
}

static int arm_here(void *arg)
{
	struct probe *p = arg;

	timer_arm_ns(&p->timer, 1000);
	return 0;
}

static int cancel_now(void *arg)
{
	struct probe *p = arg;
	int before;

	step_wait(p->step, 1);
	before = atomic_read(&p->runs);
	step_signal(p->step, 2);
	timer_cancel_sync(&p->timer);
	return atomic_read(&p->runs) - before;
}

static int let_it_end(void *arg)
{
	struct probe *p = arg;

	step_wait(p->step, 2);
	for (unsigned int i = 0; i < 10; i++)
		yield();
	step_signal(p->step, 3);
	return 0;
}

static int arm_and_cancel_now(void *arg)
{
	struct probe *p = arg;
	int before;

	step_wait(p->step, 1);
	before = atomic_read(&p->runs);
	timer_arm_ns(&p->timer, 100 * NSEC_PER_SEC);
	step_signal(p->step, 2);
	timer_cancel_sync(&p->timer);
	return atomic_read(&p->runs) - before;
}

/*
 *	last CPU	CPU 0, canceller	CPU 0, another
 *	fn runs (1)
 *			cancel (2)
 *						fn may end (3)
 *	runs = 1
 *			returns, sees 1
 *
 * The last CPU is lost to the function meanwhile, so all others are on CPU 0.
 */
static void cancel_beside_the_function(struct ktest *test,
				       int (*cancel)(void *arg))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	unsigned int last = cpumask_last(&cpu_online_mask);
	struct task *canceller, *other;
	struct probe p;

	probe_init(&p);
	p.step = &step;
	p.timer.fn = run_until_told;
	canceller = kthread_run_on(0, cancel, &p, "cancel");
	other = kthread_run_on(0, let_it_end, &p, "other");
	kthread_join(kthread_run_on(last, arm_here, &p, "arm"));
	EXPECT_EQ(kthread_join(canceller), 1);
	kthread_join(other);
	EXPECT(!timer_pending(&p.timer));
}

KTEST(timer, cancel_waits_for_a_running_function, KT_FLAGS(KT_NEEDS_SMP))
{
	cancel_beside_the_function(test, cancel_now);
}

/* The canceller arms it first: it stays with the CPU where its function runs. */
KTEST(timer, cancel_waits_also_for_a_timer_that_was_armed_again,
      KT_FLAGS(KT_NEEDS_SMP))
{
	cancel_beside_the_function(test, arm_and_cancel_now);
}

/*
 *	tick				next tick
 *	|    1st    2nd			|
 *	     runs   runs		(the second must not wait for the tick)
 *
 * A busy host makes some rounds late, not ten without one in time between.
 *
 * Return: 1 if ten were late.
 */
static int arm_two(void *arg)
{
	struct probe *p = arg;
	unsigned int late = 0;

	for (unsigned int i = 0; i < 100 && late < 10; i++) {
		while (clock_ns() % TICK_NS > TICK_NS / 16)
			cpu_relax();
		probe_init(&p[0]);
		probe_init(&p[1]);
		timer_arm_ns(&p[0].timer, TICK_NS / 8);
		timer_arm_ns(&p[1].timer, TICK_NS / 4);
		p[1].due = clock_ns() + TICK_NS / 4;
		while (!atomic_read(&p[1].runs))
			cpu_relax();
		/* The host was away: this round says nothing. */
		if (p[1].due % TICK_NS > TICK_NS / 2 || p[0].ran_at >= p[1].due)
			continue;
		if (p[1].ran_at <= p[1].due + TICK_NS / 4)
			return 0;
		late++;
	}
	return late == 10;
}

KTEST(timer, the_second_of_two_timers_does_not_wait_for_the_tick)
{
	struct probe p[2];
	struct task *task = kthread_run_on(0, arm_two, p, "armer");

	REQUIRE(!IS_ERR(task));
	EXPECT_EQ(kthread_join(task), 0);
}

static void arm_and_cancel(struct team_worker *me)
{
	struct probe *p = me->arg;

	while (team_goes_on(me)) {
		timer_arm_ns(&p->timer, (me->round * 7 + me->number) % 30 * 1000);
		if (me->round % 3 == me->number % 3)
			timer_cancel(&p->timer);
	}
}

KTEST(timer, arming_one_timer_from_all_cpus_keeps_it_whole)
{
	struct probe p;

	probe_init(&p);
	team_run(test, team_size(), 300, arm_and_cancel, &p);
	timer_cancel_sync(&p.timer);
	EXPECT(!timer_pending(&p.timer));
	atomic_set(&p.runs, 0);
	timer_arm_ns(&p.timer, 1000);
	KTEST_WAIT_FOR(test, atomic_read(&p.runs) == 1);
	timer_cancel_sync(&p.timer);
}
