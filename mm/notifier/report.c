// SPDX-License-Identifier: MIT
/*
 * mm/notifier/report.c - report open ranges where that is a mistake
 *
 * Problem.  A range that is started and never ended stops others: a registration or a
 * device fault waits for it and never goes on. A report must say what they wait for.
 *
 * Idea.  There are three places: the exit of an mm, when no range may be open; the last
 * drop of the struct; and each wait that takes long, once. Every build knows how many
 * ranges are open, because it counts them. A debug build also has a record of each
 * (mm/notifier/checks.c) and names it.
 *
 * Locks: none is taken, and nothing is changed; the number is a hint. Lifetime: the
 * caller keeps the mm struct. Not here: how long is long, which the kernel's
 * wait_event_reporting() decides.
 */
#include "internal.h"

void notifier_report_open(const struct mm_struct *mm, const char *what)
{
	if (IS_ENABLED(CONFIG_DEBUG) && notifier_name_open(mm, what))
		return;
	WARN(true, "mm %p, %s: %lu ranges are open", (const void *)mm, what,
	     notifier_open_ranges(mm));
}

void mmu_notifier_check_exit(struct mm_struct *mm)
{
	if (notifier_open_ranges(mm))
		notifier_report_open(mm, "exit");
}
