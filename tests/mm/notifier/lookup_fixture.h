/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/lookup_fixture.h - one page that a driver looks up in rounds
 *
 * A driver of the simplest kind looks one page of a real address space up, for
 * writing, and others change that page with the operations of mm/. The tests
 * count its rounds; no clock is asked.
 *
 * Changes are forced between two steps of the look-up by a demon: a thread that
 * empties the page once each time it is asked to, and then is either done or
 * asleep because it cannot have mmap_lock.
 */
#ifndef TESTS_MM_NOTIFIER_LOOKUP_FIXTURE_H
#define TESTS_MM_NOTIFIER_LOOKUP_FIXTURE_H

#include <mm/fault/gup.h>
#include <mm/page/page.h>

#include "tests/mm/lib/sandbox.h"
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

/**
 * struct lookup - one page for a device, looked up inside the section
 * @w: the driver: its subscription and its lock
 * @addr: of the page
 * @before: called before the read section, in each round
 * @between: called between look-up and retry, in each round
 * @after: called after each round, before the next
 * @nr: rounds that it took
 * @lost: rounds that ended in a retry
 * @done: the thread that looked up has come back
 * @installed: the page's frame, 0 while the device has none
 */
struct lookup {
	struct watcher w;
	struct mm_struct *mm;
	vaddr_t addr;
	void (*before)(struct lookup *l, unsigned int round);
	void (*between)(struct lookup *l, unsigned int round);
	void (*after)(struct lookup *l, unsigned int round);
	void *arg;
	unsigned int nr;
	unsigned int lost;
	atomic_t done;
	pfn_t installed; /* w.lock */
};

static inline bool lookup_invalidate(struct mmu_interval_notifier *sub,
				     const struct mmu_notifier_range *range,
				     unsigned long cur_seq)
{
	struct watcher *w = container_of(sub, struct watcher, sub);
	struct lookup *l = container_of(w, struct lookup, w);

	mutex_lock(&w->lock);
	mmu_interval_set_seq(sub, cur_seq);
	if (l->addr >= range->start && l->addr < range->end)
		l->installed = 0;
	w->calls++;
	mutex_unlock(&w->lock);
	return true;
}

static const struct mmu_interval_notifier_ops lookup_ops = {
	.invalidate = lookup_invalidate,
};

static inline void lookup_init(struct lookup *l, struct sandbox *box)
{
	memset(l, 0, sizeof(*l));
	watcher_init(&l->w, box->test);
	l->mm = box->mm;
	l->addr = BASE;
}

static inline int lookup_insert(struct lookup *l)
{
	return mmu_interval_notifier_insert(&l->w.sub, l->mm, l->addr,
					    PAGE_SIZE, &lookup_ops);
}

static inline bool install(struct lookup *l, struct mmu_interval_rounds *rounds,
			   struct page *page)
{
	bool again;

	mutex_lock(&l->w.lock);
	again = mmu_interval_round_retry(rounds);
	if (!again)
		l->installed = page_to_pfn(page);
	mutex_unlock(&l->w.lock);
	return again;
}

/* The loop as the header has it. */
static inline int look_up(struct lookup *l)
{
	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&l->w.sub);
	struct page *page;
	bool again;
	int ret;

	l->lost = 0;
	do {
		l->nr = rounds.nr;
		ret = mmu_interval_round_lock(&rounds);
		if (ret)
			return ret;
		if (l->before)
			l->before(l, rounds.nr);
		mmu_interval_round_begin(&rounds);
		ret = get_user_pages_remote(l->mm, l->addr, 1,
					    FOLL_WRITE | FOLL_GET, &page) == 1
			      ? 0
			      : -EFAULT;
		mmu_interval_round_looked_up(&rounds);
		if (ret) {
			mmu_interval_round_unlock(&rounds);
			return ret;
		}
		if (l->between)
			l->between(l, rounds.nr);
		again = install(l, &rounds, page);
		l->lost += again;
		mmu_interval_round_unlock(&rounds);
		put_page(page);
		if (l->after)
			l->after(l, rounds.nr);
		cond_resched();
	} while (again);
	l->nr = rounds.nr;
	return 0;
}

/* --- a demon that empties the page on order ------------------------------------ */

struct demon {
	struct lookup *l;
	struct wait_queue_head wait;
	unsigned int asked;
	unsigned int done;
	bool reads; /* the page, after that: the zero page is there */
	struct task *task;
};

static inline int demon_body(void *arg)
{
	struct demon *d = arg;

	while (!kthread_should_stop()) {
		wait_event(&d->wait, READ_ONCE(d->asked) != d->done ||
					     kthread_should_stop());
		if (READ_ONCE(d->asked) == d->done)
			continue;
		madvise_dontneed(d->l->mm, d->l->addr, PAGE_SIZE);
		if (d->reads) {
			mmap_read_lock(d->l->mm);
			get_user_pages_remote(d->l->mm, d->l->addr, 1, 0, NULL);
			mmap_read_unlock(d->l->mm);
		}
		WRITE_ONCE(d->done, d->done + 1);
		wake_up_all(&d->wait);
	}
	return 0;
}

/* One more change; it is over, or it cannot begin. */
static inline void ask_demon(struct lookup *l, unsigned int round)
{
	struct demon *d = l->arg;

	WRITE_ONCE(d->asked, d->asked + 1);
	wake_up_all(&d->wait);
	if (round <= MMU_INTERVAL_ROUNDS_SHARED)
		wait_event(&d->wait, READ_ONCE(d->done) == d->asked);
	else
		ktest_wait_blocked(l->w.test, d->task);
}

/* Against R1.9: an invalidator without mmap_lock, which no reader can keep out. */
static inline void raise_without_a_lock(struct lookup *l, unsigned int round)
{
	struct mmu_notifier_range range;

	mmu_notifier_range_init(&range, MMU_NOTIFY_SOFT_DIRTY, 0, NULL, l->mm,
				l->addr, l->addr + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
}

#endif
