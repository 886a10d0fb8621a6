// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/exclusive_wait_test.c - threads that wait for a page of a device
 *
 * The driver holds the page's lock while its device uses the page. A CPU's fault, a
 * look-up and another driver wait for the lock, and hold no mmap_lock meanwhile.
 */
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include "exclusive_fixture.h"

/* A thread that waits for a page does not hold it: the address space can be changed. */
static void expect_mmap_lock_is_free(struct sandbox *box)
{
	struct ktest *test = box->test;
	bool free = mmap_write_trylock(box->mm);

	if (free)
		mmap_write_unlock(box->mm);
	EXPECT(free);
}

static void write_once(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;

	EXPECT_EQ(user_poke(AT(0) + 8, 1), 0);
}

KTEST(device_exclusive, a_cpu_waits_until_the_driver_unlocks_the_page,
      KT_RULES("R8.20"))
{
	struct sandbox_thread writer;
	struct page *pages[1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	sandbox_thread_start(&writer, &box, smp_processor_id(), write_once, NULL);
	ktest_wait_blocked(test, writer.task);
	EXPECT(is_exclusive(&box, AT(0)));
	EXPECT_EQ(device_word(pages[0])[1], 0UL);
	expect_mmap_lock_is_free(&box);
	release_exclusive(pages, 1);
	sandbox_thread_join(&writer);
	EXPECT_EQ(sandbox_read(&box, AT(0) + 8), 1UL);
	sandbox_close(&box);
}

static void read_once(struct sandbox_thread *self)
{
	u64 value = 0;

	if (user_peek(AT(0), &value))
		value = ~0UL;
	self->number = value;
}

/*
 *	driver		faulting thread			DONTNEED
 *	has the page
 *	locked
 *			entry is exclusive, page p
 *			reference; waits for p's lock
 *							entry emptied: its
 *							reference dropped
 *	unlock, put
 *			has the lock of p		(p must not be free)
 */
KTEST(device_exclusive, a_fault_that_waits_for_a_page_holds_it, KT_RULES("R8.17"))
{
	struct sandbox_thread reader;
	struct page *pages[1];
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 0x66), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	page = pages[0];
	/* The entry's and ours. */
	EXPECT_EQ(page_ref_count(page), 2);
	sandbox_thread_start(&reader, &box, smp_processor_id(), read_once, NULL);
	ktest_wait_blocked(test, reader.task);
	EXPECT_EQ(page_ref_count(page), 3);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(page_ref_count(page), 2);
	release_exclusive(pages, 1);
	sandbox_thread_join(&reader);
	EXPECT_EQ(reader.number, 0UL);
	sandbox_close(&box);
}

/*
 *	driver A	faulting thread			test
 *	has the page
 *	locked
 *			waits for p's lock, without
 *			mmap_lock
 *							mmap_lock, for writing
 *	unlock, put
 *			has p's lock; waits for
 *			mmap_lock
 *	driver B: tries p's lock			(must not have it)
 *							unlock
 *			restores the entry		(after one wait)
 */
KTEST(device_exclusive, a_fault_that_has_waited_needs_no_second_wait,
      KT_RULES("R8.17 R8.20"))
{
	struct fault_counters before, after;
	struct sandbox_thread writer;
	struct page *pages[1];
	struct sandbox box;
	struct page *page;
	bool had;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	page = pages[0];
	get_page(page);
	fault_read_counters(&before);
	sandbox_thread_start(&writer, &box, smp_processor_id(), write_once, NULL);
	ktest_wait_blocked(test, writer.task);
	mmap_write_lock(box.mm);
	release_exclusive(pages, 1);
	ktest_wait_blocked(test, writer.task);
	had = trylock_page(page);
	EXPECT(!had);
	if (had)
		unlock_page(page);
	mmap_write_unlock(box.mm);
	sandbox_thread_join(&writer);
	fault_read_counters(&after);
	EXPECT_EQ(after.waited - before.waited, 1UL);
	EXPECT_EQ(after.restored - before.restored, 1UL);
	EXPECT(!PageLocked(page));
	EXPECT_EQ(page_ref_count(page), 2);
	put_page(page);
	sandbox_close(&box);
}

/* It waits for nothing: the page is not its, and the entry stays. */
KTEST(device_exclusive, a_gup_that_keeps_mmap_lock_does_not_wait_for_a_page)
{
	struct page *pages[1];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(1), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	mmap_read_lock(box.mm);
	EXPECT_EQ(get_user_pages_remote(box.mm, AT(1), 1, 0, NULL), (long)-EBUSY);
	/* The pages before it are had. */
	EXPECT_EQ(get_user_pages_remote(box.mm, AT(0), 2, 0, NULL), 1L);
	mmap_read_unlock(box.mm);
	EXPECT(is_exclusive(&box, AT(1)));
	EXPECT_EQ(page_ref_count(pages[0]), 2);
	release_exclusive(pages, 1);
	sandbox_close(&box);
}

struct waiting_gup {
	struct sandbox *box;
	struct page *locked; /* by lock_device_exclusive() */
	long got;
	bool exclusive; /* mmap_lock was held for writing afterwards */
};

static int gup_waiting(void *arg)
{
	struct waiting_gup *w = arg;

	mmap_read_lock(w->box->mm);
	w->got = get_user_pages_remote(w->box->mm, AT(0), 1,
				       FOLL_WRITE | FOLL_UNLOCKABLE, NULL);
	mmap_read_unlock(w->box->mm);
	return 0;
}

/* It waits without mmap_lock, and has it again when a kill has ended the wait. */
KTEST(device_exclusive, a_kill_ends_the_wait_of_a_gup_for_a_page_of_a_device)
{
	struct waiting_gup w;
	struct page *pages[1];
	struct sandbox box;
	struct task *task;

	REQUIRE(sandbox_open(&box, test));
	w.box = &box;
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	task = kthread_run(gup_waiting, &w, "gup-waits");
	REQUIRE(!IS_ERR(task));
	ktest_wait_blocked(test, task);
	expect_mmap_lock_is_free(&box);
	task_kill(task);
	kthread_join(task);
	EXPECT_EQ(w.got, (long)-EINTR);
	EXPECT_EQ(page_ref_count(pages[0]), 2);
	EXPECT(is_exclusive(&box, AT(0)));
	release_exclusive(pages, 1);
	sandbox_close(&box);
}

static int gup_waiting_alone(void *arg)
{
	struct waiting_gup *w = arg;

	mmap_write_lock(w->box->mm);
	w->got = get_user_pages_remote(w->box->mm, AT(0), 2,
				       FOLL_WRITE | FOLL_UNLOCKABLE, NULL);
	w->exclusive = mmap_mode(w->box->mm) == MMAP_EXCLUSIVE;
	mmap_write_unlock(w->box->mm);
	return 0;
}

static int lock_waiting_alone(void *arg)
{
	struct waiting_gup *w = arg;

	mmap_write_lock(w->box->mm);
	w->got = lock_device_exclusive(w->box->mm, AT(0), &w->locked);
	w->exclusive = mmap_mode(w->box->mm) == MMAP_EXCLUSIVE;
	mmap_write_unlock(w->box->mm);
	return 0;
}

/* A look-up of a round that is alone drops mmap_lock to wait, and has it so again. */
static void wait_alone(struct ktest *test, int (*fn)(void *arg),
		       struct waiting_gup *w)
{
	struct page *pages[1];
	struct task *task;

	sandbox_map(w->box, AT(0), 2);
	EXPECT_EQ(sandbox_make_exclusive(w->box, AT(0), 1, pages, DEVICE_A), 1);
	REQUIRE(pages[0]);
	task = kthread_run(fn, w, "waits-alone");
	REQUIRE(!IS_ERR(task));
	ktest_wait_blocked(test, task);
	expect_mmap_lock_is_free(w->box);
	release_exclusive(pages, 1);
	kthread_join(task);
	EXPECT(w->exclusive);
}

KTEST(device_exclusive, a_gup_waits_without_mmap_lock_that_it_holds_for_writing)
{
	struct sandbox box;
	struct waiting_gup w = {.box = &box};

	REQUIRE(sandbox_open(&box, test));
	wait_alone(test, gup_waiting_alone, &w);
	EXPECT_EQ(w.got, 2L);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

KTEST(device_exclusive, a_driver_locks_a_page_without_mmap_lock)
{
	struct sandbox box;
	struct waiting_gup w = {.box = &box};
	int made;

	REQUIRE(sandbox_open(&box, test));
	wait_alone(test, lock_waiting_alone, &w);
	EXPECT_EQ(w.got, 0L);
	REQUIRE(w.locked);
	EXPECT(PageLocked(w.locked));
	/* The entry's and the driver's. */
	EXPECT_EQ(page_ref_count(w.locked), 2);
	mmap_read_lock(box.mm);
	made = sandbox_make_exclusive_locked(&box, AT(0), &w.locked, DEVICE_B);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(made, 1);
	EXPECT_EQ(page_ref_count(w.locked), 2);
	release_exclusive(&w.locked, 1);
	sandbox_close(&box);
}

/* The page that was locked is let go, and the call says that an event came between. */
KTEST(device_exclusive, a_locked_page_that_is_thrown_away_is_let_go)
{
	struct page *slot, *locked;
	struct sandbox box;
	int made;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	mmap_read_lock(box.mm);
	EXPECT_EQ(sandbox_lock_exclusive(&box, AT(0), &slot), 0);
	mmap_read_unlock(box.mm);
	REQUIRE(slot);
	locked = slot;
	get_page(locked);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	mmap_read_lock(box.mm);
	made = sandbox_make_exclusive_locked(&box, AT(0), &slot, DEVICE_A);
	mmap_read_unlock(box.mm);
	/* The other page's lock was free. */
	EXPECT_EQ(made, 1);
	EXPECT_NE(slot, locked);
	EXPECT(!PageLocked(locked));
	EXPECT_EQ(page_ref_count(locked), 1);
	put_page(locked);
	EXPECT_EQ(*device_word(slot), 7UL);
	release_exclusive(&slot, 1);
	sandbox_close(&box);
}
