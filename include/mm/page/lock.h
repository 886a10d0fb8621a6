/* SPDX-License-Identifier: MIT */
/*
 * include/mm/page/lock.h - the lock of a page
 *
 * Include <mm/page/page.h>. How a thread waits is in mm/page/page.c.
 */
#ifndef MM_PAGE_LOCK_H
#define MM_PAGE_LOCK_H

#include <kernel/lock/lockdep.h>
#include <mm/page/page.h>

void __lock_page(struct page *page);
int __lock_page_killable(struct page *page);
void __wait_on_page_locked(struct page *page);
void __unlock_page_waiters(struct page *page);

/* To the lock validator all page locks are this one. */
DECLARE_LOCKDEP_MAP(page_lock_map);

/*
 * One thread may lock the page and another unlock it. So the validator learns
 * the order where a thread may wait, and not which thread holds the lock.
 */
static __always_inline void page_lock_may_wait(void)
{
	might_sleep();
	lock_map_acquire(&page_lock_map);
	lock_map_release(&page_lock_map);
}

/**
 * trylock_page() - take the page lock if it is free
 * @page: a page the caller has a reference to
 *
 * Context: any thread context; never sleeps.
 * Return: true if the caller has the lock now.
 */
static __always_inline bool trylock_page(struct page *page)
{
	return !test_and_set_bit(PG_locked, &page->flags);
}

/**
 * lock_page() - take the page lock
 * @page: a page the caller has a reference to
 *
 * The lock orders changes of a page's use: making it exclusive, restoring it,
 * migrating it.  Its holder may sleep, and it may be released
 * by another thread than the one that took it.
 *
 * Context: may sleep; no spinlock held. Wait for the first of several page
 *	    locks only, and try the rest.
 */
static __always_inline void lock_page(struct page *page)
{
	page_lock_may_wait();
	if (unlikely(!trylock_page(page)))
		__lock_page(page);
}

/**
 * lock_page_killable() - take the page lock unless the task is killed
 * @page: a page the caller has a reference to
 *
 * Context: as lock_page().
 * Return: 0 with the lock, -EINTR when a fatal signal came first.
 */
static __always_inline __must_check int lock_page_killable(struct page *page)
{
	page_lock_may_wait();
	if (likely(trylock_page(page)))
		return 0;
	return __lock_page_killable(page);
}

/**
 * unlock_page() - release the page lock
 * @page: a locked page
 *
 * Context: any but NMI.
 */
static __always_inline void unlock_page(struct page *page)
{
	ASSERT(PageLocked(page));
	/*
	 * One locked instruction clears the bit and tells, by the sign,
	 * whether a thread waits.  Pairs with the acquire in trylock_page().
	 */
	if (unlikely(__atomic_and_fetch(&page->flags_low, ~(s32)BIT(PG_locked),
					__ATOMIC_RELEASE) < 0))
		__unlock_page_waiters(page);
}

/**
 * wait_on_page_locked() - wait until the page was seen unlocked
 * @page: a page the caller has a reference to
 *
 * Another thread may lock it again at once.
 *
 * Context: may sleep.
 */
static __always_inline void wait_on_page_locked(struct page *page)
{
	page_lock_may_wait();
	if (PageLocked(page))
		__wait_on_page_locked(page);
}

#endif
