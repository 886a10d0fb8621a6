// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/fail_test.c - each allocation of each operation fails once
 *
 * Problem.  An operation that allocates five times has five ways to fail, and a test for
 * each is written for the ones that its author thinks of.
 *
 * Idea.  Nobody lists the places. Each operation of the table is done in the same scene
 * again and again: once as it is, to count its n allocations, then n times, the k-th of
 * them failing in the k-th run. A place that is added is counted, and fails, by itself.
 *
 *	run		allocations			then
 *	0		1 2 3 ... n			n is known
 *	k = 1 ... n	k fails				the oracle accepts -ENOMEM, and
 *							-EFAULT of an access; stop
 *	the same	as it is			it succeeds; stop; the scene ends,
 *							and all memory is back
 *
 * What the oracle accepts is what the kernel-doc says: a call that fails has changed
 * nothing. An operation on several pages goes through them one by one.
 *
 *	pages	0         8        16     20     24            32               63
 *	parent	[ written ][  read  ]      [ read ][  written  ]
 *		  taken: 4, 5              only
 *		  pinned: 6
 *	child	[ shared, 0 to 3 written ]
 *
 * One actor: what is drawn, and how often it allocates, is the same in each run.
 */
#include <kernel/rcu.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>

#include "soak.h"

#define DRAWS     8
#define PAGES_MAX 4U
#define NEVER     1000000UL

/* Of soak_mprotect(). */
#define RIGHTS_READ 3

enum {
	PARENT,
	CHILD,
};

/** enum scene - has the upper half of the pages a page table already? */
enum scene {
	ONE_TABLE,
	BOTH_TABLES,
};

/* A step of the scene: an operation by its name. */
static void step(struct soak_actor *me, const char *name, unsigned int slot,
		 unsigned int first, unsigned int nr, u64 bits)
{
	struct soak_choice choice = {.op = soak_op_named(name),
				     .slot = slot,
				     .first = first,
				     .nr = nr,
				     .bits = bits};

	if (soak_can(choice.op))
		soak_visit(me, &choice);
}

static void build_scene(struct soak_actor *me, enum scene scene)
{
	u64 birth_at_page_0 = 0, over_and_rw = 1, to_child = CHILD;

	soak_visit(me, &(struct soak_choice){.slot = PARENT,
					     .bits = birth_at_page_0});
	step(me, "mmap", PARENT, 20, 36, over_and_rw);
	step(me, "munmap", PARENT, 16, 4, 0);
	step(me, "write", PARENT, 0, 8, 0);
	step(me, "read", PARENT, 8, 8, 0);
	step(me, "write", PARENT, 24, 4, 0);
	if (scene == BOTH_TABLES)
		step(me, "write", PARENT, 32, 4, 0);
	step(me, "mprotect", PARENT, 20, 4, RIGHTS_READ);
	step(me, "fork", PARENT, 0, 1, to_child);
	step(me, "write", CHILD, 0, 4, 0);
	step(me, "subscribe", PARENT, 0, 1, 0);
	step(me, "pin", PARENT, 6, 1, 0);
	step(me, "device swap", PARENT, 4, 2, 0);
}

/* The operation, with the nth of its allocations failing. */
static struct alloc_fail_counts run_failing(struct soak_actor *me,
					    const struct soak_choice *choice,
					    unsigned long nth)
{
	alloc_fail_nth(nth);
	soak_visit(me, choice);
	return alloc_fail_end();
}

static void fail_nth(struct soak *soak, const struct soak_choice *choice,
		     enum scene scene, unsigned long nth)
{
	struct soak_actor *me = &soak->actor[0];
	struct ktest *test = soak->test;
	struct alloc_fail_counts counts;

	build_scene(me, scene);
	soak->no_memory = true;
	counts = run_failing(me, choice, nth);
	soak->no_memory = false;
	/* What a driver keeps from an earlier run it does not allocate again. */
	EXPECT_EQ(counts.failed, counts.attempts >= nth, "allocation %lu of %s",
		  nth, soak_ops[choice->op].name);
	soak_stop(soak);
	soak_visit(me, choice);
	soak_stop(soak);
	soak_end(soak);
}

static unsigned long count_allocations(struct soak *soak,
				       const struct soak_choice *choice,
				       enum scene scene)
{
	struct soak_actor *me = &soak->actor[0];
	struct alloc_fail_counts counts;

	build_scene(me, scene);
	counts = run_failing(me, choice, NEVER);
	soak_stop(soak);
	soak_end(soak);
	return counts.attempts;
}

/* A choice of this operation; with one table, of pages that have none yet. */
static struct soak_choice draw_for(struct rng *rng, unsigned int op,
				   unsigned int slot, enum scene scene)
{
	struct soak_choice choice = soak_draw(rng);

	choice.op = op;
	choice.slot = slot;
	if (scene == ONE_TABLE && !soak_is_big(choice.first))
		choice.first |= SOAK_SMALL / 2;
	choice.nr = min(choice.nr, PAGES_MAX);
	choice.nr = min(choice.nr, soak_room(choice.first));
	return choice;
}

static bool is_back(const struct alloc_snapshot *before)
{
	struct alloc_snapshot now;

	rcu_barrier();
	alloc_leak_snapshot(&now);
	return now.pages == before->pages && now.objects == before->objects &&
	       now.areas == before->areas;
}

/* Of @op in one process, in one scene: returns how many failed. */
static unsigned long fail_in(struct soak *soak, unsigned int op,
			     unsigned int slot, enum scene scene)
{
	struct soak_choice choice =
		draw_for(ktest_rng(soak->test), op, slot, scene);
	unsigned long n = count_allocations(soak, &choice, scene), nth;

	for (nth = 1; nth <= n && !ktest_failed(soak->test); nth++)
		fail_nth(soak, &choice, scene, nth);
	return n;
}

static unsigned long fail_each(struct soak *soak, unsigned int op)
{
	struct ktest *test = soak->test;
	struct alloc_snapshot before;
	unsigned long failed = 0;
	unsigned int i;

	rcu_barrier();
	alloc_leak_snapshot(&before);
	for (i = 0; i < DRAWS; i++)
		failed += fail_in(soak, op, i & 1 ? CHILD : PARENT,
				  i & 2 ? BOTH_TABLES : ONE_TABLE);
	EXPECT(KTEST_WAIT_FOR(test, is_back(&before)), "after %s",
	       soak_ops[op].name);
	ktest_note("soak: %lu allocations failed in %u runs of %s", failed,
		   DRAWS, soak_ops[op].name);
	return failed;
}

KTEST(soak, each_allocation_of_each_operation_fails_once,
      KT_FLAGS(KT_SLOW | KT_NEEDS_DEBUG))
{
	struct soak *soak = soak_new(test, 1);
	unsigned long failed = 0;
	unsigned int op;

	for (op = 0; op < soak_nr_ops && !ktest_failed(test); op++) {
		if (soak_can(op))
			failed += fail_each(soak, op);
	}
	/* A fork alone has as many in one run. */
	EXPECT_GE(failed, 10UL * DRAWS);
}
