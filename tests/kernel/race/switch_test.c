// SPDX-License-Identifier: MIT
/*
 * tests/kernel/race/switch_test.c - tasks that are left by a seed
 *
 * Two threads of one CPU add to one word, each by a read and a write that are marked: no
 * data race, and an update is lost when the CPU goes to the other thread in between.  By
 * the clock that takes thousands of rounds.
 *
 *	one thread			the other
 *	reads 4
 *					reads 4
 *					writes 5
 *	writes 5
 *	an update is lost
 *
 * That a seed replays is seen by boots.a_seed_of_switches_replays.
 */
#include <kernel/ktest.h>
#include <kernel/sched/completion.h>
#include <kernel/sched/sched.h>
#include <kernel/switch.h>
#include <lib/errno.h>

#define ROUNDS 8
#define SEEDS  16

static unsigned int word;
static struct completion start;

static void add_without_a_lock(void)
{
	WRITE_ONCE(word, READ_ONCE(word) + 1);
}

static void add_in_a_section(void)
{
	preempt_disable();
	add_without_a_lock();
	preempt_enable();
}

static int add(void *arg)
{
	void (*one)(void) = *(void (**)(void))arg;
	unsigned int i;

	wait_for_completion(&start);
	for (i = 0; i < ROUNDS; i++)
		one();
	return 0;
}

/* Both threads, on one CPU.  Return: updates that were lost. */
static unsigned int lost_updates(struct ktest *test, void (*one)(void))
{
	struct task *tasks[2];
	unsigned int i, n = 0;

	word = 0;
	init_completion(&start);
	for (i = 0; i < 2; i++) {
		tasks[n] = kthread_run_on(0, add, &one, "switch/%u", i);
		if (IS_ERR(tasks[n]))
			ktest_fail(test, "no thread: %pE", (void *)tasks[n]);
		else
			n++;
	}
	complete_all(&start);
	for (i = 0; i < n; i++)
		kthread_join(tasks[i]);
	return n * ROUNDS - word;
}

/* None other may choose.  Return: seeds by which an update was lost. */
static unsigned int seeds_that_lose(struct ktest *test, void (*one)(void))
{
	struct switch_counts counts;
	unsigned long switches = 0;
	unsigned int n = 0;
	u64 seed;

	for (seed = 1; seed <= SEEDS; seed++) {
		EXPECT(switch_begin(seed));
		n += lost_updates(test, one) != 0;
		switch_end(&counts);
		switches += counts.switches;
	}
	/* How many is chance: a thread may end before its seed has a switch. */
	EXPECT_GT(switches, 0UL);
	return n;
}

KTEST(switch, some_seed_of_a_few_loses_an_update)
{
	if (switch_active()) {
		ktest_skip(test, "another seed chooses");
		return;
	}
	EXPECT_GE(seeds_that_lose(test, add_without_a_lock), 1U);
}

KTEST(switch, a_section_without_preemption_is_left_at_its_end)
{
	if (switch_active()) {
		ktest_skip(test, "another seed chooses");
		return;
	}
	EXPECT_EQ(seeds_that_lose(test, add_in_a_section), 0U);
}

KTEST(switch, must_fail_by_a_lost_update, KT_FLAGS(KT_BY_NAME_ONLY))
{
	EXPECT_EQ(lost_updates(test, add_without_a_lock), 0U);
}
