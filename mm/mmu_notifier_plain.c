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
 * Idea.  One array a mm, oldest first, in the shape the walk wants: object and
 * both functions side by side, so that a call costs a handful of instructions.
 * A walk goes from the newest to the oldest (R2.14) and counts itself in the
 * gate `calls'. Who registers is appended and becomes visible with the count;
 * who leaves has its functions replaced by ones that do nothing. Slots never
 * move: when the array is full, or half dead, the living are copied to a new
 * one and the old is freed when its walks are over.
 *
 * Both or neither.  Each slot has a birth number; a range notes the highest
 * that its start met and its end calls nobody born later (R2.20).
 *
 * States of a subscription:
 *
 *	state		in the table	release
 *	0		no		was not called and will not be, or is over
 *	LIVE		yes		not yet
 *	LIVE|RELEASED	yes		runs, or has run: who set the bit runs it
 *	RELEASED	no		has begun; whoever waits for `calls' waits
 *					for its end too
 *
 *	field		read with		written with
 *	->table		inside ->calls		->lock
 *	table->nr	acquire, same		->lock, release
 *	slot->start,end	ONCE, same		->lock, ONCE
 *	sub->state	->lock			->lock
 *	sub->users	atomic			atomic; up, and to 0: ->lock
 *
 * The table grows only with mmap_lock held for writing, so that what was
 * allocated before ->lock still fits when it is held.
 *
 * The races it must win:
 *
 *	exit				unregister
 *	lock; LIVE -> +RELEASED
 *	release() runs			lock; RELEASED already: not mine
 *					hide; ask; sleep
 *	release() returns; leave	goes on, frees
 *	    release_runs_exactly_once_when_unregister_races_exit
 *
 *	exit				unregister
 *					inside `calls'; LIVE -> +RELEASED
 *	lock; RELEASED already
 *	hide; ask; sleep		release() runs
 *	goes on, frees pages		release() returns; leave
 *	    exit_waits_for_a_release_that_unregister_runs
 *
 *	get				another get, of the same ops
 *	made, published; ranges open
 *					finds it; not settled: mmap_lock, sleep
 *	they have ended; unlock		may use it
 *	    a_second_get_waits_for_the_ranges_that_the_first_waits_for
 *
 *	start (in its walk)		put
 *	p = slot->sub			hide; somebody is inside: put off
 *	p->start()
 *	leave: last, runs free(p)
 *	    put_frees_after_the_last_callback_has_returned
 *
 * Lifetime.  A registered subscription holds the mm struct; the array holds
 * nothing. Not here: ranges and intervals (mm/mmu_notifier.c).
 *
 * Over 600 lines because every call below reads or changes the state of a slot,
 * and the table above has to be checked against all of them at once.
 */
#include "notifier_internal.h"

#define PLAIN_LIVE      1u /* in the table */
#define PLAIN_RELEASED  2u /* somebody calls or has called its release */

#define PLAIN_FIRST_CAP 8u

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

/* --- the table -------------------------------------------------------------- */

static int start_nothing(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	return 0;
}

static void end_nothing(struct mmu_notifier *sub,
			const struct mmu_notifier_range *range)
{
}

static void table_run_free(struct mmu_notifier_deferred *deferred)
{
	kfree(container_of(deferred, struct plain_table, freeing));
}

/* Nobody finds @table any more; true if the caller frees it, unlocked. */
static bool retire_table(struct mmu_notifier_subscriptions *subs,
			 struct plain_table *table) __must_hold(subs->lock)
{
	table->freeing.run = table_run_free;
	return notifier_gate_defer(&subs->calls, &table->freeing);
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

/* Take @sub out of every walk to come. Return: a table to free, or NULL. */
static struct plain_table *hide(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier *sub) __must_hold(subs->lock)
{
	struct plain_table *table = subs->table;
	struct plain_slot *slot;

	if (!(sub->state & PLAIN_LIVE))
		return NULL;
	sub->state &= ~PLAIN_LIVE;
	count_rare(subs, sub->ops, -1);
	slot = &table->slots[sub->slot];
	WRITE_ONCE(slot->start, start_nothing);
	WRITE_ONCE(slot->end, end_nothing);
	WRITE_ONCE(slot->dead, true);
	subs->stats.plain--;
	if (--table->live)
		return NULL;
	WRITE_ONCE(subs->table, NULL);
	clear_mode(subs, MODE_PLAIN);
	return retire_table(subs, table) ? table : NULL;
}

static struct plain_table *table_alloc(unsigned int cap)
{
	struct plain_table *table = kmalloc(
		sizeof(*table) + cap * sizeof(table->slots[0]), GFP_KERNEL);

	if (table) {
		table->nr = 0;
		table->live = 0;
		table->cap = cap;
	}
	return table;
}

/*
 * Does one more fit, as the table stands? Only a registration makes it fuller,
 * and registrations hold mmap_lock for writing.
 */
static unsigned int cap_wanted(const struct plain_table *table)
{
	unsigned int cap = PLAIN_FIRST_CAP;

	if (table && table->nr < table->cap)
		return 0;
	while (table && cap <= table->live * 2)
		cap *= 2;
	return cap;
}

static void copy_living(struct plain_table *to, const struct plain_table *from)
{
	unsigned int i;

	for (i = 0; from && i < from->nr; i++) {
		if (from->slots[i].dead)
			continue;
		to->slots[to->nr] = from->slots[i];
		to->slots[to->nr].sub->slot = to->nr;
		to->nr++;
	}
	to->live = to->nr;
}

static void append(struct mmu_notifier_subscriptions *subs,
		   struct plain_table *table, struct mmu_notifier *sub)
	__must_hold(subs->lock)
{
	struct plain_slot *slot = &table->slots[table->nr];
	const struct mmu_notifier_ops *ops = sub->ops;

	slot->sub = sub;
	slot->start = ops->invalidate_range_start ? ops->invalidate_range_start
						  : start_nothing;
	slot->end = ops->invalidate_range_end ? ops->invalidate_range_end
					      : end_nothing;
	slot->birth = ++subs->births;
	slot->dead = false;
	sub->slot = table->nr;
	count_rare(subs, ops, 1);
	table->live++;
	subs->stats.plain++;
	set_mode(subs, MODE_PLAIN);
	/* Pairs with the acquire in the walks: the slot is whole. */
	smp_store_release(&table->nr, table->nr + 1);
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

static __always_inline int tell_start(struct mmu_notifier_subscriptions *subs,
				      struct mmu_notifier_range *range,
				      struct plain_slot *slot, const bool observe)
{
	unsigned long since;
	int answer;

	if (!observe)
		return READ_ONCE(slot->start)(slot->sub, range);
	if (READ_ONCE(slot->start) == start_nothing)
		return 0;
	since = rdtsc();
	answer = READ_ONCE(slot->start)(slot->sub, range);
	notifier_observe_call(subs, range, &slot->sub->figures, slot->sub,
			      rdtsc() - since, answer);
	return answer;
}

static __always_inline void tell_end(struct mmu_notifier_subscriptions *subs,
				     const struct mmu_notifier_range *range,
				     struct plain_slot *slot, const bool observe)
{
	unsigned long since;

	if (!observe) {
		READ_ONCE(slot->end)(slot->sub, range);
		return;
	}
	if (READ_ONCE(slot->end) == end_nothing)
		return;
	since = rdtsc();
	READ_ONCE(slot->end)(slot->sub, range);
	notifier_observe_call_end(subs, range, slot->sub, rdtsc() - since);
}

/*
 * All that are in @table up to the one born as @told, newest first. Four at a
 * time, here and below: a third of a step would be the loop's own.
 */
static __always_inline void walk_end(struct mmu_notifier_subscriptions *subs,
				     const struct mmu_notifier_range *range,
				     struct plain_table *table,
				     const bool observe)
{
	struct plain_slot *slot = table->slots + smp_load_acquire(&table->nr);

	while (slot != table->slots && slot[-1].birth > range->told)
		slot--;
	for (; slot >= table->slots + 4; slot -= 4) {
		tell_end(subs, range, slot - 1, observe);
		tell_end(subs, range, slot - 2, observe);
		tell_end(subs, range, slot - 3, observe);
		tell_end(subs, range, slot - 4, observe);
	}
	while (slot != table->slots)
		tell_end(subs, range, --slot, observe);
}

/*
 * The one in @slot answered: what is left of the walk, and if it failed the
 * ends that are owed for it (R3.3).
 */
static noinline int start_rest(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range,
			       struct plain_table *table,
			       struct plain_slot *slot, int answer)
{
	const bool observe = being_looked_at(subs);
	int ret = 0;

	for (;;) {
		if (unlikely(answer)) {
			answer = start_failed(slot->sub, range, answer);
			if (answer)
				ret = answer;
		}
		if (slot == table->slots)
			break;
		answer = tell_start(subs, range, --slot, observe);
	}
	if (ret)
		walk_end(subs, range, table, observe);
	return ret;
}

static __always_inline int walk_start(struct mmu_notifier_subscriptions *subs,
				      struct mmu_notifier_range *range,
				      struct plain_table *table,
				      const bool observe)
{
	struct plain_slot *slot = table->slots + smp_load_acquire(&table->nr);
	int answer;

	range->told = slot[-1].birth;
	while (slot >= table->slots + 4) {
		answer = tell_start(subs, range, --slot, observe);
		if (likely(!answer))
			answer = tell_start(subs, range, --slot, observe);
		if (likely(!answer))
			answer = tell_start(subs, range, --slot, observe);
		if (likely(!answer))
			answer = tell_start(subs, range, --slot, observe);
		if (unlikely(answer))
			return start_rest(subs, range, table, slot, answer);
	}
	while (slot != table->slots) {
		answer = tell_start(subs, range, --slot, observe);
		if (unlikely(answer))
			return start_rest(subs, range, table, slot, answer);
	}
	return 0;
}

/* notifier_gate_enter() and _leave() where the word is at hand. */
static __always_inline bool __must_check
enter_calls(struct mmu_notifier_subscriptions *subs)
{
	return !atomic64_add_negative(NOTIFIER_GATE_TICKET_0, &subs->call_word);
}

static noinline void leave_calls_busy(struct mmu_notifier_subscriptions *subs)
{
	notifier_gate_leave_busy(&subs->calls);
}

static __always_inline void leave_calls(struct mmu_notifier_subscriptions *subs,
					long ticket)
{
	if (unlikely(atomic64_sub_negative(ticket, &subs->call_word)))
		leave_calls_busy(subs);
}

/* Inside the gate; leaves it. */
static __always_inline int start_all(struct mmu_notifier_subscriptions *subs,
				     struct mmu_notifier_range *range,
				     long ticket, const bool observe)
{
	struct plain_table *table = smp_load_acquire(&subs->table);
	int ret = 0;

	if (likely(table)) {
		notifier_calls_begin(range);
		ret = walk_start(subs, range, table, observe);
		notifier_calls_end(range);
	}
	leave_calls(subs, ticket);
	return ret;
}

static __always_inline void end_all(struct mmu_notifier_subscriptions *subs,
				    struct mmu_notifier_range *range,
				    long ticket, const bool observe)
{
	struct plain_table *table = smp_load_acquire(&subs->table);

	if (likely(table)) {
		notifier_calls_begin(range);
		walk_end(subs, range, table, observe);
		notifier_calls_end(range);
	}
	range->told = 0;
	leave_calls(subs, ticket);
}

static void count_walk(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	subs->stats.walks++;
	spin_unlock(&subs->lock);
}

/* Somebody waits for walks to end: ours may belong to the other epoch. */
static noinline int start_busy(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range)
{
	long ticket = notifier_gate_enter_busy(&subs->calls);
	int ret = start_all(subs, range, ticket, false);

	return unlikely(ret) ? notifier_start_failed(subs, range, ret) : 0;
}

static noinline void end_busy(struct mmu_notifier_subscriptions *subs,
			      struct mmu_notifier_range *range)
{
	end_all(subs, range, notifier_gate_enter_busy(&subs->calls), false);
}

/* What is rare is a tail call, so that it costs the usual way no register. */
int notifier_plain_start(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier_range *range)
{
	int ret;

	if (unlikely(!enter_calls(subs)))
		return start_busy(subs, range);
	ret = start_all(subs, range, NOTIFIER_GATE_TICKET_0, false);
	return unlikely(ret) ? notifier_start_failed(subs, range, ret) : 0;
}

int notifier_plain_start_beside(struct mmu_notifier_subscriptions *subs,
				struct mmu_notifier_range *range, bool observe)
{
	long ticket;

	if (observe)
		count_walk(subs);
	ticket = notifier_gate_enter(&subs->calls);
	return observe ? start_all(subs, range, ticket, true)
		       : start_all(subs, range, ticket, false);
}

void notifier_plain_end(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier_range *range)
{
	if (unlikely(!enter_calls(subs)))
		end_busy(subs, range);
	else
		end_all(subs, range, NOTIFIER_GATE_TICKET_0, false);
}

void notifier_plain_end_beside(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier_range *range, bool observe)
{
	long ticket;

	if (observe)
		count_walk(subs);
	ticket = notifier_gate_enter(&subs->calls);
	if (observe)
		end_all(subs, range, ticket, true);
	else
		end_all(subs, range, ticket, false);
}

/* --- walks of the other callbacks -------------------------------------------- */

/*
 * For each living subscription of @mm, newest first, inside the gate. To be
 * closed by PLAIN_WALK_END; `break' ends the walk. Most callers hold the lock of
 * a page table, some do not; the callbacks never sleep (R5.6). What the last to
 * leave frees is freed with that lock held: subs->lock comes after it.
 */
#define PLAIN_WALK(mm, sub)                                                   \
	do {                                                                  \
		struct mmu_notifier_subscriptions *walk_subs_ =               \
			subscriptions_of(mm);                                 \
		long walk_ticket_ = notifier_gate_enter(&walk_subs_->calls);  \
		struct plain_table *walk_table_ =                             \
			smp_load_acquire(&walk_subs_->table);                 \
		unsigned int walk_i_ =                                        \
			walk_table_ ? smp_load_acquire(&walk_table_->nr) : 0; \
		non_block_start();                                            \
		while (walk_i_-- > 0) {                                       \
			if (READ_ONCE(walk_table_->slots[walk_i_].dead))      \
				continue;                                     \
			(sub) = walk_table_->slots[walk_i_].sub;
#define PLAIN_WALK_END                                         \
	}                                                      \
	non_block_end();                                       \
	notifier_gate_leave(&walk_subs_->calls, walk_ticket_); \
	}                                                      \
	while (0)

bool __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				      unsigned long end)
{
	struct mmu_notifier *sub;
	bool young = false;

	PLAIN_WALK(mm, sub)
	if (sub->ops->clear_flush_young)
		young |= sub->ops->clear_flush_young(sub, mm, start, end);
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
		young |= sub->ops->clear_young(sub, mm, start, end);
	PLAIN_WALK_END;
	return young;
}

bool __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address)
{
	struct mmu_notifier *sub;
	bool young = false;

	PLAIN_WALK(mm, sub)
	if (sub->ops->test_young && sub->ops->test_young(sub, mm, address)) {
		young = true;
		break;
	}
	PLAIN_WALK_END;
	return young;
}

static noinline void tell_followers(struct mm_struct *mm, unsigned long address,
				    unsigned long entry)
{
	struct mmu_notifier *sub;

	PLAIN_WALK(mm, sub)
	if (sub->ops->change_pte)
		sub->ops->change_pte(sub, mm, address, entry);
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
	if (sub->ops->invalidate_range)
		sub->ops->invalidate_range(sub, mm, start, end);
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
	struct plain_table *fresh = NULL, *old, *free_now = NULL;
	unsigned int cap;
	u64 pass;
	int ret;

	lockdep_assert_held_write(&mm->mmap_lock);
	BUG_ON(atomic_read(&mm->mm_users) <= 0);
	ret = check_ops(subscription->ops);
	if (!ret)
		ret = ensure_subscriptions(mm);
	if (ret)
		return ret;
	subs = subscriptions_of(mm);
	spin_lock(&subs->lock);
	cap = cap_wanted(subs->table);
	spin_unlock(&subs->lock);
	if (cap) {
		fresh = table_alloc(cap);
		if (!fresh)
			return -ENOMEM;
	}
	spin_lock(&subs->lock);
	old = subs->table;
	if (!old && !fresh) {
		/* The last one left meanwhile and took its table along. */
		spin_unlock(&subs->lock);
		fresh = table_alloc(PLAIN_FIRST_CAP);
		if (!fresh)
			return -ENOMEM;
		spin_lock(&subs->lock);
		old = NULL;
	}
	subscription->mm = mm;
	subscription->users = 1;
	subscription->state = PLAIN_LIVE;
	subscription->figures = NULL;
	if (fresh) {
		copy_living(fresh, old);
		append(subs, fresh, subscription);
		smp_store_release(&subs->table, fresh);
		if (old && retire_table(subs, old))
			free_now = old;
	} else {
		append(subs, old, subscription);
	}
	/* The barrier of "publish, then count" is in the question. */
	pass = notifier_gate_ask(&subs->ranges);
	subscription->settled = pass;
	spin_unlock(&subs->lock);
	kfree(free_now);
	mmgrab(mm);
	atomic64_inc(&mmu_notifier_total);
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

/* Is it this caller's part to call release? Only one gets a yes. */
static bool claim_release(struct mmu_notifier *sub)
{
	if ((sub->state & (PLAIN_LIVE | PLAIN_RELEASED)) != PLAIN_LIVE)
		return false;
	sub->state |= PLAIN_RELEASED;
	return true;
}

void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct plain_table *table;
	bool mine;
	long ticket;
	u64 pass;

	might_sleep();
	mmu_notifier_might_invalidate();
	if (subscription->ops->release) {
		/* First inside, then claimed: who finds it claimed waits for it. */
		ticket = notifier_gate_enter(&subs->calls);
		spin_lock(&subs->lock);
		mine = claim_release(subscription);
		spin_unlock(&subs->lock);
		if (mine)
			subscription->ops->release(subscription, mm);
		notifier_gate_leave(&subs->calls, ticket);
	}
	spin_lock(&subs->lock);
	table = hide(subs, subscription);
	pass = notifier_gate_ask(&subs->calls);
	spin_unlock(&subs->lock);
	kfree(table);
	notifier_gate_wait(&subs->calls, pass);
	notifier_forget(subscription->figures);
	atomic64_dec(&mmu_notifier_total);
	mmdrop(mm);
}

/*
 * The mm is going (R2.23): everybody's release, newest first, then nobody is
 * found any more, then wait for those that an unregister beside us calls.
 */
void notifier_plain_release(struct mmu_notifier_subscriptions *subs,
			    struct mm_struct *mm)
{
	struct plain_table *table, *free_now = NULL;
	struct mmu_notifier *sub;
	unsigned int i;
	long ticket;
	u64 pass;

	ticket = notifier_gate_enter(&subs->calls);
	spin_lock(&subs->lock);
	table = subs->table;
	for (i = table ? table->nr : 0; i-- > 0;) {
		if (table->slots[i].dead)
			continue;
		sub = table->slots[i].sub;
		if (!claim_release(sub) || !sub->ops->release)
			continue;
		spin_unlock(&subs->lock);
		sub->ops->release(sub, mm);
		spin_lock(&subs->lock);
	}
	while (subs->table) {
		table = subs->table;
		for (i = table->nr; i-- > 0 && !free_now;) {
			if (!table->slots[i].dead)
				free_now = hide(subs, table->slots[i].sub);
		}
	}
	spin_unlock(&subs->lock);
	notifier_gate_leave(&subs->calls, ticket);
	kfree(free_now);
	spin_lock(&subs->lock);
	pass = notifier_gate_ask(&subs->calls);
	spin_unlock(&subs->lock);
	notifier_gate_wait(&subs->calls, pass);
}

/* --- get, put, synchronize -------------------------------------------------- */

static struct mmu_notifier *find_by_ops(struct mmu_notifier_subscriptions *subs,
					const struct mmu_notifier_ops *ops)
	__must_hold(subs->lock)
{
	struct plain_table *table = subs->table;
	unsigned int i;

	for (i = table ? table->nr : 0; i-- > 0;) {
		if (!table->slots[i].dead && table->slots[i].sub->ops == ops)
			return table->slots[i].sub;
	}
	return NULL;
}

/* Only under ->lock does it go up, so what is found there is not yet put. */
static bool add_user(struct mmu_notifier *sub)
{
	unsigned int users = READ_ONCE(sub->users);

	do {
		if (unlikely(users == ~0u))
			return false;
	} while (!try_cmpxchg(&sub->users, &users, users + 1));
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
static struct mmu_notifier *get_existing(struct mm_struct *mm,
					 const struct mmu_notifier_ops *ops)
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

struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm) __no_thread_safety
{
	struct mmu_notifier *sub;
	int ret;

	might_lock(&mm->mmap_lock);
	/* Only making one needs the lock. */
	sub = get_existing(mm, ops);
	if (sub)
		return sub;
	ret = down_write_killable(&mm->mmap_lock);
	if (ret)
		return ERR_PTR(ret);
	sub = mmu_notifier_get_locked(ops, mm);
	mmap_write_unlock(mm);
	return sub;
}

/* Nobody can see @sub any more: it goes, and its hold of the mm. */
static __always_inline void put_free(struct mmu_notifier *sub)
{
	struct mm_struct *mm = sub->mm;

	notifier_forget(sub->figures);
	sub->ops->free_notifier(sub);
	atomic64_dec(&mmu_notifier_total);
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

/* Perhaps the last: somebody may still get it, until ->lock is taken. */
static noinline void put_last(struct mmu_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(sub->mm);
	struct plain_table *table;
	bool free_now;

	spin_lock(&subs->lock);
	if (unlikely(drop_user(sub))) {
		spin_unlock(&subs->lock);
		return;
	}
	if (WARN(!READ_ONCE(sub->users), "put of %p without a user", (void *)sub)) {
		spin_unlock(&subs->lock);
		return;
	}
	WRITE_ONCE(sub->users, 0);
	table = hide(subs, sub);
	sub->deferred.run = put_run_free;
	free_now = notifier_gate_defer(&subs->calls, &sub->deferred);
	/* It cannot run before ->lock is free. In place it needs no ticket. */
	if (!free_now)
		sub->ticket = notifier_gate_enter(&freeing);
	spin_unlock(&subs->lock);
	if (table)
		kfree(table);
	if (free_now)
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
