/* SPDX-License-Identifier: MIT */
/*
 * page_lock.pml - waiting for the lock of a page, mm/page/wait.c, for spin
 *
 * Problem.  An unlock looks at one bit to learn whether a thread waits.  A waiter
 * that sets the bit, and an unlock that clears it, may pass each other; then the
 * waiter sleeps for good.  And a thread that is always faster than a woken waiter keeps
 * it from the lock for good.
 *
 * Idea.  Each access to the word with the two bits and each section under the queue's
 * lock is a step.  An inline has the name of the function it stands for.
 *
 * Processes: NTHREADS threads lock one page and unlock it, ROUNDS times each; with KILLS
 * one of two is killed, at any time.  WATCHERS threads wait to see the page unlocked.
 *
 *	variable	in the code			written under
 *	locked		PG_locked			atomic
 *	waiters		PG_waiters			qlock; the same word
 *	qlock		queue->lock			itself
 *	queue		queue->list			qlock
 *	passed, granted	of the waiter			qlock
 *	killed		the task's flag			the killer
 *	asleep		threads whose state is asleep	itself; a waker, by qlock
 *	lost[]		locks that others took while the thread was first in the queue,
 *			after it has seen the page locked there
 *	tried		threads that have seen that
 *
 * Order of memory, as on x86: the state, the bits and the queue's lock are written
 * by atomic instructions, so no load overtakes them.
 *
 * Checked: one thread has the lock at a time; every process ends (a lost wake-up is an
 * invalid end state); nobody is queued and the lock is free when all have ended; the
 * first in the queue, once it has seen the page locked, is passed PASSES times at most.
 *
 * Not here: other bits of the page and other pages of the same queue, which an unlock
 * passes over; how a waker meets the state (wakeup.pml).
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_TWO_STEPS		the fast unlock reads PG_waiters before it clears PG_locked
 *	-DBUG_SET_LATE		PG_waiters is set after the last try
 *	-DBUG_STATE_LATE	the state is set after the queue's lock is dropped
 *	-DBUG_FORGET		PG_waiters is cleared though a waiter keeps its place
 *	-DBUG_CLEAR_FIRST	the lock is free before it is handed over
 *	-DBUG_NO_HAND_OVER	it never is handed over
 */

#ifndef NTHREADS
#define NTHREADS 3
#endif
#ifndef WATCHERS
#define WATCHERS 0
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef PASSES
#define PASSES 1
#endif
#define ALL  (NTHREADS + WATCHERS)
#define NONE 255

bool locked, waiters, qlock;
byte holders, asleep, granted, tried;
byte passed[ALL], lost[ALL];
bool watches[ALL];
chan queue = [ALL] of { byte };

#define ME (1 << _pid)

/* The first in the queue that wants the lock, or NONE. */
inline first_to_set()
{
	d_step {
		first = NONE;
		k = 0;
		do
		:: k < len(queue) ->
			queue?j;
			queue!j;
			if
			:: first == NONE && !watches[j] -> first = j
			:: else
			fi;
			k++
		:: else -> break
		od;
		k = 0;
		j = 0
	}
}

/* Another has the lock: who was first in the queue has lost once more. */
inline has_taken()
{
	d_step {
		holders++;
		assert(holders == 1);
		first_to_set();
		if
		:: first != NONE && first != _pid && (tried & (1 << first)) ->
			lost[first]++;
			assert(lost[first] <= PASSES)
		:: else
		fi;
		first = NONE
	}
}

inline trylock_page()
{
	atomic {
		got = !locked;
		locked = true;
		if
		:: got -> has_taken()
		:: else
		fi
	}
}

inline grant(w)
{
	d_step {
		queue??eval(w);
		granted = granted | (1 << w);
		asleep = asleep & (255 - (1 << w))
	}
}

inline grant_all_that_look()
{
	d_step {
		k = 0;
		do
		:: k < ALL ->
			if
			:: queue??[eval(k)] && watches[k] ->
				queue??eval(k);
				granted = granted | (1 << k);
				asleep = asleep & (255 - (1 << k))
			:: else
			fi;
			k++
		:: else -> break
		od;
		k = 0
	}
}

/* __page_bit_clear() */
inline unlock_page_slow()
{
#ifdef BUG_CLEAR_FIRST
	locked = false;
#endif
	atomic { !qlock -> qlock = true };
	grant_all_that_look();
	first_to_set();
	if
#ifndef BUG_NO_HAND_OVER
#ifdef BUG_CLEAR_FIRST
	:: first != NONE && passed[first] == PASSES ->
		atomic {
			got = !locked;
			locked = true;
			if
			:: got -> holders++; grant(first); first = NONE
			:: else
			fi
		}
#else
	:: first != NONE && passed[first] == PASSES ->
		/* PG_locked stays set, and is the waiter's. */
		atomic { holders++; grant(first); first = NONE }
#endif
#endif
	:: else ->
#ifndef BUG_CLEAR_FIRST
		locked = false;
#endif
		if
		:: first != NONE ->
			atomic {
				passed[first]++;
				asleep = asleep & (255 - (1 << first))
			}
		:: else
		fi
	fi;
#ifdef BUG_FORGET
	waiters = false;
#else
	if
	:: first == NONE && len(queue) == 0 -> waiters = false
	:: else
	fi;
#endif
	first = NONE;
	qlock = false
}

inline unlock_page()
{
	holders--;
#ifdef BUG_TWO_STEPS
	seen = waiters;
	if
	:: !seen -> locked = false
	:: else
	fi;
#else
	/* The exchange that fails if a waiter has come. */
	atomic {
		seen = waiters;
		if
		:: !seen -> locked = false
		:: else
		fi
	};
#endif
	if
	:: seen -> unlock_page_slow()
	:: else
	fi;
	seen = false
}

/* queue->lock held: got says whether the wait is over. */
inline is_served()
{
	if
	:: granted & ME ->
		atomic { got = true; granted = granted & (255 - ME) }
	:: else ->
		if
		:: watches[_pid] -> got = !locked
		:: else -> trylock_page()
		fi;
		if
		:: got -> queue??eval(_pid)
		:: else -> tried = tried | ME
		fi
	fi
}

/* page_wait_until(); got: served, not killed */
inline page_wait_until()
{
	atomic { !qlock -> qlock = true };
	atomic { queue!_pid; passed[_pid] = 0; lost[_pid] = 0 };
#ifndef BUG_SET_LATE
	waiters = true;
#endif
	do
	:: true ->
		is_served();
#ifdef BUG_SET_LATE
		waiters = true;
#endif
		if
		:: got -> break
		:: !got && killed == _pid -> queue??eval(_pid); break
		:: else
		fi;
#ifdef BUG_STATE_LATE
		qlock = false;
		asleep = asleep | ME;
#else
		asleep = asleep | ME;
		qlock = false;
#endif
		/* schedule(); a killed thread does not sleep */
		(asleep & ME) == 0 || killed == _pid;
		atomic { !qlock -> qlock = true }
	od;
	asleep = asleep & (255 - ME);
	tried = tried & (255 - ME);
	qlock = false
}

byte killed = NONE;

active [NTHREADS] proctype thread()
{
	byte round, first = NONE, j, k;
	bool got, seen;

	do
	:: round < ROUNDS ->
		/* lock_page() */
		trylock_page();
		if
		:: got
		:: else -> page_wait_until()
		fi;
		if
		:: got -> unlock_page()
		:: else
		fi;
		got = false;
		round++
	:: else -> break
	od;
	/* They end in the opposite order of their numbers. */
	_nr_pr == _pid + 1;
	assert(_pid != 0 || (!locked && len(queue) == 0))
}

#if WATCHERS
active [WATCHERS] proctype watcher()
{
	byte first = NONE, j, k;
	bool got;

	watches[_pid] = true;
	if
	:: locked -> page_wait_until()
	:: else
	fi;
	_nr_pr == _pid + 1
}
#endif

#ifdef KILLS
active proctype killer()
{
	if
	:: killed = 0
	:: killed = 1
	fi;
	_nr_pr == _pid + 1
}
#endif
