// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_checks_test.c - mistakes with ranges, reported by name
 *
 * Each test makes one mistake and reads the report: that there is one, that it
 * names the caller, and that the mistake did no harm. A range ended twice must
 * not let the count of open ranges wrap. Mistakes with subscriptions are in
 * mmu_notifier_misuse_test.c.
 */
#include "warnings_heard.h"
#include <kernel/sched/wait.h>
#include <mm/alloc/vmalloc.h>

/* Out of line, so that a report names them. */
static noinline void start_by_name(struct mmu_notifier_range *range,
				   struct mm_struct *mm, unsigned long from,
				   unsigned long to)
{
	start_of(range, mm, from, to);
}

static noinline void start_again_by_name(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_start(range);
	barrier();
}

static noinline void end_by_name(struct mmu_notifier_range *range)
{
	end_of(range);
}

/* --- ranges ------------------------------------------------------------------ */

/*
 *	start; end; end again		the count of open ranges stays 0, and a
 *	register: does not sleep	registration has nothing to wait for
 */
KTEST(mmu_notifier_checks, a_second_end_is_reported_with_its_caller_and_ignored,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	int round;

	REQUIRE(mm);
	for (round = 0; round < 2; round++) {
		start_of(&range, mm, 2, 4);
		end_of(&range);
		expect_warnings();
		end_by_name(&range);
		EXPECT_WARNED(1, "end_by_name+",
			      " ends CLEAR [0x2000, 0x4000), which is not open");
		EXPECT_EQ(atomic64_read(&mm->notifier_ranges) & INT64_MAX, 0L);
		/* The second round has a subscriber; its end is called once. */
		if (!round)
			EXPECT_EQ(listen(&l, mm), 0);
	}
	EXPECT_EQ(l.ends, 1U);
	expect_rest(test, mm);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier_checks, the_end_of_a_range_never_started_is_ignored,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;

	REQUIRE(mm);
	range_of(&range, mm, 1, 2);
	expect_warnings();
	end_by_name(&range);
	EXPECT_WARNED(1, "end_by_name+", "which is not open");
	EXPECT_EQ(atomic64_read(&mm->notifier_ranges), 0L);
	mmput(mm);
}

/* The end is that of another object, a copy: the range moved. */
KTEST(mmu_notifier_checks, the_end_of_a_copy_is_ignored,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.7"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range, copy;

	REQUIRE(mm);
	start_of(&range, mm, 1, 2);
	copy = range;
	expect_warnings();
	end_by_name(&copy);
	EXPECT_WARNED(1, "end_by_name+", "which is not open");
	EXPECT_EQ(atomic64_read(&mm->notifier_ranges), 1L);
	end_of(&range);
	EXPECT_EQ(atomic64_read(&mm->notifier_ranges), 0L);
	mmput(mm);
}

/*
 *	start; start again: refused	it would stand twice in the list of open
 *	end				ranges, which a reader then never leaves
 */
KTEST(mmu_notifier_checks, a_second_start_is_reported_and_refused,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_by_name(&range, mm, 2, 3);
	expect_warnings();
	start_again_by_name(&range);
	EXPECT_WARNED(1, "start_again_by_name+", "CLEAR [0x2000, 0x3000) is open",
		      "started by start_by_name+");
	EXPECT_EQ(w.calls, 1U);
	EXPECT_EQ(stats_of(mm).open_overlaps, 1UL);
	end_of(&range);
	expect_rest(test, mm);
	EXPECT_EQ(mmu_interval_read_begin(&w.sub) & 1, 1UL);
	unwatch(&w);
	mmput(mm);
}

/*
 *	start				forgotten: say the function has returned
 *	init; start, in its place	notified; the forgotten one is named
 */
KTEST(mmu_notifier_checks, a_start_in_the_place_of_a_forgotten_range_names_it,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mmu_notifier_range range;
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	REQUIRE_EQ(watch(&w, mm, 6, 7), 0);
	start_by_name(&range, mm, 2, 3);
	expect_warnings();
	start_of(&range, mm, 6, 7);
	EXPECT_EQ(w.calls, 1u);
	end_of(&range);
	mmu_interval_notifier_remove(&w.sub);
	EXPECT_EQ(stats_of(mm).open_overlaps, 0UL);
	EXPECT_EQ(stats_of(mm).open_ranges, 1UL);
	mmput(mm);
	EXPECT_WARNED(2, "CLEAR [0x2000, 0x3000) is open",
		      "started by start_by_name+", "exit: 1 ranges are open");
}

/*
 *	start, overlaps an interval	forgotten; the list of overlaps leads through it
 *	init; start, in its place	refused, and the forgotten one is named
 *	end				does nothing
 *	the forgotten one is put back and ended: nothing is lost
 */
KTEST(mmu_notifier_checks, a_start_in_the_place_of_a_forgotten_overlap_is_refused,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	struct mmu_notifier_range range, kept;
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	REQUIRE_EQ(watch(&w, mm, 2, 7), 0);
	start_by_name(&range, mm, 2, 3);
	kept = range;
	expect_warnings();
	start_of(&range, mm, 6, 7);
	EXPECT_EQ(w.calls, 1u);
	end_of(&range);
	EXPECT_WARNED(1, "CLEAR [0x2000, 0x3000) is open",
		      "started by start_by_name+");
	range = kept;
	end_of(&range);
	expect_rest(test, mm);
	mmu_interval_notifier_remove(&w.sub);
	mmput(mm);
}

/*
 *	three starts, overlap an interval	the one in the middle is forgotten
 *	init; start, in its place		refused: the list of overlaps is searched
 *						from end to end for it
 */
KTEST(mmu_notifier_checks,
      a_start_in_the_place_of_one_of_several_overlaps_is_refused,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	struct mmu_notifier_range first, range, last, kept;
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	REQUIRE_EQ(watch(&w, mm, 2, 7), 0);
	start_of(&first, mm, 3, 4);
	start_by_name(&range, mm, 2, 3);
	start_of(&last, mm, 4, 5);
	kept = range;
	expect_warnings();
	start_of(&range, mm, 6, 7);
	EXPECT_EQ(w.calls, 3u);
	end_of(&range);
	EXPECT_WARNED(1, "CLEAR [0x2000, 0x3000) is open",
		      "started by start_by_name+");
	range = kept;
	end_of(&last);
	end_of(&range);
	end_of(&first);
	expect_rest(test, mm);
	mmu_interval_notifier_remove(&w.sub);
	mmput(mm);
}

/*
 * More ranges are open than there are records, so some have none. They start and end
 * like the others, and a second end is seen all the same.
 */
KTEST(mmu_notifier_checks, ranges_beyond_the_records_are_ranges_like_any_other,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	enum { MANY = 700, RECORDS = 512 };
	struct mmu_notifier_range *ranges = vmalloc(MANY * sizeof(*ranges));
	struct mm_struct *mm = mm_alloc();
	unsigned int i, unrecorded = MANY;
	struct watcher w;

	REQUIRE(ranges);
	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 2, 3), 0);
	for (i = 0; i < MANY; i++) {
		start_of(&ranges[i], mm, 2, 3);
		if (ranges[i].core.record > RECORDS)
			unrecorded = i;
	}
	EXPECT_EQ(w.calls, (unsigned int)MANY);
	EXPECT_EQ(stats_of(mm).open_ranges, (unsigned long)MANY);
	for (i = 0; i < MANY; i++)
		end_of(&ranges[i]);
	expect_rest(test, mm);
	EXPECT_LT(unrecorded, (unsigned int)MANY);
	expect_warnings();
	if (unrecorded < MANY)
		end_by_name(&ranges[unrecorded]);
	EXPECT_WARNED(1, "end_by_name+", "which is not open");
	expect_rest(test, mm);
	mmu_interval_notifier_remove(&w.sub);
	mmput(mm);
	vfree(ranges);
}

/*
 *	start on one mm			forgotten; exit names it, the mm is freed
 *	start on another, in its place	a range like any other: it is notified
 */
KTEST(mmu_notifier_checks, a_forgotten_range_goes_with_its_mm,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;

	REQUIRE(mm);
	start_by_name(&range, mm, 2, 3);
	expect_warnings();
	mmput(mm);
	mm = mm_alloc();
	REQUIRE(mm);
	start_of(&range, mm, 6, 7);
	EXPECT_NE(atomic64_read(&mm->notifier_ranges), 0L);
	end_of(&range);
	EXPECT_EQ(atomic64_read(&mm->notifier_ranges), 0L);
	EXPECT_WARNED(1, "exit: CLEAR [0x2000, 0x3000) is open");
	mmput(mm);
}

KTEST(mmu_notifier_checks, exit_names_a_range_that_nobody_ended,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;

	REQUIRE(mm);
	mmgrab(mm);
	start_by_name(&range, mm, 5, 6);
	expect_warnings();
	mmput(mm);
	EXPECT_WARNED(1, "exit: CLEAR [0x5000, 0x6000) is open",
		      "started by start_by_name+");
	end_of(&range);
	mmdrop(mm);
}

KTEST(mmu_notifier_checks, exit_names_a_forgotten_range_that_overlaps_an_interval,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 8), 0);
	start_by_name(&range, mm, 5, 6);
	expect_warnings();
	mmput(mm);
	EXPECT_WARNED(1, "exit: CLEAR [0x5000, 0x6000) is open",
		      "started by start_by_name+");
	end_of(&range);
	unwatch(&w);
}

/* --- waits ------------------------------------------------------------------- */

static void wait_shortly(void)
{
	wait_long_ns = 1000 * 1000;
	expect_warnings();
}

/* The waiter has said whom it waits for. */
static void expect_named(struct ktest *test, const char *what, u64 usual)
{
	EXPECT(KTEST_WAIT_FOR(test, was_heard("started by start_by_name+")));
	wait_long_ns = usual;
	EXPECT_WARNED(1, "CLEAR [0x3000, 0x5000) is open",
		      "started by start_by_name+");
	expect_words(test, what);
}

KTEST(mmu_notifier_checks, a_registration_that_waits_long_names_the_range,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	u64 usual = wait_long_ns;
	struct registrar r;
	struct listener l;

	REQUIRE(mm);
	start_by_name(&range, mm, 3, 5);
	wait_shortly();
	registrar_run(&r, registrar_body, mm, &l);
	expect_named(test, "a long wait for ranges to end", usual);
	EXPECT_EQ(atomic_read(&r.done), 0);
	end_of(&range);
	EXPECT_EQ(kthread_join(r.task), 0);
	unlisten(&l, mm);
	mmput(mm);
}

/*
 *	changer				unregister
 *	start; callback waits
 *					waits for the walk: says whom it waits for
 */
KTEST(mmu_notifier_checks,
      an_unregistration_that_waits_long_for_a_callback_names_the_range,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct mm_struct *mm = mm_alloc();
	u64 usual = wait_long_ns;
	struct registrar r;
	struct changer c;
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	l.start_step = &step;
	changer_run(&c, mm, 3, 5, NULL);
	EXPECT_EQ(step_wait(&step, 1), 0);
	wait_shortly();
	registrar_run(&r, deregistrar_body, mm, &l);
	EXPECT(KTEST_WAIT_FOR(test, was_heard("started by changer_body+")));
	wait_long_ns = usual;
	EXPECT_WARNED(1, "CLEAR [0x3000, 0x5000) is open",
		      "a long wait for callbacks");
	EXPECT_EQ(atomic_read(&r.done), 0);
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(kthread_join(r.task), 0);
	mmput(mm);
}

KTEST(mmu_notifier_checks, a_reader_that_waits_long_names_the_range,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.11"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	u64 usual = wait_long_ns;
	struct reader r;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_by_name(&range, mm, 3, 5);
	wait_shortly();
	reader_run(&r, &w);
	expect_named(test, "a reader waits long", usual);
	EXPECT_EQ(READ_ONCE(r.seq), 0UL);
	end_of(&range);
	kthread_join(r.task);
	EXPECT(!must_retry(&w, r.seq));
	unwatch(&w);
	mmput(mm);
}
