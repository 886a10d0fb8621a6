// SPDX-License-Identifier: MIT
/*
 * mm/notifier/subscribe.c - insert, remove and exit; the object of an mm
 *
 * Problem.  As in mm/notifier/register.c, of interval subscriptions and of exit.
 *
 * Idea.  As there:
 *
 *	insert		notifier_interval_join()
 *	remove		notifier_interval_leave()	hide, wait, drop the mm
 *	exit		notifier_interval_release(), notifier_plain_release()
 *
 * The first subscription makes the object of the mm. If several threads make one, the
 * first to publish it wins (mm/notifier/all.c). Then mm->notifier_ranges turns negative, and
 * from there on every range looks for the object.
 *
 *	field				read with	written with
 *	mm->notifier_subscriptions	acquire		an exchange, from NULL (all.c)
 *	mm->notifier_ranges, SLOW	atomic		atomic, once
 *
 * Lifetime.  An interval subscription holds a reference in mm_count from insert to
 * remove. The object goes with the mm struct. Not here: lists and walks.
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
	/* The last byte of the space alone: no range [start, end) can name it. */
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
	notifier_observe_insert(sub, mm, start, last, ops, "interval");
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
	if (!notifier_all_publish(subs))
		kfree(subs);
	/*
	 * From here on the word is negative, and every start and end looks for
	 * subscriptions. The loser of the exchange sets it as well: it may subscribe
	 * before the winner has come this far.
	 */
	atomic64_or(NOTIFIER_GATE_SLOW, &mm->notifier_ranges);
	return 0;
}

/* Intervals are called for one RELEASE over the whole space, plain ones by release(). */
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
	/* A later access is a use after free: let it fault. */
	mm->notifier_subscriptions = (void *)~0xdeadul;
}
