// SPDX-License-Identifier: MIT
/*
 * tests/kernel/sched/place_test.c - a woken task goes where nothing runs
 *
 * A made-up mask shows which bit a claim takes.  That sleepers really
 * run side by side, and that an idle CPU fetches what waits elsewhere, is seen by
 * CPUs that are held until it has happened.
 */
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include "kernel/sched/internal.h"

/*
 *	idle CPUs	. 1 2 3 4 5 6 7		seven wake-ups in a row
 *
 * Each takes another CPU, the best one first if it is idle; the eighth none.
 */
KTEST(sched_place, wakeups_in_a_row_claim_different_cpus)
{
	struct cpumask idle = {0xfe};
	unsigned int cpu;
	u64 claimed = 0;

	for (unsigned int i = 0; i < 7; i++) {
		REQUIRE(sched_claim_cpu(&idle, ~0ULL, 5, &cpu));
		EXPECT(!i == (cpu == 5));
		EXPECT(!(claimed & BIT(cpu)));
		claimed |= BIT(cpu);
	}
	EXPECT_EQ(claimed, 0xfeUL);
	EXPECT(!sched_claim_cpu(&idle, ~0ULL, 5, &cpu));
	idle.bits = 0xf0;
	EXPECT(!sched_claim_cpu(&idle, 0x0f, 0, &cpu));
	EXPECT(sched_claim_cpu(&idle, 0x3f, 0, &cpu));
	EXPECT_EQ(cpu, 4);
	EXPECT_EQ(idle.bits, 0xe0UL);
}

struct beside {
	struct ktest_step step;
	atomic_t arrived;
};

/* Keeps its CPU for itself until all of its kind have one. */
static int run_beside_the_others(void *arg)
{
	struct beside *b = arg;

	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	preempt_disable();
	if (atomic_inc_return(&b->arrived) == (int)num_online_cpus() - 1)
		step_signal(&b->step, 2);
	step_spin(&b->step, 2);
	preempt_enable();
	return 0;
}

KTEST(sched_place, as_many_sleepers_as_cpus_woken_in_a_row_all_run_at_once,
      KT_FLAGS(KT_NEEDS_SMP))
{
	unsigned int n = num_online_cpus() - 1;
	struct task *task[NR_CPUS];
	struct beside b;

	b = (struct beside){0};
	step_init(&b.step, test);
	for (unsigned int i = 0; i < n; i++) {
		task[i] = kthread_run(run_beside_the_others, &b, "s/%u", i);
		REQUIRE(!IS_ERR(task[i]));
		EXPECT_EQ(ktest_wait_blocked(test, task[i]), 0);
	}
	preempt_disable();
	for (unsigned int i = 0; i < n; i++)
		wake_up_process(task[i]);
	step_spin(&b.step, 2);
	preempt_enable();
	for (unsigned int i = 0; i < n; i++)
		kthread_join(task[i]);
}

#define CROWD 3

struct crowded {
	struct ktest_step step;
	struct task *bound[CROWD]; /* wait on the first CPU, and must */
	struct task *movable;      /* waits on the second, and may leave it */
};

static int do_nothing(void *arg)
{
	return 0;
}

static int say_it_ran(void *arg)
{
	struct crowded *c = arg;

	step_signal(&c->step, 3);
	return 0;
}

static int hold_first(void *arg)
{
	struct crowded *c = arg;

	preempt_disable();
	for (unsigned int i = 0; i < CROWD; i++)
		wake_up_process(c->bound[i]);
	step_signal(&c->step, 1);
	step_spin(&c->step, 3);
	preempt_enable();
	return 0;
}

static int hold_second(void *arg)
{
	struct crowded *c = arg;

	step_wait(&c->step, 1);
	preempt_disable();
	wake_up_process(c->movable);
	/* It waits here; from now on it may run elsewhere. */
	WRITE_ONCE(c->movable->allowed.bits, CPU_MASK_ALL.bits);
	step_spin(&c->step, 3);
	preempt_enable();
	return 0;
}

/*
 *	first CPU	second CPU	third CPU
 *	held; three	held; one	idle: takes the one, though the
 *	bound ones	movable one	first CPU's queue is the longer
 *	wait		waits
 */
KTEST(sched_place, an_idle_cpu_takes_what_may_move_from_any_queue,
      KT_FLAGS(KT_NEEDS_SMP))
{
	unsigned int first = cpumask_first(&cpu_online_mask);
	unsigned int second = cpumask_next((int)first, &cpu_online_mask);
	struct task *holder[2];
	struct crowded c;

	if (num_online_cpus() < 3) {
		ktest_skip(test, "needs three CPUs");
		return;
	}
	step_init(&c.step, test);
	for (unsigned int i = 0; i < CROWD; i++) {
		c.bound[i] = kthread_create(do_nothing, NULL, "b/%u", i);
		REQUIRE(!IS_ERR(c.bound[i]));
		kthread_bind(c.bound[i], first);
	}
	c.movable = kthread_create(say_it_ran, &c, "movable");
	REQUIRE(!IS_ERR(c.movable));
	kthread_bind(c.movable, second);
	holder[0] = kthread_run_on(first, hold_first, &c, "first");
	holder[1] = kthread_run_on(second, hold_second, &c, "second");
	kthread_join(holder[0]);
	kthread_join(holder[1]);
	kthread_join(c.movable);
	for (unsigned int i = 0; i < CROWD; i++)
		kthread_join(c.bound[i]);
}

static void do_nothing_at_all(struct timer *timer)
{
}

#define SPIN_TICKS 10

/* Return: the interrupts of the timer in SPIN_TICKS ticks, after a timer has run. */
static int count_ticks(void *arg)
{
	struct timer timer;
	unsigned int before, ticks;
	u64 end;

	timer_init(&timer, do_nothing_at_all);
	timer_arm_ns(&timer, NSEC_PER_USEC);
	while (timer_pending(&timer))
		cpu_relax();
	preempt_disable();
	before = this_rq()->ticks;
	for (end = clock_ns() + SPIN_TICKS * TICK_NS; clock_ns() < end;)
		cpu_relax();
	ticks = this_rq()->ticks - before;
	preempt_enable();
	return (int)ticks;
}

/* Once a timer has run, only the tick interrupts this CPU. */
KTEST(sched, a_timer_that_has_run_brings_no_more_interrupts)
{
	struct task *task = kthread_run_on(0, count_ticks, NULL, "counter");

	REQUIRE(!IS_ERR(task));
	/* Other threads may arm a few timers meanwhile. */
	EXPECT_LT(kthread_join(task), 4 * SPIN_TICKS);
}

struct alarm {
	struct timer timer;
	bool rang;
};

static void ring(struct timer *timer)
{
	WRITE_ONCE(container_of(timer, struct alarm, timer)->rang, true);
}

static int set_alarm(void *arg)
{
	struct alarm *alarm = arg;

	timer_init(&alarm->timer, ring);
	alarm->rang = false;
	timer_arm_ns(&alarm->timer, 2 * NSEC_PER_MSEC);
	return 0;
}

/* Return: how often the task still waited after an interrupt of the idle CPU's timer. */
static int wake_one_here(void *arg)
{
	unsigned int last = cpumask_last(&cpu_online_mask), left = 0;
	struct alarm alarm;
	struct task *task;
	bool late;

	for (unsigned int i = 0; i < 20; i++) {
		task = kthread_create(do_nothing, NULL, "waits");
		if (IS_ERR(task))
			return -1;
		kthread_bind(task, smp_processor_id());
		kthread_join(kthread_run_on(last, set_alarm, &alarm, "alarm"));
		while (!cpumask_test_cpu(last, &idle_mask))
			yield();
		preempt_disable();
		late = READ_ONCE(alarm.rang);
		wake_up_process(task);
		/* It waits here; from now on it may run elsewhere. */
		WRITE_ONCE(task->allowed.bits, CPU_MASK_ALL.bits);
		while (!READ_ONCE(alarm.rang))
			cpu_relax();
		udelay(200);
		left += !late && READ_ONCE(task->cpu) == smp_processor_id();
		preempt_enable();
		timer_cancel_sync(&alarm.timer);
		kthread_join(task);
	}
	return (int)left;
}

/*
 *	first CPU		last CPU
 *	runs the waker		idle
 *	a task waits
 *				interrupt of its timer: takes the task
 *
 * A look fails if the queue of the first CPU is locked just then, so a few may.
 */
KTEST(sched_place, an_idle_cpu_looks_at_each_tick, KT_FLAGS(KT_NEEDS_SMP))
{
	struct task *task = kthread_run_on(0, wake_one_here, NULL, "waker");
	int left;

	REQUIRE(!IS_ERR(task));
	left = kthread_join(task);
	EXPECT_GE(left, 0);
	EXPECT_LE(left, 4);
}
