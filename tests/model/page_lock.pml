/* SPDX-License-Identifier: MIT */
/*
 * page_lock.pml - waiting for the lock of a page, mm/page/page.c, for spin
 *
 * Problem.  An unlock looks at one bit to learn whether a thread waits.  A waiter
 * that sets the bit, and an unlock that clears it, may pass each other; then the
 * waiter sleeps for good.
 *
 * Idea.  Each access to the two bits and each section under the queue's lock is a
 * step.  An inline has the name of the function it stands for.
 *
 * Processes: NTHREADS threads lock one page and unlock it, ROUNDS times each.
 *
 *	variable	in the code			written under
 *	locked		PG_locked			atomic
 *	waiters		PG_waiters			qlock; the same word
 *	qlock		queue->lock			itself
 *	queued		waiters on queue->list		qlock
 *	asleep		threads whose state is asleep	itself; a waker, by qlock
 *
 * Order of memory, as on x86: the state, the bits and the queue's lock are written
 * by atomic instructions, so no load overtakes them.
 *
 * Checked: one thread has the lock at a time; every process ends (a lost wake-up is an
 * invalid end state); nobody is queued when all have ended.
 *
 * Not here: a wait to see the page unlocked, which looks where the others try; other
 * pages of the same queue, which an unlock passes over; a killed
 * waiter: every waiter for the page is woken, so it takes no wake-up from another; how
 * a waker meets the state (wakeup.pml).
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_TWO_STEPS		PG_waiters is read before PG_locked is cleared
 *	-DBUG_SET_LATE		PG_waiters is set after the last try
 *	-DBUG_CLEAR_LATE	the lock of the queue is dropped between taking the
 *				waiters off and clearing PG_waiters
 *	-DBUG_STATE_LATE	the state is set after the last try
 */

#ifndef NTHREADS
#define NTHREADS 3
#endif
#define ROUNDS 2
#define ME     (1 << _pid)

bool locked, waiters, qlock;
byte queued, asleep, holders;

inline trylock_page()
{
	atomic { got = !locked; locked = true }
}

inline waiter_join()
{
	atomic { !qlock -> qlock = true };
	queued = queued | ME;
#ifndef BUG_SET_LATE
	waiters = true;
#endif
	qlock = false
}

inline waiter_leave()
{
	asleep = asleep & (255 - ME);
	atomic { !qlock -> qlock = true };
	queued = queued & (255 - ME);
	qlock = false
}

/* page_wait_until(), to lock */
inline page_wait_until()
{
	do
	:: true ->
#ifndef BUG_STATE_LATE
		asleep = asleep | ME;
#endif
		waiter_join();
		trylock_page();
#ifdef BUG_SET_LATE
		waiters = true;
#endif
#ifdef BUG_STATE_LATE
		asleep = asleep | ME;
#endif
		if
		:: got -> break
		:: else
		fi;
		/* schedule() */
		(asleep & ME) == 0
	od;
	waiter_leave()
}

inline unlock_page_waiters()
{
	atomic { !qlock -> qlock = true };
	/* list_del_init() and wake_up_process() of each */
	atomic { woken = queued; queued = 0 };
	asleep = asleep & (255 - woken);
	woken = 0;
#ifdef BUG_CLEAR_LATE
	qlock = false;
	atomic { !qlock -> qlock = true };
#endif
	waiters = false;
	qlock = false
}

inline unlock_page()
{
#ifdef BUG_TWO_STEPS
	seen = waiters;
	locked = false;
#else
	atomic { locked = false; seen = waiters };
#endif
	if
	:: seen -> unlock_page_waiters()
	:: else
	fi
}

active [NTHREADS] proctype thread()
{
	byte round, woken;
	bool got, seen;

	do
	:: round < ROUNDS ->
		/* lock_page() */
		trylock_page();
		if
		:: got
		:: else -> page_wait_until()
		fi;
		atomic { holders++; assert(holders == 1) };
		holders--;
		unlock_page();
		round++
	:: else -> break
	od;
	/* They end in the opposite order of their numbers. */
	_nr_pr == _pid + 1;
	assert(_pid != 0 || (!locked && queued == 0))
}
