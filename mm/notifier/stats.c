// SPDX-License-Identifier: MIT
/*
 * mm/notifier/stats.c - count and trace callbacks, and show the counts
 *
 * Problem.  "Why did the device lose this page, which callbacks ran, how long did they
 * take, and which change did that device fault collide with?" These need an answer
 * after the fact, and no cost while no one looks.
 *
 * Idea.  One global flag, notifier_observe_on, is tested at each start, end and
 * callback. While it is set, each step leaves a trace record and counts; while it is
 * clear, a step pays the test. Events that are rare and slow anyway (waits, failures,
 * deferred changes) are always counted.
 *
 * A subscription has one word for its statistics: an object that is made when there is
 * first something to count, and is freed with the subscription. If there is no memory
 * for it, the sum of the mm is right and the subscription's is too low.
 *
 * Collisions.  A read section that collides is counted by the event that it collided
 * with. It knows only the number that its subscription has now. So the mm remembers the
 * events of the last ranges that overlapped an interval, each in the slot that its
 * number chooses. If the slot still holds that number, the event is known; else it
 * counts as unknown. A driver's lock of any kind is held there, so nothing is locked or
 * allocated.
 *
 *	field			written by			lock
 *	subs->stats		steps while observed, slow	subs->lock
 *				paths
 *	subs->recent		starts that overlap		subs->lock
 *	subs->retries		readers				none, atomic
 *	sub->stats		the first step that counts	none, an exchange
 *	*sub->stats		steps while observed, waits	subs->lock
 *	its retries		readers				none, atomic
 *	notifier_observe_on	mmu_notifier_observe()		none, single accesses
 *
 * A read section has a record at its begin, with its number, and one at its end: kept
 * or collided. A subscription has one before its first callback and after its last.
 *
 * The records of one range come in the order of its steps, each with the event and the
 * bounds: start; one for each callback, with its return value; started, with the return
 * value of the start; and end, after the callbacks that it called.
 *
 * Lifetime: the caller keeps the mm struct and the subscription. Not here: the steps.
 */
#include "internal.h"

DEFINE_TRACE_EVENT(mmu_notifier_start, "range event mm start end blockable",
		   "start %p %s mm %p [%#lx, %#lx) blockable=%lu");
DEFINE_TRACE_EVENT(mmu_notifier_called, "sub event start end ret cycles range",
		   "  called %p %s [%#lx, %#lx) ret=%ld cycles=%lu for %p");
DEFINE_TRACE_EVENT(mmu_notifier_finished, "sub event start end cycles range",
		   "  finished %p %s [%#lx, %#lx) cycles=%lu for %p");
DEFINE_TRACE_EVENT(mmu_notifier_started, "range event start end ret seq cycles",
		   "started %p %s [%#lx, %#lx) ret=%ld seq=%lu cycles=%lu");
DEFINE_TRACE_EVENT(mmu_notifier_called_end, "sub event start end cycles range",
		   "  called the end of %p %s [%#lx, %#lx) cycles=%lu for %p");
DEFINE_TRACE_EVENT(mmu_notifier_callback, "sub what start end ret cycles",
		   "called %p %s [%#lx, %#lx) ret=%ld cycles=%lu");
DEFINE_TRACE_EVENT(mmu_notifier_end, "range event mm start end cycles",
		   "end %p %s mm %p [%#lx, %#lx) cycles=%lu");
DEFINE_TRACE_EVENT(mmu_interval_wait, "sub seq", "reader of %p waits: seq=%lu");
DEFINE_TRACE_EVENT(mmu_interval_collided, "sub event seq",
		   "reader of %p collided with %s, seq=%lu");
DEFINE_TRACE_EVENT(sub_insert, "sub mm start last ops kind",
		   "%p of mm %p [%#lx, %#lx], ops %pS, %s");
DEFINE_TRACE_EVENT(sub_remove, "sub", "%p is gone");
DEFINE_TRACE_EVENT(read_begin, "sub seq", "reader of %p begins: seq=%lu");
DEFINE_TRACE_EVENT(read_kept, "sub seq", "reader of %p did not collide: seq=%lu");
DEFINE_TRACE_EVENT(read_round, "sub round exclusive",
		   "reader of %p is in round %lu, exclusive %lu");

bool notifier_observe_on = IS_ENABLED(CONFIG_KTEST);

void mmu_notifier_observe(bool on)
{
	WRITE_ONCE(notifier_observe_on, on);
}

bool mmu_notifier_observing(void)
{
	return notifier_observing();
}

/* --- ranges --------------------------------------------------------------- */

void notifier_observe_start(struct mmu_notifier_subscriptions *subs,
			    struct mmu_notifier_range *range)
{
	if (!notifier_observing())
		return;
	TRACE(mmu_notifier_start, range, mmu_notifier_event_name(range->event),
	      range->mm, range->start, range->end,
	      mmu_notifier_range_blockable(range));
	spin_lock(&subs->lock);
	if (range->event < NR_MMU_NOTIFY_EVENTS)
		subs->stats.events[range->event]++;
	spin_unlock(&subs->lock);
	range->core.since = notifier_now();
}

void notifier_observe_started(struct mmu_notifier_subscriptions *subs,
			      const struct mmu_notifier_range *range, int ret)
{
	if (!notifier_observing())
		return;
	spin_lock(&subs->lock);
	subs->stats.walks += range->core.newest_birth != 0;
	spin_unlock(&subs->lock);
	TRACE(mmu_notifier_started, range,
	      mmu_notifier_event_name(range->event), range->start, range->end,
	      ret, range->core.seq, notifier_now() - range->core.since);
}

void notifier_observe_ending(struct mmu_notifier_subscriptions *subs,
			     struct mmu_notifier_range *range)
{
	if (!notifier_observing())
		return;
	spin_lock(&subs->lock);
	subs->stats.walks += range->core.newest_birth != 0;
	spin_unlock(&subs->lock);
	range->core.since = notifier_now();
}

void notifier_observe_end(const struct mmu_notifier_range *range)
{
	if (!notifier_observing())
		return;
	TRACE(mmu_notifier_end, range, mmu_notifier_event_name(range->event),
	      range->mm, range->start, range->end,
	      notifier_now() - range->core.since);
}

/* --- subscriptions -------------------------------------------------------- */

/*
 * The statistics object at @at; made if there is none. NULL if there is no memory. Call it
 * without subs->lock. It does not sleep, because the caller may not.
 */
static struct mmu_notifier_sub_stats *
sub_stats_of(struct mmu_notifier_sub_stats **at)
{
	struct mmu_notifier_sub_stats *stats = smp_load_acquire(at), *first;

	if (stats)
		return stats;
	stats = kzalloc(sizeof(*stats), GFP_NOWAIT);
	if (!stats)
		return NULL;
	/* Pairs with the acquire above and in the show functions. */
	first = cmpxchg(at, NULL, stats);
	if (!first)
		return stats;
	kfree(stats);
	return first;
}

static void count_call(struct mmu_notifier_subscriptions *subs,
		       struct mmu_notifier_sub_stats *stats,
		       unsigned long ticks) __must_hold(subs->lock)
{
	subs->stats.callbacks++;
	if (subs->stats.longest < ticks)
		subs->stats.longest = ticks;
	if (!stats)
		return;
	stats->callbacks++;
	if (stats->longest < ticks)
		stats->longest = ticks;
}

void notifier_observe_call(struct mmu_notifier_subscriptions *subs,
			   const struct mmu_notifier_range *range,
			   struct mmu_notifier_sub_stats **at, const void *sub,
			   unsigned long since, int ret)
{
	unsigned long ticks = notifier_now() - since;
	struct mmu_notifier_sub_stats *stats = sub_stats_of(at);

	spin_lock(&subs->lock);
	count_call(subs, stats, ticks);
	if (stats && range->event < NR_MMU_NOTIFY_EVENTS)
		stats->events[range->event]++;
	spin_unlock(&subs->lock);
	TRACE(mmu_notifier_called, sub, mmu_notifier_event_name(range->event),
	      range->start, range->end, ret, ticks, range);
}

void notifier_observe_finish(struct mmu_notifier_subscriptions *subs,
			     const struct mmu_notifier_range *range,
			     struct mmu_interval_notifier *sub,
			     unsigned long since)
{
	unsigned long ticks = notifier_now() - since;
	struct mmu_notifier_sub_stats *stats = sub_stats_of(&sub->stats);

	spin_lock(&subs->lock);
	count_call(subs, stats, ticks);
	spin_unlock(&subs->lock);
	TRACE(mmu_notifier_finished, sub, mmu_notifier_event_name(range->event),
	      range->start, range->end, ticks, range);
}

void notifier_observe_call_end(struct mmu_notifier_subscriptions *subs,
			       const struct mmu_notifier_range *range,
			       struct mmu_notifier *sub, unsigned long since)
{
	unsigned long ticks = notifier_now() - since;
	struct mmu_notifier_sub_stats *stats;

	if (!since)
		return;
	stats = sub_stats_of(&sub->stats);
	spin_lock(&subs->lock);
	count_call(subs, stats, ticks);
	spin_unlock(&subs->lock);
	TRACE(mmu_notifier_called_end, sub, mmu_notifier_event_name(range->event),
	      range->start, range->end, ticks, range);
}

void notifier_observe_callback(struct mmu_notifier_subscriptions *subs,
			       struct mmu_notifier *sub, const char *what,
			       unsigned long start, unsigned long end, int ret,
			       unsigned long since)
{
	unsigned long ticks = notifier_now() - since;
	struct mmu_notifier_sub_stats *stats = sub_stats_of(&sub->stats);

	spin_lock(&subs->lock);
	count_call(subs, stats, ticks);
	spin_unlock(&subs->lock);
	TRACE(mmu_notifier_callback, sub, what, start, end, ret, ticks);
}

void __notifier_observe_insert(const void *sub, const struct mm_struct *mm,
			       unsigned long start, unsigned long last,
			       const void *ops, const char *kind)
{
	TRACE(sub_insert, sub, mm, start, last, ops, kind);
}

void __notifier_observe_remove(const void *sub)
{
	TRACE(sub_remove, sub);
}

/* --- readers -------------------------------------------------------------- */

unsigned long __notifier_observe_read(const struct mmu_interval_notifier *sub,
				      unsigned long seq)
{
	TRACE(read_begin, sub, seq);
	return seq;
}

void __notifier_observe_round(const struct mmu_interval_notifier *sub,
			      unsigned int round, bool exclusive)
{
	TRACE(read_round, sub, round, exclusive);
}

void __mmu_interval_read_kept(const struct mmu_interval_notifier *sub)
{
	TRACE(read_kept, sub, sub->invalidate_seq);
}

void notifier_observe_wait(struct mmu_notifier_subscriptions *subs,
			   struct mmu_interval_notifier *sub)
{
	bool observing = notifier_observing();
	struct mmu_notifier_sub_stats *stats =
		observing ? sub_stats_of(&sub->stats) : NULL;

	spin_lock(&subs->lock);
	subs->stats.waits++;
	if (stats)
		stats->waits++;
	spin_unlock(&subs->lock);
	if (!observing)
		return;
	TRACE(mmu_interval_wait, sub, READ_ONCE(sub->invalidate_seq));
}

void notifier_count_exclusive_round(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->lock);
	subs->stats.exclusive_rounds++;
	spin_unlock(&subs->lock);
}

/* The event of the range with number @seq; NR_MMU_NOTIFY_EVENTS if not remembered. */
static unsigned int event_of(struct mmu_notifier_subscriptions *subs,
			     unsigned long seq)
{
	unsigned long event = READ_ONCE(*notifier_recent_slot(subs, seq)) -
			      seq * NOTIFIER_EVENTS_MAX;

	return event < NR_MMU_NOTIFY_EVENTS ? (unsigned int)event
					    : NR_MMU_NOTIFY_EVENTS;
}

/* Several readers may hold the driver's lock, if it is one that is shared. */
static void count_unlocked(unsigned long *count)
{
	unsigned long old = READ_ONCE(*count);

	while (!try_cmpxchg(count, &old, old + 1))
		;
}

void __mmu_interval_read_collided(struct mmu_interval_notifier *interval_sub)
{
	struct mmu_notifier_subscriptions *subs = interval_sub->subscriptions;
	/* The caller holds the driver's lock, so this is the number it compared. */
	unsigned long seq = READ_ONCE(interval_sub->invalidate_seq);
	unsigned int event = event_of(subs, seq);
	struct mmu_notifier_sub_stats *stats;

	atomic64_add(1, &subs->retries[event]);
	if (!notifier_observing())
		return;
	/* The callback that stored the number has made it, if it was observed. */
	stats = smp_load_acquire(&interval_sub->stats);
	if (stats)
		count_unlocked(event < NR_MMU_NOTIFY_EVENTS
				       ? &stats->retries[event]
				       : &stats->retries_other);
	TRACE(mmu_interval_collided, interval_sub,
	      mmu_notifier_event_name(event), seq);
}

/* --- shown ---------------------------------------------------------------- */

/* The open ranges that overlap an interval. */
static unsigned long count_overlaps(struct mmu_notifier_subscriptions *subs)
{
	const struct mmu_notifier_range *range;
	unsigned long overlaps = 0;

	for (range = notifier_open_next(subs, NULL); range;
	     range = notifier_open_next(subs, range))
		overlaps += range->core.seq != 0;
	return overlaps;
}

static unsigned long count_intervals(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_interval_notifier *sub;
	unsigned long count = 0;

	for (sub = notifier_interval_next(subs, NULL); sub;
	     sub = notifier_interval_next(subs, sub))
		count++;
	return count;
}

static unsigned long count_plain(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_notifier *sub;
	unsigned long count = 0;

	for (sub = notifier_plain_next(subs, NULL); sub;
	     sub = notifier_plain_next(subs, sub))
		count++;
	return count;
}

void mmu_notifier_read_stats(struct mm_struct *mm,
			     struct mmu_notifier_stats *stats)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	unsigned int event;

	memset(stats, 0, sizeof(*stats));
	if (!subs)
		return;
	spin_lock(&subs->lock);
	*stats = subs->stats;
	for (event = 0; event < NR_MMU_NOTIFY_EVENTS; event++)
		stats->retries[event] = atomic64_read(&subs->retries[event]);
	stats->retries_other = atomic64_read(&subs->retries[event]);
	stats->plain = count_plain(subs);
	stats->intervals = count_intervals(subs);
	stats->open_ranges = notifier_open_ranges(mm);
	stats->open_overlaps = count_overlaps(subs);
	stats->grace_periods = notifier_grace_periods(subs);
	stats->last_seq = subs->last_seq;
	spin_unlock(&subs->lock);
}

static struct mmu_notifier_sub_stats
copy_sub_stats(struct mmu_notifier_sub_stats *const *at)
{
	const struct mmu_notifier_sub_stats *stats = smp_load_acquire(at);
	struct mmu_notifier_sub_stats copy = {0};
	unsigned int event;

	if (!stats)
		return copy;
	memcpy(copy.events, stats->events, sizeof(copy.events));
	copy.callbacks = stats->callbacks;
	copy.longest = stats->longest;
	copy.waits = stats->waits;
	for (event = 0; event < NR_MMU_NOTIFY_EVENTS; event++)
		copy.retries[event] = READ_ONCE(stats->retries[event]);
	copy.retries_other = READ_ONCE(stats->retries_other);
	return copy;
}

static unsigned long
show_plain(struct mmu_notifier_subscriptions *subs,
	   bool (*fn)(const struct mmu_notifier_sub_info *info, void *arg),
	   void *arg, bool *go_on)
{
	struct mmu_notifier_sub_info info = {0};
	struct mmu_notifier *sub;
	unsigned long shown = 0;

	for (sub = notifier_plain_next(subs, NULL); *go_on && sub;
	     sub = notifier_plain_next(subs, sub)) {
		info.plain = sub;
		info.last = ~0ul;
		info.stats = copy_sub_stats(&info.plain->stats);
		info.users = READ_ONCE(info.plain->users);
		shown++;
		*go_on = fn(&info, arg);
	}
	return shown;
}

unsigned long mmu_notifier_for_each_sub(
	struct mm_struct *mm,
	bool (*fn)(const struct mmu_notifier_sub_info *info, void *arg),
	void *arg)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	struct mmu_notifier_sub_info info = {0};
	struct mmu_interval_notifier *sub;
	unsigned long shown;
	bool go_on = true;

	if (!subs)
		return 0;
	spin_lock(&subs->lock);
	shown = show_plain(subs, fn, arg, &go_on);
	for (sub = notifier_interval_next(subs, NULL); sub && go_on;
	     sub = notifier_interval_next(subs, sub)) {
		if (sub->state == INTERVAL_ADDING)
			continue;
		info.interval = sub;
		info.start = interval_tree_start(&sub->interval_tree);
		info.last = interval_tree_last(&sub->interval_tree);
		info.stats = copy_sub_stats(&sub->stats);
		shown++;
		go_on = fn(&info, arg);
	}
	spin_unlock(&subs->lock);
	return shown;
}

/* Is every subscription's number odd? Its driver may be storing one: READ_ONCE. */
static bool numbers_odd(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_interval_notifier *sub = notifier_interval_next(subs, NULL);

	while (sub && (READ_ONCE(sub->invalidate_seq) & 1))
		sub = notifier_interval_next(subs, sub);
	return !sub && (subs->last_seq & 1);
}

bool mmu_notifier_verify(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	bool right;

	if (!subs)
		return true;
	spin_lock(&subs->lock);
	right = numbers_odd(subs) && notifier_lists_valid(subs) &&
		count_overlaps(subs) <= notifier_open_ranges(mm);
	spin_unlock(&subs->lock);
	return right;
}

unsigned long mmu_notifier_nr_subscriptions(void)
{
	struct mmu_notifier_subscriptions *subs;
	unsigned long nr = 0;

	spin_lock(&notifier_all_lock);
	for (subs = notifier_all; subs; subs = subs->all_next) {
		spin_lock(&subs->lock);
		nr += subs->nr_plain + count_intervals(subs);
		spin_unlock(&subs->lock);
	}
	spin_unlock(&notifier_all_lock);
	return nr;
}
