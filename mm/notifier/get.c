// SPDX-License-Identifier: MIT
/*
 * mm/notifier/get.c - one plain subscription that several objects share
 *
 * Problem.  Several objects of one driver need the driver's subscription on an mm, each
 * for as long as it lives. The last put must free the subscription. It may come from
 * inside a callback, and the free must not come before every walk that may see the
 * subscription is over.
 *
 * Idea.  The ops are the key: an mm has one subscription for each ops. A get finds it
 * and adds a reference (->users), or makes it. A put drops a reference. The last put
 * takes it off the list. If a walk is inside the gate ->calls, the free is deferred, and
 * the thread that completes the grace period runs it.
 *
 *	field		read with		written with
 *	sub->users	atomic			atomic; up, and to 0: ->lock
 *	sub->settle_gp	->lock			->lock
 *	freeing_word	atomic			atomic
 *
 * The races it must win, each forced by the test named:
 *
 *	start, in its walk		put
 *	sub = newest
 *	sub->start()			hide it; a walk is inside: defer the free
 *	leave: the last; runs the free
 *	    put_frees_after_the_last_callback_has_returned
 *
 *	get				another get, of the same ops
 *	makes it, publishes it;
 *	ranges are open: sleeps
 *					finds it, but it has not settled:
 *					waits for mmap_lock
 *	they have ended; unlock		may use it
 *	    a_second_get_waits_for_the_ranges_that_the_first_waits_for
 *
 * Lifetime.  References hold the subscription, and the subscription holds a reference in
 * mm_count. Not here: making one (mm/notifier/register.c), the list
 * (mm/notifier/plain.c).
 */
#include "internal.h"

/*
 * The gate counts frees that are still to come, of all address spaces. A last put that
 * must defer its free enters, and the free leaves. mmu_notifier_synchronize() waits for
 * those that are inside (R2.35).
 */
static DEFINE_SPINLOCK(freeing_lock);
static DECLARE_WAIT_QUEUE_HEAD(freeing_waiters);
static struct atomic64 freeing_word;
static struct notifier_gate freeing = {
	.word = &freeing_word,
	.lock = &freeing_lock,
	.waiters = &freeing_waiters,
	.deferred_tail = &freeing.deferred,
};

static bool put_locked(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier *sub) __must_hold(subs->lock);
static bool defer_free(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier *sub) __must_hold(subs->lock);

/* --- get ------------------------------------------------------------------ */

static struct mmu_notifier *find_by_ops(struct mmu_notifier_subscriptions *subs,
					const struct mmu_notifier_ops *ops)
	__must_hold(subs->lock)
{
	struct mmu_notifier *sub;

	for_each_plain(sub, subs)
	{
		if (sub->ops == ops)
			return sub;
	}
	return NULL;
}

/* Only under ->lock: so a subscription that is in the list has a reference. */
static bool add_user(struct mmu_notifier *sub)
{
	unsigned int users = READ_ONCE(sub->users);

	do {
		if (users == ~0u)
			return false;
	} while (!try_cmpxchg(&sub->users, &users, users + 1));
	return true;
}

/*
 * Return: the subscription with one more reference, NULL if there is none, or an error.
 * One that has not settled is not returned, because its registration still waits, with
 * mmap_lock held for writing. The caller then takes mmap_lock; after that there is none
 * like it.
 */
struct mmu_notifier *notifier_plain_get(struct mmu_notifier_subscriptions *subs,
					const struct mmu_notifier_ops *ops)
{
	struct mmu_notifier *sub;

	spin_lock(&subs->lock);
	sub = find_by_ops(subs, ops);
	if (sub && sub->settle_gp > subs->ranges.completed)
		sub = NULL;
	if (sub && !add_user(sub))
		sub = ERR_PTR(-EOVERFLOW);
	spin_unlock(&subs->lock);
	return sub;
}

/* --- put ------------------------------------------------------------------ */

/*
 * Drop one reference unless it is the last; the last is dropped under ->lock
 * (put_locked()). Return: false if it is the last. The acquire pairs with the exchange:
 * the last put sees all that others did before their puts, so it may free the object.
 */
static bool drop_user(struct mmu_notifier *sub)
{
	unsigned int users = smp_load_acquire(&sub->users);

	do {
		if (users <= 1)
			return false;
	} while (!try_cmpxchg(&sub->users, &users, users - 1));
	return true;
}

void mmu_notifier_put(struct mmu_notifier *subscription)
{
	struct mmu_notifier_subscriptions *subs;
	bool free_now;

	if (likely(drop_user(subscription)))
		return;
	subs = subscriptions_of(subscription->mm);
	spin_lock(&subs->lock);
	free_now = put_locked(subs, subscription);
	spin_unlock(&subs->lock);
	if (free_now)
		notifier_put_free(subscription);
}

/*
 * Drop a reference that may be the last. Return: true if the caller must free @sub,
 * after it has dropped the lock.
 */
static bool put_locked(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier *sub) __must_hold(subs->lock)
{
	/* A get may have come since the caller looked. */
	if (drop_user(sub))
		return false;
	if (WARN(!READ_ONCE(sub->users), "put of %p without a user", (void *)sub))
		return false;
	WRITE_ONCE(sub->users, 0);
	notifier_plain_hide(subs, sub);
	subs->nr_plain--;
	return notifier_gate_idle(&subs->calls) || !defer_free(subs, sub);
}

/* --- a free that waits for walks ------------------------------------------ */

static void run_deferred_free(struct mmu_notifier_deferred *deferred)
{
	struct mmu_notifier *sub =
		container_of(deferred, struct mmu_notifier, free_later);
	long ticket = sub->free_ticket;

	notifier_put_free(sub);
	notifier_gate_leave(&freeing, ticket);
}

/*
 * A walk may see @sub: the thread that completes the grace period of such walks frees
 * it. That thread takes ->lock first, so ->free_ticket is set by then. Return: true if
 * that is arranged; false if no walk is left, and the caller frees it.
 */
static bool defer_free(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier *sub) __must_hold(subs->lock)
{
	sub->free_later.run = run_deferred_free;
	if (!notifier_gate_defer(&subs->calls, &sub->free_later))
		return false;
	sub->free_ticket = notifier_gate_enter(&freeing);
	return true;
}

void mmu_notifier_synchronize(void)
{
	u64 gp;

	might_sleep();
	mmu_notifier_might_invalidate();
	spin_lock(&freeing_lock);
	gp = notifier_gate_request(&freeing);
	spin_unlock(&freeing_lock);
	notifier_gate_wait(&freeing, gp);
}

unsigned long mmu_notifier_nr_pending(void)
{
	return notifier_gate_inside(&freeing);
}
