// SPDX-License-Identifier: MIT
/*
 * tests/kernel/lock/zz_locking_test.c - what was learned is what is written down
 *
 * docs/locking.md lists the lock classes, outermost first.  The list stands
 * here again (scripts/check.py compares the two), and this test, which runs
 * last, compares it with what the validator has learned meanwhile: every class
 * of the kernel must be listed, and no class may have been taken while one
 * further down was held.
 */
#include <kernel/ktest.h>
#include <kernel/lock/lockdep.h>
#include <lib/string.h>

static const char *const order[] = {
	"mm_exit",
	"work",
	"block",
	"srcu",
	"page_lock",
	"mm->mmap_lock",
	"root->lock",
	"mmu_notifier_invalidate_range_start",
	"ctx->lock",
	"slot->done",
	"work->completion",
	"waiter.done",
	"transfer.done",
	"task->exited",
	"notifier_all_lock",
	"mm_list_lock",
	"mm->page_table_lock",
	"page->ptl",
	"subs->lock",
	"freeing_lock",
	"peer->lock",
	"disk->lock",
	"port_lock",
	"rx_lock",
	"srcu_struct.lock",
	"space.lock",
	"stacks.lock",
	"shadow_lock",
	"kernel_map.lock",
	"rcu_lock",
	"wq->lock",
	"timer_base->lock",
	"slab_caches_lock",
	"cache->lock",
	"buddy.lock",
	"task_list_lock",
	"freeing_waiters.lock",
	"subs->waiters",
	"page_wait[i].lock",
	"wq->more",
	"wq->gone",
	"rcu_work.lock",
	"rcu_quiet.lock",
	"rx_wait.lock",
	"waiter.done.wait",
	"transfer.done.wait",
	"task->exited.wait",
	"peer->slot_wait",
	"peer->work_slot_wait",
	"peer->beat_wait",
	"ctx->wait",
	"ctx->idle",
	"slot->done.wait",
	"work->completion.wait",
};

struct learned {
	struct ktest *test;
	struct lock_class_info outer;
	int outer_rank;
	unsigned int seen;
};

static int rank_of(const char *name)
{
	for (int i = 0; i < (int)ARRAY_SIZE(order); i++)
		if (!strcmp(order[i], name))
			return i;
	return -1;
}

/* Locks that tests and the demo make are theirs to order. */
static bool is_kernels(const struct lock_class_info *info)
{
	return strncmp(info->file, "tests/", 6) &&
	       strncmp(info->file, "demo/", 5);
}

static void check_pair(const struct lock_class_info *inner, void *arg)
{
	struct learned *l = arg;
	int rank = rank_of(inner->name);

	if (!is_kernels(inner) || rank < 0 ||
	    !lockdep_is_before(l->outer.id, inner->id))
		return;
	/* Of one class, the outer names no subclass or a lower one. */
	if (rank < l->outer_rank ||
	    (rank == l->outer_rank && inner->subclass <= l->outer.subclass))
		ktest_fail(l->test, "%s was held while %s was taken",
			   l->outer.name, inner->name);
}

static void check_class(const struct lock_class_info *info, void *arg)
{
	struct learned *l = arg;

	if (!is_kernels(info))
		return;
	l->seen++;
	l->outer = *info;
	l->outer_rank = rank_of(info->name);
	if (l->outer_rank < 0)
		ktest_fail(l->test, "%s (%s:%u) is not in docs/locking.md",
			   info->name, info->file, info->line);
	else
		lockdep_for_each_class(check_pair, l);
}

KTEST(zz_locking, the_order_learned_is_the_order_written_down)
{
	struct learned l = {.test = test};

	lockdep_for_each_class(check_class, &l);
	EXPECT_LE(5, l.seen);
}
