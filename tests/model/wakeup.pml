/* SPDX-License-Identifier: MIT */
/*
 * wakeup.pml - sleeping and waking as kernel/sched/sched.c does it, for spin
 *
 * Problem.  A sleeper announces its sleep and then looks at its condition; a
 * waker makes the condition true and then looks for the announcement.  Without a
 * full barrier in each, both look too early and the sleeper sleeps for good.  A
 * waker that comes while the sleeper is being switched out must not hand the task
 * to another CPU before its registers are saved.  A waker that is late must not
 * revive a dead task.  A sleeper that was preempted before its schedule() may have
 * moved to another CPU when the waker has the lock of its old one.
 *
 * Idea.  Each store and load that another CPU can see is a step.  An inline or a
 * proctype has the name of the function it stands for.
 *
 * Processes: one task waits for ROUNDS events, one after the other, and dies.
 * NWAKERS wakers make an event each and wake the task.  Two CPUs have a run queue
 * each; a waker puts the task on the queue that it did not sleep on, so the two
 * locks that the code takes are different ones.  Twice in each round the task may
 * be preempted, asleep as its state may be, and the other CPU may pull it while it
 * waits.
 *
 *	variable	in the code			written under
 *	state		task->state			see kernel/sched/sched.c
 *	on_queue, cpu	task->on_queue, task->cpu	lock[cpu]
 *	in_heap		the task is in rq->queue	lock[cpu]
 *	saved		its registers are saved		its CPU
 *	lock[]		rq->lock of each CPU
 *	wake_lock	task->wake_lock
 *	events		the sleeper's condition		atomic
 *
 * Order of memory, as on x86: a store may be overtaken by a later load of the same
 * CPU, unless an atomic lies between.  Both places that need that barrier have a
 * seeded bug, which does the load first.
 *
 * Checked: every process ends (a lost wake-up is an invalid end state); no
 * CPU picks a task whose registers are not saved; nobody overwrites DEAD.
 *
 * Not here: fairness, which CPU is chosen, killing, timeouts.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_SLEEP_BARRIER	set_current_state() without its barrier: the
 *				condition is read before others see the state
 *	-DBUG_WAKE_BARRIER	the state is read before others see the condition
 *	-DBUG_UNLOCKED_LOOK	the waker looks at on_queue without rq->lock
 *	-DBUG_EARLY_UNLOCK	a switch lets rq->lock go before the registers are
 *				saved, and wakers do not wait for that
 *	-DBUG_DIE_UNLOCKED	DEAD is stored without wake_lock
 *	-DBUG_NO_RECHECK	lock_task_rq() does not look whether the task is
 *				still of the CPU whose lock it took
 */

#ifndef NWAKERS
#define NWAKERS 2
#endif
#define ROUNDS NWAKERS

mtype = { RUNNING, ASLEEP, DEAD };

mtype state = RUNNING;
bool on_queue = true;
bool in_heap, saved, picked, wake_lock;
bool lock[2];
byte cpu;
byte events;

/* The task goes on where the waker put it: pick_next() there came to it. */
inline schedule()
{
	atomic { !lock[cpu] -> lock[cpu] = true; at = cpu };
	if
	:: state == RUNNING ->
		lock[at] = false
	:: else ->
		on_queue = false;
#ifdef BUG_EARLY_UNLOCK
		lock[at] = false;
		saved = true;
#else
		saved = true;
		lock[at] = false;
#endif
		atomic { picked -> picked = false }
	fi
}

/* switch_tasks(WHY_PREEMPT), or not: its state does not count */
inline may_be_preempted()
{
	if
	:: true
	:: atomic { !lock[cpu] -> lock[cpu] = true; at = cpu };
		in_heap = true;
		saved = true;
		lock[at] = false;
		atomic { picked -> picked = false }
	fi
}

inline sched_task_leave()
{
#ifndef BUG_DIE_UNLOCKED
	atomic { !wake_lock -> wake_lock = true };
#endif
	state = DEAD;
#ifndef BUG_DIE_UNLOCKED
	wake_lock = false;
#endif
	atomic { !lock[cpu] -> lock[cpu] = true; at = cpu };
	on_queue = false;
	saved = true;
	lock[at] = false
}

active proctype sleeper()
{
	byte round = 0;
	byte at;
	bool met;

	do
	:: round == ROUNDS ->
		break
	:: else ->
		do
		::
#ifdef BUG_SLEEP_BARRIER
			met = (events > 0);
			state = ASLEEP;
#else
			state = ASLEEP;
			may_be_preempted();
			met = (events > 0);
#endif
			if
			:: met -> break
			:: else -> may_be_preempted(); schedule()
			fi
		od;
		state = RUNNING;
		events--;
		round++
	od;
	sched_task_leave()
}

/* sched_pull() changes the CPU of a task that waits in a queue. */
inline lock_task_rq()
{
	do
	:: at = cpu;
		atomic { !lock[at] -> lock[at] = true };
#ifdef BUG_NO_RECHECK
		break
#else
		if
		:: cpu == at -> break
		:: else -> lock[at] = false
		fi
#endif
	od
}

inline wake_locked()
{
#ifdef BUG_UNLOCKED_LOOK
	at = cpu;
	queued = on_queue;
#else
	lock_task_rq();
	queued = on_queue;
#endif
	if
	:: queued ->
		atomic { assert(state != DEAD); state = RUNNING }
	:: else
	fi;
#ifndef BUG_UNLOCKED_LOOK
	lock[at] = false;
#endif
	if
	:: queued
	:: else ->
		atomic { assert(state != DEAD); state = RUNNING };
		atomic { !lock[1 - at] -> lock[1 - at] = true };
		atomic { cpu = 1 - at; on_queue = true; in_heap = true };
		lock[1 - at] = false
	fi
}

active [NWAKERS] proctype wake_up_state()
{
	byte at;
	bool queued;
	mtype seen;

#ifdef BUG_WAKE_BARRIER
	seen = state;
	events++;
	atomic { !wake_lock -> wake_lock = true };
#else
	events++;
	atomic { !wake_lock -> wake_lock = true };
	seen = state;
#endif
	if
	:: seen == ASLEEP -> wake_locked()
	:: else
	fi;
	wake_lock = false
}

/* The CPU on whose queue the task waits. */
active proctype pick_next()
{
	byte here;

end:
	do
	:: atomic { in_heap && !lock[cpu] -> lock[cpu] = true; here = cpu };
		assert(saved);
		atomic { in_heap = false; saved = false; picked = true };
		lock[here] = false
	od
}

/* A CPU with nothing to run holds its own lock and tries the other one. */
active proctype sched_pull()
{
	byte here;

end:
	do
	:: atomic { in_heap && !lock[1 - cpu] -> here = 1 - cpu; lock[here] = true };
		if
		:: atomic { in_heap && cpu != here && !lock[1 - here] -> lock[1 - here] = true };
			/* move_task() */
			cpu = here;
			lock[1 - here] = false
		:: else
		fi;
		lock[here] = false
	od
}
