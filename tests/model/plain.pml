/* SPDX-License-Identifier: MIT */
/*
 * plain.pml - plain subscribers: mm/notifier/plain.c, get.c, register.c, for spin
 *
 * Problem.  A subscriber that registers while ranges are open must be notified of
 * both the start and the end of a range or of neither.  While a range is open
 * that it is not notified of, it must install no translation of that range.  A
 * subscription that leaves must not be called again and is released once.  It is
 * freed by its driver, by the last put, or by the last walk that might see it.
 *
 * Idea.  Each access to the list that a walk can see is a step, and each
 * callback takes two: in between it sleeps.  Accesses that only the lock's holder
 * sees are done on the way.  An inline or a proctype has the name of the function
 * it stands for, or says it above.
 *
 *	variable	in the code			written under
 *	counted		threads in gate subs->ranges	atomic
 *	inside		threads in gate subs->calls	atomic
 *	freeing		threads in gate `freeing'	atomic
 *	newest, nxt[]	subs->newest, sub->next		lock, read inside;
 *							newest is 0? lockless
 *	prv[]		sub->prev			lock
 *	birth[]		sub->birth			lock, before linking
 *	live[], rel[]	PLAIN_LIVE, PLAIN_RELEASED	lock
 *	users[]		sub->users			atomic; up, and to 0: lock
 *	settles[]	the ranges that are asked for	lock
 *	waits[]		the walks that are asked for	lock
 *	deferred[]	its free waits for them		lock
 *	newest_birth	range->core.newest_birth	its range
 *	mmap_lock	mm->mmap_lock			itself
 *
 *	started[]	subscribers that a range has notified of its start only
 *	open[], late[]	what a driver keeps: open ranges, and how many have ended
 *	dev[]		the device's translation
 *	gen		which frame the PTE names
 *
 * Subscription 0 is NULL.  The three gates are modelled by what gate.pml
 * shows of them: a request is about the threads inside at that moment and is
 * over when the last of them has left.  The last to leave wakes the waiters
 * and runs the deferred work.
 *
 * Parts, each a search of its own:
 *	-DREGISTER	two ranges, the second may not sleep; subscription 1
 *			may refuse it, 2 is notified of all, 3 registers, has a
 *			device fault, and unregisters
 *	-DTEARDOWN	subscriptions 1 and 2 have a device fault each and
 *			unregister, concurrently with a range and exit
 *	-DGET		two drivers get the same ops, have a device fault, and
 *			put, concurrently with a range; then one synchronizes
 *
 * Order of memory, as on x86: a store may be overtaken by a later load of the
 * same CPU, unless an atomic or smp_mb() lies between.  Where the code needs
 * that barrier a seeded bug takes it away, by doing the load first.
 *
 * Checked: no access to a subscription that was freed; an end only after the
 * start, and after each start its end for each subscriber still there;
 * when the PTE changes, and when the pages go, no device has the frame; release
 * is called once, and is over when unregister returns and before exit goes on;
 * one subscription for each ops at a time; synchronize returns after all frees;
 * every process ends; all counts are zero then.
 *
 * Not here: intervals (collision_retry.pml), statistics, the rare callbacks,
 * which walk as start does and have no end; a put from inside a callback, whose own
 * walk then frees when it leaves; how the object of the mm is made (a range that
 * counts itself before SLOW is set is one that finds the list empty).
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_NO_ASK		registration does not wait for open ranges
 *	-DBUG_ASK_BARRIER	it reads the count before others can see it
 *	-DBUG_NEWER		an end is for all that are in the list by then
 *	-DBUG_FAIL_NO_END	a start that is refused leaves the others open
 *	-DBUG_NO_WAIT		unregister does not wait for walks
 *	-DBUG_OWN_LINK		a subscription that leaves forgets the next one
 *	-DBUG_CLAIM_FIRST	unregister claims the release and goes inside then
 *	-DBUG_HIDE_EARLY	it leaves the list while exit runs its release
 *	-DBUG_EXIT_NO_WAIT	exit does not wait for releases of others
 *	-DBUG_BOTH_RELEASE	exit calls a release that another has claimed
 *	-DBUG_NOT_SETTLED	a second get does not mind that the first waits
 *	-DBUG_PUT_UNLOCKED	the last user goes without the lock
 *	-DBUG_PUT_FREES		the last put ignores the walks inside
 *	-DBUG_PUT_BARRIER	it looks for walks inside before it is out of sight
 *	-DBUG_SYNC_NO_WAIT	synchronize does not wait
 */

#ifdef REGISTER
#define NSUBS	3
#define NRANGES 2
#define REFUSES(s) (s == 1)
#else
#define NSUBS	2
#define NRANGES 1
#define REFUSES(s) false
#endif
#define HEAD   255 /* prv[] of the newest: subs->newest itself */
#define BIT(n) (1 << (n))
#define ME     BIT(_pid - 1)

byte newest;
byte nxt[NSUBS + 1];
byte prv[NSUBS + 1];
byte birth[NSUBS + 1];
byte births;
bool live[NSUBS + 1];
bool rel[NSUBS + 1];
byte users[NSUBS + 1];
byte settles[NSUBS + 1];
byte waits[NSUBS + 1]; /* of 0: exit's */
bool deferred[NSUBS + 1];
byte counted, inside, freeing;
bool lock, mmap_lock;

byte started[NRANGES];
byte open[NSUBS + 1];
byte late[NSUBS + 1];
byte dev[NSUBS + 1];
byte gen = 1;
bool runs[NSUBS + 1];	 /* a release */
byte released[NSUBS + 1]; /* how often */
bool made[NSUBS + 1];
bool freed[NSUBS + 1];
byte mm_users, mm_count;
byte drivers_done;

/* spin_lock(), or mmap_write_lock() of mmap_lock */
inline take(l)
{
	atomic { !l -> l = true }
}

/* notifier_put_free(); after unregister, the driver that frees the memory */
inline free_sub(s)
{
	atomic {
		assert(made[s] && !freed[s] && !live[s]);
		freed[s] = true;
		mm_count--
	}
}

/* notifier_gate_leave() of subs->ranges */
inline leave_ranges(r)
{
	atomic {
		counted = counted & (255 - BIT(r));
		for (k : 1 .. NSUBS) {
			settles[k] = settles[k] & (255 - BIT(r))
		}
		k = 0
	}
}

/* notifier_gate_leave() of subs->calls, and the work deferred until then */
inline leave_calls()
{
	atomic {
		inside = inside & (255 - ME);
		for (k : 0 .. NSUBS) {
			if
			:: waits[k] & ME ->
				waits[k] = waits[k] & (255 - ME);
				if
				:: waits[k] == 0 && deferred[k] ->
					deferred[k] = false;
					ready = ready | BIT(k)
				:: else
				fi
			:: else
			fi
		}
		k = 0
	}
	/* run_deferred_free() */
	do
	:: ready != 0 ->
		atomic {
			do
			:: (ready & BIT(k)) == 0 -> k++
			:: else -> break
			od;
			free_sub(k)
		}
		atomic {
			freeing = freeing & (255 - BIT(k));
			ready = ready & (255 - BIT(k));
			k = 0
		}
	:: else -> break
	od
}

/* The lock is held. */
inline link_newest(s)
{
	atomic {
		births++;
		birth[s] = births;
		nxt[s] = newest;
		prv[newest] = s;
		prv[s] = HEAD;
		live[s] = true;
		newest = s
	}
}

/* notifier_plain_hide(). The lock is held. */
inline hide(s)
{
	atomic {
		if
		:: live[s] ->
			live[s] = false;
			prv[nxt[s]] = prv[s];
			if
			:: prv[s] == HEAD -> newest = nxt[s]
			:: else -> nxt[prv[s]] = nxt[s]
			fi;
#ifdef BUG_OWN_LINK
			nxt[s] = 0
#endif
		:: else
		fi
	}
}

/* Inside. The next step reads the link: the callback has slept by then. */
inline call_start(r, may_sleep)
{
	atomic {
		assert(!freed[p]);
		if
		:: REFUSES(p) && !may_sleep -> failed = true
		:: REFUSES(p)
		:: !REFUSES(p) ->
			assert((started[r] & BIT(p)) == 0);
			started[r] = started[r] | BIT(p);
			open[p]++;
			dev[p] = 0
		fi
	}
}

inline call_end(r)
{
	atomic {
		assert(!freed[p]);
		if
		:: !REFUSES(p) ->
			assert(started[r] & BIT(p));
			started[r] = started[r] & (255 - BIT(p));
			open[p]--;
			late[p]++
		:: else
		fi
	}
}

/* notifier_next(), inside */
inline next()
{
	atomic { assert(!freed[p]); p = nxt[p] }
}

/* notifier_plain_end(): nothing, if the start called nobody */
inline plain_end(r)
{
	if
	:: newest_birth != 0 ->
		inside = inside | ME;
		p = newest;
#ifndef BUG_NEWER
		do
		:: birth[p] > newest_birth -> next()
		:: else -> break
		od;
#endif
		do
		:: p != 0 -> call_end(r); next()
		:: else -> break
		od;
		leave_calls()
	:: else
	fi
}

/* mmu_notifier_invalidate_range_start(), the change, and _end() */
proctype Range(byte r; bool may_sleep)
{
	byte p, newest_birth, k, ready;
	bool failed;

	counted = counted | BIT(r);
	if
	:: newest != 0 ->
		/* notifier_plain_start() */
		inside = inside | ME;
		atomic { p = newest; newest_birth = birth[p] };
		do
		:: p != 0 -> call_start(r, may_sleep); next()
		:: else -> break
		od;
		leave_calls()
	:: else
	fi;
	if
	:: failed ->
		/* undo_start() */
#ifndef BUG_FAIL_NO_END
		plain_end(r);
#endif
		leave_ranges(r)
	:: else ->
		atomic {
			for (k : 1 .. NSUBS) {
				assert(dev[k] == 0)
			}
			k = 0;
			gen++
		}
		leave_ranges(r);
		plain_end(r)
	fi;
	atomic {
		for (k : 1 .. NSUBS) {
			assert(!live[k] || (started[r] & BIT(k)) == 0)
		}
		k = 0
	}
}

/* A driver's: it counts open ranges and those that have ended. */
inline device_fault(s)
{
	was = late[s];
	pfn = gen;
	/* the driver's lock */
	atomic {
		assert(!freed[s]);
		if
		:: open[s] == 0 && late[s] == was ->
			assert(pfn == gen);
			dev[s] = pfn
		:: else
		fi;
		was = 0;
		pfn = 0
	}
}

/* __mmu_notifier_register(), notifier_plain_join(); mmap_lock is held */
inline register(s)
{
	take(lock);
	atomic { made[s] = true; users[s] = 1; mm_count++ };
#ifdef BUG_ASK_BARRIER
	settles[s] = counted;
	link_newest(s);
#else
	link_newest(s);
#ifndef BUG_NO_ASK
	settles[s] = counted;
#endif
#endif
	lock = false;
	settles[s] == 0
}

/* The callback release, by its claimer; a driver drops all there. */
inline run_release(s)
{
	atomic { assert(!freed[s] && !runs[s]); runs[s] = true };
	atomic {
		assert(!freed[s]);
		dev[s] = 0;
		runs[s] = false;
		released[s]++
	}
}

inline claim_release(s)
{
	atomic {
		!lock ->
		elsewhere = elsewhere || (live[s] && rel[s]);
		mine = live[s] && !rel[s];
		rel[s] = rel[s] || mine
	}
}

inline wait_for_calls(w)
{
	atomic { !lock -> waits[w] = inside };
	waits[w] == 0
}

/* notifier_plain_leave(), and the driver frees the memory */
inline unregister(s)
{
#ifdef TEARDOWN
#ifdef BUG_CLAIM_FIRST
	claim_release(s);
	inside = inside | ME;
#else
	inside = inside | ME;
	claim_release(s);
#endif
	if
	:: mine -> run_release(s); mine = false
	:: else
	fi;
	leave_calls();
#ifndef BUG_HIDE_EARLY
	if
	:: elsewhere -> wait_for_calls(s)
	:: else
	fi;
#endif
#endif
	take(lock);
	hide(s);
	waits[s] = inside;
	lock = false;
#ifndef BUG_NO_WAIT
	waits[s] == 0;
#endif
	assert(!runs[s]);
	free_sub(s)
}

#ifdef REGISTER
proctype Comer()
{
	byte was, pfn;

	/* mmu_notifier_register() */
	take(mmap_lock);
	register(3);
	mmap_lock = false;
	device_fault(3);
	/* the driver drops what it has, and faults no more */
	dev[3] = 0;
	unregister(3)
}
#endif

#ifdef TEARDOWN
proctype Leaver(byte s)
{
	byte was, pfn, k, ready;
	bool mine, elsewhere;

	device_fault(s);
	mm_users--; /* mmput() */
	unregister(s);
	assert(released[s] == 1)
}

/* __mmu_notifier_release(), notifier_plain_release() */
proctype Exit()
{
	byte p, k, ready;
	bool mine, elsewhere;

	mm_users == 0;
	inside = inside | ME;
	p = newest;
	do
	:: p != 0 ->
		claim_release(p);
#ifdef BUG_BOTH_RELEASE
		mine = true;
#endif
		if
		:: mine -> run_release(p); mine = false
		:: else
		fi;
		next()
	:: else -> break
	od;
	leave_calls();
#ifndef BUG_EXIT_NO_WAIT
	if
	:: elsewhere -> wait_for_calls(0)
	:: else
	fi;
#endif
	take(lock);
	do
	:: newest != 0 -> hide(newest)
	:: else -> break
	od;
	lock = false;
	wait_for_calls(0);
	/* the pages go */
	atomic {
		for (k : 1 .. NSUBS) {
			assert(dev[k] == 0 && !runs[k] && released[k] == 1)
		}
		k = 0;
		gen++
	}
}
#endif

#ifdef GET
/* get_existing(), notifier_plain_get(): mine, or 0 */
inline get_existing()
{
	atomic {
		!lock ->
		if
#ifdef BUG_NOT_SETTLED
		:: newest != 0 ->
#else
		:: newest != 0 && settles[newest] == 0 ->
#endif
			mine = newest;
			assert(!freed[mine]);
			users[mine]++
		:: else
		fi
	}
}

/* mmu_notifier_get() and mmu_notifier_put() */
proctype Driver()
{
	byte was, pfn, mine;
	bool free_now;

	get_existing();
	if
	:: mine == 0 ->
		/* mmu_notifier_get_locked() */
		take(mmap_lock);
		get_existing();
		if
		:: mine == 0 ->
			/* ops->alloc_notifier() */
			atomic {
				assert(newest == 0);
				if
				:: !made[1] -> mine = 1
				:: else -> mine = 2
				fi;
				assert(!made[mine])
			}
			register(mine)
		:: else
		fi;
		mmap_lock = false
	:: else
	fi;
	device_fault(mine);
	/* the driver drops what it has, and faults no more */
	dev[mine] = 0;
	/* drop_user(), but for the last */
	atomic {
		assert(users[mine] > 0 && !freed[mine]);
		if
		:: users[mine] > 1 -> users[mine]--; goto put
		:: else
		fi
#ifdef BUG_PUT_UNLOCKED
		;
		users[mine]--
#endif
	}
	/* put_locked() */
	take(lock);
#ifndef BUG_PUT_UNLOCKED
	atomic {
		users[mine]--;
		if
		:: users[mine] > 0 -> lock = false; goto put
		:: else
		fi
	}
#endif
#ifdef BUG_PUT_BARRIER
	free_now = inside == 0;
	hide(mine);
#else
	hide(mine);
	free_now = inside == 0;
#endif
#ifdef BUG_PUT_FREES
	free_now = true;
#endif
	atomic {
		/* defer_free() */
		if
		:: !free_now && inside != 0 ->
			waits[mine] = inside;
			deferred[mine] = true;
			freeing = freeing | BIT(mine)
		:: !free_now && inside == 0 -> free_now = true
		:: else
		fi;
		lock = false
	}
	if
	:: free_now -> free_sub(mine)
	:: else
	fi;
put:
	drivers_done++
}

/* mmu_notifier_synchronize(), of a module that has put all it had */
proctype Unloader()
{
	byte asked, k;

	drivers_done == 2;
	asked = freeing;
#ifndef BUG_SYNC_NO_WAIT
	(freeing & asked) == 0;
#endif
	atomic {
		for (k : 1 .. NSUBS) {
			assert(!made[k] || freed[k])
		}
		k = 0
	}
}
#endif

init {
	byte n;

	atomic {
#ifndef GET
		/* in the list when all begins: 2 before 1 */
		for (n : 1 .. 2) {
			births++;
			birth[n] = births;
			nxt[n] = newest;
			prv[newest] = n;
			prv[n] = HEAD;
			newest = n;
			live[n] = true;
			made[n] = true;
			mm_count++
		}
		n = 0;
#endif
		run Range(0, true);
#ifdef REGISTER
		run Range(1, false);
		run Comer();
#endif
#ifdef TEARDOWN
		mm_users = 2;
		run Leaver(1);
		run Leaver(2);
		run Exit();
#endif
#ifdef GET
		run Driver();
		run Driver();
		run Unloader();
#endif
	}
	/* all have ended: the books balance */
	_nr_pr == 1;
	assert(inside == 0 && counted == 0 && freeing == 0 && !lock && !mmap_lock);
#ifdef REGISTER
	assert(mm_count == 2 && newest == 2)
#else
	assert(mm_count == 0 && newest == 0)
#endif
}
