// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_checks_test.c - mistakes of callers, reported by name
 *
 * Each test makes one mistake and reads the report: that there is one, that it
 * names the caller, and that the mistake did no harm. A range ended twice must
 * not let the count of open ranges wrap; an object registered twice must not
 * make the next start walk in a circle.
 *
 * The report is read from a console. There is no taking a console away, so it
 * stays, and listens only while a test wants it to.
 */
#include "notifier_fixture.h"
#include <lib/assert.h>
#include <lib/printk.h>
#include <kernel/sched/wait.h>

static char heard[8192];
static size_t heard_len;
static bool listening;
static unsigned int warned;

static void hear(struct console *con, const char *buf, size_t len)
{
	if (!READ_ONCE(listening))
		return;
	len = min(len, sizeof(heard) - 1 - heard_len);
	memcpy(heard + heard_len, buf, len);
	heard_len += len;
}

static struct console ear = {.name = "checks", .write = hear};

static void expect_warnings(void)
{
	static bool registered;

	if (!registered)
		register_console(&ear);
	registered = true;
	console_flush();
	heard_len = 0;
	memset(heard, 0, sizeof(heard));
	warned = warn_count();
	WRITE_ONCE(listening, true);
}

static void expect_words(struct ktest *test, const char *words)
{
	if (!strstr(heard, words))
		ktest_note("not heard: %s", words);
	EXPECT(strstr(heard, words));
}

static void stop_listening(void)
{
	WRITE_ONCE(listening, false);
}

/* There were @n warnings since expect_warnings(), with these words. */
#define EXPECT_WARNED(n, ...)                                        \
	do {                                                         \
		static const char *const words_[] = {__VA_ARGS__};   \
		unsigned int i_;                                     \
                                                                     \
		console_flush();                                     \
		stop_listening();                                    \
		EXPECT_EQ(warn_count() - warned, (unsigned int)(n)); \
		for (i_ = 0; i_ < ARRAY_SIZE(words_); i_++)          \
			expect_words(test, words_[i_]);              \
	} while (0)

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

static void expect_rest(struct ktest *test, struct mm_struct *mm)
{
	struct mmu_notifier_stats stats = stats_of(mm);

	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT(mmu_notifier_verify(mm));
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
		/* The second round has a subscriber; it is told one end. */
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
 *	init; start, in its place	told to the subscriber; the forgotten one is named
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
 *	start, overlaps an interval	forgotten; the list of hits leads through it
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
	EXPECT(KTEST_WAIT_FOR(test, strstr(heard, "started by start_by_name+")));
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

/* --- objects ------------------------------------------------------------------- */

/*
 *	register; register again	refused: the list would be a circle
 *	start; end			each is told once
 */
KTEST(mmu_notifier_checks, an_object_is_not_registered_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.16 R2.21"))
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct listener first, l;

	REQUIRE(mm && other);
	EXPECT_EQ(listen(&first, mm), 0);
	EXPECT_EQ(listen(&l, mm), 0);
	expect_warnings();
	EXPECT_EQ(mmu_notifier_register(&first.sub, mm), -EEXIST);
	EXPECT_EQ(mmu_notifier_register(&l.sub, mm), -EEXIST);
	EXPECT_EQ(mmu_notifier_register(&l.sub, other), -EEXIST);
	EXPECT_WARNED(3, "is registered already");
	EXPECT(l.sub.mm == mm);
	EXPECT(mmu_notifier_verify(mm));
	change(mm, 1, 2);
	EXPECT_EQ(first.starts, 1U);
	EXPECT_EQ(l.starts, 1U);
	unlisten(&l, mm);
	unlisten(&first, mm);
	/* Out of use again, it may come anew. */
	EXPECT_EQ(mmu_notifier_register(&l.sub, other), 0);
	unlisten(&l, other);
	mmput(mm);
	mmput(other);
}

KTEST(mmu_notifier_checks, an_object_is_not_unregistered_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.16 R2.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener stays, l;
	int count;

	REQUIRE(mm);
	EXPECT_EQ(listen(&stays, mm), 0);
	EXPECT_EQ(listen(&l, mm), 0);
	unlisten(&l, mm);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	unlisten(&l, mm);
	EXPECT_WARNED(1, "is unregistered and is not registered");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(mmu_notifier_verify(mm));
	unlisten(&stays, mm);
	mmput(mm);
}

KTEST(mmu_notifier_checks, an_interval_is_not_inserted_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct watcher w, same;
	int count;

	REQUIRE(mm && other);
	watcher_init(&w, test);
	watcher_init(&same, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	EXPECT_EQ(watch(&same, mm, 0, 4), 0);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	EXPECT_EQ(watch(&w, mm, 0, 4), -EEXIST);
	EXPECT_EQ(watch(&same, mm, 2, 3), -EEXIST);
	EXPECT_EQ(watch(&w, other, 8, 9), -EEXIST);
	EXPECT_WARNED(3, "is inserted already");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(w.sub.mm == mm);
	EXPECT_EQ(interval_tree_start(&w.sub.interval_tree), 0UL);
	EXPECT(mmu_notifier_verify(mm));
	change(mm, 3, 5);
	EXPECT_EQ(w.calls, 1U);
	EXPECT_EQ(same.calls, 1U);
	unwatch(&same);
	unwatch(&w);
	EXPECT_EQ(watch(&w, other, 8, 9), 0);
	unwatch(&w);
	mmput(mm);
	mmput(other);
}

/* Its insertion waits for a walk: it is not in the tree, and is in use. */
KTEST(mmu_notifier_checks,
      an_interval_whose_insertion_waits_is_not_inserted_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct mm_struct *mm = mm_alloc();
	struct watcher w, late;
	struct changer c;

	REQUIRE(mm);
	watcher_init(&w, test);
	watcher_init(&late, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	w.step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	EXPECT_EQ(watch(&late, mm, 0, 4), 0);
	expect_warnings();
	EXPECT_EQ(watch(&late, mm, 0, 4), -EEXIST);
	EXPECT_WARNED(1, "is inserted already");
	step_signal(&step, 2);
	kthread_join(c.task);
	w.step = NULL;
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&late);
	unwatch(&w);
	mmput(mm);
}

KTEST(mmu_notifier_checks, an_interval_is_not_removed_twice,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.6 R4.13"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher stays, w;
	int count;

	REQUIRE(mm);
	watcher_init(&stays, test);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&stays, mm, 0, 4), 0);
	EXPECT_EQ(watch(&w, mm, 2, 6), 0);
	unwatch(&w);
	count = atomic_read(&mm->mm_count);
	expect_warnings();
	unwatch(&w);
	EXPECT_WARNED(1, "is removed and is not inserted");
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&stays);
	mmput(mm);
}

/* --- callbacks and look-ups --------------------------------------------------- */

static noinline bool refuse_and_store(struct mmu_interval_notifier *sub,
				      const struct mmu_notifier_range *range,
				      unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	return false;
}

KTEST(mmu_notifier_checks, a_refusal_that_stored_the_number_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R4.22"))
{
	static const struct mmu_interval_notifier_ops ops = {
		.invalidate = refuse_and_store,
	};
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_notifier sub;
	struct mmu_notifier_range range;

	REQUIRE(mm);
	REQUIRE_EQ(mmu_interval_notifier_insert(&sub, mm, PG(2), PG(2), &ops), 0);
	expect_warnings();
	EXPECT_EQ(start_nonblock_of(&range, mm, 3, 5), -EAGAIN);
	EXPECT_WARNED(1, "refuse_and_store+",
		      "refuses CLEAR [0x3000, 0x5000) and has stored its number");
	mmu_interval_notifier_remove(&sub);
	expect_rest(test, mm);
	mmput(mm);
}

/* A subscription outlives the exit of its mm; its look-ups must not. */
KTEST(mmu_notifier_checks, a_round_on_an_mm_without_users_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_interval_rounds rounds;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	REQUIRE_EQ(watch(&w, mm, 0, 4), 0);
	rounds = (struct mmu_interval_rounds)MMU_INTERVAL_ROUNDS_INIT(&w.sub);
	mmput(mm);
	expect_warnings();
	EXPECT_EQ(mmu_interval_round_lock(&rounds), 0);
	EXPECT_WARNED(1, "a_round_on_an_mm_without_users_is_reported",
		      "begins a round on an mm that has no user");
	mmu_interval_round_unlock(&rounds);
	unwatch(&w);
}
