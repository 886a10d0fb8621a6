// SPDX-License-Identifier: MIT
/*
 * demo/contest_pretend.c - the contest's device side, played by a kernel thread
 *
 * Without a peer a thread does what the device and its driver would: it looks the
 * page up, adds to it by load, addition and store through the kernel's own mapping
 * of the frame, and stops using the page when its subscription's callback runs.
 *
 *	round		gets the page by	may use it until
 *	plain		get_user_pages()	the callback runs
 *	exclusive	make_device_exclusive	it unlocks the page: no CPU can
 *			_range()		restore the page before
 *
 * In the first addition of each batch it yields between load and store, until
 * another thread has written or WINDOW_NS has passed. So others get in between on
 * any number of CPUs.
 *
 *	field		read with	write with
 *	revoked		lock		lock
 *	exclusive	lock		lock
 *	counts		lock		lock
 */
#include <mm/alloc/alloc.h>
#include <lib/errno.h>
#include <kernel/sched/mutex.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/space/mm.h>
#include <mm/notifier/rounds.h>
#include <mm/page/page.h>

#include "contest.h"

/* Additions after one look-up; the first of them is slow. */
#define BATCH_OPERATIONS 4096

/* The longest that a slow addition takes. */
#define WINDOW_NS NSEC_PER_MSEC

/* Between two batches. */
#define BREATH_US 50

struct pretender {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	bool revoked;
	bool exclusive;
	struct contest_counts counts;
};

static bool pretend_invalidate(struct mmu_interval_notifier *sub,
			       const struct mmu_notifier_range *range,
			       unsigned long cur_seq)
{
	struct pretender *this = container_of(sub, struct pretender, sub);

	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == this)
		return true;
	if (mmu_notifier_range_blockable(range))
		mutex_lock(&this->lock);
	else if (!mutex_trylock(&this->lock))
		return false;
	mmu_interval_set_seq(sub, cur_seq);
	this->revoked = true;
	this->counts.invalidations++;
	this->counts.restores += this->exclusive;
	this->exclusive = false;
	mutex_unlock(&this->lock);
	return true;
}

static const struct mmu_interval_notifier_ops pretend_ops = {
	.invalidate = pretend_invalidate,
};

static int pretend_begin(struct contest_round *round)
{
	struct pretender *this = kzalloc(sizeof(*this), GFP_KERNEL);
	int err;

	if (!this)
		return -ENOMEM;
	mutex_init(&this->lock);
	err = mmu_interval_notifier_insert(&this->sub, round->mm, round->page,
					   PAGE_SIZE, &pretend_ops);
	if (err) {
		kfree(this);
		return err;
	}
	round->player_data = this;
	return 0;
}

/* A device's addition: others may write between load and store. */
static void slow_add(u64 *word, bool slowly)
{
	u64 value = READ_ONCE(*word);
	u64 began = clock_ns();

	while (slowly && READ_ONCE(*word) == value &&
	       clock_ns() - began < WINDOW_NS)
		yield();
	WRITE_ONCE(*word, value + 1);
}

/*
 * mmap_lock is held as the round needs it; @page is from fault_in(). NULL: the page has
 * changed since.
 */
static struct page *look_up(struct contest_round *round, struct pretender *this,
			    struct page *page)
{
	struct mm_struct *mm = round->mm;
	long got;

	if (round->access == CONTEST_EXCLUSIVE)
		got = make_device_exclusive_locked(
			mm, round->page, round->page + PAGE_SIZE, &page, this);
	else
		got = get_user_pages_remote(
			mm, round->page, 1,
			FOLL_WRITE | FOLL_GET | FOLL_UNLOCKABLE, &page);
	return got == 1 ? page : got < 0 ? ERR_PTR(got) : NULL;
}

/*
 * Make the look-up's changes, and wait for the page, before the section begins. For
 * exclusive access the page comes back locked.
 */
static int fault_in(struct contest_round *round, struct page **page)
{
	long got;

	if (round->access == CONTEST_EXCLUSIVE)
		return lock_device_exclusive(round->mm, round->page, page);
	got = get_user_pages_remote(round->mm, round->page, 1,
				    FOLL_WRITE | FOLL_UNLOCKABLE, NULL);
	return got < 0 ? (int)got : 0;
}

static bool is_current(struct contest_round *round, struct pretender *this,
		       struct mmu_interval_rounds *rounds, struct page *page)
{
	bool current_page;

	mutex_lock(&this->lock);
	current_page = page && !mmu_interval_round_retry(rounds);
	if (current_page) {
		this->revoked = false;
		this->counts.page_requests++;
		this->exclusive = round->access == CONTEST_EXCLUSIVE;
		this->counts.grants += this->exclusive;
	} else {
		this->counts.retries++;
	}
	mutex_unlock(&this->lock);
	return current_page;
}

static void put_found(struct contest_round *round, struct page *page)
{
	if (page && round->access == CONTEST_EXCLUSIVE)
		put_device_exclusive(&page, 1);
	else if (page)
		put_page(page);
}

/* The collision-retry loop, in rounds. */
static struct page *get_page_in_rounds(struct contest_round *round,
				       struct pretender *this)
{
	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&this->sub);
	struct page *page = NULL;
	bool done;
	int err;

	while (!(err = mmu_interval_round_lock(&rounds))) {
		int ret = fault_in(round, &page);

		mmu_interval_round_begin(&rounds);
		page = ret ? ERR_PTR(ret) : look_up(round, this, page);
		mmu_interval_round_looked_up(&rounds);
		done = !IS_ERR(page) && is_current(round, this, &rounds, page);
		mmu_interval_round_unlock(&rounds);
		if (done || IS_ERR(page))
			return page;
		put_found(round, page);
		cond_resched();
	}
	return ERR_PTR(err);
}

static int pretend_batch(struct contest_round *round, struct pretender *this,
			 u64 *done)
{
	struct page *page = get_page_in_rounds(round, this);
	unsigned int i;
	u8 *kaddr;

	if (IS_ERR(page))
		return (int)PTR_ERR(page);
	kaddr = page_address(page);
	for (i = 0; i < BATCH_OPERATIONS && *done < round->goal; i++) {
		u64 *word = (u64 *)(kaddr + (*done % CONTEST_WORDS) *
						    CONTEST_WORD_STEP);
		bool mine;

		/* With the lock held the callback waits for this addition. */
		mutex_lock(&this->lock);
		mine = !this->revoked;
		if (mine)
			slow_add(word, !i);
		mutex_unlock(&this->lock);
		if (!mine)
			break;
		++*done;
		atomic64_inc(&round->device_operations);
	}
	SetPageDirty(page);
	put_found(round, page);
	return 0;
}

static int pretend_play(struct contest_round *round)
{
	struct pretender *this = round->player_data;
	u64 done = 0;
	int err = 0;

	kthread_use_mm(round->mm);
	while (!err && done < round->goal && !atomic_read(&round->error)) {
		err = pretend_batch(round, this, &done);
		/* Threads that waited for the page's lock restore the page now. */
		if (round->access == CONTEST_EXCLUSIVE)
			usleep_range(BREATH_US, 2 * BREATH_US);
	}
	kthread_unuse_mm(round->mm);
	return err;
}

static void pretend_end(struct contest_round *round)
{
	struct pretender *this = round->player_data;

	round->counts = this->counts;
}

static void pretend_leave(struct contest_round *round)
{
	struct pretender *this = round->player_data;

	mmu_interval_notifier_remove(&this->sub);
	kfree(this);
}

const struct contest_player contest_stand_in = {
	.name = "a thread in the kernel",
	.adds = true,
	.begin = pretend_begin,
	.play = pretend_play,
	.end = pretend_end,
	.leave = pretend_leave,
};
