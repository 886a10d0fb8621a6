// SPDX-License-Identifier: MIT
/*
 * tests/explore/race_exclusive.c - races of exclusive access, faults and zaps
 *
 * All of it is the kernel's own: page tables, faults, madvise_dontneed(), the loop of
 * include/mm/device/exclusive.h. The device adds to a word by a load, a computation and
 * a store. Its callback waits for an add that is under way, because both hold the
 * driver's lock.
 *
 * Drawn in mm/device/exclusive.c, mm/table/tlb.c, mm/fault/ and
 * docs/races.md, with the same names below.
 */
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/space/mm.h>

#include "explore.h"
#include "machine.h"

#define PAGES 2

/* Keys: (l) under @lock. */
struct device {
	struct mmu_interval_notifier sub;
	struct spinlock lock;
	u64 *word; /* (l) its translation: the word at the page's beginning */
};

static struct mm_struct *mm;
static struct device *device;
static struct page *granted; /* a page that stays locked for the device */

static vaddr_t at(unsigned int page)
{
	return USER_START + page * PAGE_SIZE;
}

/* --- the device and its driver ----------------------------------------------- */

static bool invalidate(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq)
{
	struct device *its = container_of(sub, struct device, sub);

	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == its)
		return true;
	spin_lock(&its->lock);
	mmu_interval_set_seq(sub, cur_seq);
	its->word = NULL;
	spin_unlock(&its->lock);
	return true;
}

static const struct mmu_interval_notifier_ops ops = {.invalidate = invalidate};

static bool add_by_translation(void)
{
	u64 loaded;

	if (!device->word)
		return false;
	loaded = *device->word;
	explore_point("device: has loaded, computes");
	*device->word = loaded + 1;
	return true;
}

/* The driver's loop: until the device has added once. */
static void device_add(void *arg)
{
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&device->sub);
	struct page *page;
	bool added;
	int nr;

	do {
		explore_check(!mmu_interval_round_lock(&rounds),
			      "no round is left");
		get_user_pages_remote(mm, at(0), 1, FOLL_WRITE | FOLL_TAKE_OVER,
				      NULL);
		mmu_interval_round_begin(&rounds);
		nr = make_device_exclusive_range(mm, at(0), at(1), &page, device);
		mmu_interval_round_looked_up(&rounds);
		spin_lock(&device->lock);
		if (!mmu_interval_round_retry(&rounds) && nr == 1)
			device->word = page_address(page);
		added = add_by_translation();
		spin_unlock(&device->lock);
		mmu_interval_round_unlock(&rounds);
		put_device_exclusive(&page, nr);
	} while (!added);
}

/* Make the first pages exclusive, for no use. */
static void make(void *arg)
{
	struct page *pages[PAGES];
	int nr;

	mmap_read_lock(mm);
	nr = make_device_exclusive_range(mm, at(0), at(PAGES), pages, device);
	mmap_read_unlock(mm);
	explore_check(nr >= 0, "make_device_exclusive_range(): %d", nr);
	put_device_exclusive(pages, nr);
}

/* --- programs ---------------------------------------------------------------- */

static void add(void *arg)
{
	cpu_add(mm, at(0), 1);
}

static void load(void *arg)
{
	cpu_load(mm, at(0));
}

static void dontneed(void *arg)
{
	madvise_dontneed(mm, at(0), PAGE_SIZE);
}

/* A thread does not read again the contents that it has thrown away. */
static void dontneed_and_load(void *arg)
{
	u64 found;

	cpu_load(mm, at(0));
	madvise_dontneed(mm, at(0), PAGE_SIZE);
	found = cpu_load(mm, at(0));
	explore_check(!found,
		      "stale: a CPU reads %lu from the page thrown away", found);
}

static void dontneed_and_add(void *arg)
{
	dontneed(arg);
	add(arg);
}

/* --- each scenario ------------------------------------------------------------- */

static void setup_space(void)
{
	mm = mm_alloc();
	explore_check(
		do_mmap(mm, at(0), PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) == (long)at(0),
		"no room for a mapping");
	use_mm(mm);
	device = explore_alloc(sizeof(*device));
	explore_check(!mmu_interval_notifier_insert(&device->sub, mm, at(0),
						    PAGES * PAGE_SIZE, &ops),
		      "insert");
}

/* Both pages are there and written; the first has a 1. */
static void setup_pages(void)
{
	setup_space();
	cpu_add(mm, at(0), 1);
	cpu_add(mm, at(1), 1);
}

static void thread(const char *name, void (*body)(void *arg))
{
	explore_thread(name, body, NULL);
}

static void finish(void)
{
	mmu_interval_notifier_remove(&device->sub);
	explore_free(device);
	mmput(mm);
	explore_check(!frames_in_use(), "%u frames are left", frames_in_use());
}

static void finish_sum(u64 expected)
{
	u64 found = cpu_load(mm, at(0));

	explore_check(found == expected,
		      "lost update: the word is %lu, not %lu", found, expected);
	finish();
}

/* The device adds twice, CPUs twice, to a word that is 1. */
static void device_adds(void *arg)
{
	device_add(arg);
	device_add(arg);
}

static void adds(void *arg)
{
	add(arg);
	add(arg);
}

static void setup_adds(void)
{
	setup_pages();
	thread("device", device_adds);
	thread("CPU", adds);
}

static void finish_adds(void)
{
	finish_sum(5);
}

SCENARIO(adds_of_a_cpu_and_a_device_lose_none, setup_adds, finish_adds);

static void setup_batched_flush(void)
{
	setup_pages();
	thread("make_device_exclusive_range()", make);
	thread("madvise_dontneed()", dontneed_and_load);
}

SCENARIO(dontneed_during_a_batched_flush_flushes_for_itself,
	 setup_batched_flush, finish);

static void setup_restore(void)
{
	setup_pages();
	make(NULL);
	thread("fault", load);
	thread("madvise_dontneed()", dontneed);
}

SCENARIO(a_restore_that_lost_to_dontneed_leaves_the_entry_empty, setup_restore,
	 finish);

static void put_granted(void *arg)
{
	put_device_exclusive(&granted, 1);
}

static void setup_waiting_fault(void)
{
	setup_pages();
	mmap_read_lock(mm);
	explore_check(make_device_exclusive_range(mm, at(0), at(1), &granted,
						  device) == 1,
		      "the page is not exclusive");
	mmap_read_unlock(mm);
	thread("fault", load);
	thread("madvise_dontneed()", dontneed);
	thread("driver", put_granted);
}

SCENARIO(a_fault_that_waits_for_a_page_holds_it, setup_waiting_fault, finish);

static void setup_changed_page(void)
{
	setup_pages();
	thread("make_device_exclusive_range()", make);
	thread("dontneed, then a write", dontneed_and_add);
}

SCENARIO(a_page_that_changed_before_the_exchange_is_given_up,
	 setup_changed_page, finish);

static void setup_run(void)
{
	setup_pages();
	thread("driver", make);
	thread("dontneed of page 0", dontneed);
}

SCENARIO(a_first_page_thrown_away_meanwhile_forgets_no_lock, setup_run, finish);

/* Two drivers whose runs overlap: each page belongs to one of them at a time. */
static unsigned int held[PAGES];

static void make_and_hold(unsigned int first)
{
	struct page *pages[PAGES];
	int nr, i;

	mmap_read_lock(mm);
	nr = make_device_exclusive_range(mm, at(first), at(PAGES), pages, device);
	mmap_read_unlock(mm);
	explore_check(nr >= 0, "make_device_exclusive_range(): %d", nr);
	for (i = 0; i < nr; i++)
		explore_check(!held[first + i]++, "two drivers hold page %d",
			      first + i);
	explore_point("driver: holds its run");
	for (i = 0; i < nr; i++)
		held[first + i]--;
	put_device_exclusive(pages, nr);
}

static void hold_all(void *arg)
{
	make_and_hold(0);
}

static void hold_last(void *arg)
{
	make_and_hold(PAGES - 1);
}

static void setup_overlapping_runs(void)
{
	setup_pages();
	memset(held, 0, sizeof(held));
	thread("driver", hold_all);
	thread("another driver", hold_last);
}

SCENARIO(overlapping_runs_of_two_drivers_share_no_page, setup_overlapping_runs,
	 finish);

static void setup_two_dontneed(void)
{
	setup_pages();
	thread("dontneed", dontneed);
	thread("dontneed of the same page", dontneed_and_load);
}

SCENARIO(dontneed_that_finds_nothing_flushes_what_another_emptied,
	 setup_two_dontneed, finish);

static void setup_first_writes(void)
{
	setup_space();
	thread("CPU 0", add);
	thread("CPU 1", add);
}

static void finish_first_writes(void)
{
	finish_sum(2);
}

SCENARIO(two_first_writes_install_one_page, setup_first_writes,
	 finish_first_writes);
/* The same threads: neither finds a table. */
SCENARIO(threads_that_race_for_a_table_share_one, setup_first_writes,
	 finish_first_writes);

/* A thread that holds a page uses it, while another throws it away. */
static void hold_and_use(void *arg)
{
	struct page *held;
	u64 *word;

	mmap_read_lock(mm);
	explore_check(get_user_pages_remote(mm, at(0), 1, FOLL_WRITE | FOLL_GET,
					    &held) == 1,
		      "no page to hold");
	mmap_read_unlock(mm);
	word = page_address(held);
	explore_point("uses the page");
	++*word;
	put_page(held);
}

static void setup_held(void)
{
	setup_pages();
	thread("get_user_pages_remote()", hold_and_use);
	thread("madvise_dontneed()", dontneed);
}

SCENARIO(pages_are_held_before_another_can_throw_them_away, setup_held, finish);

/*
 * A device that walks the tables itself and remembers what it found. Its callback waits
 * for a walk that is under way.
 */
static struct {
	struct mmu_notifier sub;
	struct spinlock walks;
	u64 *word;
} walker;

static void forget(struct mmu_notifier *sub, struct mm_struct *its_mm,
		   unsigned long start, unsigned long end)
{
	spin_lock(&walker.walks);
	walker.word = NULL;
	spin_unlock(&walker.walks);
}

static const struct mmu_notifier_ops walker_ops = {.invalidate_range = forget};

static void walk_and_use(void)
{
	spin_lock(&walker.walks);
	if (!walker.word)
		walker.word = walk_tables(mm, at(0));
	explore_point("device: has a translation");
	if (walker.word)
		++*walker.word;
	spin_unlock(&walker.walks);
}

static void walk_twice(void *arg)
{
	walk_and_use();
	walk_and_use();
}

static void unmap(void *arg)
{
	do_munmap(mm, at(0), PAGES * PAGE_SIZE);
}

static void setup_walker(void)
{
	setup_pages();
	memset(&walker, 0, sizeof(walker));
	walker.sub.ops = &walker_ops;
	explore_check(!mmu_notifier_register(&walker.sub, mm), "register");
	thread("munmap", unmap);
	thread("device's walk", walk_twice);
}

static void finish_walker(void)
{
	walk_and_use();
	mmu_notifier_unregister(&walker.sub, mm);
	finish();
}

SCENARIO(munmap_tells_it_before_the_pages_are_free, setup_walker, finish_walker);

/*
 * One thread writes, and then signals another, whose processor remembers the page. If
 * the write went to a fresh page, the other must not go on with the old one.
 */
static bool signalled;

static void add_and_signal(void *arg)
{
	cpu_add(mm, at(0), 10);
	smp_mb();
	signalled = true;
}

static bool is_signalled(void *arg)
{
	return signalled;
}

static void load_when_signalled(void *arg)
{
	u64 found;

	load(arg);
	explore_until("waits for the signal", is_signalled, NULL);
	found = cpu_load(mm, at(0));
	explore_check(found != 1, "stale: a write is not seen behind its signal");
}

static void setup_unflushed(void)
{
	setup_pages();
	signalled = false;
	thread("dontneed", dontneed);
	thread("writes, signals", add_and_signal);
	thread("reads behind the signal", load_when_signalled);
}

SCENARIO(a_fault_over_an_entry_not_yet_flushed_flushes_it_first,
	 setup_unflushed, finish);
