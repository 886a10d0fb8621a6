// SPDX-License-Identifier: MIT
/*
 * tests/lib/printk_test.c - no message is lost, torn or out of turn
 *
 * There is no taking a console away, so one stays from the first test on; it
 * only listens while a test has given it a buffer.
 */
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/time.h>

#include "tests/ktest/team.h"

static char heard[16384];
static size_t heard_len;
static bool listening;
static bool chatty; /* hear() logs when it hears "raw words" */
static struct ktest_step *hold;

static void hear(struct console *con, const char *buf, size_t len)
{
	if (!READ_ONCE(listening))
		return;
	len = min(len, sizeof(heard) - 1 - heard_len);
	memcpy(heard + heard_len, buf, len);
	heard_len += len;
	heard[heard_len] = '\0';
	if (chatty && strstr(heard, "raw words")) {
		chatty = false;
		pr_info("logged from inside");
	}
	if (hold && strstr(heard, "hold the consoles")) {
		struct ktest_step *step = hold;

		hold = NULL;
		step_signal(step, 1);
		step_spin(step, 2);
	}
}

static struct console ear = {.name = "ear", .write = hear};

static void listen(void)
{
	static bool registered;

	if (!registered)
		register_console(&ear);
	registered = true;
	console_flush();
	heard_len = 0;
	heard[0] = '\0';
	WRITE_ONCE(listening, true);
}

static void stop_listening(void)
{
	WRITE_ONCE(listening, false);
}

KTEST(printk, a_message_has_its_time_and_one_newline)
{
	listen();
	pr_info("a line %d", 1);
	pr_info("a line %d\n", 2);
	stop_listening();
	EXPECT_EQ(heard[0], '[');
	EXPECT(strstr(heard, "] a line 1\n["));
	EXPECT(strstr(heard, "] a line 2\n"));
	EXPECT(!strstr(heard, "\n\n"));
}

KTEST(printk, what_is_above_the_level_is_not_shown)
{
	listen();
	pr_debug("not to be seen");
	console_set_level(LOG_ERR);
	pr_warn("nor this");
	pr_err("but this");
	console_set_level(LOG_INFO);
	stop_listening();
	EXPECT(!strstr(heard, "not to be seen") && !strstr(heard, "nor this"));
	EXPECT(strstr(heard, "but this"));
}

static int print_held(void *arg)
{
	pr_info("hold the consoles");
	return 0;
}

static int print_meanwhile(void *arg)
{
	struct ktest_step *step = arg;

	step_wait(step, 1);
	pr_info("logged meanwhile");
	/* It did not wait for the owner, who waits for us. */
	step_signal(step, 2);
	return 0;
}

KTEST(printk, messages_logged_while_the_consoles_are_owned_are_shown,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	unsigned int last = cpumask_last(&cpu_online_mask);
	struct task *owner, *other;

	listen();
	hold = &step;
	other = kthread_run_on(0, print_meanwhile, &step, "meanwhile");
	owner = kthread_run_on(last, print_held, NULL, "owner");
	kthread_join(owner);
	kthread_join(other);
	console_flush();
	stop_listening();
	EXPECT(strstr(heard, "logged meanwhile\n"));
}

static void print_some(struct team_worker *me)
{
	while (team_goes_on(me))
		pr_info("worker %u says %lu.", me->number, me->round);
}

KTEST(printk, all_cpus_at_once_lose_and_tear_nothing)
{
	unsigned int n = min(team_size(), 8U);
	char line[32];

	listen();
	team_run(test, n, 10, print_some, NULL);
	console_flush();
	stop_listening();
	for (unsigned int i = 0; i < n * 10; i++) {
		snprintf(line, sizeof(line), "] worker %u says %u.\n", i / 10,
			 i % 10);
		if (!strstr(heard, line))
			ktest_fail(test, "missing: %s", line + 2);
	}
}

#define GAP_NS (10 * NSEC_PER_MSEC)

static struct gap {
	struct ktest_step *step;
	struct task *writer;
	bool preempted;
} gap;

/* The writer has its number and not its slot: the other thread would run here. */
static void offer_preemption(void)
{
	u64 limit = clock_ns() + GAP_NS;

	if (current != gap.writer)
		return;
	gap.writer = NULL;
	step_signal(gap.step, 1);
	while (clock_ns() < limit && !step_reached(gap.step, 2)) {
		set_need_resched();
		preempt_disable();
		preempt_enable();
	}
	gap.preempted = step_reached(gap.step, 2);
}

static int print_with_a_gap(void *arg)
{
	gap.writer = current;
	WRITE_ONCE(printk_numbered_hook, offer_preemption);
	pr_info("written with a gap");
	WRITE_ONCE(printk_numbered_hook, NULL);
	return 0;
}

static int print_in_the_gap(void *arg)
{
	struct ktest_step *step = arg;

	step_wait(step, 1);
	pr_info("written in the gap");
	step_signal(step, 2);
	return 0;
}

/*
 *	writer			another thread of its CPU
 *	takes number n
 *				takes number n + 1, fills its slot,
 *				shows nothing: n is not finished
 *	fills its slot
 *
 * As long as the writer is off its CPU, nobody's later messages are shown.  So it
 * is not preempted there.
 */
KTEST(printk, a_writer_is_not_preempted_between_number_and_slot)
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct task *other, *writer;

	gap = (struct gap){.step = &step};
	listen();
	other = kthread_run_on(0, print_in_the_gap, &step, "other");
	writer = kthread_run_on(0, print_with_a_gap, NULL, "writer");
	kthread_join(writer);
	kthread_join(other);
	console_flush();
	stop_listening();
	EXPECT(!gap.preempted);
	EXPECT(strstr(heard, "written with a gap\n"));
	EXPECT(strstr(heard, "written in the gap\n"));
}

/*
 *	raw writer, owns the consoles	another writer
 *	writes
 *					logs; they are owned: goes on
 *	lets go; looks again: shows it	(must: no other writer will)
 */
KTEST(printk, a_line_logged_during_a_raw_write_is_shown_after_it)
{
	bool shown;

	listen();
	chatty = true;
	console_raw_write("raw words\n", 10);
	shown = strstr(heard, "logged from inside\n");
	stop_listening();
	EXPECT(shown);
}
