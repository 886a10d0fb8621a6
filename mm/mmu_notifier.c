// SPDX-License-Identifier: MIT
/*
 * mm/mmu_notifier.c - tell a device before the ranges it watches change
 *
 * Problem.  A device caches translations. If the CPU side changes a mapping
 * and gives the frame to somebody else first, the device writes into somebody
 * else's page. And a device fault runs in parallel to all this: it looks a
 * page up, and by the time it installs what it found, that may be history.
 *
 * Idea.  A change is bracketed by start and end. At start, every subscriber
 * that overlaps lets go. A device fault takes no lock against that: it notes a
 * number, looks the page up, takes the driver's own lock and asks whether an
 * invalidation passed by. If so it begins again (collision and retry).
 *
 * Every range that hits an interval gets a number of its own: the sequence,
 * which only grows, by 2, and is always odd. Its callbacks store it in the
 * subscriptions they tell. While the range is open it stands in a list.
 *
 *	sub->seq	an open range	what a reader may do
 *	as at begin	none overlaps	install, under the driver's lock
 *	as at begin	overlaps	cannot be told yet or has not been: the
 *					callback comes, takes the driver's lock
 *					and drops what was installed
 *	changed		any		begin again
 *
 *	begin		none overlaps	goes on at once; without a lock if none
 *					hits anybody
 *	begin		overlaps	sleeps until those that were open at its
 *					call have ended; later ones it will
 *					see as a changed number
 *
 * So a reader waits for no range that does not touch its interval, and for
 * none that began after it. The first one of a subscription may have to wait
 * for more (registration, below). How often a reader has to begin again is
 * bounded in mm/mmu_notifier_rounds.c.
 *
 * The tree may change whenever nobody follows its links. A start that hits
 * counts itself as a walker from its search until its last callback, and not
 * until its end; insertions and removals in between are put on a list that the
 * last walker works off. A start that may sleep does not begin a walk while
 * that list waits, so removals are not starved by a stream of these; those that
 * may not sleep are rare, and short.
 *
 *	walkers	tree		insert		remove
 *	0	may change	at once		at once
 *	>0	frozen		put off		put off, the remover sleeps
 *
 * Registration.  A subscription must not be able to install a translation that
 * a range, begun before, then cuts without telling it. Elsewhere that is had
 * by taking every lock under which a range might be open. Here every range is
 * counted in one word of the mm, subscribers or not (mm/notifier/gate.h), and
 * a newcomer asks for the end of those that are counted at that moment: a plain
 * one sleeps until then, an interval one lets its first reader sleep (settle):
 * whatever addresses those ranges have, since who hit nobody has left no trace
 * but the count, and for two periods of the gate at most. The range's side and
 * the newcomer's:
 *
 *	range				newcomer
 *	count itself (full barrier)	publish itself
 *	look for subscriptions		full barrier, read the count
 *
 * (Where the range takes the lock to look, the lock is barrier enough.) Each side
 * stores and then loads, which only a full barrier keeps in order, on the range's
 * side one after a read-modify-write: litmus.range_count, and without the barrier
 * litmus.range_count_seq_cst and litmus.range_count_no_barrier.
 * One of the two sees the other: the range tells the newcomer, or the newcomer
 * waits for the range. That it is told both start and end or neither follows
 * from a birth number in each plain subscription and the highest one that was
 * told in each range. docs/adr/0007-registration-without-a-sweep.md.
 *
 *	field			read with		written with
 *	->tree			->lock, or as walker	->lock, no walker
 *	mm->notifier_mode	alone, range counted	->lock
 *	->invalidate_seq	->lock			->lock
 *	->open_hits		->lock			->lock
 *	->open_hits is NULL?	acquire, after sub->seq	->lock, release
 *	->walkers		atomic			atomic, up: ->lock
 *	->deferred		->lock; NULL? last walker ->lock
 *	sub->invalidate_seq	driver lock, or ONCE	driver lock, in callback
 *	sub->settle		->lock; acquire, for 0	->lock, release
 *
 * ->lock is a spinlock below every other lock of the mm, page-table locks
 * included; nothing is taken inside it but wait queues and the lock of those
 * who wait for frees (mm/mmu_notifier_plain.c).
 *
 * The races it must win, each forced by the test named:
 *
 *	device fault				munmap
 *	seq = read_begin()
 *						start: callback, sub->seq = 7
 *	pfn = look the page up
 *						entry cleared, frame freed; end
 *	lock(driver); read_retry() -> true	(must be true: pfn is stale)
 *	    fault_that_raced_an_unmap_retries
 *
 *	device fault				munmap
 *						start: callback, sub->seq = 7
 *	seq = sub->seq, is 7
 *	open_hits is not NULL: sleep		entry not cleared yet
 *						end, wakes
 *	read_begin() returns 7: all later
 *	    read_begin_waits_while_a_range_that_hits_is_open
 *
 *	remove					start, on its way through callbacks
 *	walkers is 1: put off, sleep
 *						last callback; takes it out; wakes
 *	sees, under ->lock, that it is out
 *	returns; the driver frees it
 *	    remove_waits_for_the_walk_and_sees_it_under_the_lock
 *
 *	remove A		start			remove B
 *	put off, sleeps
 *				walkers is 0 now
 *							takes out A and B
 *				nothing is put off
 *	is woken: by the other remover
 *	    who_takes_others_out_wakes_them
 *
 *	munmap					device
 *	counted; finds no subscriber
 *						insert: asks for the count's end
 *						read_begin(): sleeps (must sleep)
 *	entry cleared, frame freed; end
 *						looks up, installs: not stale
 *	    insert_while_a_range_is_open_makes_the_first_reader_wait
 *
 *	start that may not sleep: the intervals let go, a plain one cannot
 *	    -> their range is ended before the error is returned
 *	    failed_plain_start_closes_the_interval_range
 *
 * Lifetime.  The object of the mm is made by the first subscriber and lives as
 * long as the mm struct; each subscription holds the struct (mm_count). A
 * range needs the mm alive between its two calls, and stays where it is.
 *
 * Not here: plain subscriptions (mm/mmu_notifier_plain.c), the gate
 * (mm/notifier_gate.c), the tree (mm/interval_tree.c), a driver's loop
 * (mm/mmu_notifier_rounds.c), reports of callers' mistakes
 * (mm/mmu_notifier_checks.c), statistics (mm/mmu_notifier_stats.c), page tables,
 * architectures.
 *
 * Over 600 lines because a range's side and a reader's side of each race above
 * have to be read together; a sixth of them is this text.
 */
#include "notifier_internal.h"

/* Waiting for walkers: see interval_sub->settle. */
#define SETTLE_NEVER (~(u64)0)

DEFINE_LOCKDEP_MAP(mmu_notifier_invalidate_range_start_map,
		   "mmu_notifier_invalidate_range_start");

/* --- the object of an mm -------------------------------------------------- */

static void subscriptions_init(struct mmu_notifier_subscriptions *subs,
			       struct mm_struct *mm)
{
	spin_lock_init(&subs->lock);
	init_waitqueue_head(&subs->waiters);
	subs->mm = mm;
	interval_tree_init(&subs->tree);
	notifier_plain_init(subs);
	subs->invalidate_seq = 1;
	notifier_gate_init(&subs->ranges, &mm->notifier_ranges, &subs->lock,
			   &subs->waiters);
	subs->ranges.flags = &mm->notifier_mode;
	subs->ranges.busy_flag = MODE_BUSY;
	subs->ranges.late = notifier_ranges_late;
	notifier_gate_init(&subs->calls, &subs->call_word, &subs->lock,
			   &subs->waiters);
	subs->calls.late = notifier_calls_late;
}

int notifier_make_subscriptions(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs;

	subs = kzalloc(sizeof(*subs), GFP_KERNEL);
	if (!subs)
		return -ENOMEM;
	subscriptions_init(subs, mm);
	if (cmpxchg(&mm->notifier_subscriptions, NULL, subs))
		kfree(subs);
	else
		notifier_all_join(subs);
	atomic64_or(NOTIFIER_GATE_OWNER, &mm->notifier_ranges);
	return 0;
}

void __mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	if (subs->open_hits) {
		notifier_report_open(mm, "last drop");
		panic("mmu_notifier: mm %p freed with %lu ranges open",
		      (void *)mm, notifier_gate_inside(&subs->ranges));
	}
	if (subs->nr_plain || !interval_tree_empty(&subs->tree) || subs->deferred)
		panic("mmu_notifier: mm %p freed with subscriptions, plain=%lu intervals=%d",
		      (void *)mm, subs->nr_plain,
		      !interval_tree_empty(&subs->tree));
	notifier_all_leave(subs);
	kfree(subs);
	/* Whoever looks again has outlived the mm. */
	mm->notifier_subscriptions = (void *)~0xdeadul;
}

/* --- interval subscriptions: the walk ------------------------------------- */

static noinline u64 settle_later(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	u64 pass = notifier_gate_ask(&subs->ranges);

	return pass > subs->ranges.passed ? pass : 0;
}

/*
 * Put @sub where ranges find it; those open already it cannot hear of. A range
 * is counted before it searches, and searches under the lock: one that searched
 * before us is seen in the count. One that found no tree to search did not come
 * for the lock, so turning the mode on is published to it by a barrier.
 */
static __always_inline void link_interval(struct mmu_notifier_subscriptions *subs,
					  struct mmu_interval_notifier *sub,
					  struct mm_struct *mm)
	__must_hold(subs->lock)
{
	u64 settle = 0;

	if (unlikely(!(mm->notifier_mode & MODE_TREE))) {
		set_mode(subs, MODE_TREE);
		smp_mb();
	}
	if (unlikely(notifier_gate_word_occupied(&mm->notifier_ranges)))
		settle = settle_later(subs);
	/* Once: the owner of one that was put off may look alone meanwhile. */
	smp_store_release(&sub->settle, settle);
	sub->state = INTERVAL_IN;
	interval_tree_insert(&sub->interval_tree, &subs->tree);
}

static void unlink_interval(struct mmu_notifier_subscriptions *subs,
			    struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	interval_tree_remove(&sub->interval_tree, &subs->tree);
	if (interval_tree_empty(&subs->tree))
		clear_mode(subs, MODE_TREE);
	sub->state = INTERVAL_OUT;
}

/* The last walker has gone: do what had to wait. */
static noinline void apply_deferred(struct mmu_notifier_subscriptions *subs)
	__must_hold(subs->lock)
{
	struct mmu_interval_notifier *sub, *next;

	for (sub = subs->deferred; sub; sub = next) {
		/* A removed one is its owner's as soon as the lock is free. */
		next = sub->deferred;
		if (sub->state == INTERVAL_ADDING)
			link_interval(subs, sub, sub->mm);
		else
			unlink_interval(subs, sub);
	}
	WRITE_ONCE(subs->deferred, NULL);
}

static __always_inline void open_hit(struct mmu_notifier_subscriptions *subs,
				     struct mmu_notifier_range *range)
	__must_hold(subs->lock)
{
	struct mmu_notifier_range *head = subs->open_hits;

	subs->invalidate_seq += 2;
	range->seq = subs->invalidate_seq;
	range->next = head;
	range->prev = &subs->open_hits;
	if (head)
		head->prev = &range->next;
	/* Before the first callback stores the number: see read_begin. */
	WRITE_ONCE(subs->open_hits, range);
	atomic_inc(&subs->walkers);
}

static noinline void last_walk_ended(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	if (!atomic_read_acquire(&subs->walkers) && subs->deferred)
		apply_deferred(subs);
	spin_unlock(&subs->lock);
	wake_up_all(&subs->waiters);
}

/*
 * Whoever changes the tree reads the walkers with an acquire: all that this
 * walk read of the tree was read before. Without the lock: whoever puts
 * something off looks at the walkers again after it has done so, and so
 * either sees that this was the last or is seen. The decrement is a store before
 * a load: it needs the full barrier after it (litmus.walk_end) and, for the reads
 * of the tree, the one before it (litmus.walk_end_tree).
 */
static __always_inline void end_walk(struct mmu_notifier_subscriptions *subs)
{
	if (atomic_dec_and_test(&subs->walkers) &&
	    unlikely(READ_ONCE(subs->deferred) != NULL))
		last_walk_ended(subs);
}

/* Something is to be done when nobody walks: now, if that is so already. */
static void put_off(struct mmu_notifier_subscriptions *subs,
		    struct mmu_interval_notifier *sub,
		    enum interval_state state) __must_hold(subs->lock)
{
	sub->state = state;
	sub->deferred = subs->deferred;
	WRITE_ONCE(subs->deferred, sub);
	/* Pairs with the atomic in end_walk(). */
	smp_mb();
	if (!atomic_read_acquire(&subs->walkers)) {
		apply_deferred(subs);
		/* The last walker finds nothing to do and wakes nobody. */
		wake_up_all(&subs->waiters);
	}
}

/* Not open any more: readers of what it hit may go on. */
noinline void notifier_close_hit(struct mmu_notifier_subscriptions *subs,
				 struct mmu_notifier_range *range)
{
	unsigned int waiting;

	spin_lock(&subs->lock);
	/* Release: who finds none open finds what the change has left. */
	smp_store_release(range->prev, range->next);
	if (range->next)
		range->next->prev = range->prev;
	waiting = subs->nr_waiting;
	spin_unlock(&subs->lock);
	range->seq = 0;
	if (unlikely(waiting))
		wake_up_all(&subs->waiters);
}

/*
 * The two-pass form, as a one-pass callback: start the device's work, keep in
 * the range what finishes it. The range is const to drivers only.
 */
static bool start_pass(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *told,
		       unsigned long cur_seq)
{
	struct mmu_notifier_range *range = (struct mmu_notifier_range *)told;
	struct mmu_interval_notifier_finish *finish = NULL;
	bool ok = sub->ops->invalidate_start(sub, told, cur_seq, &finish);

	if (!ok || !finish)
		return ok;
	finish->interval_sub = sub;
	finish->next = NULL;
	*range->finish_tail = finish;
	range->finish_tail = &finish->next;
	return true;
}

/* In the order in which they were started (R4.31). */
static noinline void finish_pass(struct mmu_notifier_subscriptions *subs,
				 const struct mmu_notifier_range *range)
{
	struct mmu_interval_notifier_finish *finish, *next;
	const bool observe = being_looked_at(subs);
	struct mmu_interval_notifier *sub;
	unsigned long since = 0;

	for (finish = range->finish; finish; finish = next) {
		next = finish->next;
		sub = finish->interval_sub;
		if (observe)
			since = rdtsc();
		sub->ops->invalidate_finish(finish);
		if (observe)
			notifier_observe_finish(subs, range, sub,
						rdtsc() - since);
	}
}

static noinline bool refused(struct mmu_interval_notifier *sub,
			     const struct mmu_notifier_range *range)
{
	if (!mmu_notifier_range_blockable(range))
		return true;
	WARN(true, "interval %p would block in blockable %s", (void *)sub,
	     mmu_notifier_event_name(range->event));
	return false;
}

static __always_inline int walk_intervals(struct mmu_notifier_subscriptions *subs,
					  struct mmu_notifier_range *range,
					  struct interval_tree_node *node,
					  const bool observe)
{
	unsigned long start = range->start, end = range->end;
	unsigned long seq = range->seq;
	struct mmu_interval_notifier *sub;
	unsigned long since = 0;
	int ret = 0;
	bool ok;

	range->finish = NULL;
	range->finish_tail = &range->finish;
	notifier_calls_begin(range);
	do {
		sub = container_of(node, struct mmu_interval_notifier,
				   interval_tree);
		if (observe)
			since = rdtsc();
		ok = sub->invalidate(sub, range, seq);
		if (observe)
			notifier_observe_call(subs, range, &sub->figures, sub,
					      rdtsc() - since, ok ? 0 : -EAGAIN);
		if (unlikely(!ok) && refused(sub, range)) {
			ret = -EAGAIN;
			break;
		}
		node = interval_tree_next(node, start, end);
	} while (node);
	if (unlikely(range->finish != NULL))
		finish_pass(subs, range);
	notifier_calls_end(range);
	return ret;
}

static bool walk_may_begin(struct mmu_notifier_subscriptions *subs)
{
	bool may;

	spin_lock(&subs->lock);
	may = !subs->deferred;
	spin_unlock(&subs->lock);
	return may;
}

/*
 * Somebody waits for the walks to end: let them, before beginning another.
 * Comes back with the lock held and the search done again.
 */
static noinline struct interval_tree_node *
yield_to_deferred(struct mmu_notifier_subscriptions *subs,
		  const struct mmu_notifier_range *range) __must_hold(subs->lock)
{
	subs->stats.gave_way++;
	while (subs->deferred) {
		subs->nr_waiting++;
		spin_unlock(&subs->lock);
		wait_event_reporting(
			&subs->waiters, walk_may_begin(subs),
			notifier_report_open(subs->mm, "a start waits long"));
		spin_lock(&subs->lock);
		subs->nr_waiting--;
	}
	return interval_tree_first(&subs->tree, range->start, range->end);
}

/*
 * @node is the first that the range hits; ->lock is held and dropped. Refused or
 * not, the range stands open among those that hit.
 */
static __always_inline int start_hit(struct mmu_notifier_subscriptions *subs,
				     struct mmu_notifier_range *range,
				     struct interval_tree_node *node,
				     const bool observe) __releases(subs->lock)
{
	int ret;

	if (unlikely(subs->deferred != NULL) &&
	    mmu_notifier_range_blockable(range)) {
		node = yield_to_deferred(subs, range);
		if (!node) {
			spin_unlock(&subs->lock);
			return 0;
		}
	}
	open_hit(subs, range);
	if (observe)
		notifier_observe_hit(subs, range);
	spin_unlock(&subs->lock);
	ret = walk_intervals(subs, range, node, observe);
	end_walk(subs);
	return ret;
}

/* --- start and end -------------------------------------------------------- */

/*
 * The caller will not end it: so it is not counted any more, and the intervals'
 * part is not left open, whoever failed (R3.6, R3.7).
 */
int notifier_start_failed(struct mmu_notifier_subscriptions *subs,
			  struct mmu_notifier_range *range, int ret)
{
	long ticket = range->ticket;

	if (range->seq)
		notifier_close_hit(subs, range);
	range->ticket = 0;
	range->told = 0;
	if (IS_ENABLED(CONFIG_DEBUG))
		notifier_check_failed(range);
	spin_lock(&subs->lock);
	subs->stats.failed_starts++;
	spin_unlock(&subs->lock);
	notifier_gate_leave(&subs->ranges, ticket);
	return ret;
}

/* Both kinds, or figures wanted, or somebody waits for ranges to end. */
static int start_slow(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	bool observe = being_looked_at(subs);
	struct interval_tree_node *node;
	unsigned long since = 0;
	int ret = 0;

	if (READ_ONCE(mm->notifier_mode) & MODE_BUSY)
		range->ticket = notifier_gate_enter_busy(&subs->ranges);
	if (observe)
		since = notifier_observe_start(subs, range);
	if (READ_ONCE(mm->notifier_mode) & MODE_TREE) {
		spin_lock(&subs->lock);
		subs->stats.tree_locks += observe;
		node = interval_tree_first(&subs->tree, range->start, range->end);
		if (node)
			ret = start_hit(subs, range, node, observe);
		else
			spin_unlock(&subs->lock);
	}
	if (!ret && (READ_ONCE(mm->notifier_mode) & MODE_PLAIN))
		ret = notifier_plain_start_beside(subs, range, observe);
	if (observe)
		notifier_observe_started(range, ret, rdtsc() - since);
	return unlikely(ret) ? notifier_start_failed(subs, range, ret) : 0;
}

/* Lets go of ->lock, which the caller took; checkers do not follow that. */
static noinline int start_hit_alone(struct mmu_notifier_subscriptions *subs,
				    struct mmu_notifier_range *range,
				    struct interval_tree_node *node) __no_thread_safety
{
	int ret = start_hit(subs, range, node, false);

	return unlikely(ret) ? notifier_start_failed(subs, range, ret) : 0;
}

/* What is rare is a tail call, so that it costs the usual way no register. */
static int start_intervals(struct mmu_notifier_range *range,
			   struct mm_struct *mm) __no_thread_safety
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct interval_tree_node *node;

	spin_lock(&subs->lock);
	node = interval_tree_first(&subs->tree, range->start, range->end);
	if (node)
		return start_hit_alone(subs, range, node);
	spin_unlock(&subs->lock);
	return 0;
}

static int start_nobody(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	return 0;
}

/*
 * The count is down already: the change is made, and what waits for it may go
 * on beside the callbacks. What start did decides, not what there is now: the
 * tree may be empty by now that was hit, and no mode says what was told.
 */
static void end_slow(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	const bool observe = being_looked_at(subs);
	unsigned long since = observe ? rdtsc() : 0;

	if (READ_ONCE(mm->notifier_mode) & MODE_BUSY)
		notifier_gate_leave_busy(&subs->ranges);
	if (range->seq)
		notifier_close_hit(subs, range);
	if (range->told)
		notifier_plain_end_beside(subs, range, observe);
	if (observe)
		notifier_observe_end(range, rdtsc() - since);
}

static void end_intervals(struct mmu_notifier_range *range, struct mm_struct *mm)
{
	if (range->seq)
		notifier_close_hit(subscriptions_of(mm), range);
}

int (*const mmu_notifier_start_by_mode[MODES])(struct mmu_notifier_range *range,
					       struct mm_struct *mm) = {
	[0] = start_nobody,
	[MODE_TREE] = start_intervals,
	[MODE_PLAIN] = notifier_plain_start,
	[MODE_TREE | MODE_PLAIN] = start_slow,
	[MODE_LOOK... MODES - 1] = start_slow,
};

void (*const mmu_notifier_end_by_mode[MODES])(struct mmu_notifier_range *range,
					      struct mm_struct *mm) = {
	[0] = end_intervals,
	[MODE_TREE] = end_intervals,
	[MODE_PLAIN] = notifier_plain_end,
	[MODE_TREE | MODE_PLAIN] = end_slow,
	[MODE_LOOK... MODES - 1] = end_slow,
};

/* One RELEASE over everything; there is no end, and the tree stays (R4.16). */
static void release_intervals(struct mmu_notifier_subscriptions *subs,
			      struct mm_struct *mm)
{
	const bool observe = being_looked_at(subs);
	struct mmu_notifier_range range;
	struct interval_tree_node *node;
	unsigned long since = 0;

	mmu_notifier_range_init(&range, MMU_NOTIFY_RELEASE,
				MMU_NOTIFIER_RANGE_BLOCKABLE, NULL, mm, 0, ~0ul);
	if (observe)
		since = notifier_observe_start(subs, &range);
	spin_lock(&subs->lock);
	node = interval_tree_first(&subs->tree, range.start, range.end);
	if (node)
		(void)start_hit(subs, &range, node, observe);
	else
		spin_unlock(&subs->lock);
	if (observe)
		notifier_observe_started(&range, 0, rdtsc() - since);
	if (range.seq)
		notifier_close_hit(subs, &range);
}

void __mmu_notifier_release(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	might_sleep();
	mmu_notifier_map_acquire();
	release_intervals(subs, mm);
	mmu_notifier_map_release();
	notifier_plain_release(subs, mm);
}

bool mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range)
{
	return range->vma && range->event == MMU_NOTIFY_PROTECTION_VMA &&
	       (range->vma->vm_flags & VM_READ);
}

/* --- interval subscriptions: readers --------------------------------------- */

/*
 * Is @sub touched by a range that is open and not numbered after @newest? With
 * @newest the last number given out: by any.
 */
static bool is_open(struct mmu_notifier_subscriptions *subs,
		    const struct mmu_interval_notifier *sub,
		    unsigned long newest) __must_hold(subs->lock)
{
	const struct mmu_notifier_range *range;

	for (range = subs->open_hits; range; range = range->next) {
		/* A difference, not an order: numbers may wrap (R4.25). */
		if ((long)(range->seq - newest) <= 0 &&
		    interval_tree_meets(&sub->interval_tree, range->start,
					range->end))
			return true;
	}
	return false;
}

static bool has_settled(struct mmu_notifier_subscriptions *subs,
			struct mmu_interval_notifier *sub) __must_hold(subs->lock)
{
	if (sub->settle && sub->settle <= subs->ranges.passed &&
	    sub->settle != SETTLE_NEVER)
		smp_store_release(&sub->settle, 0);
	return !sub->settle;
}

static bool reader_may_go(struct mmu_notifier_subscriptions *subs,
			  struct mmu_interval_notifier *sub, unsigned long newest)
{
	bool may;

	spin_lock(&subs->lock);
	may = has_settled(subs, sub) && !is_open(subs, sub, newest);
	spin_unlock(&subs->lock);
	return may;
}

/*
 * Waits for what was open at the call. If nothing newer is open then, what is
 * read from here on is not older than the number in @sub; else the number from
 * before the wait is returned, which the newer range changes.
 */
static noinline unsigned long
read_begin_slow(struct mmu_notifier_subscriptions *subs,
		struct mmu_interval_notifier *sub)
{
	unsigned long seq, newest;

	spin_lock(&subs->lock);
	seq = READ_ONCE(sub->invalidate_seq);
	newest = subs->invalidate_seq;
	if (!has_settled(subs, sub) || is_open(subs, sub, newest)) {
		subs->nr_waiting++;
		subs->stats.waits++;
		spin_unlock(&subs->lock);
		if (being_looked_at(subs))
			notifier_observe_wait(subs, sub);
		wait_event_reporting(
			&subs->waiters, reader_may_go(subs, sub, newest),
			notifier_report_open(subs->mm, "a reader waits long"));
		spin_lock(&subs->lock);
		subs->nr_waiting--;
		if (!is_open(subs, sub, subs->invalidate_seq))
			seq = smp_load_acquire(&sub->invalidate_seq);
	}
	spin_unlock(&subs->lock);
	return seq;
}

unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs = sub->subscriptions;
	unsigned long seq;

	might_sleep();
	mmu_notifier_might_invalidate();
	/*
	 * The number first, then what is open. Whoever reads a range's number
	 * reads, after it, that the range is open or that it has ended; the
	 * other way round a range could begin in between and go unseen.
	 * Pairs with the release in mmu_interval_set_seq(); "not open" pairs
	 * with that in notifier_close_hit(): litmus.read_begin.
	 */
	seq = smp_load_acquire(&sub->invalidate_seq);
	if (unlikely(smp_load_acquire(&subs->open_hits) ||
		     smp_load_acquire(&sub->settle)))
		return read_begin_slow(subs, sub);
	return seq;
}

/* --- interval subscriptions: coming and going ------------------------------ */

static __always_inline void
insert_checked(struct mmu_interval_notifier *sub, struct mm_struct *mm,
	       unsigned long start, unsigned long last,
	       const struct mmu_interval_notifier_ops *ops,
	       bool (*invalidate)(struct mmu_interval_notifier *interval_sub,
				  const struct mmu_notifier_range *range,
				  unsigned long cur_seq))
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	interval_tree_node_init(&sub->interval_tree, start, last);
	sub->ops = ops;
	sub->invalidate = invalidate;
	sub->mm = mm;
	sub->subscriptions = subs;
	sub->figures = NULL;
	mmgrab(mm);
	spin_lock(&subs->lock);
	sub->invalidate_seq = subs->invalidate_seq;
	if (likely(!atomic_read_acquire(&subs->walkers))) {
		link_interval(subs, sub, mm);
	} else {
		sub->settle = SETTLE_NEVER;
		subs->stats.deferred_adds++;
		put_off(subs, sub, INTERVAL_ADDING);
	}
	spin_unlock(&subs->lock);
}

/*
 * The first of its mm, or one in two passes, or one to the end of the space, or
 * one that is refused. The last byte alone is refused: no range [start, end) can
 * name it.
 */
static noinline int insert_unusual(struct mmu_interval_notifier *sub,
				   struct mm_struct *mm, unsigned long start,
				   unsigned long length,
				   const struct mmu_interval_notifier_ops *ops)
{
	unsigned long last = start + (length - 1);
	int ret;

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
	insert_checked(sub, mm, start, last, ops,
		       ops->invalidate ? ops->invalidate : start_pass);
	return 0;
}

static __always_inline int insert(struct mmu_interval_notifier *sub,
				  struct mm_struct *mm, unsigned long start,
				  unsigned long length,
				  const struct mmu_interval_notifier_ops *ops)
{
	unsigned long end = start + length;

	if (IS_ENABLED(CONFIG_DEBUG) && !notifier_check_insert(sub))
		return -EEXIST;
	/* One comparison for nothing, too much, and the last byte of the space. */
	if (unlikely(end <= start || !ops->invalidate ||
		     atomic_read(&mm->mm_users) <= 0 || !has_subscriptions(mm)))
		return insert_unusual(sub, mm, start, length, ops);
	insert_checked(sub, mm, start, end - 1, ops, ops->invalidate);
	return 0;
}

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

static void drop_from_deferred(struct mmu_notifier_subscriptions *subs,
			       struct mmu_interval_notifier *sub)
	__must_hold(subs->lock)
{
	struct mmu_interval_notifier **link = &subs->deferred;

	while (*link != sub)
		link = &(*link)->deferred;
	WRITE_ONCE(*link, sub->deferred);
	sub->state = INTERVAL_OUT;
}

/* Under the lock: without it the walker might still be at @sub (R4.14). */
static bool is_out(struct mmu_notifier_subscriptions *subs,
		   const struct mmu_interval_notifier *sub)
{
	bool out;

	spin_lock(&subs->lock);
	out = sub->state == INTERVAL_OUT;
	spin_unlock(&subs->lock);
	return out;
}

static noinline void wait_until_out(struct mmu_notifier_subscriptions *subs,
				    struct mmu_interval_notifier *sub)
{
	wait_event_reporting(
		&subs->waiters, is_out(subs, sub),
		notifier_report_open(subs->mm, "a removal waits long"));
}

static __always_inline void remove_done(struct mmu_interval_notifier *sub)
{
	notifier_forget(sub->figures);
	mmdrop(sub->mm);
}

/*
 * Walks are under way, or others wait for theirs to end. Lets go of ->lock,
 * which the caller took; checkers do not follow that.
 */
static noinline void remove_slow(struct mmu_notifier_subscriptions *subs,
				 struct mmu_interval_notifier *sub) __no_thread_safety
{
	bool wait = false, wake;

	if (sub->state == INTERVAL_ADDING) {
		drop_from_deferred(subs, sub);
	} else {
		subs->stats.deferred_removes++;
		put_off(subs, sub, INTERVAL_REMOVING);
		wait = true;
	}
	/* A start may be giving way to a list that is empty now. */
	wake = subs->nr_waiting;
	spin_unlock(&subs->lock);
	if (wake)
		wake_up_all(&subs->waiters);
	if (wait)
		wait_until_out(subs, sub);
	remove_done(sub);
}

void mmu_interval_notifier_remove(struct mmu_interval_notifier *interval_sub)
	__no_thread_safety
{
	struct mmu_notifier_subscriptions *subs = interval_sub->subscriptions;

	might_sleep();
	mmu_notifier_might_invalidate();
	if (IS_ENABLED(CONFIG_DEBUG) && !notifier_check_remove(interval_sub))
		return;
	spin_lock(&subs->lock);
	if (unlikely(atomic_read_acquire(&subs->walkers) || subs->deferred)) {
		remove_slow(subs, interval_sub);
		return;
	}
	unlink_interval(subs, interval_sub);
	spin_unlock(&subs->lock);
	remove_done(interval_sub);
}
