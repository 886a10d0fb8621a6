// SPDX-License-Identifier: MIT
/*
 * mm/notifier/reference/reference.c - a notifier to read: one lock, lists, counts
 *
 * Problem.  A device keeps copies of a process's translations. Before the kernel frees
 * a page it must invalidate these, and the device must not make new ones then.
 *
 * Idea.  An invalidator, the code that changes a mapping, brackets the change:
 *
 *	start	list the range as open; call each subscription: it drops what it has
 *	change	the page tables
 *	end	take the range off the list; wake all waiters; call the plain ends
 *
 * In between the device installs no translation of the range. A plain driver counts
 * open ranges in its start and end callbacks, and installs nothing while one is open. An
 * interval subscription has a number: each range that overlaps an interval has its own,
 * 3, 5, 7, and the callback stores it. A device fault holds no lock over its look-up:
 *
 *	device fault				invalidator
 *	seq = read_begin(): waits while
 *	    an overlapping range is open
 *						start: callback stores 7
 *	look the page up
 *						entry cleared, page freed; end
 *	lock the driver's lock
 *	read_retry(): 7 is not seq		(must be true: the page is stale)
 *	unlock, begin again
 *	    fault_that_raced_an_unmap_retries
 *
 * A callback that comes after read_retry() finds the translation, and drops it.
 *
 * A walk.  Callbacks run without the lock, as they may sleep; ->calls keeps the
 * subscription on its list meanwhile. One that leaves is marked, and its owner sleeps
 * until it is OUT. Only a put, which a callback may make, does not: the last walk frees.
 *
 *	state		a walk		when calls is 0		next state
 *	IN		calls it	stays			RELEASING, GONE, PUT
 *	RELEASING	calls it	stays			GONE, PUT
 *	GONE		passes by	goes off the list	OUT, PUT
 *	PUT		passes by	goes off, is freed	-
 *	OUT		is on no list	-			PUT (after exit)
 *
 * A new subscriber must not install what an open range, which did not call it, is about
 * to change. Each subscription has a birth number; a range notes the highest and calls
 * none born later. A plain one sleeps in its registration until all ranges that noted
 * less have ended; the readers of an interval wait for all on the list that overlap it.
 * Ranges from before the first subscriber are on no list: a range counts itself in
 * mm->notifier_ranges, and moves to the list if that is negative. The first subscriber
 * makes it so, and it or its readers wait until the count has been 0 once.
 *
 * Locks.  subs->lock guards all but the driver's; page-table locks come before it, wait
 * queues after it. Lifetime: subs lives as long as the mm struct. Not here: what both
 * notifiers share. docs/adr/0016-a-notifier-to-read.md compares the two.
 */
#include "reference.h"

/* member->state; mm/notifier/checks.c reads it as an enum interval_state. */
enum { OUT = INTERVAL_OUT, IN, GONE = INTERVAL_REMOVING, RELEASING, PUT };

static struct atomic64 pending; /* last puts whose free is still to come */
static DECLARE_WAIT_QUEUE_HEAD(freeing_waiters);

#define plain_of(m_)    container_of(m_, struct mmu_notifier, member)
#define interval_of(m_) container_of(m_, struct mmu_interval_notifier, member)

/* Sleep until @cond holds, under the lock; report @what if that takes long. */
#define wait_until(subs, cond, what)                               \
	wait_event_reporting(&(subs)->waiters, locked(subs, cond), \
			     notifier_report_open((subs)->mm, what))
#define locked(subs, cond)                                        \
	({                                                        \
		bool holds_ = (spin_lock(&(subs)->lock), (cond)); \
		spin_unlock(&(subs)->lock);                       \
		holds_;                                           \
	})

/* --- subscriptions: on a list, held by walks, off --------------------------------- */

/* Without its sign mm->notifier_ranges is the count of ranges that are not listed. */
static bool all_listed(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	return subs->all_listed |=
	       !(atomic64_read(&subs->mm->notifier_ranges) & INT64_MAX);
}

static void join(struct mmu_notifier_subscriptions *subs,
		 struct mmu_notifier_member **link,
		 struct mmu_notifier_member *member) __must_hold(subs->lock)
{
	member->next = *link;
	member->birth = ++subs->births;
	member->calls = 0;
	member->state = IN;
	*link = member;
	all_listed(subs); /* where no range is open, nothing waits later */
}

/* Off the list, if it is to leave and no callback runs. Waiters look again. */
static void take_off_if_idle(struct mmu_notifier_subscriptions *subs,
			     struct mmu_notifier_member **link,
			     struct mmu_notifier_member *member)
	__must_hold(subs->lock)
{
	wake_up_all(&subs->waiters);
	if (member->calls || (member->state != GONE && member->state != PUT))
		return;
	while (*link && *link != member)
		link = &(*link)->next;
	if (*link)
		*link = member->next;
	member->state = OUT;
}

static void free_put(struct mmu_notifier *sub)
{
	notifier_put_free(sub);
	atomic64_add(-1, &pending);
	wake_up_all(&freeing_waiters);
}

/* Does a walk for @range call it? One for NULL, that is something else, calls all. */
static bool concerns(const struct mmu_notifier_range *range,
		     struct mmu_notifier_member *member, bool is_interval)
{
	return (member->state == IN || member->state == RELEASING) &&
	       (!range || member->birth <= range->core.newest_birth) &&
	       (!is_interval ||
		interval_tree_overlaps(&interval_of(member)->interval_tree,
				       range->start, range->end));
}

/* @last's callback is over, if there is one. Return: the next to call, held. */
static struct mmu_notifier_member *
next_held(struct mmu_notifier_subscriptions *subs,
	  struct mmu_notifier_member **list, struct mmu_notifier_member *last,
	  const struct mmu_notifier_range *range)
{
	struct mmu_notifier_member *next;
	bool dead = false;

	spin_lock(&subs->lock);
	next = last ? last->next : *list;
	while (next && !concerns(range, next, list == &subs->intervals))
		next = next->next;
	if (next)
		next->calls++;
	if (last) {
		last->calls--;
		dead = !last->calls && last->state == PUT;
		take_off_if_idle(subs, list, last);
	}
	spin_unlock(&subs->lock);
	if (dead)
		free_put(plain_of(last));
	return next;
}

struct mmu_notifier *reference_next(struct mmu_notifier_subscriptions *subs,
				    struct mmu_notifier *last,
				    const struct mmu_notifier_range *range)
{
	struct mmu_notifier_member *m = last ? &last->member : NULL;

	m = next_held(subs, &subs->plain, m, range);
	return m ? plain_of(m) : NULL;
}

/* --- ranges: open, call, close ---------------------------------------------------- */

unsigned long notifier_open_ranges(const struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	return (atomic64_read(&mm->notifier_ranges) & INT64_MAX) +
	       (subs ? subs->nr_open : 0);
}

/* Have all ranges ended that were open when @birth was given? */
static bool has_settled(struct mmu_notifier_subscriptions *subs, u64 birth)
	__must_hold(subs->lock)
{
	const struct mmu_notifier_range *range = subs->open;

	while (range && range->core.newest_birth >= birth)
		range = range->core.next;
	return !range && all_listed(subs);
}

/* From here on new subscribers see the range, and it sees none of them. */
static void open_range(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier_range *range)
{
	struct mmu_notifier_member *member;

	spin_lock(&subs->lock);
	range->core.next = subs->open;
	subs->open = range;
	subs->nr_open++;
	atomic64_add(-range->core.ticket, &subs->mm->notifier_ranges);
	range->core.ticket = 0;
	range->core.newest_birth = subs->births;
	member = subs->intervals;
	while (member && !concerns(range, member, true))
		member = member->next;
	if (member) {
		range->core.seq = subs->last_seq += 2;
		notifier_remember_event(subs, range);
	}
	wake_up_all(&subs->waiters); /* the count has changed */
	spin_unlock(&subs->lock);
}

/* Return: was it on the list? */
static bool close_range(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range)
{
	struct mmu_notifier_range **link = &subs->open;
	bool found;

	spin_lock(&subs->lock);
	while (*link && *link != range)
		link = &(*link)->core.next;
	found = *link;
	if (found) {
		*link = range->core.next;
		subs->nr_open--;
		range->core.seq = 0;
	}
	wake_up_all(&subs->waiters);
	spin_unlock(&subs->lock);
	return found;
}

static int call_interval(struct mmu_notifier_subscriptions *subs,
			 struct mmu_interval_notifier *sub,
			 struct mmu_notifier_range *range)
{
	unsigned long since = notifier_observe_begin();
	bool ok = sub->ops->invalidate
			  ? sub->ops->invalidate(sub, range, range->core.seq)
			  : notifier_first_pass(subs, sub, range);

	return notifier_interval_returned(subs, range, sub, ok, since);
}

/* None is called after one has refused (R3.6); second passes come last (R4.31). */
static int start_intervals(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier_range *range)
{
	struct mmu_notifier_member *member = NULL;
	int ret = 0;

	range->core.finish = NULL;
	range->core.finish_tail = &range->core.finish;
	notifier_calls_begin(range);
	while ((member = next_held(subs, &subs->intervals, member, range))) {
		if (!ret)
			ret = call_interval(subs, interval_of(member), range);
	}
	notifier_finish_intervals(subs, range);
	notifier_calls_end(range);
	return ret;
}

void notifier_count_pass(struct mmu_notifier_subscriptions *subs,
			 struct mmu_interval_notifier *sub, int add)
{
	spin_lock(&subs->lock);
	sub->member.calls += add;
	take_off_if_idle(subs, &subs->intervals, &sub->member);
	spin_unlock(&subs->lock);
}

/* All are called, even after one has refused (R3.3). */
static int start_plain(struct mmu_notifier_subscriptions *subs,
		       const struct mmu_notifier_range *range)
{
	struct mmu_notifier *sub;
	unsigned long since;
	int answer, ret = 0;

	notifier_calls_begin(range);
	for_each_held(sub, subs, range)
	{
		if (!sub->ops->invalidate_range_start)
			continue;
		since = notifier_observe_begin();
		answer = sub->ops->invalidate_range_start(sub, range);
		ret = notifier_start_returned(subs, range, sub, answer, since)
			      ?: ret;
	}
	notifier_calls_end(range);
	return ret;
}

static void end_plain(struct mmu_notifier_subscriptions *subs,
		      const struct mmu_notifier_range *range)
{
	struct mmu_notifier *sub;
	unsigned long since;

	notifier_calls_begin(range);
	for_each_held(sub, subs, range)
	{
		if (!sub->ops->invalidate_range_end)
			continue;
		since = notifier_observe_begin();
		sub->ops->invalidate_range_end(sub, range);
		notifier_observe_call_end(subs, range, sub, since);
	}
	notifier_calls_end(range);
}

int __mmu_notifier_range_start(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(range->mm);
	int refused, ret;

	notifier_observe_start(subs, range);
	open_range(subs, range);
	refused = start_intervals(subs, range);
	ret = refused ?: start_plain(subs, range);
	notifier_observe_started(subs, range, ret);
	if (!ret)
		return 0;
	/* The caller changes nothing and calls no end (R3.3 to R3.7). */
	close_range(subs, range);
	if (!refused)
		end_plain(subs, range);
	notifier_start_failed(subs, range);
	return ret;
}

void __mmu_notifier_range_end(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(range->mm);

	notifier_observe_ending(subs, range);
	/* One that is not on the list began before the first subscriber. */
	if (close_range(subs, range))
		end_plain(subs, range);
	notifier_observe_end(range);
}

void notifier_interval_release(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range)
{
	open_range(subs, range);
	start_intervals(subs, range);
	notifier_observe_started(subs, range, 0);
	close_range(subs, range);
}

/* --- intervals: readers, insert, remove ------------------------------------------- */

/* Ranges numbered above @newest do not count; a difference, as numbers may wrap. */
static bool is_open(struct mmu_notifier_subscriptions *subs,
		    const struct mmu_interval_notifier *sub,
		    unsigned long newest) __must_hold(subs->lock)
{
	const struct mmu_notifier_range *range = subs->open;

	while (range &&
	       (!interval_tree_overlaps(&sub->interval_tree, range->start,
					range->end) ||
		(range->core.seq && (long)(range->core.seq - newest) > 0)))
		range = range->core.next;
	return range || !all_listed(subs);
}

/*
 * Waits for the ranges open at the call. If a newer one is open then, the number from
 * before the wait is right: its callback precedes the retry, or drops what it finds.
 */
unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = sub->subscriptions;
	unsigned long seq, newest;
	bool wait;

	might_sleep();
	mmu_notifier_might_invalidate();
	spin_lock(&subs->lock);
	seq = READ_ONCE(sub->invalidate_seq);
	newest = subs->last_seq;
	wait = is_open(subs, sub, newest);
	spin_unlock(&subs->lock);
	if (wait) {
		notifier_observe_wait(subs, sub);
		wait_until(subs, !is_open(subs, sub, newest),
			   "a reader waits long");
		spin_lock(&subs->lock);
		if (!is_open(subs, sub, subs->last_seq))
			seq = READ_ONCE(sub->invalidate_seq);
		spin_unlock(&subs->lock);
	}
	return notifier_observe_read(sub, seq);
}

void notifier_interval_join(struct mmu_notifier_subscriptions *subs,
			    struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_member **link = &subs->intervals;

	spin_lock(&subs->lock);
	while (*link)
		link = &(*link)->next;
	join(subs, link, &sub->member);
	sub->invalidate_seq = subs->last_seq;
	spin_unlock(&subs->lock);
}

void notifier_interval_leave(struct mmu_notifier_subscriptions *subs,
			     struct mmu_interval_notifier *sub)
{
	spin_lock(&subs->lock);
	sub->member.state = GONE;
	subs->stats.deferred_removes += sub->member.calls != 0;
	take_off_if_idle(subs, &subs->intervals, &sub->member);
	spin_unlock(&subs->lock);
	wait_until(subs, sub->member.state == OUT, "a removal waits long");
	notifier_interval_left(sub);
}

/* --- plain: register, unregister, exit, get, put ---------------------------------- */

void notifier_plain_join(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub)
{
	spin_lock(&subs->lock);
	join(subs, &subs->plain, &sub->member);
	subs->nr_plain++;
	spin_unlock(&subs->lock);
	wait_until(subs, has_settled(subs, sub->member.birth),
		   "a long wait for ranges to end");
}

/* Calls its release, unless another thread does so or has done so. */
static void release(struct mmu_notifier_subscriptions *subs,
		    struct mmu_notifier *sub)
{
	bool mine;

	spin_lock(&subs->lock);
	mine = sub->member.state == IN;
	if (mine)
		sub->member.state = RELEASING;
	sub->member.calls += mine;
	spin_unlock(&subs->lock);
	if (mine && sub->ops->release)
		notifier_call_release(subs, sub);
	spin_lock(&subs->lock);
	sub->member.calls -= mine;
	if (mine && sub->member.state == RELEASING)
		sub->member.state = GONE;
	take_off_if_idle(subs, &subs->plain, &sub->member);
	spin_unlock(&subs->lock);
}

void notifier_plain_leave(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier *sub)
{
	release(subs, sub);
	wait_until(subs, sub->member.state == OUT, "a long wait for callbacks");
	spin_lock(&subs->lock);
	subs->nr_plain--;
	spin_unlock(&subs->lock);
}

void notifier_plain_release(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_notifier *sub;

	for_each_plain(sub, subs) release(subs, sub);
	wait_until(subs, !subs->plain, "a long wait for callbacks");
}

struct mmu_notifier *notifier_plain_get(struct mmu_notifier_subscriptions *subs,
					const struct mmu_notifier_ops *ops)
{
	struct mmu_notifier_member *member;
	struct mmu_notifier *sub = NULL;

	spin_lock(&subs->lock);
	for (member = subs->plain; member && !sub; member = member->next) {
		if (member->state == IN && plain_of(member)->ops == ops &&
		    has_settled(subs, member->birth))
			sub = plain_of(member);
	}
	if (sub && !++sub->users) {
		sub->users--;
		sub = ERR_PTR(-EOVERFLOW);
	}
	spin_unlock(&subs->lock);
	return sub;
}

void mmu_notifier_put(struct mmu_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(sub->mm);
	bool dead = false;

	spin_lock(&subs->lock);
	if (!WARN(!sub->users, "put of %p without a user", (void *)sub) &&
	    !--sub->users) {
		atomic64_add(1, &pending);
		subs->nr_plain--;
		dead = !sub->member.calls;
		sub->member.state = PUT;
		take_off_if_idle(subs, &subs->plain, &sub->member);
	}
	spin_unlock(&subs->lock);
	if (dead)
		free_put(sub);
}

void mmu_notifier_synchronize(void)
{
	might_sleep();
	mmu_notifier_might_invalidate();
	wait_event(&freeing_waiters, !atomic64_read(&pending));
}

unsigned long mmu_notifier_nr_pending(void)
{
	return atomic64_read(&pending);
}

/* For statistics and checks: the one after, the first after NULL; under the lock. */
const struct mmu_notifier_range *
notifier_open_next(struct mmu_notifier_subscriptions *subs,
		   const struct mmu_notifier_range *range)
{
	return range ? range->core.next : subs->open;
}

struct mmu_notifier *notifier_plain_next(struct mmu_notifier_subscriptions *subs,
					 struct mmu_notifier *sub)
{
	struct mmu_notifier_member *m = sub ? sub->member.next : subs->plain;

	return m ? plain_of(m) : NULL;
}

struct mmu_interval_notifier *
notifier_interval_next(struct mmu_notifier_subscriptions *subs,
		       struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_member *m = sub ? sub->member.next : subs->intervals;

	return m ? interval_of(m) : NULL;
}
