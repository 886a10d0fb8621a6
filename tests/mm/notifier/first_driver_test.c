// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/first_driver_test.c - the smallest driver that is right
 *
 * Problem.  A reader of docs/first-driver.md wants to see a whole driver, and to
 * believe that it works.
 *
 * Idea.  The first part of this file is the driver. Its device is an array: what
 * stands in it is what the device can reach. scripts/quote.py copies the parts of the
 * driver into the document. The second part changes the mapping by the operations of
 * mm/ and compares the array with the page table.
 *
 *	field		read with	written with
 *	->pfn		->lock		->lock; the tests read it at rest
 *	->start		constant	first_subscribe()
 *
 * The race it must win, in a_change_after_the_look_up_makes_another_round():
 *
 *	first_fault()			madvise_dontneed()
 *	round_begin(); page p found
 *					start: first_invalidate() notes the number
 *					entry emptied, p freed; end
 *	lock; round_retry() -> true
 *	another round			(p must not be installed)
 *
 * Lifetime.  The subscription holds the mm struct from first_subscribe() to
 * first_remove(). The caller of first_fault() is a user of the mm.
 *
 * Not here: exclusive access (tests/mm/device/exclusive_loop_test.c), a device that
 * has to be waited for (drivers/peer/), translations for reading only.
 */
#include <kernel/sched/mutex.h>
#include <kernel/trace.h>
#include <lib/string.h>
#include <mm/fault/gup.h>
#include <mm/page/page.h>

#include "tests/mm/lib/sandbox.h"

/* --- the driver ------------------------------------------------------------- */

#define FIRST_PAGES 4

/**
 * struct first_driver - a device that reaches FIRST_PAGES pages, from @start on
 * @sub: the subscription to these addresses
 * @lock: the driver's lock
 * @start: (c) the first address
 * @pfn: (l) the device's translations: a frame for each page; 0: none
 *
 * Keys: (c) constant, (l) under @lock.
 */
struct first_driver {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	vaddr_t start;
	pfn_t pfn[FIRST_PAGES];
};

/* The mapping of [range->start, range->end) is about to change. */
static bool first_invalidate(struct mmu_interval_notifier *sub,
			     const struct mmu_notifier_range *range,
			     unsigned long cur_seq)
{
	struct first_driver *driver = container_of(sub, struct first_driver, sub);
	vaddr_t addr = driver->start;
	unsigned int i;

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&driver->lock);
	else if (!mutex_trylock(&driver->lock))
		return false;
	mmu_interval_set_seq(sub, cur_seq);
	for (i = 0; i < FIRST_PAGES; i++, addr += PAGE_SIZE) {
		if (addr + PAGE_SIZE <= range->start || addr >= range->end ||
		    !driver->pfn[i])
			continue;
		/* The device may have written to it; no CPU's entry shows that. */
		SetPageDirty(pfn_to_page(driver->pfn[i]));
		driver->pfn[i] = 0;
	}
	mutex_unlock(&driver->lock);
	return true;
}

static const struct mmu_interval_notifier_ops first_ops = {
	.invalidate = first_invalidate,
};

static int first_subscribe(struct first_driver *driver, struct mm_struct *mm,
			   vaddr_t start)
{
	mutex_init(&driver->lock);
	driver->start = start;
	return mmu_interval_notifier_insert(&driver->sub, mm, start,
					    FIRST_PAGES * PAGE_SIZE, &first_ops);
}

/* mmap_lock is held. Faults, which change the mapping, come before the section. */
static int first_look_up(struct first_driver *driver, vaddr_t addr,
			 struct mmu_interval_rounds *rounds, struct page **page)
{
	struct mm_struct *mm = driver->sub.mm;
	const unsigned int flags = FOLL_WRITE | FOLL_UNLOCKABLE;
	long got = get_user_pages_remote(mm, addr, 1, flags, NULL);

	if (got == 1) {
		mmu_interval_round_begin(rounds);
		got = get_user_pages_remote(mm, addr, 1, flags | FOLL_GET, page);
	}
	mmu_interval_round_looked_up(rounds);
	return got == 1 ? 0 : -EFAULT;
}

/* Return: true if the page has changed since the section began. */
static bool first_install(struct first_driver *driver, vaddr_t addr,
			  struct mmu_interval_rounds *rounds, struct page *page)
{
	bool again;

	mutex_lock(&driver->lock);
	again = mmu_interval_round_retry(rounds);
	if (!again)
		driver->pfn[(addr - driver->start) >> PAGE_SHIFT] =
			page_to_pfn(page);
	mutex_unlock(&driver->lock);
	put_page(page);
	return again;
}

/* The device missed @addr: find the page and install a translation. */
static int first_fault(struct first_driver *driver, vaddr_t addr)
{
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&driver->sub);
	struct page *page;
	bool again;
	int err;

	do {
		err = mmu_interval_round_lock(&rounds);
		if (err)
			return err;
		err = first_look_up(driver, addr, &rounds, &page);
		again = !err && first_install(driver, addr, &rounds, page);
		mmu_interval_round_unlock(&rounds);
	} while (again);
	return err;
}

static void first_remove(struct first_driver *driver)
{
	mmu_interval_notifier_remove(&driver->sub);
}

/* --- its tests -------------------------------------------------------------- */

static void remove_driver(void *arg)
{
	first_remove(arg);
}

/* A sandbox with FIRST_PAGES pages at BASE, and the driver subscribed to them. */
static struct first_driver *driver_new_in(struct ktest *test,
					  struct sandbox **box,
					  enum sandbox_watch watch)
{
	struct first_driver *driver = ktest_alloc(test, sizeof(*driver));

	*box = sandbox_new(test, watch);
	sandbox_map(*box, BASE, FIRST_PAGES);
	EXPECT_EQ(first_subscribe(driver, (*box)->mm, BASE), 0);
	ktest_cleanup(test, remove_driver, driver);
	return driver;
}

static struct first_driver *driver_new(struct ktest *test, struct sandbox **box)
{
	return driver_new_in(test, box, SANDBOX_UNOBSERVED);
}

/* The device reaches exactly what the page table says. */
static void expect_installed(struct ktest *test, struct first_driver *driver,
			     struct sandbox *box, unsigned int page)
{
	EXPECT_NE(driver->pfn[page], 0UL);
	EXPECT_EQ(driver->pfn[page], pte_pfn(sandbox_pte(box, AT(page))));
}

/*
 *	pages	0 1 2 3
 *	munmap	  ---
 */
KTEST(first_driver, munmap_takes_its_translations_and_leaves_their_neighbours,
      KT_RULES("R1.17 R1.25"))
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);
	unsigned int i;

	for (i = 0; i < FIRST_PAGES; i++) {
		EXPECT_EQ(first_fault(driver, AT(i)), 0);
		expect_installed(test, driver, box, i);
	}
	EXPECT_EQ(do_munmap(box->mm, AT(1), 2 * PAGE_SIZE), 0);
	EXPECT_EQ(driver->pfn[1], 0UL);
	EXPECT_EQ(driver->pfn[2], 0UL);
	expect_installed(test, driver, box, 0);
	expect_installed(test, driver, box, 3);
	EXPECT_EQ(first_fault(driver, AT(1)), -EFAULT);
}

KTEST(first_driver, dontneed_takes_the_page_and_the_next_fault_installs_another,
      KT_RULES("R1.18 R1.25"))
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);

	EXPECT_EQ(user_poke(AT(0), 5), 0);
	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	EXPECT_EQ(madvise_dontneed(box->mm, AT(0), PAGE_SIZE), 0);
	EXPECT_EQ(driver->pfn[0], 0UL);
	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	expect_installed(test, driver, box, 0);
	EXPECT_EQ(sandbox_read(box, AT(0)), 0UL);
}

KTEST(first_driver, mprotect_takes_the_page_until_writing_is_allowed_again,
      KT_RULES("R1.25"))
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);

	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	EXPECT_EQ(do_mprotect(box->mm, AT(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(driver->pfn[0], 0UL);
	EXPECT_EQ(first_fault(driver, AT(0)), -EFAULT);
	EXPECT_EQ(do_mprotect(box->mm, AT(0), PAGE_SIZE, PROT_READ | PROT_WRITE),
		  0);
	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	expect_installed(test, driver, box, 0);
}

/* The last user leaves while the driver is subscribed: it is removed afterwards. */
KTEST(first_driver, exit_takes_every_translation, KT_RULES("R1.22 R4.16"))
{
	struct first_driver *driver = ktest_alloc(test, sizeof(*driver));
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, BASE, FIRST_PAGES);
	EXPECT_EQ(first_subscribe(driver, box.mm, BASE), 0);
	for (i = 0; i < FIRST_PAGES; i++)
		EXPECT_EQ(first_fault(driver, AT(i)), 0);
	sandbox_close(&box);
	for (i = 0; i < FIRST_PAGES; i++)
		EXPECT_EQ(driver->pfn[i], 0UL);
	first_remove(driver);
}

/* mprotect changes rights alone: the page stays, and so does its mark. */
KTEST(first_driver, a_page_that_the_device_could_write_is_marked_dirty,
      KT_RULES("R8.14"))
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);
	struct page *page;

	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	page = pfn_to_page(driver->pfn[0]);
	EXPECT(!PageDirty(page));
	EXPECT_EQ(do_mprotect(box->mm, AT(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(pte_pfn(sandbox_pte(box, AT(0))), page_to_pfn(page));
	EXPECT(PageDirty(page));
}

/*
 *	pages	0 1 2 3 4
 *	driver	[-------]
 *	change		  -
 */
KTEST(first_driver, a_change_outside_its_interval_leaves_it_alone)
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);

	sandbox_map(box, AT(4), 1);
	EXPECT_EQ(user_poke(AT(4), 1), 0);
	EXPECT_EQ(first_fault(driver, AT(3)), 0);
	EXPECT_EQ(madvise_dontneed(box->mm, AT(4), PAGE_SIZE), 0);
	expect_installed(test, driver, box, 3);
}

/* Start and end without sleeping, as a thread that takes memory from others does. */
static int unmap_without_sleeping(void *arg)
{
	struct mm_struct *mm = arg;
	struct mmu_notifier_range range;
	int err;

	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, NULL, mm, AT(0),
				AT(1));
	mmap_read_lock(mm);
	err = mmu_notifier_invalidate_range_start_nonblock(&range);
	if (!err)
		mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(mm);
	return err;
}

/*
 *	driver				another thread
 *	holds its lock
 *					start, may not sleep: first_invalidate()
 *					refuses, -EAGAIN: nothing may change
 */
KTEST(first_driver, a_change_that_may_not_sleep_is_refused_while_the_lock_is_held,
      KT_RULES("R4.22"))
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);
	struct task *task;

	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	task = kthread_create(unmap_without_sleeping, box->mm, "nonblock");
	REQUIRE(!IS_ERR(task));
	mutex_lock(&driver->lock);
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), -EAGAIN);
	mutex_unlock(&driver->lock);
	expect_installed(test, driver, box, 0);
	EXPECT_EQ(unmap_without_sleeping(box->mm), 0);
	EXPECT_EQ(driver->pfn[0], 0UL);
}

/* One round of first_fault(), with a change between its look-up and its end. */
static bool round_with_a_change(struct ktest *test, struct first_driver *driver,
				struct sandbox *box,
				struct mmu_interval_rounds *rounds)
{
	struct page *page;
	bool again;

	EXPECT_EQ(mmu_interval_round_lock(rounds), 0);
	EXPECT_EQ(first_look_up(driver, AT(0), rounds, &page), 0);
	EXPECT_EQ(madvise_dontneed(box->mm, AT(0), PAGE_SIZE), 0);
	again = first_install(driver, AT(0), rounds, page);
	mmu_interval_round_unlock(rounds);
	return again;
}

KTEST(first_driver, a_change_after_the_look_up_makes_another_round,
      KT_RULES("R4.18 R4.21 R4.22"))
{
	struct sandbox *box;
	struct first_driver *driver = driver_new(test, &box);
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&driver->sub);

	EXPECT(round_with_a_change(test, driver, box, &rounds));
	EXPECT_EQ(driver->pfn[0], 0UL);
	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	expect_installed(test, driver, box, 0);
}

/* --- its trace -------------------------------------------------------------- */

/* Records of the story below; docs/first-driver.md shows the same. */
static const char *const story[][2] = {
	{"mmu_notifier_start", "CLEAR"},    {"mmu_notifier_called", "CLEAR"},
	{"mmu_notifier_started", "CLEAR"},  {"mmu_notifier_end", "CLEAR"},
	{"mmu_interval_collided", "CLEAR"}, {"mmu_notifier_start", "UNMAP"},
	{"mmu_notifier_called", "UNMAP"},   {"mmu_notifier_started", "UNMAP"},
	{"mmu_notifier_end", "UNMAP"},
};

#define RECORDS 32
static struct trace_record records[RECORDS];

/* A round that collides with DONTNEED, one that does not, munmap. */
KTEST(first_driver, its_trace_names_each_change_and_the_round_that_collided)
{
	struct sandbox *box;
	struct first_driver *driver = driver_new_in(test, &box, SANDBOX_ALONE);
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&driver->sub);
	unsigned int n, i, at = 0;

	trace_clear();
	EXPECT(round_with_a_change(test, driver, box, &rounds));
	EXPECT_EQ(first_fault(driver, AT(0)), 0);
	EXPECT_EQ(do_munmap(box->mm, AT(0), FIRST_PAGES * PAGE_SIZE), 0);
	n = trace_read_last(records, RECORDS);
	for (i = 0; i < n; i++) {
		if (records[i].pid != current->pid ||
		    strncmp(records[i].event->name, "mmu_", 4))
			continue;
		REQUIRE_LT(at, (unsigned int)ARRAY_SIZE(story));
		EXPECT_STREQ(records[i].event->name, story[at][0]);
		EXPECT_STREQ((const char *)records[i].args[1], story[at][1]);
		at++;
	}
	EXPECT_EQ(at, (unsigned int)ARRAY_SIZE(story));
}
