/* SPDX-License-Identifier: MIT */
/*
 * collision_retry.pml - the interval protocol, for spin: mm/notifier/interval.c, read.c
 *
 * Problem.  A device fault reads the CPU's page table without a lock that an
 * invalidation would wait for.  Nothing it read may be installed once an
 * invalidation has called the driver's callback; and a subscription that comes
 * while a change is under way is not notified of that change at all.
 *
 * Idea.  Every transition that another CPU can see is a step here, under the
 * lock it has in the code; spin tries every order of them.  An inline or a
 * proctype has the name of the function it stands for, or says it above.
 *
 * Processes: NRANGES invalidations (the last may not sleep, and fails when an
 * interval or a plain subscriber says no), a reader for each of the NSUBS
 * subscriptions, the insertion of subscription LATE and its removal, and the
 * exit of the address space, concurrently.  Exit waits for the faults and
 * insertions, which hold a user of the mm, but not for ranges started through
 * the reverse map.  All subscriptions watch the page that the ranges change.
 *
 *	-DNRANGES=1	one range instead of two
 *	-DNSUBS=1	one subscription: the late one is the first of its mm
 *	-DALL_MAY_SLEEP	the last range may sleep as well, so none fails
 *	-DAPART		each subscription watches a page of its own; the first
 *			range changes the one, the last the other, exit both
 *	-DREMOVE_ALL	the subscription that is there from the start is
 *			removed, too
 *	-DNO_READERS	no device faults
 *	-DSTAYS_OPEN	of one range and NO_READERS: it does not end before all
 *			others have ended, none of which may wait for its end
 *
 *	variable	in the code			written under
 *	counted		ranges in gate subs->ranges	atomic
 *	has_intervals	subs->nr_intervals is not 0	lock, read lockless
 *	in_tree[]	linked in subs->tree		lock, no walker
 *	state[]		sub->state			lock
 *	deferred	subs->deferred			lock; NONE? lockless
 *	next_deferred[]	sub->deferred			lock
 *	is_hit		ranges on open_overlaps		lock, read lockless
 *	rseq[]		range->core.seq			its range
 *	seq		subs->last_seq		lock
 *	walkers		subs->walkers			atomic, up: lock
 *	sub_seq[]	sub->invalidate_seq		driver lock
 *	settle_gp[]	sub->settle_gp			lock, read lockless
 *	waits[]		ranges still inside of those	gate
 *			the request was about
 *	dev[]		the device's translation	driver lock
 *	gen[]		which frame the PTE names	the range that is open
 *
 * A section under ->lock is one step where no thread looks in without the lock,
 * and several where one does.  So is a section under the driver's lock; a
 * callback that may not sleep finds that lock free or not, as spin likes.  The
 * gate is modelled by what gate.pml shows of it: a request is about the
 * ranges inside at that moment, its period is over when the last of them has
 * left, and a range that finds the gate busy before it has looked at anything may
 * be counted anew.  A sleeper is on the wait queue and goes on only when woken.
 *
 * Order of memory.  Steps are seen by all in their order, as on x86 but for a
 * store that a later load of the same CPU overtakes.  Where the code needs a
 * full barrier against that (defer_change(), link_interval()), a seeded bug takes
 * it away, by doing the load first.  And two stores come in either order, as
 * spin likes: that a subscription is INTERVAL_OUT, and that it is out of the
 * tree.  They are plain, so a compiler may swap them; a look under the lock does
 * not see it.
 *
 * Checked: when the PTE changes no device has the frame it loses; a
 * fault installs only what the PTE says; no callback on a subscription whose
 * remove has returned, no change of the tree under a walk; when exit goes on no
 * device has anything; every process ends (a lost wake-up is an invalid end
 * state); all counts are zero when all have ended.
 *
 * Not here: bounds that overlap in part, the wrap of the numbers, the two-pass
 * form, statistics, plain subscriptions (plain.pml), how often a driver begins
 * again: mmap_lock bounds that (rounds.pml), not the protocol.
 *
 * Over 600 lines because each search is of all of these functions together.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_LEAVE_OPEN	a start that may not sleep fails, and what it
 *				opened for the intervals stays open (R3.7)
 *	-DBUG_UNLOCKED_REMOVE	remove looks whether it is out, without the
 *				lock (R4.14)
 *	-DBUG_EARLY_RETRY	read_retry is asked before the driver lock
 *	-DBUG_NO_SETTLE		a newcomer does not wait for the ranges that
 *				began before it
 *	-DBUG_SETTLE_FIRST	only the first in the tree does (APART: else a
 *				range before it overlaps, and overlaps_open() has it)
 *	-DBUG_NO_NEVER		a deferred insertion does not wait until it is
 *				in the tree (APART, for the same reason)
 *	-DBUG_END_ORDER		read_begin looks what is open before it reads
 *				the number
 *	-DBUG_NO_WAKE		the thread that does deferred changes wakes nobody
 *	-DBUG_NO_DROP_WAKE	a thread that takes its own insertion off the
 *				list wakes nobody (STAYS_OPEN: the end would)
 *	-DBUG_DEFER_BARRIER	defer_change() looks at the walkers before others
 *				can see the change that it deferred
 *	-DBUG_LINK_BARRIER	link_interval() looks at the count before others
 *				can see subs->nr_intervals
 */

#ifndef NRANGES
#define NRANGES 2
#endif
#ifndef NSUBS
#define NSUBS 2
#endif
#define LATE	(NSUBS - 1)
#define BIT(n)	(1 << (n))
#define EXIT	NRANGES /* the number of exit's range */

#define INTERVAL_OUT	  0
#define INTERVAL_IN	  1
#define INTERVAL_ADDING	  2
#define INTERVAL_REMOVING 3

/* settle_gp[] */
#define ASKED 1 /* its period is not over, or nobody has looked yet */
#define NEVER 2 /* SETTLE_NEVER */

#define NONE 255 /* the end of the deferred list */

byte seq = 1;
byte walkers;
byte nr_waiting;
byte asleep; /* on the wait queue: a bit for each process */
byte users;  /* mm->mm_users */
byte counted;
byte is_hit;
byte rseq[NRANGES + 1];
byte deferred = NONE;

bool lock;
bool has_intervals;
byte state[NSUBS];
byte next_deferred[NSUBS];
bool in_tree[NSUBS];
bool inserted[NSUBS];
bool reader_done[NSUBS];
bool freed[NSUBS];
byte sub_seq[NSUBS];
byte settle_gp[NSUBS];
byte waits[NSUBS];
byte dev[NSUBS];
byte gen[NSUBS];

#ifdef APART
byte cuts[NRANGES + 1]; /* intervals that a range overlaps, a bit each */
#define HITS(r, s) (cuts[r] & BIT(s))
#else
#define HITS(r, s) true
#endif

#define DEFERRED (deferred != NONE)
#if NSUBS == 1
#define IN_TREE	    (in_tree[0])
#define FOUND_BY(r) (in_tree[0])
#else
#define IN_TREE	    (in_tree[0] || in_tree[1])
#define FOUND_BY(r) ((in_tree[0] && HITS(r, 0)) || (in_tree[1] && HITS(r, 1)))
#endif

#define ME	 (1 << (_pid - 1))
#define PREPARE	 asleep = asleep | ME	      /* prepare_to_wait() */
#define FINISH	 asleep = asleep & (255 - ME) /* finish_wait() */
#define WOKEN	 ((asleep & ME) == 0)	      /* schedule() returns */
#define WAKE_ALL asleep = 0		      /* wake_up_all() */

/* The lock is held and nobody walks. */
inline link_interval(s)
{
#ifdef BUG_LINK_BARRIER
	atomic { waits[s] = counted; later = waits[s] != 0 };
	d_step { assert(walkers == 0 && !freed[s]); has_intervals = true };
#else
	d_step { assert(walkers == 0 && !freed[s]); has_intervals = true };
	/* notifier_gate_word_occupied(), notifier_gate_request() */
	atomic { waits[s] = counted; later = waits[s] != 0 };
#endif
	atomic {
#ifdef BUG_NO_SETTLE
		later = false;
#endif
#ifdef BUG_SETTLE_FIRST
		later = later && !IN_TREE;
#endif
		settle_gp[s] = (later -> ASKED : 0);
		later = false;
		state[s] = INTERVAL_IN;
		in_tree[s] = true
	}
}

/* interval_tree_remove(), and the number */
inline leave_tree(s)
{
	d_step {
		assert(walkers == 0 && !freed[s]);
		in_tree[s] = false;
		has_intervals = IN_TREE
	}
}

/* The lock is held and nobody walks. Plain stores: seen in either order. */
inline unlink_interval(s)
{
	if
	:: true -> leave_tree(s); state[s] = INTERVAL_OUT
	:: true -> state[s] = INTERVAL_OUT; leave_tree(s)
	fi
}

/* The lock is held and nobody walks. */
inline apply_deferred()
{
	sub = deferred;
	do
	:: sub != NONE ->
		atomic { next = next_deferred[sub]; next_deferred[sub] = 0 };
		if
		:: state[sub] == INTERVAL_ADDING -> link_interval(sub)
		:: else -> unlink_interval(sub)
		fi;
		sub = next
	:: else -> break
	od;
	atomic { deferred = NONE; sub = 0; next = 0 }
}

/* The lock is held. */
inline defer_change(s, to)
{
#ifdef BUG_DEFER_BARRIER
	last = walkers == 0;
#endif
	atomic { state[s] = to; next_deferred[s] = deferred; deferred = s };
#ifndef BUG_DEFER_BARRIER
	last = walkers == 0;
#endif
	if
	:: last ->
		apply_deferred();
#ifndef BUG_NO_WAKE
		WAKE_ALL;
#endif
		last = false
	:: else
	fi
}

/* end_walk() and last_walk_ended() */
inline end_walk()
{
	atomic { walkers--; last = walkers == 0 };
	if
	:: last && DEFERRED ->
		atomic { !lock -> lock = true };
		if
		:: walkers == 0 && DEFERRED -> apply_deferred()
		:: else
		fi;
		lock = false;
		WAKE_ALL
	:: else
	fi;
	last = false
}

/* notifier_interval_end() */
inline interval_end(r)
{
	atomic {
		!lock ->
		is_hit = is_hit & (255 - BIT(r));
		rseq[r] = 0;
		waiting = nr_waiting > 0
	}
	if
	:: waiting -> atomic { WAKE_ALL; waiting = false }
	:: else
	fi
}

/*
 * advance() of the gate, when r is not counted any more where it was: a
 * subscription that waited for r only may go on.
 */
inline advance(r)
{
	for (k : 0 .. NSUBS - 1) {
		if
		:: waits[k] & BIT(r) ->
			waits[k] = waits[k] & (255 - BIT(r));
			if
			:: waits[k] == 0 -> WAKE_ALL
			:: else
			fi
		:: else
		fi
	}
	k = 0
}

inline notifier_gate_leave(r)
{
	d_step { counted = counted & (255 - BIT(r)); advance(r) }
}

/* sub->invalidate(): driver lock, mmu_interval_set_seq(), drop it, unlock */
inline invalidate(s, number)
{
	assert(!freed[s] && in_tree[s]);
	sub_seq[s] = number;
	dev[s] = 0
}

/*
 * notifier_interval_start(), start_overlapping(): yield_to_deferred(), link_open(),
 * walk_intervals(), end_walk(). Sets hit and failed.
 */
inline interval_start(r, may_sleep)
{
	atomic {
		!lock ->
		if
		:: !FOUND_BY(r) -> goto walked
		:: FOUND_BY(r) && may_sleep && DEFERRED -> nr_waiting++
		:: else -> goto open
		fi
	}
yield:
	do
	:: atomic { true -> PREPARE };
		/* walk_may_begin() */
		atomic {
			!lock ->
			if
			:: !DEFERRED -> FINISH; break
			:: else
			fi
		}
		WOKEN
	od;
	atomic {
		!lock ->
		if
		:: DEFERRED -> goto yield
		:: else -> nr_waiting--
		fi;
		if
		:: !FOUND_BY(r) -> goto walked
		:: else
		fi;
open:		hit = true;
		seq = seq + 2;
		rseq[r] = seq;
		is_hit = is_hit | BIT(r);
		walkers++
	}
	do
	:: atomic {
		i < NSUBS && in_tree[i] && HITS(r, i) && !failed ->
		if
		:: true -> invalidate(i, rseq[r]); i++
		:: !may_sleep -> failed = true /* would block */
		fi
	}
	:: atomic { i < NSUBS && !(in_tree[i] && HITS(r, i)) && !failed -> i++ }
	:: atomic { i == NSUBS || failed -> i = 0; break }
	od;
	end_walk();
walked:	skip
}

/* No device may have a frame that goes; others take its place. */
inline change(r)
{
	d_step {
		for (k : 0 .. NSUBS - 1) {
			if
			:: HITS(r, k) -> assert(dev[k] == 0); gen[k]++
			:: else
			fi
		}
		k = 0
	}
}

/* After a failed start the caller calls no end: close the range here. */
inline undo_start(r)
{
#ifndef BUG_LEAVE_OPEN
	if
	:: hit -> interval_end(r)
	:: else
	fi;
#endif
	notifier_gate_leave(r)
}

/*
 * mmu_notifier_invalidate_range_start(), or of the last one _start_nonblock(),
 * the change, and mmu_notifier_invalidate_range_end()
 */
proctype Range(byte r; bool may_sleep)
{
	byte i, k, sub, next;
	bool hit, failed, last, waiting, later;

	/* mmu_notifier_range_open() */
	counted = counted | BIT(r);
	if
	:: true
	:: /* notifier_gate_enter_slow(): by a request since */
	   d_step {
		(waits[0] & BIT(r)) || (waits[LATE] & BIT(r)) ->
		counted = counted & (255 - BIT(r));
		advance(r)
	   }
	   atomic { !lock -> counted = counted | BIT(r) }
	fi;
	/* __mmu_notifier_range_start(): notifier_interval_start() */
	if
	:: has_intervals -> interval_start(r, may_sleep)
	:: else
	fi;
	if
	:: !failed && !may_sleep ->
		/* notifier_plain_start(): may refuse */
		if
		:: true -> failed = true
		:: true
		fi
	:: else
	fi;
	if
	:: failed -> undo_start(r)
	:: else ->
#ifdef STAYS_OPEN
		_nr_pr == 2; /* all others have ended */
#endif
		change(r);
		/* mmu_notifier_invalidate_range_end() */
		notifier_gate_leave(r);
		/* __mmu_notifier_range_end(): by what start has left in the range */
		if
		:: hit -> interval_end(r)
		:: else
		fi
	fi
}

/* Does an open range with a number up to newest overlap s? */
inline overlaps_open(s, newest)
{
	busy = false;
	for (k : 0 .. NRANGES) {
		busy = busy || ((is_hit & BIT(k)) && rseq[k] <= newest &&
				HITS(k, s))
	}
	k = 0
}

inline has_settled(s)
{
	if
	:: settle_gp[s] == ASKED && waits[s] == 0 -> settle_gp[s] = 0
	:: else
	fi
}

/* mmu_interval_read_begin() */
inline read_begin(s)
{
#ifdef BUG_END_ORDER
	slow = is_hit != 0 || settle_gp[s] != 0;
	begun = sub_seq[s];
#else
	begun = sub_seq[s];
	slow = is_hit != 0;
	slow = slow || settle_gp[s] != 0;
#endif
	if
	:: slow ->
		/* read_begin_slow() */
		atomic {
			!lock ->
			slow = false;
			begun = sub_seq[s];
			newest = seq;
			has_settled(s);
			overlaps_open(s, newest);
			if
			:: settle_gp[s] != 0 || busy -> busy = false; nr_waiting++
			:: else -> newest = 0; goto go
			fi
		}
		do
		:: atomic { true -> PREPARE };
			/* may_read() */
			atomic {
				!lock ->
				has_settled(s);
				overlaps_open(s, newest);
				if
				:: settle_gp[s] == 0 && !busy -> FINISH; break
				:: else -> busy = false
				fi
			}
			WOKEN
		od;
		atomic {
			!lock ->
			nr_waiting--;
			newest = 0;
			overlaps_open(s, seq);
			if
			:: !busy -> begun = sub_seq[s]
			:: else -> busy = false
			fi
		}
	:: else
	fi;
go:	skip
}

/* a device fault: begin, look the frame up, lock, retry, install */
proctype Reader(byte s)
{
	byte begun, pfn, newest, k;
	bool slow, busy;
#ifdef BUG_EARLY_RETRY
	bool stale;
#endif

	inserted[s];
again:
	read_begin(s);
	/* the page-table walk, with no lock of ours; then mmput() */
	atomic { pfn = gen[s]; users-- };
#ifdef BUG_EARLY_RETRY
	stale = sub_seq[s] != begun;
#endif
	/* the driver's lock; mmu_interval_read_retry(); install; unlock */
	atomic {
		if
#ifdef BUG_EARLY_RETRY
		:: stale ->
#else
		:: sub_seq[s] != begun ->
#endif
			pfn = 0;
			begun = 0;
			/* mmget_not_zero() */
			if
			:: users > 0 -> users++; goto again
			:: else
			fi
		:: else ->
			assert(pfn == gen[s]);
			dev[s] = pfn;
			pfn = 0;
			begun = 0
		fi;
		reader_done[s] = true
	}
}

/* mmu_interval_notifier_insert(), which holds a user of the mm */
proctype Inserter(byte s)
{
	byte k, sub, next;
	bool last, later;

	/* notifier_interval_join() */
	atomic { !lock -> lock = true; sub_seq[s] = seq };
	if
	:: walkers == 0 -> link_interval(s)
	:: else ->
#ifndef BUG_NO_NEVER
		settle_gp[s] = NEVER;
#endif
		defer_change(s, INTERVAL_ADDING)
	fi;
	lock = false;
	atomic { inserted[s] = true; users-- }
}

/* The lock is held. */
inline cancel_deferred(s)
{
	d_step {
		if
		:: deferred == s -> deferred = next_deferred[s]
		:: else ->
			k = deferred;
			do
			:: next_deferred[k] != s -> k = next_deferred[k]
			:: else -> break
			od;
			next_deferred[k] = next_deferred[s];
			k = 0
		fi;
		next_deferred[s] = 0;
		state[s] = INTERVAL_OUT
	}
}

/* mmu_interval_notifier_remove(), and the driver frees the memory */
proctype Remover(byte s)
{
	byte k, sub, next;
	bool last, wait, waiting, later;

	/*
	 * A driver removes when no fault of its own is on the way, and drops
	 * its translations first: afterwards it is not notified.
	 */
	atomic { inserted[s] && reader_done[s] -> dev[s] = 0 };
	atomic {
		!lock ->
		if
		:: walkers == 0 && !DEFERRED -> unlink_interval(s); goto out
		:: else -> lock = true
		fi
	}
	/* notifier_interval_leave() */
	if
	:: state[s] == INTERVAL_ADDING -> cancel_deferred(s)
	:: else -> wait = true; defer_change(s, INTERVAL_REMOVING)
	fi;
	/* A start may be waiting for a list that is empty now. */
	atomic { waiting = !wait && nr_waiting > 0; lock = false };
#ifndef BUG_NO_DROP_WAKE
	if
	:: waiting -> WAKE_ALL
	:: else
	fi;
#endif
	if
	:: wait ->
		/* wait_until_out(): is_out() */
		do
		:: atomic { true -> PREPARE };
			atomic {
#ifndef BUG_UNLOCKED_REMOVE
				!lock ->
#endif
				if
				:: state[s] == INTERVAL_OUT -> FINISH; break
				:: else
				fi
			}
			WOKEN
		od
	:: else
	fi;
out:
	freed[s] = true
}

/* __mmu_notifier_release(): RELEASE to every subscription in the tree */
proctype Exit()
{
	byte i, k, sub, next;
	bool hit, failed, last, waiting, later;

	users == 0;
	/* notifier_interval_release() */
	interval_start(EXIT, true);
	if
	:: hit -> interval_end(EXIT)
	:: else
	fi;
	/* the pages go */
	change(EXIT)
}

init {
	byte n;

	atomic {
		for (n : 0 .. NSUBS - 1) {
			sub_seq[n] = 1;
			gen[n] = 1;
#ifdef NO_READERS
			reader_done[n] = true
#else
			users++
#endif
		}
		users++;
#ifdef APART
		cuts[0] = BIT(0);
		cuts[NRANGES - 1] = BIT(1);
		cuts[EXIT] = BIT(0) | BIT(1);
#endif
		n = 0;
		do
		:: n < LATE ->
			in_tree[n] = true;
			state[n] = INTERVAL_IN;
			has_intervals = true;
			inserted[n] = true;
			n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < NRANGES - 1 -> run Range(n, true); n++
		:: else -> break
		od;
#ifdef ALL_MAY_SLEEP
		run Range(n, true);
#else
		run Range(n, false);
#endif
		n = 0;
#ifndef NO_READERS
		for (n : 0 .. NSUBS - 1) {
			run Reader(n)
		}
		n = 0;
#endif
		run Inserter(LATE);
		run Remover(LATE);
#ifdef REMOVE_ALL
		run Remover(0);
#endif
		run Exit()
	}
	/* all have ended: the books balance */
	_nr_pr == 1;
	assert(is_hit == 0);
	assert(walkers == 0 && counted == 0 && !lock);
	assert(nr_waiting == 0 && asleep == 0 && users == 0);
	assert(!in_tree[LATE] && has_intervals == IN_TREE && !DEFERRED)
}
