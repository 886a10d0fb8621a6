/* SPDX-License-Identifier: MIT */
/*
 * rounds.pml - a driver's look-up is done in a bounded number of rounds, for spin
 *
 * Problem.  The protocol itself (collision_retry.pml) says what may be installed,
 * not that anything ever is.  A look-up that runs concurrently with changes may
 * begin again for ever, and so may one that changes the mapping itself.
 *
 * Idea.  One page of an address space, with the operations of mm/ that change its
 * entry, done without end by CPUs, and two drivers that look the page up without
 * end, each time for READ, WRITE or ATOMIC as spin likes.  No look-up may use up
 * its rounds.  Every transition that another CPU can see is a step; an inline has
 * the name of the function it stands for, or says it above.  They stand in
 * mm/notifier/rounds.c, mm/fault/ and mm/device/exclusive.c.
 *
 * Processes: NDEVICES devices, NCPUS threads of the address space, perhaps a walk.
 *
 *	-DNDEVICES=1 -DNCPUS=2	one and two instead of two and one
 *	-DIN_SECTION		the drivers fault in inside their read sections,
 *				against the contract: the bound must hold all
 *				the same
 *	-DWALK			beside them a walk of the reverse map unmaps the page,
 *				without end
 *
 *	variable	in the code			written under
 *	entry		the PTE				its table's lock
 *	readers, writer	mm->mmap_lock			-
 *	locked_by	the lock of the page that the	-
 *			entry names
 *	open		ranges that are open		-
 *	moved[]		sub->invalidate_seq is not what	driver lock
 *			read_begin() returned
 *	dev[]		the device's translation	driver lock
 *	found[]		the page that a thread holds:	-
 *			NONE, CURRENT while the entry
 *			names it, STALE
 *
 * A section under the table's lock is one step, and so is one under a driver's
 * lock.  A page that is thrown away takes its lock with it: a waiter for it has it
 * at once, and finds out that the page is stale.
 *
 * Left out: how many shared rounds there are (one stands for eight), more than
 * one page, killed readers, in which order mmap_lock is handed on: that a reader
 * has it in the end is the rwsem's promise.  A look-up inside the section waits for no
 * page: it finds the page locked by its own driver, or restored. So with IN_SECTION,
 * where a driver faults in inside, no device asks for exclusive access.
 *
 * Checked: a look-up is done within its rounds; what is installed is the
 * page that the entry names, with the right that the entry gives; when a page
 * changes no device has it; no two have it for atomics, and no CPU has it then; no
 * deadlock.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_DROP	mmap_lock is dropped between exclusive rounds (IN_SECTION)
 *	-DBUG_RESTORE	an exclusive entry is restored, inside the section, to be made
 *			exclusive again
 *	-DBUG_SHARED	exclusive rounds take mmap_lock for reading
 *	-DBUG_LATE	the section begins after the look-up
 *	-DBUG_SILENT	taking over starts no range
 *	-DBUG_NO_LOOK	the entry is exchanged without a second look
 *	-DBUG_HOLD	a restore waits for a page with mmap_lock held
 *	-DBUG_WALK	a walk of the reverse map starts its range without mmap_lock
 */

#ifndef NCPUS
#define NCPUS 1
#endif
#ifndef NDEVICES
#define NDEVICES 2
#endif

#define SHARED 1
#define ALL    3 /* rounds; the last two are exclusive */

/* entry */
#define EMPTY	  0
#define ZERO	  1 /* the zero page, read-only */
#define OWN	  2 /* a page of the mm's own, writable */
#define EXCLUSIVE 3

/* what is asked for, and dev[] */
#define READ   1
#define WRITE  2
#define ATOMIC 3

/* found[] */
#define NONE	0
#define CURRENT 1
#define STALE	2

#define LAST	(NDEVICES - 1)
#ifdef WALK
#define THREADS (NDEVICES + NCPUS + 1)
#else
#define THREADS (NDEVICES + NCPUS)
#endif
#define NOBODY	255
#define NOOWNER 255

byte entry;
byte readers;
byte open;
byte locked_by = NOBODY;
bool writer;
bool moved[NDEVICES];
byte dev[NDEVICES];
byte found[THREADS];

/* The entry comes to name another page, or none. */
inline new_page(to)
{
	d_step {
		assert(dev[0] == 0 && dev[LAST] == 0);
		for (k : 0 .. THREADS - 1) {
			if
			:: found[k] == CURRENT -> found[k] = STALE
			:: else
			fi
		}
		k = 0;
		locked_by = NOBODY;
		entry = to
	}
}

/* invalidate() of one driver */
inline callback(d, owner)
{
	d_step {
		if
		:: owner == d
		:: else -> moved[d] = true; dev[d] = 0
		fi
	}
}

/* A thread gets no entry that maps the page, if another has taken it out before. */
inline walk_unmaps()
{
	atomic {
		if
		:: found[me] == CURRENT -> new_page(EMPTY)
		:: else
		fi
	}
}

/* mmu_notifier_invalidate_range_start() */
inline start(owner)
{
	open++;
	callback(0, owner);
#if NDEVICES == 2
	callback(1, owner)
#endif
}

/* mmap_drop() and mmap_retake(); held: for writing */
inline mmap_drop()
{
	if
	:: held -> writer = false
	:: else -> readers--
	fi
}

inline mmap_retake()
{
	if
	:: held -> atomic { !writer && readers == 0 -> writer = true }
	:: else -> atomic { !writer -> readers++ }
	fi
}

/*
 * trylock_page(), and the wait without mmap_lock if another has it. The lock is kept
 * while mmap_lock is taken again.
 */
inline lock_page(me)
{
	if
	:: atomic {
		found[me] == CURRENT && (locked_by == NOBODY || locked_by == me) ->
		locked_by = me
	   }
	:: found[me] == STALE
	:: else ->
		mmap_drop();
		wait_for_page(me);
		mmap_retake()
	fi
}

inline wait_for_page(me)
{
	atomic {
		if
		:: found[me] == CURRENT && locked_by == NOBODY -> locked_by = me
		:: found[me] == STALE
		fi
	}
}

/* unlock_page() and put_page() */
inline let_go(me)
{
	d_step {
		if
		:: locked_by == me -> locked_by = NOBODY
		:: else
		fi;
		found[me] = NONE
	}
}

/* cow_copy(), of the zero page */
inline replace_zero_page()
{
	start(NOOWNER);
	atomic {
		if
		:: entry == ZERO -> new_page(OWN)
		:: else
		fi
	}
	open--
}

inline restore_device_exclusive(me)
{
	atomic {
		if
		:: entry == EXCLUSIVE -> found[me] = CURRENT
		:: else -> goto restored
		fi
	}
#ifdef BUG_HOLD
	wait_for_page(me);
#else
	lock_page(me);
#endif
	start(NOOWNER);
	atomic {
		if
		:: found[me] == CURRENT && entry == EXCLUSIVE ->
			assert(dev[0] != ATOMIC && dev[LAST] != ATOMIC);
			entry = OWN
		:: else
		fi
	}
	let_go(me);
	open--;
restored:
	skip
}

/*
 * get_user_pages_remote(), for access; take_over: an exclusive entry serves. The
 * touch of a CPU is the same, with nothing held in the end.
 */
inline gup(me, access, take_over)
{
	do
	:: atomic { entry == EMPTY ->
		if
		:: access == READ -> new_page(ZERO)
		:: else -> new_page(OWN)
		fi
	   }
	:: entry == ZERO && access != READ -> replace_zero_page()
	:: entry == EXCLUSIVE && !take_over -> restore_device_exclusive(me)
	:: atomic {
		(entry == ZERO && access == READ) || entry == OWN ||
		(entry == EXCLUSIVE && take_over) ->
		found[me] = CURRENT;
		break
	   }
	od
}

/* Until the entry names the page that is locked. */
inline lock_device_exclusive(me)
{
	do
	:: true ->
		gup(me, WRITE, true);
		lock_page(me);
		if
		:: atomic { found[me] == CURRENT && locked_by == me -> break }
		:: else -> let_go(me)
		fi
	od
}

/*
 * make_device_exclusive_locked(), or _range() where no page was locked. Sets had.
 */
inline make_device_exclusive(me)
{
#ifdef BUG_RESTORE
	gup(me, WRITE, false);
#else
	if
	:: found[me] == CURRENT
	:: else -> let_go(me); gup(me, WRITE, true)
	fi;
#endif
	lock_page(me);
#ifdef BUG_SILENT
	silent = entry == EXCLUSIVE;
	if
	:: silent
	:: else -> start(me)
	fi;
#else
	start(me);
#endif
	atomic {
		if
#ifdef BUG_NO_LOOK
		:: true ->
#else
		:: found[me] == CURRENT && (entry == OWN || entry == EXCLUSIVE) ->
#endif
			assert(found[me] == CURRENT);
			assert(LAST == 0 || dev[1 - me] == 0);
			entry = EXCLUSIVE;
			had = true
		:: else -> had = false; let_go(me)
		fi
	}
#ifdef BUG_SILENT
	if
	:: silent -> silent = false
	:: else -> open--
	fi
#else
	open--
#endif
}

/* mmu_interval_round_lock(), after which held says how */
inline round_lock()
{
	assert(nr < ALL); /* -EBUSY */
	if
	:: held -> skip
#ifndef BUG_SHARED
	:: !held && nr >= SHARED ->
		atomic { !writer && readers == 0 -> writer = true; held = true }
	:: !held && nr < SHARED ->
#else
	:: !held ->
#endif
		atomic { !writer -> readers++ }
	fi;
	nr++
}

/*
 * mmu_interval_round_begin(): no range is open, or one has begun since and its
 * callback came too early for the number that is returned.
 */
inline round_begin(me)
{
	atomic {
		if
		:: open == 0 -> moved[me] = false
		:: open > 0 -> moved[me] = true
		fi
	}
}

inline round_looked_up()
{
	if
	:: held
	:: else -> readers--
	fi
}

/* driver lock; mmu_interval_round_retry(); install; unlock */
inline install(me, access)
{
	atomic {
		if
		:: !had || moved[me] -> lost = true
		:: else ->
			assert(found[me] == CURRENT);
			assert(access != ATOMIC || entry == EXCLUSIVE);
			assert(access != WRITE || entry == OWN);
			assert(access != READ || entry == OWN || entry == ZERO);
			dev[me] = access;
			lost = false
		fi
	}
}

inline round_unlock()
{
#ifdef BUG_DROP
	if
	:: held -> atomic { held = false; writer = false }
#else
	if
	:: held && !(lost && nr < ALL) -> atomic { held = false; writer = false }
#endif
	:: else
	fi
}

inline look_up(me, access)
{
	if
	:: access == ATOMIC -> make_device_exclusive(me)
	:: else -> gup(me, access, false); had = true
	fi
}

proctype Device(byte me)
{
	byte access, nr, k;
	bool held, had, lost;
#ifdef BUG_SILENT
	bool silent;
#endif

	do
	:: true ->
		if
		:: access = READ
		:: access = WRITE
#ifndef IN_SECTION
		:: access = ATOMIC
#endif
		fi;
		do
		:: true ->
			round_lock();
#ifndef IN_SECTION
			if
			:: access == ATOMIC -> lock_device_exclusive(me)
			:: else -> gup(me, access, false); found[me] = NONE
			fi;
#endif
#ifdef BUG_LATE
			look_up(me, access);
			round_begin(me);
#else
			round_begin(me);
			look_up(me, access);
#endif
			round_looked_up();
			install(me, access);
			round_unlock();
			let_go(me);
			if
			:: lost -> lost = false
			:: else -> break
			fi
		od;
		atomic { nr = 0; access = 0; had = false }
	od
}

/* A CPU that throws the page away, reads it, or writes to it, without end. */
proctype Cpu(byte me)
{
	byte k;
	bool held;

	do
	:: true ->
		atomic { !writer -> readers++ };
		if
		:: /* madvise_dontneed() */
			start(NOOWNER);
			new_page(EMPTY);
			open--
		:: gup(me, READ, false)
		:: gup(me, WRITE, false)
		fi;
		atomic { found[me] = NONE; readers-- }
	od
}

/*
 * rmap_walk() whose visitor unmaps the page, which is locked: rmap_start_range(), or
 * nothing if mmap_lock is not free.
 */
proctype Walk(byte me)
{
	byte k;

	do
	:: atomic {
		entry != EMPTY && entry != ZERO && locked_by == NOBODY ->
		found[me] = CURRENT;
		locked_by = me
	   };
		if
#ifdef BUG_WALK
		:: true ->
			start(NOOWNER);
			walk_unmaps();
			open--
#else
		:: atomic { !writer -> readers++ };
			start(NOOWNER);
			walk_unmaps();
			open--;
			readers--
		:: writer
#endif
		fi;
		let_go(me)
	od
}

init {
	byte n;

	atomic {
		for (n : 0 .. NDEVICES - 1) {
			run Device(n)
		}
		for (n : 0 .. NCPUS - 1) {
			run Cpu(NDEVICES + n)
		}
#ifdef WALK
		run Walk(NDEVICES + NCPUS);
#endif
		n = 0
	}
}
