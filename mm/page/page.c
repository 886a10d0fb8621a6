// SPDX-License-Identifier: MIT
/*
 * mm/page/page.c - waiting for the lock of a page
 *
 * Problem.  Every frame can be locked, there are millions of frames, and
 * hardly ever does anybody wait.  A wait queue in each would cost more memory
 * than it is worth.
 *
 * Idea.  A table of wait queues is shared by all pages, found by a hash of the
 * page.  A bit in the page, PG_waiters, says that a thread may be waiting, so
 * that unlocking a page nobody waits for is one instruction and a branch.
 *
 *	PG_locked PG_waiters
 *	0	  0	free
 *	1	  0	held, nobody waits: unlock clears one bit
 *	1	  1	held: unlock clears the bit, sees the other and wakes
 *	0	  1	just unlocked; a woken or new waiter looks again
 *
 * A waiter sets PG_waiters under the queue's lock.  The unlocker clears it there,
 * after it took all waiters for this page off the queue.  A waiter that saw the
 * page unlocked and did not sleep may leave it set; that costs the next unlock
 * one look at the queue.  A waiter sets the bit before it tests PG_locked for
 * the last time, so one of the two must see the other:
 *
 *	waiter				unlock_page()
 *	join the queue
 *	set PG_waiters
 *					clear PG_locked, read PG_waiters: both
 *					in one atomic instruction
 *	test_and_set PG_locked
 *	  taken: done			-> set: wake the queue
 *	  else sleep			(must be true: the sleeper is on the
 *					queue, so it is woken)
 *
 *	(tests/mm/page/page_test.c, contended_lock_excludes_and_wakes_everyone;
 *	tests/model/page_lock.pml tries all orders)
 *
 * Everyone waiting for the page is woken and tries again; the first wins.
 * Two pages that share a queue only cost each other a look.  That look is the limit:
 * an unlock with waiters walks its queue with interrupts off, past the waiters
 * for every page of the same hash.
 *
 *	field			guarded by
 *	page_wait[].list	page_wait[].lock, IRQs off
 *	PG_waiters		changed under the same lock; read by anyone
 *
 * Lifetime: a waiter has a reference to the page.
 */
#include <lib/errno.h>
#include <lib/layout.h>
#include <lib/list.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/trace.h>
#include <mm/alloc/page_alloc.h>

#define PAGE_WAIT_SHIFT 8

struct page_wait_queue {
	struct spinlock lock;
	struct list_head list; /* of struct page_waiter */
} __cacheline_aligned;

struct page_waiter {
	struct list_head entry;
	const struct page *page;
	struct task *task;
};

enum page_wait_mode {
	WAIT_TO_LOCK,
	WAIT_TO_SEE_UNLOCKED,
};

static struct page_wait_queue page_wait[1 << PAGE_WAIT_SHIFT];

DEFINE_LOCKDEP_MAP(page_lock_map, "page_lock");

DEFINE_TRACE_EVENT(page_wait, "pfn", "the lock of pfn %#lx is waited for");
DEFINE_TRACE_EVENT(page_waited, "pfn ret", "the wait for pfn %#lx ends: %ld");

struct page *empty_zero_page;

LAYOUT_ADDRESS(empty_zero_page);
LAYOUT_SIZE(page);
LAYOUT_OFFSET(page, flags);
LAYOUT_OFFSET(page, pt_mm);
LAYOUT_ENTRY("PG_table", PG_table);
LAYOUT_ENTRY("vmemmap", VMEMMAP_START);
LAYOUT_ENTRY("direct_map", PAGE_OFFSET);

static struct page_wait_queue *queue_of(const struct page *page)
{
	/* Fibonacci hashing: neighbours land far apart. */
	return &page_wait[(page_to_pfn(page) * 0x9e3779b97f4a7c15ul) >>
			  (64 - PAGE_WAIT_SHIFT)];
}

static void waiter_join(struct page_wait_queue *queue,
			struct page_waiter *waiter, struct page *page)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (list_empty(&waiter->entry))
		list_add_tail(&waiter->entry, &queue->list);
	SetPageWaiters(page);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Always takes the lock: a waker may still be looking at the entry. */
static void waiter_leave(struct page_wait_queue *queue, struct page_waiter *waiter)
{
	unsigned long flags;

	__set_current_state(TASK_RUNNING);
	spin_lock_irqsave(&queue->lock, flags);
	list_del_init(&waiter->entry);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static int page_wait_until(struct page *page, enum page_wait_mode mode,
			   unsigned int state)
{
	struct page_wait_queue *queue = queue_of(page);
	struct page_waiter waiter = {.page = page, .task = current};
	int err = 0;

	ASSERT(page_ref_count(page) > 0);
	OBSERVE(page_wait, page_to_pfn(page));
	INIT_LIST_HEAD(&waiter.entry);
	for (;;) {
		set_current_state(state);
		waiter_join(queue, &waiter, page);
		if (mode == WAIT_TO_LOCK ? trylock_page(page) : !PageLocked(page))
			break;
		if (state == TASK_KILLABLE && fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		schedule();
	}
	waiter_leave(queue, &waiter);
	OBSERVE(page_waited, page_to_pfn(page), err);
	return err;
}

void __lock_page(struct page *page)
{
	page_wait_until(page, WAIT_TO_LOCK, TASK_UNINTERRUPTIBLE);
}

int __lock_page_killable(struct page *page)
{
	return page_wait_until(page, WAIT_TO_LOCK, TASK_KILLABLE);
}

void __wait_on_page_locked(struct page *page)
{
	page_wait_until(page, WAIT_TO_SEE_UNLOCKED, TASK_UNINTERRUPTIBLE);
}

void __unlock_page_waiters(struct page *page)
{
	struct page_wait_queue *queue = queue_of(page);
	struct page_waiter *waiter, *next;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry_safe(waiter, next, &queue->list, entry) {
		if (waiter->page != page)
			continue;
		list_del_init(&waiter->entry);
		wake_up_process(waiter->task);
	}
	ClearPageWaiters(page);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void page_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(page_wait); i++) {
		spin_lock_init(&page_wait[i].lock);
		INIT_LIST_HEAD(&page_wait[i].list);
	}
	empty_zero_page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL);
	SetPageReserved(empty_zero_page);
}
