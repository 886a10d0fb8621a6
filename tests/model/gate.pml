/* SPDX-License-Identifier: MIT */
/*
 * gate.pml - the gate of mm/notifier/gate.c, for spin
 *
 * Problem.  A gate answers "have all guests left that are inside now?" with one
 * word that guests change without a lock, and a blind guess at the epoch. Each of
 * these is a race.
 *
 * Idea.  Each access to the word, to `completed' and to the wait queue is a step;
 * accesses that only the lock's holder sees are done on the way.  An inline or a
 * proctype has the name of the function it stands for.
 *
 * Processes: NGUESTS guests go in and out, ROUNDS times each.  There is an object
 * for each of NWAITERS, which hide it, request a grace period, wait and free it, and
 * for each of NDEFERRERS, which hide it and leave the freeing to the gate.  A guest
 * looks one of the objects up inside and uses it if it is not hidden.  That is all a
 * gate is for, and includes "a waiter never passes while a guest is inside that
 * entered before its request".
 *
 *	variable	in the code			written under
 *	in0, in1	the counts in *gate->word	atomic
 *	turned, busy	SELECT, BUSY in *gate->word	atomic and lock
 *	running, requested	the same			lock
 *	completed		the same			lock, read lockless
 *	deferred	the same			lock
 *	gone[]	what the gate protects: a	lock, read inside
 *			pointer, a slot, a mode
 *
 * With LATER it is the gate subs->ranges: SLOW is always set there, so a range
 * that has counted itself, or has counted itself down, reads BUSY in a step of its
 * own (grace_period_runs()).  A start that failed leaves by notifier_gate_leave(),
 * which there takes the lock each time: advance() then finds nothing to do, or what
 * it would find with BUSY set.  Without LATER, it is subs->calls and `freeing': the
 * addition itself tells, by SLOW, which is the sign.
 *
 * Order of memory, as on x86: a store may be overtaken by a later load of the
 * same CPU, unless an atomic or smp_mb() lies between.  Two places need that
 * barrier, and a seeded bug takes it from each by doing the load first.
 *
 * Checked: no object is used after it was freed; each is freed once;
 * every process ends (a lost wake-up is an invalid end state); when all have
 * ended the counts are zero, SELECT and BUSY are clear, and nothing is
 * left on the list.  With LIVENESS, guests come and go for ever, one that came
 * after the first request stays inside for ever, and under weak fairness that grace
 * period is completed all the same: guests that enter do not starve a waiter.  (A
 * request while it runs may wait for guests that came before its end.)
 *
 * Not here: the overflow of a count (30 bits; tasks are fewer); the first test of
 * the condition before a wait, and the look after a long one (wait_event_reporting()),
 * which only find more.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_ASK_BARRIER	a request reads the count before others can
 *				see what was hidden
 *	-DBUG_ENTER_BARRIER	a guest looks things up before it is counted
 *	-DBUG_LOOK_BETWEEN	a guest looks things up between the guess that it
 *				undoes and its count
 *	-DBUG_UNDER_WAY		a request is content with a grace period that
 *				began before it
 *	-DBUG_LEFT_OVER		a request ignores guests left over in epoch 1
 *	-DBUG_LEAVE_LOOK	a guest reads BUSY before it has left (LATER)
 *	-DBUG_NO_TAKE		a guest that enters and completes a grace period
 *				leaves the deferred work to others
 *	-DBUG_GUESS_WAITS	a guest undoes its guess when it has the lock,
 *				and not before (LIVENESS)
 *	-DBUG_WAIT_FOR_ALL	a grace period waits for both epochs (LIVENESS)
 */

#ifndef NGUESTS
#define NGUESTS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef NWAITERS
#define NWAITERS 1
#endif
#ifndef NDEFERRERS
#define NDEFERRERS 1
#endif
#define NOBJECTS (NWAITERS + NDEFERRERS)
#define NONE	 255

byte in0, in1;
bool turned, busy;
bool lock, running;
byte completed, requested;
byte gp_of[NOBJECTS];
chan deferred = [NOBJECTS] of { byte };
bool gone[NOBJECTS];
bool freed[NOBJECTS];
bool requested_once;
byte asleep;

/*
 * ->lock.  A spinlock without a queue (docs/adr/0008) may starve a thread for
 * ever; that is its question and not the gate's, so LIVENESS has it fair.  And
 * for LIVENESS a guess and its undoing are one step: else a waiter could meet
 * a guest between the two at each look, for ever.
 */
#ifdef LIVENESS
chan turnstile = [8] of { byte };
#define LOCK   turnstile ! _pid; turnstile ? [eval(_pid)]
#define UNLOCK turnstile ? _
#define LOCKED (len(turnstile) != 0)
#define BRIEF  atomic
#else
#define LOCK   atomic { !lock -> lock = true }
#define UNLOCK lock = false
#define LOCKED lock
#define BRIEF
#endif

#define OCCUPIED ((in0 + in1) != 0)
#ifdef BUG_WAIT_FOR_ALL
#define OLD_EMPTY (!OCCUPIED)
#else
#define OLD_EMPTY ((turned && in0 == 0) || (!turned && in1 == 0))
#endif

#define ME	 (1 << (_pid - 1))
#define PREPARE	 asleep = asleep | ME	      /* prepare_to_wait() */
#define FINISH	 asleep = asleep & (255 - ME) /* finish_wait() */
#define WOKEN	 ((asleep & ME) == 0)	      /* schedule() returns */
#define WAKE_ALL asleep = 0		      /* wake_up_all() */

inline free_object(o)
{
	assert(!freed[o] && gone[o]);
	freed[o] = true
}

inline flip_epoch()
{
	atomic { turned = !turned; busy = true; running = true }
}

inline clear_busy()
{
	if
	:: atomic {
		busy ->
		turned = false;
		busy = false
	}
	:: else
	fi
}

/* ->lock is held. */
inline advance()
{
	before = completed;
	do
	:: true ->
		if
		:: running ->
			over = OLD_EMPTY;
			if
			:: over ->
				atomic { over = false; running = false; completed++ }
			:: else -> break
			fi
		:: else
		fi;
		if
		:: requested <= completed -> clear_busy(); break
		:: else
		fi;
		flip_epoch()
	od;
	if
	:: completed != before -> WAKE_ALL
	:: else
	fi;
	before = 0
}

/* ->lock is held; frees it, and runs what take_ready() took. */
inline unlock_and_run()
{
	atomic {
		do
		:: deferred ? [o] ->
			deferred ? <o>;
			if
			:: gp_of[o] <= completed -> deferred ? o; ready = ready | (1 << o)
			:: else -> break
			fi
		:: empty(deferred) -> break
		od;
		o = 0;
		UNLOCK
	}
	do
	:: ready != 0 ->
		atomic {
			do
			:: (ready & (1 << o)) == 0 -> o++
			:: else -> break
			od;
			free_object(o);
			ready = ready & (255 - (1 << o));
			o = 0
		}
	:: else -> break
	od
}

/* ->lock is held; frees it. */
inline advance_and_unlock()
{
	advance();
	unlock_and_run()
}

/* A guest finds an object that no owner has hidden yet, or none. */
inline look_up()
{
	atomic {
		if
		:: !gone[0] -> found = 0
		:: !gone[NOBJECTS - 1] -> found = NOBJECTS - 1
		:: true
		fi
	}
}

/*
 * notifier_gate_enter(), or mmu_notifier_range_open(); and notifier_gate_enter_slow()
 */
inline enter()
{
	BRIEF {
		atomic { in0++; look = busy };
#ifdef LATER
		look = busy;
#endif
#ifndef BUG_GUESS_WAITS
		if
		:: look -> in0--
		:: else
		fi
#endif
	};
	if
	:: look ->
#ifdef BUG_LOOK_BETWEEN
		look_up();
#endif
		LOCK;
#ifdef BUG_GUESS_WAITS
		in0--;
#endif
		/* it knows where it belongs */
		atomic {
			look = false;
			if
			:: turned -> in1++; ticket = 1
			:: else -> in0++
			fi
		}
#ifdef BUG_NO_TAKE
		advance();
		UNLOCK
#else
		advance_and_unlock()
#endif
	:: else
	fi
}

/*
 * notifier_gate_leave(), or mmu_notifier_invalidate_range_end(); and
 * notifier_gate_leave_slow()
 */
inline leave()
{
#ifdef BUG_LEAVE_LOOK
	look = busy;
#endif
	atomic {
		if
		:: ticket == 0 -> in0--
		:: else -> in1--
		fi;
		ticket = 0;
#ifndef LATER
		look = busy
#endif
	}
#if defined(LATER) && !defined(BUG_LEAVE_LOOK)
	look = busy;
#endif
	if
	:: look ->
		LOCK;
		look = false;
		advance_and_unlock()
	:: else
	fi
}

/*
 * notifier_gate_request(). The caller holds ->lock and hides its object first. Ends
 * with gp_of[me].
 */
inline request(me)
{
#ifdef BUG_ASK_BARRIER
	look = OCCUPIED;
	gone[me] = true;
#else
	gone[me] = true;
	look = OCCUPIED;
#endif
	if
	:: !running && !look ->
		atomic { requested = completed + 1; completed = requested; gp_of[me] = completed }
	:: else ->
		d_step {
			gp_of[me] = completed + 1;
			if
#ifndef BUG_UNDER_WAY
			:: running -> gp_of[me]++
#endif
#ifndef BUG_LEFT_OVER
			:: !running && in1 != 0 -> gp_of[me]++
#endif
			:: else
			fi;
			if
			:: requested < gp_of[me] -> requested = gp_of[me]
			:: else
			fi;
			look = false
		}
		if
		:: !running -> advance()
		:: else
		fi
	fi;
	look = false
}

proctype Guest()
{
	byte round, ticket, o, ready, before, found = NONE;
	bool look, over;

	do
	:: round < ROUNDS ->
#ifdef BUG_ENTER_BARRIER
		look_up();
		enter();
#else
		enter();
#ifndef BUG_LOOK_BETWEEN
		look_up();
#endif
#endif
		/* the callback */
		atomic {
			if
			:: found != NONE -> assert(!freed[found]); found = NONE
			:: else
			fi
		}
		leave();
#ifndef LIVENESS
		round++
#endif
	:: round == ROUNDS -> break
	od
}

/* Comes after the first request, and never leaves. */
proctype Squatter()
{
	byte ticket, o, ready, before;
#ifdef BUG_LOOK_BETWEEN
	byte found;
#endif
	bool look, over;

	requested_once;
	enter();
end:	false
}

/* As unregister and register do, and a first reader; notifier_gate_wait() */
proctype Waiter(byte me)
{
	byte before;
	bool look, over;

	LOCK;
	request(me);
	atomic { UNLOCK; requested_once = true };
	do
	:: atomic { true -> PREPARE };
		if
		:: atomic { completed >= gp_of[me] -> FINISH; break }
		:: else
		fi;
		WOKEN
	od;
	free_object(me)
}

/* notifier_gate_defer(): what a last put and a table that was replaced do */
proctype Deferrer(byte me)
{
	byte before;
	bool look, over;

	LOCK;
	request(me);
	if
	:: completed >= gp_of[me] -> UNLOCK; free_object(me)
	:: else -> atomic { deferred ! me; UNLOCK; requested_once = true }
	fi
}

init {
	byte n;

	atomic {
		for (n : 1 .. NWAITERS) {
			run Waiter(n - 1)
		}
		n = 0;
		do
		:: n < NDEFERRERS -> run Deferrer(NWAITERS + n); n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < NGUESTS -> run Guest(); n++
		:: else -> break
		od;
#ifdef LIVENESS
		run Squatter();
#endif
		n = 0
	}
	/* all have ended: the gate is at rest */
	_nr_pr == 1;
	assert(!OCCUPIED && !turned && !busy && !LOCKED);
	assert(!running && requested <= completed && asleep == 0);
	assert(empty(deferred));
	for (n : 0 .. NOBJECTS - 1) {
		assert(freed[n])
	}
}

#ifdef LIVENESS
ltl answered { [] (requested_once -> <> freed[0]) }
#endif
