// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_verify_test.c - verify notices a broken invariant
 *
 * Problem.  Many tests call mmu_notifier_verify() after each step. If it always said
 * that all is right, none of them would notice.
 *
 * Idea.  Break one invariant at a time by hand, expect that verify notices, put the old
 * value back. Each invariant has a state close to the broken one that is right.
 *
 * Locks: none; no other thread has the address space. Not here: the tree
 * (interval_tree_test.c).
 */
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

#define EXPECT_NOTICED(mm, place, wrong)                  \
	do {                                              \
		typeof(place) kept_ = (place);            \
                                                          \
		(place) = (wrong);                        \
		EXPECT(!mmu_notifier_verify(mm), #place); \
		(place) = kept_;                          \
		EXPECT(mmu_notifier_verify(mm), #place);  \
	} while (0)

static const struct mmu_notifier_ops every_ops = {
	.release = listener_release,
	.invalidate_range = listener_tlb,
	.change_pte = listener_change,
};

/* An mm with two intervals and two plain subscriptions. */
struct subscribed {
	struct mm_struct *mm;
	struct mmu_notifier_subscriptions *subs;
	struct watcher low, high;
	struct listener older, newer;
};

static bool subscribed_open(struct subscribed *s, struct ktest *test)
{
	s->mm = mm_alloc();
	if (!s->mm)
		return false;
	watcher_init(&s->low, test);
	watcher_init(&s->high, test);
	EXPECT_EQ(watch(&s->low, s->mm, 0, 1), 0);
	EXPECT_EQ(watch(&s->high, s->mm, 4, 5), 0);
	EXPECT_EQ(listen_as(&s->older, s->mm, &every_ops), 0);
	EXPECT_EQ(listen_as(&s->newer, s->mm, &every_ops), 0);
	s->subs = subscriptions_of(s->mm);
	EXPECT(mmu_notifier_verify(s->mm));
	return true;
}

static void subscribed_close(struct subscribed *s)
{
	unlisten(&s->newer, s->mm);
	unlisten(&s->older, s->mm);
	unwatch(&s->high);
	unwatch(&s->low);
	mmput(s->mm);
}

KTEST(mmu_notifier_verify, an_even_number_is_noticed)
{
	struct subscribed s;

	REQUIRE(subscribed_open(&s, test));
	EXPECT_NOTICED(s.mm, s.subs->last_seq, s.subs->last_seq + 1);
	EXPECT_NOTICED(s.mm, s.low.sub.invalidate_seq, 2);
	EXPECT_NOTICED(s.mm, s.high.sub.invalidate_seq, 2);
	subscribed_close(&s);
}

KTEST(mmu_notifier_verify, an_interval_in_a_wrong_state_or_not_counted_is_noticed)
{
	struct subscribed s;

	REQUIRE(subscribed_open(&s, test));
	EXPECT_NOTICED(s.mm, s.high.sub.state, INTERVAL_OUT);
	EXPECT_NOTICED(s.mm, s.subs->nr_intervals, 1);
	EXPECT_NOTICED(s.mm, s.subs->nr_intervals, 3);
	EXPECT_NOTICED(s.mm, s.high.sub.interval_tree.end, ~0ul);
	/* A deferred removal is in the tree until a walker applies it. */
	s.high.sub.state = INTERVAL_REMOVING;
	EXPECT(mmu_notifier_verify(s.mm));
	s.high.sub.state = INTERVAL_IN;
	subscribed_close(&s);
}

/* The list of deferred work: a removal first, then an insertion. */
KTEST(mmu_notifier_verify, deferred_work_without_a_walker_is_noticed)
{
	struct mmu_interval_notifier adding = {.state = INTERVAL_ADDING,
					       .invalidate_seq = 1};
	struct subscribed s;

	REQUIRE(subscribed_open(&s, test));
	s.high.sub.state = INTERVAL_REMOVING;
	s.high.sub.deferred = &adding;
	EXPECT_NOTICED(s.mm, s.subs->deferred, &s.high.sub);
	atomic_set(&s.subs->walkers, 1);
	s.subs->deferred = &s.high.sub;
	EXPECT(mmu_notifier_verify(s.mm));
	EXPECT_NOTICED(s.mm, adding.invalidate_seq, 2);
	s.subs->deferred = NULL;
	atomic_set(&s.subs->walkers, 0);
	s.high.sub.deferred = NULL;
	s.high.sub.state = INTERVAL_IN;
	subscribed_close(&s);
}

KTEST(mmu_notifier_verify, a_plain_list_out_of_order_or_not_counted_is_noticed)
{
	struct subscribed s;

	REQUIRE(subscribed_open(&s, test));
	EXPECT_NOTICED(s.mm, s.newer.sub.prev, &s.newer.sub.next);
	EXPECT_NOTICED(s.mm, s.older.sub.prev, &s.subs->newest);
	EXPECT_NOTICED(s.mm, s.older.sub.birth, s.newer.sub.birth);
	EXPECT_NOTICED(s.mm, s.subs->births, s.newer.sub.birth - 1);
	EXPECT_NOTICED(s.mm, s.subs->nr_invalidate_range, 1);
	EXPECT_NOTICED(s.mm, s.subs->nr_change_pte, 1);
	subscribed_close(&s);
}

KTEST(mmu_notifier_verify, a_listed_range_that_is_not_counted_is_noticed)
{
	struct mmu_notifier_range range;
	struct subscribed s;

	REQUIRE(subscribed_open(&s, test));
	range_of(&range, s.mm, 0, 1);
	range.core.next = NULL;
	range.core.seq = s.subs->last_seq;
	EXPECT_NOTICED(s.mm, s.subs->open_overlaps, &range);
	subscribed_close(&s);
}
