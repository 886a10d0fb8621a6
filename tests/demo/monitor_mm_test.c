// SPDX-License-Identifier: MIT
/*
 * tests/demo/monitor_mm_test.c - what the monitor shows of subscriptions
 *
 * The commands run as if they had been typed, and what they print is kept.
 */
#include <kernel/monitor.h>
#include <kernel/printk.h>

#include "../mm/notifier_fixture.h"

/** What a command printed. */
struct shown {
	char text[2048];
	int err;
};

static void show(struct shown *shown, const char *fmt, unsigned int id)
{
	char line[64];

	snprintf(line, sizeof(line), fmt, id);
	monitor_divert(shown->text, sizeof(shown->text));
	shown->err = monitor_execute(line);
	monitor_divert(NULL, 0);
}

/* The line that begins with @begins also has @has. */
static bool line_has(const struct shown *shown, const char *begins,
		     const char *has)
{
	const char *line = strstr(shown->text, begins);
	const char *end = line ? strchr(line, '\n') : NULL;
	const char *at = line ? strstr(line, has) : NULL;

	return end && at && at < end;
}

#define EXPECT_LINE(begins, has)                                     \
	do {                                                         \
		EXPECT(line_has(shown, begins, has));                \
		if (!line_has(shown, begins, has))                   \
			ktest_fail(test, "in: %.300s", shown->text); \
	} while (0)

/*
 *	pages	1 2 3 4
 *	watch	[---]		told of CLEAR twice and of UNMAP
 *	plain	everything
 */
KTEST(monitor_mm, subs_shows_who_was_told_what_and_what_was_in_vain)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct shown *shown;
	struct listener l;
	struct watcher w;
	unsigned long seq;
	struct reader r;

	REQUIRE(mm);
	shown = kzalloc(sizeof(*shown), GFP_KERNEL);
	REQUIRE(shown);
	watcher_init(&w, test);
	EXPECT_EQ(listen_as(&l, mm, &start_ops), 0);
	EXPECT_EQ(watch(&w, mm, 1, 4), 0);
	seq = mmu_interval_read_begin(&w.sub);
	change(mm, 1, 2);
	EXPECT(must_retry(&w, seq));
	start_of(&range, mm, 1, 2);
	reader_run(&r, &w);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	show(shown, "subs %u", mm->id);
	EXPECT_EQ(shown->err, 0);
	EXPECT_LINE("  1 plain", "1 intervals; 1 ranges open, 1 of them hit");
	end_of(&range);
	kthread_join(r.task);
	seq = mmu_interval_read_begin(&w.sub);
	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, NULL, mm, PG(3),
				PG(4));
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT(must_retry(&w, seq));
	show(shown, "subs %u", mm->id);
	EXPECT_EQ(shown->err, 0);
	EXPECT_LINE("  1 plain", "0 ranges open, 0 of them hit");
	EXPECT_LINE("  plain    users 1", "callbacks 3  longest ");
	EXPECT_LINE("  plain    users 1", " ns  UNMAP 1  CLEAR 2");
	EXPECT_LINE("  interval 0x000000001000-0x000000003fff",
		    "callbacks 3  longest ");
	EXPECT_LINE("  interval 0x000000001000-0x000000003fff",
		    " ns  UNMAP 1  CLEAR 2");
	EXPECT_LINE("    readers: ", "waits 1  in vain 2  UNMAP 1  CLEAR 1");
	EXPECT_LINE("  all      ", "callbacks 6  longest ");
	EXPECT_LINE("    alone ", "alone 0  refused starts 0");
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
	kfree(shown);
}

KTEST(monitor_mm, subs_of_what_is_not_there_is_an_error)
{
	struct shown *shown = kzalloc(sizeof(*shown), GFP_KERNEL);

	REQUIRE(shown);
	show(shown, "subs %u", 4000000000u);
	EXPECT_EQ(shown->err, -ENOENT);
	EXPECT_LINE("no address space 4000000000", "");
	show(shown, "subs here%u", 1);
	EXPECT_EQ(shown->err, -EINVAL);
	EXPECT_LINE("usage: subs [MM]", "");
	kfree(shown);
}

KTEST(monitor_mm, observe_switches_what_subs_counts)
{
	struct shown *shown = kzalloc(sizeof(*shown), GFP_KERNEL);
	struct mm_struct *mm = mm_alloc();
	struct watcher w;

	REQUIRE(shown && mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	show(shown, "observe off", 0);
	EXPECT_EQ(shown->err, 0);
	change(mm, 0, 1);
	show(shown, "subs %u", mm->id);
	EXPECT_LINE("  interval ", "callbacks 0");
	show(shown, "observe on", 0);
	change(mm, 0, 1);
	show(shown, "subs %u", mm->id);
	EXPECT_LINE("  interval ", "callbacks 1");
	show(shown, "observe", 0);
	EXPECT_EQ(shown->err, -EINVAL);
	EXPECT_LINE("usage: observe on|off", "");
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
