// SPDX-License-Identifier: MIT
/*
 * tests/ktest/state.c - all that a test took must be back after it
 *
 * Problem.  A leak that no test sees is a leak that ships.  The test that
 * leaked must fail, not the one that finds no memory left.
 *
 * Idea.  Figures are registered with KTEST_STATE().  All are read before the
 * test and after it.  Anything freed late (an RCU callback, the stack of a
 * thread that has just ended) gets a quarter of a second to come back; then
 * the difference fails the test and the figure's owner names the holders.
 *
 * A figure below what it was is no leak but as wrong: something was freed
 * twice, or the test before this one cleaned up late.
 *
 * Not here: contexts (interrupts, preemption, locks held) of the test's own
 * thread, which that thread checks as it ends (runner.c).
 */
#include <kernel/rcu.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <mm/alloc/page_alloc.h>

#include "ktest_private.h"

#define SETTLE_NS  (250UL * NSEC_PER_MSEC)
#define MAX_STATES 32

static u64 before[MAX_STATES];

static unsigned int nr_states(void)
{
	return __ktest_state_end - __ktest_state_start;
}

void ktest_state_mark(void)
{
	static bool boot_settled;
	unsigned int i;

	/* What the boot has freed late would come back in the first test. */
	if (!boot_settled)
		rcu_barrier();
	boot_settled = true;
	BUG_ON(nr_states() > MAX_STATES);
	for (i = 0; i < nr_states(); i++) {
		const struct ktest_state *state = &__ktest_state_start[i];

		if (state->mark)
			state->mark();
	}
	for (i = 0; i < nr_states(); i++)
		before[i] = __ktest_state_start[i].read();
}

static bool compared(struct ktest *test, const struct ktest_state *state)
{
	return !state->memory || !(test->tcase->flags & KT_KEEPS_MEMORY);
}

static bool all_settled(struct ktest *test)
{
	unsigned int i;

	for (i = 0; i < nr_states(); i++) {
		const struct ktest_state *state = &__ktest_state_start[i];

		if (compared(test, state) && state->read() != before[i])
			return false;
	}
	return true;
}

void ktest_state_compare(struct ktest *test)
{
	u64 deadline = clock_ns() + SETTLE_NS;
	unsigned int i;

	while (!all_settled(test)) {
		if (clock_ns() > deadline)
			break;
		rcu_barrier();
		msleep(1);
	}
	for (i = 0; i < nr_states(); i++) {
		const struct ktest_state *state = &__ktest_state_start[i];
		u64 now;

		if (!compared(test, state))
			continue;
		now = state->read();
		if (now == before[i])
			continue;
		ktest_fail(test, "leak: %s were %lu before and are %lu after",
			   state->name, before[i], now);
		if (state->report)
			state->report();
	}
}

/* ---- figures of the rooms below ------------------------------------------ */

static struct alloc_snapshot snapshot;

static void mark_memory(void)
{
	alloc_leak_snapshot(&snapshot);
}

static void report_memory(void)
{
	alloc_leak_check(&snapshot);
}

static u64 read_pages(void)
{
	struct alloc_snapshot now;

	alloc_leak_snapshot(&now);
	return now.pages;
}

static u64 read_objects(void)
{
	struct alloc_snapshot now;

	alloc_leak_snapshot(&now);
	return now.objects;
}

static u64 read_areas(void)
{
	struct alloc_snapshot now;

	alloc_leak_snapshot(&now);
	return now.areas;
}

static u64 read_stacks(void)
{
	struct alloc_snapshot now;

	alloc_leak_snapshot(&now);
	return now.stacks;
}

static u64 read_tasks(void)
{
	return nr_tasks();
}

static void report_tasks(void)
{
	sched_print_tasks();
}

KTEST_STATE(pages) = {
	.name = "pages in use",
	.memory = true,
	.read = read_pages,
	.mark = mark_memory,
	.report = report_memory,
};

KTEST_STATE(objects) = {
	.name = "slab objects",
	.memory = true,
	.read = read_objects,
};

KTEST_STATE(areas) = {
	.name = "kernel mappings",
	.memory = true,
	.read = read_areas,
};

KTEST_STATE(stacks) = {
	.name = "kernel stacks",
	.memory = true,
	.read = read_stacks,
};

KTEST_STATE(tasks) = {
	.name = "live tasks",
	.read = read_tasks,
	.report = report_tasks,
};
