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
 * lock it has in the code; spin tries every order of them.  A step names the
 * function it stands for.
 *
 * Who runs: NRANGES invalidations (the last may not sleep, and fails when a
 * driver lock is taken or a plain subscriber says no), a reader for each of
 * the NSUBS subscriptions, insertion and removal of subscription LATE beside
 * all that, and the exit of the address space when they are through.  All
 * subscriptions watch the one page that the ranges change.  With NSUBS=1 the
 * late one is the first of its mm.
 *
 *	variable	in the code			written under
 *	counted[]	who is in gate subs->ranges	atomic
 *	in_tree[]	INTERVAL_IN			lock, no walker
 *	add[], del[]	INTERVAL_ADDING, _REMOVING	lock
 *	is_hit[]	range is on open_hits		lock
 *	rseq[]		range->seq			its range
 *	seq		subs->invalidate_seq		lock
 *	walkers		subs->walkers			lock
 *	sub_seq[]	sub->invalidate_seq		driver[] in callbacks
 *	settle[]	sub->settle			lock
 *	dev[]		the device's translation	driver[]
 *	gen		which frame the PTE names	the range that is open
 *
 * The gate is modelled by what it promises: a question gets those who are
 * inside at that moment, and its period is over when they have left.  A section
 * under the lock is one step, except where somebody looks without the lock.
 * Who sleeps is on the wait queue and goes on only when woken; nr_waiting
 * decides whether close_hit() wakes, as in the code.
 *
 * What is checked: when the PTE changes no device has the frame it loses; a
 * fault installs only what the PTE says; no callback on a subscription whose
 * remove has returned; every process ends (a lost wake-up is an invalid end
 * state); all counts are zero when all have ended.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_LEAVE_OPEN	a plain subscriber fails a start that may not
 *				sleep and the intervals' range stays open (R3.7)
 *	-DBUG_UNLOCKED_REMOVE	remove looks whether it is out, without the
 *				lock (R4.14)
 *	-DBUG_EARLY_RETRY	read_retry is asked before the driver lock
 *	-DBUG_NO_SETTLE		a newcomer does not wait for the ranges that
 *				began before it
 *	-DBUG_END_ORDER		read_begin looks what is open before it reads
 *				the number
 */

#ifndef NRANGES
#define NRANGES 2
#endif
#ifndef NSUBS
#define NSUBS 2
#endif
#define LATE  (NSUBS - 1)
#define NEVER 255 /* SETTLE_NEVER */

byte seq = 1;
byte gen = 1;
byte walkers;
byte nr_waiting;
byte asleep; /* who is on the wait queue, a bit for each pid */
byte ranges_done;
byte readers_done;
byte counted; /* a bit for each range */
byte is_hit;  /* likewise */
byte rseq[NRANGES];

bool in_tree[NSUBS];
bool add[NSUBS];
bool del[NSUBS];
bool inserted[NSUBS];
bool reader_done[NSUBS];
bool freed[NSUBS];
byte sub_seq[NSUBS];
byte settle[NSUBS];
byte dev[NSUBS];

bool lock;
bool driver[NSUBS];

#if NSUBS == 1
#define DEFERRED (add[0] || del[0])
#define EMPTY	 (!in_tree[0])
#elif NSUBS == 2
#define DEFERRED (add[0] || del[0] || add[1] || del[1])
#define EMPTY	 (!in_tree[0] && !in_tree[1])
#else
#define DEFERRED (add[0] || del[0] || add[1] || del[1] || add[2] || del[2])
#define EMPTY	 (!in_tree[0] && !in_tree[1] && !in_tree[2])
#endif

#define BIT(r) (1 << (r))

inline take(l)
{
	atomic { !l -> l = true }
}

inline give(l)
{
	l = false
}

#define ME	 (1 << (_pid - 1))
#define PREPARE	 asleep = asleep | ME	       /* prepare_to_wait() */
#define FINISH	 asleep = asleep & (255 - ME)  /* finish_wait() */
#define WOKEN	 ((asleep & ME) == 0)	       /* schedule() returns */
#define WAKE_ALL asleep = 0		       /* wake_up_all() */

/* link_interval(): publish, then ask who is inside the gate */
inline link_interval(s)
{
	in_tree[s] = true;
#ifdef BUG_NO_SETTLE
	settle[s] = 0
#else
	settle[s] = counted
#endif
}

/* apply_deferred(), one entry after the other */
inline apply_deferred()
{
	k = 0;
	do
	:: k < NSUBS ->
		assert(!freed[k] || (!add[k] && !del[k]));
		if
		:: add[k] -> link_interval(k); add[k] = false
		:: del[k] ->
			del[k] = false; /* the state: OUT */
			assert(!freed[k]);
			in_tree[k] = false
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

/* end_walk() */
inline end_walk()
{
	atomic { !lock -> walkers--; lock = true };
	if
	:: walkers == 0 && DEFERRED ->
		apply_deferred();
		atomic { lock = false; WAKE_ALL }
	:: else -> give(lock)
	fi
}

/* close_hit() */
inline close_hit(r)
{
	atomic {
		!lock ->
		is_hit = is_hit & (255 - BIT(r));
		if
		:: nr_waiting > 0 -> WAKE_ALL
		:: else
		fi
	}
}

/* notifier_gate_leave(): a settled subscription is noticed by who looks */
inline leave(r)
{
	d_step {
		counted = counted & (255 - BIT(r));
		k = 0;
		do
		:: k < NSUBS ->
			if
			:: settle[k] != NEVER && (settle[k] & BIT(r)) ->
				settle[k] = settle[k] & (255 - BIT(r));
				if
				:: settle[k] == 0 -> WAKE_ALL
				:: else
				fi
			:: else
			fi;
			k++
		:: else -> break
		od;
		k = 0
	}
}

/* ops->invalidate(): driver lock, set_seq, drop the translation */
inline invalidate(s, number)
{
	atomic {
		assert(!freed[s]);
		!driver[s] ->
		sub_seq[s] = number;
		dev[s] = 0
	}
}

/* mmu_notifier_invalidate_range_start(), the change, and _end() */
proctype Range(byte r; bool may_sleep)
{
	byte i, k;
	bool hit, failed;

	/* notifier_gate_enter(), then look */
	counted = counted | BIT(r);
	if
	:: EMPTY -> goto plain
	:: else
	fi;
	atomic {
		!lock ->
		if
		:: may_sleep && DEFERRED && !EMPTY -> nr_waiting++
		:: else -> lock = true; goto open
		fi
	}
	/* yield_to_deferred() */
	do
	:: atomic { true -> PREPARE };
		atomic {
			!lock ->
			if
			:: !DEFERRED ->
				FINISH;
				nr_waiting--;
				lock = true;
				goto open
			:: else
			fi
		}
		WOKEN
	od;
open:	skip;
	/* open_hit(); the lock is held since the search */
	atomic {
		lock = false;
		if
		:: !EMPTY ->
			hit = true;
			seq = seq + 2;
			rseq[r] = seq;
			is_hit = is_hit | BIT(r);
			walkers++
		:: else
		fi
	}
	if
	:: !hit -> goto plain
	:: else
	fi;
	/* walk_intervals() */
	do
	:: i < NSUBS && in_tree[i] && !failed ->
		if
		:: may_sleep -> invalidate(i, rseq[r])
		:: !may_sleep ->
			atomic {
				assert(!freed[i]);
				if
				:: !driver[i] ->
					sub_seq[i] = rseq[r];
					dev[i] = 0
				:: driver[i] -> failed = true
				fi
			}
		fi;
		i++
	:: i < NSUBS && (!in_tree[i] || failed) -> i++
	:: i == NSUBS -> break
	od;
	i = 0;
	end_walk();
	if
	:: failed -> close_hit(r)
	:: else
	fi;
plain:
	if
	:: !failed && !may_sleep ->
		/* start_plain(): may refuse */
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
	:: failed -> leave(r) /* start_failed(): nothing changes, no end */
	:: else ->
		/* the PTE changes: nobody may still have the old frame */
		d_step {
			i = 0;
			do
			:: i < NSUBS -> assert(dev[i] == 0); i++
			:: else -> break
			od;
			i = 0;
			gen++
		}
		/* mmu_notifier_invalidate_range_end() */
		leave(r);
		if
		:: hit -> close_hit(r)
		:: else
		fi
	fi;
	ranges_done++
}

/* is_open(): a range that hit, not numbered after upto */
inline find_open(upto, answer)
{
	d_step {
		answer = false;
		k = 0;
		do
		:: k < NRANGES ->
			answer = answer ||
				 ((is_hit & BIT(k)) && rseq[k] <= upto);
			k++
		:: else -> break
		od;
		k = 0
	}
}

/* mmu_interval_read_begin() */
inline read_begin(s)
{
#ifdef BUG_END_ORDER
	slow = is_hit != 0 || settle[s] != 0;
	begun = sub_seq[s];
#else
	begun = sub_seq[s];
	/* open_hits is read before settle */
	slow = is_hit != 0;
	slow = slow || settle[s] != 0;
#endif
	if
	:: slow ->
		/* read_begin_slow() */
		atomic {
			!lock ->
			begun = sub_seq[s];
			upto = seq;
			find_open(upto, busy);
			if
			:: settle[s] != 0 || busy -> nr_waiting++
			:: else -> goto go
			fi
		}
		do
		:: atomic { true -> PREPARE };
			/* reader_may_go() */
			atomic {
				!lock ->
				find_open(upto, busy);
				if
				:: settle[s] == 0 && !busy -> FINISH; break
				:: else
				fi
			}
			WOKEN
		od;
		atomic {
			!lock ->
			nr_waiting--;
			upto = seq;
			find_open(upto, busy);
			if
			:: !busy -> begun = sub_seq[s]
			:: else
			fi
		}
	:: else
	fi;
go:
}

/* a device fault: begin, look the frame up, lock, retry, install */
proctype Reader(byte s)
{
	byte begun, pfn, upto, k;
	bool slow, busy;
#ifdef BUG_EARLY_RETRY
	bool stale;
#endif

	inserted[s];
again:
	read_begin(s)
	/* the page-table walk, with no lock of ours */
	pfn = gen;
#ifdef BUG_EARLY_RETRY
	stale = sub_seq[s] != begun;
	take(driver[s]);
	if
	:: stale ->
#else
	take(driver[s]);
	if
	:: sub_seq[s] != begun ->
#endif
		give(driver[s]);
		goto again
	:: else ->
		assert(pfn == gen);
		dev[s] = pfn;
		give(driver[s])
	fi;
	atomic {
		reader_done[s] = true;
		readers_done++
	}
}

/* mmu_interval_notifier_insert() beside open ranges */
proctype Inserter(byte s)
{
	atomic {
		!lock ->
		sub_seq[s] = seq;
		if
		:: walkers == 0 -> link_interval(s)
		:: else ->
			add[s] = true;
			settle[s] = NEVER
		fi;
		inserted[s] = true
	}
}

/* mmu_interval_notifier_remove(), and the driver frees the memory */
proctype Remover(byte s)
{
	/*
	 * A driver removes when no fault of its own is on the way, and drops
	 * its translations first: nobody tells it of changes afterwards.
	 */
	reader_done[s];
	atomic { !driver[s] -> dev[s] = 0 };
	atomic {
		!lock ->
		if
		:: walkers == 0 -> in_tree[s] = false; goto out
		:: walkers > 0 && add[s] ->
			/* a start may be giving way to a list now empty */
			add[s] = false;
			if
			:: nr_waiting > 0 -> WAKE_ALL
			:: else
			fi;
			goto out
		:: walkers > 0 && !add[s] -> del[s] = true
		fi
	}
	/* wait_until_out() */
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
	od;
out:
	freed[s] = true
}

/* __mmu_notifier_release(): RELEASE to every subscription in the tree */
proctype Exit()
{
	byte i, k;

	/* mm_users is zero: no change and no fault is on the way */
	ranges_done == NRANGES && readers_done == NSUBS;
	atomic {
		!lock ->
		if
		:: EMPTY -> goto gone
		:: else -> seq = seq + 2; walkers++
		fi
	}
	do
	:: i < NSUBS && in_tree[i] -> invalidate(i, seq); i++
	:: i < NSUBS && !in_tree[i] -> i++
	:: i == NSUBS -> break
	od;
	end_walk();
gone:
	skip
}

init {
	byte n;

	d_step {
		do
		:: n < LATE ->
			in_tree[n] = true;
			inserted[n] = true;
			sub_seq[n] = 1;
			n++
		:: else -> break
		od;
		n = 0
	}
	atomic {
		do
		:: n < NRANGES - 1 -> run Range(n, true); n++
		:: else -> break
		od;
		run Range(n, false);
		n = 0;
		do
		:: n < NSUBS -> run Reader(n); n++
		:: else -> break
		od;
		n = 0;
		run Inserter(LATE);
		run Remover(LATE);
		run Exit()
	}
	/* all have ended: the books balance */
	_nr_pr == 1;
	assert(walkers == 0 && is_hit == 0 && counted == 0);
	assert(nr_waiting == 0 && asleep == 0);
	assert(!in_tree[LATE] && !add[LATE] && !del[LATE]);
	n = 0;
	do
	:: n < LATE -> assert(dev[n] == 0); n++
	:: else -> break
	od
}
