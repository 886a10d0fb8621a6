// SPDX-License-Identifier: MIT
/*
 * mm/alloc/fail.c - let allocations fail, so that a test sees what follows
 *
 * Problem.  The paths taken when memory is short are hardly ever taken, and
 * never while other threads run in the same code.
 *
 * Idea.  A thread that wants failures takes a place in a small table, by its
 * task.  An allocation looks whether its own task has a place:
 *
 *	asked for		the attempt fails
 *	alloc_fail_nth(n)	when it is the nth since
 *	alloc_fail_one_in(n)	when the thread's own generator says 0 of n
 *
 * The task is the only field that other threads read, and they compare it with
 * themselves: nobody's failures depend on what another thread allocates, so a
 * seed gives each thread the same failures again.
 *
 *	field			read with	written with
 *	failing[].task		acquire		cmpxchg from NULL; its task: NULL
 *	failing[] otherwise	its task alone	the same
 *	nr_failing		atomic		atomic
 *
 * Lifetime: a place is held from the first request until alloc_fail_end(); a
 * thread that ends without it would leave its failures to the next task at its
 * address.  The test runner calls it for a test, and a team for its workers.
 */
#include <lib/assert.h>
#include <lib/panic.h>
#include <lib/random.h>
#include <kernel/sched/sched.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/fail.h>

#define FAILING_MAX 64

static struct failing {
	struct task *task;
	unsigned long left;   /* attempts until the nth, it included; or 0 */
	unsigned long one_in; /* or 0 */
	struct rng rng;
	struct alloc_fail_counts counts;
} failing[FAILING_MAX];

static atomic_t nr_failing;

static struct failing *own_place(void)
{
	unsigned int i;

	for (i = 0; i < FAILING_MAX; i++) {
		if (READ_ONCE(failing[i].task) == current)
			return &failing[i];
	}
	return NULL;
}

static struct failing *take_place(void)
{
	struct failing *place = own_place();
	unsigned int i;

	for (i = 0; !place && i < FAILING_MAX; i++) {
		if (!cmpxchg(&failing[i].task, NULL, current)) {
			place = &failing[i];
			atomic_inc(&nr_failing);
		}
	}
	BUG_ON(!place);
	return place;
}

void alloc_fail_nth(unsigned long nth)
{
	struct failing *place = take_place();

	ASSERT(nth > 0);
	place->one_in = 0;
	place->counts = (struct alloc_fail_counts){0};
	place->left = nth;
}

void alloc_fail_one_in(unsigned long n, u64 seed)
{
	struct failing *place = take_place();

	ASSERT(n > 0);
	place->left = 0;
	place->counts = (struct alloc_fail_counts){0};
	place->rng = rng_init(seed);
	place->one_in = n;
}

bool alloc_fail_hit(void)
{
	struct failing *place = own_place();

	return place && place->counts.failed;
}

struct alloc_fail_counts alloc_fail_end(void)
{
	struct failing *place = own_place();
	struct alloc_fail_counts counts;

	if (!place)
		return (struct alloc_fail_counts){0};
	counts = place->counts;
	smp_store_release(&place->task, NULL);
	atomic_dec(&nr_failing);
	return counts;
}

unsigned int alloc_fail_threads(void)
{
	return (unsigned int)atomic_read(&nr_failing);
}

/* GFP_NOWAIT, zeroed or not: a failure is not reported. */
static bool has_another_plan(gfp_t gfp)
{
	return (gfp & ~__GFP_ZERO) == GFP_NOWAIT;
}

static bool draws_a_failure(struct failing *place)
{
	if (place->one_in)
		return rng_below(&place->rng, place->one_in) == 0;
	return place->left && --place->left == 0;
}

bool __alloc_shall_fail(gfp_t gfp)
{
	struct failing *place;
	bool fail;

	if (likely(!atomic_read(&nr_failing)) || in_interrupt() ||
	    (gfp & __GFP_NOFAIL) || has_another_plan(gfp))
		return false;
	place = own_place();
	if (!place)
		return false;
	fail = draws_a_failure(place);
	place->counts.attempts++;
	place->counts.failed += fail;
	return fail;
}
