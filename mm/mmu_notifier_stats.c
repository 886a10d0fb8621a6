// SPDX-License-Identifier: MIT
/*
 * mm/mmu_notifier_stats.c - what the notifiers did, for people
 *
 * Problem.  "Why did the device lose this page, who was asked, how long did it
 * take?" must have an answer after the fact, and cost nothing when nobody asks.
 *
 * Idea.  A bit in the word that every start and end looks at anyway chooses
 * between two copies of the walks. The observed ones leave a trace record for
 * each start, callback and end, and count; the others pay nothing. Counts that fall on slow paths
 * anyway (waits, failures, what was put off) are always kept.
 *
 *	field		written by			lock
 *	stats.events	observed starts			subs->lock
 *	stats.callbacks	observed callbacks		subs->lock
 *	sub->calls,	observed callbacks; a lost	none, single
 *	sub->longest	update among CPUs is accepted	accesses
 *	all, looking	the switch, makers of an mm's	all_lock, outside
 *			object				subs->lock
 *
 * The event's number is in the record, its name is printed by the reader of
 * the trace; a start and its end have the range's address in common.
 *
 * Not here: the paths themselves.
 */
#include "notifier_internal.h"

DEFINE_TRACE_EVENT(mmu_notifier_start,
		   "start %p %s mm %p [%#lx, %#lx) blockable=%lu");
DEFINE_TRACE_EVENT(mmu_notifier_called, "  call sub %p answer=%ld ticks=%lu");
DEFINE_TRACE_EVENT(mmu_notifier_started, "  started %p ret=%ld seq=%lu");
DEFINE_TRACE_EVENT(mmu_notifier_end, "end %p %s mm %p [%#lx, %#lx)");

const char *mmu_notifier_event_name(unsigned int event)
{
	static const char *const names[NR_MMU_NOTIFY_EVENTS] = {
		[MMU_NOTIFY_UNMAP] = "UNMAP",
		[MMU_NOTIFY_CLEAR] = "CLEAR",
		[MMU_NOTIFY_PROTECTION_VMA] = "PROTECTION_VMA",
		[MMU_NOTIFY_PROTECTION_PAGE] = "PROTECTION_PAGE",
		[MMU_NOTIFY_SOFT_DIRTY] = "SOFT_DIRTY",
		[MMU_NOTIFY_RELEASE] = "RELEASE",
		[MMU_NOTIFY_MIGRATE] = "MIGRATE",
		[MMU_NOTIFY_EXCLUSIVE] = "EXCLUSIVE",
	};

	return event < NR_MMU_NOTIFY_EVENTS ? names[event] : "?";
}

/* All objects that exist, so that the switch reaches them. */
static DEFINE_SPINLOCK(all_lock);
static struct mmu_notifier_subscriptions *all;
static bool looking = IS_ENABLED(CONFIG_DEBUG);

static void look_at(struct mmu_notifier_subscriptions *subs, bool on)
{
	spin_lock(&subs->lock);
	if (on)
		set_mode(subs, MODE_LOOK);
	else
		clear_mode(subs, MODE_LOOK);
	spin_unlock(&subs->lock);
}

void notifier_observe_join(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&all_lock);
	subs->all_next = all;
	subs->all_prev = &all;
	if (all)
		all->all_prev = &subs->all_next;
	all = subs;
	if (looking)
		look_at(subs, true);
	spin_unlock(&all_lock);
}

void notifier_observe_leave(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&all_lock);
	*subs->all_prev = subs->all_next;
	if (subs->all_next)
		subs->all_next->all_prev = subs->all_prev;
	spin_unlock(&all_lock);
}

void mmu_notifier_observe(bool on)
{
	struct mmu_notifier_subscriptions *subs;

	spin_lock(&all_lock);
	looking = on;
	for (subs = all; subs; subs = subs->all_next)
		look_at(subs, on);
	spin_unlock(&all_lock);
}

void notifier_observe_start(struct mmu_notifier_subscriptions *subs,
			    const struct mmu_notifier_range *range)
{
	TRACE(mmu_notifier_start, range, mmu_notifier_event_name(range->event),
	      range->mm, range->start, range->end,
	      mmu_notifier_range_blockable(range));
	spin_lock(&subs->lock);
	if (range->event < NR_MMU_NOTIFY_EVENTS)
		subs->stats.events[range->event]++;
	spin_unlock(&subs->lock);
}

void notifier_observe_started(const struct mmu_notifier_range *range, int ret)
{
	TRACE(mmu_notifier_started, range, ret, range->seq);
}

void notifier_observe_end(const struct mmu_notifier_range *range)
{
	TRACE(mmu_notifier_end, range, mmu_notifier_event_name(range->event),
	      range->mm, range->start, range->end);
}

void notifier_observe_call(struct mmu_notifier_subscriptions *subs,
			   unsigned long *calls, unsigned long *longest,
			   const void *sub, unsigned long ticks, int answer)
{
	WRITE_ONCE(*calls, READ_ONCE(*calls) + 1);
	if (READ_ONCE(*longest) < ticks)
		WRITE_ONCE(*longest, ticks);
	spin_lock(&subs->lock);
	subs->stats.callbacks++;
	spin_unlock(&subs->lock);
	TRACE(mmu_notifier_called, sub, answer, ticks);
}

static unsigned long count_hits(const struct mmu_notifier_subscriptions *subs)
{
	const struct mmu_notifier_range *range;
	unsigned long hits = 0;

	for (range = subs->open_hits; range; range = range->next)
		hits++;
	return hits;
}

static unsigned long count_intervals(const struct mmu_notifier_subscriptions *subs)
{
	const struct mmu_interval_notifier *sub;
	struct interval_tree_node *node;
	unsigned long count = 0;

	for (node = interval_tree_lowest(&subs->tree); node;
	     node = interval_tree_next(node, 0, ~0ul))
		count++;
	for (sub = subs->deferred; sub; sub = sub->deferred)
		count += sub->state == INTERVAL_ADDING;
	return count;
}

void mmu_notifier_read_stats(struct mm_struct *mm,
			     struct mmu_notifier_stats *stats)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);

	memset(stats, 0, sizeof(*stats));
	if (!subs)
		return;
	spin_lock(&subs->lock);
	*stats = subs->stats;
	stats->intervals = count_intervals(subs);
	stats->open_ranges = notifier_gate_inside(&subs->ranges);
	stats->open_hits = count_hits(subs);
	stats->invalidate_seq = subs->invalidate_seq;
	spin_unlock(&subs->lock);
}

static unsigned long
show_plain(struct plain_table *table,
	   bool (*fn)(const struct mmu_notifier_sub_info *info, void *arg),
	   void *arg, bool *go_on)
{
	struct mmu_notifier_sub_info info = {0};
	unsigned long shown = 0;
	unsigned int i;

	for (i = table ? table->nr : 0; *go_on && i-- > 0;) {
		if (table->slots[i].dead)
			continue;
		info.plain = table->slots[i].sub;
		info.last = ~0ul;
		info.calls = READ_ONCE(info.plain->calls);
		info.longest = READ_ONCE(info.plain->longest);
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
	const struct mmu_interval_notifier *sub;
	struct interval_tree_node *node;
	unsigned long shown;
	bool go_on = true;

	if (!subs)
		return 0;
	spin_lock(&subs->lock);
	shown = show_plain(subs->table, fn, arg, &go_on);
	for (node = interval_tree_lowest(&subs->tree); node && go_on;
	     node = interval_tree_next(node, 0, ~0ul)) {
		sub = container_of(node, struct mmu_interval_notifier,
				   interval_tree);
		info.interval = sub;
		info.start = interval_tree_start(node);
		info.last = interval_tree_last(node);
		info.calls = READ_ONCE(sub->calls);
		info.waits = sub->waits;
		info.longest = READ_ONCE(sub->longest);
		shown++;
		go_on = fn(&info, arg);
	}
	spin_unlock(&subs->lock);
	return shown;
}

static bool intervals_right(struct mmu_notifier_subscriptions *subs)
{
	const struct mmu_interval_notifier *sub;
	struct interval_tree_node *node;
	long count = 0;

	for (node = interval_tree_lowest(&subs->tree); node;
	     node = interval_tree_next(node, 0, ~0ul)) {
		sub = container_of(node, struct mmu_interval_notifier,
				   interval_tree);
		/* The driver writes it, under a lock of its own. */
		if (!(READ_ONCE(sub->invalidate_seq) & 1))
			return false;
		if (sub->state != INTERVAL_IN && sub->state != INTERVAL_REMOVING)
			return false;
		count++;
	}
	return count == interval_tree_verify(&subs->tree);
}

static bool table_right(const struct mmu_notifier_subscriptions *subs)
{
	const struct plain_table *table = subs->table;
	unsigned int i, live = 0, tlbs = 0, followers = 0;
	u64 birth = 0;

	for (i = 0; table && i < table->nr; i++) {
		if (table->slots[i].birth <= birth)
			return false;
		birth = table->slots[i].birth;
		if (table->slots[i].dead)
			continue;
		live++;
		tlbs += !!table->slots[i].sub->ops->invalidate_range;
		followers += !!table->slots[i].sub->ops->change_pte;
		if (table->slots[i].sub->slot != i)
			return false;
	}
	if (tlbs != subs->nr_tlbs || followers != subs->nr_followers)
		return false;
	return table ? live == table->live && live == subs->stats.plain
		     : subs->stats.plain == 0;
}

bool mmu_notifier_verify(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	bool right;

	if (!subs)
		return true;
	spin_lock(&subs->lock);
	right = (subs->invalidate_seq & 1) && intervals_right(subs) &&
		table_right(subs) &&
		!(subs->mode & MODE_TREE) == interval_tree_empty(&subs->tree) &&
		!(subs->mode & MODE_PLAIN) == !subs->table &&
		(!subs->deferred || atomic_read(&subs->walkers)) &&
		count_hits(subs) <= notifier_gate_inside(&subs->ranges);
	spin_unlock(&subs->lock);
	return right;
}

unsigned long mmu_notifier_nr_subscriptions(void)
{
	return atomic64_read(&mmu_notifier_total);
}
