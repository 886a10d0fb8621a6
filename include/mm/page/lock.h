/* SPDX-License-Identifier: MIT */
/*
 * include/mm/page/lock.h - the lock of a page, and waiting for its bits
 *
 * Include <mm/page/page.h>. How a thread waits is in mm/page/wait.c. The pages of a huge
 * page have one lock, that of its first page; any of them names it.
 */
#ifndef MM_PAGE_LOCK_H
#define MM_PAGE_LOCK_H

#include <kernel/lock/lockdep.h>
#include <mm/page/page.h>

/**
 * PAGE_LOCK_PASSES - how often other threads pass the first waiter for a page's lock
 *
 * After that the lock is handed to it.
 */
#define PAGE_LOCK_PASSES 3

void __lock_page(struct page *page);
int __must_check __lock_page_killable(struct page *page);
void __wait_on_page_bit(struct page *page, enum page_flag bit);
int __must_check __wait_on_page_bit_killable(struct page *page,
					     enum page_flag bit);
void __page_bit_clear(struct page *page, enum page_flag bit);

/* Boot: empty queues. */
void page_wait_init(void);

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

/** PageLocked() - does a thread hold the page's lock? Context: any */
static __always_inline bool PageLocked(const struct page *page)
{
	return READ_ONCE(page_head(page)->flags) & BIT(PG_locked);
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
	return !test_and_set_bit(PG_locked, &page_head(page)->flags);
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
		__lock_page(page_head(page));
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
	return __lock_page_killable(page_head(page));
}

/**
 * page_bit_clear() - clear a bit that threads may wait for
 * @page: a page the caller has a reference to
 * @bit: set; below PG_waiters
 *
 * What was written before is seen by the threads that wait.
 *
 * Context: any but NMI.
 */
static __always_inline void page_bit_clear(struct page *page, enum page_flag bit)
{
	s32 seen = READ_ONCE(page->flags_low);

	/* Pairs with test_and_set_bit() of the next holder. */
	do {
		if (unlikely(seen & (s32)BIT(PG_waiters))) {
			__page_bit_clear(page, bit);
			return;
		}
	} while (unlikely(
		!try_cmpxchg(&page->flags_low, &seen, seen & ~(s32)BIT(bit))));
}

/**
 * unlock_page() - release the page lock
 * @page: a locked page
 *
 * If the first waiter has been passed PAGE_LOCK_PASSES times, the lock is its.
 *
 * Context: any but NMI.
 */
static __always_inline void unlock_page(struct page *page)
{
	ASSERT(PageLocked(page));
	page_bit_clear(page_head(page), PG_locked);
}

/**
 * wait_on_page_bit() - wait until a bit was seen clear
 * @page: a page the caller has a reference to
 * @bit: a bit that is cleared by page_bit_clear()
 *
 * Another thread may set it again at once.
 *
 * Context: may sleep.
 */
static __always_inline void wait_on_page_bit(struct page *page, enum page_flag bit)
{
	might_sleep();
	if (test_bit(bit, &page->flags))
		__wait_on_page_bit(page, bit);
}

/**
 * wait_on_page_locked() - wait until the page was seen unlocked
 * @page: a page the caller has a reference to
 *
 * Another thread may lock it again at once, or have been handed the lock.
 *
 * Context: may sleep.
 */
static __always_inline void wait_on_page_locked(struct page *page)
{
	page_lock_may_wait();
	wait_on_page_bit(page_head(page), PG_locked);
}

/**
 * wait_on_page_locked_killable() - the same, unless the task is killed
 * @page: a page the caller has a reference to
 *
 * Context: may sleep.
 * Return: 0, or -EINTR when a fatal signal came first.
 */
static __always_inline int __must_check
wait_on_page_locked_killable(struct page *page)
{
	page_lock_may_wait();
	if (!PageLocked(page))
		return 0;
	return __wait_on_page_bit_killable(page_head(page), PG_locked);
}

#endif
