// SPDX-License-Identifier: MIT
/*
 * tests/explore/race_page.c - the lock of a page: one holder, nobody forgotten or starved
 *
 * Drawn in mm/page/wait.c. Each scenario has the name of the test in which the kernel
 * forces the same race.
 */
#include <mm/alloc/page_alloc.h>

#include "explore.h"
#include "machine.h"

static struct page *page;
static unsigned int holders, lost;
static bool waited;

static void hold(void)
{
	explore_check(!holders++, "two threads hold the lock of a page");
	explore_point("holds the page's lock");
	holders--;
}

static void lock_and_hold(void *arg)
{
	lock_page(page);
	hold();
	unlock_page(page);
}

static void setup_page(void)
{
	page = alloc_page(GFP_KERNEL);
	holders = lost = 0;
	waited = false;
}

static void finish_page(void)
{
	explore_check(!PageLocked(page), "the page is locked still");
	put_page(page);
}

static void setup_contended(void)
{
	setup_page();
	explore_thread("waiter", lock_and_hold, NULL);
	explore_thread("waiter", lock_and_hold, NULL);
	explore_thread("waiter", lock_and_hold, NULL);
}

SCENARIO(contended_lock_excludes_and_wakes_everyone, setup_contended,
	 finish_page);

/* One lock more than passes: between the mark of a waiter and its first look. */
static void lock_in_a_loop(void *arg)
{
	for (unsigned int i = 0; i < PAGE_LOCK_PASSES + 4; i++) {
		lock_page(page);
		lost += !waited && PageWaiters(page);
		explore_check(lost <= PAGE_LOCK_PASSES + 1,
			      "the loop has passed a waiter %u times", lost);
		hold();
		unlock_page(page);
	}
}

static void wait_once(void *arg)
{
	lock_page(page);
	waited = true;
	hold();
	unlock_page(page);
}

static void setup_loop(void)
{
	setup_page();
	explore_thread("waiter", wait_once, NULL);
	explore_thread("loop", lock_in_a_loop, NULL);
}

SCENARIO(a_loop_of_locks_passes_a_waiter_only_a_few_times, setup_loop,
	 finish_page);
