// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_notifier_lockdep_test.c - bad drivers are told so (R5)
 *
 * One driver for each way to be wrong; the validator must name the notifiers'
 * map, though nothing ever deadlocks here. A good driver yields no report,
 * which every other test shows: any report fails the test it falls in.
 */
#include "notifier_fixture.h"
#include <kernel/alloc.h>
#include <kernel/lockdep.h>
#include <mm/page_alloc.h>

#define MAP_NAME "mmu_notifier_invalidate_range_start"

/* A driver whose callback does one wrong thing. */
struct bad_driver {
	struct mmu_interval_notifier sub;
	struct mm_struct *mm;
	void (*wrong)(struct bad_driver *bad);
	struct mutex lock;
};

static bool bad_invalidate(struct mmu_interval_notifier *sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, sub);

	mmu_interval_set_seq(sub, cur_seq);
	if (bad->wrong)
		bad->wrong(bad);
	return true;
}

static const struct mmu_interval_notifier_ops bad_ops = {
	.invalidate = bad_invalidate,
};

static bool names_the_map(const char *text)
{
	size_t len = strlen(MAP_NAME);

	for (; *text; text++) {
		if (!strncmp(text, MAP_NAME, len))
			return true;
	}
	return false;
}

static void bad_begin(struct bad_driver *bad, struct mm_struct *mm,
		      void (*wrong)(struct bad_driver *bad))
{
	memset(bad, 0, sizeof(*bad));
	mutex_init(&bad->lock);
	bad->mm = mm;
	bad->wrong = wrong;
}

static int bad_insert(struct bad_driver *bad)
{
	return mmu_interval_notifier_insert(&bad->sub, bad->mm, 0, PG(4),
					    &bad_ops);
}

/* What mm/ does: a range under mmap_lock. It teaches the order. */
static void change_under_mmap_lock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
	change(mm, 8, 9);
	mmap_read_unlock(mm);
}

static void take_mmap_lock(struct bad_driver *bad)
{
	mmap_read_lock(bad->mm);
	mmap_read_unlock(bad->mm);
}

KTEST(mmu_notifier_lockdep, a_callback_that_takes_mmap_lock_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct bad_driver bad;
	char text[512];
	unsigned int reports;

	REQUIRE(mm);
	bad_begin(&bad, mm, take_mmap_lock);
	EXPECT_EQ(bad_insert(&bad), 0);
	change_under_mmap_lock(mm);
	lockdep_expect_begin();
	change(mm, 0, 1);
	reports = lockdep_expect_end(text, sizeof(text));
	EXPECT_EQ(reports, 1U);
	EXPECT(names_the_map(text));
	bad.wrong = NULL;
	mmu_interval_notifier_remove(&bad.sub);
	mmput(mm);
}

static void take_own_lock(struct bad_driver *bad)
{
	mutex_lock(&bad->lock);
	mutex_unlock(&bad->lock);
}

KTEST(mmu_notifier_lockdep, read_begin_under_a_callbacks_lock_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct bad_driver bad;
	char text[512];
	unsigned int reports;

	REQUIRE(mm);
	bad_begin(&bad, mm, take_own_lock);
	EXPECT_EQ(bad_insert(&bad), 0);
	change(mm, 0, 1);
	lockdep_expect_begin();
	mutex_lock(&bad.lock);
	(void)mmu_interval_read_begin(&bad.sub);
	mutex_unlock(&bad.lock);
	reports = lockdep_expect_end(text, sizeof(text));
	EXPECT_EQ(reports, 1U);
	EXPECT(names_the_map(text));
	mmu_interval_notifier_remove(&bad.sub);
	mmput(mm);
}

/* R5.8 (b): reclaim would call the notifiers, and here one runs. */
static void allocate_and_wait(struct bad_driver *bad)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page)
		__free_page(page);
}

KTEST(mmu_notifier_lockdep, a_callback_that_allocates_and_may_wait_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct bad_driver bad;
	char text[512];
	unsigned int reports;

	REQUIRE(mm);
	bad_begin(&bad, mm, allocate_and_wait);
	EXPECT_EQ(bad_insert(&bad), 0);
	lockdep_expect_begin();
	change(mm, 0, 1);
	reports = lockdep_expect_end(text, sizeof(text));
	EXPECT_EQ(reports, 1U);
	EXPECT(names_the_map(text));
	bad.wrong = NULL;
	mmu_interval_notifier_remove(&bad.sub);
	mmput(mm);
}

/* The good driver of R5.7. */
static void allocate_at_once(struct bad_driver *bad)
{
	kfree(kmalloc(64, GFP_NOWAIT));
}

KTEST(mmu_notifier_lockdep, a_callback_that_allocates_without_waiting_is_good)
{
	struct mm_struct *mm = mm_alloc();
	struct bad_driver bad;

	REQUIRE(mm);
	bad_begin(&bad, mm, allocate_at_once);
	EXPECT_EQ(bad_insert(&bad), 0);
	lockdep_expect_begin();
	change(mm, 0, 1);
	EXPECT_EQ(lockdep_expect_end(NULL, 0), 0U);
	mmu_interval_notifier_remove(&bad.sub);
	mmput(mm);
}

/*
 * R5.8 (c): the callback itself does no wrong, but it could be reached from the
 * allocation and wait for the lock that is held there. A lock of its own: what
 * is learned of bad->lock by other tests is not to be mixed in.
 */
static DEFINE_MUTEX(held_over_allocation);

static void take_held_over_allocation(struct bad_driver *bad)
{
	mutex_lock(&held_over_allocation);
	mutex_unlock(&held_over_allocation);
}

KTEST(mmu_notifier_lockdep,
      an_allocation_that_may_wait_under_a_callbacks_lock_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct bad_driver bad;
	char text[512];
	unsigned int reports;
	void *block;

	REQUIRE(mm);
	bad_begin(&bad, mm, take_held_over_allocation);
	EXPECT_EQ(bad_insert(&bad), 0);
	change(mm, 0, 1);
	lockdep_expect_begin();
	mutex_lock(&held_over_allocation);
	block = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	mutex_unlock(&held_over_allocation);
	reports = lockdep_expect_end(text, sizeof(text));
	EXPECT_EQ(reports, 1U);
	EXPECT(names_the_map(text));
	kfree(block);
	mmu_interval_notifier_remove(&bad.sub);
	mmput(mm);
}

/* Remove and unregister wait for callbacks as well. */
KTEST(mmu_notifier_lockdep, remove_under_a_callbacks_lock_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct bad_driver bad;
	char text[512];
	unsigned int reports;

	REQUIRE(mm);
	bad_begin(&bad, mm, take_own_lock);
	EXPECT_EQ(bad_insert(&bad), 0);
	change(mm, 0, 1);
	lockdep_expect_begin();
	mutex_lock(&bad.lock);
	mmu_interval_notifier_remove(&bad.sub);
	mutex_unlock(&bad.lock);
	reports = lockdep_expect_end(text, sizeof(text));
	EXPECT_EQ(reports, 1U);
	EXPECT(names_the_map(text));
	mmput(mm);
}

/* A class is for ever, so its lock is no function's own. */
static DEFINE_SPINLOCK(atomic_lock);

/* Outside the test for subscribers: it is wrong though nobody listens. */
KTEST(mmu_notifier_lockdep, a_start_in_atomic_context_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	unsigned int reports;

	REQUIRE(mm);
	lockdep_expect_begin();
	spin_lock(&atomic_lock);
	start_of(&range, mm, 0, 1);
	spin_unlock(&atomic_lock);
	reports = lockdep_expect_end(NULL, 0);
	end_of(&range);
	EXPECT_GE(reports, 1U);
	mmput(mm);
}

static void sleep_anyhow(struct bad_driver *bad)
{
	might_sleep();
}

KTEST(mmu_notifier_lockdep, an_interval_that_sleeps_when_it_may_not_is_reported)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct bad_driver bad;
	unsigned int reports;

	REQUIRE(mm);
	bad_begin(&bad, mm, sleep_anyhow);
	EXPECT_EQ(bad_insert(&bad), 0);
	change(mm, 0, 1);
	lockdep_expect_begin();
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), 0);
	end_of(&range);
	reports = lockdep_expect_end(NULL, 0);
	EXPECT_EQ(reports, 1U);
	mmu_interval_notifier_remove(&bad.sub);
	mmput(mm);
}

static void sleeping_end(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	listener_of(sub)->ends++;
	might_sleep();
}

/* The ends that are owed after a failed start may not sleep either (R5.6). */
KTEST(mmu_notifier_lockdep, an_end_after_a_failed_start_that_sleeps_is_reported)
{
	static const struct mmu_notifier_ops sleeping_ops = {
		.invalidate_range_start = listener_start,
		.invalidate_range_end = sleeping_end,
	};
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener failing, sleeping;
	unsigned int reports;

	REQUIRE(mm);
	EXPECT_EQ(listen_as(&failing, mm, &start_ops), 0);
	EXPECT_EQ(listen_as(&sleeping, mm, &sleeping_ops), 0);
	failing.answer = -EAGAIN;
	lockdep_expect_begin();
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	reports = lockdep_expect_end(NULL, 0);
	EXPECT_EQ(sleeping.ends, 1U);
	EXPECT_EQ(reports, 1U);
	unlisten(&failing, mm);
	unlisten(&sleeping, mm);
	mmput(mm);
}
