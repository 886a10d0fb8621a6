// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_lockdep_test.c - bad drivers are reported (R5)
 *
 * One driver for each way to wait for what waits for it. The validator must
 * speak once, name the notifiers' map and both places, and nothing ever
 * deadlocks here; the good driver beside it yields no report. Sleeping where
 * one must not is in mmu_notifier_lockdep_sleep_test.c; (b) and (c) stand in
 * mmu_notifier_lockdep_alloc_test.c, (e) in mmu_notifier_lockdep_fence_test.c, and
 * what a release does in mmu_notifier_lockdep_release_test.c.
 *
 *	R5.8	the callback			another thread
 *	(a)	takes mmap_lock, a page lock	starts a range with it held
 *	(b)	allocates and may wait		reclaims, and so calls it
 *	(c)	takes L				allocates with L held
 *	(d)	takes L				waits for callbacks with L held
 *	(e)	waits for a work or a fence	finishes that by (a) or (b)
 *
 * Each class of locks is for ever, so a lock that one test uses the wrong way
 * is no other test's: what the right half taught stays known, and only the
 * wrong half is not learned.
 */
#include "bad_driver.h"
#include <mm/page/page.h>

/* --- (a) locks under which ranges start ------------------------------------ */

/*
 *	boot: mm_teach_order()		page_lock, mmap_lock before the map
 *	here: raise_start()		the map before mmap_lock
 */
KTEST(mmu_notifier_lockdep, a_callback_that_takes_mmap_lock_is_reported,
      KT_RULES("R5.1 R5.8"))
{
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	bad.in_interval = take_mmap_lock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order", TAKES(MMAP_LOCK, "take_mmap_lock"),
			  WHILE_HOLDING(MAP_NAME, "raise_start"),
			  MAP_IS_TAKEN_UNDER_MMAP_LOCK);
	bad.in_interval = NULL;
	bad.in_start = take_mmap_lock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order", TAKES(MMAP_LOCK, "take_mmap_lock"),
			  WHILE_HOLDING(MAP_NAME, "raise_start"),
			  MAP_IS_TAKEN_UNDER_MMAP_LOCK);
	bad_stop(&bad);
}

/* A page lock is what elsewhere a lock of the reverse map is (R1.9). */
static struct page *page_to_lock;

static noinline void take_page_lock(struct bad_driver *bad)
{
	lock_page(page_to_lock);
	unlock_page(page_to_lock);
}

KTEST(mmu_notifier_lockdep, a_callback_that_waits_for_a_page_lock_is_reported,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;

	page_to_lock = alloc_page(GFP_KERNEL);
	REQUIRE(page_to_lock);
	if (bad_begin(test, &bad)) {
		bad.in_interval = take_page_lock;
		lockdep_expect_begin();
		raise(bad.mm);
		EXPECT_ONE_REPORT("opposite order",
				  TAKES("page_lock", "take_page_lock"),
				  WHILE_HOLDING(MAP_NAME, "raise_start"),
				  WAS_TAKEN(MAP_NAME, "mm_teach_order"),
				  UNDER("page_lock", "mm_teach_order"));
		bad_stop(&bad);
	}
	put_page(page_to_lock);
}

/*
 * A device may keep a page locked for long, so a thread that waits for one holds no
 * mmap_lock, in either mode.
 */
static noinline void lock_page_in_mmap_lock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
	lock_page(page_to_lock);
	unlock_page(page_to_lock);
	mmap_read_unlock(mm);
}

KTEST(mmu_notifier_lockdep, a_wait_for_a_page_with_mmap_lock_held_is_reported)
{
	struct mm_struct *mm = mm_alloc();

	page_to_lock = alloc_page(GFP_KERNEL);
	REQUIRE(page_to_lock && mm);
	lockdep_expect_begin();
	lock_page_in_mmap_lock(mm);
	EXPECT_ONE_REPORT("opposite order",
			  TAKES("page_lock", "lock_page_in_mmap_lock"),
			  WHILE_HOLDING(MMAP_LOCK, "lock_page_in_mmap_lock"),
			  WAS_TAKEN(MMAP_LOCK, "mm_teach_order"),
			  UNDER("page_lock", "mm_teach_order"));
	mmput(mm);
	put_page(page_to_lock);
}

/* The range of an end is over, but its callbacks are waited for all the same. */
KTEST(mmu_notifier_lockdep, an_end_callback_that_takes_mmap_lock_is_reported,
      KT_RULES("R5.1"))
{
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	bad.in_end = take_mmap_lock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order", TAKES(MMAP_LOCK, "take_mmap_lock"),
			  WHILE_HOLDING(MAP_NAME, "raise_end"),
			  MAP_IS_TAKEN_UNDER_MMAP_LOCK);
	bad_stop(&bad);
}

static DEFINE_MUTEX(held_at_start);
static DEFINE_MUTEX(held_at_nonblock);
static DEFINE_MUTEX(held_at_end);

static noinline void take_held_at_start(struct bad_driver *bad)
{
	mutex_lock(&held_at_start);
	mutex_unlock(&held_at_start);
}

static noinline void take_held_at_nonblock(struct bad_driver *bad)
{
	mutex_lock(&held_at_nonblock);
	mutex_unlock(&held_at_nonblock);
}

static noinline void take_held_at_end(struct bad_driver *bad)
{
	mutex_lock(&held_at_end);
	mutex_unlock(&held_at_end);
}

/* The start need not overlap an interval: @other has no subscriber. */
KTEST(mmu_notifier_lockdep, a_start_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.1"))
{
	struct mmu_notifier_range range;
	struct mm_struct *other;
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	other = mm_alloc();
	bad.in_interval = take_held_at_start;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	mutex_lock(&held_at_start);
	raise_start(&range, other);
	mutex_unlock(&held_at_start);
	EXPECT_ONE_REPORT("opposite order", TAKES(MAP_NAME, "raise_start"),
			  WHILE_TEST_HOLDS("held_at_start"),
			  WAS_TAKEN("held_at_start", "take_held_at_start"),
			  UNDER(MAP_NAME, "raise_start"));
	raise_end(&range);
	mmput(other);
	bad_stop(&bad);
}

static noinline int raise_nonblock(struct mmu_notifier_range *range,
				   struct mm_struct *mm)
{
	return start_nonblock_of(range, mm, 0, 1);
}

/* It waits for no callback, but for those that it calls itself. */
KTEST(mmu_notifier_lockdep,
      a_start_that_may_not_block_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.1"))
{
	struct mmu_notifier_range range;
	struct mm_struct *other;
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	other = mm_alloc();
	bad.in_interval = take_held_at_nonblock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	mutex_lock(&held_at_nonblock);
	EXPECT_EQ(raise_nonblock(&range, other), 0);
	mutex_unlock(&held_at_nonblock);
	EXPECT_ONE_REPORT("opposite order", TAKES(MAP_NAME, "raise_nonblock"),
			  WHILE_TEST_HOLDS("held_at_nonblock"),
			  WAS_TAKEN("held_at_nonblock", "take_held_at_nonblock"),
			  UNDER(MAP_NAME, "raise_start"));
	raise_end(&range);
	mmput(other);
	bad_stop(&bad);
}

/* Reported with intervals only, too, though only plain ones have an end (R5.1). */
KTEST(mmu_notifier_lockdep, an_end_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.1"))
{
	struct mmu_notifier_range range;
	struct bad_driver bad;
	struct watcher w;

	watcher_init(&w, test);
	if (!bad_begin(test, &bad))
		return;
	bad.in_interval = take_held_at_end;
	raise(bad.mm);
	bad_stop(&bad);
	bad.mm = mm_alloc();
	EXPECT_EQ(watch(&w, bad.mm, 0, 1), 0);
	raise_start(&range, bad.mm);
	lockdep_expect_begin();
	mutex_lock(&held_at_end);
	raise_end(&range);
	mutex_unlock(&held_at_end);
	EXPECT_ONE_REPORT("opposite order", TAKES(MAP_NAME, "raise_end"),
			  WHILE_TEST_HOLDS("held_at_end"),
			  WAS_TAKEN("held_at_end", "take_held_at_end"),
			  UNDER(MAP_NAME, "raise_start"));
	unwatch(&w);
	mmput(bad.mm);
}

/* --- (d) waiting for callbacks ------------------------------------------------ */

static DEFINE_MUTEX(callbacks_lock);

static noinline void take_callbacks_lock(struct bad_driver *bad)
{
	mutex_lock(&callbacks_lock);
	mutex_unlock(&callbacks_lock);
}

/* A driver whose callbacks take the lock, and have done so. */
static bool locking_begin(struct ktest *test, struct bad_driver *bad)
{
	if (!bad_begin(test, bad))
		return false;
	bad->in_interval = take_callbacks_lock;
	bad->in_start = take_callbacks_lock;
	lockdep_expect_begin();
	raise(bad->mm);
	EXPECT_NO_REPORT();
	return true;
}

/* The test called @place with the lock held, and @place touched the map. */
#define EXPECT_WAIT_REPORTED(place)                                           \
	EXPECT_ONE_REPORT("opposite order", TAKES(MAP_NAME, place),           \
			  WHILE_TEST_HOLDS("callbacks_lock"),                 \
			  WAS_TAKEN("callbacks_lock", "take_callbacks_lock"), \
			  UNDER(MAP_NAME, "raise_start"))

KTEST(mmu_notifier_lockdep, read_begin_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.2"))
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	(void)mmu_interval_read_begin(&bad.sub);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED("mmu_interval_read_begin");
	bad_stop(&bad);
}

KTEST(mmu_notifier_lockdep, remove_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.2"))
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	mmu_interval_notifier_remove(&bad.sub);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED("mmu_interval_notifier_remove");
	bad_finish(&bad);
}

KTEST(mmu_notifier_lockdep, unregister_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.2"))
{
	struct bad_driver bad;
	struct listener l;

	if (!locking_begin(test, &bad))
		return;
	EXPECT_EQ(listen(&l, bad.mm), 0);
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	unlisten(&l, bad.mm);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED("mmu_notifier_unregister");
	bad_stop(&bad);
}

/* It waits for ranges to end, and those for the callbacks of their start. */
KTEST(mmu_notifier_lockdep, register_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.2"))
{
	struct bad_driver bad;
	struct listener l;

	if (!locking_begin(test, &bad))
		return;
	EXPECT_EQ(listen(&l, bad.mm), 0);
	unlisten(&l, bad.mm);
	memset(&l, 0, sizeof(l));
	l.sub.ops = &pair_ops;
	mmap_write_lock(bad.mm);
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	EXPECT_EQ(__mmu_notifier_register(&l.sub, bad.mm), 0);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED("__mmu_notifier_register");
	mmap_write_unlock(bad.mm);
	unlisten(&l, bad.mm);
	bad_stop(&bad);
}

KTEST(mmu_notifier_lockdep, synchronize_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.2"))
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	mmu_notifier_synchronize();
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED("mmu_notifier_synchronize");
	bad_stop(&bad);
}

static noinline void stop_using(struct mm_struct *mm)
{
	mmput(mm);
	barrier();
}

/* The last mmput() calls each release(), and any mmput() may be the last. */
KTEST(mmu_notifier_lockdep, mmput_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.2"))
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	mmget(bad.mm);
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	stop_using(bad.mm);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED("stop_using");
	bad_stop(&bad);
}

/* The driver as it should be: everything above, without the lock. */
KTEST(mmu_notifier_lockdep, a_driver_that_waits_without_its_lock_is_good,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;
	struct listener l;
	unsigned long seq;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	EXPECT_EQ(listen(&l, bad.mm), 0);
	seq = mmu_interval_read_begin(&bad.sub);
	mutex_lock(&callbacks_lock);
	EXPECT(!mmu_interval_read_retry(&bad.sub, seq));
	mutex_unlock(&callbacks_lock);
	raise(bad.mm);
	unlisten(&l, bad.mm);
	mmu_notifier_synchronize();
	mmget(bad.mm);
	mmput(bad.mm);
	mmu_interval_notifier_remove(&bad.sub);
	EXPECT_NO_REPORT();
	bad_finish(&bad);
}

/* --- R5.4: insert may take mmap_lock ------------------------------------------ */

static DEFINE_MUTEX(under_mmap_lock);

static noinline void teach_under_mmap_lock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
	mutex_lock(&under_mmap_lock);
	mutex_unlock(&under_mmap_lock);
	mmap_read_unlock(mm);
}

/* The mm has its object: there is nothing to make and no lock to take. */
KTEST(mmu_notifier_lockdep, insert_where_mmap_lock_may_not_be_taken_is_reported,
      KT_RULES("R5.4"))
{
	struct bad_driver bad;
	struct watcher w;

	watcher_init(&w, test);
	if (!bad_begin(test, &bad))
		return;
	teach_under_mmap_lock(bad.mm);
	lockdep_expect_begin();
	mutex_lock(&under_mmap_lock);
	EXPECT_EQ(watch(&w, bad.mm, 0, 1), 0);
	mutex_unlock(&under_mmap_lock);
	EXPECT_ONE_REPORT("opposite order",
			  TAKES(MMAP_LOCK, "mmu_interval_notifier_insert"),
			  WHILE_TEST_HOLDS("under_mmap_lock"),
			  WAS_TAKEN("under_mmap_lock", "teach_under_mmap_lock"),
			  UNDER(MMAP_LOCK, "teach_under_mmap_lock"));
	unwatch(&w);
	bad_stop(&bad);
}

static struct watcher *to_insert;

static noinline void insert_another(struct bad_driver *bad)
{
	if (to_insert->sub.mm)
		return;
	(void)watch(to_insert, bad->mm, 8, 9);
}

KTEST(mmu_notifier_lockdep, a_callback_that_inserts_is_reported, KT_RULES("R5.4"))
{
	struct bad_driver bad;
	struct watcher w;

	watcher_init(&w, test);
	to_insert = &w;
	if (!bad_begin(test, &bad))
		return;
	bad.in_interval = insert_another;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order",
			  TAKES(MMAP_LOCK, "mmu_interval_notifier_insert"),
			  WHILE_HOLDING(MAP_NAME, "raise_start"),
			  MAP_IS_TAKEN_UNDER_MMAP_LOCK);
	unwatch(&w);
	bad_stop(&bad);
}

/* --- those that want mmap_lock from their caller ------------------------------- */

#define WANTS_IT_FOR_WRITING(file) \
	"&mm->mmap_lock is held for writing, at mm/notifier/" file
#define HOLDS_IT_SHARED "  holds " MMAP_LOCK " (shared), taken at ktest_"

/* No other thread uses this mm, so the report is all that happens. */
KTEST(mmu_notifier_lockdep,
      register_without_mmap_lock_held_for_writing_is_reported, KT_RULES("R2.15"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l[2];
	int i;

	REQUIRE(mm);
	memset(l, 0, sizeof(l));
	l[0].sub.ops = l[1].sub.ops = &pair_ops;
	lockdep_expect_begin();
	EXPECT_EQ(__mmu_notifier_register(&l[0].sub, mm), 0);
	EXPECT_ONE_REPORT("an assertion", WANTS_IT_FOR_WRITING("register.c"));
	mmap_read_lock(mm);
	lockdep_expect_begin();
	EXPECT_EQ(__mmu_notifier_register(&l[1].sub, mm), 0);
	EXPECT_ONE_REPORT("an assertion", WANTS_IT_FOR_WRITING("register.c"),
			  HOLDS_IT_SHARED);
	mmap_read_unlock(mm);
	for (i = 0; i < 2; i++)
		unlisten(&l[i], mm);
	mmput(mm);
}

static struct mmu_notifier *alloc_nothing(struct mm_struct *mm)
{
	return ERR_PTR(-ENOMEM);
}

static const struct mmu_notifier_ops nothing_ops = {
	.alloc_notifier = alloc_nothing,
};

/* One that makes none, so that only get says it. */
KTEST(mmu_notifier_lockdep,
      get_locked_without_mmap_lock_held_for_writing_is_reported,
      KT_RULES("R2.15 R2.28 R2.30"))
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	lockdep_expect_begin();
	EXPECT_EQ(PTR_ERR(mmu_notifier_get_locked(&nothing_ops, mm)), -ENOMEM);
	EXPECT_ONE_REPORT("an assertion", WANTS_IT_FOR_WRITING("register.c"));
	mmap_read_lock(mm);
	lockdep_expect_begin();
	EXPECT_EQ(PTR_ERR(mmu_notifier_get_locked(&nothing_ops, mm)), -ENOMEM);
	EXPECT_ONE_REPORT("an assertion", WANTS_IT_FOR_WRITING("register.c"),
			  HOLDS_IT_SHARED);
	mmap_read_unlock(mm);
	mmput(mm);
}

KTEST(mmu_notifier_lockdep,
      insert_locked_without_mmap_lock_held_for_writing_is_reported,
      KT_RULES("R5.4"))
{
	struct mm_struct *mm = mm_alloc();
	struct watcher w[2];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 2; i++)
		watcher_init(&w[i], test);
	lockdep_expect_begin();
	EXPECT_EQ(mmu_interval_notifier_insert_locked(&w[0].sub, mm, 0, PG(1),
						      &watcher_ops),
		  0);
	EXPECT_ONE_REPORT("an assertion", WANTS_IT_FOR_WRITING("subscribe.c"));
	mmap_read_lock(mm);
	lockdep_expect_begin();
	EXPECT_EQ(mmu_interval_notifier_insert_locked(&w[1].sub, mm, 0, PG(1),
						      &watcher_ops),
		  0);
	EXPECT_ONE_REPORT("an assertion", WANTS_IT_FOR_WRITING("subscribe.c"),
			  HOLDS_IT_SHARED);
	mmap_read_unlock(mm);
	for (i = 0; i < 2; i++)
		unwatch(&w[i]);
	mmput(mm);
}
