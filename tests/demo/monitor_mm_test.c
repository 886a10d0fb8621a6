// SPDX-License-Identifier: MIT
/*
 * tests/demo/monitor_mm_test.c - what the monitor shows of subscriptions
 *
 * The commands run as if they had been typed, and what they print is kept.
 */
#include <kernel/trace.h>
#include <kernel/monitor.h>
#include <lib/printk.h>
#include <kernel/time.h>

#include "tests/mm/notifier/notifier_fixture.h"

/** The output of a command. */
struct shown {
	char text[2048];
	int err;
};

static void show(struct shown *shown, const char *fmt, unsigned long id)
{
	char line[64];

	snprintf(line, sizeof(line), fmt, id);
	monitor_divert(shown->text, sizeof(shown->text));
	shown->err = monitor_execute(line);
	monitor_divert(NULL, 0);
}

/* The line that begins with @begins, after where it says @after, also has @has. */
static bool line_has(const struct shown *shown, const char *after,
		     const char *begins, const char *has)
{
	const char *from = strstr(shown->text, after);
	const char *line = from ? strstr(from, begins) : NULL;
	const char *end = line ? strchr(line, '\n') : NULL;
	const char *at = line ? strstr(line, has) : NULL;

	return end && at && at < end;
}

#define EXPECT_LINE_AFTER(after, begins, has)                          \
	do {                                                           \
		EXPECT(line_has(shown, after, begins, has));           \
		if (!line_has(shown, after, begins, has))              \
			ktest_fail(test, "no \"%s\" in: %.1000s", has, \
				   shown->text);                       \
	} while (0)
#define EXPECT_LINE(begins, has) EXPECT_LINE_AFTER("", begins, has)

/* "callbacks 3  longest 1234 ns", @longest in ticks as it is counted. */
static void figures_as_shown(char *buf, size_t size, unsigned long callbacks,
			     unsigned long longest)
{
	snprintf(buf, size, "callbacks %lu  longest %lu ns", callbacks,
		 (unsigned long)arch_tsc_to_ns(longest));
}

/* The longest callback of each subscription, in the order in which they come. */
struct longest {
	unsigned long ticks[3];
	unsigned int nr;
};

static bool note_longest(const struct mmu_notifier_sub_info *info, void *arg)
{
	struct longest *longest = arg;

	if (longest->nr < ARRAY_SIZE(longest->ticks))
		longest->ticks[longest->nr] = info->stats.longest;
	longest->nr++;
	return true;
}

/*
 *	pages	1 2 3 4 5 6 7
 *	watch	[---]			CLEAR twice and UNMAP; one wait
 *	other	          [-]		MIGRATE
 *	plain	everything
 */
KTEST(monitor_mm, subs_shows_events_waits_and_collisions_of_each_subscription)
{
	struct mm_struct *mm = mm_alloc();
	struct longest longest = {.nr = 0};
	struct mmu_notifier_stats stats;
	struct mmu_notifier_range range;
	struct watcher w, other;
	struct shown *shown;
	struct listener l;
	unsigned long seq;
	struct reader r;
	char figures[80];

	REQUIRE(mm);
	shown = kzalloc(sizeof(*shown), GFP_KERNEL);
	REQUIRE(shown);
	watcher_init(&w, test);
	watcher_init(&other, test);
	EXPECT_EQ(listen_as(&l, mm, &start_ops), 0);
	EXPECT_EQ(watch(&w, mm, 1, 4), 0);
	EXPECT_EQ(watch(&other, mm, 6, 7), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change(mm, 1, 2);
	EXPECT(must_retry(&w, seq));
	start_of(&range, mm, 1, 2);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	show(shown, "subs %lu", mm->id);
	EXPECT_EQ(shown->err, 0);
	EXPECT_LINE("  1 plain", "2 intervals; 1 ranges open, 1 of them overlap");
	end_of(&range);
	kthread_join(r.task);
	seq = mmu_interval_read_begin(&w.sub);
	change_as(MMU_NOTIFY_UNMAP, mm, 3, 4);
	EXPECT(must_retry(&w, seq));
	seq = mmu_interval_read_begin(&other.sub);
	change_as(MMU_NOTIFY_MIGRATE, mm, 6, 7);
	EXPECT(must_retry(&other, seq));
	show(shown, "subs %lu", mm->id);
	EXPECT_EQ(shown->err, 0);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(mmu_notifier_for_each_sub(mm, note_longest, &longest), 3UL);
	EXPECT_LINE("  1 plain", "0 ranges open, 0 of them overlap");
	figures_as_shown(figures, sizeof(figures), 4, longest.ticks[0]);
	EXPECT_LINE("  plain    users 1", figures);
	EXPECT_LINE("  plain    users 1", " ns  UNMAP 1  CLEAR 2  MIGRATE 1");
	figures_as_shown(figures, sizeof(figures), 3, longest.ticks[1]);
	EXPECT_LINE("  interval 0x000000001000-0x000000004000", figures);
	EXPECT_LINE("  interval 0x000000001000-0x000000004000",
		    " ns  UNMAP 1  CLEAR 2");
	EXPECT_LINE("    readers: ", "waits 1  collisions 2  UNMAP 1  CLEAR 1");
	figures_as_shown(figures, sizeof(figures), 1, longest.ticks[2]);
	EXPECT_LINE("  interval 0x000000006000-0x000000007000", figures);
	EXPECT_LINE_AFTER("  interval 0x000000006000",
			  "    readers: ", "waits 0  collisions 1  MIGRATE 1");
	figures_as_shown(figures, sizeof(figures), 8, stats.longest);
	EXPECT_LINE("  all      ", figures);
	EXPECT_LINE("  all      ", " ns  UNMAP 1  CLEAR 2  MIGRATE 1");
	EXPECT_LINE_AFTER("  all      ", "    readers: ",
			  "waits 1  collisions 3  UNMAP 1  CLEAR 1  MIGRATE 1");
	EXPECT_LINE("    exclusive rounds 0", "refused starts 0");
	unwatch(&w);
	unwatch(&other);
	unlisten(&l, mm);
	mmput(mm);
	kfree(shown);
}

KTEST(monitor_mm, subs_of_what_is_not_there_is_an_error)
{
	struct shown *shown = kzalloc(sizeof(*shown), GFP_KERNEL);

	REQUIRE(shown);
	show(shown, "subs %lu", 4000000000ul);
	EXPECT_EQ(shown->err, -ENOENT);
	EXPECT_LINE("no address space 4000000000", "");
	show(shown, "subs here%lu", 1);
	EXPECT_EQ(shown->err, -EINVAL);
	EXPECT_LINE("usage: subs [MM]", "");
	kfree(shown);
}

/* Its low half is the number of one that is there. */
KTEST(monitor_mm, subs_of_a_number_too_long_is_an_error_too)
{
	struct shown *shown = kzalloc(sizeof(*shown), GFP_KERNEL);
	struct mm_struct *mm = mm_alloc();
	unsigned long number;
	char words[60];

	REQUIRE(shown && mm);
	number = (1ul << 32) + mm->id;
	show(shown, "subs %lu", number);
	EXPECT_EQ(shown->err, -ENOENT);
	snprintf(words, sizeof(words), "no address space %lu", number);
	EXPECT_LINE(words, "");
	show(shown, "subs %lu", mm->id);
	EXPECT_EQ(shown->err, 0);
	mmput(mm);
	kfree(shown);
}

static void observe_as_before(void *was)
{
	trace_observe(was != NULL);
}

KTEST(monitor_mm, observe_switches_what_subs_counts)
{
	struct shown *shown = kzalloc(sizeof(*shown), GFP_KERNEL);
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(shown && mm);
	ktest_cleanup(test, observe_as_before, trace_observing ? test : NULL);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	show(shown, "observe off", 0);
	EXPECT_EQ(shown->err, 0);
	change(mm, 0, 1);
	show(shown, "subs %lu", mm->id);
	EXPECT_LINE("  interval ", "callbacks 0");
	show(shown, "observe on", 0);
	change(mm, 0, 1);
	show(shown, "subs %lu", mm->id);
	EXPECT_LINE("  interval ", "callbacks 1");
	show(shown, "observe", 0);
	EXPECT_EQ(shown->err, 0);
	EXPECT_LINE("  on", "");
	EXPECT(trace_observing);
	trace_observe(false);
	show(shown, "observe", 0);
	EXPECT_LINE("  notifiers only", "");
	show(shown, "observe off", 0);
	EXPECT_LINE("  off", "");
	EXPECT(!trace_observing);
	show(shown, "subs %u", mm->id);
	EXPECT_LINE("  callbacks are not counted", "`observe on' does that");
	show(shown, "observe on", 0);
	EXPECT_LINE("  on", "");
	show(shown, "subs %u", mm->id);
	EXPECT(!strstr(shown->text, "not counted"));
	show(shown, "observe maybe", 0);
	EXPECT_EQ(shown->err, -EINVAL);
	EXPECT_LINE("usage: observe [on|off]", "");
	unwatch(&w);
	mmput(mm);
	kfree(shown);
}

/* More than fits is cut, never beyond the end. */
KTEST(monitor_mm, what_is_kept_ends_where_the_room_ends)
{
	char small[8], line[] = "help";

	memset(small, 'x', sizeof(small));
	monitor_divert(small, sizeof(small) - 1);
	EXPECT_EQ(monitor_execute(line), 0);
	monitor_divert(NULL, 0);
	EXPECT_EQ(strlen(small), sizeof(small) - 2);
	EXPECT_EQ(small[sizeof(small) - 1], 'x');
}
