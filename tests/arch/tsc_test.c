// SPDX-License-Identifier: MIT
/*
 * tsc_test.c - a CPU whose TSC lies apart is set right, or refused
 *
 * All CPUs of QEMU have the same TSC. So the compared CPU of these tests reads
 * one that lies apart, in place of its own, through struct tsc_ops.
 */
#include <arch/cpu.h>
#include <arch/time.h>
#include <lib/atomic.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <asm/tsc.h>

#define FAR 5000000000L /* ticks: some seconds */

static enum tsc_verdict judged(const u64 (*rounds)[3], unsigned int n,
			       s64 slack, s64 *by)
{
	struct tsc_bounds bounds;

	tsc_bounds_init(&bounds);
	for (unsigned int i = 0; i < n; i++)
		tsc_bounds_narrow(&bounds, rounds[i][0], rounds[i][1],
				  rounds[i][2]);
	return tsc_judge(&bounds, slack, by);
}

/*
 *	before  stamp  after	the other lies behind by
 *	  100    150    200	-50 .. 50
 */
KTEST(tsc, a_stamp_between_two_readings_is_the_same_clock)
{
	static const u64 rounds[][3] = {
		{100, 150, 200}, {300, 300, 900}, {1000, 1010, 1010}};
	s64 by = 1;

	EXPECT_EQ(judged(rounds, 3, 0, &by), TSC_SAME);
	EXPECT_EQ(by, 1);
	/* nothing was asked yet */
	EXPECT_EQ(judged(rounds, 0, 0, &by), TSC_SAME);
}

/*
 * Behind by 1000: each round's interval has 1000 in it, the second is narrow
 * and decides. The first is wide enough to hold 0 as well.
 *
 *	0                  950   1000  1050                     2000
 *	[----------------------------------------------------------]
 *	                    [------------]
 */
KTEST(tsc, the_narrowest_round_decides)
{
	static const u64 rounds[][3] = {
		{5000, 5000, 7000}, {8000, 7050, 8100}, {9000, 8500, 11000}};
	s64 by = 0;

	EXPECT_EQ(judged(rounds, 1, 0, &by), TSC_SAME);
	EXPECT_EQ(judged(rounds, 3, 0, &by), TSC_APART);
	EXPECT_EQ(by, 1000);
}

KTEST(tsc, a_tsc_ahead_gives_a_negative_distance)
{
	static const u64 rounds[][3] = {{100, 1100, 120}};
	s64 by = 0;

	EXPECT_EQ(judged(rounds, 1, 0, &by), TSC_APART);
	EXPECT_EQ(by, -990);
	EXPECT_EQ(judged(rounds, 1, 979, &by), TSC_APART);
	EXPECT_EQ(judged(rounds, 1, 980, &by), TSC_SAME);
}

KTEST(tsc, rounds_that_contradict_each_other_mean_another_speed)
{
	static const u64 rounds[][3] = {{100, 110, 120}, {1000, 2010, 1020}};
	s64 by = 0;

	EXPECT_EQ(judged(rounds, 2, 0, &by), TSC_OTHER_SPEED);
}

static s64 behind;
static unsigned int additions;
static bool deaf;

static u64 read_behind(void)
{
	return tsc_of_this_cpu.read() - (u64)behind;
}

static u64 read_other_speed(void)
{
	return tsc_of_this_cpu.read() * 2;
}

static void add_behind(s64 ticks)
{
	additions++;
	if (!deaf)
		behind -= ticks;
}

static struct tsc_meeting meeting;

static int compared(void *ops)
{
	return tsc_answer(&meeting, ops);
}

static int comparing(void *unused)
{
	return tsc_compare(&meeting);
}

/* Both CPUs give the same answer: 1 the same clock, 0 refused. */
static int meet(struct ktest *test, const struct tsc_ops *ops)
{
	struct task *one, *two;
	int here, there;

	meeting = (struct tsc_meeting){0};
	additions = 0;
	one = kthread_run_on(0, comparing, NULL, "comparing");
	two = kthread_run_on(cpumask_last(&cpu_online_mask), compared,
			     (void *)ops, "compared");
	if (IS_ERR(one) || IS_ERR(two)) {
		ktest_fail(test, "no threads");
		return -1;
	}
	here = kthread_join(one);
	there = kthread_join(two);
	EXPECT_EQ(here, there);
	return here;
}

/* As near as the last comparison could tell, on a host that may be busy. */
static bool is_near(s64 ticks)
{
	s64 far = meeting.width + (s64)(arch_tsc_khz() / 1000);

	return ticks <= far && ticks >= -far;
}

KTEST(tsc, a_cpu_that_lags_is_set_right, KT_FLAGS(KT_NEEDS_SMP))
{
	static const struct tsc_ops ops = {read_behind, add_behind};

	deaf = false;
	behind = FAR;
	EXPECT_EQ(meet(test, &ops), 1);
	EXPECT_GE(additions, 1U);
	EXPECT(is_near(behind));
	behind = -FAR;
	EXPECT_EQ(meet(test, &ops), 1);
	EXPECT_GE(additions, 1U);
	EXPECT(is_near(behind));
}

KTEST(tsc, a_cpu_that_is_right_is_left_alone, KT_FLAGS(KT_NEEDS_SMP))
{
	static const struct tsc_ops ops = {read_behind, add_behind};

	deaf = false;
	behind = 0;
	EXPECT_EQ(meet(test, &ops), 1);
	EXPECT_EQ(additions, 0U);
	EXPECT_EQ(behind, 0);
}

KTEST(tsc, a_cpu_that_cannot_be_set_right_is_refused, KT_FLAGS(KT_NEEDS_SMP))
{
	static const struct tsc_ops fixed = {read_behind, add_behind};
	static const struct tsc_ops fast = {read_other_speed, add_behind};

	deaf = true;
	behind = FAR;
	EXPECT_EQ(meet(test, &fixed), 0);
	EXPECT_GT(additions, 1U);
	EXPECT_EQ(meet(test, &fast), 0);
}
