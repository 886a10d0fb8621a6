// SPDX-License-Identifier: MIT
/*
 * mm/page/wait.c - waiting for a bit of a page, its lock before all
 *
 * Problem.  Every frame can be locked, there are millions of frames, and
 * hardly ever does anybody wait.  A wait queue in each would cost more memory
 * than it is worth.  And a thread that locks a page again and again must not keep it
 * from the threads that wait: a woken waiter takes some time to run, and each time the
 * loop has the lock again.
 *
 * Idea.  A table of wait queues is shared by all pages, found by a hash of the
 * page.  A waiter stands there with its page and the bit that it waits for.  PG_waiters
 * in the page says that a thread may be waiting, so that clearing a bit nobody waits for
 * is one atomic instruction.
 *
 *	PG_locked PG_waiters
 *	0	  0	free
 *	1	  0	held, nobody waits: the unlock clears one bit
 *	1	  1	held: the unlock goes to the queue, still holding the lock
 *	0	  1	the first waiter was woken; it or another thread takes the lock
 *
 * A waiter wants one of two things:
 *
 *	wants to	is served when the bit is cleared
 *	see it clear	always, all of them at once
 *	set it (lock)	the first in the queue is woken, keeps its place and tries.
 *			Other threads may be faster.  Was that so PAGE_LOCK_PASSES
 *			times, the next unlock hands the lock over: the bit stays
 *			set, and is this waiter's
 *
 * So there is no starvation: the first waiter is passed PAGE_LOCK_PASSES times at most,
 * and never by a waiter that came later.  And there is no convoy: as long as waiters are
 * quick the lock is free between two holders, and no thread waits for one that has the
 * lock and does not run yet.
 *
 * All that is decided about waiters is decided under the queue's lock: a waiter joins,
 * looks at the bit and leaves under it, and an unlock with waiters serves them under it.
 * The fast unlock is the one step without it.  It exchanges the word that has both bits,
 * so it fails if a waiter has come:
 *
 *	waiter				unlock_page()
 *					PG_waiters is clear
 *	queue's lock: join the queue,
 *	set PG_waiters
 *	PG_locked is set: sleep
 *					exchange fails, PG_waiters is set
 *					queue's lock: wake or hand over
 *
 *	(tests/mm/page/page_test.c, contended_lock_excludes_and_wakes_everyone;
 *	tests/model/page_lock.pml tries all orders)
 *
 * The lock is handed over before it is free.  If the unlock cleared the bit first and
 * gave the lock to a waiter then, a loop could take it in between, each time:
 *
 *	loop				unlock_page(), of the same or another thread
 *					PG_waiters is set: queue's lock
 *	trylock_page(): PG_locked
 *	is set
 *					waiter->granted; PG_locked stays set
 *	must wait
 *
 *	(wait_test.c, a_loop_of_locks_passes_a_waiter_only_a_few_times)
 *
 * A killed waiter that was woken instead of the next takes no wake-up from it.  It gives
 * up only if it sees the bit set, with the queue's lock held.  So there is a holder that
 * has yet to unlock, and the next waiter is the first that it finds:
 *
 *	first, killed		second			another
 *	sleeps			sleeps			holds the lock
 *							unlock: wakes the first
 *							trylock_page(): true
 *	the bit is set:
 *	gives up
 *							unlock: wakes the second
 *
 *	(tests/model/page_lock.pml with a kill; wait_test.c,
 *	a_killed_waiter_takes_no_wake_up_from_the_next)
 *
 * PG_waiters is cleared by the unlock that leaves nobody in the queue for this page.  A
 * waiter that leaves by itself does not look for others; that costs the next unlock one
 * look at the queue.
 *
 * Two pages that share a queue only cost each other a look.  That look is the limit: an
 * unlock with waiters walks its queue with interrupts off, past the waiters for every
 * page of the same hash.
 *
 *	field			guarded by
 *	page_wait[].list	page_wait[].lock, IRQs off
 *	waiter->passed, granted	the same
 *	PG_waiters		changed under the same lock; read by anyone
 *
 * Lifetime: a waiter has a reference to the page.
 */
#include <lib/errno.h>
#include <lib/list.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/trace.h>
#include <mm/page/page.h>

#define PAGE_WAIT_SHIFT 8

struct page_wait_queue {
	struct spinlock lock;
	struct list_head list; /* of struct page_waiter */
} __cacheline_aligned;

/**
 * enum page_wait_for - what a waiter wants of the bit
 * @TO_SEE_IT_CLEAR: that it was clear once, after the wait began
 * @TO_SET_IT: to be the one that sets it, next
 */
enum page_wait_for {
	TO_SEE_IT_CLEAR,
	TO_SET_IT,
};

struct page_waiter {
	struct list_head entry;
	struct page *page;
	enum page_flag bit;
	enum page_wait_for what;
	unsigned int passed; /* times it was woken and another thread was faster */
	bool granted;        /* it has what it wants, and is off the queue */
	struct task *task;
};

static struct page_wait_queue page_wait[1 << PAGE_WAIT_SHIFT];

DEFINE_LOCKDEP_MAP(page_lock_map, "page_lock");

DEFINE_TRACE_EVENT(page_wait, "pfn bit", "pfn %#lx is waited for, bit %lu");
DEFINE_TRACE_EVENT(page_waited, "pfn bit ret",
		   "the wait for pfn %#lx, bit %lu, ends: %ld");

static struct page_wait_queue *queue_of(const struct page *page)
{
	/* Fibonacci hashing: neighbours land far apart. */
	return &page_wait[(page_to_pfn(page) * 0x9e3779b97f4a7c15ul) >>
			  (64 - PAGE_WAIT_SHIFT)];
}

static bool waits_for(const struct page_waiter *waiter, const struct page *page,
		      enum page_flag bit)
{
	return waiter->page == page && waiter->bit == bit;
}

/* queue->lock held: the waiter has what it wants. */
static void grant(struct page_waiter *waiter)
{
	list_del(&waiter->entry);
	waiter->granted = true;
	wake_up_process(waiter->task);
}

/*
 * queue->lock held: the first that waits to set the bit, or NULL. *@others: does any
 * other wait for the page?
 */
static struct page_waiter *first_to_set(struct page_wait_queue *queue,
					const struct page *page,
					enum page_flag bit, bool *others)
{
	struct page_waiter *waiter, *first = NULL;

	*others = false;
	list_for_each_entry(waiter, &queue->list, entry) {
		if (!first && waits_for(waiter, page, bit) &&
		    waiter->what == TO_SET_IT)
			first = waiter;
		else if (waiter->page == page)
			*others = true;
	}
	return first;
}

/* queue->lock held. */
static void grant_all_that_look(struct page_wait_queue *queue,
				const struct page *page, enum page_flag bit)
{
	struct page_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, &queue->list, entry)
		if (waits_for(waiter, page, bit) &&
		    waiter->what == TO_SEE_IT_CLEAR)
			grant(waiter);
}

void __page_bit_clear(struct page *page, enum page_flag bit)
{
	struct page_wait_queue *queue = queue_of(page);
	struct page_waiter *first;
	unsigned long flags;
	bool others;

	spin_lock_irqsave(&queue->lock, flags);
	grant_all_that_look(queue, page, bit);
	first = first_to_set(queue, page, bit, &others);
	if (first && first->passed == PAGE_LOCK_PASSES) {
		grant(first);
		first = NULL;
	} else {
		clear_bit(bit, &page->flags);
		if (first) {
			first->passed++;
			wake_up_process(first->task);
		}
	}
	if (!first && !others)
		ClearPageWaiters(page);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* queue->lock held: does the waiter have what it wants, or can it have it now? */
static bool is_served(struct page_waiter *waiter)
{
	unsigned long *word = &waiter->page->flags;

	if (waiter->granted)
		return true;
	if (waiter->what == TO_SET_IT ? test_and_set_bit(waiter->bit, word)
				      : test_bit(waiter->bit, word))
		return false;
	list_del(&waiter->entry);
	return true;
}

static int page_wait_until(struct page *page, enum page_flag bit,
			   enum page_wait_for what, unsigned int state)
{
	struct page_wait_queue *queue = queue_of(page);
	struct page_waiter waiter = {
		.page = page, .bit = bit, .what = what, .task = current};
	unsigned long flags;
	int err = 0;

	ASSERT(page_ref_count(page) > 0);
	OBSERVE(page_wait, page_to_pfn(page), bit);
	spin_lock_irqsave(&queue->lock, flags);
	list_add_tail(&waiter.entry, &queue->list);
	SetPageWaiters(page);
	while (!is_served(&waiter)) {
		if (state == TASK_KILLABLE && fatal_signal_pending(current)) {
			list_del(&waiter.entry);
			err = -EINTR;
			break;
		}
		set_current_state(state);
		spin_unlock_irqrestore(&queue->lock, flags);
		schedule();
		spin_lock_irqsave(&queue->lock, flags);
	}
	__set_current_state(TASK_RUNNING);
	spin_unlock_irqrestore(&queue->lock, flags);
	OBSERVE(page_waited, page_to_pfn(page), bit, err);
	return err;
}

void __lock_page(struct page *page)
{
	page_wait_until(page, PG_locked, TO_SET_IT, TASK_UNINTERRUPTIBLE);
}

int __lock_page_killable(struct page *page)
{
	return page_wait_until(page, PG_locked, TO_SET_IT, TASK_KILLABLE);
}

void __wait_on_page_bit(struct page *page, enum page_flag bit)
{
	page_wait_until(page, bit, TO_SEE_IT_CLEAR, TASK_UNINTERRUPTIBLE);
}

int __wait_on_page_bit_killable(struct page *page, enum page_flag bit)
{
	return page_wait_until(page, bit, TO_SEE_IT_CLEAR, TASK_KILLABLE);
}

void page_wait_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(page_wait); i++) {
		spin_lock_init(&page_wait[i].lock);
		INIT_LIST_HEAD(&page_wait[i].list);
	}
}
