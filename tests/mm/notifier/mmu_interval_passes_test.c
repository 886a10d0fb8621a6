// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_passes_test.c - a walk over intervals in two passes, and
 * one that may not sleep
 *
 * A subscription may start its device in a first pass and wait for it in a
 * second (R4.31); and it may refuse a range that may not sleep (R3.6). Each test
 * that walks does so without statistics and with them.
 */
#include "notifier_fixture.h"

/* --- two passes ------------------------------------------------------------------ */

struct two_pass {
	struct mmu_interval_notifier sub;
	struct mmu_interval_notifier_finish finish;
	struct call_log *log;
	char name;
	bool refuse;
	bool done_at_once;
};

static bool two_pass_start(struct mmu_interval_notifier *sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq,
			   struct mmu_interval_notifier_finish **finish)
{
	struct two_pass *t = container_of(sub, struct two_pass, sub);

	log_call(t->log, t->name);
	if (t->refuse)
		return false;
	mmu_interval_set_seq(sub, cur_seq);
	if (!t->done_at_once)
		*finish = &t->finish;
	return true;
}

static void two_pass_finish(struct mmu_interval_notifier_finish *finish)
{
	struct two_pass *t = container_of(finish, struct two_pass, finish);

	log_call(t->log, t->name + ('A' - 'a'));
}

static const struct mmu_interval_notifier_ops two_pass_ops = {
	.invalidate_start = two_pass_start,
	.invalidate_finish = two_pass_finish,
};

static int two_pass_insert(struct two_pass *t, struct mm_struct *mm,
			   unsigned long page, struct call_log *log, char name)
{
	memset(t, 0, sizeof(*t));
	t->log = log;
	t->name = name;
	return mmu_interval_notifier_insert(&t->sub, mm, PG(page), PG(1),
					    &two_pass_ops);
}

/* Three devices are started, then the two that are still at work finished. */
KTEST(mmu_interval, finishes_run_after_every_start_and_in_their_order,
      KT_RULES("R4.31"))
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct two_pass t[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(two_pass_insert(&t[i], mm, i, &log, 'a' + i), 0);
	t[1].done_at_once = true;
	change(mm, 0, 3);
	EXPECT_STREQ(log.who, "abcAC");
	for (i = 0; i < 3; i++)
		mmu_interval_notifier_remove(&t[i].sub);
	mmput(mm);
}

KTEST(mmu_interval, a_refusal_still_finishes_those_that_were_started,
      KT_RULES("R3.6"))
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct two_pass t[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(two_pass_insert(&t[i], mm, i, &log, 'a' + i), 0);
	t[1].refuse = true;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 3), -EAGAIN);
	EXPECT_STREQ(log.who, "abA");
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.failed_starts, 1UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	for (i = 0; i < 3; i++)
		mmu_interval_notifier_remove(&t[i].sub);
	mmput(mm);
}

KTEST(mmu_interval, a_start_pass_without_a_finish_is_refused,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.31"))
{
	static const struct mmu_interval_notifier_ops half_ops = {
		.invalidate_start = two_pass_start,
	};
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_notifier sub;

	REQUIRE(mm);
	EXPECT_EQ(mmu_interval_notifier_insert(&sub, mm, 0, PG(1), &half_ops),
		  -EINVAL);
	mmput(mm);
}

/* --- starts that may not block ----------------------------------------------------- */

KTEST(mmu_interval, a_refusal_is_EAGAIN_and_plain_subscribers_are_not_called,
      KT_RULES("R3.6"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	w.refuse = true;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(l.ends, 0U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.failed_starts, 1UL);
	EXPECT(mmu_interval_read_begin(&w.sub) & 1);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_interval, a_refusal_of_a_blockable_range_is_reported_and_ignored,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R3.6"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher a, b;

	REQUIRE(mm);
	watcher_init(&a, test);
	watcher_init(&b, test);
	EXPECT_EQ(watch(&a, mm, 0, 1), 0);
	EXPECT_EQ(watch(&b, mm, 1, 2), 0);
	a.refuse = true;
	change(mm, 0, 2);
	EXPECT_EQ(b.calls, 1U);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&a);
	unwatch(&b);
	mmput(mm);
}
