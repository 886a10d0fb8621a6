// SPDX-License-Identifier: MIT
/*
 * mm/notifier/subscribe.c - insert, remove and exit, up to where notifiers differ
 *
 * Problem.  Two notifiers have one contract (docs/adr/0016), and with it the same
 * arguments to check, the same object to make and the same references to hold.
 *
 * Idea.  This file checks the arguments, makes the object of the mm and takes the
 * references, for both. Then it calls the notifier, which cannot fail:
 *
 *	insert		notifier_interval_join()	publish
 *	remove		notifier_interval_leave()	unlink, wait, drop the mm
 *	exit		notifier_interval_release(), notifier_plain_release()
 *
 * The object is made outside of its own lock. Of several threads that make one at the
 * same time the first to publish it wins. Then mm->notifier_ranges turns negative, and
 * from there on every range looks for it.
 *
 * Lifetime.  A subscription holds the mm struct, from here. Locks: none. Not here: the
 * same of plain subscriptions (mm/notifier/register.c), lists and walks.
 */
#include "internal.h"

static int insert(struct mmu_interval_notifier *sub, struct mm_struct *mm,
		  unsigned long start, unsigned long length,
		  const struct mmu_interval_notifier_ops *ops);

/* --- insert and remove ---------------------------------------------------- */

int mmu_interval_notifier_insert(struct mmu_interval_notifier *interval_sub,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops)
{
	might_sleep();
	might_lock(&mm->mmap_lock);
	return insert(interval_sub, mm, start, length, ops);
}

int mmu_interval_notifier_insert_locked(
	struct mmu_interval_notifier *interval_sub, struct mm_struct *mm,
	unsigned long start, unsigned long length,
	const struct mmu_interval_notifier_ops *ops)
{
	lockdep_assert_held_write(&mm->mmap_lock);
	return insert(interval_sub, mm, start, length, ops);
}

static int insert(struct mmu_interval_notifier *sub, struct mm_struct *mm,
		  unsigned long start, unsigned long length,
		  const struct mmu_interval_notifier_ops *ops)
{
	unsigned long last = start + (length - 1);
	int ret;

	if (IS_ENABLED(CONFIG_DEBUG) && !notifier_check_insert(sub))
		return -EEXIST;
	/* Only the last byte of the space: no range [start, end) can name it. */
	if (!length || last < start || start == ~0ul)
		return -EOVERFLOW;
	if (WARN(atomic_read(&mm->mm_users) <= 0, "insert into a dead mm %p",
		 (void *)mm))
		return -EINVAL;
	if (WARN(!ops->invalidate &&
			 (!ops->invalidate_start || !ops->invalidate_finish),
		 "interval ops %p lack a callback", (void *)ops))
		return -EINVAL;
	ret = ensure_subscriptions(mm);
	if (ret)
		return ret;
	interval_tree_node_init(&sub->interval_tree, start, last);
	sub->ops = ops;
	sub->mm = mm;
	sub->subscriptions = subscriptions_of(mm);
	sub->stats = NULL;
	mmgrab(mm);
	notifier_interval_join(sub->subscriptions, sub);
	return 0;
}

void mmu_interval_notifier_remove(struct mmu_interval_notifier *interval_sub)
{
	might_sleep();
	mmu_notifier_might_invalidate();
	if (IS_ENABLED(CONFIG_DEBUG) && !notifier_check_remove(interval_sub))
		return;
	notifier_interval_leave(interval_sub->subscriptions, interval_sub);
}

/* --- the object of an mm -------------------------------------------------- */

int notifier_make_subscriptions(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs;

	subs = kzalloc(sizeof(*subs), GFP_KERNEL);
	if (!subs)
		return -ENOMEM;
	spin_lock_init(&subs->lock);
	init_waitqueue_head(&subs->waiters);
	subs->mm = mm;
	subs->last_seq = 1;
	notifier_subscriptions_init(subs);
	if (cmpxchg(&mm->notifier_subscriptions, NULL, subs))
		kfree(subs);
	else
		notifier_all_join(subs);
	atomic64_or(NOTIFIER_GATE_SLOW, &mm->notifier_ranges);
	return 0;
}

/* One RELEASE over everything to intervals; there is no end, and they stay (R4.16). */
void __mmu_notifier_release(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier_range range;

	might_sleep();
	mmu_notifier_map_acquire();
	mmu_notifier_range_init(&range, MMU_NOTIFY_RELEASE,
				MMU_NOTIFIER_RANGE_BLOCKABLE, NULL, mm, 0, ~0ul);
	range.core.ticket = 0;
	notifier_observe_start(subs, &range);
	notifier_interval_release(subs, &range);
	mmu_notifier_map_release();
	notifier_plain_release(subs);
}

void __mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	if (notifier_open_next(subs, NULL)) {
		notifier_report_open(mm, "last drop");
		panic("mmu_notifier: mm %p freed with %lu ranges open",
		      (void *)mm, notifier_open_ranges(mm));
	}
	if (subs->nr_plain || notifier_interval_next(subs, NULL))
		panic("mmu_notifier: mm %p freed with subscriptions, plain=%lu intervals=%d",
		      (void *)mm, subs->nr_plain,
		      notifier_interval_next(subs, NULL) != NULL);
	notifier_all_leave(subs);
	kfree(subs);
	/* A caller that looks again has outlived the mm. */
	mm->notifier_subscriptions = (void *)~0xdeadul;
}
