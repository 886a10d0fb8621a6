// SPDX-License-Identifier: MIT
/*
 * mm/mmu_notifier_plain.c - subscribers that are told of every change
 *
 * Problem.  A hypervisor or a device that walks the CPU's own tables wants
 * every change of an mm, whatever its address. There are few of them, they
 * come and go rarely, and each start and end calls all of them; callbacks may
 * sleep; and who has left must never be called again, nor be freed while a
 * callback still runs.
 *
 * Idea.  One list a mm, newest first (R2.14), of the subscriptions themselves;
 * each has both functions at hand, so that a call costs a handful of
 * instructions, and nothing has to be allocated to come or to go. A walk counts
 * itself in the gate `calls'. Who registers becomes visible at the head; who
 * leaves is unlinked, and keeps its own link for the walks that stand at it: they
 * go on to older ones, none of which is freed before these walks are over.
 *
 *	newest -> C -> B -> A -> tail, which is part of the mm's object
 *
 * The tail is born before everybody, and its start answers what no subscriber
 * may: a walk of starts goes on while the answer is 0, and asks where it is not
 * whether that was the tail. No walk tests for an empty list; and who has come to
 * the tail knows by its place whose list it was, and keeps nothing over the
 * callbacks to leave the gate by.
 *
 * docs/adr/0014-a-list-and-a-mode-for-plain-subscribers.md has the figures.
 *
 * Both or neither.  Each has a birth number; a range notes the highest that its
 * start met and its end calls nobody born later (R2.20). A number left over from
 * an earlier start of the same range object does no harm: who is as old as that
 * and is still there was there at the later start, which then noted its own. A
 * start that reads the list too early would note nobody, for a newcomer that does
 * not wait: the barrier after the count forbids it (litmus.births).
 *
 * States of a subscription:
 *
 *	state		in the list	release
 *	0		no		was not called and will not be, or is over
 *	LIVE		yes		not yet
 *	LIVE|RELEASED	yes		runs, or has run: who set the bit runs it,
 *					inside `calls'
 *	RELEASED	no		is over (of one that was put: perhaps not)
 *
 * Nobody leaves the list while its release runs: until that is over its device
 * may hold translations, and has to be told.
 *
 *	field		read with		written with
 *	->newest	acquire, inside ->calls	->lock, release
 *	sub->next	acquire, same		->lock, release
 *	sub->prev	->lock			->lock
 *	sub->state	->lock			->lock
 *	sub->users	atomic			atomic; up, and to 0: ->lock
 *
 * The races it must win:
 *
 *	exit				unregister
 *	lock; LIVE -> +RELEASED
 *	release() runs			lock; RELEASED already: not mine
 *					ask; sleep; it is told of changes yet
 *	release() returns; leave	hide; ask; sleep; frees
 *	    release_runs_exactly_once_when_unregister_races_exit
 *	    who_leaves_is_told_until_the_release_that_exit_runs_is_over
 *
 *	exit				unregister
 *					inside `calls'; LIVE -> +RELEASED
 *	lock; RELEASED already
 *	ask; sleep			release() runs
 *	hide; ask; sleep		release() returns; leave
 *	goes on, frees pages
 *	    exit_waits_for_a_release_that_unregister_runs
 *
 *	get				another get, of the same ops
 *	made, published; ranges open
 *					finds it; not settled: mmap_lock, sleep
 *	they have ended; unlock		may use it
 *	    a_second_get_waits_for_the_ranges_that_the_first_waits_for
 *
 *	start (in its walk)		put
 *	p = newest			hide; somebody is inside: put off
 *	p->start()
 *	leave: last, runs free(p)
 *	    put_frees_after_the_last_callback_has_returned
 *
 *	start, at B, which sleeps	unregister B: C->next = A; waits
 *					unregister A: C->next = tail; waits
 *	p = B->next: still A
 *	p->start(): A is still there
 *	leave: last, wakes both
 *	    a_walk_survives_the_unlinking_of_where_it_stands
 *
 * Lifetime.  A registered subscription holds the mm struct; the list holds
 * nothing. Not here: ranges and intervals (mm/mmu_notifier.c).
 *
 * Over 600 lines because every call below reads or changes the state of a
 * subscription, and the table above has to be checked against all of them at once.
 */
#include "notifier_internal.h"

#define PLAIN_LIVE     1u /* in the list */
#define PLAIN_RELEASED 2u /* somebody calls or has called its release */

/*
 * Frees on their way, in all address spaces: a last put that cannot free in
 * place goes in, its free goes out, and synchronize() waits for all that are
 * inside (R2.35).
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

/* --- the list --------------------------------------------------------------- */

static int start_nothing(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	return 0;
}

static void end_nothing(struct mmu_notifier *sub,
			const struct mmu_notifier_range *range)
{
}

/* A walk of starts goes on while the answer is 0. */
static int start_at_tail(struct mmu_notifier *tail,
			 const struct mmu_notifier_range *range)
{
	return 1;
}

void notifier_plain_init(struct mmu_notifier_subscriptions *subs)
{
	subs->newest = &subs->tail;
	subs->tail.next = &subs->tail;
	subs->tail.prev = &subs->newest;
	subs->tail.start = start_at_tail;
	subs->tail.end = end_nothing;
	subs->tail.birth = 0;
}

/* Inside the gate. Pairs with link_newest(): who is found is whole. */
static __always_inline struct mmu_notifier *
newest(struct mmu_notifier_subscriptions *subs)
{
	return smp_load_acquire(&subs->newest);
}

static __always_inline struct mmu_notifier *next(struct mmu_notifier *sub)
{
	return smp_load_acquire(&sub->next);
}

static __always_inline bool is_tail(const struct mmu_notifier *sub)
{
	return !sub->birth;
}

static __always_inline struct mmu_notifier_subscriptions *
owner_of_tail(struct mmu_notifier *tail)
{
	return container_of(tail, struct mmu_notifier_subscriptions, tail);
}

/* So that a flush or a write fault calls nobody where nobody wants to hear. */
static void count_rare(struct mmu_notifier_subscriptions *subs,
		       const struct mmu_notifier_ops *ops, int add)
	__must_hold(subs->lock)
{
	if (ops->invalidate_range)
		WRITE_ONCE(subs->nr_tlbs, subs->nr_tlbs + add);
	if (ops->change_pte)
		WRITE_ONCE(subs->nr_followers, subs->nr_followers + add);
}

static void link_newest(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier *sub) __must_hold(subs->lock)
{
	const struct mmu_notifier_ops *ops = sub->ops;

	sub->start = ops->invalidate_range_start ? ops->invalidate_range_start
						 : start_nothing;
	sub->end = ops->invalidate_range_end ? ops->invalidate_range_end
					     : end_nothing;
	sub->birth = ++subs->births;
	sub->next = subs->newest;
	sub->prev = &subs->newest;
	sub->next->prev = &sub->next;
	/* Before it can be found: who is told of a start must find its end. */
	set_mode(subs, MODE_PLAIN);
	smp_store_release(&subs->newest, sub);
	count_rare(subs, ops, 1);
	subs->stats.plain++;
	subs->nr_plain++;
}

/* Take @sub out of every walk to come; its own link stays for those under way. */
static __always_inline void hide(struct mmu_notifier_subscriptions *subs,
				 struct mmu_notifier *sub) __must_hold(subs->lock)
{
	struct mmu_notifier **prev = sub->prev;

	if (!(sub->state & PLAIN_LIVE))
		return;
	sub->state &= ~PLAIN_LIVE;
	smp_store_release(prev, sub->next);
	sub->next->prev = prev;
	count_rare(subs, sub->ops, -1);
	subs->stats.plain--;
	if (is_tail(subs->newest))
		clear_mode(subs, MODE_PLAIN);
}

/* --- walks of start and end -------------------------------------------------- */

static noinline int start_failed(struct mmu_notifier *sub,
				 const struct mmu_notifier_range *range, int ret)
{
	bool blockable = mmu_notifier_range_blockable(range);

	WARN(blockable || ret != -EAGAIN, "%pS answered %d to %s %s",
	     (void *)sub->ops->invalidate_range_start, ret,
	     blockable ? "blockable" : "non-blocking",
	     mmu_notifier_event_name(range->event));
	if (blockable)
		return 0;
	WARN(sub->ops->invalidate_range_end != NULL,
	     "%pS may fail and has an end",
	     (void *)sub->ops->invalidate_range_start);
	return ret;
}

/* In numbers, if they are wanted; for the walks that are not in a hurry. */
static int tell_start(struct mmu_notifier_subscriptions *subs,
		      const struct mmu_notifier_range *range,
		      struct mmu_notifier *sub, bool observe)
{
	unsigned long since;
	int answer;

	if (!observe || sub->start == start_nothing)
		return sub->start(sub, range);
	since = rdtsc();
	answer = sub->start(sub, range);
	notifier_observe_call(subs, range, &sub->figures, sub, rdtsc() - since,
			      answer);
	return answer;
}

static void tell_end(struct mmu_notifier_subscriptions *subs,
		     const struct mmu_notifier_range *range,
		     struct mmu_notifier *sub, bool observe)
{
	unsigned long since;

	if (!observe || sub->end == end_nothing) {
		sub->end(sub, range);
		return;
	}
	since = rdtsc();
	sub->end(sub, range);
	notifier_observe_call_end(subs, range, sub, rdtsc() - since);
}

/* notifier_gate_enter() where the word is at hand. */
static __always_inline bool __must_check
enter_calls(struct mmu_notifier_subscriptions *subs)
{
	return !atomic64_add_negative(NOTIFIER_GATE_TICKET_0, &subs->call_word);
}

static noinline void leave_at_tail_busy(struct mmu_notifier *tail)
{
	notifier_gate_leave_busy(&owner_of_tail(tail)->calls);
}

/* The other way out: by where the walk has come to. */
static __always_inline void leave_at_tail(struct mmu_notifier *tail)
{
	if (unlikely(atomic64_sub_negative(NOTIFIER_GATE_TICKET_0,
					   &owner_of_tail(tail)->call_word)))
		leave_at_tail_busy(tail);
}

/* Inside the gate: everybody up to the one born as @told, newest first. */
static void end_all(struct mmu_notifier_subscriptions *subs,
		    const struct mmu_notifier_range *range, bool observe)
{
	struct mmu_notifier *sub = newest(subs);

	while (sub->birth > range->told)
		sub = next(sub);
	for (; !is_tail(sub); sub = next(sub))
		tell_end(subs, range, sub, observe);
}

/*
 * @sub answered: what is left of the walk, and if anybody failed the ends that
 * are owed for it (R3.3). Inside the gate.
 */
static int start_rest(struct mmu_notifier_subscriptions *subs,
		      struct mmu_notifier_range *range,
		      struct mmu_notifier *sub, int answer, bool observe)
{
	int ret = 0;

	for (;;) {
		if (unlikely(answer)) {
			answer = start_failed(sub, range, answer);
			if (answer)
				ret = answer;
		}
		sub = next(sub);
		if (is_tail(sub))
			break;
		answer = tell_start(subs, range, sub, observe);
	}
	if (ret)
		end_all(subs, range, observe);
	return ret;
}

static int start_all(struct mmu_notifier_subscriptions *subs,
		     struct mmu_notifier_range *range, bool observe)
{
	struct mmu_notifier *sub = newest(subs);
	int ret;

	range->told = sub->birth;
	if (is_tail(sub))
		return 0;
	notifier_calls_begin(range);
	ret = start_rest(subs, range, sub,
			 tell_start(subs, range, sub, observe), observe);
	notifier_calls_end(range);
	return ret;
}

static void count_walk(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	subs->stats.walks++;
	spin_unlock(&subs->lock);
}

int notifier_plain_start_beside(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier_range *range, bool observe)
{
	long ticket;
	int ret;

	if (observe)
		count_walk(subs);
	ticket = notifier_gate_enter(&subs->calls);
	ret = start_all(subs, range, observe);
	notifier_gate_leave(&subs->calls, ticket);
	return ret;
}

/* Somebody waits for walks to end: ours may belong to the other epoch. */
static noinline int start_busy(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range)
{
	long ticket = notifier_gate_enter_busy(&subs->calls);
	int ret = start_all(subs, range, false);

	notifier_gate_leave(&subs->calls, ticket);
	return unlikely(ret) ? notifier_start_failed(subs, range, ret) : 0;
}

/* In the middle of the walk of notifier_plain_start(), which it finishes. */
static noinline int start_answered(struct mmu_notifier_range *range,
				   struct mmu_notifier *sub, int answer)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(range->mm);
	int ret = start_rest(subs, range, sub, answer, false);

	notifier_calls_end(range);
	notifier_gate_leave(&subs->calls, NOTIFIER_GATE_TICKET_0);
	return unlikely(ret) ? notifier_start_failed(subs, range, ret) : 0;
}

/* What is rare is a tail call, so that it costs the usual way no register. */
int notifier_plain_start(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier *sub;
	int answer;

	if (unlikely(!enter_calls(subs)))
		return start_busy(subs, range);
	sub = newest(subs);
	range->told = sub->birth;
	notifier_calls_begin(range);
	answer = sub->start(sub, range);
	if (likely(!answer)) {
		sub = next(sub);
		/* One subscription is the rule: the tail need not be called. */
		if (likely(is_tail(sub)))
			goto out;
		while (likely(!(answer = sub->start(sub, range))))
			sub = next(sub);
	}
	if (unlikely(!is_tail(sub)))
		return start_answered(range, sub, answer);
out:
	notifier_calls_end(range);
	leave_at_tail(sub);
	return 0;
}

void notifier_plain_end_beside(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range, bool observe)
{
	long ticket;

	if (observe)
		count_walk(subs);
	ticket = notifier_gate_enter(&subs->calls);
	notifier_calls_begin(range);
	end_all(subs, range, observe);
	notifier_calls_end(range);
	range->told = 0;
	notifier_gate_leave(&subs->calls, ticket);
}

static noinline void end_busy(struct mmu_notifier_subscriptions *subs,
			      struct mmu_notifier_range *range)
{
	long ticket = notifier_gate_enter_busy(&subs->calls);

	notifier_calls_begin(range);
	end_all(subs, range, false);
	notifier_calls_end(range);
	notifier_gate_leave(&subs->calls, ticket);
}

void notifier_plain_end(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier *sub;

	/* The tree was not empty at start. */
	if (unlikely(range->seq))
		notifier_close_hit(subs, range);
	if (unlikely(!enter_calls(subs))) {
		end_busy(subs, range);
		return;
	}
	sub = newest(subs);
	while (sub->birth > range->told)
		sub = next(sub);
	notifier_calls_begin(range);
	do {
		sub->end(sub, range);
		sub = next(sub);
	} while (!is_tail(sub));
	notifier_calls_end(range);
	leave_at_tail(sub);
}

/* --- walks of the other callbacks -------------------------------------------- */

/*
 * For each subscription of @mm, newest first, inside the gate. To be closed by
 * PLAIN_WALK_END; `break' ends the walk. Most callers hold the lock of a page
 * table, some do not; the callbacks never sleep (R5.6). What the last to leave
 * frees is freed with that lock held: subs->lock comes after it.
 */
#define PLAIN_WALK(mm, sub)                                                  \
	do {                                                                 \
		struct mmu_notifier_subscriptions *walk_subs_ =              \
			subscriptions_of(mm);                                \
		long walk_ticket_ = notifier_gate_enter(&walk_subs_->calls); \
		non_block_start();                                           \
		for ((sub) = newest(walk_subs_); !is_tail(sub);              \
		     (sub) = next(sub)) {
#define PLAIN_WALK_END                                         \
	}                                                      \
	non_block_end();                                       \
	notifier_gate_leave(&walk_subs_->calls, walk_ticket_); \
	}                                                      \
	while (0)

/* 0 when nobody looks, and only then: a kernel's clock may stand still. */
static __always_inline unsigned long call_begins(struct mm_struct *mm)
{
	return being_looked_at(subscriptions_of(mm)) ? rdtsc() | 1 : 0;
}

static __always_inline void call_ended(struct mm_struct *mm,
				       struct mmu_notifier *sub, const char *what,
				       unsigned long start, unsigned long end,
				       int answer, unsigned long since)
{
	if (unlikely(since))
		notifier_observe_told(subscriptions_of(mm), sub, what, start,
				      end, answer, rdtsc() - since);
}

/* One subscriber's answer to a question that clears its mark. */
static bool ask_clear(struct mm_struct *mm, struct mmu_notifier *sub,
		      bool (*clear)(struct mmu_notifier *sub, struct mm_struct *mm,
				    unsigned long start, unsigned long end),
		      const char *what, unsigned long start, unsigned long end)
{
	unsigned long since = call_begins(mm);
	bool young = clear(sub, mm, start, end);

	call_ended(mm, sub, what, start, end, young, since);
	return young;
}

bool __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				      unsigned long end)
{
	struct mmu_notifier *sub;
	bool young = false;

	PLAIN_WALK(mm, sub)
	if (sub->ops->clear_flush_young)
		young |= ask_clear(mm, sub, sub->ops->clear_flush_young,
				   "clear_flush_young", start, end);
	PLAIN_WALK_END;
	return young;
}

bool __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
				unsigned long end)
{
	struct mmu_notifier *sub;
	bool young = false;

	PLAIN_WALK(mm, sub)
	if (sub->ops->clear_young)
		young |= ask_clear(mm, sub, sub->ops->clear_young,
				   "clear_young", start, end);
	PLAIN_WALK_END;
	return young;
}

bool __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address)
{
	struct mmu_notifier *sub;
	bool young = false;

	PLAIN_WALK(mm, sub)
	if (sub->ops->test_young) {
		unsigned long since = call_begins(mm);

		young = sub->ops->test_young(sub, mm, address);
		call_ended(mm, sub, "test_young", address, address + 1, young,
			   since);
	}
	if (young)
		break;
	PLAIN_WALK_END;
	return young;
}

static noinline void tell_followers(struct mm_struct *mm, unsigned long address,
				    unsigned long entry)
{
	struct mmu_notifier *sub;

	PLAIN_WALK(mm, sub)
	if (sub->ops->change_pte) {
		unsigned long since = call_begins(mm);

		sub->ops->change_pte(sub, mm, address, entry);
		call_ended(mm, sub, "change_pte", address, address + 1, 0, since);
	}
	PLAIN_WALK_END;
}

void __mmu_notifier_change_pte(struct mm_struct *mm, unsigned long address,
			       unsigned long entry)
{
	if (unlikely(READ_ONCE(subscriptions_of(mm)->nr_followers)))
		tell_followers(mm, address, entry);
}

static noinline void tell_tlbs(struct mm_struct *mm, unsigned long start,
			       unsigned long end)
{
	struct mmu_notifier *sub;

	PLAIN_WALK(mm, sub)
	if (sub->ops->invalidate_range) {
		unsigned long since = call_begins(mm);

		sub->ops->invalidate_range(sub, mm, start, end);
		call_ended(mm, sub, "invalidate_range", start, end, 0, since);
	}
	PLAIN_WALK_END;
}

void __mmu_notifier_invalidate_range(struct mm_struct *mm, unsigned long start,
				     unsigned long end)
{
	if (unlikely(READ_ONCE(subscriptions_of(mm)->nr_tlbs)))
		tell_tlbs(mm, start, end);
}

/* --- register and unregister --------------------------------------------------- */

static int check_ops(const struct mmu_notifier_ops *ops)
{
	if (WARN(ops->invalidate_range && (ops->invalidate_range_start ||
					   ops->invalidate_range_end),
		 "ops %p mix a secondary TLB with start or end", (void *)ops))
		return -EINVAL;
	return 0;
}

int __mmu_notifier_register(struct mmu_notifier *subscription,
			    struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs;
	u64 pass;
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
	subs = subscriptions_of(mm);
	subscription->mm = mm;
	subscription->users = 1;
	subscription->state = PLAIN_LIVE;
	subscription->figures = NULL;
	mmgrab(mm);
	spin_lock(&subs->lock);
	link_newest(subs, subscription);
	/* The barrier of "publish, then count" is in the question. */
	pass = notifier_gate_ask(&subs->ranges);
	subscription->settled = pass;
	spin_unlock(&subs->lock);
	mmu_notifier_might_invalidate();
	notifier_gate_wait(&subs->ranges, pass);
	return 0;
}

/* clang does not follow an acquisition that may fail with an error. */
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

/* Whose part is it to call release? Only one caller gets MINE. */
enum claim {
	CLAIM_MINE,
	CLAIM_ELSEWHERE, /* who is inside `calls' until it is over */
	CLAIM_NOBODYS,   /* over, or never to be */
};

/* Inside `calls': who finds it claimed waits for those inside, and so for it. */
static enum claim claim_release(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier *sub)
{
	enum claim claim = CLAIM_NOBODYS;

	spin_lock(&subs->lock);
	if (sub->state & PLAIN_LIVE)
		claim = sub->state & PLAIN_RELEASED ? CLAIM_ELSEWHERE
						    : CLAIM_MINE;
	if (claim == CLAIM_MINE)
		sub->state |= PLAIN_RELEASED;
	spin_unlock(&subs->lock);
	return claim;
}

/*
 * A callback like any other, awaited by who exits or unregisters. Out of line, so
 * that reports name it.
 */
static noinline void tell_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	unsigned long since = call_begins(mm);

	mmu_notifier_map_acquire();
	sub->ops->release(sub, mm);
	mmu_notifier_map_release();
	call_ended(mm, sub, "release", 0, ~0ul, 0, since);
}

static void wait_for_calls(struct mmu_notifier_subscriptions *subs)
{
	u64 pass;

	spin_lock(&subs->lock);
	pass = notifier_gate_ask(&subs->calls);
	spin_unlock(&subs->lock);
	notifier_gate_wait(&subs->calls, pass);
}

void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	enum claim claim;
	long ticket;
	u64 pass;

	might_sleep();
	mmu_notifier_might_invalidate();
	if (IS_ENABLED(CONFIG_DEBUG) &&
	    !notifier_check_unregister(subscription, mm))
		return;
	if (subscription->ops->release) {
		ticket = notifier_gate_enter(&subs->calls);
		claim = claim_release(subs, subscription);
		if (claim == CLAIM_MINE)
			tell_release(subscription, mm);
		notifier_gate_leave(&subs->calls, ticket);
		if (unlikely(claim == CLAIM_ELSEWHERE))
			wait_for_calls(subs);
	}
	spin_lock(&subs->lock);
	hide(subs, subscription);
	subs->nr_plain--;
	pass = notifier_gate_ask(&subs->calls);
	spin_unlock(&subs->lock);
	notifier_gate_wait(&subs->calls, pass);
	notifier_forget(subscription->figures);
	mmdrop(mm);
}

/*
 * The mm is going (R2.23): everybody's release, newest first; wait for those
 * that an unregister beside us calls; then nobody is found any more, and who
 * was found has been told.
 */
void notifier_plain_release(struct mmu_notifier_subscriptions *subs,
			    struct mm_struct *mm)
{
	struct mmu_notifier *sub;
	bool elsewhere = false;
	enum claim claim;
	long ticket;

	ticket = notifier_gate_enter(&subs->calls);
	for (sub = newest(subs); !is_tail(sub); sub = next(sub)) {
		claim = claim_release(subs, sub);
		if (claim == CLAIM_MINE && sub->ops->release)
			tell_release(sub, mm);
		elsewhere |= claim == CLAIM_ELSEWHERE;
	}
	notifier_gate_leave(&subs->calls, ticket);
	if (unlikely(elsewhere))
		wait_for_calls(subs);
	spin_lock(&subs->lock);
	while (!is_tail(subs->newest))
		hide(subs, subs->newest);
	spin_unlock(&subs->lock);
	wait_for_calls(subs);
}

/* --- get, put, synchronize -------------------------------------------------- */

static struct mmu_notifier *find_by_ops(struct mmu_notifier_subscriptions *subs,
					const struct mmu_notifier_ops *ops)
	__must_hold(subs->lock)
{
	struct mmu_notifier *sub;

	for (sub = subs->newest; !is_tail(sub); sub = sub->next) {
		if (sub->ops == ops)
			return sub;
	}
	return NULL;
}

/* Only under ->lock does it go up, so what is found there is not yet put. */
static __always_inline bool add_user(struct mmu_notifier *sub)
{
	unsigned int users = READ_ONCE(sub->users);

	do {
		if (unlikely(users == ~0u))
			return false;
	} while (unlikely(!try_cmpxchg(&sub->users, &users, users + 1)));
	return true;
}

/*
 * Not the last one's: that is taken away under ->lock, with all that follows.
 * Acquire, pairs with the exchange: who finds itself the last sees all that
 * the others did before they put theirs, and may free it.
 */
static __always_inline bool drop_user(struct mmu_notifier *sub)
{
	unsigned int users = smp_load_acquire(&sub->users);

	do {
		if (unlikely(users <= 1))
			return false;
	} while (unlikely(!try_cmpxchg(&sub->users, &users, users - 1)));
	return true;
}

/*
 * Return: it with one more user, NULL if there is none, or an error. One whose
 * registration still waits for ranges is not to be had yet: who holds mmap_lock
 * meets none such.
 */
static __always_inline struct mmu_notifier *
get_existing(struct mm_struct *mm, const struct mmu_notifier_ops *ops)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier *sub;

	if (!subs)
		return NULL;
	spin_lock(&subs->lock);
	sub = find_by_ops(subs, ops);
	if (sub && unlikely(sub->settled > subs->ranges.passed))
		sub = NULL;
	if (sub && unlikely(!add_user(sub)))
		sub = ERR_PTR(-EOVERFLOW);
	spin_unlock(&subs->lock);
	return sub;
}

struct mmu_notifier *mmu_notifier_get_locked(const struct mmu_notifier_ops *ops,
					     struct mm_struct *mm)
{
	struct mmu_notifier *sub;
	int ret;

	lockdep_assert_held_write(&mm->mmap_lock);
	sub = get_existing(mm, ops);
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

static noinline struct mmu_notifier *get_slow(const struct mmu_notifier_ops *ops,
					      struct mm_struct *mm) __no_thread_safety
{
	struct mmu_notifier *sub;
	int ret;

	ret = down_write_killable(&mm->mmap_lock);
	if (ret)
		return ERR_PTR(ret);
	sub = mmu_notifier_get_locked(ops, mm);
	mmap_write_unlock(mm);
	return sub;
}

struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm)
{
	struct mmu_notifier *sub;

	might_sleep();
	might_lock(&mm->mmap_lock);
	/* Only making one needs the lock. */
	sub = get_existing(mm, ops);
	return likely(sub) ? sub : get_slow(ops, mm);
}

/* Nobody can see @sub any more: it goes, and its hold of the mm. */
static __always_inline void put_free(struct mmu_notifier *sub)
{
	struct mm_struct *mm = sub->mm;

	notifier_forget(sub->figures);
	non_block_start();
	sub->ops->free_notifier(sub);
	non_block_end();
	mmdrop(mm);
}

static void put_run_free(struct mmu_notifier_deferred *deferred)
{
	struct mmu_notifier *sub =
		container_of(deferred, struct mmu_notifier, deferred);
	long ticket = sub->ticket;

	put_free(sub);
	notifier_gate_leave(&freeing, ticket);
}

/*
 * Somebody walks and may see @sub: who leaves last frees it, not before ->lock
 * is free. Return: false if they have left by now.
 */
static noinline bool put_off_free(struct mmu_notifier_subscriptions *subs,
				  struct mmu_notifier *sub)
	__must_hold(subs->lock)
{
	sub->deferred.run = put_run_free;
	if (notifier_gate_defer(&subs->calls, &sub->deferred))
		return false;
	sub->ticket = notifier_gate_enter(&freeing);
	return true;
}

/* Perhaps the last: somebody may still get it. Does the caller free it? */
static __always_inline bool put_locked(struct mmu_notifier_subscriptions *subs,
				       struct mmu_notifier *sub)
	__must_hold(subs->lock)
{
	if (unlikely(drop_user(sub)))
		return false;
	if (WARN(!READ_ONCE(sub->users), "put of %p without a user", (void *)sub))
		return false;
	WRITE_ONCE(sub->users, 0);
	hide(subs, sub);
	subs->nr_plain--;
	return likely(notifier_gate_empty(&subs->calls)) ||
	       !put_off_free(subs, sub);
}

static noinline void put_last(struct mmu_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(sub->mm);
	bool free_now;

	spin_lock(&subs->lock);
	free_now = put_locked(subs, sub);
	spin_unlock(&subs->lock);
	if (likely(free_now))
		put_free(sub);
}

void mmu_notifier_put(struct mmu_notifier *subscription)
{
	if (unlikely(!drop_user(subscription)))
		put_last(subscription);
}

void mmu_notifier_synchronize(void)
{
	u64 pass;

	might_sleep();
	mmu_notifier_might_invalidate();
	spin_lock(&freeing_lock);
	pass = notifier_gate_ask(&freeing);
	spin_unlock(&freeing_lock);
	notifier_gate_wait(&freeing, pass);
}

unsigned long mmu_notifier_nr_pending(void)
{
	return notifier_gate_inside(&freeing);
}
