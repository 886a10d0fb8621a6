// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/exclusive_loop_test.c - the loop of a driver that wants pages
 * for itself
 *
 * driver_rounds() is the loop of mm/notifier/rounds.h, with the steps that
 * include/mm/device/exclusive.h puts in it. driver_loop() is the same without a
 * bound. The driver here has an interval subscription over its run and notes what its
 * device would have. The tests count the passes of the loop and the events it starts;
 * no clock is asked.
 */
#include <arch/tlb.h>
#include <kernel/sched/mutex.h>
#include <lib/string.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/table/tlb.h>
#include "exclusive_fixture.h"

#define RUN 32

/**
 * struct driver - one device in one address space
 * @sub: over @pages from AT(0) on
 * @lock: the driver's lock
 * @pages: length of its run
 * @has: the page that the device has a translation of, by slot (lock)
 * @passes: how often the loop began
 * @events: events that reached it, its own EXCLUSIVE included
 */
struct driver {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	struct ktest *test;
	struct mm_struct *mm;
	unsigned long pages;
	struct page *has[RUN];
	unsigned int passes;
	atomic_t events[MMU_NOTIFY_EXCLUSIVE + 1];
};

static bool driver_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct driver *driver = container_of(sub, struct driver, sub);
	unsigned long i;

	atomic_inc(&driver->events[range->event]);
	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == driver)
		return true;
	mutex_lock(&driver->lock);
	mmu_interval_set_seq(sub, cur_seq);
	for (i = 0; i < driver->pages; i++) {
		if (AT(i) >= range->start && AT(i) < range->end)
			driver->has[i] = NULL;
	}
	mutex_unlock(&driver->lock);
	return true;
}

static const struct mmu_interval_notifier_ops driver_ops = {
	.invalidate = driver_invalidate,
};

/* A device-less driver that watches the first @pages pages of the sandbox. */
static void driver_begin(struct driver *driver, struct sandbox *box,
			 unsigned long pages)
{
	struct ktest *test = box->test;

	memset(driver, 0, sizeof(*driver));
	mutex_init(&driver->lock);
	driver->test = test;
	driver->mm = box->mm;
	driver->pages = pages;
	EXPECT_EQ(mmu_interval_notifier_insert(&driver->sub, box->mm, AT(0),
					       LEN(pages), &driver_ops),
		  0);
}

static void driver_end(struct driver *driver)
{
	mmu_interval_notifier_remove(&driver->sub);
}

static void driver_map(struct driver *driver, vaddr_t addr, struct page *page)
{
	struct ktest *test = driver->test;

	EXPECT(PageLocked(page));
	driver->has[(addr - AT(0)) >> PAGE_SHIFT] = page;
}

/* Without a bound, so it stops when the passes are too many. */
static int driver_loop(struct driver *driver)
{
	struct mmu_interval_notifier *sub = &driver->sub;
	const vaddr_t start = AT(0), end = AT(driver->pages);
	struct mm_struct *mm = driver->mm;
	struct page *pages[RUN];
	void *owner = driver;
	unsigned long seq;
	bool again;
	int i, n;

	driver->passes = 0;
	do {
		if (driver->passes++ == 100)
			return -EBUSY;
		seq = mmu_interval_read_begin(sub);
		mmap_read_lock(mm);
		n = make_device_exclusive_range(mm, start, end, pages, owner);
		mmap_read_unlock(mm);
		mutex_lock(&driver->lock);
		again = mmu_interval_read_retry(sub, seq);
		for (i = 0; i < n && !again; i++)
			driver_map(driver, start + i * PAGE_SIZE, pages[i]);
		mutex_unlock(&driver->lock);
		put_device_exclusive(pages, n);
	} while (again);
	return n;
}

/* Is the page faulted in and locked before the section? */
enum preparation {
	PREPARED,
	UNPREPARED,
};

/* The header's loop, and what becomes of it without its first step. */
static int driver_rounds(struct driver *driver, enum preparation preparation)
{
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&driver->sub);
	const vaddr_t start = AT(0), end = AT(driver->pages);
	struct mm_struct *mm = driver->mm;
	struct page *pages[RUN];
	bool again;
	int i, n;

	do {
		driver->passes = rounds.nr;
		n = mmu_interval_round_lock(&rounds);
		if (n)
			return n;
		if (preparation == PREPARED) {
			n = lock_device_exclusive(mm, start, &pages[0]);
			if (n) {
				mmu_interval_round_unlock(&rounds);
				return n;
			}
		}
		mmu_interval_round_begin(&rounds);
		n = preparation == PREPARED
			    ? make_device_exclusive_locked(mm, start, end,
							   pages, driver)
			    : make_device_exclusive_range(mm, start, end, pages,
							  driver);
		mmu_interval_round_looked_up(&rounds);
		mutex_lock(&driver->lock);
		again = mmu_interval_round_retry(&rounds);
		for (i = 0; i < n && !again; i++)
			driver_map(driver, start + i * PAGE_SIZE, pages[i]);
		mutex_unlock(&driver->lock);
		mmu_interval_round_unlock(&rounds);
		put_device_exclusive(pages, n);
	} while (again);
	driver->passes = rounds.nr;
	return n;
}

/* The device has these pages, as the entries have; no lock was forgotten. */
static void expect_had(struct driver *driver, struct sandbox *box,
		       unsigned long nr)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = 0; i < driver->pages; i++) {
		struct page *page = driver->has[i];

		EXPECT_EQ(page != NULL, i < nr);
		if (!page)
			continue;
		EXPECT(is_exclusive(box, AT(i)));
		EXPECT(!PageLocked(page));
		EXPECT_EQ(page_ref_count(page), 1);
	}
}

static int events(struct driver *driver, enum mmu_notifier_event event)
{
	return atomic_read(&driver->events[event]);
}

/* --- nobody else runs ------------------------------------------------------- */

/*
 *	another device has the page; then:
 *	loop				the other driver
 *	begin
 *	taken over: EXCLUSIVE(loop's)
 *					lets go
 *	retry: need not			(a CLEAR would have made it)
 */
KTEST(device_exclusive, a_page_of_another_device_is_had_in_one_pass,
      KT_RULES("R8.23"))
{
	struct driver one, other;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	driver_begin(&one, &box, 1);
	driver_begin(&other, &box, 1);
	EXPECT_EQ(driver_loop(&other), 1);
	EXPECT_EQ(driver_loop(&one), 1);
	EXPECT_EQ(one.passes, 1U);
	expect_had(&one, &box, 1);
	EXPECT_EQ(other.has[0], NULL);
	EXPECT_EQ(driver_rounds(&other, UNPREPARED), 1);
	EXPECT_EQ(other.passes, 1U);
	expect_had(&other, &box, 1);
	EXPECT_EQ(one.has[0], NULL);
	EXPECT_EQ(events(&one, MMU_NOTIFY_CLEAR), 0);
	EXPECT_EQ(events(&one, MMU_NOTIFY_EXCLUSIVE), 3);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 7UL);
	driver_end(&other);
	driver_end(&one);
	sandbox_close(&box);
}

/*
 * Many pages that the device has are had anew: one event, and no CPU is flushed,
 * for no CPU has had them meanwhile.
 */
KTEST(device_exclusive, a_run_that_is_exclusive_is_had_anew_by_one_event,
      KT_RULES("R8.2"))
{
	struct tlb_counters before, after;
	struct driver driver;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), RUN);
	for (i = 0; i < RUN; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	driver_begin(&driver, &box, RUN);
	EXPECT_EQ(driver_loop(&driver), RUN);
	tlb_read_counters(&before);
	EXPECT_EQ(driver_loop(&driver), RUN);
	tlb_read_counters(&after);
	EXPECT_EQ(driver.passes, 1U);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_EXCLUSIVE), 2);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_CLEAR), 0);
	EXPECT_EQ(after.flushes, before.flushes);
	expect_had(&driver, &box, RUN);
	/* Every second one is a CPU's again: those alone are exchanged. */
	for (i = 0; i < RUN; i += 2)
		EXPECT_EQ(sandbox_read(&box, AT(i)), i);
	EXPECT_EQ(driver_loop(&driver), RUN);
	EXPECT_EQ(driver.passes, 1U);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_EXCLUSIVE), 3);
	expect_had(&driver, &box, RUN);
	for (i = 0; i < RUN; i++)
		EXPECT_EQ(sandbox_read(&box, AT(i)), i);
	driver_end(&driver);
	sandbox_close(&box);
}

/*
 *	pass 1		the zero page is replaced (CLEAR), exclusive; collides
 *	pass 2		exclusive already: taken over
 *
 * A driver that faults the page in before the section needs the first alone.
 */
KTEST(device_exclusive, a_page_that_a_cpu_has_read_is_had_in_two_passes,
      KT_RULES("R8.23"))
{
	struct driver driver;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	driver_begin(&driver, &box, 1);
	EXPECT_EQ(driver_loop(&driver), 1);
	EXPECT_EQ(driver.passes, 2U);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_CLEAR), 1);
	expect_had(&driver, &box, 1);

	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(driver_rounds(&driver, PREPARED), 1);
	EXPECT_EQ(driver.passes, 1U);
	expect_had(&driver, &box, 1);
	driver_end(&driver);
	sandbox_close(&box);
}

/* Taking a page over needs the same rights as a write of the CPU. */
KTEST(device_exclusive, a_page_is_taken_over_only_where_a_write_is_allowed,
      KT_RULES("R8.2"))
{
	struct driver driver;
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	driver_begin(&driver, &box, 1);
	EXPECT_EQ(driver_loop(&driver), 1);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(driver_loop(&driver), -EFAULT);
	pte = sandbox_pte(&box, AT(0));
	EXPECT_EQ(swp_type(pte_to_swp_entry(pte)), SWP_DEVICE_EXCLUSIVE_READ);
	/* The right to write is back, and with it the entry's type. */
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), RW), 0);
	EXPECT_EQ(driver_loop(&driver), 1);
	EXPECT_EQ(driver.passes, 1U);
	pte = sandbox_pte(&box, AT(0));
	EXPECT_EQ(swp_type(pte_to_swp_entry(pte)), SWP_DEVICE_EXCLUSIVE_WRITE);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_CLEAR), 0);
	expect_had(&driver, &box, 1);
	driver_end(&driver);
	sandbox_close(&box);
}

/*
 * The device writes without a fault, so taking over is when the write is noted.
 * A page that a user's handler protects is restored first, as by a CPU's write.
 */
KTEST(device_exclusive, taking_over_is_noted_as_a_write, KT_RULES("R1.21 R8.2"))
{
	struct driver driver;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	driver_begin(&driver, &box, 1);
	EXPECT_EQ(driver_loop(&driver), 1);
	sandbox_set_pte(&box, AT(0),
			swp_entry_to_pte(make_writable_device_exclusive_entry(
				page_to_pfn(driver.has[0]))));
	EXPECT_EQ(driver_loop(&driver), 1);
	EXPECT(pte_swp_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(events(&driver, MMU_NOTIFY_CLEAR), 0);

	sandbox_set_pte(&box, AT(0), pte_swp_mkuffd_wp(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(driver_loop(&driver), 1);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_CLEAR), 1);
	expect_had(&driver, &box, 1);
	driver_end(&driver);
	sandbox_close(&box);
}

/* --- one change at a chosen place ------------------------------------------- */

static void stop_in_exclusive(struct sandbox *box, const struct seen_event *event)
{
	struct stopped_event *stop = box->hook_arg;

	if (stop->done || event->event != MMU_NOTIFY_EXCLUSIVE)
		return;
	stop->done = true;
	step_signal(&stop->step, 1);
	step_wait(&stop->step, 2);
}

static int run_loop(void *arg)
{
	return driver_loop(arg);
}

/* The loop, stopped in its first EXCLUSIVE while one page is thrown away. */
static int loop_beside_dontneed(struct driver *driver, struct sandbox *box,
				vaddr_t addr)
{
	struct stopped_event stop = {.done = false};
	struct ktest *test = box->test;
	struct task *task;
	int ret;

	step_init(&stop.step, test);
	box->hook_arg = &stop;
	box->hook = stop_in_exclusive;
	task = kthread_run(run_loop, driver, "driver");
	if (step_wait(&stop.step, 1))
		stop.done = true;
	EXPECT_EQ(madvise_dontneed(box->mm, addr, PAGE_SIZE), 0);
	step_signal(&stop.step, 2);
	ret = kthread_join(task);
	box->hook = NULL;
	return ret;
}

/*
 *	pages		0 1
 *	watched		[-]
 *	had		x	pass 1
 *	thrown away	  x	a change like any other: pass 1 collides
 *	had		x	pass 2: exclusive already, no event of its own
 */
KTEST(device_exclusive, after_a_collision_ones_own_page_is_had_in_the_next_pass,
      KT_RULES("R8.23"))
{
	struct driver driver;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	driver_begin(&driver, &box, 2);
	driver.pages = 1;
	EXPECT_EQ(loop_beside_dontneed(&driver, &box, AT(1)), 1);
	EXPECT_EQ(driver.passes, 2U);
	EXPECT_EQ(events(&driver, MMU_NOTIFY_CLEAR), 1);
	expect_had(&driver, &box, 1);
	driver_end(&driver);
	sandbox_close(&box);
}

/*
 *	pages		0 1 2 3
 *	found, locked	x x x x
 *	thrown away	x		during EXCLUSIVE
 *	had				pass 1: nothing, and nothing is locked
 *	had		x x x x		pass 2
 */
KTEST(device_exclusive, a_first_page_thrown_away_meanwhile_forgets_no_lock,
      KT_RULES("R8.5"))
{
	struct driver driver;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	driver_begin(&driver, &box, 4);
	EXPECT_EQ(loop_beside_dontneed(&driver, &box, AT(0)), 4);
	EXPECT_EQ(driver.passes, 2U);
	expect_had(&driver, &box, 4);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 3UL);
	driver_end(&driver);
	sandbox_close(&box);
}

/* The same of a page in the middle, and of the slots that the call leaves. */
KTEST(device_exclusive, a_run_ends_before_a_page_that_was_thrown_away,
      KT_RULES("R8.4"))
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[4] = {mark, mark, mark, mark};
	struct page *before[4];
	struct driver driver;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	for (i = 0; i < 4; i++)
		before[i] = pfn_to_page(pte_pfn(sandbox_pte(&box, AT(i))));
	driver_begin(&driver, &box, 4);
	EXPECT_EQ(loop_beside_dontneed(&driver, &box, AT(2)), 4);
	EXPECT_EQ(driver.passes, 2U);
	expect_had(&driver, &box, 4);
	/* Page 3 was cut off in pass 1, and is the one that it was. */
	EXPECT_EQ(driver.has[3], before[3]);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 4, pages, DEVICE_A), 4);
	put_device_exclusive(pages, 4);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(pages[i], NULL);
	put_device_exclusive(pages, 0);
	put_device_exclusive(pages, -EFAULT);
	driver_end(&driver);
	sandbox_close(&box);
}

/*
 *	pages from the end of user space	-3 -2 -1 | 0
 *	mapped					[      ] |
 *	asked for				[------------- ...
 */
KTEST(device_exclusive, the_end_of_user_space_ends_the_run, KT_RULES("R8.3"))
{
	struct page *pages[8];
	struct sandbox box;
	int made;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, USER_END - LEN(3), 3);
	made = sandbox_make_exclusive(&box, USER_END - LEN(3), 8, pages,
				      DEVICE_A);
	EXPECT_EQ(made, 3);
	EXPECT(pages[0] && pages[1] && pages[2]);
	EXPECT_EQ(pages[3], NULL);
	EXPECT_EQ(pages[7], NULL);
	put_device_exclusive(pages, made);
	EXPECT_EQ(sandbox_make_exclusive(&box, USER_END, 1, pages, DEVICE_A),
		  -EFAULT);
	sandbox_close(&box);
}

/*
 *	page	0	1	writable, both
 *	slot	0	1	the page of 1, as another run may have left it
 *	run	[---]
 */
KTEST(device_exclusive, a_run_ends_where_it_was_told_whatever_is_in_the_next_slot)
{
	struct page *pages[2], *next;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	next = pfn_to_page(pte_pfn(sandbox_pte(&box, AT(1))));
	pages[1] = next;
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, pages, DEVICE_A), 1);
	EXPECT(is_exclusive(&box, AT(0)));
	EXPECT(pte_present(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(pages[1], next);
	release_exclusive(pages, 1);
	EXPECT_EQ(pages[1], next);
	sandbox_close(&box);
}
