// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_nonblock_test.c - a start that may not sleep, and that
 * plain subscribers let fail (R2.7, R3)
 *
 * Intervals that refuse are in mmu_interval_passes_test.c.
 */
#include <lib/assert.h>

#include "notifier_fixture.h"

#define MATRIX_SUBS 5

/*
 * One cell of the matrix: bit i of @failing says that the i-th to register
 * fails; the others have an end. With an interval beside them, or without.
 */
static void matrix_cell(struct ktest *test, unsigned int failing,
			bool with_interval)
{
	struct mm_struct *mm = mm_alloc();
	struct call_log log = {.nr = {0}};
	char wanted[2 * MATRIX_SUBS + 1];
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener l[MATRIX_SUBS];
	unsigned int i, at = 0;
	struct watcher w;
	int ret;

	REQUIRE(mm);
	watcher_init(&w, test);
	for (i = 0; i < MATRIX_SUBS; i++) {
		EXPECT_EQ(listen_as(&l[i], mm,
				    failing & BIT(i) ? &start_ops : &pair_ops),
			  0);
		l[i].answer = failing & BIT(i) ? -EAGAIN : 0;
		l[i].log = &log;
		l[i].name = (char)('a' + i);
	}
	if (with_interval)
		EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	ret = start_nonblock_of(&range, mm, 0, 1);
	EXPECT_EQ(ret, failing ? -EAGAIN : 0);
	if (!ret)
		end_of(&range);
	for (i = MATRIX_SUBS; i-- > 0;)
		wanted[at++] = (char)('a' + i);
	for (i = MATRIX_SUBS; i-- > 0;) {
		if (!(failing & BIT(i)))
			wanted[at++] = (char)('A' + i);
	}
	wanted[at] = '\0';
	EXPECT_STREQ(log.who, wanted);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.failed_starts, failing ? 1UL : 0UL);
	/* Nothing of it is left: the next change reaches everybody. */
	change(mm, 0, 1);
	for (i = 0; i < MATRIX_SUBS; i++) {
		EXPECT_EQ(l[i].starts, 2U);
		EXPECT_EQ(l[i].ends, failing & BIT(i) ? 0U : 2U);
		unlisten(&l[i], mm);
	}
	if (with_interval) {
		EXPECT_EQ(w.calls, 2U);
		unwatch(&w);
	}
	mmput(mm);
}

KTEST(mmu_notifier, every_subscriber_is_called_and_every_end_has_its_start,
      KT_RULES("R3.3 R3.10"))
{
	unsigned int failing;

	for (failing = 0; failing < BIT(MATRIX_SUBS); failing++) {
		matrix_cell(test, failing, false);
		matrix_cell(test, failing, true);
		if (ktest_failed(test)) {
			ktest_note("those that fail: %#x", failing);
			break;
		}
	}
}

/*
 * {0, 1, 2, ... all that fail} x {those with an end before, between, after}:
 * start is called for each, then end, once, for each that has one,
 * both newest first, and the counts are zero (R3.3, R3.10).
 */

static void end_after_failure_of(struct ktest *test, bool with_interval)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range, other;
	struct mmu_notifier_stats stats;
	struct listener good, bad;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&good, mm), 0);
	EXPECT_EQ(listen_as(&bad, mm, &start_ops), 0);
	if (with_interval)
		EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&other, mm, 8, 9);
	bad.answer = -EAGAIN;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(good.ends, 1U);
	end_of(&range);
	EXPECT_EQ(good.ends, 1U);
	/* The other is still the one that is open. */
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 1UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	end_of(&other);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	if (with_interval)
		unwatch(&w);
	unlisten(&bad, mm);
	unlisten(&good, mm);
	mmput(mm);
}

KTEST(mmu_notifier, an_end_after_a_failed_start_does_nothing, KT_RULES("R3.5"))
{
	end_after_failure_of(test, false);
	end_after_failure_of(test, true);
}

/*
 *	start_nonblock: the interval lets go, the plain one cannot: -EAGAIN
 *	read_begin and remove must not wait for an end that will not come
 */
KTEST(mmu_notifier, failed_plain_start_closes_the_interval_range,
      KT_RULES("R3.7"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener l;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen_as(&l, mm, &start_ops), 0);
	l.answer = -EAGAIN;
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(w.calls, 1U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!must_retry(&w, seq));
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.waits, 0UL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier, an_answer_that_is_not_EAGAIN_is_reported_and_passed_on,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R3.1 R3.2"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	unsigned int warned = warn_count();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen_as(&l, mm, &start_ops), 0);
	l.answer = -EIO;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EIO);
	EXPECT_EQ(warn_count() - warned, 1U);
	unlisten(&l, mm);
	mmput(mm);
}

/* Newest first: the oldest is the last to answer. */
KTEST(mmu_notifier, of_several_failures_the_last_is_returned,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R3.1 R3.2"))
{
	struct mm_struct *mm = mm_alloc();
	unsigned int warned = warn_count();
	struct mmu_notifier_range range;
	struct listener l[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(listen_as(&l[i], mm, &start_ops), 0);
	l[2].answer = -EAGAIN;
	l[1].answer = -EIO;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EIO);
	l[0].answer = -EAGAIN;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	/* Of -EIO, each time. */
	EXPECT_EQ(warn_count() - warned, 2U);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(l[i].starts, 2U);
		unlisten(&l[i], mm);
	}
	mmput(mm);
}

KTEST(mmu_notifier, a_subscriber_that_fails_and_has_an_end_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R3.4"))
{
	struct mm_struct *mm = mm_alloc();
	unsigned int warned = warn_count();
	struct mmu_notifier_range range;
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	l.answer = -EAGAIN;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(warn_count() - warned, 1U);
	EXPECT_EQ(l.ends, 1U);
	unlisten(&l, mm);
	mmput(mm);
}

/*
 *		good	bad (no end)	insists (has an end)
 *	start	0	-EAGAIN		-EAGAIN
 *		reported, twice; no end is called for it
 *	end	called	-		called
 *
 * The start counts as good, so its end is the caller's, and the only one (R2.7).
 */
KTEST(mmu_notifier, a_failure_of_a_blockable_start_is_no_failure,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.7 R3.1 R3.2"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	unsigned int warned = warn_count();
	struct listener bad, good, insists;

	REQUIRE(mm);
	EXPECT_EQ(listen(&good, mm), 0);
	EXPECT_EQ(listen_as(&bad, mm, &start_ops), 0);
	bad.answer = -EAGAIN;
	bad.insist = true;
	EXPECT_EQ(listen(&insists, mm), 0);
	insists.answer = -EAGAIN;
	insists.insist = true;
	start_of(&range, mm, 0, 1);
	EXPECT_EQ(warn_count() - warned, 2U);
	EXPECT_EQ(good.starts, 1U);
	EXPECT_EQ(good.ends, 0U);
	EXPECT_EQ(insists.starts, 1U);
	EXPECT_EQ(insists.ends, 0U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 1UL);
	EXPECT_EQ(stats.failed_starts, 0UL);
	end_of(&range);
	EXPECT_EQ(good.ends, 1U);
	EXPECT_EQ(insists.ends, 1U);
	unlisten(&insists, mm);
	unlisten(&bad, mm);
	unlisten(&good, mm);
	mmput(mm);
}

/*
 *	range 1		newcomer b	range 2, may not sleep
 *	start
 *			register: sleeps
 *					start: refused; counted down in the
 *					epoch where it was counted
 *			sleeps on
 *	end
 *			returns
 */
KTEST(mmu_notifier, a_refused_start_ends_no_wait_for_an_older_range,
      KT_RULES("R2.20 R3.7"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct listener a, b;
	struct registrar r;

	REQUIRE(mm);
	EXPECT_EQ(listen_as(&a, mm, &start_ops), 0);
	a.answer = -EAGAIN;
	start_of(&one, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(start_nonblock_of(&two, mm, 1, 2), -EAGAIN);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(atomic_read(&r.done), 0);
	EXPECT_EQ(stats_of(mm).open_ranges, 1UL);
	end_of(&one);
	EXPECT_EQ(kthread_join(r.task), 0);
	EXPECT_EQ(stats_of(mm).open_ranges, 0UL);
	unlisten(&a, mm);
	unlisten(&b, mm);
	mmput(mm);
}
