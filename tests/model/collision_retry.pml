/* SPDX-License-Identifier: MIT */
/*
 * collision_retry.pml - the interval protocol of mm/mmu_notifier.c, for spin
 *
 * Problem.  A device fault reads the CPU's page table without a lock that an
 * invalidation would wait for.  Nothing it read may be installed once an
 * invalidation has told the driver to let go of it; and a subscription that
 * comes while a change is under way is not told of that change at all.
 *
 * Idea.  Every transition that another CPU can see is a step here, under the
 * lock it has in the code; spin tries every order of them.  An inline or a
 * proctype has the name of the function it stands for, or says it above.
 *
 * Who runs: NRANGES invalidations (the last may not sleep, and fails when an
 * interval or a plain subscriber says no), a reader for each of the NSUBS
 * subscriptions unless NO_READERS, the insertion of subscription LATE and its
 * removal (with REMOVE_ALL of the others too), and the exit of the address
 * space beside all that: it waits for the faults and insertions, which hold a
 * user of the mm, but not for ranges raised through the reverse map.  All
 * subscriptions watch the one page that the ranges change.  With NSUBS=1 the
 * late one is the first of its mm.
 *
 *	variable	in the code			written under
 *	counted		who is in gate subs->ranges	atomic
 *	mode_tree	MODE_TREE in mm->notifier_mode	lock, read alone
 *	in_tree[]	linked in subs->tree		lock, no walker
 *	add[], del[]	INTERVAL_ADDING, _REMOVING	lock
 *	DEFERRED	subs->deferred is not NULL	lock, read alone
 *	is_hit		who is on open_hits		lock, read alone
 *	rseq[]		range->seq			its range
 *	seq		subs->invalidate_seq		lock
 *	walkers		subs->walkers			atomic, up: lock
 *	sub_seq[]	sub->invalidate_seq		driver lock
 *	settle[]	sub->settle			lock, read alone
 *	dev[]		the device's translation	driver lock
 *	gen		which frame the PTE names	the range that is open
 *
 * A section under ->lock is one step where nobody looks in without the lock,
 * and several where somebody does.  So is a section under the driver's lock; a
 * callback that may not sleep finds that lock free or not, as spin likes.  The
 * gate is modelled by what gate.pml shows of it: a question gets those who are
 * inside at that moment, its period is over when the last of them has left,
 * and who finds the gate busy before it has looked at anything may be counted
 * anew.  Who sleeps is on the wait queue and goes on only when woken.
 *
 * Order of memory.  Steps are seen by all in their order, as on x86 but for a
 * store that a later load of the same CPU overtakes.  Where the code needs a
 * full barrier against that (put_off(), link_interval()), a seeded bug takes
 * it away, by doing the load first.
 *
 * What is checked: when the PTE changes no device has the frame it loses; a
 * fault installs only what the PTE says; no callback on a subscription whose
 * remove has returned, no change of the tree under a walk; when exit goes on no
 * device has anything; every process ends (a lost wake-up is an invalid end
 * state); all counts are zero when all have ended.
 *
 * Not here: bounds that overlap in part, the wrap of the numbers, the two-pass
 * form, statistics, plain subscriptions (plain.pml), how often a driver begins
 * again: mmap_lock bounds that (mm/mmu_notifier_rounds.c), not the protocol.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_LEAVE_OPEN	a plain subscriber fails a start that may not
 *				sleep and the intervals' range stays open (R3.7)
 *	-DBUG_REFUSED_OPEN	an interval refuses, likewise
 *	-DBUG_UNLOCKED_REMOVE	remove looks whether it is out, without the
 *				lock (R4.14): it may see the state first
 *	-DBUG_EARLY_RETRY	read_retry is asked before the driver lock
 *	-DBUG_NO_SETTLE		a newcomer does not wait for the ranges that
 *				began before it
 *	-DBUG_END_ORDER		read_begin looks what is open before it reads
 *				the number
 *	-DBUG_NO_WAKE		who does what others put off wakes nobody
 *	-DBUG_PUT_OFF_BARRIER	put_off() looks at the walkers before others
 *				can see what it has put off
 *	-DBUG_LINK_BARRIER	link_interval() looks at the count before others
 *				can see MODE_TREE
 */

#ifndef NRANGES
#define NRANGES 2
#endif
#ifndef NSUBS
#define NSUBS 2
#endif
#define LATE  (NSUBS - 1)
#define NEVER 255 /* SETTLE_NEVER */
#define BIT(r) (1 << (r))
#define EXIT  NRANGES /* the number of exit's range */

byte seq = 1;
byte gen = 1;
byte walkers;
byte nr_waiting;
byte asleep; /* who is on the wait queue, a bit for each process */
byte ranges_done;
byte users;  /* mm->mm_users */
byte counted;
byte is_hit;
byte rseq[NRANGES + 1];

bool lock;
bool mode_tree;
bool in_tree[NSUBS];
bool add[NSUBS];
bool del[NSUBS];
bool inserted[NSUBS];
bool reader_done[NSUBS];
bool freed[NSUBS];
byte sub_seq[NSUBS];
byte settle[NSUBS];
byte dev[NSUBS];

#if NSUBS == 1
#define DEFERRED (add[0] || del[0])
#define IN_TREE	 (in_tree[0])
#define ANY_DEV	 (dev[0] != 0)
#else
#define DEFERRED (add[0] || del[0] || add[1] || del[1])
#define IN_TREE	 (in_tree[0] || in_tree[1])
#define ANY_DEV	 (dev[0] != 0 || dev[1] != 0)
#endif

#define ME	 (1 << (_pid - 1))
#define PREPARE	 asleep = asleep | ME	      /* prepare_to_wait() */
#define FINISH	 asleep = asleep & (255 - ME) /* finish_wait() */
#define WOKEN	 ((asleep & ME) == 0)	      /* schedule() returns */
#define WAKE_ALL asleep = 0		      /* wake_up_all() */

/* link_interval(), of every subscription that is being added */
inline publish_added()
{
	d_step {
		assert(walkers == 0);
		for (k : 0 .. NSUBS - 1) {
			if
			:: add[k] ->
				assert(!freed[k]);
				in_tree[k] = true;
				mode_tree = true
			:: else
			fi
		}
		k = 0
	}
}

inline settle_added()
{
	d_step {
		for (k : 0 .. NSUBS - 1) {
			if
#ifdef BUG_NO_SETTLE
			:: add[k] -> settle[k] = 0
#else
			:: add[k] -> settle[k] = counted
#endif
			:: else
			fi
		}
		k = 0
	}
}

/* unlink_interval(), of every subscription that is being removed */
inline unlink_removed()
{
	d_step {
		assert(walkers == 0);
		for (k : 0 .. NSUBS - 1) {
			if
			:: del[k] -> assert(!freed[k]); in_tree[k] = false
			:: else
			fi
		}
		mode_tree = IN_TREE;
		k = 0
	}
}

/* The lock is held and nobody walks. Plain stores: seen in any order. */
inline apply_deferred()
{
#ifdef BUG_LINK_BARRIER
	settle_added();
	publish_added();
#else
	publish_added();
	settle_added();
#endif
#ifdef BUG_UNLOCKED_REMOVE
	if
	:: del[LATE] ->
		/* its state is seen to be OUT before it has left the tree */
		del[LATE] = false;
		d_step {
			assert(!freed[LATE]);
			in_tree[LATE] = false;
			mode_tree = IN_TREE
		}
	:: else
	fi;
#endif
	unlink_removed();
	d_step {
		for (k : 0 .. NSUBS - 1) {
			add[k] = false;
			del[k] = false
		}
		k = 0
	}
}

/* The lock is held; state is of add[] or del[]. Ends with the lock free. */
inline put_off(state)
{
#ifdef BUG_PUT_OFF_BARRIER
	last = walkers == 0;
	state = true;
#else
	state = true;
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
	fi;
	lock = false
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

inline close_hit(r)
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

/* Not waited for any more; who waited for nobody else may go on. */
inline uncount(r)
{
	for (k : 0 .. NSUBS - 1) {
		if
		:: settle[k] != NEVER && (settle[k] & BIT(r)) ->
			settle[k] = settle[k] & (255 - BIT(r));
			if
			:: settle[k] == 0 -> WAKE_ALL
			:: else
			fi
		:: else
		fi
	}
	k = 0
}

/* notifier_gate_leave() */
inline leave(r)
{
	d_step { counted = counted & (255 - BIT(r)); uncount(r) }
}

/* sub->invalidate(): driver lock, mmu_interval_set_seq(), drop it, unlock */
inline invalidate(s, number)
{
	assert(!freed[s] && in_tree[s]);
	sub_seq[s] = number;
	dev[s] = 0
}

/*
 * The search and start_hit(): yield_to_deferred(), open_hit(),
 * walk_intervals(), end_walk(). Sets hit and failed.
 */
inline start_hit(r, may_sleep)
{
	atomic {
		!lock ->
		if
		:: !IN_TREE -> goto walked
		:: IN_TREE && may_sleep && DEFERRED -> nr_waiting++
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
		:: !IN_TREE -> goto walked
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
		i < NSUBS && in_tree[i] && !failed ->
		if
		:: true -> invalidate(i, rseq[r]); i++
		:: !may_sleep -> failed = true /* refused(): would block */
		fi
	}
	:: atomic { i < NSUBS && !in_tree[i] && !failed -> i++ }
	:: atomic { i == NSUBS || failed -> i = 0; break }
	od;
	end_walk();
#ifndef BUG_REFUSED_OPEN
	if
	:: failed -> close_hit(r)
	:: else
	fi;
#endif
walked:	skip
}

/* mmu_notifier_invalidate_range_start(), the change, and _end() */
proctype Range(byte r; bool may_sleep)
{
	byte i, k;
	bool hit, failed, last, waiting;

	/* mmu_notifier_range_open() */
	counted = counted | BIT(r);
	if
	:: true
	:: d_step {
		/* notifier_gate_enter_busy(): by somebody's question since */
		(settle[0] != NEVER && (settle[0] & BIT(r))) ||
		(settle[LATE] != NEVER && (settle[LATE] & BIT(r))) ->
		uncount(r)
	}
	fi;
	/* __mmu_notifier_invalidate_range_start() */
	if
	:: mode_tree -> start_hit(r, may_sleep)
	:: else
	fi;
	if
	:: !failed && !may_sleep ->
		/* notifier_plain_start_beside(): may refuse */
		if
		:: true ->
			failed = true;
#ifndef BUG_LEAVE_OPEN
			if
			:: hit -> close_hit(r)
			:: else
			fi
#endif
		:: true
		fi
	:: else
	fi;
	if
	:: failed -> leave(r) /* notifier_start_failed(): no change, no end */
	:: else ->
		/* the PTE changes: nobody may still have the old frame */
		d_step { assert(!ANY_DEV); gen++ }
		/* mmu_notifier_invalidate_range_end() */
		leave(r);
		if
		:: hit -> close_hit(r)
		:: else
		fi
	fi;
#ifdef EXIT_LAST
	ranges_done++
#endif
}

/* is_open(): a range that hit, not numbered after newest */
inline is_open(newest)
{
	busy = false;
	for (k : 0 .. NRANGES) {
		busy = busy || ((is_hit & BIT(k)) && rseq[k] <= newest)
	}
	k = 0
}

/* mmu_interval_read_begin() */
inline read_begin(s)
{
#ifdef BUG_END_ORDER
	slow = is_hit != 0 || settle[s] != 0;
	begun = sub_seq[s];
#else
	begun = sub_seq[s];
	slow = is_hit != 0;
	slow = slow || settle[s] != 0;
#endif
	if
	:: slow ->
		/* read_begin_slow() */
		atomic {
			!lock ->
			slow = false;
			begun = sub_seq[s];
			newest = seq;
			is_open(newest);
			if
			:: settle[s] != 0 || busy -> busy = false; nr_waiting++
			:: else -> newest = 0; goto go
			fi
		}
		do
		:: atomic { true -> PREPARE };
			/* reader_may_go() */
			atomic {
				!lock ->
				is_open(newest);
				if
				:: settle[s] == 0 && !busy -> FINISH; break
				:: else -> busy = false
				fi
			}
			WOKEN
		od;
		atomic {
			!lock ->
			nr_waiting--;
			newest = 0;
			is_open(seq);
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
	atomic { pfn = gen; users-- };
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
			assert(pfn == gen);
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
	byte k;
	bool last;

	atomic { !lock -> lock = true; sub_seq[s] = seq };
	if
	:: walkers == 0 ->
		/* link_interval() */
#ifdef BUG_LINK_BARRIER
		settle[s] = counted;
		d_step { in_tree[s] = true; mode_tree = true };
#else
		d_step { assert(walkers == 0); in_tree[s] = true; mode_tree = true };
#ifndef BUG_NO_SETTLE
		settle[s] = counted;
#endif
#endif
		lock = false
	:: else ->
		settle[s] = NEVER;
		put_off(add[s])
	fi;
	atomic { inserted[s] = true; users-- }
}

/* mmu_interval_notifier_remove(), and the driver frees the memory */
proctype Remover(byte s)
{
	byte k;
	bool last, wait, waiting;

	/*
	 * A driver removes when no fault of its own is on the way, and drops
	 * its translations first: nobody tells it of changes afterwards.
	 */
	atomic { inserted[s] && reader_done[s] -> dev[s] = 0 };
	atomic {
		!lock ->
		if
		:: walkers == 0 && !DEFERRED ->
			/* unlink_interval() */
			in_tree[s] = false;
			mode_tree = IN_TREE;
			goto out
		:: else -> lock = true
		fi
	}
	/* remove_slow() */
	if
	:: add[s] ->
		/* drop_from_deferred(); a start may be giving way to it */
		atomic { add[s] = false; waiting = nr_waiting > 0; lock = false }
	:: else ->
		wait = true;
		waiting = nr_waiting > 0;
		put_off(del[s])
	fi;
	if
	:: waiting -> WAKE_ALL
	:: else
	fi;
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
				:: !del[s] -> FINISH; break
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
	byte i, k;
	bool hit, failed, last, waiting;

	users == 0;
#ifdef EXIT_LAST
	ranges_done == NRANGES;
#endif
	/* release_intervals() */
	start_hit(EXIT, true);
	if
	:: hit -> close_hit(EXIT)
	:: else
	fi;
	/* the pages go */
	d_step { assert(!ANY_DEV); gen++ }
}

init {
	byte n;

	atomic {
		for (n : 0 .. NSUBS - 1) {
			sub_seq[n] = 1;
#ifdef NO_READERS
			reader_done[n] = true
#else
			users++
#endif
		}
		users++;
		n = 0;
		do
		:: n < LATE ->
			in_tree[n] = true;
			mode_tree = true;
			inserted[n] = true;
			n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < NRANGES - 1 -> run Range(n, true); n++
		:: else -> break
		od;
		run Range(n, false);
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
	assert(walkers == 0 && is_hit == 0 && counted == 0 && !lock);
	assert(nr_waiting == 0 && asleep == 0 && users == 0);
	assert(!in_tree[LATE] && mode_tree == IN_TREE && !DEFERRED);
	assert(!ANY_DEV)
}
