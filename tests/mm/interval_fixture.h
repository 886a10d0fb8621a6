/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/interval_fixture.h - interval tests on both of their ways
 *
 * With intervals alone and figures off a start goes start_intervals() and
 * start_hit_alone(), an end end_intervals(); with figures on, as test kernels
 * are, both go the slow way. What is forced here is forced on either.
 */
#ifndef TESTS_MM_INTERVAL_FIXTURE_H
#define TESTS_MM_INTERVAL_FIXTURE_H

#include "notifier_fixture.h"

/** Run a test's body without figures, then with them, as they are at first. */
static inline void figures_off_and_on(struct ktest *test,
				      void (*body)(struct ktest *test))
{
	mmu_notifier_observe(false);
	body(test);
	mmu_notifier_observe(true);
	body(test);
}

static inline struct mmu_notifier_stats stats_of(struct mm_struct *mm)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_read_stats(mm, &stats);
	return stats;
}

/** A thread that is a driver's fault of one page, which is a number here. */
struct fault {
	struct watcher *w;
	const unsigned long *page;
	unsigned long installed; /* 0: nothing yet */
	struct task *task;
};

static inline int fault_body(void *arg)
{
	struct fault *f = arg;
	unsigned long seq, found;
	bool again;

	do {
		seq = mmu_interval_read_begin(&f->w->sub);
		found = READ_ONCE(*f->page);
		mutex_lock(&f->w->lock);
		again = mmu_interval_read_retry(&f->w->sub, seq);
		if (!again)
			WRITE_ONCE(f->installed, found);
		mutex_unlock(&f->w->lock);
	} while (again);
	return 0;
}

static inline void fault_run(struct fault *f, struct watcher *w,
			     const unsigned long *page)
{
	f->w = w;
	f->page = page;
	f->installed = 0;
	f->task = kthread_run(fault_body, f, "fault");
}

#endif
