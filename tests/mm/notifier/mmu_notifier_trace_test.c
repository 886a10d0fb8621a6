// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_trace_test.c - what the trace says is what happened
 *
 * Each test makes things happen by hand and reads the trace records that this
 * very thread left, and the statistics where both say it.
 */
#include <kernel/trace.h>

#include "notifier_got.h"
#include "tests/mm/lib/observed.h"

DECLARE_TRACE_EVENT(mmu_notifier_start);
DECLARE_TRACE_EVENT(mmu_notifier_called);
DECLARE_TRACE_EVENT(mmu_notifier_finished);
DECLARE_TRACE_EVENT(mmu_notifier_started);
DECLARE_TRACE_EVENT(mmu_notifier_called_end);
DECLARE_TRACE_EVENT(mmu_notifier_callback);
DECLARE_TRACE_EVENT(mmu_notifier_end);
DECLARE_TRACE_EVENT(mmu_interval_wait);
DECLARE_TRACE_EVENT(mmu_interval_collided);

/* The records of this thread's notifier calls, oldest first. */
static unsigned int own_records(struct trace_record *recs, unsigned int max)
{
	unsigned int n = trace_read_last(recs, max), kept = 0, i;

	for (i = 0; i < n; i++) {
		const char *name = recs[i].event->name;

		if (recs[i].pid == current->pid &&
		    (!strncmp(name, "mmu_notifier_", 13) ||
		     !strncmp(name, "mmu_interval_", 13)))
			recs[kept++] = recs[i];
	}
	return kept;
}

#define RECORDS 32
static struct trace_record recs[RECORDS];

/* --- the switch ----------------------------------------------------------------------- */

/* Off: no statistics, no object for them, no record. Slow paths still count. */
KTEST(mmu_notifier_stats, switched_off_only_slow_paths_count)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct listener l;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	mmu_notifier_observe(false);
	trace_clear();
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	EXPECT(must_retry(&w, seq));
	EXPECT_EQ(own_records(recs, RECORDS), 0U);
	EXPECT_EQ(w.sub.stats, NULL);
	EXPECT_EQ(l.sub.stats, NULL);
	stats = stats_of(mm);
	EXPECT_EQ(stats.events[MMU_NOTIFY_CLEAR], 0UL);
	EXPECT_EQ(stats.callbacks, 0UL);
	EXPECT_EQ(stats.longest, 0UL);
	EXPECT_EQ(stats.retries[MMU_NOTIFY_CLEAR], 1UL);
	/* On again, for those too that were there before. */
	mmu_notifier_observe(true);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	EXPECT_EQ(figures_of(test, mm, &w.sub).callbacks, 1UL);
	EXPECT_EQ(figures_of(test, mm, &l.sub).callbacks, 2UL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* --- trace records --------------------------------------------------------------------- */

static void expect_record(struct ktest *test, const struct trace_record *rec,
			  const struct trace_event *event, const void *who,
			  const char *reason)
{
	EXPECT_STREQ(rec->event->name, event->name);
	EXPECT_EQ(rec->args[0], (unsigned long)who);
	EXPECT_STREQ((const char *)rec->args[1], reason);
}

/* Bounds and answer of a callback, and a time that fits between its neighbours. */
static void expect_call(struct ktest *test, const struct trace_record *rec,
			unsigned long from, unsigned long to, long answer)
{
	EXPECT_EQ(rec->args[2], PG(from));
	EXPECT_EQ(rec->args[3], PG(to));
	EXPECT_EQ((long)rec->args[4], answer);
	EXPECT_GT(rec->args[5], 0UL);
	EXPECT_LE(rec->args[5], rec->tsc - rec[-1].tsc);
}

/*
 *	start, called w, called l, started; called l's end, end: each names the event
 *	and what it is about
 */
KTEST(mmu_notifier_stats, a_range_leaves_a_record_of_each_step_in_order)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	struct watcher w;
	unsigned int n;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_PAGE, 0, NULL, mm,
				PG(1), PG(3));
	trace_clear();
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	n = own_records(recs, RECORDS);
	EXPECT_EQ(n, 6U);
	if (n == 6) {
		expect_record(test, &recs[0], &trace_event_mmu_notifier_start,
			      &range, "PROTECTION_PAGE");
		EXPECT_EQ(recs[0].args[2], (unsigned long)mm);
		EXPECT_EQ(recs[0].args[3], PG(1));
		EXPECT_EQ(recs[0].args[4], PG(3));
		EXPECT_EQ(recs[0].args[5], 1UL);
		expect_record(test, &recs[1], &trace_event_mmu_notifier_called,
			      &w.sub, "PROTECTION_PAGE");
		expect_call(test, &recs[1], 1, 3, 0);
		expect_record(test, &recs[2], &trace_event_mmu_notifier_called,
			      &l.sub, "PROTECTION_PAGE");
		expect_call(test, &recs[2], 1, 3, 0);
		expect_record(test, &recs[3], &trace_event_mmu_notifier_started,
			      &range, "PROTECTION_PAGE");
		EXPECT_EQ(recs[3].args[2], PG(1));
		EXPECT_EQ(recs[3].args[3], PG(3));
		EXPECT_EQ(recs[3].args[4], 0UL);
		EXPECT_EQ(recs[3].args[5], w.seq);
		EXPECT_GE(recs[3].args[6], recs[1].args[5] + recs[2].args[5]);
		EXPECT_LE(recs[3].args[6], recs[3].tsc - recs[0].tsc);
		expect_record(test, &recs[4],
			      &trace_event_mmu_notifier_called_end, &l.sub,
			      "PROTECTION_PAGE");
		EXPECT_EQ(recs[4].args[2], PG(1));
		EXPECT_EQ(recs[4].args[3], PG(3));
		EXPECT_GT(recs[4].args[4], 0UL);
		expect_record(test, &recs[5], &trace_event_mmu_notifier_end,
			      &range, "PROTECTION_PAGE");
		EXPECT_EQ(recs[5].args[2], (unsigned long)mm);
		EXPECT_EQ(recs[5].args[3], PG(1));
		EXPECT_EQ(recs[5].args[4], PG(3));
		EXPECT_GE(recs[5].args[5], recs[4].args[4]);
	}
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier_stats,
      a_refusal_is_in_the_records_of_who_refused_and_of_the_range)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	char line[200];
	struct watcher w;
	unsigned int n;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	w.refuse = true;
	trace_clear();
	EXPECT_EQ(start_nonblock_of(&range, mm, 1, 2), -EAGAIN);
	n = own_records(recs, RECORDS);
	EXPECT_EQ(n, 3U);
	if (n == 3) {
		EXPECT_EQ(recs[0].args[5], 0UL);
		expect_record(test, &recs[1], &trace_event_mmu_notifier_called,
			      &w.sub, "CLEAR");
		expect_call(test, &recs[1], 1, 2, -EAGAIN);
		expect_record(test, &recs[2], &trace_event_mmu_notifier_started,
			      &range, "CLEAR");
		EXPECT_EQ(recs[2].args[2], PG(1));
		EXPECT_EQ(recs[2].args[3], PG(2));
		EXPECT_EQ((long)recs[2].args[4], (long)-EAGAIN);
		/* The number given to the callback, though the range is closed. */
		EXPECT_EQ(recs[2].args[5], stats_of(mm).last_seq);
		trace_format(line, sizeof(line), &recs[1]);
		EXPECT(strstr(line, "CLEAR [0x1000, 0x2000) ret=-11 cycles="));
	}
	unwatch(&w);
	mmput(mm);
}

/* One callback so far, the only one since trace_clear(): @sub's release. */
static void expect_release(struct ktest *test, struct mm_struct *mm,
			   const struct mmu_notifier *sub)
{
	unsigned int n = own_records(recs, RECORDS), i, releases = 0;

	EXPECT_EQ(stats_of(mm).callbacks, 1UL);
	EXPECT_GT(stats_of(mm).longest, 0UL);
	for (i = 0; i < n; i++) {
		if (recs[i].event != &trace_event_mmu_notifier_callback)
			continue;
		releases++;
		expect_record(test, &recs[i], &trace_event_mmu_notifier_callback,
			      sub, "release");
		EXPECT_EQ(recs[i].args[2], 0UL);
		EXPECT_EQ(recs[i].args[3], ~0UL);
		EXPECT_EQ(recs[i].args[4], 0UL);
		EXPECT_EQ(recs[i].args[5], stats_of(mm).longest);
	}
	EXPECT_EQ(releases, 1U);
}

/* A callback like any other, run by exit or by unregister. */
KTEST(mmu_notifier_stats, release_is_counted_and_recorded_at_exit_and_unregister)
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct listener l, stays;

	REQUIRE(mm);
	REQUIRE(other);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(listen(&stays, mm), 0);
	trace_clear();
	unlisten(&l, mm);
	expect_release(test, mm, &l.sub);
	unlisten(&stays, mm);
	EXPECT_EQ(stats_of(mm).callbacks, 2UL);
	mmput(mm);
	EXPECT_EQ(listen(&l, other), 0);
	trace_clear();
	mmput(other);
	expect_release(test, other, &l.sub);
	/* Nobody finds it any more, but its statistics stay until it leaves. */
	EXPECT(l.sub.stats && l.sub.stats->callbacks == 1);
	unlisten(&l, other);
}

/*
 *	start RELEASE, called w, started: with the number that w's readers see until the
 *	UNMAP of exit begins
 */
KTEST(mmu_notifier_stats, the_RELEASE_of_exit_leaves_a_record_with_its_number)
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;
	unsigned int n;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	trace_clear();
	mmput(mm);
	n = own_records(recs, RECORDS);
	EXPECT_GE(n, 4U);
	if (n >= 4) {
		EXPECT_STREQ(recs[0].event->name,
			     trace_event_mmu_notifier_start.name);
		EXPECT_STREQ((const char *)recs[0].args[1], "RELEASE");
		EXPECT_EQ(recs[0].args[3], 0UL);
		EXPECT_EQ(recs[0].args[4], ~0UL);
		expect_record(test, &recs[1], &trace_event_mmu_notifier_called,
			      &w.sub, "RELEASE");
		expect_record(test, &recs[2], &trace_event_mmu_notifier_started,
			      (const void *)recs[0].args[0], "RELEASE");
		EXPECT_EQ(recs[2].args[4], 0UL);
		/* The UNMAP that follows has the next number. */
		EXPECT_EQ(recs[2].args[5] + 2, w.seq);
		EXPECT_STREQ((const char *)recs[3].args[1], "UNMAP");
	}
	unwatch(&w);
}

/* --- callbacks without a range ------------------------------------------------------------ */

/* Each answers yes, and notes when it was left. */
struct slow_listener {
	struct mmu_notifier sub;
	u64 left;
};

static bool leave(struct mmu_notifier *sub)
{
	struct slow_listener *l = container_of(sub, struct slow_listener, sub);
	u64 since = rdtsc();

	while (rdtsc() - since < 1000)
		cpu_relax();
	l->left = rdtsc();
	return true;
}

static bool slow_clear(struct mmu_notifier *sub, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	return leave(sub);
}

static bool slow_test(struct mmu_notifier *sub, struct mm_struct *mm,
		      unsigned long address)
{
	return leave(sub);
}

static void slow_change(struct mmu_notifier *sub, struct mm_struct *mm,
			unsigned long address, unsigned long entry)
{
	leave(sub);
}

static void slow_told(struct mmu_notifier *sub, struct mm_struct *mm,
		      unsigned long start, unsigned long end)
{
	leave(sub);
}

static const struct mmu_notifier_ops slow_ops = {
	.clear_flush_young = slow_clear,
	.clear_young = slow_clear,
	.test_young = slow_test,
	.change_pte = slow_change,
	.invalidate_range = slow_told,
};

/* The one record since the trace was cleared: written after the callback was left. */
static void expect_callback(struct ktest *test, const struct slow_listener *l,
			    const char *what, unsigned long start,
			    unsigned long end, long answer)
{
	unsigned int n = own_records(recs, RECORDS);

	EXPECT_EQ(n, 1U, "%s", what);
	if (n != 1)
		return;
	expect_record(test, &recs[0], &trace_event_mmu_notifier_callback,
		      &l->sub, what);
	EXPECT_EQ(recs[0].args[2], start);
	EXPECT_EQ(recs[0].args[3], end);
	EXPECT_EQ((long)recs[0].args[4], answer, "%s", what);
	EXPECT_GE(recs[0].args[5], 1000UL, "%s", what);
	EXPECT_GE(recs[0].tsc, l->left, "%s", what);
	trace_clear();
}

KTEST(mmu_notifier_stats,
      a_callback_without_a_range_leaves_a_record_when_it_returns)
{
	struct mm_struct *mm = mm_alloc();
	struct slow_listener l = {.sub.ops = &slow_ops};

	REQUIRE(mm);
	EXPECT_EQ(mmu_notifier_register(&l.sub, mm), 0);
	trace_clear();
	EXPECT(mmu_notifier_clear_flush_young(mm, PG(1), PG(3)));
	expect_callback(test, &l, "clear_flush_young", PG(1), PG(3), 1);
	EXPECT(mmu_notifier_clear_young(mm, PG(1), PG(3)));
	expect_callback(test, &l, "clear_young", PG(1), PG(3), 1);
	EXPECT(mmu_notifier_test_young(mm, PG(2)));
	expect_callback(test, &l, "test_young", PG(2), PG(2) + 1, 1);
	mmu_notifier_change_pte(mm, PG(2), 0);
	expect_callback(test, &l, "change_pte", PG(2), PG(2) + 1, 0);
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, PG(1), PG(3));
	expect_callback(test, &l, "invalidate_range", PG(1), PG(3), 0);
	mmu_notifier_unregister(&l.sub, mm);
	mmput(mm);
}

/* --- second passes ---------------------------------------------------------------------- */

struct two_passes {
	struct mmu_interval_notifier sub;
	struct mmu_interval_notifier_finish finish;
};

static bool first_pass(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq,
		       struct mmu_interval_notifier_finish **finish)
{
	mmu_interval_set_seq(sub, cur_seq);
	*finish = &container_of(sub, struct two_passes, sub)->finish;
	return true;
}

static void second_pass(struct mmu_interval_notifier_finish *finish)
{
}

static const struct mmu_interval_notifier_ops two_passes_ops = {
	.invalidate_start = first_pass,
	.invalidate_finish = second_pass,
};

KTEST(mmu_notifier_stats, a_second_pass_is_a_callback_of_its_own)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_sub_stats figures;
	struct two_passes t;
	unsigned int n;

	REQUIRE(mm);
	EXPECT_EQ(mmu_interval_notifier_insert(&t.sub, mm, 0, PG(1),
					       &two_passes_ops),
		  0);
	trace_clear();
	change_as(MMU_NOTIFY_UNMAP, mm, 0, 1);
	figures = figures_of(test, mm, &t.sub);
	EXPECT_EQ(figures.events[MMU_NOTIFY_UNMAP], 1UL);
	EXPECT_EQ(figures.callbacks, 2UL);
	n = own_records(recs, RECORDS);
	EXPECT_EQ(n, 5U);
	if (n == 5) {
		expect_record(test, &recs[1], &trace_event_mmu_notifier_called,
			      &t.sub, "UNMAP");
		expect_record(test, &recs[2], &trace_event_mmu_notifier_finished,
			      &t.sub, "UNMAP");
		EXPECT_EQ(recs[2].args[3], PG(1));
	}
	mmu_interval_notifier_remove(&t.sub);
	mmput(mm);
}

KTEST(mmu_notifier_stats, a_collided_section_leaves_a_record_with_its_reason)
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w;
	unsigned long seq;
	unsigned int n;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_MIGRATE, mm, 0, 1);
	trace_clear();
	EXPECT(must_retry(&w, seq));
	n = own_records(recs, RECORDS);
	EXPECT_EQ(n, 1U);
	if (n == 1) {
		expect_record(test, &recs[0], &trace_event_mmu_interval_collided,
			      &w.sub, "MIGRATE");
		EXPECT_EQ(recs[0].args[2], w.seq);
	}
	unwatch(&w);
	mmput(mm);
}

/* --- waits ---------------------------------------------------------------------------- */

/* The one record of a wait that @task left; its event is NULL if there is none. */
static struct trace_record wait_record(const struct task *task)
{
	static struct trace_record all[32];
	unsigned int n = trace_read_last(all, ARRAY_SIZE(all)), i;
	struct trace_record found = {.event = NULL};

	for (i = 0; i < n; i++) {
		if (all[i].pid == task->pid &&
		    all[i].event == &trace_event_mmu_interval_wait)
			found = all[i];
	}
	return found;
}

KTEST(mmu_notifier_stats, a_wait_leaves_a_record_of_who_waits_since_which_number)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct trace_record wait;
	struct watcher w;
	struct reader r;
	char line[200];

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 2), 0);
	start_of(&range, mm, 0, 1);
	trace_clear();
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	wait = wait_record(r.task);
	EXPECT(wait.event);
	if (wait.event) {
		EXPECT_EQ(wait.args[0], (unsigned long)&w.sub);
		EXPECT_EQ(wait.args[1], w.seq);
		trace_format(line, sizeof(line), &wait);
		EXPECT(strstr(line, "mmu_interval_wait: reader of "));
	}
	end_of(&range);
	kthread_join(r.task);
	unwatch(&w);
	mmput(mm);
}

/* Inserted, begun, kept; begun, collided; removed. */
KTEST(mmu_notifier_stats,
      a_subscription_and_its_sections_leave_their_begin_and_end)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	trace_clear();
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!must_retry(&w, seq));
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_CLEAR, mm, 0, 1);
	EXPECT(must_retry(&w, seq));
	unwatch(&w);
	unlisten(&l, mm);
	EXPECT_OBSERVED(
		"*sub_insert: * ops * plain", "*sub_insert: * ops * interval",
		"*read_begin: *", "*read_kept: *", "*read_begin: *",
		"*mmu_notifier_start: *", "*mmu_interval_collided: *CLEAR*",
		"*sub_remove: *", "*sub_remove: *");
	mmput(mm);
}

KTEST(mmu_notifier_stats, a_last_put_leaves_the_record_of_a_removal)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	EXPECT_EQ(mmu_notifier_get(&got_ops, mm), sub);
	trace_clear();
	mmu_notifier_put(sub);
	EXPECT(!observed("*sub_remove: *"));
	mmu_notifier_put(sub);
	EXPECT(observed("*sub_remove: *"));
	mmput(mm);
}

struct registration {
	struct mm_struct *mm;
	struct listener l;
	int ret;
};

static int register_and_wait(void *arg)
{
	struct registration *r = arg;

	r->ret = listen(&r->l, r->mm);
	return 0;
}

/*
 *	older		[----------------]
 *	register	    [ insert ... waits ]
 *	change			   [-]		calls it already
 */
KTEST(mmu_notifier_stats, a_registration_leaves_its_record_before_it_waits)
{
	struct registration r = {.mm = mm_alloc()};
	struct mmu_notifier_range older;
	struct task *task;

	REQUIRE(r.mm);
	start_of(&older, r.mm, 0, 1);
	trace_clear();
	task = kthread_run(register_and_wait, &r, "registrar");
	EXPECT_EQ(ktest_wait_blocked(test, task), 0);
	change(r.mm, 2, 3);
	EXPECT_OBSERVED("*sub_insert: * ops * plain", "*mmu_notifier_called: *");
	end_of(&older);
	kthread_join(task);
	EXPECT_EQ(r.ret, 0);
	unlisten(&r.l, r.mm);
	mmput(r.mm);
}
