// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/notifier_got.c - a subscription that is got, for tests of get and put
 *
 * A get and its put are two ends of one count: the tests of the one
 * (mmu_notifier_get_test.c) and of the other (mmu_notifier_put_test.c) both need what
 * is made and freed here.
 */
#include "notifier_got.h"

atomic_t gots_freed;
atomic_t gots_made;
int got_error;

struct mmu_notifier *got_alloc(struct mm_struct *mm)
{
	struct listener *l;

	if (got_error)
		return ERR_PTR(got_error);
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&gots_made);
	return &l->sub;
}

void got_free(struct mmu_notifier *sub)
{
	atomic_inc(&gots_freed);
	kfree(listener_of(sub));
}

const struct mmu_notifier_ops got_ops = {
	.release = listener_release,
	.invalidate_range_start = listener_start,
	.invalidate_range_end = listener_end,
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

void gots_reset(void)
{
	atomic_set(&gots_freed, 0);
	atomic_set(&gots_made, 0);
	got_error = 0;
}

static int getter_body(void *arg)
{
	struct getter *g = arg;

	g->sub = mmu_notifier_get(&got_ops, g->mm);
	atomic_set(&g->done, 1);
	return 0;
}

void getter_run(struct getter *g, struct mm_struct *mm)
{
	g->mm = mm;
	atomic_set(&g->done, 0);
	g->task = kthread_run(getter_body, g, "getter");
}
