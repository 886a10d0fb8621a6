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
 *	pages	0         8        16     20     24            32      56       63
 *	parent	[ written ][  read  ]      [ read ][  written  ]       [ shared ]
 *		  taken: 4, 5              only
 *		  pinned: 6
 *	child	[ shared, 0 to 3 written ]
 *
 *	pages	64                      72                      79	(for choices there)
 *	parent	[ one huge page         ][ small pages          ]
 *	child	[ the same, 64 written: ][ empty                ]
 *		[ entry split           ]
 *
 * Choices are drawn for each operation. Beside those stand some that the draws might miss:
 * what splits a huge page, what moves to where no table is, what grows as it moves.
 *
 * One actor: what is drawn, and how often it allocates, is the same in each run. A loop that
 * allocates a hundred times has one place: of so many not each fails.
 */
#include <kernel/rcu.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>

#include "soak.h"

#define DRAWS     4
#define PAGES_MAX 4U
#define NEVER     1000000UL
/* So many allocations of a run fail one after the other, and then each of some more. */
#define EACH_OF 20UL
#define SOME    12UL

/* Of soak_mprotect(). */
#define RIGHTS_READ 3

enum {
	PARENT,
	CHILD,
};

/**
 * enum scene - what there is beside the first half of the pages
 * @ONE_TABLE: the second half has no page table yet
 * @BOTH_TABLES: it has one
 * @BIG: likewise not, and the second window has pages
 */
enum scene {
	ONE_TABLE,
	BOTH_TABLES,
	BIG,
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

/* Before the fork, and after it. */
static void build_big(struct soak_actor *me)
{
	u64 over_and_rw = 1;

	step(me, "write", PARENT, 64, 1, 0);
	step(me, "mmap", PARENT, 72, 8, over_and_rw);
}

static void change_big(struct soak_actor *me)
{
	step(me, "write", CHILD, 64, 1, 0);
	step(me, "write", PARENT, 72, 4, 0);
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
	step(me, "mmap shared", PARENT, 56, 8, over_and_rw);
	step(me, "write", PARENT, 56, 2, 0);
	if (scene == BIG)
		build_big(me);
	step(me, "fork", PARENT, 0, 1, to_child);
	step(me, "write", CHILD, 0, 4, 0);
	if (scene == BIG)
		change_big(me);
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

static unsigned long next_nth(unsigned long nth)
{
	return nth < EACH_OF ? nth + 1 : nth + SOME;
}

/* Returns how many failed. */
static unsigned long fail_choice(struct soak *soak,
				 const struct soak_choice *choice,
				 enum scene scene)
{
	unsigned long n = count_allocations(soak, choice, scene), failed = 0;
	unsigned long nth;

	for (nth = 1; nth <= n && !ktest_failed(soak->test); nth = next_nth(nth)) {
		fail_nth(soak, choice, scene, nth);
		failed++;
	}
	return failed;
}

/* Of @op in one process, in one scene. */
static unsigned long fail_drawn(struct soak *soak, unsigned int op,
				unsigned int slot, enum scene scene)
{
	struct soak_choice choice =
		draw_for(ktest_rng(soak->test), op, slot, scene);

	return fail_choice(soak, &choice,
			   soak_is_big(choice.first) ? BIG : scene);
}

/* Of remap.c: not kept; as many pages as before, or more. */
#define MOVED_TO(page) ((u64)(page) << 32 | 1UL << 20 | 1UL << 16)
#define GROWN(page, pages) \
	((u64)(page) << 32 | (u64)((pages)-1) << 24 | 1UL << 20)

static const struct {
	const char *op;
	unsigned int slot;
	unsigned int first;
	unsigned int nr;
	u64 bits;
} chosen[] = {
	{"move", PARENT, 0, 4, MOVED_TO(40)},
	{"move", PARENT, 24, 3, MOVED_TO(2)},
	{"move", PARENT, 0, 4, GROWN(40, 6)},
	{"move", PARENT, 57, 2, MOVED_TO(10)},
	{"move", PARENT, 64, 8, MOVED_TO(8)},
	{"move", PARENT, 66, 2, MOVED_TO(12)},
	{"move", CHILD, 65, 2, MOVED_TO(9)},
	{"resize", PARENT, 12, 4, 0},
	{"munmap", PARENT, 66, 2, 0},
	{"mprotect", PARENT, 66, 2, RIGHTS_READ},
	{"dontneed", PARENT, 66, 2, 0},
	{"write", PARENT, 65, 1, 0},
	{"device swap", PARENT, 66, 1, 0},
	{"populate", PARENT, 36, 4, 1},
	{"populate", PARENT, 58, 4, 0},
	{"populate", CHILD, 66, 1, 1},
	{"mlock", PARENT, 4, 8, 0},
	{"mlock", PARENT, 36, 4, 0},
	{"mlock", CHILD, 65, 1, 0},
	{"collapse", PARENT, 72, 8, 0},
	{"fork", PARENT, 64, 1, 2},
};

/* What has failed is given back, once processes are torn down and grace periods over. */
static void expect_back(struct soak *soak, const struct alloc_snapshot *before,
			const char *op, unsigned long failed)
{
	struct ktest *test = soak->test;

	EXPECT(KTEST_WAIT_FOR(test, is_back(before)), "after %s", op);
	ktest_note("soak: %lu allocations failed in %s", failed, op);
}

static unsigned long fail_chosen(struct soak *soak, unsigned int i)
{
	struct soak_choice choice = {.op = soak_op_named(chosen[i].op),
				     .slot = chosen[i].slot,
				     .first = chosen[i].first,
				     .nr = chosen[i].nr,
				     .bits = chosen[i].bits};
	struct alloc_snapshot before;
	unsigned long failed;

	if (!soak_can(choice.op))
		return 0;
	rcu_barrier();
	alloc_leak_snapshot(&before);
	failed = fail_choice(soak, &choice,
			     soak_is_big(choice.first) ? BIG : ONE_TABLE);
	expect_back(soak, &before, chosen[i].op, failed);
	return failed;
}

static unsigned long fail_each(struct soak *soak, unsigned int op)
{
	struct alloc_snapshot before;
	unsigned long failed = 0;
	unsigned int i;

	rcu_barrier();
	alloc_leak_snapshot(&before);
	for (i = 0; i < DRAWS; i++)
		failed += fail_drawn(soak, op, i & 1 ? CHILD : PARENT,
				     i & 2 ? BOTH_TABLES : ONE_TABLE);
	expect_back(soak, &before, soak_ops[op].name, failed);
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

/* Moves, splits, a collapse, mlock and populate. */
KTEST(soak, each_allocation_of_what_draws_may_miss_fails_once,
      KT_FLAGS(KT_SLOW | KT_NEEDS_DEBUG))
{
	struct soak *soak = soak_new(test, 1);
	unsigned long failed = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(chosen) && !ktest_failed(test); i++)
		failed += fail_chosen(soak, i);
	EXPECT_GE(failed, (unsigned long)ARRAY_SIZE(chosen));
}
