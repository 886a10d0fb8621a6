// SPDX-License-Identifier: MIT
/*
 * mm/notifier/register.c - register, unregister and get, as a driver calls them
 *
 * Problem.  Two notifiers have one contract (docs/adr/0016), and with it the same
 * arguments to check, the same object to make and the same references to hold.
 *
 * Idea.  All of that is here, once, for plain subscriptions. It checks everything,
 * makes the object of the mm if there is none, and then calls the notifier, which
 * cannot fail:
 *
 *	register, get	notifier_plain_join()	publish, wait for open ranges
 *	unregister	notifier_plain_leave()	release, hide, wait for callbacks
 *	get		notifier_plain_get()	add a reference to one that has settled
 *	put		mmu_notifier_put()	hide; free it when no walk can see it
 *
 * A get takes mmap_lock only to make a subscription. A registration waits with
 * mmap_lock held for writing, so with that lock held every subscription has settled.
 *
 * Locks: mmap_lock, for writing. Lifetime: a subscription holds a reference in mm_count
 * from its registration until it is unregistered or freed by its last put. Not here:
 * the list and its walks (mm/notifier/plain.c), put (mm/notifier/get.c).
 */
#include "internal.h"

static int check_ops(const struct mmu_notifier_ops *ops);
static struct mmu_notifier *get_existing(const struct mmu_notifier_ops *ops,
					 struct mm_struct *mm);

/* --- register and unregister ---------------------------------------------- */

/* clang's lock analysis cannot follow an acquisition that may fail with an error. */
int mmu_notifier_register(struct mmu_notifier *subscription,
			  struct mm_struct *mm) __no_thread_safety
{
	int ret = down_write_killable(&mm->mmap_lock);

	if (ret)
		return ret;
	ret = __mmu_notifier_register(subscription, mm);
	mmap_write_unlock(mm);
	return ret;
}

int __mmu_notifier_register(struct mmu_notifier *subscription,
			    struct mm_struct *mm)
{
	int ret;

	might_sleep();
	lockdep_assert_held_write(&mm->mmap_lock);
	BUG_ON(atomic_read(&mm->mm_users) <= 0);
	if (IS_ENABLED(CONFIG_DEBUG) && !notifier_check_register(subscription))
		return -EEXIST;
	ret = check_ops(subscription->ops);
	if (!ret)
		ret = ensure_subscriptions(mm);
	if (ret)
		return ret;
	subscription->mm = mm;
	subscription->users = 1;
	subscription->stats = NULL;
	mmgrab(mm);
	mmu_notifier_might_invalidate();
	notifier_observe_insert(subscription, mm, 0, ~0ul, subscription->ops,
				"plain");
	notifier_plain_join(subscriptions_of(mm), subscription);
	return 0;
}

static int check_ops(const struct mmu_notifier_ops *ops)
{
	if (WARN(ops->invalidate_range && (ops->invalidate_range_start ||
					   ops->invalidate_range_end),
		 "ops %p mix a secondary TLB with start or end", (void *)ops))
		return -EINVAL;
	return 0;
}

void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm)
{
	might_sleep();
	mmu_notifier_might_invalidate();
	if (IS_ENABLED(CONFIG_DEBUG) &&
	    !notifier_check_unregister(subscription, mm))
		return;
	notifier_plain_leave(subscriptions_of(mm), subscription);
	notifier_observe_remove(subscription);
	notifier_forget(subscription->stats);
	mmdrop(mm);
}

/* --- get ------------------------------------------------------------------ */

struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm) __no_thread_safety
{
	struct mmu_notifier *sub;
	int ret;

	might_sleep();
	might_lock(&mm->mmap_lock);
	/* Only to make one needs mmap_lock. */
	sub = get_existing(ops, mm);
	if (sub)
		return sub;
	ret = down_write_killable(&mm->mmap_lock);
	if (ret)
		return ERR_PTR(ret);
	sub = mmu_notifier_get_locked(ops, mm);
	mmap_write_unlock(mm);
	return sub;
}

struct mmu_notifier *mmu_notifier_get_locked(const struct mmu_notifier_ops *ops,
					     struct mm_struct *mm)
{
	struct mmu_notifier *sub;
	int ret;

	lockdep_assert_held_write(&mm->mmap_lock);
	sub = get_existing(ops, mm);
	if (sub)
		return sub;
	sub = ops->alloc_notifier(mm);
	if (IS_ERR(sub))
		return sub;
	sub->ops = ops;
	ret = __mmu_notifier_register(sub, mm);
	if (ret) {
		ops->free_notifier(sub);
		return ERR_PTR(ret);
	}
	return sub;
}

static struct mmu_notifier *get_existing(const struct mmu_notifier_ops *ops,
					 struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	return subs ? notifier_plain_get(subs, ops) : NULL;
}
