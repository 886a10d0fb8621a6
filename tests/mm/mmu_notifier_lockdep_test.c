// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_notifier_lockdep_test.c - bad drivers are told so (R5)
 *
 * One driver for each way to wait for what waits for it. The validator must
 * speak once, name the notifiers' map and both places, and nothing ever
 * deadlocks here; the good driver beside it yields no report. Sleeping where
 * one must not is in mmu_notifier_lockdep_sleep_test.c; (e) stands in
 * mmu_notifier_lockdep_fence_test.c.
 *
 *	R5.8	the callback			and somebody else
 *	(a)	takes mmap_lock, a page lock	raises a range with it held
 *	(b)	allocates and may wait		reclaims, and so calls it
 *	(c)	takes L				allocates with L held
 *	(d)	takes L				waits for callbacks with L held
 *	(e)	waits for a work or a fence	finishes that by (a) or (b)
 *
 * Each class of locks is for ever, so a lock that one test uses the wrong way
 * is no other test's: what the right half taught stays known, and only the
 * wrong half is not learned.
 *
 * Over 600 lines because the classes share their drivers and locks.
 */
#include "notifier_fixture.h"
#include <kernel/alloc.h>
#include <kernel/completion.h>
#include <kernel/lockdep.h>
#include <kernel/workqueue.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#define MAP_NAME "mmu_notifier_invalidate_range_start"

/* A driver whose callbacks, of both kinds, do one wrong thing. */
struct bad_driver {
	struct mmu_interval_notifier sub;
	struct mmu_notifier plain;
	struct mm_struct *mm;
	void (*in_interval)(struct bad_driver *bad);
	void (*in_start)(struct bad_driver *bad);
	void (*in_end)(struct bad_driver *bad);
};

static bool bad_invalidate(struct mmu_interval_notifier *sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, sub);

	mmu_interval_set_seq(sub, cur_seq);
	if (bad->in_interval)
		bad->in_interval(bad);
	return true;
}

static int bad_start(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, plain);

	if (bad->in_start)
		bad->in_start(bad);
	return 0;
}

static void bad_end(struct mmu_notifier *sub,
		    const struct mmu_notifier_range *range)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, plain);

	if (bad->in_end)
		bad->in_end(bad);
}

static const struct mmu_interval_notifier_ops bad_ops = {
	.invalidate = bad_invalidate,
};

static const struct mmu_notifier_ops bad_plain_ops = {
	.invalidate_range_start = bad_start,
	.invalidate_range_end = bad_end,
};

static void bad_watch(struct ktest *test, struct bad_driver *bad)
{
	EXPECT_EQ(mmu_interval_notifier_insert(&bad->sub, bad->mm, 0, PG(4),
					       &bad_ops),
		  0);
}

/* Both subscriptions, in an mm of its own; callbacks do nothing yet. */
static bool bad_begin(struct ktest *test, struct bad_driver *bad)
{
	memset(bad, 0, sizeof(*bad));
	bad->mm = mm_alloc();
	bad->plain.ops = &bad_plain_ops;
	if (!bad->mm || mmu_notifier_register(&bad->plain, bad->mm)) {
		ktest_fail(test, "no driver");
		return false;
	}
	bad_watch(test, bad);
	return true;
}

static void bad_finish(struct bad_driver *bad)
{
	bad->in_interval = bad->in_start = bad->in_end = NULL;
	mmu_notifier_unregister(&bad->plain, bad->mm);
	mmput(bad->mm);
}

static void bad_stop(struct bad_driver *bad)
{
	mmu_interval_notifier_remove(&bad->sub);
	bad_finish(bad);
}

/*
 * Out of line, like all that a report shall name; and with something after the
 * call, which else is a jump and has no place.
 */
static noinline void raise_start(struct mmu_notifier_range *range,
				 struct mm_struct *mm)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, mm, 0, PG(1));
	mmu_notifier_invalidate_range_start(range);
	barrier();
}

static noinline void raise_end(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
	barrier();
}

static void raise(struct mm_struct *mm)
{
	struct mmu_notifier_range range;

	raise_start(&range, mm);
	raise_end(&range);
}

/* --- (a) locks under which ranges are raised ------------------------------- */

static noinline void take_mmap_lock(struct bad_driver *bad)
{
	mmap_read_lock(bad->mm);
	mmap_read_unlock(bad->mm);
}

/*
 *	boot: mm_teach_order()		mmap_lock, page_lock before the map
 *	here: raise_start()		the map before mmap_lock
 */
KTEST(mmu_notifier_lockdep, a_callback_that_takes_mmap_lock_is_reported)
{
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	bad.in_interval = take_mmap_lock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "mmap_lock",
			  "take_mmap_lock", "raise_start", "mm_teach_order");
	bad.in_interval = NULL;
	bad.in_start = take_mmap_lock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "mmap_lock",
			  "take_mmap_lock", "raise_start", "mm_teach_order");
	bad_stop(&bad);
}

/* A page lock is what elsewhere a lock of the reverse map is (R1.9). */
static struct page *page_to_lock;

static noinline void take_page_lock(struct bad_driver *bad)
{
	lock_page(page_to_lock);
	unlock_page(page_to_lock);
}

KTEST(mmu_notifier_lockdep, a_callback_that_waits_for_a_page_lock_is_reported)
{
	struct bad_driver bad;

	page_to_lock = alloc_page(GFP_KERNEL);
	REQUIRE(page_to_lock);
	if (bad_begin(test, &bad)) {
		bad.in_interval = take_page_lock;
		lockdep_expect_begin();
		raise(bad.mm);
		EXPECT_ONE_REPORT("opposite order", MAP_NAME, "page_lock",
				  "take_page_lock", "raise_start",
				  "mm_teach_order");
		bad_stop(&bad);
	}
	__free_page(page_to_lock);
}

/* The range of an end is over, but its callbacks are waited for all the same. */
KTEST(mmu_notifier_lockdep, an_end_callback_that_takes_mmap_lock_is_reported)
{
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	bad.in_end = take_mmap_lock;
	lockdep_expect_begin();
	raise(bad.mm);
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "mmap_lock",
			  "take_mmap_lock", "raise_end", "mm_teach_order");
	bad_stop(&bad);
}

static DEFINE_MUTEX(held_at_start);
static DEFINE_MUTEX(held_at_end);

static noinline void take_held_at_start(struct bad_driver *bad)
{
	mutex_lock(&held_at_start);
	mutex_unlock(&held_at_start);
}

static noinline void take_held_at_end(struct bad_driver *bad)
{
	mutex_lock(&held_at_end);
	mutex_unlock(&held_at_end);
}

/* Whoever raises need not hit a subscriber: nobody listens in @other. */
KTEST(mmu_notifier_lockdep, a_start_under_a_callbacks_lock_is_reported)
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
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "held_at_start",
			  "take_held_at_start", "raise_start");
	raise_end(&range);
	mmput(other);
	bad_stop(&bad);
}

/* Told to an mm of intervals too, though only plain ones have an end (R5.1). */
KTEST(mmu_notifier_lockdep, an_end_under_a_callbacks_lock_is_reported)
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
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "held_at_end",
			  "take_held_at_end", "raise_end");
	unwatch(&w);
	mmput(bad.mm);
}

/* --- (b) and (c): allocations ------------------------------------------------ */

static struct kmem_cache *fresh_cache;
static void *allocated;

static noinline void get_object(struct bad_driver *bad)
{
	kfree(kmalloc(64, GFP_KERNEL));
}

/* The cache is new: its first object wants a slab, that is, pages too. */
static noinline void grow_a_cache(struct bad_driver *bad)
{
	allocated = kmem_cache_alloc(fresh_cache, GFP_KERNEL);
}

static noinline void get_large_object(struct bad_driver *bad)
{
	kfree(kmalloc(4 * PAGE_SIZE, GFP_KERNEL));
}

static noinline void get_page_of_memory(struct bad_driver *bad)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page)
		__free_page(page);
}

static noinline void get_pages(struct bad_driver *bad)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	if (page)
		free_pages(page, 1);
}

static noinline void get_pages_in_bulk(struct bad_driver *bad)
{
	struct page *pages[2];

	free_pages_bulk(pages, alloc_pages_bulk(GFP_KERNEL, 2, pages));
}

static noinline void get_area(struct bad_driver *bad)
{
	vfree(vmalloc(PAGE_SIZE));
}

/* Some are kept: the allocation needs none of the others today. */
static noinline void get_stack(struct bad_driver *bad)
{
	kernel_stack_free(kernel_stack_alloc());
}

/* The table is there from the second call on. */
static noinline void get_table(struct bad_driver *bad)
{
	struct spinlock *ptl;

	(void)pgtable_alloc_pte(bad->mm, PG(1), &ptl);
}

static const struct {
	void (*fn)(struct bad_driver *bad);
	const char *name;
} allocations[] = {
	{get_object, "get_object"},
	{grow_a_cache, "grow_a_cache"},
	{get_large_object, "get_large_object"},
	{get_page_of_memory, "get_page_of_memory"},
	{get_pages, "get_pages+"},
	{get_pages_in_bulk, "get_pages_in_bulk"},
	{get_area, "get_area"},
	{get_stack, "get_stack"},
	{get_table, "get_table"},
};

static bool fresh_cache_begin(struct ktest *test)
{
	allocated = NULL;
	fresh_cache = kmem_cache_create("fresh", 64, 0, 0, NULL);
	EXPECT(fresh_cache);
	return fresh_cache;
}

static void fresh_cache_end(void)
{
	if (allocated)
		kmem_cache_free(fresh_cache, allocated);
	kmem_cache_destroy(fresh_cache);
}

/* Each in an interval's callback, in a start and in an end. */
KTEST(mmu_notifier_lockdep, a_callback_that_allocates_and_may_wait_is_reported)
{
	struct bad_driver bad;
	unsigned int i;

	if (!bad_begin(test, &bad))
		return;
	get_table(&bad);
	get_stack(&bad);
	for (i = 0; i < 3 * ARRAY_SIZE(allocations); i++) {
		void (*fn)(struct bad_driver * bad) = allocations[i / 3].fn;

		bad.in_interval = i % 3 == 0 ? fn : NULL;
		bad.in_start = i % 3 == 1 ? fn : NULL;
		bad.in_end = i % 3 == 2 ? fn : NULL;
		if (!fresh_cache_begin(test))
			break;
		lockdep_expect_begin();
		raise(bad.mm);
		EXPECT_ONE_REPORT("same class", MAP_NAME, allocations[i / 3].name,
				  i % 3 == 2 ? "raise_end" : "raise_start");
		fresh_cache_end();
	}
	bad_stop(&bad);
}

static void allocate_at_once(struct bad_driver *bad)
{
	struct page *page = alloc_page(GFP_NOWAIT);

	if (page)
		__free_page(page);
	kfree(kmalloc(64, GFP_NOWAIT));
	kfree(kmalloc(64, GFP_ATOMIC));
	allocated = kmem_cache_alloc(fresh_cache, GFP_NOWAIT);
}

/* The good driver of R5.7. */
KTEST(mmu_notifier_lockdep, a_callback_that_allocates_without_waiting_is_good)
{
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	if (fresh_cache_begin(test)) {
		bad.in_interval = allocate_at_once;
		lockdep_expect_begin();
		raise(bad.mm);
		EXPECT_NO_REPORT();
		EXPECT(allocated);
		fresh_cache_end();
	}
	bad_stop(&bad);
}

static DEFINE_MUTEX(held_over_allocation);

static noinline void take_held_over_allocation(struct bad_driver *bad)
{
	mutex_lock(&held_over_allocation);
	mutex_unlock(&held_over_allocation);
}

/* The callback itself does no wrong, but the allocation could come to it. */
KTEST(mmu_notifier_lockdep,
      an_allocation_that_may_wait_under_a_callbacks_lock_is_reported)
{
	struct bad_driver bad;
	unsigned int i;

	if (!bad_begin(test, &bad))
		return;
	get_table(&bad);
	get_stack(&bad);
	bad.in_interval = take_held_over_allocation;
	raise(bad.mm);
	for (i = 0; i < ARRAY_SIZE(allocations); i++) {
		if (!fresh_cache_begin(test))
			break;
		lockdep_expect_begin();
		mutex_lock(&held_over_allocation);
		allocations[i].fn(&bad);
		mutex_unlock(&held_over_allocation);
		EXPECT_ONE_REPORT("opposite order", MAP_NAME,
				  "held_over_allocation",
				  "take_held_over_allocation", "raise_start",
				  allocations[i].name);
		fresh_cache_end();
	}
	if (fresh_cache_begin(test)) {
		lockdep_expect_begin();
		mutex_lock(&held_over_allocation);
		allocate_at_once(&bad);
		mutex_unlock(&held_over_allocation);
		EXPECT_NO_REPORT();
		fresh_cache_end();
	}
	bad_stop(&bad);
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

/* What the test does with the lock held it does itself, out of no other. */
#define EXPECT_WAIT_REPORTED()                                          \
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "callbacks_lock", \
			  "take_callbacks_lock", "raise_start",         \
			  "ktest_mmu_notifier_lockdep__")

KTEST(mmu_notifier_lockdep, read_begin_under_a_callbacks_lock_is_reported)
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	(void)mmu_interval_read_begin(&bad.sub);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED();
	bad_stop(&bad);
}

KTEST(mmu_notifier_lockdep, remove_under_a_callbacks_lock_is_reported)
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	mmu_interval_notifier_remove(&bad.sub);
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED();
	bad_finish(&bad);
}

KTEST(mmu_notifier_lockdep, unregister_under_a_callbacks_lock_is_reported)
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
	EXPECT_WAIT_REPORTED();
	bad_stop(&bad);
}

/* It waits for ranges to end, and those for the callbacks of their start. */
KTEST(mmu_notifier_lockdep, register_under_a_callbacks_lock_is_reported)
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
	EXPECT_WAIT_REPORTED();
	mmap_write_unlock(bad.mm);
	unlisten(&l, bad.mm);
	bad_stop(&bad);
}

KTEST(mmu_notifier_lockdep, synchronize_under_a_callbacks_lock_is_reported)
{
	struct bad_driver bad;

	if (!locking_begin(test, &bad))
		return;
	lockdep_expect_begin();
	mutex_lock(&callbacks_lock);
	mmu_notifier_synchronize();
	mutex_unlock(&callbacks_lock);
	EXPECT_WAIT_REPORTED();
	bad_stop(&bad);
}

/* The driver as it should be: everything above, without the lock. */
KTEST(mmu_notifier_lockdep, a_driver_that_waits_without_its_lock_is_good)
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
KTEST(mmu_notifier_lockdep, insert_where_mmap_lock_may_not_be_taken_is_reported)
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
	EXPECT_ONE_REPORT("opposite order", "mmap_lock", "under_mmap_lock",
			  "teach_under_mmap_lock",
			  "mmu_interval_notifier_insert");
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

KTEST(mmu_notifier_lockdep, a_callback_that_inserts_is_reported)
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
	EXPECT_ONE_REPORT("opposite order", MAP_NAME, "mmap_lock",
			  "mmu_interval_notifier_insert", "raise_start",
			  "mm_teach_order");
	unwatch(&w);
	bad_stop(&bad);
}
