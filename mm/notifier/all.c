// SPDX-License-Identifier: MIT
/*
 * mm/notifier/all.c - the list of all address spaces that have subscribers
 *
 * Problem.  A leak check counts the subscriptions of all address spaces, and a debug
 * build looks whether an object is registered anywhere.
 *
 * Idea.  The object of each mm is on one list, from when it is published until the mm
 * struct is freed. Joining and leaving are rare, so one lock is enough.
 *
 * An object is published and linked under one hold of the lock. A thread that finds it
 * published may have subscribed before it is linked; but when it then takes the lock to
 * search the list, the object is there.
 *
 * The race it must win (a_subscription_that_exists_is_counted):
 *
 *	first subscriber		second subscriber
 *	publishes the object
 *					finds it; subscribes
 *					searches the list (must find the object)
 *	links the object
 *
 * In a debug build the second one's removal was taken for one of a subscription that is
 * not there, and refused. It stayed in the tree, and its owner freed it.
 *
 *	field			read with		written with
 *	notifier_all, links	notifier_all_lock	notifier_all_lock
 *
 * The lock is taken outside of each subs->lock. Lifetime: an object on the list is
 * whole while the lock is held. Not here: the loops over the list (mm/notifier/stats.c,
 * mm/notifier/checks.c).
 */
#include "internal.h"

DEFINE_SPINLOCK(notifier_all_lock);
struct mmu_notifier_subscriptions *notifier_all;

static void link_all(struct mmu_notifier_subscriptions *subs)
	__must_hold(&notifier_all_lock)
{
	subs->all_next = notifier_all;
	subs->all_prev = &notifier_all;
	if (notifier_all)
		notifier_all->all_prev = &subs->all_next;
	notifier_all = subs;
}

bool notifier_all_publish(struct mmu_notifier_subscriptions *subs)
{
	bool first;

	spin_lock(&notifier_all_lock);
	first = !cmpxchg(&subs->mm->notifier_subscriptions, NULL, subs);
	if (first)
		link_all(subs);
	spin_unlock(&notifier_all_lock);
	return first;
}

void notifier_all_leave(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&notifier_all_lock);
	*subs->all_prev = subs->all_next;
	if (subs->all_next)
		subs->all_next->all_prev = subs->all_prev;
	spin_unlock(&notifier_all_lock);
}
